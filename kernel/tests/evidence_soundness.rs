//! No evidence without a violation: whatever can be put together from true proofs is believed only
//! where the reference model finds that very violation.
//!
//! For each batch every kind is tried with every choice of events, so honest redelivery is dressed
//! up as each violation, and so is every pair of innocent events.

use crate::common::generate::{Case, LogPlan, case};
use crate::common::model::Model;
use crate::common::{cases, ev, judge, judge_in, log};
use omega_kernel::body::{Body, Core, Coverage, VerdictKind, core_slot};
use omega_kernel::event::EventHeader;
use omega_kernel::evidence::{self, BatchIdLeaf, Evidence, Kind, Witness};
use omega_kernel::session::{LogInput, Session};
use omega_kernel::state::State;
use omega_kernel::trie::{Leaf, prove_sorted, root_of_sorted};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// All that a liar with the logs at hand can prove.
struct Liar<'s> {
    core: Core,
    state: &'s State,
    witnesses: Vec<Witness>,
    batch: Vec<BatchIdLeaf>,
}

impl<'s> Liar<'s> {
    /// `session` is where the batch starts from; `logs` are its bytes.
    fn new(prior: &'s State, logs: &[LogPlan]) -> Self {
        let bytes: Vec<_> = logs.iter().map(LogPlan::bytes).collect();
        let finished = judge_in(&mut Session::from_state(prior.clone()), &bytes);
        let (mut core, _) = Body::split(&finished.body).unwrap().decode().unwrap();
        core.verdict = VerdictKind::Obstruction;
        core.next = core.prior;
        core.coverage.iter_mut().for_each(|coverage| coverage.violated = 1);
        let mut ids: Vec<u128> =
            logs.iter().flat_map(|log| &log.events).map(|event| event.header.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut witnesses, mut batch) = (Vec::new(), Vec::new());
        for id in ids {
            let mut session = Session::from_state(prior.clone());
            session.begin_batch(&vec![LogInput::default(); logs.len()]).unwrap();
            (0..).zip(&bytes).for_each(|(log, bytes)| session.feed(log, bytes).map(drop).unwrap());
            let held = session.prove_event(id).unwrap();
            let mut event_hashes: Vec<_> = held.iter().map(|event| event.header.hash()).collect();
            event_hashes.sort_unstable();
            event_hashes.dedup();
            batch.push(BatchIdLeaf { id, event_hashes });
            witnesses.extend(held);
        }
        Liar { core, state: prior, witnesses, batch }
    }

    /// The evidence that says `kind` of these events, every proof in its place.
    fn says(&self, kind: Kind, events: &[&Witness], dep: u128, prior_ids: &[u128]) -> Evidence {
        let anchor = &events[0].header;
        let asked = if kind == Kind::Missing { dep } else { anchor.prev };
        let keys: Vec<u128> = self.batch.iter().map(|leaf| leaf.id).collect();
        let on_line = matches!(kind, Kind::NotAboveFrontier | Kind::Gap | Kind::Unlinked | Kind::WrongPrev);
        let in_batch = matches!(kind, Kind::Gap | Kind::WrongPrev | Kind::Missing);
        Evidence {
            kind,
            dep: if matches!(kind, Kind::Missing | Kind::PriorNotBefore) { dep } else { 0 },
            events: events.iter().map(|&event| event.clone()).collect(),
            prior_ids: prior_ids.iter().map(|&id| self.state.prove_id(id)).collect(),
            frontier: on_line.then(|| self.state.prove_frontier(anchor.node, anchor.stream)),
            batch_id: in_batch.then(|| prove_sorted(&keys, |at| self.batch[at].clone(), asked)),
        }
    }

    /// All that can be said with `anchor` as the anchor.
    fn tries(&self, anchor: &Witness) -> Vec<Evidence> {
        let header = &anchor.header;
        let (own, prev) = (header.id, header.prev);
        let mut out: Vec<Evidence> = [
            (Kind::NotAboveFrontier, vec![own]),
            (Kind::OutsideDomain, vec![]),
            (Kind::Gap, vec![own, prev]),
            (Kind::Unlinked, vec![own]),
            (Kind::WrongPrev, vec![own, prev]),
            (Kind::Mismatch, vec![]),
            (Kind::PriorVersion, vec![own]),
        ]
        .iter()
        .map(|(kind, prior)| self.says(*kind, &[anchor], 0, prior))
        .collect();
        for &dep in &header.deps {
            out.push(self.says(Kind::Missing, &[anchor], dep, &[own, dep]));
            out.push(self.says(Kind::PriorNotBefore, &[anchor], dep, &[own, dep]));
        }
        for other in &self.witnesses {
            let id = other.header.id;
            let pairs = [
                (Kind::SameLamport, vec![own, id]),
                (Kind::Twice, vec![]),
                (Kind::Unlinked, vec![own, id]),
                (Kind::WrongPrev, vec![own, prev]),
                (Kind::WrongPrev, vec![own, prev, id]),
                (Kind::NotBefore, vec![own]),
                (Kind::OtherVersion, vec![]),
                (Kind::OtherClaim, vec![own]),
                (Kind::OtherClaimNew, vec![id, own]),
            ];
            out.extend(pairs.iter().map(|(kind, prior)| self.says(*kind, &[anchor, other], 0, prior)));
            // Another event than prev in prev's place is refused by its hash, so only prev's are tried.
            for named in self.witnesses.iter().filter(|named| named.header.id == prev) {
                out.push(self.says(Kind::WrongPrev, &[anchor, named, other], 0, &[own, prev, id]));
            }
        }
        out
    }

