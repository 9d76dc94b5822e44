//! `/api/kernels` and `/kernels/{hash}.wasm`: the very bytes that judged, for whoever verifies.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use omega_kernel::certificate::Content;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use utoipa::ToSchema;

use super::App;
use super::caller::{Operator, Reader};
use super::problem::Problem;
use crate::engine::Kernel;
use crate::failure::{Code, Failure, HostCode};
use crate::node::diff::{Account, Candidate, Difference};
use crate::serve::coordinator::{Command, Refused};
use crate::serve::swap::{self, Attach, Swapped};

type Found = (Kernel, Option<Kernel>);

/// Differences in an answer, at most.
const MOST_DIFFERENCES: usize = 1000;
/// Batches that a candidate may be behind when it asks to be let in.
const NEARLY: u64 = 4;
/// Times that a candidate catches up with a node that goes on.
const MOST_TRIES: u32 = 200;

/// Kernels that this node has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KernelList)]
pub struct Listed {
    /// They, by hash.
    kernels: Vec<Entry>,
}

/// A kernel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KernelEntry)]
pub struct Entry {
    /// BLAKE3 of its bytes: what certificates name.
    hash: String,
    /// Bytes.
    bytes: u64,
    /// It judges now.
    active: bool,
}

/// Kernels that this node has: those that judged, and those that somebody added.
#[utoipa::path(get, path = "/api/kernels", tag = "kernels", responses((status = 200, body = Listed)))]
pub async fn list(_: Reader, State(app): State<App>) -> Result<Json<Listed>, Problem> {
    let active = app.shared.head().binding.kernel_hash;
    let all = tokio::task::block_in_place(|| app.kernels.all())?;
    let entry = |kept: crate::node::kernels::Kept| Entry {
        hash: HEXLOWER.encode(&kept.hash),
        bytes: kept.bytes,
        active: kept.hash == active,
    };
    Ok(Json(Listed { kernels: all.into_iter().map(entry).collect() }))
}

/// A kernel's bytes. What a hash names never changes.
#[utoipa::path(
    get, path = "/kernels/{name}", tag = "kernels", security(()),
    params(("name" = String, Path, description = "64 hex digits and .wasm")),
    responses((status = 200, body = Vec<u8>, content_type = "application/wasm"), (status = 404, body = Problem))
)]
pub async fn component(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let missing = || Problem::not_found("such kernel");
    let digits = name.strip_suffix(".wasm").ok_or_else(missing)?;
    let hash =
        HEXLOWER.decode(digits.as_bytes()).ok().and_then(|hash| hash.try_into().ok()).ok_or_else(missing)?;
    let bytes = tokio::task::block_in_place(|| app.kernels.read(&hash))?.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/wasm")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, bytes).into_response())
}

/// What a kernel says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Described {
    /// BLAKE3 of its bytes.
    hash: String,
    /// Bytes.
    bytes: u64,
    /// Version of its rules.
    checker_version: u32,
    /// Version of the schema that its certificates are bound to.
    schema_version: u32,
    /// Version of the state's shape.
    state_format: u32,
    /// BLAKE3 of the schemas whose logs it judges.
    schemas: Vec<String>,
    /// BLAKE3 of its predicate catalog.
    predicates: String,
    /// It judges now.
    active: bool,
}

/// Adds a kernel: a component that exports `omega:kernel` and imports nothing. It is compiled in a
/// process of its own and asked what it is; nothing else of it is run.
#[utoipa::path(
    post, path = "/api/kernels", tag = "kernels", security(("token" = ["operate"])),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 200, body = Described), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem))
)]
pub async fn add(State(app): State<App>, _: Operator, body: Bytes) -> Result<Json<Described>, Problem> {
    blocking(move || {
        let hash = *blake3::hash(&body).as_bytes();
        let kernel = app.kernels.try_out(body.to_vec())?;
        // Only what can be run is kept.
        let described = describe(&app, &kernel, body.len() as u64)?;
        app.kernels.add(&body)?;
        debug_assert_eq!(kernel.hash(), &hash);
        Ok(Json(described))
    })
    .await
}

