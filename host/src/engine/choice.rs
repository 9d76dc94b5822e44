//! The engines that a user may name, each on its own; and what is said where several agree, or do not.

use omega_kernel::signature::Engines;

use super::{Execution, Mode, Options};
use crate::failure::{Failure, HostCode};

/// One way to run a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// Compiled to machine code.
    Cranelift,
    /// Interpreted.
    Pulley,
    /// The source of the checker that is built in, compiled into this program.
    Native,
}

impl Engine {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Cranelift => "cranelift",
            Engine::Pulley => "pulley",
            Engine::Native => "native",
        }
    }

    /// These options, with this engine.
    pub fn options(self, others: &Options) -> Options {
        let (mode, execution) = match self {
            Engine::Cranelift => (Mode::Wasm, Execution::Cranelift),
            Engine::Pulley => (Mode::Wasm, Execution::Pulley),
            Engine::Native => (Mode::Native, Execution::Cranelift),
        };
        Options { mode, execution, ..others.clone() }
    }

    /// A list as somebody gave it: no engine twice.
    ///
    /// # Errors
    /// A usage failure.
    pub fn once_each(engines: &[Engine]) -> Result<(), Failure> {
        if (1..engines.len()).any(|place| engines[..place].contains(&engines[place])) {
            return Err(Failure::usage("one engine is named twice"));
        }
        Ok(())
    }
}

impl From<Execution> for Engine {
    fn from(execution: Execution) -> Self {
        match execution {
            Execution::Cranelift => Engine::Cranelift,
            Execution::Pulley => Engine::Pulley,
        }
    }
}

impl From<Engine> for Engines {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Cranelift => Engines::CRANELIFT,
            Engine::Pulley => Engines::PULLEY,
            Engine::Native => Engines::NATIVE,
        }
    }
}

/// What a signer may state of the engines that judged: that they agreed, where there were several.
/// One alone has agreed with nobody.
pub fn agreed(engines: Engines) -> Engines {
    match engines.bits().count_ones() {
        0 | 1 => Engines::UNSTATED,
        _ => engines,
    }
}

/// No verdict: engines that were given the same have not answered the same. `what` says which, and how.
pub fn differ(what: impl Into<String>) -> Failure {
    Failure::new(HostCode::EnginesDiffer, what)
        .hint("This is a defect of OMEGA, or of the machine: keep the inputs and report it.")
}
