//! A platform in memory, which runs the kernel's source.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use omega_kernel::certificate::{Binding, CertType, Certificate, Fields};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::event::EventHeader;
use omega_kernel::frame::{HEADER_BYTES, LogHeader, write_frame};
use omega_kernel::hash::{self, Hash};
use omega_kernel::session::{LogInput, Session};
use omega_kernel::wire::{PayloadRef, encode_event};
use omega_kernel::{describe, evidence, snapshot};
use omega_verify::cert_log::InMemory;
use omega_verify::failure::Failure;
use omega_verify::platform::{Description, Judged, JudgedLog, Log, Platform, Source};
use omega_verify::trust::Trust;
use omega_verify::{Evidence, Request, report, verify};
use pollster::block_on;
use serde_json::Value;

/// The hash that certificates name it by.
pub const KERNEL: Hash = [7; 32];

/// Bytes under a name: a file, or a stream that fails the test when it is read twice.
#[derive(Debug, Clone)]
pub struct Bytes {
    /// What it is called.
    pub name: &'static str,
    /// What stands in it.
    pub bytes: Vec<u8>,
    /// It can be read once.
    pub stream: bool,
    /// Where the next byte of a stream is.
    pub read: Cell<u64>,
    /// Bytes that were read, as often as they were.
    pub total: Rc<Cell<u64>>,
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
        self.total.set(self.total.get() + count as u64);
        if !peek {
            assert!(!self.stream || offset == self.read.get(), "{} is read out of order", self.name);
            self.read.set(offset + count as u64);
        }
        Ok(count)
    }
}

/// The kernel's source, run as it is.
#[derive(Debug, Clone, Copy)]
pub struct Native {
    /// Whether logs are read once where that can be.
    pub once: bool,
}

impl Native {
    pub async fn run(session: &mut Session, logs: &[Log<'_, Bytes>]) -> Result<Judged, Failure> {
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
        let logs = finished.logs.iter();
        let logs = logs.map(|log| JudgedLog { events: log.events, bytes_used: log.bytes_used }).collect();
        Ok(Judged { body: finished.body, logs })
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

    fn judges_limited(&self, _: u64) -> bool {
        self.once
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

pub fn description() -> Description {
    describe::describe().into()
}

/// A file.
pub fn file(name: &'static str, bytes: Vec<u8>) -> Bytes {
    Bytes { name, bytes, stream: false, read: Cell::new(0), total: Rc::default() }
}

/// The log `alice` with so many events.
pub fn log(count: u64) -> Vec<u8> {
    named("alice", 40, count)
}

/// A log of node 1 with so many events, with payloads of so many bytes.
pub fn named(name: &str, payload: usize, count: u64) -> Vec<u8> {
    let mut bytes = LogHeader::new(name).unwrap().encode().to_vec();
    for lamport in 1..=count {
        let payload = vec![lamport as u8; payload];
        let header = EventHeader {
            lamport,
            node: 1,
            stream: 0,
            id: lamport.into(),
            prev: (lamport - 1).into(),
            claim: None,
            payload_len: payload.len() as u64,
            payload_hash: hash::payload(&payload, None),
            deps: Vec::new(),
        };
        let mut message = Vec::new();
        encode_event(&header, PayloadRef::Present { bytes: &payload, salt: None }, &mut message);
        write_frame(&message, &mut bytes);
    }
    bytes
}

/// The certificate over these logs, which nobody signed.
pub fn certificate(logs: &[Vec<u8>]) -> Certificate {
    let sources: Vec<_> = logs.iter().map(|log| file("a log", log.clone())).collect();
    let logs: Vec<_> = sources.iter().map(Log::whole).collect();
    let judged = block_on(Native::run(&mut Session::genesis(), &logs)).unwrap();
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

/// What is said of a certificate, with these logs at hand.
pub fn said(certificate: &Certificate, inputs: Vec<Bytes>, mut platform: Native) -> Value {
    let request: Request<_, InMemory> = Request {
        evidence: Evidence::Certificate("x.cert".into(), certificate.bytes().to_vec()),
        inputs: inputs.into_iter().map(Ok).collect(),
        snapshot: None,
        trust: Some(Trust::any_signer()),
        pinned: None,
        proof: None,
    };
    report(&block_on(verify(request, &mut platform)).unwrap()).to_json()
}
