//! Random small batches: whole histories, honest and spoiled, of several writers.

use omega_formal::{Case, Numbering, Occurrence, Specification, kernel};
use omega_kernel::event::Observed;
use omega_kernel::hash;
use omega_kernel::session::Session;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::generate::{self, LogPlan};
use crate::common::{Ev, judge};

/// Cases in the everyday run; `OMEGA_CASES` asks for another number.
const CASES: usize = 5_000;

/// Cases in the long run.
const MANY_CASES: usize = 100_000;

/// The occurrences that a plan writes, told without reading what it wrote.
pub fn occurrence(event: &Ev) -> Occurrence {
    let found = match &event.payload {
        Some(bytes) => {
            Some(Observed { len: bytes.len() as u64, hash: hash::payload(bytes, event.salt.as_ref()) })
        }
        None => event.observed,
    };
    Occurrence { header: event.header.clone(), found }
}

/// The case as the specification reads it, and what the kernel makes of it.
fn judged(case: &generate::Case) -> (String, String) {
    let batches: Vec<&Vec<LogPlan>> = case.prior.iter().chain([&case.batch]).collect();
    let plain: Case = batches
        .iter()
        .map(|batch| batch.iter().map(|log| log.events.iter().map(occurrence).collect()).collect())
        .collect();
    let numbering = Numbering::new(plain.iter().flatten().flatten());
    let mut session = Session::genesis();
    let answers: Vec<String> = batches
        .iter()
        .map(|batch| {
            let logs: Vec<Vec<u8>> = batch.iter().map(LogPlan::bytes).collect();
            kernel::judge(&mut session, &logs, &numbering).expect("a verdict")
        })
        .collect();
    let state = kernel::state(session.state(), &numbering);
    (numbering.line(&plain), format!("{}#{state}", answers.join("|")))
}

/// The same cases in every run.
fn cases(count: usize) -> impl Iterator<Item = generate::Case> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = generate::case();
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("a case").current())
}

fn agree_on(count: usize) {
    let specification = Specification::build();
    let mut conflicts = 0;
    let compared = specification.compare(|put| {
        for (line, kernel) in cases(count).map(|case| judged(&case)) {
            conflicts += usize::from(kernel.rsplit('|').next().is_some_and(|last| last.starts_with('O')));
            if !put(line, kernel) {
                break;
            }
        }
    });
    match compared {
        Ok(compared) => {
            println!("{compared} random cases, {conflicts} of them conflicts: kernel = specification")
        }
        Err(difference) => panic!("{difference:#?}"),
    }
    // The generator neither drowns the conflicts nor the merges.
    assert!(conflicts > count / 5 && conflicts < count / 5 * 4, "{conflicts} conflicts");
}

#[test]
fn kernel_and_specification_agree_on_random_cases() {
    agree_on(std::env::var("OMEGA_CASES").map_or(CASES, |cases| cases.parse().expect("a number of cases")));
}

#[test]
#[ignore = "long: make test-full"]
fn kernel_and_specification_agree_on_many_random_cases() {
    agree_on(MANY_CASES);
}

#[test]
fn what_differs_is_told() {
    let empty = LogPlan { name: "a".into(), events: Vec::new(), head: None };
    let case = generate::Case { prior: Vec::new(), batch: vec![empty] };
    assert_eq!(judge(&[case.batch[0].bytes()]).kind, omega_kernel::body::VerdictKind::Merge);
    let (line, kernel) = judged(&case);
    let wrong = kernel.replacen('M', "O 1001 1", 1);
    let specification = Specification::build();
    let difference = specification.compare(|put| {
        put(line.clone(), kernel.clone());
        let put_more = (0..1_000_000).take_while(|_| put(line.clone(), wrong.clone())).count();
        assert!(put_more < 1_000_000, "nobody was told that it is over");
    });
    let difference = difference.unwrap_err();
    assert_eq!((difference.nth, difference.kernel, difference.specification), (2, wrong, kernel));
}
