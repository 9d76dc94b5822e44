//! How the node is: status, health, metrics.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::caller::Reader;
use crate::serve::shared::Readiness;

/// How the node is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Version of the program.
    version: &'static str,
    /// Seconds since it started.
    uptime_seconds: u64,
    /// Whether it can do its work.
    readiness: Readiness,
    /// The chain: hash of its genesis certificate.
    chain_id: String,
    /// Height of the newest certificate.
    height: String,
    /// Chain hash of the newest certificate.
    head: String,
    /// Number of the newest batch.
    batch_id: String,
    /// BLAKE3 of the kernel that judges.
    kernel_hash: String,
    /// Version of its rules.
    checker_version: u32,
    /// The node's public key.
    public_key: String,
    /// Keys whose signatures count.
    policy: Policy,
    /// Ids that were accepted.
    accepted_ids: String,
    /// Root of the state.
    state_root: String,
    /// Ids that are held, accepted or not.
    ids: String,
    /// Events, as often as they are held.
    events: String,
    /// Events that wait to be judged.
    waiting_events: i64,
    /// Events that were taken in since the start.
    events_taken: String,
    /// Logs that were sent since the start, or found at it.
    logs: u64,
    /// Incidents that nobody has dealt with.
    open_incidents: usize,
    /// Past batches that were judged again since the start.
    audited_batches: String,
}

/// The signing policy in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct Policy {
    /// Signatures that a certificate takes.
    threshold: u16,
    /// Public keys, in hex.
    keys: Vec<String>,
}

/// How the node is.
#[utoipa::path(get, path = "/api/status", tag = "node", responses((status = 200, body = Status)))]
pub async fn status(_: Reader, State(app): State<App>) -> Json<Status> {
    let shared = &app.shared;
    let head = shared.head();
    let (ids, events) = {
        let index = shared.known.index.read().unwrap_or_else(PoisonError::into_inner);
        (index.ids(), index.events())
    };
    let open_incidents = shared.incidents().open_ones().count();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: shared.started.elapsed().as_secs(),
        readiness: shared.readiness(),
        chain_id: HEXLOWER.encode(&head.chain_id),
        height: head.height.to_string(),
        head: HEXLOWER.encode(&head.hash),
        batch_id: head.last_batch_id.to_string(),
        kernel_hash: HEXLOWER.encode(&head.binding.kernel_hash),
        checker_version: head.binding.checker_version,
        public_key: HEXLOWER.encode(&shared.public_key),
        policy: Policy {
            threshold: head.policy.threshold(),
            keys: head.policy.keys().iter().map(|key| HEXLOWER.encode(key)).collect(),
        },
        accepted_ids: head.state.id_count.to_string(),
        state_root: HEXLOWER.encode(&head.state.root()),
        ids: ids.to_string(),
        events: events.to_string(),
        waiting_events: shared.metrics.waiting_events.get(),
        events_taken: shared.metrics.events_taken.get().to_string(),
        logs: shared.sources.load(Ordering::Relaxed),
        open_incidents,
        audited_batches: shared.metrics.audited.get().to_string(),
    })
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "node", security(()), responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the node can do its work, and why not.
#[utoipa::path(
    get, path = "/readyz", tag = "node", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub async fn readyz(State(app): State<App>) -> Response {
    let readiness = app.shared.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Metrics, as Prometheus reads them.
#[utoipa::path(
    get, path = "/metrics", tag = "node",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub async fn metrics(_: Reader, State(app): State<App>) -> Response {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], app.shared.metrics.text()).into_response()
}
