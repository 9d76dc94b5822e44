//! A certificate log: the whole chain, certificate after certificate.

use omega_kernel::certificate::{CertType, Certificate, Content};
use omega_kernel::chain::ChainHead;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::proof::Proof;
use omega_kernel::snapshot::{self, ChainPosition};
use serde_json::Value;

use crate::alone::{self, Against};
use crate::cert_log::Records;
use crate::chain::{Followed, Follower, Link};
use crate::checks::Checks;
use crate::failure::{Failure, HostCode};
use crate::freshness::Pinned;
use crate::platform::{Platform, Source};
use crate::proofs;
use crate::report::plural;

/// What a log came to.
#[derive(Debug)]
pub struct Outcome {
    /// The newest certificate that could be followed to.
    pub newest: Option<Certificate>,
    /// An entry for each certificate.
    pub entries: Vec<Value>,
    /// What the proof has shown.
    pub proven: Option<Value>,
    /// Bytes that an unfinished append left.
    pub torn_tail_bytes: u64,
}

/// Checks a whole log.
///
/// # Errors
/// Those of reading the snapshot's header.
pub async fn check<P: Platform>(
    name: &str,
    log: &impl Records,
    proof: Option<&Proof>,
    mut pinned: Option<Pinned>,
    snapshot: Option<&P::Source>,
    against: &mut Against<'_, P>,
    checks: &mut Checks,
) -> Result<Outcome, Failure> {
    let mut start = Start::read(snapshot).await?;
    let mut outcome = Outcome { newest: None, entries: Vec::new(), proven: None, torn_tail_bytes: 0 };
    let mut follower = Follower::new(log);
    while let Some(Link { certificate, before, .. }) = follower.advance() {
        checks.height = Some(certificate.fields().height);
        let judge = start.reached(certificate, before);
        if !judge && let Content::Verdict { core, .. } = certificate.content() {
            checks.unchecked("logs", "it stands before the snapshot: not judged again");
            against.judging.hold(core, "their batch stands before the snapshot");
        }
        let policy = before.map(|head| &head.policy);
        outcome.entries.push(alone::check(certificate, policy, judge, against, checks).await);
        if let Some(pinned) = &mut pinned {
            pinned.meet(certificate);
        }
        if let Some(proof) = proof.filter(|proof| proof.certificate == certificate.chain_hash()) {
            outcome.proven = proofs::check(proof, certificate, checks);
        }
        outcome.newest = Some(certificate.clone());
    }
    let followed = follower.end();
    checks.height = None;
    let met = pinned.as_ref().is_some_and(Pinned::met);
    conclude(&followed, met, name, checks);
    start.conclude(followed.head.as_ref(), checks);
    match (&pinned, &followed.head) {
        (None, _) => checks.unchecked("freshness", crate::NO_HEAD),
        (Some(pinned), Some(head)) if followed.stopped.is_none() => pinned.conclude_log(head.height, checks),
        // A chain that could not be followed to its end shows nothing about what stands there.
        (Some(_), _) => checks.unchecked("freshness", "the chain could not be followed to its end"),
    }
    if proof.is_some() && checks.named("proof").is_none() {
        let message = "the certificate that the proof names is not in this log";
        let failure = Failure::new(HostCode::CertificateMissing, message);
        checks.missing(
            "proof",
            failure.hint("Give the log, or the certificate with --cert, that it was made for."),
        );
    }
    outcome.torn_tail_bytes = followed.tail.map_or(0, |tail| tail.bytes);
    Ok(outcome)
}

/// `met` tells whether the newest certificate that the reader knows stands in the log.
fn conclude(followed: &Followed, met: bool, name: &str, checks: &mut Checks) {
    if let Some(tail) = followed.tail {
        let bytes = plural(tail.bytes, "byte");
        let found = format!(
            "{bytes} after the last whole certificate cannot be read: an unfinished append, or damage"
        );
        if met {
            checks.pass("log", format!("{found}. The newest certificate that you know stands before them"));
        } else {
            // A flipped bit in a length would otherwise hide the certificate that it belongs to.
            let message = format!("{found}. There may be a newer certificate");
            let failure = Failure { offset: Some(tail.offset), ..Failure::new(HostCode::StoreTail, message) };
            let hint = "Ask for the log again, or pin the newest certificate that you know with --head.";
            checks.missing("log", failure.file(name).hint(hint));
        }
    }
    match (&followed.stopped, &followed.head) {
        (Some(failure), _) => {
            let behind = match followed.behind {
                0 => String::new(),
                behind => format!("; {behind} certificates behind it were not checked"),
            };
            let message = format!("{}{behind}", failure.message);
            checks.fail("chain", Failure { message, ..failure.clone() }.file(name));
        }
        (None, Some(_)) => checks.pass(
            "chain",
            format!(
                "{} certificates from the genesis on, each naming the one before it and starting from its state",
                followed.certificates
            ),
        ),
        (None, None) => {
            let message = "the log holds no certificate";
            checks.missing("chain", Failure::new(HostCode::CertificateMissing, message).file(name));
        }
    }
    match followed.co_signatures {
        0 => {}
        count => checks.pass("co-signatures", format!("{count} signatures were added later; they count")),
    }
}

/// Where judging again starts: at the genesis, or where a snapshot stands.
#[derive(Debug)]
pub struct Start {
    wanted: Option<(StateCommitment, Option<ChainPosition>)>,
    reached: bool,
}

impl Start {
    /// Reads the header of a snapshot; without one, judging starts at the genesis.
    ///
    /// # Errors
    /// Those of reading, and the kernel's where it is no snapshot.
    pub async fn read(snapshot: Option<&impl Source>) -> Result<Self, Failure> {
        let Some(source) = snapshot else { return Ok(Start { wanted: None, reached: true }) };
        let mut bytes = [0; snapshot::HEADER_BYTES];
        if source.read_at(0, &mut bytes).await? < bytes.len() {
            let fault = Fault::new(FaultCode::SnapshotMalformed, "the snapshot ends too early");
            return Err(Failure::from(fault).file(&*source.name()));
        }
        let header =
            snapshot::Header::decode(&bytes).map_err(|fault| Failure::from(fault).file(&*source.name()))?;
        Ok(Start { wanted: Some((header.commitment, header.position)), reached: false })
    }

    /// Whether this certificate starts from the snapshot's state, or one before it did.
    pub fn reached(&mut self, certificate: &Certificate, before: Option<&ChainHead>) -> bool {
        if let (Some((state, position)), Some(head), false) = (&self.wanted, before, self.reached) {
            let here = position.is_none_or(|it| it.chain_id == head.chain_id && it.height == head.height);
            self.reached = here && head.state == *state && certificate.kind() == CertType::Verdict;
        }
        self.reached
    }

    fn conclude(&self, head: Option<&ChainHead>, checks: &mut Checks) {
        let Some((state, _)) = self.wanted.as_ref().filter(|_| !self.reached) else { return };
        if head.is_some_and(|head| head.state == *state) {
            return checks.pass("snapshot", "it names the state that the chain ends in: no batch follows it");
        }
        let message = "no certificate of this chain left the state that the snapshot names";
        let fault = Failure::from(Fault::new(FaultCode::StateMismatch, message));
        checks.fail("snapshot", fault.hint("Give a snapshot that was saved along this chain."));
    }
}
