//! A run: the headers of a part of one log, as specified bytes. What scan hands to fold.
//!
//! A run's entries stand in canonical order, so that where parts are scanned side by side they are sorted there, too. Fold
//! takes a run's content as the scanner's word (it comes from the same kernel) but refuses every
//! shape that a scanner cannot make: truncated, unsorted, wrong counts.
//!
//! ```text
//! 0    8  magic "OMGRUN", version 1, 0
//! 8    8  start: byte offset in the log where the part starts (0: with the file header)
//! 16   8  end: byte offset behind the part
//! 24   4  flags: bit 0 the log ends here, bit 1 a head is the part's last frame
//! 28   4  events        32  8  deps, of all events     40  4  claims     44  4  observed
//! 48      file header, 128 bytes, where start is 0
//!         head message, 152 bytes, where flag bit 1 is set
//!         entries, 128 bytes each, canonical order
//!         deps 16 · claims 32 · observed 40, each in the order of the entries
//! ```

use alloc::vec::Vec;

use crate::bytes::{Malformed, Reader, Writer};
use crate::entry::{Entries, Entry, Rest};
use crate::event::Observed;
use crate::fault::{Fault, FaultCode};
use crate::frame::{HEADER_BYTES, LogHeader};
use crate::limits;
use crate::wire::{self, HEAD_MESSAGE_BYTES, Head, Message};

const MAGIC: [u8; 8] = *b"OMGRUN\x01\x00";
const FIXED_BYTES: usize = 48;
const ENTRY_BYTES: usize = 128;
const DEP_BYTES: usize = 16;
const CLAIM_BYTES: usize = 32;
const OBSERVED_BYTES: usize = 40;
const FLAG_LAST: u32 = 1;
const FLAG_HEAD: u32 = 2;

/// What a scanner found in a part of a log.
#[derive(Debug, Clone)]
pub struct Part {
    /// Byte offset in the log where the part starts.
    pub start: u64,
    /// Byte offset behind the part.
    pub end: u64,
    /// Whether the log ends with this part.
    pub last: bool,
    /// The file header, in the part that starts at 0.
    pub header: Option<LogHeader>,
    /// The head, where it is the part's last frame.
    pub head: Option<Head>,
}

impl Part {
    /// The run of this part and its events, in whatever order these stand.
    pub fn encode(&self, entries: &Entries) -> Vec<u8> {
        let (claims, observed) = (entries.claims.len(), entries.observed.len());
        let columns = entries.list.len() as usize * ENTRY_BYTES
            + entries.deps.len() * DEP_BYTES
            + claims * CLAIM_BYTES
            + observed * OBSERVED_BYTES;
        let mut out =
            Writer { bytes: Vec::with_capacity(FIXED_BYTES + HEADER_BYTES + HEAD_MESSAGE_BYTES + columns) };
        let head_flag = if self.head.is_some() { FLAG_HEAD } else { 0 };
        out.put(&MAGIC).u64(self.start).u64(self.end).u32((u32::from(self.last) * FLAG_LAST) | head_flag);
        out.u32(entries.list.len()).u64(entries.deps.len() as u64).u32(claims as u32).u32(observed as u32);
        if let Some(header) = &self.header {
            out.put(&header.encode());
        }
        if let Some(head) = &self.head {
            wire::encode_head(head, &mut out.bytes);
        }
        let order = entries.order();
        let in_order = order.iter().map(|&index| entries.list.get(index));
        for entry in in_order.clone() {
            out.bytes.extend_from_slice(&entry_bytes(entry, entries.rest(entry)));
        }
        for dep in in_order.clone().flat_map(|entry| entries.deps(entry)) {
            out.bytes.extend_from_slice(&dep.to_le_bytes());
        }
        in_order.clone().filter_map(|entry| entries.claim(entry)).for_each(|claim| _ = out.put(claim));
        for observed in in_order.filter_map(|entry| entries.observed(entry)) {
            out.u64(observed.len).put(&observed.hash);
        }
        out.bytes
    }

    /// Reads a run whole.
    ///
    /// # Errors
    /// [`FaultCode::RunMalformed`] with the offset in the run.
    pub fn decode(bytes: &[u8]) -> Result<(Part, Entries), Fault> {
        let (run, mut entries) = (Run::open(bytes)?, Entries::default());
        run.append_to(&mut entries, 0)?;
        Ok((run.part, entries))
    }
}

