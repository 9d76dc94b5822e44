//! Input that changes under the reader, and runs that no scanner made. Bad files of every other kind
//! are cases of the built command: `tests/cli/bad_*.toml`.

#[path = "../../kernel/tests/common/mod.rs"]
mod common;
#[path = "support/engines.rs"]
mod engines;

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Ev, ev};
use engines::{Engines, Outcome, snapshot};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::Frames;
use omega_sheaf::check::{Log, judge};
use omega_sheaf::engine::{Error, Kernel, ScanPart};
use omega_sheaf::failure::{Code, Failure, HostCode};
use omega_sheaf::map::Source;

/// A log of so many mebibytes.
fn large(mebibytes: usize) -> Vec<u8> {
    let payload = "payload ".repeat(1 << 15);
    let event = |id: u128| {
        let event = ev(id, id as u64).text(&payload);
        if id > 1 { event.prev(id - 1) } else { event }
    };
    common::log("large", &(1..=4 * mebibytes as u128).map(event).collect::<Vec<_>>())
}

fn cut(path: &Path, bytes: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

/// Judges a file that `change` changes once its first chunk is read, and a sound log afterwards.
fn changed_meanwhile(kernel: &Kernel, seed: u64, change: impl Fn(&Path)) -> Failure {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.omega");
    fs::write(&path, large(12)).unwrap();
    let source = Source::open(&path).unwrap();
    let sound = Source::from_bytes("sound.omega", common::log("sound", &[ev(1 << 100, 1)]));
    let mut session = kernel.session().unwrap();
    let before = snapshot(&mut session);
    let mut pending = true;
    let failure =
        judge(kernel, &mut session, &[Log::whole(&sound), Log::whole(&source)], seed, &mut |read| {
            if read > 1000 && std::mem::take(&mut pending) {
                change(&path);
            }
            Ok(())
        })
        .expect_err("a changed log has no verdict");
    assert!(!pending);
    assert_eq!(snapshot(&mut session), before, "the state moved");
    let judged = judge(kernel, &mut session, &[Log::whole(&sound)], seed, &mut |_| Ok(())).unwrap();
    assert!(judged.verdict.merged);
    failure
}

#[test]
fn a_log_that_is_cut_between_two_chunks_is_a_failure_and_the_process_lives() {
    let engines = Engines::new();
    for kernel in [&engines.native, &engines.cranelift] {
        for seed in [0, 1, 2, 3, 4, 5, 6] {
            // Reading on raises SIGBUS: the pages are gone.
            let failure = changed_meanwhile(kernel, seed, |path| cut(path, 8192));
            assert_eq!(failure.code, Code::Host(HostCode::ChangedWhileRead), "seed {seed}: {failure}");
            assert!(failure.file.unwrap().ends_with("x.omega"));
            assert!(failure.hint.is_some());
        }
        for change in [
            |path: &Path| cut(path, 0),
            |path: &Path| cut(path, 13 << 20),
            |path: &Path| fs::write(path, large(12)).unwrap(),
            // Longer first, so that nothing is lost at any moment; then as it was.
            |path: &Path| {
                let bytes = fs::metadata(path).unwrap().len();
                cut(path, bytes + 1);
                cut(path, bytes);
            },
        ] {
            let failure = changed_meanwhile(kernel, 0, change);
            assert_eq!(failure.code, Code::Host(HostCode::ChangedWhileRead), "{failure}");
        }
    }
}

/// The same from outside: the command has the file mapped, and somebody cuts it.
#[test]
fn the_command_answers_where_its_input_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.omega");
    fs::write(&path, large(24)).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_omega"))
        .args(["check", "x.omega"])
        .current_dir(folder.path())
        // Slow enough to be caught in the middle.
        .env("OMEGA_KERNEL_ENGINE", "pulley")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let maps = format!("/proc/{}/maps", child.id());
    let begun = Instant::now();
    while !fs::read_to_string(&maps).unwrap().contains("x.omega") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the file is never mapped");
        std::thread::sleep(Duration::from_millis(1));
    }
    cut(&path, 5000);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(30), "{}", String::from_utf8_lossy(&output.stderr));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["code"], "file-changed-while-read", "{object}");
}

/// A file that is replaced, as editors and `mv` do, is not the one that is mapped: nothing happens.
#[test]
fn a_replaced_file_is_judged_as_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.omega");
    fs::write(&path, common::log("x", &[ev(1, 1)])).unwrap();
    let source = Source::open(&path).unwrap();
    fs::write(folder.path().join("new"), common::log("x", &[ev(2, 2), ev(3, 3)])).unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    let kernel = Engines::new().cranelift;
    let judged = judge(&kernel, &mut kernel.session().unwrap(), &[Log::whole(&source)], 0, &mut |_| Ok(()));
    assert_eq!(judged.unwrap().verdict.logs[0].events, 1);
    drop(File::open(&path).unwrap());
}

/// A log and its run.
fn run_of(kernel: &Kernel, part: ScanPart, bytes: &[u8], last: bool) -> Vec<u8> {
    let mut scanner = kernel.scanner(part).unwrap();
    scanner.push(bytes).unwrap();
    scanner.finish(last).unwrap()
}

fn absorbed(kernel: &Kernel, runs: &[&[u8]]) -> Result<bool, Fault> {
    let mut session = kernel.session().unwrap();
    session.begin_batch(&[None]).unwrap();
    let absorbed = runs.iter().try_for_each(|run| session.absorb(0, run));
    match absorbed.and_then(|()| session.finish()) {
        Ok(verdict) => Ok(verdict.merged),
        Err(Error::Fault(fault)) => Err(fault),
        Err(Error::Failure(failure)) => panic!("the engine failed: {failure}"),
    }
}