/// What a kernel says of itself.
#[utoipa::path(
    get, path = "/api/kernels/{hash}", tag = "kernels", params(("hash" = String, Path, description = "64 hex digits")),
    responses((status = 200, body = Described), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub async fn inspect(
    _: Reader,
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<Described>, Problem> {
    blocking(move || {
        let (kernel, _) = named(&app, &name)?;
        let bytes = kernel.component().len() as u64;
        Ok(Json(describe(&app, &kernel, bytes)?))
    })
    .await
}

/// What another kernel would have said.
#[derive(Debug, Serialize, ToSchema)]
pub struct Diff {
    /// BLAKE3 of the kernel.
    kernel: String,
    /// Past verdicts that it judged again.
    replayed: String,
    /// Those that would be others, at most a thousand.
    differences: Vec<Difference>,
    /// How many there are.
    difference_count: usize,
}

/// Judges the whole archive again with a kernel, and lists what would be another verdict, root or
/// coverage. Nothing is changed.
#[utoipa::path(
    post, path = "/api/kernels/{hash}/diff", tag = "kernels", security(("token" = ["operate"])),
    params(("hash" = String, Path, description = "64 hex digits")),
    responses((status = 200, body = Diff), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem))
)]
pub async fn diff(
    State(app): State<App>,
    _: Operator,
    Path(name): Path<String>,
    // Nothing is in it; unread it would end the connection.
    _: Bytes,
) -> Result<Json<Diff>, Problem> {
    let at_work = begin(&app)?;
    blocking(move || {
        let _at_work = at_work;
        let kernel = named(&app, &name)?;
        let candidate = caught_up(&app, &kernel, u64::MAX)?;
        let Account { replayed, differences } = candidate.account;
        Ok(Json(Diff {
            kernel: HEXLOWER.encode(kernel.0.hash()),
            replayed: replayed.to_string(),
            difference_count: differences.len(),
            differences: differences.into_iter().take(MOST_DIFFERENCES).collect(),
        }))
    })
    .await
}

/// What is accepted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accepting {
    /// Heights of past verdicts that may be others under the new kernel. They stand all the same.
    #[serde(default)]
    accept: Vec<String>,
}

/// Puts a kernel in place. It judges the whole archive again, then what comes, beside the one in place;
/// between two batches it takes over, and a swap certificate says so. Past verdicts that would be others
/// block it, unless each is accepted. Where it fails in the first batches, the one before comes back.
#[utoipa::path(
    post, path = "/api/kernels/{hash}/swap", tag = "kernels", security(("token" = ["operate"])),
    params(("hash" = String, Path, description = "64 hex digits")), request_body = Accepting,
    responses((status = 200, body = Swapped), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub async fn swap(
    State(app): State<App>,
    _: Operator,
    Path(name): Path<String>,
    super::Body(accepting): super::Body<Accepting>,
) -> Result<Json<Swapped>, Problem> {
    let at_work = begin(&app)?;
    let accepted = accepting.accept.iter().map(|height| height.parse());
    let accepted: BTreeSet<u64> = accepted
        .collect::<Result<_, _>>()
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "usage", "a height is a whole number"))?;
    let coordinator = app.coordinator.upgrade().ok_or_else(Problem::ending)?;
    let runtime = tokio::runtime::Handle::current();
    let answer = blocking(move || {
        let kernel = named(&app, &name)?;
        let binding = swap::binding_of(&kernel.0, &app.shared.head().binding)?;
        let (reply, answer) = oneshot::channel();
        let candidate = caught_up(&app, &kernel, NEARLY)?;
        let mut attach = Box::new(Attach { candidate, binding, accepted, reply });
        for _ in 0..MOST_TRIES {
            swap::not_accepted(&attach.candidate.account, &attach.accepted)?;
            let (back, refused) = oneshot::channel();
            let sent = runtime.block_on(coordinator.send(Command::Attach(attach, back)));
            sent.map_err(|_| Problem::ending())?;
            match refused.blocking_recv().map_err(|_| Problem::ending())? {
                Ok(()) => return Ok((answer, at_work)),
                Err(Refused::Behind(again)) => {
                    attach = again;
                    let newest = *app.shared.height.borrow();
                    catch_up(&app, &mut attach.candidate, newest)?;
                }
                Err(Refused::Another) => return Err(busy()),
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        let message = "the kernel is so much slower than the one in place that it never catches up";
        Err(Failure::new(HostCode::KernelDeadline, message).into())
    });
    let (answer, _at_work) = answer.await?;
    Ok(Json(answer.await.map_err(|_| Problem::ending())??))
}

/// Puts the kernel before the one in place back: at once where it is kept ready, and otherwise as
/// `/api/kernels/{hash}/swap` does.
#[utoipa::path(
    post, path = "/api/kernels/rollback", tag = "kernels", security(("token" = ["operate"])),
    responses((status = 200, body = Swapped), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem))
)]
pub async fn rollback(
    State(app): State<App>,
    operator: Operator,
    _: Bytes,
) -> Result<Json<Swapped>, Problem> {
    let (reply, answer) = oneshot::channel();
    let coordinator = app.coordinator.upgrade().ok_or_else(Problem::ending)?;
    coordinator.send(Command::Rollback(reply)).await.map_err(|_| Problem::ending())?;
    match answer.await.map_err(|_| Problem::ending())? {
        Err(failure) if failure.code == Code::Usage => {
            let hash = before(&app).await?;
            swap(State(app), operator, Path(hash), super::Body(Accepting::default())).await
        }
        swapped => Ok(Json(swapped?)),
    }
}

