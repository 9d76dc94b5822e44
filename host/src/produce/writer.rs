//! Writes `.omega` logs: header, frames, heads; one log, or one for each writer beside it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use omega_kernel::event::EventHeader;
use omega_kernel::frame::{FRAME_HEADER_BYTES, Frame, HEADER_BYTES, LogHeader, write_frame};
use omega_kernel::limits::{MAX_LOG_NAME_BYTES, MAX_LOGS};
use omega_kernel::wire::{self, Head, Message, PayloadRef};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::output::NewFile;
use crate::failure::Failure;
use crate::files::unwritable;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes one log to anything.
#[derive(Debug)]
pub struct LogWriter<W> {
    out: W,
    /// For messages: where it goes to.
    path: PathBuf,
    buffer: Vec<u8>,
    message: Vec<u8>,
    written: Written,
}

/// A log that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where it stands.
    pub path: PathBuf,
    /// The name in its header.
    pub name: String,
    /// Its events.
    pub events: u64,
    /// Its size.
    pub bytes: u64,
}

impl<W: Write> LogWriter<W> {
    /// Starts a log with its header. `path` is what failures and the summary name.
    pub fn new(out: W, path: &Path, name: &str) -> Result<Self, Failure> {
        let header = LogHeader::new(name)?.encode();
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + (64 << 10));
        buffer.extend_from_slice(&header);
        let written =
            Written { path: path.to_owned(), name: name.to_owned(), events: 0, bytes: HEADER_BYTES as u64 };
        Ok(LogWriter { out, path: path.to_owned(), buffer, message: Vec::new(), written })
    }

    /// Appends an event. The caller keeps the limits ([`super::event::check_limits`]).
    pub fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let mut message = std::mem::take(&mut self.message);
        message.clear();
        wire::encode_event(header, payload, &mut message);
        let done = self.message(&message);
        self.message = message;
        done
    }

    /// Appends an event that is encoded already.
    pub fn message(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.written.events += 1;
        self.frame(message)
    }

    /// Appends a head.
    pub fn head(&mut self, head: &Head) -> Result<(), Failure> {
        let mut message = Vec::new();
        wire::encode_head(head, &mut message);
        self.frame(&message)
    }

    /// Copies a frame from another log, byte for byte.
    pub fn copy(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        let message = &frame.bytes[FRAME_HEADER_BYTES..];
        match frame.message {
            Message::Event(_) => self.message(message),
            Message::Head(_) => self.frame(message),
        }
    }

    fn frame(&mut self, message: &[u8]) -> Result<(), Failure> {
        let before = self.buffer.len();
        write_frame(message, &mut self.buffer);
        self.written.bytes += (self.buffer.len() - before) as u64;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.write_all(&self.buffer).map_err(|error| unwritable(&error, &self.path))?;
        self.buffer.clear();
        Ok(())
    }

    /// Hands everything to the output and gives it back.
    pub fn into_inner(mut self) -> Result<(W, Written), Failure> {
        self.flush()?;
        self.out.flush().map_err(|error| unwritable(&error, &self.path))?;
        Ok((self.out, self.written))
    }
}

impl LogWriter<NewFile> {
    /// Starts a log file that appears at `path` when it is finished.
    pub fn create(path: &Path, name: &str, force: bool) -> Result<Self, Failure> {
        LogWriter::new(NewFile::create(path, force)?, path, name)
    }

    /// Puts the log under its name, durably.
    pub fn finish(self) -> Result<Written, Failure> {
        let (file, written) = self.into_inner()?;
        file.finish()?;
        Ok(written)
    }
}

/// Writes one log and, where asked, one for each node beside it: `X.omega`, `X.7.omega`, ….
#[derive(Debug)]
pub struct Logs {
    whole: LogWriter<NewFile>,
    by_node: Option<BTreeMap<u32, LogWriter<NewFile>>>,
    path: PathBuf,
    force: bool,
    message: Vec<u8>,
}

/// How to write the logs of an import or a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SplitBy {
    /// One log for each writer, beside the whole one: X.7.omega for node 7 of X.omega
    Node,
}

impl Logs {
    /// Starts the log at `path` and, with `split`, those beside it.
    pub fn create(path: &Path, split: Option<SplitBy>, force: bool) -> Result<Self, Failure> {
        let whole = LogWriter::create(path, &log_name(path), force)?;
        let by_node = split.map(|SplitBy::Node| BTreeMap::new());
        Ok(Logs { whole, by_node, path: path.to_owned(), force, message: Vec::new() })
    }

