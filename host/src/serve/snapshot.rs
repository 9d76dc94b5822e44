//! Snapshot: brings to the disk what was written between two batches. The next batch does not wait.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use super::actor;
use crate::failure::Failure;
use crate::node::snapshots::{Snapshots, Unkept};

/// Starts the actor; it ends when nothing can be written any more. Snapshots are rare: whoever writes
/// one while the one before is not kept yet waits.
///
/// # Errors
/// Where the system gives no thread.
pub fn start(snapshots: Snapshots) -> Result<(SyncSender<Unkept>, JoinHandle<()>), Failure> {
    let (written, todo) = sync_channel::<Unkept>(0);
    let thread = actor::thread("snapshot", move || {
        for unkept in todo {
            let begun = Instant::now();
            match snapshots.keep(unkept) {
                Ok(kept) => {
                    let ms = begun.elapsed().as_millis() as u64;
                    tracing::info!(height = kept.height, bytes = kept.bytes, ms, "snapshot kept");
                }
                Err(failure) => {
                    tracing::warn!(code = failure.code.name(), "no snapshot: {}", failure.message)
                }
            }
        }
    })?;
    Ok((written, thread))
}
