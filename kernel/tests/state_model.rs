//! The state's structures against models that are too simple to be wrong.

use std::collections::BTreeMap;

use omega_kernel::fault::FaultCode;
use omega_kernel::hash::{self, Hash};
use omega_kernel::merkle;
use omega_kernel::snapshot::{SnapshotReader, SnapshotWriter};
use omega_kernel::state::{FrontierLeaf, IdLeaf, State, frontier_key};
use omega_kernel::trie::{Leaf, Trie, TrieProof, prove_sorted, root_of_sorted};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

type Model = BTreeMap<u128, u64>;

fn leaf(id: u128, lamport: u64) -> IdLeaf {
    IdLeaf { id, lamport, event_hash: hash::plain(&id.to_le_bytes()) }
}

fn leaves(model: &Model) -> Vec<IdLeaf> {
    model.iter().map(|(id, lamport)| leaf(*id, *lamport)).collect()
}

/// The trie's root from its definition alone: part the keys at the first bit in which any differ.
fn naive_root(leaves: &[IdLeaf]) -> Hash {
    match leaves {
        [] => hash::TRIE_EMPTY.hash(b""),
        [leaf] => leaf.hash(),
        _ => {
            let is_set = |leaf: &&IdLeaf, bit: u8| {
                leaf.id.to_be_bytes()[usize::from(bit / 8)] << (bit % 8) & 0x80 != 0
            };
            let parts = |bit: u8| leaves.iter().partition::<Vec<_>, _>(|leaf| !is_set(leaf, bit));
            let differ = |bit: &u8| {
                let (zeros, ones) = parts(*bit);
                !zeros.is_empty() && !ones.is_empty()
            };
            let bit = (0..128).find(differ).unwrap();
            let (zeros, ones) = parts(bit);
            hash::trie_branch(bit, &naive_root(&zeros), &naive_root(&ones))
        }
    }
}

/// Keys that collide, share long prefixes, or lie anywhere.
fn key() -> impl Strategy<Value = u128> {
    prop_oneof![
        0u128..64,
        (0u32..128).prop_map(|bit| 1 << bit),
        (0u128..4, 0u32..126).prop_map(|(low, shift)| low << shift | 1 << 127),
        any::<u128>(),
    ]
}

fn model(max: usize) -> impl Strategy<Value = Model> {
    btree_map(key(), any::<u64>(), 0..max)
}

fn trie(model: &Model) -> Trie<IdLeaf> {
    let mut trie = Trie::new();
    trie.merge_sorted(&leaves(model));
    trie
}

