//! The kernel against the reference model: thousands of small batches, honest and spoiled, must get
//! the same verdict, anchor, predicate, coverage, roots and next state from both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::generate::{Case, LogPlan, case};
use crate::common::model::{Expected, Model};
use crate::common::{cases, judge, judge_in};
use omega_kernel::body::{Body, PREDICATES, VerdictKind};
use omega_kernel::evidence::{self, Kind};
use omega_kernel::session::{Finished, Session};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// Cases in the everyday run; `OMEGA_CASES` asks for another number.
const CASES: u32 = 8_000;

/// What the kernel found, in the model's words; evidence is checked on the way.
fn found(finished: &Finished) -> (Expected, Option<Kind>) {
    let (core, observations) =
        Body::split(&finished.body).unwrap().decode().expect("a body that obeys its rules");
    let conflict = (core.verdict == VerdictKind::Obstruction)
        .then(|| evidence::check(&core, &observations.payload).expect("evidence that is seen to be right"));
    let kind = conflict.as_ref().map(|conflict| conflict.evidence.kind);
    let coverage: BTreeMap<_, _> = PREDICATES
        .iter()
        .map(|predicate| (predicate.id, *core.coverage_of(predicate.id).unwrap_or(&observations.payload)))
        .collect();
    let anchor = conflict
        .map(|conflict| (conflict.evidence.kind.predicate(), conflict.evidence.events[0].header.clone()));
    let expected = Expected {
        anchor,
        coverage,
        logs: core.logs,
        trace: (core.trace_count, core.trace_root),
        batch_ids: (core.batch_id_count, core.batch_id_root),
        analytics: observations.analytics,
    };
    (expected, kind)
}

fn bytes(logs: &[LogPlan]) -> Vec<Vec<u8>> {
    logs.iter().map(LogPlan::bytes).collect()
}

/// Judges a case by both; gives what the kernel named.
fn agree(case: &Case) -> Result<Option<Kind>, TestCaseError> {
    let (mut session, mut model) = (Session::genesis(), Model::default());
    for prior in &case.prior {
        let before = judge_in(&mut session, &bytes(prior));
        prop_assert_eq!(before.kind, VerdictKind::Merge);
        prop_assert_eq!(found(&before), (model.judge(prior), None));
    }
    let second = judge_in(&mut session, &bytes(&case.batch));
    let (found, kind) = found(&second);
    prop_assert_eq!(found, model.judge(&case.batch));
    prop_assert_eq!(session.state().commitment().root(), model.root());
    Ok(kind)
}

#[test]
fn kernel_and_model_agree() {
    let seen: Vec<AtomicU32> = (0..=Kind::ALL.len()).map(|_| AtomicU32::new(0)).collect();
    let cases = cases(CASES);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    // The same cases in every run: more of them is how more are explored.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&case(), |case| {
            let kind = agree(&case)?;
            seen[kind.map_or(0, |kind| kind as usize)].fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    // The generator reaches every way to go wrong, and does not drown the honest cases.
    let seen: Vec<u32> = seen.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    println!("merges {}", seen[0]);
    Kind::ALL.iter().for_each(|&kind| println!("{} {}", kind.name(), seen[kind as usize]));
    assert!(seen[0] > cases / 5 && seen[0] < cases / 5 * 4, "merges: {}", seen[0]);
    for kind in Kind::ALL {
        assert!(seen[kind as usize] > 0, "{kind:?} was never the first violation");
    }
}

#[test]
fn an_empty_batch_of_an_empty_log_agrees() {
    let case = Case {
        prior: Vec::new(),
        batch: vec![LogPlan { name: "a".into(), events: Vec::new(), head: Some(1) }],
    };
    agree(&case).unwrap();
    assert_eq!(judge(&bytes(&case.batch)).kind, VerdictKind::Merge);
}
