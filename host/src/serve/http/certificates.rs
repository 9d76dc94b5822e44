//! `/api/certificates`: the chain, certificate by certificate; what was judged; snapshots.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use omega_kernel::certificate::Certificate;
use omega_verify::alone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::caller::Reader;
use super::problem::Problem;
use crate::node::archive;
use crate::store::{CertLog, Record};

/// Certificates in an answer, at most.
const MOST: u64 = 1000;
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Which certificates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// Height of the first; without it, the newest are given.
    from: Option<u64>,
    /// How many at most, up to 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

/// Certificates, by height.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CertificateList)]
pub struct Listed {
    /// Height of the newest certificate of the chain.
    newest: String,
    /// They: what each states of itself.
    #[schema(value_type = Vec<Object>)]
    certificates: Vec<Value>,
}

/// Certificates of the chain, ascending.
#[utoipa::path(
    get, path = "/api/certificates", tag = "certificates", params(Range),
    responses((status = 200, body = Listed), (status = 400, body = Problem))
)]
pub async fn list(
    _: Reader,
    State(app): State<App>,
    Query(range): Query<Range>,
) -> Result<Json<Listed>, Problem> {
    let newest = *app.shared.height.borrow();
    let limit = range.limit.unwrap_or(100).clamp(1, MOST);
    let from = range.from.unwrap_or((newest + 1).saturating_sub(limit));
    let certificates = tokio::task::block_in_place(|| {
        let heights = from..=newest.min(from.saturating_add(limit - 1));
        heights.map(|height| Ok(alone::stated(&at(&app, height)?))).collect::<Result<Vec<_>, Problem>>()
    })?;
    Ok(Json(Listed { newest: newest.to_string(), certificates }))
}

/// A certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct One {
    /// What it states of itself.
    #[schema(value_type = Object)]
    certificate: Value,
    /// Its bytes, in base64: what is signed, stored and verified.
    bytes: String,
    /// Logs that were judged, as `/api/certificates/{certificate}/logs/{n}` gives them.
    logs: Vec<JudgedLog>,
}

/// A log that was judged.
#[derive(Debug, Serialize, ToSchema)]
pub struct JudgedLog {
    /// Its name.
    name: String,
    /// Events in it.
    events: String,
}

/// One certificate, by its height or its id (32 hex digits).
#[utoipa::path(
    get, path = "/api/certificates/{certificate}", tag = "certificates",
    params(("certificate" = String, Path, description = "height, or id in 32 hex digits")),
    responses((status = 200, body = One), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub async fn one(_: Reader, State(app): State<App>, Path(name): Path<String>) -> Result<Json<One>, Problem> {
    let certificate = tokio::task::block_in_place(|| named(&app, &name))?;
    let logs = archive_of(&app, &certificate)?.map(|(judged, _)| judged.logs).unwrap_or_default();
    let log = |log: crate::node::journal::LogParts| JudgedLog {
        events: log.parts.iter().map(|part| part.events).sum::<u64>().to_string(),
        name: log.name,
    };
    Ok(Json(One {
        certificate: alone::stated(&certificate),
        bytes: BASE64.encode(certificate.bytes()),
        logs: logs.into_iter().map(log).collect(),
    }))
}

/// A log of a batch, as it was judged: an `.omega` log.
#[utoipa::path(
    get, path = "/api/certificates/{certificate}/logs/{log}", tag = "certificates",
    params(("certificate" = String, Path, description = "height, or id in 32 hex digits"),
        ("log" = usize, Path, description = "its place among the certificate's logs, from 0")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub async fn log(
    _: Reader,
    State(app): State<App>,
    Path((name, place)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let bytes = tokio::task::block_in_place(|| {
        let certificate = named(&app, &name)?;
        let missing = || Problem::not_found("such log of this certificate");
        let (_, batch) = archive_of(&app, &certificate)?.ok_or_else(missing)?;
        let log = batch.logs.values().nth(place).ok_or_else(missing)?;
        Ok::<_, Problem>(log.source.read_all(u64::MAX)?)
    })?;
    Ok(octets(bytes))
}

/// The whole certificate log, byte for byte: what `omega verify --cert-log` and the verify page take.
#[utoipa::path(
    get, path = "/api/cert.log", tag = "certificates",
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"))
)]
pub async fn cert_log(_: Reader, State(app): State<App>) -> Result<Response, Problem> {
    let length = tokio::task::block_in_place(|| committed(&app))?;
    file(&app.shared.cert_log, length)
}

/// Snapshots that are kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Snapshots {
    /// By height.
    snapshots: Vec<Snapshot>,
}

