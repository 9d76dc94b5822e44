//! A run: the headers of a part of one log, as specified bytes. What scan hands to fold.
//!
//! A run's entries stand in canonical order, so that the sort is done where the scan was. Fold
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
    /// The events.
    pub entries: Entries,
}

impl Part {
    /// The run's bytes. Puts the entries into canonical order first.
    pub fn encode(mut self) -> Vec<u8> {
        self.entries.sort();
        let entries = &self.entries;
        let mut out = Writer::new();
        let head_flag = if self.head.is_some() { FLAG_HEAD } else { 0 };
        out.put(&MAGIC).u64(self.start).u64(self.end).u32((u32::from(self.last) * FLAG_LAST) | head_flag);
        out.u32(entries.list.len()).u64(entries.deps.len() as u64);
        out.u32(entries.claims.len() as u32).u32(entries.observed.len() as u32);
        if let Some(header) = &self.header {
            out.put(&header.encode());
        }
        if let Some(head) = &self.head {
            wire::encode_head(head, &mut out.bytes);
        }
        for entry in entries.list.iter() {
            out.u64(entry.lamport).u32(entry.node).u16(entry.stream).u16(entry.flags);
            let rest = entries.rest(entry);
            out.u128(entry.id).u128(entry.prev).u64(rest.payload_len.into());
            out.put(&rest.payload_hash).put(&entry.event_hash).u32(entry.dep_count).u32(0);
        }
        let in_order = entries.list.iter();
        in_order.clone().flat_map(|entry| entries.deps(entry)).for_each(|dep| _ = out.u128(*dep));
        in_order.clone().filter_map(|entry| entries.claim(entry)).for_each(|claim| _ = out.put(claim));
        for observed in in_order.filter_map(|entry| entries.observed(entry)) {
            out.u64(observed.len).put(&observed.hash);
        }
        out.bytes
    }

    /// Reads one run.
    ///
    /// # Errors
    /// [`FaultCode::RunMalformed`] with the offset in the run.
    pub fn decode(bytes: &[u8]) -> Result<Part, Fault> {
        decode(bytes).map_err(|what| Fault::malformed(FaultCode::RunMalformed, what))
    }
}

fn decode(bytes: &[u8]) -> Result<Part, Malformed> {
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
    let needed = (FIXED_BYTES + header_bytes + head_bytes) as u128
        + events as u128 * ENTRY_BYTES as u128
        + u128::from(deps) * 16
        + claims as u128 * 32
        + observed as u128 * 40;
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
    let mut entries = Entries::default();
    let (mut dep_sum, mut claim_sum, mut observed_sum) = (0u64, 0u32, 0u32);
    for at in 0..events as u32 {
        let (entry, rest) = read_entry(&mut from, dep_sum as u32, at, claim_sum, observed_sum)?;
        dep_sum += u64::from(entry.dep_count);
        claim_sum += u32::from(entry.has_claim());
        observed_sum += u32::from(entry.is_mismatch());
        entries.list.push(entry);
        entries.rest.push(rest);
    }
    if (dep_sum, claim_sum as usize, observed_sum as usize) != (deps, claims, observed) {
        return Err(Malformed { at: 32, expected: "counts that fit the entries" });
    }
    for _ in 0..deps {
        entries.deps.push(from.u128("a dep")?);
    }
    for _ in 0..claims {
        entries.claims.push(from.array("a claim")?);
    }
    for _ in 0..observed {
        entries.observed.push(Observed { len: from.u64("observed")?, hash: from.array("observed")? });
    }
    let at = (FIXED_BYTES + header_bytes + head_bytes) as u64;
    if !entries.sorted() {
        return Err(Malformed { at, expected: "entries in canonical order" });
    }
    if !entries.list.iter().all(|entry| entries.deps(entry).windows(2).all(|pair| pair[0] < pair[1])) {
        return Err(Malformed { at, expected: "deps that ascend strictly" });
    }
    Ok(Part { start, end, last: flags & FLAG_LAST != 0, header, head, entries })
}

/// Reads an entry and what stands beside it.
fn read_entry(
    from: &mut Reader<'_>,
    dep_start: u32,
    rest: u32,
    claim: u32,
    observed: u32,
) -> Result<(Entry, Rest), Malformed> {
    let wrong = from.malformed("an entry that a scanner makes");
    let (lamport, node) = (from.u64("lamport")?, from.u32("node")?);
    let (stream, flags) = (from.u16("stream")?, from.u16("flags")?);
    let (id, prev) = (from.u128("id")?, from.u128("prev")?);
    let payload_len = from.u64("payload length")?;
    let (payload_hash, event_hash) = (from.array("payload hash")?, from.array("event hash")?);
    let (dep_count, zero) = (from.u32("the count of deps")?, from.u32("zero")?);
    let entry =
        Entry { lamport, id, prev, event_hash, node, stream, flags, dep_count, dep_start, rest, log: 0 };
    if zero != 0 || !entry.shape_is_possible() || payload_len > limits::MAX_PAYLOAD_BYTES {
        return Err(wrong);
    }
    Ok((entry, Rest { payload_hash, payload_len: payload_len as u32, claim, observed }))
}
