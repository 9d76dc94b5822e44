//! The journal: which events each verdict of this node was about. Segments hold events in the order
//! in which they came; a certificate names counts and roots. What lies between is written here,
//! *before* its certificate is stored. A line that no certificate followed is dropped when the node
//! starts: its events are judged again.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use omega_kernel::hash::Hash;
use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::segments::Part;
use crate::disk::Volume;
use crate::failure::Failure;

/// The file's name.
pub const NAME: &str = "batches.log";

/// One log of a batch: a source and where its events are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogParts {
    /// The log's name.
    pub name: String,
    /// Its events, in the order in which they came.
    pub parts: Vec<Part>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Step {
    /// A batch was judged; the certificate at this height says how.
    Judged(Judged),
    /// A batch could not be judged, and is set aside. No certificate says so.
    Unjudged {
        /// Height of the newest certificate then.
        after: u64,
        /// Its logs.
        logs: Vec<LogParts>,
    },
    /// Events that were set aside are to be judged again.
    Released {
        /// They.
        parts: Vec<Part>,
    },
}

/// A batch that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Height of its certificate.
    pub height: u64,
    /// Number of the batch.
    pub batch_id: u64,
    /// Body hash of its certificate, in hex.
    pub body_hash: String,
    /// Its logs.
    pub logs: Vec<LogParts>,
    /// Whether its events were accepted.
    pub merged: bool,
    /// Events that were set aside, where they were not.
    pub quarantined: Vec<Part>,
}

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal<V: Volume> {
    lines: Lines<V, Step>,
    /// Where the line of each height stands.
    offsets: BTreeMap<u64, (u64, u32)>,
}

impl<V: Volume> Journal<V> {
    /// Opens the journal and gives its steps, without the last ones where no certificate followed:
    /// `body_hash` tells that of the verdict at a height.
    ///
    /// # Errors
    /// `store-damaged` where a line before the last is damaged; those of the file system and of
    /// `body_hash`.
    pub fn open(
        volume: V,
        body_hash: &dyn Fn(u64) -> Result<Option<Hash>, Failure>,
    ) -> Result<(Self, Vec<Step>), Failure> {
        let (mut lines, mut found) = Lines::<V, Step>::open(volume, NAME)?;
        // Only the last batch can be without its certificate; another one may stand at its height.
        let last = found.iter().enumerate().rev().find_map(|(place, line)| match &line.content {
            Step::Judged(judged) => Some((place, line.offset, judged)),
            _ => None,
        });
        if let Some((place, offset, judged)) = last
            && body_hash(judged.height)?.is_none_or(|hash| HEXLOWER.encode(&hash) != judged.body_hash)
        {
            lines.cut(offset)?;
            found.truncate(place);
        }
        let offsets = found.iter().filter_map(|line| match &line.content {
            Step::Judged(judged) => Some((judged.height, (line.offset, line.length))),
            _ => None,
        });
        let journal = Journal { offsets: offsets.collect(), lines };
        Ok((journal, found.into_iter().map(|line| line.content).collect()))
    }

    /// Appends a step; on disk when this returns.
    ///
    /// # Errors
    /// `write-failed`: the journal is as it was.
    pub fn append(&mut self, step: &Step) -> Result<(), Failure> {
        let place = self.lines.append(step)?;
        if let Step::Judged(judged) = step {
            self.offsets.insert(judged.height, place);
        }
        Ok(())
    }

    /// The batch whose certificate stands at a height, if this node judged it.
    ///
    /// # Errors
    /// Those of [`Lines::read`].
    pub fn batch_at(&self, height: u64) -> Result<Option<Judged>, Failure> {
        let Some(&(offset, length)) = self.offsets.get(&height) else { return Ok(None) };
        match self.lines.read(offset, length)? {
            Step::Judged(judged) => Ok(Some(judged)),
            _ => Err(Failure::internal("a line of the journal is another than it was")),
        }
    }

    /// Heights of the verdicts that this node judged, ascending.
    pub fn heights(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.offsets.keys().copied()
    }
}
