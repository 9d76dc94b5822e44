//! A node that runs: takes events in over HTTP, certifies batches, shows what it does.
//!
//! Actors, each with a thread and a bounded channel; events go one way:
//!
//! ```text
//! Ingress → Sequencer → ReconcileCoordinator → CheckerGateway → Certificate
//! (request)  (segments)  (rounds)               (kernel)         (cert.log)
//! ```
//!
//! Beside them Replay judges the past again, Snapshot brings states to the disk, Metrics are counted
//! where things happen. [`crate::node`] does the work; here it gets threads and a network.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};

mod actor;
pub mod auth;
pub mod client;
mod companion;
mod coordinator;
mod gateway;
mod http;
pub mod ingress;
pub(crate) mod lock;
mod metrics;
mod replay;
mod sequencer;
mod server;
pub mod settings;
mod shared;
mod snapshot;
mod swap;
pub mod telemetry;
mod wake;

#[cfg(test)]
mod model_tests;

use coordinator::ReconcileCoordinator;
use gateway::Gateway;
use http::App;
use settings::Settings;
use shared::Shared;
use swap::Beside;

use crate::disk::Folder;
use crate::engine::Options;
use crate::failure::Failure;
use crate::files;
use crate::node::incidents::{Incident, Incidents, Kind, now_ms};
use crate::node::kernels::Kernels;
use crate::node::recover::{self, FindKernel, Start, Started, certificates_of};
use crate::node::segments::Torn;
use crate::node::snapshots::Snapshots;
use crate::node::steps::Steps;
use crate::sign::Signer;
use crate::store::Store;
use auth::Watched;

/// Submissions that wait to be written, at most.
const QUEUE: usize = 1024;
/// Commands to the coordinator that wait, at most.
const COMMANDS: usize = 256;
/// Between two lines of metrics.
const METRICS_EVERY: Duration = Duration::from_secs(10);
/// Says where the node of a data folder listens, while it runs.
const ADDRESS: &str = "node.json";

/// A node that has started.
pub struct Node {
    address: SocketAddr,
    shared: Arc<Shared>,
    app: App,
    threads: Vec<JoinHandle<()>>,
    /// Dropped, they end the actors, one after the other.
    inputs: Inputs,
    listener: tokio::net::TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
    signals: Signals,
    _lock: File,
}

/// What asks a node to end. Heard from before anybody is told that it runs.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// What feeds the actors.
struct Inputs {
    sequencer: mpsc::Sender<sequencer::Request>,
    coordinator: mpsc::Sender<coordinator::Command>,
}

/// What a node says when it has started.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Announced {
    /// Where it listens.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// Its data folder.
    pub data: String,
    /// Its chain.
    pub chain_id: String,
    /// Height of the newest certificate.
    pub height: String,
    /// Verdicts that were judged again to start.
    pub replayed: u64,
    /// Milliseconds that starting took.
    pub started_ms: u64,
}

/// Runs a node until a signal comes; `ready` hears when it has started.
///
/// # Errors
/// Those of starting. Once it runs, trouble is told by `/readyz`, incidents and the log.
pub fn run(settings: Settings, options: Options, ready: impl FnOnce(&Announced)) -> Result<u64, Failure> {
    let runtime = runtime()?;
    let begun = std::time::Instant::now();
    let node = Node::start(settings, options, runtime.handle().clone())?;
    let announced = Announced { started_ms: begun.elapsed().as_millis() as u64, ..node.announced() };
    let address = Address::write(&node.shared.settings.data, &announced);
    ready(&announced);
    let ended = runtime.block_on(node.serve());
    drop(address);
    ended
}

