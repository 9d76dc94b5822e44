//! Snapshots, checkers, keys, and everything that is text.

use std::path::Path;

use omega_kernel::hash::PREDICATE_HASH;
use omega_kernel::snapshot::{HEADER_BYTES, Header};
use serde_json::Value;

use super::{Explained, hex};
use crate::failure::{Failure, HostCode};
use crate::sign::Signer;
use crate::{files, keys, trust};

/// A snapshot: only its header is read.
pub(super) fn snapshot(path: &Path) -> Result<Explained, Failure> {
    use std::io::Read;
    let next = "Judge the next batch from it: omega reconcile --snapshot FILE --input LOG --batch-id N";
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| files::unreadable(&error, path))?;
    let bytes = file.metadata().map_err(|error| files::unreadable(&error, path))?.len();
    let read = file.take(HEADER_BYTES as u64).read_to_end(&mut head);
    read.map_err(|error| files::unreadable(&error, path))?;
    let explained = Explained::new("snapshot", "A snapshot of the state after a batch.", next);
    if head.len() < HEADER_BYTES {
        let why = "the snapshot ends within its header";
        return Ok(explained.failed(Failure::new(HostCode::ChangedWhileRead, why), path));
    }
    let header = match Header::decode(&head) {
        Ok(header) => header,
        Err(fault) => return Ok(explained.failed(fault, path)),
    };
    let state = header.commitment;
    let place = header.position;
    let explained = explained
        .fact("bytes", bytes)
        .fact("state_format", state.state_format)
        .fact("state_root", hex(&state.root()))
        .fact("accepted_ids", state.id_count.to_string())
        .fact("streams", state.frontier_count.to_string())
        .fact("chain_id", place.map(|place| hex(&place.chain_id)))
        .fact("height", place.map(|place| place.height.to_string()));
    if header.snapshot_bytes() == bytes {
        return Ok(explained);
    }
    let why = format!("the snapshot should have {} bytes, but has {bytes}", header.snapshot_bytes());
    Ok(explained.failed(
        Failure::from(omega_kernel::fault::Fault::new(
            omega_kernel::fault::FaultCode::SnapshotMalformed,
            why,
        )),
        path,
    ))
}

/// A WebAssembly file. `head` are its first bytes.
pub(super) fn wasm(head: &[u8], bytes: &[u8]) -> Explained {
    // Component binaries name layer 1 in the two bytes after the version.
    let (kind, title, next) = match head.get(4..8) {
        Some([_, _, 1, 0]) => (
            "kernel",
            "A WebAssembly component. A certificate names its checker by this hash.",
            "Judge with it: omega check --kernel FILE A.omega B.omega",
        ),
        _ => (
            "wasm-module",
            "A WebAssembly core module. A checker must be a component.",
            "Make a component of it with `wasm-tools component new`.",
        ),
    };
    Explained::new(kind, title, next)
        .fact("bytes", bytes.len())
        .fact("kernel_hash", hex(blake3::hash(bytes).as_bytes()))
}

/// A private key: only its public half is told.
pub(super) fn private_key(path: &Path) -> Explained {
    let title = "A private key. Keep it to yourself.";
    match Signer::load(path) {
        Ok(signer) => {
            Explained::new("private-key", title, "Sign with it: --key FILE. Give others its public key.")
                .fact("public_key", hex(&signer.public_key()))
        }
        Err(failure) => {
            let next = failure.hint.clone().unwrap_or_else(|| "`omega keygen` makes a key.".to_owned());
            Explained::new("private-key", title, next).failed(failure, path)
        }
    }
}

/// Everything else: public keys, trust policies, JSON.
pub(super) fn text(path: &Path, bytes: &[u8]) -> Result<Explained, Failure> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(unknown(path));
    };
    if let Ok(key) = keys::public_key(text) {
        let next = format!("Verify with it: omega verify --cert CERT --trust {}", path.display());
        return Ok(Explained::new("public-key", "An Ed25519 public key.", next).fact("public_key", hex(&key)));
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Ok(json(path, &value, bytes));
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    if lines.clone().count() > 1
        && lines.all(|line| serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object()))
    {
        let next = format!(
            "If these are events: omega check {0}, or omega import jsonl --input {0}",
            path.display()
        );
        let count = text.lines().filter(|line| !line.trim().is_empty()).count();
        return Ok(Explained::new("json-lines", "JSON lines.", next).fact("lines", count));
    }
    match trust::load(path) {
        Ok(trust) => {
            let all =
                |set: &std::collections::BTreeSet<[u8; 32]>| set.iter().map(|h| hex(h)).collect::<Vec<_>>();
            let writers = trust.writers.iter().map(|(node, key)| format!("node {node}: {}", hex(key)));
            let next = format!("Verify under it: omega verify --cert CERT --policy {}", path.display());
            Ok(Explained::new("trust-policy", "A trust policy: whom you believe.", next)
                .fact("signers", all(&trust.signers))
                .fact("chains", all(&trust.chains))
                .fact("kernels", all(&trust.kernels))
                .fact("require_judged", trust.require_judged)
                .fact("minimum_signers", trust.minimum_signers)
                .fact("writers", writers.collect::<Vec<_>>()))
        }
        Err(failure) if text.contains("signers") || text.contains("chains") => {
            let next = "Put the named line right; schemas/trust.example.toml shows all fields.";
            Ok(Explained::new("trust-policy", "A trust policy that cannot be read.", next)
                .failed(failure, path))
        }
        Err(_) => Err(unknown(path)),
    }
}

fn json(path: &Path, value: &Value, bytes: &[u8]) -> Explained {
    let hash = blake3::hash(bytes);
    if let (Some(catalog), Some(predicates)) = (value["catalog"].as_str(), value["predicates"].as_array()) {
        let ours = *hash.as_bytes() == PREDICATE_HASH;
        let names = predicates.iter().map(|p| format!("{} {}", p["id"], p["name"].as_str().unwrap_or("?")));
        let next = "Read `holds_when` of each; certificates name the catalog by this hash.";
        return Explained::new(
            "predicates",
            format!("The catalog {catalog:?}: the rules that are judged."),
            next,
        )
        .fact("predicate_hash", hex(hash.as_bytes()))
        .fact("this_programs_catalog", ours)
        .fact("predicates", names.collect::<Vec<_>>());
    }
    if let (Some(command), Some(outcome)) = (value["command"].as_str(), value["outcome"].as_str()) {
        return Explained::new(
            "answer",
            format!("What `omega {command}` answered: {outcome}."),
            "Read its fields.",
        )
        .fact("command", command)
        .fact("outcome", outcome)
        .fact("message", value["message"].clone());
    }
    let what = if value.is_array() { "array" } else { "object" };
    let next = format!("If it holds events: omega check {}", path.display());
    Explained::new("json", format!("A JSON {what}."), next).fact("bytes", bytes.len())
}

fn unknown(path: &Path) -> Failure {
    Failure::new(HostCode::NotRecognised, "the file is none of the kinds that this program knows")
        .hint("Known are logs, certificates and their logs, snapshots, results, proofs, keys, trust policies, checkers (.wasm) and JSON.")
        .file(path)
}
