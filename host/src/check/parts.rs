//! Logs cut into parts where frames begin, one part after the other.

use std::collections::VecDeque;

use omega_kernel::frame::{FRAME_HEADER_BYTES, HEADER_BYTES};

use super::schedule::{Cuts, Schedule};
use super::{CHUNK_BYTES, Log};
use crate::engine::{Error, ScanPart, Scanner};
use crate::failure::Failure;
use crate::map::Source;

/// A part of a log, with the bytes that it begins with.
pub struct Part<'r> {
    /// The log, by its place in the caller's order.
    pub log: usize,
    /// Bytes in it.
    pub len: u64,
    /// Whether the log ends with it.
    pub last: bool,
    source: &'r Source,
    offset: u64,
    /// All of it, unless one frame alone is longer than a part may be.
    read: Vec<u8>,
    /// Bytes that are handed over at once.
    piece: usize,
}

impl Part<'_> {
    /// What a scanner must know of it.
    pub fn scan(&self) -> ScanPart {
        ScanPart { log: self.log as u32, offset: self.offset, limit: None }
    }

    /// Hands its bytes to a scanner; gives back the buffer.
    ///
    /// # Errors
    /// The kernel's fault; those of reading.
    pub fn push(mut self, scanner: &mut Scanner) -> Result<Vec<u8>, Error> {
        let mut pushed = 0;
        loop {
            self.read.chunks(self.piece).try_for_each(|piece| scanner.push(piece))?;
            pushed += self.read.len() as u64;
            let rest = self.len - pushed;
            if rest == 0 {
                return Ok(self.read);
            }
            self.read.resize(rest.min(CHUNK_BYTES as u64) as usize, 0);
            let count = self.source.read_at(self.offset + pushed, &mut self.read)?;
            self.read.truncate(count);
        }
    }
}

/// Cuts logs. Where frames begin is told from their lengths alone, which is a hint and no more: a part that is cut
/// elsewhere, because the log is damaged, is a fault of the log.
pub struct Cutter<'r> {
    logs: VecDeque<(usize, &'r Source, Cuts)>,
    /// Where the first of them goes on.
    offset: u64,
}

impl<'r> Cutter<'r> {
    /// Begins with the logs that are scanned under this schedule.
    pub fn new(logs: &[Log<'r>], schedule: &Schedule) -> Self {
        let scanned = schedule.order.iter().filter(|&&log| schedule.scans(log));
        Cutter { logs: scanned.map(|&log| (log, logs[log].source, schedule.cuts(log))).collect(), offset: 0 }
    }

    /// The next part, read into this buffer; none behind the last.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next(&mut self, mut buffer: Vec<u8>) -> Result<Option<Part<'r>>, Failure> {
        let Some((log, source, cuts)) = self.logs.front_mut() else { return Ok(None) };
        let (log, source, offset) = (*log, *source, self.offset);
        buffer.resize(cuts.next(), 0);
        let piece = cuts.next();
        let count = source.read_at(offset, &mut buffer)?;
        let rest = source.len() - offset;
        let len = if count as u64 == rest { rest } else { whole_frames(&buffer[..count], offset, rest) };
        buffer.truncate(len.min(count as u64) as usize);
        self.offset += len;
        if len == rest {
            self.logs.pop_front();
            self.offset = 0;
        }
        Ok(Some(Part { log, len, last: len == rest, source, offset, read: buffer, piece }))
    }
}

/// Bytes up to the last place in a buffer where a frame begins, but not where the buffer begins. Where there is none, up to the end
/// of the frame that is longer than the buffer; of what says that it is longer than the rest of its log, up to there.
fn whole_frames(bytes: &[u8], offset: u64, rest: u64) -> u64 {
    let mut at = if offset == 0 { HEADER_BYTES } else { 0 };
    loop {
        // Frame: length, checksum, message (schemas/log.md).
        let Some(length) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else { return at as u64 };
        let end = at as u64 + FRAME_HEADER_BYTES as u64 + u64::from(u32::from_le_bytes(*length));
        match usize::try_from(end) {
            Ok(end) if end <= bytes.len() => at = end,
            _ if at > 0 => return at as u64,
            _ => return end.min(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use omega_kernel::frame::{LogHeader, write_frame};

    use super::*;

    /// A log of messages of these lengths; what is in them nobody looks at.
    fn log_of(messages: &[usize]) -> Vec<u8> {
        let mut log = LogHeader::new("log").unwrap().encode().to_vec();
        messages.iter().for_each(|&length| write_frame(&vec![7; length], &mut log));
        log
    }

    /// Offset, length and whether it is the last, of each part.
    fn parts(logs: &[Vec<u8>]) -> Vec<(usize, u64, u64, bool)> {
        let sources: Vec<_> = logs.iter().map(|log| Source::from_bytes("log", log.clone())).collect();
        let logs: Vec<_> = sources.iter().map(Log::whole).collect();
        let mut cutter = Cutter::new(&logs, &Schedule::side_by_side(&logs, 2));
        let mut parts = Vec::new();
        while let Some(part) = cutter.next(Vec::new()).unwrap() {
            parts.push((part.log, part.offset, part.len, part.last));
        }
        parts
    }

    #[test]
    fn parts_follow_each_other_and_end_between_frames() {
        let message = (1 << 20) - 8;
        let log = log_of(&[message; 10]);
        let (chunk, head) = (4 << 20, HEADER_BYTES as u64);
        let three = 3 << 20;
        assert_eq!(
            parts(&[log.clone(), log_of(&[])]),
            [
                (0, 0, head + three, false),
                (0, head + three, chunk, false),
                (0, head + three + chunk, three, true),
                (1, 0, head, true)
            ]
        );
        assert_eq!(log.len() as u64, head + (10 << 20));
    }

    #[test]
    fn a_frame_longer_than_a_part_is_one_and_a_length_past_the_end_takes_the_rest() {
        let head = HEADER_BYTES as u64;
        let long = (9 << 20) + 8;
        assert_eq!(
            parts(&[log_of(&[9 << 20, 100])]),
            [(0, 0, head, false), (0, head, long, false), (0, head + long, 108, true)]
        );
        let mut log = log_of(&[5 << 20, 5 << 20]);
        log[HEADER_BYTES..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let rest = log.len() as u64 - head;
        assert_eq!(parts(&[log]), [(0, 0, head, false), (0, head, rest, true)]);
    }

    #[test]
    fn a_length_that_a_buffer_cuts_is_left_to_the_next_part() {
        // The second frame starts two bytes before the first buffer ends.
        let first = (4 << 20) - HEADER_BYTES - 2;
        let log = log_of(&[first - 8, 100]);
        let cut = (4 << 20) - 2;
        assert_eq!(parts(&[log]), [(0, 0, cut, false), (0, cut, 108, true)]);
    }
}
