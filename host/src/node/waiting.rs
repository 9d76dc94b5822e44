//! What waits to be judged: batches that are full, one that is being gathered, and the dependencies of
//! its events that nobody has sent yet.

use std::collections::{HashSet, VecDeque};

use super::batch::{Batch, Gathering};
use super::segments::{Part, Source};
use crate::failure::Failure;

/// Events after which a batch is full. It is judged in one go, and others wait for it.
const MOST_EVENTS: u64 = 65_536;
/// Bytes, likewise.
const MOST_BYTES: u64 = 32 << 20;
/// Dependencies, likewise: half of what a kernel takes.
const MOST_DEPS: u64 = 1 << 24;
/// Logs, likewise: a quarter of what a kernel takes.
const MOST_LOGS: usize = 1024;
/// Full batches that wait at most: what is taken in while the checker does something else. They take
/// 128 MiB then.
const MOST_BATCHES: usize = 4;
/// Dependencies that are waited for at once, at most.
const MOST_MISSING: usize = 65_536;

/// Batches on their way to the checker. A batch passes its limits by one submission at most, and stays
/// within a kernel's.
#[derive(Debug, Default)]
pub struct Waiting {
    full: VecDeque<Gathering>,
    last: Gathering,
    missing: HashSet<u128>,
}

impl Waiting {
    /// Takes frames of a source; `part` is where they are, `deps` how many dependencies they have.
    ///
    /// # Errors
    /// None for a source that has a segment.
    pub fn push(&mut self, source: &Source, part: Part, frames: &[u8], deps: u64) -> Result<(), Failure> {
        self.last.push(source, part, frames, deps)?;
        let last = &self.last;
        if last.events >= MOST_EVENTS
            || last.bytes >= MOST_BYTES
            || last.deps >= MOST_DEPS
            || last.log_count() >= MOST_LOGS
        {
            self.full.push_back(std::mem::take(&mut self.last));
        }
        Ok(())
    }

    /// An event has come.
    pub fn came(&mut self, id: u128) {
        if !self.missing.is_empty() {
            self.missing.remove(&id);
        }
    }

    /// An event that waits depends on one that has not come.
    pub fn misses(&mut self, id: u128) {
        if self.missing.len() < MOST_MISSING {
            self.missing.insert(id);
        }
    }

    /// Whether a dependency has not come.
    pub fn misses_any(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.last.is_empty()
    }

    /// Events that wait.
    pub fn events(&self) -> u64 {
        self.full.iter().chain([&self.last]).map(|batch| batch.events).sum()
    }

    /// The logs of all that waits: header and frames.
    pub fn logs(&self) -> impl Iterator<Item = (&Source, &[u8])> {
        self.full.iter().chain([&self.last]).flat_map(Gathering::logs)
    }

    /// Whether a batch waits that takes no more.
    pub fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// Whether no more may be taken before a batch is judged.
    pub fn is_full(&self) -> bool {
        self.full.len() >= MOST_BATCHES
    }

    /// The batch that comes next.
    pub fn take(&mut self) -> Batch {
        if let Some(mut full) = self.full.pop_front() {
            return full.take();
        }
        self.missing.clear();
        self.last.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(waiting: &mut Waiting, from: u64, events: u64) {
        let part = Part { segment: 1, from, to: from + 8, events };
        waiting.push(&"a".into(), part, &[0; 8], 0).unwrap();
    }

    #[test]
    fn batches_are_closed_when_they_are_full_and_come_in_order() {
        let mut waiting = Waiting::default();
        for number in 0..MOST_BATCHES as u64 {
            assert!(!waiting.is_full());
            push(&mut waiting, 16 * number, MOST_EVENTS - 1);
            push(&mut waiting, 16 * number + 8, 1 + number);
        }
        assert!(waiting.is_full() && waiting.has_full());
        push(&mut waiting, 900, 7);
        assert_eq!(waiting.events(), MOST_BATCHES as u64 * MOST_EVENTS + 6 + 7);
        let taken: Vec<u64> = (0..=MOST_BATCHES).map(|_| waiting.take().events).collect();
        let wanted = (0..MOST_BATCHES as u64).map(|more| MOST_EVENTS + more).chain([7]);
        assert_eq!(taken, wanted.collect::<Vec<_>>());
        assert!(waiting.is_empty() && !waiting.is_full());
    }

    #[test]
    fn what_is_missing_is_so_until_it_comes_or_is_judged_without() {
        let mut waiting = Waiting::default();
        push(&mut waiting, 0, 1);
        waiting.misses(5);
        waiting.misses(6);
        waiting.came(5);
        assert!(waiting.misses_any());
        waiting.came(6);
        assert!(!waiting.misses_any());
        waiting.misses(7);
        waiting.take();
        assert!(!waiting.misses_any());
    }
}
