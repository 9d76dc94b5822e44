//! Nothing but the events decides: not how bytes are cut, where they are scanned, in which order
//! logs and events come, nor into how many closed batches a history is parted.

use crate::common::generate::{Case, LogPlan, case, history};
use crate::common::{Ev, ev, judge_in, log, sign};
use omega_kernel::body::{Body, Core, Observations, VerdictKind};
use omega_kernel::frame::{Frames, HEADER_BYTES};
use omega_kernel::hash::Hash;
use omega_kernel::scan::{RunScanner, ScanPart};
use omega_kernel::session::{Finished, LogInput, Session};
use omega_kernel::snapshot::SnapshotWriter;
use proptest::collection::vec;
use proptest::prelude::*;

/// All that judging gives: the body, and the state it leaves as root and as snapshot.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    body: Vec<u8>,
    root: Hash,
    snapshot: Vec<u8>,
}

impl Outcome {
    fn of(finished: Finished, session: &Session) -> Self {
        let state = session.state();
        let snapshot = SnapshotWriter::new(state, None).read(0, u32::MAX);
        Outcome { body: finished.body, root: state.commitment().root(), snapshot }
    }
}

fn bytes(logs: &[LogPlan]) -> Vec<Vec<u8>> {
    logs.iter().map(LogPlan::bytes).collect()
}

/// A session that has judged the case's first batches.
fn after_prior(case: &Case) -> Session {
    let mut session = Session::genesis();
    for prior in &case.prior {
        assert_eq!(judge_in(&mut session, &bytes(prior)).kind, VerdictKind::Merge);
    }
    session
}

/// The plain way: each log at once, one after the other.
fn plainly(case: &Case) -> Outcome {
    let mut session = after_prior(case);
    let finished = judge_in(&mut session, &bytes(&case.batch));
    Outcome::of(finished, &session)
}

fn begin(session: &mut Session, logs: usize) {
    session.begin_batch(&vec![LogInput::default(); logs]).unwrap();
}

fn decode(finished: &Finished) -> (Core, Observations) {
    Body::split(&finished.body).unwrap().decode().unwrap()
}

/// Where frames start, and the end.
fn boundaries(log: &[u8]) -> Vec<usize> {
    let (_, frames) = Frames::new(log).unwrap();
    frames.map(|frame| frame.unwrap().offset as usize).chain([log.len()]).collect()
}

/// The runs of a log that is cut before every frame for which `cut` says so.
fn runs(log: &[u8], mut cut: impl FnMut() -> bool) -> Vec<Vec<u8>> {
    let mut parts = vec![0];
    parts.extend(boundaries(log).into_iter().filter(|_| cut()));
    parts.push(log.len());
    let last = parts.len() - 2;
    let scan = |(nth, ends): (usize, &[usize])| {
        let mut scanner = RunScanner::new(ScanPart { offset: ends[0] as u64, ..ScanPart::default() });
        scanner.push(&log[ends[0]..ends[1]]).unwrap();
        scanner.finish(nth == last).unwrap()
    };
    parts.windows(2).enumerate().map(scan).collect()
}

