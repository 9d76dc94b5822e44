//! Who may sign a chain, and how that changes: a proposal goes from signer to signer, and into the
//! chain once enough have approved it.
//!
//! Which certificate may follow which, and whose signatures it takes, are the kernel's rules
//! (`omega_kernel::chain`); here they meet files. Nothing is written before everything was checked,
//! and a signature is on disk in the proposal before the chain is touched.

use std::path::{Path, PathBuf};

use omega_kernel::certificate::Content;
use omega_kernel::chain::ChainHead;
use omega_kernel::hash::Hash;
use omega_kernel::policy::{Key, Policy};
use omega_kernel::signature::SignatureRecord;
use omega_verify::chain::{Followed, follow};
use omega_verify::hex::encode as hex;

use crate::failure::{Failure, HostCode};
use crate::sign::Signer;
use crate::store::{CertLog, Records, Recovery, Store};

pub mod proposal;

pub use proposal::{Proposal, Standing};

/// A policy of a chain, and from where on it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reign {
    /// It.
    pub policy: Policy,
    /// Height of the certificate that states it.
    pub stated_at: u64,
    /// The first height that is signed under it.
    pub since: u64,
}

/// All policies of a chain, the oldest first; the last is in force.
#[derive(Debug, Clone)]
pub struct History {
    /// The policies.
    pub reigns: Vec<Reign>,
    /// Where the chain stands.
    pub head: ChainHead,
    /// Bytes behind the last whole certificate that cannot be read.
    pub tail_bytes: u64,
}

impl History {
    /// Follows a chain from its genesis. Whether it is one to trust is not asked.
    ///
    /// # Errors
    /// Those of reading; what is wrong with a chain that cannot be followed to its end;
    /// `certificate-missing` for a log without one.
    pub fn read(cert_log: &Path) -> Result<Self, Failure> {
        let mut reigns: Vec<Reign> = Vec::new();
        let followed = follow(&CertLog::open(cert_log)?, &mut |link| {
            let height = link.certificate.fields().height;
            match link.certificate.content() {
                Content::Genesis(genesis) => {
                    reigns.push(Reign { policy: genesis.policy.clone(), stated_at: 0, since: 0 });
                }
                Content::Policy(policy) => {
                    let since = height.saturating_add(1);
                    reigns.push(Reign { policy: policy.clone(), stated_at: height, since });
                }
                Content::Verdict { .. } | Content::Swap(_) => {}
            }
        });
        let tail_bytes = followed.tail.map_or(0, |tail| tail.bytes);
        Ok(History { reigns, head: sound(followed, cert_log)?, tail_bytes })
    }
}

/// The head of a chain that was followed to its end.
fn sound(followed: Followed, cert_log: &Path) -> Result<ChainHead, Failure> {
    if let Some(failure) = followed.stopped {
        let hint = "A chain that is not sound has no policy to go by. `omega verify --cert-log` says more.";
        return Err(failure.hint(hint).file(cert_log));
    }
    followed.head.ok_or_else(|| {
        Failure::new(HostCode::CertificateMissing, "the log holds no certificate")
            .hint("`omega certify` starts a chain in it.")
            .file(cert_log)
    })
}

/// What is to change of a policy.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Keys that come in.
    pub add: Vec<Key>,
    /// Keys that go.
    pub remove: Vec<Key>,
    /// Keys that must sign from then on; none keeps the number.
    pub threshold: Option<u16>,
}

