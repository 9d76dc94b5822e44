//! Pace: when what waits is judged. What time it is comes from outside: the sequencer has a clock, and a
//! model checker says it.

use std::time::Duration;

use super::waiting::Waiting;

/// When what waits is judged.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How long the oldest event waits for more to come.
    flush: Duration,
    /// How long it waits where a dependency has not come.
    hold: Duration,
    /// Events that are judged without waiting for more.
    batch_size: u64,
    /// Since when something waits; none where it is due whatever the time.
    oldest: Option<Duration>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next batch is due.
    Judge,
    /// It is due then, if nothing comes before.
    Wait(Duration),
    /// Nothing waits.
    Idle,
}

impl Pace {
    /// Nothing waits yet.
    pub fn new(flush: Duration, hold: Duration, batch_size: u64) -> Self {
        Pace { flush, hold, batch_size, oldest: None }
    }

    /// Something may have come.
    pub fn came(&mut self, waiting: &Waiting, now: Duration) {
        if !waiting.is_empty() {
            self.oldest.get_or_insert(now);
        }
    }

    /// A batch was handed on. What is left behind a full one has waited, too: it is due, unless a dependency
    /// has not come.
    pub fn handed_on(&mut self, left: &Waiting, now: Duration) {
        self.oldest = left.misses_any().then_some(now);
    }

    /// What is to be done at this time. Where no more can come (`open` is false), nothing is waited for.
    pub fn next(&self, waiting: &Waiting, now: Duration, open: bool) -> Next {
        if waiting.is_empty() {
            return Next::Idle;
        }
        let misses = waiting.misses_any();
        if !open || waiting.has_full() || (!misses && waiting.events() >= self.batch_size) {
            return Next::Judge;
        }
        // What another writer is about to send is waited for; without it there is a conflict.
        let patience = if misses { self.flush.max(self.hold) } else { self.flush };
        match self.oldest.map(|oldest| oldest.saturating_add(patience)) {
            Some(due) if due > now => Next::Wait(due),
            _ => Next::Judge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments::Part;
    use super::*;

    const FLUSH: Duration = Duration::from_millis(100);
    const HOLD: Duration = Duration::from_millis(1000);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn waiting(events: u64) -> Waiting {
        let mut waiting = Waiting::default();
        let part = Part { segment: 1, from: 0, to: 8, events };
        waiting.push(&"a".into(), part, &[0; 8], 0).unwrap();
        waiting
    }

    #[test]
    fn the_oldest_says_when_a_batch_is_due() {
        let mut pace = Pace::new(FLUSH, HOLD, 50);
        pace.came(&Waiting::default(), at(3));
        assert_eq!(pace.next(&Waiting::default(), at(5), true), Next::Idle);
        let some = waiting(1);
        pace.came(&some, at(7));
        pace.came(&some, at(90));
        assert_eq!(pace.next(&some, at(106), true), Next::Wait(at(107)));
        assert_eq!(pace.next(&some, at(107), true), Next::Judge);
        assert_eq!(pace.next(&some, at(8), false), Next::Judge);
        assert_eq!(pace.next(&waiting(50), at(8), true), Next::Judge);
        pace.handed_on(&Waiting::default(), at(150));
        pace.came(&some, at(200));
        assert_eq!(pace.next(&some, at(201), true), Next::Wait(at(300)));
    }

    #[test]
    fn a_dependency_on_its_way_is_waited_for_longer() {
        let mut pace = Pace::new(FLUSH, HOLD, 1);
        let mut some = waiting(20);
        some.misses(9);
        pace.came(&some, at(0));
        assert_eq!(pace.next(&some, at(500), true), Next::Wait(HOLD));
        assert_eq!(pace.next(&some, at(500), false), Next::Judge);
        assert_eq!(pace.next(&some, HOLD, true), Next::Judge);
        some.came(9);
        assert_eq!(pace.next(&some, at(500), true), Next::Judge);
        // A full batch does not wait. What is left behind it does, from then on.
        let mut full = waiting(1 << 16);
        full.misses(9);
        assert_eq!(pace.next(&full, at(500), true), Next::Judge);
        let mut left = waiting(1);
        pace.handed_on(&left, at(500));
        assert_eq!(pace.next(&left, at(500), true), Next::Judge);
        left.misses(9);
        pace.handed_on(&left, at(500));
        assert_eq!(pace.next(&left, at(1499), true), Next::Wait(at(1500)));
        // Never less than what waits for nothing.
        let mut none = Pace::new(FLUSH, Duration::ZERO, 1000);
        some.misses(9);
        none.came(&some, at(0));
        assert_eq!(none.next(&some, at(1), true), Next::Wait(FLUSH));
    }
}
