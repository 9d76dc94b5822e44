//! A certificate's bytes: fixed fields, body, signatures (`schemas/certificate.md`).
//!
//! A [`Certificate`] keeps the very bytes that it was read from: what is stored is what is hashed,
//! signed and verified, and nothing is ever re-encoded. Decoding checks every rule that needs no
//! other certificate and no signature; those two are `chain`.

use alloc::format;
use alloc::vec::Vec;

use crate::body::{Body, VerdictKind, index, malformed};
use crate::bytes::{Malformed, Reader, Writer};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::limits::{MAX_BODY_BYTES, MAX_SIGNATURES};
use crate::signature::{RECORD_BYTES, SignatureRecord, decode_section, encode_section};

pub use crate::content::{Binding, CertType, Content, Genesis, Swap, SwapSide, VerdictDiff};

/// First bytes of every certificate. Text-mode transfers break them visibly.
pub const MAGIC: [u8; 8] = [0x89, b'O', b'M', b'C', 0x0d, 0x0a, 0x1a, 0x0a];
/// The one version of the format.
pub const VERSION: u16 = 1;
/// Offset of the body.
pub const BODY_OFFSET: usize = 321;
/// Bytes of the longest certificate.
pub const MAX_CERTIFICATE_BYTES: u32 =
    BODY_OFFSET as u32 + MAX_BODY_BYTES + 2 + MAX_SIGNATURES as u32 * RECORD_BYTES as u32;

/// Offset of the first byte that the id is derived from.
const ID_COVERS_FROM: usize = 32;

/// The fixed fields that a signer chooses; the rest follows from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// Number of the batch, from 1, strictly rising over a chain's verdicts; 0 on all others.
    pub batch_id: u64,
    /// Chain hash of the certificate before; zero on a genesis.
    pub prev_cert_hash: Hash,
    /// Chain hash of the chain's genesis; zero on the genesis itself.
    pub chain_id: Hash,
    /// Certificates before this one.
    pub height: u64,
    /// Hash of the policy that this certificate is signed under.
    pub policy_hash: Hash,
    /// Who judges, and by what.
    pub binding: Binding,
    /// Fixes the schedule of the run that was signed; 0 on all but verdicts.
    pub replay_seed: u64,
}

/// A certificate that obeys every rule but those of its chain and its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    bytes: Vec<u8>,
    signed_len: usize,
    id: u128,
    body_hash: Hash,
    chain_hash: Hash,
    fields: Fields,
    content: Content,
    signatures: Vec<SignatureRecord>,
}

