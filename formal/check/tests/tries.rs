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

/// A trie as the specification writes it.
enum Shape {
    Key(u128),
    Branch(u8, Box<(Shape, Shape)>),
}

impl Shape {
    /// Takes one from the front of `tokens`.
    fn read<'t>(tokens: &mut impl Iterator<Item = &'t str>) -> Shape {
        let kind = tokens.next().expect("a trie");
        let number = u128::from_str_radix(tokens.next().expect("a number"), 16).expect("hexadecimal");
        match kind {
            "K" => Shape::Key(number),
            "B" => {
                let zeros = Shape::read(tokens);
                let ones = Shape::read(tokens);
                Shape::Branch(u8::try_from(number).expect("a bit"), Box::new((zeros, ones)))
            }
            other => panic!("{other} starts no trie"),
        }
    }

    /// `root` of `formal/rocq/TrieProof.v`, with the kernel's hashes.
    fn root(&self) -> Hash {
        match self {
            Shape::Key(key) => leaf(*key).hash(),
            Shape::Branch(bit, below) => hash::trie_branch(*bit, &below.0.root(), &below.1.root()),
        }
    }

    /// `walk` of `formal/rocq/TrieProof.v`.
    fn walk(&self, key: u128, steps: &mut Vec<(u8, Hash)>) -> u128 {
        match self {
            Shape::Key(key) => *key,
            Shape::Branch(bit, below) => {
                let (same, other) = match key >> (127 - bit) & 1 {
                    0 => (&below.0, &below.1),
                    _ => (&below.1, &below.0),
                };
                steps.push((*bit, other.root()));
                same.walk(key, steps)
            }
        }
    }
}

/// The kernel's proof about a key is the walk that the key takes through the model's trie, and shows what is so.
fn proves_the_same(state: &State, shape: Option<&Shape>, keys: &[u128], key: u128) {
    let proof = state.prove_id(key);
    let mut steps = Vec::new();
    let end = shape.map(|shape| shape.walk(key, &mut steps));
    assert_eq!((proof.leaf.map(|leaf| leaf.id), &proof.steps), (end, &steps), "{key:x} in {keys:x?}");
    let commitment = state.commitment();
    let shown = proof.verify(&commitment.id_root, commitment.id_count, key).expect("a proof");
    assert_eq!(shown.is_some(), keys.contains(&key), "{key:x} in {keys:x?}");
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
        let mut tokens = shapes[0].split(' ').filter(|&token| token != "-").peekable();
        let shape = tokens.peek().is_some().then(|| Shape::read(&mut tokens));
        assert_eq!(tokens.next(), None);
        let root = shape.as_ref().map_or_else(|| hash::TRIE_EMPTY.hash(b""), Shape::root);
        assert_eq!(root, state.commitment().id_root, "{keys:?}");
        for &key in keys.iter().chain(&[0, 1, 77, u128::MAX]) {
            proves_the_same(&state, shape.as_ref(), keys, key);
            proves_the_same(&state, shape.as_ref(), keys, key ^ 1 << (key % 128));
        }
    }
    println!("tries: {SETS} sets, each in two orders: root and proofs of the model's shape are the kernel's");
}
