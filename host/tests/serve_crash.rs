//! Killed at random moments under load: whatever was acknowledged is there, whatever was announced
//! stands, and the node goes on.

mod support {
    pub mod node;
    pub mod stream;
}

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use omega_kernel::cert_log::{Record, Records};
use omega_kernel::certificate::Certificate;
use omega_kernel::event::EventHeader;
use omega_kernel::frame::{Frames, LogHeader, write_frame};
use omega_kernel::hash;
use omega_kernel::wire::{Message, PayloadRef, encode_event};
use serde_json::Value;
use support::node::{Node, Start, run};
use support::stream::Stream;

const WRITERS: u32 = 3;
const OMEGA: &str = "application/vnd.omega.log";

/// A writer, and what it knows to be on disk.
struct Writer {
    node: u32,
    next: u64,
    acknowledged: u64,
    refused: u64,
}

impl Writer {
    /// A log of events with numbers from one on.
    fn body(&self, count: u64, payload: usize) -> Vec<u8> {
        let mut log = LogHeader::new(&format!("writer-{}", self.node)).unwrap().encode().to_vec();
        for lamport in self.next..self.next + count {
            let payload: Vec<u8> = (0..payload).map(|at| (lamport as u8).wrapping_add(at as u8)).collect();
            let id = |lamport: u64| u128::from(self.node) << 64 | u128::from(lamport);
            let header = EventHeader {
                lamport,
                node: self.node,
                stream: 0,
                id: id(lamport),
                prev: if lamport > 1 { id(lamport - 1) } else { 0 },
                claim: None,
                payload_len: payload.len() as u64,
                payload_hash: hash::payload(&payload, None),
                deps: vec![],
            };
            let mut message = Vec::new();
            encode_event(&header, PayloadRef::Present { bytes: &payload, salt: None }, &mut message);
            write_frame(&message, &mut log);
        }
        log
    }

    /// Sends until the node is gone. What was not acknowledged is sent again by the next call.
    fn write(&mut self, node: &Node) {
        for count in (1..60).cycle() {
            let body = self.body(count, 100);
            loop {
                match node.try_post("/api/events", OMEGA, &body) {
                    Ok(answer) if answer.status == 429 => thread::sleep(Duration::from_millis(2)),
                    Ok(answer) if answer.status == 503 => self.refused += 1,
                    Ok(answer) => {
                        let taken = answer.ok();
                        let sum = taken["accepted"].as_u64().unwrap() + taken["duplicates"].as_u64().unwrap();
                        assert_eq!(sum, count);
                        break;
                    }
                    Err(_) => return,
                }
            }
            self.next += count;
            self.acknowledged = self.next - 1;
        }
    }
}

/// Events in the segments, as anybody can read them: by log, the highest of each writer without a gap.
fn stored(folder: &Path) -> BTreeMap<u32, u64> {
    let mut ids: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for entry in fs::read_dir(folder.join("node/segments")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "omega") {
            continue;
        }
        let bytes = fs::read(path).unwrap();
        let Ok((_, frames)) = Frames::new(&bytes) else { continue };
        for frame in frames.map_while(Result::ok) {
            if let Message::Event(event) = frame.message {
                ids.entry((event.id >> 64) as u32).or_default().push(event.id as u64);
            }
        }
    }
    let without_gap = |mut ids: Vec<u64>| {
        ids.sort_unstable();
        ids.dedup();
        (1..).zip(ids).take_while(|(number, id)| number == id).count() as u64
    };
    ids.into_iter().map(|(node, ids)| (node, without_gap(ids))).collect()
}

/// Chain hashes by height.
fn chain(folder: &Path) -> BTreeMap<u64, String> {
    let log = fs::read(folder.join("node/cert.log")).unwrap_or_default();
    let mut chain = BTreeMap::new();
    for entry in Records::new(&log).into_iter().flatten().map_while(Result::ok) {
        if let Record::Certificate(bytes) = entry.record {
            let certificate = Certificate::decode(bytes).unwrap();
            let hash = data_encoding::HEXLOWER.encode(&certificate.chain_hash());
            assert_eq!(chain.insert(certificate.fields().height, hash), None);
        }
    }
    chain
}

