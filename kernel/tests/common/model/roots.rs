//! What the model commits to: roots and figures, each from its definition.

use std::collections::{BTreeMap, BTreeSet};

use omega_kernel::body::LogEntry;
use omega_kernel::event::Observed;
use omega_kernel::hash::{self, Hash};

use super::super::generate::LogPlan;
use super::Model;
use super::judging::{Event, OrderKey, order, payload};

impl Model {
    /// The state root, from the definition.
    pub fn root(&self) -> Hash {
        let ids: Vec<(u128, Hash)> = self
            .ids
            .iter()
            .map(|(id, (lamport, event))| {
                (
                    *id,
                    hash::STATE_ID
                        .hash(&whole_blocks([&id.to_le_bytes()[..], &lamport.to_le_bytes(), event].concat())),
                )
            })
            .collect();
        let frontiers: Vec<(u128, Hash)> = self
            .frontiers
            .iter()
            .map(|((node, stream), at)| {
                let leaf = [
                    &node.to_le_bytes()[..],
                    &stream.to_le_bytes(),
                    &at.lamport.to_le_bytes(),
                    &at.id.to_le_bytes(),
                    &at.event_hash,
                    &[u8::from(at.linked)],
                ];
                let key = u128::from(*node) << 96 | u128::from(*stream) << 80;
                (key, hash::STATE_FRONTIER.hash(&whole_blocks(leaf.concat())))
            })
            .collect();
        let commitment = [
            &1u32.to_le_bytes()[..],
            &(ids.len() as u64).to_le_bytes(),
            &trie_root(&ids),
            &(frontiers.len() as u64).to_le_bytes(),
            &trie_root(&frontiers),
        ];
        hash::STATE_ROOT.hash(&commitment.concat())
    }
}

pub(super) fn log_entries(logs: &[LogPlan]) -> Vec<LogEntry> {
    let mut entries: Vec<LogEntry> = logs
        .iter()
        .map(|log| {
            let mut leaves: Vec<_> =
                log.events.iter().map(|event| (order(&event.header), payload(event).0)).collect();
            leaves.sort();
            let leaf = |(order, observed): &(OrderKey, Option<Observed>)| {
                let mismatch = |at: &Observed| {
                    hash::MISMATCH.hash(&[&order.5[..], &at.len.to_le_bytes(), &at.hash].concat())
                };
                observed.as_ref().map_or(order.5, mismatch)
            };
            let leaves: Vec<Hash> = leaves.iter().map(leaf).collect();
            LogEntry { name: log.name.clone(), count: leaves.len() as u64, root: merkle_root(&leaves) }
        })
        .collect();
    entries.sort_by(|a, b| (a.name.as_bytes(), a.count, a.root).cmp(&(b.name.as_bytes(), b.count, b.root)));
    entries
}

pub(super) fn batch_ids(events: &[Event]) -> (u64, Hash) {
    let mut ids: BTreeMap<u128, BTreeSet<Hash>> = BTreeMap::new();
    events.iter().for_each(|event| _ = ids.entry(event.header.id).or_default().insert(event.hash));
    let leaf = |(id, hashes): (&u128, &BTreeSet<Hash>)| {
        let mut leaf = [&id.to_le_bytes()[..], &(hashes.len() as u32).to_le_bytes()].concat();
        hashes.iter().for_each(|hash| leaf.extend_from_slice(hash));
        (*id, hash::BATCH_ID.hash(&whole_blocks(leaf)))
    };
    let leaves: Vec<(u128, Hash)> = ids.iter().map(leaf).collect();
    (leaves.len() as u64, trie_root(&leaves))
}

pub(super) fn analytics(events: &[Event], known: &[bool]) -> Vec<i32> {
    let thousandths = |part: usize, whole: usize| (1000 * part).checked_div(whole).unwrap_or(0) as i32;
    let mut logs_of: BTreeMap<u128, BTreeSet<usize>> = BTreeMap::new();
    for event in events {
        logs_of.entry(event.header.id).or_default().extend(event.held.iter().map(|held| held.0));
    }
    let overlapping = logs_of.values().filter(|logs| logs.len() > 1).count();
    let writers: BTreeSet<u32> = events.iter().map(|event| event.header.node).collect();
    vec![
        thousandths(events.iter().map(|event| event.held.len()).sum(), events.len()),
        thousandths(overlapping, logs_of.len()),
        thousandths(known.iter().filter(|known| **known).count(), events.len()),
        thousandths(events.iter().map(|event| event.header.deps.len()).sum(), events.len()),
        thousandths(writers.len(), 1),
    ]
}

/// MTH of RFC 9162, 2.1.1.
pub(super) fn merkle_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash::MERKLE_EMPTY.hash(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash::MERKLE_NODE.pair(&merkle_root(left), &merkle_root(right))
        }
    }
}

/// A trie's leaf is filled up with zeros to whole blocks.
fn whole_blocks(mut leaf: Vec<u8>) -> Vec<u8> {
    leaf.resize(leaf.len().div_ceil(64) * 64, 0);
    leaf
}

/// A trie's root: keys part at the first bit in which any differ.
fn trie_root(leaves: &[(u128, Hash)]) -> Hash {
    match leaves {
        [] => hash::TRIE_EMPTY.hash(b""),
        [(_, leaf)] => *leaf,
        _ => {
            let is_set = |key: u128, bit: u8| key >> (127 - bit) & 1 == 1;
            let differ =
                |bit: &u8| leaves.iter().any(|leaf| is_set(leaf.0, *bit) != is_set(leaves[0].0, *bit));
            let bit = (0..128).find(differ).expect("distinct keys");
            let (ones, zeros): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| is_set(leaf.0, bit));
            hash::trie_branch(bit, &trie_root(&zeros), &trie_root(&ones))
        }
    }
}
