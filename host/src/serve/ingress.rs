//! Ingress: bytes that somebody posted become whole frames, checked, or a failure that says where.

use std::path::Path;
use std::sync::Arc;

use omega_kernel::event::EventHeader;
use omega_kernel::frame::{Frames, LogHeader, valid_name, write_frame};
use omega_kernel::limits::MAX_LOG_NAME_BYTES;
use omega_kernel::wire::{self, Message, PayloadRef};

use crate::failure::Failure;
use crate::node::intake::{Mark, Submission};
use crate::node::segments::Source;
use crate::produce::cloudevents;
use crate::produce::event::{check_limits, limit};
use crate::produce::event_json::EventReader;
use crate::produce::head::{self, Leaves};
use crate::produce::json_values::JsonValues;

/// What failures call the posted bytes.
const BODY: &str = "the request's body";

/// How events are written in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Events as `schemas/event.schema.json` has them: one, an array, or lines.
    Json,
    /// CloudEvents 1.0: one, an array, or lines.
    CloudEvents,
    /// An `.omega` log.
    Omega,
}

impl Format {
    /// Of a content type; none is JSON.
    pub fn of(content_type: Option<&str>) -> Option<Self> {
        let kind = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default();
        match kind.trim().to_ascii_lowercase().as_str() {
            // What curl says unless told otherwise.
            "application/x-www-form-urlencoded" => Some(Format::Json),
            "application/json" | "application/x-ndjson" | "application/jsonl" => Some(Format::Json),
            "application/cloudevents+json" | "application/cloudevents-batch+json" => {
                Some(Format::CloudEvents)
            }
            "application/vnd.omega.log" | "application/octet-stream" => Some(Format::Omega),
            _ => None,
        }
    }
}

/// Reads events. `log` is the name of the log that they belong to; without one, an `.omega` log's own,
/// a CloudEvent's source where all have the same, or "events".
///
/// # Errors
/// What is wrong with the first event that is; more than `most` events.
pub fn read(format: Format, body: &[u8], log: Option<&str>, most: usize) -> Result<Submission, Failure> {
    match format {
        Format::Omega => omega(body, log, most),
        Format::Json => json(body, log, most),
        Format::CloudEvents => cloud_events(body, log, most),
    }
}

/// A log's name, as a source.
///
/// # Errors
/// A usage failure for what no log may be called.
pub fn source(name: &str) -> Result<Source, Failure> {
    match valid_name(name) {
        true => Ok(Arc::from(name)),
        false => Err(Failure::usage(format!(
            "a log's name has 1 to {MAX_LOG_NAME_BYTES} bytes of UTF-8 without control characters"
        ))),
    }
}

#[derive(Default)]
struct Reading {
    frames: Vec<u8>,
    marks: Vec<Mark>,
    deps: Vec<u128>,
    message: Vec<u8>,
}

impl Reading {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>, most: usize) -> Result<(), Failure> {
        check_limits(header)?;
        self.message.clear();
        wire::encode_event(header, payload, &mut self.message);
        let from = self.frames.len();
        write_frame(&self.message, &mut self.frames);
        self.mark(header.id, from, header.deps.iter().copied(), most)
    }

    fn mark(
        &mut self,
        id: u128,
        from: usize,
        deps: impl ExactSizeIterator<Item = u128>,
        most: usize,
    ) -> Result<(), Failure> {
        if self.marks.len() == most {
            return Err(limit(format!("the request has more than {most} events"))
                .hint("Send them in several requests."));
        }
        let (to, count) = (self.frames.len() as u32, deps.len() as u32);
        self.marks.push(Mark { id, from: from as u32, to, deps: count });
        self.deps.extend(deps);
        Ok(())
    }

    fn end(self, source: Source) -> Result<Submission, Failure> {
        match self.marks.is_empty() {
            true => Err(Failure::usage("the request has no event")),
            false => Ok(Submission { source, frames: self.frames, marks: self.marks, deps: self.deps }),
        }
    }
}

fn omega(body: &[u8], log: Option<&str>, most: usize) -> Result<Submission, Failure> {
    let (header, frames) = Frames::new(body)?;
    let source = source(log.unwrap_or(&header.name))?;
    let mut reading = Reading { frames: Vec::with_capacity(body.len()), ..Reading::default() };
    let mut last_head = None;
    for frame in frames {
        let frame = frame?;
        last_head = None;
        match frame.message {
            Message::Event(event) => {
                let from = reading.frames.len();
                reading.frames.extend_from_slice(frame.bytes);
                reading.mark(event.id, from, event.dep_ids(), most)?;
            }
            Message::Head(head) => last_head = Some((frame.offset, head)),
        }
    }
    if let Some((offset, head)) = last_head {
        check_head(&header, body, offset, &head)?;
    }
    reading.end(source)
}

/// A head is about the log that was sent. The batches that its events are judged in are others, so it
/// is checked and not kept.
fn check_head(header: &LogHeader, body: &[u8], offset: u64, head: &wire::Head) -> Result<(), Failure> {
    let mut leaves = Leaves::default();
    for frame in Frames::new(body)?.1 {
        if let Message::Event(event) = frame?.message {
            leaves.push(&event, event.payload_check().and_then(Result::err));
        }
    }
    Ok(head::check(head, offset, &mut leaves, header)?)
}

fn json(body: &[u8], log: Option<&str>, most: usize) -> Result<Submission, Failure> {
    let source = source(log.unwrap_or("events"))?;
    let mut reading = Reading::default();
    let mut events = EventReader::new(body, Path::new(BODY));
    while let Some(event) = events.read()? {
        reading.event(&event.header, event.payload.as_ref(), most)?;
    }
    reading.end(source)
}

fn cloud_events(body: &[u8], log: Option<&str>, most: usize) -> Result<Submission, Failure> {
    let path = Path::new(BODY);
    let mut reading = Reading::default();
    let mut sources: Option<String> = None;
    let mut several = false;
    let mut values = JsonValues::new(body, path);
    while let Some(value) = values.read()? {
        let (header, from) = cloudevents::event_of(value.bytes, value.place, path)?;
        reading.event(&header, PayloadRef::Present { bytes: value.bytes, salt: None }, most)?;
        several |= sources.get_or_insert_with(|| from.clone()) != &from;
    }
    let named = sources.filter(|name| !several && valid_name(name));
    reading.end(source(log.or(named.as_deref()).unwrap_or("events"))?)
}
