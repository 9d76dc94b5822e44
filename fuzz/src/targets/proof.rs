//! `proof`: the bytes of a proof, held against one certified batch.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use omega_kernel::body::{Body, Core};
use omega_kernel::fault::FaultCode;
use omega_kernel::frame::{Frames, LogHeader, write_frame};
use omega_kernel::hash::Hash;
use omega_kernel::proof::{Claim, Proof, Proven};
use omega_kernel::session::{LogInput, Session};
use omega_kernel::state::State;
use omega_kernel::trie::TrieProof;
use omega_kernel::wire::Message;

use super::check_fault;
use crate::{made, subject};

/// The chain hash of the certificate that the proofs are about.
pub const CERTIFICATE: Hash = [7; 32];

/// A batch, what it came to, and what is true of it.
pub struct Certified {
    core: Core,
    state: State,
    log: Vec<u8>,
    /// Event hashes and whether the payload fits.
    events: Vec<(Hash, bool)>,
}

/// One merged batch of twenty events.
pub static CERTIFIED: LazyLock<Certified> = LazyLock::new(|| {
    let mut log = LogHeader::new("a").expect("a name").encode().to_vec();
    for id in 1..=20u8 {
        // A causal-only stream, so that nothing but ids and times matters; no deps.
        let mut event: made::Event = Unstructured::new(&[]).arbitrary().expect("an event of nothing");
        event.header.id = u128::from(id) << 3;
        event.header.lamport = id.into();
        event.header.node = 1;
        event.header.stream = 0x8000;
        event.header.prev = 0;
        event.header.deps.clear();
        event.header.claim = None;
        event.payload = made::Payload::Present { bytes: vec![id], salt: None };
        event.header.payload_len = 1;
        event.header.payload_hash = omega_kernel::hash::plain(&[id]);
        write_frame(&event.message(), &mut log);
    }
    let mut session = Session::genesis();
    let finished = made::judge_in(&mut session, &[&log]).expect("a verdict");
    let (core, _) = Body::split(&finished.body).expect("a body").decode().expect("a body");
    let frames = Frames::new(&log).expect("a log").1.map(|frame| frame.expect("a frame").message);
    let events = frames.filter_map(|message| match message {
        Message::Event(event) => Some((event.event_hash(&mut Vec::new()), true)),
        Message::Head(_) => None,
    });
    let events = events.collect();
    Certified { core, state: session.state().clone(), events, log }
});

/// Takes a proof's bytes, and checks that
/// - it is written as it was read, and shows the same each time;
/// - what it shows of the certified batch is true, whatever the bytes are;
/// - about another certificate it shows nothing.
pub fn check(bytes: &[u8]) {
    if let Ok(walk) = TrieProof::<omega_kernel::state::IdLeaf>::decode(bytes) {
        assert_eq!(walk.encode(), bytes, "a walk is written as it was read");
    }
    let proof = match Proof::decode(bytes) {
        Ok(proof) => proof,
        Err(fault) => {
            assert_eq!(fault.code, FaultCode::ProofMalformed);
            return check_fault(&fault, bytes.len());
        }
    };
    assert_eq!(proof.encode(), bytes, "a proof is written as it was read");
    let about = &*CERTIFIED;
    let shown = subject::check_proof(&proof, &CERTIFICATE, &about.core);
    assert_eq!(shown, subject::check_proof(&proof, &CERTIFICATE, &about.core));
    match shown {
        Err(fault) => assert_eq!(fault.code, FaultCode::ProofWrong, "{fault:?}"),
        Ok(Proven::IdAccepted(leaf)) => assert_eq!(about.state.id(leaf.id), Some(leaf)),
        Ok(Proven::IdNeverAccepted(id)) => assert_eq!(about.state.id(id), None),
        Ok(Proven::EventInLog { witness, log, accepted }) => {
            assert_eq!((&log[..], accepted), ("a", true));
            let event = about.events.get(witness.leaf_index as usize);
            assert_eq!(event, Some(&(witness.header.hash(), witness.observed.is_none())));
        }
    }
    let other = proof.check(&[8; 32], &about.core);
    assert!(proof.certificate == [8; 32] || other.is_err(), "it is about another certificate");
}

/// Proofs of the batch: of an event, of an accepted id and of one that was not.
pub fn some() -> Vec<Vec<u8>> {
    let about = &*CERTIFIED;
    let mut claims = Vec::new();
    for id in [8, 80, 160, 9, 1 << 100] {
        claims.push(Claim::IdInState { id, walk: about.state.prove_id(id) });
    }
    for id in [8, 80, 160] {
        let mut session = Session::genesis();
        session.begin_batch(&[LogInput::default()]).expect("one log");
        session.feed(0, &about.log).expect("a log");
        claims.extend(session.prove_event(id).expect("a proof").into_iter().map(Claim::EventInLog));
    }
    claims.into_iter().map(|claim| Proof { certificate: CERTIFICATE, claim }.encode()).collect()
}
