//! Replay: looks at the past while the node works. A stretch of batches, chosen at random, is judged
//! again under other schedules; once after a start the whole chain is followed from its genesis. What
//! comes out differently opens an incident, and the node is not ready any more.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use omega_verify::chain::follow;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::actor;
use super::shared::Shared;
use crate::failure::{Failure, HostCode};
use crate::node::audit::{Stretch, audit};
use crate::node::incidents::{Incident, Kind};
use crate::node::recover::FindKernel;
use crate::node::snapshots::Snapshots;
use crate::store::CertLog;

/// Events that are judged again in one go, at most: a second of one processor, or less.
const MOST_EVENTS: u64 = 100_000;
/// Batches, likewise: each takes some milliseconds, however small it is.
const MOST_BATCHES: u64 = 200;

/// Starts the actor; it ends when the node does.
///
/// # Errors
/// Where the system gives no thread.
pub fn start(
    shared: Arc<Shared>,
    snapshots: Snapshots,
    find: FindKernel,
    runtime: Handle,
) -> Result<Option<JoinHandle<()>>, Failure> {
    let Some(every) = shared.settings.audit_every else { return Ok(None) };
    let thread = actor::thread("replay", move || {
        // The work of writers comes first.
        let _ = rustix::process::nice(10);
        follow_once(&shared);
        while wait(&shared, every, &runtime) {
            if let Err(failure) = look(&shared, &snapshots, &find) {
                tracing::warn!(code = failure.code.name(), "could not look at the past: {}", failure.message);
            }
        }
    })?;
    Ok(Some(thread))
}

/// False when the node ends.
fn wait(shared: &Shared, time: Duration, runtime: &Handle) -> bool {
    let mut ending = shared.ending.subscribe();
    runtime.block_on(async { timeout(time, ending.wait_for(|ending| *ending)).await.is_err() })
}

fn look(shared: &Shared, snapshots: &Snapshots, find: &FindKernel) -> Result<(), Failure> {
    let newest = *shared.height.borrow();
    let mut begins: Vec<_> = snapshots.all().into_iter().map(Some).collect();
    begins.insert(0, None);
    let place = below(begins.len() as u64)? as usize;
    let to = begins.get(place + 1).and_then(|next| next.as_ref()).map_or(newest, |next| next.height);
    let stretch = Stretch {
        from: begins.swap_remove(place),
        to,
        most_events: MOST_EVENTS,
        most_batches: MOST_BATCHES,
        // Never 0: that is the schedule that was signed.
        seed: below(u64::MAX - 1)? | 1,
    };
    let goes_on = || !*shared.ending.borrow();
    let audited = audit(&shared.known, &shared.certificate_at, find, &stretch, &goes_on)?;
    shared.metrics.audited.inc_by(audited.batches);
    tracing::debug!(batches = audited.batches, events = audited.events, "judged again");
    if let Some((height, what)) = audited.mismatch {
        mismatch(shared, height, &format!("judged again, the batch at height {height} {what}"));
    }
    Ok(())
}

/// The chain was followed from the newest snapshot when the node started; now all of it is.
fn follow_once(shared: &Shared) {
    let followed = match CertLog::open(&shared.cert_log) {
        Ok(log) => follow(&log, &mut |_| ()),
        Err(failure) => {
            tracing::warn!(code = failure.code.name(), "could not follow the chain: {}", failure.message);
            return;
        }
    };
    match followed.stopped {
        Some(failure) => mismatch(shared, followed.certificates, &failure.message),
        None => tracing::debug!(certificates = followed.certificates, "the whole chain is sound"),
    }
}

fn mismatch(shared: &Shared, height: u64, message: &str) {
    shared.metrics.audit_mismatches.inc();
    shared.audit_failure(Some(&Failure::new(HostCode::StoreDamaged, message)));
    // One is enough for an operator to look.
    let known =
        |incident: &Incident| incident.kind == Kind::ReplayMismatch && incident.height == Some(height);
    if shared.incidents().open_ones().any(known) {
        return;
    }
    shared.incident(Incident {
        message: message.to_owned(),
        ..Incident::of(Kind::ReplayMismatch, Some(height))
    });
}

/// A random number below another.
fn below(end: u64) -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal(format!("the system gives no randomness: {error}")))?;
    Ok(u64::from_le_bytes(bytes) % end.max(1))
}
