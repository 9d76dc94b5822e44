//! `omega replay`: judge again what was judged before, and say whether the same comes out.

use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use omega_kernel::body::VerdictKind;
use omega_kernel::fault::FaultCode;
use omega_kernel::hash::Hash;

use super::jobs::JobsArgs;
use crate::batch;
use crate::check::Log;
use crate::crash::{self, Input};
use crate::failure::{Code, Failure};
use crate::report::{Outcome, Report};
use crate::summary;

/// Flags of `omega replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega replay --snapshot after1.snap --log-suffix new.omega \\
      --expected-hash-hex 2f0c…        (the state root after the suffix)
  omega replay --crash omega-crash-7-1a2b3c4d")]
#[command(group(clap::ArgGroup::new("what").required(true).args(["crash", "log_suffix"])))]
pub struct Args {
    /// State to start from [default: nothing was accepted yet]
    #[arg(long, value_name = "FILE", conflicts_with = "crash")]
    pub snapshot: Option<PathBuf>,
    /// A log that goes on from there; repeat it for each
    #[arg(long, alias = "log_suffix", value_name = "LOG", requires = "expected_hash_hex")]
    pub log_suffix: Vec<PathBuf>,
    /// The state root that must come out, 64 hex digits
    #[arg(long, alias = "expected_hash_hex", value_name = "HEX", value_parser = parse_hash)]
    pub expected_hash_hex: Option<Hash>,
    /// A crash folder to judge again, with nothing else at hand
    #[arg(long, value_name = "DIR")]
    pub crash: Option<PathBuf>,
    /// Schedule of the run [default: 0, or the crash folder's]
    #[arg(long, alias = "replay_seed", value_name = "S")]
    pub replay_seed: Option<u64>,
    /// A checker to judge with [default: the one built in, or the crash folder's]
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// How many processors.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Judges again. 0: the expected state came out; 10: a conflict, as recorded where there is a
/// record; 20: something else came out.
pub fn run(args: Args) -> Result<Report, Failure> {
    match &args.crash {
        Some(folder) => replay_crash(&args, folder),
        None => replay_suffix(&args),
    }
}

fn replay_suffix(args: &Args) -> Result<Report, Failure> {
    let kernel = batch::kernel(args.kernel.as_deref(), args.jobs.jobs)?;
    let (mut session, _) = batch::session(&kernel, args.snapshot.as_deref())?;
    let sources = batch::open(&args.log_suffix)?;
    let logs: Vec<Log<'_>> = sources.iter().map(Log::whole).collect();
    let outcome = batch::judge(&kernel, &mut session, &logs, args.replay_seed.unwrap_or(0))?;
    let report = summary::report("replay", &outcome.core, &outcome.observations)?
        .field("kernel_hash", HEXLOWER.encode(kernel.hash()));
    let root = outcome.judged.state.root();
    let expected = args.expected_hash_hex.unwrap_or_default();
    if outcome.core.verdict == VerdictKind::Obstruction || root == expected {
        return Ok(report);
    }
    Err(differs(format!(
        "the logs lead to the state {}, not to the expected {}",
        HEXLOWER.encode(&root),
        HEXLOWER.encode(&expected)
    )))
}

fn replay_crash(args: &Args, folder: &Path) -> Result<Report, Failure> {
    let corpse = crash::open(folder)?;
    let kernel = batch::kernel(Some(args.kernel.as_deref().unwrap_or(&corpse.kernel)), args.jobs.jobs)?;
    let (mut session, _) = batch::session(&kernel, corpse.snapshot.as_deref())?;
    let sources = corpse
        .inputs
        .iter()
        .map(|input| crate::map::Source::open(&input.path))
        .collect::<Result<Vec<_>, _>>()?;
    let logs: Vec<Log<'_>> = sources
        .iter()
        .zip(&corpse.inputs)
        .map(|(source, Input { limit, .. })| Log { limit: *limit, ..Log::whole(source) })
        .collect();
    let seed = args.replay_seed.unwrap_or(corpse.replay_seed);
    let outcome = batch::judge(&kernel, &mut session, &logs, seed)?;
    if outcome.judged.verdict.body != corpse.body {
        return Err(differs("the logs in the crash folder judge differently than it records".into())
            .hint("Its files have the recorded hashes: another checker made the record, or the record is wrong.")
            .file(folder));
    }
    let report = summary::report("replay", &outcome.core, &outcome.observations)?;
    let same = if report.outcome() == Outcome::Conflict {
        "the recorded conflict came out again"
    } else {
        "the recorded verdict came out again"
    };
    Ok(report
        .line(format!("  {same}, to the bit"))
        .field("batch_id", corpse.batch_id.to_string())
        .field("replay_seed", seed.to_string())
        .field("kernel_hash", HEXLOWER.encode(kernel.hash()))
        .field("reproduced", true))
}

fn differs(message: String) -> Failure {
    Failure { code: Code::Kernel(FaultCode::VerdictDiffers), message, hint: None, file: None, offset: None }
}

fn parse_hash(text: &str) -> Result<Hash, String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| "this is not hex".to_owned())?;
    bytes.try_into().map_err(|_| "a hash has 64 hex digits".to_owned())
}