/// A run, its columns in place.
#[derive(Debug)]
pub struct Run<'b> {
    /// What it is of.
    pub part: Part,
    entries: &'b [[u8; ENTRY_BYTES]],
    deps: &'b [[u8; DEP_BYTES]],
    claims: &'b [[u8; CLAIM_BYTES]],
    observed: &'b [[u8; OBSERVED_BYTES]],
    /// Where the entries start.
    at: usize,
}

impl<'b> Run<'b> {
    /// Reads a run's beginning and finds its columns.
    ///
    /// # Errors
    /// [`FaultCode::RunMalformed`] with the offset in the run.
    pub fn open(bytes: &'b [u8]) -> Result<Self, Fault> {
        open(bytes).map_err(malformed)
    }

    /// Events.
    pub fn events(&self) -> usize {
        self.entries.len()
    }

    /// Adds the events as occurrences in `log`. Past a cap of a batch nothing is taken in:
    /// [`Entries::check_room`]. Where it fails, some were added, and there is no verdict over them.
    ///
    /// # Errors
    /// [`FaultCode::RunMalformed`] with the offset in the run.
    pub fn append_to(&self, entries: &mut Entries, log: u32) -> Result<(), Fault> {
        if !entries.has_room(self.entries.len(), self.deps.len()) {
            return Ok(());
        }
        let first = entries.list.len();
        self.append_entries(entries, log).map_err(malformed)?;
        entries.deps.extend(self.deps.iter().map(|dep| u128::from_le_bytes(*dep)));
        entries.claims.extend_from_slice(self.claims);
        entries.observed.extend(self.observed.iter().map(observed_of));
        let wrong = |expected| Err(malformed(Malformed { at: self.at as u64, expected }));
        if !entries.sorted_from(first) {
            return wrong("entries in canonical order");
        }
        let added = || (first..entries.list.len()).map(|index| entries.list.get(index));
        if !added().all(|entry| entries.deps(entry).is_sorted_by(|a, b| a < b)) {
            return wrong("deps that ascend strictly");
        }
        Ok(())
    }

    fn append_entries(&self, entries: &mut Entries, log: u32) -> Result<(), Malformed> {
        let mut next = Next {
            dep: entries.deps.len() as u32,
            claim: entries.claims.len() as u32,
            observed: entries.observed.len() as u32,
        };
        let mut deps = 0u64;
        for (number, bytes) in self.entries.iter().enumerate() {
            let at = self.at + number * ENTRY_BYTES;
            let wrong = Malformed { at: at as u64, expected: "an entry that a scanner makes" };
            let (mut entry, rest) = entry_of(bytes, &mut next, log).ok_or(wrong)?;
            deps += u64::from(entry.dep_count);
            entry.rest = entries.rest.push(rest);
            entries.list.push(entry);
        }
        let (claims, observed) =
            (entries.claims.len() + self.claims.len(), entries.observed.len() + self.observed.len());
        if (deps, next.claim as usize, next.observed as usize) != (self.deps.len() as u64, claims, observed) {
            return Err(Malformed { at: 32, expected: "counts that fit the entries" });
        }
        Ok(())
    }
}

/// Where the next entry's deps, claim and observed payload are.
struct Next {
    dep: u32,
    claim: u32,
    observed: u32,
}

fn malformed(what: Malformed) -> Fault {
    Fault::malformed(FaultCode::RunMalformed, what)
}

