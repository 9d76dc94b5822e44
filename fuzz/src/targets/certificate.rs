//! `certificate`: the bytes of a certificate, or of a certificate log.

use std::sync::LazyLock;

use ed25519_dalek::Signer;
use omega_kernel::body::{Body, VerdictKind};
use omega_kernel::cert_log::{self, Records, Rolling};
use omega_kernel::certificate::{
    Binding, Certificate, Content, Genesis, MAX_CERTIFICATE_BYTES, Swap, SwapSide,
};
use omega_kernel::chain::{self, ChainHead, Threshold};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::evidence::{self, Evidence};
use omega_kernel::fault::FaultCode;
use omega_kernel::policy::Policy;
use omega_kernel::signature::{Engines, SignatureRecord, Statement, message};

use super::check_fault;
use crate::{made, subject};

/// A chain of two keys, either of which is enough, that stands at its genesis.
static CHAIN: LazyLock<(Certificate, ChainHead)> = LazyLock::new(|| {
    let keys = [1, 2].map(|number| made::key(number).verifying_key().to_bytes()).to_vec();
    let policy = Policy::new(1, keys).expect("a policy");
    let genesis = Genesis { origin: "fuzz".into(), nonce: [9; 32], policy, state: StateCommitment::empty() };
    let binding = Binding {
        kernel_hash: [7; 32],
        checker_version: 1,
        schema_version: 1,
        schema_hash: [2; 32],
        predicate_hash: [3; 32],
    };
    let mut certificate = Certificate::genesis(&genesis, binding).expect("a genesis");
    for number in [1, 2] {
        let record = signature(&certificate, number, Statement::Approved);
        certificate.append_signature(record).expect("a signature");
    }
    let head = ChainHead::start(&certificate).expect("a chain");
    (certificate, head)
});

/// Takes the bytes of a certificate, or of a certificate log where they begin like one.
///
/// Of a certificate, it checks that
/// - what is read is kept and made again to the byte, from its fields and its content;
/// - a signature that is added is found again, and the signed bytes stay;
/// - as a verdict of a chain, signed by that chain, it is taken exactly where its prior state fits, and the
///   chain then stands where the certificate says;
/// - its evidence is read as it was written, judged the same each time, and never of a merge.
///
/// Of a log, that records are written as they were read, and that what stands before the tail is whole.
pub fn check(bytes: &[u8]) {
    if bytes.starts_with(&cert_log::LOG_HEADER[..8]) {
        return check_log(bytes);
    }
    let certificate = match subject::decode_certificate(bytes) {
        Ok(certificate) => certificate,
        Err(fault) => {
            check_fault(&fault, bytes.len());
            assert_eq!(Certificate::decode(bytes), Err(fault), "the same bytes, the same fault");
            return;
        }
    };
    assert_eq!(certificate.bytes(), bytes, "what is stored is kept");
    assert!(bytes.len() <= MAX_CERTIFICATE_BYTES as usize);
    check_made_again(&certificate);
    check_signed(&certificate);
    check_in_a_chain(&certificate);
    check_evidence(&certificate);
}

fn check_made_again(certificate: &Certificate) {
    let body = certificate.content().encode();
    assert_eq!(body, certificate.body_bytes(), "the content is packed as it was read");
    let again = Certificate::unsigned(certificate.kind(), certificate.fields(), &body);
    let again = again.expect("what was read can be made");
    assert_eq!(again.signed_bytes(), certificate.signed_bytes());
    assert_eq!((again.id(), again.chain_hash()), (certificate.id(), certificate.chain_hash()));
    match chain::verify_signatures(certificate) {
        // One certificate never contradicts itself.
        Ok(()) => assert_eq!(chain::equivocation(certificate, certificate), Ok(None)),
        Err(fault) => {
            assert!([FaultCode::SignatureInvalid, FaultCode::SignatureMisplaced].contains(&fault.code));
            assert_eq!(chain::equivocation(certificate, certificate), Err(fault));
        }
    }
}

