//! The reference: every predicate once more, written from the table of definitions
//! (`schemas/predicates.json`) and as naively as it can be said: lists, sets, every pair compared.
//!
//! It shares with the kernel what an event is and how it is hashed, and nothing else. It knows no
//! evidence; it says which verdict, anchor, coverage, roots and next state a batch must have.

use std::collections::BTreeMap;

use omega_kernel::body::{Coverage, LogEntry};
use omega_kernel::event::EventHeader;
use omega_kernel::hash::Hash;

use super::generate::LogPlan;
use judging::{Event, Judging};

mod judging;
mod roots;

/// A state: accepted ids with lamport and event hash; per stream its greatest accepted event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// id → (lamport, event hash).
    pub ids: BTreeMap<u128, (u64, Hash)>,
    /// (node, stream) → its frontier.
    pub frontiers: BTreeMap<(u32, u16), Frontier>,
}

/// A stream's greatest accepted event, and whether any accepted one was linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frontier {
    pub lamport: u64,
    pub id: u128,
    pub event_hash: Hash,
    pub linked: bool,
}

/// What a batch must come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The obstruction's predicate and anchor; none where the batch merges.
    pub anchor: Option<(u16, EventHeader)>,
    /// Per predicate.
    pub coverage: BTreeMap<u16, Coverage>,
    /// Sorted.
    pub logs: Vec<LogEntry>,
    /// Count and root of the distinct not-known events.
    pub trace: (u64, Hash),
    /// Distinct ids and the root over them.
    pub batch_ids: (u64, Hash),
    /// The five figures.
    pub analytics: Vec<i32>,
}

impl Model {
    /// Judges a batch; a merge is taken in.
    pub fn judge(&mut self, logs: &[LogPlan]) -> Expected {
        let mut judging = Judging::new(self, logs);
        judging.judge();
        let known: Vec<bool> = judging.events.iter().map(|event| self.knows(event)).collect();
        let Judging { events, coverage, violations, .. } = judging;
        // At one anchor 1002, then 3001, then the smallest predicate.
        let precedence = |&(event, predicate): &(usize, u16)| match predicate {
            1002 => (event, 0),
            3001 => (event, 1),
            other => (event, other),
        };
        let first = violations.into_iter().min_by_key(precedence);
        let new: Vec<&Event> =
            events.iter().zip(&known).filter(|(_, known)| !**known).map(|(event, _)| event).collect();
        let trace: Vec<Hash> = new.iter().map(|event| event.hash).collect();
        let expected = Expected {
            anchor: first.map(|(event, predicate)| (predicate, events[event].header.clone())),
            coverage,
            logs: roots::log_entries(logs),
            trace: (trace.len() as u64, roots::merkle_root(&trace)),
            batch_ids: roots::batch_ids(&events),
            analytics: roots::analytics(&events, &known),
        };
        if expected.anchor.is_none() {
            new.into_iter().for_each(|event| self.accept(&event.header));
        }
        expected
    }

    /// Every violation of a batch as (predicate, anchor), each later version of 3001 included.
    pub fn violations(&self, logs: &[LogPlan]) -> Vec<(u16, EventHeader)> {
        let mut judging = Judging::new(self, logs);
        judging.judge();
        let found = judging.violations.iter().chain(&judging.further);
        found.map(|&(event, predicate)| (predicate, judging.header(event).clone())).collect()
    }

    fn knows(&self, event: &Event) -> bool {
        self.ids.get(&event.header.id).is_some_and(|(_, hash)| *hash == event.hash)
    }

    fn accept(&mut self, header: &EventHeader) {
        self.ids.insert(header.id, (header.lamport, header.hash()));
        let new = Frontier {
            lamport: header.lamport,
            id: header.id,
            event_hash: header.hash(),
            linked: header.prev != 0,
        };
        let at = self.frontiers.entry((header.node, header.stream)).or_insert(new);
        let linked = at.linked || new.linked;
        if (new.lamport, new.id) > (at.lamport, at.id) {
            *at = new;
        }
        at.linked = linked;
    }
}
