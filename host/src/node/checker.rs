//! A checker at work: a kernel and its session, which lives across batches.

use omega_kernel::body::{Core, Observations};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;

use super::batch::Batch;
use crate::batch;
use crate::check;
use crate::engine::{ChainPosition, Engines, Kernel, Session, Verdict, agreed, differ};
use crate::failure::Failure;
use crate::map::Source;

/// A kernel with the state that it carries from batch to batch.
pub struct Checker {
    kernel: Kernel,
    session: Session,
    /// The component, where the native build judges first: only what it says is signed.
    component: Option<(Kernel, Session)>,
}

/// A verdict, taken apart.
#[derive(Debug)]
pub struct Judgement {
    /// As the kernel gave it.
    pub verdict: Verdict,
    /// The body's core.
    pub core: Core,
    /// The body's observations.
    pub observations: Observations,
    /// The engines that agreed, where there were several.
    pub engines: Engines,
}

impl Checker {
    /// Begins at genesis, or where a snapshot stands. `component` signs for a kernel that is native.
    ///
    /// # Errors
    /// Those of the engine and of the snapshot.
    pub fn open(
        kernel: Kernel,
        component: Option<Kernel>,
        snapshot: Option<&Source>,
    ) -> Result<Self, Failure> {
        let begin = |kernel: &Kernel| match snapshot {
            Some(snapshot) => Ok(kernel.restore(snapshot)?.0),
            None => kernel.session(),
        };
        let session = begin(&kernel)?;
        let component = match component.filter(|_| !kernel.runs_component()) {
            Some(component) => Some((component.clone(), begin(&component)?)),
            None => None,
        };
        Ok(Checker { kernel, session, component })
    }

    /// Judges a batch. A merge moves the state on.
    ///
    /// # Errors
    /// A fault of a log, which leaves the state as it was; whatever the engine ran into, after which
    /// this checker may be of no more use; `engines-differ`.
    pub fn judge(&mut self, batch: &Batch, replay_seed: u64) -> Result<Judgement, Failure> {
        let logs = batch.inputs();
        let judged = check::judge(&self.kernel, &mut self.session, &logs, replay_seed, &mut |_| Ok(()))?;
        if let Some((kernel, session)) = &mut self.component {
            let again = check::judge(kernel, session, &logs, replay_seed, &mut |_| Ok(()))?;
            if again.verdict.body != judged.verdict.body || again.state != judged.state {
                return Err(differ("the native build and the component give different verdicts"));
            }
        }
        let (core, observations) = omega_verify::read_body(&judged.verdict.body)?;
        let component = self.component.as_ref().map_or(Engines::UNSTATED, |(kernel, _)| kernel.engines());
        let engines = agreed(self.kernel.engines().and(component));
        Ok(Judgement { verdict: judged.verdict, core, observations, engines })
    }

    /// The state's commitment.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn state(&mut self) -> Result<StateCommitment, Failure> {
        Ok(self.session.state()?)
    }

    /// Judges an obstruction's evidence again, alone.
    ///
    /// # Errors
    /// Where it does not show what it names.
    pub fn rejudge(&self, certificate: &[u8]) -> Result<(), Failure> {
        self.component.as_ref().map_or(&self.kernel, |(kernel, _)| kernel).rejudge(certificate)
    }

    /// Another kernel that goes on from the same state.
    ///
    /// # Errors
    /// Those of the engine; `snapshot-…` where the other kernel cannot read this state.
    pub fn continued_by(&mut self, kernel: Kernel, component: Option<Kernel>) -> Result<Self, Failure> {
        let bytes = self.snapshot_bytes()?;
        Checker::open(kernel, component, Some(&Source::from_bytes("the state", bytes)))
    }

    /// A snapshot of the state, in memory, without a position.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn snapshot_bytes(&mut self) -> Result<Vec<u8>, Failure> {
        batch::snapshot_bytes(&mut self.session, None)
    }

    /// Hands a snapshot of the state over, piece by piece.
    ///
    /// # Errors
    /// Those of the engine and of `write`.
    pub fn snapshot(
        &mut self,
        position: ChainPosition,
        write: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        Ok(self.session.snapshot(Some(position), write)?)
    }

    /// The packed proof that an id was, or was not, accepted into the state, which the certificate with
    /// this chain hash left.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn prove_id(&mut self, id: u128, certificate: &Hash) -> Result<Vec<u8>, Failure> {
        Ok(self.session.prove_id(id, certificate)?)
    }

    /// The kernel that judges; under `native`, the component that signs for it.
    pub fn kernel(&self) -> &Kernel {
        self.component.as_ref().map_or(&self.kernel, |(kernel, _)| kernel)
    }
}
