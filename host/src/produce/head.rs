//! A log's root and the head that signs it.

use omega_kernel::event::{EventHeader, Observed, leaf_hash};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::LogHeader;
use omega_kernel::hash::Hash;
use omega_kernel::merkle::Accumulator;
use omega_kernel::wire::{self, EventView, Head, Message, PayloadRef};

use crate::failure::Failure;
use crate::sign::Signer;

/// The low 112 bits of an id: its part of the 224-bit key.
const ID_KEY_MASK: u128 = (1 << 112) - 1;

/// The events of one log, for its canonical root. 112 bytes an event.
#[derive(Debug, Clone, Default)]
pub struct Leaves {
    keys: Vec<CanonicalKey>,
    scratch: Vec<u8>,
}

/// Sorts as events do: lamport, node, stream, id; then what tells two versions of one id apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CanonicalKey {
    lamport: u64,
    node: u32,
    stream: u16,
    id_key: u128,
    id: u128,
    event_hash: Hash,
    observed: Option<Observed>,
}

impl Leaves {
    /// Adds an event and returns its hash; `observed` where its payload does not fit.
    pub fn push(&mut self, event: &EventView<'_>, observed: Option<Observed>) -> Hash {
        let event_hash = event.event_hash(&mut self.scratch);
        self.keys.push(CanonicalKey {
            lamport: event.lamport,
            node: event.node,
            stream: event.stream,
            id_key: event.id & ID_KEY_MASK,
            id: event.id,
            event_hash,
            observed,
        });
        event_hash
    }

    /// Encodes an event whose payload fits, and adds it as it is read back: what is signed is what the next
    /// reader sees. Gives its message.
    ///
    /// # Errors
    /// `internal` where it cannot be read back.
    pub fn encode(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<Vec<u8>, Failure> {
        let mut message = Vec::new();
        wire::encode_event(header, payload, &mut message);
        match wire::decode(&message) {
            Ok(Message::Event(event)) => self.push(&event, None),
            _ => return Err(Failure::internal("an event that was just encoded cannot be read")),
        };
        Ok(message)
    }

    /// Events so far.
    pub fn count(&self) -> u64 {
        self.keys.len() as u64
    }

    /// The canonical log root.
    pub fn root(&mut self) -> Hash {
        self.keys.sort_unstable();
        let mut tree = Accumulator::new();
        for key in &self.keys {
            tree.push(leaf_hash(&key.event_hash, key.observed.as_ref()));
        }
        tree.root()
    }
}

/// Signs a log of these events.
pub fn sign(leaves: &mut Leaves, header: &LogHeader, signer: &Signer) -> Head {
    signer.head(header, leaves.count(), leaves.root())
}

/// Checks a log's last frame against the events before it.
pub fn check(head: &Head, offset: u64, leaves: &mut Leaves, header: &LogHeader) -> Result<(), Fault> {
    let wrong = |what: String| Err(Fault::new(FaultCode::HeadMismatch, what).at(offset));
    if head.event_count != leaves.count() {
        return wrong(format!("the head signs {} events; the log has {}", head.event_count, leaves.count()));
    }
    if head.log_root != leaves.root() {
        return wrong("the head signs other events than the log has".to_owned());
    }
    if !head.verify(&header.schema_hash, &header.name) {
        return wrong("the head's signature is invalid".to_owned());
    }
    Ok(())
}
