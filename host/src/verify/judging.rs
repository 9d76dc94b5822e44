//! Judging certified batches again, one after the other, in one state.

use omega_kernel::body::{Body, Core, Observations, VerdictKind, observations_agree};
use omega_kernel::certificate::Certificate;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;

use super::checks::Checks;
use super::difference;
use super::kernels::Kernels;
use crate::batch;
use crate::check::Log;
use crate::engine::{Kernel, Session};
use crate::failure::{Failure, HostCode};
use crate::inputs::{self, Input, Placed};
use crate::map::Source;

/// The files at hand and the state that the next batch is judged in.
pub struct Judging<'i> {
    inputs: &'i [Input],
    snapshot: Option<&'i Source>,
    used: Vec<bool>,
    at: At,
}

/// Where judging stands.
enum At {
    /// At the snapshot, or at the empty state: no session is open yet.
    Start,
    /// In a state that was judged up to here, with the kernel that holds it.
    Open(Box<Session>, Hash),
    /// A batch before was not judged: its state is not at hand.
    Lost(String),
}

impl<'i> Judging<'i> {
    /// Starts at the snapshot or, without one, at the empty state.
    pub fn new(inputs: &'i [Input], snapshot: Option<&'i Source>) -> Self {
        Judging { inputs, snapshot, used: vec![false; inputs.len()], at: At::Start }
    }

    /// Files that were no batch's log.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.inputs.iter().zip(&self.used).filter(|(_, used)| !**used);
        unused.map(|(input, _)| input.source.path().display().to_string()).collect()
    }

    /// Judges one certified batch again and says whether it comes out as certified.
    pub fn batch(
        &mut self,
        certificate: &Certificate,
        core: &Core,
        observations: &Observations,
        kernels: &mut Kernels,
        checks: &mut Checks,
    ) {
        if self.inputs.is_empty() {
            if self.snapshot.is_some() && matches!(self.at, At::Start) {
                let kernel = kernels.bound(&certificate.fields().binding).map_err(Stopped::of("kernel"));
                match kernel.and_then(|kernel| self.enter(&kernel, &core.prior, checks)) {
                    Ok(()) => {}
                    Err(Stopped::Missing(failure)) => checks.missing("snapshot", failure),
                    Err(Stopped::Wrong(name, failure)) => checks.fail(name, failure),
                }
            }
            checks.unchecked("logs", "no log was given: the verdict was not judged again");
            return;
        }
        let merged = core.verdict == VerdictKind::Merge;
        match self.judge(certificate, core, observations, kernels, checks) {
            Ok(detail) => checks.pass("logs", detail),
            Err(Stopped::Missing(failure)) => {
                self.lose_unless(!merged, certificate);
                checks.missing("logs", failure);
            }
            Err(Stopped::Wrong(name, failure)) => {
                self.lose_unless(false, certificate);
                checks.fail(name, failure);
            }
        }
    }

    /// Passes over a batch whose kernel is not to be run.
    pub fn skip(&mut self, certificate: &Certificate, core: &Core) {
        self.lose_unless(core.verdict == VerdictKind::Obstruction, certificate);
    }

    fn lose_unless(&mut self, state_stays: bool, certificate: &Certificate) {
        if !state_stays && !matches!(self.at, At::Lost(_)) {
            let batch = certificate.fields().batch_id;
            self.at = At::Lost(format!("the state is not at hand, because batch {batch} was not judged"));
        }
    }

    fn judge(
        &mut self,
        certificate: &Certificate,
        core: &Core,
        observations: &Observations,
        kernels: &mut Kernels,
        checks: &mut Checks,
    ) -> Result<String, Stopped> {
        let binding = &certificate.fields().binding;
        let kernel = kernels.bound(binding).map_err(Stopped::of("kernel"))?;
        self.enter(&kernel, &core.prior, checks)?;
        let placed = inputs::place(&core.logs, self.inputs).map_err(Stopped::of("logs"))?;
        for place in &placed {
            self.used[place.index] = true;
        }
        let At::Open(session, _) = &mut self.at else {
            return Err(Stopped::Wrong("logs", Failure::internal("a state was entered and is gone")));
        };
        let logs: Vec<Log<'_>> = placed.iter().map(Placed::log).collect();
        let outcome = batch::judge(&kernel, session, &logs, certificate.fields().replay_seed)
            .map_err(Stopped::of("logs"))?;
        agrees(certificate, core, observations, &outcome.judged.verdict.body)
            .map_err(|fault| Stopped::Wrong("logs", differs(fault)))?;
        let erased = observations.payload.judged.saturating_sub(outcome.observations.payload.judged);
        Ok(summary(core, &outcome.observations, erased, &placed))
    }

    /// Opens a session in the state that a verdict starts from.
    fn enter(
        &mut self,
        kernel: &Kernel,
        prior: &StateCommitment,
        checks: &mut Checks,
    ) -> Result<(), Stopped> {
        let first = matches!(self.at, At::Start);
        let mut session = match std::mem::replace(&mut self.at, At::Start) {
            At::Lost(why) => {
                self.at = At::Lost(why.clone());
                return Err(Stopped::Missing(
                    Failure::new(HostCode::SnapshotMissing, why)
                        .hint("Give the logs of all batches, or the state before this one with --snapshot."),
                ));
            }
            At::Open(session, hash) if hash == *kernel.hash() => session,
            At::Open(mut session, _) => {
                Box::new(carried(&mut session, kernel).map_err(Stopped::of("state"))?)
            }
            At::Start => {
                let opened = match self.snapshot {
                    None => kernel.session().map(|session| (session, None)),
                    Some(source) => kernel.restore(source),
                };
                Box::new(opened.map_err(Stopped::of("snapshot"))?.0)
            }
        };
        let state = session.state().map_err(Failure::from).map_err(Stopped::of("state"))?;
        self.at = At::Open(session, *kernel.hash());
        if state == *prior {
            if self.snapshot.is_some() && checks.named("snapshot").is_none() {
                checks.pass("snapshot", "its content has the state root that the batch starts from");
            }
            return Ok(());
        }
        if first && self.snapshot.is_some() {
            let message = "the snapshot is not the state that the batch was judged against";
            let fault = Failure::from(Fault::new(FaultCode::StateMismatch, message));
            return Err(Stopped::Wrong(
                "snapshot",
                fault.hint("Give the snapshot that the batch before this one left."),
            ));
        }
        let message =
            format!("the batch starts from a state of {} accepted ids, which is not at hand", prior.id_count);
        Err(Stopped::Missing(
            Failure::new(HostCode::SnapshotMissing, message)
                .hint("Give the state before it with --snapshot, or the whole chain with --cert-log."),
        ))
    }
}

