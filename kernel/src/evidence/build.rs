//! Makes the evidence for a violation, from the batch that showed it.

use alloc::vec::Vec;

use super::{BatchIdLeaf, Evidence, Kind, Witness};
use crate::batch::{Batch, EventAt};
use crate::hash::Hash;
use crate::judge::{Offence, Violation};
use crate::merkle;
use crate::piles;
use crate::trie::{self, TrieProof};

/// The evidence for `violation`.
pub fn build(batch: &Batch<'_>, violation: &Violation) -> Evidence {
    let anchor = violation.anchor;
    let own = batch.occurrences(anchor).start;
    let mut make = Builder::new(batch);
    match violation.offence {
        Offence::NotAboveFrontier => {
            make.kind(Kind::NotAboveFrontier).event(own).not_known(anchor).frontier(anchor)
        }
        Offence::SameLamport(earlier) => {
            make.kind(Kind::SameLamport).event(own).first_of(earlier).not_known(anchor).not_known(earlier)
        }
        Offence::Twice { first, second } => make.kind(Kind::Twice).event(second).event(first),
        Offence::OutsideDomain => make.kind(Kind::OutsideDomain).event(own),
        Offence::Gap => {
            let prev = batch.event(anchor).prev;
            make.kind(Kind::Gap).event(own).not_known(anchor).prior(prev).frontier(anchor).in_batch(prev)
        }
        Offence::Unlinked(linked) => {
            make.kind(Kind::Unlinked).event(own).not_known(anchor).frontier(anchor).on_line(linked)
        }
        Offence::WrongPrev { prev, between } => {
            let prev_id = batch.event(anchor).prev;
            make.kind(Kind::WrongPrev).event(own).not_known(anchor).prior(prev_id);
            make.frontier(anchor).in_batch(prev_id);
            if let Some(prev) = prev {
                make.first_of(prev);
            }
            make.on_line(between)
        }
        Offence::Mismatch(place) => make.kind(Kind::Mismatch).event(place),
        Offence::Missing(dep) => {
            make.kind(Kind::Missing).event(own).not_known(anchor).dep(dep).prior(dep).in_batch(dep)
        }
        Offence::NotBefore(version) => {
            make.kind(Kind::NotBefore).event(own).first_of(version).not_known(anchor)
        }
        Offence::PriorNotBefore(dep) => {
            make.kind(Kind::PriorNotBefore).event(own).not_known(anchor).dep(dep).prior(dep)
        }
        Offence::OtherVersion { other, own } => make.kind(Kind::OtherVersion).event(own).event(other),
        Offence::PriorVersion => make.kind(Kind::PriorVersion).event(own).prior(batch.event(anchor).id),
        Offence::OtherClaim(other) if batch.is_known(anchor) => {
            make.kind(Kind::OtherClaimNew).event(own).first_of(other).not_known(other).known(anchor)
        }
        Offence::OtherClaim(other) => {
            make.kind(Kind::OtherClaim).event(own).first_of(other).not_known(anchor)
        }
    };
    make.evidence
}

/// The batch's id trie's leaf at an index of [`Batch::ids`].
pub(crate) fn batch_id_leaf(batch: &Batch<'_>, index: u32) -> BatchIdLeaf {
    let versions = batch.ids.versions(index);
    let event_hashes: Vec<_> = versions.iter().map(|&event| batch.event(event).event_hash).collect();
    BatchIdLeaf { id: batch.event(versions[0]).id, event_hashes: piles::sorted_by(&event_hashes, Hash::cmp) }
}

/// Proves that an id is in the batch, with its versions, or that it is not.
fn prove_batch_id(batch: &Batch<'_>, id: u128) -> TrieProof<BatchIdLeaf> {
    let ids: Vec<u128> = batch.ids.iter().collect();
    trie::prove_sorted(&ids, |index| batch_id_leaf(batch, index as u32), id)
}

/// Proves that the occurrence at `place` is in its log.
pub(crate) fn witness(batch: &Batch<'_>, place: u32) -> Witness {
    let entry = batch.occurrence(place);
    let leaf_index = batch.leaf_index(place);
    Witness {
        log: entry.log,
        leaf_index,
        observed: batch.entries.observed(entry).copied(),
        siblings: merkle::inclusion_proof(&batch.leaves(entry.log), leaf_index as usize),
        header: batch.entries.header(entry),
    }
}

struct Builder<'b, 's> {
    batch: &'b Batch<'s>,
    evidence: Evidence,
}

impl<'b, 's> Builder<'b, 's> {
    fn new(batch: &'b Batch<'s>) -> Self {
        let evidence = Evidence {
            kind: Kind::OutsideDomain,
            dep: 0,
            events: Vec::new(),
            prior_ids: Vec::new(),
            frontier: None,
            batch_id: None,
        };
        Builder { batch, evidence }
    }

    fn kind(&mut self, kind: Kind) -> &mut Self {
        self.evidence.kind = kind;
        self
    }

    fn dep(&mut self, dep: u128) -> &mut Self {
        self.evidence.dep = dep;
        self
    }

    fn event(&mut self, place: u32) -> &mut Self {
        self.evidence.events.push(witness(self.batch, place));
        self
    }

    fn first_of(&mut self, event: EventAt) -> &mut Self {
        self.event(self.batch.occurrences(event).start)
    }

    /// An event of the line, where there is one to show: it is in a log, and not known.
    fn on_line(&mut self, event: Option<EventAt>) -> &mut Self {
        match event {
            Some(event) => self.first_of(event).not_known(event),
            None => self,
        }
    }

    fn not_known(&mut self, event: EventAt) -> &mut Self {
        self.prior(self.batch.event(event).id)
    }

    fn known(&mut self, event: EventAt) -> &mut Self {
        self.prior(self.batch.event(event).id)
    }

    fn prior(&mut self, id: u128) -> &mut Self {
        self.evidence.prior_ids.push(self.batch.state.prove_id(id));
        self
    }

    fn frontier(&mut self, event: EventAt) -> &mut Self {
        let entry = self.batch.event(event);
        self.evidence.frontier = Some(self.batch.state.prove_frontier(entry.node, entry.stream));
        self
    }

    fn in_batch(&mut self, id: u128) -> &mut Self {
        self.evidence.batch_id = Some(prove_batch_id(self.batch, id));
        self
    }
}
