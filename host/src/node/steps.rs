//! Steps: what a node does, one line for each, in the order in which it does it, so that a run can be
//! held against the specification (`formal/tla/Node.tla`, whose actions have these names). Nothing here
//! is read again by a node, and nothing is certified; without a file nothing is made.
//!
//! What is about to be written is told before; what is on disk, after. So wherever a process is killed,
//! the last line says what may be there (`schemas/steps.md`).

use std::fmt;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;
use omega_kernel::certificate::Certificate;
use omega_kernel::frame::Frames;
use omega_kernel::hash::Hash;
use omega_kernel::wire::{EventView, Message};
use serde::Serialize;

use super::batch::Batch;
use super::intake::{Mark, Submission};
use crate::failure::Failure;
use crate::files;

/// Longest body of a log that is looked into again: a batch's.
const MOST_BYTES: u64 = 1 << 30;

/// Writes steps. Cheap to share: lines of all threads come one after the other.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Mutex<Writer>>>);

struct Writer {
    out: Box<dyn Write + Send>,
    /// A line could not be written: a run with a gap would say something else.
    ended: bool,
}

/// A step. Whole numbers of 64 bits are strings; hashes and ids are hex.
#[derive(Debug, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields are those of schemas/steps.md")]
pub enum Step {
    /// The node has started, and these wait to be judged.
    Start { height: String, hash: String, kernel: String, waiting: Vec<Entry> },
    /// These are about to be written.
    Write { events: Vec<Sent> },
    /// These could not be written, or not be synced.
    Refuse { events: Vec<Entry> },
    /// These are on disk.
    Sync { events: Vec<Entry> },
    /// Whoever sent these is told that they are on disk.
    Acknowledge { events: Vec<Entry> },
    /// A batch was judged: its logs agree. The journal's line is about to be written.
    EmitMerge { height: String, hash: String, kernel: String, events: Vec<Entry> },
    /// A batch was judged: its logs conflict.
    EmitObstruction {
        height: String,
        hash: String,
        kernel: String,
        predicate: u16,
        anchor: String,
        events: Vec<Entry>,
        aside: Vec<Entry>,
    },
    /// A batch could not be judged. The journal's line is about to be written.
    GiveUp { events: Vec<Entry> },
    /// The journal's line is on disk. A verdict's certificate is about to be written.
    Journal,
    /// The certificate of a swap is about to be written.
    Swap { height: String, hash: String, kernel: String },
    /// The certificate is on disk.
    Store { height: String, hash: String, previous: String },
    /// Whoever listens is told of it.
    Announce { height: String, hash: String },
    /// What was about to be written is given up: the node ends.
    Abandon,
}

/// An event as one source's log holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entry {
    /// The log's name.
    pub source: String,
    /// Its id.
    pub id: String,
    /// Its event hash.
    pub hash: String,
}

/// An entry with what rules look at.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    #[serde(flatten)]
    entry: Entry,
    node: u32,
    stream: u16,
    lamport: String,
    deps: Vec<String>,
}

impl Steps {
    /// Goes on with a file, or begins it. What a killed process left of a line is cut.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn to_file(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = file.map_err(|error| files::unwritable(&error, path))?;
        cut_torn_line(&mut file).map_err(|error| files::unwritable(&error, path))?;
        Ok(Steps::to(file))
    }

    /// Writes lines to `out`, each in one piece.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Steps(Some(Arc::new(Mutex::new(Writer { out: Box::new(out), ended: false }))))
    }

    /// Writes a step down, where steps are wanted.
    pub fn note(&self, step: impl FnOnce() -> Step) {
        let Some(writer) = &self.0 else { return };
        let mut line = serde_json::to_vec(&step()).unwrap_or_default();
        line.push(b'\n');
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.ended {
            return;
        }
        if let Err(error) = writer.out.write_all(&line) {
            writer.ended = true;
            tracing::error!("no more steps are written: {error}");
        }
    }

    /// Notes what becomes of a submission: `step` makes it of those of its entries that are marked.
    pub fn of(&self, submission: &Submission, marks: &[Mark], frames: &[u8], step: fn(Vec<Entry>) -> Step) {
        self.note(|| step(sent(submission, marks, frames).into_iter().map(|sent| sent.entry).collect()));
    }

    /// Notes that new entries of a submission are about to be written.
    pub fn write(&self, submission: &Submission, marks: &[Mark], frames: &[u8]) {
        self.note(|| Step::Write { events: sent(submission, marks, frames) });
    }

    /// Notes that a certificate is on disk.
    pub fn stored(&self, certificate: &Certificate) {
        self.note(|| Step::Store {
            height: height(certificate),
            hash: HEXLOWER.encode(&certificate.chain_hash()),
            previous: HEXLOWER.encode(&certificate.fields().prev_cert_hash),
        });
    }

    /// Notes that a certificate is told.
    pub fn announced(&self, certificate: &Certificate) {
        self.note(|| Step::Announce {
            height: height(certificate),
            hash: HEXLOWER.encode(&certificate.chain_hash()),
        });
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Steps(on)" } else { "Steps(off)" })
    }
}

