//! Certifying a result: hold it against its chain, judge it again where the logs are at hand, sign
//! it, store it.
//!
//! Nothing is written before everything was checked. The certificate is stored first (crash-safe,
//! see [`crate::store`]) and then written as a file of its own. What is signed as *judged* was
//! judged here, by the component itself; *vouched* is what a signer says who only stands for the
//! result.

use std::path::{Path, PathBuf};

use omega_kernel::body::{Body, Core, Observations, VerdictKind, observations_agree};
use omega_kernel::certificate::{Binding, Certificate, Genesis};
use omega_kernel::chain::ChainHead;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::policy::Policy;
use omega_kernel::signature::Statement;
use omega_verify::chain::follow;
use omega_verify::read_body;

use crate::check::Log;
use crate::engine::{Engine, Engines};
use crate::failure::{Failure, HostCode};
use crate::files;
use crate::inputs::{self, Placed};
use crate::map::Source;
use crate::outputs::Kind;
use crate::result::ResultFile;
use crate::sign::Signer;
use crate::store::{CertLog, Recovery, Store};
use crate::verify::{Ensemble, Kernels, first_difference};

/// What to certify, and with what.
#[derive(Debug)]
pub struct Request {
    /// The result.
    pub result: ResultFile,
    /// Private keys to sign with.
    pub keys: Vec<PathBuf>,
    /// Keys that must sign, for a new chain; none is all of them.
    pub threshold: Option<u16>,
    /// What a new chain is about.
    pub origin: Option<String>,
    /// The chain.
    pub cert_log: PathBuf,
    /// Where the certificate goes as a file of its own.
    pub output: PathBuf,
    /// Logs to judge again.
    pub inputs: Vec<PathBuf>,
    /// State that the batch starts from.
    pub snapshot: Option<PathBuf>,
    /// Kernels beside the one built in.
    pub kernels: Vec<PathBuf>,
    /// Engines that judge again, each of them; none is the usual one.
    pub engines: Vec<Engine>,
    /// Instances that scan side by side; none is the usual number.
    pub jobs: Option<usize>,
}

/// A certificate that was signed and stored.
#[derive(Debug)]
pub struct Certified {
    /// It.
    pub certificate: Certificate,
    /// What the signers say.
    pub statement: Statement,
    /// The engines that they name: those that agreed, where there were several.
    pub engines: Engines,
    /// The chain was started with it.
    pub new_chain: bool,
    /// The chain's signing policy.
    pub policy: Policy,
    /// What opening the log had to put right.
    pub recovery: Recovery,
}

