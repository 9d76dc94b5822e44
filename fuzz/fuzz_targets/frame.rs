//! Logs, with checksums that fit.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use omega_fuzz::{seal, targets};

fuzz_target!(|data: &[u8]| targets::frame::check(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    seal::seal("frame", &mut data[..size], seed)
});