/// A new order of `items`, as the keys say.
fn reordered<T: Clone>(items: &[T], keys: &[u32]) -> Vec<T> {
    let mut indexed: Vec<_> = items.iter().zip(keys.iter().cycle()).enumerate().collect();
    indexed.sort_by_key(|(index, (_, key))| key.rotate_left(*index as u32));
    indexed.into_iter().map(|(_, (item, _))| item.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases(400)))]

    #[test]
    fn chunks_may_be_cut_anywhere(case in case(), sizes in vec(prop_oneof![1usize..20, 1usize..2000], 1..9)) {
        let mut session = after_prior(&case);
        begin(&mut session, case.batch.len());
        for (index, log) in (0u32..).zip(bytes(&case.batch)) {
            let (mut rest, mut sizes) = (log.as_slice(), sizes.iter().cycle());
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                session.feed(index, chunk).unwrap();
                session.feed(index, &[]).unwrap();
                rest = after;
            }
        }
        let finished = session.finish().unwrap();
        prop_assert_eq!(Outcome::of(finished, &session), plainly(&case));
    }

    #[test]
    fn parts_may_be_scanned_apart(case in case(), cuts in vec(any::<bool>(), 1..40)) {
        let mut cuts = cuts.into_iter().cycle();
        let mut session = after_prior(&case);
        begin(&mut session, case.batch.len());
        for (index, log) in (0u32..).zip(bytes(&case.batch)) {
            // One log comes as bytes, the others as runs.
            match index {
                1 => session.feed(index, &log).map(drop).unwrap(),
                _ => runs(&log, || cuts.next().unwrap()).iter().for_each(|run| session.absorb(index, run).unwrap()),
            }
        }
        let finished = session.finish().unwrap();
        prop_assert_eq!(Outcome::of(finished, &session), plainly(&case));
    }

    #[test]
    fn logs_may_be_fed_in_turns(case in case(), turns in vec((any::<u32>(), 1usize..700), 1..60)) {
        let mut session = after_prior(&case);
        begin(&mut session, case.batch.len());
        let logs = bytes(&case.batch);
        let mut rests: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
        let all = (0..logs.len()).map(|log| (log as u32, usize::MAX));
        for (turn, size) in turns.into_iter().chain(all) {
            let log = turn as usize % logs.len();
            let (chunk, after) = rests[log].split_at(rests[log].len().min(size));
            session.feed(log as u32, chunk).unwrap();
            rests[log] = after;
        }
        let finished = session.finish().unwrap();
        prop_assert_eq!(Outcome::of(finished, &session), plainly(&case));
    }

    #[test]
    fn logs_may_come_in_any_order(case in case(), keys in vec(any::<u32>(), 8)) {
        let mut other = case.clone();
        let indexes: Vec<usize> = reordered(&(0..case.batch.len()).collect::<Vec<_>>(), &keys);
        other.batch = indexes.iter().map(|&index| case.batch[index].clone()).collect();
        prop_assert_eq!(plainly(&other), plainly(&case));
        // Ranks and counts follow their log.
        let finished = |case: &Case| judge_in(&mut after_prior(case), &bytes(&case.batch));
        let (one, two) = (finished(&case), finished(&other));
        let (core, _) = decode(&one);
        for (place, &index) in indexes.iter().enumerate() {
            let (a, b) = (one.logs[index], two.logs[place]);
            prop_assert_eq!((a.events, a.bytes_used), (b.events, b.bytes_used));
            prop_assert_eq!(&core.logs[a.rank as usize], &core.logs[b.rank as usize]);
            prop_assert_eq!(&core.logs[a.rank as usize].name, &case.batch[index].name);
            prop_assert_eq!(a.events, case.batch[index].events.len() as u64);
        }
        let mut ranks: Vec<u32> = two.logs.iter().map(|log| log.rank).collect();
        ranks.sort_unstable();
        prop_assert!(ranks.into_iter().eq(0..case.batch.len() as u32));
    }

    #[test]
    fn events_may_stand_in_any_order(case in case(), keys in vec(any::<u32>(), 20)) {
        let mut other = case.clone();
        for log in other.prior.iter_mut().flatten().chain(&mut other.batch) {
            log.events = reordered(&log.events, &keys);
        }
        prop_assert_eq!(plainly(&other), plainly(&case));
    }

    #[test]
    fn closed_batches_one_after_another_end_where_one_batch_ends(
        events in history(),
        parts in vec((0usize..4, 0usize..3), 16),
        again in vec(any::<bool>(), 1..40),
    ) {
        let mut whole = Session::genesis();
        prop_assert_eq!(judge_in(&mut whole, &[log("all", &events)]).kind, VerdictKind::Merge);
        let batch_of = closed_split(&events, &parts);
        let (mut session, mut again) = (Session::genesis(), again.into_iter().cycle());
        for batch in 0..4 {
            let mut logs = vec![Vec::new(); 3];
            for (event, (&own, (_, log))) in events.iter().zip(batch_of.iter().zip(&parts)) {
                // What was accepted may come again.
                if own == batch || (own < batch && again.next() == Some(true)) {
                    logs[*log].push(event.clone());
                }
            }
            let logs: Vec<_> = logs.iter().map(|events| log("part", events)).collect();
            prop_assert_eq!(judge_in(&mut session, &logs).kind, VerdictKind::Merge);
        }
        let snapshot = |session: &Session| SnapshotWriter::new(session.state(), None).read(0, u32::MAX);
        prop_assert_eq!(snapshot(&session), snapshot(&whole));
        prop_assert_eq!(session.state().commitment(), whole.state().commitment());
    }

    #[test]
    fn a_limit_judges_what_a_log_of_that_length_holds(
        case in case(),
        limit in 0u64..8,
        sizes in vec(1usize..400, 1..6),
        head in prop::option::of(any::<bool>()),
        garbage in any::<bool>(),
    ) {
        let events = &case.batch[0].events;
        let cut = events.len().min(limit as usize);
        let mut short = log("log", &events[..cut]);
        // A head directly behind counts, here and there; one further on does not.
        let mut long = short.clone();
        if head == Some(true) {
            sign(&mut short, 7);
            long = short.clone();
        }
        let used = long.len() as u64;
        long.extend_from_slice(&log("log", &events[cut..])[HEADER_BYTES..]);
        if head == Some(false) && cut < events.len() {
            sign(&mut long, 8);
        }
        if garbage && limit == cut as u64 {
            long.extend_from_slice(&[0xEE; 40]);
        }
        let mut plain = after_prior(&case);
        let expected = judge_in(&mut plain, &[short]);
        let expected = Outcome::of(expected, &plain);
        let mut session = after_prior(&case);
        session.begin_batch(&[LogInput { limit: Some(limit) }]).unwrap();
        let (mut rest, mut sizes) = (long.as_slice(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            session.feed(0, chunk).unwrap();
            rest = after;
        }
        let finished = session.finish().unwrap();
        prop_assert_eq!(finished.logs[0].bytes_used, used);
        prop_assert_eq!(finished.logs[0].events, cut as u64);
        prop_assert_eq!(&Outcome::of(finished, &session), &expected);
        // The limit is the scanner's where the log comes as runs.
        let mut scanner = RunScanner::new(ScanPart { limit: Some(limit), ..ScanPart::default() });
        scanner.push(&long).unwrap();
        let run = scanner.finish(used == long.len() as u64).unwrap();
        let mut session = after_prior(&case);
        begin(&mut session, 1);
        session.absorb(0, &run).unwrap();
        let finished = session.finish().unwrap();
        prop_assert_eq!(Outcome::of(finished, &session), expected);
    }
}

