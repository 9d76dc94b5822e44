//! An audit: a checker, anybody's, judges again what a chain certified, batch by batch.
//!
//! The checker is untrusted code under limits, and may do anything within them; what it says is only
//! ever compared. The logs are held against the certified roots by this program itself, so that a
//! checker that knows its answers beforehand learns nothing by them being other logs. Where it
//! differs or fails, the audit goes on: the checker that the certificates name judges in lockstep,
//! and its state is handed on. Who signed the chain, and whether to trust them, is not asked here.

use std::path::PathBuf;

use omega_kernel::body::{Core, Observations, VerdictKind};
use omega_kernel::certificate::Content;
use omega_kernel::hash::Hash;
use omega_verify::Start;
use omega_verify::chain::{Follower, Link};
use pollster::block_on;

use crate::conflict::View;
use crate::engine::{Engine, Limits};
use crate::failure::Failure;
use crate::inputs;
use crate::interrupt;
use crate::map::Source;
use crate::store::CertLog;

mod answer;
mod line;
mod run;

pub use answer::{Answer, Difference};

use answer::Certified;
use run::Run;

/// Batches that are listed one by one where not all are asked for.
const LISTED: usize = 1000;

/// What to audit, and with what.
#[derive(Debug)]
pub struct Request {
    /// The chain.
    pub cert_log: PathBuf,
    /// The logs that were judged.
    pub inputs: Vec<PathBuf>,
    /// State to start from; none is the chain's beginning.
    pub snapshot: Option<PathBuf>,
    /// The checker; none is the one built in.
    pub kernel: Option<PathBuf>,
    /// Engines that run it, each on its own; none is the usual one.
    pub engines: Vec<Engine>,
    /// What the checker may use.
    pub limits: Limits,
    /// Checkers that the certificates name, beside the one built in.
    pub references: Vec<PathBuf>,
    /// The first height that is audited.
    pub from: Option<u64>,
    /// The last height that is audited.
    pub to: Option<u64>,
    /// Batches in a row without an answer after which the checker is asked no more; at least 1.
    pub give_up: u32,
    /// List the batches that agree too.
    pub each: bool,
}

/// What came of one batch.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Height of its certificate.
    pub height: u64,
    /// Its number.
    pub batch_id: u64,
    /// The certified verdict.
    pub verdict: VerdictKind,
    /// What the checker made of it, under each engine.
    pub answers: Vec<(&'static str, Answer)>,
    /// What the checker that the certificate names made of it, where that is another one.
    pub named: Option<Answer>,
    /// The first engine that gave another result than the first one, and what differs.
    pub engines: Option<(&'static str, Difference)>,
}

/// How a batch counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As certified, under every engine.
    Agrees,
    /// Another verdict than the certified one.
    Differs,
    /// One checker, and engines that gave different results.
    EnginesDiffer,
    /// At least one engine gave no verdict.
    Unchecked,
}

impl Batch {
    /// How it counts: a difference outranks what could not be checked.
    pub fn outcome(&self) -> Outcome {
        let some = |wanted: fn(&Answer) -> bool| self.answers.iter().any(|(_, answer)| wanted(answer));
        if self.named_difference().is_some() {
            Outcome::Differs
        } else if self.engines.is_some() {
            Outcome::EnginesDiffer
        } else if some(|answer| matches!(answer, Answer::Differs(_))) {
            Outcome::Differs
        } else if some(|answer| matches!(answer, Answer::Failed(_))) {
            Outcome::Unchecked
        } else {
            Outcome::Agrees
        }
    }

    /// Where the very checker that the certificate names gives another verdict than the certificate.
    pub fn named_difference(&self) -> Option<&Difference> {
        match &self.named {
            Some(Answer::Differs(difference)) => Some(difference),
            _ => None,
        }
    }

    /// The first difference, with who differs.
    pub fn difference(&self) -> Option<(&'static str, &Difference)> {
        let named = self.named_difference().map(|difference| ("named", difference));
        let engines = || self.engines.as_ref().map(|(engine, difference)| (*engine, difference));
        let answers = || {
            self.answers.iter().find_map(|(engine, answer)| match answer {
                Answer::Differs(difference) => Some((*engine, difference)),
                _ => None,
            })
        };
        named.or_else(engines).or_else(answers)
    }

    /// The first failure, with the engine.
    pub fn failure(&self) -> Option<(&'static str, &Failure)> {
        self.answers.iter().find_map(|(engine, answer)| match answer {
            Answer::Failed(failure) => Some((*engine, failure)),
            _ => None,
        })
    }
}

