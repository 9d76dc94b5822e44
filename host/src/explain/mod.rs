//! Says of any file what it is, what stands in it, and what to do with it next.
//!
//! Files are recognised by their first bytes, never by their names. Nothing is judged or verified
//! here: fields are told as they stand. Of a private key only its public half is told.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use omega_kernel::{cert_index, cert_log, certificate, frame, proof, snapshot};
use rustix::fs::OFlags;
use serde_json::{Map, Value};

use crate::failure::{Failure, HostCode};
use crate::{crash, files, keys, result};

mod certs;
mod log;
mod other;

/// Bytes of a file that is read whole.
const MAX_WHOLE_BYTES: u64 = 1 << 30;

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
    fn new(kind: &'static str, title: impl Into<String>, next: impl Into<String>) -> Self {
        Explained { kind, title: title.into(), facts: Map::new(), next: next.into(), failure: None }
    }

    fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    fn failed(mut self, failure: impl Into<Failure>, path: &Path) -> Self {
        self.failure = Some(failure.into().file(path));
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
}

/// Says what a file or folder is. Errors: those of reading; `not-recognised`.
pub fn explain(path: &Path) -> Result<Explained, Failure> {
    if path.is_dir() {
        return folder(path);
    }
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let mut file = opened.map_err(|error| files::unreadable(&error, path))?;
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Err(Failure::new(HostCode::Unreadable, "this is no regular file").file(path));
    }
    // Few bytes first: a private key is read by `keys` alone, which wipes it.
    let mut head = Vec::new();
    let read = file.by_ref().take(64).read_to_end(&mut head);
    read.map_err(|error| files::unreadable(&error, path))?;
    let starts = |magic: &[u8]| head.starts_with(magic);
    let whole = || files::read_small(path, MAX_WHOLE_BYTES, "a file to explain");

    if head.is_empty() {
        return Ok(Explained::new(
            "empty",
            "An empty file.",
            "There is nothing in it. Was it cut, or not written yet?",
        ));
    }
    if starts(&frame::MAGIC) {
        return Ok(log::log(path, &whole()?));
    }
    if starts(&certificate::MAGIC) {
        return Ok(certs::certificate(path, &whole()?));
    }
    if starts(&cert_log::LOG_HEADER[..8]) {
        return certs::cert_log(path);
    }
    if starts(&cert_index::INDEX_HEADER[..8]) || starts(b"\x89OMH\r\n\x1a\n") {
        return Ok(certs::sidecar(path, &whole()?));
    }
    if starts(&result::MAGIC) {
        return Ok(certs::result(path, &whole()?));
    }
    if starts(&proof::MAGIC) {
        return Ok(certs::proof(path, &whole()?));
    }
    if starts(&snapshot::MAGIC) {
        return other::snapshot(path);
    }
    if starts(b"OMGRUN") {
        return Ok(Explained::new(
            "run",
            "A scanned run: what the kernel's first phase makes of a part of a log.",
            "Runs are made and used while logs are judged; there is nothing to do with one by hand.",
        ));
    }
    if starts(b"\0asm") {
        return Ok(other::wasm(&head, &whole()?));
    }
    if starts(b"-----BEGIN") && !starts(keys::SPKI.as_bytes()) {
        return Ok(other::private_key(path));
    }
    other::text(path, &whole()?)
}

fn folder(path: &Path) -> Result<Explained, Failure> {
    if !path.join("manifest.json").exists() {
        return Err(Failure::new(HostCode::IsDirectory, "this is a folder, and no crash folder").file(path));
    }
    let next = format!("Judge it again: {}", crash::replay_command(path));
    let corpse = match crash::open(path) {
        Ok(corpse) => corpse,
        Err(failure) => {
            let title = "A crash folder that is not as it was made.";
            let next = "Copy the whole folder again from where it was made.";
            return Ok(Explained { failure: Some(failure), ..Explained::new("crash-folder", title, next) });
        }
    };
    let logs: Vec<Value> =
        corpse.inputs.iter().map(|input| input.path.display().to_string().into()).collect();
    Ok(Explained::new("crash-folder", "A crash folder: everything that a conflict was judged from.", next)
        .fact("batch_id", corpse.batch_id.to_string())
        .fact("replay_seed", corpse.replay_seed.to_string())
        .fact("kernel_hash", hex(&corpse.kernel_hash))
        .fact("snapshot", corpse.snapshot.is_some())
        .fact("logs", logs))
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn id(id: u128) -> String {
    format!("{id:032x}")
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

#[cfg(test)]
mod tests;
