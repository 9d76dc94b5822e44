//! `/api/events`: events come in; where one is, and what became of it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use data_encoding::BASE64;
use omega_kernel::wire::{Message, decode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::caller::{Reader, Writer};
use super::problem::Problem;
use super::{MAX_BODY_BYTES, MAX_EVENTS_PER_REQUEST};
use crate::node::intake::Receipt;
use crate::node::ranges::Fate;
use crate::node::segments::{Place, Segments};
use crate::produce::event::parse_id;
use crate::produce::event_json::write_event;
use crate::serve::coordinator::{Command, is_settled};
use crate::serve::ingress::{self, Format};
use crate::serve::sequencer::Request;
use crate::serve::wake::until;

/// How long somebody waits for a certificate at most.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// How events are sent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Sending {
    /// The log that the events belong to: who sends them. Without it, the name in an `.omega` log, the
    /// source of CloudEvents that have one source, or "events".
    log: Option<String>,
    /// `certified`: answer when all of them are judged, not when they are on disk.
    #[param(inline)]
    wait: Option<Wait>,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The events are on disk.
    Durable,
    /// They are judged, too.
    Certified,
}

/// The events are on disk.
#[derive(Debug, Serialize, ToSchema)]
pub struct Taken {
    /// The log that they belong to.
    log: String,
    /// Events that were appended.
    accepted: u64,
    /// Events that this log held already.
    duplicates: u64,
    /// Where they were judged; null where that was not waited for, or where none was new.
    certified: Option<Certified>,
}

/// The events are judged.
#[derive(Debug, Serialize, ToSchema)]
pub struct Certified {
    /// Height of the newest verdict on any of them.
    height: String,
    /// Ids of those that were set aside: they conflict with others, or could not be judged.
    set_aside: Vec<String>,
}

/// Takes events in. The answer says that they are on disk: they will be judged, whatever happens to
/// the node. Sending them again is safe.
#[utoipa::path(
    post, path = "/api/events", tag = "events", params(Sending), security(("token" = ["append"])),
    request_body(
        description = "Events: JSON (one, an array, or lines), CloudEvents 1.0, or the bytes of an `.omega` log",
        content((Object = "application/json"), (Object = "application/cloudevents+json"),
            (Vec<Object> = "application/cloudevents-batch+json"), (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.omega.log"))
    ),
    responses(
        (status = 200, body = Taken),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 408, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem), (status = 504, body = Problem)
    )
)]
pub async fn send(
    State(app): State<App>,
    Writer(token): Writer,
    Query(sending): Query<Sending>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Taken>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let format = Format::of(kind).ok_or_else(|| {
        let message = format!("events do not come as {}", kind.unwrap_or_default());
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", message).hint(
            "Send application/json, application/cloudevents+json, application/cloudevents-batch+json, \
             application/x-ndjson or application/vnd.omega.log.",
        )
    })?;
    let room = u32::try_from(body.len()).unwrap_or(u32::MAX).clamp(1, MAX_BODY_BYTES as u32);
    let room = Arc::clone(&app.room).try_acquire_many_owned(room).map_err(|_| busy(&app))?;
    let submission = tokio::task::block_in_place(|| {
        ingress::read(format, &body, sending.log.as_deref(), MAX_EVENTS_PER_REQUEST)
    })?;
    drop(body);
    let log = submission.source.to_string();
    if !token.may_write(&log) {
        let message = format!("the token {:?} may not write the log {log:?}", token.name);
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let (reply, answer) = oneshot::channel();
    let request = Request::Submit { submission, reply, room };
    app.sequencer.upgrade().ok_or_else(Problem::ending)?.try_send(request).map_err(|_| busy(&app))?;
    let receipt = answer.await.map_err(|_| Problem::ending())??;
    let certified = match sending.wait {
        Some(Wait::Certified) => certified(&app, &receipt).await?,
        _ => None,
    };
    Ok(Json(Taken { log, accepted: receipt.accepted, duplicates: receipt.duplicates, certified }))
}

fn busy(app: &App) -> Problem {
    app.shared.metrics.refused_busy.inc();
    Problem::busy()
}

