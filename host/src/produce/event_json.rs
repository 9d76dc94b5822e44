//! The JSON mirror of an event (`schemas/event.schema.json`), read and written.
//!
//! Exact or refused: what is wider than 32 bits is written as a decimal string (numbers up to 2^53
//! are read too), ids as 32 and hashes as 64 lower-case hex digits. A payload is text (`payload`) or
//! base64 (`payload_base64`); its length and hash are computed where they are not given. Unknown and
//! repeated fields are refused. Every failure names line and byte.

use std::io::{Read, Write};
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::hash::{self, Hash};
use omega_kernel::wire::PayloadRef;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::event::{Event, Payload, check_limits, show_id};
use super::json_values::{JsonValues, Place, Value, failure};
use super::writer::{LogWriter, Written, log_name};
use crate::failure::{Failure, HostCode};
use crate::files::unwritable;

/// The greatest number that every JSON reader reads exactly.
pub const MAX_EXACT_NUMBER: u64 = 1 << 53;

/// Reads events from JSON: an array, a single object, or JSON lines.
#[derive(Debug)]
pub struct EventReader<R> {
    values: JsonValues<R>,
    path: std::path::PathBuf,
}

impl<R: Read> EventReader<R> {
    /// Starts at the first byte; `path` is what failures name.
    pub fn new(input: R, path: &Path) -> Self {
        EventReader { values: JsonValues::new(input, path), path: path.to_owned() }
    }

    /// The next event.
    pub fn read(&mut self) -> Result<Option<Event>, Failure> {
        match self.values.read()? {
            None => Ok(None),
            Some(value) => Parser { path: &self.path, value }.event().map(Some),
        }
    }
}

/// Converts JSON events to a log. Gives the output back.
pub fn to_log<W: Write>(
    input: impl Read,
    path: &Path,
    name: &str,
    out: W,
    shown: &Path,
) -> Result<(W, Written), Failure> {
    let mut events = EventReader::new(input, path);
    let mut log = LogWriter::new(out, shown, name)?;
    while let Some(event) = events.read()? {
        log.event(&event.header, event.payload.as_ref())?;
    }
    log.into_inner()
}

/// Converts JSON events to a log in a temporary file, which is removed when it is dropped. The log
/// is named after `path`.
pub fn to_temporary_log(input: impl Read, path: &Path) -> Result<(NamedTempFile, Written), Failure> {
    let temp =
        NamedTempFile::with_suffix(".omega").map_err(|error| unwritable(&error, &std::env::temp_dir()))?;
    let shown = temp.path().to_owned();
    to_log(input, path, &log_name(path), temp, &shown)
}

/// Appends an event as one JSON object, without a line end.
pub fn write_event(header: &EventHeader, payload: PayloadRef<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
    let text = match payload {
        PayloadRef::Present { bytes, .. } => std::str::from_utf8(bytes).ok(),
        PayloadRef::Erased { .. } => None,
    };
    let mut json = EventJson {
        id: show_id(header.id),
        node: header.node,
        stream: header.stream,
        lamport: header.lamport.to_string(),
        prev: (header.prev != 0).then(|| show_id(header.prev)),
        deps: header.deps.iter().map(|&dep| show_id(dep)).collect(),
        claim: header.claim.map(|claim| HEXLOWER.encode(&claim)),
        payload: text,
        payload_base64: None,
        payload_length: header.payload_len.to_string(),
        payload_hash: HEXLOWER.encode(&header.payload_hash),
        salt: None,
        erased: None,
        observed: None,
    };
    match payload {
        PayloadRef::Present { bytes, salt } => {
            json.payload_base64 = text.is_none().then(|| BASE64.encode(bytes));
            json.salt = salt.map(|salt| HEXLOWER.encode(salt));
        }
        PayloadRef::Erased { observed } => {
            json.erased = Some(true);
            json.observed = observed.map(|observed| ObservedJson {
                length: observed.len.to_string(),
                hash: HEXLOWER.encode(&observed.hash),
            });
        }
    }
    serde_json::to_writer(out, &json)
        .map_err(|error| Failure::internal(format!("an event could not be written as JSON: {error}")))
}

#[derive(Serialize)]
struct EventJson<'a> {
    id: String,
    node: u32,
    stream: u16,
    lamport: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deps: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    payload_length: String,
    payload_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<ObservedJson>,
}

#[derive(Serialize)]
struct ObservedJson {
    length: String,
    hash: String,
}

