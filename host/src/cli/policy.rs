//! `omega policy`: who may sign a chain, and how that changes.

use std::path::{Path, PathBuf};

use omega_kernel::policy::{Key, Policy};
use omega_verify::hex::encode as hex;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::keys;
use crate::outputs::{Kind, Outputs};
use crate::policy_change::{self, Change, History, InChain, Place, Proposal, Reign, Signing};
use crate::report::{Outcome, Report, plural, wrap};
use crate::sign::Signer;
use crate::store::CertLog;

/// Flags of `policy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a policy.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Who may sign a chain, since when, and who could before; what a proposal changes
    Show(ShowArgs),
    /// Propose another policy; the keys that must agree sign the file that this makes
    Propose(ProposeArgs),
    /// Sign a proposal; put it into the chain once enough have signed
    Sign(SignArgs),
}

/// Flags of `policy show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega policy show --cert-log cert.log
  omega policy show --cert-log cert.log --known alice.pub --known bob.pub
  omega policy show --proposal policy.proposal
  omega policy show --proposal policy.proposal --cert-log cert.log

The chain is followed from its genesis. Whether it is one to trust is not asked
here: `omega verify --cert-log` answers that.")]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["cert_log", "proposal"])))]
pub struct ShowArgs {
    /// The chain
    #[arg(long, alias = "cert_log", value_name = "FILE")]
    pub cert_log: Option<PathBuf>,
    /// A proposed change: what it changes, who has signed, who must still
    #[arg(long, value_name = "FILE")]
    pub proposal: Option<PathBuf>,
    /// A public key to show by its file's name; repeat it for each
    #[arg(long, value_name = "KEY.pub")]
    pub known: Vec<PathBuf>,
}

/// Flags of `policy propose`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega policy propose --cert-log cert.log --add carol.pub --key alice.key
  omega policy propose --cert-log cert.log --remove bob.pub --threshold 1
  omega policy propose --cert-log cert.log --remove 8dd3073f… --add new.pub

The change must be signed by as many keys of the policy in force as that
demands, and by each key that it adds: pass the file on, `omega policy sign`
signs it. It must get into the chain before any other certificate does.")]
pub struct ProposeArgs {
    /// The chain
    #[arg(long, alias = "cert_log", value_name = "FILE", default_value = "cert.log")]
    pub cert_log: PathBuf,
    /// A public key that may sign from then on: hex, OpenSSH line, or a file; repeat it for each
    #[arg(long, value_name = "KEY")]
    pub add: Vec<String>,
    /// A public key that may sign no longer; repeat it for each
    #[arg(long, value_name = "KEY")]
    pub remove: Vec<String>,
    /// Keys that must sign from then on [default: as many as now]
    #[arg(long, value_name = "T")]
    pub threshold: Option<u16>,
    /// Where the proposal goes
    #[arg(long, value_name = "FILE", default_value = "policy.proposal")]
    pub output: PathBuf,
    /// A private key to sign it with at once; repeat it for each
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
}

/// Flags of `policy sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega policy sign --proposal policy.proposal --key bob.key
  omega policy sign --proposal policy.proposal --key bob.key --cert-log cert.log
  omega policy sign --proposal policy.proposal --copy from-carol.proposal \\
      --cert-log cert.log

Look first: `omega policy show --proposal`. Where the chain is at hand and
enough have signed, the change is put into it and holds from the next
certificate on. Where more must sign, the exit code is 0 and the JSON object
says whose signatures are missing.")]
pub struct SignArgs {
    /// The proposal; its signatures are added to this file
    #[arg(long, value_name = "FILE", default_value = "policy.proposal")]
    pub proposal: PathBuf,
    /// A private key to sign with; repeat it for each
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// A copy of the proposal that others have signed: their signatures are taken over
    #[arg(long = "copy", value_name = "FILE")]
    pub copies: Vec<PathBuf>,
    /// The chain that it goes into
    #[arg(long, alias = "cert_log", value_name = "FILE")]
    pub cert_log: Option<PathBuf>,
}

/// Does it.
pub fn run(args: Args) -> Result<Report, Failure> {
    match args.action {
        Action::Show(args) => show(&args),
        Action::Propose(args) => propose(&args),
        Action::Sign(args) => sign(args),
    }
}

fn show(args: &ShowArgs) -> Result<Report, Failure> {
    let names = Names::read(&args.known)?;
    let proposal = args.proposal.as_deref().map(Proposal::read).transpose()?;
    let history = args.cert_log.as_deref().map(History::read).transpose()?;
    let mut report = Report::new("policy", Outcome::Ok);
    if let Some(history) = &history {
        report = in_force(report, history, &names);
    }
    if let Some(proposal) = &proposal {
        report = proposed(report, proposal, &names, history.is_none());
    }
    if let (Some(proposal), Some(cert_log)) = (&proposal, &args.cert_log) {
        let stored = policy_change::place(proposal, &CertLog::open(cert_log)?, cert_log)? != Place::Next;
        report = report.field("stored", stored).line(match stored {
            true => "  the chain holds it".to_owned(),
            false => "  it would be the chain's next certificate".to_owned(),
        });
    }
    Ok(report)
}

