//! `omega explain`: what a file is, what stands in it, and what to do with it next.

use std::path::PathBuf;

use crate::explain::{self, Explained};
use crate::failure::Failure;
use crate::report::{Outcome, Report};

/// Flags of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega explain --input alice.omega
  omega explain --input cert.log
  omega explain --json --input batch-7.cert | jq .facts.coverage")]
pub struct Args {
    /// Any file: log, certificate, certificate log, snapshot, result, proof, key, trust policy,
    /// checker, catalog; or a crash folder
    #[arg(long, value_name = "ANY")]
    pub input: PathBuf,
}

/// Explains it. A file that is damaged is explained as far as it goes, with the exit code of what is
/// wrong with it.
pub fn run(args: Args) -> Result<Report, Failure> {
    let explained = explain::explain(&args.input)?;
    let text = explained.to_text();
    let Explained { kind, title, facts, next, failure } = explained;
    let report = match &failure {
        Some(failure) => Report::failed("explain", failure),
        None => Report::new("explain", Outcome::Ok),
    };
    Ok(report
        .field("input", args.input.display().to_string())
        .field("kind", kind)
        .field("title", title)
        .field("facts", facts)
        .field("next", next)
        .text(text))
}
