//! Logs at hand: their names, and how many events they hold.

use std::cell::{Cell, OnceCell};

use omega_kernel::entry::Entries;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{FrameAt, HEADER_BYTES, LogHeader, frame_at, message_fault};
use omega_kernel::hash::Hash;
use omega_kernel::merkle::Accumulator;
use omega_kernel::scan::{ScanPart, Scanner};
use omega_kernel::wire::{self, Message};

use crate::failure::Failure;
use crate::platform::Source;

/// Bytes looked at in one go while events are counted.
const CHUNK_BYTES: usize = 4 << 20;

/// A log, opened.
#[derive(Debug)]
pub struct Input<S> {
    /// Its bytes.
    pub source: S,
    /// The name in its header.
    pub name: String,
    /// None before it was counted, and for a stream.
    counted: OnceCell<Counted>,
    /// A stream that was read.
    spent: Cell<bool>,
}

/// What counting a log's events found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counted {
    /// Events up to its end, or up to where it is damaged or torn.
    events: u64,
    /// Why no more could be counted; none where the log ends after its last frame.
    ends: Option<Fault>,
}

impl<S> Input<S> {
    /// Events up to its end, or up to where it is damaged or torn; none for a stream and before they
    /// were counted.
    pub fn events(&self) -> Option<u64> {
        self.counted.get().map(|counted| counted.events)
    }

    /// Why no more could be counted; none where the log ends after its last frame.
    pub fn ends(&self) -> Option<&Fault> {
        self.counted.get()?.ends.as_ref()
    }
}

impl<S: Source> Input<S> {
    /// Reads a log's header. Its events are counted by whoever needs their number.
    ///
    /// # Errors
    /// Those of reading, and the kernel's where it does not start like a log.
    pub async fn open(source: S) -> Result<Self, Failure> {
        let mut header = vec![0; HEADER_BYTES];
        let read = source.read_at(0, &mut header).await?;
        let header =
            LogHeader::decode(&header[..read]).map_err(|fault| Failure::from(fault).file(&*source.name()))?;
        Ok(Input { source, name: header.name, counted: OnceCell::new(), spent: Cell::new(false) })
    }

    /// Counts all events, unless that was done or it is a stream.
    pub(crate) async fn count(&self) -> Result<(), Failure> {
        self.count_behind(0, HEADER_BYTES as u64).await
    }

    /// Counts the events from a frame on, before which there are `before`, unless they were counted.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn count_behind(&self, before: u64, frame: u64) -> Result<(), Failure> {
        if self.source.rereadable() && self.counted.get().is_none() {
            let Counted { events, ends } = count(&self.source, frame).await?;
            let _ = self.counted.set(Counted { events: before.saturating_add(events), ends });
        }
        Ok(())
    }

    /// Whether it was noted that it is read.
    pub(crate) fn spent(&self) -> bool {
        self.spent.get()
    }

    /// Notes that a stream is read now.
    pub fn spend(&self) {
        self.spent.set(true);
    }

    /// Whether it was counted, and has as many.
    pub(crate) fn holds(&self, count: u64) -> bool {
        self.events().is_some_and(|events| events >= count)
    }

    /// Whether it is a stream that can still be read.
    pub(crate) fn streams(&self) -> bool {
        !self.source.rereadable() && !self.spent.get()
    }

    /// Canonical root of the first events, so many; there must be as many.
    ///
    /// # Errors
    /// Those of reading, and the fault of damage among them.
    pub async fn root_of_first(&self, count: u64) -> Result<Hash, Failure> {
        let in_file = |fault| Failure::from(fault).file(&*self.source.name());
        let part = ScanPart { limit: Some(count), ..ScanPart::default() };
        let (mut scanner, mut entries) = (Scanner::new(part), Entries::default());
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        while scanner.events() < count {
            let read = self.source.read_at(offset, &mut buffer).await?;
            if read == 0 {
                break;
            }
            scanner.push(&buffer[..read], &mut entries).map_err(in_file)?;
            offset += read as u64;
        }
        entries.sort();
        let mut root = Accumulator::new();
        entries.list.iter().for_each(|entry| root.push(entries.leaf(entry)));
        Ok(root.root())
    }
}

/// Counts whole, readable events from the frame at an offset on.
async fn count(source: &impl Source, frame: u64) -> Result<Counted, Failure> {
    let mut events = 0;
    let mut window = Vec::new();
    let (mut start, mut at) = (frame, 0);
    loop {
        match frame_at(&window[at..]) {
            FrameAt::Whole(message) => {
                match wire::decode(message) {
                    Ok(Message::Event(_)) => events += 1,
                    Ok(Message::Head(_)) => {}
                    Err(error) => {
                        let ends = Some(message_fault(error, start + at as u64));
                        return Ok(Counted { events, ends });
                    }
                }
                at += 8 + message.len();
            }
            FrameAt::Partial(_) => {
                window.drain(..at);
                start += at as u64;
                at = 0;
                let held = window.len();
                window.resize(held + CHUNK_BYTES, 0);
                let read = source.read_at(start + held as u64, &mut window[held..]).await?;
                window.truncate(held + read);
                if read == 0 {
                    let torn = || Fault::new(FaultCode::TornTail, "the last frame is incomplete").at(start);
                    return Ok(Counted { events, ends: (held > 0).then(torn) });
                }
            }
            FrameAt::Damaged(why) => {
                let fault = Fault::new(FaultCode::FrameDamaged, why).at(start + at as u64);
                return Ok(Counted { events, ends: Some(fault) });
            }
        }
    }
}
