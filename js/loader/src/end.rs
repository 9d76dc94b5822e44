//! Where the reading of a stream ends that need not have an end.

use omega_verify::failure::{Failure, HostCode};
use omega_verify::platform::{Error, Log, Source};

/// So many bytes of a stream come without another event, at most: fifteen times what the largest event
/// takes. What else there is in a log are heads, of which one counts.
const MOST_BYTES_WITHOUT_EVENT: u64 = 16 << 20;

/// Watches one log being fed.
pub struct End {
    /// Events that are judged of a stream; none of a file, which has an end.
    limit: Option<u64>,
    name: String,
    events: u64,
    bytes_since: u64,
}

impl End {
    /// Of one log, before its first byte.
    pub fn of(log: &Log<'_, impl Source>) -> Self {
        let limit = (!log.source.rereadable()).then(|| log.limit.unwrap_or(u64::MAX));
        End { limit, name: log.source.name().into_owned(), events: 0, bytes_since: 0 }
    }

    /// Whether more of the log is wanted: `bytes` were fed just now, and so many events read in all.
    ///
    /// # Errors
    /// `log-grown` where a stream goes on and on without an event.
    pub fn wants_more(&mut self, events: u64, bytes: u32) -> Result<bool, Error> {
        let Some(limit) = self.limit else { return Ok(true) };
        if events > self.events {
            (self.events, self.bytes_since) = (events, 0);
        } else {
            self.bytes_since = self.bytes_since.saturating_add(bytes.into());
        }
        if self.bytes_since > MOST_BYTES_WITHOUT_EVENT {
            let message = format!(
                "behind {} events the stream goes on for {} MiB without another one",
                self.events,
                MOST_BYTES_WITHOUT_EVENT >> 20
            );
            let failure = Failure::new(HostCode::LogGrown, message);
            return Err(failure.hint("Give the log as a file, which has an end.").file(&self.name).into());
        }
        Ok(events < limit)
    }
}
