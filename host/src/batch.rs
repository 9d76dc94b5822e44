//! One batch from files to verdict: what `check`, `reconcile` and `replay` have in common.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use omega_kernel::body::{Body, Core, Observations};
use omega_kernel::certificate::Binding;
use omega_kernel::limits::MAX_CHUNK_BYTES;

use crate::check::{self, Judged, Log};
use crate::crash::{self, Remains};
use crate::engine::{ChainPosition, Kernel, Options, Session};
use crate::failure::{Failure, HostCode};
use crate::map::Source;
use crate::report::Report;
use crate::result::ResultFile;

/// Bytes that a kernel file may have: the component model's own tools refuse more.
pub const MAX_KERNEL_BYTES: u64 = 64 << 20;

/// A verdict with what it was made from.
#[derive(Debug)]
pub struct Outcome {
    /// What the kernel said.
    pub judged: Judged,
    /// The body's core.
    pub core: Core,
    /// The body's observations.
    pub observations: Observations,
}

/// The kernel in a file, or the one that this program was built with.
pub fn kernel(file: Option<&Path>) -> Result<Kernel, Failure> {
    let options = Options::from_environment()?;
    match file {
        None => Kernel::embedded(&options),
        Some(path) => {
            let source = Source::open(path)?;
            if source.len() > MAX_KERNEL_BYTES {
                let message = format!(
                    "this is not a kernel: it has {} bytes, and a kernel has at most {MAX_KERNEL_BYTES}",
                    source.len()
                );
                return Err(Failure::new(HostCode::KernelInvalid, message)
                    .hint("`omega explain --input FILE` says what a file is.")
                    .file(path));
            }
            let bytes = source.read_all(MAX_KERNEL_BYTES)?;
            Kernel::from_bytes(bytes, &options).map_err(|failure| failure.file(path))
        }
    }
}

/// What a kernel's verdicts are bound to.
pub fn binding(kernel: &Kernel) -> Result<Binding, Failure> {
    let said = kernel.describe()?;
    let Some(&schema_hash) = said.schemas.first() else {
        return Err(Failure::new(HostCode::KernelOutput, "the kernel names no schema"));
    };
    Ok(Binding {
        kernel_hash: *kernel.hash(),
        checker_version: said.checker_version,
        schema_version: said.schema_version,
        schema_hash,
        predicate_hash: said.predicates,
    })
}

/// A session at genesis, or where a snapshot stands.
pub fn session(
    kernel: &Kernel,
    snapshot: Option<&Path>,
) -> Result<(Session, Option<ChainPosition>), Failure> {
    match snapshot {
        None => Ok((kernel.session()?, None)),
        Some(path) => kernel.restore(&Source::open(path)?),
    }
}

/// Opens logs.
pub fn open(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    paths.iter().map(Source::open).collect()
}

/// Judges a batch, with a progress bar where stderr is a terminal.
pub fn judge(
    kernel: &Kernel,
    session: &mut Session,
    logs: &[Log<'_>],
    seed: u64,
) -> Result<Outcome, Failure> {
    let bar = progress(logs.iter().map(|log| log.source.len()).sum());
    let judged = check::judge(kernel, session, logs, seed, &mut |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    let judged = judged?;
    let (core, observations) =
        Body::split(&judged.verdict.body).and_then(|body| body.decode()).map_err(|fault| {
            Failure::new(HostCode::KernelOutput, format!("the kernel's body breaks a rule: {fault}"))
        })?;
    Ok(Outcome { judged, core, observations })
}

/// A snapshot of the session's state, in memory.
pub fn snapshot_bytes(session: &mut Session, position: Option<ChainPosition>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(MAX_CHUNK_BYTES as usize);
    session.snapshot(position, |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(bytes)
}

/// Leaves everything that it takes to judge this batch again, and says where. A folder that cannot be
/// written takes nothing from the verdict: the report then says why there is none.
pub fn leave_corpse(
    report: Report,
    parent: &Path,
    kernel: &Kernel,
    logs: &[Log<'_>],
    snapshot: Option<&[u8]>,
    result: &ResultFile,
) -> Report {
    let remains = Remains {
        batch_id: result.batch_id,
        replay_seed: result.replay_seed,
        kernel: kernel.component(),
        body: &result.body,
        snapshot,
        inputs: logs,
    };
    match crash::write(parent, &remains) {
        Ok(folder) => report
            .field("crash_folder", folder.display().to_string())
            .hint(format!("Judge it again anywhere: {}", crash::replay_command(&folder))),
        Err(failure) => report
            .field("crash_folder", None::<&str>)
            .field("crash_folder_failure", &failure.message)
            .line(format!("  no crash folder was left in {}: {}", parent.display(), failure.message))
            .hint("Keep the logs as they are; --crash-dir DIR names another place for a crash folder."),
    }
}

fn progress(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("judging {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
