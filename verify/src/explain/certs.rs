//! Certificates, their log and its sidecars, proofs.

use omega_kernel::body::{Core, Observations, PREDICATES, Predicate, VerdictKind};
use omega_kernel::cert_index::{self, Summary};
use omega_kernel::certificate::{Binding, Certificate, Content};
use omega_kernel::proof::{Claim, Proof};
use omega_kernel::signature::SignatureRecord;
use serde_json::{Value, json};

use super::{Explained, hex};
use crate::alone;
use crate::cert_log::{InMemory, Record, Records};
use crate::conflict::id;
use crate::failure::Failure;
use crate::kind::kind_of;

/// A certificate.
pub fn certificate(name: &str, bytes: &[u8]) -> Explained {
    let next = format!("Check it: omega verify --cert {} --trust KEY --input LOG", name);
    let cert = match Certificate::decode(bytes) {
        Ok(cert) => cert,
        Err(fault) => {
            let title = "A certificate that cannot be read as one.";
            return Explained::new("certificate", title, "Get it again from whoever signed it.")
                .failed(fault, name);
        }
    };
    let title = match cert.content() {
        Content::Genesis(genesis) => format!("A genesis certificate: starts the chain {:?}.", genesis.origin),
        Content::Verdict { core, .. } => format!("A certificate: {}.", verdict(core.verdict)),
        Content::Policy(_) => "A policy certificate: changes who may sign.".to_owned(),
        Content::Swap(_) => "A swap certificate: changes the checker.".to_owned(),
    };
    let fields = cert.fields();
    let explained = Explained::new("certificate", title, next)
        .fact("cert_type", cert.kind().name())
        .fact("cert_id", id(cert.id()))
        .fact("height", fields.height.to_string())
        .fact("chain_id", hex(&cert.chain_id()))
        .fact("chain_hash", hex(&cert.chain_hash()))
        .fact("prev_cert_hash", hex(&fields.prev_cert_hash))
        .fact("batch_id", fields.batch_id.to_string())
        .fact("replay_seed", fields.replay_seed.to_string())
        .fact("body_hash", hex(&cert.body_hash()))
        .fact("policy_hash", hex(&fields.policy_hash));
    let explained = binding(explained, "", &fields.binding);
    let explained = match cert.content() {
        Content::Genesis(genesis) => policy(explained.fact("nonce", hex(&genesis.nonce)), &genesis.policy),
        Content::Verdict { core, observations } => judged(explained, core, observations),
        Content::Policy(new) => policy(explained, new),
        Content::Swap(swap) => binding(explained, "new_", &swap.new.binding)
            .fact("replayed", swap.replayed.to_string())
            .fact("differing_verdicts", swap.diffs.len()),
    };
    explained.fact("signatures", cert.signatures().iter().map(signature).collect::<Vec<_>>())
}

/// A certificate log, opened, or why it could not be.
pub fn cert_log<R: Records>(name: &str, opened: Result<R, Failure>) -> Explained {
    let (mut certificates, mut co_signatures) = (0u64, 0u64);
    let mut newest = None;
    let mut failure = None;
    let mut tail = None;
    let opened = opened.as_ref().map_err(Failure::clone);
    match opened.and_then(|log| log.records()) {
        Ok(mut records) => {
            for entry in &mut records {
                match entry.map(|entry| entry.record) {
                    Ok(Record::Certificate(bytes)) => {
                        certificates += 1;
                        newest = Some(bytes);
                    }
                    Ok(Record::CoSignature { .. }) => co_signatures += 1,
                    Err(found) => failure = Some(found.file(name)),
                }
            }
            tail = records.tail();
        }
        Err(found) => failure = Some(found),
    }
    let newest = newest.and_then(|bytes| Certificate::decode(&bytes).ok());
    let title = format!("A certificate log with {certificates} certificates.");
    let next = match &failure {
        Some(_) => "Restore it from a copy; nothing is repaired by guessing.".to_owned(),
        None => format!("Check the whole chain: omega verify --cert-log {} --trust KEY", name),
    };
    let explained = Explained::new("certificate-log", title, next)
        .fact("certificates", certificates.to_string())
        .fact("co_signatures", co_signatures.to_string())
        .fact("chain_id", newest.as_ref().map(|cert| hex(&cert.chain_id())))
        .fact("newest_height", newest.as_ref().map(|cert| cert.fields().height.to_string()))
        .fact("newest_chain_hash", newest.as_ref().map(|cert| hex(&cert.chain_hash())))
        .fact("unfinished_bytes", tail.map_or(0, |tail| tail.bytes));
    Explained { failure, ..explained }
}

/// What each certificate states of itself: of one alone, or of all that stand in a log and can be read.
/// Conflicts stand with their events side by side. Nothing is checked but each certificate's own form.
///
/// # Errors
/// The kernel's for a certificate that is none; those of a log that is none.
pub fn certificates(name: &str, bytes: &[u8]) -> Result<Vec<Value>, Failure> {
    if kind_of(bytes) != Some("certificate-log") {
        let certificate = Certificate::decode(bytes).map_err(|fault| Failure::from(fault).file(name))?;
        return Ok(vec![alone::stated(&certificate)]);
    }
    let log = InMemory::new(name, bytes.to_vec(), None)?;
    let certificates = log.records()?.map_while(Result::ok).filter_map(|entry| match entry.record {
        Record::Certificate(bytes) => Certificate::decode(&bytes).ok(),
        Record::CoSignature { .. } => None,
    });
    Ok(certificates.map(|certificate| alone::stated(&certificate)).collect())
}