/// The batch of each event: never before one that it depends on or follows in its stream.
fn closed_split(events: &[Ev], parts: &[(usize, usize)]) -> Vec<usize> {
    let mut batch_of: Vec<usize> = Vec::new();
    for (event, (wanted, _)) in events.iter().zip(parts.iter().cycle()) {
        let header = &event.header;
        let needs = |other: &Ev| {
            let follows = (other.header.node, other.header.stream) == (header.node, header.stream)
                && header.stream < 0x8000;
            follows || header.deps.contains(&other.header.id)
        };
        let earlier = events.iter().zip(&batch_of).filter(|(other, _)| needs(other)).map(|(_, batch)| *batch);
        batch_of.push(earlier.max().unwrap_or(0).max(*wanted));
    }
    batch_of
}

/// Calls `each` with every order of the items (Heap's algorithm).
fn every_order<T>(items: &mut [T], open: usize, each: &mut impl FnMut(&[T])) {
    if open <= 1 {
        return each(items);
    }
    for index in 0..open {
        every_order(items, open - 1, each);
        if index + 1 < open {
            items.swap(if open.is_multiple_of(2) { index } else { 0 }, open - 1);
        }
    }
}

#[test]
fn every_order_of_eight_events_gives_the_same_bytes() {
    let merging = [
        ev(1, 1),
        ev(2, 2).prev(1).claim(3),
        ev(3, 3).prev(2).deps(&[1]).salted(1),
        ev(4, 2).node(2).deps(&[1]),
        ev(5, 2).node(2).stream(0x8000).deps(&[1]).erased(),
        ev(6, 2).node(2).stream(0x8000).deps(&[1]).text("six"),
        ev(7, 9).node(3),
        ev(8, 9).node(2).prev(4).stream(0x9000),
    ];
    // One key several times: copies, versions, two leaf kinds, two observed payloads, a broken id.
    let conflicting = [
        ev(1, 1),
        ev(1, 1),
        ev(1, 1).text("other"),
        ev(1, 1).mismatch(),
        ev(1, 1).text("other").mismatch().erased(),
        ev(1 | 1 << 112, 1),
        ev(2, 1).deps(&[9]),
        ev(3, 1).prev(1),
    ];
    for (events, kind) in [(merging, VerdictKind::Merge), (conflicting, VerdictKind::Obstruction)] {
        let frames = events.map(|event| log("a", &[event])[HEADER_BYTES..].to_vec());
        let header = log("a", &[]);
        let mut first = None;
        let mut orders = 0;
        every_order(&mut frames.clone(), 8, &mut |frames| {
            let mut session = Session::genesis();
            let bytes = [header.as_slice(), &frames.concat()].concat();
            let finished = judge_in(&mut session, &[bytes]);
            assert_eq!(finished.kind, kind);
            let root = session.state().commitment().root();
            assert_eq!(*first.get_or_insert_with(|| (finished.body.clone(), root)), (finished.body, root));
            orders += 1;
        });
        assert_eq!(orders, 40_320);
    }
}

#[test]
fn every_byte_and_every_pair_of_cuts_gives_the_same_body() {
    let log = log("a", &[ev(1, 1).salted(2), ev(2, 2).prev(1).deps(&[1]).claim(1)]);
    let fed = |chunks: &[&[u8]]| {
        let mut session = Session::genesis();
        begin(&mut session, 1);
        chunks.iter().for_each(|chunk| session.feed(0, chunk).map(drop).unwrap());
        session.finish().unwrap().body
    };
    let whole = fed(&[&log]);
    assert_eq!(fed(&log.chunks(1).collect::<Vec<_>>()), whole);
    for first in 0..log.len() {
        for second in (first..log.len()).step_by(3) {
            assert_eq!(fed(&[&log[..first], &log[first..second], &log[second..]]), whole);
        }
    }
}

#[test]
fn bodies_name_copies_of_a_log_each_on_its_own() {
    let mut one = log("a", &[ev(1, 1), ev(2, 2)]);
    let two = one.clone();
    sign(&mut one, 3);
    let mut session = Session::genesis();
    let (core, observations) = decode(&judge_in(&mut session, &[two, one.clone(), one]));
    assert_eq!(core.logs.len(), 3);
    assert!(core.logs.iter().all(|log| *log == core.logs[0]));
    let heads: Vec<u32> = observations.heads.iter().map(|head| head.log).collect();
    assert_eq!(heads, [1, 2], "a log without a head stands before its copies with one");
}
