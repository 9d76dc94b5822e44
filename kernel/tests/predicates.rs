//! Each predicate: when it holds, when it does not, what is counted, and evidence that is seen to be
//! one with no log at hand.

use crate::common::{Ev, ev, judge, judge_in, log};
use omega_kernel::body::{Body, Core, Coverage, Observations, VerdictKind};
use omega_kernel::evidence::{self, Conflict, Kind};
use omega_kernel::session::{Finished, Session};

fn decode(finished: &Finished) -> (Core, Observations) {
    Body::split(&finished.body).unwrap().decode().expect("the kernel's own body obeys the rules")
}

#[track_caller]
fn merges(finished: &Finished) -> (Core, Observations) {
    let (core, observations) = decode(finished);
    if core.verdict != VerdictKind::Merge {
        let conflict = evidence::check(&core, &observations.payload);
        panic!("obstructed: {conflict:#?}");
    }
    (core, observations)
}

#[track_caller]
fn obstructs(finished: &Finished, kind: Kind, ids: &[u128]) -> (Core, Observations, Conflict) {
    let (core, observations) = decode(finished);
    assert_eq!(core.verdict, VerdictKind::Obstruction);
    let conflict = evidence::check(&core, &observations.payload).unwrap();
    assert_eq!(conflict.evidence.kind, kind);
    let found: Vec<u128> = conflict.evidence.events.iter().map(|event| event.header.id).collect();
    assert_eq!(found, ids);
    (core, observations, conflict)
}

#[track_caller]
fn counts(coverage: &Coverage, judged: u64, skipped: u64, known: u64, violated: u64) {
    assert_eq!(*coverage, Coverage { judged, skipped, known, violated });
}

fn one(events: &[Ev]) -> Finished {
    judge(&[log("a", events)])
}

fn after(prior: &[Ev], logs: &[Vec<u8>]) -> Finished {
    let mut session = Session::genesis();
    merges(&judge_in(&mut session, &[log("prior", prior)]));
    judge_in(&mut session, logs)
}

#[test]
fn an_empty_log_merges() {
    let (core, observations) = merges(&one(&[]));
    assert_eq!((core.trace_count, core.next.id_count), (0, 0));
    assert_eq!(observations.analytics, [0; 5]);
}

#[test]
fn lamport_must_rise_within_a_stream() {
    let (core, ..) = merges(&one(&[ev(1, 1), ev(2, 2), ev(3, 2).node(2), ev(4, 2).stream(1)]));
    counts(core.coverage_of(1001).unwrap(), 4, 0, 0, 0);
    let (core, ..) = obstructs(&one(&[ev(1, 5), ev(2, 5), ev(3, 5)]), Kind::SameLamport, &[2, 1]);
    counts(core.coverage_of(1001).unwrap(), 3, 0, 0, 2);
}

#[test]
fn lamport_must_rise_past_the_frontier_but_redelivery_is_exempt() {
    let prior = [ev(1, 5), ev(2, 6)];
    let late = log("a", &[ev(3, 6), ev(1, 5)]);
    let (core, _, conflict) = obstructs(&after(&prior, &[late]), Kind::NotAboveFrontier, &[3]);
    counts(core.coverage_of(1001).unwrap(), 1, 0, 1, 1);
    assert_eq!(conflict.frontier.unwrap().id, 2);
    let (core, ..) = merges(&after(&prior, &[log("a", &[ev(1, 5), ev(2, 6), ev(3, 7)])]));
    counts(core.coverage_of(1001).unwrap(), 1, 0, 2, 0);
    assert_eq!(core.trace_count, 1);
}

#[test]
fn causal_only_streams_are_not_judged_for_order() {
    let (core, ..) =
        merges(&one(&[ev(1, 1).stream(0x8000), ev(2, 1).stream(0x8000), ev(3, 1).stream(0x7FFF)]));
    counts(core.coverage_of(1001).unwrap(), 1, 2, 0, 0);
    counts(core.coverage_of(1004).unwrap(), 1, 2, 0, 0);
}

