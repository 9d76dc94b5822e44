//! Fold: the entries of a batch become a verdict and what the state takes in.
//!
//! Sequential and pure: entries and prior state in, bytes out. It knows no frame, no chunk and no
//! schedule.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::iter;

use crate::batch::{Batch, EventAt, ReadLog};
use crate::body::{
    Body, Core, Coverage, HEAD_ALGORITHM, HeadEntry, LogEntry, Observations, PAYLOAD_PREDICATE, PREDICATES,
    VerdictKind, core_slot, ratio,
};
use crate::entry::{Entries, Entry};
use crate::evidence;
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::judge;
use crate::lanes;
use crate::limits;
use crate::merkle::Accumulator;
use crate::piles;
use crate::state::{FrontierLeaf, IdLeaf, State};
use crate::trie::{Leaf, RootBuilder};

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Merge or obstruction.
    pub kind: VerdictKind,
    /// The body: `core_len ‖ core ‖ observations_len ‖ observations`.
    pub body: Vec<u8>,
    /// Each log's place among the core's logs, in the caller's order.
    pub ranks: Vec<u32>,
}

/// Judges the batch; on a merge the state takes it in, on an obstruction it stays as it was.
///
/// # Errors
/// [`FaultCode::HeadMismatch`], [`FaultCode::LimitExceeded`]. The state then stays as it was.
pub fn fold(entries: Entries, logs: Vec<ReadLog>, state: &mut State) -> Result<Verdict, Fault> {
    let prior = state.commitment();
    let batch = Batch::new(entries, logs, state)?;
    check_versions(&batch)?;
    let findings = judge::judge(&batch);
    let (core_coverage, payload) = split_coverage(&findings.coverage);
    let (trace_count, trace_root) = trace(&batch);
    let observations = Observations { payload, heads: heads(&batch), analytics: analytics(&batch) };
    let evidence = findings.first.map(|violation| evidence::build(&batch, &violation).encode());
    let first_versions = first_versions(&batch);
    let batch_id_root = batch_id_root(&batch, &first_versions);
    let accepted =
        evidence.is_none().then(|| (accepted_ids(&batch, first_versions), accepted_frontiers(&batch)));
    let mut ranks = alloc::vec![0; batch.logs.len()];
    for (rank, log) in (0u32..).zip(&batch.logs) {
        ranks[log.caller as usize] = rank;
    }
    let kind = if evidence.is_some() { VerdictKind::Obstruction } else { VerdictKind::Merge };
    let mut core = Core {
        verdict: kind,
        logs: batch
            .logs
            .iter()
            .map(|log| LogEntry { name: log.name.clone(), count: log.count, root: log.root })
            .collect(),
        trace_count,
        trace_root,
        batch_id_count: batch.ids.len().into(),
        batch_id_root,
        prior,
        next: prior,
        coverage: core_coverage,
        evidence,
    };
    drop(batch);
    if let Some((ids, frontiers)) = accepted {
        state.accept(&ids, &frontiers)?;
        core.next = state.commitment();
    }
    let body = Body { core: &core.encode(), observations: &observations.encode() }.join();
    Ok(Verdict { kind, body, ranks })
}

/// Refuses an id with so many versions that no evidence could carry them.
fn check_versions(batch: &Batch<'_>) -> Result<(), Fault> {
    let most = limits::MAX_ID_VERSIONS as usize;
    match (0..batch.ids.len()).find(|&id| batch.ids.versions(id).len() > most) {
        None => Ok(()),
        Some(_) => Err(Fault::new(FaultCode::LimitExceeded, format!("an id has more than {most} versions"))),
    }
}

fn split_coverage(all: &[Coverage; PREDICATES.len()]) -> ([Coverage; 8], Coverage) {
    let (mut core, mut payload) = ([Coverage::default(); 8], Coverage::default());
    for (predicate, coverage) in PREDICATES.iter().zip(all) {
        match core_slot(predicate.id) {
            Some(slot) => core[slot] = *coverage,
            None => payload = *coverage,
        }
        debug_assert!(core_slot(predicate.id).is_some() || predicate.id == PAYLOAD_PREDICATE);
    }
    (core, payload)
}

/// Count and root over the distinct event hashes that the prior state does not hold.
fn trace(batch: &Batch<'_>) -> (u64, Hash) {
    if let [log] = &batch.logs[..]
        && batch.state.commitment().id_count == 0
        && log.count == u64::from(batch.event_count())
        && batch.entries.observed.is_empty()
    {
        // One log of plain leaves, all of them new: the same tree.
        return (log.count, log.root);
    }
    let mut trace = Accumulator::new();
    for event in batch.events().filter(|&event| !batch.is_known(event)) {
        trace.push(batch.event(event).event_hash);
    }
    (trace.count(), trace.root())
}

