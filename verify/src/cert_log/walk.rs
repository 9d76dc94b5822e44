//! Walks the log record by record, and tells a torn tail from damage.

use omega_kernel::cert_index::Summary;
use omega_kernel::cert_log::{self, Framing, LOG_HEADER};
use omega_kernel::limits::MAX_TAIL_SEARCH_BYTES;

use super::record::{Entry, Record};
use super::{Bytes, after, start};
use crate::failure::{Failure, HostCode};

/// Bytes before a record's content: length and checksum.
const HEAD_BYTES: u64 = 8;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What an append that did not finish left at the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where it starts: the good records end here.
    pub offset: u64,
    /// Bytes from there to the end of the file.
    pub bytes: u64,
}

/// All records of a log, in order, one in memory at a time. Ends after the last good record, after
/// which [`Walk::tail`] tells what was left over; or with one error.
#[derive(Debug)]
pub struct Walk<B> {
    bytes: B,
    end: u64,
    stated: Option<Summary>,
    /// The statement was compared with what was seen.
    met: bool,
    seen: Summary,
    tail: Option<Tail>,
    done: bool,
}

impl<B: Bytes> Walk<B> {
    /// Checks the header. `stated` is what `cert.hash` says, read *before* the log's length is.
    ///
    /// # Errors
    /// `store-damaged` where it is no such log, or shorter than stated; those of reading.
    pub fn new(bytes: B, stated: Option<Summary>) -> Result<Self, Failure> {
        let end = bytes.len()?;
        let mut walk = Walk { bytes, end, stated, met: false, seen: start(), tail: None, done: false };
        if let Some(stated) = &walk.stated
            && stated.log_len > end
        {
            let lost = format!(
                "the certificate log has {end} bytes, but had {} when its last record was written: records are missing",
                stated.log_len
            );
            return Err(damaged(end, lost));
        }
        let mut header = vec![0; end.min(LOG_HEADER.len() as u64) as usize];
        walk.bytes.read_exact_at(&mut header, 0)?;
        if header.len() < LOG_HEADER.len() {
            if !LOG_HEADER.starts_with(&header) {
                return Err(not_a_log());
            }
            walk.tail = Some(Tail { offset: 0, bytes: end }).filter(|tail| tail.bytes > 0);
            walk.done = true;
        } else if header[..8] != LOG_HEADER[..8] {
            return Err(not_a_log());
        } else if header != LOG_HEADER {
            return Err(damaged(8, "the certificate log's version is unknown to this program"));
        }
        Ok(walk)
    }

    /// The unfinished append at the end; none before the walk has ended.
    pub fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// The good records walked so far.
    pub fn committed(&self) -> Summary {
        self.seen
    }

    fn step(&mut self) -> Result<Option<Entry>, Failure> {
        let offset = self.seen.log_len;
        if !self.met && self.stated.as_ref().is_some_and(|stated| stated.log_len <= offset) {
            self.met = true;
            if self.stated.as_ref() != Some(&self.seen) {
                return Err(damaged(offset, "the records before this place are not those that were written")
                    .hint("Restore the log. If the sidecar is another log's, remove the .hash file."));
            }
        }
        if offset == self.end {
            return Ok(None);
        }
        match read(&self.bytes, offset, self.end)? {
            Read::Good { bytes, record } => {
                self.seen = after(&self.seen, &bytes, &record);
                Ok(Some(Entry { offset, record }))
            }
            Read::Unfinished => self.torn_or_damaged(offset, "the record runs past the end of the log"),
            // Without a statement nothing says that this record was never complete, and where its end was
            // written, it was: then it is not ours to drop.
            Read::Bad(why)
                if self.stated.is_some() && sectors_are_missing(&self.bytes, offset, self.end)? =>
            {
                self.torn_or_damaged(offset, why)
            }
            Read::Bad(why) => Err(damaged(offset, why)),
            Read::Newer(why) => Err(damaged(offset, why)),
        }
    }

    fn torn_or_damaged(&mut self, offset: u64, why: &str) -> Result<Option<Entry>, Failure> {
        let once_complete = self.stated.as_ref().is_some_and(|stated| stated.log_len > offset);
        if once_complete || !nothing_follows(&self.bytes, offset, self.end)? {
            return Err(damaged(offset, why));
        }
        self.tail = Some(Tail { offset, bytes: self.end - offset });
        Ok(None)
    }
}