/// Certifies.
///
/// # Errors
/// `binding-mismatch`, `state-mismatch`, `batch-not-newer`, `already-certified` where the result
/// does not belong here; `verdict-differs` where the logs do not give it; `key-not-in-policy`,
/// `threshold-unmet`; `kernel-unknown`, `not-judged-by-component`, `log-missing`,
/// `snapshot-missing`; those of keys, files and the store. Nothing is written then.
pub fn certify(request: &Request) -> Result<Certified, Failure> {
    let result = &request.result;
    let (core, observations) = Body::split(&result.body).and_then(|body| body.decode())?;
    let signers = signers(&request.keys)?;
    let mut kernels = Kernels::open(&request.kernels, request.jobs)?.under(&request.engines);
    let kernel = kernels.bound(&result.binding)?;

    let mut store = request.cert_log.exists().then(|| Store::open(&request.cert_log)).transpose()?;
    let (genesis, head) = match &store {
        Some(store) if store.record_count() > 0 => (None, chain_head(store, request, &signers)?),
        _ => {
            let keys = u16::try_from(signers.len()).unwrap_or(u16::MAX);
            let origin = request.origin.clone().unwrap_or_else(|| default_origin(&request.cert_log));
            let genesis = genesis(&origin, request.threshold.unwrap_or(keys), &signers, result.binding)?;
            let head = ChainHead::start(&genesis)?;
            (Some(genesis), head)
        }
    };
    if result.batch_id <= head.last_batch_id {
        return Err(not_newer(result.batch_id, &head));
    }
    fits(&result.binding, &head, &core)?;
    let mut certificate = head.verdict(result.batch_id, result.replay_seed, &result.body)?;
    if core.verdict == VerdictKind::Obstruction {
        kernel.rejudge(certificate.bytes())?;
    }
    let (statement, engines) = look(request, &kernel, &core, &observations)?;
    for signer in &signers {
        certificate.append_signature(signer.verdict(statement, engines, &certificate.chain_hash()))?;
    }
    // Everything once more, as any reader will check it: signatures, policy, threshold.
    head.advance(&certificate)?;

    let mut store = match store.take() {
        Some(store) => store,
        None => Store::open(&request.cert_log)?,
    };
    if genesis.is_some() && store.record_count() > 0 {
        let message = "another process has started a chain in this log meanwhile";
        let failure = Failure::new(HostCode::StoreLocked, message);
        return Err(failure
            .hint("Run the command again: it will continue that chain.")
            .file(&request.cert_log));
    }
    if let Some(genesis) = &genesis {
        store.append_certificate(genesis.bytes())?;
    }
    store.append_certificate(certificate.bytes())?;
    files::write_whole(&request.output, Kind::Certificate, certificate.bytes()).map_err(|failure| {
        let log = request.cert_log.display();
        let height = certificate.fields().height;
        failure.hint(format!("The certificate is signed and stored in {log}, at height {height}."))
    })?;
    let recovery = store.recovery().clone();
    let (new_chain, policy) = (genesis.is_some(), head.policy);
    Ok(Certified { certificate, statement, engines, new_chain, policy, recovery })
}

fn signers(paths: &[PathBuf]) -> Result<Vec<Signer>, Failure> {
    let signers = Signer::load_all(paths)?;
    match signers.is_empty() {
        true => Err(Failure::usage("no key to sign with is given").hint("`omega keygen` makes one.")),
        false => Ok(signers),
    }
}

/// Follows the stored chain to its head, and holds keys and flags against it.
fn chain_head(store: &Store, request: &Request, signers: &[Signer]) -> Result<ChainHead, Failure> {
    let mut origin = None;
    let mut certified_at = None;
    let result = &request.result;
    let followed = follow(store, &mut |link| {
        let fields = link.certificate.fields();
        let same = fields.batch_id == result.batch_id && link.certificate.body_bytes() == result.body;
        certified_at = same.then_some(fields.height);
        if let omega_kernel::certificate::Content::Genesis(genesis) = link.certificate.content() {
            origin = Some(genesis.origin.clone());
        }
    });
    if let Some(failure) = followed.stopped {
        let hint = "Nothing is signed onto a chain that is not sound. `omega verify --cert-log` says more.";
        return Err(failure.hint(hint).file(&request.cert_log));
    }
    let Some(head) = followed.head else {
        return Err(Failure::internal("a log with records, and no certificate in it"));
    };
    if let (Some(wanted), Some(origin)) = (&request.origin, origin)
        && *wanted != origin
    {
        return Err(Failure::usage(format!("this chain's origin is {origin:?} and stays that"))
            .hint("Leave --origin away, or start another chain with another --cert-log."));
    }
    let threshold = head.policy.threshold();
    if request.threshold.is_some_and(|wanted| wanted != threshold) {
        return Err(Failure::usage(format!("this chain's threshold is {threshold}"))
            .hint("Leave --threshold away; `omega policy propose` changes it."));
    }
    for (signer, path) in signers.iter().zip(&request.keys) {
        if !head.policy.holds(&signer.public_key()) {
            let message = "this key is not in the chain's signing policy";
            return Err(Failure::new(HostCode::KeyNotInPolicy, message)
                .hint(
                    "`omega policy show` lists the keys that may sign, `omega policy propose` changes them.",
                )
                .file(path));
        }
    }
    enough(signers.len(), threshold)?;
    if let Some(height) = certified_at {
        let log = request.cert_log.display();
        let message =
            format!("this result is certified already: {log}'s newest certificate, height {height}");
        return Err(Failure::new(HostCode::AlreadyCertified, message)
            .hint(format!("Nothing was signed. Verify it: omega verify --cert-log {log} --trust KEY"))
            .file(&request.cert_log));
    }
    Ok(head)
}

