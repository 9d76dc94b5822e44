//! What was judged, to be judged again: the batches of a node, from its journal and its segments.

use std::sync::{Arc, PoisonError};

use super::batch::{Batch, Gathering};
use super::coordinator::Known;
use super::journal::Judged;
use super::segments::Segments;
use crate::disk::Volume;
use crate::failure::Failure;

/// Reads the batch whose certificate stands at a height; none where this node judged none there.
///
/// # Errors
/// `store-damaged` where its events are not there; those of the file system.
pub fn batch_at<V: Volume>(known: &Known<V>, height: u64) -> Result<Option<(Judged, Batch)>, Failure> {
    let found = known.journal.lock().unwrap_or_else(PoisonError::into_inner).batch_at(height)?;
    let Some(judged) = found else { return Ok(None) };
    let batch = read(&known.segments, &judged)?;
    Ok(Some((judged, batch)))
}

/// Heights of the verdicts that this node judged, from one on.
pub fn heights_from<V: Volume>(known: &Known<V>, from: u64) -> Vec<u64> {
    let journal = known.journal.lock().unwrap_or_else(PoisonError::into_inner);
    journal.heights().filter(|&height| height >= from).collect()
}

fn read<V: Volume>(segments: &V, judged: &Judged) -> Result<Batch, Failure> {
    let mut gathering = Gathering::default();
    let mut frames = Vec::new();
    for log in &judged.logs {
        let source = Arc::from(log.name.as_str());
        for part in &log.parts {
            frames.clear();
            Segments::read_part(segments, part, &mut frames)?;
            gathering.push(&source, *part, &frames, 0)?;
        }
    }
    Ok(gathering.take())
}