#[test]
fn an_id_stands_once_in_a_log() {
    let (core, _, conflict) = obstructs(&one(&[ev(1, 1), ev(2, 2), ev(1, 1)]), Kind::Twice, &[1, 1]);
    counts(core.coverage_of(1002).unwrap(), 3, 0, 0, 1);
    assert_eq!(conflict.evidence.events[1].leaf_index, 0);
    // Two versions in one log are named as that, not as what else they break.
    let versions = [ev(1, 1), ev(1, 1).text("other")];
    let (core, ..) = obstructs(&one(&versions), Kind::Twice, &[1, 1]);
    counts(core.coverage_of(1001).unwrap(), 2, 0, 0, 1);
}

#[test]
fn ids_stay_in_their_domain() {
    let top = 1u128 << 112;
    merges(&one(&[ev(top - 1, 1)]));
    for broken in [ev(0, 1), ev(top, 1), ev(2, 1).prev(top), ev(2, 1).deps(&[0]), ev(2, 1).deps(&[1, top])] {
        let id = broken.header.id;
        let finished = one(&[ev(1, 9).node(2), broken]);
        let (core, ..) = obstructs(&finished, Kind::OutsideDomain, &[id]);
        counts(core.coverage_of(1003).unwrap(), 2, 0, 0, 1);
    }
}

#[test]
fn links_name_the_next_smaller_event() {
    let (core, ..) = merges(&one(&[ev(1, 1), ev(2, 2).prev(1), ev(3, 3).prev(2)]));
    counts(core.coverage_of(1004).unwrap(), 3, 0, 0, 0);
    obstructs(&one(&[ev(1, 1), ev(2, 2).prev(1), ev(3, 3)]), Kind::Unlinked, &[3, 2]);
    obstructs(&one(&[ev(1, 1), ev(3, 3).prev(2)]), Kind::Gap, &[3]);
    obstructs(&one(&[ev(3, 3).prev(2)]), Kind::Gap, &[3]);
    // prev is on the line, below the next smaller.
    obstructs(&one(&[ev(1, 1), ev(2, 2), ev(3, 3).prev(1)]), Kind::WrongPrev, &[3, 1, 2]);
    // prev is in another stream, or not below, or the event itself.
    obstructs(&one(&[ev(1, 1).node(2), ev(3, 3).prev(1)]), Kind::WrongPrev, &[3, 1]);
    obstructs(&one(&[ev(3, 3).prev(4), ev(4, 4)]), Kind::WrongPrev, &[3, 4]);
    obstructs(&one(&[ev(3, 3).prev(3)]), Kind::WrongPrev, &[3, 3]);
}

#[test]
fn links_go_on_from_the_frontier() {
    let prior = [ev(1, 1), ev(2, 2).prev(1), ev(7, 1).node(7)];
    merges(&after(&prior, &[log("a", &[ev(3, 3).prev(2), ev(4, 4).prev(3)])]));
    obstructs(&after(&prior, &[log("a", &[ev(3, 3)])]), Kind::Unlinked, &[3]);
    obstructs(&after(&prior, &[log("a", &[ev(3, 3).prev(1)])]), Kind::WrongPrev, &[3]);
    obstructs(&after(&prior, &[log("a", &[ev(3, 3).prev(7)])]), Kind::WrongPrev, &[3]);
    obstructs(&after(&prior, &[log("a", &[ev(3, 3).prev(99)])]), Kind::Gap, &[3]);
    let between = [ev(3, 3).prev(2), ev(4, 4).prev(2)];
    obstructs(&after(&prior, &[log("a", &between)]), Kind::WrongPrev, &[4, 3]);
    // Redelivered on the way: the line is the frontier and what is new above it.
    merges(&after(&prior, &[log("a", &[ev(2, 2).prev(1), ev(3, 3).prev(2)])]));
    obstructs(&after(&prior, &[log("a", &[ev(1, 1), ev(3, 3).prev(1)])]), Kind::WrongPrev, &[3]);
}