fn enough(given: usize, threshold: u16) -> Result<(), Failure> {
    if given >= usize::from(threshold) {
        return Ok(());
    }
    let message = format!("the chain's policy demands {threshold} signatures, and {given} keys are given");
    Err(Failure::from(Fault::new(FaultCode::ThresholdUnmet, message))
        .hint("Give each key with its own --key."))
}

/// A new chain's genesis, approved by every key. `threshold` of them sign what follows.
///
/// # Errors
/// A usage failure where the threshold does not fit the keys, or the origin is too long.
pub fn genesis(
    origin: &str,
    threshold: u16,
    signers: &[Signer],
    binding: Binding,
) -> Result<Certificate, Failure> {
    let keys: Vec<_> = signers.iter().map(Signer::public_key).collect();
    if threshold == 0 || usize::from(threshold) > keys.len() {
        let message = format!("a threshold of {threshold} does not fit {} keys", keys.len());
        return Err(
            Failure::usage(message).hint("It lies between 1 and the number of keys that start the chain.")
        );
    }
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce)
        .map_err(|error| Failure::internal(format!("the system gives no randomness: {error}")))?;
    let (origin, policy) = (origin.to_owned(), Policy::new(threshold, keys)?);
    let content = Genesis { origin, nonce, policy, state: StateCommitment::empty() };
    let mut genesis = Certificate::genesis(&content, binding).map_err(|fault| {
        Failure::from(fault).hint("An origin has at most 255 bytes and no control characters.")
    })?;
    for signer in signers {
        genesis.append_signature(signer.certificate(Statement::Approved, &genesis.chain_hash()))?;
    }
    Ok(genesis)
}

/// Where a new chain is to start: there must be none yet.
///
/// # Errors
/// A usage failure that says how to go on with the chain that is there; those of the store.
pub fn no_chain_yet(cert_log: &Path) -> Result<(), Failure> {
    if !cert_log.exists() {
        return Ok(());
    }
    let followed = follow(&CertLog::open(cert_log)?, &mut |_| ());
    let log = cert_log.display();
    match (followed.stopped, followed.head) {
        (Some(failure), _) => Err(failure.file(cert_log)),
        (None, None) => Ok(()),
        (None, Some(ChainHead { height, last_batch_id: batch, .. })) => {
            let message = format!(
                "{log} already holds a chain (newest: batch {batch}, height {height}), and check --certify only starts one"
            );
            let next = batch.saturating_add(1);
            Err(Failure::usage(message).hint(format!(
                "Name a new one with --cert-log, or go on with this one: omega reconcile --batch-id {next} --snapshot SNAP --input LOG …, then omega certify --cert-log {log}"
            )))
        }
    }
}

/// The log's file name, after the folder that it stands in.
fn default_origin(cert_log: &Path) -> String {
    let whole = std::path::absolute(cert_log).unwrap_or_else(|_| cert_log.to_owned());
    let name = |path: Option<&std::ffi::OsStr>| path.map(|name| name.to_string_lossy().into_owned());
    let folder = name(whole.parent().and_then(Path::file_name));
    let parts: Vec<_> = folder.into_iter().chain(name(whole.file_name())).collect();
    let mut origin: String = parts.join("/").chars().filter(|c| !c.is_control()).collect();
    while origin.len() > omega_kernel::limits::MAX_ORIGIN_BYTES {
        origin.pop();
    }
    origin
}

