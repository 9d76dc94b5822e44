use omega_kernel::event::EventHeader;
use omega_kernel::fault::FaultCode;
use omega_kernel::frame::{LogHeader, write_frame};
use omega_kernel::wire::{PayloadRef, encode_event};

use super::*;
use crate::engine::{Mode, Options};
use crate::failure::Code;

/// A log of `count` events of one node.
fn log_of(node: u32, count: u64) -> Vec<u8> {
    let mut log = LogHeader::new(&format!("log {node}")).unwrap().encode().to_vec();
    let mut prev = 0;
    for lamport in 1..=count {
        let payload = vec![node as u8; 300];
        let id = u128::from(node) << 64 | u128::from(lamport);
        let header = EventHeader {
            lamport,
            node,
            stream: 0,
            id,
            prev,
            claim: None,
            payload_len: payload.len() as u64,
            payload_hash: omega_kernel::hash::payload(&payload, None),
            deps: Vec::new(),
        };
        let mut message = Vec::new();
        encode_event(&header, PayloadRef::Present { bytes: &payload, salt: None }, &mut message);
        write_frame(&message, &mut log);
        prev = id;
    }
    log
}

fn kernel(mode: Mode) -> Kernel {
    kernel_of(mode, 1)
}

fn kernel_of(mode: Mode, jobs: usize) -> Kernel {
    Kernel::embedded(&Options { mode, jobs, ..Options::default() }).unwrap()
}

fn judge_all(kernel: &Kernel, sources: &[Source], seed: u64) -> Result<Judged, Failure> {
    let logs: Vec<_> = sources.iter().map(Log::whole).collect();
    judge(kernel, &mut kernel.session()?, &logs, seed, &mut |_| Ok(()))
}

fn sources(logs: &[Vec<u8>]) -> Vec<Source> {
    logs.iter().enumerate().map(|(i, log)| Source::from_bytes(format!("{i}.omega"), log.clone())).collect()
}

#[test]
fn a_failure_of_progress_ends_every_schedule() {
    let sources = sources(&[log_of(1, 3000), log_of(2, 3000), log_of(3, 10)]);
    let logs: Vec<_> = sources.iter().map(Log::whole).collect();
    let kernel = kernel(Mode::Native);
    for seed in 0..8 {
        let mut left = 2;
        let mut stop = |_| {
            left -= 1;
            if left == 0 { Err(interrupt::interrupted()) } else { Ok(()) }
        };
        let failure = judge(&kernel, &mut kernel.session().unwrap(), &logs, seed, &mut stop).unwrap_err();
        assert_eq!((failure.code.name(), left), ("interrupted", 0), "seed {seed}");
    }
}

#[test]
fn every_seed_gives_the_same_bytes() {
    let sources = sources(&[log_of(1, 3000), log_of(2, 10), log_of(3, 0), log_of(4, 500)]);
    let expected = judge_all(&kernel(Mode::Native), &sources, 0).unwrap();
    assert!(expected.verdict.merged);
    let dual = kernel(Mode::Dual);
    for seed in 0..40 {
        assert_eq!(judge_all(&dual, &sources, seed).unwrap(), expected, "seed {seed}");
    }
}

#[test]
fn the_lowest_damaged_log_is_reported_whatever_the_seed() {
    let mut logs = vec![log_of(1, 100), log_of(2, 400), log_of(3, 2000), log_of(4, 10)];
    logs[1].truncate(100_003);
    logs[2][50_000] ^= 1;
    logs[3][300] ^= 1;
    let sources = sources(&logs);
    let kernel = kernel(Mode::Native);
    for seed in 0..40 {
        let failure = judge_all(&kernel, &sources, seed).unwrap_err();
        assert_eq!(failure.code, Code::Kernel(FaultCode::TornTail), "seed {seed}: {failure}");
        assert_eq!(failure.file.as_deref(), Some("1.omega"), "seed {seed}");
    }
}

#[test]
fn a_log_that_changed_gives_no_verdict_and_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.omega");
    std::fs::write(&path, log_of(1, 1000)).unwrap();
    let source = Source::open(&path).unwrap();
    let kernel = kernel(Mode::Wasm);
    let mut session = kernel.session().unwrap();
    let before = session.state().unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(9000).unwrap();
    let failure = judge(&kernel, &mut session, &[Log::whole(&source)], 0, &mut |_| Ok(())).unwrap_err();
    assert_eq!(failure.code, Code::Host(crate::failure::HostCode::ChangedWhileRead));
    assert_eq!(session.state().unwrap(), before);
}

