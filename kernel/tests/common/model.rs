//! The reference: every predicate once more, written from the table of definitions
//! (`schemas/predicates.json`) and as naively as it can be said: lists, sets, every pair compared.
//!
//! It shares with the kernel what an event is and how it is hashed, and nothing else. It knows no
//! evidence; it says which verdict, anchor, coverage, roots and next state a batch must have.

use std::collections::{BTreeMap, BTreeSet};

use omega_kernel::body::{Coverage, LogEntry};
use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::hash::{self, Hash};

use super::Ev;
use super::generate::LogPlan;

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

/// A distinct event.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    header: EventHeader,
    hash: Hash,
    /// The log of each occurrence, with what was observed where the payload does not fit.
    held: Vec<(usize, Option<Observed>, bool)>,
}

/// Canonical order: K, full id, event hash.
fn order(header: &EventHeader) -> (u64, u32, u16, u128, u128, Hash) {
    let low = header.id & ((1 << 112) - 1);
    (header.lamport, header.node, header.stream, low, header.id, header.hash())
}

/// What was observed where a payload does not fit, and whether the payload can be judged.
fn payload(event: &Ev) -> (Option<Observed>, bool) {
    let Some(bytes) = &event.payload else { return (event.observed, event.observed.is_some()) };
    let found = Observed { len: bytes.len() as u64, hash: hash::payload(bytes, event.salt.as_ref()) };
    let fits = found.len == event.header.payload_len && found.hash == event.header.payload_hash;
    ((!fits).then_some(found), true)
}

struct Judging<'m> {
    model: &'m Model,
    /// In canonical order.
    events: Vec<Event>,
    logs: usize,
    coverage: BTreeMap<u16, Coverage>,
    /// (event, predicate) of every violation.
    violations: Vec<(usize, u16)>,
    /// The same id's further offences against 3001, which is counted once an id.
    further: Vec<(usize, u16)>,
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
            logs: log_entries(logs),
            trace: (trace.len() as u64, merkle_root(&trace)),
            batch_ids: batch_ids(&events),
            analytics: analytics(&events, &known),
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

    /// The state root, from the definition.
    pub fn root(&self) -> Hash {
        let ids: Vec<(u128, Hash)> = self
            .ids
            .iter()
            .map(|(id, (lamport, event))| {
                (*id, hash::STATE_ID.hash(&[&id.to_le_bytes()[..], &lamport.to_le_bytes(), event].concat()))
            })
            .collect();
        let frontiers: Vec<(u128, Hash)> = self
            .frontiers
            .iter()
            .map(|((node, stream), at)| {
                let leaf = [
                    &node.to_le_bytes()[..],
                    &stream.to_le_bytes(),
                    &at.lamport.to_le_bytes(),
                    &at.id.to_le_bytes(),
                    &at.event_hash,
                    &[u8::from(at.linked)],
                ];
                let key = u128::from(*node) << 96 | u128::from(*stream) << 80;
                (key, hash::STATE_FRONTIER.hash(&leaf.concat()))
            })
            .collect();
        let commitment = [
            &1u32.to_le_bytes()[..],
            &(ids.len() as u64).to_le_bytes(),
            &trie_root(&ids),
            &(frontiers.len() as u64).to_le_bytes(),
            &trie_root(&frontiers),
        ];
        hash::STATE_ROOT.hash(&commitment.concat())
    }
}

impl<'m> Judging<'m> {
    fn new(model: &'m Model, logs: &[LogPlan]) -> Self {
        let mut events: Vec<Event> = Vec::new();
        for (log, plan) in logs.iter().enumerate() {
            for event in &plan.events {
                let (observed, judged) = payload(event);
                let occurrence = (log, observed, judged);
                match events.iter_mut().find(|seen| seen.header == event.header) {
                    Some(seen) => seen.held.push(occurrence),
                    None => events.push(Event {
                        header: event.header.clone(),
                        hash: event.header.hash(),
                        held: vec![occurrence],
                    }),
                }
            }
        }
        events.sort_by_key(|event| order(&event.header));
        let coverage = [1001, 1002, 1003, 1004, 2001, 2002, 2003, 3001, 3002];
        let coverage = coverage.map(|predicate| (predicate, Coverage::default())).into();
        Judging { model, events, logs: logs.len(), coverage, violations: Vec::new(), further: Vec::new() }
    }

