//! `omega drill`: is every damage to this folder noticed?

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use crate::drill::{self, Drilled, Request, Struck};
use crate::failure::{Failure, HostCode};
use crate::report::{Outcome, Report, plural, wrap};
use crate::sign::Signer;

/// Damages that are listed one by one.
const LISTED: usize = 20;

/// Flags of `omega drill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega drill --data node            (a node that does not run)
  omega drill --data . --key omega.key --output drill.omega
  omega drill --data node --all      (every damage; may take long)

The folder is only read: copies of it are damaged, one damage at a time: bits
of lengths, checksums and contents, records that are forged, removed, repeated
or swapped, files that are cut, emptied or gone. Each copy is then looked at
knowing nothing but the newest certificate. The report is a log of its own,
signed: omega check drill.omega.

Exit codes: 0 each damage was noticed, and the file named; 20 one was not. A
folder that is not sound as it is ends with what is wrong there: 30, or 20
where its evidence is.")]
pub struct Args {
    /// The folder: a node's, or one with cert.log and the logs that were judged
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The private key that signs the report
    #[arg(long, value_name = "FILE", default_value = "omega.key")]
    pub key: PathBuf,
    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "drill.omega")]
    pub output: PathBuf,
    /// Replace the report where it exists
    #[arg(long)]
    pub force: bool,
    /// Damages to one file, at most, spread evenly over it
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "all")]
    pub most: u32,
    /// Every damage to every file
    #[arg(long)]
    pub all: bool,
    /// Where the copies go: twice the folder's size [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// Drills.
pub fn run(args: Args) -> Result<Report, Failure> {
    if !args.data.is_dir() {
        let failure = Failure::new(HostCode::NotFound, "there is no such folder");
        return Err(failure.file(&args.data).hint("--data names a folder."));
    }
    let signer = Signer::load(&args.key)?;
    let request = Request {
        data: args.data,
        most: (!args.all).then_some(args.most as usize),
        scratch: args.scratch,
        output: args.output,
        force: args.force,
    };
    let drilled = drill::drill(&request, &signer)?;
    Ok(report(&request, &drilled, &signer))
}

fn report(request: &Request, drilled: &Drilled, signer: &Signer) -> Report {
    let (done, caught, named) = drilled.totals();
    let folder = request.data.display();
    let damages = plural(done, "damage");
    let mut report =
        if caught == done && named == done {
            Report::new("drill", Outcome::Ok)
                .message(format!("{damages} to copies of {folder}: each was noticed, and the file named"))
        } else {
            let message = format!(
                "{damages} to copies of {folder}: {} not noticed, {} noticed without naming the file",
                done - caught,
                caught - named
            );
            Report::failed("drill", &Failure::new(HostCode::DamageUnnoticed, message).hint(
            "What no certificate covers nobody can miss: certify it, and give all logs that were judged. \
             Otherwise this is a defect of OMEGA: please report it.",
        ))
        };
    let untouched: Vec<&String> =
        drilled.files.iter().filter(|(_, tally)| tally.possible == 0).map(|(name, _)| name).collect();
    for (name, tally) in drilled.files.iter().filter(|(_, tally)| tally.done > 0) {
        let of = match tally.possible == tally.done {
            true => String::new(),
            false => format!(" of {}", tally.possible),
        };
        let came = match (tally.caught == tally.done, tally.named == tally.done) {
            (true, true) => "all noticed".to_owned(),
            _ => format!("{} noticed, {} by name", tally.caught, tally.named),
        };
        let text = format!("  {} ({}): {}{of} damages, {came}", short(name), tally.kind, tally.done);
        report = report.line(wrap(&text, "    "));
    }
    for struck in drilled.missed.iter().take(LISTED) {
        report = report.line(told(struck));
    }
    if !untouched.is_empty() {
        let names: Vec<_> = untouched.iter().map(|name| name.as_str()).collect();
        let text = format!("  not damaged, nothing certified depends on it: {}", names.join(", "));
        report = report.line(wrap(&text, "    "));
    }
    report
        .line(format!("  signed in {}, {}", request.output.display(), plural(drilled.events, "event")))
        .field("data", folder.to_string())
        .field("node", drilled.node)
        .field("newest_certificate", HEXLOWER.encode(&drilled.newest))
        .field("damages", done)
        .field("caught", caught)
        .field("named", named)
        .field("files", &drilled.files)
        .field("missed", drilled.missed.iter().take(LISTED).map(Struck::to_json).collect::<Vec<_>>())
        .field("not_damaged", untouched)
        .field("output", request.output.display().to_string())
        .field("signer", HEXLOWER.encode(&signer.public_key()))
}

/// A path in which long names, which are hashes and numbers, are cut.
fn short(name: &str) -> String {
    let part = |part: &str| match part.char_indices().nth(40) {
        Some(_) => format!("{}…", part.chars().take(16).collect::<String>()),
        None => part.to_owned(),
    };
    name.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn told(struck: &Struck) -> String {
    let record = struck.damage.record.map_or_else(String::new, |record| format!(" record {record}"));
    let what = match struck.findings.first() {
        None => "nothing noticed it".to_owned(),
        Some(finding) => format!("noticed as: {}", finding.message),
    };
    let text = format!(
        "  MISSED {} of {}{record} at byte {}: {what}",
        struck.damage.what, struck.file, struck.damage.offset
    );
    wrap(&text, "    ")
}
