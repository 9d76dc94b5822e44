//! Putting another kernel in place while the node works. A candidate judges the whole archive again,
//! catches up, judges what comes beside the kernel in place, and takes over between two batches. The
//! kernel before it is kept ready for a while: where the new one fails, it takes over again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_kernel::body::Core;
use omega_kernel::certificate::{Binding, Certificate, SwapSide};
use serde::Serialize;
use tokio::sync::oneshot;

use super::companion::{Companion, Expected};
use super::gateway::Gateway;
use crate::batch;
use crate::disk::Disk;
use crate::failure::{Failure, HostCode};
use crate::node::batch::Batch;
use crate::node::certifier::Certifier;
use crate::node::checker::{Checker, Judgement};
use crate::node::coordinator::{Judge, persist};
use crate::node::diff::{Account, Candidate};
use crate::node::steps::{self, Step};

/// Batches that a candidate judges beside the kernel in place before it takes over, where batches come.
const SHADOWED: u32 = 4;
/// Time after which it takes over where none come.
const QUIET: Duration = Duration::from_millis(500);
/// Time that a batch waits for the candidate at a border, at first.
const PATIENCE: Duration = Duration::from_millis(3);
/// Time that it waits later: a busy candidate is never just in time.
const MORE_PATIENCE: Duration = Duration::from_millis(100);
/// When that begins.
const HURRY: Duration = Duration::from_secs(20);
/// Time after which a candidate is given up that is still not there.
const MOST_TIME: Duration = Duration::from_secs(120);
/// Batches after a swap in which a failure of the new kernel brings the old one back.
const WATCHED: u64 = 32;
/// Time that the old kernel gets to judge what is left, when it takes over again.
const RESCUE_TIME: Duration = Duration::from_secs(60);

/// A candidate that has caught up, or nearly.
pub struct Attach {
    /// It.
    pub candidate: Candidate,
    /// What its verdicts are bound to.
    pub binding: Binding,
    /// Heights of verdicts that may be others.
    pub accepted: BTreeSet<u64>,
    /// Hears how it ended.
    pub reply: oneshot::Sender<Result<Swapped, Failure>>,
}

/// A kernel was put in place.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Swapped {
    /// Height of the swap certificate.
    pub height: String,
    /// BLAKE3 of the kernel before.
    pub old_kernel: String,
    /// BLAKE3 of the kernel in place.
    pub new_kernel: String,
    /// Past verdicts that the new kernel judged again.
    pub replayed: String,
    /// Those that would have been others.
    pub differences: usize,
    /// Microseconds between two batches that it took.
    pub pause_us: u64,
}

/// What stands beside the checker that judges.
#[derive(Default)]
pub enum Beside {
    /// Nothing.
    #[default]
    Nothing,
    /// A kernel that is to take over.
    Candidate(Box<Shadow>),
    /// The kernel before, kept ready.
    Fallback(Box<Fallback>),
}

/// A candidate at work.
pub struct Shadow {
    companion: Companion,
    account: Account,
    binding: Binding,
    accepted: BTreeSet<u64>,
    expected: VecDeque<Expected>,
    live: u32,
    since: Instant,
    reply: Option<oneshot::Sender<Result<Swapped, Failure>>>,
}

/// A candidate has taken over. Whoever asked hears of it when everybody else can see it.
pub struct Done {
    /// The swap's certificate.
    pub certificate: Certificate,
    /// Time between two batches that it took.
    pub pause: Duration,
    reply: Option<oneshot::Sender<Result<Swapped, Failure>>>,
    told: Swapped,
}

impl Done {
    /// Tells whoever asked.
    pub fn tell(self) {
        // They may be gone.
        _ = self.reply.map(|reply| reply.send(Ok(self.told)));
    }
}

/// The kernel before, one batch behind.
pub struct Fallback {
    companion: Companion,
    account: Account,
    binding: Binding,
    expected: VecDeque<Expected>,
    left: u64,
}

/// The checker that judges, and what stands beside it, while a batch is settled.
pub struct AtWork<'w> {
    /// The checker.
    pub gateway: &'w Gateway,
    /// What stands beside it.
    pub beside: &'w mut Beside,
    /// Numbers that the candidate gave to what was judged.
    pub sent: Vec<u64>,
    /// A kernel was taken back: the certificate of that.
    pub rolled_back: Option<(Box<Certificate>, Failure)>,
}

