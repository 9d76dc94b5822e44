//! Says of bytes what they are, what stands in them, and what to do with them next.
//!
//! They are recognised by how they start, never by their names. Nothing is judged or verified here:
//! fields are told as they stand.

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

use crate::cert_log::InMemory;
use crate::failure::{Failure, HostCode};
use crate::keys;
use crate::kind::kind_of;
use crate::report::{Outcome, Report};
use crate::trust::Trust;

mod certs;
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

    /// The text for people: the title, the facts in a column, what is wrong, what to do.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n\n", self.title);
        let width = self.facts.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in &self.facts {
            let label = name.replace('_', " ");
            match value {
                Value::Array(values) if values.is_empty() => out += &format!("  {label:width$}  none\n"),
                Value::Array(values) => {
                    for (at, value) in values.iter().enumerate() {
                        let label = if at == 0 { label.as_str() } else { "" };
                        out += &format!("  {label:width$}  {}\n", plain(value));
                    }
                }
                value => out += &format!("  {label:width$}  {}\n", plain(value)),
            }
        }
        if let Some(failure) = &self.failure {
            out += &format!("\nWrong with it: {} ({})\n", failure.message, failure.code.name());
        }
        out += &format!("\nNext: {}\n", self.next);
        out
    }
    /// What `omega explain` answers about it.
    pub fn report(self, name: &str) -> Report {
        let text = self.to_text();
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
            .text(text)
    }
}

/// Says what a file is from its bytes alone.
///
/// # Errors
/// `not-recognised` for what is of no kind that can be told here.
pub fn explain(name: &str, bytes: &[u8]) -> Result<Explained, Failure> {
    Ok(match kind_of(bytes) {
        Some("log") => log(name, bytes),
        Some("certificate") => certificate(name, bytes),
        Some("certificate-log") => cert_log(name, InMemory::new(name, bytes.to_vec(), None)),
        Some("certificate-index" | "certificate-hash") => sidecar(name, bytes),
        Some("proof") => proof(name, bytes),
        Some("snapshot") => snapshot(name, bytes, bytes.len() as u64),
        Some("kernel" | "wasm-module") => wasm(bytes),
        Some(_) => return Err(unknown(name)),
        None => {
            let text = std::str::from_utf8(bytes).map_err(|_| unknown(name))?;
            match keys::public_key(text) {
                Ok(key) => public_key(name, &key),
                Err(_) => trust_policy(name, text, Trust::parse(text).map_err(|failure| failure.file(name)))
                    .ok_or_else(|| unknown(name))?,
            }
        }
    })
}

fn unknown(name: &str) -> Failure {
    Failure::new(HostCode::NotRecognised, "the file is none of the kinds that can be told here")
        .hint("Known are logs, certificates and their logs, snapshots, proofs, public keys, trust policies and checkers (.wasm).")
        .file(name)
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// A value without quotes; an object as `name value, …`.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Value::Object(object) => {
            let parts: Vec<_> =
                object.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
            parts.join(", ")
        }
        Value::Null => "-".to_owned(),
        value => value.to_string(),
    }
}
