//! Events, logs and runs made from a fuzzer's bytes: few nodes, streams and ids, so that they meet.

use arbitrary::{Arbitrary, Result, Unstructured};
use ed25519_dalek::{Signer, SigningKey};
use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::fault::Fault;
use omega_kernel::frame::{Frames, LogHeader, write_frame};
use omega_kernel::hash::{self, SCHEMA_HASH};
use omega_kernel::merkle::Accumulator;
use omega_kernel::scan::{RunScanner, ScanPart};
use omega_kernel::session::{Finished, LogInput, Session};
use omega_kernel::wire::{self, Head, Message, PayloadRef};

/// Events of a log, at most: what happens between few events happens between many.
const MOST_EVENTS: usize = 12;
/// Ids to choose from; a fuzzer's own would never meet.
const IDS: u128 = 24;

/// An event with its payload.
#[derive(Debug, Clone)]
pub struct Event {
    /// What its hash covers.
    pub header: EventHeader,
    /// What its frame holds beside that.
    pub payload: Payload,
}

/// A payload, owned.
#[derive(Debug, Clone)]
pub enum Payload {
    /// It is there.
    Present {
        /// Its bytes.
        bytes: Vec<u8>,
        /// What keys its hash.
        salt: Option<[u8; 32]>,
    },
    /// It was erased.
    Erased {
        /// What it was, where it did not fit.
        observed: Option<Observed>,
    },
}

impl Payload {
    /// As the kernel takes it.
    pub fn as_ref(&self) -> PayloadRef<'_> {
        match self {
            Payload::Present { bytes, salt } => PayloadRef::Present { bytes, salt: salt.as_ref() },
            Payload::Erased { observed } => PayloadRef::Erased { observed: *observed },
        }
    }
}

impl Event {
    /// Its canonical message.
    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        wire::encode_event(&self.header, self.payload.as_ref(), &mut out);
        out
    }
}

impl<'a> Arbitrary<'a> for Event {
    /// Any event: few ids, nodes and streams, so that several of them meet and break every rule.
    fn arbitrary(from: &mut Unstructured<'a>) -> Result<Self> {
        let id = id(from)?;
        let lamport = match from.int_in_range(0..=7)? {
            0 => from.arbitrary()?,
            _ => from.int_in_range(0..=8)?,
        };
        let prev = if from.ratio(1, 2)? { 0 } else { self::id(from)? };
        let mut deps = Vec::new();
        for _ in 0..from.int_in_range(0..=3)? {
            deps.push(self::id(from)?);
        }
        let (node, stream) = line(from)?;
        Place { lamport, node, stream, id, prev, deps }.event(from)
    }
}

/// What an event says of its place in the history.
struct Place {
    lamport: u64,
    node: u32,
    stream: u16,
    id: u128,
    prev: u128,
    deps: Vec<u128>,
}

impl Place {
    /// The event with any payload, claim and salt; the payload does not always fit, or is gone.
    fn event(mut self, from: &mut Unstructured<'_>) -> Result<Event> {
        self.deps.sort_unstable();
        self.deps.dedup();
        let claim = from.ratio(1, 8)?.then(|| from.int_in_range(0..=2)).transpose()?;
        let length = from.int_in_range(0..=40)?;
        let bytes = from.bytes(usize::min(length, from.len()))?.to_vec();
        let salt = from.ratio(1, 8)?.then(|| from.arbitrary()).transpose()?;
        let mut header = EventHeader {
            lamport: self.lamport,
            node: self.node,
            stream: self.stream,
            id: self.id,
            prev: self.prev,
            claim: claim.map(|claim: u8| [claim; 32]),
            payload_len: bytes.len() as u64,
            payload_hash: hash::payload(&bytes, salt.as_ref()),
            deps: self.deps,
        };
        let fits = !from.ratio(1, 16)?;
        let observed = Observed { len: header.payload_len, hash: header.payload_hash };
        if !fits {
            header.payload_hash[0] ^= 1;
        }
        let payload = match from.ratio(1, 6)? {
            true => Payload::Erased { observed: (!fits).then_some(observed) },
            false => Payload::Present { bytes, salt },
        };
        Ok(Event { header, payload })
    }
}

/// An event that an honest writer makes next.
fn next(from: &mut Unstructured<'_>, before: &[Event]) -> Result<Event> {
    let (node, stream) = line(from)?;
    let last = before.iter().rev().find(|event| (event.header.node, event.header.stream) == (node, stream));
    let mut past: Vec<&Event> = last.into_iter().collect();
    for _ in 0..from.int_in_range(0..=2)? {
        if !before.is_empty() {
            past.push(from.choose(before)?);
        }
    }
    let latest = past.iter().map(|event| event.header.lamport).max().unwrap_or(0);
    let prev = last.map_or(0, |event| event.header.id);
    let deps = past.iter().map(|event| event.header.id).filter(|&id| id != prev).collect();
    Place { lamport: latest.saturating_add(1), node, stream, id: before.len() as u128 + 1, prev, deps }
        .event(from)
}

fn line(from: &mut Unstructured<'_>) -> Result<(u32, u16)> {
    Ok((from.int_in_range(1..=3)?, *from.choose(&[0, 0, 0, 1, 0x7FFF, 0x8000, 0xFFFF])?))
}

