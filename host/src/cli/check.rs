//! `omega check`: the ten-second use. Any mix of logs and JSON; agree or conflict.

use std::path::{Path, PathBuf};

use omega_kernel::body::VerdictKind;
use tempfile::NamedTempFile;

use crate::batch;
use crate::check::Log;
use crate::crash;
use crate::failure::Failure;
use crate::map::Source;
use crate::produce::event_json;
use crate::report::Report;
use crate::result::ResultFile;
use crate::summary;

/// Flags of `omega check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega check alice.omega bob.omega
  omega check server.omega phone.jsonl")]
pub struct Args {
    /// Logs to compare: .omega, JSON (one event or an array), or JSON lines
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// Where a crash folder is left when the logs conflict
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub crash_dir: PathBuf,
    /// Leave no crash folder
    #[arg(long, conflicts_with = "crash_dir")]
    pub no_crash_folder: bool,
}

/// Judges the logs as one batch from nothing.
pub fn run(args: Args) -> Result<Report, Failure> {
    let kernel = batch::kernel(None)?;
    let opened = args.logs.iter().map(|path| Opened::new(path)).collect::<Result<Vec<_>, _>>()?;
    let logs: Vec<Log<'_>> = opened.iter().map(|opened| Log::whole(&opened.source)).collect();
    let (mut session, _) = batch::session(&kernel, None)?;
    let outcome = batch::judge(&kernel, &mut session, &logs, 0)?;
    let mut report = summary::report("check", &outcome.core, &outcome.observations)?;
    if outcome.core.verdict == VerdictKind::Obstruction && !args.no_crash_folder {
        let result = ResultFile {
            batch_id: 1,
            replay_seed: 0,
            by_component: kernel.runs_component(),
            binding: batch::binding(&kernel)?,
            body: outcome.judged.verdict.body,
        };
        let folder = batch::leave_corpse(&args.crash_dir, &kernel, &logs, None, &result)?;
        report = report
            .field("crash_folder", folder.display().to_string())
            .hint(format!("Judge it again anywhere: {}", crash::replay_command(&folder)));
    }
    Ok(report)
}

/// A log, or what JSON was turned into: that file goes when this does.
struct Opened {
    source: Source,
    _converted: Option<NamedTempFile>,
}

impl Opened {
    fn new(path: &Path) -> Result<Self, Failure> {
        let source = Source::open(path)?;
        if !is_json(&source)? {
            return Ok(Opened { source, _converted: None });
        }
        let (converted, _) = event_json::to_temporary_log(path)?;
        Ok(Opened { source: Source::open(converted.path())?, _converted: Some(converted) })
    }
}

/// Whether the first byte that is not white space opens a JSON value (a byte order mark, too, leads
/// to the JSON reader, which says what is wrong with it). Whatever else it is, the kernel names.
fn is_json(source: &Source) -> Result<bool, Failure> {
    let mut start = [0; 512];
    let count = source.read_at(0, &mut start)?;
    let first = start[..count].iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(matches!(first, Some(b'{' | b'[')) || start.starts_with(b"\xEF\xBB\xBF"))
}
