//! A proposal: a policy certificate on its way from signer to signer (`schemas/certificate.md`, "Proposals").
//!
//! It carries the policy that is in force, so that whoever signs sees what changes and whether the
//! own key has a say, with no chain at hand. That is no word to take: the certificate is bound to
//! the hash of that policy. Whether the chain still stands where it stood, only the chain can tell.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use omega_kernel::bytes::{Reader, Writer};
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::chain::{self, ChainHead, Threshold};
use omega_kernel::fault::Fault;
use omega_kernel::limits::{MAX_POLICY_KEYS, MAX_SIGNATURES};
use omega_kernel::policy::{Key, Policy};
use omega_kernel::signature::{RECORD_BYTES, Statement};
use omega_verify::hex::encode as hex;

pub use omega_verify::kind::PROPOSAL_MAGIC as MAGIC;

use crate::failure::{Failure, HostCode};
use crate::files;
use crate::outputs::Kind;
use crate::sign::Signer;

const VERSION: u16 = 1;
const HEADER_BYTES: usize = 16;
/// Bytes in the longest packed policy.
const POLICY_BYTES: usize = 4 + MAX_POLICY_KEYS as usize * 32;
/// Bytes in the longest proposal: two policies, the certificate's fixed fields and lengths, its signatures.
pub const MAX_PROPOSAL_BYTES: usize = HEADER_BYTES
    + 2 * POLICY_BYTES
    + omega_kernel::certificate::BODY_OFFSET
    + 8
    + 2
    + MAX_SIGNATURES as usize * RECORD_BYTES;

/// A change of the signing policy that is not in its chain yet. Every value of this type holds a
/// policy certificate with valid signatures, bound to the policy in force that is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    in_force: Policy,
    certificate: Certificate,
}

/// Who has approved, and who must still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Keys of the policy in force that have approved.
    pub approved: Vec<Key>,
    /// Keys that the change adds and that have approved.
    pub added_approved: Vec<Key>,
    /// Further keys of the policy in force that must approve, whichever of [`Standing::may`] they are.
    pub needed: usize,
    /// Keys of the policy in force that have not approved.
    pub may: Vec<Key>,
    /// Keys that the change adds and that have not approved: each of them must.
    pub must: Vec<Key>,
}

impl Standing {
    /// Whether enough have approved.
    pub fn complete(&self) -> bool {
        self.needed == 0 && self.must.is_empty()
    }
}

impl Proposal {
    /// Proposes a policy that follows a chain's newest certificate. Nobody has approved it yet.
    ///
    /// # Errors
    /// The kernel's, where the chain is full or the policy is the one that is in force.
    pub fn new(head: &ChainHead, next: &Policy) -> Result<Self, Failure> {
        Ok(Proposal { in_force: head.policy.clone(), certificate: head.policy_change(next)? })
    }

