//! All tests of the kernel from outside, in one program: linked once, and so tried quickly on mutants.

mod common;
mod recipes;
mod support;

#[allow(clippy::all, missing_docs, unused, non_camel_case_types, unsafe_code)]
#[rustfmt::skip]
#[path = "generated/omega_capnp.rs"]
mod omega_capnp;

#[path = "support/capnp_library.rs"]
mod capnp_library;

mod body_rules;
mod cert_log;
mod certificate_rules;
mod chain_rules;
mod damage;
mod determinism;
mod events;
mod evidence_limits;
mod evidence_soundness;
mod evidence_tamper;
mod frames;
mod full_size;
mod golden;
mod house;
mod moved_frames;
mod predicates;
mod proofs;
mod reference_model;
mod runs;
mod session_rules;
mod spec_tables;
mod state_model;
mod tries;
mod vectors;
mod wire_against_capnp;
mod wire_rules;
