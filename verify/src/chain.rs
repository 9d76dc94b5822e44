//! A stored chain, followed from its genesis: every certificate's bytes, signatures and place.
//!
//! The kernel knows the rules (`omega_kernel::chain`); here they meet the records of a certificate
//! log. Signatures that were appended later are put into their certificate first, so they count.
//! One certificate is in memory at a time. Whom to trust and whether verdicts are true is decided
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use omega_kernel::certificate::Certificate;
use omega_kernel::chain::ChainHead;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;
use omega_kernel::signature::SignatureRecord;

use crate::cert_log::{Bytes, Entry, Record, Records, Tail, Walk};
use crate::failure::Failure;

/// What following a chain came to.
#[derive(Debug, Default)]
pub struct Followed {
    /// Where the chain stands; none without a genesis.
    pub head: Option<ChainHead>,
    /// Certificates that were followed.
    pub certificates: u64,
    /// Certificates that stand behind the one that could not be followed.
    pub behind: u64,
    /// Signatures that were appended later.
    pub co_signatures: u64,
    /// What an unfinished append left.
    pub tail: Option<Tail>,
    /// Why it ended early: a wrong certificate, or damage of the log.
    pub stopped: Option<Failure>,
}

/// One certificate in its chain.
#[derive(Debug, Clone, Copy)]
pub struct Link<'c> {
    /// The certificate, later signatures included.
    pub certificate: &'c Certificate,
    /// Where the chain stood before it; none before the genesis.
    pub before: Option<&'c ChainHead>,
    /// Where it stands now.
    pub after: &'c ChainHead,
}

/// Follows a chain up to its end or to the first certificate that breaks a rule; `each` hears of
/// every certificate that breaks none.
pub fn follow(records: &impl Records, each: &mut dyn FnMut(Link<'_>)) -> Followed {
    let mut follower = Follower::new(records);
    while let Some(link) = follower.advance() {
        each(link);
    }
    follower.end()
}

/// A chain that is being followed.
#[derive(Debug)]
pub struct Follower<B> {
    walk: Option<Walk<B>>,
    later: BTreeMap<Hash, Vec<SignatureRecord>>,
    seen: BTreeSet<Hash>,
    before: Option<ChainHead>,
    newest: Option<Certificate>,
    followed: Followed,
}

impl<'r, B: Bytes> Follower<B> {
    /// Stands before the genesis.
    pub fn new<R: Records<Bytes<'r> = B> + 'r>(records: &'r R) -> Self {
        let mut later: BTreeMap<Hash, Vec<SignatureRecord>> = BTreeMap::new();
        // Damage is met again below, behind the records that are read here.
        for entry in records.records().into_iter().flatten().map_while(Result::ok) {
            if let Record::CoSignature { chain_hash, signature } = entry.record {
                later.entry(chain_hash).or_default().push(signature);
            }
        }
        let (walk, stopped) = match records.records() {
            Ok(walk) => (Some(walk), None),
            Err(damage) => (None, Some(damage)),
        };
        let followed = Followed { stopped, ..Followed::default() };
        Follower { walk, later, seen: BTreeSet::new(), before: None, newest: None, followed }
    }

    /// Stands where an earlier follower stood: certificates up to there are read and not checked again.
    /// The last of them must be the very one that it stood at; otherwise [`Followed::stopped`] says so.
    #[must_use]
    pub fn checked_to(mut self, head: ChainHead) -> Self {
        let followed = &mut self.followed;
        while followed.stopped.is_none() && followed.certificates <= head.height {
            let next = self.walk.as_mut().and_then(Iterator::next);
            let hash = match next {
                Some(Ok(Entry { record: Record::CoSignature { .. }, .. })) => {
                    followed.co_signatures += 1;
                    continue;
                }
                Some(Ok(Entry { record, .. })) => record.place().map(|place| place.chain_hash),
                Some(Err(damage)) => {
                    followed.stopped = Some(damage);
                    break;
                }
                None => None,
            };
            self.seen.extend(hash);
            followed.certificates += 1;
            if hash.is_none() || (followed.certificates > head.height && hash != Some(head.hash)) {
                let message = "the chain does not lead to where it was checked earlier";
                followed.stopped = Some(Fault::new(FaultCode::ChainBroken, message).into());
            }
        }
        followed.head = Some(head);
        self
    }

    /// The next certificate, if it breaks no rule; none after one that does, and at the end. The
    /// records behind are read all the same.
    pub fn advance(&mut self) -> Option<Link<'_>> {
        loop {
            let walk = self.walk.as_mut()?;
            match walk.next() {
                None => {
                    self.followed.tail = walk.tail();
                    self.walk = None;
                }
                Some(Err(damage)) => {
                    // Wrong evidence outranks damage.
                    let wrong = self.followed.stopped.take().filter(|failure| failure.code.exit() == 20);
                    self.followed.stopped = Some(wrong.unwrap_or(damage));
                    self.walk = None;
                }
                Some(Ok(entry)) => {
                    if self.take(entry) {
                        break;
                    }
                }
            }
        }
        let (certificate, after) = (self.newest.as_ref()?, self.followed.head.as_ref()?);
        Some(Link { certificate, before: self.before.as_ref(), after })
    }

    /// What it came to.
    pub fn end(self) -> Followed {
        self.followed
    }

    /// Whether the record is the chain's next certificate.
    fn take(&mut self, entry: Entry) -> bool {
        let followed = &mut self.followed;
        match entry.record {
            Record::Certificate(_) if followed.stopped.is_some() => followed.behind += 1,
            Record::Certificate(bytes) => {
                let place = followed.certificates;
                match link(&bytes, &self.later, followed.head.as_ref()) {
                    Ok((certificate, after)) => {
                        self.seen.insert(certificate.chain_hash());
                        self.before = followed.head.replace(after);
                        self.newest = Some(certificate);
                        followed.certificates += 1;
                        return true;
                    }
                    Err(fault) => {
                        let message = format!(
                            "certificate {place} of the log (byte {}): {}",
                            entry.offset, fault.message
                        );
                        followed.stopped = Some(Failure::from(Fault { message, ..fault }));
                    }
                }
            }
            Record::CoSignature { chain_hash, .. } => {
                followed.co_signatures += 1;
                if followed.stopped.is_none() && !self.seen.contains(&chain_hash) {
                    let message = format!(
                        "the signature at byte {} of the log is for a certificate that does not stand before it",
                        entry.offset
                    );
                    followed.stopped = Some(Fault::new(FaultCode::ChainBroken, message).into());
                }
            }
        }
        false
    }
}

fn link(
    bytes: &[u8],
    later: &BTreeMap<Hash, Vec<SignatureRecord>>,
    head: Option<&ChainHead>,
) -> Result<(Certificate, ChainHead), Fault> {
    let mut certificate = Certificate::decode(bytes)?;
    for record in later.get(&certificate.chain_hash()).into_iter().flatten() {
        certificate.append_signature(*record)?;
    }
    let after = match head {
        None => ChainHead::start(&certificate),
        Some(head) => head.advance(&certificate),
    }?;
    Ok((certificate, after))
}
