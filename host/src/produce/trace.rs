//! Imports a concurrent editing trace: each transaction is an event.
//!
//! Shape: `{…, "txns": [{"parents": [index…], "agent": n, "patches": […], …}, …]}`, plain or gzipped;
//! other fields are passed over. node = agent, stream 0, deps = the parents, lamport = 1 + the greatest
//! of the parents', prev = the agent's transaction before, payload = the exact bytes of `patches`.
//!
//! id = the first 112 bits of BLAKE3(node u32 ‖ prev u128 ‖ dep count u32 ‖ deps u128… ‖ payload),
//! little-endian: a function of the transaction and its past alone, so a longer recording of the same
//! session changes no earlier event. All changes of one agent are fully ordered; a trace where they are
//! not is refused.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use omega_kernel::hash;
use omega_kernel::wire::PayloadRef;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{Place, id_from_hash};
use super::progress::Progress;
use super::reading::read_file;
use super::sink::EventSink;
use crate::failure::{Failure, HostCode};
use crate::files::unreadable;

/// Bytes of a trace once it is unpacked: it is read as a whole, and gzip can expand a thousandfold.
pub const MAX_TRACE_BYTES: u64 = 1 << 30;

/// What was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Transactions.
    pub transactions: u64,
    /// Transactions with several parents.
    pub merges: u64,
    /// Agents with a transaction.
    pub agents: u64,
}

#[derive(Deserialize)]
struct Trace<'a> {
    #[serde(borrow)]
    txns: Vec<Transaction<'a>>,
}

#[derive(Deserialize)]
struct Transaction<'a> {
    parents: Vec<usize>,
    agent: u32,
    #[serde(borrow)]
    patches: &'a RawValue,
}

/// Imports a trace in its own order.
pub fn import(path: &Path, sink: &mut dyn EventSink) -> Result<Imported, Failure> {
    let text = read_text(path)?;
    import_text(&text, path, sink)
}

fn import_text(text: &[u8], path: &Path, sink: &mut dyn EventSink) -> Result<Imported, Failure> {
    let trace: Trace<'_> = serde_json::from_slice(text).map_err(|error| {
        invalid(path, &error.to_string())
            .hint("Expected {\"txns\": [{\"parents\": […], \"agent\": 0, \"patches\": […]}, …]}.")
    })?;
    let progress = Progress::start("importing transactions", Some(trace.txns.len() as u64));
    // Id and Lamport time of each transaction, and each agent's last.
    let mut made: Vec<(u128, u64)> = Vec::with_capacity(trace.txns.len());
    let mut last: HashMap<u32, (u128, u64)> = HashMap::new();
    let mut merges = 0;
    for (at, transaction) in trace.txns.iter().enumerate() {
        progress.at(at as u64)?;
        let mut deps = Vec::with_capacity(transaction.parents.len());
        let mut lamport = 1;
        for &parent in &transaction.parents {
            let (id, time) = *made.get(parent).ok_or_else(|| {
                invalid(path, &format!("transaction {at} has parent {parent}, which is not before it"))
            })?;
            deps.push(id);
            lamport = lamport.max(time + 1);
        }
        deps.sort_unstable();
        deps.dedup();
        merges += u64::from(deps.len() > 1);
        let (prev, before) = last.get(&transaction.agent).copied().unwrap_or_default();
        if lamport <= before {
            let what = format!(
                "transaction {at} does not follow agent {}'s transaction before it: its changes are not fully ordered",
                transaction.agent
            );
            return Err(invalid(path, &what));
        }
        let payload = transaction.patches.get().as_bytes();
        let id = event_id(transaction.agent, prev, &deps, payload);
        let place = Place { lamport, node: transaction.agent, stream: 0, id, prev, deps };
        let header = place.header(payload, None).map_err(|failure| Failure {
            message: format!("transaction {at}: {}", failure.message),
            ..failure.file(path)
        })?;
        sink.event(&header, PayloadRef::Present { bytes: payload, salt: None })?;
        made.push((id, lamport));
        last.insert(transaction.agent, (id, lamport));
    }
    Ok(Imported { transactions: made.len() as u64, merges, agents: last.len() as u64 })
}

