//! Cases, and how the specification reads them.
//!
//! The specification knows hashes as numbers that it compares. Each case numbers the hashes that it has, in
//! their order, so that numbers compare as hashes do.

use std::collections::BTreeMap;
use std::fmt::Write;

use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::hash::Hash;

/// An event as it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What its hash covers.
    pub header: EventHeader,
    /// What its payload is, or was seen to be before it was erased; none where nothing is known of it.
    pub found: Option<Observed>,
}

/// The events of each log of a batch, in the order of their frames.
pub type Batch = Vec<Vec<Occurrence>>;

/// Batches that are judged one after the other, from genesis.
pub type Case = Vec<Batch>;

/// Numbers for the hashes of a case: greater numbers for greater hashes.
#[derive(Debug, Default)]
pub struct Numbering {
    events: BTreeMap<Hash, usize>,
    claims: BTreeMap<Hash, usize>,
    payloads: BTreeMap<Observed, usize>,
}

impl Numbering {
    /// Numbers all hashes of these occurrences.
    pub fn new<'o>(occurrences: impl IntoIterator<Item = &'o Occurrence>) -> Self {
        let mut numbering = Numbering::default();
        for occurrence in occurrences {
            numbering.events.insert(occurrence.header.hash(), 0);
            numbering.claims.extend(occurrence.header.claim.map(|claim| (claim, 0)));
            numbering.payloads.insert(stated(&occurrence.header), 0);
            numbering.payloads.extend(occurrence.found.map(|found| (found, 0)));
        }
        number(&mut numbering.events);
        number(&mut numbering.claims);
        number(&mut numbering.payloads);
        numbering
    }

    /// The number of an event hash.
    ///
    /// # Panics
    /// Where the hash is none of the case's: the checker made it up.
    pub fn event(&self, hash: &Hash) -> usize {
        *self.events.get(hash).expect("an event hash of the case")
    }

    /// The case as a line, without its end.
    pub fn line(&self, case: &[Batch]) -> String {
        let batches = case.iter().map(|batch| {
            let log = |log: &Vec<Occurrence>| {
                let events: String = log.iter().map(|occurrence| self.occurrence(occurrence)).collect();
                format!("L {events}")
            };
            batch.iter().map(log).collect::<String>()
        });
        batches.collect::<Vec<_>>().join("|")
    }

    /// An occurrence as the line has it, with a space behind it.
    pub fn occurrence(&self, occurrence: &Occurrence) -> String {
        let Occurrence { header, found } = occurrence;
        let optional = |number: Option<usize>| number.map_or("-".into(), |number| format!("{number:x}"));
        let mut text = format!(
            "E {:x} {:x} {:x} {:x} {:x} {} {:x} {} {:x} {:x} ",
            header.lamport,
            header.node,
            header.stream,
            header.id,
            header.prev,
            optional(header.claim.map(|claim| self.claims[&claim])),
            self.payloads[&stated(header)],
            optional(found.map(|found| self.payloads[&found])),
            self.events[&header.hash()],
            header.deps.len(),
        );
        header.deps.iter().for_each(|dep| write!(text, "{dep:x} ").expect("text grows"));
        text
    }
}

/// What the header says of the payload.
fn stated(header: &EventHeader) -> Observed {
    Observed { len: header.payload_len, hash: header.payload_hash }
}

fn number<K>(numbers: &mut BTreeMap<K, usize>) {
    numbers.values_mut().zip(1..).for_each(|(value, number)| *value = number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrence(id: u128, payload: u8) -> Occurrence {
        let header = EventHeader {
            lamport: 10,
            node: 1,
            stream: 0,
            id,
            prev: 0,
            claim: None,
            payload_len: 1,
            payload_hash: [payload; 32],
            deps: vec![3, 17],
        };
        Occurrence { found: None, header }
    }

    #[test]
    fn numbers_are_in_the_order_of_the_hashes() {
        let occurrences: Vec<Occurrence> = (1..20).map(|id| occurrence(id, 7)).collect();
        let numbering = Numbering::new(&occurrences);
        let mut hashes: Vec<Hash> = occurrences.iter().map(|at| at.header.hash()).collect();
        hashes.sort_unstable();
        assert!(hashes.iter().map(|hash| numbering.event(hash)).eq(1..20));
    }

    #[test]
    fn a_line_says_all_that_is_judged() {
        let (mut first, second) = (occurrence(31, 8), occurrence(32, 7));
        first.found = Some(Observed { len: 1, hash: [7; 32] });
        first.header.claim = Some([1; 32]);
        let numbering = Numbering::new([&first, &second]);
        let (one, two) = (numbering.event(&first.header.hash()), numbering.event(&second.header.hash()));
        let case = vec![vec![vec![first], vec![]], vec![vec![second]]];
        assert_eq!(
            numbering.line(&case),
            format!("L E a 1 0 1f 0 1 2 1 {one} 2 3 11 L |L E a 1 0 20 0 - 1 - {two} 2 3 11 ")
        );
    }
}
