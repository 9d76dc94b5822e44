//! `omega erase`: a log without one event's payload.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::produce::erase::erase;
use crate::produce::event::{parse_id, show_id};
use crate::report::{Outcome, Report, plural};

/// Flags of `erase`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega erase --input alice.omega --event ID --output alice-erased.omega

The payload and its salt go, the header stays: log root, heads and certificates
remain valid. The input still holds the payload: delete it yourself.")]
pub struct Args {
    /// The log
    #[arg(long, value_name = "X.omega")]
    pub input: PathBuf,

    /// The event whose payload goes; every occurrence of it
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    pub event: u128,

    /// The new log
    #[arg(long, value_name = "Y.omega")]
    pub output: PathBuf,

    /// Replace the output where it exists
    #[arg(long)]
    pub force: bool,
}

/// Erases.
pub fn run(args: Args) -> Result<Report, Failure> {
    let done = erase(&args.input, args.event, &args.output, args.force)?;
    let shown = show_id(args.event);
    let message = match done.occurrences == done.erased_before {
        true => format!("event {shown} was erased before; {} is a copy", args.output.display()),
        false => format!("erased {} of payload of event {shown}", plural(done.payload_bytes, "byte")),
    };
    let report = Report::new("erase", Outcome::Ok)
        .message(message)
        .field("input", args.input.display().to_string())
        .field("output", args.output.display().to_string())
        .field("event", shown)
        .field("erased", &done);
    Ok(match done.occurrences == done.erased_before {
        true => report,
        false => report
            .hint(format!("{} still holds the payload: delete it and its copies.", args.input.display())),
    })
}
