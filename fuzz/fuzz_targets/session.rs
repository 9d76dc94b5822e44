//! Calls to a session, in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| omega_fuzz::targets::session::check(data));
