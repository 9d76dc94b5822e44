//! Reads a log into memory and sums up what is in it, up to the first damage.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use omega_kernel::fault::Fault;
use omega_kernel::frame::{Frames, LogHeader};
use omega_kernel::limits::MAX_PAYLOAD_BYTES;
use omega_kernel::wire::{EventView, Head, Message, PayloadRef};

use super::head::{self, Leaves};
use super::progress::Progress;
use crate::failure::{Failure, HostCode};
use crate::files::unreadable;
use crate::interrupt;

/// What one log holds.
#[derive(Debug)]
pub struct Survey {
    /// The file header.
    pub header: LogHeader,
    /// Where the clean prefix ends: the file's end where nothing is damaged.
    pub clean_end: u64,
    /// Why reading stopped before the end.
    pub damage: Option<Fault>,
    /// All events of the clean prefix.
    pub leaves: Leaves,
    /// Frames that hold a head.
    pub heads: u64,
    /// The last frame, where it is a head: its offset and content.
    pub last_head: Option<(u64, Head)>,
    /// Bytes of the payloads that are present.
    pub payload_bytes: u64,
    /// Events whose payload was erased.
    pub erased: u64,
    /// Events whose payload does not fit: offset and id.
    pub mismatched: Vec<(u64, u128)>,
    /// Events whose payload hash is salted.
    pub salted: u64,
    /// Sequences, by (node, stream).
    pub streams: BTreeMap<(u32, u16), Sequence>,
    /// Greatest Lamport time.
    pub lamport: u64,
    /// Every id, with the greatest Lamport time of its events.
    pub ids: HashMap<u128, u64>,
}

/// The events of one (node, stream).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequence {
    /// How many.
    pub events: u64,
    /// Lamport time and id of the greatest, in canonical order.
    pub last: (u64, u128),
}

impl Survey {
    /// Reads a log. Damage behind the header is part of the answer; a log without a readable header
    /// is a fault.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        Self::watched(bytes, |_| Ok(()))
    }

    /// As [`Survey::read`]; `progress` hears how many frames were read, and may end it.
    pub fn watched<E: From<Fault>>(
        bytes: &[u8],
        mut progress: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (header, mut frames) = Frames::new(bytes)?;
        let mut survey = Survey::empty(header);
        for read in 0.. {
            progress(read)?;
            match frames.next() {
                None => break,
                Some(Err(fault)) => {
                    survey.damage = Some(fault);
                    break;
                }
                Some(Ok(frame)) => match frame.message {
                    Message::Head(head) => {
                        survey.heads += 1;
                        survey.last_head = Some((frame.offset, head));
                    }
                    Message::Event(event) => survey.event(frame.offset, &event),
                },
            }
        }
        survey.clean_end = frames.offset();
        Ok(survey)
    }

    /// A log without events.
    pub fn empty(header: LogHeader) -> Self {
        Survey {
            header,
            clean_end: 0,
            damage: None,
            leaves: Leaves::default(),
            heads: 0,
            last_head: None,
            payload_bytes: 0,
            erased: 0,
            mismatched: Vec::new(),
            salted: 0,
            streams: BTreeMap::new(),
            lamport: 0,
            ids: HashMap::new(),
        }
    }

    fn event(&mut self, offset: u64, event: &EventView<'_>) {
        self.last_head = None;
        match event.payload() {
            PayloadRef::Present { bytes, salt } => {
                self.payload_bytes += bytes.len() as u64;
                self.salted += u64::from(salt.is_some());
            }
            PayloadRef::Erased { .. } => self.erased += 1,
        }
        let observed = event.payload_check().and_then(Result::err);
        if observed.is_some() {
            self.mismatched.push((offset, event.id));
        }
        self.leaves.push(event, observed);
        self.lamport = self.lamport.max(event.lamport);
        let sequence = self.streams.entry((event.node, event.stream)).or_default();
        sequence.events += 1;
        sequence.last = sequence.last.max((event.lamport, event.id));
        let lamport = self.ids.entry(event.id).or_default();
        *lamport = event.lamport.max(*lamport);
    }

    /// The damage as a failure, where there is some.
    pub fn whole(&self) -> Result<(), Fault> {
        self.damage.clone().map_or(Ok(()), Err)
    }

    /// Checks the head that the log ends with: true where there is one.
    pub fn check_head(&mut self) -> Result<bool, Fault> {
        match &self.last_head {
            None => Ok(false),
            Some((offset, head)) => head::check(head, *offset, &mut self.leaves, &self.header).map(|()| true),
        }
    }
}

/// Opens a file, or standard input for `-`, for reading; a folder, a missing and an unreadable file each
/// have their own failure.
pub fn open(path: &Path) -> Result<File, Failure> {
    let place = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
    let file = File::open(place).map_err(|error| unreadable(&error, path))?;
    match file.metadata() {
        Ok(about) if about.is_dir() => {
            Err(Failure::new(HostCode::IsDirectory, format!("{} is a folder", path.display()))
                .hint("Name a file in it.")
                .file(path))
        }
        Ok(_) => Ok(file),
        Err(error) => Err(unreadable(&error, path)),
    }
}

/// Reads a whole file.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = open(path)?;
    let done = match file.metadata().is_ok_and(|about| about.is_file()) {
        true => { &file }.read_to_end(&mut bytes),
        false => interrupt::reading(file).read_to_end(&mut bytes),
    };
    done.map_err(|error| unreadable(&error, path))?;
    Ok(bytes)
}

/// Reads a log: its bytes and what is in them.
pub fn read_log(path: &Path) -> Result<(Vec<u8>, Survey), Failure> {
    let bytes = read_file(path)?;
    if bytes.is_empty() {
        return Err(Failure::empty(path));
    }
    let progress = Progress::start("reading events", None);
    let survey = Survey::watched(&bytes, |read| progress.at(read)).map_err(|failure| failure.file(path))?;
    Ok((bytes, survey))
}

/// Reads a payload, never much more than one may have.
pub fn read_payload(from: impl Read, name: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_PAYLOAD_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error, name))?;
    if bytes.len() as u64 > MAX_PAYLOAD_BYTES {
        return Err(super::event::limit(format!("a payload has at most {MAX_PAYLOAD_BYTES} bytes"))
            .hint("Keep large content elsewhere and put its hash into the payload.")
            .file(name));
    }
    Ok(bytes)
}
