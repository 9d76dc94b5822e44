//! `/api/incidents`: what an operator should see, and what they decide.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::caller::{Operator, Reader};
use super::problem::Problem;
use crate::node::incidents::{Action, Incident, Resolution, now_ms};
use crate::node::segments::Part;
use crate::serve::coordinator::Command;
use crate::serve::sequencer::Request;
use crate::serve::shared::Announcement;

/// Incidents in an answer, at most.
const MOST: usize = 1000;
/// Bytes of a note.
const MOST_NOTE_BYTES: usize = 4096;

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `true`: those that nobody has dealt with. `false`: those that somebody has. Without it, all.
    open: Option<bool>,
    /// Only those with a smaller number.
    before: Option<u64>,
    /// How many at most, up to 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Incidents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IncidentList)]
pub struct Listed {
    /// They, the newest first.
    incidents: Vec<Incident>,
}

/// Incidents, the newest first.
#[utoipa::path(
    get, path = "/api/incidents", tag = "incidents", params(Which),
    responses((status = 200, body = Listed), (status = 400, body = Problem))
)]
pub async fn list(_: Reader, State(app): State<App>, Query(which): Query<Which>) -> Json<Listed> {
    let incidents = app.shared.incidents();
    let wanted = |incident: &&Incident| {
        which.open.is_none_or(|open| open == incident.resolved.is_none())
            && which.before.is_none_or(|before| incident.id < before)
    };
    let limit = which.limit.unwrap_or(100).clamp(1, MOST);
    let incidents = incidents.all().rev().filter(wanted).take(limit).cloned().map(shown).collect();
    Json(Listed { incidents })
}

/// One incident.
#[utoipa::path(
    get, path = "/api/incidents/{id}", tag = "incidents", params(("id" = u64, Path)),
    responses((status = 200, body = Incident), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub async fn one(_: Reader, State(app): State<App>, Path(id): Path<u64>) -> Result<Json<Incident>, Problem> {
    let found = app.shared.incidents().get(id).cloned();
    found.map(shown).map(Json).ok_or_else(|| Problem::not_found("incident with this number"))
}

/// What is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What to do with the events that were set aside.
    action: Action,
    /// Why.
    #[serde(default)]
    note: String,
}

/// Decides about an incident: `release` has the events that were set aside judged again, `dismiss`
/// leaves them aside.
#[utoipa::path(
    post, path = "/api/incidents/{id}/resolve", tag = "incidents", params(("id" = u64, Path)),
    request_body = Decision, security(("token" = ["operate"])),
    responses((status = 200, body = Incident), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn resolve(
    State(app): State<App>,
    Operator(token): Operator,
    Path(id): Path<u64>,
    super::Body(decision): super::Body<Decision>,
) -> Result<Json<Incident>, Problem> {
    if decision.note.len() > MOST_NOTE_BYTES {
        let message = format!("a note has at most {MOST_NOTE_BYTES} bytes");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "usage", message));
    }
    // To its end also where the client goes away: what is released is not released once more.
    let decided = tokio::spawn(async move { decide(&app, token.name, id, decision).await });
    decided.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a panic"))?
}

async fn decide(app: &App, by: String, id: u64, decision: Decision) -> Result<Json<Incident>, Problem> {
    let _one_at_a_time = app.decisions.acquire().await.map_err(|_| Problem::ending())?;
    let incident = app.shared.incidents().get(id).cloned();
    let incident = incident.ok_or_else(|| Problem::not_found("incident with this number"))?;
    if incident.resolved.is_some() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "already-resolved",
            "this incident is resolved already",
        ));
    }
    if decision.action == Action::Release {
        release(app, incident.parts).await?;
    }
    let Decision { action, note } = decision;
    let resolution = Resolution { action, at_ms: now_ms(), by, note };
    let mut incidents = app.shared.incidents();
    tokio::task::block_in_place(|| incidents.resolve(id, resolution))?;
    let resolved = incidents.get(id).cloned().ok_or_else(|| Problem::not_found("incident"))?;
    drop(incidents);
    app.shared.announce(Announcement::Incident(Box::new(resolved.clone())));
    Ok(Json(shown(resolved)))
}

/// First in the journal, then among those that wait.
async fn release(app: &App, parts: Vec<Part>) -> Result<(), Problem> {
    if parts.is_empty() {
        return Ok(());
    }
    let (reply, answer) = oneshot::channel();
    let coordinator = app.coordinator.upgrade().ok_or_else(Problem::ending)?;
    let asked = coordinator.send(Command::Release(parts.clone(), reply)).await;
    asked.map_err(|_| Problem::ending())?;
    answer.await.map_err(|_| Problem::ending())??;
    let (reply, answer) = oneshot::channel();
    let sequencer = app.sequencer.upgrade().ok_or_else(Problem::ending)?;
    sequencer.send(Request::Release { parts, reply }).await.map_err(|_| Problem::ending())?;
    Ok(answer.await.map_err(|_| Problem::ending())??)
}

/// As it is told: where events stand in the node's files is its own business.
fn shown(incident: Incident) -> Incident {
    Incident { parts: Vec::new(), ..incident }
}
