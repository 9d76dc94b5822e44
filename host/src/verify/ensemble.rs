//! One kernel under several engines at once. What they give must be the same to the byte.

use omega_kernel::commitment::StateCommitment;
use omega_kernel::signature::Engines;
use omega_verify::platform::Description;

use crate::batch;
use crate::check::{Judged, Log};
use crate::engine::{self, Kernel, Session, agreed};
use crate::failure::{Code, Failure};
use crate::map::Source;

/// A kernel, once for each engine; at least one.
#[derive(Debug, Clone)]
pub struct Ensemble {
    first: Kernel,
    others: Vec<Kernel>,
}

/// A session of each of them.
pub struct Sessions {
    first: Session,
    others: Vec<Session>,
}

impl Ensemble {
    /// The same kernel in each engine. What is asked of one alone is asked of the first.
    pub fn new(first: Kernel, others: Vec<Kernel>) -> Self {
        Ensemble { first, others }
    }

    /// The kernel under the first engine.
    pub fn first(&self) -> &Kernel {
        &self.first
    }

    /// The engines that agree wherever something was judged; none where there is only one.
    pub fn agreed(&self) -> Engines {
        let others = self.others.iter().map(Kernel::engines);
        agreed(others.fold(self.first.engines(), Engines::and))
    }

    /// What the kernel says of itself.
    ///
    /// # Errors
    /// Those of running it.
    pub fn describe(&self) -> Result<Description, Failure> {
        self.first.describe()
    }

    /// A session with the empty state.
    ///
    /// # Errors
    /// Those of running the kernel.
    pub fn session(&self) -> Result<Sessions, Failure> {
        self.sessions(Kernel::session)
    }

    /// A session with a snapshot's state.
    ///
    /// # Errors
    /// The kernel's fault; those of reading and of running.
    pub fn restore(&self, snapshot: &Source) -> Result<Sessions, Failure> {
        self.sessions(|kernel| Ok(kernel.restore(snapshot)?.0))
    }

    fn sessions(&self, begin: impl Fn(&Kernel) -> Result<Session, Failure>) -> Result<Sessions, Failure> {
        let first = begin(&self.first)?;
        Ok(Sessions { first, others: self.others.iter().map(begin).collect::<Result<_, _>>()? })
    }

    /// Judges an obstruction certificate's evidence again, under each engine.
    ///
    /// # Errors
    /// The kernel's fault; `engines-differ`.
    pub fn rejudge(&self, certificate: &[u8]) -> Result<(), Failure> {
        let first = self.first.rejudge(certificate);
        for other in &self.others {
            self.same(&first, &other.rejudge(certificate), other)?;
        }
        first
    }

    /// Judges a batch under each engine.
    ///
    /// # Errors
    /// The first engine's, where all have it; `engines-differ`.
    pub fn judge(
        &self,
        sessions: &mut Sessions,
        logs: &[Log<'_>],
        replay_seed: u64,
    ) -> Result<Judged, Failure> {
        let first = batch::judge_bytes(&self.first, &mut sessions.first, logs, replay_seed);
        for (kernel, session) in self.others.iter().zip(&mut sessions.others) {
            self.same(&first, &batch::judge_bytes(kernel, session, logs, replay_seed), kernel)?;
        }
        first
    }

    /// Two engines' results are the same verdict to the byte, or the same fault. What only a machine
    /// runs into (time, memory, an interrupt) is no result: it is returned as it is.
    fn same<T: PartialEq>(
        &self,
        first: &Result<T, Failure>,
        other: &Result<T, Failure>,
        kernel: &Kernel,
    ) -> Result<(), Failure> {
        let differ =
            |what: &str| engine::differ(format!("{} and {}: {what}", name(&self.first), name(kernel)));
        match (first, other) {
            (Ok(first), Ok(other)) if first == other => Ok(()),
            (Ok(_), Ok(_)) => Err(differ("they give different verdicts or states")),
            (Err(first), Err(other)) if first.code == other.code && first.offset == other.offset => Ok(()),
            (Err(failure), _) | (_, Err(failure)) if !matches!(failure.code, Code::Kernel(_)) => {
                Err(failure.clone())
            }
            (Err(first), Err(other)) => {
                Err(differ(&format!("one says {}, the other {}", first.code.name(), other.code.name())))
            }
            (Err(fault), Ok(_)) | (Ok(_), Err(fault)) => {
                Err(differ(&format!("one gives a verdict, the other {}", fault.code.name())))
            }
        }
    }
}

impl Sessions {
    /// The commitment to the state, which judging has seen to be the same in all.
    ///
    /// # Errors
    /// Those of running the kernel.
    pub fn state(&mut self) -> Result<StateCommitment, Failure> {
        Ok(self.first.state()?)
    }

    /// A snapshot of the state.
    ///
    /// # Errors
    /// Those of running the kernel.
    pub fn snapshot(&mut self) -> Result<Source, Failure> {
        Ok(Source::from_bytes("the state so far", batch::snapshot_bytes(&mut self.first, None)?))
    }
}

fn name(kernel: &Kernel) -> String {
    kernel.engines().names().collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{another_component, command};
    use crate::engine::{Engine, Options};

    /// Stands for an engine that computes wrongly.
    fn wrong() -> Kernel {
        let options = Options { compiler: Some(command()), ..Options::default() };
        Kernel::from_bytes(another_component(), &Engine::Pulley.options(&options)).unwrap()
    }

    #[test]
    fn an_engine_that_computes_wrongly_is_no_verdict() {
        let right = Kernel::embedded(&Options::default()).unwrap();
        let log = include_bytes!("../../../tests/vectors/accept/deps/1-1.omega");
        let judged = |ensemble: &Ensemble, log: &[u8]| {
            let source = Source::from_bytes("log", log.to_vec());
            ensemble.judge(&mut ensemble.session().unwrap(), &[Log::whole(&source)], 0)
        };
        let same = Ensemble::new(right.clone(), vec![right.clone()]);
        assert!(judged(&same, log).is_ok());
        let other = Ensemble::new(right, vec![wrong()]);
        assert_eq!(other.agreed().names().collect::<Vec<_>>(), ["cranelift", "pulley"]);
        let failure = judged(&other, log).unwrap_err();
        assert_eq!(failure.code.name(), "engines-differ", "{failure}");
        assert!(failure.message.starts_with("cranelift and pulley: "), "{failure}");
        let fault = judged(&other, &log[..9]).unwrap_err();
        assert!(matches!(fault.code, Code::Kernel(_)), "both have the same fault: {fault}");
    }
}
