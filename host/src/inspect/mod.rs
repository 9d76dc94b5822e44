//! Is every stored file of a folder what it should be? Of a node's data folder, or of any folder that
//! holds one certificate log and what was judged.
//!
//! Everything is read and held against the chain: frames, records and lines by their checksums, logs by
//! the certified roots, verdicts by judging them again, states by the roots that the chain left, kernels
//! by their hashes: those that they are named by, or those that the chain names. Opening a node's folder
//! cuts torn tails, as its start does: inspect a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;
use omega_verify::Pinned;
use omega_verify::cert_log::{Record, Records};
use omega_verify::platform::Platform;
use pollster::block_on;

use crate::failure::{Code, Failure, HostCode};
use crate::inputs::Input;
use crate::interrupt;
use crate::map::Source;
use crate::store::{CertLog, Store, sidecars};
use crate::trust::Trust;
use crate::verify::{Kernels, read_certificate};

mod files;
mod node;

pub use files::{Kind, listed};

/// Something that is not as it should be.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Files that it is about, relative to the folder; several where any of them may be the one.
    pub files: Vec<String>,
    /// What is wrong.
    pub code: Code,
    /// Byte offset in the file.
    pub offset: Option<u64>,
    /// Height of the certificate that it is about.
    pub height: Option<u64>,
    /// One sentence.
    pub message: String,
}

impl Finding {
    /// Whether it tells of this machine or of this program, and not of the folder.
    fn is_ours(&self) -> bool {
        use HostCode::{Interrupted, KernelDeadline, KernelMemory, WriteFailed};
        match self.code {
            Code::Internal => true,
            Code::Host(code) => matches!(code, Interrupted | KernelDeadline | KernelMemory | WriteFailed),
            _ => false,
        }
    }
}

/// Knows a folder as it should be, and looks at copies of it.
pub struct Inspector {
    files: BTreeMap<String, Kind>,
    cert_log: String,
    newest: Hash,
    kernels: Kernels,
    node: Option<node::Expected>,
}

impl Inspector {
    /// Takes a folder for what it is: its files, and the newest certificate.
    ///
    /// # Errors
    /// `certificate-missing` where it holds no certificate log; a usage failure where it holds several;
    /// those of reading it.
    pub fn of(root: &Path) -> Result<Self, Failure> {
        let mut files = listed(root)?;
        let cert_log = match of_kind(&files, Kind::CertLog).as_slice() {
            [one] => one.clone(),
            [] => {
                return Err(Failure::new(
                    HostCode::CertificateMissing,
                    "no certificate log is in this folder",
                )
                .hint("Name a node's data folder, or one with cert.log and the logs that were judged.")
                .file(root));
            }
            several => {
                let message = format!("there are several certificate logs: {}", several.join(", "));
                return Err(Failure::usage(message).hint("Name a folder that holds one chain.").file(root));
            }
        };
        let certificates = certificates(&root.join(&cert_log))?;
        let newest = certificates.last().map(Certificate::chain_hash).ok_or_else(|| {
            Failure::new(HostCode::CertificateMissing, "the certificate log holds no certificate").file(root)
        })?;
        let named = kernels_named(&certificates);
        for (name, kind) in &mut files {
            let path = root.join(name);
            let is_other = match kind {
                Kind::Kernel => {
                    let of_chain = || files::kernel_hash(&path).is_ok_and(|hash| named.contains(&hash));
                    files::hash_in_name(&path).is_none() && !of_chain()
                }
                // Nothing says whether a key that stands alone is the right one.
                Kind::PrivateKey | Kind::PublicKey => !files::is_pair(&path),
                _ => false,
            };
            if is_other {
                *kind = Kind::Other;
            }
        }
        let components: Vec<PathBuf> =
            of_kind(&files, Kind::Kernel).iter().map(|name| root.join(name)).collect();
        let kernels = Kernels::open(&components, None)?;
        let node = match of_kind(&files, Kind::Journal).is_empty() {
            false => Some(node::Expected::of(root)?),
            true => None,
        };
        let mut inspector = Inspector { files, cert_log, newest, kernels, node };
        for name in of_kind(&inspector.files, Kind::Snapshot) {
            // Of another chain, or of a verdict that nobody certified yet. What cannot be read is told later.
            if inspector.left_by_chain(&root.join(&name), &certificates).is_ok_and(|left| !left) {
                inspector.files.insert(name, Kind::Other);
            }
        }
        Ok(inspector)
    }

    /// The files, each with its kind.
    pub fn files(&self) -> &BTreeMap<String, Kind> {
        &self.files
    }

    /// The newest certificate's chain hash.
    pub fn newest(&self) -> &Hash {
        &self.newest
    }

