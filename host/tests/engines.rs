//! One kernel, three ways to run it, one answer: bodies, next states and snapshots are equal bytes
//! natively, under Cranelift and under Pulley; scanned in parts or fed; by any replay seed.
//!
//! The batches are those of the kernel's own tests. Everything random comes from fixed seeds.

#[path = "../../kernel/tests/common/mod.rs"]
mod common;
#[path = "support/engines.rs"]
mod engines;
#[path = "../../kernel/tests/recipes/mod.rs"]
#[allow(dead_code)]
mod recipes;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::generate::{Case, LogPlan, case};
use engines::{Engines, Outcome, restored, told};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

type Logs = Vec<Vec<u8>>;

fn bytes(logs: &[LogPlan]) -> Logs {
    logs.iter().map(LogPlan::bytes).collect()
}

/// Runs `each` over generated batches: the same ones every time.
fn over_generated(cases: u32, each: impl Fn(Case)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"the engines of one kernel agree!");
    let done = TestRunner::new_with_rng(config, rng).run(&case(), |case| {
        each(case);
        Ok(())
    });
    done.unwrap();
}

/// Judges a case every way; true where the second batch merges.
fn judge_every_way(engines: &Engines, prior: &[Logs], batch: &Logs, nth: usize) -> bool {
    // Once natively, to know what must come out.
    let mut session = engines.native.session().unwrap();
    let befores: Vec<Outcome> = prior.iter().map(|logs| Outcome::fed(&mut session, logs, 1 << 20)).collect();
    let expected = Outcome::fed(&mut session, batch, 1 << 20);

    // From genesis, compiled and interpreted, cut into chunks of many sizes.
    for (name, kernel) in &engines.all()[1..] {
        let mut session = kernel.session().unwrap();
        for (logs, before) in prior.iter().zip(&befores) {
            assert_eq!(Outcome::fed(&mut session, logs, 1 << 20), *before, "{name}: prior batch");
        }
        let chunk = [1 << 20, 8, 96, 1000, 4096][nth % 5];
        assert_eq!(Outcome::fed(&mut session, batch, chunk), expected, "{name}, in chunks of {chunk}");
    }

    // From a snapshot that another engine took: scanned in parts, and by a seed's schedule.
    let start = befores.last().map(|before| &before.snapshot);
    let session =
        || start.map_or_else(|| engines.cranelift.session().unwrap(), |at| restored(&engines.cranelift, at));
    let scanned = Outcome::scanned(&engines.cranelift, &mut session(), batch, 1 + nth % 3);
    assert_eq!(scanned, expected, "scanned in parts");
    // Each scanned part takes an instance of its own: of thousands of logs one schedule is enough.
    let seeds = [0, 1 + nth as u64, u64::MAX - nth as u64];
    for seed in &seeds[..if batch.len() > 100 { 1 } else { 3 }] {
        let scheduled = Outcome::scheduled(&engines.cranelift, &mut session(), batch, *seed);
        assert_eq!(told(&scheduled), told(&expected), "seed {seed}");
        assert_eq!(scheduled.snapshot, expected.snapshot, "seed {seed}");
    }
    expected.merged()
}

fn generated_batches_agree(cases: u32) {
    let engines = Engines::new();
    let (nth, merged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    over_generated(cases, |case| {
        let prior: Vec<Logs> = case.prior.iter().map(|logs| bytes(logs)).collect();
        let nth = nth.fetch_add(1, Ordering::Relaxed);
        if judge_every_way(&engines, &prior, &bytes(&case.batch), nth) {
            merged.fetch_add(1, Ordering::Relaxed);
        }
    });
    let merged = merged.into_inner();
    println!("{cases} batches, {merged} of them merge");
    // Neither verdict may be one that is hardly ever compared.
    let share = cases as usize / 5;
    assert!((share..cases as usize - share).contains(&merged), "{merged} of {cases} merge");
}

#[test]
fn a_thousand_generated_batches_agree() {
    generated_batches_agree(1_000);
}

/// For `make test-full`.
#[test]
#[ignore = "ten minutes"]
fn ten_thousand_generated_batches_agree() {
    generated_batches_agree(10_000);
}

/// Sessions that go on from batch to batch: what one accepts, the next ones know or contradict.
#[test]
fn long_lived_sessions_agree() {
    let engines = Engines::new();
    let sessions = engines.all().map(|(name, kernel)| (name, kernel.session().unwrap()));
    let sessions = std::cell::RefCell::new(sessions);
    over_generated(60, |case| {
        for logs in case.prior.iter().chain([&case.batch]).map(|logs| bytes(logs)) {
            let mut sessions = sessions.borrow_mut();
            let mut outcomes =
                sessions.iter_mut().map(|(name, session)| (*name, Outcome::fed(session, &logs, 500)));
            let (_, expected) = outcomes.next().unwrap();
            outcomes.for_each(|(name, outcome)| assert_eq!(outcome, expected, "{name}"));
        }
    });
}

#[test]
fn every_vector_agrees() {
    let engines = Engines::new();
    let vectors = recipes::all();
    assert!(vectors.len() > 100);
    for (nth, recipe) in vectors.iter().enumerate() {
        let (batch, prior) = recipe.batches.split_last().unwrap();
        judge_every_way(&engines, prior, batch, nth);
    }
}

/// Ids that lie apart by what just fits, or does not, into a machine's word: 32 bits there, 64 here.
#[test]
fn far_ids_agree() {
    let engines = Engines::new();
    let mut logs = Logs::new();
    for bits in [31, 32, 63, 64, 111] {
        for far in [(1u128 << bits) - 1, 1 << bits, (1 << bits) + 1] {
            let events = [common::ev(1, 1), common::ev(2, 2).prev(1), common::ev(3, 3).prev(2).deps(&[far])];
            logs.push(common::log("a dep far away", &events));
            let events = [common::ev(1, 1), common::ev(far, 2).prev(1), common::ev(2, 3).prev(far)];
            logs.push(common::log("an event far away", &events));
            logs.push(common::log("a prev far away", &[common::ev(1, 1), common::ev(2, 2).prev(far)]));
        }
    }
    for log in logs {
        judge_every_way(&engines, &[], &vec![log], 0);
    }
}

/// Logs that are large enough to be cut by every seed.
#[test]
fn every_seed_gives_the_same_bytes() {
    let engines = Engines::new();
    let log = |node: u32| {
        let event = |nth: u128| {
            let id = u128::from(node) << 64 | nth;
            let event = common::ev(id, nth as u64).node(node).text(&"payload ".repeat(1 + nth as usize % 40));
            if nth > 1 { event.prev(id - 1).deps(&[id - 1]) } else { event }
        };
        common::log(&format!("log {node}"), &(1..=800 * u128::from(node)).map(event).collect::<Vec<_>>())
    };
    let logs: Logs = (1..=4).map(log).collect();
    let expected = Outcome::fed(&mut engines.native.session().unwrap(), &logs, 1 << 20);
    assert!(expected.merged());
    for seed in 0..25 {
        let outcome =
            Outcome::scheduled(&engines.cranelift, &mut engines.cranelift.session().unwrap(), &logs, seed);
        assert_eq!(outcome, expected, "seed {seed}");
    }
    let outcome = Outcome::scheduled(&engines.pulley, &mut engines.pulley.session().unwrap(), &logs, 7);
    assert_eq!(outcome, expected, "Pulley");
}
