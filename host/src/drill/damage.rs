//! The damages of a drill: what can happen to a file of each kind, record by record.
//!
//! Only what somebody must notice is done. What changes nothing that anybody relies on is no damage: the
//! order in which events came, a log's head that is taken away (it proves who presented a log), a snapshot
//! that is gone, as are a kernel, a result or a certificate of its own, which are looked for by whoever needs them.
//!
//! What nobody would notice is not done either: incidents that are forged or taken away (they are a node's memory for
//! its operator, certified by nobody), and what a crash folder's manifest says beside its files.

use std::ops::Range;

use omega_kernel::cert_log;
use omega_kernel::frame::{FRAME_HEADER_BYTES, Frames};
use omega_kernel::wire::Message;

use crate::inspect::Kind;

/// One damage to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its stable name.
    pub what: &'static str,
    /// Which record of the file, from 0; none where it is about the file as a whole.
    pub record: Option<usize>,
    /// Where it begins.
    pub offset: usize,
    edit: Edit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Edit {
    /// One bit turns.
    Flip(usize),
    /// One bit turns and the checksum of its record is made to fit.
    Forge(usize, Range<usize>),
    /// A line says something else, and its checksum fits.
    Line(Range<usize>, String),
    Remove(Range<usize>),
    Repeat(Range<usize>),
    /// Two neighbours change places.
    Swap(Range<usize>, Range<usize>),
    Cut(usize),
    Gone,
}

impl Damage {
    /// The file with the damage; none where it is gone.
    pub fn apply(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut damaged = bytes.to_vec();
        match &self.edit {
            Edit::Flip(at) => damaged[*at] ^= 1,
            Edit::Forge(at, record) => {
                damaged[*at] ^= 1;
                seal(&mut damaged[record.clone()]);
            }
            Edit::Line(line, content) => {
                let forged = format!("{:08x} {content}\n", crc32fast::hash(content.as_bytes()));
                damaged.splice(line.clone(), forged.into_bytes());
            }
            Edit::Remove(record) => drop(damaged.drain(record.clone())),
            Edit::Repeat(record) => {
                damaged.splice(record.end..record.end, bytes[record.clone()].iter().copied());
            }
            Edit::Swap(one, two) => {
                damaged.splice(one.start..two.end, [&bytes[two.clone()], &bytes[one.clone()]].concat());
            }
            Edit::Cut(at) => damaged.truncate(*at),
            Edit::Gone => return None,
        }
        Some(damaged)
    }
}

/// Makes the checksum of a frame or of a record of a certificate log fit what it holds.
fn seal(record: &mut [u8]) {
    let length = record.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..4]);
    hasher.update(&record[FRAME_HEADER_BYTES..][..length]);
    record[4..8].copy_from_slice(&hasher.finalize().to_le_bytes());
}

/// All damages to a file of a kind; none where nothing depends on it.
pub fn damages(kind: Kind, bytes: &[u8]) -> Vec<Damage> {
    match kind {
        Kind::CertLog => {
            let records = certificate_records(bytes);
            let mut all = whole_file(bytes, records.first().map_or(bytes.len(), |record| record.start));
            for (nth, record) in records.iter().enumerate() {
                all.extend(framed(nth, record));
                all.extend(history(nth, record));
                all.extend(records.get(nth + 1).map(|next| {
                    damage("swap", Some(nth), record.start, Edit::Swap(record.clone(), next.clone()))
                }));
            }
            all
        }
        Kind::Log => {
            let records = log_records(bytes);
            let mut all = whole_file(bytes, records.first().map_or(bytes.len(), |(record, _)| record.start));
            let events = records.iter().filter(|(_, event)| *event).count();
            for (nth, (record, event)) in records.iter().enumerate() {
                let last = nth + 1 == records.len();
                // Behind the last event a repetition is one more event, and logs may grow.
                let counts = |it: &Damage| *event && (it.what != "repeat" || nth + 1 < events);
                // A head counts only where a log ends with it.
                all.extend(framed(nth, record).into_iter().filter(|it| *event || last || it.what != "forge"));
                all.extend(history(nth, record).into_iter().filter(counts));
            }
            all
        }
        Kind::Journal => lines(bytes, true),
        Kind::Incidents => lines(bytes, false),
        Kind::CertIndex | Kind::CertHash | Kind::CrashPart => opaque(bytes, true),
        Kind::Snapshot | Kind::SnapshotPolicy | Kind::Kernel | Kind::Certificate | Kind::Result => {
            opaque(bytes, false)
        }
        Kind::PrivateKey | Kind::PublicKey => opaque(bytes, false)
            .into_iter()
            // Text may end in more than one way.
            .filter(|damage| damage.what != "flip-end" && damage.what != "cut")
            .collect(),
        Kind::CrashManifest => vec![damage("cut", None, bytes.len() / 2, Edit::Cut(bytes.len() / 2))],
        Kind::Other => Vec::new(),
    }
}

fn damage(what: &'static str, record: Option<usize>, offset: usize, edit: Edit) -> Damage {
    Damage { what, record, offset, edit }
}

fn flip(what: &'static str, record: Option<usize>, at: usize) -> Damage {
    damage(what, record, at, Edit::Flip(at))
}

