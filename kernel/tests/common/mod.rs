//! Small logs for tests, written as one would say them.
#![allow(dead_code)]

pub mod generate;
pub mod model;

use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::frame::{self, LogHeader};
use omega_kernel::hash::{self, Hash};
use omega_kernel::session::{Finished, LogInput, Session};
use omega_kernel::wire::{self, Head, PayloadRef};

/// An event to be written.
#[derive(Debug, Clone)]
pub struct Ev {
    /// What its hash covers.
    pub header: EventHeader,
    /// Its payload; `None`: erased.
    pub payload: Option<Vec<u8>>,
    /// What keys its payload hash.
    pub salt: Option<[u8; 32]>,
    /// What an erased payload that did not fit was.
    pub observed: Option<Observed>,
}

/// An event of (node, stream) = (1, 0) with a payload that fits.
pub fn ev(id: u128, lamport: u64) -> Ev {
    let payload = format!("payload {id}").into_bytes();
    let header = EventHeader {
        lamport,
        node: 1,
        stream: 0,
        id,
        prev: 0,
        claim: None,
        payload_len: payload.len() as u64,
        payload_hash: hash::plain(&payload),
        deps: Vec::new(),
    };
    Ev { header, payload: Some(payload), salt: None, observed: None }
}

impl Ev {
    pub fn node(mut self, node: u32) -> Self {
        self.header.node = node;
        self
    }

    pub fn stream(mut self, stream: u16) -> Self {
        self.header.stream = stream;
        self
    }

    pub fn prev(mut self, prev: u128) -> Self {
        self.header.prev = prev;
        self
    }

    pub fn deps(mut self, deps: &[u128]) -> Self {
        self.header.deps = deps.to_vec();
        self
    }

    pub fn claim(mut self, claim: u8) -> Self {
        self.header.claim = Some([claim; 32]);
        self
    }

    /// Another payload than the header states.
    pub fn mismatch(mut self) -> Self {
        self.payload = Some(b"something else".to_vec());
        self
    }

    /// Another payload, with a header that states it: another version.
    pub fn text(mut self, text: &str) -> Self {
        self.payload = Some(text.as_bytes().to_vec());
        self.header.payload_len = text.len() as u64;
        self.header.payload_hash = hash::payload(text.as_bytes(), self.salt.as_ref());
        self
    }

    pub fn salted(mut self, salt: u8) -> Self {
        self.salt = Some([salt; 32]);
        self.header.payload_hash = hash::payload(self.payload.as_ref().unwrap(), self.salt.as_ref());
        self
    }

    /// The event as erasing leaves it.
    pub fn erased(mut self) -> Self {
        let payload = self.payload.take().expect("a payload");
        let found = Observed { len: payload.len() as u64, hash: hash::payload(&payload, self.salt.as_ref()) };
        let fits = (found.len, found.hash) == (self.header.payload_len, self.header.payload_hash);
        self.observed = (!fits).then_some(found);
        self.salt = None;
        self
    }

    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let payload = match &self.payload {
            Some(bytes) => PayloadRef::Present { bytes, salt: self.salt.as_ref() },
            None => PayloadRef::Erased { observed: self.observed },
        };
        wire::encode_event(&self.header, payload, &mut out);
        out
    }
}

/// A log of these events, in this order.
pub fn log(name: &str, events: &[Ev]) -> Vec<u8> {
    let mut out = LogHeader::new(name).unwrap().encode().to_vec();
    events.iter().for_each(|event| frame::write_frame(&event.message(), &mut out));
    out
}

/// Appends a head by the key of this seed.
pub fn sign(log: &mut Vec<u8>, seed: u8) -> [u8; 32] {
    use ed25519_dalek::Signer;
    let (name, count, root) = count_and_root(log);
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let message = Head::signed_message(&hash::SCHEMA_HASH, &name, count, &root);
    let head = Head {
        event_count: count,
        log_root: root,
        key: key.verifying_key().to_bytes(),
        signature: key.sign(&message).to_bytes(),
    };
    let mut message = Vec::new();
    wire::encode_head(&head, &mut message);
    frame::write_frame(&message, log);
    head.key
}

fn count_and_root(log: &[u8]) -> (String, u64, Hash) {
    let finished = judge(&[log.to_vec()]);
    let (core, _) = omega_kernel::body::Body::split(&finished.body).unwrap().decode().unwrap();
    (core.logs[0].name.clone(), core.logs[0].count, core.logs[0].root)
}

/// Judges logs from genesis.
pub fn judge(logs: &[Vec<u8>]) -> Finished {
    judge_in(&mut Session::genesis(), logs)
}

/// Judges logs in a session.
pub fn judge_in(session: &mut Session, logs: &[Vec<u8>]) -> Finished {
    try_judge_in(session, logs).expect("a verdict")
}

/// Judges logs in a session.
pub fn try_judge_in(session: &mut Session, logs: &[Vec<u8>]) -> Result<Finished, omega_kernel::fault::Fault> {
    session.begin_batch(&vec![LogInput::default(); logs.len()])?;
    for (index, log) in (0u32..).zip(logs) {
        // A damaged log's fault comes again from `finish`, which picks among several.
        let _ = session.feed(index, log);
    }
    session.finish()
}

/// Cases to draw at random: `usual`, or as many as `OMEGA_CASES` says.
pub fn cases(usual: u32) -> u32 {
    std::env::var("OMEGA_CASES").map_or(usual, |cases| cases.parse().expect("a number of cases"))
}
