//! Running a kernel: where it comes from, what it may use, and a session with it.
//!
//! Kernels are untrusted code. Whatever one does, it ends as a result or as a failure within its
//! [`Limits`]. Only the files of this folder know Wasmtime; nobody outside sees which engine ran.

mod cache;
mod choice;
mod limits;
mod memory;
mod native;
pub mod sandbox;
mod session;
#[cfg(test)]
pub(crate) mod testing;
mod wasm;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

pub use choice::{Engine, agreed, differ};
pub use limits::Limits;
pub use omega_kernel::scan::ScanPart;
pub use omega_kernel::signature::Engines;
pub use omega_kernel::snapshot::ChainPosition;
pub use omega_verify::platform::{Description, Error};
pub use session::{JudgedLog, Scanner, Session, Verdict};

use crate::failure::{Failure, HostCode};
use crate::map::Source;

/// The first bytes of every component.
pub const COMPONENT_MAGIC: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The component that was built with this program, or that it was told to embed.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernel.wasm"));
/// Its BLAKE3.
static EMBEDDED_HASH: &[u8; 32] = include_bytes!(concat!(env!("OUT_DIR"), "/kernel.hash"));

/// Most instances that may scan side by side.
pub const MAX_JOBS: u64 = 64;
/// As many where nobody says more: from there on what is not scanning takes most of the time.
const USUAL_JOBS: usize = 4;

/// Which of the two builds of the kernel judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The WebAssembly component: what certificates name.
    #[default]
    Wasm,
    /// The same source, compiled into this program. Faster; nothing it says is signed.
    Native,
    /// Both, and every difference is a failure.
    Dual,
}

/// How WebAssembly is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Execution {
    /// Compiled to machine code by Cranelift.
    #[default]
    Cranelift,
    /// Interpreted by Pulley: slow, and independent of the machine.
    Pulley,
}

/// How kernels are run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which build judges.
    pub mode: Mode,
    /// How WebAssembly is run.
    pub execution: Execution,
    /// What a kernel may use.
    pub limits: Limits,
    /// Instances that scan large logs side by side. With one, or none, logs are fed to the session; a
    /// stranger's kernel always gets them so.
    pub jobs: usize,
    /// The memory of an instance that ends is kept for the next: for a process that runs many, and
    /// can spare what the largest needed.
    pub keep_memory: bool,
    /// Folder for compiled kernels; none keeps nothing. See [`Options::from_environment`].
    pub cache: Option<PathBuf>,
    /// The program that compiles strangers' kernels when started with [`sandbox::SUBCOMMAND`];
    /// none is this very program.
    pub compiler: Option<PathBuf>,
}

impl Options {
    /// As the user set them: `OMEGA_KERNEL_MODE` = `wasm`, `native` or `dual`;
    /// `OMEGA_KERNEL_ENGINE` = `cranelift` or `pulley`; `OMEGA_JOBS` = 1 to [`MAX_JOBS`], or else as many as this
    /// process has processors, at most 4; the cache in the user's cache folder.
    ///
    /// # Errors
    /// A usage failure for any other value.
    pub fn from_environment() -> Result<Self, Failure> {
        let mode = match variable("OMEGA_KERNEL_MODE")?.as_deref() {
            None | Some("wasm") => Mode::Wasm,
            Some("native") => Mode::Native,
            Some("dual") => Mode::Dual,
            Some(other) => {
                return Err(Failure::usage(format!(
                    "OMEGA_KERNEL_MODE is `{other}`; it may be wasm, native or dual"
                )));
            }
        };
        let execution = match variable("OMEGA_KERNEL_ENGINE")?.as_deref() {
            None | Some("cranelift") => Execution::Cranelift,
            Some("pulley") => Execution::Pulley,
            Some(other) => {
                return Err(Failure::usage(format!(
                    "OMEGA_KERNEL_ENGINE is `{other}`; it may be cranelift or pulley"
                )));
            }
        };
        let jobs = match variable("OMEGA_JOBS")? {
            None => thread::available_parallelism().map_or(1, |processors| processors.get().min(USUAL_JOBS)),
            Some(jobs) => {
                jobs.parse().ok().filter(|jobs| (1..=MAX_JOBS as usize).contains(jobs)).ok_or_else(|| {
                    Failure::usage(format!("OMEGA_JOBS is `{jobs}`; it may be 1 to {MAX_JOBS}"))
                })?
            }
        };
        Ok(Options { mode, execution, jobs, cache: cache::default_folder(), ..Options::default() })
    }

    /// With so many jobs, where somebody said how many.
    #[must_use]
    pub fn with_jobs(self, jobs: Option<usize>) -> Self {
        Options { jobs: jobs.unwrap_or(self.jobs), ..self }
    }
}

fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not text"))),
    }
}

/// Whether compiled kernels can be kept in a folder: it is this user's alone, or could be made so.
pub fn cache_is_usable(folder: &std::path::Path) -> bool {
    cache::Cache::open(folder).is_some()
}

/// A kernel, ready to judge. Cheap to share; each session runs in an instance of its own.
#[derive(Debug, Clone)]
pub struct Kernel {
    bytes: Arc<[u8]>,
    hash: [u8; 32],
    native: bool,
    execution: Execution,
    jobs: usize,
    wasm: Option<Arc<wasm::Program>>,
}

impl Kernel {
    /// The kernel that this program was built with.
    ///
    /// # Errors
    /// [`HostCode::KernelInvalid`] where a foreign component was embedded that is none.
    pub fn embedded(options: &Options) -> Result<Self, Failure> {
        let wasm = match options.mode {
            Mode::Native => None,
            Mode::Wasm | Mode::Dual => {
                Some(Arc::new(wasm::Program::compile(EMBEDDED, wasm::Origin::Ours, options)?))
            }
        };
        let native = options.mode != Mode::Wasm;
        let Options { execution, jobs, .. } = *options;
        Ok(Kernel { bytes: EMBEDDED.into(), hash: *EMBEDDED_HASH, native, execution, jobs, wasm })
    }

    /// A stranger's kernel: compiled in a process of its own, under limits. Runs as WebAssembly
    /// only. The embedded kernel's own bytes give the embedded kernel.
    ///
    /// # Errors
    /// [`HostCode::KernelInvalid`] before anything of it runs; [`HostCode::KernelMemory`] or
    /// [`HostCode::KernelDeadline`] where compiling takes too much.
    pub fn from_bytes(bytes: Vec<u8>, options: &Options) -> Result<Self, Failure> {
        if bytes == EMBEDDED {
            return Self::embedded(options);
        }
        if options.mode != Mode::Wasm {
            let message = "this kernel is not the one built into this program: it runs as WebAssembly only";
            return Err(Failure::new(HostCode::KernelUnknown, message).hint("unset OMEGA_KERNEL_MODE"));
        }
        let program = wasm::Program::compile(&bytes, wasm::Origin::Stranger, options)?;
        Ok(Kernel {
            hash: *blake3::hash(&bytes).as_bytes(),
            bytes: bytes.into(),
            native: false,
            execution: options.execution,
            jobs: 1,
            wasm: Some(Arc::new(program)),
        })
    }

    /// The native build beside a component that it was not made from: one of them is wrong.
    #[cfg(test)]
    pub(crate) fn with_wrong_native(bytes: Vec<u8>, options: &Options) -> Result<Self, Failure> {
        let kernel = Self::from_bytes(bytes, &Options { mode: Mode::Wasm, ..options.clone() })?;
        Ok(Kernel { native: true, ..kernel })
    }

    /// BLAKE3 of the component: what certificates name.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// BLAKE3 of the embedded component.
    pub fn embedded_hash() -> &'static [u8; 32] {
        EMBEDDED_HASH
    }

    /// The embedded component.
    pub fn embedded_component() -> &'static [u8] {
        EMBEDDED
    }

    /// The component.
    pub fn component(&self) -> &[u8] {
        &self.bytes
    }

    /// True where the component itself judges: only then may its verdict be signed.
    pub fn runs_component(&self) -> bool {
        self.wasm.is_some()
    }

    /// How many instances of it may scan side by side.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// The engines that run it, and agree wherever it gives a verdict.
    pub fn engines(&self) -> Engines {
        let native = if self.native { Engines::NATIVE } else { Engines::UNSTATED };
        match &self.wasm {
            Some(_) => native.and(Engine::from(self.execution).into()),
            None => native,
        }
    }

    /// Checker version, schema version, state format and accepted schemas, as the kernel says.
    pub fn describe(&self) -> Result<Description, Failure> {
        Ok(session::describe(self)?)
    }

    /// A session with the empty state that every chain starts from.
    pub fn session(&self) -> Result<Session, Failure> {
        Ok(Session::genesis(self)?)
    }

    /// A session with a snapshot's state, and the chain position that the snapshot names (which
    /// proves nothing).
    pub fn restore(&self, snapshot: &Source) -> Result<(Session, Option<ChainPosition>), Failure> {
        Session::restore(self, snapshot)
    }

    /// A scan of one part of a log, in an instance of its own.
    pub fn scanner(&self, part: ScanPart) -> Result<Scanner, Error> {
        Scanner::new(self, part)
    }

    /// Judges an obstruction certificate's evidence again, alone.
    pub fn rejudge(&self, certificate: &[u8]) -> Result<(), Failure> {
        Ok(session::rejudge(self, certificate)?)
    }
}
