//! `/api/stream`: what happens, as it happens (server-sent events). Who comes back says with
//! `Last-Event-ID` what they saw last, and gets what they missed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use omega_verify::alone;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

use super::App;
use super::caller::Reader;
use super::problem::Problem;
use crate::node::incidents::Incident;
use crate::serve::shared::{Announcement, Shared};

/// Certificates that somebody who comes back gets at once, at most; the rest is at
/// `/api/certificates`.
const MOST_MISSED: u64 = 1000;
/// Certificates that are read from the log in one go.
const PIECE: usize = 64;
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct From {
    /// Height of the last certificate that was seen; what came after it is told first. As the header
    /// `Last-Event-ID`, which browsers send by themselves.
    after: Option<u64>,
}

/// What happens: `certificate` events, whose ids are heights, and `incident` events. Where certificates
/// were missed that are too many to be told, a `gap` event says from where to where.
#[utoipa::path(
    get, path = "/api/stream", tag = "node", params(From),
    responses((status = 200, body = String, content_type = "text/event-stream"), (status = 400, body = Problem),
        (status = 503, body = Problem))
)]
pub async fn stream(
    _: Reader,
    State(app): State<App>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&app.readers).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many read the stream already")
    })?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).or(from.after);
    let receiver = app.shared.announcements.subscribe();
    let newest = *app.shared.height.borrow();
    app.shared.metrics.stream_readers.inc();
    let listener = Listener {
        ending: app.shared.ending.subscribe(),
        shared: Arc::clone(&app.shared),
        told: last.unwrap_or(newest),
        behind: true,
        ready: VecDeque::from([Event::default().comment("omega")]),
        receiver,
        _place: place,
    };
    let stream = futures_util::stream::unfold(listener, Listener::next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Listener {
    shared: Arc<Shared>,
    receiver: Receiver<Announcement>,
    ending: watch::Receiver<bool>,
    /// Height of the last certificate that was told.
    told: u64,
    /// What came after it is in the log, and was not heard.
    behind: bool,
    ready: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.metrics.stream_readers.dec();
    }
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if self.behind {
                self.catch_up();
                continue;
            }
            let heard = tokio::select! {
                heard = self.receiver.recv() => heard,
                _ = self.ending.wait_for(|ending| *ending) => return None,
            };
            match heard {
                Ok(Announcement::Incident(incident)) => self.ready.extend(of_incident(*incident)),
                Ok(Announcement::Certificate { height, stated }) if height == self.told + 1 => {
                    self.ready.push_back(of_certificate(height, &stated));
                    self.told = height;
                }
                // Told already, when the log was read.
                Ok(Announcement::Certificate { height, .. }) if height <= self.told => {}
                Ok(Announcement::Certificate { .. }) | Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Reads from the log what was not heard.
    fn catch_up(&mut self) {
        let newest = *self.shared.height.borrow();
        // Somebody who saw another chain, or one that was cut: all of this one is new to them.
        if self.told > newest {
            self.told = newest;
            self.behind = false;
            return;
        }
        if newest - self.told > MOST_MISSED {
            let (from, to) = (self.told + 1, newest - MOST_MISSED);
            let data = json!({ "from": from.to_string(), "to": to.to_string() });
            self.ready.push_back(Event::default().event("gap").data(data.to_string()));
            self.told = to;
        }
        while self.told < newest && self.ready.len() < PIECE {
            let height = self.told + 1;
            let found = tokio::task::block_in_place(|| (self.shared.certificate_at)(height));
            // What cannot be read is told by /readyz and the log of the node; the reader goes on.
            if let Ok(Some(certificate)) = found {
                self.ready.push_back(of_certificate(height, &alone::stated(&certificate).to_string()));
            }
            self.told = height;
        }
        self.behind = self.told < newest;
    }
}

fn of_certificate(height: u64, stated: &str) -> Event {
    Event::default().event("certificate").id(height.to_string()).data(stated)
}

fn of_incident(incident: Incident) -> Option<Event> {
    let incident = Incident { parts: Vec::new(), ..incident };
    Some(Event::default().event("incident").data(serde_json::to_string(&incident).ok()?))
}
