//! The kernels at hand: the one built in and those given as files, each known by its hash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omega_kernel::certificate::Binding;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;
use omega_verify::MAX_KERNEL_BYTES;
use omega_verify::platform::{self, Description, JudgedLog, Platform};
use pollster::block_on;

use crate::batch;
use crate::check::Log;
use crate::engine::{self, Kernel, Mode, Options, Session};
use crate::explain::kind;
use crate::failure::{Failure, HostCode};
use crate::map::Source;

/// Kernels by hash. Each is compiled when it is first needed, and always runs as the component:
/// what certificates name is its bytes, not its source.
#[derive(Debug)]
pub struct Kernels {
    options: Options,
    files: BTreeMap<Hash, (PathBuf, Vec<u8>)>,
    ready: BTreeMap<Hash, Kernel>,
}

impl Kernels {
    /// Takes the built-in kernel and those in files.
    ///
    /// # Errors
    /// Those of reading.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut options = Options::from_environment()?;
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
        Ok(Kernels { options, files, ready: BTreeMap::new() })
    }

    /// The kernel that a certificate is bound to, once it was seen to say of itself what the
    /// certificate says of it.
    ///
    /// # Errors
    /// Those of [`omega_verify::kernels::bound`].
    pub fn bound(&mut self, binding: &Binding) -> Result<Kernel, Failure> {
        block_on(omega_verify::kernels::bound(self, binding))
    }
}

// Every future is ready at once: files are mapped, and kernels run on this very thread.
impl Platform for Kernels {
    type Source = Source;
    type Kernel = Kernel;
    type Session = Session;

    async fn start(&self, name: &str) -> Option<Vec<u8>> {
        kind::start(Path::new(name))
    }

    fn holds(&self, hash: &Hash) -> bool {
        hash == Kernel::embedded_hash() || self.files.contains_key(hash)
    }

    async fn kernel(&mut self, hash: &Hash) -> Result<Kernel, Failure> {
        if let Some(kernel) = self.ready.get(hash) {
            return Ok(kernel.clone());
        }
        let kernel = match self.files.get(hash) {
            Some((path, bytes)) if hash != Kernel::embedded_hash() => {
                let options = Options { mode: Mode::Wasm, ..self.options.clone() };
                Kernel::from_bytes(bytes.clone(), &options).map_err(|failure| failure.file(path))?
            }
            _ => Kernel::embedded(&self.options)?,
        };
        self.ready.insert(*hash, kernel.clone());
        Ok(kernel)
    }

    async fn describe(&mut self, kernel: &Kernel) -> Result<Description, Failure> {
        kernel.describe()
    }

    async fn rejudge(&mut self, kernel: &Kernel, certificate: &[u8]) -> Result<(), Failure> {
        kernel.rejudge(certificate)
    }

    fn judges_limited(&self, replay_seed: u64) -> bool {
        // With another seed logs may be scanned in parts, side by side, and a limit forbids that.
        replay_seed == 0
    }

    async fn genesis(&mut self, kernel: &Kernel) -> Result<Session, Failure> {
        kernel.session()
    }

    async fn restore(&mut self, kernel: &Kernel, snapshot: &Source) -> Result<Session, Failure> {
        Ok(kernel.restore(snapshot)?.0)
    }

    async fn carry(&mut self, from: &mut Session, kernel: &Kernel) -> Result<Session, Failure> {
        let snapshot = Source::from_bytes("the state so far", batch::snapshot_bytes(from, None)?);
        Ok(kernel.restore(&snapshot)?.0)
    }

    async fn state(&mut self, session: &mut Session) -> Result<StateCommitment, Failure> {
        Ok(session.state()?)
    }

    async fn judge(
        &mut self,
        kernel: &Kernel,
        session: &mut Session,
        logs: &[Log<'_>],
        replay_seed: u64,
    ) -> Result<platform::Judged, Failure> {
        let verdict = batch::judge_bytes(kernel, session, logs, replay_seed)?.verdict;
        let judged = |log: &engine::JudgedLog| JudgedLog { events: log.events, bytes_used: log.bytes_used };
        Ok(platform::Judged { logs: verdict.logs.iter().map(judged).collect(), body: verdict.body })
    }
}
