//! Entries: the header of every occurrence in a batch, in flat columns, and their canonical order.
//!
//! An entry holds what judging every event reads, and no more: engines copy up to 128 bytes without
//! calling their host, and a pass over a batch costs what its entries weigh. What runs and evidence
//! ask for beside it, deps, claims and observed payloads lie in columns of their own, in the order in
//! which events came, so that scanning allocates nothing per event.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::event::{EventHeader, Observed, leaf_hash, order_key};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::lanes::{self, Hashing};
use crate::limits;
use crate::piles;
use crate::slab::Slab;
use crate::wire::{EventView, PayloadRef};

const CLAIM: u16 = 1;
const ERASED: u16 = 2;
const MISMATCH: u16 = 4;

/// One occurrence of an event in one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Lamport time.
    pub lamport: u64,
    /// Id.
    pub id: u128,
    /// Id of the event before it in its stream, or 0.
    pub prev: u128,
    /// The event hash.
    pub event_hash: Hash,
    /// The writer.
    pub node: u32,
    /// One of the writer's sequences.
    pub stream: u16,
    /// Bit 0 it makes a claim, bit 1 its payload is erased, bit 2 its payload does not fit.
    pub flags: u16,
    /// Ids it depends on.
    pub dep_count: u32,
    /// Where they start in their column.
    pub dep_start: u32,
    /// Index of its [`Rest`].
    pub rest: u32,
    /// Index of its log, in the caller's order.
    pub log: u32,
}

/// What of an occurrence only runs, evidence and rare predicates ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// Hash of the payload, as stated.
    pub payload_hash: Hash,
    /// Bytes in the payload, as stated.
    pub payload_len: u32,
    /// Index of its claim, where it makes one.
    pub claim: u32,
    /// Index of what was observed, where its payload does not fit.
    pub observed: u32,
}

// An engine copies so much with a few instructions; beyond it calls its host.
const _: () = assert!(size_of::<Entry>() <= 128);

impl Entry {
    /// Whether it makes a claim.
    #[inline]
    pub fn has_claim(&self) -> bool {
        self.flags & CLAIM != 0
    }

    /// Whether its payload does not fit (2001).
    #[inline]
    pub fn is_mismatch(&self) -> bool {
        self.flags & MISMATCH != 0
    }

    /// Whether 2001 is judged: the payload is there, or the erasure kept what was observed.
    #[inline]
    pub fn payload_is_judged(&self) -> bool {
        self.flags & (ERASED | MISMATCH) != ERASED
    }

    /// The order key K, as [`order_key`] gives it.
    #[inline]
    pub fn key(&self) -> (u128, u128) {
        order_key(self.lamport, self.node, self.stream, self.id)
    }

    /// Canonical order of events: K, then the full id, then the event hash.
    #[inline]
    pub fn cmp_event(&self, other: &Entry) -> Ordering {
        self.key()
            .cmp(&other.key())
            .then_with(|| self.id.cmp(&other.id))
            .then_with(|| self.event_hash.cmp(&other.event_hash))
    }

    /// Whether a scanner can have made this entry, as far as its own fields tell.
    pub fn shape_is_possible(&self) -> bool {
        self.flags & !(CLAIM | ERASED | MISMATCH) == 0 && self.dep_count <= limits::MAX_DEPS
    }
}

/// Entries and the columns beside them.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    /// The occurrences.
    pub list: Slab<Entry>,
    /// What else is known of each, in the order in which they came.
    pub rest: Slab<Rest>,
    /// Deps of all of them.
    pub deps: Vec<u128>,
    /// Claims of those that make one.
    pub claims: Vec<Hash>,
    /// What was observed for those whose payload does not fit.
    pub observed: Vec<Observed>,
    /// Which cap was passed: from then on nothing is taken in, and there will be no verdict.
    full: Option<&'static str>,
}

