//! Verifying files: `omega_verify` decides and says everything; here its sources are mapped files and
//! its kernels run in Wasmtime.

use std::path::{Path, PathBuf};

use omega_kernel::certificate::{Certificate, MAX_CERTIFICATE_BYTES};
use omega_kernel::proof::Proof;
use omega_verify::{MAX_PROOF_BYTES, Pinned};
use pollster::block_on;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::map::Source;
use crate::store::CertLog;
use crate::trust::Trust;

mod ensemble;
mod kernels;

pub use ensemble::{Ensemble, Sessions};
pub use kernels::Kernels;
pub use omega_verify::{Verified, first_difference, proofs, report, verdict_name};

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
    /// Engines that judge again, each of them; none is the usual one.
    pub engines: Vec<Engine>,
    /// A proof about one of the certificates.
    pub proof: Option<PathBuf>,
    /// Instances that scan side by side; none is the usual number.
    pub jobs: Option<usize>,
}

/// What is verified.
#[derive(Debug)]
pub enum Evidence {
    /// One certificate.
    Certificate(PathBuf),
    /// A log of certificates.
    Log(PathBuf),
}

/// Verifies.
///
/// # Errors
/// Only what keeps every check from being made: a file that cannot be read, a wrong command line.
pub fn verify(request: Request) -> Result<Verified, Failure> {
    let pinned = request.head.as_deref().map(pinned).transpose()?;
    let proof = request.proof.as_deref().map(read_proof).transpose()?;
    let snapshot = request.snapshot.as_deref().map(Source::open).transpose()?;
    let inputs = request.inputs.iter().map(Source::open).collect();
    let mut kernels = Kernels::open(&request.kernels, request.jobs)?.under(&request.engines);
    let name = |path: &Path| path.display().to_string();
    let engines = request.engines;
    let evidence = match &request.evidence {
        Evidence::Certificate(path) => omega_verify::Evidence::Certificate(name(path), read_bytes(path)?),
        Evidence::Log(path) => omega_verify::Evidence::Log(name(path), CertLog::open(path)?),
    };
    let request = omega_verify::Request { evidence, inputs, snapshot, trust: request.trust, pinned, proof };
    let mut verified = block_on(omega_verify::verify(request, &mut kernels))?;
    if !engines.is_empty() {
        agreed(&engines, &mut verified);
    }
    Ok(verified)
}

/// Says what came of judging under several engines. Where they differ, the check of the logs says so.
fn agreed(engines: &[Engine], verified: &mut Verified) {
    let names: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
    let names = names.join(", ");
    let (verdicts, conflicts) = (verified.checks.passed("logs"), verified.checks.passed("evidence"));
    let done = format!("judged again under {names}: verdicts {verdicts}, evidence of conflicts {conflicts}");
    match (verdicts + conflicts, engines.len()) {
        (0, _) => verified.checks.unchecked("engines", format!("nothing was judged again under {names}")),
        (_, 1) => verified.checks.pass("engines", done),
        _ => verified.checks.pass("engines", format!("{done}; each gave the same bytes")),
    }
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

/// The newest certificate known, from its chain hash in hex or from its file (`--head`).
///
/// # Errors
/// A usage failure where it is neither; those of reading a certificate.
fn pinned(text: &str) -> Result<Pinned, Failure> {
    match Pinned::hash(text) {
        Some(pinned) => Ok(pinned),
        None if Path::new(text).exists() => read_certificate(Path::new(text)).map(Pinned::certificate),
        None => Err(no_head(text)),
    }
}

/// The failure of `--head` with something that is neither a hash nor a file.
pub fn no_head(text: &str) -> Failure {
    Failure::usage(format!("--head {text} is neither a chain hash nor a file"))
        .hint("Give 64 hex digits (`chain_hash` in any report) or a certificate's file.")
}
