//! One batch from files to verdict: what `check`, `reconcile` and `replay` have in common.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use omega_kernel::body::{Core, Observations};
use omega_kernel::certificate::Binding;
use omega_kernel::limits::MAX_CHUNK_BYTES;
use omega_verify::MAX_KERNEL_BYTES;

use crate::check::{self, Judged, Log};
use crate::crash::{self, Left, Remains};
use crate::engine::{ChainPosition, Error, Kernel, Options, Session};
use crate::failure::{Failure, HostCode};
use crate::interrupt;
use crate::map::Source;
use crate::report::Report;
use crate::result::ResultFile;

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

/// The kernel in a file, or the one that this program was built with; how many instances of it may scan side by
/// side, where the user said so.
pub fn kernel(file: Option<&Path>, jobs: Option<usize>) -> Result<Kernel, Failure> {
    let options = Options::from_environment()?.with_jobs(jobs);
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
    omega_verify::kernels::binding_of(kernel.hash(), &kernel.describe()?)
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

/// Judges a batch, with a progress bar where stderr is a terminal; `interrupted` after Ctrl-C.
pub fn judge(
    kernel: &Kernel,
    session: &mut Session,
    logs: &[Log<'_>],
    seed: u64,
) -> Result<Outcome, Failure> {
    let judged = judge_bytes(kernel, session, logs, seed)?;
    let (core, observations) = omega_verify::read_body(&judged.verdict.body)?;
    Ok(Outcome { judged, core, observations })
}

/// As [`judge`], the verdict as the kernel gave it.
pub fn judge_bytes(
    kernel: &Kernel,
    session: &mut Session,
    logs: &[Log<'_>],
    seed: u64,
) -> Result<Judged, Failure> {
    watched(logs, |progress| check::judge(kernel, session, logs, seed, progress))
}

/// As [`judge_bytes`], by [`check::attempt`]: for a kernel that may mean harm.
///
/// # Errors
/// The kernel's fault; as [`judge`].
pub fn attempt(kernel: &Kernel, session: &mut Session, logs: &[Log<'_>], seed: u64) -> Result<Judged, Error> {
    watched(logs, |progress| check::attempt(kernel, session, logs, seed, progress))
}

/// Judges under a progress bar, and ends at a signal.
fn watched<E: From<Failure>>(
    logs: &[Log<'_>],
    judge: impl FnOnce(check::Progress<'_>) -> Result<Judged, E>,
) -> Result<Judged, E> {
    let bar = progress(logs.iter().map(|log| log.source.len()).sum());
    interrupt::watch();
    let judged = judge(&mut |bytes| {
        bar.set_position(bytes);
        interrupt::check()
    });
    bar.finish_and_clear();
    let judged = judged?;
    interrupt::check()?;
    Ok(judged)
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
        Ok(Left { folder, kept }) => {
            let report = report
                .field("crash_folder", folder.display().to_string())
                .field("crash_folder_kept", kept)
                .hint(format!("Judge it again anywhere: {}", crash::replay_command(&folder)));
            match kept {
                true => report.line(format!("  {} was left before and is kept as it is", folder.display())),
                false => report,
            }
        }
        Err(failure) => report
            .field("crash_folder", None::<&str>)
            .field(
                "crash_folder_error",
                serde_json::json!({ "code": failure.code.name(), "message": failure.message }),
            )
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
