//! What fuzzing holds untrusted bytes to: one function for each target, which takes any bytes and panics
//! where a property does not hold.
//!
//! The functions stand here and not in the programs, so that the committed inputs go through them in
//! ordinary tests too, with the compiler that everything else is built with. They know no fuzzer.

pub mod made;
pub mod seal;
mod subject;
pub mod targets;

#[allow(clippy::all, missing_docs, unused, non_camel_case_types, unsafe_code)]
#[rustfmt::skip]
#[path = "../../kernel/tests/generated/omega_capnp.rs"]
mod omega_capnp;

#[path = "../../kernel/tests/support/capnp_library.rs"]
mod capnp_library;
