//! The Merkle tree of a transparency log: SHA-256 over each record, and one root (RFC 6962).

use anyhow::{Result, ensure};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use tlog_tiles::{Hash, HashReader, stored_hashes, tree_hash};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// What both rows check.
const CHECKS: &str =
    "that the root over all records is the expected one: SHA-256 of each record and of each inner node";
/// What both do not.
const DOES_NOT: &str =
    "anything inside a record: ids, order, deps, streams, duplicates; no signature, no state";

/// `tlog_tiles`.
#[derive(Default)]
pub struct TlogTiles {
    records: Vec<Vec<u8>>,
    root: [u8; 32],
}

impl TlogTiles {
    fn root(&self) -> Result<(usize, [u8; 32])> {
        let mut stored = Stored(Vec::with_capacity(2 * self.records.len()));
        for (number, record) in (0u64..).zip(&self.records) {
            let hashes = stored_hashes(number, record, &stored)?;
            stored.0.extend(hashes);
        }
        Ok((self.records.len(), tree_hash(self.records.len() as u64, &stored)?.0))
    }
}

/// All hashes, where a log keeps tiles.
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|&index| self.0[index as usize]).collect())
    }
}

impl Contender for TlogTiles {
    fn name(&self) -> &'static str {
        "Merkle root, tlog_tiles"
    }

    fn version(&self) -> String {
        super::crate_version("tlog_tiles")
    }

    fn checks(&self) -> &'static str {
        CHECKS
    }

    fn does_not_check(&self) -> &'static str {
        DOES_NOT
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.records = events.iter().map(|event| event.message.clone()).collect();
        self.root = self.root()?.1;
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let ((events, root), time) = timed(|| self.root())?;
        ensure!(root == self.root, "the root is another one");
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        flip_in_the_middle(&mut self.records);
        Ok(Flipped::from_run(self.run()))
    }
}

/// `ct-merkle`.
#[derive(Default)]
pub struct CtMerkle {
    records: Vec<Vec<u8>>,
    root: Vec<u8>,
}

impl CtMerkle {
    /// The tree owns what it holds: it is given what was copied off the clock.
    fn tree(records: Vec<Vec<u8>>) -> MemoryBackedTree<Sha256, Vec<u8>> {
        let mut tree = MemoryBackedTree::new();
        records.into_iter().for_each(|record| tree.push(record));
        tree
    }
}

impl Contender for CtMerkle {
    fn name(&self) -> &'static str {
        "Merkle root, ct-merkle"
    }

    fn version(&self) -> String {
        super::crate_version("ct-merkle")
    }

    fn checks(&self) -> &'static str {
        CHECKS
    }

    fn does_not_check(&self) -> &'static str {
        DOES_NOT
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.records = events.iter().map(|event| event.message.clone()).collect();
        self.root = Self::tree(self.records.clone()).root().as_bytes().to_vec();
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let records = self.records.clone();
        let ((tree, root), time) = timed(|| {
            let tree = Self::tree(records);
            let root = tree.root();
            Ok((tree, root))
        })?;
        ensure!(root.as_bytes().as_slice() == self.root, "the root is another one");
        Ok(Turn { time, events: tree.len() as usize })
    }

    fn flip(&mut self) -> Result<Flipped> {
        flip_in_the_middle(&mut self.records);
        Ok(Flipped::from_run(self.run()))
    }
}

fn flip_in_the_middle(records: &mut [Vec<u8>]) {
    let middle = records.len() / 2;
    let record = &mut records[middle];
    let byte = record.len() / 2;
    record[byte] ^= 1;
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn both_check_every_event() {
        checks_every_event(&mut TlogTiles::default());
        checks_every_event(&mut CtMerkle::default());
    }

    #[test]
    fn both_notice_a_flipped_bit() {
        notices_a_flipped_bit(&mut TlogTiles::default());
        notices_a_flipped_bit(&mut CtMerkle::default());
    }

    #[test]
    fn both_have_the_same_root() {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = crate::events::samples(folder.path(), 77);
        let place = Place { log, folder: folder.path().to_owned(), omega: "".into(), processor: None };
        let (mut one, mut other) = (TlogTiles::default(), CtMerkle::default());
        one.prepare(&events, &place).unwrap();
        other.prepare(&events, &place).unwrap();
        assert_eq!(one.root.as_slice(), other.root);
    }
}
