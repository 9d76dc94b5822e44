//! A platform in memory: what verifying says where a log comes as a stream, which can be read once.

use std::borrow::Cow;
use std::cell::Cell;

use omega_kernel::certificate::{Binding, CertType, Certificate, Fields};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::event::EventHeader;
use omega_kernel::fault::Fault;
use omega_kernel::frame::{HEADER_BYTES, LogHeader, write_frame};
use omega_kernel::hash::{self, Hash};
use omega_kernel::session::{LogInput, Session};
use omega_kernel::wire::{PayloadRef, encode_event};
use omega_kernel::{describe, evidence, snapshot};
use omega_verify::cert_log::InMemory;
use omega_verify::failure::Failure;
use omega_verify::inputs::{Input, place};
use omega_verify::platform::{Description, Judged, Log, Platform, Source};
use omega_verify::trust::Trust;
use omega_verify::{Evidence, Request, report, verify};
use pollster::block_on;
use serde_json::Value;

const KERNEL: Hash = [7; 32];

/// Bytes under a name: a file, or a stream that fails the test when it is read twice.
#[derive(Debug, Clone)]
struct Bytes {
    name: &'static str,
    bytes: Vec<u8>,
    stream: bool,
    read: Cell<u64>,
}

impl Source for Bytes {
    fn name(&self) -> Cow<'_, str> {
        self.name.into()
    }

    fn rereadable(&self) -> bool {
        !self.stream
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        let peek = offset == 0 && buffer.len() <= HEADER_BYTES;
        if !peek {
            assert!(!self.stream || offset == self.read.get(), "{} is read out of order", self.name);
            self.read.set(offset + count as u64);
        }
        Ok(count)
    }
}

/// The kernel's source, run as it is.
struct Native;

impl Native {
    async fn run(session: &mut Session, logs: &[Log<'_, Bytes>]) -> Result<Judged, Failure> {
        session.begin_batch(&logs.iter().map(|log| LogInput { limit: log.limit }).collect::<Vec<_>>())?;
        let mut buffer = vec![0; 300];
        for (index, log) in (0..).zip(logs) {
            let mut offset = 0;
            loop {
                let count = log.source.read_at(offset, &mut buffer).await?;
                if count == 0 {
                    break;
                }
                session.feed(index, &buffer[..count])?;
                offset += count as u64;
            }
        }
        let finished = session.finish()?;
        Ok(Judged { body: finished.body, events: finished.logs.iter().map(|log| log.events).collect() })
    }
}

impl Platform for Native {
    type Source = Bytes;
    type Kernel = ();
    type Session = Session;

