//! `omega audit`: a checker, anybody's, judges again what a chain certified, batch by batch.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use omega_kernel::body::VerdictKind;
use omega_kernel::fault::FaultCode;
use omega_verify::hex::encode as hex;
use serde_json::{Value, json};

use crate::audit::{self, Answer, Audited, Batch, Request};
use crate::engine::{Engine, Limits};
use crate::failure::{Code, Failure, HostCode};
use crate::report::{Outcome, Report, plural, wrap};

/// Batches that people read about one by one.
const LINES: usize = 20;
const MIB: u64 = 1 << 20;

/// Flags of `omega audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega audit --kernel theirs.wasm --cert-log cert.log \\
      --input a.omega --input b.omega
  omega audit --engines cranelift,pulley,native --cert-log cert.log \\
      --input a.omega --input b.omega
  omega audit --kernel theirs.wasm --cert-log cert.log --input a.omega \\
      --snapshot after41.snap --from 42 --time 2 --memory 256

0: every verdict came out as certified, and all say that the logs agree.
10: every verdict came out as certified, and a conflict is among them.
20: a batch got another verdict than the certified one.
30: a batch could not be checked: the checker trapped, ran into a limit or gave
no verdict; a log, a state or the chain's end is not at hand; engines differ.
20 outranks 30, 30 outranks 10.

The checker runs in a sandbox: it is given no imports, and memory, time and
output under limits; one that is not built in is compiled in a process of its
own. Each batch is also judged by the checker that its certificate names, so
that the audit goes on where theirs differs. Who signed the chain is not asked
here: `omega verify` answers that.")]
pub struct Args {
    /// The checker to audit with [default: the one built in]
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// The chain
    #[arg(long, alias = "cert_log", value_name = "FILE")]
    pub cert_log: PathBuf,
    /// A log that was judged; repeat it for each
    #[arg(long = "input", value_name = "LOG", required = true)]
    pub inputs: Vec<PathBuf>,
    /// State to start from [default: the chain's beginning]
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Run the checker under each of these, and compare what they give
    #[arg(long, value_name = "ENGINE,…", value_delimiter = ',', value_enum)]
    pub engines: Vec<Engine>,
    /// A checker that the certificates name, beside the one built in; repeat it for each
    #[arg(long = "reference", value_name = "FILE")]
    pub references: Vec<PathBuf>,
    /// The first height to audit
    #[arg(long, value_name = "HEIGHT")]
    pub from: Option<u64>,
    /// The last height to audit
    #[arg(long, value_name = "HEIGHT")]
    pub to: Option<u64>,
    /// List all batches, not only those that did not agree
    #[arg(long)]
    pub each: bool,
    /// Memory that the checker may have [default: 512 MiB and 4 bytes for each byte of input]
    #[arg(long, value_name = "MIB", value_parser = RangedU64ValueParser::<u64>::new().range(1..=4096))]
    pub memory: Option<u64>,
    /// Time that it has for a batch, fourfold where it is interpreted [default: 10 and one for each 2 MiB of input]
    #[arg(long, value_name = "SECONDS", value_parser = RangedU64ValueParser::<u64>::new().range(1..=86400))]
    pub time: Option<u64>,
    /// What one of its answers may have [default: 16]
    #[arg(long, value_name = "MIB", value_parser = RangedU64ValueParser::<u64>::new().range(1..=1024))]
    pub output: Option<u64>,
    /// Batches in a row without an answer after which it is asked no more
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    pub give_up: u32,
}

/// Audits.
pub fn run(args: Args) -> Result<Report, Failure> {
    let mut engines = args.engines.clone();
    engines.dedup();
    Engine::once_each(&engines)?;
    if args.kernel.is_some() && engines.contains(&Engine::Native) {
        return Err(Failure::usage("a checker from a file has no native build")
            .hint("Leave native away, or leave --kernel away to audit with the checker that is built in."));
    }
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(Failure::usage(format!("no height lies from {from} to {to}")));
    }
    let request = Request {
        limits: limits(&args),
        cert_log: args.cert_log,
        inputs: args.inputs,
        snapshot: args.snapshot,
        kernel: args.kernel,
        engines,
        references: args.references,
        from: args.from,
        to: args.to,
        give_up: args.give_up,
        each: args.each,
    };
    let audited = audit::audit(&request)?;
    Ok(report(&request, &audited))
}