impl Certificate {
    /// Reads a certificate, strictly, and keeps its bytes. No signature is verified here.
    ///
    /// # Errors
    /// `certificate-version-unknown` for a newer version; `cert-id-mismatch` and `body-mismatch`
    /// where id, body hash or a repeated field do not fit; `limit-exceeded` past a cap;
    /// `certificate-malformed` for everything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let head = Head::read(bytes)?;
        let (signed, section) = bytes.split_at(BODY_OFFSET + head.body_len);
        if derive_id(signed) != head.id {
            let message = "the certificate's id is not the one that its bytes give: they were changed";
            return Err(Fault::new(FaultCode::CertIdMismatch, message).at(16));
        }
        let body = Body::split(&signed[BODY_OFFSET..]).map_err(in_body)?;
        if body.hash() != head.body_hash {
            return Err(Fault::new(FaultCode::BodyMismatch, "the body does not have the body hash").at(73));
        }
        let content = Content::decode(head.kind, &body).map_err(in_body)?;
        check_repeated(&head, &content)?;
        check_placed(&head.fields, &content)?;
        let signatures = decode_section(section).map_err(|fault| fault.within(signed.len() as u64))?;
        Ok(Certificate {
            signed_len: signed.len(),
            id: head.id,
            body_hash: head.body_hash,
            chain_hash: hash::CERT_CHAIN.hash(signed),
            fields: head.fields,
            content,
            signatures,
            bytes: bytes.to_vec(),
        })
    }

    /// Makes a certificate that nobody has signed yet, from a body as the kernel returned it.
    ///
    /// # Errors
    /// As [`Certificate::decode`], which reads the new bytes: what could not be read is never signed.
    pub fn unsigned(kind: CertType, fields: &Fields, body: &[u8]) -> Result<Self, Fault> {
        let parts = Body::split(body).map_err(in_body)?;
        let trace_root = match Content::decode(kind, &parts).map_err(in_body)? {
            Content::Verdict { core, .. } => core.trace_root,
            _ => hash::MERKLE_EMPTY.hash(b""),
        };
        let mut covered = Writer::new();
        covered.u8(kind as u8).put(&trace_root).u64(fields.batch_id).put(&parts.hash());
        covered.put(&fields.prev_cert_hash).put(&fields.chain_id).u64(fields.height);
        covered.put(&fields.policy_hash);
        fields.binding.write(&mut covered);
        covered.u64(fields.replay_seed).put(body);
        let mut out = Writer::new();
        out.put(&MAGIC).u16(VERSION).u16(0).u32(crate::body::count32(body.len()));
        out.u128(id_of(&covered.bytes)).put(&covered.bytes).put(&encode_section(&[]));
        Self::decode(&out.bytes)
    }

    /// Makes the unsigned genesis of a chain.
    ///
    /// # Errors
    /// As [`Certificate::unsigned`].
    pub fn genesis(genesis: &Genesis, binding: Binding) -> Result<Self, Fault> {
        let fields = Fields {
            batch_id: 0,
            prev_cert_hash: [0; 32],
            chain_id: [0; 32],
            height: 0,
            policy_hash: genesis.policy.hash(),
            binding,
            replay_seed: 0,
        };
        Self::unsigned(CertType::Genesis, &fields, &Content::Genesis(genesis.clone()).encode())
    }

    /// Adds a signature at its place among the records. The signed bytes stay as they are.
    ///
    /// # Errors
    /// `signature-misplaced` where the statement has no place here or the key has signed already,
    /// `signature-invalid` where it does not verify, `limit-exceeded` past [`MAX_SIGNATURES`].
    pub fn append_signature(&mut self, record: SignatureRecord) -> Result<(), Fault> {
        crate::chain::check_record(self, &record)?;
        if self.signatures.len() >= usize::from(MAX_SIGNATURES) {
            let message = format!("a certificate has at most {MAX_SIGNATURES} signatures");
            return Err(Fault::new(FaultCode::LimitExceeded, message));
        }
        let Err(place) = self.signatures.binary_search_by(|held| held.key.cmp(&record.key)) else {
            return Err(Fault::new(
                FaultCode::SignatureMisplaced,
                "this key has signed the certificate already",
            ));
        };
        self.signatures.insert(place, record);
        self.bytes.truncate(self.signed_len);
        self.bytes.extend_from_slice(&encode_section(&self.signatures));
        Ok(())
    }

    /// The certificate as it is stored, signatures included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Everything before the signatures: what the chain hash covers.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.bytes[..self.signed_len]
    }

    /// The body as it is stored, `core_len ‖ core ‖ obs_len ‖ observations`.
    pub fn body_bytes(&self) -> &[u8] {
        &self.bytes[BODY_OFFSET..self.signed_len]
    }

    /// What the next certificate names and signatures sign.
    pub fn chain_hash(&self) -> Hash {
        self.chain_hash
    }

    /// The id of the chain that this certificate belongs to: a genesis' is its own chain hash.
    pub fn chain_id(&self) -> Hash {
        match self.kind() {
            CertType::Genesis => self.chain_hash,
            _ => self.fields.chain_id,
        }
    }

    /// Short name derived from the bytes; never a binding.
    pub fn id(&self) -> u128 {
        self.id
    }

    /// Hash of the body.
    pub fn body_hash(&self) -> Hash {
        self.body_hash
    }

    /// The fixed fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The kind of certificate.
    pub fn kind(&self) -> CertType {
        self.content.cert_type()
    }

    /// What it says.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The verdict, where it states one.
    pub fn verdict(&self) -> Option<VerdictKind> {
        match &self.content {
            Content::Verdict { core, .. } => Some(core.verdict),
            _ => None,
        }
    }

    /// Signature records by key, strictly ascending. Decoding has not verified them.
    pub fn signatures(&self) -> &[SignatureRecord] {
        &self.signatures
    }
}