    fn judge(&mut self) {
        for event in 0..self.events.len() {
            self.judge_occurrences(event);
            self.judge_stream(event);
            self.judge_deps(event);
            self.judge_claim(event);
        }
        let ids: BTreeSet<u128> = self.events.iter().map(|event| event.header.id).collect();
        for id in ids {
            let versions: Vec<usize> =
                (0..self.events.len()).filter(|&event| self.events[event].header.id == id).collect();
            self.judge_unique(&versions);
            self.judge_agreement(id, &versions);
        }
    }

    fn count(&mut self, predicate: u16) -> &mut Coverage {
        self.coverage.get_mut(&predicate).expect("a predicate")
    }

    fn violated(&mut self, predicate: u16, event: usize) {
        self.count(predicate).violated += 1;
        self.violations.push((event, predicate));
    }

    fn header(&self, event: usize) -> &'_ EventHeader {
        &self.events[event].header
    }

    fn known(&self, event: usize) -> bool {
        self.model.knows(&self.events[event])
    }

    /// 1003 and 2001.
    fn judge_occurrences(&mut self, event: usize) {
        let header = self.header(event).clone();
        let inside = |id: &u128| *id > 0 && *id < 1 << 112;
        let in_domain = inside(&header.id) && header.deps.iter().all(inside) && header.prev < 1 << 112;
        for (_, observed, judged) in self.events[event].held.clone() {
            self.count(1003).judged += 1;
            if !in_domain {
                self.violated(1003, event);
            }
            match judged {
                true => self.count(2001).judged += 1,
                false => self.count(2001).skipped += 1,
            }
            if observed.is_some() {
                self.violated(2001, event);
            }
        }
    }

    fn frontier(&self, header: &EventHeader) -> Option<Frontier> {
        self.model.frontiers.get(&(header.node, header.stream)).copied()
    }

    fn above_frontier(&self, header: &EventHeader) -> bool {
        self.frontier(header).is_none_or(|frontier| header.lamport > frontier.lamport)
    }

    /// The batch's not-known events of an event's stream that are smaller than it.
    fn smaller_in_stream(&self, event: usize) -> Vec<usize> {
        let own = self.header(event);
        let same_stream = |header: &EventHeader| (header.node, header.stream) == (own.node, own.stream);
        (0..event).filter(|&other| same_stream(self.header(other)) && !self.known(other)).collect()
    }

    /// 1001 and 1004.
    fn judge_stream(&mut self, event: usize) {
        if self.known(event) {
            self.count(1001).known += 1;
            self.count(1004).known += 1;
            return;
        }
        let header = self.header(event).clone();
        if header.stream >= 0x8000 {
            self.count(1001).skipped += 1;
            self.count(1004).skipped += 1;
            return;
        }
        let smaller = self.smaller_in_stream(event);
        let above = self.above_frontier(&header);
        self.count(1001).judged += 1;
        if !above || smaller.iter().any(|&other| self.header(other).lamport >= header.lamport) {
            self.violated(1001, event);
        }

        let line: Vec<&EventHeader> =
            smaller.iter().map(|&other| self.header(other)).filter(|at| self.above_frontier(at)).collect();
        let frontier = self.frontier(&header);
        let versions = self.versions(header.prev);
        if !above || (header.prev != 0 && versions.len() > 1) {
            self.count(1004).skipped += 1;
            return;
        }
        let linked_before = frontier.is_some_and(|at| at.linked) || line.iter().any(|at| at.prev != 0);
        let next_smaller = line.last().map(|at| at.id).or(frontier.map(|at| at.id));
        let holds = match header.prev {
            0 => !linked_before,
            prev => !versions.is_empty() && next_smaller == Some(prev),
        };
        self.count(1004).judged += 1;
        if !holds {
            self.violated(1004, event);
        }
    }

    /// Hash and lamport of each version of an id, in batch and prior state.
    fn versions(&self, id: u128) -> BTreeMap<Hash, u64> {
        let in_batch = self.events.iter().filter(|event| event.header.id == id);
        let mut versions: BTreeMap<Hash, u64> =
            in_batch.map(|event| (event.hash, event.header.lamport)).collect();
        versions.extend(self.model.ids.get(&id).map(|(lamport, hash)| (*hash, *lamport)));
        versions
    }

    /// 2002 and 2003.
    fn judge_deps(&mut self, event: usize) {
        if self.known(event) {
            self.count(2002).known += 1;
            self.count(2003).known += 1;
            return;
        }
        let header = self.header(event).clone();
        self.count(2002).judged += 1;
        self.count(2003).judged += 1;
        if header.deps.iter().any(|&dep| self.versions(dep).is_empty()) {
            self.violated(2002, event);
        }
        if header.deps.iter().any(|&dep| self.versions(dep).values().any(|&at| at >= header.lamport)) {
            self.violated(2003, event);
        }
    }

    /// 3002.
    fn judge_claim(&mut self, event: usize) {
        let past = |header: &EventHeader| -> BTreeSet<u128> {
            header.deps.iter().copied().chain((header.prev != 0).then_some(header.prev)).collect()
        };
        let (own, known) = (self.header(event).clone(), self.known(event));
        let comparable = |other: &usize| {
            let header = self.header(*other);
            *other != event
                && own.claim.is_some()
                && header.claim.is_some()
                && !past(&own).is_empty()
                && past(header) == past(&own)
                && !(known && self.known(*other))
        };
        let others: Vec<usize> = (0..self.events.len()).filter(comparable).collect();
        if others.is_empty() {
            match known {
                true => self.count(3002).known += 1,
                false => self.count(3002).skipped += 1,
            }
            return;
        }
        self.count(3002).judged += 1;
        if others.iter().any(|&other| other < event && self.header(other).claim != own.claim) {
            self.violated(3002, event);
        }
    }

    /// 1002, for one id.
    fn judge_unique(&mut self, versions: &[usize]) {
        for log in 0..self.logs {
            let in_log = versions.iter().flat_map(|&event| {
                self.events[event].held.iter().filter(move |held| held.0 == log).map(move |_| event)
            });
            for (nth, event) in in_log.collect::<Vec<_>>().into_iter().enumerate() {
                self.count(1002).judged += 1;
                if nth > 0 {
                    self.violated(1002, event);
                }
            }
        }
    }

    /// 3001, for one id.
    fn judge_agreement(&mut self, id: u128, versions: &[usize]) {
        let logs_of =
            |event: usize| -> BTreeSet<usize> { self.events[event].held.iter().map(|held| held.0).collect() };
        let logs: BTreeSet<usize> = versions.iter().flat_map(|&event| logs_of(event)).collect();
        let prior = self.model.ids.get(&id).map(|(_, hash)| *hash);
        if logs.len() < 2 && prior.is_none() {
            self.count(3001).skipped += 1;
            return;
        }
        let mut anchors: BTreeSet<usize> = BTreeSet::new();
        for (nth, &event) in versions.iter().enumerate() {
            if prior.is_some_and(|prior| prior != self.events[event].hash) {
                anchors.insert(event);
            }
            for &smaller in &versions[..nth] {
                let (a, b) = (logs_of(smaller), logs_of(event));
                if a.iter().any(|a| b.iter().any(|b| a != b)) {
                    anchors.insert(event);
                }
            }
        }
        self.count(3001).judged += 1;
        if let Some(&first) = anchors.first() {
            self.violated(3001, first);
            self.further.extend(anchors.into_iter().map(|event| (event, 3001)));
        }
    }
}

