//! Says of any file what it is, what stands in it, and what to do with it next.
//!
//! Files are recognised by their first bytes, never by their names. Nothing is judged or verified
//! here: fields are told as they stand. Of a private key only its public half is told.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use omega_kernel::snapshot;
use omega_verify::explain::{self, Explained};
use omega_verify::hex::encode as hex;
use omega_verify::kind::kind_of;
use rustix::fs::OFlags;
use serde_json::Value;

use crate::failure::{Failure, HostCode};
use crate::store::CertLog;
use crate::{crash, files, keys};

pub mod events;
pub mod kind;
mod other;

/// Bytes of a file that is read whole.
const MAX_WHOLE_BYTES: u64 = 1 << 30;

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
    let whole = || files::read_small(path, MAX_WHOLE_BYTES, "a file to explain");

    let name = path.display().to_string();
    if head.is_empty() {
        return Ok(Explained::new(
            "empty",
            "An empty file.",
            "There is nothing in it. Was it cut, or not written yet?",
        ));
    }
    match kind_of(&head) {
        Some("log") => Ok(explain::log(&name, &whole()?)),
        Some("certificate") => Ok(explain::certificate(&name, &whole()?)),
        Some("certificate-log") => Ok(explain::cert_log(&name, CertLog::open(path))),
        Some("certificate-index" | "certificate-hash") => Ok(explain::sidecar(&name, &whole()?)),
        Some("result") => Ok(other::result(&name, &whole()?)),
        Some("proposal") => Ok(other::proposal(&name, &whole()?)),
        Some("proof") => Ok(explain::proof(&name, &whole()?)),
        Some("snapshot") => {
            let length = file.metadata().map_err(|error| files::unreadable(&error, path))?.len();
            let rest = file.take(snapshot::HEADER_BYTES as u64 - head.len() as u64).read_to_end(&mut head);
            rest.map_err(|error| files::unreadable(&error, path))?;
            Ok(explain::snapshot(&name, &head, length))
        }
        Some("evidence") => Ok(other::evidence(&name, &whole()?)),
        Some("verify-page") => Ok(other::verify_page(&name, &whole()?)),
        Some("kernel" | "wasm-module") => Ok(explain::wasm(&whole()?)),
        Some(_) => Ok(Explained::new(
            "run",
            "A scanned run: what the kernel's first phase makes of a part of a log.",
            "Runs are made and used while logs are judged; there is nothing to do with one by hand.",
        )),
        None if head.starts_with(b"-----BEGIN") && !head.starts_with(keys::SPKI.as_bytes()) => {
            Ok(other::private_key(path))
        }
        None => other::text(path, &whole()?),
    }
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

/// The text for people: the title, the facts in a column, what is wrong, what to do.
pub fn to_text(explained: &Explained) -> String {
    let mut out = format!("{}\n\n", explained.title);
    let width = explained.facts.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in &explained.facts {
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
    if let Some(failure) = &explained.failure {
        out += &format!("\nWrong with it: {} ({})\n", failure.message, failure.code.name());
    }
    out += &format!("\nNext: {}\n", explained.next);
    out
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