/// `cert.idx` or `cert.hash`.
pub fn sidecar(name: &str, bytes: &[u8]) -> Explained {
    let next = "Nothing: it is made again from the certificate log when it is missing.";
    if bytes.starts_with(&cert_index::INDEX_HEADER[..8]) {
        let explained = Explained::new("certificate-index", "The index of a certificate log.", next);
        return match cert_index::decode_index(bytes) {
            Ok(entries) => explained.fact("certificates", entries.len()),
            Err(fault) => explained.failed(fault, name),
        };
    }
    let explained = Explained::new("certificate-hash", "The rolling hash of a certificate log.", next);
    match Summary::decode(bytes) {
        Ok(summary) => explained
            .fact("records", summary.record_count.to_string())
            .fact("log_bytes", summary.log_len.to_string())
            .fact("height", summary.height.to_string())
            .fact("chain_hash", hex(&summary.chain_hash))
            .fact("rolling_hash", hex(&summary.rolling)),
        Err(fault) => explained.failed(fault, name),
    }
}

/// A proof.
pub fn proof(name: &str, bytes: &[u8]) -> Explained {
    let next = format!("Check it: omega verify --proof {} --cert CERT --trust KEY", name);
    match Proof::decode(bytes) {
        Ok(Proof { certificate, claim }) => {
            let (title, named) = match &claim {
                Claim::EventInLog(witness) => {
                    ("A proof that an event is in a certified batch.", witness.header.id)
                }
                Claim::IdInState { id, .. } => ("A proof that an id was accepted, or never was.", *id),
            };
            Explained::new("proof", title, next)
                .fact("certificate", hex(&certificate))
                .fact("event", id(named))
        }
        Err(fault) => Explained::new("proof", "A proof that cannot be read as one.", "Have it made again.")
            .failed(fault, name),
    }
}

/// A verdict in words.
pub fn verdict(verdict: VerdictKind) -> &'static str {
    match verdict {
        VerdictKind::Merge => "the logs agree (merge)",
        VerdictKind::Obstruction => "the logs conflict (obstruction)",
    }
}

/// With what a verdict is bound to; the facts' names start with `prefix`.
pub fn binding(explained: Explained, prefix: &str, binding: &Binding) -> Explained {
    explained
        .fact(&format!("{prefix}kernel_hash"), hex(&binding.kernel_hash))
        .fact(&format!("{prefix}checker_version"), binding.checker_version)
        .fact(&format!("{prefix}schema_version"), binding.schema_version)
        .fact(&format!("{prefix}schema_hash"), hex(&binding.schema_hash))
        .fact(&format!("{prefix}predicate_hash"), hex(&binding.predicate_hash))
}

fn policy(explained: Explained, policy: &omega_kernel::policy::Policy) -> Explained {
    let keys: Vec<Value> = policy.keys().iter().map(|key| hex(key).into()).collect();
    explained.fact("threshold", policy.threshold()).fact("policy_keys", keys)
}

/// With what a verdict states.
pub fn judged(explained: Explained, core: &Core, observations: &Observations) -> Explained {
    let logs: Vec<Value> = core
        .logs
        .iter()
        .map(|log| json!({ "name": log.name, "events": log.count.to_string(), "root": hex(&log.root) }))
        .collect();
    explained
        .fact("verdict", if core.verdict == VerdictKind::Merge { "merge" } else { "obstruction" })
        .fact("logs", logs)
        .fact("new_events", core.trace_count.to_string())
        .fact("trace_root", hex(&core.trace_root))
        .fact("prior_state_root", hex(&core.prior.root()))
        .fact("next_state_root", hex(&core.next.root()))
        .fact("accepted_ids", core.next.id_count.to_string())
        .fact("signed_heads", observations.heads.len())
        .fact("evidence_bytes", core.evidence.as_ref().map(Vec::len))
        .fact("coverage", coverage(core, observations))
}

/// For each rule how much was judged, skipped, already known and violated.
pub fn coverage(core: &Core, observations: &Observations) -> Vec<Value> {
    let of = |predicate: &Predicate| {
        let coverage = core.coverage_of(predicate.id).unwrap_or(&observations.payload);
        json!({
            "predicate": predicate.id,
            "name": predicate.name,
            "judged": coverage.judged.to_string(),
            "skipped": coverage.skipped.to_string(),
            "known": coverage.known.to_string(),
            "violated": coverage.violated.to_string(),
        })
    };
    PREDICATES.iter().map(of).collect()
}

fn signature(record: &SignatureRecord) -> Value {
    let engines: Vec<_> = record.engines.names().collect();
    json!({ "statement": record.statement.name(), "engines": engines, "key": hex(&record.key) })
}
