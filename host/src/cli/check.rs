//! `omega check`: the ten-second use. Any mix of logs and JSON; agree or conflict.

use std::path::{Path, PathBuf};

use omega_kernel::body::VerdictKind;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::jobs::JobsArgs;
use crate::batch;
use crate::certify::{self, Request};
use crate::check::Log;
use crate::failure::{Failure, HostCode};
use crate::map::Source;
use crate::outputs::{Kind, Outputs};
use crate::produce::output::NewFile;
use crate::produce::{event_json, writer};
use crate::report::{self, Report};
use crate::result::ResultFile;
use crate::sign::Signer;
use crate::summary;

/// Bytes that are compared at once.
const COMPARED_BYTES: usize = 1 << 20;

/// Flags of `omega check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega check alice.omega bob.omega
  omega check server.omega phone.jsonl
  omega check alice.omega bob.omega --certify --key omega.key

With --certify the verdict starts a chain of certificates, which has judged
nothing before; reconcile and certify go on with one. JSON inputs are then kept
as logs beside them: whoever verifies needs those.")]
pub struct Args {
    /// Logs to compare: .omega, JSON (one event or an array), or JSON lines
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// Where a crash folder is left when the logs conflict
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub crash_dir: PathBuf,
    /// Leave no crash folder
    #[arg(long, conflicts_with = "crash_dir")]
    pub no_crash_folder: bool,
    /// Sign the verdict too, whichever it is
    #[arg(long)]
    pub certify: bool,
    /// The private key to sign with
    #[arg(long, value_name = "FILE", default_value = "omega.key", requires = "certify")]
    pub key: PathBuf,
    /// The chain that the certificate starts
    #[arg(long, value_name = "FILE", default_value = "cert.log", requires = "certify")]
    pub cert_log: PathBuf,
    /// Where the certificate goes
    #[arg(long, value_name = "FILE", default_value = "omega.cert", requires = "certify")]
    pub output: PathBuf,
    /// How many processors.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

/// Judges the logs as one batch from nothing; certifies the verdict where that was asked for.
pub fn run(args: Args) -> Result<Report, Failure> {
    if args.certify && args.logs.iter().any(|log| log.as_os_str() == "-") {
        return Err(Failure::usage("--certify judges twice, and standard input can be read only once")
            .hint("Write it to a file first: whoever verifies needs that log, too."));
    }
    if args.certify {
        before_judging(&args)?;
    }
    let kernel = batch::kernel(None, args.jobs.jobs)?;
    let open = |path: &PathBuf| Opened::new(path, args.certify);
    let opened = args.logs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let logs: Vec<Log<'_>> = opened.iter().map(|opened| Log::whole(&opened.source)).collect();
    let (mut session, _) = batch::session(&kernel, None)?;
    let outcome = batch::judge(&kernel, &mut session, &logs, 0)?;
    let mut report = summary::report("check", &outcome.core, &outcome.observations)?;
    let result = ResultFile {
        batch_id: 1,
        replay_seed: 0,
        by_component: kernel.runs_component(),
        binding: batch::binding(&kernel)?,
        body: outcome.judged.verdict.body,
    };
    if outcome.core.verdict == VerdictKind::Obstruction && !args.no_crash_folder {
        report = batch::leave_corpse(report, &args.crash_dir, &kernel, &logs, None, &result);
    }
    if args.certify {
        let inputs: Vec<PathBuf> = opened.iter().map(|opened| opened.source.path().to_owned()).collect();
        report = match certified(&args, result, inputs, report.clone()) {
            Ok(report) => report,
            Err(failure) => not_certified(&report, &failure),
        };
    }
    Ok(report)
}

/// What stands against a certificate whatever the logs say, while nothing was read yet.
fn before_judging(args: &Args) -> Result<(), Failure> {
    Outputs::default()
        .reads("a log to compare", &args.logs)
        .reads("--key", [&args.key])
        .appends("--cert-log", &args.cert_log)
        .writes("--output", &args.output, Kind::Certificate)
        .check()?;
    Signer::load(&args.key)?;
    certify::no_chain_yet(&args.cert_log)
}

/// The failure, and behind it all that was judged: the verdict stands, though nobody signed it.
fn not_certified(judged: &Report, failure: &Failure) -> Report {
    let told = report::to_people(judged);
    let report = told.lines().fold(Report::failed("check", failure), Report::line);
    let Value::Object(fields) = judged.to_json() else { return report };
    let common = ["command", "outcome", "exit", "code", "number", "message", "hint"];
    let own = fields.into_iter().filter(|(name, _)| !common.contains(&name.as_str()));
    own.fold(report, |report, (name, value)| report.field(&name, value)).field(
        "certified",
        json!({ "failed": {
            "code": failure.code.name(),
            "number": failure.code.number(),
            "message": failure.message,
            "hint": failure.hint,
        } }),
    )
}

/// Signs and chains the verdict; the logs are judged again before that.
fn certified(
    args: &Args,
    result: ResultFile,
    inputs: Vec<PathBuf>,
    report: Report,
) -> Result<Report, Failure> {
    let kept = inputs.iter().zip(&args.logs).filter(|(log, given)| log != given);
    let report = kept.fold(report, |report, (log, given)| {
        report.line(format!(
            "  {} is kept as {}: give that to those who verify",
            given.display(),
            log.display()
        ))
    });
    let request = Request {
        result,
        keys: vec![args.key.clone()],
        threshold: None,
        origin: None,
        cert_log: args.cert_log.clone(),
        output: args.output.clone(),
        inputs,
        snapshot: None,
        kernels: Vec::new(),
        engines: Vec::new(),
        jobs: args.jobs.jobs,
    };
    let certified = certify::certify(&request)?;
    let output = args.output.display().to_string();
    Ok(report
        .line(format!("  certified in {output}, signed as {}", certified.statement.name()))
        .field("certified", json!({ "failed": null, "height": certified.certificate.fields().height.to_string(), "statement": certified.statement.name() }))
        .field("certificate", output)
        .field("chain_id", data_encoding::HEXLOWER.encode(&certified.certificate.chain_id())))
}

/// A log, or what JSON was turned into: unless it is kept, that file goes when this does.
struct Opened {
    source: Source,
    _converted: Option<NamedTempFile>,
}

impl Opened {
    fn new(path: &Path, keep: bool) -> Result<Self, Failure> {
        let source = Source::open(path)?;
        if !is_json(&source)? {
            return Ok(Opened { source, _converted: None });
        }
        if keep {
            let log = path.with_extension("omega");
            if log.symlink_metadata().is_ok() {
                return Self::kept_before(&source, path, log);
            }
            let file = NewFile::create(&log, false)?;
            let (file, _) = event_json::to_log(source.reader(), path, &writer::log_name(path), file, &log)?;
            source.unchanged()?;
            file.finish()?;
            return Ok(Opened { source: Source::open(log)?, _converted: None });
        }
        let (converted, _) = event_json::to_temporary_log(source.reader(), path)?;
        source.unchanged()?;
        Ok(Opened { source: Source::open(converted.path())?, _converted: Some(converted) })
    }

