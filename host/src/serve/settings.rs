//! Settings of a node: flags, then the environment, then a TOML file, then defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::failure::Failure;
use crate::files;

/// Where a node listens unless told otherwise: for programs of this machine only.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);
/// Bytes of a settings file, at most.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What may be set, each of it optional: the flags of `omega serve`, and the settings file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Given {
    /// Folder of everything that the node keeps [default: the user's data folder]
    #[arg(long, value_name = "DIR", env = "OMEGA_DATA_DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:4000]
    #[arg(long, value_name = "ADDR", env = "OMEGA_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Events after which a batch is judged [default: 32]
    #[arg(long, value_name = "N", env = "OMEGA_BATCH_SIZE")]
    pub batch_size: Option<u64>,
    /// Milliseconds after which a batch is judged, however small [default: 100]
    #[arg(long, value_name = "MS", env = "OMEGA_FLUSH_MS")]
    pub flush_ms: Option<u64>,
    /// Milliseconds that a batch waits for dependencies that nobody has sent yet [default: 1000]
    #[arg(long, value_name = "MS", env = "OMEGA_HOLD_MS")]
    pub hold_ms: Option<u64>,
    /// Folder of the certificate log [default: the data folder]
    #[arg(long, value_name = "DIR", env = "OMEGA_CERT_DIR")]
    pub cert_dir: Option<PathBuf>,
    /// Folder of snapshots [default: snapshots, in the data folder]
    #[arg(long, value_name = "DIR", env = "OMEGA_SNAPSHOT_DIR")]
    pub snapshot_dir: Option<PathBuf>,
    /// Folder of crash folders [default: quarantine, in the data folder]
    #[arg(long, value_name = "DIR", env = "OMEGA_REPLAY_DIR")]
    pub replay_dir: Option<PathBuf>,
    /// Folder of metrics.jsonl [default: metrics, in the data folder]
    #[arg(long, value_name = "DIR", env = "OMEGA_METRICS_DIR")]
    pub metrics_dir: Option<PathBuf>,
    /// The node's private key; made where there is none [default: node.key, in the data folder]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// What a new chain is about [default: omega node, and the data folder's name]
    #[arg(long, value_name = "TEXT")]
    pub origin: Option<String>,
    /// Certificate chain for TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key for TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Ask for a token with the scope `read` from those who read, too [default: only where the
    /// address is not of this machine]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub protect_reads: Option<bool>,
    /// Events after which a snapshot is taken [default: 100000]
    #[arg(long, value_name = "N")]
    pub snapshot_events: Option<u64>,
    /// Seconds between two looks at past batches; 0 never looks [default: 30]
    #[arg(long, value_name = "S")]
    pub audit_seconds: Option<u64>,
    /// A file to which each step of the protocol is added as a line of JSON, to hold runs against the
    /// specification (schemas/steps.md)
    #[arg(long, value_name = "FILE", env = "OMEGA_STEPS")]
    pub steps: Option<PathBuf>,
    /// Where OpenTelemetry traces go: the URL of an OTLP/HTTP collector
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// Settings, whole.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of everything.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Events after which a batch is judged.
    pub batch_size: u64,
    /// Time after which a batch is judged.
    pub flush: Duration,
    /// Time that a batch waits for dependencies.
    pub hold: Duration,
    /// Folder of the certificate log.
    pub cert_dir: PathBuf,
    /// Folder of snapshots.
    pub snapshot_dir: PathBuf,
    /// Folder of crash folders.
    pub replay_dir: PathBuf,
    /// Folder of metrics.
    pub metrics_dir: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// What a new chain is about.
    pub origin: String,
    /// Certificates and key for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether reading takes a token.
    pub protect_reads: bool,
    /// Events after which a snapshot is taken.
    pub snapshot_events: u64,
    /// Time between two audits of past batches.
    pub audit_every: Option<Duration>,
    /// File of steps.
    pub steps: Option<PathBuf>,
    /// Collector of traces.
    pub otlp_endpoint: Option<String>,
}