/// One event's fields, each still as it stands in the file, so that a wrong one has a place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    node: &'a RawValue,
    #[serde(borrow)]
    lamport: &'a RawValue,
    #[serde(borrow, default, deserialize_with = "given")]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    prev: Option<&'a RawValue>,
    #[serde(borrow, default)]
    deps: Vec<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    claim: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    payload_base64: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    payload_length: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    payload_hash: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    salt: Option<&'a RawValue>,
    #[serde(default)]
    erased: bool,
    #[serde(borrow, default)]
    observed: Option<ObservedFields<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservedFields<'a> {
    #[serde(borrow)]
    length: &'a RawValue,
    #[serde(borrow)]
    hash: &'a RawValue,
}

/// Keeps an explicit null, which is no value of any field, apart from an absent field.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads the fields of one object.
struct Parser<'a> {
    path: &'a Path,
    value: Value<'a>,
}

impl<'a> Parser<'a> {
    fn event(&self) -> Result<Event, Failure> {
        let fields: Fields<'a> =
            serde_json::from_slice(self.value.bytes).map_err(|error| self.malformed(&error))?;
        let payload = self.payload(&fields)?;
        let (len, computed) = match &payload {
            Payload::Present { bytes, salt } => {
                (bytes.len() as u64, Some(hash::payload(bytes, salt.as_ref())))
            }
            Payload::Erased { .. } => (0, None),
        };
        let stated = fields.payload_hash.map(|raw| self.hash(raw, "payload_hash")).transpose()?;
        let header = EventHeader {
            lamport: self.unsigned(fields.lamport, "lamport", u64::MAX)?,
            node: self.unsigned(fields.node, "node", u64::from(u32::MAX))? as u32,
            stream: match fields.stream {
                Some(raw) => self.unsigned(raw, "stream", u64::from(u16::MAX))? as u16,
                None => 0,
            },
            id: self.id(fields.id, "id")?,
            prev: fields.prev.map_or(Ok(0), |raw| self.id(raw, "prev"))?,
            claim: fields.claim.map(|raw| self.hash(raw, "claim")).transpose()?,
            payload_len: match fields.payload_length {
                Some(raw) => self.unsigned(raw, "payload_length", u64::MAX)?,
                None => len,
            },
            payload_hash: stated.or(computed).unwrap_or_default(),
            deps: self.deps(&fields.deps)?,
        };
        if let Payload::Erased { observed: Some(observed) } = &payload
            && (observed.len, observed.hash) == (header.payload_len, header.payload_hash)
        {
            return Err(self.fail(None, "observed is what the event states: leave it out"));
        }
        check_limits(&header).map_err(|failure| failure.file(self.path))?;
        Ok(Event { header, payload })
    }

    fn payload(&self, fields: &Fields<'a>) -> Result<Payload, Failure> {
        let salt = fields.salt.map(|raw| self.hash(raw, "salt")).transpose()?;
        let bytes = match (fields.payload, fields.payload_base64) {
            (Some(_), Some(raw)) => {
                return Err(self.fail(Some(raw), "payload and payload_base64 exclude each other"));
            }
            (Some(raw), None) => Some(self.text(raw, "payload")?.into_bytes()),
            (None, Some(raw)) => Some(self.base64(raw)?),
            (None, None) => None,
        };
        match bytes {
            Some(_) if fields.erased => Err(self.fail(None, "an erased event has no payload")),
            Some(_) if fields.observed.is_some() => Err(self.fail(None, "observed belongs to erased events")),
            Some(bytes) if bytes.len() as u64 > omega_kernel::limits::MAX_PAYLOAD_BYTES => {
                let what = format!("a payload has at most {} bytes", omega_kernel::limits::MAX_PAYLOAD_BYTES);
                Err(super::event::limit(self.fail(None, &what).message).file(self.path))
            }
            Some(bytes) => Ok(Payload::Present { bytes, salt }),
            None if !fields.erased => Err(self
                .fail(None, "the event has no payload")
                .hint("Give payload (text) or payload_base64; an empty one is \"\".")),
            None if salt.is_some() => Err(self.fail(fields.salt, "an erased event has no salt")),
            None if fields.payload_hash.is_none() || fields.payload_length.is_none() => {
                Err(self.fail(None, "an erased event needs payload_length and payload_hash"))
            }
            None => {
                let observed = fields.observed.as_ref().map(|observed| {
                    Ok::<_, Failure>(Observed {
                        len: self.unsigned(observed.length, "observed.length", u64::MAX)?,
                        hash: self.hash(observed.hash, "observed.hash")?,
                    })
                });
                Ok(Payload::Erased { observed: observed.transpose()? })
            }
        }
    }

