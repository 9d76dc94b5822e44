//! `/api/certificates/{certificate}/events`: what a batch was made of, as far as somebody who looks at it
//! wants to know. Payloads stay where they are.

use std::sync::PoisonError;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use omega_kernel::wire::{EventView, Message, decode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::caller::Reader;
use super::certificates::named;
use super::events::state_of;
use super::problem::Problem;
use crate::node::journal::LogParts;
use crate::node::ranges::Fate;
use crate::node::segments::{Place, Segments};

/// Events in an answer: as many where nobody says, and at most.
const USUAL: usize = 200;
const MOST: usize = 1000;
/// Dependencies that are told of an event, at most.
const MOST_DEPS: usize = 32;

/// How many events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// At most so many events of all logs together, up to 1,000; without it, 200.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A batch's logs, each with its first events.
#[derive(Debug, Serialize, ToSchema)]
pub struct Logs {
    /// Height of the certificate.
    height: String,
    /// Logs that were judged; none where the certificate is no verdict.
    logs: Vec<Log>,
}

/// A log of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct Log {
    /// Its name.
    name: String,
    /// How many events were judged of it.
    events: String,
    /// The first of them. Where not all fit, each log gets its share.
    first: Vec<Header>,
}

/// An event without its payload.
#[derive(Debug, Serialize, ToSchema)]
pub struct Header {
    /// Id, 32 hex digits.
    id: String,
    /// Event hash: tells versions of one id apart.
    event_hash: String,
    /// The writer.
    node: u32,
    /// The writer's sequence.
    stream: u16,
    /// Lamport time.
    lamport: String,
    /// Id of the event before it; null where it is not linked.
    prev: Option<String>,
    /// Ids that it depends on, the first 32.
    deps: Vec<String>,
    /// How many it depends on.
    dep_count: usize,
    /// Bytes in its payload, as stated.
    payload_length: String,
    /// What became of it: `waiting`, `accepted`, `quarantined` or `unjudged`.
    state: &'static str,
    /// The certificate that says so; null while it waits.
    state_height: Option<String>,
}

/// Events of the batch that a certificate judged, without payloads.
#[utoipa::path(
    get, path = "/api/certificates/{certificate}/events", tag = "certificates",
    params(("certificate" = String, Path, description = "height, or id in 32 hex digits"), Wanted),
    responses((status = 200, body = Logs), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub async fn events(
    _: Reader,
    State(app): State<App>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Logs>, Problem> {
    let limit = wanted.limit.unwrap_or(USUAL).clamp(1, MOST);
    let logs = tokio::task::block_in_place(|| {
        let height = named(&app, &name)?.fields().height;
        let journal = app.shared.known.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = journal.batch_at(height)?;
        drop(journal);
        let parts = judged.map(|judged| judged.logs).unwrap_or_default();
        let counts: Vec<u64> = parts.iter().map(count).collect();
        let logs = parts.into_iter().zip(&counts).zip(shares(&counts, limit));
        let logs = logs.map(|((log, count), share)| {
            let first = first(&app, &log, share)?;
            Ok(Log { name: log.name, events: count.to_string(), first })
        });
        Ok::<_, Problem>(Logs { height: height.to_string(), logs: logs.collect::<Result<_, Problem>>()? })
    })?;
    Ok(Json(logs))
}

fn count(log: &LogParts) -> u64 {
    log.parts.iter().map(|part| part.events).sum()
}

/// How many events each log shows: small logs all of theirs, and the others alike many of what is left.
fn shares(counts: &[u64], limit: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&log| counts[log]);
    let mut shares = vec![0; counts.len()];
    let mut left = limit;
    for (place, log) in order.into_iter().enumerate() {
        let fair = left.div_ceil(counts.len() - place);
        shares[log] = usize::try_from(counts[log]).unwrap_or(usize::MAX).min(fair);
        left -= shares[log];
    }
    shares
}

/// Reads the first events of a log, one frame after the other: a batch may be much larger than what is shown.
fn first(app: &App, log: &LogParts, share: usize) -> Result<Vec<Header>, Problem> {
    let mut headers = Vec::new();
    for part in &log.parts {
        let mut at = part.from;
        while at < part.to && headers.len() < share {
            let offset = u32::try_from(at).map_err(|_| damaged())?;
            let place = Place { segment: part.segment, offset };
            let frame = Segments::frame(&app.shared.known.segments, place)?;
            at += frame.len() as u64;
            match decode(frame.get(8..).ok_or_else(damaged)?) {
                Ok(Message::Event(event)) => {
                    let ranges = app.shared.known.ranges.read().unwrap_or_else(PoisonError::into_inner);
                    headers.push(header(&event, ranges.fate(place)));
                }
                Ok(Message::Head(_)) => {}
                Err(_) => return Err(damaged()),
            }
        }
    }
    Ok(headers)
}

fn header(event: &EventView<'_>, fate: Option<Fate>) -> Header {
    let id = |id: u128| format!("{id:032x}");
    let (state, height) = state_of(fate);
    Header {
        id: id(event.id),
        event_hash: HEXLOWER.encode(&event.event_hash(&mut Vec::new())),
        node: event.node,
        stream: event.stream,
        lamport: event.lamport.to_string(),
        prev: (event.prev != 0).then(|| id(event.prev)),
        deps: event.dep_ids().take(MOST_DEPS).map(id).collect(),
        dep_count: event.dep_ids().count(),
        payload_length: event.payload_len.to_string(),
        state,
        state_height: height.map(|height| height.to_string()),
    }
}

fn damaged() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "store-damaged", "a stored event is damaged")
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn small_logs_show_all_and_large_ones_share_the_rest() {
        assert_eq!(shares(&[100, 2, 100], 12), [5, 2, 5]);
        assert_eq!(shares(&[1, 2, 3], 100), [1, 2, 3]);
        assert_eq!(shares(&[9, 9, 9], 2), [1, 1, 0]);
        assert_eq!(shares(&[], 5), [0; 0]);
        assert_eq!(shares(&[u64::MAX], 7), [7]);
    }
}
