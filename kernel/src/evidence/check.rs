//! Holds evidence against a verdict's core, with no log at hand.
//!
//! Everything is judged again from the headers that the evidence carries; nothing is taken from the
//! evidence that a root in the core does not vouch for.

use core::cmp::Ordering;

use super::{BatchIdLeaf, Evidence, Kind, Witness};
use crate::body::{Core, Coverage, VerdictKind};
use crate::event::{EventHeader, FIRST_CAUSAL_ONLY_STREAM, order_key};
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::judge::claims::past;
use crate::judge::single::ids_in_domain;
use crate::merkle;
use crate::state::{FrontierLeaf, IdLeaf, frontier_key};

/// A conflict that was seen to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The evidence; its first event is the anchor.
    pub evidence: Evidence,
    /// What the prior state holds under the ids that the evidence proves, in its order.
    pub prior: alloc::vec::Vec<Option<IdLeaf>>,
    /// The prior frontier of the anchor's stream, where the evidence proves one.
    pub frontier: Option<FrontierLeaf>,
}

/// Judges an obstruction's evidence again. `payload` is the coverage of 2001.
///
/// # Errors
/// [`FaultCode::EvidenceWrong`] where it does not show the violation that it names.
pub fn check(core: &Core, payload: &Coverage) -> Result<Conflict, Fault> {
    let bytes = match (core.verdict, &core.evidence) {
        (VerdictKind::Obstruction, Some(bytes)) => bytes,
        _ => return Err(wrong("a merge has no evidence")),
    };
    let evidence = Evidence::decode(bytes)?;
    let predicate = evidence.kind.predicate();
    let coverage = core.coverage_of(predicate).unwrap_or(payload);
    require(coverage.violated > 0, "the coverage knows no violation of this predicate")?;
    for witness in &evidence.events {
        check_inclusion(core, witness)?;
    }
    let mut checker = Checker { core, evidence: &evidence, used_events: 0, prior: alloc::vec::Vec::new() };
    let frontier = checker.check_violation()?;
    require(checker.used_events == evidence.events.len(), "an event that shows nothing")?;
    require(checker.prior.len() == evidence.prior_ids.len(), "a proof that shows nothing")?;
    let prior = checker.prior;
    Ok(Conflict { prior, frontier, evidence })
}

/// Requires that the log's root in the core holds the witness.
pub(crate) fn check_inclusion(core: &Core, witness: &Witness) -> Result<(), Fault> {
    let Some(log) = core.logs.get(witness.log as usize) else {
        return Err(wrong("a log that was not judged"));
    };
    if let Some(observed) = &witness.observed {
        let header = &witness.header;
        let fits = (observed.len, observed.hash) == (header.payload_len, header.payload_hash);
        require(!fits, "a leaf for a payload that does not fit, with one that does")?;
    }
    let included = merkle::verify_inclusion(
        &log.root,
        log.count,
        witness.leaf_index,
        &witness.leaf(),
        &witness.siblings,
    );
    require(included, "an event that the log's root does not hold")
}

struct Checker<'e> {
    core: &'e Core,
    evidence: &'e Evidence,
    used_events: usize,
    /// Leaves of the prior state, as far as the evidence's proofs were checked.
    prior: alloc::vec::Vec<Option<IdLeaf>>,
}

