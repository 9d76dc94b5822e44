//! Imports CloudEvents 1.0 in JSON lines: each line is an event.
//!
//! `specversion` (1.0), `id`, `source` and `type` are required. Every field is a pure function of the
//! line:
//!
//! - id: the first 112 bits of BLAKE3(source ‖ 0 ‖ id), which CloudEvents makes unique.
//! - node: the first 32 bits, little-endian, of BLAKE3(source).
//! - payload: the line's exact bytes, without its line end (LF or CRLF).
//! - Without a clock: stream 0x8000 (causal-only), lamport 1, no prev, no deps: nothing is claimed
//!   about an order that nobody recorded.
//! - With the extension attribute `omegalamport`: that Lamport time; `omegastream` (default 0),
//!   `omegaprev` (an id) and `omegadeps` (ids, separated by spaces) where given. Integers above 2^31
//!   are strings in CloudEvents, so numbers are read from strings too.
//!
//! A line that stands in the file once more, byte for byte, is a redelivery and imported once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use omega_kernel::event::{EventHeader, FIRST_CAUSAL_ONLY_STREAM};
use omega_kernel::hash::{self, Hash};
use omega_kernel::limits::MAX_PAYLOAD_BYTES;
use omega_kernel::wire::PayloadRef;
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::event::{self, id_from_hash, node_from_hash, parse_id};
use super::event_json::MAX_EXACT_NUMBER;
use super::git::claim_node;
use super::json_values::{self, Place};
use super::progress::Progress;
use super::sink::EventSink;
use crate::failure::{Failure, HostCode};
use crate::files::unreadable;

/// What was imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Events.
    pub events: u64,
    /// Sources.
    pub sources: u64,
    /// Events with a clock.
    pub with_clock: u64,
    /// Lines that repeat an earlier one and were left out.
    pub repeated: u64,
}

/// Imports the lines in their order; `path` is what failures name.
pub fn import(input: impl Read, path: &Path, sink: &mut dyn EventSink) -> Result<Imported, Failure> {
    let progress = Progress::start("importing events", None);
    let mut input = BufReader::with_capacity(64 << 10, input);
    let mut place = Place { line: 0, offset: 0 };
    let mut line = Vec::new();
    let mut imported = Imported::default();
    let mut sources = HashMap::new();
    // Hashes of the lines with each id.
    let mut seen: HashMap<u128, Vec<Hash>> = HashMap::new();
    loop {
        place.line += 1;
        place.offset += line.len() as u64;
        progress.at(place.line)?;
        line.clear();
        // One byte more than a line may have with its end, so that a longer one is noticed.
        let read = (&mut input).take(MAX_PAYLOAD_BYTES + 3).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(&error, path))? == 0 {
            break;
        }
        let content = without_line_end(&line);
        if content.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let at = Line { path, place, content };
        let (header, source, has_clock) = at.event()?;
        claim_node(&mut sources, header.node, source).map_err(|failure| failure.file(path))?;
        let versions = seen.entry(header.id).or_default();
        if versions.contains(&header.payload_hash) {
            imported.repeated += 1;
            continue;
        }
        versions.push(header.payload_hash);
        imported.events += 1;
        imported.with_clock += u64::from(has_clock);
        sink.event(&header, PayloadRef::Present { bytes: content, salt: None })?;
    }
    imported.sources = sources.len() as u64;
    Ok(imported)
}

/// One event as it was posted: its exact bytes are the payload. `place` is where it stands in what
/// came, which failures call `path`. Gives the source beside it.
///
/// # Errors
/// `json-invalid` and `json-number-inexact` for what is no CloudEvent; `limit-exceeded`.
pub fn event_of(content: &[u8], place: Place, path: &Path) -> Result<(EventHeader, String), Failure> {
    let (header, source, _) = Line { path, place, content }.event()?;
    Ok((header, String::from_utf8_lossy(&source).into_owned()))
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The event id of a CloudEvent.
fn event_id(source: &str, id: &str) -> u128 {
    id_from_hash(&hash::plain(&[source.as_bytes(), b"\0", id.as_bytes()].concat()))
}

/// One line.
struct Line<'a> {
    path: &'a Path,
    place: Place,
    content: &'a [u8],
}

