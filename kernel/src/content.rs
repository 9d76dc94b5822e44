//! What the four kinds of certificate say: genesis, verdict, policy, swap.
//!
//! A decoded content obeys every rule that can be checked from the body alone. What the fixed
//! fields repeat of it is held together in `certificate`, what came before it in `chain`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::body::{Body, Core, Observations, VerdictKind, check_commitment, count32, malformed};
use crate::bytes::{Malformed, Reader, Writer};
use crate::commitment::StateCommitment;
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::limits::{MAX_ORIGIN_BYTES, MAX_SWAP_DIFFS};
use crate::policy::Policy;

/// Kinds of certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CertType {
    /// Starts a chain.
    Genesis = 1,
    /// States a verdict.
    Verdict = 2,
    /// Changes the signing policy.
    Policy = 3,
    /// Changes kernel, schema or catalog.
    Swap = 4,
}

impl CertType {
    /// The name that people and JSON use.
    pub fn name(self) -> &'static str {
        match self {
            CertType::Genesis => "genesis",
            CertType::Verdict => "verdict",
            CertType::Policy => "policy",
            CertType::Swap => "swap",
        }
    }

    /// Reads the byte that stands for it.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let here = from.malformed("a certificate type from 1 to 4");
        let byte = from.u8("the certificate type")?;
        [CertType::Genesis, CertType::Verdict, CertType::Policy, CertType::Swap]
            .into_iter()
            .find(|&kind| kind as u8 == byte)
            .ok_or(here)
    }
}

/// Who judges, and by what: the versions and hashes that a certificate is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Plain BLAKE3 of the component's bytes.
    pub kernel_hash: Hash,
    /// Version that the component names.
    pub checker_version: u32,
    /// Version of the schema.
    pub schema_version: u32,
    /// Plain BLAKE3 of the schema's bytes.
    pub schema_hash: Hash,
    /// Plain BLAKE3 of the catalog's bytes.
    pub predicate_hash: Hash,
}

impl Binding {
    /// Appends the packed binding, 104 bytes.
    pub fn write(&self, out: &mut Writer) {
        out.put(&self.kernel_hash).u32(self.checker_version).u32(self.schema_version);
        out.put(&self.schema_hash).put(&self.predicate_hash);
    }

    /// Reads what [`Binding::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Binding {
            kernel_hash: from.array("the kernel hash")?,
            checker_version: from.u32("the checker's version")?,
            schema_version: from.u32("the schema's version")?,
            schema_hash: from.array("the schema hash")?,
            predicate_hash: from.array("the catalog hash")?,
        })
    }
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Starts a chain.
    Genesis(Genesis),
    /// States a verdict.
    Verdict {
        /// What re-judging must reproduce.
        core: Box<Core>,
        /// What may honestly change.
        observations: Observations,
    },
    /// The policy from the next height on.
    Policy(Policy),
    /// The kernel from the next height on.
    Swap(Box<Swap>),
}

impl Content {
    /// The kind of certificate that says this.
    pub fn cert_type(&self) -> CertType {
        match self {
            Content::Genesis(_) => CertType::Genesis,
            Content::Verdict { .. } => CertType::Verdict,
            Content::Policy(_) => CertType::Policy,
            Content::Swap(_) => CertType::Swap,
        }
    }

    /// The packed body, `core_len ‖ core ‖ obs_len ‖ observations`.
    pub fn encode(&self) -> Vec<u8> {
        let (core, observations) = match self {
            Content::Genesis(genesis) => (genesis.encode(), Vec::new()),
            Content::Verdict { core, observations } => (core.encode(), observations.encode()),
            Content::Policy(policy) => (policy.encode(), Vec::new()),
            Content::Swap(swap) => (swap.encode(), Vec::new()),
        };
        Body { core: &core, observations: &observations }.join()
    }

    /// Reads a body of the given kind, strictly.
    ///
    /// # Errors
    /// `certificate-malformed`, `limit-exceeded`, or `state-mismatch` for a swap that changes the
    /// state. Offsets count from the body's first byte.
    pub fn decode(kind: CertType, body: &Body<'_>) -> Result<Self, Fault> {
        if kind == CertType::Verdict {
            let (core, observations) = body.decode()?;
            return Ok(Content::Verdict { core: Box::new(core), observations });
        }
        if !body.observations.is_empty() {
            return Err(refused("only a verdict has observations").at(4 + body.core.len() as u64));
        }
        let mut from = Reader::new(body.core);
        let content = match kind {
            CertType::Genesis => Genesis::read(&mut from).map(Content::Genesis),
            CertType::Policy => Policy::read(&mut from).map(Content::Policy),
            _ => Swap::read(&mut from).map(|swap| Content::Swap(Box::new(swap))),
        };
        let content = content.and_then(|content| from.end().map_err(malformed).map(|()| content));
        content.map_err(|fault| fault.within(4))
    }
}