impl Given {
    /// Reads a settings file.
    ///
    /// # Errors
    /// A usage failure with line and column where it is not one; those of the file system.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read_small(path, MAX_FILE_BYTES, "a settings file")?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::usage("the settings file is not UTF-8").file(path))?;
        toml::from_str(&text).map_err(|error| {
            Failure::usage(format!("the settings file is not one: {error}"))
                .hint(
                    "`omega serve --help` names the settings; in the file they have the names of the flags.",
                )
                .file(path)
        })
    }

    /// What is set here, and where nothing is, what is set there.
    #[must_use]
    pub fn or(self, other: Given) -> Given {
        Given {
            data: self.data.or(other.data),
            listen: self.listen.or(other.listen),
            batch_size: self.batch_size.or(other.batch_size),
            flush_ms: self.flush_ms.or(other.flush_ms),
            hold_ms: self.hold_ms.or(other.hold_ms),
            cert_dir: self.cert_dir.or(other.cert_dir),
            snapshot_dir: self.snapshot_dir.or(other.snapshot_dir),
            replay_dir: self.replay_dir.or(other.replay_dir),
            metrics_dir: self.metrics_dir.or(other.metrics_dir),
            key: self.key.or(other.key),
            origin: self.origin.or(other.origin),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            protect_reads: self.protect_reads.or(other.protect_reads),
            snapshot_events: self.snapshot_events.or(other.snapshot_events),
            audit_seconds: self.audit_seconds.or(other.audit_seconds),
            steps: self.steps.or(other.steps),
            otlp_endpoint: self.otlp_endpoint.or(other.otlp_endpoint),
        }
    }

    /// With defaults for the rest.
    ///
    /// # Errors
    /// A usage failure for what cannot be; where the user's data folder is not known.
    pub fn settle(self) -> Result<Settings, Failure> {
        let data = match self.data {
            Some(data) => data,
            None => default_folder().ok_or_else(|| {
                Failure::usage("it is not known where this user's data is").hint("Name a folder with --data.")
            })?,
        };
        if self.batch_size == Some(0) {
            return Err(Failure::usage("a batch has at least one event").hint("Give --batch-size 1 or more."));
        }
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificates), Some(key)) => Some((certificates, key)),
            (None, None) => None,
            _ => {
                return Err(Failure::usage("TLS takes a certificate and its key")
                    .hint("Give both --tls-cert and --tls-key."));
            }
        };
        let listen = self.listen.unwrap_or(DEFAULT_LISTEN);
        let inside = |name: &str| data.join(name);
        let name = std::path::absolute(&data).ok();
        let name = name.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        Ok(Settings {
            listen,
            batch_size: self.batch_size.unwrap_or(32),
            flush: Duration::from_millis(self.flush_ms.unwrap_or(100)),
            hold: Duration::from_millis(self.hold_ms.unwrap_or(1000)),
            cert_dir: self.cert_dir.unwrap_or_else(|| data.clone()),
            snapshot_dir: self.snapshot_dir.unwrap_or_else(|| inside("snapshots")),
            replay_dir: self.replay_dir.unwrap_or_else(|| inside("quarantine")),
            metrics_dir: self.metrics_dir.unwrap_or_else(|| inside("metrics")),
            key: self.key.unwrap_or_else(|| inside("node.key")),
            origin: self.origin.unwrap_or_else(|| format!("omega node {}", name.unwrap_or_default())),
            tls,
            protect_reads: self.protect_reads.unwrap_or(!listen.ip().is_loopback()),
            snapshot_events: self.snapshot_events.unwrap_or(100_000).max(1),
            audit_every: Some(self.audit_seconds.unwrap_or(30)).filter(|&s| s > 0).map(Duration::from_secs),
            steps: self.steps,
            otlp_endpoint: self.otlp_endpoint,
            data,
        })
    }
}

/// `$XDG_DATA_HOME/omega-sheaf`, or that in `~/.local/share`.
fn default_folder() -> Option<PathBuf> {
    files::folder_of_user("XDG_DATA_HOME", ".local/share")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_outrank_the_file_and_the_file_outranks_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("omega.toml");
        std::fs::write(&path, "data = \"/from/file\"\nbatch-size = 7\nflush-ms = 5\n").unwrap();
        let flags = Given { batch_size: Some(9), ..Given::default() };
        let settings = flags.or(Given::read(&path).unwrap()).settle().unwrap();
        assert_eq!((settings.batch_size, settings.flush), (9, Duration::from_millis(5)));
        assert_eq!(settings.snapshot_dir, Path::new("/from/file/snapshots"));
        assert_eq!(settings.listen, DEFAULT_LISTEN);
        assert!(!settings.protect_reads);
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("omega.toml");
        std::fs::write(&path, "batchsize = 7\n").unwrap();
        let failure = Given::read(&path).unwrap_err();
        assert_eq!(failure.code.name(), "usage");
        assert!(failure.message.contains("batchsize"), "{}", failure.message);
        let half = Given { tls_cert: Some("cert.pem".into()), data: Some("d".into()), ..Given::default() };
        assert!(half.settle().unwrap_err().message.contains("TLS"));
    }

    #[test]
    fn reading_is_open_on_this_machine_only() {
        let at = |listen: &str| {
            let given = Given { listen: listen.parse().ok(), data: Some("d".into()), ..Given::default() };
            given.settle().unwrap().protect_reads
        };
        assert!(!at("127.0.0.1:1") && !at("[::1]:1") && at("0.0.0.0:1"));
    }
}
