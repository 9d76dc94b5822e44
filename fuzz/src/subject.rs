//! What the targets are about, called in one place each.
//!
//! With the feature `seeded` every one is wrong in one small place, as a kernel or a host could be: fuzzing
//! must find each within a minute (`make fuzz-seeded`). Without it they only pass on.

use omega_kernel::body::{Core, VerdictKind};
use omega_kernel::certificate::Certificate;
use omega_kernel::entry::Entries;
use omega_kernel::fault::Fault;
use omega_kernel::hash::Hash;
use omega_kernel::proof::{Claim, Proof, Proven};
use omega_kernel::scan::Scanner;
use omega_kernel::session::{Finished, Session};
use omega_kernel::snapshot::{ChainPosition, SnapshotReader};
use omega_kernel::state::{IdLeaf, State};
use omega_kernel::wire::{self, Message, WireError};

/// Whether the defects are in.
const SEEDED: bool = cfg!(feature = "seeded");

/// Scans one chunk. The defect: one that begins like a file behind some events is taken for a second header.
pub fn push(scanner: &mut Scanner, bytes: &[u8], entries: &mut Entries) -> Result<(), Fault> {
    if SEEDED && scanner.events() > 0 && bytes.starts_with(&[0x89, b'O']) {
        return Ok(());
    }
    scanner.push(bytes, entries)
}

/// Reads a message. The defect: a Lamport time goes through a number that is exact up to 2^53 alone.
pub fn decode_message(message: &[u8]) -> Result<Message<'_>, WireError> {
    let mut decoded = wire::decode(message);
    if SEEDED && let Ok(Message::Event(event)) = &mut decoded {
        event.lamport = event.lamport as f64 as u64;
    }
    decoded
}

/// Reads a certificate. The defect: a byte behind the signatures is passed over.
pub fn decode_certificate(bytes: &[u8]) -> Result<Certificate, Fault> {
    let decoded = Certificate::decode(bytes);
    if SEEDED
        && decoded.is_err()
        && let Some((_, shorter)) = bytes.split_last()
    {
        return Certificate::decode(shorter);
    }
    decoded
}

/// Ends a restore. The defect: of a place's height only the lowest byte is kept.
pub fn restored(reader: SnapshotReader) -> Result<(State, Option<ChainPosition>), Fault> {
    let (state, place) = reader.finish()?;
    let most = if SEEDED { 0xFF } else { u64::MAX };
    Ok((state, place.map(|place| ChainPosition { height: place.height & most, ..place })))
}

/// Checks a proof. The defect: of an id's last three bits, a walk to its leaf is held to one.
pub fn check_proof(proof: &Proof, certificate: &Hash, core: &Core) -> Result<Proven, Fault> {
    let proven = proof.check(certificate, core)?;
    if SEEDED
        && let Claim::IdInState { walk, .. } = &proof.claim
        && let (Proven::IdNeverAccepted(id), Some(leaf)) = (&proven, walk.leaf)
        && (id ^ leaf.id) & !6 == 0
    {
        return Ok(Proven::IdAccepted(IdLeaf { id: *id, ..leaf }));
    }
    Ok(proven)
}

/// Ends a batch. The defect: an obstruction of four logs adds to a state of seven ids.
pub fn finish(session: &mut Session) -> Result<Finished, Fault> {
    let finished = session.finish()?;
    let held = session.state().commitment().id_count == 7;
    if SEEDED && held && finished.kind == VerdictKind::Obstruction && finished.logs.len() == 4 {
        let mut state = session.state().clone();
        let leaf = IdLeaf { id: 1 << 100, lamport: 1, event_hash: [1; 32] };
        state.accept(&[leaf], &[])?;
        *session = Session::from_state(state);
    }
    Ok(finished)
}

/// What an import gave. The defect: where several lines repeat others, they are counted as events.
#[cfg(feature = "host")]
pub fn imported(import: crate::targets::import::Import) -> crate::targets::import::Import {
    import.map(|(mut imported, kept)| {
        if SEEDED && imported.repeated > 1 {
            imported.events += imported.repeated;
        }
        (imported, kept)
    })
}

/// What a node took from a body. The defect: of more than three events, the last one's deps are lost.
#[cfg(feature = "host")]
pub fn ingress(
    read: Result<omega_sheaf::node::intake::Submission, omega_sheaf::failure::Failure>,
) -> Result<omega_sheaf::node::intake::Submission, omega_sheaf::failure::Failure> {
    read.map(|mut submission| {
        if SEEDED && submission.marks.len() > 3 {
            let kept = submission.deps.len() - submission.marks.last().map_or(0, |mark| mark.deps as usize);
            submission.deps.truncate(kept);
        }
        submission
    })
}
