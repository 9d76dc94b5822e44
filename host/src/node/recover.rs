//! Starting a node from what its folder holds: the chain first, then the journal, the segments, the
//! state. What was acknowledged and not certified waits to be judged again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::chain::ChainHead;
use omega_kernel::frame::HEADER_BYTES;
use omega_kernel::hash::Hash;

use super::archive;
use super::certifier::{Certifier, OpenStore};
use super::checker::Checker;
use super::coordinator::{Coordinator, Known};
use super::index::Index;
use super::intake::{Intake, event_hash};
use super::journal::{Journal, Step};
use super::ranges::Ranges;
use super::segments::{Part, Place, Segments, Source, Torn};
use super::snapshots::{self, Kept, Snapshots};
use super::steps::{self, Step as Done, Steps};
use crate::batch;
use crate::disk::Volume;
use crate::engine::Kernel;
use crate::failure::{Failure, HostCode};
use crate::sign::Signer;
use crate::store::{CertLog, Record};

/// What a node starts from.
pub struct Start<V: Volume> {
    /// Journal and incidents.
    pub root: V,
    /// Segments.
    pub segments: V,
    /// Opens the certificate store.
    pub open_store: OpenStore<V::Disk>,
    /// Reads the certificate at a height.
    pub certificate_at: CertificateAt,
    /// Snapshots, where they are kept.
    pub snapshots: Option<Snapshots>,
    /// The node's key.
    pub signer: Signer,
    /// What a new chain is about.
    pub origin: String,
    /// Finds the kernel with a hash; none is the one that a new chain starts with.
    pub kernel: FindKernel,
    /// What the node does, where that is wanted.
    pub steps: Steps,
}

/// Reads the certificate at a height; none where there is none.
pub type CertificateAt = Arc<dyn Fn(u64) -> Result<Option<Certificate>, Failure> + Send + Sync>;

/// Finds a kernel by its hash, or the one that a new chain starts with: the one that judges, and the
/// component beside it where that is the native build.
pub type FindKernel = Arc<dyn Fn(Option<&Hash>) -> Result<(Kernel, Option<Kernel>), Failure> + Send + Sync>;

/// A node that has started.
pub struct Started<V: Volume> {
    /// Takes events in; what waited is gathered already.
    pub intake: Intake<V>,
    /// Drives batches.
    pub coordinator: Coordinator<V>,
    /// Stands where the chain stands.
    pub checker: Checker,
    /// Tails that were cut off.
    pub torn: Vec<Torn>,
    /// Verdicts that were judged again to get there.
    pub replayed: u64,
    /// Height of the snapshot that it started from.
    pub from_snapshot: Option<u64>,
}

/// Starts.
///
/// # Errors
/// `store-damaged` where what was certified or acknowledged is not there; `verdict-differs` where a
/// past batch, judged again, comes out differently; `kernel-unknown`; those of the chain, of the engine
/// and of the file system. Nothing was changed then but torn tails, which were cut off and kept.
pub fn start<V: Volume>(start: Start<V>) -> Result<Started<V>, Failure> {
    let (binding_kernel, _) = (start.kernel)(None)?;
    // Opening the store cuts what an unfinished append left; only then can it be read.
    drop((start.open_store)()?);
    let newest = newest_fitting(start.snapshots.as_ref(), &start.certificate_at)?;
    let from = newest.as_ref().map(|(_, head)| head);
    let binding = batch::binding(&binding_kernel)?;
    let mut certifier = Certifier::open(start.open_store, start.signer, &start.origin, binding, from)?;
    certifier.steps = start.steps.clone();

    let body_hash = |height| Ok((start.certificate_at)(height)?.map(|certificate| certificate.body_hash()));
    let (journal, steps) = Journal::open(start.root.clone(), &body_hash)?;
    let known = Known {
        segments: start.segments.clone(),
        index: Arc::new(RwLock::new(Index::default())),
        ranges: Arc::new(RwLock::new(Ranges::default())),
        journal: Arc::new(Mutex::new(journal)),
    };
    steps.iter().for_each(|step: &Step| known.apply(step));

    let ranges = known.ranges.read().unwrap_or_else(PoisonError::into_inner).clone();
    let mut found = Found::new(start.segments.clone(), &ranges);
    let settled = |segment| ranges.settled(segment);
    let (segments, torn) =
        Segments::recover(start.segments.clone(), &settled, &mut |source, place, frame| {
            found.event(source, place, frame);
        })?;
    let Found { index, repeated, .. } = found;
    *known.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    let mut intake = Intake::new(start.segments, segments, Arc::clone(&known.index), start.steps.clone());
    for part in waiting(intake.segments(), &ranges) {
        intake.gather(&part, &repeated)?;
    }

    let (checker, replayed) =
        checker_at(&known, &start.certificate_at, start.snapshots.as_ref(), certifier.head(), &start.kernel)?;
    start.steps.note(|| {
        let head = certifier.head();
        Done::Start {
            height: head.height.to_string(),
            hash: steps::hex(&head.hash),
            kernel: steps::hex(&head.binding.kernel_hash),
            waiting: intake
                .waiting()
                .logs()
                .flat_map(|(source, log)| steps::entries_of(source, log))
                .collect(),
        }
    });
    let from_snapshot = newest.map(|(kept, _)| kept.height);
    let coordinator = Coordinator { known, certifier };
    Ok(Started { intake, coordinator, checker, torn, replayed, from_snapshot })
}

