//! The machine that is measured on: its processor, how busy it is, and a process's peak memory.

use std::fs;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// Where figures were taken.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub model: Option<String>,
    /// Processors that this process may use.
    pub processors: u32,
    /// The one that everything is measured on.
    pub processor: Option<usize>,
    /// Tasks that wanted to run in the minute before, on average: above 0 something else ran too.
    pub load_before: Option<f64>,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let allowed = sched_getaffinity(None).ok();
        Machine {
            model: processor_model(),
            processors: allowed.as_ref().map_or(1, CpuSet::count),
            // The last one: interrupts tend to be served by the first.
            processor: allowed.and_then(|set| (0..CpuSet::MAX_CPU).rev().find(|&cpu| set.is_set(cpu))),
            load_before: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|line| line.split_whitespace().next()?.parse().ok()),
        }
    }
}

/// Binds this process, and every thread that it starts from now on, to one processor.
pub fn pin(processor: usize) -> bool {
    if processor >= CpuSet::MAX_CPU {
        return false;
    }
    let mut one = CpuSet::new();
    one.set(processor);
    sched_setaffinity(None, &one).is_ok()
}

/// How long something took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Span {
    /// By the clock.
    pub seconds: f64,
    /// Of them, while others had the processor; where the system tells.
    pub waited: Option<f64>,
}

/// A clock that runs.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    waited: Option<u64>,
}

impl Watch {
    /// Starts it.
    pub fn start() -> Self {
        Watch { waited: waited_nanoseconds(), begun: Instant::now() }
    }

    /// What it shows.
    pub fn read(&self) -> Span {
        let seconds = self.begun.elapsed().as_secs_f64();
        let waited = waited_nanoseconds().zip(self.waited).map(|(now, then)| (now - then) as f64 / 1e9);
        Span { seconds, waited }
    }
}

/// How long this thread was ready to run and did not (the second number of proc_pid_schedstat).
fn waited_nanoseconds() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// Starts counting peak memory anew; false where the system does not let us, and the peak is that
/// of the whole process.
pub fn reset_peak() -> bool {
    // 5: forget the high-water mark (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most memory that was resident at once, mapped files included, in bytes.
pub fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

fn processor_model() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_memory_that_is_used() {
        // Held while the peak is read: other tests may reset it at any time.
        let held = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_bytes().unwrap() >= 60 << 20);
        drop(held);
    }

    #[test]
    fn a_watch_runs_and_never_waits_longer_than_it_runs() {
        let watch = Watch::start();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let span = watch.read();
        assert!(span.seconds >= 0.02);
        assert!(span.waited.is_none_or(|waited| (0.0..=span.seconds).contains(&waited)), "{span:?}");
    }

    #[test]
    fn a_thread_is_pinned_to_the_processor_that_was_chosen() {
        let chosen = Machine::here().processor.unwrap();
        // In a thread of its own: the other tests go on where they like.
        std::thread::spawn(move || {
            assert!(pin(chosen));
            let now = sched_getaffinity(None).unwrap();
            assert!(now.is_set(chosen) && now.count() == 1);
            assert!(!pin(usize::MAX));
        })
        .join()
        .unwrap();
    }
}
