//! Deterministic events: one seed, the same bytes everywhere.
//!
//! Three independent streams of pseudo-random bytes, for choices, ids and payloads, are BLAKE3's
//! extendable output: `derive_key("omega-sheaf 2026-11 generator CHOICES|IDS|PAYLOADS", seed as 8
//! bytes little-endian)`. So a longer payload changes no id, and more dependencies change no payload.
//!
//! Each event picks a writer (node 1…N, stream 0…S-1) and `deps` distinct events among the last 4,096
//! (all of them while there are fewer). Its Lamport time is 1 + the greatest of its predecessor's in the
//! stream and of its dependencies'. So the events agree, unless a conflict was asked for
//! ([`super::plant`]).

use blake3::{Hasher, OutputReader};
use omega_kernel::event::EventHeader;
use omega_kernel::hash;
use omega_kernel::limits::{MAX_DEPS, MAX_PAYLOAD_BYTES};
use omega_kernel::wire::PayloadRef;

use super::plant::{self, Conflict};
use super::progress::Progress;
use super::sink::EventSink;
use crate::failure::Failure;

/// Dependencies are picked among this many last events.
const DEP_WINDOW: u64 = 4096;
/// Sequences that a generator keeps track of.
const MAX_SEQUENCES: u64 = 1 << 20;
/// First 48 bits of the first time-ordered id.
const FIRST_TIME: u128 = 1_700_000_000_000;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Events in all, the planted ones included.
    pub count: u64,
    /// Fixes everything that is not fixed here.
    pub seed: u64,
    /// Writers.
    pub nodes: u32,
    /// Streams of each writer.
    pub streams: u16,
    /// Bytes in each payload.
    pub payload: u32,
    /// Dependencies of each event.
    pub deps: u32,
    /// What ids look like.
    pub ids: Ids,
    /// The violation to plant.
    pub conflict: Option<Conflict>,
}

/// What ids look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ids {
    /// 112 random bits
    Random,
    /// 48 bits that count up like a clock, then 64 random bits
    TimeOrdered,
}

impl Plan {
    /// Refuses what cannot be generated.
    pub fn check(&self) -> Result<(), Failure> {
        if u64::from(self.payload) > MAX_PAYLOAD_BYTES {
            return Err(Failure::usage(format!("--payload is at most {MAX_PAYLOAD_BYTES} bytes")));
        }
        if self.deps > MAX_DEPS {
            return Err(Failure::usage(format!("--deps is at most {MAX_DEPS}")));
        }
        if self.nodes == 0 || self.streams == 0 {
            return Err(Failure::usage("--nodes and --streams are at least 1"));
        }
        if !super::event::is_linked_stream(self.streams - 1) {
            return Err(Failure::usage("--streams is at most 32768: higher ones are causal-only"));
        }
        if u64::from(self.nodes) * u64::from(self.streams) > MAX_SEQUENCES {
            return Err(Failure::usage(format!("--nodes times --streams is at most {MAX_SEQUENCES}")));
        }
        if self.conflict.is_some() && self.count < plant::EVENTS {
            return Err(Failure::usage(format!("a conflict takes at least {} events", plant::EVENTS)));
        }
        Ok(())
    }
}

/// Generates the events into `sink`; those of a second log, which some conflicts need, into `second`.
pub fn generate(
    plan: &Plan,
    sink: &mut dyn EventSink,
    second: Option<&mut dyn EventSink>,
) -> Result<(), Failure> {
    plan.check()?;
    let progress = Progress::start("generating", Some(plan.count));
    let mut generator = Generator::new(plan);
    let (mut header, mut payload) = (empty_header(), Vec::new());
    let ordinary = plan.count - if plan.conflict.is_some() { plant::EVENTS } else { 0 };
    for done in 0..ordinary {
        progress.at(done)?;
        let writer = generator.choices.below(generator.last.len() as u64);
        generator.event(writer as usize, plan.deps, &mut header, &mut payload);
        sink.event(&header, PayloadRef::Present { bytes: &payload, salt: None })?;
    }
    match plan.conflict {
        Some(conflict) => plant::plant(conflict, &mut generator, sink, second),
        None => Ok(()),
    }
}

/// Makes one event after the other.
#[derive(Debug)]
pub struct Generator {
    choices: Draw,
    ids: Draw,
    payloads: Draw,
    id_form: Ids,
    streams: u16,
    payload_bytes: usize,
    /// Id and Lamport time of the last events, by index modulo the window.
    recent: Vec<(u128, u64)>,
    /// Id and Lamport time of each sequence's last event.
    last: Vec<(u128, u64)>,
    made: u64,
}