    /// A log of the name that JSON would be kept under: it must be what the JSON converts to.
    fn kept_before(json: &Source, path: &Path, log: PathBuf) -> Result<Self, Failure> {
        let (converted, _) = event_json::to_temporary_log(json.reader(), path)?;
        json.unchanged()?;
        let kept = Source::open(&log)?;
        if is_same(&Source::open(converted.path())?, &kept)? {
            return Ok(Opened { source: kept, _converted: None });
        }
        let message =
            format!("{} exists already, and is not what {} converts to", log.display(), path.display());
        Err(Failure::new(HostCode::WriteFailed, message)
            .hint("Move it away, or give the JSON file another name: its log is kept beside it.")
            .file(log))
    }
}

/// Whether both hold the same bytes.
fn is_same(a: &Source, b: &Source) -> Result<bool, Failure> {
    let (mut left, mut right) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    let mut at = 0;
    while a.len() == b.len() && at < a.len() {
        let count = a.read_at(at, &mut left)?;
        b.read_at(at, &mut right)?;
        if left[..count] != right[..count] {
            return Ok(false);
        }
        at += count as u64;
    }
    Ok(a.len() == b.len())
}

/// Whether the first byte that is not white space opens a JSON value (a byte order mark, too, leads
/// to the JSON reader, which says what is wrong with it). Whatever else it is, the kernel names.
fn is_json(source: &Source) -> Result<bool, Failure> {
    let mut start = [0; 512];
    let count = source.read_at(0, &mut start)?;
    let first = start[..count].iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(matches!(first, Some(b'{' | b'[')) || start.starts_with(b"\xEF\xBB\xBF"))
}
