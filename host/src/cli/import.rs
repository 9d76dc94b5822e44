//! `omega import`: logs from git repositories, editing traces and CloudEvents.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::generate::with_files;
use crate::failure::Failure;
use crate::outputs::Outputs;
use crate::produce::reading::open;
use crate::produce::writer::{Logs, SplitBy};
use crate::produce::{cloudevents, git, trace};
use crate::report::{Outcome, Report, plural};

/// Flags of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From what.
    #[command(subcommand)]
    pub from: From,
}

/// What to import from.
#[derive(Debug, clap::Subcommand)]
pub enum From {
    /// Commits of a git repository: each author is a writer, parents are dependencies
    Git(GitArgs),
    /// A concurrent editing trace (JSON, plain or gzipped): each agent is a writer
    Trace(TraceArgs),
    /// CloudEvents 1.0 in JSON lines: each source is a writer
    Jsonl(JsonlArgs),
}

/// Where the logs go.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// The log to write
    #[arg(long, value_name = "X.omega")]
    pub output: PathBuf,

    /// Also write one log for each of these, beside the output
    #[arg(long, value_enum)]
    pub split_by: Option<SplitBy>,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}

/// Flags of `import git`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega import git --output history.omega
  omega import git --repo ../project --rev main --output main.omega
  omega import git --repo . --split-by node --output history.omega

Every field is a function of the commit, so importing again changes no earlier
event. A writer is an author's email. Authors have one causal-only stream each:
branching is honest and never an equivocation.")]
pub struct GitArgs {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,

    /// Only what this branch, tag or commit reaches [default: all refs and HEAD]
    #[arg(long)]
    pub rev: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub to: Output,
}

/// Flags of `import trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega import trace --input friendsforever.json.gz --output friends.omega
  omega import trace --input t.json --split-by node --output t.omega

Expects {\"txns\": [{\"parents\": [0], \"agent\": 1, \"patches\": […]}, …]}.
The payload of an event is the exact text of its patches.")]
pub struct TraceArgs {
    /// The trace
    #[arg(long, value_name = "F.json[.gz]")]
    pub input: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub to: Output,
}

/// Flags of `import jsonl`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega import jsonl --input events.jsonl --output events.omega

A source without a clock goes to a causal-only stream at Lamport time 1. The
extension attributes omegalamport, omegastream, omegaprev and omegadeps (ids,
separated by spaces) give one. An event's id is cut from BLAKE3(source, 0, id).
The payload is the line.")]
pub struct JsonlArgs {
    /// The events, one a line
    #[arg(long, value_name = "F.jsonl")]
    pub input: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub to: Output,
}

/// Imports.
pub fn run(args: Args) -> Result<Report, Failure> {
    match args.from {
        From::Git(args) => {
            write("git", &args.repo, &args.to, |logs| git::import(&args.repo, args.rev.as_deref(), logs))
        }
        From::Trace(args) => write("trace", &args.input, &args.to, |logs| trace::import(&args.input, logs)),
        From::Jsonl(args) => write("jsonl", &args.input, &args.to, |logs| {
            cloudevents::import(open(&args.input)?, &args.input, logs)
        }),
    }
}

fn write<T: Serialize>(
    format: &str,
    input: &Path,
    to: &Output,
    import: impl FnOnce(&mut Logs) -> Result<T, Failure>,
) -> Result<Report, Failure> {
    Outputs::default()
        .reads(if format == "git" { "--repo" } else { "--input" }, [&input.to_owned()])
        .writes_otherwise("--output", &to.output)
        .check()?;
    let mut logs = Logs::create(&to.output, to.split_by, to.force)?;
    let imported = import(&mut logs)?;
    let written = logs.finish()?;
    let events = written.first().map_or(0, |log| log.events);
    let report = Report::new("import", Outcome::Ok)
        .message(format!("imported {} from {}", plural(events, "event"), input.display()))
        .field("format", format)
        .field("input", input.display().to_string())
        .field("imported", &imported);
    Ok(with_files(report, &written))
}