impl Generator {
    /// Starts before the first event.
    pub fn new(plan: &Plan) -> Self {
        Generator {
            choices: Draw::new("omega-sheaf 2026-11 generator CHOICES", plan.seed),
            ids: Draw::new("omega-sheaf 2026-11 generator IDS", plan.seed),
            payloads: Draw::new("omega-sheaf 2026-11 generator PAYLOADS", plan.seed),
            id_form: plan.ids,
            streams: plan.streams,
            payload_bytes: plan.payload as usize,
            recent: Vec::with_capacity(DEP_WINDOW as usize),
            last: vec![(0, 0); plan.nodes as usize * usize::from(plan.streams)],
            made: 0,
        }
    }

    /// The next event of a sequence.
    pub fn event(&mut self, writer: usize, deps: u32, header: &mut EventHeader, payload: &mut Vec<u8>) {
        let (prev, before) = self.last[writer];
        header.node = (writer / usize::from(self.streams)) as u32 + 1;
        header.stream = (writer % usize::from(self.streams)) as u16;
        header.prev = prev;
        header.id = self.id();
        header.lamport = 1 + before.max(self.deps(deps, &mut header.deps));
        payload.resize(self.payload_bytes, 0);
        self.payloads.fill(payload);
        header.payload_len = payload.len() as u64;
        header.payload_hash = hash::plain(payload);

        self.last[writer] = (header.id, header.lamport);
        let slot = (self.made % DEP_WINDOW) as usize;
        match self.recent.get_mut(slot) {
            Some(recent) => *recent = (header.id, header.lamport),
            None => self.recent.push((header.id, header.lamport)),
        }
        self.made += 1;
    }

    /// A fresh id, which a planted violation may name without there being such an event.
    pub fn id(&mut self) -> u128 {
        let random = self.ids.u128();
        match self.id_form {
            Ids::Random => (random >> 16).max(1),
            Ids::TimeOrdered => {
                let time = (FIRST_TIME + u128::from(self.made)) & ((1 << 48) - 1);
                time << 64 | random >> 64
            }
        }
    }

    /// 32 random bytes.
    pub fn hash(&mut self) -> [u8; 32] {
        let mut out = [0; 32];
        self.choices.fill(&mut out);
        out
    }

    /// Picks distinct recent events, ascending; returns their greatest Lamport time.
    fn deps(&mut self, wanted: u32, deps: &mut Vec<u128>) -> u64 {
        deps.clear();
        let mut lamport = 0;
        let wanted = wanted as usize;
        if self.recent.len() <= wanted {
            for &(id, time) in &self.recent {
                deps.push(id);
                lamport = lamport.max(time);
            }
            deps.sort_unstable();
            deps.truncate(wanted);
            return lamport;
        }
        while deps.len() < wanted {
            let (id, time) = self.recent[self.choices.below(self.recent.len() as u64) as usize];
            if let Err(slot) = deps.binary_search(&id) {
                deps.insert(slot, id);
                lamport = lamport.max(time);
            }
        }
        lamport
    }
}

/// A header to be filled by [`Generator::event`].
pub fn empty_header() -> EventHeader {
    EventHeader {
        lamport: 0,
        node: 0,
        stream: 0,
        id: 0,
        prev: 0,
        claim: None,
        payload_len: 0,
        payload_hash: [0; 32],
        deps: Vec::new(),
    }
}

/// Pseudo-random bytes.
struct Draw {
    output: OutputReader,
    buffer: Vec<u8>,
    at: usize,
}

impl std::fmt::Debug for Draw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draw").field("position", &self.output.position()).finish_non_exhaustive()
    }
}

/// Bytes of output made at once: BLAKE3 makes several blocks side by side.
const DRAW_BYTES: usize = 16 << 10;

impl Draw {
    fn new(context: &str, seed: u64) -> Self {
        let output = Hasher::new_derive_key(context).update(&seed.to_le_bytes()).finalize_xof();
        Draw { output, buffer: vec![0; DRAW_BYTES], at: DRAW_BYTES }
    }

