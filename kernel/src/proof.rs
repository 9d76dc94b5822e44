//! Proof files: one event is in a certified batch; one id was accepted, or never was.
//!
//! A proof names the certificate it is about and is checked against nothing else
//! (`schemas/certificate.md`, "Proofs").
//!
//! ```text
//! 0   8  magic
//! 8   2  version, 1
//! 10  1  kind: 1 an event in a log, 2 an id in the next state
//! 11  5  zero
//! 16 32  chain hash of the certificate
//! 48     kind 1: the witness · kind 2: the id 16, the walk through the id trie
//! ```

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::body::{Core, VerdictKind};
use crate::bytes::{Malformed, Reader, Writer};
use crate::evidence::{self, Witness};
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::state::IdLeaf;
use crate::trie::TrieProof;

/// The first bytes of every proof.
pub const MAGIC: [u8; 8] = *b"\x89OMP\r\n\x1a\n";
/// The version that this kernel reads and writes.
pub const VERSION: u16 = 1;

/// A proof about what a certificate certifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Chain hash of the certificate.
    pub certificate: Hash,
    /// What is proved.
    pub claim: Claim,
}

/// What a proof says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The event is in one of the batch's logs.
    EventInLog(Witness),
    /// The id is, or is not, among those accepted up to this certificate.
    IdInState {
        /// The id.
        id: u128,
        /// Its walk through the next state's id trie.
        walk: TrieProof<IdLeaf>,
    },
}

/// What a checked proof has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proven {
    /// The event is in the log; accepted where the batch merged. Under an obstruction, being in a
    /// log is not being accepted.
    EventInLog {
        /// The event and its place.
        witness: Box<Witness>,
        /// The log's name.
        log: String,
        /// Whether the batch merged.
        accepted: bool,
    },
    /// The id was accepted, in this batch or before.
    IdAccepted(IdLeaf),
    /// The id was not accepted up to this certificate.
    IdNeverAccepted(u128),
}

impl Proof {
    /// The proof's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        let kind = match self.claim {
            Claim::EventInLog(_) => 1,
            Claim::IdInState { .. } => 2,
        };
        out.put(&MAGIC).u16(VERSION).u8(kind).put(&[0; 5]).put(&self.certificate);
        match &self.claim {
            Claim::EventInLog(witness) => witness.write(&mut out),
            Claim::IdInState { id, walk } => walk.write(out.u128(*id)),
        }
        out.bytes
    }

    /// Reads exactly what [`Proof::encode`] wrote.
    ///
    /// # Errors
    /// [`FaultCode::ProofMalformed`] with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        Self::read(&mut from)
            .and_then(|proof| from.end().map(|()| proof))
            .map_err(|what| Fault::malformed(FaultCode::ProofMalformed, what))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let malformed = |at, expected| Err(Malformed { at, expected });
        if from.array::<8>("a proof's magic")? != MAGIC {
            return malformed(0, "a proof's magic");
        }
        if from.u16("a version")? != VERSION {
            return malformed(8, "version 1");
        }
        let kind = from.u8("a kind of proof")?;
        if from.array::<5>("zero")? != [0; 5] {
            return malformed(11, "zero");
        }
        let certificate = from.array("a chain hash")?;
        let claim = match kind {
            1 => Claim::EventInLog(Witness::read(from)?),
            2 => Claim::IdInState { id: from.u128("an id")?, walk: TrieProof::read(from)? },
            _ => return malformed(10, "a kind of proof"),
        };
        Ok(Proof { certificate, claim })
    }

    /// Holds the proof against the certificate that it names: its chain hash and its core.
    ///
    /// # Errors
    /// [`FaultCode::ProofWrong`] where it is about another certificate or does not lead to its root.
    pub fn check(&self, chain_hash: &Hash, core: &Core) -> Result<Proven, Fault> {
        if self.certificate != *chain_hash {
            return Err(Fault::new(FaultCode::ProofWrong, "the proof is about another certificate"));
        }
        match &self.claim {
            Claim::EventInLog(witness) => {
                evidence::check_inclusion(core, witness)
                    .map_err(|fault| Fault::new(FaultCode::ProofWrong, fault.message))?;
                Ok(Proven::EventInLog {
                    witness: Box::new(witness.clone()),
                    log: core.logs[witness.log as usize].name.clone(),
                    accepted: core.verdict == VerdictKind::Merge,
                })
            }
            Claim::IdInState { id, walk } => {
                match walk.verify(&core.next.id_root, core.next.id_count, *id)? {
                    Some(leaf) => Ok(Proven::IdAccepted(*leaf)),
                    None => Ok(Proven::IdNeverAccepted(*id)),
                }
            }
        }
    }
}