    /// Whether it is a node's folder.
    pub fn is_node(&self) -> bool {
        self.node.is_some()
    }

    /// Looks at a copy. Files of it may be changed: torn tails are cut off, derived files made again.
    ///
    /// # Errors
    /// Where this machine, or this program, kept it from looking: that says nothing of the folder.
    pub fn inspect(&mut self, root: &Path) -> Result<Vec<Finding>, Failure> {
        let mut found = Findings { root, list: Vec::new() };
        for (name, kind) in &self.files {
            let path = root.join(name);
            if path.exists() {
                found.hear(name, files::alone(&path, *kind));
            }
        }
        let log = root.join(&self.cert_log);
        let certificates = certificates(&log).unwrap_or_default();
        let verified = self.verify(root, &mut found);
        found.hear(&self.cert_log, verified);
        found.hear(&self.cert_log, sidecars_fit(&log, root));
        for (name, kind) in self.files.clone() {
            let path = root.join(&name);
            if path.exists() {
                let fits = self.fits(&path, kind, &certificates);
                found.hear(&name, fits);
            }
        }
        if let Some(expected) = &mut self.node {
            expected.inspect(root, &self.cert_log, &certificates, &mut found);
        }
        interrupt::check()?;
        match found.list.iter().find(|finding| finding.is_ours()) {
            Some(finding) => Err(Failure {
                code: finding.code,
                ..Failure::internal(format!("the folder could not be looked at: {}", finding.message))
            }),
            None => Ok(found.list),
        }
    }

    /// Follows the chain up to the newest certificate, and judges again what stands in logs.
    fn verify(&mut self, root: &Path, found: &mut Findings<'_>) -> Result<(), Failure> {
        let path = root.join(&self.cert_log);
        // A node's segments hold more than one batch each: they are looked at batch by batch.
        let whole = |kind: Kind| kind == Kind::Log && self.node.is_none();
        let logs = self.files.iter().filter(|(_, kind)| whole(**kind)).map(|(name, _)| root.join(name));
        let logs: Vec<PathBuf> = logs.collect();
        let request = omega_verify::Request {
            evidence: omega_verify::Evidence::Log(path.display().to_string(), CertLog::open(&path)?),
            inputs: logs.iter().map(Source::open).collect(),
            snapshot: None,
            trust: Some(Trust::any_signer()),
            pinned: Pinned::hash(&HEXLOWER.encode(&self.newest)),
            proof: None,
        };
        let verified = block_on(omega_verify::verify(request, &mut self.kernels))?;
        let mut astray = false;
        for (check, code) in verified.checks.concerns() {
            astray |= check.name == "logs";
            let file = check.file().map_or_else(|| self.cert_log.clone(), |file| found.relative(file));
            found.list.push(Finding {
                files: vec![file],
                code,
                offset: None,
                height: check.height,
                message: check.detail.clone(),
            });
        }
        if astray {
            name_logs(&logs, &certificates(&path)?, found);
        }
        Ok(())
    }

    /// Whether a file fits the chain. What is of another chain, or not certified yet, is nothing to it.
    fn fits(&mut self, path: &Path, kind: Kind, certificates: &[Certificate]) -> Result<(), Failure> {
        match kind {
            Kind::Certificate => {
                let this = read_certificate(path)?;
                let place = |it: &Certificate| (it.chain_id(), it.fields().height);
                let there = certificates.iter().find(|it| place(it) == place(&this));
                if there.is_none_or(|there| there.chain_hash() == this.chain_hash()) {
                    return Ok(());
                }
                let message = "the chain holds another certificate at its height";
                Err(Failure::from(Fault::new(FaultCode::Equivocation, message)).file(path))
            }
            // One that is named by its hash says itself whether it is right; of the others only the chain can.
            Kind::Kernel if files::hash_in_name(path).is_none() && !certificates.is_empty() => {
                if kernels_named(certificates).contains(&files::kernel_hash(path)?) {
                    return Ok(());
                }
                let message = "no certificate of the chain names this kernel";
                Err(Failure::new(HostCode::KernelInvalid, message).file(path))
            }
            Kind::Snapshot if !self.left_by_chain(path, certificates)? => {
                let message = "it holds a state that no verdict of the chain left";
                Err(Failure::from(Fault::new(FaultCode::SnapshotRoot, message)).file(path))
            }
            _ => Ok(()),
        }
    }