fn open(bytes: &[u8]) -> Result<Run<'_>, Malformed> {
    let mut from = Reader::new(bytes);
    if from.array::<8>("a run's magic")? != MAGIC {
        return Err(Malformed { at: 0, expected: "a run's magic" });
    }
    let start = from.u64("start")?;
    let end = from.u64("end")?;
    let flags = from.u32("flags")?;
    if flags & !(FLAG_LAST | FLAG_HEAD) != 0 {
        return Err(Malformed { at: 24, expected: "known flags" });
    }
    if start >= end && !(start == end && start >= HEADER_BYTES as u64) {
        return Err(Malformed { at: 16, expected: "an end behind the start" });
    }
    let events = from.u32("the count of events")? as usize;
    let deps = from.u64("the count of deps")?;
    let claims = from.u32("the count of claims")? as usize;
    let observed = from.u32("the count of observed")? as usize;
    let header_bytes = if start == 0 { HEADER_BYTES } else { 0 };
    let head_bytes = if flags & FLAG_HEAD != 0 { HEAD_MESSAGE_BYTES } else { 0 };
    let at = FIXED_BYTES + header_bytes + head_bytes;
    let needed = at as u128
        + events as u128 * ENTRY_BYTES as u128
        + u128::from(deps) * DEP_BYTES as u128
        + claims as u128 * CLAIM_BYTES as u128
        + observed as u128 * OBSERVED_BYTES as u128;
    if needed != bytes.len() as u128 {
        return Err(Malformed { at: 28, expected: "counts that fit the run's length" });
    }
    if events > limits::MAX_BATCH_EVENTS as usize {
        return Err(Malformed { at: 28, expected: "no more events than a batch holds" });
    }
    let header = match header_bytes {
        0 => None,
        _ => {
            let at = from.at() as u64;
            let header = LogHeader::decode(from.take(HEADER_BYTES, "the file header")?);
            Some(header.map_err(|_| Malformed { at, expected: "a file header" })?)
        }
    };
    let head = match head_bytes {
        0 => None,
        _ => {
            let at = from.at() as u64;
            match wire::decode(from.take(HEAD_MESSAGE_BYTES, "the head")?) {
                Ok(Message::Head(head)) => Some(head),
                _ => return Err(Malformed { at, expected: "a head" }),
            }
        }
    };
    let part = Part { start, end, last: flags & FLAG_LAST != 0, header, head };
    // The counts fit the length.
    let entries = from.take(events * ENTRY_BYTES, "entries")?.as_chunks().0;
    let deps = from.take(deps as usize * DEP_BYTES, "deps")?.as_chunks().0;
    let claims = from.take(claims * CLAIM_BYTES, "claims")?.as_chunks().0;
    let observed = from.take(observed * OBSERVED_BYTES, "observed")?.as_chunks().0;
    Ok(Run { part, entries, deps, claims, observed, at })
}

/// An entry, packed with what stands beside it.
#[inline(always)]
fn entry_bytes(entry: &Entry, rest: &Rest) -> [u8; ENTRY_BYTES] {
    let mut out = [0; ENTRY_BYTES];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &entry.lamport.to_le_bytes());
    put(8, &entry.node.to_le_bytes());
    put(12, &entry.stream.to_le_bytes());
    put(14, &entry.flags.to_le_bytes());
    put(16, &entry.id.to_le_bytes());
    put(32, &entry.prev.to_le_bytes());
    put(48, &u64::from(rest.payload_len).to_le_bytes());
    put(56, &rest.payload_hash);
    put(88, &entry.event_hash);
    put(120, &entry.dep_count.to_le_bytes());
    out
}

/// An entry and what stands beside it; none where no scanner makes it. The caller says where that is put.
#[inline(always)]
fn entry_of(bytes: &[u8; ENTRY_BYTES], next: &mut Next, log: u32) -> Option<(Entry, Rest)> {
    let payload_len = u64::from_le_bytes(part(bytes, 48));
    let entry = Entry {
        lamport: u64::from_le_bytes(part(bytes, 0)),
        id: u128::from_le_bytes(part(bytes, 16)),
        prev: u128::from_le_bytes(part(bytes, 32)),
        event_hash: part(bytes, 88),
        node: u32::from_le_bytes(part(bytes, 8)),
        stream: u16::from_le_bytes(part(bytes, 12)),
        flags: u16::from_le_bytes(part(bytes, 14)),
        dep_count: u32::from_le_bytes(part(bytes, 120)),
        dep_start: next.dep,
        rest: 0,
        log,
    };
    let zero = part::<4>(bytes, 124) == [0; 4];
    if !zero || !entry.shape_is_possible() || payload_len > limits::MAX_PAYLOAD_BYTES {
        return None;
    }
    let rest = Rest {
        payload_hash: part(bytes, 56),
        payload_len: payload_len as u32,
        claim: next.claim,
        observed: next.observed,
    };
    next.dep = next.dep.wrapping_add(entry.dep_count);
    next.claim += u32::from(entry.has_claim());
    next.observed += u32::from(entry.is_mismatch());
    Some((entry, rest))
}

fn observed_of(bytes: &[u8; OBSERVED_BYTES]) -> Observed {
    Observed { len: u64::from_le_bytes(part(bytes, 0)), hash: part(bytes, 8) }
}

#[inline(always)]
fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
