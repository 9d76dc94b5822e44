//! The messages in frames: canonical Cap'n Proto of one fixed shape, read in place and written here.
//!
//! The schema's shape is fixed (the last data word of either struct is never zero), so "canonical"
//! comes down to: this root pointer, objects in pointer order without holes, zero padding, the last
//! pointer not null. Tests hold both directions against the `capnp` library.
//!
//! Sources: `schemas/omega.capnp`; <https://capnproto.org/encoding.html#canonicalization>.

use alloc::vec::Vec;

use crate::event::{EVENT_HASH_FIXED_BYTES, EventHeader, Observed};
use crate::fault::FaultCode;
use crate::hash::{self, Hash};
use crate::limits;

/// A decoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// An event, read in place.
    Event(EventView<'a>),
    /// A head.
    Head(Head),
}

/// An event read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventView<'a> {
    /// Lamport time.
    pub lamport: u64,
    /// The writer.
    pub node: u32,
    /// One of the writer's sequences.
    pub stream: u16,
    /// Id.
    pub id: u128,
    /// Id of the event before it in its stream, or 0.
    pub prev: u128,
    /// Bytes in the payload, as stated.
    pub payload_len: u64,
    /// Hash of the payload, as stated.
    pub payload_hash: &'a Hash,
    /// Ids it depends on: 16 bytes each, little-endian, strictly ascending.
    pub deps: &'a [u8],
    /// Hash of the application state it was made in.
    pub claim: Option<&'a Hash>,
    /// The payload, where it is there.
    bytes: Option<&'a [u8]>,
    /// What keys its hash.
    salt: Option<&'a [u8; 32]>,
    /// Where it was erased and did not fit the event, what it was: packed.
    observed: Option<&'a [u8; 40]>,
}

/// A payload as a frame holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadRef<'a> {
    /// It is there.
    Present {
        /// Its bytes.
        bytes: &'a [u8],
        /// What keys its hash.
        salt: Option<&'a [u8; 32]>,
    },
    /// It was erased, and its salt with it.
    Erased {
        /// What it was, where it did not fit the event.
        observed: Option<Observed>,
    },
}

/// A writer's or presenter's signature over the events before it (`schemas/log.md`, "Head").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Events in the log.
    pub event_count: u64,
    /// The canonical log root.
    pub log_root: Hash,
    /// Ed25519 public key.
    pub key: [u8; 32],
    /// Ed25519 signature over [`Head::signed_message`].
    pub signature: [u8; 64],
}

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireError {
    /// Which fault.
    pub code: FaultCode,
    /// Byte offset in the message.
    pub at: u32,
    /// What is wrong there.
    pub what: &'static str,
}

/// The only head algorithm: Ed25519.
pub const ALGORITHM_ED25519: u16 = 1;

const EVENT_DATA_WORDS: usize = 11;
const EVENT_MAX_POINTERS: usize = 5;
const HEAD_DATA_WORDS: usize = 18;
/// Bytes of a head's message.
pub const HEAD_MESSAGE_BYTES: usize = 8 * (1 + HEAD_DATA_WORDS);

const PAYLOAD: usize = 0;
const DEPS: usize = 1;
const CLAIM: usize = 2;
const SALT: usize = 3;
const OBSERVED: usize = 4;

const STATE_PRESENT: u16 = 1;
const STATE_ERASED: u16 = 2;

const LIST_OF_BYTES: u64 = 2;
const LIST_OF_WORDS: u64 = 5;

