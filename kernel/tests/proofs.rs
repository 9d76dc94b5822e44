//! Proof files: what they show, and that nothing altered shows anything.

use crate::common::{ev, judge_in, log};
use omega_kernel::body::{Body, Core};
use omega_kernel::fault::FaultCode;
use omega_kernel::hash::Hash;
use omega_kernel::proof::{Claim, Proof, Proven};
use omega_kernel::session::{LogInput, Session};

const CERTIFICATE: Hash = [7; 32];

/// A merged batch of three events, its core, and proofs of an event and of two ids.
fn proofs() -> (Core, [Proof; 3]) {
    let bytes = log("a", &[ev(1, 1), ev(2, 2).deps(&[1]), ev(9, 3)]);
    let mut session = Session::genesis();
    session.begin_batch(&[LogInput::default()]).unwrap();
    session.feed(0, &bytes).unwrap();
    let witness = session.prove_event(2).unwrap().remove(0);
    let finished = judge_in(&mut session, std::slice::from_ref(&bytes));
    let (core, _) = Body::split(&finished.body).unwrap().decode().unwrap();
    let walk = |id| Claim::IdInState { id, walk: session.state().prove_id(id) };
    let claims = [Claim::EventInLog(witness), walk(9), walk(5)];
    (core, claims.map(|claim| Proof { certificate: CERTIFICATE, claim }))
}

#[test]
fn a_proof_shows_what_it_says() {
    let (core, [event, accepted, never]) = proofs();
    match event.check(&CERTIFICATE, &core).unwrap() {
        Proven::EventInLog { witness, log, accepted } => {
            assert_eq!((witness.header.id, &log[..], accepted), (2, "a", true));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(accepted.check(&CERTIFICATE, &core), Ok(Proven::IdAccepted(leaf)) if leaf.id == 9));
    assert_eq!(never.check(&CERTIFICATE, &core), Ok(Proven::IdNeverAccepted(5)));
}

#[test]
fn a_proof_is_about_one_certificate() {
    let (core, proofs) = proofs();
    for proof in proofs {
        assert_eq!(proof.check(&[8; 32], &core).unwrap_err().code, FaultCode::ProofWrong);
    }
}

#[test]
fn a_proof_is_read_as_it_was_written_and_nothing_altered_shows_the_same() {
    let (core, proofs) = proofs();
    for proof in proofs {
        let bytes = proof.encode();
        assert_eq!(Proof::decode(&bytes), Ok(proof.clone()));
        for len in 0..bytes.len() {
            assert_eq!(Proof::decode(&bytes[..len]).unwrap_err().code, FaultCode::ProofMalformed);
        }
        let shown = proof.check(&CERTIFICATE, &core);
        for bit in 0..8 * bytes.len() {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let found = Proof::decode(&altered).and_then(|proof| proof.check(&CERTIFICATE, &core));
            // A walk may serve another id that it is just as true of; nothing else may come out.
            let true_of_another = match &found {
                Ok(Proven::IdNeverAccepted(id)) => ![1, 2, 9].contains(id),
                Ok(Proven::IdAccepted(leaf)) => [1, 2, 9].contains(&leaf.id),
                _ => false,
            };
            assert!(found.is_err() || (found != shown && true_of_another), "bit {bit}: {found:?}");
        }
    }
}

#[test]
fn an_event_that_is_not_there_has_no_proof_and_repeats_have_a_bounded_number() {
    let twenty: Vec<_> = (0..20).map(|_| ev(4, 4)).collect();
    let bytes = log("a", &twenty);
    for (id, proofs) in [(4, 16), (5, 0)] {
        let mut session = Session::genesis();
        session.begin_batch(&[LogInput::default()]).unwrap();
        session.feed(0, &bytes).unwrap();
        assert_eq!(session.prove_event(id).unwrap().len(), proofs);
    }
}
