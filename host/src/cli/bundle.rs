//! `omega bundle`: evidence and everything that verifies it, as one file for a browser.

use std::path::PathBuf;

use serde_json::json;

use super::evidence::EvidenceArgs;
use crate::bundle::{Bundle, Finding, Gathered, Request, Written};
use crate::failure::Failure;
use crate::outputs::{Kind, Outputs};
use crate::report::{Outcome, Report, plural, wrap};
use crate::summary::grouped;

/// Flags of `omega bundle`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega bundle --cert omega.cert --input alice.omega --input bob.omega
  omega bundle --cert-log cert.log --input a.omega --trust omega.pub \\
      --output evidence.html
  omega bundle --cert conflict.cert --without-logs
  omega bundle --cert omega.cert --proof event.proof --without-logs

The file opens in a browser, from disk and offline, and verifies at once what is
in it. It cannot vouch for itself: its maker could have changed the page. Give
the digests that are printed here by another way, or let readers drop the file
on a verify page of their own. Keys that go with it are a claim of yours;
without them each reader says whom to believe.

0: written, and the evidence is right. 20, 30: what `omega verify` says; nothing
is written then, unless --even-if-it-fails.")]
#[command(group(clap::ArgGroup::new("whom").args(["policy", "trust"])))]
pub struct Args {
    /// The evidence.
    #[command(flatten)]
    pub named: EvidenceArgs,
    /// A proof about one of the certificates; repeat it for each
    #[arg(long = "proof", value_name = "FILE")]
    pub proofs: Vec<PathBuf>,
    /// Leave logs and snapshot out: a conflict or a proof shows what it shows without
    #[arg(long)]
    pub without_logs: bool,
    /// A trust policy (TOML) that goes with it
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// A public key that goes with it: hex, OpenSSH line, or a file; repeat it for each
    #[arg(long, value_name = "KEY")]
    pub trust: Vec<String>,
    /// The newest certificate you know: its chain hash, or its file
    #[arg(long, value_name = "HASH|FILE")]
    pub head: Option<String>,
    /// A checker beside the one built in; repeat it for each
    #[arg(long = "kernel", value_name = "FILE")]
    pub kernels: Vec<PathBuf>,
    /// The verify page to put it into [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// Write it also where the evidence is wrong or could not be checked
    #[arg(long)]
    pub even_if_it_fails: bool,
    /// Where the evidence file goes
    #[arg(long, value_name = "FILE", default_value = "evidence.html")]
    pub output: PathBuf,
}

/// Verifies, and writes the file where the evidence is right, or was asked for as it is.
pub fn run(args: Args) -> Result<Report, Failure> {
    outputs(&args).check()?;
    let request = Request {
        evidence: args.named.evidence()?,
        inputs: args.named.inputs,
        snapshot: args.named.snapshot,
        policy: args.policy,
        keys: args.trust,
        head: args.head,
        kernels: args.kernels,
        proofs: args.proofs,
        without_logs: args.without_logs,
        even_if_it_fails: args.even_if_it_fails,
        page: args.page,
    };
    let bundle = match Bundle::gather(&request)? {
        Gathered::Ready(bundle) => bundle,
        Gathered::Refused(finding) => return Ok(refused(&finding)),
    };
    let written = bundle.write(&args.output)?;
    Ok(report(&args.output.display().to_string(), &request, &bundle, &written))
}

fn outputs(args: &Args) -> Outputs {
    let trust: Vec<PathBuf> = args.trust.iter().chain(&args.head).map(PathBuf::from).collect();
    Outputs::default()
        .reads("--cert", &args.named.cert)
        .reads("--cert-log", &args.named.cert_log)
        .reads("--input", &args.named.inputs)
        .reads("--snapshot", &args.named.snapshot)
        .reads("--proof", &args.proofs)
        .reads("--policy", &args.policy)
        .reads("--trust or --head", &trust)
        .reads("--kernel", &args.kernels)
        .reads("--page", &args.page)
        .writes("--output", &args.output, Kind::Evidence)
}