fn log_entries(logs: &[LogPlan]) -> Vec<LogEntry> {
    let mut entries: Vec<LogEntry> = logs
        .iter()
        .map(|log| {
            let mut leaves: Vec<_> =
                log.events.iter().map(|event| (order(&event.header), payload(event).0)).collect();
            leaves.sort();
            let leaf = |(order, observed): &((u64, u32, u16, u128, u128, Hash), Option<Observed>)| {
                let mismatch = |at: &Observed| {
                    hash::MISMATCH.hash(&[&order.5[..], &at.len.to_le_bytes(), &at.hash].concat())
                };
                observed.as_ref().map_or(order.5, mismatch)
            };
            let leaves: Vec<Hash> = leaves.iter().map(leaf).collect();
            LogEntry { name: log.name.clone(), count: leaves.len() as u64, root: merkle_root(&leaves) }
        })
        .collect();
    entries.sort_by(|a, b| (a.name.as_bytes(), a.count, a.root).cmp(&(b.name.as_bytes(), b.count, b.root)));
    entries
}

fn batch_ids(events: &[Event]) -> (u64, Hash) {
    let mut ids: BTreeMap<u128, BTreeSet<Hash>> = BTreeMap::new();
    events.iter().for_each(|event| _ = ids.entry(event.header.id).or_default().insert(event.hash));
    let leaf = |(id, hashes): (&u128, &BTreeSet<Hash>)| {
        let mut leaf = [&id.to_le_bytes()[..], &(hashes.len() as u32).to_le_bytes()].concat();
        hashes.iter().for_each(|hash| leaf.extend_from_slice(hash));
        (*id, hash::BATCH_ID.hash(&leaf))
    };
    let leaves: Vec<(u128, Hash)> = ids.iter().map(leaf).collect();
    (leaves.len() as u64, trie_root(&leaves))
}

