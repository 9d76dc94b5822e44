//! `omega certify`: sign a result and chain it to the certificates before it.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use omega_kernel::body::VerdictKind;

use super::jobs::JobsArgs;
use crate::certify::{self, Certified, Request};
use crate::engine::Engine;
use crate::failure::{Failure, HostCode};
use crate::outputs::{Kind, Outputs};
use crate::report::{Outcome, Report};
use crate::result::ResultFile;
use crate::verify::verdict_name;

/// Flags of `omega certify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega certify --result batch1.result --key omega.key
  omega certify --result batch1.result --key omega.key \\
      --input a.omega --input b.omega          (judges again before it signs)
  omega certify --result batch1.result --key omega.key --input a.omega \\
      --input b.omega --engines cranelift,pulley,native   (signs that they agree)
  omega certify --result batch2.result --key alice.key --key bob.key \\
      --threshold 2 --cert-log shared.log --input a.omega --snapshot after1.snap

The first certificate of a log starts a chain: its signing policy is the keys
given, and each of them signs the genesis. Certifying a conflict is no failure:
the exit code says that it was signed, the JSON object what was.")]
pub struct Args {
    /// The result of `omega reconcile`
    #[arg(long, value_name = "FILE", default_value = "omega.result")]
    pub result: PathBuf,
    /// The batch that the result must be of [default: the result's]
    #[arg(long, alias = "batch_id", value_name = "N")]
    pub batch_id: Option<u64>,
    /// The schedule that the result must be of [default: the result's]
    #[arg(long, alias = "replay_seed", value_name = "S")]
    pub replay_seed: Option<u64>,
    /// The schema that the result must be bound to
    #[arg(long, alias = "schema_version", value_name = "N", default_value_t = 1)]
    pub schema_version: u32,
    /// A private key to sign with; repeat it for each
    #[arg(long = "key", value_name = "FILE", default_value = "omega.key")]
    pub keys: Vec<PathBuf>,
    /// Keys that must sign, when a chain starts [default: all that are given]
    #[arg(long, value_name = "T")]
    pub threshold: Option<u16>,
    /// Where the certificate goes [default: the result's name, as .cert]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The chain that it is appended to; made where there is none
    #[arg(long, alias = "cert_log", value_name = "FILE", default_value = "cert.log")]
    pub cert_log: PathBuf,
    /// A log to judge again before signing; repeat it for each
    #[arg(long = "input", value_name = "LOG")]
    pub inputs: Vec<PathBuf>,
    /// State that the batch starts from, where logs are given
    #[arg(long, value_name = "FILE", requires = "inputs")]
    pub snapshot: Option<PathBuf>,
    /// The checker that judged [default: the one built in]
    #[arg(long = "kernel", value_name = "FILE")]
    pub kernels: Vec<PathBuf>,
    /// Judge again under each of these, have them agree, and sign that they did
    #[arg(long, value_name = "ENGINE,…", value_delimiter = ',', value_enum, requires = "inputs")]
    pub engines: Vec<Engine>,
    /// What a new chain is about [default: the log's folder and file name]
    #[arg(long, value_name = "TEXT")]
    pub origin: Option<String>,
    /// How many processors.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Checks, signs, stores, writes.
pub fn run(args: Args) -> Result<Report, Failure> {
    let output = args.output.clone().unwrap_or_else(|| args.result.with_extension("cert"));
    Outputs::default()
        .reads("--result", [&args.result])
        .reads("--key", &args.keys)
        .reads("--input", &args.inputs)
        .reads("--snapshot", &args.snapshot)
        .reads("--kernel", &args.kernels)
        .appends("--cert-log", &args.cert_log)
        .writes("--output", &output, Kind::Certificate)
        .check()?;
    Engine::once_each(&args.engines)?;
    let result = ResultFile::read(&args.result)?;
    matches(&args, &result).map_err(|failure| failure.file(&args.result))?;
    let request = Request {
        result,
        keys: args.keys,
        threshold: args.threshold,
        origin: args.origin,
        cert_log: args.cert_log,
        output,
        inputs: args.inputs,
        snapshot: args.snapshot,
        kernels: args.kernels,
        engines: args.engines,
        jobs: args.jobs.jobs,
    };
    let certified = certify::certify(&request)?;
    Ok(report(&request, &certified))
}

/// The flags must say what the result says.
fn matches(args: &Args, result: &ResultFile) -> Result<(), Failure> {
    let differs = |flag: &str, wanted: u64, found: u64| {
        let message = format!("the result has {flag} {found}, not {wanted}");
        let hint = format!("Give --{flag} {found}, or reconcile again with --{flag} {wanted}.");
        Failure::new(HostCode::ResultMismatch, message).hint(hint)
    };
    if let Some(wanted) = args.batch_id.filter(|&wanted| wanted != result.batch_id) {
        return Err(differs("batch-id", wanted, result.batch_id));
    }
    if let Some(wanted) = args.replay_seed.filter(|&wanted| wanted != result.replay_seed) {
        return Err(differs("replay-seed", wanted, result.replay_seed));
    }
    let (wanted, found) = (args.schema_version, result.binding.schema_version);
    if wanted != found {
        let message = format!("the result is bound to schema version {found}, not {wanted}");
        return Err(Failure::new(HostCode::ResultMismatch, message)
            .hint(format!("Give --schema-version {found} if that is what you mean to certify.")));
    }
    Ok(())
}

fn report(request: &Request, certified: &Certified) -> Report {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let certificate = &certified.certificate;
    let fields = certificate.fields();
    let says = match certificate.verdict() {
        Some(VerdictKind::Obstruction) => "the logs conflict (obstruction)",
        _ => "the logs agree (merge)",
    };
    let statement = certified.statement.name();
    let engines: Vec<_> = certified.engines.names().collect();
    let under = match engines.as_slice() {
        [] => String::new(),
        engines => format!(" under {}", engines.join(", ")),
    };
    let log = request.cert_log.display();
    let mut report = Report::new("certify", Outcome::Ok)
        .message(format!(
            "certified at height {}: {says}; signed as {statement}{under}, kept in {log} and {}",
            fields.height,
            request.output.display()
        ))
        .hint(format!(
            "Give the public key and {} to those who verify: omega verify --cert {} --trust KEY",
            request.output.display(),
            request.output.display()
        ));
    if certified.new_chain {
        report = report.line(format!("  a new chain starts in {log}: {}", hex(&certificate.chain_id())));
    }
    if let Some(torn) = &certified.recovery.torn {
        report = report.line(format!("  an unfinished append of {} bytes was cut from {log}", torn.bytes));
    }
    if let Some(error) = &certified.recovery.sidecar_error {
        report =
            report.line(format!("  the index could not be written ({error}); it is made again next time"));
    }
    let signers: Vec<String> = certificate.signatures().iter().map(|record| hex(&record.key)).collect();
    report
        .field("verdict", verdict_name(certificate))
        .field("statement", statement)
        .field("engines", engines)
        .field("output", request.output.display().to_string())
        .field("cert_log", log.to_string())
        .field("cert_id", format!("{:032x}", certificate.id()))
        .field("chain_id", hex(&certificate.chain_id()))
        .field("chain_hash", hex(&certificate.chain_hash()))
        .field("height", fields.height.to_string())
        .field("batch_id", fields.batch_id.to_string())
        .field("replay_seed", fields.replay_seed.to_string())
        .field("kernel_hash", hex(&fields.binding.kernel_hash))
        .field("body_hash", hex(&certificate.body_hash()))
        .field("new_chain", certified.new_chain)
        .field("threshold", certified.policy.threshold())
        .field("signers", signers)
        .field("torn_tail_bytes", certified.recovery.torn.map_or(0, |torn| torn.bytes))
}
