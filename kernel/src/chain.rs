//! The chain: which certificate may follow which, and whose signatures it takes.
//!
//! Following a chain from its genesis checks everything that certificates say of one another. It
//! does not check that a verdict is true (that is judging again), nor whether this chain is one to
//! trust: its id, its policy's keys and its kernels are held against trust from outside.

use alloc::format;
use alloc::vec::Vec;

use crate::certificate::{Binding, CertType, Certificate, Content, Fields, Swap};
use crate::commitment::StateCommitment;
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::policy::{Key, Policy};
use crate::signature::{SignatureRecord, Statement};

/// Where a chain stands after its newest certificate: all that the next one is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Chain hash of the genesis.
    pub chain_id: Hash,
    /// Height of the newest certificate.
    pub height: u64,
    /// Its chain hash.
    pub hash: Hash,
    /// Policy that the next certificate is signed under.
    pub policy: Policy,
    /// Kernel, schema and catalog that judge next.
    pub binding: Binding,
    /// State that the next verdict starts from.
    pub state: StateCommitment,
    /// Batch id of the newest verdict; 0 before the first.
    pub last_batch_id: u64,
}

impl ChainHead {
    /// Starts a chain from its genesis, which every key of its policy must have approved.
    ///
    /// # Errors
    /// `chain-broken` where the certificate is no genesis; `signature-invalid`,
    /// `signature-misplaced`, `threshold-unmet`.
    pub fn start(certificate: &Certificate) -> Result<Self, Fault> {
        let Content::Genesis(genesis) = certificate.content() else {
            return Err(broken("a chain starts with a genesis certificate"));
        };
        check_signed(certificate, &genesis.policy)?;
        Ok(ChainHead {
            chain_id: certificate.chain_hash(),
            height: 0,
            hash: certificate.chain_hash(),
            policy: genesis.policy.clone(),
            binding: certificate.fields().binding,
            state: genesis.state,
            last_batch_id: 0,
        })
    }

    /// The chain with one more certificate.
    ///
    /// # Errors
    /// What [`ChainHead::accepts`] finds, then `signature-misplaced` and `signature-invalid`, and
    /// last, because wrong evidence outranks missing evidence, `threshold-unmet`.
    pub fn advance(&self, certificate: &Certificate) -> Result<Self, Fault> {
        self.accepts(certificate)?;
        check_signed(certificate, &self.policy)?;
        let mut next =
            ChainHead { height: certificate.fields().height, hash: certificate.chain_hash(), ..self.clone() };
        match certificate.content() {
            Content::Genesis(_) => {}
            Content::Verdict { core, .. } => {
                next.state = core.next;
                next.last_batch_id = certificate.fields().batch_id;
            }
            Content::Policy(policy) => next.policy = policy.clone(),
            Content::Swap(swap) => {
                next.binding = swap.new.binding;
                next.state = swap.new.state;
            }
        }
        Ok(next)
    }

    /// Whether a certificate continues this chain, its signatures left aside.
    ///
    /// # Errors
    /// `chain-broken`, `binding-mismatch` or `state-mismatch`.
    pub fn accepts(&self, certificate: &Certificate) -> Result<(), Fault> {
        let fields = certificate.fields();
        if fields.chain_id != self.chain_id {
            return Err(broken("the certificate belongs to another chain").at(137));
        }
        if Some(fields.height) != self.height.checked_add(1) {
            let message = format!("height {} does not follow height {}", fields.height, self.height);
            return Err(broken(&message).at(169));
        }
        if fields.prev_cert_hash != self.hash {
            return Err(broken("the certificate does not name the one before it").at(105));
        }
        if fields.policy_hash != self.policy.hash() {
            return Err(Fault::new(FaultCode::BindingMismatch, "bound to another policy").at(177));
        }
        if fields.binding != self.binding {
            let message = "bound to another kernel, schema or catalog than the chain";
            return Err(Fault::new(FaultCode::BindingMismatch, message).at(209));
        }
        let starts_from = match certificate.content() {
            Content::Genesis(_) | Content::Policy(_) => return Ok(()),
            Content::Swap(swap) => swap.old.state,
            Content::Verdict { core, .. } => {
                if fields.batch_id <= self.last_batch_id {
                    let last = self.last_batch_id;
                    let message = format!("batch {} does not follow batch {last}", fields.batch_id);
                    return Err(broken(&message).at(65));
                }
                core.prior
            }
        };
        if starts_from != self.state {
            let message = "the certificate does not start from the state that its predecessor left";
            return Err(Fault::new(FaultCode::StateMismatch, message));
        }
        Ok(())
    }