impl<'a> Line<'a> {
    /// The event, the source that is its writer, and whether it has a clock.
    fn event(&self) -> Result<(EventHeader, Vec<u8>, bool), Failure> {
        if self.content.len() as u64 > MAX_PAYLOAD_BYTES {
            let what = self.fail(&format!("the line has more than {MAX_PAYLOAD_BYTES} bytes")).message;
            return Err(event::limit(what).file(self.path));
        }
        if self.place.offset == 0 && self.content.starts_with(b"\xef\xbb\xbf") {
            return Err(self
                .fail("the file starts with a byte order mark")
                .hint("Save it as UTF-8 without BOM."));
        }
        let attributes: Attributes<'a> = serde_json::from_slice(self.content).map_err(|error| {
            let text = error.to_string();
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            let offset = self.place.offset + error.column().saturating_sub(1) as u64;
            self.fail_at(Place { offset, ..self.place }, HostCode::JsonInvalid, what)
        })?;
        let version = self.required(&attributes, "specversion")?;
        if version != "1.0" {
            return Err(self.fail(&format!("specversion is {version:?}; only 1.0 is known")));
        }
        let (id, source) = (self.required(&attributes, "id")?, self.required(&attributes, "source")?);
        self.required(&attributes, "type")?;
        let clock = self.clock(&attributes)?;
        let place = event::Place {
            id: event_id(&source, &id),
            node: node_from_hash(&hash::plain(source.as_bytes())),
            ..clock
        };
        let header = place.header(self.content, None).map_err(|failure| failure.file(self.path))?;
        Ok((header, source.into_bytes(), attributes.0.contains_key("omegalamport")))
    }

    /// Lamport time, stream, prev and deps.
    fn clock(&self, attributes: &Attributes<'a>) -> Result<event::Place, Failure> {
        let Some(lamport) = self.number(attributes, "omegalamport", u64::MAX)? else {
            if let Some(name) = ["omegastream", "omegaprev", "omegadeps"]
                .into_iter()
                .find(|name| attributes.0.contains_key(*name))
            {
                return Err(self.fail(&format!("{name} takes omegalamport beside it")));
            }
            return Ok(event::Place { lamport: 1, stream: FIRST_CAUSAL_ONLY_STREAM, ..Default::default() });
        };
        let id =
            |text: &str, name: &str| parse_id(text).map_err(|what| self.fail(&format!("{name}: {what}")));
        let deps = self.string(attributes, "omegadeps")?.unwrap_or_default();
        Ok(event::Place {
            lamport,
            stream: self.number(attributes, "omegastream", u64::from(u16::MAX))?.unwrap_or(0) as u16,
            prev: self.string(attributes, "omegaprev")?.map_or(Ok(0), |text| id(&text, "omegaprev"))?,
            deps: deps
                .split_ascii_whitespace()
                .map(|text| id(text, "omegadeps"))
                .collect::<Result<_, _>>()?,
            ..Default::default()
        })
    }

    fn required(&self, attributes: &Attributes<'a>, name: &str) -> Result<String, Failure> {
        match self.string(attributes, name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.fail(&format!("{name} is empty"))),
            None => Err(self
                .fail(&format!("{name} is missing"))
                .hint("Each line is a CloudEvent 1.0: specversion, id, source and type are required.")),
        }
    }

    fn string(&self, attributes: &Attributes<'a>, name: &str) -> Result<Option<String>, Failure> {
        let parse = |raw: &&RawValue| {
            serde_json::from_str(raw.get()).map_err(|_| self.fail(&format!("{name} must be a string")))
        };
        attributes.0.get(name).map(parse).transpose()
    }

    fn number(&self, attributes: &Attributes<'a>, name: &str, max: u64) -> Result<Option<u64>, Failure> {
        let Some(raw) = attributes.0.get(name) else { return Ok(None) };
        let text = raw.get();
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let digits = quoted.unwrap_or(text);
        let value = digits.parse::<u64>().ok().filter(|value| value.to_string() == digits && *value <= max);
        match value {
            Some(value) if quoted.is_none() && value > MAX_EXACT_NUMBER => Err(self.fail_at(
                self.place,
                HostCode::JsonNumber,
                &format!(
                    "{name} is {text}: beyond 2^53 - 1 a JSON number is not exact; write it as a string"
                ),
            )),
            Some(value) => Ok(Some(value)),
            None => Err(self.fail(&format!("{name} must be a whole number up to {max}"))),
        }
    }

    fn fail(&self, what: &str) -> Failure {
        self.fail_at(self.place, HostCode::JsonInvalid, what)
    }

    fn fail_at(&self, place: Place, code: HostCode, what: &str) -> Failure {
        json_values::failure(code, self.path, place, what)
    }
}