    async fn start(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn holds(&self, hash: &Hash) -> bool {
        *hash == KERNEL
    }

    async fn kernel(&mut self, _: &Hash) -> Result<(), Failure> {
        Ok(())
    }

    async fn describe(&mut self, (): &()) -> Result<Description, Failure> {
        Ok(description())
    }

    async fn rejudge(&mut self, (): &(), certificate: &[u8]) -> Result<(), Failure> {
        let certificate = Certificate::decode(certificate)?;
        if let omega_kernel::certificate::Content::Verdict { core, observations } = certificate.content() {
            evidence::check(core, &observations.payload)?;
        }
        Ok(())
    }

    async fn genesis(&mut self, (): &()) -> Result<Session, Failure> {
        Ok(Session::genesis())
    }

    async fn restore(&mut self, (): &(), snapshot: &Bytes) -> Result<Session, Failure> {
        let mut reader = snapshot::SnapshotReader::new();
        reader.push(&snapshot.bytes)?;
        Ok(Session::from_state(reader.finish()?.0))
    }

    async fn carry(&mut self, from: &mut Session, (): &()) -> Result<Session, Failure> {
        let writer = snapshot::SnapshotWriter::new(from.state(), None);
        let bytes = writer.read(0, u32::MAX);
        self.restore(&(), &file("the state", bytes)).await
    }

    async fn state(&mut self, session: &mut Session) -> Result<StateCommitment, Failure> {
        Ok(session.state().commitment())
    }

    async fn judge(
        &mut self,
        (): &(),
        session: &mut Session,
        logs: &[Log<'_, Bytes>],
        _: u64,
    ) -> Result<Judged, Failure> {
        let judged = Native::run(session, logs).await;
        session.abort();
        judged
    }
}

fn description() -> Description {
    let said = describe::describe();
    Description {
        checker_version: said.checker_version,
        schema_version: said.schema_version,
        state_format: said.state_format,
        schemas: said.schemas.to_vec(),
        predicates: said.predicates,
    }
}

fn file(name: &'static str, bytes: Vec<u8>) -> Bytes {
    Bytes { name, bytes, stream: false, read: Cell::new(0) }
}

fn stream(name: &'static str, bytes: Vec<u8>) -> Bytes {
    Bytes { stream: true, ..file(name, bytes) }
}

/// The log `alice` with so many events.
fn log(count: u64) -> Vec<u8> {
    let mut bytes = LogHeader::new("alice").unwrap().encode().to_vec();
    for lamport in 1..=count {
        let payload = [lamport as u8; 40];
        let header = EventHeader {
            lamport,
            node: 1,
            stream: 0,
            id: lamport.into(),
            prev: (lamport - 1).into(),
            claim: None,
            payload_len: 40,
            payload_hash: hash::payload(&payload, None),
            deps: Vec::new(),
        };
        let mut message = Vec::new();
        encode_event(&header, PayloadRef::Present { bytes: &payload, salt: None }, &mut message);
        write_frame(&message, &mut bytes);
    }
    bytes
}

/// The certificate over `alice` with five events, which nobody signed.
fn certificate() -> Certificate {
    let source = file("alice.omega", log(5));
    let judged = block_on(Native::run(&mut Session::genesis(), &[Log::whole(&source)])).unwrap();
    let binding: Binding = omega_verify::kernels::binding_of(&KERNEL, &description()).unwrap();
    let fields = Fields {
        batch_id: 1,
        prev_cert_hash: [1; 32],
        chain_id: [2; 32],
        height: 1,
        policy_hash: [3; 32],
        binding,
        replay_seed: 0,
    };
    Certificate::unsigned(CertType::Verdict, &fields, &judged.body).unwrap()
}

/// The check of the logs, with these at hand.
fn judged_again(inputs: Vec<Bytes>) -> Value {
    let request: Request<_, InMemory> = Request {
        evidence: Evidence::Certificate("x.cert".into(), certificate().bytes().to_vec()),
        inputs: inputs.into_iter().map(Ok).collect(),
        snapshot: None,
        trust: Some(Trust::any_signer()),
        pinned: None,
        proof: None,
    };
    let report = report(&block_on(verify(request, &mut Native)).unwrap()).to_json();
    report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "logs").unwrap().clone()
}

#[test]
fn a_stream_is_judged_as_a_file_is() {
    let (by_file, by_stream) =
        (judged_again(vec![file("a", log(5))]), judged_again(vec![stream("a", log(5))]));
    assert_eq!(by_file["status"], "passed", "{by_file}");
    assert_eq!(by_file, by_stream);
}

#[test]
fn a_stream_that_is_longer_or_shorter_is_no_answer_and_no_accusation() {
    let grown = judged_again(vec![stream("a", log(7))]);
    assert_eq!((&grown["status"], &grown["code"]), (&"unchecked".into(), &"log-grown".into()), "{grown}");
    assert_eq!(judged_again(vec![file("a", log(7))])["status"], "passed", "a file can be read up to there");
    let short = judged_again(vec![stream("a", log(4))]);
    assert_eq!((&short["status"], &short["code"]), (&"unchecked".into(), &"log-missing".into()), "{short}");
    let mut torn = log(5);
    torn.truncate(torn.len() - 8);
    assert_eq!(judged_again(vec![stream("a", torn)])["code"], "torn-tail");
}

#[test]
fn a_file_is_taken_before_a_stream_and_a_stream_is_taken_once() {
    let both = judged_again(vec![stream("the stream", log(5)), file("the file", log(5))]);
    assert_eq!(both["status"], "passed");

    let logs = match certificate().content() {
        omega_kernel::certificate::Content::Verdict { core, .. } => core.logs.clone(),
        _ => Vec::new(),
    };
    let inputs = [block_on(Input::open(stream("a", log(5)))).unwrap()];
    let placed = block_on(place(&logs, &inputs)).unwrap();
    assert!(placed[0].newer() == 0 && !placed[0].grown() && placed[0].log().limit.is_none());
    inputs[0].spend();
    let failure = block_on(place(&logs, &inputs)).unwrap_err();
    assert_eq!(failure.code.name(), "log-missing");
    assert!(failure.message.contains("stream"), "{failure}");
}

#[test]
fn a_stream_that_is_no_log_is_said_before_it_is_judged() {
    let failure: Failure = block_on(Input::open(stream("a", b"a diary".repeat(99)))).unwrap_err();
    assert_eq!(failure.code.name(), "not-an-omega-log");
    let fault: Fault = LogHeader::decode(&[]).unwrap_err();
    assert_eq!(Failure::from(fault).code.exit(), 30);
}
