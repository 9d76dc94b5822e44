//! 1002 and 3001: the same id more than once, in one log or in several.

use alloc::vec::Vec;

use super::{EVENT_UNIQUE, Findings, OVERLAP_AGREEMENT, Offence, Violation};
use crate::batch::{Batch, EventAt};
use crate::piles;

pub(super) fn judge(batch: &Batch<'_>, findings: &mut Findings) {
    if batch.starts_from_nothing() && batch.has_one_occurrence_each() && batch.ids.has_one_version_each() {
        // Each id is held once, by one log.
        findings.coverage[EVENT_UNIQUE].judged += u64::from(batch.ids.len());
        findings.coverage[OVERLAP_AGREEMENT].skipped += u64::from(batch.ids.len());
        return;
    }
    for id in 0..batch.ids.len() {
        let versions = batch.ids.versions(id);
        let held_once = versions.len() == 1 && batch.occurrences(versions[0]).len() == 1;
        if held_once && batch.prior_of(id).is_none() {
            findings.coverage[EVENT_UNIQUE].judged += 1;
            findings.coverage[OVERLAP_AGREEMENT].skipped += 1;
            continue;
        }
        let held: Vec<Held> = versions
            .iter()
            .flat_map(|&event| {
                batch.occurrences(event).map(move |place| Held {
                    event,
                    place,
                    log: batch.occurrence(place).log,
                })
            })
            .collect();
        let logs = judge_unique(&held, findings);
        judge_agreement(batch, id, &held, logs, findings);
    }
}

/// An occurrence of the id at hand.
#[derive(Clone, Copy)]
struct Held {
    event: EventAt,
    place: u32,
    log: u32,
}

/// Counts and names ids that stand twice in one log; returns how many logs hold the id.
fn judge_unique(held: &[Held], findings: &mut Findings) -> usize {
    // Within a log the occurrences stay in canonical order.
    let by_log = piles::sorted_by(held, |a, b| a.log.cmp(&b.log));
    let mut logs = 0;
    for in_log in by_log.chunk_by(|a, b| a.log == b.log) {
        logs += 1;
        let coverage = &mut findings.coverage[EVENT_UNIQUE];
        coverage.judged += in_log.len() as u64;
        coverage.violated += in_log.len() as u64 - 1;
        if let [first, second, ..] = in_log {
            let offence = Offence::Twice { first: first.place, second: second.place };
            findings.consider(Violation { slot: EVENT_UNIQUE, anchor: second.event, offence });
        }
    }
    logs
}

fn judge_agreement(batch: &Batch<'_>, id: u32, held: &[Held], logs: usize, findings: &mut Findings) {
    let prior = batch.prior_of(id);
    if logs < 2 && prior.is_none() {
        findings.coverage[OVERLAP_AGREEMENT].skipped += 1;
        return;
    }
    findings.coverage[OVERLAP_AGREEMENT].judged += 1;
    let against_prior = prior
        .and_then(|leaf| held.iter().find(|held| batch.event(held.event).event_hash != leaf.event_hash))
        .map(|held| (held.event, Offence::PriorVersion));
    // The prior state's word stands before a log's. It never has the greater anchor: it is about the first
    // version or the second, and logs differ from the second on.
    if let Some((anchor, offence)) = against_prior.or_else(|| first_disagreement(held)) {
        findings.violated(OVERLAP_AGREEMENT, anchor, offence);
    }
}

/// The smallest version of which another log holds a smaller one: that one is the greatest of
/// those, and the logs are the first by rank.
fn first_disagreement(held: &[Held]) -> Option<(EventAt, Offence)> {
    let sole_log = |held: &[Held]| Some(held[0].log).filter(|&log| held.iter().all(|held| held.log == log));
    let mut start = 0;
    // The one log that holds all smaller versions. No second log is found before this ends.
    let mut smaller_sole = None;
    for own in held.chunk_by(|a, b| a.event == b.event) {
        let smaller = &held[..start];
        start += own.len();
        let own_sole = sole_log(own);
        if smaller.is_empty() || (own_sole.is_some() && own_sole == smaller_sole) {
            smaller_sole = own_sole;
            continue;
        }
        let first = own[0];
        let second = own.iter().find(|held| held.log != first.log);
        return smaller.chunk_by(|a, b| a.event == b.event).rev().flatten().find_map(|other| {
            let own = if other.log != first.log { &first } else { second? };
            Some((own.event, Offence::OtherVersion { other: other.place, own: own.place }))
        });
    }
    None
}
