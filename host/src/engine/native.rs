//! The kernel compiled into this program: the same source, without a sandbox around it.

use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;
use omega_kernel::limits::MAX_CHUNK_BYTES;
use omega_kernel::proof::{Claim, Proof};
use omega_kernel::snapshot::{SnapshotReader, SnapshotWriter};
use omega_kernel::{describe as kernel, evidence, scan, session};

use super::session::{Judge, JudgedLog, Restore, Scan, Verdict};
use super::{ChainPosition, Description, Error, ScanPart};

pub(super) fn describe() -> Description {
    kernel::describe().into()
}

pub(super) fn rejudge(certificate: &[u8]) -> Result<(), Error> {
    let certificate = Certificate::decode(certificate)?;
    let Content::Verdict { core, observations } = certificate.content() else {
        return Err(Fault::new(FaultCode::CertMalformed, "the certificate states no verdict").at(32).into());
    };
    evidence::check(core, &observations.payload)?;
    Ok(())
}

/// A session, and how far a snapshot is read.
pub(super) struct Session {
    session: session::Session,
    snapshot: (Option<ChainPosition>, u64),
}

impl Session {
    pub(super) fn genesis() -> Self {
        Session::around(session::Session::genesis())
    }

    fn around(session: session::Session) -> Self {
        Session { session, snapshot: (None, 0) }
    }
}

impl Judge for Session {
    fn begin_batch(&mut self, logs: &[Option<u64>]) -> Result<(), Error> {
        let logs: Vec<_> = logs.iter().map(|&limit| session::LogInput { limit }).collect();
        Ok(self.session.begin_batch(&logs)?)
    }

    fn feed(&mut self, log: u32, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.session.feed(log, bytes).map(drop)?)
    }

    fn absorb(&mut self, log: u32, run: &[u8]) -> Result<(), Error> {
        Ok(self.session.absorb(log, run)?)
    }

    fn finish(&mut self) -> Result<Verdict, Error> {
        let finished = self.session.finish()?;
        let log_in = |log: &session::FinishedLog| JudgedLog {
            position: log.rank,
            events: log.events,
            bytes_used: log.bytes_used,
        };
        Ok(Verdict {
            merged: finished.kind == VerdictKind::Merge,
            logs: finished.logs.iter().map(log_in).collect(),
            body: finished.body,
        })
    }

    fn abort(&mut self) -> Result<(), Error> {
        self.session.abort();
        Ok(())
    }

    fn state(&mut self) -> Result<StateCommitment, Error> {
        Ok(self.session.state().commitment())
    }

    fn begin_snapshot(&mut self, position: Option<ChainPosition>) -> Result<u64, Error> {
        self.snapshot = (position, 0);
        Ok(SnapshotWriter::new(self.session.state(), position).len())
    }

    fn read_snapshot(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        let (position, offset) = &mut self.snapshot;
        let chunk = SnapshotWriter::new(self.session.state(), *position).read(*offset, max);
        *offset += chunk.len() as u64;
        Ok(chunk)
    }

    fn prove_id(&mut self, id: u128, certificate: &Hash) -> Result<Vec<u8>, Error> {
        let walk = self.session.state().prove_id(id);
        Ok(Proof { certificate: *certificate, claim: Claim::IdInState { id, walk } }.encode())
    }

    fn prove_event(&mut self, id: u128, certificate: &Hash) -> Result<Vec<Vec<u8>>, Error> {
        let witnesses = self.session.prove_event(id)?;
        let proof = |witness| Proof { certificate: *certificate, claim: Claim::EventInLog(witness) }.encode();
        Ok(witnesses.into_iter().map(proof).collect())
    }
}

/// A scanner, and its run once there is one.
pub(super) struct Scanner {
    scanner: Option<scan::RunScanner>,
    run: Vec<u8>,
    read: usize,
}

impl Scanner {
    pub(super) fn new(part: &ScanPart) -> Self {
        let part = ScanPart { log: part.log, offset: part.offset, limit: part.limit };
        Scanner { scanner: Some(scan::RunScanner::new(part)), run: Vec::new(), read: 0 }
    }
}

fn ended() -> Fault {
    Fault::new(FaultCode::SessionMisuse, "the part has ended")
}

impl Scan for Scanner {
    fn begin(&mut self, part: &ScanPart) -> Result<(), Error> {
        *self = Scanner::new(part);
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.scanner.as_mut().ok_or_else(ended)?.push(bytes)?)
    }

    fn end(&mut self, last: bool) -> Result<u64, Error> {
        self.run = self.scanner.take().ok_or_else(ended)?.finish(last)?;
        Ok(self.run.len() as u64)
    }

    fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        let rest = &self.run[self.read..];
        let chunk = rest[..rest.len().min(max.min(MAX_CHUNK_BYTES) as usize)].to_vec();
        self.read += chunk.len();
        Ok(chunk)
    }
}

impl Restore for SnapshotReader {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.push(bytes)?)
    }

    fn finish(self: Box<Self>) -> Result<(Box<dyn Judge>, Option<ChainPosition>), Error> {
        let (state, position) = (*self).finish()?;
        Ok((Box::new(Session::around(session::Session::from_state(state))), position))
    }
}
