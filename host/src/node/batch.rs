//! A batch on its way: frames of several sources, gathered until they are judged together.

use std::collections::BTreeMap;
use std::sync::Arc;

use omega_kernel::frame::LogHeader;

use super::journal::LogParts;
use super::segments::{Part, Source};
use crate::check::Log;
use crate::failure::Failure;
use crate::map;

/// One log of a batch.
#[derive(Debug, Clone)]
pub struct BatchLog {
    /// Where its events are.
    pub parts: Vec<Part>,
    /// The log: header and frames.
    pub source: Arc<map::Source>,
}

/// Logs that are judged together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// By source.
    pub logs: BTreeMap<Source, BatchLog>,
    /// Events in all of them.
    pub events: u64,
    /// Bytes in all of them.
    pub bytes: u64,
}

impl Batch {
    /// As the checker takes them.
    pub fn inputs(&self) -> Vec<Log<'_>> {
        self.logs.values().map(|log| Log::whole(&*log.source)).collect()
    }

    /// As the journal takes them.
    pub fn parts(&self) -> Vec<LogParts> {
        let parts =
            |(name, log): (&Source, &BatchLog)| LogParts { name: name.to_string(), parts: log.parts.clone() };
        self.logs.iter().map(parts).collect()
    }
}

/// A batch that is being gathered.
#[derive(Debug, Default)]
pub struct Gathering {
    logs: BTreeMap<Source, (Vec<Part>, Vec<u8>)>,
    /// Events so far.
    pub events: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// Dependencies so far.
    pub deps: u64,
}

impl Gathering {
    /// Takes frames of a source; `part` is where they are.
    ///
    /// # Errors
    /// None for a source that has a segment.
    pub fn push(&mut self, source: &Source, part: Part, frames: &[u8], deps: u64) -> Result<(), Failure> {
        if !self.logs.contains_key(source) {
            let header = LogHeader::new(source)?.encode();
            self.logs.insert(Arc::clone(source), (Vec::new(), header.to_vec()));
        }
        if let Some((parts, bytes)) = self.logs.get_mut(source) {
            bytes.extend_from_slice(frames);
            match parts.last_mut() {
                Some(last) if last.segment == part.segment && last.to == part.from => {
                    last.to = part.to;
                    last.events += part.events;
                }
                _ => parts.push(part),
            }
        }
        self.events += part.events;
        self.bytes += frames.len() as u64;
        self.deps += deps;
        Ok(())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// The logs so far: header and frames.
    pub fn logs(&self) -> impl Iterator<Item = (&Source, &[u8])> {
        self.logs.iter().map(|(source, (_, bytes))| (source, bytes.as_slice()))
    }

    /// Logs so far.
    pub fn log_count(&self) -> usize {
        self.logs.len()
    }

    /// Ends the gathering.
    pub fn take(&mut self) -> Batch {
        let gathered = std::mem::take(self);
        let log = |(source, (parts, bytes)): (Source, (Vec<Part>, Vec<u8>))| {
            let memory = map::Source::from_bytes(&*source, bytes);
            (source, BatchLog { parts, source: Arc::new(memory) })
        };
        Batch {
            logs: gathered.logs.into_iter().map(log).collect(),
            events: gathered.events,
            bytes: gathered.bytes,
        }
    }
}
