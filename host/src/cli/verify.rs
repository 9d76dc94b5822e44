//! `omega verify`: is the evidence right, and how far could that be checked?

use std::path::PathBuf;

use super::evidence::EvidenceArgs;
use super::jobs::JobsArgs;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::report::Report;
use crate::trust::{self, Trust};
use crate::verify::{self, Request};

/// Flags of `omega verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega verify --cert batch1.cert --trust omega.pub
  omega verify --cert batch1.cert --trust omega.pub --input a.omega --input b.omega
  omega verify --cert batch1.cert --trust omega.pub --input a.omega \\
      --input b.omega --engines cranelift,pulley,native
  omega verify --cert-log cert.log --policy trust.toml --head 1f0c…
  omega verify --cert batch1.cert --any-signer --proof event.proof

0: the evidence is right, whatever its verdict is. 20: it is wrong. 30: it could
not be checked; the report says what is missing.")]
#[command(group(clap::ArgGroup::new("whom").args(["policy", "trust", "any_signer"])))]
pub struct Args {
    /// The evidence.
    #[command(flatten)]
    pub named: EvidenceArgs,
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
    /// Judge again under each of these, and compare what they give
    #[arg(long, value_name = "ENGINE,…", value_delimiter = ',', value_enum)]
    pub engines: Vec<Engine>,
    /// A proof to check against the certificate that it names
    #[arg(long, value_name = "FILE")]
    pub proof: Option<PathBuf>,
    /// How many processors.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Verifies and reports every check.
pub fn run(args: Args) -> Result<Report, Failure> {
    Engine::once_each(&args.engines)?;
    let trust = match (&args.policy, args.trust.as_slice(), args.any_signer) {
        (Some(path), ..) => Some(trust::load(path)?),
        (None, keys @ [_, ..], _) => Some(trust::of_keys(keys)?),
        (None, [], true) => Some(Trust::any_signer()),
        (None, [], false) => None,
    };
    let request = Request {
        evidence: args.named.evidence()?,
        inputs: args.named.inputs,
        snapshot: args.named.snapshot,
        trust,
        head: args.head,
        kernels: args.kernels,
        engines: args.engines,
        proof: args.proof,
        jobs: args.jobs.jobs,
    };
    verify::verify(request).map(|verified| verify::report(&verified))
}