/// A line's attributes, still as they stand there. A repeated name is refused: readers would differ
/// over which one counts.
struct Attributes<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Attributes<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Attributes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a CloudEvent (a JSON object)")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut attributes = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if attributes.contains_key(&name) {
                        return Err(A::Error::custom(format!("the attribute {name} stands twice")));
                    }
                    attributes.insert(name, value);
                }
                Ok(Attributes(attributes))
            }
        }
        from.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Collected;
    use super::*;

    fn of(text: &str) -> Result<(Imported, Collected), Failure> {
        let mut events = Collected::default();
        let imported = import(text.as_bytes(), Path::new("in.jsonl"), &mut events)?;
        Ok((imported, events))
    }

    fn line(id: &str, more: &str) -> String {
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"/a","type":"t"{more}}}"#)
    }

    #[test]
    fn an_event_without_a_clock_is_causal_only() {
        let text = format!("{}\r\n\n{}", line("1", ""), line("2", r#","data":{"x":[1]}"#));
        let (imported, events) = of(&text).unwrap();
        assert_eq!(imported, Imported { events: 2, sources: 1, with_clock: 0, repeated: 0 });
        let (header, payload) = &events.0[0];
        assert_eq!((header.stream, header.lamport, header.prev), (0x8000, 1, 0));
        assert_eq!(payload, line("1", "").as_bytes(), "no line end");
        let id = blake3::hash(b"/a\x001");
        assert_eq!(event::show_id(header.id), format!("0000{}", &id.to_hex()[..28]));
        assert_eq!(header.node.to_le_bytes(), blake3::hash(b"/a").as_bytes()[..4]);
    }

    #[test]
    fn extension_attributes_give_a_clock() {
        let (_, events) =
            of(&line("1", r#","omegalamport":"18446744073709551615","omegaprev":"0a","omegadeps":"0c 0b""#))
                .unwrap();
        let header = &events.0[0].0;
        assert_eq!((header.lamport, header.stream, header.prev), (u64::MAX, 0, 10));
        assert_eq!(header.deps, [11, 12]);
        let (imported, events) = of(&line("1", r#","omegalamport":7,"omegastream":3"#)).unwrap();
        assert_eq!((events.0[0].0.lamport, events.0[0].0.stream, imported.with_clock), (7, 3, 1));
    }

    #[test]
    fn a_redelivered_line_counts_once_and_another_version_stays() {
        let text = [line("1", ""), line("1", ""), line("1", r#","data":1"#)].join("\n");
        let (imported, events) = of(&text).unwrap();
        assert_eq!((imported.events, imported.repeated), (2, 1));
        assert_eq!(events.0[0].0.id, events.0[1].0.id);
    }

    #[test]
    fn hostile_lines_are_refused_with_their_place() {
        let good = line("1", "");
        for (bad, code, says) in [
            ("[]".to_owned(), "json-invalid", "a CloudEvent"),
            ("{".to_owned(), "json-invalid", "EOF"),
            (line("", ""), "json-invalid", "id is empty"),
            (good.replace("1.0", "0.3"), "json-invalid", "only 1.0"),
            (good.replace("\"type\"", "\"kind\""), "json-invalid", "type is missing"),
            (line("1", r#","id":"2""#), "json-invalid", "stands twice"),
            (line("1", r#","omegadeps":"0a""#), "json-invalid", "omegalamport"),
            (line("1", r#","omegalamport":9007199254740993"#), "json-number-inexact", "2^53"),
            (line("1", r#","omegalamport":1.5"#), "json-invalid", "whole number"),
            (line("1", r#","omegalamport":1,"omegastream":65536"#), "json-invalid", "65535"),
            (line("1", r#","omegalamport":1,"omegaprev":"xyz""#), "json-invalid", "hex"),
            (line("1", &format!(",\"data\":{}", "[".repeat(500_000))), "json-invalid", ""),
            (line("1", &format!(",\"data\":\"{}\"", "x".repeat(1 << 20))), "limit-exceeded", "bytes"),
        ] {
            let failure = of(&format!("{good}\n{bad}\n{good}")).map(|_| ()).unwrap_err();
            assert_eq!(failure.code.name(), code, "{}", failure.message);
            assert!(failure.message.contains(says), "{}", failure.message);
            assert!(failure.message.contains("line 2"), "{}", failure.message);
        }
        assert!(of("\u{feff}{}").map(|_| ()).unwrap_err().message.contains("byte order mark"));
    }
}