    /// Reads a proposal.
    ///
    /// # Errors
    /// Those of reading, and of [`Proposal::decode`].
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error: std::io::Error| files::unreadable(&error, path);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_PROPOSAL_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.is_empty() {
            return Err(Failure::empty(path));
        }
        Self::decode(&bytes).map_err(|failure| failure.file(path))
    }

    /// The proposal that these bytes, all of them, are. Its signatures are verified.
    ///
    /// # Errors
    /// `proposal-invalid` with the offset; `signature-invalid` and `signature-misplaced`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Failure> {
        let (in_force, certificate) = Self::parse(bytes)?;
        chain::verify_signatures(&certificate)?;
        chain::threshold(&certificate, Some(&in_force))?;
        Ok(Proposal { in_force, certificate })
    }

    fn parse(bytes: &[u8]) -> Result<(Policy, Certificate), Failure> {
        if !bytes.starts_with(&MAGIC) {
            return Err(invalid("this is no proposal", 0));
        }
        let version = bytes.get(8..10).map(|version| u16::from_le_bytes([version[0], version[1]]));
        if version.is_some_and(|version| version > VERSION) {
            return Err(invalid("a newer version wrote this proposal", 8)
                .hint("A newer omega wrote it: use that version."));
        }
        if bytes.len() > MAX_PROPOSAL_BYTES {
            let message = format!("the proposal is longer than any ({MAX_PROPOSAL_BYTES} bytes)");
            return Err(invalid(&message, MAX_PROPOSAL_BYTES as u64));
        }
        if bytes.get(8..HEADER_BYTES) != Some(&[1, 0, 0, 0, 0, 0, 0, 0]) {
            return Err(invalid("the proposal file is damaged: its header is not that of version 1", 8));
        }
        let rest = &bytes[HEADER_BYTES..];
        let mut from = Reader::new(rest);
        let in_force = Policy::read(&mut from).map_err(|fault| damaged(fault, HEADER_BYTES))?;
        let at = in_force.encode().len();
        let certificate =
            Certificate::decode(&rest[at..]).map_err(|fault| damaged(fault, HEADER_BYTES + at))?;
        if !matches!(certificate.content(), Content::Policy(_)) {
            let what = certificate.kind().name();
            let message = format!("the proposal holds a {what} certificate, and no change of policy");
            return Err(invalid(&message, (HEADER_BYTES + at) as u64));
        }
        if certificate.signatures().iter().any(|record| record.statement != Statement::Approved) {
            return Err(invalid(
                "a proposal is approved; another statement has no place in it",
                (HEADER_BYTES + at) as u64,
            ));
        }
        if in_force.hash() != certificate.fields().policy_hash {
            let message = "the proposal file is damaged: what it calls the policy in force is not the one that it would change";
            return Err(invalid(message, HEADER_BYTES as u64));
        }
        Ok((in_force, certificate))
    }

    /// The proposal's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.put(&MAGIC).u16(VERSION).put(&[0; 6]);
        self.in_force.write(&mut out);
        out.put(self.certificate.bytes());
        out.bytes
    }

    /// Writes the proposal, whole or not at all.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        files::write_whole(path, Kind::Proposal, &self.encode())
    }

    /// The policy that it is signed under.
    pub fn in_force(&self) -> &Policy {
        &self.in_force
    }

    /// The policy that it would put in force.
    pub fn next(&self) -> &Policy {
        match self.certificate.content() {
            Content::Policy(next) => next,
            // No value of this type holds another kind.
            _ => &self.in_force,
        }
    }

    /// The certificate, with the signatures so far.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Keys that may not sign now and could then.
    pub fn added(&self) -> Vec<Key> {
        without(self.next(), &self.in_force)
    }

    /// Keys that may sign now and could not then.
    pub fn removed(&self) -> Vec<Key> {
        without(&self.in_force, self.next())
    }

    /// Who has approved, and who must still.
    pub fn standing(&self) -> Standing {
        let has = |key: &&Key| {
            let mut records = self.certificate.signatures().iter();
            records.any(|record| record.key == **key && record.statement == Statement::Approved)
        };
        let (approved, may): (Vec<&Key>, Vec<&Key>) = self.in_force.keys().iter().partition(has);
        let added = self.added();
        let (added_approved, must): (Vec<&Key>, Vec<&Key>) = added.iter().partition(has);
        let owned = |keys: Vec<&Key>| keys.into_iter().copied().collect::<Vec<Key>>();
        Standing {
            needed: usize::from(self.in_force.threshold()).saturating_sub(approved.len()),
            approved: owned(approved),
            added_approved: owned(added_approved),
            may: owned(may),
            must: owned(must),
        }
    }

    /// Whether the rules of the chain find enough signatures.
    pub fn complete(&self) -> bool {
        matches!(chain::threshold(&self.certificate, Some(&self.in_force)), Ok(Threshold::Met { .. }))
    }

    /// Signs it as *approved*.
    ///
    /// # Errors
    /// `key-not-in-policy` for a key that neither may sign now nor is added; `already-signed`.
    pub fn approve(&mut self, signer: &Signer) -> Result<(), Failure> {
        let key = signer.public_key();
        if !self.in_force.holds(&key) && !self.next().holds(&key) {
            let message = format!("the key {}… has no say in this change", &hex(&key)[..16]);
            return Err(Failure::new(HostCode::KeyNotInPolicy, message).hint(
                "Keys of the policy in force may sign, and keys that the change adds; `omega policy show \
                 --proposal FILE` lists them.",
            ));
        }
        if self.signed_by(&key) {
            let message = format!("the key {}… has signed this proposal already", &hex(&key)[..16]);
            return Err(Failure::new(HostCode::AlreadySigned, message)
                .hint("It counts once. Pass the proposal on to those who must still sign."));
        }
        let record = signer.certificate(Statement::Approved, &self.certificate.chain_hash());
        Ok(self.certificate.append_signature(record)?)
    }

    /// Takes over the signatures of a copy that went another way; how many that were.
    ///
    /// # Errors
    /// `proposal-invalid` where it is a copy of another proposal; the kernel's.
    pub fn take_over(&mut self, copy: &Proposal) -> Result<usize, Failure> {
        if copy.certificate.chain_hash() != self.certificate.chain_hash() {
            let message = "this is another proposal, not a copy of the one that is signed";
            return Err(Failure::new(HostCode::ProposalInvalid, message)
                .hint("Compare them: omega policy show --proposal FILE"));
        }
        let mut taken = 0;
        for record in copy.certificate.signatures() {
            if !self.signed_by(&record.key) {
                self.certificate.append_signature(*record)?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    fn signed_by(&self, key: &Key) -> bool {
        self.certificate.signatures().iter().any(|record| record.key == *key)
    }
}

/// The keys of one policy that another does not hold.
fn without(policy: &Policy, other: &Policy) -> Vec<Key> {
    policy.keys().iter().filter(|key| !other.holds(key)).copied().collect()
}

fn invalid(message: &str, offset: u64) -> Failure {
    let failure = Failure::new(HostCode::ProposalInvalid, message)
        .hint("Get it again from whoever proposed it; `omega explain --input FILE` says what a file is.");
    Failure { offset: Some(offset), ..failure }
}

/// What the kernel finds wrong with a part of the file is damage of the file.
fn damaged(fault: Fault, at: usize) -> Failure {
    let message = format!("the proposal file is damaged: {}", fault.message);
    invalid(&message, at as u64 + fault.offset.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use omega_kernel::certificate::{Binding, Genesis};
    use omega_kernel::commitment::StateCommitment;

    use super::*;

    fn proposal(signers: &[Signer], added: &Signer) -> Proposal {
        let keys: Vec<Key> = signers.iter().map(Signer::public_key).collect();
        let policy = Policy::new(2, keys.clone()).unwrap();
        let binding = Binding {
            kernel_hash: [1; 32],
            checker_version: 1,
            schema_version: 1,
            schema_hash: [2; 32],
            predicate_hash: [3; 32],
        };
        let state = StateCommitment::empty();
        let genesis = Genesis { origin: "test".into(), nonce: [7; 32], policy, state };
        let mut genesis = Certificate::genesis(&genesis, binding).unwrap();
        for signer in signers {
            let record = signer.certificate(Statement::Approved, &genesis.chain_hash());
            genesis.append_signature(record).unwrap();
        }
        let head = ChainHead::start(&genesis).unwrap();
        let next = Policy::new(2, vec![keys[0], keys[1], added.public_key()]).unwrap();
        Proposal::new(&head, &next).unwrap()
    }

    fn signers() -> (Vec<Signer>, Signer) {
        ((0..3).map(|_| Signer::generate().unwrap()).collect(), Signer::generate().unwrap())
    }

    #[test]
    fn its_standing_is_what_the_chain_asks_for() {
        let (old, added) = signers();
        // In whatever order: complete is what the kernel calls met, and nothing else.
        for order in [[0, 1, 3], [3, 2, 0], [0, 3, 1]] {
            let mut proposal = proposal(&old, &added);
            assert_eq!(proposal.removed(), [old[2].public_key()]);
            assert_eq!(proposal.added(), [added.public_key()]);
            for (done, who) in order.into_iter().enumerate() {
                assert!(!proposal.complete() && !proposal.standing().complete(), "{done} of {order:?}");
                proposal.approve(old.get(who).unwrap_or(&added)).unwrap();
                assert_eq!(proposal.complete(), proposal.standing().complete());
            }
            assert!(proposal.complete(), "{order:?}");
            assert_eq!(Proposal::decode(&proposal.encode()).unwrap(), proposal);
        }
    }

    #[test]
    fn a_key_signs_once_and_only_where_it_has_a_say() {
        let (old, added) = signers();
        let mut proposal = proposal(&old, &added);
        proposal.approve(&old[0]).unwrap();
        assert_eq!(proposal.approve(&old[0]).unwrap_err().code.name(), "already-signed");
        let stranger = Signer::generate().unwrap();
        assert_eq!(proposal.approve(&stranger).unwrap_err().code.name(), "key-not-in-policy");
        assert_eq!(proposal.certificate().signatures().len(), 1);
    }

    #[test]
    fn signatures_of_a_copy_are_taken_over_once() {
        let (old, added) = signers();
        let mut one = proposal(&old, &added);
        let mut two = one.clone();
        one.approve(&old[0]).unwrap();
        two.approve(&added).unwrap();
        assert_eq!((one.take_over(&two).unwrap(), one.take_over(&two).unwrap()), (1, 0));
        let other = proposal(&old, &signers().1);
        assert_eq!(one.take_over(&other).unwrap_err().code.name(), "proposal-invalid");
    }

    #[test]
    fn witnesses_have_no_place() {
        let (old, added) = signers();
        let mut proposal = proposal(&old, &added);
        let record = added.certificate(Statement::Witnessed, &proposal.certificate.chain_hash());
        proposal.certificate.append_signature(record).unwrap();
        assert_eq!(Proposal::decode(&proposal.encode()).unwrap_err().code.name(), "proposal-invalid");
    }

    #[test]
    fn no_changed_byte_passes_and_no_cut_one() {
        let (old, added) = signers();
        let mut proposal = proposal(&old, &added);
        proposal.approve(&old[0]).unwrap();
        let bytes = proposal.encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let code = Proposal::decode(&changed).expect_err("a failure").code.name();
            assert!(
                ["proposal-invalid", "signature-invalid", "signature-misplaced"].contains(&code),
                "{at}: {code}"
            );
            assert_eq!(Proposal::decode(&bytes[..at]).unwrap_err().code.name(), "proposal-invalid", "{at}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Proposal::decode(&longer).unwrap_err().code.name(), "proposal-invalid");
        let newer = [&MAGIC[..], &[2, 0], &bytes[10..]].concat();
        assert!(Proposal::decode(&newer).unwrap_err().message.contains("newer"));
    }
}
