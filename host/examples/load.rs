//! Sends events to a node as fast as it takes them, or at a rate, and says how long each request took.
//!
//! ```text
//! cargo run --release --example load -- --url http://127.0.0.1:4000 --token-file node/token \
//!     --seconds 20 --connections 4 --format omega [--rate 50000]
//! ```
//!
//! Each connection is a writer with a log of its own. Everything that is sent is made before the clock
//! starts. With `--rate`, requests are due at fixed times, and a request that had to wait for the one
//! before it counts from when it was due: a node that stalls cannot hide it.

#![allow(clippy::float_arithmetic, reason = "times are measured, and nothing of it is certified")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use omega_kernel::event::EventHeader;
use omega_kernel::wire::PayloadRef;
use omega_sheaf::failure::Failure;
use omega_sheaf::produce::event_json::write_event;
use omega_sheaf::produce::generate::{Ids, Plan, generate};
use omega_sheaf::produce::sink::EventSink;
use omega_sheaf::produce::writer::LogWriter;
use serde_json::json;

#[derive(Debug, Clone, Parser)]
struct Args {
    /// Where the node listens
    #[arg(long, default_value = "http://127.0.0.1:4000")]
    url: String,
    /// File with a token that may append
    #[arg(long)]
    token_file: PathBuf,
    /// Connections, each a writer
    #[arg(long, default_value_t = 4)]
    connections: u32,
    /// Events in a request
    #[arg(long, default_value_t = 1000)]
    events: u64,
    /// Bytes in a payload
    #[arg(long, default_value_t = 256)]
    payload: u32,
    /// Dependencies of an event
    #[arg(long, default_value_t = 2)]
    deps: u32,
    /// How events are written
    #[arg(long, value_enum, default_value_t = Format::Omega)]
    format: Format,
    /// How long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Events a second in all; without it, as fast as they are taken
    #[arg(long)]
    rate: Option<u64>,
    /// Events in all, at most: what is made beforehand
    #[arg(long, default_value_t = 2_000_000)]
    most: u64,
    /// Fixes the events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first writer
    #[arg(long, default_value_t = 1)]
    first_node: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Omega,
    Json,
}

/// Cuts events into bodies.
struct Bodies {
    node: u32,
    events: u64,
    format: Format,
    log: LogWriter<Vec<u8>>,
    json: Vec<u8>,
    count: u64,
    done: Vec<Vec<u8>>,
}

impl Bodies {
    fn new(args: &Args, connection: u32) -> Self {
        let node = args.first_node + connection;
        let (json, log) = (vec![b'['], log_of(node));
        Bodies { node, events: args.events, format: args.format, log, json, count: 0, done: Vec::new() }
    }

    fn end(&mut self) {
        let log = std::mem::replace(&mut self.log, log_of(self.node));
        let mut json = std::mem::replace(&mut self.json, vec![b'[']);
        json.push(b']');
        let body = match self.format {
            Format::Omega => log.into_inner().expect("memory takes it").0,
            Format::Json => json,
        };
        self.done.push(body);
        self.count = 0;
    }
}

fn log_of(node: u32) -> LogWriter<Vec<u8>> {
    let name = format!("load-{node}");
    LogWriter::new(Vec::new(), name.as_ref(), &name).expect("a log's name")
}

impl EventSink for Bodies {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let header = EventHeader { node: self.node, ..header.clone() };
        match self.format {
            Format::Omega => self.log.event(&header, payload)?,
            Format::Json => {
                if self.count > 0 {
                    self.json.push(b',');
                }
                write_event(&header, payload, &mut self.json)?;
            }
        }
        self.count += 1;
        if self.count == self.events {
            self.end();
        }
        Ok(())
    }
}

#[derive(Default)]
struct Outcome {
    microseconds: Vec<u64>,
    events: u64,
    refused: u64,
    failed: u64,
}