    fn deps(&self, raws: &[&'a RawValue]) -> Result<Vec<u128>, Failure> {
        let mut deps = Vec::with_capacity(raws.len());
        for raw in raws {
            deps.push(self.id(raw, "deps")?);
        }
        deps.sort_unstable();
        match deps.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(self.fail(None, "deps names an id twice")),
            false => Ok(deps),
        }
    }

    fn id(&self, raw: &'a RawValue, field: &str) -> Result<u128, Failure> {
        let text = self.text(raw, field)?;
        let bytes: Option<[u8; 16]> = self.hex(&text);
        bytes.map(u128::from_be_bytes).ok_or_else(|| {
            self.fail(Some(raw), &format!("{field}: an id is 32 lower-case hex digits in a string"))
        })
    }

    fn hash(&self, raw: &'a RawValue, field: &str) -> Result<Hash, Failure> {
        let text = self.text(raw, field)?;
        self.hex(&text)
            .ok_or_else(|| self.fail(Some(raw), &format!("{field} is 64 lower-case hex digits in a string")))
    }

    fn hex<const N: usize>(&self, text: &str) -> Option<[u8; N]> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
    }

    fn base64(&self, raw: &'a RawValue) -> Result<Vec<u8>, Failure> {
        let text = self.text(raw, "payload_base64")?;
        BASE64
            .decode(text.as_bytes())
            .map_err(|error| self.fail(Some(raw), &format!("payload_base64 is not padded base64: {error}")))
    }

    fn text(&self, raw: &'a RawValue, field: &str) -> Result<String, Failure> {
        serde_json::from_str(raw.get()).map_err(|error| {
            let what = match raw.get().starts_with('"') {
                true => format!("{field}: {error}"),
                false => format!("{field} must be a string"),
            };
            self.fail(Some(raw), &what)
        })
    }

    fn unsigned(&self, raw: &'a RawValue, field: &str, max: u64) -> Result<u64, Failure> {
        let text = raw.get();
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let digits = quoted.unwrap_or(text);
        let is_number = digits.bytes().all(|c| c.is_ascii_digit()) && !digits.is_empty();
        let value = digits.parse::<u64>().ok().filter(|value| is_number && value.to_string() == digits);
        let starts_like_number = quoted.is_none() && text.starts_with(|c: char| c.is_ascii_digit());
        match value {
            Some(value) if value > max => {
                Err(self.fail(Some(raw), &format!("{field} is {value}; the greatest is {max}")))
            }
            Some(value) if quoted.is_some() || value <= MAX_EXACT_NUMBER => Ok(value),
            None if is_number && quoted.is_some() => Err(self.fail(
                Some(raw),
                &format!("{field} is {digits}; it is a whole number from 0 to {max}, without leading zeros"),
            )),
            None if !starts_like_number => Err(self
                .fail(Some(raw), &format!("{field} must be a whole number from 0 on, or one in a string"))),
            _ => Err(failure(
                HostCode::JsonNumber,
                self.path,
                self.place_of(raw),
                &format!(
                    "{field} is {text}: beyond 2^53, or with point or exponent, a JSON number is not exact"
                ),
            )
            .hint(format!("Write it as a string of decimal digits: \"{field}\": \"…\"."))),
        }
    }

    /// What serde_json refuses: its line and column are turned into the file's.
    fn malformed(&self, error: &serde_json::Error) -> Failure {
        let bytes = self.value.bytes;
        let line = error.line().max(1);
        let before =
            bytes.split_inclusive(|&byte| byte == b'\n').take(line - 1).map(<[u8]>::len).sum::<usize>();
        let within = (before + error.column().saturating_sub(1)).min(bytes.len());
        let place = self.place_at(within);
        let text = error.to_string();
        // The line and column that serde_json appends are relative to the object.
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        failure(HostCode::JsonInvalid, self.path, place, what)
    }

    fn fail(&self, raw: Option<&'a RawValue>, what: &str) -> Failure {
        let place = raw.map_or(self.value.place, |raw| self.place_of(raw));
        failure(HostCode::JsonInvalid, self.path, place, what)
    }

    fn place_of(&self, raw: &'a RawValue) -> Place {
        // A raw value is borrowed from the object's bytes.
        let within = (raw.get().as_ptr() as usize).saturating_sub(self.value.bytes.as_ptr() as usize);
        self.place_at(within.min(self.value.bytes.len()))
    }

    fn place_at(&self, within: usize) -> Place {
        let lines = self.value.bytes[..within].iter().filter(|&&byte| byte == b'\n').count();
        Place { line: self.value.place.line + lines as u64, offset: self.value.place.offset + within as u64 }
    }
}

#[cfg(test)]
#[path = "event_json_tests.rs"]
mod tests;