#[test]
fn a_link_to_an_id_with_several_versions_is_skipped() {
    let a = log("a", &[ev(1, 1), ev(2, 2).prev(1)]);
    let b = log("b", &[ev(1, 1).text("other")]);
    let (core, ..) = obstructs(&judge(&[a, b]), Kind::OtherVersion, &core_ids(1));
    counts(core.coverage_of(1004).unwrap(), 2, 1, 0, 0);
}

fn core_ids(id: u128) -> [u128; 2] {
    [id, id]
}

#[test]
fn payloads_fit_their_hashes() {
    let (_, observations) = merges(&one(&[ev(1, 1), ev(2, 2).salted(7), ev(3, 3).erased()]));
    counts(&observations.payload, 2, 1, 0, 0);
    let (core, observations, _) = obstructs(&one(&[ev(1, 1), ev(2, 2).mismatch()]), Kind::Mismatch, &[2]);
    counts(&observations.payload, 2, 0, 0, 1);
    let erased = one(&[ev(1, 1), ev(2, 2).mismatch().erased()]);
    let (erased_core, erased_observations, _) = obstructs(&erased, Kind::Mismatch, &[2]);
    assert_eq!(erased_core, core, "erasing a mismatching payload leaves leaf and violation");
    assert_eq!(erased_observations, observations);
}

#[test]
fn deps_are_known_and_earlier() {
    merges(&one(&[ev(1, 1), ev(2, 2).node(2).deps(&[1])]));
    let (core, ..) = obstructs(&one(&[ev(1, 1), ev(2, 2).deps(&[1, 9])]), Kind::Missing, &[2]);
    counts(core.coverage_of(2002).unwrap(), 2, 0, 0, 1);
    counts(core.coverage_of(2003).unwrap(), 2, 0, 0, 0);
    obstructs(&one(&[ev(1, 2), ev(2, 2).node(2).deps(&[1])]), Kind::NotBefore, &[2, 1]);
    obstructs(&one(&[ev(2, 2).deps(&[2])]), Kind::NotBefore, &[2, 2]);
    let prior = [ev(1, 5)];
    merges(&after(&prior, &[log("a", &[ev(2, 6).node(2).deps(&[1])])]));
    obstructs(&after(&prior, &[log("a", &[ev(2, 5).node(2).deps(&[1])])]), Kind::PriorNotBefore, &[2]);
    obstructs(&after(&prior, &[log("a", &[ev(2, 6).deps(&[3])])]), Kind::Missing, &[2]);
}

#[test]
fn logs_agree_where_they_overlap() {
    let (core, ..) =
        merges(&judge(&[log("a", &[ev(1, 1), ev(2, 2)]), log("b", &[ev(1, 1), ev(3, 3).node(2)])]));
    counts(core.coverage_of(3001).unwrap(), 1, 2, 0, 0);
    let other = log("b", &[ev(1, 1).text("other")]);
    let (core, ..) = obstructs(&judge(&[log("a", &[ev(1, 1)]), other.clone()]), Kind::OtherVersion, &[1, 1]);
    counts(core.coverage_of(3001).unwrap(), 1, 0, 0, 1);
    obstructs(&after(&[ev(1, 1)], &[other]), Kind::PriorVersion, &[1]);
}