/// An id from few, now and then one from outside the domain.
fn id(from: &mut Unstructured<'_>) -> Result<u128> {
    Ok(match from.int_in_range(0..=63)? {
        0 => 0,
        1 => 1 << 112,
        2 => u128::MAX,
        3 => from.arbitrary()?,
        _ => from.int_in_range(1..=IDS)?,
    })
}

/// A log: its name, its events and perhaps a head.
#[derive(Debug, Clone)]
pub struct Log {
    /// The file.
    pub bytes: Vec<u8>,
}

/// A batch's logs, over one pool of events: an honest history, now and then with something in it that is not.
pub fn logs(from: &mut Unstructured<'_>) -> Result<Vec<Log>> {
    let mut pool: Vec<Event> = Vec::new();
    for _ in 0..from.int_in_range(0..=MOST_EVENTS)? {
        let event = if from.ratio(1, 12)? { from.arbitrary()? } else { next(from, &pool)? };
        pool.push(event);
    }
    let mut logs = Vec::new();
    for _ in 0..from.int_in_range(1..=4)? {
        logs.push(log(from, &pool)?);
    }
    Ok(logs)
}

/// A log of most of these events.
fn log(from: &mut Unstructured<'_>, pool: &[Event]) -> Result<Log> {
    let name = *from.choose(&["a", "a", "b", "log"])?;
    let mut bytes = LogHeader::new(name).expect("a name").encode().to_vec();
    let left_out: u16 = if from.ratio(1, 2)? { from.arbitrary()? } else { 0 };
    for (at, event) in pool.iter().enumerate() {
        if left_out >> at & 1 == 0 {
            write_frame(&event.message(), &mut bytes);
        }
    }
    if !pool.is_empty() && from.ratio(1, 16)? {
        write_frame(&from.choose(pool)?.message(), &mut bytes);
    }
    if from.ratio(1, 6)? {
        sign(&mut bytes, from.int_in_range(1..=3)?);
    }
    Ok(Log { bytes })
}

/// The key with this number.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// Appends a head that fits, by the key with this number.
pub fn sign(log: &mut Vec<u8>, number: u8) {
    let (header, frames) = Frames::new(log).expect("a log");
    let mut leaves: Vec<_> = frames
        .filter_map(|frame| match frame.expect("a frame").message {
            Message::Event(event) => Some((
                (event.lamport, event.node, event.stream, event.id),
                event.event_hash(&mut Vec::new()),
                event.payload_check().and_then(std::result::Result::err),
            )),
            Message::Head(_) => None,
        })
        .collect();
    leaves.sort_by_key(|((lamport, node, stream, id), hash, observed)| {
        (omega_kernel::event::order_key(*lamport, *node, *stream, *id), *id, *hash, *observed)
    });
    let mut root = Accumulator::new();
    for (_, hash, observed) in &leaves {
        root.push(omega_kernel::event::leaf_hash(hash, observed.as_ref()));
    }
    let (event_count, log_root) = (root.count(), root.root());
    let message = Head::signed_message(&SCHEMA_HASH, &header.name, event_count, &log_root);
    let key = key(number);
    let head = Head {
        event_count,
        log_root,
        key: key.verifying_key().to_bytes(),
        signature: key.sign(&message).to_bytes(),
    };
    let mut message = Vec::new();
    wire::encode_head(&head, &mut message);
    write_frame(&message, log);
}

/// Offsets at which a log's frames start, and its end; nothing where it is damaged.
pub fn boundaries(log: &[u8]) -> Option<Vec<usize>> {
    let (_, frames) = Frames::new(log).ok()?;
    frames.map(|frame| Some(frame.ok()?.offset as usize)).chain([Some(log.len())]).collect()
}

/// The run of a part of a log.
pub fn run(log: &[u8], start: usize, end: usize, last: bool) -> std::result::Result<Vec<u8>, Fault> {
    let mut scanner = RunScanner::new(ScanPart { offset: start as u64, ..ScanPart::default() });
    scanner.push(&log[start..end])?;
    scanner.finish(last)
}

/// Judges logs in a session, each fed at once.
pub fn judge_in(session: &mut Session, logs: &[impl AsRef<[u8]>]) -> std::result::Result<Finished, Fault> {
    session.begin_batch(&vec![LogInput::default(); logs.len()])?;
    for (index, log) in (0u32..).zip(logs) {
        // A damaged log's fault comes again from `finish`, which picks among several.
        let _ = session.feed(index, log.as_ref());
    }
    session.finish()
}

impl AsRef<[u8]> for Log {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Lengths of chunks, from 1 on, that follow from the bytes alone: one input, one way to cut it.
pub fn chunks(of: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let mut state = u64::from(crc32fast::hash(of)) | 1;
    std::iter::repeat_with(move || {
        // Knuth's MMIX generator: any will do, as long as it is the same each time.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let widest = [1, 8, 40, 200, 4096][(state >> 61) as usize % 5];
        1 + (state >> 33) as usize % widest
    })
}

/// The bytes in pieces of those lengths.
pub fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    let mut lengths = chunks(bytes);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(lengths.next().expect("endless")));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
