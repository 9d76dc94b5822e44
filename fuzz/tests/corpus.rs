//! The committed inputs through their targets: what fuzzing has found once is found again, by every compiler.

use std::fs;
use std::path::{Path, PathBuf};

use omega_fuzz::{made, seal, targets};

/// Ways in which each input is changed.
const CHANGES: u32 = 50;
/// Bytes of a target's inputs in the repository, at most.
const MOST_BYTES: u64 = 200 << 10;

#[test]
fn each_committed_input_passes() {
    for &(name, check) in targets::ALL {
        let inputs = inputs(name);
        assert!(inputs.len() >= 5, "{name}: {} inputs", inputs.len());
        for input in inputs {
            println!("{}", input.display());
            check(&fs::read(&input).expect("an input"));
        }
    }
}

/// A little of what a fuzzer does, the same in each run.
#[test]
fn changed_inputs_pass() {
    for &(name, check) in targets::ALL {
        let inputs: Vec<Vec<u8>> =
            inputs(name).iter().map(|input| fs::read(input).expect("an input")).collect();
        for (at, input) in (0u32..).zip(&inputs) {
            for round in 0..CHANGES {
                let seed = at.wrapping_mul(CHANGES) + round;
                let mut changed = changed(input, &inputs[(seed as usize * 7) % inputs.len()], seed);
                let length = seal::seal(name, &mut changed, seed);
                check(&changed[..length]);
            }
        }
    }
}

/// The input with some bytes set, a piece taken out, or a piece of another put in.
fn changed(input: &[u8], other: &[u8], seed: u32) -> Vec<u8> {
    let mut numbers = made::chunks(&seed.to_le_bytes());
    let mut next = |end: usize| numbers.next().expect("endless") * 97 % end.max(1);
    let mut bytes = input.to_vec();
    for _ in 0..1 + next(3) {
        let at = next(bytes.len());
        let behind = (at + next(64)).min(bytes.len());
        match next(4) {
            0 => _ = bytes.drain(at..behind),
            1 => {
                let from = next(other.len());
                let piece = &other[from..(from + next(64)).min(other.len())];
                bytes.splice(at..behind, piece.iter().copied());
            }
            what => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = if what == 2 { *byte ^ 1 << next(8) } else { next(256) as u8 };
                }
            }
        }
    }
    bytes
}

#[test]
fn each_target_has_a_program_and_a_small_corpus() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let named: Vec<&str> =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
    assert_eq!(named.len(), 8, "{named:?}");
    for name in named.iter().filter_map(|file| file.strip_suffix(".rs\"")) {
        let bytes: u64 = inputs(name).iter().map(|input| fs::metadata(input).expect("an input").len()).sum();
        assert!((1..=MOST_BYTES).contains(&bytes), "{name}: {bytes} bytes");
    }
}

#[test]
fn nothing_and_noise_pass_everywhere() {
    for &(_, check) in targets::ALL {
        check(&[]);
        for length in [1, 8, 96, 400] {
            check(&vec![0xA5; length]);
        }
    }
}

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = root().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    inputs.sort();
    inputs
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
