//! 2002 and 2003: what events depend on.

use super::{DEPENDENCY_KNOWN, DEPENDENCY_PRECEDES, Findings, Offence};
use crate::batch::{Batch, EventAt};

pub(super) fn judge(batch: &Batch<'_>, findings: &mut Findings) {
    for event in batch.events() {
        if batch.is_known(event) {
            findings.coverage[DEPENDENCY_KNOWN].known += 1;
            findings.coverage[DEPENDENCY_PRECEDES].known += 1;
            continue;
        }
        findings.coverage[DEPENDENCY_KNOWN].judged += 1;
        findings.coverage[DEPENDENCY_PRECEDES].judged += 1;
        let (missing, not_before) = judge_event(batch, event);
        if let Some(offence) = missing {
            findings.violated(DEPENDENCY_KNOWN, event, offence);
        }
        if let Some(offence) = not_before {
            findings.violated(DEPENDENCY_PRECEDES, event, offence);
        }
    }
}

/// The first missing dep, and the first version of a dep that is not earlier.
fn judge_event(batch: &Batch<'_>, event: EventAt) -> (Option<Offence>, Option<Offence>) {
    let entry = batch.event(event);
    let (mut missing, mut not_before) = (None, None);
    for &dep in batch.entries.deps(entry) {
        let found = batch.ids.find(dep);
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