fn analytics(events: &[Event], known: &[bool]) -> Vec<i32> {
    let thousandths = |part: usize, whole: usize| (1000 * part).checked_div(whole).unwrap_or(0) as i32;
    let mut logs_of: BTreeMap<u128, BTreeSet<usize>> = BTreeMap::new();
    for event in events {
        logs_of.entry(event.header.id).or_default().extend(event.held.iter().map(|held| held.0));
    }
    let overlapping = logs_of.values().filter(|logs| logs.len() > 1).count();
    let writers: BTreeSet<u32> = events.iter().map(|event| event.header.node).collect();
    vec![
        thousandths(events.iter().map(|event| event.held.len()).sum(), events.len()),
        thousandths(overlapping, logs_of.len()),
        thousandths(known.iter().filter(|known| **known).count(), events.len()),
        thousandths(events.iter().map(|event| event.header.deps.len()).sum(), events.len()),
        thousandths(writers.len(), 1),
    ]
}

/// MTH of RFC 9162, 2.1.1.
fn merkle_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash::MERKLE_EMPTY.hash(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash::MERKLE_NODE.pair(&merkle_root(left), &merkle_root(right))
        }
    }
}

/// A trie's root: keys part at the first bit in which any differ.
fn trie_root(leaves: &[(u128, Hash)]) -> Hash {
    match leaves {
        [] => hash::TRIE_EMPTY.hash(b""),
        [(_, leaf)] => *leaf,
        _ => {
            let is_set = |key: u128, bit: u8| key >> (127 - bit) & 1 == 1;
            let differ =
                |bit: &u8| leaves.iter().any(|leaf| is_set(leaf.0, *bit) != is_set(leaves[0].0, *bit));
            let bit = (0..128).find(differ).expect("distinct keys");
            let (ones, zeros): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| is_set(leaf.0, bit));
            hash::trie_branch(bit, &trie_root(&zeros), &trie_root(&ones))
        }
    }
}
