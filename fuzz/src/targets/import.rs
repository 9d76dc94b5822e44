//! `import`: events as JSON and as CloudEvents, in a file.

use std::io::Read;
use std::path::Path;

use omega_kernel::event::EventHeader;
use omega_kernel::frame::Frames;
use omega_kernel::wire::{Message, PayloadRef};
use omega_sheaf::failure::Failure;
use omega_sheaf::produce::cloudevents::{self, Imported};
use omega_sheaf::produce::event::{Event, check_limits};
use omega_sheaf::produce::event_json::{self, EventReader};
use omega_sheaf::produce::json_values::JsonValues;
use omega_sheaf::produce::sink::EventSink;

use crate::{made, subject};

const PATH: &str = "in.json";

/// Takes a file's bytes, and checks that, read at once and in pieces,
/// - the same objects are cut out of it, each where its place says;
/// - the same events are read from them, written as JSON and read again the same, and the log that they make
///   holds them;
/// - the same CloudEvents are imported, each with its exact bytes as payload;
/// - or the same failure comes, with a place within the file.
pub fn check(bytes: &[u8]) {
    check_values(bytes);
    check_events(bytes);
    check_cloud_events(bytes);
}

fn check_values(bytes: &[u8]) {
    let read = |input: &mut dyn Read| {
        let mut values = JsonValues::new(input, Path::new(PATH));
        let mut end = 0;
        loop {
            match values.read() {
                Ok(Some(value)) => {
                    let start = value.place.offset as usize;
                    assert!(start >= end, "objects do not overlap");
                    end = start + value.bytes.len();
                    assert_eq!(&bytes[start..end], value.bytes);
                    let lines = bytes[..start].iter().filter(|&&byte| byte == b'\n').count();
                    assert_eq!(value.place.line, 1 + lines as u64);
                }
                Ok(None) => return Ok(end),
                Err(failure) => return Err(told(&failure, bytes)),
            }
        }
    };
    assert_eq!(read(&mut &bytes[..]), read(&mut Pieces::new(bytes)));
}

fn check_events(bytes: &[u8]) {
    let at_once = events(&mut &bytes[..]).map_err(|failure| told(&failure, bytes));
    let in_pieces = events(&mut Pieces::new(bytes)).map_err(|failure| told(&failure, bytes));
    let events = match (at_once, in_pieces) {
        (Ok(events), Ok(pieces)) => {
            assert!(events.iter().map(shown).eq(pieces.iter().map(shown)));
            events
        }
        (at_once, in_pieces) => {
            assert_eq!(at_once.err(), in_pieces.err());
            return;
        }
    };
    let mut written = Vec::new();
    for event in &events {
        check_limits(&event.header).expect("what was read is within the limits");
        event_json::write_event(&event.header, event.payload.as_ref(), &mut written).expect("an event");
        written.push(b'\n');
    }
    if !events.is_empty() {
        let again = self::events(&mut &written[..]).expect("what was written");
        assert!(events.iter().map(shown).eq(again.iter().map(shown)), "an event is read as it was written");
    }
    let log = event_json::to_log(bytes, Path::new(PATH), "a", Vec::new(), Path::new("a.omega"));
    let (log, count) = log.expect("events that were read");
    assert_eq!(count.events, events.len() as u64);
    let frames = Frames::new(&log).expect("a log").1;
    let mut held = frames.map(|frame| match frame.expect("a frame").message {
        Message::Event(event) => (event.header(), owned(event.payload())),
        Message::Head(_) => panic!("nobody signed"),
    });
    for event in &events {
        assert_eq!(held.next(), Some(shown(event)), "the log holds what was read");
    }
    assert_eq!(held.next(), None);
}

fn check_cloud_events(bytes: &[u8]) {
    let import = |input: &mut dyn Read| {
        let mut kept = Kept::default();
        let imported = cloudevents::import(input, Path::new(PATH), &mut kept);
        imported.map(|imported| (imported, kept)).map_err(|failure| told(&failure, bytes))
    };
    let at_once = subject::imported(import(&mut &bytes[..]));
    assert_eq!(at_once, import(&mut Pieces::new(bytes)));
    let Ok((imported, Kept(events))) = at_once else { return };
    assert_eq!(imported.events, events.len() as u64);
    assert!(imported.with_clock <= imported.events + imported.repeated);
    let mut rest = bytes;
    for (header, payload) in &events {
        let at = rest.windows(payload.len()).position(|window| window == payload);
        rest = &rest[at.expect("the payload is the line's own bytes, in the lines' order")..];
        assert_eq!(header.payload_hash, omega_kernel::hash::plain(payload));
        check_limits(header).expect("what was imported is within the limits");
        assert!(header.id != 0 && header.id < omega_kernel::event::ID_END);
    }
}

/// Events with their payloads.
#[derive(Debug, Default, PartialEq)]
pub struct Kept(Vec<(EventHeader, Vec<u8>)>);

/// What an import came to, and what it gave.
pub type Import = Result<(Imported, Kept), Told>;

impl EventSink for Kept {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let PayloadRef::Present { bytes, .. } = payload else { panic!("a CloudEvent has its line") };
        self.0.push((header.clone(), bytes.to_vec()));
        Ok(())
    }
}

fn events(input: &mut dyn Read) -> Result<Vec<Event>, Failure> {
    let mut reader = EventReader::new(input, Path::new(PATH));
    let mut events = Vec::new();
    while let Some(event) = reader.read()? {
        events.push(event);
    }
    Ok(events)
}

type Shown = (EventHeader, (Option<Vec<u8>>, Option<[u8; 32]>, Option<omega_kernel::event::Observed>));

fn shown(event: &Event) -> Shown {
    (event.header.clone(), owned(event.payload.as_ref()))
}

fn owned(
    payload: PayloadRef<'_>,
) -> (Option<Vec<u8>>, Option<[u8; 32]>, Option<omega_kernel::event::Observed>) {
    match payload {
        PayloadRef::Present { bytes, salt } => (Some(bytes.to_vec()), salt.copied(), None),
        PayloadRef::Erased { observed } => (None, None, observed),
    }
}

/// What a failure says.
pub type Told = (u32, Option<u64>, String);

/// A failure over these bytes: never a defect of the program, and its place lies within them.
pub fn told(failure: &Failure, bytes: &[u8]) -> Told {
    let exit = failure.code.exit();
    assert!([2, 20, 30].contains(&exit), "{failure:?}");
    assert!(failure.offset.is_none_or(|at| at <= bytes.len() as u64), "{failure:?} in {} bytes", bytes.len());
    assert!(!failure.message.is_empty());
    (failure.code.number(), failure.offset, failure.message.clone())
}

/// Bytes that come in pieces.
struct Pieces<'a> {
    rest: &'a [u8],
    lengths: Box<dyn Iterator<Item = usize>>,
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Pieces { rest: bytes, lengths: Box::new(made::chunks(bytes)) }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.lengths.next().unwrap_or(1).min(into.len()).min(self.rest.len());
        let (piece, after) = self.rest.split_at(length);
        into[..length].copy_from_slice(piece);
        self.rest = after;
        Ok(length)
    }
}
