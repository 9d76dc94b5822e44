//! Which kinds of files a folder holds, and what each says of itself alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use omega_kernel::chain;
use omega_kernel::frame::Frames;
use omega_kernel::hash::Hash;
use omega_verify::MAX_KERNEL_BYTES;

use crate::crash;
use crate::explain::kind::start;
use crate::failure::{Failure, HostCode};
use crate::files;
use crate::keys;
use crate::node::{incidents, journal};
use crate::result::ResultFile;
use crate::sign::Signer;
use crate::verify::read_certificate;

/// What a file is, as far as it can be held against anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `cert.log`: the chain.
    CertLog,
    /// `cert.idx`, made from the chain.
    CertIndex,
    /// `cert.hash`, made from the chain.
    CertHash,
    /// An `.omega` log, or a segment of a node.
    Log,
    /// A node's journal.
    Journal,
    /// A node's incidents.
    Incidents,
    /// A state.
    Snapshot,
    /// The signing policy beside a node's snapshot.
    SnapshotPolicy,
    /// A component.
    Kernel,
    /// A certificate in a file of its own.
    Certificate,
    /// What `omega reconcile` writes.
    Result,
    /// A private key.
    PrivateKey,
    /// A public key.
    PublicKey,
    /// The list of a crash folder's files.
    CrashManifest,
    /// One of a crash folder's files.
    CrashPart,
    /// Anything else: nothing that is certified depends on it.
    Other,
}

impl Kind {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::CertLog => "certificate-log",
            Kind::CertIndex => "certificate-index",
            Kind::CertHash => "certificate-hash",
            Kind::Log => "log",
            Kind::Journal => "journal",
            Kind::Incidents => "incidents",
            Kind::Snapshot => "snapshot",
            Kind::SnapshotPolicy => "snapshot-policy",
            Kind::Kernel => "kernel",
            Kind::Certificate => "certificate",
            Kind::Result => "result",
            Kind::PrivateKey => "private-key",
            Kind::PublicKey => "public-key",
            Kind::CrashManifest => "crash-manifest",
            Kind::CrashPart => "crash-part",
            Kind::Other => "other",
        }
    }

    fn of(root: &Path, name: &str) -> Self {
        let path = root.join(name);
        if name == journal::NAME {
            return Kind::Journal;
        }
        if name == incidents::NAME {
            return Kind::Incidents;
        }
        if crash::is_manifest(&path) {
            return Kind::CrashManifest;
        }
        if crash::is_part(&path) {
            return Kind::CrashPart;
        }
        if name.ends_with(".policy") && path.with_extension("snap").exists() {
            return Kind::SnapshotPolicy;
        }
        let start = start(&path).unwrap_or_default();
        match omega_verify::kind::kind_of(&start) {
            Some("certificate-log") => Kind::CertLog,
            Some("certificate-index") => Kind::CertIndex,
            Some("certificate-hash") => Kind::CertHash,
            Some("log") => Kind::Log,
            Some("snapshot") => Kind::Snapshot,
            Some("kernel") => Kind::Kernel,
            Some("certificate") => Kind::Certificate,
            Some("result") => Kind::Result,
            _ if start.starts_with(b"-----BEGIN") && name.ends_with(".key") => Kind::PrivateKey,
            _ if name.ends_with(".pub") => Kind::PublicKey,
            _ => Kind::Other,
        }
    }
}

/// All regular files below a folder by their paths from there, each with its kind. Links are left out:
/// they may lead anywhere.
///
/// # Errors
/// Those of the file system.
pub fn listed(root: &Path) -> Result<BTreeMap<String, Kind>, Failure> {
    let mut names = Vec::new();
    below(root, "", &mut names)?;
    Ok(names.into_iter().map(|name| (name.clone(), Kind::of(root, &name))).collect())
}

fn below(root: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), Failure> {
    let folder = root.join(prefix);
    let unreadable = |error: std::io::Error| files::unreadable(&error, &folder);
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        // Nothing that we write has a name that is no text.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if kind.is_dir() {
            below(root, &name, names)?;
        } else if kind.is_file() {
            names.push(name);
        }
    }
    Ok(())
}

/// Whether a file is right as far as it alone can say.
///
/// # Errors
/// What is wrong with it.
pub fn alone(path: &Path, kind: Kind) -> Result<(), Failure> {
    match kind {
        Kind::Log => {
            let bytes = fs::read(path).map_err(|error| files::unreadable(&error, path))?;
            let in_file = |fault| Failure::from(fault).file(path);
            let (_, mut frames) = Frames::new(&bytes).map_err(in_file)?;
            frames.try_for_each(|frame| frame.map(drop)).map_err(in_file)
        }
        Kind::Kernel => match hash_in_name(path) {
            Some(named) if kernel_hash(path)? != named => {
                let message = "this is not the kernel whose hash it is named by";
                Err(Failure::new(HostCode::KernelInvalid, message).file(path))
            }
            // By its name nobody can tell; by the chain one can (`Inspector::fits`).
            _ => Ok(()),
        },
        Kind::PrivateKey => {
            let key = Signer::load(path)?.public_key();
            let beside = path.with_extension("pub");
            match beside.exists() && public_key(&beside)? != key {
                true => Err(no_pair(path)),
                false => Ok(()),
            }
        }
        Kind::PublicKey => {
            let (key, beside) = (public_key(path)?, path.with_extension("key"));
            match beside.exists() && Signer::load(&beside).is_ok_and(|it| it.public_key() != key) {
                true => Err(no_pair(path)),
                false => Ok(()),
            }
        }
        Kind::Result => ResultFile::read(path).map(drop),
        Kind::Certificate => {
            let certificate = read_certificate(path)?;
            chain::verify_signatures(&certificate).map_err(|fault| Failure::from(fault).file(path))
        }
        Kind::CrashManifest => path.parent().map_or(Ok(()), |folder| crash::open(folder).map(drop)),
        Kind::CertLog
        | Kind::CertIndex
        | Kind::CertHash
        | Kind::Journal
        | Kind::Incidents
        | Kind::Snapshot
        | Kind::SnapshotPolicy
        | Kind::CrashPart
        | Kind::Other => Ok(()),
    }
}

/// The BLAKE3 of a kernel's file.
///
/// # Errors
/// Those of reading.
pub fn kernel_hash(path: &Path) -> Result<Hash, Failure> {
    Ok(*blake3::hash(&files::read_small(path, MAX_KERNEL_BYTES, "a kernel")?).as_bytes())
}

/// The hash that a file is named by, as a node names kernels.
pub fn hash_in_name(path: &Path) -> Option<Hash> {
    HEXLOWER.decode(path.file_stem()?.to_str()?.as_bytes()).ok()?.try_into().ok()
}

fn public_key(path: &Path) -> Result<[u8; 32], Failure> {
    keys::public_key_or_file(&path.to_string_lossy())
}

/// Whether there is a key of each kind, and both can be read: only then either tells of the other.
pub fn is_pair(path: &Path) -> bool {
    let public = public_key(&path.with_extension("pub"));
    public.is_ok() && Signer::load(&path.with_extension("key")).is_ok()
}

fn no_pair(path: &Path) -> Failure {
    Failure::new(HostCode::KeyInvalid, "private and public key do not belong together").file(path)
}
