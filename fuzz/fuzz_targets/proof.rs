//! Proofs that name the certificate at hand.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use omega_fuzz::{seal, targets};

fuzz_target!(|data: &[u8]| targets::proof::check(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    seal::seal("proof", &mut data[..size], seed)
});
