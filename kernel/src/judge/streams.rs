//! 1001 and 1004: the lines that events form in their streams.

use alloc::vec::Vec;

use super::{Findings, LAMPORT_MONOTONIC, Offence, STREAM_LINKED};
use crate::batch::{Batch, EventAt};
use crate::entry::Entry;
use crate::event::FIRST_CAUSAL_ONLY_STREAM;
use crate::state::FrontierLeaf;
use crate::streams::StreamKey;

pub(super) fn judge(batch: &Batch<'_>, findings: &mut Findings) {
    let line = |&(node, stream): &StreamKey| Line::new(batch.state.frontier(node, stream));
    let mut lines: Vec<Line> = batch.streams.keys().iter().map(line).collect();
    for event in batch.events() {
        let entry = batch.event(event);
        let slots = [LAMPORT_MONOTONIC, STREAM_LINKED];
        if batch.is_known(event) {
            slots.iter().for_each(|&slot| findings.coverage[slot].known += 1);
            continue;
        }
        if entry.stream >= FIRST_CAUSAL_ONLY_STREAM {
            slots.iter().for_each(|&slot| findings.coverage[slot].skipped += 1);
            continue;
        }
        let line = &mut lines[batch.streams.of_event(event) as usize];
        judge_lamport(batch, line, event, findings);
        judge_link(batch, line, event, findings);
        line.push(event, entry);
    }
}

/// A stream's line up to the event at hand.
struct Line {
    frontier: Option<FrontierLeaf>,
    /// The last not-known event of the stream, on the line or not.
    last: Option<EventAt>,
    /// Whether that one stands above the frontier, and so on the line.
    last_on_line: bool,
    /// The first event on the line that is linked, apart from the frontier.
    first_linked: Option<EventAt>,
}

impl Line {
    fn new(frontier: Option<FrontierLeaf>) -> Self {
        Line { frontier, last: None, last_on_line: false, first_linked: None }
    }

    fn is_above_frontier(&self, entry: &Entry) -> bool {
        self.frontier.as_ref().is_none_or(|frontier| entry.lamport > frontier.lamport)
    }

    fn push(&mut self, event: EventAt, entry: &Entry) {
        self.last = Some(event);
        self.last_on_line = self.is_above_frontier(entry);
        if self.last_on_line && entry.prev != 0 {
            self.first_linked = self.first_linked.or(Some(event));
        }
    }
}

fn judge_lamport(batch: &Batch<'_>, line: &Line, event: EventAt, findings: &mut Findings) {
    let entry = batch.event(event);
    findings.coverage[LAMPORT_MONOTONIC].judged += 1;
    if !line.is_above_frontier(entry) {
        findings.violated(LAMPORT_MONOTONIC, event, Offence::NotAboveFrontier);
    } else if let Some(last) = line.last.filter(|&last| batch.event(last).lamport == entry.lamport) {
        findings.violated(LAMPORT_MONOTONIC, event, Offence::SameLamport(last));
    }
}

fn judge_link(batch: &Batch<'_>, line: &Line, event: EventAt, findings: &mut Findings) {
    let entry = batch.event(event);
    if !line.is_above_frontier(entry) {
        findings.coverage[STREAM_LINKED].skipped += 1;
        return;
    }
    let offence = if entry.prev == 0 {
        judge_unlinked(line)
    } else {
        match judge_prev(batch, line, event) {
            Judged::SeveralVersions => {
                findings.coverage[STREAM_LINKED].skipped += 1;
                return;
            }
            Judged::Holds => None,
            Judged::Violated(offence) => Some(offence),
        }
    };
    findings.coverage[STREAM_LINKED].judged += 1;
    if let Some(offence) = offence {
        findings.violated(STREAM_LINKED, event, offence);
    }
}

fn judge_unlinked(line: &Line) -> Option<Offence> {
    if line.frontier.as_ref().is_some_and(|frontier| frontier.linked) {
        return Some(Offence::Unlinked(None));
    }
    line.first_linked.map(|linked| Offence::Unlinked(Some(linked)))
}

enum Judged {
    Holds,
    SeveralVersions,
    Violated(Offence),
}

fn judge_prev(batch: &Batch<'_>, line: &Line, event: EventAt) -> Judged {
    let entry = batch.event(event);
    let next_smaller = line.last.filter(|_| line.last_on_line);
    // The usual case needs no look-up: prev is the event that was just seen, and there is no other.
    let just_seen = next_smaller.is_some_and(|last| batch.event(last).id == entry.prev);
    if just_seen && batch.ids.has_one_version_each() && batch.starts_from_nothing() {
        return Judged::Holds;
    }
    let found = match next_smaller {
        Some(last) if batch.event(last).id == entry.prev => Some(batch.ids.of_event(last)),
        _ => batch.ids.find(entry.prev),
    };
    let versions = found.map_or(&[][..], |id| batch.ids.versions(id));
    let prior = match found {
        Some(id) => batch.prior_of(id).cloned(),
        None => batch.prior(entry.prev),
    };
    let several = match (versions, &prior) {
        ([version], Some(leaf)) => batch.event(*version).event_hash != leaf.event_hash,
        ([_, _, ..], _) => true,
        _ => false,
    };
    if several {
        return Judged::SeveralVersions;
    }
    if versions.is_empty() && prior.is_none() {
        return Judged::Violated(Offence::Gap);
    }
    let frontier_id = line.frontier.as_ref().map(|frontier| frontier.id);
    let next_smaller_id = next_smaller.map(|last| batch.event(last).id).or(frontier_id);
    if next_smaller_id == Some(entry.prev) {
        return Judged::Holds;
    }
    // Where prev is known it is on the line only as the frontier; otherwise only as one of the
    // batch's events above it.
    let prev = versions.first().copied().filter(|_| prior.is_none());
    let on_line_below = match prev {
        None => frontier_id == Some(entry.prev),
        Some(prev) => {
            let at = batch.event(prev);
            (at.node, at.stream) == (entry.node, entry.stream) && line.is_above_frontier(at) && prev < event
        }
    };
    Judged::Violated(Offence::WrongPrev { prev, between: next_smaller.filter(|_| on_line_below) })
}