fn events() -> Vec<Ev> {
    vec![
        ev(1, 1).claim(1),
        ev(2, 2).prev(1).deps(&[1]),
        ev(3, 3).prev(2).mismatch(),
        ev(4, 4).prev(3).deps(&[1, 2, 3]).salted(1),
    ]
}

#[test]
fn forged_runs_are_refused_by_every_engine_alike() {
    let engines = Engines::new();
    let log = common::log("a", &events());
    let run = run_of(&engines.cranelift, ScanPart::default(), &log, true);
    assert_eq!(absorbed(&engines.cranelift, &[&run]), Ok(false), "the true run: its third payload is wrong");

    // magic 8, start 8, end 8, flags 4, events 4, deps 8, claims 4, observed 4, then the header.
    let with = |at: usize, bytes: &[u8]| {
        let mut forged = run.clone();
        forged[at..at + bytes.len()].copy_from_slice(bytes);
        forged
    };
    let entries = 48 + 128;
    let mut unsorted = run.clone();
    let (first, second) = unsorted[entries..entries + 256].split_at_mut(128);
    first.swap_with_slice(second);
    let forged: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("a log", log.clone()),
        ("cut", run[..run.len() - 1].to_vec()),
        ("longer", [&run[..], &[0]].concat()),
        ("magic", with(0, b"X")),
        ("version", with(6, &[2])),
        ("unknown flag", with(24, &[0x81])),
        ("one event fewer", with(28, &[3])),
        ("4 Gi events", with(28, &[0xFF; 4])),
        ("2^64 deps", with(32, &[0xFF; 8])),
        ("no claim", with(40, &[0])),
        ("end before start", with(16, &[0; 8])),
        ("unsorted", unsorted),
        ("broken header", with(48 + 60, &[1])),
        ("no header", with(8, &128u64.to_le_bytes())),
        ("one entry's deps counted twice", with(entries + 128 + 120, &[7])),
    ];
    for (what, forged) in &forged {
        let expected = absorbed(&engines.native, &[forged]).expect_err(what);
        assert!(
            matches!(expected.code, FaultCode::RunMalformed | FaultCode::RunsIncomplete),
            "{what}: {expected}"
        );
        assert_eq!(expected.log, Some(0), "{what}");
        for (name, kernel) in engines.all() {
            assert_eq!(absorbed(kernel, &[forged]), Err(expected.clone()), "{what}, {name}");
        }
    }
}

#[test]
fn runs_that_do_not_join_are_refused_by_every_engine_alike() {
    let engines = Engines::new();
    let log = common::log("a", &events());
    let middle = Frames::new(&log).unwrap().1.nth(2).unwrap().unwrap().offset as usize;
    let part = |start: usize, end: usize| {
        let part = ScanPart { log: 0, offset: start as u64, limit: None };
        run_of(&engines.cranelift, part, &log[start..end], end == log.len())
    };
    let (first, second) = (part(0, middle), part(middle, log.len()));
    for (name, kernel) in engines.all() {
        assert_eq!(absorbed(kernel, &[&first, &second]), Ok(false), "{name}");
        for (what, runs) in [
            ("the end is missing", vec![&first]),
            ("the start is missing", vec![&second]),
            ("the wrong way round", vec![&second, &first]),
            ("the first part twice", vec![&first, &first, &second]),
            ("the last part twice", vec![&first, &second, &second]),
        ] {
            let runs: Vec<&[u8]> = runs.into_iter().map(Vec::as_slice).collect();
            let fault = absorbed(kernel, &runs).expect_err(what);
            assert_eq!(fault.code, FaultCode::RunsIncomplete, "{what}, {name}: {fault}");
        }
    }
}

/// Whatever single bit of a run is turned: never a trap, never another answer than natively.
#[test]
fn each_flipped_bit_of_a_run_is_answered_alike() {
    let engines = Engines::new();
    let log = common::log("a", &events());
    let mut run = run_of(&engines.native, ScanPart::default(), &log, true);
    for flip in 0..8 * run.len() {
        run[flip / 8] ^= 1 << (flip % 8);
        let expected = absorbed(&engines.native, &[&run]);
        assert_eq!(absorbed(&engines.cranelift, &[&run]), expected, "bit {flip}");
        if flip % 61 == 0 {
            assert_eq!(absorbed(&engines.pulley, &[&run]), expected, "bit {flip}, Pulley");
        }
        run[flip / 8] ^= 1 << (flip % 8);
    }
}

/// Feeding out of turn is the host's mistake: a fault, and the session goes on.
#[test]
fn misuse_is_a_fault_of_every_engine_alike() {
    let engines = Engines::new();
    let log = common::log("a", &[ev(1, 1)]);
    for (name, kernel) in engines.all() {
        let mut session = kernel.session().unwrap();
        let misused = |result: Result<(), Error>| match result {
            Err(Error::Fault(fault)) => assert_eq!(fault.code, FaultCode::SessionMisuse, "{name}"),
            other => panic!("{name}: {other:?}"),
        };
        misused(session.feed(0, &log));
        misused(session.finish().map(drop));
        session.begin_batch(&[None]).unwrap();
        misused(session.begin_batch(&[None]));
        misused(session.feed(1, &log));
        let outcome = session.feed(0, &log).and_then(|()| session.finish());
        assert!(outcome.unwrap().merged, "{name}");
        session.abort().unwrap();
        assert!(Outcome::fed(&mut session, std::slice::from_ref(&log), 100).merged(), "{name}");
    }
}