/// A limit that is given holds whatever the size of the input is.
fn limits(args: &Args) -> Limits {
    let mut limits = Limits::default();
    if let Some(memory) = args.memory {
        limits.memory_bytes = memory * MIB;
        limits.memory_bytes_max = memory * MIB;
    }
    if let Some(time) = args.time {
        limits.base_time = Duration::from_secs(time);
        limits.bytes_per_second = u64::MAX;
    }
    if let Some(output) = args.output {
        limits.output_bytes = (output * MIB) as usize;
    }
    limits
}

fn report(request: &Request, audited: &Audited) -> Report {
    let report = answer(request, audited)
        .field("kernel_hash", hex(&audited.kernel_hash))
        .field("engines", &audited.engines)
        .field("cert_log", request.cert_log.display().to_string())
        .field("chain_id", audited.chain_id.map(|hash| hex(&hash)))
        .field("verdicts", audited.verdicts)
        .field("left_out", audited.left_out)
        .field("audited", audited.audited())
        .field("agreed", audited.agreed)
        .field("conflicts", audited.conflicts)
        .field("differed", audited.differed)
        .field("engines_differed", audited.engines_differed)
        .field("unchecked", audited.unchecked)
        .field("first_difference", audited.first_difference.as_ref().map(batch))
        .field("batches", audited.batches.iter().map(batch).collect::<Vec<_>>())
        .field("not_listed", audited.not_listed)
        .field("unused_inputs", &audited.unused)
        .field("torn_tail_bytes", audited.tail_bytes);
    people(report, audited)
}

/// Outcome, code and sentence.
fn answer(request: &Request, audited: &Audited) -> Report {
    let failed = |failure: Failure| Report::failed("audit", &failure);
    let broken = |exit| audited.stopped.as_ref().filter(|failure| failure.code.exit() == exit);
    if let Some(failure) = broken(20) {
        return failed(failure.clone());
    }
    let split = audited.differed == 0 && audited.engines_differed > 0;
    if let Some((batch, (who, difference))) =
        audited.first_difference.as_ref().and_then(|batch| Some((batch, batch.difference()?)))
    {
        let place = format!("height {}, batch {}", batch.height, batch.batch_id);
        let byte = difference.byte.map_or(String::new(), |byte| format!(" (byte {byte} of the body)"));
        let what = format!("{}{byte}", difference.sentence);
        let under = match audited.engines.len() {
            1 => String::new(),
            _ => format!(" under {who}"),
        };
        return failed(match (split, who) {
            (true, engine) => {
                let first = audited.engines.first().copied().unwrap_or_default();
                let message = format!("{place}: {engine} gives another result than {first}: {what}");
                Failure::new(HostCode::EnginesDiffer, message)
                    .hint("One component must give the same bytes everywhere: please report this.")
            }
            (false, "named") => differs(format!(
                "{place}: the very checker that the certificate names does not give its verdict: {what}"
            ))
            .hint("The certificate does not state what its checker finds in these logs."),
            (false, _) => differs(format!(
                "{place}: judged by this checker{under}, the certified verdict does not come out: {what}"
            ))
            .hint(match batch.named {
                Some(Answer::Agrees) => {
                    "The checker that the certificate names gives the certified verdict on the same logs."
                }
                _ => "Judge the batch with the checker that the certificate names: omega verify --cert-log.",
            }),
        });
    }
    if let Some(failure) = broken(30) {
        return failed(failure.clone());
    }
    if let Some((batch, (engine, failure))) =
        audited.first_unchecked.as_ref().and_then(|batch| Some((batch, batch.failure()?)))
    {
        let message =
            format!("height {}, batch {} ({engine}): {}", batch.height, batch.batch_id, failure.message);
        return failed(Failure { message, ..failure.clone() });
    }
    if let Some(failure) = &audited.stopped {
        return failed(failure.clone());
    }
    if audited.audited() == 0 {
        let message = match (audited.verdicts, request.snapshot.is_some()) {
            (0, _) => "the chain holds no verdict".to_owned(),
            (all, true) => format!(
                "none of the chain's {} stands at these heights behind the snapshot",
                plural(all, "verdict")
            ),
            (all, false) => format!("none of the chain's {} stands at these heights", plural(all, "verdict")),
        };
        return failed(
            Failure::new(HostCode::CertificateMissing, message)
                .hint("`omega explain --input` tells how far the log goes.")
                .file(&request.cert_log),
        );
    }
    if audited.tail_bytes > 0 && request.to.is_none() {
        let bytes = plural(audited.tail_bytes, "byte");
        let message = format!(
            "{bytes} after the last whole certificate cannot be read: there may be a newer verdict, not audited"
        );
        return failed(
            Failure::new(HostCode::StoreTail, message)
                .hint("Ask for the log again, or audit up to a height with --to.")
                .file(&request.cert_log),
        );
    }
    let came = match audited.agreed {
        1 => "1 verdict came out as certified".to_owned(),
        agreed => format!("{agreed} verdicts came out as certified"),
    };
    match audited.conflicts {
        0 => Report::new("audit", Outcome::Agree).message(came),
        conflicts => {
            let report = Report::new("audit", Outcome::Conflict)
                .message(format!("{came}; {} among them", plural(conflicts, "conflict")));
            match audited.first_conflict {
                Some((name, number)) => report.code(name, number),
                None => report,
            }
        }
    }
}

