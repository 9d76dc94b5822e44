//! What `omega import` and `omega append` read: JSON and CloudEvents.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| omega_fuzz::targets::import::check(data));