fn event_id(node: u32, prev: u128, deps: &[u128], payload: &[u8]) -> u128 {
    let mut bytes = Vec::with_capacity(24 + 16 * deps.len() + payload.len());
    bytes.extend_from_slice(&node.to_le_bytes());
    bytes.extend_from_slice(&prev.to_le_bytes());
    bytes.extend_from_slice(&(deps.len() as u32).to_le_bytes());
    for dep in deps {
        bytes.extend_from_slice(&dep.to_le_bytes());
    }
    bytes.extend_from_slice(payload);
    id_from_hash(&hash::plain(&bytes))
}

/// The trace's text; gzip is told by its first bytes, whatever the name.
fn read_text(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read_file(path)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(&bytes[..])
        .take(MAX_TRACE_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| unreadable(&error, path))?;
    if text.len() as u64 > MAX_TRACE_BYTES {
        return Err(invalid(path, &format!("unpacked, the trace has more than {MAX_TRACE_BYTES} bytes")));
    }
    Ok(text)
}

fn invalid(path: &Path, what: &str) -> Failure {
    Failure::new(HostCode::TraceInvalid, format!("{}: {what}", path.display())).file(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::testing::Collected;
    use super::*;

    const TRACE: &str = r#"{"kind":"concurrent","endContent":"ab","numAgents":2,"txns":[
        {"parents":[],"numChildren":2,"agent":0,"time":"x","patches":[[0,0,"a"]]},
        {"parents":[0],"numChildren":1,"agent":1,"time":"x","patches":[[1, 0, "b"]]},
        {"parents":[0],"numChildren":1,"agent":0,"time":"x","patches":[]},
        {"parents":[2,1],"numChildren":0,"agent":0,"time":"x","patches":[[0,1,""]]}]}"#;

    fn of(text: &str) -> Result<(Imported, Collected), Failure> {
        let mut events = Collected::default();
        let imported = import_text(text.as_bytes(), Path::new("t.json"), &mut events)?;
        Ok((imported, events))
    }

    #[test]
    fn transactions_become_linked_events() {
        let (imported, events) = of(TRACE).unwrap();
        assert_eq!(imported, Imported { transactions: 4, merges: 1, agents: 2 });
        let [a, b, c, d] = &events.0[..] else { panic!("four events") };
        assert_eq!((a.0.node, a.0.lamport, a.0.prev), (0, 1, 0));
        assert_eq!((b.0.node, b.0.lamport, b.0.prev), (1, 2, 0));
        assert_eq!((c.0.lamport, c.0.prev), (2, a.0.id));
        assert_eq!((d.0.lamport, d.0.prev), (3, c.0.id));
        let mut deps = [b.0.id, c.0.id];
        deps.sort_unstable();
        assert_eq!(d.0.deps, deps);
        assert_eq!(b.1, br#"[[1, 0, "b"]]"#, "the exact bytes");
    }

    #[test]
    fn a_longer_recording_changes_no_earlier_event() {
        let shorter = TRACE.replace(
            ",\n        {\"parents\":[2,1],\"numChildren\":0,\"agent\":0,\"time\":\"x\",\"patches\":[[0,1,\"\"]]}",
            "",
        );
        let (all, less) = (of(TRACE).unwrap().1, of(&shorter).unwrap().1);
        assert_eq!(less.0.len(), 3);
        assert_eq!(all.0[..3], less.0[..]);
    }

    #[test]
    fn what_is_no_trace_is_refused() {
        let forward =
            TRACE.replace("\"parents\":[0],\"numChildren\":1,\"agent\":1", "\"parents\":[3],\"agent\":1");
        let unordered = TRACE.replace("\"parents\":[2,1]", "\"parents\":[0]");
        for (text, says) in [
            ("[]", "txns"),
            ("{\"txns\":1}", "sequence"),
            ("{\"txns\":[{\"parents\":[-1]}]}", "-1"),
            (forward.as_str(), "not before it"),
            (unordered.as_str(), "not fully ordered"),
        ] {
            let failure = of(text).map(|_| ()).unwrap_err();
            assert_eq!(failure.code.name(), "trace-invalid", "{text}");
            assert!(failure.message.contains(says) || text == "[]", "{}", failure.message);
        }
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.json");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(TRACE.as_bytes()).unwrap();
        std::fs::write(&path, gz.finish().unwrap()).unwrap();
        let mut events = Collected::default();
        import(&path, &mut events).unwrap();
        assert_eq!(events, of(TRACE).unwrap().1);
    }
}
