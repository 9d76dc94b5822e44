//! What the certificates among the parts say, and verifying them as `omega verify` does.

use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::Certificate;
use omega_kernel::hash::Hash;
use omega_kernel::proof::Proof;
use omega_verify::cert_log::{InMemory, Record, Records};
use omega_verify::checks::{Check, Status};
use omega_verify::platform::Platform;
use omega_verify::report::Report;
use omega_verify::{Pinned, Verified};
use pollster::block_on;

use super::format::Role;
use super::parts::{Part, Parts, Request};
use crate::engine::Kernel;
use crate::failure::{Code, Failure};
use crate::map::Source;
use crate::trust::Trust;
use crate::verify::Kernels;

/// What the certificates say, as far as they can be read.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Kernels that verdicts name, each once.
    judged_by: Vec<Hash>,
    newest: Option<Certificate>,
    has_proof: bool,
}

impl Evidence {
    /// Reads the certificates. One that cannot be read says nothing: verifying tells why.
    pub fn of(parts: &Parts) -> Self {
        let mut evidence =
            Evidence { has_proof: parts.of(Role::Proof).next().is_some(), ..Evidence::default() };
        for part in parts.of(Role::Certificate) {
            evidence.take(&part.bytes);
        }
        for part in parts.of(Role::CertificateLog) {
            let log = InMemory::new(&part.name, part.bytes.to_vec(), None).ok();
            for entry in log.iter().flat_map(|log| log.records().into_iter().flatten()).map_while(Result::ok)
            {
                if let Record::Certificate(bytes) = entry.record {
                    evidence.take(&bytes);
                }
            }
        }
        evidence
    }

    fn take(&mut self, bytes: &[u8]) {
        let Ok(certificate) = Certificate::decode(bytes) else { return };
        let kernel = certificate.fields().binding.kernel_hash;
        if certificate.verdict().is_some() && !self.judged_by.contains(&kernel) {
            self.judged_by.push(kernel);
        }
        self.newest = Some(certificate);
    }

    /// Whether the newest certificate is a verdict.
    pub fn has_verdict(&self) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.verdict().is_some())
    }

    /// Whether something is shown by certificates and proofs alone.
    pub fn shows_without_logs(&self) -> bool {
        let conflict = |newest: &Certificate| newest.verdict() == Some(VerdictKind::Obstruction);
        self.has_proof || self.newest.as_ref().is_some_and(conflict)
    }

    /// The kernels that verifying takes. Where no verdict names one, the newest certificate's, or ours: a page
    /// without any kernel could say nothing.
    pub fn kernels(&self, kernels: &Kernels) -> Vec<Hash> {
        if !self.judged_by.is_empty() {
            return self.judged_by.clone();
        }
        let named = self.newest.as_ref().map(|newest| newest.fields().binding.kernel_hash);
        vec![named.filter(|hash| kernels.holds(hash)).unwrap_or(*Kernel::embedded_hash())]
    }

    /// Verifies the parts with these logs, and each proof beyond the first once more.
    pub fn verify(&self, parts: &Parts, logs: Logs, kernels: &mut Kernels) -> Finding {
        let mut proofs = parts.of(Role::Proof);
        let first = Finding::of(&verified(parts, proofs.next(), logs, kernels));
        // What a further proof shows does not hang on logs: they were judged. The first answer stands, unless
        // a later one is worse.
        proofs.fold(first, |found, proof| {
            let finding = Finding::of(&verified(parts, Some(proof), Logs::default(), kernels));
            if found.code.is_none() && finding.code.is_some() { finding } else { found }
        })
    }
}

/// What verifying came to.
#[derive(Debug)]
pub struct Finding {
    /// What `omega verify` answers.
    pub report: Report,
    /// Why that is not "right"; none where it is.
    pub code: Option<Code>,
    /// Every check, for people.
    pub lines: Vec<String>,
}

impl Finding {
    fn of(verified: &Result<Verified, Failure>) -> Self {
        match verified {
            Ok(verified) => {
                let code = verified.checks.decisive().and_then(|check| match check.status {
                    Status::Failed(code) | Status::Missing(code) => Some(code),
                    Status::Passed | Status::Unchecked => None,
                });
                let lines = verified.checks.collapsed().iter().map(Check::to_line).collect();
                Finding { report: omega_verify::report(verified), code, lines }
            }
            Err(failure) => {
                let report = Report::failed("verify", failure);
                Finding { report, code: Some(failure.code), lines: Vec::new() }
            }
        }
    }
}

/// Logs that were judged, and the state that they start from.
#[derive(Debug, Default)]
pub struct Logs {
    inputs: Vec<Result<Source, Failure>>,
    snapshot: Option<Result<Source, Failure>>,
}

impl Logs {
    /// Those among the parts.
    pub fn among(parts: &Parts) -> Self {
        let inputs = parts.of(Role::Log).map(|part| Ok(part.source())).collect();
        Logs { inputs, snapshot: parts.of(Role::Snapshot).next().map(|part| Ok(part.source())) }
    }

    /// Those that are left out, where they are.
    pub fn outside(request: &Request) -> Self {
        let inputs = request.inputs.iter().map(Source::open).collect();
        Logs { inputs, snapshot: request.snapshot.as_deref().map(Source::open) }
    }
}

fn verified(
    parts: &Parts,
    proof: Option<&Part>,
    logs: Logs,
    kernels: &mut Kernels,
) -> Result<Verified, Failure> {
    let decoded =
        |part: &Part| Proof::decode(&part.bytes).map_err(|fault| Failure::from(fault).file(&part.path));
    let known =
        |part: &Part| Certificate::decode(&part.bytes).map_err(|fault| Failure::from(fault).file(&part.path));
    let pinned = match (parts.of(Role::Head).next(), &parts.head) {
        (Some(part), _) => Some(Pinned::certificate(known(part)?)),
        (None, Some(hash)) => Pinned::hash(hash),
        (None, None) => None,
    };
    let request = omega_verify::Request {
        evidence: evidence(parts)?,
        inputs: logs.inputs,
        snapshot: logs.snapshot.transpose()?,
        // Without a key whoever opens the file says whom to believe: here, every signature must hold.
        trust: Some(parts.trust.clone().unwrap_or_else(Trust::any_signer)),
        pinned,
        proof: proof.map(decoded).transpose()?,
    };
    block_on(omega_verify::verify(request, kernels))
}

fn evidence(parts: &Parts) -> Result<omega_verify::Evidence<InMemory>, Failure> {
    let name = |part: &Part| part.path.display().to_string();
    if let Some(log) = parts.of(Role::CertificateLog).next() {
        let hash = parts.of(Role::CertificateHash).next().map(|part| part.bytes.as_slice());
        let records = InMemory::new(&name(log), log.bytes.to_vec(), hash)?;
        return Ok(omega_verify::Evidence::Log(name(log), records));
    }
    let certificate = parts.of(Role::Certificate).next();
    let certificate = certificate.ok_or_else(|| Failure::internal("there is no certificate"))?;
    Ok(omega_verify::Evidence::Certificate(name(certificate), certificate.bytes.to_vec()))
}
