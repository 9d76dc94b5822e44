//! Every rule of a verdict's body, broken once.

use crate::support::{body, merge, obstruction, refused, state};
use omega_kernel::body::{Body, Core, Coverage, HeadEntry, LogEntry, Observations, VerdictKind};
use omega_kernel::fault::FaultCode::{self, CertMalformed, LimitExceeded};
use omega_kernel::{hash, limits};

fn decode(bytes: &[u8]) -> Result<(Core, Observations), FaultCode> {
    Body::split(bytes).and_then(|body| body.decode()).map_err(|fault| fault.code)
}

/// What a body is refused with after one change.
fn broken(mut verdict: (Core, Observations), change: impl FnOnce(&mut Core, &mut Observations)) -> FaultCode {
    assert!(decode(&body(verdict.clone())).is_ok(), "valid before the change");
    change(&mut verdict.0, &mut verdict.1);
    decode(&body(verdict)).unwrap_err()
}

fn empty_log(name: &str) -> LogEntry {
    LogEntry { name: name.into(), count: 0, root: hash::MERKLE_EMPTY.hash(b"") }
}

#[test]
fn bodies_survive_their_bytes() {
    for verdict in [merge(0), merge(8), obstruction(0), obstruction(8)] {
        assert_eq!(decode(&body(verdict.clone())), Ok(verdict));
    }
}

#[test]
fn offsets_count_from_the_body_s_first_byte() {
    let core = merge(0).0.encode();
    for (part, offset) in [(&b""[..], 4), (&core, 8 + core.len() as u64)] {
        let fault = Body { core: part, observations: b"" }.decode().unwrap_err();
        assert_eq!(fault.offset, Some(offset), "{fault:?}");
    }
}

#[test]
fn a_batch_may_be_empty_known_or_copied() {
    let none = Coverage::default();
    let (mut core, mut seen) = merge(3);
    core.logs = vec![empty_log("alice")];
    (core.trace_count, core.trace_root) = (0, hash::MERKLE_EMPTY.hash(b""));
    (core.batch_id_count, core.batch_id_root) = (0, hash::TRIE_EMPTY.hash(b""));
    (core.coverage, core.next, seen.payload) = ([none; 8], core.prior, none);
    seen.heads.clear();
    assert!(decode(&body((core.clone(), seen.clone()))).is_ok(), "an empty log");
    core.logs = vec![empty_log("alice"); 2];
    assert!(decode(&body((core.clone(), seen.clone()))).is_ok(), "a copy is its own entry");
    core.logs.clear();
    assert_eq!(decode(&body((core, seen))), Err(CertMalformed), "no log at all");

    let (mut core, seen) = merge(8);
    (core.trace_count, core.trace_root, core.next) = (0, hash::MERKLE_EMPTY.hash(b""), core.prior);
    for slot in [0, 3, 4, 5] {
        core.coverage[slot] = Coverage { known: 5, ..none };
    }
    assert!(decode(&body((core, seen))).is_ok(), "redelivery is no crime");
}

#[test]
fn every_truncation_and_any_trailing_byte_is_refused() {
    for verdict in [merge(2), obstruction(2)] {
        let (core, observations) = (verdict.0.encode(), verdict.1.encode());
        for len in 0..core.len() {
            assert_eq!(refused(Core::decode(&core[..len])), CertMalformed, "core cut to {len}");
        }
        for len in 0..observations.len() {
            assert_eq!(refused(Observations::decode(&observations[..len])), CertMalformed, "cut to {len}");
        }
        assert_eq!(refused(Core::decode(&[&core[..], &[0]].concat())), CertMalformed);
        assert_eq!(refused(Observations::decode(&[&observations[..], &[0]].concat())), CertMalformed);
    }
}

#[test]
fn absurd_lengths_are_refused_before_anything_is_allocated() {
    let (core, observations) = obstruction(2);
    let evidence_len = core.encode().len() - core.evidence.as_ref().unwrap().len() - 4;
    for at in [1, evidence_len] {
        let mut bytes = core.encode();
        bytes[at..at + 4].fill(0xff);
        assert_eq!(refused(Core::decode(&bytes)), CertMalformed, "length at {at}");
    }
    let mut bytes = core.encode();
    bytes[5..7].fill(0xff);
    assert_eq!(refused(Core::decode(&bytes)), CertMalformed, "name length");
    for at in [32, 32 + 4 + 102] {
        let mut bytes = observations.encode();
        bytes[at..at + 4].fill(0xff);
        assert_eq!(refused(Observations::decode(&bytes)), CertMalformed, "count at {at}");
    }
}

