//! A batch laid out for judging: occurrences in canonical order, distinct events, distinct ids.
//!
//! Nothing here depends on the order in which logs or events arrived. After [`Batch::new`] an
//! entry's `log` is the log's *rank*, its place among the batch's logs sorted by name, count, root
//! and head; identical copies have neighbouring ranks.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::entry::{Entries, Entry};
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::ids::IdIndex;
use crate::merkle::Accumulator;
use crate::piles;
use crate::state::{IdLeaf, State};
use crate::streams::Streams;
use crate::wire::{self, Head};

/// A log whose entries are complete.
#[derive(Debug, Clone)]
pub struct ReadLog {
    /// Its name.
    pub name: String,
    /// Its schema.
    pub schema_hash: Hash,
    /// The head that is its last frame.
    pub head: Option<Head>,
}

/// A log with its rank's data.
#[derive(Debug, Clone)]
pub struct RankedLog {
    /// Its name.
    pub name: String,
    /// Its events.
    pub count: u64,
    /// Its canonical log root.
    pub root: Hash,
    /// The head that is its last frame.
    pub head: Option<Head>,
    /// Its index in the caller's order.
    pub caller: u32,
}

/// Index of a distinct event, in canonical order.
pub type EventAt = u32;

/// A batch laid out for judging against a prior state.
#[derive(Debug)]
pub struct Batch<'s> {
    /// Every occurrence, in canonical order; `log` is the rank.
    pub entries: Entries,
    /// The logs by rank.
    pub logs: Vec<RankedLog>,
    /// The state that the batch starts from.
    pub state: &'s State,
    /// Where in `entries` each distinct event's occurrences start; one more than there are events.
    /// Empty where every event occurs once: then event and place are one.
    starts: Vec<u32>,
    /// Distinct ids, and the events that have them.
    pub ids: IdIndex,
    /// Distinct streams, and the events that belong to each.
    pub(crate) streams: Streams,
    /// The prior state's leaf of each distinct id; empty where the state is.
    prior: Vec<Option<IdLeaf>>,
    known: u32,
}

impl<'s> Batch<'s> {
    /// Lays out the batch and checks each log's head.
    ///
    /// # Errors
    /// [`FaultCode::HeadMismatch`] for the first log, in the caller's order, whose head does not
    /// fit.
    pub fn new(mut entries: Entries, logs: Vec<ReadLog>, state: &'s State) -> Result<Self, Fault> {
        entries.sort();
        let (logs, renamed) = rank_logs(&mut entries, logs)?;
        let starts = distinct_starts(&entries);
        if renamed {
            settle_ties(&mut entries, &starts);
        }
        let (ids, streams) = (IdIndex::default(), Streams::default());
        let mut batch = Batch { entries, logs, state, starts, ids, streams, prior: Vec::new(), known: 0 };
        batch.ids = IdIndex::new(batch.events().map(|event| {
            let entry = batch.event(event);
            (entry.id, entry.lamport)
        }));
        batch.streams = Streams::new(batch.events().map(|event| {
            let entry = batch.event(event);
            (entry.node, entry.stream)
        }));
        if state.commitment().id_count > 0 {
            batch.prior = batch.ids.iter().map(|id| state.id(id)).collect();
            batch.known = batch.events().filter(|&event| batch.is_known(event)).count() as u32;
        }
        Ok(batch)
    }

    /// Distinct events in the batch.
    pub fn event_count(&self) -> u32 {
        self.starts.len().checked_sub(1).map_or(self.entries.list.len(), |count| count as u32)
    }

    /// All distinct events, in canonical order.
    pub fn events(&self) -> Range<EventAt> {
        0..self.event_count()
    }

    /// Whether no event occurs twice, in one log or in several.
    #[inline]
    pub fn has_one_occurrence_each(&self) -> bool {
        self.starts.is_empty()
    }

    /// An event, as its first occurrence.
    #[inline]
    pub fn event(&self, event: EventAt) -> &Entry {
        self.occurrence(self.occurrences(event).start)
    }

    /// The places of an event's occurrences, in canonical order.
    #[inline]
    pub fn occurrences(&self, event: EventAt) -> Range<u32> {
        match &self.starts[..] {
            [] => event..event + 1,
            starts => starts[event as usize]..starts[event as usize + 1],
        }
    }

    /// The occurrence at a place in canonical order.
    #[inline]
    pub fn occurrence(&self, place: u32) -> &Entry {
        self.entries.list.get(place)
    }

    /// The prior state's leaf of the distinct id at `index`.
    #[inline]
    pub fn prior_of(&self, index: u32) -> Option<&IdLeaf> {
        self.prior.get(index as usize).and_then(Option::as_ref)
    }