/// The fixed fields as they stand in the bytes.
struct Head {
    body_len: usize,
    id: u128,
    kind: CertType,
    trace_root: Hash,
    body_hash: Hash,
    fields: Fields,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        let here = from.malformed("the first bytes of a certificate");
        if from.array("the magic").map_err(malformed)? != MAGIC {
            return Err(malformed(here));
        }
        let here = from.malformed("version 1");
        let version = from.u16("the version").map_err(malformed)?;
        if version > VERSION {
            let message = format!("the certificate has version {version}, this kernel knows {VERSION}");
            return Err(Fault::new(FaultCode::CertVersion, message).at(8));
        }
        if version < VERSION {
            return Err(malformed(here));
        }
        let head = Self::read_fields(&mut from).map_err(malformed)?;
        if head.body_len > index(MAX_BODY_BYTES) {
            let message = format!("a body of {} bytes, at most {MAX_BODY_BYTES} are allowed", head.body_len);
            return Err(Fault::new(FaultCode::LimitExceeded, message).at(12));
        }
        from.take(head.body_len, "the body").map_err(malformed)?;
        Ok(head)
    }

    fn read_fields(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let here = from.malformed("two zero bytes");
        if from.u16("two zero bytes")? != 0 {
            return Err(here);
        }
        let body_len = index(from.u32("the body's length")?);
        let id = from.u128("the id")?;
        let kind = CertType::read(from)?;
        let trace_root = from.array("the trace root")?;
        let batch_id = from.u64("the batch id")?;
        let body_hash = from.array("the body hash")?;
        let fields = Fields {
            batch_id,
            prev_cert_hash: from.array("the previous chain hash")?,
            chain_id: from.array("the chain id")?,
            height: from.u64("the height")?,
            policy_hash: from.array("the policy hash")?,
            binding: Binding::read(from)?,
            replay_seed: from.u64("the replay seed")?,
        };
        Ok(Head { body_len, id, kind, trace_root, body_hash, fields })
    }
}

/// Fields that repeat the body must fit it.
fn check_repeated(head: &Head, content: &Content) -> Result<(), Fault> {
    let differs = |field: &str, at: u64| {
        let message = format!("the {field} field does not repeat what the body says");
        Err(Fault::new(FaultCode::BodyMismatch, message).at(at))
    };
    match content {
        Content::Verdict { core, .. } if core.trace_root != head.trace_root => differs("trace root", 33),
        Content::Genesis(genesis) if genesis.policy.hash() != head.fields.policy_hash => {
            differs("policy hash", 177)
        }
        Content::Swap(swap) if swap.old.binding != head.fields.binding => differs("kernel binding", 209),
        Content::Verdict { .. } => Ok(()),
        _ if head.trace_root != hash::MERKLE_EMPTY.hash(b"") => {
            Err(malformed(Malformed { at: 33, expected: "the empty trace root, for there is no trace" }))
        }
        _ => Ok(()),
    }
}

/// Rules of the single certificate that follow from its kind.
fn check_placed(fields: &Fields, content: &Content) -> Result<(), Fault> {
    let kind = content.cert_type();
    let expect =
        |holds: bool, at, expected| if holds { Ok(()) } else { Err(malformed(Malformed { at, expected })) };
    let verdict = kind == CertType::Verdict;
    expect((fields.batch_id != 0) == verdict, 65, "a batch id from 1 on a verdict, otherwise 0")?;
    expect(verdict || fields.replay_seed == 0, 313, "a replay seed only on a verdict")?;
    let genesis = kind == CertType::Genesis;
    expect((fields.prev_cert_hash == [0; 32]) == genesis, 105, "a previous hash on all but a genesis")?;
    expect((fields.chain_id == [0; 32]) == genesis, 137, "a chain id on all but a genesis")?;
    expect((fields.height == 0) == genesis, 169, "height 0 on a genesis alone")?;
    match content {
        Content::Policy(policy) => {
            expect(policy.hash() != fields.policy_hash, 177, "another policy than the one it is signed under")
        }
        Content::Swap(swap) => {
            let past = 1..fields.height;
            let known = swap.diffs.iter().all(|diff| past.contains(&diff.height));
            expect(known && swap.replayed < fields.height, 169, "a swap after the verdicts that it names")
        }
        _ => Ok(()),
    }
}

fn derive_id(signed: &[u8]) -> u128 {
    id_of(&signed[ID_COVERS_FROM..])
}

fn id_of(covered: &[u8]) -> u128 {
    let hash = hash::CERT_ID.hash(covered);
    let mut first = [0u8; 16];
    first.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(first)
}

fn in_body(fault: Fault) -> Fault {
    fault.within(BODY_OFFSET as u64)
}