/// Decodes one message.
///
/// # Errors
/// [`FaultCode::NotCanonical`], [`FaultCode::UnknownField`], [`FaultCode::FieldInvalid`] or
/// [`FaultCode::LimitExceeded`], with the offset in the message.
pub fn decode(message: &[u8]) -> Result<Message<'_>, WireError> {
    if message.len() < 8 || !message.len().is_multiple_of(8) {
        return Err(not_canonical(0, "a message is a whole number of 8-byte words"));
    }
    let root = word(message, 0);
    if root & 0xFFFF_FFFF != 0 {
        return Err(not_canonical(0, "the root pointer of a canonical message points at the next word"));
    }
    let data_words = (root >> 32 & 0xFFFF) as usize;
    let pointers = (root >> 48) as usize;
    if message.len() / 8 < 1 + data_words + pointers {
        return Err(not_canonical(0, "the struct runs past the message's end"));
    }
    match (data_words, pointers) {
        (EVENT_DATA_WORDS, 0..=EVENT_MAX_POINTERS) => Ok(Message::Event(decode_event(message, pointers)?)),
        (HEAD_DATA_WORDS, 0) => Ok(Message::Head(decode_head(message)?)),
        _ => Err(WireError {
            code: FaultCode::UnknownField,
            at: 0,
            what: "the struct has fields or a shape that neither Event nor Head has",
        }),
    }
}

// Inlined, because what it returns is large and was copied.
#[inline(always)]
fn decode_event(message: &[u8], pointers: usize) -> Result<EventView<'_>, WireError> {
    let last = word(message, EVENT_DATA_WORDS);
    let state = (last >> 48) as u16;
    let erased = match state {
        STATE_PRESENT => false,
        STATE_ERASED => true,
        _ => return Err(invalid(8 * EVENT_DATA_WORDS + 6, "payloadState is neither present nor erased")),
    };
    let payload_len = word(message, 6);
    if payload_len > limits::MAX_PAYLOAD_BYTES {
        return Err(limit(8 * 6, "a payload has at most 1 MiB"));
    }

    let mut objects = Objects { message, pointers, next: 1 + EVENT_DATA_WORDS + pointers };
    let payload = objects.list(PAYLOAD, LIST_OF_BYTES, limits::MAX_PAYLOAD_BYTES)?;
    let deps = objects.list(DEPS, LIST_OF_WORDS, 2 * u64::from(limits::MAX_DEPS))?;
    let claim = objects.bytes::<32>(CLAIM, "a claim has 32 bytes")?;
    let salt = objects.bytes::<32>(SALT, "a salt has 32 bytes")?;
    let observed = objects.bytes::<40>(OBSERVED, "observed has 40 bytes")?;
    objects.end()?;

    let deps = match deps {
        None => &[][..],
        Some(deps) if deps.is_empty() || !deps.len().is_multiple_of(16) => {
            return Err(invalid(
                objects.pointer_at(DEPS),
                "deps are pairs of words, and null where there are none",
            ));
        }
        Some(deps) => deps,
    };
    if !ascending(deps) {
        return Err(invalid(objects.pointer_at(DEPS), "deps are strictly ascending"));
    }
    let payload_hash = array::<32>(message, 8 * 7);
    match (erased, payload, salt, observed) {
        (false, Some(_), _, None) | (true, None, None, _) => {}
        (false, None, _, _) => {
            return Err(invalid(objects.pointer_at(PAYLOAD), "a present payload is not null"));
        }
        (false, _, _, Some(_)) => {
            return Err(invalid(objects.pointer_at(OBSERVED), "observed is for erased payloads"));
        }
        (true, Some(_), _, _) => {
            return Err(invalid(objects.pointer_at(PAYLOAD), "an erased payload is null"));
        }
        (true, _, Some(_), _) => {
            return Err(invalid(objects.pointer_at(SALT), "erasing a payload erases its salt"));
        }
    }
    if let Some(observed) = observed.map(read_observed) {
        if observed.len > limits::MAX_PAYLOAD_BYTES {
            return Err(limit(objects.pointer_at(OBSERVED), "a payload has at most 1 MiB"));
        }
        if observed.len == payload_len && observed.hash == *payload_hash {
            return Err(invalid(objects.pointer_at(OBSERVED), "observed is for a payload that did not fit"));
        }
    }
    Ok(EventView {
        lamport: word(message, 1),
        node: last as u32,
        stream: (last >> 32) as u16,
        id: u128::from_le_bytes(*array::<16>(message, 8 * 2)),
        prev: u128::from_le_bytes(*array::<16>(message, 8 * 4)),
        payload_len,
        payload_hash,
        deps,
        claim,
        bytes: payload,
        salt,
        observed,
    })
}

