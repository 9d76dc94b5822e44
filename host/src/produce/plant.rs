//! Plants one violation, so that exactly one predicate obstructs.
//!
//! The last three events are put into the first writer's stream 0, without dependencies: A, then B,
//! then C. Nothing else refers to them, so what is changed in them violates nothing else.

use clap::ValueEnum;
use omega_kernel::event::{EventHeader, FIRST_CAUSAL_ONLY_STREAM, ID_END};
use omega_kernel::hash;
use omega_kernel::wire::PayloadRef;

use super::generate::{Generator, empty_header};
use super::sink::EventSink;
use crate::failure::Failure;

/// Events that a planted violation takes: A, B and C.
pub const EVENTS: u64 = 3;

/// The violation to plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Conflict {
    /// 1001: C has B's lamport, in one stream
    LamportMonotonic,
    /// 1002: C is B once more, in the same log
    EventUnique,
    /// 1003: C's id is 2^112 or above
    EventIdDomain,
    /// 1004: C's prev names an event that nobody has
    StreamLinkedGap,
    /// 1004: C's prev names A, past B
    StreamLinkedBreak,
    /// 2001: C's payload is not the one that was hashed
    PayloadHashMatch,
    /// 2002: C depends on an event that nobody has
    DependencyKnown,
    /// 2003: B depends on C, which is later
    DependencyPrecedes,
    /// 3001: a second log, beside the first, holds C with another payload
    OverlapAgreement,
    /// 3002: B and C follow A alone, and claim different states
    ClaimAgreement,
}

impl Conflict {
    /// The predicate that is violated.
    pub fn predicate(self) -> u16 {
        match self {
            Conflict::LamportMonotonic => 1001,
            Conflict::EventUnique => 1002,
            Conflict::EventIdDomain => 1003,
            Conflict::StreamLinkedGap | Conflict::StreamLinkedBreak => 1004,
            Conflict::PayloadHashMatch => 2001,
            Conflict::DependencyKnown => 2002,
            Conflict::DependencyPrecedes => 2003,
            Conflict::OverlapAgreement => 3001,
            Conflict::ClaimAgreement => 3002,
        }
    }

    /// Whether it takes two logs to see it.
    pub fn needs_second_log(self) -> bool {
        self == Conflict::OverlapAgreement
    }

    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

type Made = (EventHeader, Vec<u8>);

/// Writes the last three events, with the violation in them.
pub fn plant(
    conflict: Conflict,
    generator: &mut Generator,
    sink: &mut dyn EventSink,
    second: Option<&mut dyn EventSink>,
) -> Result<(), Failure> {
    let [a, mut b, mut c] = [next(generator), next(generator), next(generator)];
    let mut other = None;
    match conflict {
        Conflict::LamportMonotonic => {
            c.0.lamport = b.0.lamport;
            // Behind B in canonical order, so that C's prev is still the event before it.
            c.0.id = b.0.id + 1;
        }
        Conflict::EventUnique => c = b.clone(),
        Conflict::EventIdDomain => c.0.id |= ID_END,
        Conflict::StreamLinkedGap => c.0.prev = generator.id(),
        Conflict::StreamLinkedBreak => c.0.prev = a.0.id,
        Conflict::PayloadHashMatch => c.1 = changed(&c.1),
        Conflict::DependencyKnown => c.0.deps = vec![generator.id()],
        Conflict::DependencyPrecedes => b.0.deps = vec![c.0.id],
        Conflict::OverlapAgreement => {
            to_causal_only(&mut c);
            let mut version = (c.0.clone(), changed(&c.1));
            version.0.payload_len = version.1.len() as u64;
            version.0.payload_hash = hash::plain(&version.1);
            other = Some(version);
        }
        Conflict::ClaimAgreement => {
            for event in [&mut b, &mut c] {
                to_causal_only(event);
                event.0.lamport = a.0.lamport + 1;
                event.0.deps = vec![a.0.id];
                event.0.claim = Some(generator.hash());
            }
        }
    }
    for event in [&a, &b, &c] {
        write(sink, event)?;
    }
    match (other, second) {
        (None, _) => Ok(()),
        (Some(event), Some(second)) => write(second, &event),
        (Some(_), None) => Err(Failure::internal("this conflict needs a second log")),
    }
}

fn next(generator: &mut Generator) -> Made {
    let (mut header, mut payload) = (empty_header(), Vec::new());
    generator.event(0, 0, &mut header, &mut payload);
    (header, payload)
}

/// Into a stream where neither 1001 nor 1004 is judged: two versions of an event, or two events at one
/// Lamport time, would violate those as well.
fn to_causal_only(event: &mut Made) {
    event.0.stream = FIRST_CAUSAL_ONLY_STREAM;
    event.0.prev = 0;
}

/// Another payload.
fn changed(payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    match payload.first_mut() {
        Some(byte) => *byte ^= 1,
        None => payload.push(0),
    }
    payload
}

fn write(sink: &mut dyn EventSink, event: &Made) -> Result<(), Failure> {
    sink.event(&event.0, PayloadRef::Present { bytes: &event.1, salt: None })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::generate::{Ids, Plan, generate};
    use super::super::testing::{Collected, judge};
    use super::super::writer::LogWriter;
    use super::*;

    fn logs(plan: &Plan) -> Vec<Vec<u8>> {
        let (mut first, mut second) = (Collected::default(), Collected::default());
        generate(plan, &mut first, Some(&mut second)).unwrap();
        assert_eq!(first.0.len() as u64, plan.count);
        [("a", first), ("b", second)]
            .into_iter()
            .filter(|(_, events)| !events.0.is_empty())
            .map(|(name, events)| {
                let mut log = LogWriter::new(Vec::new(), Path::new(name), name).unwrap();
                for (header, payload) in &events.0 {
                    log.event(header, PayloadRef::Present { bytes: payload, salt: None }).unwrap();
                }
                log.into_inner().unwrap().0
            })
            .collect()
    }

    #[test]
    fn each_kind_violates_its_predicate_once_and_no_other() {
        for &conflict in Conflict::value_variants() {
            for (count, nodes, payload) in [(3, 1, 0), (4, 2, 1), (300, 5, 40)] {
                for ids in [Ids::Random, Ids::TimeOrdered] {
                    let plan = Plan {
                        count,
                        seed: count,
                        nodes,
                        streams: 1,
                        payload,
                        deps: 2,
                        ids,
                        conflict: Some(conflict),
                    };
                    let logs = logs(&plan);
                    assert_eq!(logs.len() == 2, conflict.needs_second_log());
                    let (merged, coverage) = judge(&logs);
                    assert!(!merged, "{conflict:?}");
                    let violated: Vec<_> =
                        coverage.iter().filter(|(_, of)| of.1 > 0).map(|(&id, of)| (id, of.1)).collect();
                    assert_eq!(violated, [(conflict.predicate(), 1)], "{conflict:?} in {plan:?}");
                }
            }
        }
    }

    #[test]
    fn every_predicate_has_a_kind() {
        let mut planted: Vec<u16> =
            Conflict::value_variants().iter().map(|conflict| conflict.predicate()).collect();
        planted.dedup();
        let all: Vec<u16> = omega_kernel::body::PREDICATES.iter().map(|predicate| predicate.id).collect();
        assert_eq!(planted, all);
        assert_eq!(Conflict::StreamLinkedGap.name(), "stream-linked-gap");
    }
}