impl Change {
    /// The policy that it makes of another.
    ///
    /// # Errors
    /// A usage failure where nothing changes, where a key is added that is there or stands twice, or
    /// where the threshold does not fit; `key-not-in-policy` for one that is to go and is not
    /// there; `limit-exceeded` for too many keys.
    pub fn of(&self, policy: &Policy) -> Result<Policy, Failure> {
        let short = |key: &Key| hex(&key[..8]);
        let named: Vec<&Key> = self.add.iter().chain(&self.remove).collect();
        if let Some((_, twice)) = named.iter().enumerate().find(|(place, key)| named[..*place].contains(key))
        {
            return Err(Failure::usage(format!("the key {}… is named twice", short(twice))));
        }
        if let Some(key) = self.add.iter().find(|key| policy.holds(key)) {
            let message = format!("the key {}… may sign already", short(key));
            return Err(Failure::usage(message).hint("Leave its --add away."));
        }
        if let Some(key) = self.remove.iter().find(|key| !policy.holds(key)) {
            let message = format!("the key {}… is not in the policy, so it cannot be removed", short(key));
            return Err(Failure::new(HostCode::KeyNotInPolicy, message)
                .hint("`omega policy show --cert-log LOG` lists the keys that may sign."));
        }
        let kept = policy.keys().iter().filter(|key| !self.remove.contains(key));
        let keys: Vec<Key> = kept.chain(&self.add).copied().collect();
        let threshold = self.threshold.unwrap_or(policy.threshold());
        if threshold == 0 || usize::from(threshold) > keys.len() {
            let message =
                format!("a threshold of {threshold} does not fit the {} keys of the new policy", keys.len());
            return Err(Failure::usage(message)
                .hint("--threshold sets how many keys must sign: from 1 to the number of keys."));
        }
        let next = Policy::new(threshold, keys)?;
        if next == *policy {
            return Err(Failure::usage("nothing would change")
                .hint("Say what: --add KEY, --remove KEY or --threshold T."));
        }
        Ok(next)
    }
}

/// Makes a proposal that follows a chain's newest certificate, approved by these signers.
///
/// # Errors
/// Those of [`History::read`], [`Change::of`] and [`Proposal::approve`].
pub fn propose(cert_log: &Path, change: &Change, signers: &[Signer]) -> Result<Proposal, Failure> {
    let head = History::read(cert_log)?.head;
    let next = change.of(&head.policy)?;
    let mut proposal = Proposal::new(&head, &next)?;
    signers.iter().try_for_each(|signer| proposal.approve(signer))?;
    Ok(proposal)
}

/// Where a proposal stands in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It would be the next certificate.
    Next,
    /// It is in the chain. These of its signatures are not stored there.
    Stored(Vec<SignatureRecord>),
}

/// Holds a proposal against a chain.
///
/// # Errors
/// `proposal-for-another-chain`; `proposal-overtaken` where another certificate stands in its place;
/// `certificate-missing` where the log ends before it; `chain-broken` where the log is another
/// continuation; what is wrong with the chain.
pub fn place(proposal: &Proposal, log: &impl Records, cert_log: &Path) -> Result<Place, Failure> {
    let certificate = proposal.certificate();
    let fields = certificate.fields();
    let mut there: Option<(Hash, Vec<SignatureRecord>)> = None;
    let followed = follow(log, &mut |link| {
        if link.certificate.fields().height == fields.height {
            there = Some((link.certificate.chain_hash(), link.certificate.signatures().to_vec()));
        }
    });
    let head = sound(followed, cert_log)?;
    let in_log = |failure: Failure| failure.file(cert_log);
    if head.chain_id != certificate.chain_id() {
        let message = format!(
            "the proposal is for the chain {}…, and this log holds {}…",
            hex(&certificate.chain_id()[..8]),
            hex(&head.chain_id[..8])
        );
        return Err(in_log(
            Failure::new(HostCode::ProposalOtherChain, message)
                .hint("Name the log of the chain that it was made for with --cert-log."),
        ));
    }
    let (height, newest) = (fields.height, head.height);
    match there {
        Some((chain_hash, stored)) if chain_hash == certificate.chain_hash() => {
            let held = |record: &&SignatureRecord| stored.iter().any(|other| other.key == record.key);
            let new = certificate.signatures().iter().filter(|record| !held(record));
            Ok(Place::Stored(new.copied().collect()))
        }
        Some(_) => {
            let message = format!(
                "the chain has gone on since this was proposed: it was to stand at height {height}, and the chain is at height {newest}"
            );
            Err(in_log(Failure::new(HostCode::ProposalOvertaken, message).hint(
                "Its signatures are of no use any more. Propose the change again, with `omega policy propose`, \
                 and have it signed before the chain goes on.",
            )))
        }
        None if newest.checked_add(1) == Some(height) => {
            head.accepts(certificate).map_err(|fault| in_log(fault.into()))?;
            Ok(Place::Next)
        }
        None => {
            let message = format!(
                "the proposal follows height {}, and this log ends at height {newest}: it is an older copy",
                height.saturating_sub(1)
            );
            Err(in_log(
                Failure::new(HostCode::CertificateMissing, message).hint("Get the chain's newest log."),
            ))
        }
    }
}