impl<'e> Checker<'e> {
    fn check_violation(&mut self) -> Result<Option<FrontierLeaf>, Fault> {
        let kind = self.evidence.kind;
        let anchor = self.event()?;
        let takes_frontier =
            matches!(kind, Kind::NotAboveFrontier | Kind::Gap | Kind::Unlinked | Kind::WrongPrev);
        let takes_batch_id = matches!(kind, Kind::Gap | Kind::WrongPrev | Kind::Missing);
        let takes_dep = matches!(kind, Kind::Missing | Kind::PriorNotBefore);
        require(
            self.evidence.frontier.is_some() == takes_frontier,
            "a frontier proof where none belongs, or none",
        )?;
        require(
            self.evidence.batch_id.is_some() == takes_batch_id,
            "a batch id proof where none belongs, or none",
        )?;
        require(takes_dep || self.evidence.dep == 0, "a dep where none belongs")?;
        let frontier = if takes_frontier { self.frontier(&anchor.header)? } else { None };
        match kind {
            Kind::NotAboveFrontier => {
                self.not_known(anchor)?;
                require_judged_stream(&anchor.header)?;
                require(!above(&anchor.header, frontier.as_ref()), "the anchor is above the frontier")?;
            }
            Kind::SameLamport => self.check_same_lamport(anchor)?,
            Kind::Twice => self.check_twice(anchor)?,
            Kind::OutsideDomain => {
                let header = &anchor.header;
                require(!ids_in_domain(header.id, header.prev, &header.deps), "all ids are in the domain")?;
            }
            Kind::Gap => {
                let prev = self.require_on_line(anchor, frontier.as_ref())?;
                require(prev != 0, "the anchor is not linked")?;
                require(self.prior(prev)?.is_none(), "prev is in the prior state")?;
                require(self.batch_id(prev)?.is_none(), "prev is in the batch")?;
            }
            Kind::Unlinked => self.check_unlinked(anchor, frontier.as_ref())?,
            Kind::WrongPrev => self.check_wrong_prev(anchor, frontier.as_ref())?,
            Kind::Mismatch => require(anchor.observed.is_some(), "the payload fits")?,
            Kind::Missing => {
                self.not_known(anchor)?;
                let dep = self.dep_of(anchor)?;
                require(self.prior(dep)?.is_none(), "the dep is in the prior state")?;
                require(self.batch_id(dep)?.is_none(), "the dep is in the batch")?;
            }
            Kind::NotBefore => {
                let version = self.event()?;
                self.not_known(anchor)?;
                require(anchor.header.deps.contains(&version.header.id), "the anchor does not depend on it")?;
                require(version.header.lamport >= anchor.header.lamport, "the dep is earlier")?;
            }
            Kind::PriorNotBefore => {
                self.not_known(anchor)?;
                let dep = self.dep_of(anchor)?;
                let late = self.prior(dep)?.is_some_and(|leaf| leaf.lamport >= anchor.header.lamport);
                require(late, "the dep is earlier, or not in the prior state")?;
            }
            Kind::OtherVersion => {
                let other = self.event()?;
                require(other.header.id == anchor.header.id, "two ids")?;
                require(other.log != anchor.log, "one log")?;
                require_order(&other.header, &anchor.header)?;
            }
            Kind::PriorVersion => {
                let hash = anchor.header.hash();
                let differs = self.prior(anchor.header.id)?.is_some_and(|leaf| leaf.event_hash != hash);
                require(differs, "the prior state does not hold another version")?;
            }
            Kind::OtherClaim | Kind::OtherClaimNew => self.check_claims(anchor)?,
        }
        Ok(frontier)
    }

    fn check_same_lamport(&mut self, anchor: &Witness) -> Result<(), Fault> {
        let earlier = self.event()?;
        self.not_known(anchor)?;
        self.not_known(earlier)?;
        require_judged_stream(&anchor.header)?;
        require(same_stream(&earlier.header, &anchor.header), "two streams")?;
        require(earlier.header.lamport == anchor.header.lamport, "two lamports")?;
        require_order(&earlier.header, &anchor.header)
    }

    fn check_twice(&mut self, anchor: &Witness) -> Result<(), Fault> {
        let first = self.event()?;
        require(first.header.id == anchor.header.id, "two ids")?;
        require(first.log == anchor.log, "two logs")?;
        // A log's leaves stand in canonical order, so the smaller occurrence has the smaller place.
        require(first.leaf_index < anchor.leaf_index, "one occurrence, or the anchor is the smaller")
    }

    fn check_unlinked(&mut self, anchor: &Witness, frontier: Option<&FrontierLeaf>) -> Result<(), Fault> {
        let prev = self.require_on_line(anchor, frontier)?;
        require(prev == 0, "the anchor is linked")?;
        if frontier.is_some_and(|frontier| frontier.linked) {
            return Ok(());
        }
        let linked = self.event()?;
        let prev = self.require_on_line(linked, frontier)?;
        require(prev != 0, "the earlier event is not linked")?;
        require(same_stream(&linked.header, &anchor.header), "two streams")?;
        require_order(&linked.header, &anchor.header)
    }

    fn check_wrong_prev(&mut self, anchor: &Witness, frontier: Option<&FrontierLeaf>) -> Result<(), Fault> {
        let prev_id = self.require_on_line(anchor, frontier)?;
        require(prev_id != 0, "the anchor is not linked")?;
        let prior = self.prior(prev_id)?;
        let in_batch = self.batch_id(prev_id)?;
        let batch_hash = match in_batch.map(|leaf| &leaf.event_hashes[..]) {
            None => None,
            Some([hash]) => Some(*hash),
            Some(_) => return Err(wrong("prev has several versions")),
        };
        // Where prev lies on the line below the anchor, only an event between shows the break.
        let lower = match (prior, batch_hash) {
            (None, None) => return Err(wrong("prev is in neither batch nor prior state: a gap")),
            (Some(prior), Some(hash)) if prior.event_hash != hash => {
                return Err(wrong("prev has several versions"));
            }
            (Some(_), _) => frontier.is_some_and(|frontier| frontier.id == prev_id).then_some(None),
            (None, Some(hash)) => {
                let prev = self.event()?;
                // The id too: a batch id root made by a liar could name any event here.
                require((prev.header.id, prev.header.hash()) == (prev_id, hash), "another event than prev")?;
                let below = same_stream(&prev.header, &anchor.header)
                    && above(&prev.header, frontier)
                    && order(&prev.header, &anchor.header) == Ordering::Less;
                below.then_some(Some(&prev.header))
            }
        };
        let Some(lower) = lower else { return Ok(()) };
        let between = self.event()?;
        self.require_on_line(between, frontier)?;
        require(same_stream(&between.header, &anchor.header), "two streams")?;
        lower.map_or(Ok(()), |prev| require_order(prev, &between.header))?;
        require_order(&between.header, &anchor.header)
    }