impl<D: Disk> Judge<D> for AtWork<'_> {
    fn judge(&mut self, batch: &Arc<Batch>) -> Result<Judgement, Failure> {
        if let Beside::Candidate(shadow) = self.beside {
            self.sent.push(shadow.companion.send(batch));
        }
        self.gateway.judge(batch, 0)
    }

    fn rejudge(&mut self, certificate: &[u8]) -> Result<(), Failure> {
        self.gateway.rejudge(certificate)
    }

    fn rescue(
        &mut self,
        failure: &Failure,
        certifier: &mut Certifier<D>,
        stalled: &mut dyn FnMut(&Failure) -> bool,
    ) -> Result<bool, Failure> {
        match std::mem::take(self.beside) {
            Beside::Fallback(fallback) => {
                let Ok((checker, account, binding)) = fallback.ready() else { return Ok(false) };
                let certificate = take_over(certifier, self.gateway, checker, binding, &account, stalled)?.0;
                self.rolled_back = Some((Box::new(certificate), failure.clone()));
                Ok(true)
            }
            // What the kernel in place cannot judge cannot be compared.
            Beside::Candidate(mut shadow) => {
                shadow.give_up(Failure::new(
                    HostCode::KernelDiffers,
                    format!("the kernel in place could not judge a batch meanwhile: {}", failure.message),
                ));
                Ok(false)
            }
            Beside::Nothing => Ok(false),
        }
    }
}