/// What an audit came to.
#[derive(Debug)]
pub struct Audited {
    /// BLAKE3 of the checker.
    pub kernel_hash: Hash,
    /// The engines that ran it.
    pub engines: Vec<&'static str>,
    /// Chain hash of the genesis; none where the log has none.
    pub chain_id: Option<Hash>,
    /// Verdicts in the chain.
    pub verdicts: u64,
    /// Verdicts outside the heights that were asked for, or before the snapshot.
    pub left_out: u64,
    /// Batches that came out as certified.
    pub agreed: u64,
    /// Batches that agreed, and whose verdict is a conflict.
    pub conflicts: u64,
    /// Batches with another verdict than the certified one.
    pub differed: u64,
    /// Batches for which engines differ.
    pub engines_differed: u64,
    /// Batches that could not be checked.
    pub unchecked: u64,
    /// The first batch with a difference.
    pub first_difference: Option<Batch>,
    /// The first batch that could not be checked.
    pub first_unchecked: Option<Batch>,
    /// The first conflict that came out as certified: its rule's name and number.
    pub first_conflict: Option<(&'static str, u32)>,
    /// Batches one by one: all that did not agree, up to a thousand; those that agreed on request.
    pub batches: Vec<Batch>,
    /// Batches that did not agree and are not listed.
    pub not_listed: u64,
    /// Logs that stand for none of the batches that were reached.
    pub unused: Vec<String>,
    /// Why the chain could not be followed to its end.
    pub stopped: Option<Failure>,
    /// Bytes behind the last whole certificate.
    pub tail_bytes: u64,
}

impl Audited {
    fn new(kernel_hash: Hash, engines: Vec<&'static str>) -> Self {
        Audited {
            kernel_hash,
            engines,
            chain_id: None,
            verdicts: 0,
            left_out: 0,
            agreed: 0,
            conflicts: 0,
            differed: 0,
            engines_differed: 0,
            unchecked: 0,
            first_difference: None,
            first_unchecked: None,
            first_conflict: None,
            batches: Vec::new(),
            not_listed: 0,
            unused: Vec::new(),
            stopped: None,
            tail_bytes: 0,
        }
    }

    /// Batches that were audited.
    pub fn audited(&self) -> u64 {
        self.agreed + self.differed + self.engines_differed + self.unchecked
    }

    /// Counts a batch, and lists it where that is asked for.
    fn take(&mut self, batch: Batch, core: &Core, observations: &Observations, each: bool) {
        let outcome = batch.outcome();
        match outcome {
            Outcome::Agrees => {
                self.agreed += 1;
                if batch.verdict == VerdictKind::Obstruction {
                    self.conflicts += 1;
                    let view = || View::of(core, observations).ok();
                    self.first_conflict =
                        self.first_conflict.or_else(|| view().map(|view| (view.name, view.predicate.into())));
                }
            }
            Outcome::Differs => self.differed += 1,
            Outcome::EnginesDiffer => self.engines_differed += 1,
            Outcome::Unchecked => self.unchecked += 1,
        }
        let differs = batch.difference().is_some();
        if differs && self.worse(outcome) {
            self.first_difference = Some(batch.clone());
        }
        if batch.failure().is_some() && self.first_unchecked.is_none() {
            self.first_unchecked = Some(batch.clone());
        }
        match outcome {
            Outcome::Agrees if !each => {}
            Outcome::Agrees => self.batches.push(batch),
            _ if each || self.batches.len() < LISTED => self.batches.push(batch),
            _ => self.not_listed += 1,
        }
    }

    /// Whether a difference is to be named before the one that was found: a checker's before engines'.
    fn worse(&self, outcome: Outcome) -> bool {
        match self.first_difference.as_ref().map(Batch::outcome) {
            None => true,
            Some(found) => found == Outcome::EnginesDiffer && outcome == Outcome::Differs,
        }
    }
}

/// Audits.
///
/// # Errors
/// Only what keeps the audit from beginning: files that cannot be read, `kernel-invalid` and what else
/// compiling the checker ran into, a wrong command line; `interrupted`.
pub fn audit(request: &Request) -> Result<Audited, Failure> {
    let log = CertLog::open(&request.cert_log)?;
    let inputs = inputs::open_all(&request.inputs)?;
    let snapshot = request.snapshot.as_deref().map(Source::open).transpose()?;
    let mut start = block_on(Start::read(snapshot.as_ref()))?;
    let mut run = Run::new(request, &inputs, snapshot.as_ref())?;
    let mut audited = Audited::new(*run.kernel_hash(), run.engines());
    let mut follower = Follower::new(&log);
    while let Some(Link { certificate, before, after }) = follower.advance() {
        interrupt::check()?;
        audited.chain_id = Some(after.chain_id);
        let reached = start.reached(certificate, before);
        let Content::Verdict { core, observations } = certificate.content() else { continue };
        audited.verdicts += 1;
        let height = certificate.fields().height;
        let past = request.to.is_some_and(|to| height > to);
        let asked = reached && !past && request.from.is_none_or(|from| height >= from);
        if !asked {
            audited.left_out += 1;
        }
        if reached && !past {
            // Batches before the first one that is asked for are judged for the state that they leave.
            let batch = run.batch(&Certified { certificate, core, observations }, asked)?;
            if asked || batch.named_difference().is_some() {
                audited.take(batch, core, observations, request.each);
            }
        }
    }
    let followed = follower.end();
    audited.unused = run.unused();
    audited.stopped = followed.stopped.map(|failure| failure.file(&request.cert_log));
    audited.tail_bytes = followed.tail.map_or(0, |tail| tail.bytes);
    Ok(audited)
}

#[cfg(test)]
mod tests;