/// A certificate's height, as a step has it.
pub fn height(certificate: &Certificate) -> String {
    certificate.fields().height.to_string()
}

/// A hash, as a step has it.
pub fn hex(hash: &Hash) -> String {
    HEXLOWER.encode(hash)
}

/// The entries of a batch.
pub fn entries(batch: &Batch) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (source, log) in &batch.logs {
        let bytes = log.source.read_all(MOST_BYTES).unwrap_or_default();
        entries.extend(entries_of(source, &bytes));
    }
    entries
}

/// The entries of a log, which was checked before it was written.
pub fn entries_of(source: &str, log: &[u8]) -> Vec<Entry> {
    let frames = Frames::new(log).into_iter().flat_map(|(_, frames)| frames.map_while(Result::ok));
    let entry = |message: &Message<'_>| match message {
        Message::Event(event) => Some(entry(source, event)),
        Message::Head(_) => None,
    };
    frames.filter_map(|frame| entry(&frame.message)).collect()
}

fn sent(submission: &Submission, marks: &[Mark], frames: &[u8]) -> Vec<Sent> {
    let sent = |mark: &Mark| {
        let frame = &frames[mark.from as usize..mark.to as usize];
        let Ok(Message::Event(event)) = omega_kernel::wire::decode(frame.get(8..)?) else { return None };
        Some(Sent {
            entry: entry(&submission.source, &event),
            node: event.node,
            stream: event.stream,
            lamport: event.lamport.to_string(),
            deps: event.dep_ids().map(|id| format!("{id:032x}")).collect(),
        })
    };
    marks.iter().filter_map(sent).collect()
}

fn entry(source: &str, event: &EventView<'_>) -> Entry {
    let hash = event.event_hash(&mut Vec::new());
    Entry { source: source.to_owned(), id: format!("{:032x}", event.id), hash: HEXLOWER.encode(&hash) }
}

fn cut_torn_line(file: &mut std::fs::File) -> std::io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let (mut whole, mut byte) = (length, [b'\n']);
    while whole > 0 {
        file.seek(SeekFrom::Start(whole - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        whole -= 1;
    }
    if whole < length { file.set_len(whole) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_torn_is_cut_and_the_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("steps");
        Steps::to_file(&path).unwrap().note(|| Step::Journal);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"step\":\"sto").unwrap();
        Steps::to_file(&path).unwrap().note(|| Step::Abandon);
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written, "{\"step\":\"journal\"}\n{\"step\":\"abandon\"}\n");
        std::fs::write(&path, b"torn").unwrap();
        Steps::to_file(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn after_a_line_that_could_not_be_written_none_is() {
        struct Full(Arc<Mutex<Vec<u8>>>, bool);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                if std::mem::replace(&mut self.1, false) {
                    return Err(std::io::ErrorKind::StorageFull.into());
                }
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::default();
        let steps = Steps::to(Full(Arc::clone(&written), true));
        steps.note(|| Step::Journal);
        steps.note(|| Step::Abandon);
        assert!(written.lock().unwrap().is_empty());
    }
}