fn decode_head(message: &[u8]) -> Result<Head, WireError> {
    if message.len() != HEAD_MESSAGE_BYTES {
        return Err(not_canonical(HEAD_MESSAGE_BYTES, "bytes behind a head"));
    }
    if word(message, HEAD_DATA_WORDS) != u64::from(ALGORITHM_ED25519) {
        return Err(invalid(8 * HEAD_DATA_WORDS, "the head's algorithm is unknown; 1 is Ed25519"));
    }
    Ok(Head {
        event_count: word(message, 1),
        log_root: *array(message, 8 * 2),
        key: *array(message, 8 * 6),
        signature: *array(message, 8 * 10),
    })
}

impl<'a> EventView<'a> {
    /// The payload, or what is left of it.
    #[inline]
    pub fn payload(&self) -> PayloadRef<'a> {
        match self.bytes {
            Some(bytes) => PayloadRef::Present { bytes, salt: self.salt },
            None => PayloadRef::Erased { observed: self.observed.map(read_observed) },
        }
    }

    /// The header, copied out.
    pub fn header(&self) -> EventHeader {
        EventHeader {
            lamport: self.lamport,
            node: self.node,
            stream: self.stream,
            id: self.id,
            prev: self.prev,
            claim: self.claim.copied(),
            payload_len: self.payload_len,
            payload_hash: *self.payload_hash,
            deps: self.dep_ids().collect(),
        }
    }

    /// Whether the payload was erased.
    #[inline]
    pub fn is_erased(&self) -> bool {
        self.bytes.is_none()
    }

    /// The ids it depends on, ascending.
    pub fn dep_ids(&self) -> impl ExactSizeIterator<Item = u128> + 'a {
        self.deps.chunks_exact(16).map(|dep| u128::from_le_bytes(*array::<16>(dep, 0)))
    }

    /// Appends the bytes that the event hash covers.
    #[inline]
    pub fn write_hashed(&self, out: &mut Vec<u8>) {
        let mut fixed = [0; EVENT_HASH_FIXED_BYTES];
        fixed[..8].copy_from_slice(&self.lamport.to_le_bytes());
        fixed[8..12].copy_from_slice(&self.node.to_le_bytes());
        fixed[12..14].copy_from_slice(&self.stream.to_le_bytes());
        fixed[14..30].copy_from_slice(&self.id.to_le_bytes());
        fixed[30..46].copy_from_slice(&self.prev.to_le_bytes());
        if let Some(claim) = self.claim {
            fixed[46] = 1;
            fixed[47..79].copy_from_slice(claim);
        }
        fixed[79..87].copy_from_slice(&self.payload_len.to_le_bytes());
        fixed[87..119].copy_from_slice(self.payload_hash);
        fixed[119..].copy_from_slice(&self.dep_count().to_le_bytes());
        out.extend_from_slice(&fixed);
        // One by one: a copy whose length is not known before is a call of the host.
        self.deps.as_chunks::<16>().0.iter().for_each(|dep| out.extend_from_slice(dep));
    }

    /// The event hash; `scratch` is reused from event to event.
    pub fn event_hash(&self, scratch: &mut Vec<u8>) -> Hash {
        scratch.clear();
        self.write_hashed(scratch);
        hash::EVENT.hash(scratch)
    }

    /// What 2001 finds: `None` where the payload was erased and nothing tells, otherwise whether it
    /// fits, with what was observed where it does not.
    pub fn payload_check(&self) -> Option<Result<(), Observed>> {
        match self.payload() {
            PayloadRef::Present { bytes, salt } => {
                let found = Observed { len: bytes.len() as u64, hash: hash::payload(bytes, salt) };
                let fits = found.len == self.payload_len && found.hash == *self.payload_hash;
                Some(if fits { Ok(()) } else { Err(found) })
            }
            PayloadRef::Erased { observed: Some(observed) } => Some(Err(observed)),
            PayloadRef::Erased { observed: None } => None,
        }
    }

    /// How many ids it depends on.
    pub fn dep_count(&self) -> u32 {
        (self.deps.len() / 16) as u32
    }
}

