//! Judging certified batches again, one after the other, in one state.

use omega_kernel::body::{Core, Observations, VerdictKind};
use omega_kernel::certificate::Certificate;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;

use crate::checks::Checks;
use crate::failure::{Code, Failure, HostCode};
use crate::inputs::Input;
use crate::placing::{self, Placed};
use crate::platform::{Judged, Log, Platform, Source};
use crate::{agreement, kernels};

/// The files at hand and the state that the next batch is judged in.
pub struct Judging<'i, P: Platform> {
    inputs: &'i [Input<P::Source>],
    snapshot: Option<&'i P::Source>,
    used: Vec<bool>,
    /// For files that a batch would have been judged with: why it was not.
    held: Vec<Option<String>>,
    at: At<P::Session>,
}

/// Where judging stands.
enum At<S> {
    /// At the snapshot, or at the empty state: no session is open yet.
    Start,
    /// In a state that was judged up to here, with the kernel that holds it.
    Open(Box<S>, Hash),
    /// A batch before was not judged: its state is not at hand.
    Lost(String),
}

impl<'i, P: Platform> Judging<'i, P> {
    /// Starts at the snapshot or, without one, at the empty state.
    pub fn new(inputs: &'i [Input<P::Source>], snapshot: Option<&'i P::Source>) -> Self {
        Judging {
            inputs,
            snapshot,
            used: vec![false; inputs.len()],
            held: vec![None; inputs.len()],
            at: At::Start,
        }
    }

    /// Whether files were given and none of them was judged.
    pub fn none_used(&self) -> bool {
        !self.used.is_empty() && !self.used.contains(&true)
    }

    /// Why files that were given were not judged: a sentence for each reason, with their paths.
    pub fn unused(&self) -> Vec<String> {
        let mut reasons: Vec<(Option<&str>, Vec<String>)> = Vec::new();
        for ((input, used), held) in self.inputs.iter().zip(&self.used).zip(&self.held) {
            if *used {
                continue;
            }
            let path = input.source.name().into_owned();
            match reasons.iter_mut().find(|(reason, _)| *reason == held.as_deref()) {
                Some((_, paths)) => paths.push(path),
                None => reasons.push((held.as_deref(), vec![path])),
            }
        }
        let sentence = |(reason, paths): (Option<&str>, Vec<String>)| match reason {
            Some(reason) => format!("given, but not judged, because {reason}: {}", paths.join(", ")),
            None => format!("not among the logs that were judged: {}", paths.join(", ")),
        };
        reasons.into_iter().map(sentence).collect()
    }

    /// Keeps why the files of a batch were not judged with it.
    pub fn hold(&mut self, core: &Core, reason: &str) {
        for (input, held) in self.inputs.iter().zip(&mut self.held) {
            if core.logs.iter().any(|log| log.name == input.name) {
                held.get_or_insert_with(|| reason.to_owned());
            }
        }
    }

    /// What of a batch is missing, in words.
    fn lacking(&self, core: &Core, failure: &Failure) -> String {
        let absent: Vec<&str> = core
            .logs
            .iter()
            .map(|log| log.name.as_str())
            .filter(|name| !self.inputs.iter().any(|input| input.name == *name))
            .collect();
        match (failure.code, absent.as_slice()) {
            (Code::Host(HostCode::LogMissing), [one]) => format!("{one} is missing"),
            (Code::Host(HostCode::LogMissing), [_, ..]) => format!("{} are missing", absent.join(", ")),
            (Code::Host(HostCode::LogMissing), []) => "the end of a log is missing".to_owned(),
            (Code::Host(HostCode::KernelUnknown), _) => "the kernel is not at hand".to_owned(),
            (Code::Host(HostCode::SnapshotMissing), _) => {
                "the state that their batch starts from is missing".to_owned()
            }
            _ => "their batch could not be judged".to_owned(),
        }
    }

    /// Judges one certified batch again and says whether it comes out as certified.
    pub async fn batch(
        &mut self,
        certificate: &Certificate,
        core: &Core,
        observations: &Observations,
        platform: &mut P,
        checks: &mut Checks,
    ) {
        if self.inputs.is_empty() {
            if self.snapshot.is_some() && matches!(self.at, At::Start) {
                match self.kernel(certificate, core, platform, checks).await {
                    Ok(_) => {}
                    Err(Stopped::Missing(failure)) => checks.missing("snapshot", failure),
                    Err(Stopped::Wrong(name, failure)) => checks.fail(name, failure),
                }
            }
            checks.unchecked("logs", "no log was given: the verdict was not judged again");
            return;
        }
        let merged = core.verdict == VerdictKind::Merge;
        match self.judge(certificate, core, observations, platform, checks).await {
            Ok(detail) => checks.pass("logs", detail),
            Err(Stopped::Missing(failure)) => {
                let reason = self.lacking(core, &failure);
                self.hold(core, &reason);
                self.lose_unless(!merged, certificate);
                checks.missing("logs", failure);
            }
            Err(Stopped::Wrong(name, failure)) => {
                self.hold(core, "their batch could not be judged");
                self.lose_unless(false, certificate);
                checks.fail(name, failure);
            }
        }
    }

    /// Passes over a batch whose kernel is not to be run.
    pub fn skip(&mut self, certificate: &Certificate, core: &Core) {
        self.hold(core, "the kernel that judged is not at hand, or not accepted");
        self.lose_unless(core.verdict == VerdictKind::Obstruction, certificate);
    }