#[test]
fn verdict_bytes_and_predicates_are_closed_sets() {
    let good = merge(0).0.encode();
    for verdict in [0, 3, 255] {
        let mut bytes = good.clone();
        bytes[0] = verdict;
        let fault = Core::decode(&bytes).unwrap_err();
        assert_eq!((fault.code, fault.offset), (CertMalformed, Some(0)));
    }
    let first = good.len() - 8 * 34;
    for slot in 0..8 {
        let mut bytes = good.clone();
        bytes[first + slot * 34..][..2].copy_from_slice(&2001u16.to_le_bytes());
        let fault = Core::decode(&bytes).unwrap_err();
        assert_eq!((fault.code, fault.offset), (CertMalformed, Some((first + slot * 34) as u64)));
    }
}

#[test]
fn logs_are_named_sorted_and_counted() {
    assert_eq!(broken(merge(0), |core, _| core.logs.reverse()), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.logs[0].name.clear()), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.logs[0].name = "a\n".into()), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.logs[0].name = "a".repeat(65)), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.logs[0].root = hash::MERKLE_EMPTY.hash(b"")), CertMalformed);
    let root = [1; 32];
    let zero = LogEntry { name: "a".into(), count: 0, root };
    assert_eq!(broken(merge(0), |core, _| core.logs.insert(0, zero)), CertMalformed);

    let same_name = |counts: [u64; 2], roots: [[u8; 32]; 2]| {
        let (mut core, seen) = merge(0);
        for (log, (count, root)) in core.logs.iter_mut().zip(counts.into_iter().zip(roots)) {
            *log = LogEntry { name: "x".into(), count, root };
        }
        decode(&body((core, seen))).map(|_| ())
    };
    assert_eq!(same_name([2, 4], [[9; 32], [1; 32]]), Ok(()));
    assert_eq!(same_name([4, 2], [[1; 32], [9; 32]]), Err(CertMalformed));
    assert_eq!(same_name([3, 3], [[1; 32], [9; 32]]), Ok(()));
    assert_eq!(same_name([3, 3], [[9; 32], [1; 32]]), Err(CertMalformed));
    assert_eq!(same_name([3, 3], [[1; 32], [1; 32]]), Ok(()));

    let good = merge(0).0.encode();
    let mut bytes = good;
    bytes[7] = 0xff;
    let fault = Core::decode(&bytes).unwrap_err();
    assert_eq!((fault.code, fault.offset), (CertMalformed, Some(7)), "not UTF-8");
}

#[test]
fn caps_stand_at_the_last_log_name_byte_event_and_id() {
    let with_logs = |count: usize| {
        let (mut core, mut seen) = merge(0);
        core.logs.splice(0..0, vec![empty_log("a"); count - 2]);
        seen.heads.clear();
        decode(&body((core, seen))).map(|_| ())
    };
    assert_eq!(with_logs(limits::MAX_LOGS as usize), Ok(()));
    assert_eq!(with_logs(limits::MAX_LOGS as usize + 1), Err(LimitExceeded));

    let (mut core, seen) = merge(0);
    core.logs[0].name = "a".repeat(64);
    assert!(decode(&body((core, seen))).is_ok());

    let with_events = |events: u64| {
        let (mut core, mut seen) = merge(0);
        core.logs[1].count = events - 3;
        (core.coverage[1].judged, core.coverage[2].judged, seen.payload.judged) = (events, events, events);
        decode(&body((core, seen))).map(|_| ())
    };
    assert_eq!(with_events(u64::from(limits::MAX_BATCH_EVENTS)), Ok(()));
    assert_eq!(with_events(u64::from(limits::MAX_BATCH_EVENTS) + 1), Err(LimitExceeded));
    assert_eq!(broken(merge(0), |core, _| core.logs[0].count = u64::MAX), LimitExceeded);

    assert!(decode(&body(merge(limits::MAX_STATE_IDS - 5))).is_ok());
    assert_eq!(decode(&body(merge(limits::MAX_STATE_IDS - 4))).unwrap_err(), LimitExceeded);
    assert_eq!(decode(&body(obstruction(limits::MAX_STATE_IDS + 1))).unwrap_err(), LimitExceeded);

    let with_figures = |count: u16| {
        let (core, mut seen) = merge(0);
        seen.analytics = vec![0; usize::from(count)];
        decode(&body((core, seen))).map(|_| ())
    };
    assert_eq!(with_figures(limits::MAX_ANALYTICS), Ok(()));
    assert_eq!(with_figures(limits::MAX_ANALYTICS + 1), Err(LimitExceeded));
}