impl Head {
    /// What a head signs: `"omega-sheaf log head v1\0" ‖ schema_hash 32 ‖ name_len u16 ‖ name ‖
    /// event_count u64 ‖ log_root 32`.
    pub fn signed_message(schema_hash: &Hash, name: &str, event_count: u64, log_root: &Hash) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + 32 + 2 + name.len() + 8 + 32);
        out.extend_from_slice(b"omega-sheaf log head v1\0");
        out.extend_from_slice(schema_hash);
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&event_count.to_le_bytes());
        out.extend_from_slice(log_root);
        out
    }

    /// Whether the signature is the key's over a log of that schema and name with this head's
    /// count and root (`verify_strict`, so no two keys share a signature).
    pub fn verify(&self, schema_hash: &Hash, name: &str) -> bool {
        let message = Head::signed_message(schema_hash, name, self.event_count, &self.log_root);
        let signature = ed25519_dalek::Signature::from_bytes(&self.signature);
        ed25519_dalek::VerifyingKey::from_bytes(&self.key)
            .is_ok_and(|key| key.verify_strict(&message, &signature).is_ok())
    }
}

/// Appends an event's canonical message. The caller keeps the limits; [`decode`] refuses the rest.
pub fn encode_event(header: &EventHeader, payload: PayloadRef<'_>, out: &mut Vec<u8>) {
    let (state, bytes, salt, observed) = match payload {
        PayloadRef::Present { bytes, salt } => (STATE_PRESENT, Some(bytes), salt, None),
        PayloadRef::Erased { observed } => (STATE_ERASED, None, None, observed.map(write_observed)),
    };
    let deps: Option<Vec<u8>> =
        (!header.deps.is_empty()).then(|| header.deps.iter().flat_map(|dep| dep.to_le_bytes()).collect());
    let lists: [(Option<&[u8]>, u64); EVENT_MAX_POINTERS] = [
        (bytes, LIST_OF_BYTES),
        (deps.as_deref(), LIST_OF_WORDS),
        (header.claim.as_ref().map(|claim| &claim[..]), LIST_OF_BYTES),
        (salt.map(|salt| &salt[..]), LIST_OF_BYTES),
        (observed.as_ref().map(|observed| &observed[..]), LIST_OF_BYTES),
    ];
    let pointers = lists.iter().rposition(|(list, _)| list.is_some()).map_or(0, |last| last + 1);

    put_word(out, (EVENT_DATA_WORDS as u64) << 32 | (pointers as u64) << 48);
    put_word(out, header.lamport);
    out.extend_from_slice(&header.id.to_le_bytes());
    out.extend_from_slice(&header.prev.to_le_bytes());
    put_word(out, header.payload_len);
    out.extend_from_slice(&header.payload_hash);
    put_word(out, u64::from(header.node) | u64::from(header.stream) << 32 | u64::from(state) << 48);

    let mut ahead = pointers as u64;
    for (list, element) in &lists[..pointers] {
        ahead -= 1;
        put_word(out, list.map_or(0, |list| pointer(ahead, *element, list.len() as u64)));
        ahead += list.map_or(0, |list| list.len().div_ceil(8) as u64);
    }
    for list in lists.iter().filter_map(|(list, _)| *list) {
        out.extend_from_slice(list);
        out.resize(out.len() + list.len().next_multiple_of(8) - list.len(), 0);
    }
}

/// Appends a head's canonical message.
pub fn encode_head(head: &Head, out: &mut Vec<u8>) {
    put_word(out, (HEAD_DATA_WORDS as u64) << 32);
    put_word(out, head.event_count);
    out.extend_from_slice(&head.log_root);
    out.extend_from_slice(&head.key);
    out.extend_from_slice(&head.signature);
    put_word(out, u64::from(ALGORITHM_ED25519));
}

/// Walks the lists behind an event's pointers, which canonical form puts in pointer order.
struct Objects<'a> {
    message: &'a [u8],
    pointers: usize,
    /// Word at which the next object must start.
    next: usize,
}

