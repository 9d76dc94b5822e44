//! Failures as HTTP says them: a status, and one JSON object with the same stable code as everywhere.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use omega_kernel::fault::FaultCode;
use serde::Serialize;

use crate::failure::{Code, Failure, HostCode};

/// What was wrong.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Stable name.
    pub code: String,
    /// One sentence: what was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Byte offset in what was sent.
    pub offset: Option<String>,
    #[serde(skip)]
    status: u16,
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    /// One that no failure stands behind.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Problem {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            offset: None,
            status: status.as_u16(),
            retry_after: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Something that is not there.
    pub fn not_found(what: &str) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {what}"))
    }

    /// Too much waits.
    pub fn busy() -> Self {
        let message = "too much waits to be written";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", message);
        Problem { retry_after: Some(1), ..problem }.hint("Send it again after the seconds in Retry-After.")
    }

    /// The node is about to end.
    pub fn ending() -> Self {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ending", "the node is ending");
        Problem { retry_after: Some(5), ..problem }.hint("Send it again when it has started again.")
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = match failure.code {
            Code::Kernel(FaultCode::LimitExceeded) => StatusCode::PAYLOAD_TOO_LARGE,
            Code::Kernel(_) | Code::Usage => StatusCode::BAD_REQUEST,
            Code::Host(HostCode::JsonInvalid | HostCode::JsonNumber | HostCode::KernelInvalid) => {
                StatusCode::BAD_REQUEST
            }
            Code::Host(HostCode::KernelDiffers) => StatusCode::CONFLICT,
            // What a stranger's kernel did, within its limits.
            Code::Host(
                HostCode::KernelTrapped
                | HostCode::KernelMemory
                | HostCode::KernelDeadline
                | HostCode::KernelOutput,
            ) => StatusCode::UNPROCESSABLE_ENTITY,
            // The disk, not the request: the same request may pass later.
            Code::Host(HostCode::WriteFailed) => StatusCode::SERVICE_UNAVAILABLE,
            Code::Host(HostCode::EventNotFound | HostCode::CertificateMissing | HostCode::KernelUnknown) => {
                StatusCode::NOT_FOUND
            }
            Code::Host(_) | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Problem {
            code: failure.code.name().to_owned(),
            message: failure.message,
            hint: failure.hint,
            offset: failure.offset.map(|offset| offset.to_string()),
            status: status.as_u16(),
            retry_after,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(code = self.code, status = self.status, "{}", self.message);
        }
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