/// The evidence is not right, and nothing was written.
fn refused(finding: &Finding) -> Report {
    let report = found(finding).hint(format!(
        "{}Nothing was written: --even-if-it-fails writes evidence of what is wrong.",
        hint(finding).map_or(String::new(), |hint| format!("{hint} "))
    ));
    report.field("output", None::<String>)
}

fn report(output: &str, request: &Request, bundle: &Bundle, written: &Written) -> Report {
    let size = grouped(&written.bytes.to_string());
    let parts = plural(bundle.entries().len() as u64, "part");
    let finding = &bundle.finding;
    let said = message(finding);
    let mut report = match finding.code {
        None => found(finding).message(format!("{output} has {parts}, {size} bytes; {said}")),
        Some(_) => {
            let report = found(finding)
                .message(format!("{said}. {output} was written all the same: {parts}, {size} bytes"));
            match hint(finding) {
                Some(hint) => report.hint(hint),
                None => report,
            }
        }
    };
    for entry in bundle.entries() {
        let bytes = grouped(&entry.bytes.to_string());
        let shown = entry.name.replace(char::is_control, "\u{fffd}");
        report = report
            .line(format!("  part        {:<17}{shown}, {bytes} bytes", entry.role.name()))
            .line(format!("              BLAKE3 {}", entry.blake3));
    }
    for note in notes(request, bundle) {
        report = report.line(wrap(&format!("  note        {note}"), "              "));
    }
    report
        .line(format!("  {output}"))
        .line(format!("     SHA-256  {}", written.sha256))
        .line(format!("     BLAKE3   {}", written.blake3))
        .line("  It cannot vouch for itself: give its digest by another way than the file.")
        .field("output", output)
        .field("bytes", written.bytes)
        .field("sha256", &written.sha256)
        .field("blake3", &written.blake3)
        .field("frame_sha256", bundle.frame())
        .field("parts", bundle.entries())
        .field("left_out", bundle.left_out())
        .field("trust", whom(request))
}

/// What verifying came to, as far as both answers have it.
fn found(finding: &Finding) -> Report {
    let outcome = finding.code.map_or(Outcome::Ok, Outcome::from);
    let mut report = Report::new("bundle", outcome).message(message(finding));
    if let Some(code) = finding.code {
        report = report.code(code.name(), code.number());
    }
    let said = finding.report.to_json();
    let kept =
        ["outcome", "exit", "code", "number", "message", "hint", "verdict", "height", "checks", "proof"];
    let kept: serde_json::Map<_, _> =
        kept.iter().filter_map(|name| Some(((*name).to_owned(), said.get(*name)?.clone()))).collect();
    report = report.field("verification", json!(kept));
    finding.lines.iter().fold(report, |report, line| report.line(line))
}

fn message(finding: &Finding) -> String {
    finding.report.to_json()["message"].as_str().unwrap_or_default().to_owned()
}

fn hint(finding: &Finding) -> Option<String> {
    finding.report.to_json()["hint"].as_str().map(str::to_owned)
}

fn whom(request: &Request) -> Option<&'static str> {
    match (&request.policy, request.keys.is_empty()) {
        (Some(_), _) => Some("policy"),
        (None, false) => Some("keys"),
        (None, true) => None,
    }
}

/// What people should know of what is in it, and of what is not.
fn notes(request: &Request, bundle: &Bundle) -> Vec<String> {
    let mut notes = Vec::new();
    if !bundle.left_out().is_empty() {
        notes.push(format!("left out, as asked: {}", bundle.left_out().join(", ")));
    }
    if bundle.without_logs {
        notes.push("it has no logs: whoever opens it cannot have them judged again from it".to_owned());
    }
    notes.push(match whom(request) {
        None => {
            "no key goes with it: whoever opens it says whom to believe. Here, whoever signed was accepted"
                .to_owned()
        }
        Some(_) => {
            "whom to believe goes with it as your claim; whoever opens it should compare the keys".to_owned()
        }
    });
    for kernel in &bundle.unused_kernels {
        notes.push(format!("no verdict names the checker in {kernel}: it was left out"));
    }
    notes
}
