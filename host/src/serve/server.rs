//! Connections: accepted, wrapped in TLS where asked, served, and let go of in time.

use std::future::Future;
use std::io::Cursor;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::failure::{Failure, HostCode};
use crate::files;

/// Connections at once, at most.
const MOST_CONNECTIONS: usize = 8192;
/// Connections at once where the system gives few files.
const LEAST_CONNECTIONS: usize = 16;
/// Files that the node opens beside its connections: a segment for each of 1,024 writers, and a few.
const FILES_OF_THE_NODE: usize = 1280;
/// Time for a request's headers, and for a TLS handshake.
const MOST_HEADER_TIME: Duration = Duration::from_secs(10);
/// Time for requests that are under way when the node ends.
const MOST_END_TIME: Duration = Duration::from_secs(20);
/// Time in which a client takes at least something of an answer.
const MOST_WRITE_TIME: Duration = Duration::from_secs(60);
const MAX_PEM_BYTES: u64 = 1 << 20;

/// Opens the address.
///
/// # Errors
/// A usage failure where it is taken, or not ours.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("{address} cannot be listened on: {error}"))
            .hint("Name another one with --listen; port 0 takes any that is free.")
    })
}

/// Reads certificates and key.
///
/// # Errors
/// `key-invalid` where they are none, or do not fit each other; those of the file system.
pub fn tls(certificates: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let invalid = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(HostCode::KeyInvalid, format!("not usable for TLS: {error}")).file(path)
    };
    let pem = files::read_small(certificates, MAX_PEM_BYTES, "a certificate chain")?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_reader_iter(Cursor::new(pem))
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(certificates, &error))?;
    let pem = files::read_small(key, MAX_PEM_BYTES, "a private key")?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| invalid(key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| invalid(certificates, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until `ending` becomes true; requests that are under way then have some time to end.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut ending: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(connections()));
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of files, most often: it passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, tls, router, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    let _ = timeout(MOST_END_TIME, graceful.shutdown()).await;
}

/// Connections that there is room for: each takes a file, and the node's own files come first.
fn connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // As many as the system gives; it gives fewer at first, for programs that know no better.
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    files.saturating_sub(FILES_OF_THE_NODE).clamp(LEAST_CONNECTIONS, MOST_CONNECTIONS)
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, watcher: Watcher) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(MOST_WRITE_TIME));
    let stream = Box::pin(stream);
    match tls {
        None => http(stream, router, watcher).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(MOST_HEADER_TIME, tls.accept(stream)).await {
                http(stream, router, watcher).await;
            }
        }
    }
}

fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
    watcher: Watcher,
) -> impl Future<Output = ()> {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(MOST_HEADER_TIME)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let watched = watcher.watch(connection);
    async move {
        // A client that goes away, or speaks another language, is no failure of ours.
        let _ = watched.await;
    }
}