/// A checker that stands where a chain stands: from the newest snapshot that fits, and what was
/// judged since. Gives beside it how many verdicts were judged again.
///
/// # Errors
/// `store-damaged` where batches, judged again, do not lead there; `kernel-unknown`; those of the
/// engine and of the file system.
pub fn checker_at<V: Volume>(
    known: &Known<V>,
    certificate_at: &CertificateAt,
    snapshots: Option<&Snapshots>,
    head: &ChainHead,
    find: &FindKernel,
) -> Result<(Checker, u64), Failure> {
    let newest = newest_fitting(snapshots, certificate_at)?;
    let (mut checker, reached) = open_checker(newest.as_ref(), find)?;
    let replayed = replay(&mut checker, known, certificate_at, reached + 1..=head.height, find)?;
    change_over(&mut checker, &head.binding.kernel_hash, find)?;
    if checker.state()? != head.state {
        let message = "judged again, the batches of this node do not lead to the state of its chain";
        return Err(Failure::new(HostCode::StoreDamaged, message)
            .hint("Restore the data folder from a copy; `omega verify --cert-log` says more of the chain."));
    }
    Ok((checker, replayed))
}

/// The newest snapshot that fits the certificate at its height.
fn newest_fitting(
    snapshots: Option<&Snapshots>,
    certificate_at: &CertificateAt,
) -> Result<Option<(Kept, ChainHead)>, Failure> {
    let Some(snapshots) = snapshots else { return Ok(None) };
    for kept in snapshots.all().into_iter().rev() {
        let Some(certificate) = certificate_at(kept.height)? else { continue };
        if let Some(head) = snapshots.head(&kept, &certificate) {
            return Ok(Some((kept, head)));
        }
    }
    Ok(None)
}

/// Events as they are found in segments.
struct Found<'r, V> {
    volume: V,
    ranges: &'r Ranges,
    sources: BTreeMap<u32, Source>,
    index: Index,
    /// Events that their source has sent once more: what a write that failed left behind, before it was
    /// tried again elsewhere. Judged together they would be two events with one id.
    repeated: BTreeSet<Place>,
}

impl<'r, V: Volume> Found<'r, V> {
    fn new(volume: V, ranges: &'r Ranges) -> Self {
        let (sources, index, repeated) = Default::default();
        Found { volume, ranges, sources, index, repeated }
    }

    fn event(&mut self, source: &Source, id: u128, place: Place) {
        self.sources.entry(place.segment).or_insert_with(|| Arc::clone(source));
        if !self.index.holds(id) {
            self.index.insert(id, place);
            return;
        }
        let hash = |place| Segments::frame(&self.volume, place).ok().and_then(|frame| event_hash(&frame));
        let this = hash(place);
        let is_it = |other: &Place| self.sources.get(&other.segment) == Some(source) && hash(*other) == this;
        let before = self.index.places(id).find(is_it);
        match before {
            None => self.index.insert(id, place),
            // The one that was judged is the one that counts.
            Some(before) if self.ranges.fate(before).is_none() && self.ranges.fate(place).is_some() => {
                self.index.replace(id, before, place);
                self.repeated.insert(before);
            }
            Some(_) => _ = self.repeated.insert(place),
        }
    }
}

