//! A node's data folder: opened as a start opens it, and its whole past judged again.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use data_encoding::HEXLOWER;
use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::HEADER_BYTES;
use omega_verify::inputs::Input;
use pollster::block_on;

use super::Findings;
use crate::disk::Folder;
use crate::engine::Options;
use crate::failure::{Failure, HostCode};
use crate::interrupt;
use crate::map::Source;
use crate::node::archive;
use crate::node::audit::{Stretch, audit};
use crate::node::batch::Batch;
use crate::node::coordinator::Known;
use crate::node::incidents::{self, Incidents};
use crate::node::journal::{self, Journal, Judged};
use crate::node::kernels::Kernels;
use crate::node::recover::{self, FindKernel, Start, certificates_of};
use crate::node::segments::name_of;
use crate::node::snapshots::Snapshots;
use crate::node::steps::Steps;
use crate::sign::Signer;
use crate::store::Store;

const SEGMENTS: &str = "segments";
const SNAPSHOTS: &str = "snapshots";
const KERNELS: &str = "kernels";
const KEY: &str = "node.key";

/// What does not change from one copy of the folder to the next.
pub(super) struct Expected {
    /// Compiled once for all copies.
    kernels: Kernels,
    /// Events that wait to be judged; known once a first copy was looked at.
    waiting: Option<u64>,
}

impl Expected {
    /// # Errors
    /// Those of the engine's settings and of the file system.
    pub(super) fn of(root: &Path) -> Result<Self, Failure> {
        let kernels = Kernels::open(&root.join(KERNELS), Options::from_environment()?)?;
        Ok(Expected { kernels, waiting: None })
    }

    /// Looks at a copy: holds its journal and its events against the chain, starts a node there, without its
    /// network, and judges its past again.
    pub(super) fn inspect(
        &mut self,
        root: &Path,
        cert_log: &str,
        certificates: &[Certificate],
        found: &mut Findings<'_>,
    ) {
        let log = root.join(cert_log);
        let past = past(root, &log, certificates, found);
        found.hear(journal::NAME, past);
        let snapshots = snapshots_fit(&root.join(SNAPSHOTS), &log, found);
        found.hear(SNAPSHOTS, snapshots);
        let started = match self.start(root, &log) {
            Ok(started) => started,
            // Where a segment is not as the journal says, either may be wrong.
            Err(failure) => {
                let file =
                    failure.file.as_deref().map_or_else(|| cert_log.to_owned(), |it| found.relative(it));
                return found.note(vec![file, journal::NAME.to_owned()], None, failure);
            }
        };
        for torn in &started.torn {
            let message = format!("{} bytes behind the last whole event are cut off", torn.bytes);
            let mut failure = Failure::new(HostCode::StoreDamaged, message);
            failure.offset = Some(torn.offset);
            found.hear(&format!("{SEGMENTS}/{}", torn.name), Err(failure));
        }
        let waiting = started.intake.waiting().events();
        if *self.waiting.get_or_insert(waiting) != waiting {
            let message =
                format!("{waiting} events wait to be judged: what became of them is not known any more");
            found.hear(journal::NAME, Err(Failure::new(HostCode::StoreDamaged, message)));
        }
        self.audit(&started.coordinator.known, &log, found);
    }

    fn start(&self, root: &Path, log: &Path) -> Result<recover::Started<Folder>, Failure> {
        let store = log.to_owned();
        recover::start(Start {
            root: Folder::open(root)?,
            segments: Folder::open(&root.join(SEGMENTS))?,
            open_store: Box::new(move || Store::open(&store)),
            certificate_at: certificates_of(log),
            // From genesis: the past is what is looked at.
            snapshots: None,
            signer: Signer::load(&root.join(KEY))?,
            origin: String::new(),
            kernel: self.find(),
            steps: Steps::default(),
        })
    }

    /// Has every verdict judged again by the kernel that it names.
    fn audit(&self, known: &Known<Folder>, log: &Path, found: &mut Findings<'_>) {
        let whole =
            Stretch { from: None, to: u64::MAX, most_events: u64::MAX, most_batches: u64::MAX, seed: 0 };
        match audit(known, &certificates_of(log), &self.find(), &whole, &|| interrupt::check().is_ok()) {
            Ok(audited) => {
                if let Some((height, what)) = audited.mismatch {
                    let failure = Failure::from(Fault::new(FaultCode::VerdictDiffers, what));
                    found.note(Vec::new(), Some(height), failure);
                }
            }
            Err(failure) => found.hear(SEGMENTS, Err(failure)),
        }
    }

    fn find(&self) -> FindKernel {
        let kernels = self.kernels.clone();
        Arc::new(move |hash| kernels.find(hash))
    }
}

