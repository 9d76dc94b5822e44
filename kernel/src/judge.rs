//! The predicates: which hold, which do not, and which violation the obstruction is about.
//!
//! All predicates are evaluated to the end. Each kind of reasoning has its file: [`streams`] for
//! 1001 and 1004, [`overlap`] for 1002 and 3001, [`single`] for 1003 and 2001, [`deps`] for 2002
//! and 2003, [`claims`] for 3002.

use crate::batch::{Batch, EventAt};
use crate::body::{Coverage, PREDICATES};

pub(crate) mod claims;
mod deps;
mod overlap;
pub(crate) mod single;
mod streams;

/// Index into [`PREDICATES`].
pub type Slot = usize;
/// lamport-monotonic
pub const LAMPORT_MONOTONIC: Slot = 0;
/// event-unique
pub const EVENT_UNIQUE: Slot = 1;
/// event-id-domain
pub const EVENT_ID_DOMAIN: Slot = 2;
/// stream-linked
pub const STREAM_LINKED: Slot = 3;
/// payload-hash-match
pub const PAYLOAD_HASH_MATCH: Slot = 4;
/// dependency-known
pub const DEPENDENCY_KNOWN: Slot = 5;
/// dependency-precedes
pub const DEPENDENCY_PRECEDES: Slot = 6;
/// overlap-agreement
pub const OVERLAP_AGREEMENT: Slot = 7;
/// claim-agreement
pub const CLAIM_AGREEMENT: Slot = 8;

/// What judging a batch finds.
#[derive(Debug)]
pub struct Findings {
    /// Per predicate, in the order of [`PREDICATES`].
    pub coverage: [Coverage; PREDICATES.len()],
    /// The violation with the smallest anchor.
    pub first: Option<Violation>,
}

/// A violation: its anchor and what else it takes to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// Which predicate.
    pub slot: Slot,
    /// The event it is about.
    pub anchor: EventAt,
    /// How.
    pub offence: Offence,
}

/// The ways to violate a predicate. A *place* is an occurrence's place in canonical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// 1001: not above the prior frontier.
    NotAboveFrontier,
    /// 1001: an earlier event of the stream has the same lamport.
    SameLamport(EventAt),
    /// 1002: two occurrences in one log.
    Twice {
        /// Place of the earlier.
        first: u32,
        /// Place of the later.
        second: u32,
    },
    /// 1003.
    OutsideDomain,
    /// 1004: prev is in neither batch nor prior state.
    Gap,
    /// 1004: prev is 0 behind a linked event; the event, or `None` for the frontier.
    Unlinked(Option<EventAt>),
    /// 1004: prev is not the line's next smaller event.
    WrongPrev {
        /// The only version of prev, where it is in the batch and not known.
        prev: Option<EventAt>,
        /// An event of the line between prev and the anchor, where prev is in the line below it.
        between: Option<EventAt>,
    },
    /// 2001: the occurrence whose payload does not fit.
    Mismatch(u32),
    /// 2002: the missing dep.
    Missing(u128),
    /// 2003: a version of a dep in the batch that is not earlier.
    NotBefore(EventAt),
    /// 2003: the prior state's version of a dep is not earlier.
    PriorNotBefore(u128),
    /// 3001: an occurrence of another version in another log, and the anchor's occurrence.
    OtherVersion {
        /// Place of the smaller version's occurrence.
        other: u32,
        /// Place of the anchor's.
        own: u32,
    },
    /// 3001: the prior state holds another version.
    PriorVersion,
    /// 3002: an event with the same past and another claim.
    OtherClaim(EventAt),
}

/// Evaluates all predicates over the batch.
pub fn judge(batch: &Batch<'_>) -> Findings {
    let mut findings = Findings { coverage: Default::default(), first: None };
    single::judge(batch, &mut findings);
    overlap::judge(batch, &mut findings);
    streams::judge(batch, &mut findings);
    deps::judge(batch, &mut findings);
    claims::judge(batch, &mut findings);
    findings
}

impl Findings {
    /// Counts a violation, and keeps it where it comes before the one at hand.
    fn violated(&mut self, slot: Slot, anchor: EventAt, offence: Offence) {
        self.coverage[slot].violated += 1;
        self.consider(Violation { slot, anchor, offence });
    }

    /// Keeps a violation where it comes before the one at hand: the smaller anchor; at one anchor
    /// 1002, then 3001, then the smaller predicate. The first found stays among equals.
    fn consider(&mut self, found: Violation) {
        if self.first.is_none_or(|first| found.precedence() < first.precedence()) {
            self.first = Some(found);
        }
    }
}

impl Violation {
    fn precedence(&self) -> (EventAt, u8, Slot) {
        let named_first = match self.slot {
            EVENT_UNIQUE => 0,
            OVERLAP_AGREEMENT => 1,
            _ => 2,
        };
        (self.anchor, named_first, self.slot)
    }
}
