//! Results, evidence files and the page that they are made of, private keys, and everything that is text.

use std::path::Path;

use omega_kernel::body::Body;
use omega_kernel::hash::PREDICATE_HASH;
use omega_kernel::policy::Key;
use omega_verify::explain::{self, Explained, binding, judged, verdict};
use omega_verify::hex::encode as hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bundle::format as bundle;
use crate::failure::{Failure, HostCode};
use crate::policy_change::Proposal;
use crate::result::ResultFile;
use crate::sign::Signer;
use crate::{keys, trust};

/// A result: a verdict that nobody has signed.
pub(super) fn result(name: &str, bytes: &[u8]) -> Explained {
    let next = format!("Sign it: omega certify --result {} --key omega.key --cert-log cert.log", name);
    let decoded = ResultFile::decode(bytes).and_then(|result| {
        let body = Body::split(&result.body).and_then(|body| body.decode())?;
        Ok((result, body))
    });
    let (result, (core, observations)) = match decoded {
        Ok(decoded) => decoded,
        Err(failure) => {
            return Explained::new("result", "A result of omega reconcile.", next).failed(failure, name);
        }
    };
    let title = format!("A result that nobody has signed: {}.", verdict(core.verdict));
    let explained = Explained::new("result", title, next)
        .fact("batch_id", result.batch_id.to_string())
        .fact("replay_seed", result.replay_seed.to_string())
        .fact("judged_by_component", result.by_component);
    judged(binding(explained, "", &result.binding), &core, &observations)
}

/// A proposal: a policy certificate that is not in its chain yet.
pub(super) fn proposal(name: &str, bytes: &[u8]) -> Explained {
    let title = "A proposed change of a chain's signing policy.";
    let proposal = match Proposal::decode(bytes) {
        Ok(proposal) => proposal,
        Err(failure) => {
            let next = "Get it again from whoever proposed it.";
            return Explained::new("proposal", title, next).failed(failure, name);
        }
    };
    let standing = proposal.standing();
    let next = match proposal.complete() {
        true => format!("Put it into the chain: omega policy sign --proposal {name} --cert-log LOG"),
        false => format!("Sign it, if you agree: omega policy sign --proposal {name} --key KEY"),
    };
    let list = |keys: &[Key]| keys.iter().map(|key| hex(key)).collect::<Vec<_>>();
    let certificate = proposal.certificate();
    Explained::new("proposal", title, next)
        .fact("chain_id", hex(&certificate.chain_id()))
        .fact("height", certificate.fields().height.to_string())
        .fact("chain_hash", hex(&certificate.chain_hash()))
        .fact("threshold_now", proposal.in_force().threshold())
        .fact("threshold_then", proposal.next().threshold())
        .fact("adds", list(&proposal.added()))
        .fact("removes", list(&proposal.removed()))
        .fact("keys_then", list(proposal.next().keys()))
        .fact("approved", list(&[standing.approved.clone(), standing.added_approved.clone()].concat()))
        .fact("must_sign", list(&standing.must))
        .fact("may_sign", list(&standing.may))
        .fact("needed_of_may_sign", standing.needed)
        .fact("complete", proposal.complete())
}

/// An evidence file: what it says of its parts, held against them. Nothing in it is verified.
pub(super) fn evidence(name: &str, bytes: &[u8]) -> Explained {
    let next = "Open it in a browser; or, for an answer that does not hang on whoever made it, drop it on a \
                verify page that you trust.";
    let explained = Explained::new("evidence", "An evidence file: a verify page with evidence in it.", next)
        .fact("bytes", bytes.len())
        .fact("sha256", sha256(bytes))
        .fact("blake3", bundle::blake3_of(bytes));
    let read = match bundle::Read::parse(bytes) {
        Ok(read) => read,
        Err(failure) => return explained.failed(failure, name),
    };
    let part = |entry: &bundle::Entry| json!({ "role": entry.role, "name": entry.name, "bytes": entry.bytes, "blake3": entry.blake3 });
    let manifest = &read.manifest;
    let explained = explained
        .fact("frame_sha256", read.frame.as_str())
        .fact("made_by", manifest.made_by.as_str())
        .fact("head", manifest.head.clone())
        .fact("left_out", manifest.left_out.clone())
        .fact("parts", manifest.parts.iter().map(part).collect::<Vec<_>>());
    let changed: Vec<_> = read.changed().iter().map(|entry| entry.name.as_str()).collect();
    match changed.as_slice() {
        [] => explained,
        changed => {
            let message = format!("not what the file itself says they are: {}", changed.join(", "));
            explained.failed(Failure::new(HostCode::EvidenceFileInvalid, message), name)
        }
    }
}

/// The verify page, without evidence.
pub(super) fn verify_page(name: &str, bytes: &[u8]) -> Explained {
    let next = "Open it in a browser and drop files on it; `omega bundle` makes evidence files of it.";
    let explained = Explained::new("verify-page", "The verify page.", next)
        .fact("bytes", bytes.len())
        .fact("sha256", sha256(bytes));
    match bundle::Page::parse(bytes) {
        // Equal in every evidence file that was made of this page.
        Ok(page) => explained.fact("frame_sha256", page.frame()),
        Err(failure) => explained.failed(failure, name),
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
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
            Explained::new("private-key", title, next).failed(failure, &path.display().to_string())
        }
    }
}

/// Everything else: public keys, trust policies, JSON.
pub(super) fn text(path: &Path, bytes: &[u8]) -> Result<Explained, Failure> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(unknown(path));
    };
    let name = path.display().to_string();
    if let Ok(key) = keys::public_key(text) {
        return Ok(explain::public_key(&name, &key));
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
    explain::trust_policy(&name, text, trust::load(path)).ok_or_else(|| unknown(path))
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
        .hint("Known are logs, certificates and their logs, snapshots, results, proposals, proofs, evidence files, keys, trust policies, checkers (.wasm) and JSON.")
        .file(path)
}