fn prove_leaves<L: Leaf>(leaves: &[L], key: u128) -> TrieProof<L> {
    let keys: Vec<u128> = leaves.iter().map(Leaf::key_bits).collect();
    prove_sorted(&keys, |index| leaves[index].clone(), key)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases(256)))]

    #[test]
    fn merged_batches_give_what_a_map_gives(batches in vec(model(24), 0..8), queries in vec(key(), 0..24)) {
        let (mut map, mut trie) = (Model::new(), Trie::new());
        for batch in &batches {
            map.extend(batch);
            trie.merge_sorted(&leaves(batch));
            let all = leaves(&map);
            prop_assert!(trie.iter().eq(all.iter().copied()));
            prop_assert_eq!(trie.len(), all.len() as u64);
            prop_assert_eq!(trie.root(), naive_root(&all));
            prop_assert_eq!(trie.root(), root_of_sorted(all.iter().map(|leaf| (leaf.id, leaf.hash()))));
            for rank in [0, all.len() / 3, all.len()] {
                prop_assert!(trie.iter_from(rank as u64).eq(all[rank..].iter().copied()));
            }
        }
        let present: Vec<_> = map.keys().copied().collect();
        for key in queries.into_iter().chain(present) {
            prop_assert_eq!(trie.get(key), map.get(&key).map(|lamport| leaf(key, *lamport)));
        }
    }

    #[test]
    fn the_order_and_splitting_of_inserts_leave_no_trace(
        order in btree_map(key(), any::<u64>(), 0..60).prop_map(|m| m.into_iter().collect::<Vec<_>>()).prop_shuffle(),
        cuts in vec(1usize..20, 60),
    ) {
        let mut rest = order.as_slice();
        let mut split = Trie::new();
        for cut in cuts {
            let (batch, after) = rest.split_at(cut.min(rest.len()));
            split.merge_sorted(&leaves(&batch.iter().copied().collect()));
            rest = after;
        }
        prop_assert!(rest.is_empty());
        let whole = trie(&order.iter().copied().collect());
        prop_assert_eq!(split.root(), whole.root());
        for (key, _) in &order {
            prop_assert_eq!(split.prove(*key), whole.prove(*key));
        }
    }

    #[test]
    fn presence_and_absence_are_proved(model in model(60), queries in vec(key(), 0..40)) {
        let (trie, all) = (trie(&model), leaves(&model));
        let count = all.len() as u64;
        for key in queries.into_iter().chain(model.keys().copied()) {
            let proof = trie.prove(key);
            prop_assert_eq!(&proof, &prove_leaves(&all, key));
            prop_assert_eq!(&TrieProof::decode(&proof.encode()).unwrap(), &proof);
            let held = model.get(&key).map(|lamport| leaf(key, *lamport));
            prop_assert_eq!(proof.verify(&trie.root(), count, key).unwrap(), held.as_ref());
        }
    }

    #[test]
    fn no_altered_proof_verifies(model in model(40), query in key(), mask in 1u8..) {
        let trie = trie(&model);
        let count = trie.len();
        for key in [query].into_iter().chain(model.keys().copied().take(3)) {
            let good = trie.prove(key).encode();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                let verified = TrieProof::<IdLeaf>::decode(&bytes).and_then(|proof| {
                    proof.verify(&trie.root(), count, key).map(|held| held.copied())
                });
                prop_assert!(verified.is_err(), "byte {} of {}", at, good.len());
            }
        }
    }

    #[test]
    fn a_present_id_cannot_be_shown_absent_nor_an_absent_one_present(model in model(30), query in key()) {
        let (trie, all) = (trie(&model), leaves(&model));
        let (root, count) = (trie.root(), trie.len());
        let verify = |proof: &TrieProof<IdLeaf>, key| proof.verify(&root, count, key).map(|held| held.copied());
        for key in [query].into_iter().chain(model.keys().copied()) {
            let truth = trie.get(key);
            let mut forgeries = vec![TrieProof { leaf: None, steps: vec![] }];
            // Every other leaf, and made-up ones, on the honest walk; every honest walk of another key.
            let made_up = [leaf(key, 0), leaf(!key, 0), leaf(key ^ 1, 1)];
            for other in all.iter().chain(&made_up) {
                forgeries.push(TrieProof { leaf: Some(*other), ..trie.prove(key) });
                forgeries.push(trie.prove(other.id));
                forgeries.push(TrieProof { leaf: truth, ..trie.prove(other.id) });
            }
            // The honest walk with each step dropped, and with each step's bit moved.
            for step in 0..trie.prove(key).steps.len() {
                let mut dropped = trie.prove(key);
                dropped.steps.remove(step);
                forgeries.push(dropped);
                for bit in [0, 1, 126, 127] {
                    let mut moved = trie.prove(key);
                    moved.steps[step].0 = bit;
                    forgeries.push(moved);
                }
            }
            for proof in &forgeries {
                if let Ok(held) = verify(proof, key) {
                    prop_assert_eq!(held, truth, "{:?}", proof);
                }
            }
            // The same walk under another trie, or another count, shows nothing.
            prop_assert!(trie.prove(key).verify(&hash::plain(&root), count, key).is_err());
            if count > 0 {
                prop_assert!(trie.prove(key).verify(&root, 0, key).is_err());
            }
        }
    }

    #[test]
    fn frontiers_are_found_by_node_and_stream(streams in btree_map((0u32..5, any::<u16>()), any::<u64>(), 0..40)) {
        let frontiers: Vec<_> = streams
            .iter()
            .map(|((node, stream), lamport)| FrontierLeaf {
                node: *node,
                stream: *stream,
                lamport: *lamport,
                id: u128::from(*lamport) << 40,
                event_hash: hash::plain(&lamport.to_le_bytes()),
                linked: lamport % 2 == 0,
            })
            .collect();
        let mut state = State::new();
        for frontier in frontiers.iter().rev() {
            state.accept(&[], &[*frontier]).unwrap();
        }
        let now = state.commitment();
        prop_assert_eq!(now.frontier_root, root_of_sorted(frontiers.iter().map(|f| (f.key_bits(), f.hash()))));
        for frontier in &frontiers {
            for (node, stream) in [(frontier.node, frontier.stream), (frontier.node, 9), (9, frontier.stream)] {
                let expected = frontiers.iter().find(|f| (f.node, f.stream) == (node, stream));
                prop_assert_eq!(state.frontier(node, stream), expected.copied());
                let proof = TrieProof::decode(&state.prove_frontier(node, stream).encode()).unwrap();
                let key = frontier_key(node, stream);
                prop_assert_eq!(proof.verify(&now.frontier_root, now.frontier_count, key).unwrap(), expected);
            }
        }
    }

    #[test]
    fn snapshots_restore_at_any_chunk_size(model in model(80), out in 1u32..400, into in 1usize..400) {
        let mut state = State::new();
        let frontier = |id: &u128| FrontierLeaf {
            node: 1, stream: (*id % 9) as u16, lamport: 1, id: *id, event_hash: [1; 32], linked: false,
        };
        let frontiers: BTreeMap<_, _> = model.keys().map(frontier).map(|leaf| (leaf.stream, leaf)).collect();
        state.accept(&leaves(&model), &frontiers.into_values().collect::<Vec<_>>()).unwrap();
        let writer = SnapshotWriter::new(&state, None);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < writer.len() {
            let part = writer.read(bytes.len() as u64, out);
            prop_assert!(!part.is_empty() && part.len() <= out as usize);
            bytes.extend(part);
        }
        prop_assert_eq!(&writer.read(0, u32::MAX), &bytes);
        let mut reader = SnapshotReader::new();
        for chunk in bytes.chunks(into) {
            reader.push(chunk).unwrap();
        }
        let (restored, _) = reader.finish().unwrap();
        prop_assert_eq!(restored.commitment(), state.commitment());
        prop_assert_eq!(SnapshotWriter::new(&restored, None).read(0, u32::MAX), bytes);
    }

    #[test]
    fn arbitrary_bytes_are_no_snapshot_and_no_proof(bytes in vec(any::<u8>(), 0..300), key in any::<u128>()) {
        let mut reader = SnapshotReader::new();
        let pushed = reader.push(&bytes);
        prop_assert!(pushed.and_then(|()| reader.finish()).is_err());
        if let Ok(proof) = TrieProof::<IdLeaf>::decode(&bytes) {
            prop_assert_eq!(proof.encode(), bytes);
            let fault = proof.verify(&[7; 32], 9, key).unwrap_err();
            prop_assert_eq!(fault.code, FaultCode::ProofWrong);
        }
    }

    #[test]
    fn arbitrary_siblings_prove_no_inclusion(
        siblings in vec(any::<Hash>(), 0..40), index in any::<u64>(), count in any::<u64>(), leaf in any::<Hash>(),
    ) {
        prop_assert!(!merkle::verify_inclusion(&[7; 32], count, index, &leaf, &siblings));
    }
}

