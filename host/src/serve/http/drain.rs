//! Bodies that nobody read to their end: a request that is refused early. They are read and dropped, up
//! to a limit, so that the client sees the answer and not a connection that breaks while it sends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Bytes that are read and dropped, at most.
const MOST_BYTES: usize = super::MAX_BODY_BYTES;
/// Time that reading them may take.
const MOST_TIME: Duration = Duration::from_secs(10);

/// Has bodies read to their end, whoever answers.
pub async fn drained(request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(Drained(Some(body))))).await
}

struct Drained(Option<Body>);

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.0 = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.0.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime the connection is gone, too.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(MOST_TIME, drop_all(body)));
        }
    }
}

async fn drop_all(body: Body) {
    let mut pieces = body.into_data_stream();
    let mut dropped = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        dropped += piece.len();
        if dropped > MOST_BYTES {
            return;
        }
    }
}
