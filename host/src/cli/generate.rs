//! `omega generate-events`: deterministic events to try things with, sound or with one violation.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::produce::generate::{Ids, Plan, generate};
use crate::produce::plant::Conflict;
use crate::produce::sink::{EventSink, JsonFile};
use crate::produce::writer::{LogWriter, Logs, SplitBy, Written, beside};
use crate::report::{Outcome, Report, plural};

/// Flags of `generate-events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega generate-events --output a.omega --count 1000
  omega generate-events --output a.omega --count 1000 --split-by node
  omega generate-events --output bad.json --count 10 --conflict stream-linked-gap
  omega generate-events --output fork.omega --count 10 --conflict overlap-agreement

The same flags give the same bytes everywhere. The extension says what is
written: .omega, .json (an array) or .jsonl. The last three events carry the
violation; overlap-agreement also writes a second log, X.second.omega, and only
both together conflict.")]
pub struct Args {
    /// The file: .omega, .json or .jsonl
    #[arg(long, value_name = "F")]
    pub output: PathBuf,

    /// Events in all
    #[arg(long, value_name = "N")]
    pub count: u64,

    /// Fixes all that is random
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// Writers
    #[arg(long, value_name = "N", default_value_t = 4, visible_alias = "writers")]
    pub nodes: u32,

    /// Streams of each writer
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub streams: u16,

    /// Bytes in each payload
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub payload: u32,

    /// Dependencies of each event
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub deps: u32,

    /// What ids look like
    #[arg(long, value_enum, default_value_t = Ids::Random)]
    pub ids: Ids,

    /// Plant this violation
    #[arg(long, value_enum, value_name = "KIND")]
    pub conflict: Option<Conflict>,

    /// Also write one log for each of these
    #[arg(long, value_enum)]
    pub split_by: Option<SplitBy>,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}

/// Generates.
pub fn run(args: Args) -> Result<Report, Failure> {
    let plan = Plan {
        count: args.count,
        seed: args.seed,
        nodes: args.nodes,
        streams: args.streams,
        payload: args.payload,
        deps: args.deps,
        ids: args.ids,
        conflict: args.conflict,
    };
    plan.check()?;
    let form = Form::of(&args.output)?;
    if form != Form::Log && args.split_by.is_some() {
        return Err(Failure::usage("--split-by writes logs: name an .omega file as output"));
    }
    let needs_second = args.conflict.is_some_and(Conflict::needs_second_log);
    let second_at = beside(&args.output, "second");
    let written = match form {
        Form::Log => {
            let mut logs = Logs::create(&args.output, args.split_by, args.force)?;
            let mut second = needs_second
                .then(|| LogWriter::create(&second_at.0, &second_at.1, args.force))
                .transpose()?;
            generate(&plan, &mut logs, second.as_mut().map(|log| log as &mut dyn EventSink))?;
            let mut written = logs.finish()?;
            written.extend(second.map(LogWriter::finish).transpose()?);
            written
        }
        Form::Json | Form::JsonLines => {
            let lines = form == Form::JsonLines;
            let mut file = JsonFile::create(&args.output, lines, args.force)?;
            let mut second =
                needs_second.then(|| JsonFile::create(&second_at.0, lines, args.force)).transpose()?;
            generate(&plan, &mut file, second.as_mut().map(|file| file as &mut dyn EventSink))?;
            let mut written = vec![file.finish()?];
            written.extend(second.map(JsonFile::finish).transpose()?);
            written
        }
    };
    Ok(report(&args, &written))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Log,
    Json,
    JsonLines,
}

impl Form {
    fn of(path: &Path) -> Result<Self, Failure> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("omega") => Ok(Form::Log),
            Some("json") => Ok(Form::Json),
            Some("jsonl" | "ndjson") => Ok(Form::JsonLines),
            _ => Err(Failure::usage(format!("{} says no format by its extension", path.display()))
                .hint("End the name in .omega, .json or .jsonl.")),
        }
    }
}

fn report(args: &Args, written: &[Written]) -> Report {
    let report = Report::new("generate-events", Outcome::Ok)
        .message(format!(
            "{} in {}, seed {}",
            plural(args.count, "event"),
            plural(written.len(), "file"),
            args.seed
        ))
        .field("count", args.count)
        .field("seed", args.seed.to_string())
        .field("conflict", args.conflict.map(Conflict::name))
        .field("predicate", args.conflict.map(Conflict::predicate));
    with_files(report, written)
}

/// Lists files that were written.
pub fn with_files(report: Report, written: &[Written]) -> Report {
    const SHOWN: usize = 12;
    let mut report = report.field("files", written);
    for log in written.iter().take(SHOWN) {
        report = report.line(format!(
            "  {}  {}, {} bytes",
            log.path.display(),
            plural(log.events, "event"),
            log.bytes
        ));
    }
    match written.len().checked_sub(SHOWN + 1) {
        Some(more) => report.line(format!("  … and {} more", more + 1)),
        None => report,
    }
}