#[test]
fn counts_fit_their_roots_and_each_other() {
    let empty_merkle = hash::MERKLE_EMPTY.hash(b"");
    let empty_trie = hash::TRIE_EMPTY.hash(b"");
    assert_eq!(broken(merge(0), |core, _| core.trace_root = empty_merkle), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.batch_id_root = empty_trie), CertMalformed);
    assert_eq!(broken(obstruction(0), |core, _| core.trace_count = 0), CertMalformed);
    assert_eq!(broken(obstruction(0), |core, _| core.trace_count = 6), CertMalformed);
    assert_eq!(broken(merge(3), |core, _| core.prior.id_root = empty_trie), CertMalformed);
    assert_eq!(broken(merge(3), |core, _| core.prior.frontier_root = empty_trie), CertMalformed);
    assert_eq!(broken(merge(3), |core, _| core.next.id_root = empty_trie), CertMalformed);
    let streams = |core: &mut Core, count| {
        core.prior.frontier_count = count;
        core.next = core.prior;
    };
    assert_eq!(broken(obstruction(3), |core, _| streams(core, 4)), CertMalformed);
    let (mut core, seen) = obstruction(3);
    streams(&mut core, 3);
    assert!(decode(&body((core, seen))).is_ok(), "each id in its own stream");
    assert_eq!(
        broken(merge(3), |core, _| {
            (core.prior.frontier_count, core.prior.frontier_root) = (0, empty_trie);
        }),
        CertMalformed,
        "ids without a stream"
    );
    let more_ids_than_events = |core: &mut Core| {
        core.batch_id_count = 7;
        core.coverage[6].skipped = 6;
    };
    assert_eq!(broken(obstruction(0), |core, _| more_ids_than_events(core)), CertMalformed);
    let events_without_ids = |core: &mut Core| {
        (core.batch_id_count, core.batch_id_root) = (0, empty_trie);
        core.coverage[6] = Coverage::default();
    };
    assert_eq!(broken(obstruction(0), |core, _| events_without_ids(core)), CertMalformed);
}

#[test]
fn coverage_adds_up_to_its_units() {
    for slot in 0..8 {
        let more = |core: &mut Core, _: &mut Observations| core.coverage[slot].skipped += 1;
        assert_eq!(broken(merge(0), more), CertMalformed, "slot {slot}");
        let wrapped = |core: &mut Core, _: &mut Observations| core.coverage[slot].known = u64::MAX;
        assert_eq!(broken(merge(0), wrapped), CertMalformed, "slot {slot}");
        let guilty = |core: &mut Core, _: &mut Observations| {
            core.coverage[slot].violated = core.coverage[slot].judged + 1;
        };
        assert_eq!(broken(obstruction(0), guilty), CertMalformed, "slot {slot}");
    }
    let every_event_wraps = |core: &mut Core| {
        for slot in [0, 3, 4, 5, 7] {
            core.coverage[slot].known = u64::MAX;
        }
    };
    assert_eq!(broken(obstruction(0), |core, _| every_event_wraps(core)), CertMalformed);
    let distinct_events = |events: u64| {
        move |core: &mut Core, _: &mut Observations| {
            core.trace_count = events;
            for slot in [0, 3, 4, 5, 7] {
                core.coverage[slot].skipped += events;
                core.coverage[slot].skipped -= 5;
            }
        }
    };
    let (mut core, mut seen) = obstruction(0);
    core.coverage[0].skipped = 1;
    core.coverage[0].judged = 4;
    distinct_events(6)(&mut core, &mut seen);
    assert!(decode(&body((core, seen))).is_ok(), "two versions of one id");
    assert_eq!(broken(obstruction(0), distinct_events(7)), CertMalformed, "more events than occurrences");
    let two_versions = |core: &mut Core, seen: &mut Observations| {
        distinct_events(6)(core, seen);
        core.next = state(6);
    };
    assert_eq!(broken(merge(0), two_versions), CertMalformed, "two versions cannot merge");
}

