//! The kernel beside the executable specification that is extracted from the proved model (`formal/rocq`).
//!
//! A [`Case`] is batches that are judged one after the other from genesis. [`case::Numbering`] writes it as the
//! specification reads it, [`kernel`] judges it with the kernel and writes what came out in the specification's
//! words, [`specification`] runs the program and compares line by line. What the two share, and what neither
//! looks at, stands in `formal/divergences.md`.

pub mod case;
pub mod kernel;
pub mod specification;

pub use case::{Case, Numbering, Occurrence};
pub use specification::{Difference, Specification};