/// Waits until everything that was taken is judged.
async fn certified(app: &App, receipt: &Receipt) -> Result<Option<Certified>, Problem> {
    let Some(part) = receipt.part else { return Ok(None) };
    // The coordinator notes what became of events, and tells the height then.
    let settled = timeout(MOST_WAIT, until(&app.shared.height, || is_settled(&app.shared, &part)));
    if settled.await.is_err() {
        let message = "the events are on disk, and not judged yet";
        return Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-judged-yet", message)
            .hint("GET /api/events/{id} tells when they are."));
    }
    let ranges = app.shared.known.ranges.read().unwrap_or_else(PoisonError::into_inner);
    let mut newest = 0;
    let mut aside = Vec::new();
    for (from, to, fate) in ranges.within(&part) {
        match fate {
            Fate::Accepted(height) => newest = newest.max(height),
            Fate::Quarantined(height) | Fate::Unjudged(height) => {
                newest = newest.max(height);
                aside.push((from, to));
            }
        }
    }
    drop(ranges);
    let mut set_aside = Vec::new();
    for (from, to) in aside {
        let mut at = from;
        while at < to {
            let frame =
                Segments::frame(&app.shared.known.segments, Place { segment: part.segment, offset: at })?;
            if let Ok(Message::Event(event)) = decode(&frame[8..]) {
                set_aside.push(format!("{:032x}", event.id));
            }
            at += frame.len() as u32;
        }
    }
    Ok(Some(Certified { height: newest.to_string(), set_aside }))
}

/// What the node knows of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Known {
    /// Its id.
    id: String,
    /// Every version that some log holds, each as often as logs hold it.
    held: Vec<Held>,
    /// The height that `proof` is about.
    proof_height: String,
    /// The packed proof that the id was accepted up to that certificate, or that it was not, in base64:
    /// what `omega prove` writes, and `omega verify --proof` and the verify page check.
    proof: String,
}

/// An event in a log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Held {
    /// The log.
    log: String,
    /// `waiting`, `accepted`, `quarantined` or `unjudged`.
    state: &'static str,
    /// The certificate that says so; null while it waits.
    height: Option<String>,
    /// The event, as `schemas/event.schema.json` has it.
    #[schema(value_type = Object)]
    event: Box<RawValue>,
}

/// An event by its id, what became of it, and a proof that it was accepted or was not.
#[utoipa::path(
    get, path = "/api/events/{id}", tag = "events", params(("id" = String, Path, description = "32 hex digits")),
    responses((status = 200, body = Known), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub async fn get(_: Reader, State(app): State<App>, Path(id): Path<String>) -> Result<Json<Known>, Problem> {
    let id = parse_id(&id).map_err(|what| Problem::new(StatusCode::BAD_REQUEST, "usage", what))?;
    let known = &app.shared.known;
    let places: Vec<(Place, Option<Fate>)> = {
        let index = known.index.read().unwrap_or_else(PoisonError::into_inner);
        let ranges = known.ranges.read().unwrap_or_else(PoisonError::into_inner);
        index.places(id).map(|place| (place, ranges.fate(place))).collect()
    };
    if places.is_empty() {
        return Err(
            Problem::not_found("event with this id").hint("Was it sent to this node, and acknowledged?")
        );
    }
    let held = places.into_iter().map(|(place, fate)| held(&app, place, fate)).collect::<Result<_, _>>()?;
    let (reply, answer) = oneshot::channel();
    let asked = app.coordinator.upgrade().ok_or_else(Problem::ending)?;
    asked.send(Command::Prove(id, reply)).await.map_err(|_| Problem::ending())?;
    let (height, proof) = answer.await.map_err(|_| Problem::ending())??;
    Ok(Json(Known {
        id: format!("{id:032x}"),
        held,
        proof_height: height.to_string(),
        proof: BASE64.encode(&proof),
    }))
}

fn held(app: &App, place: Place, fate: Option<Fate>) -> Result<Held, Problem> {
    let volume = &app.shared.known.segments;
    let frame = Segments::frame(volume, place)?;
    let Ok(Message::Event(event)) = decode(&frame[8..]) else {
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "store-damaged",
            "a stored event is damaged",
        ));
    };
    let mut json = Vec::new();
    write_event(&event.header(), event.payload(), &mut json)?;
    let event = String::from_utf8(json).ok().and_then(|json| RawValue::from_string(json).ok());
    let (state, height) = state_of(fate);
    Ok(Held {
        log: Segments::header(volume, place.segment)?.name,
        state,
        height: height.map(|height| height.to_string()),
        event: event.ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "no JSON"))?,
    })
}

/// What became of an event, in a word, and the certificate that says so.
pub(super) fn state_of(fate: Option<Fate>) -> (&'static str, Option<u64>) {
    match fate {
        None => ("waiting", None),
        Some(Fate::Accepted(height)) => ("accepted", Some(height)),
        Some(Fate::Quarantined(height)) => ("quarantined", Some(height)),
        Some(Fate::Unjudged(height)) => ("unjudged", Some(height)),
    }
}