#[test]
fn of_logs_that_disagree_the_first_two_are_named() {
    let (one, other) = (ev(1, 1), ev(1, 1).text("other"));
    let (smaller, greater) =
        if one.header.hash() < other.header.hash() { (one, other) } else { (other, one) };
    let logs = |versions: [&Ev; 3]| {
        let named = ["a", "b", "c"].into_iter().zip(versions);
        judge(&named.map(|(name, ev)| log(name, std::slice::from_ref(ev))).collect::<Vec<_>>())
    };
    let held_by =
        |conflict: &Conflict| conflict.evidence.events.iter().map(|event| event.log).collect::<Vec<_>>();
    let (.., conflict) = obstructs(&logs([&smaller, &smaller, &greater]), Kind::OtherVersion, &[1, 1]);
    assert_eq!(held_by(&conflict), [2, 0]);
    let (.., conflict) = obstructs(&logs([&greater, &smaller, &greater]), Kind::OtherVersion, &[1, 1]);
    assert_eq!(held_by(&conflict), [0, 1]);
}

#[test]
fn of_occurrences_that_do_not_fit_the_first_is_named() {
    let event = ev(1, 1).mismatch();
    let logs = ["b", "a"].map(|name| log(name, std::slice::from_ref(&event)));
    let (_, observations, conflict) = obstructs(&judge(&logs), Kind::Mismatch, &[1]);
    assert_eq!(conflict.evidence.events[0].log, 0);
    counts(&observations.payload, 2, 0, 0, 2);
}

#[test]
fn claims_over_one_past_agree() {
    let prior = [ev(1, 1), ev(2, 2)];
    let a = ev(3, 3).deps(&[1, 2]).claim(7);
    let b = ev(4, 3).node(2).deps(&[1, 2]);
    let with = |b: Ev| after(&prior, &[log("a", std::slice::from_ref(&a)), log("b", &[b])]);
    let (core, ..) = merges(&with(b.clone()));
    counts(core.coverage_of(3002).unwrap(), 0, 2, 0, 0);
    let (core, ..) = merges(&with(b.clone().claim(7)));
    counts(core.coverage_of(3002).unwrap(), 2, 0, 0, 0);
    let (core, ..) = obstructs(&with(b.clone().claim(8)), Kind::OtherClaim, &[4, 3]);
    counts(core.coverage_of(3002).unwrap(), 2, 0, 0, 1);
    // prev counts as past, once.
    let by_prev = ev(5, 3).node(3).deps(&[1]).prev(2).claim(8);
    obstructs(&after(&prior, &[log("a", &[a.clone(), by_prev.stream(0x8001)])]), Kind::OtherClaim, &[5, 3]);
    // An empty past claims nothing that could be compared.
    merges(&one(&[ev(1, 1).claim(1), ev(2, 2).claim(2)]));
    // A new event against a known one, in either order.
    let known = [ev(1, 1), ev(2, 2), ev(3, 9).deps(&[1, 2]).claim(7)];
    let again = known[2].clone();
    let later = ev(4, 10).node(2).deps(&[1, 2]).claim(8);
    obstructs(&after(&known, &[log("a", &[again.clone(), later])]), Kind::OtherClaim, &[4, 3]);
    let earlier = ev(4, 8).node(2).deps(&[1, 2]).claim(8);
    let (core, ..) =
        obstructs(&after(&known, &[log("a", &[again.clone(), earlier])]), Kind::OtherClaimNew, &[3, 4]);
    counts(core.coverage_of(3002).unwrap(), 2, 0, 0, 1);
    let (core, ..) = merges(&after(&known, &[log("a", &[again])]));
    counts(core.coverage_of(3002).unwrap(), 0, 0, 1, 0);
}

#[test]
fn the_obstruction_is_about_the_smallest_anchor() {
    let events = [ev(1, 1), ev(9, 4).deps(&[50]), ev(2, 2).deps(&[60]), ev(3, 3).mismatch()];
    let (core, observations, conflict) = obstructs(&one(&events), Kind::Missing, &[2]);
    assert_eq!(conflict.evidence.dep, 60);
    assert_eq!((core.coverage_of(2002).unwrap().violated, observations.payload.violated), (2, 1));
    // At one anchor the smaller predicate.
    let events = [ev(1, 1), ev(2, 1).deps(&[60]).mismatch()];
    obstructs(&one(&events), Kind::SameLamport, &[2, 1]);
}