    /// Appends an event to the whole log and to its writer's.
    pub fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let Some(by_node) = &mut self.by_node else { return self.whole.event(header, payload) };
        self.message.clear();
        wire::encode_event(header, payload, &mut self.message);
        self.whole.message(&self.message)?;
        if !by_node.contains_key(&header.node) {
            if by_node.len() as u64 >= u64::from(MAX_LOGS) {
                return Err(super::event::limit(format!(
                    "more than {MAX_LOGS} writers: that many logs cannot be judged together"
                ))
                .hint("Leave out --split-by: one log may hold any number of writers."));
            }
            raise_open_files(by_node.len() as u64 + 64);
            let (path, name) = beside(&self.path, &header.node.to_string());
            by_node.insert(header.node, LogWriter::create(&path, &name, self.force)?);
        }
        match by_node.get_mut(&header.node) {
            Some(log) => log.message(&self.message),
            None => Err(Failure::internal("a writer's log vanished")),
        }
    }

    /// Puts all logs under their names: the whole one first, then by node.
    pub fn finish(self) -> Result<Vec<Written>, Failure> {
        let mut written = vec![self.whole.finish()?];
        for log in self.by_node.unwrap_or_default().into_values() {
            written.push(log.finish()?);
        }
        Ok(written)
    }
}

/// Path and log name of a second log beside `path`: `a/X.omega` and `7` give `a/X.7.omega`, `X.7`.
pub fn beside(path: &Path, suffix: &str) -> (PathBuf, String) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map_or("omega".into(), |e| e.to_string_lossy());
    let mut name = log_name(path);
    cut(&mut name, MAX_LOG_NAME_BYTES - 1 - suffix.len().min(MAX_LOG_NAME_BYTES - 1));
    (path.with_file_name(format!("{stem}.{suffix}.{extension}")), format!("{name}.{suffix}"))
}

/// The name that a log at this path gets: the file's, without its extensions and without what a
/// log's name may not hold.
pub fn log_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let mut name: String = file.chars().filter(|c| !c.is_control()).collect();
    for extension in [".gz", ".omega", ".json", ".jsonl", ".ndjson"] {
        if let Some(stem) = name.strip_suffix(extension).filter(|stem| !stem.is_empty()) {
            name = stem.to_owned();
        }
    }
    cut(&mut name, MAX_LOG_NAME_BYTES);
    if name.is_empty() { "log".to_owned() } else { name }
}

/// Cuts to at most `bytes` bytes, between characters.
fn cut(text: &mut String, bytes: usize) {
    while text.len() > bytes {
        text.pop();
    }
}

/// A log for each of many writers needs many open files; the soft limit is often 1,024. Where it
/// cannot be raised, opening the next file fails and says so.
fn raise_open_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = limit.maximum.map_or(2 * wanted, |maximum| maximum.min(2 * wanted));
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum });
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Place;
    use super::*;

    #[test]
    fn names_fit_into_a_header() {
        assert_eq!(log_name(Path::new("/x/alice.omega")), "alice");
        assert_eq!(log_name(Path::new("trace.json.gz")), "trace");
        assert_eq!(log_name(Path::new("a\nb.jsonl")), "ab");
        assert_eq!(log_name(Path::new(".omega")), ".omega");
        assert_eq!(log_name(Path::new("/")), "log");
        let long = format!("{}.omega", "ä".repeat(60));
        assert_eq!(log_name(Path::new(&long)).len(), 64);
        let (path, name) = beside(Path::new(&long), "4294967295");
        assert!(name.len() <= 64 && name.ends_with(".4294967295"), "{name}");
        assert!(path.to_string_lossy().ends_with("ä.4294967295.omega"));
        LogHeader::new(&name).unwrap();
    }

    #[test]
    fn a_split_puts_each_writer_into_its_own_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.omega");
        let mut logs = Logs::create(&path, Some(SplitBy::Node), false).unwrap();
        for (id, node) in [(1, 7), (2, 3), (3, 7)] {
            let header =
                Place { id, node, lamport: id as u64, ..Place::default() }.header(b"p", None).unwrap();
            logs.event(&header, PayloadRef::Present { bytes: b"p", salt: None }).unwrap();
        }
        let written = logs.finish().unwrap();
        let seen: Vec<_> = written.iter().map(|log| (log.name.as_str(), log.events)).collect();
        assert_eq!(seen, [("all", 3), ("all.3", 1), ("all.7", 2)]);
        for log in &written {
            assert_eq!(std::fs::metadata(&log.path).unwrap().len(), log.bytes);
        }
    }
}
