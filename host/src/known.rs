//! Two small batches whose verdicts are known: what `omega doctor` has a machine reproduce, and
//! what the tests hold every engine against.
//!
//! The logs come out of the generator, so their bytes are pinned too: a machine that makes other
//! logs is told apart from one that judges otherwise.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use data_encoding::HEXLOWER;
use omega_kernel::body::Body;
use omega_kernel::event::EventHeader;
use omega_kernel::wire::PayloadRef;

use crate::check::{self, Log};
use crate::engine::Kernel;
use crate::failure::Failure;
use crate::map::Source;
use crate::produce::generate::{Ids, Plan, generate};
use crate::produce::plant::Conflict;
use crate::produce::sink::EventSink;
use crate::produce::writer::LogWriter;

/// A batch and what must come out of it.
#[derive(Debug)]
pub struct KnownBatch {
    /// What it is called.
    pub name: &'static str,
    /// Its logs.
    pub logs: Vec<Source>,
    /// What they must be and what must come out.
    pub expected: Pins,
    /// What the logs are on this machine.
    pub logs_hash: String,
}

/// What is pinned of a batch. Hashes in lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pins {
    /// BLAKE3 of all logs, one behind the other.
    pub logs_hash: &'static str,
    /// Whether they merge.
    pub merged: bool,
    /// The body hash, which a certificate carries.
    pub body_hash: &'static str,
    /// Root of the state that is left.
    pub state_root: &'static str,
}

/// Three writers' logs and a copy of the first: one history.
const AGREEING: Pins = Pins {
    logs_hash: "66bc67963300413fb0c7ce41b8a77f2d9f21c2a53ebd539404a1e609ba9215bb",
    merged: true,
    body_hash: "26a78e02908b9b5ead5051cf2d414f12e350e28f399bd92175554228f063cf82",
    state_root: "18038d9e20d98851b6a5dad36b9d3d07237ed94521aa2a44273cf37200958842",
};

/// Two logs with different events under one id: 3001.
const CONFLICTING: Pins = Pins {
    logs_hash: "f35da84d7294bd949c677af2ffebac01285d43b4057ca06d8b0ba9fc605d7606",
    merged: false,
    body_hash: "516379c960743b6e92009e32bcfae819b4ba9c7a80fd1cbbf260c99a45987b8b",
    state_root: "4fb70223afa6c79afcbcb709b2cd4a4a278ae8508e8d811f843eda5063e60512",
};

/// What a kernel made of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whether the logs merged.
    pub merged: bool,
    /// The body hash.
    pub body_hash: String,
    /// Root of the state that is left.
    pub state_root: String,
}

impl KnownBatch {
    /// Both batches: the agreeing one first.
    ///
    /// # Errors
    /// None on a machine that is sound.
    pub fn all() -> Result<[Self; 2], Failure> {
        let plan = Plan {
            count: 60,
            seed: 2026,
            nodes: 3,
            streams: 2,
            payload: 100,
            deps: 2,
            ids: Ids::Random,
            conflict: None,
        };
        let mut writers = ByNode::default();
        generate(&plan, &mut writers, None)?;
        let mut logs = writers.0.into_values().map(LogWriter::into_inner).collect::<Result<Vec<_>, _>>()?;
        // The same events under the same name: an id that several logs hold is no conflict by itself.
        logs.extend(logs.first().cloned());
        let agreeing = logs.into_iter().map(|(bytes, written)| Source::from_bytes(written.name, bytes));

        let (mut first, mut second) = (in_memory("first")?, in_memory("second")?);
        let plan = Plan { conflict: Some(Conflict::OverlapAgreement), ..plan };
        generate(&plan, &mut first, Some(&mut second))?;
        let conflicting = [("first", first), ("second", second)]
            .into_iter()
            .map(|(name, log)| Ok(Source::from_bytes(name, log.into_inner()?.0)))
            .collect::<Result<_, Failure>>()?;
        Ok([
            KnownBatch::new("agreeing", agreeing.collect(), AGREEING)?,
            KnownBatch::new("conflicting", conflicting, CONFLICTING)?,
        ])
    }

    fn new(name: &'static str, logs: Vec<Source>, expected: Pins) -> Result<Self, Failure> {
        let mut hasher = blake3::Hasher::new();
        for log in &logs {
            hasher.update(&log.read_all(log.len())?);
        }
        Ok(KnownBatch { name, logs, expected, logs_hash: hasher.finalize().to_hex().to_string() })
    }

    /// Whether this machine made the logs that are pinned.
    pub fn logs_are_right(&self) -> bool {
        self.logs_hash == self.expected.logs_hash
    }

    /// Judges the batch from genesis.
    ///
    /// # Errors
    /// Whatever the engine failed with.
    pub fn judge(&self, kernel: &Kernel, replay_seed: u64) -> Result<Found, Failure> {
        let logs: Vec<_> = self.logs.iter().map(Log::whole).collect();
        let judged = check::judge(kernel, &mut kernel.session()?, &logs, replay_seed, &mut |_| Ok(()))?;
        Ok(Found {
            merged: judged.verdict.merged,
            body_hash: HEXLOWER.encode(&Body::split(&judged.verdict.body)?.hash()),
            state_root: HEXLOWER.encode(&judged.state.root()),
        })
    }
}

impl Pins {
    /// Whether this is what must come out.
    pub fn are_met_by(&self, found: &Found) -> bool {
        self.merged == found.merged
            && self.body_hash == found.body_hash
            && self.state_root == found.state_root
    }
}

/// One log in memory for each writer.
#[derive(Default)]
struct ByNode(BTreeMap<u32, LogWriter<Vec<u8>>>);

impl EventSink for ByNode {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let log = match self.0.entry(header.node) {
            Entry::Vacant(place) => place.insert(in_memory(&format!("node-{}", header.node))?),
            Entry::Occupied(log) => log.into_mut(),
        };
        log.event(header, payload)
    }
}

fn in_memory(name: &str) -> Result<LogWriter<Vec<u8>>, Failure> {
    LogWriter::new(Vec::new(), Path::new(name), name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Mode, Options};

    #[test]
    fn the_native_kernel_meets_the_pins() {
        let kernel = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() }).unwrap();
        for batch in KnownBatch::all().unwrap() {
            let found = batch.judge(&kernel, 0).unwrap();
            assert!(
                batch.logs_are_right() && batch.expected.are_met_by(&found),
                "{}: logs {}, {found:#?}",
                batch.name,
                batch.logs_hash
            );
        }
    }
}