/// SplitMix64, for many ids quickly.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn one_event_into_a_million_hashes_fewer_than_a_hundred_nodes() {
    const COUNT: u64 = 1_000_000;
    const STREAMS: u32 = 100_000;
    let id = |n: u64| u128::from(mixed(n)) << 48 | u128::from(mixed(!n) >> 16);
    let frontier = |node: u32, n: u64| FrontierLeaf {
        node,
        stream: (node % 7) as u16,
        lamport: n,
        id: id(n),
        event_hash: [3; 32],
        linked: true,
    };
    let all: BTreeMap<u128, u64> = (0..COUNT).map(|n| (id(n), n)).collect();
    let frontiers: Vec<_> = (0..STREAMS).map(|node| frontier(node, node.into())).collect();
    let mut state = State::new();
    state.accept(&leaves(&all), &frontiers).unwrap();
    assert_eq!(state.commitment().id_count, COUNT);

    let mut worst = 0;
    for n in COUNT..COUNT + 1000 {
        let before = state.hashed();
        let node = mixed(n) as u32 % (STREAMS + STREAMS / 10);
        state.accept(&[leaf(id(n), n)], &[frontier(node, n)]).unwrap();
        worst = worst.max(state.hashed() - before);
    }
    assert!(worst < 100, "{worst} nodes");
    assert!(worst > 20, "{worst}: fewer than a walk's branches cannot be");

    let all: BTreeMap<u128, u64> = (0..COUNT + 1000).map(|n| (id(n), n)).collect();
    let rebuilt = root_of_sorted(leaves(&all).iter().map(|leaf| (leaf.id, leaf.hash())));
    assert_eq!(state.commitment().id_root, rebuilt);
}