    fn check_claims(&mut self, anchor: &Witness) -> Result<(), Fault> {
        let other = self.event()?;
        if self.evidence.kind == Kind::OtherClaim {
            self.not_known(anchor)?;
        } else {
            self.not_known(other)?;
            require(self.is_known(anchor)?, "the prior state does not hold the anchor")?;
        }
        let (a, b) = (&other.header, &anchor.header);
        let claims_differ = a.claim.is_some() && b.claim.is_some() && a.claim != b.claim;
        require(claims_differ, "the claims do not differ")?;
        require(past(&a.deps, a.prev).next().is_some(), "an empty past")?;
        require(past(&a.deps, a.prev).eq(past(&b.deps, b.prev)), "two pasts")?;
        require_order(a, b)
    }

    /// The next event of the evidence.
    fn event(&mut self) -> Result<&'e Witness, Fault> {
        let event = self.evidence.events.get(self.used_events);
        self.used_events += 1;
        event.ok_or_else(|| wrong("an event is missing"))
    }

    /// What the prior state holds under an id, by the next proof.
    fn prior(&mut self, id: u128) -> Result<Option<IdLeaf>, Fault> {
        let Some(proof) = self.evidence.prior_ids.get(self.prior.len()) else {
            return Err(wrong("a proof from the prior state is missing"));
        };
        let leaf =
            proof.verify(&self.core.prior.id_root, self.core.prior.id_count, id).map_err(as_evidence)?;
        self.prior.push(leaf.copied());
        Ok(leaf.copied())
    }

    /// Requires, by the next proof, that the prior state does not hold the event.
    fn not_known(&mut self, event: &Witness) -> Result<(), Fault> {
        let known = self.is_known(event)?;
        require(!known, "an event that the prior state holds is exempt")
    }

    /// Whether, by the next proof, the prior state holds the event.
    fn is_known(&mut self, event: &Witness) -> Result<bool, Fault> {
        let hash: Hash = event.header.hash();
        Ok(self.prior(event.header.id)?.is_some_and(|leaf| leaf.event_hash == hash))
    }

    fn frontier(&self, header: &EventHeader) -> Result<Option<FrontierLeaf>, Fault> {
        let Some(proof) = &self.evidence.frontier else { return Ok(None) };
        let prior = &self.core.prior;
        let key = frontier_key(header.node, header.stream);
        let leaf = proof.verify(&prior.frontier_root, prior.frontier_count, key).map_err(as_evidence)?;
        Ok(leaf.copied())
    }

    fn batch_id(&self, id: u128) -> Result<Option<&'e BatchIdLeaf>, Fault> {
        let Some(proof) = &self.evidence.batch_id else { return Err(wrong("a batch id proof is missing")) };
        proof.verify(&self.core.batch_id_root, self.core.batch_id_count, id).map_err(as_evidence)
    }

    /// Requires that the event is on its stream's line; gives its prev.
    fn require_on_line(&mut self, event: &Witness, frontier: Option<&FrontierLeaf>) -> Result<u128, Fault> {
        self.not_known(event)?;
        require_judged_stream(&event.header)?;
        require(above(&event.header, frontier), "an event that is not above the frontier")?;
        Ok(event.header.prev)
    }

    fn dep_of(&self, anchor: &Witness) -> Result<u128, Fault> {
        let dep = self.evidence.dep;
        require(anchor.header.deps.contains(&dep), "the anchor does not depend on it")?;
        Ok(dep)
    }
}

fn above(header: &EventHeader, frontier: Option<&FrontierLeaf>) -> bool {
    frontier.is_none_or(|frontier| header.lamport > frontier.lamport)
}

fn same_stream(a: &EventHeader, b: &EventHeader) -> bool {
    (a.node, a.stream) == (b.node, b.stream)
}

/// Canonical order of events.
fn order(a: &EventHeader, b: &EventHeader) -> Ordering {
    let key =
        |header: &EventHeader| (order_key(header.lamport, header.node, header.stream, header.id), header.id);
    key(a).cmp(&key(b)).then_with(|| a.hash().cmp(&b.hash()))
}

fn require_order(smaller: &EventHeader, greater: &EventHeader) -> Result<(), Fault> {
    require(order(smaller, greater) == Ordering::Less, "events out of canonical order, or one event twice")
}

fn require_judged_stream(header: &EventHeader) -> Result<(), Fault> {
    require(header.stream < FIRST_CAUSAL_ONLY_STREAM, "a causal-only stream is not judged")
}

fn require(holds: bool, why_not: &str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(wrong(why_not)) }
}

fn as_evidence(fault: Fault) -> Fault {
    Fault::new(FaultCode::EvidenceWrong, fault.message)
}

fn wrong(why: &str) -> Fault {
    Fault::new(FaultCode::EvidenceWrong, alloc::format!("the evidence does not show a violation: {why}"))
}