fn check_signed(certificate: &Certificate) {
    let record = signature(certificate, 3, Statement::Witnessed);
    let mut signed = certificate.clone();
    match signed.append_signature(record) {
        Ok(()) => {
            let read = Certificate::decode(signed.bytes()).expect("a signed certificate");
            assert_eq!(read, signed);
            assert!(read.signatures().contains(&record));
            assert_eq!(read.signed_bytes(), certificate.signed_bytes());
            assert_eq!(read.signatures().len(), certificate.signatures().len() + 1);
        }
        Err(fault) => {
            assert!([FaultCode::LimitExceeded, FaultCode::SignatureMisplaced].contains(&fault.code));
            assert_eq!(&signed, certificate, "nothing was added");
        }
    }
}

/// The content as the next certificate of a chain that this program signs for.
fn check_in_a_chain(certificate: &Certificate) {
    let (genesis, head) = &*CHAIN;
    assert!(head.advance(genesis).is_err(), "a genesis follows nothing");
    let own = certificate.fields().chain_id == head.chain_id;
    assert!(own || head.advance(certificate).is_err(), "another chain's");
    let next = match certificate.content() {
        Content::Verdict { core, .. } => {
            let mut head = head.clone();
            head.state = core.prior;
            let next = head.verdict(certificate.fields().batch_id, 0, certificate.body_bytes());
            let next = next.expect("a verdict over the state that the chain left");
            let mut other = head.clone();
            other.state.id_count ^= 1;
            assert_eq!(other.accepts(&next).map_err(|fault| fault.code), Err(FaultCode::StateMismatch));
            let signed = signed(next, Statement::Judged);
            let after = head.advance(&signed).expect("a signed verdict");
            assert_eq!((after.state, after.last_batch_id), (core.next, certificate.fields().batch_id));
            if core.verdict == VerdictKind::Obstruction {
                assert_eq!(after.state, head.state, "an obstruction leaves the state");
            }
            (after, signed)
        }
        Content::Policy(policy) => match head.policy_change(policy) {
            Ok(next) => {
                let signed = signed(next, Statement::Approved);
                let foreign = policy.keys().iter().any(|key| !head.policy.holds(key));
                match head.advance(&signed) {
                    Ok(after) => {
                        assert!(!foreign, "each new key signs");
                        assert_eq!(&after.policy, policy);
                        (after, signed)
                    }
                    Err(fault) => {
                        assert_eq!((fault.code, foreign), (FaultCode::ThresholdUnmet, true));
                        let met = chain::threshold(&signed, Some(&head.policy));
                        assert!(matches!(met, Ok(Threshold::Unmet { .. })), "{met:?}");
                        return;
                    }
                }
            }
            Err(fault) => {
                assert_eq!((fault.code, policy), (FaultCode::CertMalformed, &head.policy));
                return;
            }
        },
        Content::Genesis(_) | Content::Swap(_) => return,
    };
    let (after, signed) = next;
    assert_eq!((after.height, after.hash), (head.height + 1, signed.chain_hash()));
    assert!(after.advance(&signed).is_err(), "nothing follows itself");
}

fn check_evidence(certificate: &Certificate) {
    let Content::Verdict { core, observations } = certificate.content() else { return };
    let found = evidence::check(core, &observations.payload);
    assert_eq!(found, evidence::check(core, &observations.payload), "judged the same each time");
    match (&core.evidence, &found) {
        (None, found) => assert!(found.is_err(), "a merge has no evidence"),
        (Some(_), Err(fault)) => assert!([20, 30].contains(&fault.code.exit()), "{fault:?}"),
        (Some(bytes), Ok(conflict)) => assert_eq!(Evidence::decode(bytes).as_ref(), Ok(&conflict.evidence)),
    }
    if let Some(bytes) = &core.evidence {
        match Evidence::decode(bytes) {
            Ok(evidence) => assert_eq!(&evidence.encode(), bytes, "evidence is written as it was read"),
            Err(fault) => check_fault(&fault, bytes.len()),
        }
    }
    assert_eq!(Body::split(certificate.body_bytes()).map(|body| body.hash()), Ok(certificate.body_hash()));
}

