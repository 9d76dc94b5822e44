//! The host: maps files, runs the kernel, and says what came of it.

pub mod check;
pub mod engine;
pub mod failure;
pub mod map;
