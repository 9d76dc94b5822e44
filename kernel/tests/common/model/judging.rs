//! The predicates of the model, one after the other, over a plain list of events.

use std::collections::{BTreeMap, BTreeSet};

use omega_kernel::body::Coverage;
use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::hash::{self, Hash};

use super::super::Ev;
use super::super::generate::LogPlan;
use super::{Frontier, Model};

/// Lamport, node, stream, the id's low 112 bits, the full id, the event hash.
pub(super) type OrderKey = (u64, u32, u16, u128, u128, Hash);

/// A distinct event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) header: EventHeader,
    pub(super) hash: Hash,
    /// The log of each occurrence, with what was observed where the payload does not fit.
    pub(super) held: Vec<(usize, Option<Observed>, bool)>,
}

/// Canonical order: K, full id, event hash.
pub(super) fn order(header: &EventHeader) -> OrderKey {
    let low = header.id & ((1 << 112) - 1);
    (header.lamport, header.node, header.stream, low, header.id, header.hash())
}

/// What was observed where a payload does not fit, and whether the payload can be judged.
pub(super) fn payload(event: &Ev) -> (Option<Observed>, bool) {
    let Some(bytes) = &event.payload else { return (event.observed, event.observed.is_some()) };
    let found = Observed { len: bytes.len() as u64, hash: hash::payload(bytes, event.salt.as_ref()) };
    let fits = found.len == event.header.payload_len && found.hash == event.header.payload_hash;
    ((!fits).then_some(found), true)
}

pub(super) struct Judging<'m> {
    pub(super) model: &'m Model,
    /// In canonical order.
    pub(super) events: Vec<Event>,
    pub(super) logs: usize,
    pub(super) coverage: BTreeMap<u16, Coverage>,
    /// (event, predicate) of every violation.
    pub(super) violations: Vec<(usize, u16)>,
    /// The same id's further offences against 3001, which is counted once an id.
    pub(super) further: Vec<(usize, u16)>,
}

impl<'m> Judging<'m> {
    pub(super) fn new(model: &'m Model, logs: &[LogPlan]) -> Self {
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

    pub(super) fn judge(&mut self) {
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

    pub(super) fn header(&self, event: usize) -> &'_ EventHeader {
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
