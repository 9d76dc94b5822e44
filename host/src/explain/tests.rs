use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use omega_kernel::certificate::{Binding, Certificate, Genesis};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::event::EventHeader;
use omega_kernel::frame::{LogHeader, write_frame};
use omega_kernel::policy::Policy;
use omega_kernel::signature::Statement;
use omega_kernel::snapshot::SnapshotWriter;
use omega_kernel::state::State;
use omega_kernel::wire::{PayloadRef, encode_event};
use serde_json::Map;

use super::*;
use crate::sign::Signer;
use crate::store::Store;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.0.path().join("any");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Explains these bytes; text and facts are told both.
    fn explain(&self, content: &[u8]) -> Explained {
        let explained = explain(&self.file(content)).unwrap();
        let text = to_text(&explained);
        assert!(text.starts_with(&explained.title) && text.contains("\nNext: "), "{text}");
        explained
    }
}

fn log(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = LogHeader::new("alice").unwrap().encode().to_vec();
    for (at, payload) in payloads.iter().enumerate() {
        let header = EventHeader {
            lamport: at as u64 + 5,
            node: 1,
            stream: 0,
            id: at as u128 + 1,
            prev: at as u128,
            claim: None,
            payload_len: payload.len() as u64,
            payload_hash: omega_kernel::hash::plain(payload),
            deps: Vec::new(),
        };
        let mut message = Vec::new();
        encode_event(&header, PayloadRef::Present { bytes: payload, salt: None }, &mut message);
        write_frame(&message, &mut bytes);
    }
    bytes
}

fn genesis(signer: &Signer) -> Certificate {
    let genesis = Genesis {
        origin: "a test".to_owned(),
        nonce: [1; 32],
        policy: Policy::new(1, vec![signer.public_key()]).unwrap(),
        state: StateCommitment::empty(),
    };
    let binding = Binding {
        kernel_hash: [2; 32],
        checker_version: 1,
        schema_version: 1,
        schema_hash: [3; 32],
        predicate_hash: [4; 32],
    };
    let mut cert = Certificate::genesis(&genesis, binding).unwrap();
    cert.append_signature(signer.certificate(Statement::Approved, &cert.chain_hash())).unwrap();
    cert
}

#[test]
fn logs_are_told_as_far_as_they_are_good() {
    let place = Place::new();
    let bytes = log(&[b"one", b"two", b"three"]);
    let explained = place.explain(&bytes);
    assert_eq!(explained.kind, "log");
    assert_eq!(explained.facts["events"], "3");
    assert_eq!(
        (&explained.facts["lamport_from"], &explained.facts["lamport_to"]),
        (&"5".into(), &"7".into())
    );
    assert!(explained.failure.is_none() && explained.next.contains("omega check"));

    let explained = place.explain(&bytes[..bytes.len() - 3]);
    assert_eq!(explained.facts["events"], "2");
    assert_eq!(explained.failure.as_ref().unwrap().code.name(), "torn-tail");
    assert!(explained.next.contains("--recover"));
    assert!(to_text(&explained).contains("torn-tail"));
    assert_eq!(place.explain(&bytes[..100]).failure.unwrap().code.exit(), 30);
}

#[test]
fn certificates_and_their_log_are_told() {
    let place = Place::new();
    let signer = Signer::generate().unwrap();
    let cert = genesis(&signer);
    let explained = place.explain(cert.bytes());
    assert_eq!(explained.kind, "certificate");
    assert_eq!(explained.facts["chain_id"], hex(&cert.chain_hash()));
    assert_eq!(explained.facts["signatures"][0]["key"], hex(&signer.public_key()));
    assert_eq!(explained.facts["signatures"][0]["statement"], "approved");
    let mut changed = cert.bytes().to_vec();
    changed[50] ^= 1;
    assert_eq!(place.explain(&changed).failure.unwrap().code.exit(), 20);

    let path = place.0.path().join("cert.log");
    let mut store = Store::open(&path).unwrap();
    store.append_certificate(cert.bytes()).unwrap();
    drop(store);
    let explained = explain(&path).unwrap();
    assert_eq!(explained.kind, "certificate-log");
    assert_eq!(explained.facts["certificates"], "1");
    assert_eq!(explained.facts["newest_chain_hash"], hex(&cert.chain_hash()));
    assert_eq!(explain(&place.0.path().join("cert.idx")).unwrap().facts["certificates"], 1);
    assert_eq!(explain(&place.0.path().join("cert.hash")).unwrap().facts["records"], "1");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(explain(&path).unwrap().failure.unwrap().code.name(), "store-damaged");
}

