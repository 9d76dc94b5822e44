//! What a command is about to write, held against what it reads and against what stands there.
//!
//! The rule, for every command: an output is never also an input, a key or another output, by
//! whatever name or link; and a file is only replaced by one of its own kind. Both are looked at
//! before anything is read or judged, the kind once more at the moment of writing
//! ([`crate::files::write_whole`]).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use omega_kernel::{certificate, proof, snapshot};
use omega_verify::kind::{EVIDENCE_MAGIC, PROPOSAL_MAGIC};

use crate::failure::{Failure, HostCode};
use crate::files::{folder_of, unwritable};
use crate::{engine, result, store};

/// A kind of file that is written whole, over an older one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of `reconcile`.
    Result,
    /// Of `certify`.
    Certificate,
    /// Of `reconcile --save-snapshot`.
    Snapshot,
    /// Of `policy propose` and `policy sign`.
    Proposal,
    /// Of `prove`.
    Proof,
    /// Of `kernel export`.
    Kernel,
    /// Of `bundle`.
    Evidence,
}

/// Bytes that tell a kind.
const START_BYTES: u64 = 64;

impl Kind {
    fn magic(self) -> &'static [u8] {
        match self {
            Kind::Result => &result::MAGIC,
            Kind::Certificate => &certificate::MAGIC,
            Kind::Snapshot => &snapshot::MAGIC,
            Kind::Proposal => &PROPOSAL_MAGIC,
            Kind::Proof => &proof::MAGIC,
            Kind::Kernel => &engine::COMPONENT_MAGIC,
            Kind::Evidence => EVIDENCE_MAGIC,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Result => "result",
            Kind::Certificate => "certificate",
            Kind::Snapshot => "snapshot",
            Kind::Proposal => "proposal",
            Kind::Proof => "proof",
            Kind::Kernel => "kernel",
            Kind::Evidence => "evidence file",
        }
    }

    /// Whether a file of this kind may be put at `path`: nothing stands there, nothing is in it, or
    /// it is of this kind.
    ///
    /// # Errors
    /// `write-failed` where something else stands there, or cannot be looked at; `is-a-directory`.
    pub fn may_replace(self, path: &Path) -> Result<(), Failure> {
        let about = match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            about => about.map_err(|error| unwritable(&error, path))?,
        };
        if about.is_dir() {
            return Err(unwritable(&ErrorKind::IsADirectory.into(), path));
        }
        if !about.is_file() {
            let message = format!("{} is a device, a pipe or a socket, not a file", path.display());
            return Err(Failure::new(HostCode::WriteFailed, message)
                .hint("Name a file, and copy it from there.")
                .file(path));
        }
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(START_BYTES).read_to_end(&mut start));
        read.map_err(|error: io::Error| {
            let message = format!("what stands there cannot be looked at, so it is kept: {error}");
            Failure::new(HostCode::WriteFailed, message).hint("Choose another name.").file(path)
        })?;
        if start.is_empty() || start.starts_with(self.magic()) {
            return Ok(());
        }
        let message = format!("{} exists and is no {}: it is kept", path.display(), self.name());
        Err(Failure::new(HostCode::WriteFailed, message)
            .hint(format!(
                "Choose another name, or move the file away; `omega explain --input {}` says what it is.",
                path.display()
            ))
            .file(path))
    }
}

/// The files that a command reads and those that it will write.
#[derive(Debug, Default)]
pub struct Outputs {
    reads: Vec<(String, PathBuf)>,
    writes: Vec<(String, PathBuf, Option<Kind>)>,
}