/// The first certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// What the chain is about, for people: up to 255 bytes of UTF-8 without control characters.
    pub origin: String,
    /// Random bytes, so that two chains never share an id.
    pub nonce: [u8; 32],
    /// The first policy. Each of its keys signs the genesis.
    pub policy: Policy,
    /// The empty state.
    pub state: StateCommitment,
}

impl Genesis {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(u8::try_from(self.origin.len()).unwrap_or(u8::MAX)).put(self.origin.as_bytes());
        out.put(&self.nonce);
        self.policy.write(&mut out);
        self.state.write(&mut out);
        out.bytes
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let len = usize::from(from.u8("the origin's length").map_err(malformed)?);
        let here = from.malformed("an origin in UTF-8, without control characters");
        let origin = from.take(len, "the origin").map_err(malformed)?;
        let origin = core::str::from_utf8(origin)
            .ok()
            .filter(|text| text.len() <= MAX_ORIGIN_BYTES && !text.chars().any(char::is_control))
            .ok_or_else(|| malformed(here))?;
        let nonce = from.array("the nonce").map_err(malformed)?;
        let policy = Policy::read(from)?;
        let here = from.malformed("the empty state");
        let state = StateCommitment::read(from).map_err(malformed)?;
        if state != StateCommitment::empty() {
            return Err(malformed(here));
        }
        Ok(Genesis { origin: String::from(origin), nonce, policy, state })
    }
}

/// A change of kernel, schema or catalog, with what it would have changed in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Who judged so far.
    pub old: SwapSide,
    /// Who judges from the next height on.
    pub new: SwapSide,
    /// Past verdicts of this chain that the new kernel judged again.
    pub replayed: u64,
    /// Those whose core came out differently, by height. The past verdicts stand.
    pub diffs: Vec<VerdictDiff>,
}

/// A kernel, and the state as it commits to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapSide {
    /// Kernel, schema and catalog.
    pub binding: Binding,
    /// The state in this kernel's format.
    pub state: StateCommitment,
}

/// A past verdict that the new kernel judges differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictDiff {
    /// Height of the verdict's certificate.
    pub height: u64,
    /// What it says.
    pub old_verdict: VerdictKind,
    /// What the new kernel says.
    pub new_verdict: VerdictKind,
    /// Hash of the core in the certificate.
    pub old_core_hash: Hash,
    /// Hash of the core that the new kernel gives.
    pub new_core_hash: Hash,
}

impl Swap {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        for side in [&self.old, &self.new] {
            side.binding.write(&mut out);
            side.state.write(&mut out);
        }
        out.u64(self.replayed).u32(count32(self.diffs.len()));
        for diff in &self.diffs {
            out.u64(diff.height).u8(diff.old_verdict as u8).u8(diff.new_verdict as u8);
            out.put(&diff.old_core_hash).put(&diff.new_core_hash);
        }
        out.bytes
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let swap = Self::read_fields(from).map_err(malformed)?;
        swap.validate()?;
        Ok(swap)
    }

    fn read_fields(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut side = || Ok(SwapSide { binding: Binding::read(from)?, state: StateCommitment::read(from)? });
        let (old, new) = (side()?, side()?);
        let replayed = from.u64("the count of replayed verdicts")?;
        let mut diffs = Vec::new();
        for _ in 0..from.u32("the count of differing verdicts")? {
            diffs.push(VerdictDiff {
                height: from.u64("a height")?,
                old_verdict: VerdictKind::read(from)?,
                new_verdict: VerdictKind::read(from)?,
                old_core_hash: from.array("the old core's hash")?,
                new_core_hash: from.array("the new core's hash")?,
            });
        }
        Ok(Swap { old, new, replayed, diffs })
    }

    fn validate(&self) -> Result<(), Fault> {
        if self.diffs.len() as u64 > u64::from(MAX_SWAP_DIFFS) {
            let message = alloc::format!("a swap lists at most {MAX_SWAP_DIFFS} differing verdicts");
            return Err(Fault::new(FaultCode::LimitExceeded, message));
        }
        if self.old.binding == self.new.binding {
            return Err(refused("a swap changes kernel, schema or catalog"));
        }
        check_commitment("old state", &self.old.state)?;
        check_commitment("new state", &self.new.state)?;
        // One state has one commitment in one format: a swap re-encodes the state, it never edits it.
        if self.old.state.state_format == self.new.state.state_format && self.old.state != self.new.state {
            return Err(Fault::new(FaultCode::StateMismatch, "the swap changes the state within one format"));
        }
        if !self.diffs.windows(2).all(|pair| pair[0].height < pair[1].height) {
            return Err(refused("differing verdicts stand by height, each once"));
        }
        if self.diffs.iter().any(|diff| diff.old_core_hash == diff.new_core_hash) {
            return Err(refused("a verdict is listed only where its core differs"));
        }
        if (self.diffs.len() as u64) > self.replayed {
            return Err(refused("only replayed verdicts can differ"));
        }
        Ok(())
    }
}

fn refused(rule: &str) -> Fault {
    Fault::new(FaultCode::CertMalformed, alloc::format!("broken rule: {rule}"))
}
