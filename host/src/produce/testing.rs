//! What the tests of this folder share.

use std::collections::BTreeMap;

use omega_kernel::body::{Body, PREDICATES, VerdictKind};
use omega_kernel::event::EventHeader;
use omega_kernel::session::{LogInput, Session};
use omega_kernel::wire::PayloadRef;

use super::sink::EventSink;
use crate::failure::Failure;

/// Keeps events with their payloads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Collected(pub Vec<(EventHeader, Vec<u8>)>);

impl EventSink for Collected {
    fn event(&mut self, header: &EventHeader, payload: PayloadRef<'_>) -> Result<(), Failure> {
        let PayloadRef::Present { bytes, .. } = payload else { panic!("a payload") };
        self.0.push((header.clone(), bytes.to_vec()));
        Ok(())
    }
}

/// What the kernel says of these logs: whether they merge, and per predicate (judged, violated).
pub fn judge(logs: &[Vec<u8>]) -> (bool, BTreeMap<u16, (u64, u64)>) {
    let mut session = Session::genesis();
    session.begin_batch(&vec![LogInput::default(); logs.len()]).unwrap();
    for (index, log) in (0..).zip(logs) {
        session.feed(index, log).unwrap();
    }
    let finished = session.finish().unwrap();
    let (core, observations) = Body::split(&finished.body).unwrap().decode().unwrap();
    let coverage = PREDICATES
        .iter()
        .map(|predicate| {
            let coverage = core.coverage_of(predicate.id).unwrap_or(&observations.payload);
            (predicate.id, (coverage.judged, coverage.violated))
        })
        .collect();
    (finished.kind == VerdictKind::Merge, coverage)
}
