//! What a checker made of a certified batch, held against what is certified.

use omega_kernel::body::{Body, Core, Observations, VerdictKind, observations_agree};
use omega_kernel::certificate::Certificate;
use omega_verify::{named_difference, read_body};

use crate::check::Judged;
use crate::failure::{Failure, HostCode};

/// What differs first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Stable name of what differs: those of [`omega_verify::Difference`], and `observations`, `state`
    /// (the state that the checker holds after the batch) and `body` (its bytes).
    pub field: String,
    /// It in words.
    pub sentence: String,
    /// The first byte of the body that differs, counted from the body's start; none where none does.
    pub byte: Option<usize>,
}

/// What came of one checker's run over one batch.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The certified verdict: the core to the bit, observations that agree.
    Agrees,
    /// Another one.
    Differs(Difference),
    /// None: a fault, a trap, a limit, or something that is not at hand.
    Failed(Failure),
}

/// One certified batch, as an answer is held against it.
#[derive(Debug, Clone, Copy)]
pub struct Certified<'c> {
    /// Its certificate.
    pub certificate: &'c Certificate,
    /// The certificate's core.
    pub core: &'c Core,
    /// The certificate's observations.
    pub observations: &'c Observations,
}

impl Certified<'_> {
    /// Holds a verdict, and the state that the checker is in after it, against the certificate.
    pub fn hold(&self, judged: &Judged) -> Answer {
        match self.differs(judged) {
            Ok(None) => Answer::Agrees,
            Ok(Some(difference)) => Answer::Differs(difference),
            Err(failure) => Answer::Failed(failure),
        }
    }

    fn differs(&self, judged: &Judged) -> Result<Option<Difference>, Failure> {
        let (core, observations) = read_body(&judged.verdict.body)?;
        if judged.verdict.merged != (core.verdict == VerdictKind::Merge) {
            let message = "the kernel broke the contract: it states another verdict than its body does";
            return Err(Failure::new(HostCode::KernelOutput, message));
        }
        let (then, now) = (self.certificate.body_bytes(), judged.verdict.body.as_slice());
        let byte = first_byte(then, now);
        if Body::split(then)?.core != Body::split(now)?.core {
            return Ok(Some(in_core(self.core, &core, byte)));
        }
        if let Err(fault) = observations_agree(self.observations, &observations) {
            return Ok(Some(Difference { field: "observations".to_owned(), sentence: fault.message, byte }));
        }
        let sentence = "after the batch it is in another state than its own verdict names".to_owned();
        let other = judged.state != self.core.next;
        Ok(other.then(|| Difference { field: "state".to_owned(), sentence, byte: None }))
    }
}

/// The first difference between what two engines gave; none where every byte is the same. `then` is
/// the one that the other is held against.
pub fn between(then: &Judged, now: &Judged) -> Option<Difference> {
    let byte = first_byte(&then.verdict.body, &now.verdict.body);
    let body = || match (read_body(&then.verdict.body), read_body(&now.verdict.body)) {
        (Ok((then, _)), Ok((now, _))) if then != now => in_core(&then, &now, byte),
        (Ok(_), Ok(_)) => {
            let sentence = "the observations differ".to_owned();
            Difference { field: "observations".to_owned(), sentence, byte }
        }
        _ => Difference { field: "body".to_owned(), sentence: "the bytes differ".to_owned(), byte },
    };
    let state = || {
        let sentence = "the states after the batch differ".to_owned();
        Difference { field: "state".to_owned(), sentence, byte: None }
    };
    byte.map(|_| body()).or_else(|| (then.state != now.state).then(state))
}

fn in_core(then: &Core, now: &Core, byte: Option<usize>) -> Difference {
    match named_difference(then, now) {
        Some(omega_verify::Difference { field, sentence }) => Difference { field, sentence, byte },
        None => {
            Difference { field: "body".to_owned(), sentence: "the verdict's bytes differ".to_owned(), byte }
        }
    }
}

fn first_byte(then: &[u8], now: &[u8]) -> Option<usize> {
    let common = then.iter().zip(now).position(|(then, now)| then != now);
    common.or_else(|| (then.len() != now.len()).then_some(then.len().min(now.len())))
}
