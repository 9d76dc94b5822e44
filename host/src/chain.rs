//! A stored chain, followed from its genesis: every certificate's bytes, signatures and place.
//!
//! The kernel knows the rules (`omega_kernel::chain`); here they meet the records of a certificate
//! log. Signatures that were appended later are put into their certificate first, so they count.
//! One certificate is in memory at a time. Whom to trust and whether verdicts are true is decided
//! elsewhere.

use std::collections::{HashMap, HashSet};

use omega_kernel::certificate::Certificate;
use omega_kernel::chain::ChainHead;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;
use omega_kernel::signature::SignatureRecord;

use crate::failure::Failure;
use crate::store::{Entry, Record, Tail};

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

/// A log's records, readable more than once.
pub trait Records {
    /// Hands over all records in order; gives the unfinished append behind them.
    ///
    /// # Errors
    /// The log's damage, once the records before it were handed over.
    fn each(&self, take: &mut dyn FnMut(Entry)) -> Result<Option<Tail>, Failure>;
}

impl Records for crate::store::CertLog {
    fn each(&self, take: &mut dyn FnMut(Entry)) -> Result<Option<Tail>, Failure> {
        let mut walk = self.records()?;
        for entry in &mut walk {
            take(entry?);
        }
        Ok(walk.tail())
    }
}

impl Records for crate::store::Store {
    fn each(&self, take: &mut dyn FnMut(Entry)) -> Result<Option<Tail>, Failure> {
        let mut walk = self.records()?;
        for entry in &mut walk {
            take(entry?);
        }
        Ok(walk.tail())
    }
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
pub fn follow(records: &dyn Records, each: &mut dyn FnMut(Link<'_>)) -> Followed {
    let mut followed = Followed::default();
    let mut later: HashMap<Hash, Vec<SignatureRecord>> = HashMap::new();
    // Damage is met again below, behind the records that are read here.
    let _ = records.each(&mut |entry| {
        if let Record::CoSignature { chain_hash, signature } = entry.record {
            later.entry(chain_hash).or_default().push(signature);
        }
    });
    let mut seen: HashSet<Hash> = HashSet::new();
    let ended = records.each(&mut |entry| match entry.record {
        Record::Certificate(_) if followed.stopped.is_some() => followed.behind += 1,
        Record::Certificate(bytes) => {
            let place = followed.certificates;
            match link(&bytes, &later, followed.head.as_ref()) {
                Ok((certificate, after)) => {
                    seen.insert(certificate.chain_hash());
                    each(Link { certificate: &certificate, before: followed.head.as_ref(), after: &after });
                    followed.certificates += 1;
                    followed.head = Some(after);
                }
                Err(fault) => {
                    let message =
                        format!("certificate {place} of the log (byte {}): {}", entry.offset, fault.message);
                    followed.stopped = Some(Failure::from(Fault { message, ..fault }));
                }
            }
        }
        Record::CoSignature { chain_hash, .. } => {
            followed.co_signatures += 1;
            if followed.stopped.is_none() && !seen.contains(&chain_hash) {
                let message = format!(
                    "the signature at byte {} of the log is for a certificate that does not stand before it",
                    entry.offset
                );
                followed.stopped = Some(Fault::new(FaultCode::ChainBroken, message).into());
            }
        }
    });
    match ended {
        Ok(tail) => followed.tail = tail,
        Err(damage) => {
            // Wrong evidence outranks damage.
            let wrong = followed.stopped.take().filter(|failure| failure.code.exit() == 20);
            followed.stopped = Some(wrong.unwrap_or(damage));
        }
    }
    followed
}

fn link(
    bytes: &[u8],
    later: &HashMap<Hash, Vec<SignatureRecord>>,
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