    /// Whether the prior state is empty.
    #[inline]
    pub fn starts_from_nothing(&self) -> bool {
        self.prior.is_empty()
    }

    /// The prior state's leaf of any id.
    #[inline]
    pub fn prior(&self, id: u128) -> Option<IdLeaf> {
        self.state.id(id)
    }

    /// Whether the prior state holds the event's id with the same event hash.
    #[inline]
    pub fn is_known(&self, event: EventAt) -> bool {
        !self.prior.is_empty()
            && self
                .prior_of(self.ids.of_event(event))
                .is_some_and(|leaf| leaf.event_hash == self.event(event).event_hash)
    }

    /// How many events are known.
    pub fn known_count(&self) -> u32 {
        self.known
    }

    /// The log's entries' places in canonical order, as Merkle leaves.
    pub fn leaves(&self, rank: u32) -> Vec<Hash> {
        let in_log = self.entries.list.iter().filter(|entry| entry.log == rank);
        in_log.map(|entry| self.entries.leaf(entry)).collect()
    }

    /// The index of the occurrence at `place` among its log's leaves.
    pub fn leaf_index(&self, place: u32) -> u64 {
        let rank = self.occurrence(place).log;
        (0..place).filter(|&before| self.occurrence(before).log == rank).count() as u64
    }
}

/// Computes the logs' roots, checks their heads, and ranks them; entries then name ranks. Says whether
/// any entry's log is now named otherwise.
fn rank_logs(entries: &mut Entries, logs: Vec<ReadLog>) -> Result<(Vec<RankedLog>, bool), Fault> {
    let mut roots: Vec<Accumulator> = logs.iter().map(|_| Accumulator::new()).collect();
    for entry in entries.list.iter() {
        roots[entry.log as usize].push(entries.leaf(entry));
    }
    let mut ranked = Vec::with_capacity(logs.len());
    for (caller, (log, root)) in (0u32..).zip(logs.into_iter().zip(roots)) {
        let (count, root) = (root.count(), root.root());
        if let Some(head) = &log.head {
            check_head(head, &log, count, &root).map_err(|fault| fault.in_log(caller))?;
        }
        ranked.push(RankedLog { name: log.name, count, root, head: log.head, caller });
    }
    let ranked = piles::sorted_by(&ranked, |a, b| {
        let key = |log: &RankedLog| (log.count, log.root, log.head.map(|head| (head.key, head.signature)));
        a.name.as_bytes().cmp(b.name.as_bytes()).then_with(|| key(a).cmp(&key(b)))
    });
    let mut rank_of = alloc::vec![0u32; ranked.len()];
    for (rank, log) in (0u32..).zip(&ranked) {
        rank_of[log.caller as usize] = rank;
    }
    let renamed = !rank_of.is_sorted();
    if renamed {
        entries.list.iter_mut().for_each(|entry| entry.log = rank_of[entry.log as usize]);
    }
    Ok((ranked, renamed))
}

fn check_head(head: &Head, log: &ReadLog, count: u64, root: &Hash) -> Result<(), Fault> {
    let wrong = |why: String| Err(Fault::new(FaultCode::HeadMismatch, why));
    if head.event_count != count {
        return wrong(alloc::format!(
            "the head signs {} events, but the log holds {count}",
            head.event_count
        ));
    }
    if head.log_root != *root {
        return wrong("the head signs another log root than these events have".into());
    }
    if !head.verify(&log.schema_hash, &log.name) {
        return wrong("the head's signature is invalid for this log's name, schema and events".into());
    }
    debug_assert_eq!(wire::ALGORITHM_ED25519, 1);
    Ok(())
}

/// Where the distinct events start, and the end; nothing where each entry is one.
fn distinct_starts(entries: &Entries) -> Vec<u32> {
    let list = &entries.list;
    if list.all_pairs(|a, b| a.event_hash != b.event_hash) {
        return Vec::new();
    }
    let differs = |&place: &u32| list.get(place - 1).event_hash != list.get(place).event_hash;
    [0].into_iter().chain((1..list.len()).filter(differs)).chain([list.len()]).collect()
}

/// Puts occurrences that differ only in their log into the order of the logs' ranks.
fn settle_ties(entries: &mut Entries, starts: &[u32]) {
    for occurrences in starts.windows(2).filter(|pair| pair[1] - pair[0] > 1) {
        let places = occurrences[0]..occurrences[1];
        let held: Vec<Entry> = places.clone().map(|place| *entries.list.get(place)).collect();
        let settled = piles::sorted_by(&held, |a, b| {
            entries.observed(a).cmp(&entries.observed(b)).then(a.log.cmp(&b.log))
        });
        places.zip(settled).for_each(|(place, entry)| entries.list.set(place, entry));
    }
}