/// Signing a proposal.
#[derive(Debug)]
pub struct Signing {
    /// The proposal.
    pub proposal: PathBuf,
    /// Copies that went other ways, whose signatures are taken over.
    pub copies: Vec<PathBuf>,
    /// Private keys to sign with.
    pub keys: Vec<PathBuf>,
    /// The chain, where it is at hand.
    pub cert_log: Option<PathBuf>,
}

/// What signing came to.
#[derive(Debug)]
pub struct Signed {
    /// The proposal as it is now.
    pub proposal: Proposal,
    /// Signatures that it got.
    pub added: usize,
    /// What became of the chain.
    pub chain: InChain,
}

/// What became of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InChain {
    /// It is not at hand.
    NotAsked,
    /// More must sign first.
    Waiting,
    /// The certificate was appended to it.
    Appended(Recovery),
    /// The certificate was there; so many signatures were added to it.
    Stored(usize),
}

/// Signs, and puts the change into the chain where enough have signed. Without keys and copies it
/// does only the latter.
///
/// # Errors
/// Those of keys and files; of [`Proposal::approve`], [`Proposal::take_over`] and [`place`]; of the
/// store. A signature that was written to the proposal stays there whatever the chain says afterwards.
pub fn sign(request: &Signing) -> Result<Signed, Failure> {
    let mut proposal = Proposal::read(&request.proposal)?;
    let signers = Signer::load_all(&request.keys)?;
    let stands = match &request.cert_log {
        Some(cert_log) => Some(place(&proposal, &CertLog::open(cert_log)?, cert_log)?),
        None => None,
    };
    let mut added = signers.len();
    for copy in &request.copies {
        added += proposal.take_over(&Proposal::read(copy)?).map_err(|failure| failure.file(copy))?;
    }
    for (signer, path) in signers.iter().zip(&request.keys) {
        proposal.approve(signer).map_err(|failure| failure.file(path))?;
    }
    if added > 0 {
        proposal.write(&request.proposal)?;
    }
    let chain = match (&request.cert_log, stands) {
        (Some(_), Some(Place::Next)) if !proposal.complete() => InChain::Waiting,
        (Some(cert_log), _) => into_chain(&proposal, cert_log)?,
        (None, _) => InChain::NotAsked,
    };
    Ok(Signed { proposal, added, chain })
}

/// Appends a proposal that enough have signed, or adds its signatures where it stands already.
fn into_chain(proposal: &Proposal, cert_log: &Path) -> Result<InChain, Failure> {
    let mut store = Store::open(cert_log)?;
    // Again, now that nobody else can write: the chain may have gone on meanwhile.
    match place(proposal, &store, cert_log)? {
        Place::Next => {
            store.append_certificate(proposal.certificate().bytes())?;
            Ok(InChain::Appended(store.recovery().clone()))
        }
        Place::Stored(new) => {
            let chain_hash = proposal.certificate().chain_hash();
            for record in &new {
                store.append_cosignature(&chain_hash, record)?;
            }
            Ok(InChain::Stored(new.len()))
        }
    }
}
