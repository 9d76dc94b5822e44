//! Waiting until something is so that others bring about, without sleeping through it: whoever waits
//! listens first and looks then; whoever brings it about does that first and tells then.

use tokio::sync::watch;

/// Something whose changes can be waited for.
pub trait Changes {
    /// What listens.
    type Listening;
    /// Listens from now on.
    fn listen(&self) -> Self::Listening;
    /// Waits for a change since the last one that was heard; false when none can come any more.
    fn changed(listening: &mut Self::Listening) -> impl Future<Output = bool> + Send;
}

/// Waits until `is_so`; false where it is not and no change can come any more.
pub async fn until<C: Changes>(changes: &C, is_so: impl Fn() -> bool) -> bool {
    let mut listening = changes.listen();
    while !is_so() {
        if !C::changed(&mut listening).await {
            return false;
        }
    }
    true
}

impl<T: Send + Sync> Changes for watch::Sender<T> {
    type Listening = watch::Receiver<T>;

    fn listen(&self) -> watch::Receiver<T> {
        self.subscribe()
    }

    async fn changed(listening: &mut watch::Receiver<T>) -> bool {
        listening.changed().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::panic::catch_unwind;
    use std::task::{Poll, Waker};

    use shuttle::sync::{Arc, Mutex, RwLock};
    use shuttle::{future, thread};

    use super::*;

    /// As tokio's watch: a version, and who waits for another.
    #[derive(Clone, Default)]
    struct Watch(Arc<Mutex<(u64, Vec<Waker>)>>);

    impl Watch {
        fn tell(&self) {
            let wakers = {
                let mut now = self.0.lock().unwrap();
                now.0 += 1;
                std::mem::take(&mut now.1)
            };
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    impl Changes for Watch {
        type Listening = (Watch, u64);

        fn listen(&self) -> (Watch, u64) {
            (self.clone(), self.0.lock().unwrap().0)
        }

        async fn changed((watch, seen): &mut (Watch, u64)) -> bool {
            poll_fn(|context| {
                let mut now = watch.0.lock().unwrap();
                if now.0 != *seen {
                    *seen = now.0;
                    return Poll::Ready(true);
                }
                now.1.push(context.waker().clone());
                Poll::Pending
            })
            .await
        }
    }

    /// Two who wait, each for its own, and one who brings both about, telling after each.
    fn waiting(
        until: impl AsyncFn(&Watch, &dyn Fn() -> bool) -> bool + Clone + Send + 'static,
        tell_first: bool,
    ) {
        let (watch, settled) = (Watch::default(), Arc::new(RwLock::new([false; 2])));
        let waiters: Vec<_> = (0..2)
            .map(|me| {
                let (watch, settled, until) = (watch.clone(), Arc::clone(&settled), until.clone());
                thread::spawn(move || {
                    assert!(future::block_on(until(&watch, &|| settled.read().unwrap()[me])));
                })
            })
            .collect();
        for which in 0..2 {
            if tell_first {
                watch.tell();
            }
            settled.write().unwrap()[which] = true;
            if !tell_first {
                watch.tell();
            }
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }

    #[test]
    fn nobody_sleeps_through_what_is_waited_for() {
        shuttle::check_dfs(|| waiting(async |watch, is_so| until(watch, is_so).await, false), Some(20_000));
        shuttle::check_pct(|| waiting(async |watch, is_so| until(watch, is_so).await, false), 2000, 3);
    }

    #[test]
    fn looking_before_listening_is_found_to_sleep_for_ever() {
        let looks_first = async |watch: &Watch, is_so: &dyn Fn() -> bool| {
            while !is_so() {
                let mut listening = watch.listen();
                Watch::changed(&mut listening).await;
            }
            true
        };
        let found = catch_unwind(|| shuttle::check_random(move || waiting(looks_first, false), 2000));
        assert!(found.is_err(), "no schedule loses a wake-up");
    }

    #[test]
    fn telling_before_it_is_so_is_found_to_leave_somebody_asleep() {
        let real = async |watch: &Watch, is_so: &dyn Fn() -> bool| until(watch, is_so).await;
        let found = catch_unwind(|| shuttle::check_random(move || waiting(real, true), 2000));
        assert!(found.is_err(), "no schedule loses a wake-up");
    }
}
