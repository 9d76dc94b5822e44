//! What all actors and all requests look at.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use data_encoding::HEXLOWER;
use omega_kernel::certificate::Certificate;
use omega_kernel::chain::ChainHead;
use omega_verify::alone;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

use super::auth::Watched;
use super::metrics::Metrics;
use super::settings::Settings;
use crate::disk::Folder;
use crate::failure::Failure;
use crate::node::coordinator::Known;
use crate::node::incidents::{Incident, Incidents};
use crate::node::recover::CertificateAt;
use crate::node::steps::Steps;

/// Announcements that a slow reader may be behind before it has to catch up from disk.
const ANNOUNCEMENTS: usize = 1024;

/// Something that happened, for those who listen.
#[derive(Debug, Clone)]
pub enum Announcement {
    /// A certificate was stored.
    Certificate {
        /// Its height.
        height: u64,
        /// What it states of itself, as JSON: made once for all who listen.
        stated: Arc<str>,
    },
    /// An incident was opened or resolved.
    Incident(Box<Incident>),
}

/// The node, as all see it.
pub struct Shared {
    /// Its settings.
    pub settings: Settings,
    /// Where events are and what became of them.
    pub known: Known<Folder>,
    /// Certificates by height.
    pub certificate_at: CertificateAt,
    /// Where they are stored.
    pub cert_log: PathBuf,
    /// Who may do what.
    pub tokens: Watched,
    /// What is counted.
    pub metrics: Metrics,
    /// What operators should see.
    pub incidents: Mutex<Incidents<Folder>>,
    /// What happens.
    pub announcements: broadcast::Sender<Announcement>,
    /// Height of the newest certificate.
    pub height: watch::Sender<u64>,
    /// Becomes true when the node is to end.
    pub ending: watch::Sender<bool>,
    /// Where the chain stands.
    pub head: RwLock<ChainHead>,
    /// Sources that have sent something.
    pub sources: AtomicU64,
    /// Verdicts that were judged again to start.
    pub replayed: AtomicU64,
    /// Since when it runs.
    pub started: Instant,
    /// Its public key.
    pub public_key: [u8; 32],
    steps: Steps,
    failures: RwLock<Failures>,
    degraded: AtomicBool,
}

/// Why the node is not ready.
#[derive(Debug, Clone, Default)]
struct Failures {
    taking: Option<String>,
    write: Option<String>,
    judging: Option<String>,
    audit: Option<String>,
}

/// Whether the node can do its work.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// It can.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

impl Shared {
    /// Everything that stands when a node has started.
    #[expect(clippy::too_many_arguments, reason = "called once, where all of this is made")]
    pub fn new(
        settings: Settings,
        known: Known<Folder>,
        certificate_at: CertificateAt,
        cert_log: PathBuf,
        tokens: Watched,
        incidents: Incidents<Folder>,
        head: ChainHead,
        public_key: [u8; 32],
        steps: Steps,
    ) -> Self {
        let metrics = Metrics::default();
        metrics.height.set(head.height);
        Shared {
            settings,
            known,
            certificate_at,
            cert_log,
            tokens,
            metrics,
            incidents: Mutex::new(incidents),
            announcements: broadcast::Sender::new(ANNOUNCEMENTS),
            height: watch::Sender::new(head.height),
            ending: watch::Sender::new(false),
            head: RwLock::new(head),
            sources: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            started: Instant::now(),
            public_key,
            steps,
            failures: RwLock::default(),
            degraded: AtomicBool::new(false),
        }
    }

    /// Where the chain stands.
    pub fn head(&self) -> ChainHead {
        self.head.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a certificate and where the chain stands with it, and wakes those who wait for it.
    pub fn advanced(&self, head: &ChainHead, certificate: &Certificate) {
        self.steps.announced(certificate);
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head.clone();
        self.metrics.height.set(head.height);
        self.metrics.certificates.inc();
        let height = certificate.fields().height;
        // Where a kernel was taken back within a batch, its certificate is told first.
        self.height.send_modify(|newest| *newest = (*newest).max(height));
        if self.announcements.receiver_count() > 0 {
            let stated = alone::stated(certificate).to_string().into();
            self.announce(Announcement::Certificate { height, stated });
        }
    }

    /// Tells those who listen.
    pub fn announce(&self, what: Announcement) {
        // Nobody may be listening.
        let _ = self.announcements.send(what);
    }

    /// The incidents.
    pub fn incidents(&self) -> MutexGuard<'_, Incidents<Folder>> {
        self.incidents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an incident and tells about it.
    pub fn incident(&self, incident: Incident) -> Incident {
        let (incident, written) = self.incidents().open_one(incident);
        if let Err(failure) = written {
            tracing::error!(code = failure.code.name(), "{}", failure.message);
            self.write_failure(Some(&failure));
        }
        tracing::warn!(incident = incident.id, kind = ?incident.kind, "{}", incident.message);
        self.announce(Announcement::Incident(Box::new(incident.clone())));
        incident
    }

    /// Notes that what comes cannot be written, or can again.
    pub fn taking_failure(&self, failure: Option<&Failure>) {
        self.note(failure, |failures| &mut failures.taking);
    }

    /// Notes that verdicts and incidents cannot be written, or can again.
    pub fn write_failure(&self, failure: Option<&Failure>) {
        self.note(failure, |failures| &mut failures.write);
    }

    /// Notes that judging fails, or works again.
    pub fn judging_failure(&self, failure: Option<&Failure>) {
        self.note(failure, |failures| &mut failures.judging);
    }

    /// Notes that past verdicts do not come out again.
    pub fn audit_failure(&self, failure: Option<&Failure>) {
        self.note(failure, |failures| &mut failures.audit);
    }

    fn note(&self, failure: Option<&Failure>, place: impl Fn(&mut Failures) -> &mut Option<String>) {
        if failure.is_none() && !self.degraded.load(Ordering::Relaxed) {
            return;
        }
        let mut failures = self.failures.write().unwrap_or_else(PoisonError::into_inner);
        *place(&mut failures) =
            failure.map(|failure| format!("{}: {}", failure.code.name(), failure.message));
        let any = failures.taking.is_some()
            || failures.write.is_some()
            || failures.judging.is_some()
            || failures.audit.is_some();
        self.degraded.store(any, Ordering::Relaxed);
    }

    /// Whether the node can do its work.
    pub fn readiness(&self) -> Readiness {
        let failures = self.failures.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reasons: Vec<String> = [failures.taking, failures.write, failures.judging, failures.audit]
            .into_iter()
            .flatten()
            .collect();
        if *self.ending.borrow() {
            reasons.push("the node is ending".to_owned());
        }
        Readiness { ready: reasons.is_empty(), reasons }
    }

    /// The chain's id, in hex.
    pub fn chain_id(&self) -> String {
        HEXLOWER.encode(&self.head().chain_id)
    }
}
