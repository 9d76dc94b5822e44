//! Scan: the bytes of a log, or of a part of one, become entries. Stateless between parts.
//!
//! The scanner reads frames in place from whatever chunks it is handed; only a frame that straddles
//! two chunks is copied. It knows nothing of other logs, order or predicates.

use alloc::vec::Vec;

use crate::entry::Entries;
use crate::fault::{Fault, FaultCode};
use crate::frame::{self, FRAME_HEADER_BYTES, FrameAt, HEADER_BYTES, LogHeader};
use crate::lanes::GROUP;
use crate::run::Part;
use crate::wire::{self, EventView, Head, Message};

/// Which part of which log a scanner reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScanPart {
    /// Index of the log, in the caller's order.
    pub log: u32,
    /// Byte offset where the part starts: 0, or a frame's offset.
    pub offset: u64,
    /// Judge only so many events; what stands behind them (and a head directly after them) is not
    /// looked at.
    pub limit: Option<u64>,
}

/// Reads one part of a log.
#[derive(Debug)]
pub struct Scanner {
    part: ScanPart,
    /// Byte offset in the log of the next frame.
    at: u64,
    header: Option<LogHeader>,
    head: Option<Head>,
    events: u64,
    /// An incomplete header or frame from earlier chunks.
    pending: Vec<u8>,
    /// The limit was reached and what follows is not looked at.
    closed: bool,
    fault: Option<Fault>,
    scratch: Vec<u8>,
}

impl Scanner {
    /// A scanner that stands at the part's start.
    pub fn new(part: ScanPart) -> Self {
        Scanner {
            part,
            at: part.offset,
            header: None,
            head: None,
            events: 0,
            pending: Vec::new(),
            closed: false,
            fault: None,
            scratch: Vec::new(),
        }
    }

    /// Events read so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Reads the next bytes of the part into `entries`.
    ///
    /// # Errors
    /// The part's first fault, with its log and offset; from then on every call returns it.
    pub fn push(&mut self, bytes: &[u8], entries: &mut Entries) -> Result<(), Fault> {
        let result = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => self.read(bytes, entries).map_err(|fault| fault.in_log(self.part.log)),
        };
        if let Err(fault) = &result {
            self.fault = Some(fault.clone());
        }
        result
    }

    /// Ends the part; `last` says that the log ends with it.
    ///
    /// # Errors
    /// The part's fault: one from before, or an incomplete last frame.
    pub fn finish(mut self, last: bool) -> Result<Part, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let closed = self.closed || self.beyond_limit();
        let tail = match (closed, self.at) {
            (true, _) => Ok(()),
            (false, 0) => LogHeader::decode(&self.pending).map(|_| ()),
            (false, _) if self.pending.is_empty() => Ok(()),
            (false, at) => match frame::frame_at(&self.pending) {
                // Bytes that came one by one waited for a whole length and checksum: the length alone can be wrong.
                FrameAt::Damaged(why) => Err(frame::damaged_frame(why, at)),
                _ if last => Err(frame::tail_fault(&self.pending, at)),
                _ => {
                    let why = "a part of a log ends within a frame; parts are cut between frames";
                    Err(Fault::new(FaultCode::RunsIncomplete, why).at(at))
                }
            },
        };
        tail.map_err(|fault| fault.in_log(self.part.log))?;
        Ok(Part {
            start: self.part.offset,
            end: self.at,
            last: last || closed,
            header: self.header,
            head: self.head,
        })
    }

    fn read(&mut self, mut bytes: &[u8], entries: &mut Entries) -> Result<(), Fault> {
        while !self.pending.is_empty() && !bytes.is_empty() {
            let wanted = self.wanted(&self.pending);
            let (more, rest) = bytes.split_at(bytes.len().min(wanted - self.pending.len()));
            self.pending.extend_from_slice(more);
            bytes = rest;
            if self.pending.len() == wanted {
                let pending = core::mem::take(&mut self.pending);
                let mut queue = Vec::new();
                let used = self.step(&pending, &mut queue)?;
                self.take(&mut queue, entries);
                // Unused only where the first 8 bytes were completed: now the length is known.
                self.pending = pending;
                self.pending.drain(..used);
            }
        }
        let mut queue = Vec::new();
        loop {
            if self.closed || bytes.is_empty() {
                break;
            }
            match self.step(bytes, &mut queue)? {
                0 => break,
                used => bytes = &bytes[used..],
            }
            if queue.len() == GROUP {
                self.take(&mut queue, entries);
            }
        }
        self.take(&mut queue, entries);
        if !self.closed {
            self.pending.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Takes in events that waited to be hashed side by side.
    fn take(&mut self, queue: &mut Vec<EventView<'_>>, entries: &mut Entries) {
        entries.push_views(queue, self.part.log, &mut self.scratch);
        queue.clear();
    }

    /// Bytes that the header or frame which starts with `start` needs in all.
    fn wanted(&self, start: &[u8]) -> usize {
        if self.at == 0 {
            return HEADER_BYTES;
        }
        match frame::frame_at(start) {
            FrameAt::Partial(wanted) => wanted,
            _ => start.len(),
        }
    }

    /// Takes the header or frame at the start of `bytes`; 0 where it is incomplete.
    fn step<'b>(&mut self, bytes: &'b [u8], queue: &mut Vec<EventView<'b>>) -> Result<usize, Fault> {
        if self.closed {
            return Ok(bytes.len());
        }
        if self.at == 0 {
            if bytes.len() < HEADER_BYTES {
                return Ok(0);
            }
            self.header = Some(LogHeader::decode(bytes)?);
            self.at = HEADER_BYTES as u64;
            return Ok(HEADER_BYTES);
        }
        let beyond = self.beyond_limit();
        let message = match frame::frame_at(bytes) {
            FrameAt::Whole(message) => message,
            FrameAt::Partial(_) => return Ok(0),
            FrameAt::Damaged(_) if beyond => return Ok(self.close()),
            FrameAt::Damaged(why) => return Err(frame::damaged_frame(why, self.at)),
        };
        match wire::decode(message) {
            Ok(Message::Head(head)) => self.head = Some(head),
            _ if beyond => return Ok(self.close()),
            Ok(Message::Event(view)) => {
                queue.push(view);
                self.events += 1;
                self.head = None;
            }
            Err(error) => return Err(frame::message_fault(error, self.at)),
        }
        let used = FRAME_HEADER_BYTES + message.len();
        self.at += used as u64;
        Ok(used)
    }

    /// Whether all events that are to be judged were read.
    fn beyond_limit(&self) -> bool {
        self.at > 0 && self.part.limit.is_some_and(|limit| self.events >= limit)
    }

    fn close(&mut self) -> usize {
        self.closed = true;
        0
    }
}

/// A scanner with entries of its own: what makes runs.
#[derive(Debug)]
pub struct RunScanner {
    scanner: Scanner,
    entries: Entries,
}

impl RunScanner {
    /// A scanner that stands at the part's start.
    pub fn new(part: ScanPart) -> Self {
        RunScanner { scanner: Scanner::new(part), entries: Entries::default() }
    }

    /// Reads the next bytes of the part.
    ///
    /// # Errors
    /// As [`Scanner::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.scanner.push(bytes, &mut self.entries)
    }

    /// Ends the part, `last` where the log ends with it, and gives its run.
    ///
    /// # Errors
    /// As [`Scanner::finish`], and [`Entries::check_room`].
    pub fn finish(self, last: bool) -> Result<Vec<u8>, Fault> {
        let part = self.scanner.finish(last)?;
        self.entries.check_room()?;
        Ok(part.encode(&self.entries))
    }
}
