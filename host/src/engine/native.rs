//! The kernel compiled into this program: the same source, without a sandbox around it.

use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::limits::MAX_CHUNK_BYTES;
use omega_kernel::{describe as kernel, evidence, proof, scan, session, snapshot};

use super::session::{Judge, JudgedLog, Restore, Scan, Verdict};
use super::{ChainPosition, Description, Error, ScanPart};

pub(super) fn describe() -> Description {
    let said = kernel::describe();
    Description {
        checker_version: said.checker_version,
        schema_version: said.schema_version,
        state_format: said.state_format,
        schemas: said.schemas.to_vec(),
        predicates: said.predicates,
    }
}

pub(super) fn rejudge(certificate: &[u8]) -> Result<(), Error> {
    Ok(evidence::rejudge(certificate)?)
}

impl Judge for session::Session {
    fn begin_batch(&mut self, logs: &[Option<u64>]) -> Result<(), Error> {
        let logs: Vec<_> = logs.iter().map(|&limit| session::LogInput { limit }).collect();
        Ok(self.begin_batch(&logs)?)
    }

    fn feed(&mut self, log: u32, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.feed(log, bytes)?)
    }

    fn absorb(&mut self, log: u32, run: &[u8]) -> Result<(), Error> {
        Ok(self.absorb(log, run)?)
    }

    fn finish(&mut self) -> Result<Verdict, Error> {
        let verdict = self.finish()?;
        let log_in = |log: &session::JudgedLog| JudgedLog {
            position: log.position,
            events: log.events,
            bytes_used: log.bytes_used,
        };
        Ok(Verdict {
            merged: verdict.merged,
            logs: verdict.logs.iter().map(log_in).collect(),
            body: verdict.body,
        })
    }

    fn abort(&mut self) -> Result<(), Error> {
        self.abort();
        Ok(())
    }

    fn state(&mut self) -> Result<StateCommitment, Error> {
        Ok(session::Session::state(self).commitment())
    }

    fn begin_snapshot(&mut self, position: Option<ChainPosition>) -> Result<u64, Error> {
        Ok(self.begin_snapshot(position)?)
    }

    fn read_snapshot(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        Ok(self.read_snapshot(max.min(MAX_CHUNK_BYTES))?)
    }

    fn prove_id(&mut self, id: u128) -> Result<Vec<u8>, Error> {
        Ok(proof::prove_id(session::Session::state(self), id))
    }
}

/// A scanner, and its run once there is one.
pub(super) struct Scanner {
    scanner: Option<scan::Scanner>,
    run: Vec<u8>,
    read: usize,
}

impl Scanner {
    pub(super) fn new(part: &ScanPart) -> Self {
        let part = ScanPart { log: part.log, offset: part.offset, limit: part.limit };
        Scanner { scanner: Some(scan::Scanner::new(part)), run: Vec::new(), read: 0 }
    }
}

fn ended() -> Fault {
    Fault::new(FaultCode::SessionMisuse, "the part has ended")
}

impl Scan for Scanner {
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

impl Restore for snapshot::Restorer {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.push(bytes)?)
    }

    fn finish(self: Box<Self>) -> Result<(Box<dyn Judge>, Option<ChainPosition>), Error> {
        let (state, position) = (*self).finish()?;
        Ok((Box::new(session::Session::from_state(state)), position))
    }
}
