//! Says of bytes what they are, what stands in them, and what to do with them next.
//!
//! They are recognised by how they start, never by their names. Nothing is judged or verified here:
//! fields are told as they stand.

use serde_json::{Map, Value};

use crate::failure::{Failure, HostCode};
use crate::keys;
use crate::kind::kind_of;
use crate::report::{Outcome, Report};
use crate::trust::Trust;

pub(crate) mod certs;
mod log;
mod other;

pub use certs::{binding, cert_log, certificate, certificates, judged, proof, sidecar, verdict};
pub use log::log;
pub use other::{public_key, snapshot, trust_policy, wasm};

/// What a file is.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Stable name of the kind of file.
    pub kind: &'static str,
    /// One sentence for people.
    pub title: String,
    /// What stands in it.
    pub facts: Map<String, Value>,
    /// What to do next.
    pub next: String,
    /// What is wrong with it, where something is.
    pub failure: Option<Failure>,
}

impl Explained {
    /// Without facts.
    pub fn new(kind: &'static str, title: impl Into<String>, next: impl Into<String>) -> Self {
        Explained { kind, title: title.into(), facts: Map::new(), next: next.into(), failure: None }
    }

    /// With a fact more.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// With what is wrong with it.
    #[must_use]
    pub fn failed(mut self, failure: impl Into<Failure>, name: &str) -> Self {
        self.failure = Some(failure.into().file(name));
        self
    }

    /// What `omega explain` answers about it.
    pub fn report(self, name: &str) -> Report {
        let report = match &self.failure {
            Some(failure) => Report::failed("explain", failure),
            None => Report::new("explain", Outcome::Ok),
        };
        report
            .field("input", name)
            .field("kind", self.kind)
            .field("title", self.title)
            .field("facts", self.facts)
            .field("next", self.next)
    }
}

/// Says what a small file that goes with a certificate is: a proof, a public key, a trust policy.
///
/// # Errors
/// `not-recognised` for what is of another kind.
pub fn small(name: &str, bytes: &[u8]) -> Result<Explained, Failure> {
    if kind_of(bytes) == Some("proof") {
        return Ok(proof(name, bytes));
    }
    let unknown = || {
        let message = "the file is no proof, no public key and no trust policy";
        Failure::new(HostCode::NotRecognised, message).file(name)
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    match keys::public_key(text) {
        Ok(key) => Ok(public_key(name, &key)),
        Err(_) => trust_policy(name, text, Trust::parse(text).map_err(|failure| failure.file(name)))
            .ok_or_else(unknown),
    }
}

fn hex(bytes: &[u8]) -> String {
    crate::hex::encode(bytes)
}
