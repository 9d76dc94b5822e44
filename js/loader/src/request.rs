//! What JavaScript wants verified, read from its object.

use js_sys::Array;
use omega_kernel::certificate::{Certificate, MAX_CERTIFICATE_BYTES};
use omega_kernel::proof::Proof;
use omega_verify::cert_log::InMemory;
use omega_verify::failure::{Failure, HostCode};
use omega_verify::kind::START_BYTES;
use omega_verify::trust::{MAX_POLICY_BYTES, Trust};
use omega_verify::{Evidence, MAX_PROOF_BYTES, Pinned, Request, keys};
use wasm_bindgen::JsValue;

use crate::ask::{bytes, get, present, text};
use crate::failure::thrown;
use crate::page::Shared;
use crate::source::Readable;

/// Bytes in a file that holds a public key.
const MAX_KEY_BYTES: u64 = 16 << 10;

/// The files of a run by name, for advice about files of another kind.
#[derive(Default)]
pub struct Files {
    /// How small ones start.
    pub starts: Vec<(String, Vec<u8>)>,
    /// Those that can be read again.
    pub sources: Vec<(String, JsValue)>,
}

impl Files {
    /// A small file, of at most `most` bytes.
    fn small(&mut self, from: &JsValue, what: &str, most: u64) -> Result<(String, Vec<u8>), Failure> {
        readable(from)?;
        let name = text(from, "name").unwrap_or_else(|| what.to_owned());
        let Some(bytes) = bytes(from, "bytes") else {
            return Err(Failure::usage(format!("{what} has no bytes")).file(&name));
        };
        if bytes.len() as u64 > most {
            let message = format!("the file has {} bytes, and {most} are allowed here", bytes.len());
            return Err(Failure::new(HostCode::Unreadable, message).file(&name));
        }
        let start = bytes[..bytes.len().min(START_BYTES as usize)].to_vec();
        self.starts.push((name.clone(), start));
        Ok((name, bytes))
    }

    fn source(&mut self, from: &JsValue, shared: &Shared) -> Readable {
        if let Some(name) = text(from, "name")
            && get(from, "readAt").is_function()
        {
            self.sources.push((name, from.clone()));
        }
        Readable::new(from.clone(), shared)
    }

    /// As [`Files::small`], and not empty.
    fn filled(&mut self, from: &JsValue, what: &str, most: u64) -> Result<(String, Vec<u8>), Failure> {
        let (name, bytes) = self.small(from, what, most)?;
        if bytes.is_empty() { Err(Failure::empty(name)) } else { Ok((name, bytes)) }
    }

    fn certificate(&mut self, from: &JsValue) -> Result<(String, Vec<u8>), Failure> {
        self.filled(from, "the certificate", MAX_CERTIFICATE_BYTES.into())
    }
}

/// Reads a request. What is wrong with it is in the words of the `omega` command, and in its order.
pub fn read(
    given: &JsValue,
    shared: &Shared,
    files: &mut Files,
) -> Result<Request<Readable, InMemory>, Failure> {
    let trust = trust(given, files)?;
    let pinned = match present(given, "head") {
        None => None,
        Some(head) => Some(pinned(&head, files)?),
    };
    let proof = match present(given, "proof") {
        None => None,
        Some(file) => {
            let (name, bytes) = files.filled(&file, "the proof", MAX_PROOF_BYTES)?;
            Some(Proof::decode(&bytes).map_err(|fault| Failure::from(fault).file(&name))?)
        }
    };
    let snapshot = match present(given, "snapshot") {
        None => None,
        Some(source) => Some(readable(&source).map(|()| files.source(&source, shared))?),
    };
    let inputs = list(given, "inputs")?
        .iter()
        .map(|input| readable(&input).map(|()| files.source(&input, shared)))
        .collect();
    for kernel in list(given, "kernels")?.iter() {
        readable(&kernel)?;
    }
    let evidence = match (present(given, "certificate"), present(given, "certificateLog")) {
        (Some(file), None) => {
            let (name, bytes) = files.certificate(&file)?;
            Evidence::Certificate(name, bytes)
        }
        (None, Some(file)) => {
            let (name, content) = files.small(&file, "the certificate log", u64::MAX)?;
            let log = InMemory::new(&name, content, bytes(&file, "hash").as_deref())?;
            Evidence::Log(name, log)
        }
        _ => return Err(Failure::usage("name a certificate or a log of certificates")),
    };
    Ok(Request { evidence, inputs, snapshot, trust, pinned, proof })
}

fn trust(given: &JsValue, files: &mut Files) -> Result<Option<Trust>, Failure> {
    if let Some(file) = present(given, "policy") {
        let (name, bytes) = files.small(&file, "the trust policy", MAX_POLICY_BYTES)?;
        return Trust::read(bytes).map(Some).map_err(|failure| failure.file(&name));
    }
    let keys = list(given, "trust")?;
    if keys.length() > 0 {
        let keys: Vec<_> = keys.iter().map(|given| key(&given, files)).collect::<Result<_, _>>()?;
        return Ok(Some(Trust::of_keys(keys)));
    }
    Ok(get(given, "anySigner").is_truthy().then(Trust::any_signer))
}

/// A public key, as text or in a file.
fn key(given: &JsValue, files: &mut Files) -> Result<[u8; 32], Failure> {
    if let Some(text) = given.as_string() {
        return keys::public_key(&text);
    }
    let (name, bytes) = files.small(given, "the key", MAX_KEY_BYTES)?;
    keys::public_key(&String::from_utf8_lossy(&bytes)).map_err(|failure| failure.file(&name))
}

fn pinned(head: &JsValue, files: &mut Files) -> Result<Pinned, Failure> {
    if let Some(hash) = head.as_string() {
        return Pinned::hash(&hash).ok_or_else(|| {
            Failure::usage(format!("the head {hash} is no chain hash"))
                .hint("Give 64 hex digits (`chain_hash` in any report) or a certificate.")
        });
    }
    let (name, bytes) = files.certificate(head)?;
    let certificate = Certificate::decode(&bytes).map_err(|fault| Failure::from(fault).file(&name))?;
    Ok(Pinned::certificate(certificate))
}

/// Why something could not be read stands in its place.
fn readable(from: &JsValue) -> Result<(), Failure> {
    present(from, "failure").map_or(Ok(()), |failure| Err(thrown(&failure).into()))
}

fn list(given: &JsValue, name: &str) -> Result<Array, Failure> {
    match present(given, name) {
        None => Ok(Array::new()),
        Some(list) if Array::is_array(&list) => Ok(Array::from(&list)),
        Some(_) => Err(Failure::usage(format!("`{name}` must be a list"))),
    }
}
