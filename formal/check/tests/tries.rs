//! The crit-bit trie of the model against the kernel's: one shape, whatever the history, and the same root.

use omega_formal::Specification;
use omega_kernel::hash::{self, Hash};
use omega_kernel::state::{IdLeaf, State};
use omega_kernel::trie::Leaf;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// Sets of keys.
const SETS: usize = 2_000;

fn leaf(id: u128) -> IdLeaf {
    IdLeaf { id, lamport: 7, event_hash: hash::plain(&id.to_le_bytes()) }
}

/// The root of a shape as the specification writes it; takes it from the front of `tokens`.
fn root<'t>(tokens: &mut impl Iterator<Item = &'t str>) -> Hash {
    let number = |tokens: &mut dyn Iterator<Item = &'t str>| {
        u128::from_str_radix(tokens.next().expect("a number"), 16).expect("hexadecimal")
    };
    match tokens.next() {
        Some("-") => hash::TRIE_EMPTY.hash(b""),
        Some("K") => leaf(number(tokens)).hash(),
        Some("B") => {
            let bit = u8::try_from(number(tokens)).expect("a bit");
            let (zeros, ones) = (root(tokens), root(tokens));
            hash::trie_branch(bit, &zeros, &ones)
        }
        other => panic!("{other:?} starts no trie"),
    }
}

/// Keys that part at any bit, many of them close together.
fn keys() -> impl Strategy<Value = Vec<u128>> {
    let key = prop_oneof![
        2 => any::<u128>(),
        2 => 0u128..32,
        1 => (0u32..128).prop_map(|bit| 1 << bit),
        1 => (0u32..128).prop_map(|bit| !(1 << bit)),
    ];
    vec(key, 0..24)
}

#[test]
fn the_model_and_the_kernel_build_one_trie() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Default::default(), rng);
    let histories: Vec<Vec<u128>> =
        (0..SETS).map(|_| keys().new_tree(&mut runner).expect("keys").current()).collect();
    // Each history also backwards: that must not show.
    let line = |keys: &mut dyn Iterator<Item = &u128>| {
        keys.fold(String::from("T"), |line, key| format!("{line} {key:x}"))
    };
    let lines: Vec<String> =
        histories.iter().flat_map(|keys| [line(&mut keys.iter()), line(&mut keys.iter().rev())]).collect();
    let answers = Specification::build().answers(&lines);
    assert_eq!(answers.len(), lines.len());
    for (keys, shapes) in histories.iter().zip(answers.chunks(2)) {
        assert_eq!(shapes[0], shapes[1], "{keys:?}");
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let (first, second) = sorted.split_at(sorted.len() / 2);
        let mut state = State::new();
        // In two goes, the second half first.
        for half in [second, first] {
            let leaves: Vec<IdLeaf> = half.iter().map(|&id| leaf(id)).collect();
            state.accept(&leaves, &[]).expect("room");
        }
        let mut tokens = shapes[0].split(' ');
        assert_eq!(root(&mut tokens), state.commitment().id_root, "{keys:?}");
        assert_eq!(tokens.next(), None);
    }
    println!("tries: {SETS} sets, each in two orders: the model's shape has the kernel's root");
}
