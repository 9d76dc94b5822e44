//! What engines of one component would differ in, if they did: no component at hand makes them.

use omega_kernel::body::Body;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::LogHeader;

use super::answer::between;
use super::line::{Line, Role};
use super::*;
use crate::check::{self, Judged, Log};
use crate::engine::{Kernel, Mode, Options};

/// A verdict about a log without events.
fn judged() -> Judged {
    let kernel = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() }).unwrap();
    let log = Source::from_bytes("a", LogHeader::new("a").unwrap().encode().to_vec());
    check::judge(&kernel, &mut kernel.session().unwrap(), &[Log::whole(&log)], 0, &mut |_| Ok(())).unwrap()
}

fn edited(edit: impl FnOnce(&mut Core, &mut Observations)) -> Judged {
    let mut judged = judged();
    let (mut core, mut observations) = omega_verify::read_body(&judged.verdict.body).unwrap();
    edit(&mut core, &mut observations);
    judged.verdict.body = Body { core: &core.encode(), observations: &observations.encode() }.join();
    judged
}

fn batch(answers: Vec<(&'static str, Answer)>, engines: Option<Difference>) -> Batch {
    let engines = engines.map(|difference| ("pulley", difference));
    Batch { height: 1, batch_id: 1, verdict: VerdictKind::Merge, answers, named: None, engines }
}

fn difference() -> Difference {
    Difference { field: "verdict".into(), sentence: "differs".into(), byte: Some(4) }
}

fn failure() -> Answer {
    Answer::Failed(Fault::new(FaultCode::FrameDamaged, "damaged").into())
}

#[test]
fn what_differs_between_engines_is_named_with_its_byte() {
    let one = judged();
    assert_eq!(between(&one, &judged()), None);
    let named = edited(|core, _| core.logs[0].name = "b".into());
    // core_len, verdict, log_count, name_len: then the name.
    let found = between(&one, &named).unwrap();
    assert_eq!((found.field.as_str(), found.byte), ("logs", Some(4 + 1 + 4 + 2)));
    let observed = edited(|_, observations| observations.analytics[0] += 1);
    let found = between(&one, &observed).unwrap();
    assert_eq!((found.field.as_str(), found.byte), ("observations", Some(one.verdict.body.len() - 20)));
    let mut garbage = judged();
    garbage.verdict.body.truncate(9);
    let found = between(&one, &garbage).unwrap();
    assert_eq!((found.field.as_str(), found.byte), ("body", Some(9)));
    let mut elsewhere = judged();
    elsewhere.state.id_count += 1;
    let found = between(&one, &elsewhere).unwrap();
    assert_eq!((found.field.as_str(), found.byte), ("state", None));
}

#[test]
fn a_batch_counts_as_the_worst_that_was_found() {
    let agrees = || ("cranelift", Answer::Agrees);
    let differs = || ("pulley", Answer::Differs(difference()));
    let cases = [
        (batch(vec![agrees()], None), Outcome::Agrees),
        (batch(vec![agrees(), ("pulley", failure())], None), Outcome::Unchecked),
        // Whether the other one could judge is not the question.
        (Batch { named: Some(failure()), ..batch(vec![agrees()], None) }, Outcome::Agrees),
        (batch(vec![("cranelift", failure()), differs()], None), Outcome::Differs),
        // Where one engine bears the certificate out, it is not the certificate that is wrong.
        (batch(vec![agrees(), differs()], Some(difference())), Outcome::EnginesDiffer),
        (
            Batch { named: Some(Answer::Differs(difference())), ..batch(vec![agrees()], None) },
            Outcome::Differs,
        ),
    ];
    for (batch, outcome) in cases {
        assert_eq!(batch.outcome(), outcome, "{batch:?}");
    }
}

#[test]
fn who_did_not_come_to_judge_a_batch_is_not_in_the_state_behind_it() {
    let kernel = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() }).unwrap();
    let line = || Line::new(Role::Audited, "native", kernel.clone(), true);
    let empty = StateCommitment::empty();
    let next = StateCommitment { id_count: 1, ..empty };
    // It could not be opened: what comes next does not start where it stood.
    let mut unopened = line();
    unopened.settle(&empty, &next);
    assert!(unopened.needs(&next) && unopened.needs(&empty));
    // A conflict leaves everybody where they were.
    let mut still = line();
    still.settle(&empty, &empty);
    assert!(!still.needs(&empty));
    still.open(None).unwrap();
    assert!(still.is_in(&empty) && !still.needs(&empty) && still.needs(&next));
    still.settle(&empty, &next);
    assert!(!still.has_state());
}

#[test]
fn a_checkers_difference_is_named_before_engines_and_lists_end() {
    let (core, observations) = omega_verify::read_body(&judged().verdict.body).unwrap();
    let mut audited = Audited::new([0; 32], vec!["cranelift", "pulley"]);
    let mut take =
        |height: u64, batch: Batch| audited.take(Batch { height, ..batch }, &core, &observations, false);
    take(1, batch(vec![("cranelift", Answer::Agrees)], None));
    take(2, batch(Vec::new(), Some(difference())));
    take(3, batch(vec![("cranelift", Answer::Differs(difference()))], None));
    take(4, batch(vec![("cranelift", Answer::Differs(difference()))], None));
    (5..=LISTED as u64 + 5).for_each(|height| take(height, batch(vec![("cranelift", failure())], None)));
    assert_eq!(audited.first_difference.as_ref().map(|batch| batch.height), Some(3));
    assert_eq!(audited.first_unchecked.as_ref().map(|batch| batch.height), Some(5));
    assert_eq!((audited.batches.len(), audited.not_listed), (LISTED, 4));
    assert_eq!(audited.audited(), LISTED as u64 + 5);
    assert_eq!((audited.agreed, audited.engines_differed, audited.differed), (1, 1, 2));
}