/// The policy in force, and those before it.
fn in_force(report: Report, history: &History, names: &Names) -> Report {
    let Some((now, before)) = history.reigns.split_last() else { return report };
    let needed = demand(&now.policy);
    let since = now.since;
    let mut report = report
        .message(format!(
            "{needed} must sign, since height {since}; the chain is at height {}",
            history.head.height
        ))
        .field("chain_id", hex(&history.head.chain_id))
        .field("height", history.head.height.to_string())
        .field("policy", reign(now, names))
        .field("earlier", before.iter().map(|before| reign(before, names)).collect::<Vec<_>>())
        .field("torn_tail_bytes", history.tail_bytes);
    for key in now.policy.keys() {
        report = report.line(format!("  {}", names.line(key)));
    }
    for (place, old) in before.iter().enumerate().rev() {
        let until = history.reigns[place + 1].since - 1;
        report = report.line(format!("  heights {} to {until}: {}", old.since, demand(&old.policy)));
        for key in old.policy.keys().iter().filter(|key| !now.policy.holds(key)) {
            report = report.line(format!("    {} (no longer)", names.line(key)));
        }
    }
    match history.tail_bytes {
        0 => report,
        bytes => {
            report.line(format!("  {} behind the last certificate cannot be read", plural(bytes, "byte")))
        }
    }
}

fn reign(reign: &Reign, names: &Names) -> Value {
    json!({
        "since_height": reign.since.to_string(),
        "stated_at_height": reign.stated_at.to_string(),
        "policy_hash": hex(&reign.policy.hash()),
        "threshold": reign.policy.threshold(),
        "keys": names.list(reign.policy.keys()),
    })
}

/// What a proposal changes, who has signed, who must still; `alone` where it is all that is shown.
fn proposed(report: Report, proposal: &Proposal, names: &Names, alone: bool) -> Report {
    let (now, next, standing) = (proposal.in_force(), proposal.next(), proposal.standing());
    let (added, removed) = (proposal.added(), proposal.removed());
    let fields = proposal.certificate().fields();
    let sentence = format!("proposed for height {}: {}", fields.height, words(proposal));
    let mut report = match alone {
        true => report.message(sentence),
        false => report.line(wrap(&format!("  {sentence}"), "  ")),
    };
    for (mark, key) in
        added.iter().map(|key| ("adds   ", key)).chain(removed.iter().map(|key| ("removes", key)))
    {
        report = report.line(format!("  {mark} {}", names.line(key)));
    }
    for key in standing.approved.iter().chain(&standing.added_approved) {
        report = report.line(format!("  signed  {}", names.line(key)));
    }
    for key in &standing.must {
        report = report.line(format!("  MISSING {} (it is added)", names.line(key)));
    }
    if standing.needed > 0 {
        report = report.line(format!("  MISSING {} of:", standing.needed));
        for key in &standing.may {
            report = report.line(format!("          {}", names.line(key)));
        }
    }
    report.field(
        "proposal",
        json!({
            "chain_id": hex(&proposal.certificate().chain_id()),
            "chain_hash": hex(&proposal.certificate().chain_hash()),
            "height": fields.height.to_string(),
            "threshold_now": now.threshold(),
            "threshold_then": next.threshold(),
            "keys_then": names.list(next.keys()),
            "adds": names.list(&added),
            "removes": names.list(&removed),
            "approved": names.list(&[standing.approved.clone(), standing.added_approved.clone()].concat()),
            "must_sign": names.list(&standing.must),
            "may_sign": names.list(&standing.may),
            "needed_of_may_sign": standing.needed,
            "complete": proposal.complete(),
        }),
    )
}

/// A change in words.
fn words(proposal: &Proposal) -> String {
    let (now, next) = (demand(proposal.in_force()), demand(proposal.next()));
    let state = match proposal.complete() {
        true => "enough have signed".to_owned(),
        false => missing(proposal),
    };
    match now == next {
        true => format!("{next} must sign, as now; {state}"),
        false => format!("{next} must sign, now {now}; {state}"),
    }
}

fn missing(proposal: &Proposal) -> String {
    let standing = proposal.standing();
    let total = standing.needed + standing.must.len();
    format!("{} missing", plural(total, "signature"))
}

fn demand(policy: &Policy) -> String {
    format!("{} of {}", policy.threshold(), plural(policy.keys().len(), "key"))
}

