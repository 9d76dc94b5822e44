//! The HTTP API. What each path takes and gives stands in `/api/openapi.json`, which is made from the
//! very functions that answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, body};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tracing::Instrument;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod caller;
mod certificates;
mod drain;
mod events;
mod incidents;
mod judged;
mod kernels;
mod page;
mod problem;
mod status;
mod stream;

use problem::Problem;

use super::coordinator::Command;
use super::sequencer::Request as Ask;
use super::shared::Shared;
use crate::node::kernels::Kernels;
use crate::node::recover::FindKernel;
use crate::node::snapshots::Snapshots;

/// Bytes of a request's body, at most.
pub const MAX_BODY_BYTES: usize = 16 << 20;
/// Events in a request, at most.
pub const MAX_EVENTS_PER_REQUEST: usize = 65_536;
/// Bytes of bodies that wait to be written, at most.
pub const MAX_WAITING_BYTES: usize = 64 << 20;
/// Readers of the stream, at most.
pub const MAX_STREAM_READERS: usize = 4096;
/// Media types of bodies that are no text.
const BYTES: [&str; 3] = ["application/octet-stream", "application/wasm", "application/vnd.omega.log"];
/// Time for a request, its body included. The stream takes longer.
const MOST_TIME: Duration = Duration::from_secs(60);

/// What every request can reach. Actors end when nobody can ask them any more, so requests hold them
/// weakly.
#[derive(Clone)]
pub struct App {
    /// The node, as all see it.
    pub shared: Arc<Shared>,
    /// Takes events in.
    pub sequencer: mpsc::WeakSender<Ask>,
    /// Does what is wanted between two batches.
    pub coordinator: mpsc::WeakSender<Command>,
    /// Snapshots that are kept.
    pub snapshots: Snapshots,
    /// Kernels that it has.
    pub kernels: Kernels,
    /// Finds a kernel, compiled.
    pub find: FindKernel,
    /// One diff or swap at a time.
    pub kernel_work: Arc<Semaphore>,
    /// One decision about incidents at a time.
    pub decisions: Arc<Semaphore>,
    /// Room for bodies that wait, in bytes.
    pub room: Arc<Semaphore>,
    /// Room for readers of the stream.
    pub readers: Arc<Semaphore>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "OMEGA node",
        description = "Takes events in, judges them batch by batch, certifies every verdict. Numbers of 64 bits are strings.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// All routes.
pub fn router(app: App) -> Router {
    // A stream has no end that a limit of time could wait for, and an archive may be long.
    let (endless, their_document) = OpenApiRouter::new()
        .routes(routes!(stream::stream))
        .routes(routes!(kernels::diff))
        .routes(routes!(kernels::swap))
        .routes(routes!(kernels::rollback))
        .split_for_parts();
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(page::page))
        .routes(routes!(events::send))
        .routes(routes!(events::get))
        .routes(routes!(certificates::list))
        .routes(routes!(certificates::one))
        .routes(routes!(certificates::log))
        .routes(routes!(judged::events))
        .routes(routes!(certificates::cert_log))
        .routes(routes!(certificates::snapshots))
        .routes(routes!(certificates::snapshot))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::one))
        .routes(routes!(incidents::resolve))
        .routes(routes!(kernels::list))
        .routes(routes!(kernels::component))
        .routes(routes!(kernels::add))
        .routes(routes!(kernels::inspect))
        .routes(routes!(status::status))
        .routes(routes!(status::healthz))
        .routes(routes!(status::readyz))
        .routes(routes!(status::metrics))
        .split_for_parts();
    document.merge(their_document);
    reads_take_a_token(&mut document);
    let mut document = serde_json::to_value(document).unwrap_or_default();
    bytes_are_bytes(&mut document);
    let limited = router
        .route("/api/openapi.json", axum::routing::get(move || async move { Json(document) }))
        .fallback(|| async { Problem::not_found("such path") })
        .layer(middleware::from_fn(in_time));
    limited
        .merge(endless)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(said_alike))
        .layer(middleware::from_fn(traced))
        .layer(middleware::from_fn(drain::drained))
        .with_state(app)
}

/// A span for each request, with what came of it.
async fn traced(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    let span = tracing::debug_span!("request", method, path, status = tracing::field::Empty);
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    response
}

/// Where reading takes a token: what every operation answers that is not open to all.
fn reads_take_a_token(document: &mut utoipa::openapi::OpenApi) {
    let reads = document.paths.paths.values_mut().filter_map(|path| path.get.as_mut());
    for read in reads.filter(|read| read.security.is_none()) {
        let either = [SecurityRequirement::default(), SecurityRequirement::new("token", ["read"])];
        read.security = Some(either.into());
        for (status, what) in [("401", "no token, where reading takes one"), ("403", "not this token")] {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new().description(what).content("application/json", problem);
            read.responses.responses.insert(status.to_owned(), response.build().into());
        }
    }
}

/// What is no text is told as an array of numbers, unless somebody says otherwise.
fn bytes_are_bytes(document: &mut Value) {
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                if BYTES.contains(&name.as_str()) && member["schema"].is_object() {
                    member["schema"] = json!({ "type": "string", "format": "binary" });
                }
                bytes_are_bytes(member);
            }
        }
        Value::Array(members) => members.iter_mut().for_each(bytes_are_bytes),
        _ => {}
    }
}

/// Ends what takes too long: a body that does not come.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(MOST_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request did not come in time")
            .into_response(),
    }
}

/// Refusals that axum words itself, in the form of all others; and headers that every answer has.
async fn said_alike(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/plain")));
    let mut response = match (status.is_client_error(), plain) {
        (true, true) => {
            let allow = response.headers().get(header::ALLOW).cloned();
            let text = body::to_bytes(response.into_body(), 64 << 10).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let code = match status {
                StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
                StatusCode::PAYLOAD_TOO_LARGE => "limit-exceeded",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "media-type",
                _ => "usage",
            };
            let message = if text.is_empty() { status.canonical_reason().unwrap_or_default() } else { &text };
            let mut response = Problem::new(status, code, message).into_response();
            if let Some(allow) = allow {
                response.headers_mut().insert(header::ALLOW, allow);
            }
            response
        }
        _ => response,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A JSON body; what is wrong with it is said as everywhere.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        match Json::from_request(request, &State(app.clone())).await {
            Ok(Json(value)) => Ok(Body(value)),
            Err(rejection) => {
                let code = match &rejection {
                    JsonRejection::MissingJsonContentType(_) => "media-type",
                    _ => "json-invalid",
                };
                Err(Problem::new(rejection.status(), code, rejection.body_text()))
            }
        }
    }
}