    /// The next verdict's certificate, unsigned, over a body as the kernel returned it.
    ///
    /// # Errors
    /// As [`Certificate::unsigned`] and [`ChainHead::accepts`]: what does not continue the chain is
    /// never offered for signing.
    pub fn verdict(&self, batch_id: u64, replay_seed: u64, body: &[u8]) -> Result<Certificate, Fault> {
        self.next(CertType::Verdict, Fields { batch_id, replay_seed, ..self.fields()? }, body)
    }

    /// The next certificate, unsigned, that puts another policy in force after it.
    ///
    /// # Errors
    /// As [`ChainHead::verdict`].
    pub fn policy_change(&self, policy: &Policy) -> Result<Certificate, Fault> {
        self.next(CertType::Policy, self.fields()?, &Content::Policy(policy.clone()).encode())
    }

    /// The next certificate, unsigned, that puts another kernel in force after it.
    ///
    /// # Errors
    /// As [`ChainHead::verdict`].
    pub fn swap(&self, swap: &Swap) -> Result<Certificate, Fault> {
        self.next(CertType::Swap, self.fields()?, &Content::Swap(swap.clone().into()).encode())
    }

    fn next(&self, kind: CertType, fields: Fields, body: &[u8]) -> Result<Certificate, Fault> {
        let certificate = Certificate::unsigned(kind, &fields, body)?;
        self.accepts(&certificate)?;
        Ok(certificate)
    }

    fn fields(&self) -> Result<Fields, Fault> {
        let height = self.height.checked_add(1).ok_or_else(|| broken("the chain is full"))?;
        Ok(Fields {
            batch_id: 0,
            prev_cert_hash: self.hash,
            chain_id: self.chain_id,
            height,
            policy_hash: self.policy.hash(),
            binding: self.binding,
            replay_seed: 0,
        })
    }
}

/// Follows a whole chain from its genesis.
///
/// # Errors
/// What [`ChainHead::start`] and [`ChainHead::advance`] find first; the message names the place.
pub fn follow<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Result<ChainHead, Fault> {
    let mut head: Option<ChainHead> = None;
    for (place, certificate) in certificates.into_iter().enumerate() {
        let next = match &head {
            None => ChainHead::start(certificate),
            Some(head) => head.advance(certificate),
        };
        head = Some(next.map_err(|fault| {
            let message = format!("certificate {place} of the chain: {}", fault.message);
            Fault { message, ..fault }
        })?);
    }
    head.ok_or_else(|| broken("a chain starts with a genesis certificate"))
}

/// Verifies every signature of a certificate, and that its statement has a place there. Whether the
/// keys have one takes a policy: [`threshold`].
///
/// # Errors
/// `signature-misplaced` or `signature-invalid`.
pub fn verify_signatures(certificate: &Certificate) -> Result<(), Fault> {
    certificate.signatures().iter().try_for_each(|record| check_record(certificate, record))
}

/// Verifies one signature, which may stand outside the certificate, and its statement.
///
/// # Errors
/// As [`verify_signatures`].
pub fn check_record(certificate: &Certificate, record: &SignatureRecord) -> Result<(), Fault> {
    let verdict = certificate.kind() == CertType::Verdict;
    let placed = match record.statement {
        Statement::Judged | Statement::Vouched => verdict,
        Statement::Approved => !verdict,
        Statement::Witnessed => true,
    };
    if !placed {
        let (statement, kind) = (record.statement.name(), certificate.kind().name());
        let message = format!("the statement \"{statement}\" has no place on a {kind} certificate");
        return Err(Fault::new(FaultCode::SignatureMisplaced, message));
    }
    record.verify(&certificate.chain_hash())
}

/// How many of the keys that count have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// Enough.
    Met {
        /// Keys that have signed and count.
        signed: u16,
        /// Keys that must.
        needed: u16,
    },
    /// Too few.
    Unmet {
        /// Keys that have signed and count.
        signed: u16,
        /// Keys that must.
        needed: u16,
    },
    /// No policy at hand has the hash that the certificate is bound to.
    Unchecked,
}

