//! The Merkle tree of a transparency log: SHA-256 over each record, and one root (RFC 6962).

use anyhow::{Result, ensure};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use tlog_tiles::{Hash, HashReader, stored_hashes, tree_hash};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// Whose code makes the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// `tlog_tiles`.
    TlogTiles,
    /// `ct-merkle`.
    CtMerkle,
}

/// The root over all records.
pub struct MerkleRoot {
    library: Library,
    records: Vec<Vec<u8>>,
    root: [u8; 32],
}

/// A tree, and what it was made of.
struct Tree {
    events: usize,
    root: [u8; 32],
    /// Dropped off the clock.
    _held: Held,
}

/// What a library holds on to.
enum Held {
    TlogTiles { _records: Vec<Vec<u8>>, _stored: Stored },
    CtMerkle { _tree: MemoryBackedTree<Sha256, Vec<u8>> },
}

/// All hashes, where a log keeps tiles.
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|&index| self.0[index as usize]).collect())
    }
}

impl MerkleRoot {
    /// By one of the libraries.
    pub fn new(library: Library) -> Self {
        MerkleRoot { library, records: Vec::new(), root: [0; 32] }
    }

    /// The tree of the records; one of the libraries keeps them.
    fn tree(&self, records: Vec<Vec<u8>>) -> Result<Tree> {
        match self.library {
            Library::TlogTiles => {
                let mut stored = Stored(Vec::with_capacity(2 * records.len()));
                for (number, record) in (0u64..).zip(&records) {
                    let hashes = stored_hashes(number, record, &stored)?;
                    stored.0.extend(hashes);
                }
                let (events, root) = (records.len(), tree_hash(records.len() as u64, &stored)?.0);
                Ok(Tree { events, root, _held: Held::TlogTiles { _records: records, _stored: stored } })
            }
            Library::CtMerkle => {
                let mut tree = MemoryBackedTree::<Sha256, _>::new();
                records.into_iter().for_each(|record| tree.push(record));
                let (events, root) = (tree.len() as usize, (*tree.root().as_bytes()).into());
                Ok(Tree { events, root, _held: Held::CtMerkle { _tree: tree } })
            }
        }
    }
}

impl Contender for MerkleRoot {
    fn name(&self) -> &'static str {
        match self.library {
            Library::TlogTiles => "Merkle root, tlog_tiles",
            Library::CtMerkle => "Merkle root, ct-merkle",
        }
    }

    fn version(&self) -> String {
        super::crate_version(match self.library {
            Library::TlogTiles => "tlog_tiles",
            Library::CtMerkle => "ct-merkle",
        })
    }

    fn checks(&self) -> &'static str {
        "that the root over all records is the expected one: SHA-256 of each record and of each inner node"
    }

    fn does_not_check(&self) -> &'static str {
        "anything inside a record: ids, order, deps, streams, duplicates; no signature, no state"
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.records = events.iter().map(|event| event.message.clone()).collect();
        self.root = self.tree(self.records.clone())?.root;
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let records = self.records.clone();
        let (tree, time) = timed(|| self.tree(records))?;
        ensure!(tree.root == self.root, "the root is another one");
        Ok(Turn { time, events: tree.events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let middle = self.records.len() / 2;
        let record = &mut self.records[middle];
        let byte = record.len() / 2;
        record[byte] ^= 1;
        Ok(Flipped::from_run(self.run()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    const BOTH: [Library; 2] = [Library::TlogTiles, Library::CtMerkle];

    #[test]
    fn both_check_every_event() {
        BOTH.map(MerkleRoot::new).iter_mut().for_each(|tree| checks_every_event(tree));
    }

    #[test]
    fn both_notice_a_flipped_bit() {
        BOTH.map(MerkleRoot::new).iter_mut().for_each(|tree| notices_a_flipped_bit(tree));
    }

    #[test]
    fn both_have_the_same_root() {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = crate::events::samples(folder.path(), 77);
        let place = Place { log, folder: folder.path().to_owned(), omega: "".into(), processor: None };
        let [one, other] = BOTH.map(|library| {
            let mut tree = MerkleRoot::new(library);
            tree.prepare(&events, &place).unwrap();
            tree.root
        });
        assert_eq!(one, other);
    }
}