    fn fill(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            if self.at == DRAW_BYTES {
                self.output.fill(&mut self.buffer);
                self.at = 0;
            }
            let taken = out.len().min(DRAW_BYTES - self.at);
            let (now, later) = out.split_at_mut(taken);
            now.copy_from_slice(&self.buffer[self.at..self.at + taken]);
            self.at += taken;
            out = later;
        }
    }

    fn u128(&mut self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// A number below `end`: 64 random bits scaled down; `end` is far below 2^32, so no number is
    /// noticeably likelier than another.
    fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        ((u128::from(u64::from_le_bytes(bytes)) * u128::from(end)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sink::JsonFile;
    use super::super::testing::{Collected, judge};
    use super::super::writer::{LogWriter, Logs, SplitBy};
    use super::super::{event_json, reading};
    use super::*;

    fn plan(count: u64) -> Plan {
        Plan { count, seed: 7, nodes: 3, streams: 2, payload: 33, deps: 2, ids: Ids::Random, conflict: None }
    }

    fn collect(plan: &Plan) -> Vec<(EventHeader, Vec<u8>)> {
        let mut events = Collected::default();
        generate(plan, &mut events, None).unwrap();
        events.0
    }

    fn log_of(plan: &Plan) -> Vec<u8> {
        let mut log = LogWriter::new(Vec::new(), Path::new("g"), "g").unwrap();
        for (header, payload) in collect(plan) {
            log.event(&header, PayloadRef::Present { bytes: &payload, salt: None }).unwrap();
        }
        log.into_inner().unwrap().0
    }

    #[test]
    fn a_seed_gives_the_same_bytes_for_ever() {
        let log = log_of(&plan(50));
        assert_eq!(log, log_of(&plan(50)));
        assert_ne!(log, log_of(&Plan { seed: 8, ..plan(50) }));
        assert_eq!(
            blake3::hash(&log).to_hex().as_str(),
            "effe5450de26118666ec62f53615e9c849ffee18f409b66e216c2d620d1674c8",
            "the generator's output is part of what its documentation promises"
        );
    }

    #[test]
    fn lengths_do_not_change_ids_nor_choices() {
        let (short, long) = (collect(&plan(40)), collect(&Plan { payload: 4000, ..plan(40) }));
        for (a, b) in short.iter().zip(&long) {
            assert_eq!(
                (a.0.id, a.0.lamport, &a.0.deps, a.0.prev),
                (b.0.id, b.0.lamport, &b.0.deps, b.0.prev)
            );
        }
        assert_eq!(
            collect(&plan(40))[..30],
            collect(&plan(30))[..],
            "a longer run starts like a shorter one"
        );
    }

    #[test]
    fn generated_events_agree() {
        let events = 6000;
        let (merged, coverage) = judge(&[log_of(&plan(events))]);
        assert!(merged);
        assert!(coverage.values().all(|&(_, violated)| violated == 0), "{coverage:?}");
        assert_eq!(coverage[&1001].0, events);
        for deps in [0, 5, 1024] {
            assert!(judge(&[log_of(&Plan { deps, ..plan(1500) })]).0, "{deps} deps");
        }
        let ordered = Plan { ids: Ids::TimeOrdered, ..plan(500) };
        assert!(judge(&[log_of(&ordered)]).0);
        assert!(collect(&ordered).windows(2).all(|pair| pair[0].0.id < pair[1].0.id));
    }

    #[test]
    fn a_split_holds_the_same_events_and_json_mirrors_them() {
        let dir = tempfile::tempdir().unwrap();
        let (omega, json, lines) =
            (dir.path().join("g.omega"), dir.path().join("g.json"), dir.path().join("g.jsonl"));
        let mut logs = Logs::create(&omega, Some(SplitBy::Node), false).unwrap();
        generate(&plan(200), &mut logs, None).unwrap();
        let written = logs.finish().unwrap();
        assert_eq!(written.len(), 4);
        let parts: Vec<Vec<u8>> =
            written[1..].iter().map(|log| reading::read_file(&log.path).unwrap()).collect();
        assert!(judge(&parts).0);
        assert_eq!(written[1..].iter().map(|log| log.events).sum::<u64>(), 200);
        for (path, is_lines) in [(&json, false), (&lines, true)] {
            let mut file = JsonFile::create(path, is_lines, false).unwrap();
            generate(&plan(200), &mut file, None).unwrap();
            file.finish().unwrap();
            let (log, written) =
                event_json::to_temporary_log(std::fs::File::open(path).unwrap(), path).unwrap();
            assert_eq!(written.name, "g");
            assert_eq!(std::fs::read(log.path()).unwrap(), std::fs::read(&omega).unwrap());
        }
    }

    #[test]
    fn impossible_plans_are_refused() {
        for wrong in [
            Plan { payload: 1 << 20 | 1, ..plan(1) },
            Plan { deps: 1025, ..plan(1) },
            Plan { nodes: 0, ..plan(1) },
            Plan { streams: 0, ..plan(1) },
            Plan { streams: 0x8001, ..plan(1) },
            Plan { nodes: u32::MAX, ..plan(1) },
            Plan { conflict: Some(Conflict::EventUnique), ..plan(2) },
        ] {
            assert_eq!(wrong.check().unwrap_err().code.exit(), 2, "{wrong:?}");
        }
        assert_eq!(collect(&plan(0)).len(), 0);
    }
}
