//! Snapshots, checkers, public keys and trust policies.

use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash;
use omega_kernel::snapshot::{HEADER_BYTES, Header};

use super::{Explained, hex};
use crate::failure::{Failure, HostCode};
use crate::kind::kind_of;
use crate::trust::Trust;

/// A snapshot: only its header is read. `head` are its first bytes, `bytes` is how many it has.
pub fn snapshot(name: &str, head: &[u8], bytes: u64) -> Explained {
    let next = "Judge the next batch from it: omega reconcile --snapshot FILE --input LOG --batch-id N";
    let explained = Explained::new("snapshot", "A snapshot of the state after a batch.", next);
    let Some(head) = head.get(..HEADER_BYTES) else {
        let why = "the snapshot ends within its header";
        return explained.failed(Failure::new(HostCode::ChangedWhileRead, why), name);
    };
    let header = match Header::decode(head) {
        Ok(header) => header,
        Err(fault) => return explained.failed(fault, name),
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
        return explained;
    }
    let why = format!("the snapshot should have {} bytes, but has {bytes}", header.snapshot_bytes());
    explained.failed(Fault::new(FaultCode::SnapshotMalformed, why), name)
}

/// A WebAssembly file.
pub fn wasm(bytes: &[u8]) -> Explained {
    let (kind, title, next) = match kind_of(bytes) {
        Some("kernel") => (
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
    Explained::new(kind, title, next).fact("bytes", bytes.len()).fact("kernel_hash", hex(&hash::plain(bytes)))
}

/// A public key.
pub fn public_key(name: &str, key: &[u8; 32]) -> Explained {
    let next = format!("Verify with it: omega verify --cert CERT --trust {name}");
    Explained::new("public-key", "An Ed25519 public key.", next).fact("public_key", hex(key))
}

/// A trust policy, read, or why it could not be; none where the text is not meant as one.
pub fn trust_policy(name: &str, text: &str, read: Result<Trust, Failure>) -> Option<Explained> {
    match read {
        Ok(trust) => {
            let all =
                |set: &std::collections::BTreeSet<[u8; 32]>| set.iter().map(|h| hex(h)).collect::<Vec<_>>();
            let writers = trust.writers.iter().map(|(node, key)| format!("node {node}: {}", hex(key)));
            let next = format!("Verify under it: omega verify --cert CERT --policy {name}");
            let explained = Explained::new("trust-policy", "A trust policy: whom you believe.", next)
                .fact("signers", all(&trust.signers))
                .fact("chains", all(&trust.chains))
                .fact("kernels", all(&trust.kernels))
                .fact("require_judged", trust.require_judged)
                .fact("minimum_signers", trust.minimum_signers)
                .fact("writers", writers.collect::<Vec<_>>());
            Some(explained)
        }
        Err(failure) if text.contains("signers") || text.contains("chains") => {
            let next = "Put the named line right; schemas/trust.example.toml shows all fields.";
            let explained = Explained::new("trust-policy", "A trust policy that cannot be read.", next);
            Some(Explained { failure: Some(failure), ..explained })
        }
        Err(_) => None,
    }
}