#[test]
fn a_snapshot_carries_the_state_to_another_engine() {
    let sources = sources(&[log_of(1, 50)]);
    let (wasm, dual) = (kernel(Mode::Wasm), kernel(Mode::Dual));
    let mut session = wasm.session().unwrap();
    judge(&wasm, &mut session, &[Log::whole(&sources[0])], 0, &mut |_| Ok(())).unwrap();
    let mut bytes = Vec::new();
    session
        .snapshot(None, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .unwrap();
    let (mut restored, position) = dual.restore(&Source::from_bytes("snapshot", bytes)).unwrap();
    assert_eq!(position, None);
    assert_eq!(restored.state().unwrap(), session.state().unwrap());
}

/// Logs of several parts each, with small ones between them.
fn large_logs() -> Vec<Vec<u8>> {
    vec![log_of(1, 32_000), log_of(2, 10), log_of(3, 22_000), log_of(4, 0)]
}

#[test]
fn however_many_scan_side_by_side_the_same_comes_out() {
    let sources = sources(&large_logs());
    let expected = judge_all(&kernel(Mode::Native), &sources, 0).unwrap();
    assert!(expected.verdict.merged && expected.bytes > 2 * MIN_SIDE_BY_SIDE_BYTES);
    for jobs in [2, 3, 7] {
        assert_eq!(judge_all(&kernel_of(Mode::Native, jobs), &sources, 0).unwrap(), expected, "{jobs}");
    }
    let mut read = Vec::new();
    let kernel = kernel_of(Mode::Dual, 2);
    let logs: Vec<_> = sources.iter().map(Log::whole).collect();
    let mut hear = |bytes| {
        read.push(bytes);
        Ok(())
    };
    assert_eq!(judge(&kernel, &mut kernel.session().unwrap(), &logs, 0, &mut hear).unwrap(), expected);
    assert!(read.is_sorted() && read.last() == Some(&expected.bytes), "{read:?}");
}

/// Where the first frame begins that does not begin before a place.
fn frame_at(log: &[u8], from: usize) -> usize {
    let mut at = omega_kernel::frame::HEADER_BYTES;
    while at < from {
        at += 8 + u32::from_le_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    }
    at
}

#[test]
fn damage_is_told_the_same_however_many_scan() {
    // A byte of a payload, of a length (more than there is, or less), of a checksum, of the header; a torn tail.
    let damages: [fn(&mut Vec<u8>); 7] = [
        |log| log[6_000_000] ^= 1,
        |log| (frame_at(log, 5_000_000)..).take(4).for_each(|at| log[at] = 0xff),
        |log| (frame_at(log, 5_000_000)..).take(1).for_each(|at| log[at] ^= 8),
        |log| (frame_at(log, 5_000_000) + 2..).take(1).for_each(|at| log[at] ^= 8),
        |log| (frame_at(log, 5_000_000) + 4..).take(1).for_each(|at| log[at] ^= 1),
        |log| log[3] ^= 1,
        |log| log.truncate(log.len() - 5),
    ];
    let (one, several) = (kernel(Mode::Native), kernel_of(Mode::Dual, 3));
    for (number, damage) in damages.iter().enumerate() {
        for log in [0, 2] {
            let mut logs = large_logs();
            damage(&mut logs[log]);
            let sources = sources(&logs);
            let told = |kernel| {
                let failure = judge_all(kernel, &sources, 0).unwrap_err();
                (failure.code, failure.offset, failure.file, failure.message)
            };
            let expected = told(&one);
            assert!(expected.1.is_some(), "{expected:?}");
            assert_eq!(told(&several), expected, "{number} in {log}");
        }
    }
}

#[test]
fn a_log_longer_than_its_limit_is_judged_up_to_there_however_many_scan() {
    let sources = sources(&large_logs());
    let (one, several) = (kernel(Mode::Native), kernel_of(Mode::Native, 2));
    let judge_first = |kernel: &Kernel, limit: u64, may_be_all| {
        let mut logs: Vec<_> = sources.iter().map(Log::whole).collect();
        logs[0] = Log { limit: Some(limit), may_be_all, ..logs[0] };
        judge(kernel, &mut kernel.session().unwrap(), &logs, 0, &mut |_| Ok(()))
    };
    for limit in [0, 1, 20_000, 31_999, 32_000, 32_001] {
        let expected = judge_first(&one, limit, false).unwrap();
        assert_eq!(expected.verdict.logs[0].events, limit.min(32_000));
        for may_be_all in [false, true] {
            assert_eq!(judge_first(&several, limit, may_be_all).unwrap(), expected, "{limit}");
        }
    }
}

#[test]
fn damage_behind_a_limit_is_none_however_many_scan() {
    let mut log = log_of(1, 25_000);
    log.truncate(log.len() - 5);
    let source = Source::from_bytes("log", log);
    let first = Log { limit: Some(24_999), may_be_all: true, ..Log::whole(&source) };
    let judged = |jobs| {
        let kernel = kernel_of(Mode::Native, jobs);
        judge(&kernel, &mut kernel.session().unwrap(), &[first], 0, &mut |_| Ok(())).unwrap()
    };
    assert_eq!(judged(2), judged(1));
}

#[test]
fn a_failure_of_progress_ends_what_scans_side_by_side() {
    let sources = sources(&large_logs());
    let logs: Vec<_> = sources.iter().map(Log::whole).collect();
    let kernel = kernel_of(Mode::Native, 3);
    let mut left = 2;
    let mut stop = |_| {
        left -= 1;
        if left == 0 { Err(interrupt::interrupted()) } else { Ok(()) }
    };
    let failure = judge(&kernel, &mut kernel.session().unwrap(), &logs, 0, &mut stop).unwrap_err();
    assert_eq!((failure.code.name(), left), ("interrupted", 0));
}

#[test]
fn scanning_alone_gives_the_runs_that_make_the_verdict() {
    let source = &sources(&large_logs())[0];
    let kernel = kernel(Mode::Native);
    let expected = judge_all(&kernel, std::slice::from_ref(source), 0).unwrap();
    for instances in [1, 4] {
        let mut session = kernel.session().unwrap();
        session.begin_batch(&[None]).unwrap();
        scan(&kernel, source, instances, |run| session.absorb(0, &run)).unwrap();
        assert_eq!(session.finish().unwrap(), expected.verdict);
    }
    let stopped = scan(&kernel, source, 2, |_| Err(Failure::internal("enough").into()));
    assert!(matches!(stopped, Err(Error::Failure(_))));
}