/// Every verdict: that the journal says of it what the certificate does, and that the events that it leads to
/// are those that were judged.
fn past(
    root: &Path,
    log: &Path,
    certificates: &[Certificate],
    found: &mut Findings<'_>,
) -> Result<(), Failure> {
    let (folder, segments) = (Folder::open(root)?, Folder::open(&root.join(SEGMENTS))?);
    let lengths = [journal::NAME, incidents::NAME].map(|name| (name, length(&root.join(name))));
    let incidents = Incidents::open(folder.clone()).map(drop);
    found.hear(incidents::NAME, incidents);
    let certificate_at = certificates_of(log);
    let body_hash = |height| Ok(certificate_at(height)?.map(|certificate| certificate.body_hash()));
    let (journal, _) = Journal::open(folder, &body_hash)?;
    for (name, before) in lengths {
        let after = length(&root.join(name));
        if after < before {
            let message = format!("its end was not sound and is cut off: {} bytes", before - after);
            let mut failure = Failure::new(HostCode::StoreDamaged, message);
            failure.offset = Some(after);
            found.hear(name, Err(failure));
        }
    }
    let known = Known {
        segments,
        index: Arc::default(),
        ranges: Arc::default(),
        journal: Arc::new(Mutex::new(journal)),
    };
    for certificate in certificates.iter().filter(|it| it.verdict().is_some()) {
        let height = certificate.fields().height;
        match archive::batch_at(&known, height) {
            Ok(Some((judged, batch))) => agrees(&judged, &batch, certificate, found),
            Ok(None) => {
                let message = "the journal does not know which events this verdict was about";
                let failure = Failure::new(HostCode::StoreDamaged, message);
                found.note(vec![journal::NAME.to_owned()], Some(height), failure);
            }
            // Events that are not where the journal says: either may be wrong.
            Err(failure) => {
                let file = failure.file.as_deref().map(|file| found.relative(file));
                let files = file.into_iter().chain([journal::NAME.to_owned()]).collect();
                found.note(files, Some(height), failure);
            }
        }
    }
    Ok(())
}

/// Each snapshot's policy must be the one in force at its height.
fn snapshots_fit(folder: &Path, log: &Path, found: &mut Findings<'_>) -> Result<(), Failure> {
    let kept = Snapshots::open(folder)?;
    let certificate_at = certificates_of(log);
    for one in kept.all() {
        let Some(certificate) = certificate_at(one.height)? else { continue };
        let policy = one.path.with_extension("policy");
        if policy.exists() && kept.head(&one, &certificate).is_none() {
            let message = "it is not the signing policy of the certificate at its height";
            found.hear(SNAPSHOTS, Err(Failure::new(HostCode::StoreDamaged, message).file(&policy)));
        }
    }
    Ok(())
}

/// Holds what the journal says of a verdict, and the events that it leads to, against the certificate.
fn agrees(judged: &Judged, batch: &Batch, certificate: &Certificate, found: &mut Findings<'_>) {
    let Content::Verdict { core, .. } = certificate.content() else { return };
    let fields = certificate.fields();
    let says = (judged.batch_id, judged.body_hash.as_str(), judged.merged);
    let body_hash = HEXLOWER.encode(&certificate.body_hash());
    if says != (fields.batch_id, body_hash.as_str(), core.verdict == VerdictKind::Merge) {
        let message = "the journal says something else of this verdict than its certificate";
        let failure = Failure::new(HostCode::StoreDamaged, message);
        found.note(vec![journal::NAME.to_owned()], Some(fields.height), failure);
    }
    for entry in &core.logs {
        let log = batch.logs.iter().find(|(name, _)| ***name == *entry.name);
        let root = log.map(|(name, log)| {
            let bytes = log.source.read_all(log.source.len())?;
            let input = block_on(Input::open(Source::from_bytes(&**name, bytes)))?;
            block_on(input.count_behind(0, HEADER_BYTES as u64))?;
            let whole = input.ends().is_none() && input.events() == Some(entry.count);
            Ok::<_, Failure>((whole, block_on(input.root_of_first(entry.count))?))
        });
        if !matches!(root, Some(Ok((true, root))) if root == entry.root) {
            let parts = judged.logs.iter().filter(|log| log.name == entry.name).flat_map(|log| &log.parts);
            let mut files: Vec<String> =
                parts.map(|part| format!("{SEGMENTS}/{}", name_of(part.segment))).collect();
            files.dedup();
            files.push(journal::NAME.to_owned());
            let message = format!("the events of {:?} are not those that were judged", entry.name);
            found.note(files, Some(fields.height), Failure::new(HostCode::StoreDamaged, message));
        }
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}
