//! 2002 and 2003: what events depend on.

use alloc::vec::Vec;
use core::ops::Range;

use super::{DEPENDENCY_KNOWN, DEPENDENCY_PRECEDES, Findings, Offence};
use crate::batch::{Batch, EventAt};
use crate::ids::FoundIds;

/// Events whose deps are looked up at once.
const GROUP: usize = 64;

pub(super) fn judge(batch: &Batch<'_>, findings: &mut Findings) {
    let (mut deps, mut looked_up) = (Vec::new(), FoundIds::default());
    for start in batch.events().step_by(GROUP) {
        let group = start..batch.event_count().min(start + GROUP as u32);
        deps.clear();
        group.clone().for_each(|event| deps.extend_from_slice(batch.entries.deps(batch.event(event))));
        batch.ids.find_all(&deps, &mut looked_up);
        judge_group(batch, group, &looked_up.found, findings);
    }
}

/// Judges neighbouring events; `found` are the ids of all their deps, in order.
fn judge_group(batch: &Batch<'_>, group: Range<EventAt>, found: &[Option<u32>], findings: &mut Findings) {
    let mut found = found;
    for event in group {
        let (own, rest) = found.split_at(batch.event(event).dep_count as usize);
        found = rest;
        if batch.is_known(event) {
            findings.coverage[DEPENDENCY_KNOWN].known += 1;
            findings.coverage[DEPENDENCY_PRECEDES].known += 1;
            continue;
        }
        findings.coverage[DEPENDENCY_KNOWN].judged += 1;
        findings.coverage[DEPENDENCY_PRECEDES].judged += 1;
        let (missing, not_before) = judge_event(batch, event, own);
        if let Some(offence) = missing {
            findings.violated(DEPENDENCY_KNOWN, event, offence);
        }
        if let Some(offence) = not_before {
            findings.violated(DEPENDENCY_PRECEDES, event, offence);
        }
    }
}

/// The first missing dep, and the first version of a dep that is not earlier.
fn judge_event(
    batch: &Batch<'_>,
    event: EventAt,
    found: &[Option<u32>],
) -> (Option<Offence>, Option<Offence>) {
    let entry = batch.event(event);
    let (mut missing, mut not_before) = (None, None);
    for (&dep, &found) in batch.entries.deps(entry).iter().zip(found) {
        let prior = match found {
            Some(id) => batch.prior_of(id).cloned(),
            None => batch.prior(dep),
        };
        if found.is_none() && prior.is_none() {
            missing = missing.or(Some(Offence::Missing(dep)));
        }
        let late = match found {
            Some(id) if batch.ids.latest(id) >= entry.lamport => {
                // Versions stand in canonical order, which is by lamport first.
                let versions = batch.ids.versions(id);
                let earlier = |&version: &EventAt| batch.event(version).lamport < entry.lamport;
                Some(Offence::NotBefore(versions[versions.partition_point(earlier)]))
            }
            _ => None,
        };
        let late = late.or_else(|| {
            let prior = prior.filter(|leaf| leaf.lamport >= entry.lamport);
            prior.map(|_| Offence::PriorNotBefore(dep))
        });
        not_before = not_before.or(late);
    }
    (missing, not_before)
}
