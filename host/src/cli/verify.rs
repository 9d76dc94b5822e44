//! `omega verify`: is the evidence right, and how far could that be checked?

use std::path::PathBuf;

use crate::failure::Failure;
use crate::report::Report;
use crate::trust::{self, Trust};
use crate::verify::{self, Evidence, Request};

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
        (Some(path), ..) => Some(trust::load(path)?),
        (None, keys @ [_, ..], _) => Some(trust::of_keys(keys)?),
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
    verify::verify(request).map(|verified| verify::report(&verified))
}
