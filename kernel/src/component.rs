//! The kernel as a WebAssembly component: the only file that knows WIT (`wit/kernel.wit`).
//!
//! Thin glue without any judgement of its own: it turns WIT's types into the kernel's and back,
//! and hands long results out in chunks. It has no imports; a panic, an overflow or a failed
//! allocation is a trap, which hosts report as a fault.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use bindings::exports::omega::kernel::certificates::{self as wit_certificates, GuestChain};
use bindings::exports::omega::kernel::session::{self as wit, GuestRestorer, GuestScanner, GuestSession};
use bindings::exports::omega::kernel::types;

use crate::body::{Core, Observations, VerdictKind};
use crate::certificate::{CertType, Certificate, Content};
use crate::chain::{self, ChainHead};
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::heap::Heap;
use crate::limits::MAX_CHUNK_BYTES;
use crate::proof::{Claim, Proof, Proven};
use crate::signature::{SignatureRecord, Statement};
use crate::{describe, evidence, scan, session, snapshot};

#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated: the canonical ABI is raw pointers")]
mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "kernel",
        generate_all,
        default_bindings_module: "crate::component::bindings",
    });
    use super::Kernel;
    export!(Kernel with_types_in self);
}

#[global_allocator]
static HEAP: Heap = Heap::new();

#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

struct Kernel;

impl wit::Guest for Kernel {
    type Scanner = Scanner;
    type Restorer = Restorer;
    type Session = Session;

    fn describe() -> types::Description {
        let this = describe::describe();
        types::Description {
            checker_version: this.checker_version,
            schema_version: this.schema_version,
            log_formats: this.log_formats.to_vec(),
            certificate_formats: this.certificate_formats.to_vec(),
            state_format: this.state_format,
            schemas: this.schemas.iter().map(|hash| hash.to_vec()).collect(),
            predicates: this.predicates.to_vec(),
            limits: types::Limits {
                chunk_bytes: this.limits.chunk_bytes,
                payload_bytes: this.limits.payload_bytes,
                deps: this.limits.deps,
                logs: this.limits.logs,
                batch_events: this.limits.batch_events,
                state_ids: this.limits.state_ids,
                body_bytes: this.limits.body_bytes,
            },
        }
    }
}

/// A scanner, and its run once there is one.
struct Scanner {
    scanner: Cell<Option<scan::RunScanner>>,
    run: RefCell<Outgoing>,
}

impl GuestScanner for Scanner {
    fn new(part: wit::ScanPart) -> Self {
        let part = scan::ScanPart { log: part.log, offset: part.offset, limit: part.limit };
        Scanner { scanner: Cell::new(Some(scan::RunScanner::new(part))), run: RefCell::default() }
    }

    fn push(&self, bytes: Vec<u8>) -> Result<(), types::Fault> {
        let mut scanner = taken(self.scanner.take(), "the part has ended")?;
        let pushed = scanner.push(&bytes);
        self.scanner.set(Some(scanner));
        Ok(pushed?)
    }

    fn end(&self, last: bool) -> Result<u64, types::Fault> {
        let scanner = taken(self.scanner.take(), "the part has ended")?;
        Ok(self.run.borrow_mut().put(scanner.finish(last)?))
    }

    fn read(&self, max: u32) -> Result<Vec<u8>, types::Fault> {
        Ok(self.run.borrow_mut().next(max))
    }
}

/// A snapshot on its way in.
struct Restorer(RefCell<snapshot::SnapshotReader>);

impl GuestRestorer for Restorer {
    fn new() -> Self {
        Restorer(RefCell::new(snapshot::SnapshotReader::new()))
    }

    fn push(&self, bytes: Vec<u8>) -> Result<(), types::Fault> {
        Ok(self.0.borrow_mut().push(&bytes)?)
    }
}

/// A session, the last verdict's body, and how far a snapshot is read.
struct Session {
    session: RefCell<session::Session>,
    body: RefCell<Outgoing>,
    snapshot: Cell<(Option<snapshot::ChainPosition>, u64)>,
}

impl Session {
    fn around(session: session::Session) -> Self {
        Session { session: RefCell::new(session), body: RefCell::default(), snapshot: Cell::default() }
    }
}

impl GuestSession for Session {
    fn new() -> Self {
        Session::around(session::Session::genesis())
    }

    fn restore(
        snapshot: wit::Restorer,
    ) -> Result<(wit::Session, Option<types::ChainPosition>), types::Fault> {
        let (state, position) = snapshot.into_inner::<Restorer>().0.into_inner().finish()?;
        let session = wit::Session::new(Session::around(session::Session::from_state(state)));
        Ok((session, position.map(position_out)))
    }

    fn begin_batch(&self, logs: Vec<types::LogInput>) -> Result<(), types::Fault> {
        let logs: Vec<_> = logs.into_iter().map(|log| session::LogInput { limit: log.limit }).collect();
        Ok(self.session.borrow_mut().begin_batch(&logs)?)
    }

    fn feed(&self, log: u32, bytes: Vec<u8>) -> Result<u64, types::Fault> {
        Ok(self.session.borrow_mut().feed(log, &bytes)?)
    }