impl Entries {
    /// Adds the occurrences that frames hold, at most [`lanes::GROUP`] at a time: hashes the events
    /// and judges their payloads. Past a cap nothing is taken in: see [`Entries::check_room`].
    pub fn push_views(&mut self, views: &[EventView<'_>], log: u32, scratch: &mut Vec<u8>) {
        if !self.has_room(views.len(), views.iter().map(|view| view.dep_count() as usize).sum()) {
            return;
        }
        let event_hashes = event_hashes(views, scratch);
        let payload_hashes = payload_hashes(views);
        for ((view, event_hash), payload_hash) in views.iter().zip(event_hashes).zip(payload_hashes) {
            let mut flags = 0;
            let (claim, observed) = (self.claims.len() as u32, self.observed.len() as u32);
            if let Some(hash) = view.claim {
                flags |= CLAIM;
                self.claims.push(*hash);
            }
            if view.is_erased() {
                flags |= ERASED;
            }
            if let Some(found) = mismatch(view, payload_hash) {
                flags |= MISMATCH;
                self.observed.push(found);
            }
            let dep_start = self.deps.len() as u32;
            self.deps.extend(view.dep_ids());
            // A decoded payload length is at most 1 MiB.
            let (payload_hash, payload_len) = (*view.payload_hash, view.payload_len as u32);
            let rest = self.rest.push(Rest { payload_hash, payload_len, claim, observed });
            self.list.push(Entry {
                lamport: view.lamport,
                id: view.id,
                prev: view.prev,
                event_hash,
                node: view.node,
                stream: view.stream,
                flags,
                dep_count: view.dep_count(),
                dep_start,
                rest,
                log,
            });
        }
    }

    /// Whether so many more fit a batch; where they do not, nothing is taken in from now on.
    pub(crate) fn has_room(&mut self, events: usize, deps: usize) -> bool {
        if self.list.len() as usize + events > limits::MAX_BATCH_EVENTS as usize {
            self.full
                .get_or_insert("a batch holds at most 4,194,304 events; judge the logs in several batches");
        }
        if self.deps.len() + deps > limits::MAX_BATCH_DEPS as usize {
            self.full
                .get_or_insert("a batch holds at most 33,554,432 deps; judge the logs in several batches");
        }
        self.full.is_none()
    }

    /// Whether all entries were taken in. Asked when all logs were read, so that the order in which
    /// they came does not show.
    ///
    /// # Errors
    /// [`FaultCode::LimitExceeded`], without log or offset.
    pub fn check_room(&self) -> Result<(), Fault> {
        self.full.map_or(Ok(()), |what| Err(Fault::new(FaultCode::LimitExceeded, what)))
    }

    /// The ids an entry depends on, ascending.
    #[inline]
    pub fn deps(&self, entry: &Entry) -> &[u128] {
        &self.deps[entry.dep_start as usize..][..entry.dep_count as usize]
    }

    /// Its payload as stated, and where its claim and what was observed are.
    #[inline]
    pub fn rest(&self, entry: &Entry) -> &Rest {
        self.rest.get(entry.rest)
    }

    /// The claim it makes.
    #[inline]
    pub fn claim(&self, entry: &Entry) -> Option<&Hash> {
        entry.has_claim().then(|| &self.claims[self.rest(entry).claim as usize])
    }

    /// What was observed where its payload does not fit.
    #[inline]
    pub fn observed(&self, entry: &Entry) -> Option<&Observed> {
        entry.is_mismatch().then(|| &self.observed[self.rest(entry).observed as usize])
    }

    /// Its Merkle leaf.
    #[inline]
    pub fn leaf(&self, entry: &Entry) -> Hash {
        leaf_hash(&entry.event_hash, self.observed(entry))
    }

    /// Its header, copied out.
    pub fn header(&self, entry: &Entry) -> EventHeader {
        let rest = self.rest(entry);
        EventHeader {
            lamport: entry.lamport,
            node: entry.node,
            stream: entry.stream,
            id: entry.id,
            prev: entry.prev,
            claim: self.claim(entry).copied(),
            payload_len: rest.payload_len.into(),
            payload_hash: rest.payload_hash,
            deps: self.deps(entry).to_vec(),
        }
    }

    /// Canonical order of occurrences: the events' order, then leaf kind (plain first), observed
    /// length and hash, and last the log, which no certified byte depends on.
    pub fn cmp(&self, a: &Entry, b: &Entry) -> Ordering {
        a.cmp_event(b).then_with(|| self.observed(a).cmp(&self.observed(b))).then_with(|| a.log.cmp(&b.log))
    }

    /// Whether the list is in canonical order.
    pub fn sorted(&self) -> bool {
        self.sorted_from(0)
    }

    /// Whether it is from a place on.
    pub fn sorted_from(&self, first: u32) -> bool {
        let entry = |index| self.list.get(index);
        (first + 1..self.list.len())
            .all(|index| self.cmp(entry(index - 1), entry(index)) != Ordering::Greater)
    }

    /// Indexes of all entries in canonical order.
    pub fn order(&self) -> Vec<u32> {
        let keys = (0..self.list.len()).map(|index| {
            let (high, low) = self.list.get(index).key();
            // The low 96 bits of the key leave room for the index, so a comparison of two numbers
            // sorts without touching the entries.
            (high, low << 32 | u128::from(index))
        });
        let keys = piles::sorted(keys);
        let mut order: Vec<u32> = keys.iter().map(|&(_, low)| low as u32).collect();
        // Entries with one key are rare: they are told apart by the rest of the order.
        let mut start = 0;
        for same in keys.chunk_by(|a, b| (a.0, a.1 >> 32) == (b.0, b.1 >> 32)) {
            let end = start + same.len();
            if same.len() > 1 {
                piles::sort_by(&mut order[start..end], &mut |a, b| {
                    self.cmp(self.list.get(a), self.list.get(b))
                });
            }
            start = end;
        }
        order
    }

    /// Puts the list into canonical order; the arenas stay as they are.
    pub fn sort(&mut self) {
        if self.sorted() {
            return;
        }
        let mut order = self.order();
        // In place, along each cycle of the permutation: a second list might not fit the memory.
        for start in 0..order.len() as u32 {
            let held = *self.list.get(start);
            let mut to = start;
            while order[to as usize] != start {
                let from = core::mem::replace(&mut order[to as usize], to);
                self.list.set(to, *self.list.get(from));
                to = from;
            }
            order[to as usize] = to;
            if to != start {
                self.list.set(to, held);
            }
        }
    }
}

/// The event hashes, side by side. `scratch` is reused from call to call.
fn event_hashes(views: &[EventView<'_>], scratch: &mut Vec<u8>) -> Vec<Hash> {
    scratch.clear();
    let mut ends = [0; lanes::GROUP];
    for (view, end) in views.iter().zip(&mut ends) {
        view.write_hashed(scratch);
        *end = scratch.len();
    }
    let mut messages = [&[][..]; lanes::GROUP];
    let mut start = 0;
    for (message, &end) in messages.iter_mut().zip(&ends[..views.len()]) {
        *message = &scratch[start..end];
        start = end;
    }
    lanes::hash_messages(Hashing::Keyed(&hash::EVENT), &messages[..views.len()])
}

/// The plain hash of each payload that is there and has no salt, side by side.
fn payload_hashes(views: &[EventView<'_>]) -> Vec<Hash> {
    let mut messages = [&[][..]; lanes::GROUP];
    for (message, view) in messages.iter_mut().zip(views) {
        if let PayloadRef::Present { bytes, salt: None } = view.payload() {
            *message = bytes;
        }
    }
    lanes::hash_messages(Hashing::Plain, &messages[..views.len()])
}

/// What the payload is where it does not fit the event; of an erased one, what its erasure kept.
#[inline]
fn mismatch(view: &EventView<'_>, plain: Hash) -> Option<Observed> {
    match view.payload() {
        PayloadRef::Present { bytes, salt } => {
            let hash = if salt.is_none() { plain } else { hash::payload(bytes, salt) };
            let fits = bytes.len() as u64 == view.payload_len && hash == *view.payload_hash;
            if fits { None } else { Some(Observed { len: bytes.len() as u64, hash }) }
        }
        // Decoding refuses what would fit.
        PayloadRef::Erased { observed } => observed,
    }
}
