//! What goes into an evidence file, read once: the bytes that are verified are the bytes that are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_kernel::certificate::MAX_CERTIFICATE_BYTES;
use omega_kernel::hash::Hash;
use omega_verify::trust::{MAX_POLICY_BYTES, Trust};
use omega_verify::{MAX_PROOF_BYTES, Pinned};

use super::format::{Entry, MAX_PARTS, MAX_PARTS_BYTES, Role, blake3_of};
use super::names::{self, Names};
use crate::failure::{Failure, HostCode};
use crate::keys::{self, MAX_KEY_BYTES};
use crate::map::Source;
use crate::store;
use crate::summary::grouped;
use crate::verify::{Evidence, no_head};

/// What to put into one file.
#[derive(Debug)]
pub struct Request {
    /// The certificate, or the log of them.
    pub evidence: Evidence,
    /// Logs that were judged.
    pub inputs: Vec<PathBuf>,
    /// State that the first of the batches starts from.
    pub snapshot: Option<PathBuf>,
    /// A trust policy that goes with it.
    pub policy: Option<PathBuf>,
    /// Public keys that go with it: text, or files.
    pub keys: Vec<String>,
    /// The newest certificate known: chain hash or file.
    pub head: Option<String>,
    /// Kernels beside the one built in.
    pub kernels: Vec<PathBuf>,
    /// Proofs about the certificates.
    pub proofs: Vec<PathBuf>,
    /// Leave logs and snapshot out.
    pub without_logs: bool,
    /// Make it also where the evidence is wrong, or could not be checked.
    pub even_if_it_fails: bool,
    /// The verify page; none looks beside this program.
    pub page: Option<PathBuf>,
}

/// One part.
#[derive(Debug)]
pub struct Part {
    /// What it is there for.
    pub role: Role,
    /// The name that it is saved under.
    pub name: String,
    /// As it was named by whoever gave it.
    pub path: PathBuf,
    /// All of it.
    pub bytes: Arc<Vec<u8>>,
}

impl Part {
    /// What the file says of it.
    pub fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            role: self.role,
            bytes: self.bytes.len() as u64,
            blake3: blake3_of(&self.bytes),
        }
    }

    /// Its bytes, for verifying.
    pub fn source(&self) -> Source {
        Source::from_bytes(&self.path, Arc::clone(&self.bytes))
    }
}

/// All parts.
#[derive(Debug, Default)]
pub struct Parts {
    list: Vec<Part>,
    names: Names,
    bytes: u64,
    /// Whom the maker trusts; none where nobody said.
    pub trust: Option<Trust>,
    /// Chain hash of the newest certificate that the maker knows, where it is given so.
    pub head: Option<String>,
}

impl Parts {
    /// Reads everything but kernels and, where they are left out, logs and snapshot.
    ///
    /// # Errors
    /// Those of reading; `key-invalid`, `trust-policy-invalid`; `evidence-too-large`.
    pub fn read(request: &Request) -> Result<Self, Failure> {
        let mut parts = Parts::default();
        match &request.evidence {
            Evidence::Certificate(path) => {
                parts.add(Role::Certificate, path, MAX_CERTIFICATE_BYTES.into())?
            }
            Evidence::Log(path) => {
                let (_, hash) = store::sidecars(path);
                // Before the log: what it states may then be older than the log, never newer.
                let stated = hash.is_file().then(|| Source::open(&hash)).and_then(Result::ok);
                parts.add(Role::CertificateLog, path, u64::MAX)?;
                if let Some(stated) = stated {
                    parts.hold(Role::CertificateHash, &hash, stated.read_all(MAX_PARTS_BYTES)?)?;
                }
            }
        }
        for path in &request.proofs {
            parts.add(Role::Proof, path, MAX_PROOF_BYTES)?;
        }
        if !request.without_logs {
            for path in &request.inputs {
                parts.add(Role::Log, path, u64::MAX)?;
            }
            if let Some(path) = &request.snapshot {
                parts.add(Role::Snapshot, path, u64::MAX)?;
            }
        }
        parts.trusted(request)?;
        match request.head.as_deref() {
            Some(hash) if Pinned::hash(hash).is_some() => parts.head = Some(hash.to_lowercase()),
            Some(file) if Path::new(file).exists() => {
                parts.add(Role::Head, Path::new(file), MAX_CERTIFICATE_BYTES.into())?;
            }
            Some(neither) => return Err(no_head(neither)),
            None => {}
        }
        Ok(parts)
    }

