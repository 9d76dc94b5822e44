//! 3002: events with one past must claim one application state.

use alloc::vec::Vec;
use core::iter;

use super::{CLAIM_AGREEMENT, Findings, Offence};
use crate::batch::{Batch, EventAt};
use crate::piles;

pub(super) fn judge(batch: &Batch<'_>, findings: &mut Findings) {
    let makes_judgeable_claim = |&event: &EventAt| {
        let entry = batch.event(event);
        entry.has_claim() && (entry.dep_count > 0 || entry.prev != 0)
    };
    let mut claiming: Vec<EventAt> = match batch.entries.claims.is_empty() {
        true => Vec::new(),
        false => batch.events().filter(makes_judgeable_claim).collect(),
    };
    // Stable: events with one past stay in canonical order.
    piles::sort_by(&mut claiming, &mut |a, b| past_of(batch, a).cmp(past_of(batch, b)));
    let mut judged = Vec::new();
    for group in claiming.chunk_by(|&a, &b| past_of(batch, a).eq(past_of(batch, b))) {
        judge_group(batch, group, &mut judged, findings);
    }
    let total = u64::from(batch.known_count());
    let judged_known = judged.iter().filter(|&&event| batch.is_known(event)).count() as u64;
    let coverage = &mut findings.coverage[CLAIM_AGREEMENT];
    coverage.judged = judged.len() as u64;
    coverage.known = total - judged_known;
    coverage.skipped = u64::from(batch.event_count()) - coverage.judged - coverage.known;
}

/// The past of an event, ascending: its deps and its prev.
pub fn past(deps: &[u128], prev: u128) -> impl Iterator<Item = u128> {
    let (below, above) = deps.split_at(deps.partition_point(|&dep| dep < prev));
    let prev = Some(prev).filter(|&prev| prev != 0 && above.first() != Some(&prev));
    below.iter().copied().chain(prev).chain(above.iter().copied())
}

fn past_of<'b>(batch: &'b Batch<'_>, event: EventAt) -> impl Iterator<Item = u128> + use<'b> {
    let entry = batch.event(event);
    past(batch.entries.deps(entry), entry.prev)
}

/// Judges events with one past, in canonical order; adds those that could be compared to `judged`.
fn judge_group(batch: &Batch<'_>, group: &[EventAt], judged: &mut Vec<EventAt>, findings: &mut Findings) {
    let unknown = group.iter().filter(|&&event| !batch.is_known(event)).count();
    if group.len() < 2 || unknown == 0 {
        return;
    }
    let (mut among_all, mut among_unknown) = (Latest::default(), Latest::default());
    for &event in group {
        judged.push(event);
        let known = batch.is_known(event);
        let earlier = if known { &among_unknown } else { &among_all };
        if let Some(other) = earlier.with_another_claim(batch, event) {
            findings.violated(CLAIM_AGREEMENT, event, Offence::OtherClaim(other));
        }
        among_all.push(batch, event);
        if !known {
            among_unknown.push(batch, event);
        }
    }
    debug_assert!(iter::zip(group, &group[1..]).all(|(a, b)| a < b));
}

/// The latest event seen, and the latest whose claim differs from that one's.
#[derive(Default)]
struct Latest {
    latest: Option<EventAt>,
    differing: Option<EventAt>,
}

impl Latest {
    fn with_another_claim(&self, batch: &Batch<'_>, event: EventAt) -> Option<EventAt> {
        let differs = |&latest: &EventAt| claim(batch, latest) != claim(batch, event);
        self.latest.filter(differs).or(self.differing)
    }

    fn push(&mut self, batch: &Batch<'_>, event: EventAt) {
        if let Some(latest) = self.latest
            && claim(batch, latest) != claim(batch, event)
        {
            self.differing = Some(latest);
        }
        self.latest = Some(event);
    }
}

fn claim<'b>(batch: &'b Batch<'_>, event: EventAt) -> Option<&'b [u8; 32]> {
    batch.entries.claim(batch.event(event))
}