    /// Whether a snapshot holds a state that one of the verdicts left.
    fn left_by_chain(&mut self, path: &Path, certificates: &[Certificate]) -> Result<bool, Failure> {
        let source = Source::open(path)?;
        let mut hashes: Vec<Hash> = certificates.iter().map(|it| it.fields().binding.kernel_hash).collect();
        hashes.dedup();
        let mut last = None;
        for hash in hashes {
            let restored = block_on(self.kernels.kernel(&hash)).and_then(|kernel| kernel.restore(&source));
            match restored.and_then(|mut session| session.state()) {
                Ok(state) => {
                    let left = |it: &Certificate| match it.content() {
                        Content::Verdict { core, .. } => core.next == state,
                        _ => false,
                    };
                    return Ok(certificates.iter().any(left));
                }
                Err(failure) => last = Some(failure),
            }
        }
        last.map_or(Ok(true), |failure| Err(failure.file(path)))
    }
}

fn of_kind(files: &BTreeMap<String, Kind>, wanted: Kind) -> Vec<String> {
    files.iter().filter(|(_, kind)| **kind == wanted).map(|(name, _)| name.clone()).collect()
}

/// The kernels that a chain names: those that judged, and those that were put in place.
fn kernels_named(certificates: &[Certificate]) -> BTreeSet<Hash> {
    let named = certificates.iter().flat_map(|certificate| {
        let new = match certificate.content() {
            Content::Swap(swap) => Some(swap.new.binding.kernel_hash),
            _ => None,
        };
        [certificate.fields().binding.kernel_hash].into_iter().chain(new)
    });
    named.collect()
}

/// What a look has found so far.
struct Findings<'r> {
    root: &'r Path,
    list: Vec<Finding>,
}

impl Findings<'_> {
    /// Notes a failure, about the file that it names or about this one.
    fn hear(&mut self, name: &str, result: Result<(), Failure>) {
        if let Err(failure) = result {
            let file = failure.file.as_deref().map_or_else(|| name.to_owned(), |file| self.relative(file));
            self.note(vec![file], None, failure);
        }
    }

    fn note(&mut self, files: Vec<String>, height: Option<u64>, failure: Failure) {
        let Failure { code, message, offset, .. } = failure;
        self.list.push(Finding { files, code, offset, height, message });
    }

    fn relative(&self, file: &str) -> String {
        let path = Path::new(file);
        path.strip_prefix(self.root).unwrap_or(path).display().to_string()
    }
}

/// The certificates of a log, as far as it can be read.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let log = CertLog::open(path)?;
    let whole = log.records()?.map_while(Result::ok);
    let certificate = |record: Record| match record {
        Record::Certificate(bytes) => Certificate::decode(&bytes).ok(),
        Record::CoSignature { .. } => None,
    };
    Ok(whole.filter_map(|entry| certificate(entry.record)).collect())
}

/// Whether index and hash are those that the log gives.
fn sidecars_fit(log: &Path, root: &Path) -> Result<(), Failure> {
    // Beside the copy that is looked at: there is room for such.
    let beside = root.parent().unwrap_or(root);
    let made = tempfile::tempdir_in(beside).map_err(|error| crate::files::unwritable(&error, beside))?;
    let copy = made.path().join("cert.log");
    fs::copy(log, &copy).map_err(|error| crate::files::unreadable(&error, log))?;
    drop(Store::open(&copy)?);
    let ((index, hash), (index_made, hash_made)) = (sidecars(log), sidecars(&copy));
    for (stored, made) in [(index, index_made), (hash, hash_made)] {
        if fs::read(&stored).ok() != fs::read(&made).ok() {
            let message =
                "it is not what the certificate log gives: it is written again when a writer opens it";
            return Err(Failure::new(HostCode::StoreDamaged, message).file(&stored));
        }
    }
    Ok(())
}

/// Names the files that hold other events than were certified.
fn name_logs(logs: &[PathBuf], certificates: &[Certificate], found: &mut Findings<'_>) {
    let inputs: Vec<Input> =
        logs.iter().filter_map(|path| block_on(Input::open(Source::open(path).ok()?)).ok()).collect();
    for certificate in certificates {
        let Content::Verdict { core, .. } = certificate.content() else { continue };
        for entry in &core.logs {
            let named: Vec<&Input> = inputs.iter().filter(|input| input.name == entry.name).collect();
            let fits = |input: &&Input| block_on(input.root_of_first(entry.count)).ok() == Some(entry.root);
            if named.iter().any(fits) {
                continue;
            }
            let files = named.iter().map(|input| found.relative(&input.source.path().display().to_string()));
            let files: Vec<String> = files.collect();
            let message = format!(
                "the first {} events of {:?} are not those that were judged",
                entry.count, entry.name
            );
            let failure = Failure::new(HostCode::LogMissing, message);
            found.note(files, Some(certificate.fields().height), failure);
        }
    }
}