/// To a file that starts with a header of so many bytes.
fn whole_file(bytes: &[u8], header: usize) -> Vec<Damage> {
    if bytes.is_empty() {
        return Vec::new();
    }
    vec![
        flip("flip-start", None, 0),
        flip("flip-header", None, header.saturating_sub(1) / 2),
        damage("empty", None, 0, Edit::Cut(0)),
        damage("gone", None, 0, Edit::Gone),
    ]
}

/// To a file that is read as one piece.
fn opaque(bytes: &[u8], missed: bool) -> Vec<Damage> {
    let Some(last) = bytes.len().checked_sub(1) else { return Vec::new() };
    let gone = missed.then(|| damage("gone", None, 0, Edit::Gone));
    let all = [
        flip("flip-start", None, 0),
        flip("flip-middle", None, last / 2),
        flip("flip-end", None, last),
        damage("cut", None, last / 2, Edit::Cut(last / 2)),
        damage("empty", None, 0, Edit::Cut(0)),
    ];
    all.into_iter().chain(gone).collect()
}

/// To the bytes of one record: length, checksum, content.
fn framed(nth: usize, record: &Range<usize>) -> Vec<Damage> {
    let content = record.start + FRAME_HEADER_BYTES;
    let middle = content + (record.end - content) / 2;
    let nth = Some(nth);
    vec![
        flip("flip-length", nth, record.start),
        flip("flip-checksum", nth, record.start + 4),
        flip("flip-content", nth, content),
        flip("flip-content", nth, middle),
        flip("flip-end", nth, record.end - 1),
        damage("forge", nth, middle, Edit::Forge(middle, record.clone())),
        damage("cut-within", nth, middle, Edit::Cut(middle)),
    ]
}

/// To what records say together.
fn history(nth: usize, record: &Range<usize>) -> [Damage; 3] {
    [
        damage("remove", Some(nth), record.start, Edit::Remove(record.clone())),
        damage("repeat", Some(nth), record.start, Edit::Repeat(record.clone())),
        damage("cut-before", Some(nth), record.start, Edit::Cut(record.start)),
    ]
}

/// Where the records of a certificate log stand.
fn certificate_records(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut at = cert_log::HEADER_BYTES;
    let mut records = Vec::new();
    while let Some(rest) = bytes.get(at..)
        && let cert_log::Framing::Whole { framed, .. } = cert_log::frame(rest)
    {
        records.push(at..at + framed.len());
        at += framed.len();
    }
    records
}

/// Where the frames of a log stand, and whether each holds an event.
fn log_records(bytes: &[u8]) -> Vec<(Range<usize>, bool)> {
    let Ok((_, frames)) = Frames::new(bytes) else { return Vec::new() };
    let frames = frames.map_while(Result::ok);
    let place = |frame: omega_kernel::frame::Frame<'_>| {
        let start = frame.offset as usize;
        (start..start + frame.bytes.len(), matches!(frame.message, Message::Event(_)))
    };
    frames.map(place).collect()
}

/// To a file of lines. `judged` lines say what the chain can be held against: these are forged field by
/// field, and taken away.
fn lines(bytes: &[u8], judged: bool) -> Vec<Damage> {
    let mut all = Vec::new();
    if judged && !bytes.is_empty() {
        all.push(damage("empty", None, 0, Edit::Cut(0)));
        all.push(damage("gone", None, 0, Edit::Gone));
    }
    let mut start = 0;
    for (nth, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let record = start..start + line.len();
        start = record.end;
        let middle = record.start + line.len() / 2;
        let nth = Some(nth);
        all.push(flip("flip-checksum", nth, record.start));
        all.push(flip("flip-content", nth, middle));
        all.push(damage("cut-within", nth, middle, Edit::Cut(middle)));
        let says = line.get(9..).and_then(|json| serde_json::from_slice::<serde_json::Value>(json).ok());
        if let Some(says) = says.filter(|says| judged && says["kind"] == "judged") {
            all.push(damage("remove", nth, record.start, Edit::Remove(record.clone())));
            for forged in forged(&says) {
                all.push(damage("forge", nth, record.start, Edit::Line(record.clone(), forged.to_string())));
            }
        }
    }
    all
}

/// A JSON value with one number, text or flag changed, for each of them. How many events a part holds is
/// left: the bytes say it, and so nobody believes it.
fn forged(value: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::Value;
    let within = |key: &str, child: &Value| -> Vec<Value> {
        if key == "events" || key == "kind" { Vec::new() } else { forged(child) }
    };
    match value {
        Value::Number(number) => number.as_u64().map(|it| Value::from(it ^ 1)).into_iter().collect(),
        Value::Bool(flag) => vec![Value::Bool(!flag)],
        Value::String(text) => {
            let first = if text.starts_with('0') { "1" } else { "0" };
            vec![Value::String(format!("{first}{}", text.get(1..).unwrap_or_default()))]
        }
        Value::Array(items) => (0..items.len())
            .flat_map(|at| forged(&items[at]).into_iter().map(move |item| (at, item)))
            .map(|(at, item)| {
                let mut items = items.clone();
                items[at] = item;
                Value::Array(items)
            })
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, child)| within(key, child).into_iter().map(move |child| (key, child)))
            .map(|(key, child)| {
                let mut fields = fields.clone();
                fields.insert(key.clone(), child);
                Value::Object(fields)
            })
            .collect(),
        Value::Null => Vec::new(),
    }
}