    fn believed(&mut self, evidence: &Evidence) -> bool {
        self.core.evidence = Some(evidence.encode());
        let any = Coverage { judged: 1, violated: 1, ..Coverage::default() };
        evidence::check(&self.core, &any).is_ok()
    }
}

/// Whatever is believed, the model finds too. Gives what was believed.
fn only_truth_is_believed(case: &Case) -> Result<Vec<Kind>, TestCaseError> {
    let (mut session, mut model) = (Session::genesis(), Model::default());
    for prior in &case.prior {
        judge_in(&mut session, &prior.iter().map(LogPlan::bytes).collect::<Vec<_>>());
        model.judge(prior);
    }
    let violations = model.violations(&case.batch);
    let mut liar = Liar::new(session.state(), &case.batch);
    let mut shown: Vec<(u16, EventHeader)> = Vec::new();
    let mut kinds = Vec::new();
    for at in 0..liar.witnesses.len() {
        let anchor = liar.witnesses[at].clone();
        for evidence in liar.tries(&anchor) {
            if liar.believed(&evidence) {
                let said = (evidence.kind.predicate(), anchor.header.clone());
                prop_assert!(violations.contains(&said), "believed: {:#?}", evidence);
                shown.push(said);
                kinds.push(evidence.kind);
            }
        }
    }
    // And the other way round: what is violated can be shown.
    for violation in &violations {
        prop_assert!(shown.contains(violation), "cannot be shown: {:#?}", violation);
    }
    Ok(kinds)
}

#[test]
fn what_is_believed_is_true_and_what_is_true_can_be_shown() {
    let cases = cases(500);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let believed = std::cell::RefCell::new(vec![0u32; Kind::ALL.len() + 1]);
    runner
        .run(&case(), |case| {
            let kinds = only_truth_is_believed(&case)?;
            kinds.into_iter().for_each(|kind| believed.borrow_mut()[kind as usize] += 1);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    for kind in Kind::ALL {
        assert!(believed.borrow()[kind as usize] > 0, "{kind:?} was never shown");
    }
}

#[test]
fn an_honest_redelivery_cannot_be_dressed_up() {
    let accepted = vec![
        ev(1, 1),
        ev(2, 2).prev(1).deps(&[1]).claim(1),
        ev(3, 3).prev(2).deps(&[1, 2]),
        ev(4, 2).node(2).stream(0x8000).deps(&[1]).claim(1),
    ];
    let plan = |name: &str, events: &[crate::common::Ev]| LogPlan {
        name: name.into(),
        events: events.to_vec(),
        head: None,
    };
    let new = ev(5, 4).prev(3).deps(&[2, 4]);
    for batch in [
        vec![plan("again", &accepted)],
        vec![plan("again", &accepted[1..3]), plan("more", &[accepted[2].clone(), new])],
    ] {
        let case = Case { prior: vec![vec![plan("prior", &accepted)]], batch };
        assert_eq!(only_truth_is_believed(&case).unwrap(), []);
    }
}

/// A judge who lies about the batch's ids cannot pass another event off as the one that `prev`
/// names, and so cannot make an honest link look broken.
#[test]
fn a_forged_id_root_cannot_put_another_event_in_the_place_of_prev() {
    let (x, a, y) = (ev(1, 1), ev(2, 2).prev(1), ev(9, 1).node(2));
    let bytes = log("a", &[x, a.clone(), y.clone()]);
    let finished = judge(std::slice::from_ref(&bytes));
    let (mut core, observations) = Body::split(&finished.body).unwrap().decode().unwrap();
    let witness = |id| {
        let mut session = Session::genesis();
        session.begin_batch(&[LogInput::default()]).unwrap();
        session.feed(0, &bytes).unwrap();
        session.prove_event(id).unwrap().remove(0)
    };
    let state = State::new();
    let leaf = |id, event: &crate::common::Ev| BatchIdLeaf { id, event_hashes: vec![event.header.hash()] };
    let lie = [leaf(1, &y), leaf(2, &a), leaf(9, &y)];
    let ids = [1, 2, 9];
    core.batch_id_root = root_of_sorted(lie.iter().map(|leaf| (leaf.id, leaf.hash())));
    core.verdict = VerdictKind::Obstruction;
    core.next = core.prior;
    core.coverage[core_slot(1004).unwrap()].violated = 1;
    core.evidence = Some(
        Evidence {
            kind: Kind::WrongPrev,
            dep: 0,
            events: vec![witness(2), witness(9)],
            prior_ids: vec![state.prove_id(2), state.prove_id(1)],
            frontier: Some(state.prove_frontier(1, 0)),
            batch_id: Some(prove_sorted(&ids, |at| lie[at].clone(), 1)),
        }
        .encode(),
    );
    let fault = evidence::check(&core, &observations.payload).unwrap_err();
    assert!(fault.message.contains("another event than prev"), "{fault}");
}