    /// Adds a kernel.
    ///
    /// # Errors
    /// `evidence-too-large`.
    pub fn add_kernel(&mut self, hash: &Hash, component: &[u8]) -> Result<(), Failure> {
        let name = format!("kernel-{}.wasm", &omega_verify::hex::encode(hash)[..16]);
        self.hold(Role::Kernel, Path::new(&name), component.to_vec())
    }

    /// The parts of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Part> {
        self.list.iter().filter(move |part| part.role == role)
    }

    /// In the order in which they are written.
    pub fn into_list(self) -> Vec<Part> {
        self.list
    }

    /// Whom the maker trusts, and the keys and the policy that say so.
    fn trusted(&mut self, request: &Request) -> Result<(), Failure> {
        if let Some(path) = &request.policy {
            let bytes = self.add(Role::TrustPolicy, path, MAX_POLICY_BYTES).map(|()| self.newest())?;
            self.trust = Some(Trust::read(bytes.to_vec()).map_err(|failure| failure.file(path))?);
            return Ok(());
        }
        let mut trusted = Vec::new();
        for text in &request.keys {
            let path = Path::new(text);
            if path.is_file() {
                self.add(Role::PublicKey, path, MAX_KEY_BYTES)?;
                // Nothing but a public key goes in: a private one is refused here.
                let key = keys::public_key(&String::from_utf8_lossy(&self.newest()));
                trusted.push(key.map_err(|failure| failure.file(path))?);
            } else {
                let key = keys::public_key_or_file(text)?;
                let line = format!("{}\n", text.trim());
                let name = format!("key-{}.pub", &omega_verify::hex::encode(&key)[..8]);
                self.hold(Role::PublicKey, Path::new(&name), line.into_bytes())?;
                trusted.push(key);
            }
        }
        self.trust = (!trusted.is_empty()).then(|| Trust::of_keys(trusted));
        Ok(())
    }

    fn newest(&self) -> Arc<Vec<u8>> {
        self.list.last().map(|part| Arc::clone(&part.bytes)).unwrap_or_default()
    }

    fn add(&mut self, role: Role, path: &Path, most: u64) -> Result<(), Failure> {
        let source = Source::open(path)?;
        self.fits(source.len(), path)?;
        let bytes = source.read_all(most)?;
        self.hold(role, path, bytes)
    }

    fn hold(&mut self, role: Role, path: &Path, bytes: Vec<u8>) -> Result<(), Failure> {
        self.fits(bytes.len() as u64, path)?;
        self.bytes += bytes.len() as u64;
        let name = self.names.of(path, role.name());
        self.list.push(Part { role, name, path: path.to_owned(), bytes: Arc::new(bytes) });
        Ok(())
    }

    /// Whether one more part of so many bytes has room.
    fn fits(&self, bytes: u64, path: &Path) -> Result<(), Failure> {
        let refused = |message: String| {
            Err(Failure::new(HostCode::EvidenceTooLarge, message)
                .hint("A conflict or a proof is shown without logs: --without-logs. Larger logs are verified where they are: omega verify.")
                .file(path))
        };
        if self.list.len() >= MAX_PARTS {
            return refused(format!("an evidence file has at most {MAX_PARTS} parts"));
        }
        if self.bytes.saturating_add(bytes) > MAX_PARTS_BYTES {
            let most = grouped(&MAX_PARTS_BYTES.to_string());
            return refused(format!(
                "with this file the parts have more than the {most} bytes that one page may hold"
            ));
        }
        Ok(())
    }
}

/// Names of the files that are left out, as a page may show them.
pub fn left_out(request: &Request) -> Vec<String> {
    let paths = request.inputs.iter().chain(&request.snapshot);
    paths.map(|path| names::plain(path).unwrap_or_else(|| "a file".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fill_the_limit_and_not_one_byte_more() {
        let mut parts = Parts { bytes: MAX_PARTS_BYTES - 1, ..Parts::default() };
        parts.hold(Role::Log, Path::new("a"), vec![0]).unwrap();
        let failure = parts.hold(Role::Log, Path::new("b"), vec![0]).unwrap_err();
        assert_eq!(failure.code.name(), "evidence-too-large");
        assert!(failure.message.contains("268,435,456"), "{}", failure.message);
        assert_eq!(parts.list.len(), 1);
    }

    #[test]
    fn there_are_so_many_parts_and_no_more() {
        let mut parts = Parts::default();
        for _ in 0..MAX_PARTS {
            parts.hold(Role::Log, Path::new("a"), Vec::new()).unwrap();
        }
        let failure = parts.hold(Role::Log, Path::new("a"), Vec::new()).unwrap_err();
        assert_eq!(failure.code.name(), "evidence-too-large");
    }
}
