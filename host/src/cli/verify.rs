//! `omega verify`: is the evidence right, and how far could that be checked?

use std::path::PathBuf;

use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::CertType;
use serde_json::Value;

use crate::failure::Failure;
use crate::report::{Outcome, Report};
use crate::trust::Trust;
use crate::verify::checks::{Check, Status};
use crate::verify::{self, Evidence, Request, Verified};

/// Flags of `omega verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega verify --cert batch1.cert --trust omega.pub
  omega verify --cert batch1.cert --trust omega.pub --input a.omega --input b.omega
  omega verify --cert-log cert.log --policy trust.toml --head 1f0c…
  omega verify --cert batch1.cert --any-signer --proof event.proof

0: the evidence is right, whatever its verdict is. 20: it is wrong. 30: it could
not be checked; the report says what is missing.")]
#[command(group(clap::ArgGroup::new("evidence").required(true).args(["cert", "cert_log"])))]
#[command(group(clap::ArgGroup::new("whom").args(["policy", "trust", "any_signer"])))]
pub struct Args {
    /// A certificate
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// A log of certificates: the whole chain is followed
    #[arg(long, alias = "cert_log", value_name = "FILE")]
    pub cert_log: Option<PathBuf>,
    /// A log that was judged; repeat it for each
    #[arg(long = "input", value_name = "LOG")]
    pub inputs: Vec<PathBuf>,
    /// State that the batch, or the first of the batches to judge, starts from
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// A trust policy (TOML): signers, chains, kernels, writers
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// A public key to trust: hex, OpenSSH line, or a file; repeat it for each
    #[arg(long, value_name = "KEY")]
    pub trust: Vec<String>,
    /// Accept whoever signed: then a signature proves no identity
    #[arg(long)]
    pub any_signer: bool,
    /// The newest certificate you know: its chain hash, or its file
    #[arg(long, value_name = "HASH|FILE")]
    pub head: Option<String>,
    /// A checker beside the one built in; repeat it for each
    #[arg(long = "kernel", value_name = "FILE")]
    pub kernels: Vec<PathBuf>,
    /// A proof to check against the certificate that it names
    #[arg(long, value_name = "FILE")]
    pub proof: Option<PathBuf>,
}

/// Verifies and reports every check.
pub fn run(args: Args) -> Result<Report, Failure> {
    let trust = match (&args.policy, args.trust.as_slice(), args.any_signer) {
        (Some(path), ..) => Some(Trust::load(path)?),
        (None, keys @ [_, ..], _) => Some(Trust::of_keys(keys)?),
        (None, [], true) => Some(Trust::any_signer()),
        (None, [], false) => None,
    };
    let evidence = match (args.cert, args.cert_log) {
        (Some(path), _) => Evidence::Certificate(path),
        (None, Some(path)) => Evidence::Log(path),
        (None, None) => return Err(Failure::usage("name a certificate or a log of certificates")),
    };
    let request = Request {
        evidence,
        inputs: args.inputs,
        snapshot: args.snapshot,
        trust,
        head: args.head,
        kernels: args.kernels,
        proof: args.proof,
    };
    verify::verify(&request).map(|verified| report(&request, &verified))
}

fn report(request: &Request, verified: &Verified) -> Report {
    let list = verified.checks.collapsed();
    let decisive = verified.checks.decisive();
    let mut report = match decisive {
        None => Report::new("verify", Outcome::Verified).message(says(request, verified)),
        Some(check) => failed(check),
    };
    for check in &list {
        report = report.line(check.to_line());
    }
    if let Some(newest) = &verified.newest {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let fields = newest.fields();
        report = report
            .field("verdict", verify::verdict_name(newest))
            .field("cert_type", newest.kind().name())
            .field("cert_id", format!("{:032x}", newest.id()))
            .field("height", fields.height.to_string())
            .field("batch_id", fields.batch_id.to_string())
            .field("chain_id", hex(&newest.chain_id()))
            .field("chain_hash", hex(&newest.chain_hash()))
            .field("kernel_hash", hex(&fields.binding.kernel_hash));
    }
    let missing: Vec<&str> = list
        .iter()
        .filter(|check| check.status != Status::Passed)
        .map(|check| check.detail.as_str())
        .collect();
    report
        .field("checks", list.iter().map(Check::to_json).collect::<Vec<Value>>())
        .field("not_shown", missing)
        .field("certificates", &verified.entries)
        .field("proof", &verified.proven)
        .field("torn_tail_bytes", verified.torn_tail_bytes)
}

fn failed(check: &Check) -> Report {
    let (Status::Failed(code) | Status::Missing(code)) = check.status else {
        return Report::new("verify", Outcome::Internal);
    };
    let place = check.height.map_or(String::new(), |height| format!(" at height {height}"));
    let report = Report::new("verify", code.into())
        .code(code.name(), code.number())
        .message(format!("{}{place}: {}", check.name, check.detail));
    match &check.hint {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

/// What the evidence says, now that it is right.
fn says(request: &Request, verified: &Verified) -> String {
    let Some(newest) = &verified.newest else { return "nothing was checked".to_owned() };
    let what = match (newest.verdict(), newest.kind()) {
        (Some(VerdictKind::Merge), _) => "the logs agree (merge)",
        (Some(VerdictKind::Obstruction), _) => "the logs conflict (obstruction)",
        (None, CertType::Genesis) => "a chain starts here",
        (None, CertType::Policy) => "the signing policy changes",
        (None, _) => "the checker changes",
    };
    let height = newest.fields().height;
    let proof = verified.proven.as_ref().and_then(|proven| proven["shows"].as_str());
    let proof = proof.map_or(String::new(), |shows| format!(" The proof holds: {shows}"));
    match &request.evidence {
        Evidence::Certificate(_) => {
            let batch = newest.fields().batch_id;
            let of = newest.verdict().map_or(String::new(), |_| format!(" of batch {batch}"));
            format!("the certificate{of} is sound: {what}.{proof}")
        }
        Evidence::Log(_) => {
            let count = verified.entries.len();
            format!("all {count} certificates are sound; the newest, at height {height}: {what}.{proof}")
        }
    }
}
