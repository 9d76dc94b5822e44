//! An event on its way into a log, and how ids are written and made.

use omega_kernel::event::{EventHeader, FIRST_CAUSAL_ONLY_STREAM, ID_END, Observed};
use omega_kernel::hash::{self, Hash};
use omega_kernel::limits::{MAX_DEPS, MAX_PAYLOAD_BYTES};
use omega_kernel::wire::PayloadRef;

use crate::failure::{Failure, HostCode};

/// An event with all that its frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What its hash covers.
    pub header: EventHeader,
    /// What its hash only names.
    pub payload: Payload,
}

/// The payload of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// It is there.
    Present {
        /// The payload.
        bytes: Vec<u8>,
        /// What keys its hash.
        salt: Option<[u8; 32]>,
    },
    /// It was erased, and its salt with it.
    Erased {
        /// What it was, where it did not fit the header.
        observed: Option<Observed>,
    },
}

impl Payload {
    /// As the codec takes it.
    pub fn as_ref(&self) -> PayloadRef<'_> {
        match self {
            Payload::Present { bytes, salt } => PayloadRef::Present { bytes, salt: salt.as_ref() },
            Payload::Erased { observed } => PayloadRef::Erased { observed: *observed },
        }
    }
}

/// Where an event stands: what a writer chooses, before the payload is hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Lamport time.
    pub lamport: u64,
    /// The writer.
    pub node: u32,
    /// One of the writer's sequences.
    pub stream: u16,
    /// The id.
    pub id: u128,
    /// Id of the event before it in its stream; 0: not linked.
    pub prev: u128,
    /// Ids it depends on, in any order; each counts once.
    pub deps: Vec<u128>,
}

impl Place {
    /// The header of an event here, with this unsalted payload. Refuses what no log may hold.
    pub fn header(self, payload: &[u8], salt: Option<&[u8; 32]>) -> Result<EventHeader, Failure> {
        let header = self.header_unchecked(payload, salt);
        check_limits(&header)?;
        Ok(header)
    }

    fn header_unchecked(mut self, payload: &[u8], salt: Option<&[u8; 32]>) -> EventHeader {
        self.deps.sort_unstable();
        self.deps.dedup();
        EventHeader {
            lamport: self.lamport,
            node: self.node,
            stream: self.stream,
            id: self.id,
            prev: self.prev,
            claim: None,
            payload_len: payload.len() as u64,
            payload_hash: hash::payload(payload, salt),
            deps: self.deps,
        }
    }
}

/// Refuses an event that is larger than the format allows.
pub fn check_limits(header: &EventHeader) -> Result<(), Failure> {
    if header.payload_len > MAX_PAYLOAD_BYTES {
        return Err(limit(format!(
            "the payload of event {} has {} bytes; a log takes at most {MAX_PAYLOAD_BYTES}",
            show_id(header.id),
            header.payload_len
        ))
        .hint("Keep large content elsewhere and put its hash into the payload."));
    }
    if header.deps.len() as u64 > u64::from(MAX_DEPS) {
        return Err(limit(format!(
            "event {} has {} dependencies; a log takes at most {MAX_DEPS}",
            show_id(header.id),
            header.deps.len()
        ))
        .hint("Depend on the newest events only: what they depend on is implied."));
    }
    Ok(())
}

/// Something larger than the format allows.
pub fn limit(message: String) -> Failure {
    omega_kernel::fault::Fault::new(omega_kernel::fault::FaultCode::LimitExceeded, message).into()
}

/// Whether 1001 and 1004 are judged in this stream.
pub fn is_linked_stream(stream: u16) -> bool {
    stream < FIRST_CAUSAL_ONLY_STREAM
}

/// An id as people and JSON write it: 32 lower-case hex digits.
pub fn show_id(id: u128) -> String {
    format!("{id:032x}")
}

/// Reads an id from the command line: up to 32 hex digits, of which leading zeros may be left out.
pub fn parse_id(text: &str) -> Result<u128, String> {
    let is_hex = !text.is_empty() && text.len() <= 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
    is_hex
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
        .ok_or_else(|| "an id is up to 32 hex digits, as `omega ingest` and JSON show it".to_owned())
}

/// Reads an id that must be usable for a new event: not zero, below 2^112.
pub fn parse_new_id(text: &str) -> Result<u128, String> {
    match parse_id(text)? {
        id if (1..ID_END).contains(&id) => Ok(id),
        _ => Err("an event's id is not zero and has at most 28 hex digits (2^112)".to_owned()),
    }
}

/// The id cut from a hash: its first 112 bits, so that an id reads `0000` and the first 28 digits
/// that `b3sum` prints. Among 2^40 such ids two are equal with a chance below 2^-32; an id of zero,
/// which no event may have, is one in 2^112 and becomes 1.
pub fn id_from_hash(hash: &Hash) -> u128 {
    let mut bytes = [0u8; 16];
    bytes[2..].copy_from_slice(&hash[..14]);
    u128::from_be_bytes(bytes).max(1)
}

/// The node number cut from a hash: its first 32 bits. The caller refuses collisions.
pub fn node_from_hash(hash: &Hash) -> u32 {
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// A fresh id: 112 bits from the operating system.
///
/// Random, because writers share neither clock nor counter, and because the same content appended
/// twice is two events. A time in it would say more about the writer than an id has to.
pub fn random_id() -> Result<u128, Failure> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(HostCode::Unreadable, format!("no randomness for an id: {error}")))?;
    Ok(id_from_hash(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_and_read_back() {
        assert_eq!(show_id(0xab), "000000000000000000000000000000ab");
        assert_eq!(parse_id("ab"), Ok(0xab));
        assert_eq!(parse_id(&show_id(u128::MAX)), Ok(u128::MAX));
        for bad in ["", "0x1", "g", "+1", "123456789012345678901234567890123", " 1"] {
            assert!(parse_id(bad).is_err(), "{bad:?}");
        }
        assert!(parse_new_id("0").is_err());
        assert!(parse_new_id(&show_id(ID_END)).is_err());
        assert_eq!(parse_new_id(&show_id(ID_END - 1)), Ok(ID_END - 1));
    }

    #[test]
    fn made_ids_lie_in_the_domain() {
        assert_eq!(id_from_hash(&[0xff; 32]), ID_END - 1);
        assert_eq!(id_from_hash(&[0; 32]), 1);
        let (a, b) = (random_id().unwrap(), random_id().unwrap());
        assert_ne!(a, b);
        assert!((1..ID_END).contains(&a));
    }

    #[test]
    fn a_header_takes_deps_in_any_order_and_keeps_the_limits() {
        let place = Place { id: 9, lamport: 4, deps: vec![7, 3, 7], ..Place::default() };
        let header = place.clone().header(b"x", None).unwrap();
        assert_eq!(header.deps, [3, 7]);
        assert_eq!(header.payload_hash, *blake3::hash(b"x").as_bytes());
        let full = vec![0u8; MAX_PAYLOAD_BYTES as usize];
        assert!(place.clone().header(&full, None).is_ok());
        let over = vec![0u8; MAX_PAYLOAD_BYTES as usize + 1];
        assert_eq!(place.clone().header(&over, None).unwrap_err().code.exit(), 30);
        let many = Place { deps: (1..=u128::from(MAX_DEPS)).collect(), ..place };
        assert!(many.clone().header(b"", None).is_ok());
        let more = Place { deps: (1..=u128::from(MAX_DEPS) + 1).collect(), ..many };
        assert!(more.header(b"", None).is_err());
    }
}