#[test]
fn of_a_private_key_only_the_public_half_is_told() {
    let place = Place::new();
    let signer = Signer::generate().unwrap();
    let pem = signer.private_pem().unwrap();
    let explained = place.explain(pem.as_bytes());
    assert_eq!(explained.kind, "private-key");
    assert_eq!(explained.facts["public_key"], hex(&signer.public_key()));
    let secret = pem.lines().nth(1).unwrap();
    let seed = &data_encoding::BASE64.decode(secret.as_bytes()).unwrap()[16..];
    let told = format!("{}{:?}", to_text(&explained), explained);
    assert!(!told.contains(secret) && !told.contains(&hex(seed)));

    let path = place.file(pem.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let explained = explain(&path).unwrap();
    assert_eq!(explained.failure.as_ref().unwrap().code.name(), "key-file-mode");
    assert!(!to_text(&explained).contains(secret));
    assert_eq!(place.explain(signer.public_pem().unwrap().as_bytes()).facts, {
        let mut facts = Map::new();
        facts.insert("public_key".into(), hex(&signer.public_key()).into());
        facts
    });
}

#[test]
fn other_files_are_recognised_by_their_content() {
    let place = Place::new();
    let state = State::new();
    let writer = SnapshotWriter::new(&state, None);
    let snapshot = writer.read(0, u32::MAX);
    let kinds: [(&[u8], &str); 12] = [
        (&snapshot, "snapshot"),
        (include_bytes!("../../../schemas/predicates.json"), "predicates"),
        (include_bytes!("../../../schemas/trust.example.toml"), "trust-policy"),
        (include_bytes!("../../tests/keys/openssh.pub"), "public-key"),
        (b"\0asm\x0d\0\x01\0", "kernel"),
        (b"\0asm\x01\0\0\0", "wasm-module"),
        (b"OMGRUN\x01\0", "run"),
        (b"", "empty"),
        (b"{\"a\":1}\n{\"a\":2}\n", "json-lines"),
        (b"[{\"a\":1}]", "json"),
        (b"{\"command\":\"check\",\"outcome\":\"agree\"}", "answer"),
        (b"8dd3073f43814ffbe85b087c3cabb2924234779cc7dd4e918e06dfcf17b159d0\n", "public-key"),
    ];
    for (content, kind) in kinds {
        let explained = place.explain(content);
        assert_eq!(explained.kind, kind);
        assert!(explained.failure.is_none(), "{kind}: {:?}", explained.failure);
    }
    let catalog = place.explain(include_bytes!("../../../schemas/predicates.json"));
    assert_eq!(catalog.facts["this_programs_catalog"], true);
    assert_eq!(catalog.facts["predicates"].as_array().unwrap().len(), 9);
    let cut = place.explain(&snapshot[..snapshot.len() / 2]);
    assert!(cut.kind == "snapshot" && cut.failure.is_some());
    assert_eq!(
        place.explain(b"signers = []\nsinger = 1").failure.unwrap().code.name(),
        "trust-policy-invalid"
    );
}

#[test]
fn what_is_unknown_is_refused_with_what_is_known() {
    let place = Place::new();
    for content in [b"dear diary".as_slice(), b"\xff\xfe\xfd", &[0; 99]] {
        let failure = explain(&place.file(content)).unwrap_err();
        assert_eq!(failure.code.name(), "not-recognised");
        assert!(failure.hint.unwrap().contains("trust policies"));
    }
    assert_eq!(explain(place.0.path()).unwrap_err().code.name(), "is-a-directory");
    assert_eq!(explain(&place.0.path().join("none")).unwrap_err().code.name(), "file-not-found");
}

#[test]
fn control_characters_never_reach_a_terminal() {
    let place = Place::new();
    let explained = place.explain(b"{\"command\":\"x\",\"outcome\":\"agree\",\"message\":\"\\u001b[2J\"}");
    assert!(!to_text(&explained).contains('\u{1b}'));
}
