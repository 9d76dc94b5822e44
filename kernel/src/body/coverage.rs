//! The catalog's predicates and what was judged of each, so that "passed" never hides "never checked".

use crate::bytes::{Malformed, Reader, Writer};

/// One rule of the catalog (`schemas/predicates.json`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predicate {
    /// Stable number.
    pub id: u16,
    /// Stable name.
    pub name: &'static str,
}

/// The catalog, ascending by id.
pub const PREDICATES: [Predicate; 9] = [
    Predicate { id: 1001, name: "lamport-monotonic" },
    Predicate { id: 1002, name: "event-unique" },
    Predicate { id: 1003, name: "event-id-domain" },
    Predicate { id: 1004, name: "stream-linked" },
    Predicate { id: PAYLOAD_PREDICATE, name: "payload-hash-match" },
    Predicate { id: 2002, name: "dependency-known" },
    Predicate { id: 2003, name: "dependency-precedes" },
    Predicate { id: 3001, name: "overlap-agreement" },
    Predicate { id: 3002, name: "claim-agreement" },
];

/// The one predicate whose coverage is an observation: erasing a payload changes it.
pub const PAYLOAD_PREDICATE: u16 = 2001;

/// Ids of the predicates whose coverage stands in the core, ascending: slot `i` of
/// [`super::Core::coverage`] belongs to `CORE_PREDICATES[i]`.
pub const CORE_PREDICATES: [u16; 8] = [1001, 1002, 1003, 1004, 2002, 2003, 3001, 3002];

/// The slot of a predicate in [`super::Core::coverage`]; none for 2001 and for unknown ids.
pub fn core_slot(predicate: u16) -> Option<usize> {
    CORE_PREDICATES.iter().position(|&id| id == predicate)
}

/// How much of one predicate was judged, in the predicate's unit. The first three add up to the
/// batch's units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Judged, violations included.
    pub judged: u64,
    /// Not judged because nothing could be: causal-only, erased, nothing to compare with.
    pub skipped: u64,
    /// Exempt because the prior state already holds the very event.
    pub known: u64,
    /// Judged and found to break the rule.
    pub violated: u64,
}

impl Coverage {
    /// All units, judged or not; none where the sum leaves 64 bits.
    pub fn units(&self) -> Option<u64> {
        self.judged.checked_add(self.skipped)?.checked_add(self.known)
    }

    /// Appends the four counts, 32 bytes.
    pub fn write(&self, out: &mut Writer) {
        out.u64(self.judged).u64(self.skipped).u64(self.known).u64(self.violated);
    }

    /// Reads what [`Coverage::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Coverage {
            judged: from.u64("the judged units")?,
            skipped: from.u64("the skipped units")?,
            known: from.u64("the known units")?,
            violated: from.u64("the violations")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_the_frozen_catalog() {
        let catalog = include_str!("../../../schemas/predicates.json");
        assert_eq!(catalog.matches("\"id\":").count(), PREDICATES.len());
        for Predicate { id, name } in PREDICATES {
            assert!(catalog.contains(&format!("\"id\": {id}, \"name\": \"{name}\"")), "{id} {name}");
            assert_eq!(core_slot(id).is_none(), id == PAYLOAD_PREDICATE);
        }
        assert!(PREDICATES.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(CORE_PREDICATES.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(core_slot(1), None);
    }

    #[test]
    fn units_do_not_wrap() {
        let most = Coverage { judged: u64::MAX, ..Coverage::default() };
        assert_eq!(most.units(), Some(u64::MAX));
        assert_eq!(Coverage { skipped: 1, ..most }.units(), None);
        assert_eq!(Coverage { known: 1, ..most }.units(), None);
    }
}