/// A number that differs each time, the same in every run.
fn dice(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn killed(times: u64) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut writers: Vec<_> =
        (1..=WRITERS).map(|node| Writer { node, next: 1, acknowledged: 0, refused: 0 }).collect();
    let mut announced: BTreeMap<u64, String> = BTreeMap::new();
    let (mut seed, mut slowest) = (7, 0);
    // Snapshots often, so that some kills hit them.
    let start = Start::default().on(&folder).arg(&["--snapshot-events", "500", "--audit-seconds", "1"]);
    for kill in 0..times {
        if kill % 4 == 3 {
            start.clone().killed_after(Duration::from_millis(dice(&mut seed, 120)));
        }
        let node = start.clone().node();
        slowest = slowest.max(node.started["started_ms"].as_u64().unwrap());
        let pause = Duration::from_millis(20 + dice(&mut seed, 600));
        let last = announced.keys().next_back().copied().unwrap_or(0);
        let (going, node_) = (AtomicBool::new(true), &node);
        thread::scope(|scope| {
            for writer in &mut writers {
                scope.spawn(|| writer.write(node_));
            }
            let listening = scope.spawn(|| {
                let mut heard = Vec::new();
                let mut stream = Stream::after(node_, last);
                while let Some(told) = stream.next() {
                    let stated: Value = serde_json::from_str(&told.data).unwrap_or_default();
                    if let (Some(height), Some(hash)) = (told.id, stated["chain_hash"].as_str()) {
                        heard.push((height, hash.to_owned()));
                    }
                }
                heard
            });
            thread::sleep(pause);
            node_.signal("KILL");
            going.store(false, Ordering::Relaxed);
            announced.extend(listening.join().unwrap());
        });
        drop(node);
        // As the crash left it.
        let (there, chain) = (stored(folder.path()), chain(folder.path()));
        for writer in &writers {
            let held = there.get(&writer.node).copied().unwrap_or(0);
            assert!(held >= writer.acknowledged, "kill {kill}: {held} of {}", writer.acknowledged);
        }
        for (height, hash) in &announced {
            assert_eq!(chain.get(height), Some(hash), "kill {kill}: height {height} was announced");
        }
    }
    // Everything is judged, and the chain is sound.
    let node = start.node();
    let mut total = 0;
    for writer in &writers {
        for number in [1, writer.acknowledged / 2, writer.acknowledged] {
            let path = format!("/api/events/{:032x}", u128::from(writer.node) << 64 | u128::from(number));
            let held = || node.get(&path).ok()["held"][0]["state"].clone();
            let accepted = (0..500).any(|_| {
                thread::sleep(Duration::from_millis(10));
                held() == "accepted"
            });
            assert!(accepted, "{path}: {}", held());
        }
        total += writer.acknowledged;
    }
    let status = node.status();
    assert!(status["readiness"]["ready"].as_bool().unwrap(), "{status:#}");
    assert!(status["accepted_ids"].as_str().unwrap().parse::<u64>().unwrap() >= total, "{status:#}");
    let conflicts = node.get("/api/incidents").ok();
    let kinds = conflicts["incidents"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap());
    assert!(kinds.clone().all(|kind| kind == "torn-tail"), "{conflicts:#}");
    node.stop();
    let key = fs::read_to_string(folder.path().join("node/node.pub")).unwrap();
    fs::write(folder.path().join("trusted.pub"), key).unwrap();
    run(folder.path(), &["verify", "--cert-log", "node/cert.log", "--trust", "trusted.pub"], 0);
    println!(
        "{times} kills: {total} acknowledged events, {} certificates announced, slowest start {slowest} ms",
        announced.len()
    );
}

#[test]
fn twenty_kills_lose_nothing() {
    killed(20);
}

#[test]
#[ignore = "long: make test-full"]
fn two_hundred_kills_lose_nothing() {
    killed(200);
}

#[test]
#[ignore = "long: make test-full"]
fn it_starts_in_two_seconds_with_a_million_events() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let node = Start::default().on(&folder).node();
    thread::scope(|scope| {
        for writer in 1..=4 {
            let node = &node;
            scope.spawn(move || {
                let mut writer = Writer { node: writer, next: 1, acknowledged: 0, refused: 0 };
                for _ in 0..250 {
                    let body = writer.body(1000, 256);
                    while node.post("/api/events", OMEGA, &body).status == 429 {
                        thread::sleep(Duration::from_millis(5));
                    }
                    writer.next += 1000;
                }
            });
        }
    });
    // A crash, with what came since the last snapshot to be judged again; then a clean end.
    let folder = node.kill();
    let crashed = Start::default().on(&folder).node();
    let after_crash = crashed.started.clone();
    crashed.stop();
    let node = Start::default().on(&folder).node();
    println!("after a crash: {after_crash}\nafter an end: {}", node.started);
    assert_eq!(node.status()["accepted_ids"], "1000000");
    assert!(node.started["started_ms"].as_u64().unwrap() < 2000, "{}", node.started);
}

#[test]
fn an_end_loses_no_request_that_is_under_way() {
    for round in 0..6 {
        let node = Start::default().node();
        let folder = Arc::clone(&node.folder);
        let counts: Vec<(u64, u64)> = thread::scope(|scope| {
            let node = &node;
            let write = move |number| {
                let mut writer = Writer { node: number, next: 1, acknowledged: 0, refused: 0 };
                writer.write(node);
                (writer.acknowledged, writer.refused)
            };
            let writing: Vec<_> = (1..=WRITERS).map(|number| scope.spawn(move || write(number))).collect();
            thread::sleep(Duration::from_millis(150 + 20 * round));
            node.signal("TERM");
            writing.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let ended = node.end();
        let there = stored(folder.path());
        for (number, (acknowledged, _)) in (1..).zip(&counts) {
            // An answer was given to whatever was taken in: nothing more is there than was acknowledged.
            assert_eq!(there.get(&number).copied().unwrap_or(0), *acknowledged, "{counts:?}");
        }
        let start = Start::default().on(&folder).node();
        let total: u64 = counts.iter().map(|(acknowledged, _)| acknowledged).sum();
        assert_eq!(start.status()["accepted_ids"], total.to_string());
        assert_eq!(start.started["height"], ended["height"], "judged before the end");
        assert_eq!(start.started["replayed"], 0);
    }
}

#[test]
fn an_end_waits_for_a_request_whose_body_is_still_on_its_way() {
    let node = Start::default().node();
    let body = Writer { node: 1, next: 1, acknowledged: 0, refused: 0 }.body(3, 100);
    let mut socket = TcpStream::connect(node.url.split("//").nth(1).unwrap()).unwrap();
    let (token, length) = (&node.token, body.len());
    let head = format!(
        "POST /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {OMEGA}\r\ncontent-length: {length}\r\n\r\n"
    );
    socket.write_all(&[head.as_bytes(), &body[..50]].concat()).unwrap();
    thread::sleep(Duration::from_millis(300));
    node.signal("TERM");
    thread::sleep(Duration::from_millis(700));
    socket.write_all(&body[50..]).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let folder = Arc::clone(&node.folder);
    node.end();
    assert_eq!(Start::default().on(&folder).node().status()["accepted_ids"], "3");
}