    fn absorb(&self, log: u32, run: Vec<u8>) -> Result<(), types::Fault> {
        Ok(self.session.borrow_mut().absorb(log, &run)?)
    }

    fn finish(&self) -> Result<wit::Verdict, types::Fault> {
        let verdict = self.session.borrow_mut().finish()?;
        let logs = verdict.logs.iter().map(|log| wit::JudgedLog {
            position: log.rank,
            events: log.events,
            bytes_used: log.bytes_used,
        });
        let logs = logs.collect();
        // A body fits: `limits::MAX_BODY_BYTES` is 32 bits wide and the kernel keeps to it.
        let body_bytes = self.body.borrow_mut().put(verdict.body) as u32;
        Ok(wit::Verdict { merged: verdict.kind == VerdictKind::Merge, body_bytes, logs })
    }

    fn read_body(&self, max: u32) -> Result<Vec<u8>, types::Fault> {
        Ok(self.body.borrow_mut().next(max))
    }

    fn abort(&self) {
        self.session.borrow_mut().abort();
    }

    fn state(&self) -> Vec<u8> {
        let mut out = crate::bytes::Writer::new();
        self.session.borrow().state().commitment().write(&mut out);
        out.bytes
    }

    fn begin_snapshot(&self, position: Option<types::ChainPosition>) -> Result<u64, types::Fault> {
        let position = position.map(position_in).transpose()?;
        self.snapshot.set((position, 0));
        Ok(snapshot::SnapshotWriter::new(self.session.borrow().state(), position).len())
    }

    fn read_snapshot(&self, max: u32) -> Result<Vec<u8>, types::Fault> {
        let (position, offset) = self.snapshot.get();
        let session = self.session.borrow();
        let chunk = snapshot::SnapshotWriter::new(session.state(), position).read(offset, max);
        self.snapshot.set((position, offset.saturating_add(chunk.len() as u64)));
        Ok(chunk)
    }

    fn prove_id(&self, id: Vec<u8>, certificate: Vec<u8>) -> Result<Vec<u8>, types::Fault> {
        let (id, certificate) = (id_in(&id)?, hash_in(&certificate)?);
        let walk = self.session.borrow().state().prove_id(id);
        Ok(Proof { certificate, claim: Claim::IdInState { id, walk } }.encode())
    }

    fn prove_event(&self, id: Vec<u8>, certificate: Vec<u8>) -> Result<Vec<Vec<u8>>, types::Fault> {
        let (id, certificate) = (id_in(&id)?, hash_in(&certificate)?);
        let witnesses = self.session.borrow_mut().prove_event(id)?;
        let proof = |witness| Proof { certificate, claim: Claim::EventInLog(witness) }.encode();
        Ok(witnesses.into_iter().map(proof).collect())
    }
}

impl wit_certificates::Guest for Kernel {
    type Chain = Chain;

    fn decode(bytes: Vec<u8>) -> Result<wit_certificates::Summary, types::Fault> {
        let this = Certificate::decode(&bytes)?;
        chain::verify_signatures(&this)?;
        let fields = this.fields();
        Ok(wit_certificates::Summary {
            kind: match (this.kind(), this.verdict()) {
                (CertType::Genesis, _) => wit_certificates::Kind::Genesis,
                (CertType::Verdict, Some(VerdictKind::Obstruction)) => wit_certificates::Kind::Obstruction,
                (CertType::Verdict, _) => wit_certificates::Kind::Merge,
                (CertType::Policy, _) => wit_certificates::Kind::Policy,
                (CertType::Swap, _) => wit_certificates::Kind::Swap,
            },
            cert_id: this.id().to_le_bytes().to_vec(),
            chain_hash: this.chain_hash().to_vec(),
            chain_id: fields.chain_id.to_vec(),
            height: fields.height,
            batch_id: fields.batch_id,
            trace_root: trace_root_of(&this).to_vec(),
            body_hash: this.body_hash().to_vec(),
            prev_cert_hash: fields.prev_cert_hash.to_vec(),
            policy_hash: fields.policy_hash.to_vec(),
            kernel_hash: fields.binding.kernel_hash.to_vec(),
            checker_version: fields.binding.checker_version,
            schema_version: fields.binding.schema_version,
            schema_hash: fields.binding.schema_hash.to_vec(),
            predicate_hash: fields.binding.predicate_hash.to_vec(),
            replay_seed: fields.replay_seed,
            signers: this.signatures().iter().map(signer_out).collect(),
        })
    }

    fn rejudge(bytes: Vec<u8>) -> Result<(), types::Fault> {
        let certificate = Certificate::decode(&bytes)?;
        let (core, observations) = verdict_of(&certificate)?;
        evidence::check(core, &observations.payload)?;
        Ok(())
    }