/// The kernel before the one in place, as the newest swap certificate names it.
async fn before(app: &App) -> Result<String, Problem> {
    let app = app.clone();
    blocking(move || {
        let newest = *app.shared.height.borrow();
        for height in (1..=newest).rev() {
            let certificate = (app.shared.certificate_at)(height)?;
            if let Some(Content::Swap(swap)) = certificate.as_ref().map(|certificate| certificate.content()) {
                return Ok(HEXLOWER.encode(&swap.old.binding.kernel_hash));
            }
        }
        Err(Failure::usage("no kernel was in place before this one").into())
    })
    .await
}

/// A candidate that judged the archive again, up to `nearly` batches before its end.
fn caught_up(app: &App, (kernel, component): &Found, nearly: u64) -> Result<Candidate, Problem> {
    let mut candidate = Candidate::new(kernel.clone(), component.clone())?;
    for _ in 0..MOST_TRIES {
        let newest = *app.shared.height.borrow();
        catch_up(app, &mut candidate, newest)?;
        if nearly == u64::MAX || *app.shared.height.borrow() - newest <= nearly {
            break;
        }
    }
    Ok(candidate)
}

fn catch_up(app: &App, candidate: &mut Candidate, newest: u64) -> Result<(), Problem> {
    let shared = &app.shared;
    let goes_on = || !*shared.ending.borrow();
    Ok(candidate.catch_up(&shared.known, &shared.certificate_at, &app.find, newest, &goes_on)?)
}

fn begin(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&app.kernel_work).try_acquire_owned().map_err(|_| busy())
}

fn busy() -> Problem {
    Problem::new(StatusCode::CONFLICT, "busy", "another diff or swap is under way")
        .hint("Try again when it has ended.")
}

/// A kernel by its hash; beside a native one, the component that signs for it.
fn named(app: &App, name: &str) -> Result<Found, Problem> {
    let missing = || Problem::not_found("such kernel");
    let hash =
        HEXLOWER.decode(name.as_bytes()).ok().and_then(|hash| hash.try_into().ok()).ok_or_else(missing)?;
    if app.kernels.read(&hash)?.is_none() {
        return Err(missing());
    }
    Ok((app.find)(Some(&hash))?)
}

fn describe(app: &App, kernel: &Kernel, bytes: u64) -> Result<Described, Problem> {
    let said = kernel.describe()?;
    Ok(Described {
        hash: HEXLOWER.encode(kernel.hash()),
        bytes,
        checker_version: said.checker_version,
        schema_version: said.schema_version,
        state_format: said.state_format,
        schemas: said.schemas.iter().map(|hash| HEXLOWER.encode(hash)).collect(),
        predicates: HEXLOWER.encode(&said.predicates),
        active: *kernel.hash() == app.shared.head().binding.kernel_hash,
    })
}

/// Runs what takes a while on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the work has panicked"))?
}
