//! 1003 and 2001: what an occurrence shows on its own.

use super::{EVENT_ID_DOMAIN, Findings, Offence, PAYLOAD_HASH_MATCH};
use crate::batch::Batch;
use crate::event::ID_END;

pub(super) fn judge(batch: &Batch<'_>, findings: &mut Findings) {
    for event in batch.events() {
        let entry = batch.event(event);
        let in_domain = ids_in_domain(entry.id, entry.prev, batch.entries.deps(entry));
        for place in batch.occurrences(event) {
            findings.coverage[EVENT_ID_DOMAIN].judged += 1;
            if !in_domain {
                findings.violated(EVENT_ID_DOMAIN, event, Offence::OutsideDomain);
            }
            let occurrence = batch.occurrence(place);
            let coverage = &mut findings.coverage[PAYLOAD_HASH_MATCH];
            match occurrence.payload_is_judged() {
                true => coverage.judged += 1,
                false => coverage.skipped += 1,
            }
            if occurrence.is_mismatch() {
                findings.violated(PAYLOAD_HASH_MATCH, event, Offence::Mismatch(place));
            }
        }
    }
}

/// Whether 1003 holds for an event with these ids. `deps` ascend.
pub fn ids_in_domain(id: u128, prev: u128, deps: &[u128]) -> bool {
    let in_domain = |id: u128| id != 0 && id < ID_END;
    let deps_in_domain =
        deps.first().is_none_or(|&dep| in_domain(dep)) && deps.last().is_none_or(|&dep| in_domain(dep));
    in_domain(id) && prev < ID_END && deps_in_domain
}