    fn check_proof(bytes: Vec<u8>, certificate: Vec<u8>) -> Result<wit_certificates::Proven, types::Fault> {
        let certificate = Certificate::decode(&certificate)?;
        let (core, _) = verdict_of(&certificate)?;
        Ok(match Proof::decode(&bytes)?.check(&certificate.chain_hash(), core)? {
            Proven::EventInLog { witness, log, accepted } => {
                wit_certificates::Proven::EventInLog(wit_certificates::EventInLog {
                    id: witness.header.id.to_le_bytes().to_vec(),
                    event_hash: witness.header.hash().to_vec(),
                    log,
                    accepted,
                })
            }
            Proven::IdAccepted(leaf) => wit_certificates::Proven::IdAccepted(wit_certificates::AcceptedId {
                id: leaf.id.to_le_bytes().to_vec(),
                event_hash: leaf.event_hash.to_vec(),
            }),
            Proven::IdNeverAccepted(id) => {
                wit_certificates::Proven::IdNeverAccepted(id.to_le_bytes().to_vec())
            }
        })
    }
}

/// A chain as far as it was checked.
struct Chain(RefCell<Option<ChainHead>>);

impl GuestChain for Chain {
    fn new() -> Self {
        Chain(RefCell::default())
    }

    fn push(&self, certificate: Vec<u8>) -> Result<(), types::Fault> {
        let certificate = Certificate::decode(&certificate)?;
        let mut head = self.0.borrow_mut();
        *head = Some(match &*head {
            None => ChainHead::start(&certificate)?,
            Some(head) => head.advance(&certificate)?,
        });
        Ok(())
    }

    fn tip(&self) -> Option<wit_certificates::Tip> {
        self.0.borrow().as_ref().map(|head| {
            let mut state = crate::bytes::Writer::new();
            head.state.write(&mut state);
            wit_certificates::Tip {
                chain_id: head.chain_id.to_vec(),
                height: head.height,
                chain_hash: head.hash.to_vec(),
                batch_id: head.last_batch_id,
                policy_hash: head.policy.hash().to_vec(),
                state: state.bytes,
            }
        })
    }
}

/// A long result on its way out.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    read: usize,
}

impl Outgoing {
    /// Replaces what is on its way; its length.
    fn put(&mut self, bytes: Vec<u8>) -> u64 {
        *self = Outgoing { bytes, read: 0 };
        self.bytes.len() as u64
    }

    /// The next bytes, at most `max`, at most a chunk. Memory goes back with the last of them.
    fn next(&mut self, max: u32) -> Vec<u8> {
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let (chunk, _) = rest.split_at(rest.len().min(max.min(MAX_CHUNK_BYTES) as usize));
        let chunk = chunk.to_vec();
        self.read = self.read.saturating_add(chunk.len());
        if self.read == self.bytes.len() {
            *self = Outgoing::default();
        }
        chunk
    }
}

impl From<Fault> for types::Fault {
    fn from(fault: Fault) -> Self {
        types::Fault {
            number: fault.code.number(),
            log: fault.log,
            offset: fault.offset,
            message: fault.message.to_string(),
        }
    }
}

fn taken<T>(value: Option<T>, misuse: &str) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::new(FaultCode::SessionMisuse, misuse))
}

fn fixed<const N: usize>(bytes: &[u8], expected: &str) -> Result<[u8; N], Fault> {
    let fault = |_| Fault::new(FaultCode::SessionMisuse, alloc::format!("expected {expected}"));
    bytes.try_into().map_err(fault)
}

fn position_in(position: types::ChainPosition) -> Result<snapshot::ChainPosition, Fault> {
    let chain_id = fixed(&position.chain_id, "a chain id of 32 bytes")?;
    Ok(snapshot::ChainPosition { chain_id, height: position.height })
}

fn position_out(position: snapshot::ChainPosition) -> types::ChainPosition {
    types::ChainPosition { chain_id: position.chain_id.to_vec(), height: position.height }
}

fn id_in(bytes: &[u8]) -> Result<u128, Fault> {
    Ok(u128::from_le_bytes(fixed(bytes, "an id of 16 bytes")?))
}

fn hash_in(bytes: &[u8]) -> Result<Hash, Fault> {
    fixed(bytes, "a chain hash of 32 bytes")
}

fn trace_root_of(certificate: &Certificate) -> Hash {
    match certificate.content() {
        Content::Verdict { core, .. } => core.trace_root,
        _ => crate::hash::MERKLE_EMPTY.hash(b""),
    }
}

fn verdict_of(certificate: &Certificate) -> Result<(&Core, &Observations), Fault> {
    match certificate.content() {
        Content::Verdict { core, observations } => Ok((core, observations)),
        _ => Err(Fault::new(FaultCode::CertMalformed, "the certificate states no verdict").at(32)),
    }
}

fn signer_out(record: &SignatureRecord) -> wit_certificates::Signer {
    wit_certificates::Signer {
        statement: match record.statement {
            Statement::Judged => wit_certificates::Statement::Judged,
            Statement::Vouched => wit_certificates::Statement::Vouched,
            Statement::Approved => wit_certificates::Statement::Approved,
            Statement::Witnessed => wit_certificates::Statement::Witnessed,
        },
        engines: wit_certificates::Engines::from_bits_retain(record.engines.bits()),
        key: record.key.to_vec(),
    }
}