impl Beside {
    /// Begins to judge beside the checker in place. `missed` is what was certified since the candidate
    /// judged last.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn attach(attach: Attach, missed: Vec<(u64, Core, Arc<Batch>)>) -> Result<Self, Failure> {
        let Attach { candidate, binding, accepted, reply } = attach;
        let account = candidate.account.clone();
        let mut companion = Companion::start(candidate.into_checker())?;
        let expect = |(height, core, batch): (u64, Core, Arc<Batch>)| Expected {
            number: companion.send(&batch),
            height,
            core,
        };
        let expected = missed.into_iter().map(expect).collect();
        let (since, reply) = (Instant::now(), Some(reply));
        let shadow = Shadow { companion, account, binding, accepted, expected, live: 0, since, reply };
        Ok(Beside::Candidate(Box::new(shadow)))
    }

    /// A batch was certified; `number` is what the candidate calls it.
    pub fn settled(&mut self, number: Option<u64>, height: u64, core: &Core, batch: &Arc<Batch>) {
        match self {
            Beside::Candidate(shadow) => {
                if let Some(number) = number {
                    shadow.expected.push_back(Expected { number, height, core: core.clone() });
                    shadow.live += 1;
                }
            }
            Beside::Fallback(fallback) => {
                let number = fallback.companion.send(batch);
                fallback.expected.push_back(Expected { number, height, core: core.clone() });
                fallback.left = fallback.left.saturating_sub(1);
                if fallback.left == 0 || fallback.companion.is_lost() {
                    *self = Beside::Nothing;
                }
            }
            Beside::Nothing => {}
        }
    }

    /// Whether a candidate waits to take over.
    pub fn waits(&self) -> bool {
        matches!(self, Beside::Candidate(_))
    }

    /// Between two batches: lets a candidate that is ready take over. Gives the swap's certificate.
    ///
    /// # Errors
    /// `write-failed` where it cannot be stored; the candidate has heard.
    pub fn between<D: Disk>(
        &mut self,
        certifier: &mut Certifier<D>,
        gateway: &Gateway,
        stalled: &mut dyn FnMut(&Failure) -> bool,
    ) -> Result<Option<Done>, Failure> {
        let Beside::Candidate(shadow) = self else { return Ok(None) };
        let begun = Instant::now();
        match shadow.is_ready() {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(failure) => {
                shadow.give_up(failure);
                *self = Beside::Nothing;
                return Ok(None);
            }
        }
        let Beside::Candidate(shadow) = std::mem::take(self) else { return Ok(None) };
        let Shadow { companion, account, binding, reply, .. } = *shadow;
        let before = certifier.head().binding;
        let done = companion
            .end()
            .and_then(|checker| take_over(certifier, gateway, checker, binding, &account, stalled));
        match done {
            Ok((certificate, old)) => {
                let pause = begun.elapsed();
                let told = swapped(&certificate, &before, &binding, &account, pause);
                *self = Beside::fallback(old, before)?;
                Ok(Some(Done { certificate, pause, reply, told }))
            }
            Err(failure) => {
                // Whoever asked may be gone.
                _ = reply.map(|reply| reply.send(Err(failure.clone())));
                Err(failure)
            }
        }
    }

    pub(super) fn fallback(old: Checker, binding: Binding) -> Result<Self, Failure> {
        let companion = Companion::start(old)?;
        let (account, expected) = (Account::default(), VecDeque::new());
        Ok(Beside::Fallback(Box::new(Fallback { companion, account, binding, expected, left: WATCHED })))
    }

    /// The kernel before, ready to take over: for an operator who wants it back.
    pub fn take_fallback(&mut self) -> Option<Result<(Checker, Account, Binding), Failure>> {
        match std::mem::take(self) {
            Beside::Fallback(fallback) => Some(fallback.ready()),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Shadow {
    /// Whether everything was compared, and enough of it.
    fn is_ready(&mut self) -> Result<bool, Failure> {
        let enough = self.live >= SHADOWED || self.since.elapsed() >= QUIET;
        let patience = match self.since.elapsed() >= HURRY {
            true => MORE_PATIENCE,
            false if enough && self.expected.len() <= 1 => PATIENCE,
            false => Duration::ZERO,
        };
        let until = Instant::now() + patience;
        while let Some(expected) = self.expected.front() {
            let left = until.saturating_duration_since(Instant::now());
            let Some((number, judgement)) = self.companion.answer(left)? else {
                return match self.companion.is_lost() || self.since.elapsed() >= MOST_TIME {
                    true => Err(Failure::new(
                        HostCode::KernelDeadline,
                        "the kernel is so much slower than the one in place that it never catches up",
                    )),
                    false => Ok(false),
                };
            };
            if number == expected.number {
                self.account.compare(expected.height, &expected.core, &judgement.core);
                self.expected.pop_front();
            }
        }
        not_accepted(&self.account, &self.accepted)?;
        Ok(enough)
    }

    fn give_up(&mut self, failure: Failure) {
        // Whoever asked may be gone.
        _ = self.reply.take().map(|reply| reply.send(Err(failure)));
    }
}

impl Fallback {
    /// The checker once it stands where the chain stands.
    fn ready(mut self) -> Result<(Checker, Account, Binding), Failure> {
        let until = Instant::now() + RESCUE_TIME;
        while let Some(expected) = self.expected.front() {
            let left = until.saturating_duration_since(Instant::now());
            let late =
                || Failure::new(HostCode::KernelDeadline, "the kernel before did not catch up in time");
            let (number, judgement) = self.companion.answer(left)?.ok_or_else(late)?;
            if number == expected.number {
                self.account.compare(expected.height, &expected.core, &judgement.core);
                self.expected.pop_front();
            }
        }
        Ok((self.companion.end()?, self.account, self.binding))
    }
}

/// Refuses a kernel under which past verdicts would be others, unless each was accepted by name.
///
/// # Errors
/// `kernel-differs`.
pub fn not_accepted(account: &Account, accepted: &BTreeSet<u64>) -> Result<(), Failure> {
    let heights = account.not_accepted(accepted);
    let Some(first) = heights.first() else { return Ok(()) };
    let what = account.differences.iter().find(|difference| difference.height() == *first);
    let what = what.map(|difference| difference.what.clone()).unwrap_or_default();
    let listed: Vec<String> = heights.iter().take(10).map(u64::to_string).collect();
    let more = if heights.len() > listed.len() { ", …" } else { "" };
    let message = format!(
        "{} of {} past verdicts would be others, the first at height {first}: {what}",
        heights.len(),
        account.replayed
    );
    Err(Failure::new(HostCode::KernelDiffers, message).hint(format!(
        "Nothing was changed. `omega kernel diff` lists them; to swap all the same, accept each by its height: {}{more}",
        listed.join(", ")
    )))
}

/// Certifies the change, and puts the checker in place. Gives the certificate and the checker before.
///
/// # Errors
/// `state-mismatch` where the new kernel would change the state; `write-failed`.
pub fn take_over<D: Disk>(
    certifier: &mut Certifier<D>,
    gateway: &Gateway,
    mut checker: Checker,
    binding: Binding,
    account: &Account,
    stalled: &mut dyn FnMut(&Failure) -> bool,
) -> Result<(Certificate, Checker), Failure> {
    let head = certifier.head();
    let old = SwapSide { binding: head.binding, state: head.state };
    let new = SwapSide { binding, state: checker.state()? };
    certifier.goes_on()?;
    let certificate = certifier.swap(&account.swap(old, new))?;
    certifier.steps.note(|| Step::Swap {
        height: steps::height(&certificate),
        hash: steps::hex(&certificate.chain_hash()),
        kernel: steps::hex(&binding.kernel_hash),
    });
    if let Err(failure) = persist(stalled, || certifier.append(&certificate)) {
        certifier.stop();
        return Err(failure);
    }
    let before = gateway.replace(checker)?;
    Ok((certificate, *before))
}

/// What is told of a swap.
pub fn swapped(
    certificate: &Certificate,
    old: &Binding,
    new: &Binding,
    account: &Account,
    pause: Duration,
) -> Swapped {
    let hex = |hash: &[u8]| data_encoding::HEXLOWER.encode(hash);
    Swapped {
        height: certificate.fields().height.to_string(),
        old_kernel: hex(&old.kernel_hash),
        new_kernel: hex(&new.kernel_hash),
        replayed: account.replayed.to_string(),
        differences: account.differences.len(),
        pause_us: pause.as_micros() as u64,
    }
}

/// What a candidate's verdicts would be bound to.
///
/// # Errors
/// A usage failure where it is the kernel in place.
pub fn binding_of(candidate: &crate::engine::Kernel, in_place: &Binding) -> Result<Binding, Failure> {
    let binding = batch::binding(candidate)?;
    match binding == *in_place {
        true => Err(in_place_already()),
        false => Ok(binding),
    }
}

/// What those hear who want a kernel in place that is.
pub fn in_place_already() -> Failure {
    Failure::usage("this kernel is in place already")
}
