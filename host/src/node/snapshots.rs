//! Snapshots: the state after a verdict, kept so that a start does not judge everything again. Nothing
//! depends on them; whatever does not fit the chain is passed over.
//!
//! `<height>.snap` is what `omega reconcile --save-snapshot` writes; `<height>.policy` beside it is the
//! packed signing policy then, without which the chain would have to be followed from its genesis.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use omega_kernel::body::Body;
use omega_kernel::certificate::{CertType, Certificate, Content};
use omega_kernel::chain::ChainHead;
use omega_kernel::policy::Policy;

use super::checker::Checker;
use crate::engine::ChainPosition;
use crate::failure::Failure;
use crate::files::{self, Unsynced};
use crate::map::Source;
use crate::outputs::Kind;

/// Snapshots that are kept: the newest, and others spread over the chain, from which past batches are
/// judged again.
const KEPT: usize = 8;
/// Bytes after which what is written goes on to the disk. All at once at the end, it would hold up
/// whatever else is synced to the same disk: events.
const PIECE: usize = 4 << 20;
/// Bytes of a packed policy, at most.
const MAX_POLICY_BYTES: u64 = 64 << 10;

/// The folder of a node's snapshots.
#[derive(Debug, Clone)]
pub struct Snapshots {
    folder: PathBuf,
}

/// One that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Height of the verdict that left this state.
    pub height: u64,
    /// Its file.
    pub path: PathBuf,
    /// Bytes in it.
    pub bytes: u64,
}

/// One that is written and not yet on disk.
#[derive(Debug)]
pub struct Unkept {
    kept: Kept,
    file: Unsynced,
    policy: Vec<u8>,
}

impl Snapshots {
    /// Opens the folder; makes it where there is none.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| files::unwritable(&error, folder))?;
        files::remove_unfinished(folder);
        Ok(Snapshots { folder: folder.to_owned() })
    }

    /// Those that are there, by height.
    pub fn all(&self) -> Vec<Kept> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<Kept> = entries
            .filter_map(|entry| {
                let path = entry.path();
                let height = path.file_stem()?.to_str()?.parse().ok()?;
                let bytes = entry.metadata().ok()?.len();
                path.extension().is_some_and(|ending| ending == "snap").then_some(Kept {
                    height,
                    path,
                    bytes,
                })
            })
            .collect();
        all.sort_by_key(|kept| kept.height);
        all
    }

    /// Writes down the state of a checker that stands at a chain's head, which a verdict left. It counts
    /// once it is kept.
    ///
    /// # Errors
    /// Those of the engine; `write-failed`.
    pub fn write(&self, checker: &mut Checker, head: &ChainHead) -> Result<Unkept, Failure> {
        let path = self.path(head.height, "snap");
        let position = ChainPosition { chain_id: head.chain_id, height: head.height };
        let mut bytes = 0;
        let file = files::write_unsynced(&path, Kind::Snapshot, |file| {
            let unwritable = |error: io::Error| files::unwritable(&error, &path);
            let same = file.try_clone().map_err(unwritable)?;
            let (flush, pieces) = sync_channel::<()>(1);
            thread::scope(|scope| {
                // What fails here is told here: the system tells each failure of a file once.
                let flushing = scope.spawn(move || pieces.iter().try_for_each(|()| same.sync_data()));
                let mut piece = 0;
                let write = |chunk: &[u8]| {
                    piece += chunk.len();
                    if piece >= PIECE {
                        piece = 0;
                        let _ = flush.try_send(());
                    }
                    file.write_all(chunk).map_err(unwritable)
                };
                let written = checker.snapshot(position, write);
                drop(flush);
                let flushed = flushing.join().map_err(|_| Failure::internal("flushing has panicked"))?;
                bytes = written?;
                flushed.map_err(unwritable)
            })
        })?;
        let policy = Content::Policy(head.policy.clone()).encode();
        Ok(Unkept { kept: Kept { height: head.height, path, bytes }, file, policy })
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn keep(&self, unkept: Unkept) -> Result<Kept, Failure> {
        let Unkept { kept, file, policy } = unkept;
        file.keep()?;
        // Without it the chain is followed from its genesis: that takes longer, and nothing else.
        let _ = fs::write(self.path(kept.height, "policy"), policy);
        self.thin_out();
        Ok(kept)
    }

    /// Removes those that lie closest to their neighbours, never the first nor the last two.
    fn thin_out(&self) {
        let mut all = self.all();
        while all.len() > KEPT {
            let candidates = 1..all.len() - 2;
            let Some(place) = candidates.min_by_key(|&at| all[at + 1].height - all[at - 1].height) else {
                return;
            };
            let gone = all.remove(place);
            let _ = fs::remove_file(self.path(gone.height, "policy"));
            let _ = fs::remove_file(gone.path);
        }
    }

    /// Where the chain stood at a snapshot, from the certificate that stands there and the policy that
    /// is kept beside it; none where these do not fit each other.
    pub fn head(&self, kept: &Kept, certificate: &Certificate) -> Option<ChainHead> {
        let packed =
            files::read_small(&self.path(kept.height, "policy"), MAX_POLICY_BYTES, "a policy").ok()?;
        let Content::Policy(policy) = Content::decode(CertType::Policy, &Body::split(&packed).ok()?).ok()?
        else {
            return None;
        };
        head_after(certificate, policy).filter(|head| head.height == kept.height)
    }

    fn path(&self, height: u64, ending: &str) -> PathBuf {
        self.folder.join(format!("{height:020}.{ending}"))
    }
}

/// Where a chain stands after a verdict: everything but the policy stands in the verdict.
fn head_after(certificate: &Certificate, policy: Policy) -> Option<ChainHead> {
    let Content::Verdict { core, .. } = certificate.content() else { return None };
    let fields = certificate.fields();
    (fields.policy_hash == policy.hash()).then(|| ChainHead {
        chain_id: fields.chain_id,
        height: fields.height,
        hash: certificate.chain_hash(),
        policy,
        binding: fields.binding,
        state: core.next,
        last_batch_id: fields.batch_id,
    })
}

/// Opens a snapshot's file.
///
/// # Errors
/// Those of the file system.
pub fn source(kept: &Kept) -> Result<Source, Failure> {
    Source::open(&kept.path)
}