impl<B: Bytes> Iterator for Walk<B> {
    type Item = Result<Entry, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

/// The record at a known offset, checked.
///
/// # Errors
/// `store-damaged` where there is no whole record; those of reading.
pub fn record_at<B: Bytes>(bytes: &B, offset: u64, end: u64) -> Result<Entry, Failure> {
    match read(bytes, offset, end)? {
        Read::Good { record, .. } => Ok(Entry { offset, record }),
        Read::Unfinished => Err(damaged(offset, "the record runs past the end of the log")),
        Read::Bad(why) | Read::Newer(why) => Err(damaged(offset, why)),
    }
}

enum Read {
    Good {
        bytes: Vec<u8>,
        record: Record,
    },
    Unfinished,
    Bad(&'static str),
    /// The checksum fits: this was written so, not damaged or torn.
    Newer(&'static str),
}

fn read<B: Bytes>(from: &B, offset: u64, end: u64) -> Result<Read, Failure> {
    let left = end.saturating_sub(offset);
    if left < HEAD_BYTES {
        return Ok(Read::Unfinished);
    }
    let mut head = [0u8; HEAD_BYTES as usize];
    from.read_exact_at(&mut head, offset)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    if !cert_log::plausible(length) {
        return Ok(Read::Bad("the record's length is out of range"));
    }
    let padded = HEAD_BYTES + u64::from(length).next_multiple_of(8);
    if padded > left {
        return Ok(Read::Unfinished);
    }
    let mut bytes = vec![0u8; padded as usize];
    from.read_exact_at(&mut bytes, offset)?;
    Ok(match cert_log::frame(&bytes) {
        Framing::Whole { content, framed } => match Record::decode(content) {
            Ok(record) => Read::Good { bytes: framed.to_vec(), record },
            Err(why) => Read::Newer(why),
        },
        Framing::PastEnd | Framing::Damaged => Read::Bad("the record's checksum or padding is wrong"),
    })
}

/// Whether the last sector of the record at `offset` is all zeros: an append that a power failure cut
/// off, in a file that had its length already.
fn sectors_are_missing<B: Bytes>(bytes: &B, offset: u64, end: u64) -> Result<bool, Failure> {
    let mut length = [0u8; 4];
    bytes.read_exact_at(&mut length, offset)?;
    let end = match u32::from_le_bytes(length) {
        length if cert_log::plausible(length) => end.min(offset + HEAD_BYTES + u64::from(length)),
        _ => end,
    };
    let start = offset.max((end - 1) / SECTOR_BYTES * SECTOR_BYTES);
    let mut sector = vec![0; (end - start) as usize];
    bytes.read_exact_at(&mut sector, start)?;
    Ok(sector.iter().all(|&byte| byte == 0))
}

/// Whether no good record starts at any later multiple of 8. A made-up tail can hold many places
/// that look like a record; past the cap it is damage.
fn nothing_follows<B: Bytes>(bytes: &B, offset: u64, end: u64) -> Result<bool, Failure> {
    let mut budget = MAX_TAIL_SEARCH_BYTES;
    let mut at = offset + 8;
    while at + 16 <= end {
        let mut head = [0u8; 16];
        bytes.read_exact_at(&mut head, at)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        if cert_log::plausible(length) && head[9..] == [0; 7] {
            let Some(left) = budget.checked_sub(u64::from(length)) else { return Ok(false) };
            budget = left;
            if matches!(read(bytes, at, end)?, Read::Good { .. }) {
                return Ok(false);
            }
        }
        at += 8;
    }
    Ok(true)
}

fn not_a_log() -> Failure {
    damaged(0, "this is no certificate log: it does not start like one")
        .hint("Name the log that `certify` writes, or a new file.")
}

fn damaged(offset: u64, why: impl Into<String>) -> Failure {
    let mut failure = Failure::new(HostCode::StoreDamaged, why)
        .hint("Restore the log from a copy. Nothing was changed, and nothing is repaired by guessing.");
    failure.offset = Some(offset);
    failure
}
