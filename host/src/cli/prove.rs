//! `omega prove`: a proof for somebody who has the certificate and none of the logs.

use std::path::PathBuf;

use omega_kernel::proof::Proven;

use crate::failure::Failure;
use crate::files;
use crate::map::Source;
use crate::produce::event::parse_id;
use crate::prove;
use crate::report::{Outcome, Report};
use crate::verify::{proofs, read_certificate};

/// Flags of `omega prove`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega prove --event 1a2b3c --cert batch1.cert --input a.omega --input b.omega
  omega prove --id-in-state 1a2b3c --cert batch1.cert --snapshot after1.snap
  omega verify --proof omega.proof --cert batch1.cert --trust omega.pub")]
#[command(group(clap::ArgGroup::new("what").required(true).args(["event", "id_in_state"])))]
pub struct Args {
    /// Prove that the batch's logs hold the event with this id
    #[arg(long, value_name = "ID", value_parser = parse_id, requires = "inputs")]
    pub event: Option<u128>,
    /// Prove that this id was accepted, or never was, up to the certificate
    #[arg(long, alias = "id_in_state", value_name = "ID", value_parser = parse_id, requires = "snapshot")]
    pub id_in_state: Option<u128>,
    /// The certificate that the proof is about
    #[arg(long, value_name = "FILE")]
    pub cert: PathBuf,
    /// A log of the batch; repeat it for each
    #[arg(id = "inputs", long = "input", value_name = "LOG")]
    pub inputs: Vec<PathBuf>,
    /// The state that the certificate's batch left
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Where the proof goes
    #[arg(long, value_name = "FILE", default_value = "omega.proof")]
    pub output: PathBuf,
}

/// Makes the proof and checks it before it is written.
pub fn run(args: Args) -> Result<Report, Failure> {
    let certificate = read_certificate(&args.cert)?;
    let made = match (args.event, args.id_in_state, &args.snapshot) {
        (Some(id), ..) => prove::event(id, &certificate, &args.inputs)?,
        (None, Some(id), Some(snapshot)) => prove::id_in_state(id, &certificate, &Source::open(snapshot)?)?,
        _ => return Err(Failure::usage("name an event, or an id and a snapshot")),
    };
    files::write_whole(&args.output, &made.bytes)?;
    let (shows, shows_not, fields) = proofs::words(&made.proven, certificate.fields().height);
    let mut report = Report::new("prove", Outcome::Ok)
        .message(format!("{shows} The proof is in {}.", args.output.display()))
        .line(format!("  It does not show {shows_not}."));
    if made.occurrences > 1 {
        report = report.line(format!(
            "  The batch holds the event {} times; the first place in canonical order is proved.",
            made.occurrences
        ));
    }
    if let Proven::EventInLog { accepted: false, .. } = made.proven {
        report = report.line("  The batch conflicted: being in it is not being accepted.");
    }
    Ok(report
        .field("proof", args.output.display().to_string())
        .field("bytes", made.bytes.len())
        .field("certificate", data_encoding::HEXLOWER.encode(&certificate.chain_hash()))
        .field("occurrences", made.occurrences)
        .field("shows", shows)
        .field("does_not_show", shows_not)
        .field("proven", fields)
        .hint(format!(
            "Check it: omega verify --proof {} --cert {} --trust KEY",
            args.output.display(),
            args.cert.display()
        )))
}