fn differs(message: String) -> Failure {
    Failure { code: Code::Kernel(FaultCode::VerdictDiffers), message, hint: None, file: None, offset: None }
}

/// A batch as JSON.
fn batch(batch: &Batch) -> Value {
    let difference = |difference: &audit::Difference| json!({ "field": difference.field, "byte": difference.byte, "message": difference.sentence });
    let answers = batch.answers.iter().map(|(engine, answer)| match answer {
        Answer::Agrees => json!({ "engine": engine, "answer": "agrees" }),
        Answer::Differs(found) => {
            json!({ "engine": engine, "answer": "differs", "difference": difference(found) })
        }
        Answer::Failed(failure) => json!({
            "engine": engine,
            "answer": "could-not-check",
            "code": failure.code.name(),
            "number": failure.code.number(),
            "message": failure.message,
            "file": failure.file,
        }),
    });
    json!({
        "height": batch.height.to_string(),
        "batch_id": batch.batch_id.to_string(),
        "verdict": if batch.verdict == VerdictKind::Merge { "merge" } else { "obstruction" },
        "outcome": name(batch.outcome()),
        "answers": answers.collect::<Vec<_>>(),
        "named_checker": batch.named.as_ref().map(|answer| match answer {
            Answer::Agrees => "agrees",
            Answer::Differs(_) => "differs",
            Answer::Failed(_) => "could-not-check",
        }),
        "named_checker_difference": batch.named_difference().map(difference),
        "engines_differ": batch.engines.as_ref().map(|(engine, found)| json!({ "engine": engine, "difference": difference(found) })),
    })
}

fn name(outcome: audit::Outcome) -> &'static str {
    match outcome {
        audit::Outcome::Agrees => "agrees",
        audit::Outcome::Differs => "differs",
        audit::Outcome::EnginesDiffer => "engines-differ",
        audit::Outcome::Unchecked => "could-not-check",
    }
}

/// What people read.
fn people(report: Report, audited: &Audited) -> Report {
    let mut report = report.line(format!(
        "  {} audited: {} as certified, {} differ, {} could not be checked",
        audited.audited(),
        audited.agreed,
        audited.differed + audited.engines_differed,
        audited.unchecked
    ));
    report = report.line(format!(
        "  checker {}…, under {}",
        &hex(&audited.kernel_hash)[..16],
        audited.engines.join(", ")
    ));
    for batch in audited.batches.iter().take(LINES) {
        let what = match (batch.difference(), batch.failure()) {
            (Some((who, difference)), _) => format!("{who}: {}", difference.sentence),
            (None, Some((engine, failure))) => {
                format!("{engine}: {} ({})", failure.message, failure.code.name())
            }
            (None, None) => String::new(),
        };
        let line = format!("  height {:<6} {:<15} {what}", batch.height, name(batch.outcome()));
        report = report.line(wrap(line.trim_end(), "                                "));
    }
    let more = (audited.batches.len() as u64).saturating_sub(LINES as u64) + audited.not_listed;
    if more > 0 {
        report = report.line(format!("  and {more} more"));
    }
    if audited.left_out > 0 {
        report = report.line(format!(
            "  {} left out: not at these heights, or before the snapshot",
            plural(audited.left_out, "verdict")
        ));
    }
    match audited.unused.as_slice() {
        [] => report,
        unused => report.line(wrap(&format!("  given, but not judged: {}", unused.join(", ")), "  ")),
    }
}
