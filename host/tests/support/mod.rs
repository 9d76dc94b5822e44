//! A folder with logs, keys and the built command.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use omega_kernel::body::{Body, Core, Observations};
use omega_kernel::cert_log::{LOG_HEADER, Record, Records};
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::event::EventHeader;
use omega_kernel::frame::{LogHeader, write_frame};
use omega_kernel::signature::Statement;
use omega_kernel::wire::{PayloadRef, encode_event, encode_head};
use omega_kernel::{hash, merkle};
use omega_sheaf::sign::Signer;
use serde_json::Value;

/// A folder to work in.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With a key, `omega.key`.
    pub fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.run(&["keygen"], 0);
        place
    }

    /// Two logs that agree: alice's, and bob's, who depends on her; judged as `r`.
    pub fn with_batch() -> Self {
        let place = Place::new();
        let (alice, bob) = pair();
        place.write("alice.omega", &alice.bytes());
        place.write("bob.omega", &bob.bytes());
        place.run(&["reconcile", "--input", "alice.omega", "--input", "bob.omega", "--output", "r"], 0);
        place
    }

    /// As [`Place::with_batch`], certified with the logs: `r.cert` in `cert.log`.
    pub fn with_certificate() -> Self {
        let place = Place::with_batch();
        place.run(&["certify", "--result", "r", "--input", "alice.omega", "--input", "bob.omega"], 0);
        place
    }

    /// A chain of two batches, `r.cert` and `r2.cert`, with the state between them in `s1`.
    pub fn with_chain() -> Self {
        let place = Place::new();
        let (mut alice, bob) = pair();
        place.write("alice.omega", &alice.bytes());
        place.write("bob.omega", &bob.bytes());
        let first = ["reconcile", "--input", "alice.omega", "--input", "bob.omega", "--output", "r"];
        place.run(&[&first[..], &["--save-snapshot", "s1"]].concat(), 0);
        place.run(&["certify", "--result", "r", "--input", "alice.omega", "--input", "bob.omega"], 0);
        alice.event(b"later", &[]);
        place.write("alice.omega", &alice.bytes());
        let second = ["reconcile", "--input", "alice.omega", "--batch-id", "2", "--snapshot", "s1"];
        place.run(&[&second[..], &["--save-snapshot", "s2", "--output", "r2"]].concat(), 0);
        place.run(&["certify", "--result", "r2", "--input", "alice.omega", "--snapshot", "s1"], 0);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs the command; gives its object, whose exit code must be this one.
    #[track_caller]
    pub fn run(&self, args: &[&str], exit: i32) -> Value {
        self.run_with(args, &[], exit)
    }

    /// As [`Place::run`], with variables of the environment.
    #[track_caller]
    pub fn run_with(&self, args: &[&str], variables: &[(&str, &str)], exit: i32) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_omega"))
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env_remove("OMEGA_KERNEL_MODE")
            .envs(variables.iter().copied())
            .args(args)
            .output()
            .unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let people = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {value:#}\n{people}");
        assert!(exit == 0 || exit == 10 || value["message"].is_string(), "{value:#}");
        value
    }

    /// Runs `verify`; the outcome's code must be this one.
    #[track_caller]
    pub fn verify(&self, args: &[&str], exit: i32, code: &str) -> Value {
        let value = self.run(&[&["verify"], args].concat(), exit);
        assert_eq!(value["code"].as_str().unwrap_or(""), code, "{value:#}");
        value
    }

    pub fn certificate(&self, name: &str) -> Certificate {
        Certificate::decode(&self.read(name)).unwrap()
    }

    pub fn signer(&self, name: &str) -> Signer {
        Signer::load(&self.path(name)).unwrap()
    }

    /// All certificates of a log.
    pub fn certificates(&self, log: &str) -> Vec<Certificate> {
        let log = self.read(log);
        let records = Records::new(&log).unwrap().map(|entry| entry.unwrap().record);
        let certificate = |record| match record {
            Record::Certificate(bytes) => Some(Certificate::decode(bytes).unwrap()),
            Record::CoSignature { .. } => None,
        };
        records.filter_map(certificate).collect()
    }

    /// Writes a certificate that says something else than `name`, signed as if it were true.
    pub fn lie(&self, name: &str, output: &str, edit: impl FnOnce(&mut Core, &mut Observations)) {
        let honest = self.certificate(name);
        let Content::Verdict { core, observations } = honest.content() else { panic!("a verdict") };
        let (mut core, mut observations) = (core.as_ref().clone(), observations.clone());
        edit(&mut core, &mut observations);
        let body = Body { core: &core.encode(), observations: &observations.encode() }.join();
        let mut lie = Certificate::unsigned(honest.kind(), honest.fields(), &body).unwrap();
        let record = self.signer("omega.key").certificate(Statement::Judged, &lie.chain_hash());
        lie.append_signature(record).unwrap();
        self.write(output, lie.bytes());
    }

    /// Writes the records of `cert.log` in another arrangement to `output`, which has no sidecars.
    pub fn rearrange(&self, output: &str, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let log = self.read("cert.log");
        let mut records: Vec<Vec<u8>> =
            Records::new(&log).unwrap().map(|entry| entry.unwrap().framed.to_vec()).collect();
        edit(&mut records);
        self.write(output, &[LOG_HEADER.to_vec(), records.concat()].concat());
    }
}