/// The state after a verdict.
#[derive(Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// Height of the verdict.
    height: String,
    /// Bytes in it.
    bytes: String,
}

/// Snapshots of the state that this node keeps.
#[utoipa::path(get, path = "/api/snapshots", tag = "certificates", responses((status = 200, body = Snapshots)))]
pub async fn snapshots(_: Reader, State(app): State<App>) -> Json<Snapshots> {
    let all = tokio::task::block_in_place(|| app.snapshots.all());
    let snapshot = |kept: crate::node::snapshots::Kept| Snapshot {
        height: kept.height.to_string(),
        bytes: kept.bytes.to_string(),
    };
    Json(Snapshots { snapshots: all.into_iter().map(snapshot).collect() })
}

/// A snapshot, byte for byte: what `omega reconcile --snapshot` and `omega verify` take.
#[utoipa::path(
    get, path = "/api/snapshots/{height}", tag = "certificates", params(("height" = u64, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub async fn snapshot(
    _: Reader,
    State(app): State<App>,
    Path(height): Path<u64>,
) -> Result<Response, Problem> {
    let kept = app.snapshots.all().into_iter().find(|kept| kept.height == height);
    let kept = kept.ok_or_else(|| Problem::not_found("snapshot at this height"))?;
    file(&kept.path, kept.bytes)
}

fn at(app: &App, height: u64) -> Result<Certificate, Problem> {
    // Without this the whole log would be read for a height that it does not have.
    if height > *app.shared.height.borrow() {
        return Err(Problem::not_found("certificate at this height"));
    }
    (app.shared.certificate_at)(height)?.ok_or_else(|| Problem::not_found("certificate at this height"))
}

/// The certificate with this height or id.
pub(super) fn named(app: &App, name: &str) -> Result<Certificate, Problem> {
    if name.len() == 32
        && let Ok(id) = u128::from_str_radix(name, 16)
    {
        let found = CertLog::open(&app.shared.cert_log)?.find(id)?;
        // What is beyond the newest may not be on disk yet.
        let newest = *app.shared.height.borrow();
        return match found.map(|entry| entry.record) {
            Some(Record::Certificate(bytes)) => {
                let certificate = Certificate::decode(&bytes).map_err(crate::failure::Failure::from)?;
                match certificate.fields().height <= newest {
                    true => Ok(certificate),
                    false => Err(Problem::not_found("certificate with this id")),
                }
            }
            _ => Err(Problem::not_found("certificate with this id")),
        };
    }
    let height = name.parse().map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "usage",
            "a certificate is named by its height or by 32 hex digits",
        )
    })?;
    at(app, height)
}

fn archive_of(
    app: &App,
    certificate: &Certificate,
) -> Result<Option<(crate::node::journal::Judged, crate::node::batch::Batch)>, Problem> {
    Ok(archive::batch_at(&app.shared.known, certificate.fields().height)?)
}

/// Bytes of the certificate log up to its newest certificate and what was added to it. More may be
/// written meanwhile.
fn committed(app: &App) -> Result<u64, Problem> {
    let newest = *app.shared.height.borrow();
    let end = CertLog::open(&app.shared.cert_log)?.end_of(newest)?;
    end.ok_or_else(|| Problem::not_found("certificate"))
}

fn octets(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, OCTETS)], bytes).into_response()
}

/// The beginning of a file, piece by piece.
fn file(path: &std::path::Path, length: u64) -> Result<Response, Problem> {
    use std::io::Read;
    let open = std::fs::File::open(path).map_err(|error| crate::files::unreadable(&error, path))?;
    let mut rest = open.take(length);
    let pieces = std::iter::from_fn(move || {
        let mut piece = vec![0; 64 << 10];
        let read = tokio::task::block_in_place(|| rest.read(&mut piece));
        match read {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some(Ok(piece))
            }
            Err(error) => Some(Err(error)),
        }
    });
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let headers = [(header::CONTENT_TYPE, OCTETS), (header::CONTENT_LENGTH, length.into())];
    Ok((headers, body).into_response())
}