impl<'a> Objects<'a> {
    /// The list behind pointer `index`; `None` where it is null. `most` counts elements.
    #[inline(always)]
    fn list(&mut self, index: usize, element: u64, most: u64) -> Result<Option<&'a [u8]>, WireError> {
        // Most events have neither claim nor salt.
        if index >= self.pointers { Ok(None) } else { self.list_behind(index, element, most) }
    }

    fn list_behind(&mut self, index: usize, element: u64, most: u64) -> Result<Option<&'a [u8]>, WireError> {
        let at = self.pointer_at(index);
        let pointer = word(self.message, at / 8);
        if pointer == 0 {
            return match index + 1 == self.pointers {
                true => Err(not_canonical(at, "the last pointer of a canonical struct is not null")),
                false => Ok(None),
            };
        }
        let ahead = (self.next - at / 8 - 1) as u64;
        if pointer & 0xFFFF_FFFF != ahead << 2 | 1 {
            return Err(not_canonical(at, "objects follow one another in the order of their pointers"));
        }
        if pointer >> 32 & 7 != element {
            return Err(WireError {
                code: FaultCode::UnknownField,
                at: at as u32,
                what: "a list of another type",
            });
        }
        let count = pointer >> 35;
        if count > most {
            return Err(limit(at, "a payload has at most 1 MiB, deps at most 1,024 ids"));
        }
        let bytes = if element == LIST_OF_WORDS { 8 * count as usize } else { count as usize };
        let start = 8 * self.next;
        let end = start + bytes.next_multiple_of(8);
        if end > self.message.len() {
            return Err(not_canonical(at, "an object runs past the message's end"));
        }
        if self.message[start + bytes..end].iter().any(|&byte| byte != 0) {
            return Err(not_canonical(start + bytes, "padding is zero"));
        }
        self.next = end / 8;
        Ok(Some(&self.message[start..start + bytes]))
    }

    #[inline(always)]
    fn bytes<const N: usize>(
        &mut self,
        index: usize,
        what: &'static str,
    ) -> Result<Option<&'a [u8; N]>, WireError> {
        match self.list(index, LIST_OF_BYTES, limits::MAX_PAYLOAD_BYTES)? {
            None => Ok(None),
            Some(bytes) => match bytes.try_into() {
                Ok(array) => Ok(Some(array)),
                Err(_) => Err(invalid(self.pointer_at(index), what)),
            },
        }
    }

    fn end(&self) -> Result<(), WireError> {
        match 8 * self.next == self.message.len() {
            true => Ok(()),
            false => Err(not_canonical(8 * self.next, "bytes behind the last object")),
        }
    }

    fn pointer_at(&self, index: usize) -> usize {
        8 * (1 + EVENT_DATA_WORDS + index)
    }
}

#[inline]
fn ascending(deps: &[u8]) -> bool {
    let id = |at: usize| u128::from_le_bytes(*array::<16>(deps, at));
    (16..deps.len()).step_by(16).all(|at| id(at - 16) < id(at))
}

fn read_observed(bytes: &[u8; 40]) -> Observed {
    Observed { len: word(bytes, 0), hash: *array(bytes, 8) }
}

fn write_observed(observed: Observed) -> [u8; 40] {
    let mut out = [0; 40];
    out[..8].copy_from_slice(&observed.len.to_le_bytes());
    out[8..].copy_from_slice(&observed.hash);
    out
}

fn pointer(ahead: u64, element: u64, bytes: u64) -> u64 {
    let count = if element == LIST_OF_WORDS { bytes / 8 } else { bytes };
    ahead << 2 | 1 | element << 32 | count << 35
}

#[inline]
fn word(bytes: &[u8], index: usize) -> u64 {
    u64::from_le_bytes(*array(bytes, 8 * index))
}

/// `N` bytes at `at`; callers have checked the length.
#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    bytes[at..at + N].first_chunk().expect("the slice has N bytes")
}

fn put_word(out: &mut Vec<u8>, word: u64) {
    out.extend_from_slice(&word.to_le_bytes());
}

fn not_canonical(at: usize, what: &'static str) -> WireError {
    WireError { code: FaultCode::NotCanonical, at: at as u32, what }
}

fn invalid(at: usize, what: &'static str) -> WireError {
    WireError { code: FaultCode::FieldInvalid, at: at as u32, what }
}

fn limit(at: usize, what: &'static str) -> WireError {
    WireError { code: FaultCode::LimitExceeded, at: at as u32, what }
}
