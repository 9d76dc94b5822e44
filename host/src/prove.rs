//! Making proofs: an event is in a certified batch; an id was accepted, or never was.
//!
//! Every proof is checked against its certificate before it is handed out. The native build of the
//! kernel makes them: whoever checks one trusts roots, not who made it.

use std::path::PathBuf;

use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::limits::MAX_CHUNK_BYTES;
use omega_kernel::proof::{Proof, Proven};

use crate::engine::{Kernel, Mode, Options};
use crate::failure::{Failure, HostCode};
use crate::inputs;
use crate::map::Source;
use crate::produce::event::show_id;

/// A proof that leads to the certificate's root.
#[derive(Debug)]
pub struct Made {
    /// The proof.
    pub bytes: Vec<u8>,
    /// What it shows.
    pub proven: Proven,
    /// How often the batch's logs hold the event; 1 for an id.
    pub occurrences: usize,
}

/// Proves that a certified batch's logs hold an event. Where they hold it several times, the first
/// place in canonical order is proved.
///
/// # Errors
/// `event-not-found`; `log-missing` where a log of the batch is not at hand; `proof-wrong` where
/// the logs are not those that were judged.
pub fn event(id: u128, certificate: &Certificate, paths: &[PathBuf]) -> Result<Made, Failure> {
    let Content::Verdict { core, .. } = certificate.content() else { return Err(no_verdict()) };
    let inputs = inputs::open_all(paths)?;
    let placed = inputs::place(&core.logs, &inputs)?;
    let mut session = native()?.session()?;
    let limits: Vec<_> = placed.iter().map(|place| place.log().limit).collect();
    session.begin_batch(&limits)?;
    let mut buffer = vec![0; MAX_CHUNK_BYTES as usize];
    for (log, place) in (0u32..).zip(&placed) {
        let source = &place.input.source;
        let in_file = |error| Failure::from(error).file(source.path());
        let mut offset = 0;
        loop {
            let count = source.read_at(offset, &mut buffer)?;
            if count == 0 {
                break;
            }
            session.feed(log, &buffer[..count]).map_err(in_file)?;
            offset += count as u64;
        }
        source.unchanged()?;
    }
    let proofs = session.prove_event(id, &certificate.chain_hash())?;
    let occurrences = proofs.len();
    let Some(bytes) = proofs.into_iter().next() else {
        let message = format!("the batch holds no event with the id {}", show_id(id));
        return Err(Failure::new(HostCode::EventNotFound, message).hint(
            "`omega explain --input LOG --events` lists the ids of a log; `omega prove --id-in-state ID` \
                 shows that an id was never accepted.",
        ));
    };
    let proven = checked(&bytes, certificate).map_err(|failure| {
        failure
            .hint("The logs at hand do not have the certified roots: they are not the logs that were judged.")
    })?;
    Ok(Made { bytes, proven, occurrences })
}

/// Proves that an id was accepted up to a certificate, or never was, from a snapshot of the state
/// that the certificate left.
///
/// # Errors
/// `state-mismatch` where the snapshot is another state's; those of the snapshot.
pub fn id_in_state(id: u128, certificate: &Certificate, snapshot: &Source) -> Result<Made, Failure> {
    let Content::Verdict { core, .. } = certificate.content() else { return Err(no_verdict()) };
    let (mut session, _) = native()?.restore(snapshot)?;
    if session.state()? != core.next {
        let message = "the snapshot is not the state that the certificate commits to";
        return Err(Failure::from(Fault::new(FaultCode::StateMismatch, message))
            .hint("Give the snapshot that was saved after this very batch: reconcile --save-snapshot writes it.")
            .file(snapshot.path()));
    }
    let bytes = session.prove_id(id, &certificate.chain_hash())?;
    let proven = checked(&bytes, certificate)?;
    Ok(Made { bytes, proven, occurrences: 1 })
}

fn checked(bytes: &[u8], certificate: &Certificate) -> Result<Proven, Failure> {
    let Content::Verdict { core, .. } = certificate.content() else { return Err(no_verdict()) };
    Ok(Proof::decode(bytes)?.check(&certificate.chain_hash(), core)?)
}

fn native() -> Result<Kernel, Failure> {
    Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() })
}

fn no_verdict() -> Failure {
    Failure::usage("this certificate states no verdict, so nothing can be proved from it")
        .hint("Give the certificate of a batch.")
}