    fn lose_unless(&mut self, state_stays: bool, certificate: &Certificate) {
        if !state_stays && !matches!(self.at, At::Lost(_)) {
            let batch = certificate.fields().batch_id;
            self.at = At::Lost(format!("the state is not at hand, because batch {batch} was not judged"));
        }
    }

    async fn judge(
        &mut self,
        certificate: &Certificate,
        core: &Core,
        observations: &Observations,
        platform: &mut P,
        checks: &mut Checks,
    ) -> Result<String, Stopped> {
        let first = matches!(self.at, At::Start);
        let kernel = self.kernel(certificate, core, platform, checks).await?;
        let seed = certificate.fields().replay_seed;
        let (placed, judged) =
            self.judge_placed(core, &kernel, seed, first, platform).await.map_err(Stopped::of("logs"))?;
        agreement::streamed(core, &placed, &judged).map_err(Stopped::Missing)?;
        let (_, now) = agreement::read_body(&judged.body).map_err(Stopped::of("logs"))?;
        agreement::agrees(certificate, core, observations, &judged.body)
            .map_err(|fault| Stopped::Wrong("logs", agreement::differs(fault)))?;
        let erased = observations.payload.judged.saturating_sub(now.payload.judged);
        Ok(agreement::summary(core, &now, erased, &placed))
    }

    /// Judges the files that stand for a verdict's logs; `first` says that no batch was judged before.
    ///
    /// A log whose events were not counted yet is read once where that can be: its first events are
    /// judged, as many as then, and the rest is counted. What is wrong with a log is told as if all had
    /// been counted first.
    async fn judge_placed(
        &mut self,
        core: &Core,
        kernel: &P::Kernel,
        seed: u64,
        first: bool,
        platform: &mut P,
    ) -> Result<(Vec<Placed<'i, P::Source>>, Judged), Failure> {
        // Where a log turns out too short, the session may stand in a state that is none of the chain's.
        // Behind a merge that cannot be judged there is no state anyway; otherwise it must be possible
        // to start again.
        let once = (first || core.verdict == VerdictKind::Merge) && platform.judges_limited(seed);
        let uncounted = once.then(|| placing::place_uncounted(&core.logs, self.inputs)).flatten();
        let once = uncounted.is_some();
        let placed = match uncounted {
            Some(placed) => placed,
            None => placing::place(&core.logs, self.inputs).await?,
        };
        if !once {
            self.use_up(&placed);
        }
        let At::Open(session, _) = &mut self.at else {
            return Err(Failure::internal("a state was entered and is gone"));
        };
        let logs: Vec<Log<'_, P::Source>> = placed.iter().map(Placed::log).collect();
        let judged = platform.judge(kernel, session, &logs, seed).await;
        if once {
            if let Err(failure) = self.count(core, &placed, judged.as_ref()).await {
                if first {
                    self.at = At::Start;
                }
                return Err(failure);
            }
            self.use_up(&placed);
        }
        Ok((placed, judged?))
    }

    /// Counts the events of logs that were judged before they were counted: from where judging ended,
    /// or, where it did not come so far, all of them.
    ///
    /// # Errors
    /// Those of [`placing::place`]; the failure of judging where the work was interrupted.
    async fn count(
        &self,
        core: &Core,
        placed: &[Placed<'_, P::Source>],
        judged: Result<&Judged, &Failure>,
    ) -> Result<(), Failure> {
        let logs = match judged {
            Ok(judged) => judged.logs.as_slice(),
            Err(failure) if failure.code == Code::Host(HostCode::Interrupted) => return Err(failure.clone()),
            Err(_) => &[],
        };
        let whole = logs.len() == placed.len()
            && placed.iter().zip(logs).all(|(place, judged)| judged.events == place.count);
        if !whole {
            return placing::place(&core.logs, self.inputs).await.map(drop);
        }
        for (place, judged) in placed.iter().zip(logs) {
            place.input.count_behind(judged.events, judged.bytes_used).await?;
        }
        Ok(())
    }

    /// Notes that these files are judged.
    fn use_up(&mut self, placed: &[Placed<'_, P::Source>]) {
        for place in placed {
            self.used[place.index] = true;
            place.input.spend();
        }
    }

    /// The kernel of a certificate, with a session of it in the state that its verdict starts from.
    async fn kernel(
        &mut self,
        certificate: &Certificate,
        core: &Core,
        platform: &mut P,
        checks: &mut Checks,
    ) -> Result<P::Kernel, Stopped> {
        let binding = &certificate.fields().binding;
        let kernel = kernels::bound(platform, binding).await.map_err(Stopped::of("kernel"))?;
        self.enter(&kernel, &binding.kernel_hash, &core.prior, platform, checks).await?;
        Ok(kernel)
    }

    /// Opens a session in the state that a verdict starts from.
    async fn enter(
        &mut self,
        kernel: &P::Kernel,
        kernel_hash: &Hash,
        prior: &StateCommitment,
        platform: &mut P,
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
            At::Open(session, hash) if hash == *kernel_hash => session,
            At::Open(mut session, _) => {
                Box::new(platform.carry(&mut session, kernel).await.map_err(Stopped::of("state"))?)
            }
            At::Start => {
                let opened = match self.snapshot {
                    None => platform.genesis(kernel).await,
                    Some(source) => platform.restore(kernel, source).await,
                };
                Box::new(opened.map_err(Stopped::of("snapshot"))?)
            }
        };
        let state = platform.state(&mut session).await.map_err(Stopped::of("state"))?;
        self.at = At::Open(session, *kernel_hash);
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
