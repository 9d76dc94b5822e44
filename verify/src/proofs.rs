//! Checking a proof against the certificate that it names, and saying what it shows.

use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::commitment::STATE_FORMAT;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::proof::{Claim, Proof, Proven};
use serde_json::{Value, json};

use crate::checks::Checks;
use crate::conflict;
use crate::failure::{Failure, HostCode};

/// Checks the proof; gives what it has shown for the report.
pub fn check(proof: &Proof, certificate: &Certificate, checks: &mut Checks) -> Option<Value> {
    let Content::Verdict { core, .. } = certificate.content() else {
        let message = "the proof names a certificate that states no verdict";
        checks.fail("proof", Fault::new(FaultCode::ProofWrong, message));
        return None;
    };
    if matches!(proof.claim, Claim::IdInState { .. }) && core.next.state_format != STATE_FORMAT {
        let message = "the certificate commits to a state in a format that this program does not know";
        checks.missing("proof", Failure::new(HostCode::KernelUnknown, message));
        return None;
    }
    match proof.check(&certificate.chain_hash(), core) {
        Err(fault) => {
            checks.fail("proof", fault);
            None
        }
        Ok(proven) => {
            let (shows, shows_not, fields) = words(&proven, certificate.fields().height);
            checks.pass("proof", format!("{shows} It does not show {shows_not}."));
            let mut value = json!({ "shows": shows, "does_not_show": shows_not });
            if let (Value::Object(value), Value::Object(fields)) = (&mut value, fields) {
                value.extend(fields);
            }
            Some(value)
        }
    }
}

/// What a proof shows and what it does not, for people, and the same as fields.
pub fn words(proven: &Proven, height: u64) -> (String, &'static str, Value) {
    let hex = |hash: &[u8; 32]| crate::hex::encode(hash);
    match proven {
        Proven::EventInLog { witness, log, accepted } => {
            let header = &witness.header;
            let id = conflict::id(header.id);
            let (node, lamport) = (header.node, header.lamport);
            let fate = match accepted {
                true => "the batch agreed, so the event was accepted.",
                false => "the batch conflicted, so being in it is not being accepted.",
            };
            let shows = format!(
                "The event {id} (node {node}, lamport {lamport}) is in the log {log:?} of the batch that \
                 height {height} certifies; {fate}"
            );
            let fields = json!({
                "kind": "event-in-log",
                "event": id,
                "event_hash": hex(&header.hash()),
                "payload_hash": hex(&header.payload_hash),
                "node": node,
                "lamport": lamport.to_string(),
                "log": log,
                "accepted": accepted,
            });
            (shows, "the payload itself, who wrote the event, or what came later", fields)
        }
        Proven::IdAccepted(leaf) => {
            let id = conflict::id(leaf.id);
            let shows = format!("The id {id} was accepted, at height {height} or before.");
            let fields = json!({
                "kind": "id-accepted",
                "event": id,
                "event_hash": hex(&leaf.event_hash),
                "lamport": leaf.lamport.to_string(),
            });
            (shows, "in which batch, or from which log", fields)
        }
        Proven::IdNeverAccepted(id) => {
            let id = conflict::id(*id);
            let shows = format!("The id {id} was never accepted up to height {height}.");
            let shows_not =
                "that it was in no log of a batch that conflicted, or what later batches accepted";
            (shows, shows_not, json!({ "kind": "id-never-accepted", "event": id }))
        }
    }
}
