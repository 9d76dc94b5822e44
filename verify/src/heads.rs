//! Who put their name to a log: signed heads, and what they say about an event's writer.
//!
//! A head proves who presented a log with a root. It proves authorship only of events whose node
//! the trust policy gives that very key.

use std::collections::BTreeMap;

use omega_kernel::body::{Core, Observations};
use omega_kernel::evidence::Evidence;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;
use omega_kernel::wire::Head;
use serde_json::{Value, json};

use crate::checks::Checks;
use crate::conflict;
use crate::hex;

/// Checks every head of a verdict and says whose they are. Gives the logs with their signers, and
/// the conflicting events with what is known of their writers.
pub fn check(
    core: &Core,
    observations: &Observations,
    schema_hash: &Hash,
    writers: &BTreeMap<u32, [u8; 32]>,
    checks: &mut Checks,
) -> (Vec<Value>, Vec<Value>) {
    let mut signed = Vec::new();
    for head in &observations.heads {
        let Some(log) = core.logs.get(head.log as usize) else { continue };
        let (event_count, log_root) = (log.count, log.root);
        let full = Head { event_count, log_root, key: head.key, signature: head.signature };
        if !full.verify(schema_hash, &log.name) {
            let message = format!("the head of the log {:?} is not signed by the key it names", log.name);
            checks.fail("heads", Fault::new(FaultCode::HeadMismatch, message));
            return (Vec::new(), Vec::new());
        }
        let nodes: Vec<u32> =
            writers.iter().filter(|(_, key)| **key == head.key).map(|(node, _)| *node).collect();
        signed.push(json!({ "log": log.name, "key": hex::encode(&head.key), "writer_of_nodes": nodes }));
    }
    match (observations.heads.len(), core.logs.len()) {
        (0, _) => checks.unchecked("heads", "no log carries a signed head: who presented them is not shown"),
        (signed, all) => {
            checks.pass("heads", format!("{signed} of {all} logs are signed by who presented them"))
        }
    }
    let authors = authors(core, observations, writers, checks);
    (signed, authors)
}

/// The events of a conflict: whose log, whose key, and whether that key is their writer's.
fn authors(
    core: &Core,
    observations: &Observations,
    writers: &BTreeMap<u32, [u8; 32]>,
    checks: &mut Checks,
) -> Vec<Value> {
    let Some(evidence) = core.evidence.as_ref().and_then(|bytes| Evidence::decode(bytes).ok()) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut named = Vec::new();
    let mut foreign = Vec::new();
    for witness in &evidence.events {
        let (node, id) = (witness.header.node, conflict::id(witness.header.id));
        let key = observations.heads.iter().find(|head| head.log == witness.log).map(|head| head.key);
        let fits = key.and_then(|key| writers.get(&node).map(|writer| *writer == key));
        let log = core.logs.get(witness.log as usize).map(|log| &log.name);
        match fits {
            Some(true) => named.push(format!("{id} is signed by the writer of node {node}")),
            Some(false) => foreign.push(format!("{id} of node {node} was presented by another key")),
            None => {}
        }
        out.push(json!({
            "event": id,
            "node": node,
            "log": log,
            "key": key.map(|key| hex::encode(&key)),
            "signed_by_its_writer": fits,
        }));
    }
    if named.is_empty() && foreign.is_empty() {
        let why = match (observations.heads.is_empty(), writers.is_empty()) {
            (true, _) => "the conflicting events stand in logs that nobody signed: no writer is named",
            (_, true) => "no trust policy says who writes which node: no writer is named",
            _ => "no trust policy names the writers of the conflicting events",
        };
        checks.unchecked("writers", why);
    } else {
        named.extend(foreign);
        checks.pass("writers", named.join("; "));
    }
    out
}