fn propose(args: &ProposeArgs) -> Result<Report, Failure> {
    Outputs::default()
        .reads("--cert-log", [&args.cert_log])
        .reads("--key", &args.keys)
        .writes("--output", &args.output, Kind::Proposal)
        .check()?;
    let change = Change { add: public(&args.add)?, remove: public(&args.remove)?, threshold: args.threshold };
    let signers = Signer::load_all(&args.keys)?;
    let proposal = policy_change::propose(&args.cert_log, &change, &signers)?;
    proposal.write(&args.output)?;
    let output = args.output.display().to_string();
    let next = match proposal.complete() {
        true => format!(
            "Put it into the chain: omega policy sign --proposal {output} --cert-log {}",
            args.cert_log.display()
        ),
        false => format!("Pass {output} on: omega policy sign --proposal {output} --key KEY"),
    };
    let report = proposed(Report::new("policy", Outcome::Ok), &proposal, &Names::default(), true);
    Ok(report.field("output", output).hint(next))
}

fn public(texts: &[String]) -> Result<Vec<Key>, Failure> {
    texts.iter().map(|text| keys::public_key_or_file(text)).collect()
}

fn sign(args: SignArgs) -> Result<Report, Failure> {
    if args.keys.is_empty() && args.copies.is_empty() && args.cert_log.is_none() {
        return Err(Failure::usage("there is nothing to do").hint(
            "--key signs, --copy takes signatures over, --cert-log names the chain that it goes into.",
        ));
    }
    let mut outputs = Outputs::default().reads("--key", &args.keys).reads("--copy", &args.copies).writes(
        "--proposal",
        &args.proposal,
        Kind::Proposal,
    );
    if let Some(cert_log) = &args.cert_log {
        outputs = outputs.appends("--cert-log", cert_log);
    }
    outputs.check()?;
    let signing =
        Signing { proposal: args.proposal, copies: args.copies, keys: args.keys, cert_log: args.cert_log };
    let signed = policy_change::sign(&signing)?;
    let proposal = &signed.proposal;
    let (file, log) = (signing.proposal.display().to_string(), signing.cert_log.as_deref());
    let height = proposal.certificate().fields().height;
    let from = height.saturating_add(1);
    let report = proposed(Report::new("policy", Outcome::Ok), proposal, &Names::default(), true);
    let report = report
        .field("signatures_added", signed.added)
        .field("output", &file)
        .field("in_force_from", None::<String>);
    let names = |log: Option<&Path>| log.map_or(String::new(), |log| log.display().to_string());
    Ok(match &signed.chain {
        InChain::NotAsked if proposal.complete() => report.hint(format!(
            "Enough have signed. Put it into the chain: omega policy sign --proposal {file} --cert-log LOG"
        )),
        InChain::NotAsked | InChain::Waiting => {
            report.hint(format!("Pass {file} on: omega policy sign --proposal {file} --key KEY"))
        }
        InChain::Appended(recovery) => {
            let log = names(log);
            let sentence = format!(
                "in force from height {from} on: {} must sign; kept in {log} at height {height}",
                demand(proposal.next())
            );
            let mut report = report.message(sentence).field("in_force_from", from.to_string());
            if let Some(torn) = &recovery.torn {
                report =
                    report.line(format!("  an unfinished append of {} bytes was cut from {log}", torn.bytes));
            }
            if let Some(error) = &recovery.sidecar_error {
                report = report
                    .line(format!("  the index could not be written ({error}); it is made again next time"));
            }
            report.hint(format!(
                "Whoever trusts single keys must learn of the change: omega policy show --cert-log {log}"
            ))
        }
        InChain::Stored(new) => report
            .message(format!(
                "the chain holds this change already, at height {height}; {} added to it",
                plural(*new, "signature")
            ))
            .field("in_force_from", from.to_string()),
    })
}

/// Names of keys: those of the files that hold them.
#[derive(Debug, Default)]
struct Names(Vec<(Key, String)>);

impl Names {
    fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let name = |file: &PathBuf| {
            let key = keys::public_key_or_file(&file.to_string_lossy())?;
            let stem = file.file_stem().unwrap_or(file.as_os_str());
            Ok((key, stem.to_string_lossy().chars().filter(|c| !c.is_control()).collect()))
        };
        files.iter().map(name).collect::<Result<_, _>>().map(Names)
    }

    fn of(&self, key: &Key) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, name)| name.as_str())
    }

    fn line(&self, key: &Key) -> String {
        match self.of(key) {
            Some(name) => format!("{name} {}", hex(key)),
            None => hex(key),
        }
    }

    fn list(&self, keys: &[Key]) -> Vec<Value> {
        keys.iter().map(|key| json!({ "key": hex(key), "name": self.of(key) })).collect()
    }
}