#[test]
fn a_merge_is_clean_and_accepts_its_trace() {
    for slot in 0..8 {
        let guilty = |core: &mut Core, _: &mut Observations| {
            core.coverage[slot].judged += u64::from(core.coverage[slot].judged == 0);
            core.coverage[slot].violated = 1;
        };
        assert_eq!(broken(merge(0), guilty), CertMalformed, "slot {slot}");
    }
    let (mut core, _) = merge(0);
    core.coverage[0].violated = 1;
    assert_eq!(refused(core.validate()), CertMalformed, "also of the core alone");
    assert_eq!(broken(merge(0), |_, seen| seen.payload.violated = 1), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.next = state(6)), CertMalformed);
    assert_eq!(broken(merge(0), |core, _| core.next = core.prior), CertMalformed);
    assert_eq!(broken(merge(3), |core, _| core.next.state_format = 2), CertMalformed);
    let too_many_streams = |core: &mut Core, _: &mut Observations| core.next.frontier_count = 7;
    assert_eq!(broken(merge(3), too_many_streams), CertMalformed);
    let streams_lost = |core: &mut Core, _: &mut Observations| core.prior.frontier_count = 2;
    assert_eq!(broken(merge(3), streams_lost), CertMalformed);
    let (mut core, _) = merge(0);
    core.evidence = Some(vec![1]);
    assert_eq!(refused(core.validate()), CertMalformed);
    assert_eq!(refused(Core::decode(&core.encode())), CertMalformed, "evidence on a merge is trailing");

    let nothing_new = |core: &mut Core, _: &mut Observations| {
        (core.trace_count, core.trace_root) = (0, hash::MERKLE_EMPTY.hash(b""));
        core.next = core.prior;
        core.next.id_root = [8; 32];
    };
    assert_eq!(broken(merge(3), nothing_new), CertMalformed, "only new events change the state");
}

#[test]
fn an_obstruction_has_a_violation_evidence_and_no_effect() {
    assert_eq!(broken(obstruction(0), |core, _| core.next = state(5)), CertMalformed);
    assert_eq!(broken(obstruction(3), |core, _| core.next.frontier_root = [8; 32]), CertMalformed);
    assert_eq!(broken(obstruction(0), |core, _| core.evidence = Some(Vec::new())), CertMalformed);
    assert_eq!(broken(obstruction(0), |core, _| core.evidence = None), CertMalformed);
    assert_eq!(broken(obstruction(0), |core, _| core.coverage[4].violated = 0), CertMalformed);
    let (mut core, mut seen) = obstruction(0);
    (core.coverage[4].violated, seen.payload.violated) = (0, 1);
    assert!(decode(&body((core, seen))).is_ok(), "2001 alone obstructs");
}

#[test]
fn observations_have_one_head_a_log() {
    let head = |log| HeadEntry { log, alg: 1, key: [1; 32], signature: [2; 64] };
    let (core, mut seen) = merge(0);
    seen.heads = vec![head(0), head(1)];
    assert!(decode(&body((core, seen))).is_ok());
    assert_eq!(broken(merge(0), |_, seen| seen.heads = vec![head(1), head(0)]), CertMalformed);
    assert_eq!(broken(merge(0), |_, seen| seen.heads = vec![head(0), head(0)]), CertMalformed);
    assert_eq!(broken(merge(0), |_, seen| seen.heads = vec![head(2)]), CertMalformed);
    assert_eq!(broken(merge(0), |_, seen| seen.heads[0].alg = 2), CertMalformed);
    assert_eq!(broken(merge(0), |_, seen| seen.payload.judged = 7), CertMalformed);
    assert_eq!(broken(merge(0), |_, seen| seen.payload.known = u64::MAX), CertMalformed);
    assert_eq!(broken(obstruction(0), |_, seen| seen.payload.violated = 7), CertMalformed);
    let wrapped = Coverage { known: u64::MAX, judged: 1, ..Coverage::default() };
    let seen = Observations { payload: wrapped, ..Observations::default() };
    assert_eq!(refused(seen.validate()), CertMalformed);
    let crowd: Vec<_> = (0..=limits::MAX_LOGS).map(head).collect();
    let seen = Observations { heads: crowd, ..Observations::default() };
    assert_eq!(refused(seen.validate()), LimitExceeded);
}

#[test]
fn states_of_other_formats_are_data() {
    let (mut core, seen) = obstruction(3);
    core.prior.state_format = 2;
    core.prior.frontier_count = 99;
    core.next = core.prior;
    assert_eq!(core.verdict, VerdictKind::Obstruction);
    assert!(decode(&body((core, seen))).is_ok());
}