/// Whether the result belongs at the chain's head.
fn fits(binding: &Binding, head: &ChainHead, core: &Core) -> Result<(), Failure> {
    let chain = &head.binding;
    let other = if binding.kernel_hash != chain.kernel_hash {
        "kernel"
    } else if binding.checker_version != chain.checker_version {
        "checker version"
    } else if binding.schema_version != chain.schema_version || binding.schema_hash != chain.schema_hash {
        "schema"
    } else if binding.predicate_hash != chain.predicate_hash {
        "predicate catalog"
    } else if core.prior != head.state {
        let message = if head.state.id_count == 0 {
            "the result starts from a state, and the chain has accepted nothing yet"
        } else {
            "the result does not start from the state that the chain ends in"
        };
        return Err(Failure::from(Fault::new(FaultCode::StateMismatch, message)).hint(
            "Reconcile with the snapshot that this chain's last batch left (--save-snapshot, then --snapshot).",
        ));
    } else {
        return Ok(());
    };
    let message = format!("the result was made by another {other} than the chain is bound to");
    Err(Failure::from(Fault::new(FaultCode::BindingMismatch, message))
        .hint("Reconcile with the chain's kernel (--kernel FILE), or start another chain."))
}

fn not_newer(batch_id: u64, head: &ChainHead) -> Failure {
    let newest = head.last_batch_id;
    let message = format!("the result is of batch {batch_id}, and the chain is at batch {newest} already");
    Failure::new(HostCode::BatchNotNewer, message).hint(format!(
        "Batch numbers rise along a chain: omega reconcile --batch-id {} --snapshot SNAP, with the state that batch {newest} left.",
        newest.saturating_add(1)
    ))
}

/// What the signers may say, and of which engines: judges again with the logs; without, somebody must have.
fn look(
    request: &Request,
    kernel: &Ensemble,
    core: &Core,
    observations: &Observations,
) -> Result<(Statement, Engines), Failure> {
    if !request.inputs.is_empty() {
        judge_again(request, kernel, core, observations)?;
        return Ok((Statement::Judged, kernel.agreed()));
    }
    if !request.result.by_component {
        let message = "this result was made by the native build, not by the component that it names";
        return Err(Failure::new(HostCode::NotByComponent, message)
            .hint("Give the logs with --input: they are judged again, by the component."));
    }
    Ok((Statement::Vouched, Engines::UNSTATED))
}

fn judge_again(
    request: &Request,
    kernel: &Ensemble,
    core: &Core,
    observations: &Observations,
) -> Result<(), Failure> {
    let inputs = inputs::open_all(&request.inputs)?;
    let placed = inputs::place(&core.logs, &inputs)?;
    let snapshot = request.snapshot.as_deref().map(Source::open).transpose()?;
    let mut session = match &snapshot {
        Some(source) => kernel.restore(source)?,
        None => kernel.session()?,
    };
    if session.state()? != core.prior {
        if snapshot.is_some() {
            let message = "the snapshot is not the state that the result starts from";
            return Err(Fault::new(FaultCode::StateMismatch, message).into());
        }
        let message = "the result starts from a state that is not at hand";
        return Err(Failure::new(HostCode::SnapshotMissing, message)
            .hint("Give the snapshot that the batch was reconciled with, with --snapshot."));
    }
    let logs: Vec<Log<'_>> = placed.iter().map(Placed::log).collect();
    let body = kernel.judge(&mut session, &logs, request.result.replay_seed)?.verdict.body;
    let (core_again, observations_again) = read_body(&body)?;
    if body == request.result.body {
        return Ok(());
    }
    if let Some(what) = first_difference(core, &core_again) {
        return Err(differs(&what));
    }
    let grown = placed.iter().any(Placed::grown);
    observations_agree(observations, &observations_again).map_err(|fault| differs(&fault.message))?;
    if grown && observations.payload == observations_again.payload {
        let message = "a log has grown since it was judged, so the head that it ended with is gone";
        return Err(
            Failure::new(HostCode::LogGrown, message).hint("Reconcile again, then certify that result.")
        );
    }
    Err(differs("payloads were erased or heads were exchanged since"))
}

fn differs(what: &str) -> Failure {
    let message = format!("judged again, the logs do not give this result: {what}");
    Failure::from(Fault::new(FaultCode::VerdictDiffers, message))
        .hint("Nothing was signed. Reconcile the logs again, and certify that result.")
}
