//! Messages of frames; nothing in them needs sealing.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| omega_fuzz::targets::event::check(data));
