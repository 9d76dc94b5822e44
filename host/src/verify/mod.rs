//! Verifying: is the evidence right, and how far could that be checked?
//!
//! Each thing that can be checked is a [`checks::Check`] of its own that passed, failed, or was not
//! checked, and says why. Nothing is called wrong that is only missing. Verifying needs no private
//! key, writes nothing, and believes nothing that a certificate says of itself.

use std::path::{Path, PathBuf};

use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::{Certificate, MAX_CERTIFICATE_BYTES};
use omega_kernel::proof::Proof;
use serde_json::Value;

use crate::failure::Failure;
use crate::inputs::Input;
use crate::map::Source;
use crate::trust::Trust;

pub mod alone;
pub mod checks;
mod difference;
mod freshness;
mod heads;
mod judging;
mod kernels;
mod log;
pub mod proofs;
mod signers;

pub use difference::first as first_difference;
pub use kernels::Kernels;

use alone::Against;
use checks::Checks;
use freshness::Pinned;
use judging::Judging;

/// Bytes in the longest proof: a Merkle or trie walk and one event's header.
pub const MAX_PROOF_BYTES: u64 = 1 << 20;

const NO_HEAD: &str = "not asked for; --head names the newest certificate that you know of";

/// What to verify, and against what.
#[derive(Debug)]
pub struct Request {
    /// The evidence.
    pub evidence: Evidence,
    /// Logs that were judged.
    pub inputs: Vec<PathBuf>,
    /// State that the first of the batches starts from.
    pub snapshot: Option<PathBuf>,
    /// Whom to trust; none where nobody said.
    pub trust: Option<Trust>,
    /// The newest certificate known: chain hash or file.
    pub head: Option<String>,
    /// Kernels beside the one built in.
    pub kernels: Vec<PathBuf>,
    /// A proof about one of the certificates.
    pub proof: Option<PathBuf>,
}

/// What is verified.
#[derive(Debug)]
pub enum Evidence {
    /// One certificate.
    Certificate(PathBuf),
    /// A log of certificates.
    Log(PathBuf),
}

/// What came out.
#[derive(Debug)]
pub struct Verified {
    /// Every check.
    pub checks: Checks,
    /// The certificate, or the newest of the log.
    pub newest: Option<Certificate>,
    /// An entry for each certificate, for JSON.
    pub entries: Vec<Value>,
    /// What the proof has shown.
    pub proven: Option<Value>,
    /// Bytes that an unfinished append left at the end of the certificate log.
    pub torn_tail_bytes: u64,
}

/// Verifies.
///
/// # Errors
/// Only what keeps every check from being made: a file that cannot be read, a wrong command line.
pub fn verify(request: &Request) -> Result<Verified, Failure> {
    let pinned = request.head.as_deref().map(Pinned::read).transpose()?;
    let proof = request.proof.as_deref().map(read_proof).transpose()?;
    let snapshot = request.snapshot.as_deref().map(Source::open).transpose()?;
    let mut checks = Checks::default();
    let mut inputs = Vec::new();
    for path in &request.inputs {
        match Input::open(path) {
            Ok(input) => inputs.push(input),
            Err(failure) => checks.fail("inputs", failure),
        }
    }
    let mut against = Against {
        trust: request.trust.as_ref(),
        kernels: Kernels::open(&request.kernels)?,
        judging: Judging::new(&inputs, snapshot.as_ref()),
    };
    let mut verified = match &request.evidence {
        Evidence::Certificate(path) => certificate(path, proof.as_ref(), pinned, &mut against, checks)?,
        Evidence::Log(path) => {
            let snapshot = snapshot.as_ref();
            let outcome = log::check(path, proof.as_ref(), pinned, snapshot, &mut against, &mut checks)?;
            Verified {
                checks,
                newest: outcome.newest,
                entries: outcome.entries,
                proven: outcome.proven,
                torn_tail_bytes: outcome.torn_tail_bytes,
            }
        }
    };
    let unused = against.judging.unused();
    if !unused.is_empty() && verified.newest.is_some() {
        let names = unused.join(", ");
        verified.checks.unchecked("inputs", format!("not among the logs that were judged: {names}"));
    }
    Ok(verified)
}

fn certificate(
    path: &Path,
    proof: Option<&Proof>,
    pinned: Option<Pinned>,
    against: &mut Against<'_>,
    mut checks: Checks,
) -> Result<Verified, Failure> {
    let certificate = match Certificate::decode(&read_bytes(path)?) {
        Ok(certificate) => certificate,
        Err(fault) => {
            checks.fail("format", Failure::from(fault).file(path));
            return Ok(Verified {
                checks,
                newest: None,
                entries: Vec::new(),
                proven: None,
                torn_tail_bytes: 0,
            });
        }
    };
    checks.pass("format", "packed as the format demands; the id is the one that its bytes give");
    checks.pass("body", "the body has the body hash, and the fixed fields repeat it");
    let entry = alone::check(&certificate, None, true, against, &mut checks);
    checks.unchecked("chain", "one certificate alone: what came before it is checked with --cert-log");
    match pinned {
        None => checks.unchecked("freshness", NO_HEAD),
        Some(mut pinned) => pinned.conclude_alone(&certificate, &mut checks),
    }
    let proven = proof.and_then(|proof| proofs::check(proof, &certificate, &mut checks));
    let (newest, entries) = (Some(certificate), vec![entry]);
    Ok(Verified { checks, newest, entries, proven, torn_tail_bytes: 0 })
}

/// Reads a certificate. Errors: those of reading, and the kernel's.
pub fn read_certificate(path: &Path) -> Result<Certificate, Failure> {
    Certificate::decode(&read_bytes(path)?).map_err(|fault| Failure::from(fault).file(path))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    Source::open(path)?.read_all(MAX_CERTIFICATE_BYTES.into())
}

fn read_proof(path: &Path) -> Result<Proof, Failure> {
    let bytes = Source::open(path)?.read_all(MAX_PROOF_BYTES)?;
    Proof::decode(&bytes).map_err(|fault| Failure::from(fault).file(path))
}

/// The verdict in the mission's words; none where the certificate states none.
pub fn verdict_name(certificate: &Certificate) -> Option<&'static str> {
    certificate.verdict().map(|verdict| match verdict {
        VerdictKind::Merge => "merge",
        VerdictKind::Obstruction => "obstruction",
    })
}
