//! `omega reconcile`: judge logs as one batch and keep the unsigned result for `certify`.

use std::io::Write;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use omega_kernel::body::VerdictKind;

use super::jobs::JobsArgs;
use crate::batch;
use crate::check::Log;
use crate::engine::Session;
use crate::failure::Failure;
use crate::files;
use crate::outputs::{Kind, Outputs};
use crate::report::Report;
use crate::result::ResultFile;
use crate::summary;

/// Flags of `omega reconcile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega reconcile --input alice.omega --input bob.omega --output batch1.result
  omega reconcile --input a.omega --batch-id 2 --snapshot after1.snap \\
      --save-snapshot after2.snap --output batch2.result")]
pub struct Args {
    /// A log of the batch; repeat it for each
    #[arg(long = "input", value_name = "LOG", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Number of the batch; rises along a chain of certificates
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub batch_id: u64,
    /// Schedule of the run; every seed gives the same verdict
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub replay_seed: u64,
    /// State that earlier batches left [default: nothing was accepted yet]
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Where to keep the state after this batch
    #[arg(long, value_name = "FILE")]
    pub save_snapshot: Option<PathBuf>,
    /// A checker to judge with [default: the one built in]
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// Where to write the result
    #[arg(long, value_name = "FILE", default_value = "omega.result")]
    pub output: PathBuf,
    /// Where a crash folder is left when the logs conflict
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub crash_dir: PathBuf,
    /// How many processors.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Judges, writes the result, keeps the state, leaves a crash folder on a conflict.
pub fn run(args: Args) -> Result<Report, Failure> {
    let outputs = Outputs::default()
        .reads("--input", &args.inputs)
        .reads("--snapshot", &args.snapshot)
        .reads("--kernel", &args.kernel)
        .writes("--output", &args.output, Kind::Result);
    match &args.save_snapshot {
        Some(path) => outputs.writes("--save-snapshot", path, Kind::Snapshot).check()?,
        None => outputs.check()?,
    }
    let kernel = batch::kernel(args.kernel.as_deref(), args.jobs.jobs)?;
    let sources = batch::open(&args.inputs)?;
    let (mut session, position) = batch::session(&kernel, args.snapshot.as_deref())?;
    let before = match &args.snapshot {
        Some(_) => Some(batch::snapshot_bytes(&mut session, position)?),
        None => None,
    };
    let logs: Vec<Log<'_>> = sources.iter().map(Log::whole).collect();
    let outcome = batch::judge(&kernel, &mut session, &logs, args.replay_seed)?;
    let result = ResultFile {
        batch_id: args.batch_id,
        replay_seed: args.replay_seed,
        by_component: kernel.runs_component(),
        binding: batch::binding(&kernel)?,
        body: outcome.judged.verdict.body.clone(),
    };
    result.write(&args.output)?;
    if let Some(path) = &args.save_snapshot {
        save_snapshot(&mut session, path)?;
    }
    let mut report = summary::report("reconcile", &outcome.core, &outcome.observations)?
        .field("batch_id", args.batch_id.to_string())
        .field("replay_seed", args.replay_seed.to_string())
        .field("kernel_hash", HEXLOWER.encode(kernel.hash()))
        .field("result", args.output.display().to_string());
    if outcome.core.verdict == VerdictKind::Obstruction {
        report = batch::leave_corpse(report, &args.crash_dir, &kernel, &logs, before.as_deref(), &result);
    } else {
        report = report
            .hint(format!("Certify it: omega certify --result {} --key omega.key", args.output.display()));
    }
    Ok(report)
}

fn save_snapshot(session: &mut Session, path: &Path) -> Result<(), Failure> {
    files::write_streamed(path, Kind::Snapshot, |file| {
        session
            .snapshot(None, |chunk| file.write_all(chunk).map_err(|error| files::unwritable(&error, path)))?;
        Ok(())
    })
}