/// Ranges of segments that nobody has judged or set aside.
fn waiting<V: Volume>(segments: &Segments<V>, ranges: &Ranges) -> Vec<Part> {
    let mut parts = Vec::new();
    for (segment, _, length) in segments.all() {
        let mut from = HEADER_BYTES as u64;
        for (place, to) in ranges.of(segment) {
            if u64::from(place) > from {
                parts.push(Part { segment, from, to: place.into(), events: 0 });
            }
            from = from.max(to.into());
        }
        if from < length {
            parts.push(Part { segment, from, to: length, events: 0 });
        }
    }
    parts
}

/// A checker at a snapshot, or at genesis; and the height where it stands.
fn open_checker(newest: Option<&(Kept, ChainHead)>, find: &FindKernel) -> Result<(Checker, u64), Failure> {
    if let Some((kept, at)) = newest {
        let (kernel, component) = find(Some(&at.binding.kernel_hash))?;
        let source = snapshots::source(kept)?;
        // A snapshot proves nothing: its state must be the one that the chain left there.
        if let Ok(mut checker) = Checker::open(kernel, component, Some(&source))
            && checker.state()? == at.state
        {
            return Ok((checker, at.height));
        }
    }
    // Whichever kernel judged first: the replay changes over to it, and at every swap.
    let (kernel, component) = find(None)?;
    Ok((Checker::open(kernel, component, None)?, 0))
}

/// A checker that stands where the verdict at a height left the chain, from genesis on.
///
/// # Errors
/// As [`checker_at`].
pub fn checker_after<V: Volume>(
    known: &Known<V>,
    certificate_at: &CertificateAt,
    height: u64,
    find: &FindKernel,
) -> Result<Checker, Failure> {
    let (mut checker, _) = open_checker(None, find)?;
    replay(&mut checker, known, certificate_at, 1..=height, find)?;
    Ok(checker)
}

/// Judges again what stands at some heights, and holds it against its certificates.
fn replay<V: Volume>(
    checker: &mut Checker,
    known: &Known<V>,
    certificate_at: &CertificateAt,
    heights: RangeInclusive<u64>,
    find: &FindKernel,
) -> Result<u64, Failure> {
    let mut replayed = 0;
    let to = *heights.end();
    for height in archive::heights_from(known, *heights.start()).into_iter().take_while(|&at| at <= to) {
        let certificate = certificate_at(height)?;
        let Some((certificate, (_, batch))) = certificate.zip(archive::batch_at(known, height)?) else {
            let message =
                format!("the certificate at height {height} is not there, and the journal names it");
            return Err(Failure::new(HostCode::StoreDamaged, message));
        };
        let Content::Verdict { core, .. } = certificate.content() else { continue };
        change_over(checker, &certificate.fields().binding.kernel_hash, find)?;
        // An obstruction leaves the state as it was.
        if core.next != core.prior {
            let judgement = checker.judge(&batch, certificate.fields().replay_seed)?;
            if judgement.core != **core {
                let message = format!("the batch at height {height}, judged again, comes out differently");
                return Err(Failure::new(HostCode::StoreDamaged, message)
                    .hint("Its events were changed since. Restore the data folder from a copy."));
            }
        }
        replayed += 1;
    }
    Ok(replayed)
}

/// Goes on with another kernel where the chain did.
fn change_over(checker: &mut Checker, wanted: &Hash, find: &FindKernel) -> Result<(), Failure> {
    if checker.kernel().hash() == wanted {
        return Ok(());
    }
    let (kernel, component) = find(Some(wanted))?;
    *checker = checker.continued_by(kernel, component)?;
    Ok(())
}

/// Certificates of a log on disk, by height.
pub fn certificates_of(path: &Path) -> CertificateAt {
    let path: PathBuf = path.to_owned();
    Arc::new(move |height| {
        let entry = CertLog::open(&path)?.at_height(height)?;
        Ok(match entry.map(|entry| entry.record) {
            Some(Record::Certificate(bytes)) => Some(Certificate::decode(&bytes)?),
            _ => None,
        })
    })
}
