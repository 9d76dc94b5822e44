//! `omega append`: one event more in a log, or a new log.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use crate::failure::Failure;
use crate::interrupt;
use crate::produce::append::{self, Appended, Request};
use crate::produce::event::{parse_id, parse_new_id, show_id};
use crate::produce::reading::{open, read_payload};
use crate::report::{Outcome, Report, plural};
use crate::sign::Signer;

/// Flags of `append`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega append --log alice.omega --node 1 --payload \"hello\"
  omega append --log alice.omega --node 1 --file photo.jpg --key omega.key
  date | omega append --log alice.omega --node 1 -
  omega append --log bob.omega --node 2 --dep ID --seen alice.omega --payload \"hi\"

The id is 112 random bits: writers share no clock and no counter. The Lamport
time is 1 + the greatest in the log, in its dependencies and in the logs named
with --seen; prev is the last event of this node and stream in the log.")]
#[command(override_usage = "\
omega append [OPTIONS] --log <FILE> --node <N>
                    <--payload <TEXT>|--file <FILE>|->")]
#[command(group = clap::ArgGroup::new("content").required(true).args(["payload", "file", "stdin"]))]
pub struct Args {
    /// The log; it is created where there is none
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,

    /// The writer's number
    #[arg(long, value_name = "N", value_parser = parse_node)]
    pub node: u32,

    /// One of the writer's streams; from 32768 on order is told by dependencies alone
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub stream: u16,

    /// An event that this one depends on (may be given several times)
    #[arg(long = "dep", value_name = "ID", value_parser = parse_id)]
    pub deps: Vec<u128>,

    /// Another log that the writer has seen: dependencies are looked up there, and the clock passes it
    #[arg(long, value_name = "LOG")]
    pub seen: Vec<PathBuf>,

    /// The payload, as text
    #[arg(long, value_name = "TEXT")]
    pub payload: Option<String>,

    /// The payload, from a file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Read the payload from standard input
    #[arg(value_name = "-", value_parser = ["-"])]
    pub stdin: Option<String>,

    /// Sign the log with this private key: it then ends with a head
    #[arg(long, value_name = "KEY")]
    pub key: Option<PathBuf>,

    /// Key the payload's hash with a random salt, so that an erased payload cannot be guessed
    #[arg(long)]
    pub salt: bool,

    /// Name of a new log [default: the file's]
    #[arg(long)]
    pub name: Option<String>,

    /// The event's id [default: random]
    #[arg(long, value_name = "ID", value_parser = parse_new_id)]
    pub id: Option<u128>,

    /// The event's Lamport time [default: the least possible]
    #[arg(long, value_name = "T")]
    pub lamport: Option<u64>,
}

/// Appends.
pub fn run(args: Args) -> Result<Report, Failure> {
    let payload = match (&args.payload, &args.file) {
        (Some(text), _) => read_payload(text.as_bytes(), Path::new("--payload"))?,
        (None, Some(path)) => read_payload(open(path)?, path)?,
        (None, None) => read_payload(interrupt::reading(io::stdin()), Path::new("-"))?,
    };
    let request = Request {
        log: args.log,
        name: args.name,
        node: args.node,
        stream: args.stream,
        deps: args.deps,
        seen: args.seen,
        id: args.id,
        lamport: args.lamport,
        payload,
        salt: args.salt.then(random_salt).transpose()?,
        signer: args.key.as_deref().map(Signer::load).transpose()?,
    };
    let done = append::append(&request)?;
    Ok(report(&request.log, &done))
}

fn report(log: &Path, done: &Appended) -> Report {
    let header = &done.header;
    let verb = if done.created { "started with" } else { "has now" };
    let report = Report::new("append", Outcome::Ok)
        .message(format!("{} {verb} {}", log.display(), plural(done.events, "event")))
        .field("log", log.display().to_string())
        .field("name", &done.name)
        .field("created", done.created)
        .field("id", show_id(header.id))
        .field("node", header.node)
        .field("stream", header.stream)
        .field("lamport", header.lamport.to_string())
        .field("prev", (header.prev != 0).then(|| show_id(header.prev)))
        .field("deps", header.deps.iter().map(|&dep| show_id(dep)).collect::<Vec<_>>())
        .field("payload_hash", HEXLOWER.encode(&header.payload_hash))
        .field("payload_length", header.payload_len.to_string())
        .field("event_hash", HEXLOWER.encode(&header.hash()))
        .field("events", done.events)
        .field("bytes", done.bytes)
        .field("signed_by", done.head.as_ref().map(|head| HEXLOWER.encode(&head.key)))
        .line(format!("  id       {}", show_id(header.id)))
        .line(format!("  lamport  {}, node {}, stream {}", header.lamport, header.node, header.stream));
    match done.head_outdated {
        true => report.hint("The log was signed and no longer is: pass --key to sign it again."),
        false => report,
    }
}

fn parse_node(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("a node is a number, 0 to {}", u32::MAX))
}

fn random_salt() -> Result<[u8; 32], Failure> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)
        .map_err(|error| Failure::internal(format!("the system gives no randomness: {error}")))?;
    Ok(salt)
}