fn main() {
    let args = Args::parse();
    let token = std::fs::read_to_string(&args.token_file).expect("the token's file").trim().to_owned();
    let each = args.most / u64::from(args.connections);
    let makers: Vec<_> = (0..args.connections)
        .map(|connection| {
            let args = args.clone();
            thread::spawn(move || {
                let mut bodies = Bodies::new(&args, connection);
                let (payload, deps) = (args.payload, args.deps);
                let seed = args.seed * 10_007 + u64::from(connection);
                let count = each / args.events * args.events;
                let ids = Ids::TimeOrdered;
                let plan = Plan { count, seed, nodes: 1, streams: 1, payload, deps, ids, conflict: None };
                generate(&plan, &mut bodies, None).expect("events are made");
                bodies.done
            })
        })
        .collect();
    let bodies: Vec<_> = makers.into_iter().map(|maker| maker.join().expect("events are made")).collect();
    let sent = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let senders: Vec<_> = bodies
        .into_iter()
        .enumerate()
        .map(|(connection, bodies)| {
            let (args, token, sent) = (args.clone(), token.clone(), Arc::clone(&sent));
            thread::spawn(move || send(&args, &token, connection, bodies, begun, &sent))
        })
        .collect();
    let mut all = Outcome::default();
    for sender in senders {
        let outcome = sender.join().expect("a connection");
        all.microseconds.extend(outcome.microseconds);
        all.events += outcome.events;
        all.refused += outcome.refused;
        all.failed += outcome.failed;
    }
    let seconds = begun.elapsed().as_secs_f64();
    all.microseconds.sort_unstable();
    let at = |percent: usize| all.microseconds.get(all.microseconds.len() * percent / 100).copied();
    let report = json!({
        "events": all.events,
        "requests": all.microseconds.len(),
        "refused": all.refused,
        "failed": all.failed,
        "seconds": seconds,
        "microseconds": {
            "p50": at(50), "p90": at(90), "p99": at(99), "max": all.microseconds.last(),
        },
    });
    println!("{report}");
}

fn send(
    args: &Args,
    token: &str,
    connection: usize,
    bodies: Vec<Vec<u8>>,
    begun: Instant,
    sent: &AtomicU64,
) -> Outcome {
    let agent =
        ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let url = format!("{}/api/events", args.url);
    let kind = match args.format {
        Format::Omega => "application/vnd.omega.log",
        Format::Json => "application/json",
    };
    let end = begun + Duration::from_secs(args.seconds);
    // Each connection sends its share; they take turns.
    let gap = args.rate.map(|rate| {
        Duration::from_nanos(1_000_000_000 * args.events * u64::from(args.connections) / rate.max(1))
    });
    let offset = gap.map_or(Duration::ZERO, |gap| gap * connection as u32 / args.connections);
    let mut outcome = Outcome::default();
    for (number, body) in bodies.iter().enumerate() {
        let due = gap.map(|gap| begun + offset + gap * number as u32);
        if due.unwrap_or_else(Instant::now) >= end {
            break;
        }
        thread::sleep(due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now())));
        let from = due.unwrap_or_else(Instant::now);
        loop {
            let request = agent.post(&url).header("authorization", &format!("Bearer {token}"));
            let status = match request.content_type(kind).send(&body[..]) {
                Ok(mut response) => {
                    let status = response.status().as_u16();
                    let _ = response.body_mut().read_to_string();
                    status
                }
                Err(error) => {
                    // A node that is gone does not come back within a run.
                    eprintln!("connection {connection}: {error}");
                    outcome.failed += 1;
                    return outcome;
                }
            };
            match status {
                200 => {
                    outcome.microseconds.push(from.elapsed().as_micros() as u64);
                    outcome.events += args.events;
                    sent.fetch_add(args.events, Ordering::Relaxed);
                    break;
                }
                429 => {
                    outcome.refused += 1;
                    thread::sleep(Duration::from_millis(20));
                }
                _ => {
                    outcome.failed += 1;
                    break;
                }
            }
        }
    }
    outcome
}
