//! Where events go: into logs, or into a JSON file.

use std::io::{BufWriter, Write};
use std::path::Path;

use omega_kernel::event::EventHeader;
use omega_kernel::wire::PayloadRef;

use super::event_json::write_event;
use super::output::NewFile;
use super::writer::{LogWriter, Logs, Written, log_name};
use crate::failure::Failure;
use crate::files::unwritable;

/// Takes events one by one.
pub trait EventSink {
    /// Takes the next event.
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure>;
}

impl EventSink for Logs {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        Logs::event(self, header, payload)
    }
}

impl<W: Write> EventSink for LogWriter<W> {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        LogWriter::event(self, header, payload)
    }
}

/// Writes events as a JSON array, one event a line, or as JSON lines.
#[derive(Debug)]
pub struct JsonFile {
    out: BufWriter<NewFile>,
    line: Vec<u8>,
    lines: bool,
    written: Written,
}

impl JsonFile {
    /// Starts a file that appears at `path` when it is finished: an array, or with `lines` JSON lines.
    pub fn create(path: &Path, lines: bool, force: bool) -> Result<Self, Failure> {
        let out = BufWriter::with_capacity(256 << 10, NewFile::create(path, force)?);
        let written = Written { path: path.to_owned(), name: log_name(path), events: 0, bytes: 0 };
        let mut file = JsonFile { out, line: Vec::new(), lines, written };
        file.put(if lines { b"" } else { b"[" })?;
        Ok(file)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.written.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| unwritable(&error, &self.written.path))
    }

    /// Puts the file under its name, durably.
    pub fn finish(mut self) -> Result<Written, Failure> {
        self.put(if self.lines { b"" } else { b"\n]\n" })?;
        let file = self.out.into_inner().map_err(|error| unwritable(error.error(), &self.written.path))?;
        file.finish()?;
        Ok(self.written)
    }
}

impl EventSink for JsonFile {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        match (self.lines, self.written.events) {
            (true, _) => {}
            (false, 0) => line.push(b'\n'),
            (false, _) => line.extend_from_slice(b",\n"),
        }
        write_event(header, payload, &mut line)?;
        if self.lines {
            line.push(b'\n');
        }
        self.written.events += 1;
        self.put(&line)?;
        self.line = line;
        Ok(())
    }
}
