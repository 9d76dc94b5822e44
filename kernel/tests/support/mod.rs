//! Certificates made for the tests: small, valid, and signed by keys that are numbers.
#![allow(dead_code, reason = "each test file uses its part")]

use ed25519_dalek::{Signer, SigningKey};
use omega_kernel::body::{Body, Core, Coverage, HeadEntry, LogEntry, Observations, VerdictKind};
use omega_kernel::certificate::{BODY_OFFSET, Binding, Certificate, Content, Genesis, Swap, SwapSide};
use omega_kernel::chain::ChainHead;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash;
use omega_kernel::policy::{Key, Policy};
use omega_kernel::signature::{Engines, SignatureRecord, Statement, message};

/// The public key with this number.
pub fn key(number: u8) -> Key {
    SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes()
}

/// A policy over numbered keys.
pub fn policy(threshold: u16, numbers: &[u8]) -> Policy {
    Policy::new(threshold, numbers.iter().map(|&number| key(number)).collect()).unwrap()
}

/// A signature by a numbered key.
pub fn signature(certificate: &Certificate, number: u8, statement: Statement) -> SignatureRecord {
    let bytes = message(statement, Engines::UNSTATED, &certificate.chain_hash());
    let signature = SigningKey::from_bytes(&[number; 32]).sign(&bytes).to_bytes();
    SignatureRecord { statement, engines: Engines::UNSTATED, key: key(number), signature }
}

/// The certificate, signed by numbered keys.
pub fn signed(mut certificate: Certificate, numbers: &[u8], statement: Statement) -> Certificate {
    for &number in numbers {
        certificate.append_signature(signature(&certificate, number, statement)).unwrap();
    }
    certificate
}

/// A made-up kernel.
pub fn binding(number: u8) -> Binding {
    Binding {
        kernel_hash: [number; 32],
        checker_version: 1,
        schema_version: 1,
        schema_hash: [2; 32],
        predicate_hash: [3; 32],
    }
}

/// What a genesis under `policy` says.
pub fn genesis_content(policy: Policy) -> Genesis {
    Genesis { origin: "tests".into(), nonce: [9; 32], policy, state: StateCommitment::empty() }
}

/// A chain of two keys, either of which is enough.
pub fn started() -> (Certificate, ChainHead) {
    let genesis = Certificate::genesis(&genesis_content(policy(1, &[1, 2])), binding(7)).unwrap();
    let genesis = signed(genesis, &[1, 2], Statement::Approved);
    let head = ChainHead::start(&genesis).unwrap();
    (genesis, head)
}

/// A state after `ids` ids in one stream.
pub fn state(ids: u64) -> StateCommitment {
    if ids == 0 {
        return StateCommitment::empty();
    }
    StateCommitment {
        state_format: 1,
        id_count: ids,
        id_root: hash::plain(&ids.to_le_bytes()),
        frontier_count: 1,
        frontier_root: hash::plain(&(ids + 1000).to_le_bytes()),
    }
}

/// A merge of two logs of three events each, sharing one; the prior state holds `prior` ids.
pub fn merge(prior: u64) -> (Core, Observations) {
    let log = |name: &str| LogEntry { name: name.into(), count: 3, root: hash::plain(name.as_bytes()) };
    let judged = |judged| Coverage { judged, ..Coverage::default() };
    let overlap = Coverage { judged: 1, skipped: 4, ..Coverage::default() };
    let claims = Coverage { judged: 0, skipped: 5, ..Coverage::default() };
    let core = Core {
        verdict: VerdictKind::Merge,
        logs: vec![log("alice"), log("bob")],
        trace_count: 5,
        trace_root: [4; 32],
        batch_id_count: 5,
        batch_id_root: [5; 32],
        prior: state(prior),
        next: state(prior + 5),
        coverage: [judged(5), judged(6), judged(6), judged(5), judged(5), judged(5), overlap, claims],
        evidence: None,
    };
    let head = HeadEntry { log: 1, alg: 1, key: [6; 32], signature: [7; 64] };
    let observations =
        Observations { payload: judged(6), heads: vec![head], analytics: vec![1200, 200, 0, 0, 2000] };
    (core, observations)
}

/// The same logs, with one dependency unknown.
pub fn obstruction(prior: u64) -> (Core, Observations) {
    let (mut core, observations) = merge(prior);
    core.verdict = VerdictKind::Obstruction;
    core.next = core.prior;
    core.coverage[4].violated = 1;
    core.evidence = Some(b"opaque here".to_vec());
    (core, observations)
}

/// The packed body of a verdict.
pub fn body((core, observations): (Core, Observations)) -> Vec<u8> {
    Body { core: &core.encode(), observations: &observations.encode() }.join()
}

/// A swap to another kernel over an unchanged state.
pub fn swap(head: &ChainHead, number: u8) -> Swap {
    let old = SwapSide { binding: head.binding, state: head.state };
    let new = SwapSide { binding: binding(number), state: head.state };
    Swap { old, new, replayed: 0, diffs: Vec::new() }
}

/// Bytes with other content but the fitting body hash and id: what someone without a key can make.
pub fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let len = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let end = BODY_OFFSET + len;
    if let Ok(body) = Body::split(&bytes[BODY_OFFSET..end]) {
        let hash = body.hash();
        bytes[73..105].copy_from_slice(&hash);
    }
    reidentified(bytes)
}

/// Bytes with the fitting id alone.
pub fn reidentified(mut bytes: Vec<u8>) -> Vec<u8> {
    let len = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let id = hash::CERT_ID.hash(&bytes[32..BODY_OFFSET + len]);
    bytes[16..32].copy_from_slice(&id[..16]);
    bytes
}

/// The certificate with another body, lengths, hashes and id made to fit, and no signature.
pub fn with_content(certificate: &Certificate, content: &Content) -> Vec<u8> {
    let mut bytes = certificate.signed_bytes()[..BODY_OFFSET].to_vec();
    let body = content.encode();
    bytes[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(&[0, 0]);
    resealed(bytes)
}

/// The code of a refusal.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Fault>) -> FaultCode {
    result.unwrap_err().code
}