/// Why a batch was not seen to be as certified.
enum Stopped {
    /// Something is not at hand.
    Missing(Failure),
    /// This check went wrong.
    Wrong(&'static str, Failure),
}

impl Stopped {
    fn of(name: &'static str) -> impl Fn(Failure) -> Stopped {
        move |failure| {
            use crate::failure::Code::Host;
            match failure.code {
                Host(HostCode::LogMissing | HostCode::KernelUnknown) => Stopped::Missing(failure),
                _ => Stopped::Wrong(name, failure),
            }
        }
    }
}

/// Holds what was judged against what is certified: the core to the bit, the observations by rule.
fn agrees(
    certificate: &Certificate,
    core: &Core,
    observations: &Observations,
    judged: &[u8],
) -> Result<(), Fault> {
    let (then, now) = (Body::split(certificate.body_bytes())?, Body::split(judged)?);
    let (core_now, observations_now) = now.decode()?;
    if then.core != now.core {
        let what =
            difference::first(core, &core_now).unwrap_or_else(|| "the verdict's bytes differ".to_owned());
        return Err(Fault::new(FaultCode::VerdictDiffers, what));
    }
    observations_agree(observations, &observations_now)
}

fn differs(fault: Fault) -> Failure {
    let message = format!("judged again, the logs do not give the certified verdict: {}", fault.message);
    Failure { message, ..fault.into() }.hint(
        "Either these are not the logs that were judged, or the certificate does not state what its \
         kernel finds in them.",
    )
}

fn summary(core: &Core, now: &Observations, erased: u64, placed: &[Placed<'_>]) -> String {
    let logs = match core.logs.len() {
        1 => "1 log".to_owned(),
        logs => format!("{logs} logs"),
    };
    let mut detail =
        format!("judged again: {} events in {logs}, same verdict to the bit", core.occurrences());
    if erased > 0 {
        detail +=
            &format!("; {erased} payloads were erased since and could not be checked against their hashes");
    } else if now.payload.skipped > 0 {
        detail += &format!("; {} payloads are erased and could not be checked", now.payload.skipped);
    }
    for place in placed.iter().filter(|place| place.grown()) {
        let (name, newer) = (&place.input.name, place.newer());
        detail += &format!("; {name:?} has {newer} newer events, not covered by the certificate");
        if let Some(fault) = &place.input.ends {
            detail += &format!(" ({})", fault.message);
        }
    }
    detail
}

/// The state of one kernel's session in a session of another kernel.
fn carried(from: &mut Session, kernel: &Kernel) -> Result<Session, Failure> {
    let snapshot = Source::from_bytes("the state so far", batch::snapshot_bytes(from, None)?);
    Ok(kernel.restore(&snapshot)?.0)
}
