//! The kernels at hand: the one built in and those given as files, each known by its hash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omega_kernel::certificate::Binding;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;
use omega_verify::MAX_KERNEL_BYTES;
use omega_verify::platform::{self, Description, JudgedLog, Platform};
use pollster::block_on;

use super::ensemble::{Ensemble, Sessions};
use crate::check::Log;
use crate::engine::{self, Engine, Kernel, Mode, Options};
use crate::explain::kind;
use crate::failure::{Failure, HostCode};
use crate::map::Source;

/// Kernels by hash. Each is compiled when it is first needed, and always runs as the component:
/// what certificates name is its bytes, not its source.
#[derive(Debug)]
pub struct Kernels {
    options: Options,
    engines: Vec<Engine>,
    files: BTreeMap<Hash, (PathBuf, Vec<u8>)>,
    ready: BTreeMap<Hash, Ensemble>,
}

impl Kernels {
    /// Takes the built-in kernel and those in files; as many `jobs` as the user said, where that was said.
    ///
    /// # Errors
    /// Those of reading.
    pub fn open(paths: &[PathBuf], jobs: Option<usize>) -> Result<Self, Failure> {
        let mut options = Options::from_environment()?.with_jobs(jobs);
        if options.mode == Mode::Native {
            options.mode = Mode::Wasm;
        }
        let mut files = BTreeMap::new();
        for path in paths {
            let bytes = Source::open(path)?.read_all(MAX_KERNEL_BYTES)?;
            // Component binaries name layer 1 in the two bytes after the version.
            if !bytes.starts_with(b"\0asm") || bytes.get(6..8) != Some(&[1, 0]) {
                let message = "this is no checker: a checker is a WebAssembly component";
                return Err(Failure::new(HostCode::KernelInvalid, message)
                    .hint("`omega explain --input FILE` says what a file is.")
                    .file(path));
            }
            files.insert(*blake3::hash(&bytes).as_bytes(), (path.clone(), bytes));
        }
        Ok(Kernels { options, engines: Vec::new(), files, ready: BTreeMap::new() })
    }

    /// Runs every kernel under each of these engines, and has them agree; none is the usual engine.
    #[must_use]
    pub fn under(self, engines: &[Engine]) -> Self {
        Kernels { engines: engines.to_vec(), ..self }
    }

    /// The component with this hash; none where it is not at hand.
    pub fn component(&self, hash: &Hash) -> Option<&[u8]> {
        match self.files.get(hash) {
            Some((_, bytes)) => Some(bytes),
            None => (hash == Kernel::embedded_hash()).then(Kernel::embedded_component),
        }
    }

    /// The files that hold none of these.
    pub fn others(&self, hashes: &[Hash]) -> Vec<&Path> {
        let others = self.files.iter().filter(|(hash, _)| !hashes.contains(hash));
        others.map(|(_, (path, _))| path.as_path()).collect()
    }

    /// The kernel that a certificate is bound to, once it was seen to say of itself what the
    /// certificate says of it.
    ///
    /// # Errors
    /// Those of [`omega_verify::kernels::bound`].
    pub fn bound(&mut self, binding: &Binding) -> Result<Ensemble, Failure> {
        block_on(omega_verify::kernels::bound(self, binding))
    }

    /// Only the built-in kernel has a native build; what asks for one of a file's is told so.
    fn compile(&self, hash: &Hash, options: &Options) -> Result<Kernel, Failure> {
        match self.files.get(hash) {
            Some((path, _)) if hash != Kernel::embedded_hash() && options.mode == Mode::Native => {
                let message = "a checker from a file has no native build";
                Err(Failure::new(HostCode::KernelUnknown, message)
                    .hint("Leave native away from --engines.")
                    .file(path))
            }
            Some((path, bytes)) if hash != Kernel::embedded_hash() => {
                let options = Options { mode: Mode::Wasm, ..options.clone() };
                Kernel::from_bytes(bytes.clone(), &options).map_err(|failure| failure.file(path))
            }
            _ => Kernel::embedded(options),
        }
    }
}

// Every future is ready at once: files are mapped, and kernels run on this very thread.
impl Platform for Kernels {
    type Source = Source;
    type Kernel = Ensemble;
    type Session = Sessions;

    async fn start(&self, name: &str) -> Option<Vec<u8>> {
        kind::start(Path::new(name))
    }

    fn holds(&self, hash: &Hash) -> bool {
        hash == Kernel::embedded_hash() || self.files.contains_key(hash)
    }

    async fn kernel(&mut self, hash: &Hash) -> Result<Ensemble, Failure> {
        if let Some(kernel) = self.ready.get(hash) {
            return Ok(kernel.clone());
        }
        let kernel = match self.engines.split_first() {
            None => Ensemble::new(self.compile(hash, &self.options)?, Vec::new()),
            Some((first, others)) => {
                let under = |engine: &Engine| self.compile(hash, &engine.options(&self.options));
                Ensemble::new(under(first)?, others.iter().map(under).collect::<Result<_, _>>()?)
            }
        };
        self.ready.insert(*hash, kernel.clone());
        Ok(kernel)
    }

    async fn describe(&mut self, kernel: &Ensemble) -> Result<Description, Failure> {
        kernel.describe()
    }

    async fn rejudge(&mut self, kernel: &Ensemble, certificate: &[u8]) -> Result<(), Failure> {
        kernel.rejudge(certificate)
    }

    fn judges_limited(&self, replay_seed: u64) -> bool {
        // With another seed logs may be scanned in parts, side by side, and a limit forbids that.
        replay_seed == 0
    }

    async fn genesis(&mut self, kernel: &Ensemble) -> Result<Sessions, Failure> {
        kernel.session()
    }

    async fn restore(&mut self, kernel: &Ensemble, snapshot: &Source) -> Result<Sessions, Failure> {
        kernel.restore(snapshot)
    }

    async fn carry(&mut self, from: &mut Sessions, kernel: &Ensemble) -> Result<Sessions, Failure> {
        kernel.restore(&from.snapshot()?)
    }

    async fn state(&mut self, sessions: &mut Sessions) -> Result<StateCommitment, Failure> {
        sessions.state()
    }

    async fn judge(
        &mut self,
        kernel: &Ensemble,
        sessions: &mut Sessions,
        logs: &[Log<'_>],
        replay_seed: u64,
    ) -> Result<platform::Judged, Failure> {
        let verdict = kernel.judge(sessions, logs, replay_seed)?.verdict;
        let judged = |log: &engine::JudgedLog| JudgedLog { events: log.events, bytes_used: log.bytes_used };
        Ok(platform::Judged { logs: verdict.logs.iter().map(judged).collect(), body: verdict.body })
    }
}