fn check_log(log: &[u8]) {
    let mut records = match Records::new(log) {
        Ok(records) => records,
        Err(fault) => return check_fault(&fault, log.len()),
    };
    let mut again = log[..log.len().min(cert_log::HEADER_BYTES)].to_vec();
    let (mut rolling, mut failed) = (Rolling::start(), false);
    for entry in &mut records {
        let entry = match entry {
            Ok(entry) => entry,
            Err(fault) => {
                check_fault(&fault, log.len());
                failed = true;
                break;
            }
        };
        assert_eq!(entry.offset, again.len() as u64);
        entry.record.append(&mut again).expect("a record that was read can be written");
        assert!(again.ends_with(entry.framed), "a record is written as it was read");
        rolling.push(entry.framed);
        if let cert_log::Record::Certificate(bytes) = entry.record {
            let _ = Certificate::decode(bytes).map_err(|fault| check_fault(&fault, bytes.len()));
        }
    }
    assert!(log.starts_with(&again));
    if failed {
        return;
    }
    let whole = records.whole_len() as usize;
    match records.tail() {
        Some(tail) => assert_eq!((tail.offset, tail.offset + tail.len), (whole as u64, log.len() as u64)),
        None => assert_eq!(whole, log.len()),
    }
    let mut prefix = Records::new(&log[..whole]).expect("its header was read");
    assert!(prefix.by_ref().all(|entry| entry.is_ok()), "what stands before the tail is whole");
    assert_eq!(prefix.tail(), None);
}

/// The certificate with a signature of the chain's first key.
fn signed(mut certificate: Certificate, statement: Statement) -> Certificate {
    let record = signature(&certificate, 1, statement);
    certificate.append_signature(record).expect("a signature");
    certificate
}

/// A signature by the key with this number.
fn signature(certificate: &Certificate, number: u8, statement: Statement) -> SignatureRecord {
    let key = made::key(number);
    let engines = match statement {
        Statement::Judged => Engines::NATIVE.and(Engines::PULLEY),
        _ => Engines::UNSTATED,
    };
    let signature = key.sign(&message(statement, engines, &certificate.chain_hash())).to_bytes();
    SignatureRecord { statement, engines, key: key.verifying_key().to_bytes(), signature }
}

/// A verdict's certificate over a body as the kernel returned it.
pub fn verdict(body: &[u8]) -> Vec<u8> {
    let (_, head) = &*CHAIN;
    let (core, _) = Body::split(body).and_then(|body| body.decode()).expect("a body");
    let head = ChainHead { state: core.prior, ..head.clone() };
    signed(head.verdict(1, 7, body).expect("a verdict"), Statement::Judged).bytes().to_vec()
}

/// Certificates of the other kinds.
pub fn others() -> Vec<Vec<u8>> {
    let (genesis, head) = &*CHAIN;
    let keys = [1, 2, 3].map(|number| made::key(number).verifying_key().to_bytes()).to_vec();
    let policy = head.policy_change(&Policy::new(2, keys).expect("a policy")).expect("another policy");
    let old = SwapSide { binding: head.binding, state: head.state };
    let new = SwapSide { binding: Binding { kernel_hash: [8; 32], ..head.binding }, state: head.state };
    let swap = head.swap(&Swap { old, new, replayed: 0, diffs: Vec::new() }).expect("another kernel");
    [genesis.clone(), signed(policy, Statement::Approved), signed(swap, Statement::Approved)]
        .map(|certificate| certificate.bytes().to_vec())
        .to_vec()
}