/// Each distinct id, ascending, with the hash of its first version and the greatest lamport of all: on a
/// merge an id has one version.
fn first_versions(batch: &Batch<'_>) -> Vec<IdLeaf> {
    let leaf = |(id, lamport, event)| IdLeaf { id, lamport, event_hash: batch.event(event).event_hash };
    batch.ids.first_events().map(leaf).collect()
}

/// Root of the batch's id trie. Leaves are hashed side by side, so many at a time.
fn batch_id_root(batch: &Batch<'_>, first_versions: &[IdLeaf]) -> Hash {
    const GROUP: usize = 256;
    let (mut blocks, mut hashes) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
    let (mut root, mut ids) = (RootBuilder::default(), 0u32..);
    for group in first_versions.chunks(GROUP) {
        blocks.clear();
        hashes.clear();
        blocks.extend(group.iter().map(|leaf| evidence::single_version_block(leaf.id, &leaf.event_hash)));
        lanes::hash_blocks(&hash::BATCH_ID, &blocks, &mut hashes);
        for ((leaf, hash), id) in group.iter().zip(&hashes).zip(&mut ids) {
            match batch.ids.versions(id).len() {
                1 => root.push(leaf.id, hash),
                _ => root.push(leaf.id, &evidence::batch_id_leaf(batch, id).hash()),
            }
        }
    }
    root.root()
}

fn heads(batch: &Batch<'_>) -> Vec<HeadEntry> {
    let entry = |(log, head): (u32, &crate::wire::Head)| HeadEntry {
        log,
        alg: HEAD_ALGORITHM,
        key: head.key,
        signature: head.signature,
    };
    (0u32..).zip(&batch.logs).filter_map(|(rank, log)| Some(entry((rank, log.head.as_ref()?)))).collect()
}

/// Five figures (`schemas/certificate.md`, "Analytics"). None depends on payloads being present.
fn analytics(batch: &Batch<'_>) -> Vec<i32> {
    let events = u64::from(batch.event_count());
    let held_by_several = |&id: &u32| {
        let mut logs = batch.ids.versions(id).iter().flat_map(|&event| batch.occurrences(event));
        let first = logs.next().map(|place| batch.occurrence(place).log);
        logs.any(|place| Some(batch.occurrence(place).log) != first)
    };
    let overlapping = match &batch.logs[..] {
        [_] => 0,
        _ => (0..batch.ids.len()).filter(held_by_several).count() as u64,
    };
    let deps = match batch.has_one_occurrence_each() {
        true => batch.entries.deps.len() as u64,
        false => batch.events().map(|event| u64::from(batch.event(event).dep_count)).sum(),
    };
    let writers: BTreeSet<u32> = batch.streams.keys().iter().map(|&(node, _)| node).collect();
    Vec::from([
        ratio(batch.entries.list.len().into(), events),
        ratio(overlapping, batch.ids.len().into()),
        ratio(batch.known_count().into(), events),
        ratio(deps, events),
        ratio(writers.len() as u64, 1),
    ])
}

/// What a merge adds to the ids, ascending: each id has one version, and a known one is there.
fn accepted_ids(batch: &Batch<'_>, mut first_versions: Vec<IdLeaf>) -> Vec<IdLeaf> {
    let mut ids = 0u32..;
    first_versions.retain(|_| ids.next().is_some_and(|id| batch.prior_of(id).is_none()));
    first_versions
}

/// The frontiers that a merge moves, ascending.
fn accepted_frontiers(batch: &Batch<'_>) -> Vec<FrontierLeaf> {
    // Of each stream the greatest event, and whether any is linked. An accepted stream's events stand in
    // the order of their lamports, then of their ids.
    let mut latest: Vec<Option<(EventAt, bool)>> = alloc::vec![None; batch.streams.keys().len()];
    for event in batch.events().filter(|&event| !batch.is_known(event)) {
        let latest = &mut latest[batch.streams.of_event(event) as usize];
        let linked = latest.is_some_and(|(_, linked)| linked);
        *latest = Some((event, linked || batch.event(event).prev != 0));
    }
    let moved = iter::zip(batch.streams.keys(), latest).filter_map(|(&(node, stream), latest)| {
        let (event, linked) = latest?;
        let Entry { lamport, id, event_hash, .. } = *batch.event(event);
        let new = FrontierLeaf { node, stream, lamport, id, event_hash, linked };
        Some(batch.state.frontier(node, stream).map_or(new, |prior| later(prior, new)))
    });
    let moved: Vec<FrontierLeaf> = moved.collect();
    let by_key = piles::sorted(moved.iter().enumerate().map(|(at, leaf)| (leaf.key_bits(), at as u128)));
    by_key.iter().map(|&(_, at)| moved[at as usize]).collect()
}

/// The greater of two accepted events of a stream; linked where either is.
fn later(a: FrontierLeaf, b: FrontierLeaf) -> FrontierLeaf {
    let greater = if (a.lamport, a.id) < (b.lamport, b.id) { b } else { a };
    FrontierLeaf { linked: a.linked || b.linked, ..greater }
}