/// Counts a certificate's signatures under a policy. A genesis brings its own; a policy certificate
/// needs, beside the threshold, each key that it adds, and reports those where only they are missing.
///
/// The signatures are taken to be valid: [`verify_signatures`] comes first.
///
/// # Errors
/// `signature-misplaced` where a key outside the policy says more than that it has witnessed.
pub fn threshold(certificate: &Certificate, policy: Option<&Policy>) -> Result<Threshold, Fault> {
    let own = match certificate.content() {
        Content::Genesis(genesis) => Some(&genesis.policy),
        _ => policy.filter(|policy| policy.hash() == certificate.fields().policy_hash),
    };
    let Some(policy) = own else { return Ok(Threshold::Unchecked) };
    let new_keys: Vec<&Key> = match certificate.content() {
        Content::Policy(new) => new.keys().iter().filter(|key| !policy.holds(key)).collect(),
        _ => Vec::new(),
    };
    let (mut signed, mut new_signed) = (0u16, 0u16);
    for record in certificate.signatures().iter().filter(|record| record.statement != Statement::Witnessed) {
        if policy.holds(&record.key) {
            signed += 1;
        } else if new_keys.contains(&&record.key) {
            new_signed += 1;
        } else {
            let message = "a key outside the policy has signed with more than \"witnessed\"";
            return Err(Fault::new(FaultCode::SignatureMisplaced, message));
        }
    }
    let needed = match certificate.kind() {
        CertType::Genesis => count(policy.keys().len()),
        _ => policy.threshold(),
    };
    let new_needed = count(new_keys.len());
    Ok(if signed < needed {
        Threshold::Unmet { signed, needed }
    } else if new_signed < new_needed {
        Threshold::Unmet { signed: new_signed, needed: new_needed }
    } else {
        Threshold::Met { signed, needed }
    })
}

fn check_signed(certificate: &Certificate, policy: &Policy) -> Result<(), Fault> {
    verify_signatures(certificate)?;
    match threshold(certificate, Some(policy))? {
        Threshold::Met { .. } => Ok(()),
        Threshold::Unmet { signed, needed } => {
            let message = format!("{signed} of {needed} needed keys have signed");
            Err(Fault::new(FaultCode::ThresholdUnmet, message))
        }
        Threshold::Unchecked => {
            Err(Fault::new(FaultCode::BindingMismatch, "bound to another policy").at(177))
        }
    }
}

/// Two certificates at one place of one chain: at most one of them can be honest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// The chain.
    pub chain_id: Hash,
    /// The place.
    pub height: u64,
    /// Chain hashes of the two, as they were given.
    pub hashes: [Hash; 2],
    /// Keys that signed both with a statement that counts: each has contradicted itself. Empty
    /// where different keys signed; then whose word the chain takes is for its policy to say.
    pub contradicting: Vec<Key>,
}

/// Whether two certificates prove equivocation: both signed, one chain id and height, two hashes.
/// Witnesses assert nothing, so a certificate that only they signed proves nothing.
///
/// # Errors
/// As [`verify_signatures`], for either: an invalid signature accuses nobody.
pub fn equivocation(first: &Certificate, second: &Certificate) -> Result<Option<Equivocation>, Fault> {
    verify_signatures(first)?;
    verify_signatures(second)?;
    let hashes = [first.chain_hash(), second.chain_hash()];
    let one_place = first.chain_id() == second.chain_id() && first.fields().height == second.fields().height;
    let (one, other) = (asserting(first), asserting(second));
    if !one_place || hashes[0] == hashes[1] || one.is_empty() || other.is_empty() {
        return Ok(None);
    }
    let contradicting = one.into_iter().filter(|key| other.contains(key)).collect();
    let (chain_id, height) = (first.chain_id(), first.fields().height);
    Ok(Some(Equivocation { chain_id, height, hashes, contradicting }))
}

fn asserting(certificate: &Certificate) -> Vec<Key> {
    let records = certificate.signatures().iter();
    records.filter(|record| record.statement != Statement::Witnessed).map(|record| record.key).collect()
}

fn count(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

fn broken(message: &str) -> Fault {
    Fault::new(FaultCode::ChainBroken, message)
}