/// Runs a node for one piece of work, which gets its URL, and ends it.
///
/// # Errors
/// Those of starting and of the work.
pub fn with_node<T>(
    settings: Settings,
    options: Options,
    work: impl FnOnce(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = runtime()?;
    let node = Node::start(settings, options, runtime.handle().clone())?;
    let (url, ending) = (node.announced().url, node.shared.ending.clone());
    let serving = runtime.spawn(node.serve());
    let done = work(&url);
    ending.send_replace(true);
    let ended = runtime.block_on(serving);
    ended.map_err(|_| Failure::internal("the node has panicked"))??;
    done
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = Builder::new_multi_thread().enable_all().thread_name("omega-http").build();
    runtime.map_err(|error| Failure::internal(format!("the system gives no threads: {error}")))
}

/// The file that says where a node listens; removed when it ends.
struct Address(std::path::PathBuf);

impl Address {
    fn write(data: &Path, announced: &Announced) -> Self {
        let path = data.join(ADDRESS);
        // Commands on this folder then need a URL: nothing else depends on it.
        let _ = std::fs::write(&path, serde_json::to_vec(announced).unwrap_or_default());
        Address(path)
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Node {
    /// Starts everything but the answering of requests.
    ///
    /// # Errors
    /// `store-locked` where another process has the data folder; what [`recover::start`] finds; a usage
    /// failure where the address cannot be listened on.
    pub fn start(settings: Settings, options: Options, runtime: Handle) -> Result<Self, Failure> {
        let root = Folder::open(&settings.data)?;
        let lock = lock::take(&settings.data)?;
        for folder in [&settings.cert_dir, &settings.metrics_dir] {
            std::fs::create_dir_all(folder).map_err(|error| files::unwritable(&error, folder))?;
        }
        let tls = settings.tls.as_ref().map(|(chain, key)| server::tls(chain, key)).transpose()?;
        let listener = runtime.block_on(server::listen(settings.listen))?;
        let address = listener.local_addr().map_err(|error| Failure::internal(error.to_string()))?;
        let tokens = Watched::open(&settings.data)?;
        let snapshots = Snapshots::open(&settings.snapshot_dir)?;
        let kernels = Kernels::open(&settings.data.join("kernels"), options)?;
        let find: FindKernel = {
            let kernels = kernels.clone();
            Arc::new(move |hash| kernels.find(hash))
        };
        let cert_log = settings.cert_dir.join("cert.log");
        let store = cert_log.clone();
        let started = recover::start(Start {
            root: root.clone(),
            segments: Folder::open(&settings.data.join("segments"))?,
            open_store: Box::new(move || Store::open(&store)),
            certificate_at: certificates_of(&cert_log),
            snapshots: Some(snapshots.clone()),
            signer: signer(&settings.key)?,
            origin: settings.origin.clone(),
            kernel: Arc::clone(&find),
            steps: settings.steps.as_deref().map(Steps::to_file).transpose()?.unwrap_or_default(),
        })?;
        let Started { intake, coordinator, checker, torn, replayed, from_snapshot } = started;
        let shared = Arc::new(Shared::new(
            settings,
            coordinator.known.clone(),
            certificates_of(&cert_log),
            cert_log,
            tokens,
            Incidents::open(root)?,
            coordinator.certifier.head().clone(),
            coordinator.certifier.public_key(),
            coordinator.certifier.steps.clone(),
        ));
        shared.metrics.go_on(&shared.settings.metrics_dir)?;
        shared.replayed.store(replayed, std::sync::atomic::Ordering::Relaxed);
        let sources = intake.segments().source_count() as u64;
        shared.sources.store(sources, std::sync::atomic::Ordering::Relaxed);
        torn.iter().for_each(|torn| tell_torn(&shared, torn));
        let height = coordinator.certifier.head().height;
        tracing::info!(height, replayed, from_snapshot, "state is there");

        let (to_sequencer, requests) = mpsc::channel(QUEUE);
        let (to_coordinator, commands) = mpsc::channel(COMMANDS);
        let (to_batches, batches) = mpsc::channel(1);
        let (gateway, checker_thread) = Gateway::start(checker)?;
        let (keep, snapshot_thread) = snapshot::start(snapshots.clone())?;
        let reconcile = ReconcileCoordinator {
            coordinator,
            gateway,
            shared: Arc::clone(&shared),
            snapshots: snapshots.clone(),
            keep,
            find: Arc::clone(&find),
            since_snapshot: replayed,
            beside: Beside::Nothing,
        };
        let mut threads = vec![
            sequencer::start(intake, requests, to_batches, Arc::clone(&shared), runtime.clone())?,
            reconcile.start(batches, commands, runtime.clone())?,
            checker_thread,
            snapshot_thread,
        ];
        let signals = Signals::listen(&runtime)?;
        threads.extend(replay::start(Arc::clone(&shared), snapshots.clone(), Arc::clone(&find), runtime)?);
        let app = App {
            shared: Arc::clone(&shared),
            sequencer: to_sequencer.downgrade(),
            coordinator: to_coordinator.downgrade(),
            snapshots,
            kernels,
            kernel_work: Arc::new(Semaphore::new(1)),
            decisions: Arc::new(Semaphore::new(1)),
            find: Arc::clone(&find),
            room: Arc::new(Semaphore::new(http::MAX_WAITING_BYTES)),
            readers: Arc::new(Semaphore::new(http::MAX_STREAM_READERS)),
        };
        let inputs = Inputs { sequencer: to_sequencer, coordinator: to_coordinator };
        Ok(Node { address, shared, app, threads, inputs, listener, tls, signals, _lock: lock })
    }

    /// Where it listens, and where its chain stands.
    pub fn announced(&self) -> Announced {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let replayed = self.shared.replayed.load(std::sync::atomic::Ordering::Relaxed);
        Announced {
            url: format!("{scheme}://{}", self.address),
            pid: std::process::id(),
            data: self.shared.settings.data.display().to_string(),
            chain_id: self.shared.chain_id(),
            height: self.shared.head().height.to_string(),
            replayed,
            started_ms: 0,
        }
    }

    /// Answers requests until a signal comes, then ends: what was acknowledged is certified first. Gives
    /// the height of the newest certificate.
    ///
    /// # Errors
    /// Where an actor ended in a panic: a defect.
    pub async fn serve(self) -> Result<u64, Failure> {
        let Node { shared, app, threads, inputs, listener, tls, signals, _lock, .. } = self;
        let metrics = tokio::spawn(write_metrics(Arc::clone(&shared)));
        tokio::spawn(signals.end(Arc::clone(&shared)));
        server::serve(listener, tls, http::router(app), shared.ending.subscribe()).await;
        // No request is under way: the actors end one after the other, each when its input has.
        drop(inputs.sequencer);
        let ended = tokio::task::spawn_blocking(move || {
            let mut panicked = false;
            let mut threads = threads.into_iter();
            panicked |= threads.next().is_some_and(|sequencer| sequencer.join().is_err());
            drop(inputs.coordinator);
            for thread in threads {
                panicked |= thread.join().is_err();
            }
            panicked
        });
        let panicked = ended.await.unwrap_or(true);
        metrics.abort();
        // What has been counted since the last line.
        metrics_line(&shared);
        let height = shared.head().height;
        tracing::info!(height, "ended");
        match panicked {
            true => Err(Failure::internal("an actor of the node has panicked; its log says which")),
            false => Ok(height),
        }
    }
}

impl Signals {
    /// Hears signals from now on; before, they end the process at once.
    fn listen(runtime: &Handle) -> Result<Self, Failure> {
        let _inside = runtime.enter();
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::internal(format!("the system lets no signal be heard: {error}")))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The first one ends the node when what is under way is done; the second does not wait.
    async fn end(mut self, shared: Arc<Shared>) {
        self.next().await;
        tracing::info!("ending: what is under way is finished first");
        shared.ending.send_replace(true);
        self.next().await;
        std::process::exit(130);
    }
}

async fn write_metrics(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(METRICS_EVERY);
    loop {
        every.tick().await;
        tokio::task::block_in_place(|| metrics_line(&shared));
    }
}

fn metrics_line(shared: &Shared) {
    if let Err(failure) = shared.metrics.append(&shared.settings.metrics_dir, now_ms()) {
        tracing::warn!(code = failure.code.name(), "no metrics were written: {}", failure.message);
    }
}

/// The node's key; made where there is none.
fn signer(path: &Path) -> Result<Signer, Failure> {
    if !path.exists() {
        crate::cli::keygen::run(crate::cli::keygen::Args { output: path.to_owned() })?;
    }
    Signer::load(path)
}

fn tell_torn(shared: &Shared, torn: &Torn) {
    shared.incident(Incident {
        message: format!(
            "{} bytes behind the last whole event of segment {} were cut off and kept as {}",
            torn.bytes, torn.name, torn.kept_as
        ),
        ..Incident::of(Kind::TornTail, None)
    });
}
