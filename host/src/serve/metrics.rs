//! Metrics: counted where it happens, shown to Prometheus, and written as lines from time to time.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::files;

/// The lines' file.
pub const NAME: &str = "metrics.jsonl";
/// Bytes at the end of the file in which its last line is looked for.
const MOST_LINE_BYTES: u64 = 64 << 10;
/// Seconds: from a tenth of a millisecond to ten seconds.
const TIMES: [f64; 16] =
    [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// All metrics of a node.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    before: Mutex<Before>,
    /// Events that are on disk.
    pub events_taken: Counter,
    /// Events that a source had sent before.
    pub events_repeated: Counter,
    /// Events that were judged and accepted.
    pub events_accepted: Counter,
    /// Events that were set aside.
    pub events_aside: Counter,
    /// Requests with events that were refused because too much waits.
    pub refused_busy: Counter,
    /// Writes that failed.
    pub write_failures: Counter,
    /// Certificates since the start.
    pub certificates: Counter,
    /// Conflicts since the start.
    pub conflicts: Counter,
    /// Past batches that were judged again.
    pub audited: Counter,
    /// Those that came out differently.
    pub audit_mismatches: Counter,
    /// Kernels that were put in place.
    pub swaps: Counter,
    /// Height of the newest certificate.
    pub height: Gauge<u64, AtomicU64>,
    /// Events that wait to be judged.
    pub waiting_events: Gauge,
    /// Readers of the stream.
    pub stream_readers: Gauge,
    /// Time to write and sync a group of submissions.
    pub sync_seconds: Histogram,
    /// Time to settle a batch, from the checker to the stored certificate.
    pub settle_seconds: Histogram,
    /// Time between two batches in which a kernel was put in place.
    pub swap_pause_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("omega");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let events_taken = counter("events_taken", "Events that are on disk");
        let events_repeated = counter("events_repeated", "Events that a source had sent before");
        let events_accepted = counter("events_accepted", "Events that were accepted");
        let events_aside = counter("events_aside", "Events that were set aside");
        let refused_busy = counter("requests_refused_busy", "Requests refused because too much waits");
        let write_failures = counter("write_failures", "Writes that failed");
        let certificates = counter("certificates", "Certificates since the start");
        let conflicts = counter("conflicts", "Conflicts since the start");
        let audited = counter("audited_batches", "Past batches that were judged again");
        let audit_mismatches = counter("audit_mismatches", "Past batches that came out differently");
        let swaps = counter("kernel_swaps", "Kernels that were put in place");
        let height = Gauge::default();
        registry.register("height", "Height of the newest certificate", height.clone());
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::<i64>::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let waiting_events = gauge("waiting_events", "Events that wait to be judged");
        let stream_readers = gauge("stream_readers", "Readers of /api/stream");
        let mut histogram = |name: &str, help: &str| {
            let histogram = Histogram::new(TIMES);
            registry.register(name, help, histogram.clone());
            histogram
        };
        let sync_seconds = histogram("sync_seconds", "Time to write and sync a group of submissions");
        let settle_seconds = histogram("settle_seconds", "Time to settle a batch");
        let swap_pause_seconds = histogram("swap_pause_seconds", "Pause in which a kernel was put in place");
        Metrics {
            registry,
            before: Mutex::default(),
            events_taken,
            events_repeated,
            events_accepted,
            events_aside,
            refused_busy,
            write_failures,
            certificates,
            conflicts,
            audited,
            audit_mismatches,
            swaps,
            height,
            waiting_events,
            stream_readers,
            sync_seconds,
            settle_seconds,
            swap_pause_seconds,
        }
    }
}

impl Metrics {
    /// As Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing into a string does not fail.
            Err(_) => String::new(),
        }
    }

    /// Goes on where the lines of an earlier start end, and cuts what a crash left of a line.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn go_on(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join(NAME);
        let last = last_line(&path).map_err(|error| files::unwritable(&error, &path))?;
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = last.unwrap_or_default();
        Ok(())
    }

    /// Appends a line; `export-metrics` reads them. Numbers only rise, across starts too, but those of
    /// what waits. A crash forgets what was counted since the last line.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn append(&self, folder: &Path, at_ms: u64) -> Result<(), Failure> {
        let path = folder.join(NAME);
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = |name: &str| before.counts.get(name).copied().unwrap_or(0);
        let mut line = Map::new();
        line.insert("seq".to_owned(), before.next.into());
        line.insert("at_ms".to_owned(), at_ms.into());
        line.insert("height".to_owned(), self.height.get().into());
        line.insert("waiting_events".to_owned(), self.waiting_events.get().into());
        for (name, counter) in self.counters() {
            line.insert(name.to_owned(), (counted(name) + counter.get()).into());
        }
        let unwritable = |error: std::io::Error| files::unwritable(&error, &path);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(unwritable)?;
        // One write, so that a line is there whole or not at all but for a crash in it.
        file.write_all(format!("{}\n", Value::Object(line)).as_bytes()).map_err(unwritable)?;
        before.next += 1;
        Ok(())
    }

    fn counters(&self) -> [(&'static str, &Counter); 11] {
        [
            ("events_taken", &self.events_taken),
            ("events_repeated", &self.events_repeated),
            ("events_accepted", &self.events_accepted),
            ("events_aside", &self.events_aside),
            ("certificates", &self.certificates),
            ("conflicts", &self.conflicts),
            ("audited_batches", &self.audited),
            ("audit_mismatches", &self.audit_mismatches),
            ("kernel_swaps", &self.swaps),
            ("requests_refused_busy", &self.refused_busy),
            ("write_failures", &self.write_failures),
        ]
    }
}

/// What earlier starts have counted.
#[derive(Debug, Default)]
struct Before {
    /// Number of the next line.
    next: u64,
    /// Counters, as the last line has them.
    counts: BTreeMap<String, u64>,
}

/// The last whole line of a file, if there is one; what stands behind it is cut.
fn last_line(path: &Path) -> std::io::Result<Option<Before>> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MOST_LINE_BYTES);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(from + end as u64)?;
    let line = tail[..end].trim_ascii_end().rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let Ok(Value::Object(line)) = serde_json::from_slice(line) else { return Ok(None) };
    let counts: BTreeMap<String, u64> =
        line.iter().filter_map(|(name, value)| Some((name.clone(), value.as_u64()?))).collect();
    Ok(Some(Before { next: counts.get("seq").map_or(0, |seq| seq + 1), counts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_across_starts_and_a_torn_one_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        for start in 1..=3 {
            let metrics = Metrics::default();
            metrics.go_on(dir.path()).unwrap();
            metrics.events_taken.inc_by(5);
            metrics.append(dir.path(), start).unwrap();
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(b"{\"seq\":9,\"events_ta").unwrap();
        }
        Metrics::default().go_on(dir.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> =
            lines.iter().map(|line| (line["seq"].as_u64(), line["events_taken"].as_u64())).collect();
        assert_eq!(told, [(Some(0), Some(5)), (Some(1), Some(10)), (Some(2), Some(15))]);
    }
}
