//! Actors: each owns its state, has one thread and one bounded channel.

use std::thread::{Builder, JoinHandle};

use crate::failure::Failure;

/// Starts a thread with a name, which debuggers and panics show.
///
/// # Errors
/// Where the system gives none.
pub fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    giving(name, work)
}

/// As [`thread`], for work that leaves something.
///
/// # Errors
/// Where the system gives none.
pub fn giving<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Failure> {
    let started = Builder::new().name(format!("omega-{name}")).spawn(work);
    started.map_err(|error| Failure::internal(format!("the system gives no thread: {error}")))
}
