//! What others make of the same events, on the same machine: 256 bytes each, 1,000 at a time.
//!
//! ```text
//! omega-load-peers SECONDS OMEGA JSON        rates that the node reached, in events a second
//! ```
//!
//! SQLite: WAL, synchronous=FULL, a hash chain (BLAKE3) over the rows, 1,000 rows a transaction, in this
//! process: no network stands between. NATS JetStream: file store, 4 connections, each publishes 1,000
//! and waits for all acknowledgements. It acknowledges before the disk has them (a sync every two minutes;
//! Debian's 2.9 knows no other way).

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_nats::jetstream;
use futures::future::try_join_all;
use rusqlite::{Connection, params};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

const EVENTS: u64 = 1000;
const CONNECTIONS: u64 = 4;

fn payload(number: u64) -> Vec<u8> {
    let mut payload: Vec<u8> = (0..=255).collect();
    payload[..8].copy_from_slice(&number.to_le_bytes());
    payload
}

/// Events that were taken, and how long each thousand took.
struct Done {
    events: u64,
    time: Duration,
    each: Vec<Duration>,
}

impl Done {
    fn print(mut self, name: &str, ours: [f64; 2], note: &str) {
        self.each.sort();
        let ms = |percent: usize| {
            let at = (self.each.len() * percent / 100).min(self.each.len() - 1);
            self.each[at].as_secs_f64() * 1000.0
        };
        let rate = self.events as f64 / self.time.as_secs_f64();
        println!(
            "{name:<34} {rate:>12.0} {:>9.1} {:>9.1} {:>9.1}  omega/it {:.2}, json/it {:.2}; {note}",
            ms(50),
            ms(99),
            ms(100),
            ours[0] / rate,
            ours[1] / rate,
        );
    }
}

fn sqlite(folder: &Path, length: Duration) -> Result<Done> {
    let mut base = Connection::open(folder.join("peer.sqlite"))?;
    base.pragma_update(None, "journal_mode", "WAL")?;
    base.pragma_update(None, "synchronous", "FULL")?;
    base.execute_batch("CREATE TABLE event (id INTEGER PRIMARY KEY, payload BLOB, chain BLOB)")?;
    let (mut chain, mut events, mut each) = ([0; 32], 0, Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < length {
        let at = Instant::now();
        let transaction = base.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO event VALUES (?, ?, ?)")?;
            for number in events..events + EVENTS {
                let payload = payload(number);
                chain = *blake3::Hasher::new().update(&chain).update(&payload).finalize().as_bytes();
                insert.execute(params![number.cast_signed(), payload, chain])?;
            }
        }
        transaction.commit()?;
        events += EVENTS;
        each.push(at.elapsed());
    }
    Ok(Done { events, time: begun.elapsed(), each })
}

/// A server on a free port, with its store in the folder.
async fn server(folder: &Path) -> Result<(Child, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let child = Command::new("nats-server")
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
        .arg(folder)
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("nats-server does not start (Debian: apt-get install nats-server)")?;
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((child, port))
}

async fn connection(port: u16, number: u64, begun: Instant, length: Duration) -> Result<Done> {
    let client = async_nats::connect(format!("127.0.0.1:{port}")).await?;
    let stream = jetstream::new(client);
    let (mut events, mut each) = (0, Vec::new());
    while begun.elapsed() < length {
        let at = Instant::now();
        let mut sent = Vec::with_capacity(EVENTS as usize);
        for place in 0..EVENTS {
            let payload = payload(number << 48 | (events + place));
            sent.push(stream.publish("event", payload.into()).await?.into_future());
        }
        try_join_all(sent).await?;
        events += EVENTS;
        each.push(at.elapsed());
    }
    Ok(Done { events, time: begun.elapsed(), each })
}

async fn nats(folder: &Path, length: Duration) -> Result<Done> {
    let (mut server, port) = server(folder).await?;
    let stream = jetstream::new(async_nats::connect(format!("127.0.0.1:{port}")).await?);
    stream
        .create_stream(jetstream::stream::Config {
            name: "events".to_owned(),
            subjects: vec!["event".to_owned()],
            ..Default::default()
        })
        .await?;
    let begun = Instant::now();
    let all: Vec<_> =
        (0..CONNECTIONS).map(|number| tokio::spawn(connection(port, number, begun, length))).collect();
    let (mut events, mut each) = (0, Vec::new());
    for one in all {
        let done = one.await??;
        events += done.events;
        each.extend(done.each);
    }
    let time = begun.elapsed();
    server.kill().await?;
    Ok(Done { events, time, each })
}

#[tokio::main]
async fn main() -> Result<()> {
    let numbers: Vec<f64> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [seconds, omega, json] = numbers[..] else { anyhow::bail!("three numbers: SECONDS OMEGA JSON") };
    let (length, ours) = (Duration::from_secs_f64(seconds), [omega, json]);
    let folder = tempfile::tempdir()?;
    sqlite(folder.path(), length)?.print("SQLite, 1,000 a transaction", ours, "in process");
    let note = "acknowledges before the disk has it";
    nats(&folder.path().join("jetstream"), length).await?.print(
        "NATS JetStream, 1,000 at a time",
        ours,
        note,
    );
    Ok(())
}
