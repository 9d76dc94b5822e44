//! `omega explain`: what a file is, what stands in it, and what to do with it next.

use std::path::PathBuf;

use crate::explain;
use crate::failure::Failure;
use crate::report::{Outcome, Report, plural};

/// Flags of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega explain --input alice.omega
  omega explain --input alice.omega --events
  omega explain --input cert.log
  omega explain --json --input batch-7.cert | jq .facts.coverage")]
pub struct Args {
    /// Any file: log, certificate, certificate log, snapshot, result, proposal, proof, evidence file, key,
    /// trust policy, checker, catalog; or a crash folder
    #[arg(long, value_name = "ANY")]
    pub input: PathBuf,
    /// List the events of a log, with their ids
    #[arg(long)]
    pub events: bool,
    /// How many events are listed
    #[arg(long, value_name = "N", default_value_t = 50, requires = "events")]
    pub limit: u64,
}

/// Explains it. A file that is damaged is explained as far as it goes, with the exit code of what is
/// wrong with it.
pub fn run(args: Args) -> Result<Report, Failure> {
    if args.events {
        return list(&args);
    }
    let explained = explain::explain(&args.input)?;
    let text = explain::to_text(&explained);
    Ok(explained.report(&args.input.display().to_string()).text(text))
}

fn list(args: &Args) -> Result<Report, Failure> {
    let listed = explain::events::list(&args.input, args.limit)?;
    let mut text = listed.lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    if listed.more > 0 {
        text += &format!("\n{} more: --limit {}\n", plural(listed.more, "event"), listed.more + args.limit);
    }
    let report = match &listed.failure {
        Some(failure) => Report::failed("explain", failure),
        None => Report::new("explain", Outcome::Ok),
    };
    Ok(report
        .field("input", args.input.display().to_string())
        .field("kind", "log")
        .field("events", listed.events)
        .field("more", listed.more)
        .text(text))
}