impl Outputs {
    /// With files that are read; `what` names them in a refusal: their flag.
    #[must_use]
    pub fn reads<'p>(mut self, what: &str, paths: impl IntoIterator<Item = &'p PathBuf>) -> Self {
        self.reads.extend(paths.into_iter().map(|path| (what.to_owned(), path.clone())));
        self
    }

    /// With a file that is written.
    #[must_use]
    pub fn writes(mut self, what: &str, path: &Path, kind: Kind) -> Self {
        self.writes.push((what.to_owned(), path.to_owned(), Some(kind)));
        self
    }

    /// With a file that is written by its own rules, so that its kind does not matter here.
    #[must_use]
    pub fn writes_otherwise(mut self, what: &str, path: &Path) -> Self {
        self.writes.push((what.to_owned(), path.to_owned(), None));
        self
    }

    /// With a certificate log and its sidecars. The store says itself what is wrong with a file
    /// that is none.
    #[must_use]
    pub fn appends(self, what: &str, cert_log: &Path) -> Self {
        let (index, hash) = store::sidecars(cert_log);
        self.writes_otherwise(what, cert_log)
            .writes_otherwise(&format!("the index of {what}"), &index)
            .writes_otherwise(&format!("the hash of {what}"), &hash)
    }

    /// Holds them against each other.
    ///
    /// # Errors
    /// A usage failure where an output is also something else; `write-failed` where there is no
    /// folder for it, or something of another kind stands there.
    pub fn check(&self) -> Result<(), Failure> {
        for (place, (what, path, kind)) in self.writes.iter().enumerate() {
            let read = self.reads.iter().map(|(what, path)| (what, path));
            let written = self.writes[..place].iter().map(|(what, path, _)| (what, path));
            if let Some((other, _)) = read.chain(written).find(|(_, other)| is_same_file(path, other)) {
                let message = format!("{what} {} is also {other}: nothing was written", path.display());
                return Err(Failure::usage(message).hint("Name another file for what is written."));
            }
            let folder = folder_of(path);
            if !folder.exists() {
                return Err(unwritable(&ErrorKind::NotFound.into(), path));
            }
            if let Some(kind) = kind {
                kind.may_replace(path)?;
            }
        }
        Ok(())
    }
}

/// Whether two names lead to one file, or would once it is made.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        (Err(_), Err(_)) => place(a).is_some_and(|a| Some(a) == place(b)),
        _ => false,
    }
}

/// Folder and name of a file that is not there.
fn place(path: &Path) -> Option<(PathBuf, OsString)> {
    Some((folder_of(path).canonicalize().ok()?, path.file_name()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_file_is_known_by_all_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a"), "a").unwrap();
        fs::create_dir(at("sub")).unwrap();
        symlink(at("a"), at("link")).unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        for name in ["a", "link", "hard", "sub/../a"] {
            assert!(is_same_file(&at("a"), &at(name)), "{name}");
        }
        assert!(is_same_file(&at("new"), &at("sub/../new")));
        assert!(!is_same_file(&at("new"), &at("sub/new")) && !is_same_file(&at("new"), &at("a")));
    }

    #[test]
    fn an_output_is_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("log"), "a log").unwrap();
        let reads = || Outputs::default().reads("--input", &[at("log")]);
        let refusal = |outputs: Outputs| {
            let failure = outputs.check().unwrap_err();
            (failure.code.name(), failure.message)
        };
        let (code, message) = refusal(reads().writes("--output", &at("log"), Kind::Result));
        assert_eq!((code, message.contains("is also --input")), ("usage", true), "{message}");
        let twice =
            reads().writes("--output", &at("x"), Kind::Result).writes("--also", &at("x"), Kind::Snapshot);
        assert!(refusal(twice).1.contains("is also --output"));
        let sidecar =
            reads().appends("--cert-log", &at("c.log")).writes("--output", &at("c.idx"), Kind::Certificate);
        assert!(refusal(sidecar).1.contains("is also the index of --cert-log"));
        assert_eq!(refusal(reads().writes("--output", &at("no/x"), Kind::Proof)).0, "write-failed");
        reads().appends("--cert-log", &at("c.log")).writes("--o", &at("x"), Kind::Proof).check().unwrap();
    }

    #[test]
    fn only_its_own_kind_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let kinds =
            [Kind::Result, Kind::Certificate, Kind::Snapshot, Kind::Proof, Kind::Kernel, Kind::Evidence];
        for old in kinds {
            fs::write(&path, [old.magic(), b"more"].concat()).unwrap();
            for new in kinds {
                let done = new.may_replace(&path).map_err(|failure| failure.code.name());
                assert_eq!(done, if old == new { Ok(()) } else { Err("write-failed") });
            }
        }
        for (content, may) in [("", true), ("-----BEGIN", false), ("<!doctype html>\n", false), ("x", false)]
        {
            fs::write(&path, content).unwrap();
            assert_eq!(Kind::Result.may_replace(&path).is_ok(), may, "{content:?}");
        }
        assert_eq!(Kind::Result.may_replace(dir.path()).unwrap_err().code.name(), "is-a-directory");
        assert!(Kind::Result.may_replace(Path::new("/dev/null")).is_err());
    }
}