/// One check of a report.
#[track_caller]
pub fn check<'v>(value: &'v Value, name: &str) -> &'v Value {
    let all = value["checks"].as_array().unwrap_or_else(|| panic!("no checks: {value:#}"));
    all.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no check {name}: {value:#}"))
}

/// A certificate as a record of a log.
pub fn record(certificate: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Record::Certificate(certificate).append(&mut out).unwrap();
    out
}

/// Alice's and bob's logs, of five and four events.
pub fn pair() -> (Log, Log) {
    let mut alice = Log::new("alice", 1);
    let mut bob = Log::new("bob", 2);
    for number in 0..5u8 {
        alice.event(&[number; 40], &[]);
    }
    for number in 0..4u8 {
        bob.event(&[number; 20], &[alice.ids[usize::from(number)]]);
    }
    (alice, bob)
}

/// A log of one writer in one stream.
#[derive(Clone)]
pub struct Log {
    name: String,
    node: u32,
    bytes: Vec<u8>,
    leaves: Vec<hash::Hash>,
    pub ids: Vec<u128>,
    /// Byte offsets at which the events' frames end.
    pub ends: Vec<usize>,
}

impl Log {
    pub fn new(name: &str, node: u32) -> Self {
        let bytes = LogHeader::new(name).unwrap().encode().to_vec();
        Log { name: name.into(), node, bytes, leaves: Vec::new(), ids: Vec::new(), ends: Vec::new() }
    }

    /// Appends an event; gives its id.
    pub fn event(&mut self, payload: &[u8], deps: &[u128]) -> u128 {
        let lamport = 10 * (self.ids.len() as u64 + 1) + u64::from(self.node);
        let id = u128::from(self.node) << 64 | u128::from(lamport);
        let header = EventHeader {
            lamport,
            node: self.node,
            stream: 0,
            id,
            prev: self.ids.last().copied().unwrap_or(0),
            claim: None,
            payload_len: payload.len() as u64,
            payload_hash: hash::payload(payload, None),
            deps: deps.to_vec(),
        };
        let mut message = Vec::new();
        encode_event(&header, PayloadRef::Present { bytes: payload, salt: None }, &mut message);
        write_frame(&message, &mut self.bytes);
        self.leaves.push(header.hash());
        self.ids.push(id);
        self.ends.push(self.bytes.len());
        id
    }

    /// Ends the log with a signed head.
    pub fn sign(&mut self, signer: &Signer) {
        let header = LogHeader::new(&self.name).unwrap();
        let head = signer.head(&header, self.leaves.len() as u64, merkle::root(&self.leaves));
        let mut message = Vec::new();
        encode_head(&head, &mut message);
        write_frame(&message, &mut self.bytes);
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

/// All violations that `generate-events` plants.
pub const CONFLICTS: [&str; 10] = [
    "lamport-monotonic",
    "event-unique",
    "event-id-domain",
    "stream-linked-gap",
    "stream-linked-break",
    "payload-hash-match",
    "dependency-known",
    "dependency-precedes",
    "overlap-agreement",
    "claim-agreement",
];

/// A certified conflict of this kind: `r.cert`, from `bad.omega` and what stands beside it.
pub fn conflict(kind: &str) -> Place {
    let place = Place::new();
    place.run(&["generate-events", "--output", "bad.omega", "--count", "12", "--conflict", kind], 0);
    let inputs = place.inputs();
    place.run(&[&["reconcile", "--output", "r"], &inputs[..]].concat(), 10);
    let value = place.run(&[&["certify", "--result", "r"], &inputs[..]].concat(), 0);
    assert_eq!(value["verdict"], "obstruction");
    place
}

impl Place {
    /// The generated logs, as flags.
    pub fn inputs(&self) -> Vec<&'static str> {
        let second = self.path("bad.second.omega").exists();
        let both = ["--input", "bad.omega", "--input", "bad.second.omega"];
        both[..if second { 4 } else { 2 }].to_vec()
    }
}
