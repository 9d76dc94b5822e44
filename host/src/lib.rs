//! The host: maps logs, runs the kernel over them, signs the verdict, chains and stores it, and
//! verifies it again. The `omega` command is a thin layer over this library.
//!
//! One direction: map → check → sign → store → verify. Only [`sign`] sees a private key; only
//! [`engine`] knows Wasmtime; only [`map`] and the engine's cache and memory have unsafe code.

pub mod audit;
pub mod batch;
pub mod bench;
pub mod bundle;
pub mod certify;
pub mod check;
pub mod cli;
pub mod crash;
pub mod disk;
pub mod doctor;
pub mod drill;
pub mod engine;
pub mod explain;
pub mod files;
pub mod inputs;
pub mod inspect;
pub mod interrupt;
pub mod keys;
pub mod known;
pub mod map;
pub mod node;
pub mod outputs;
pub mod policy_change;
pub mod produce;
pub mod prove;
pub mod report;
pub mod result;
pub mod serve;
pub mod sign;
pub mod store;
pub mod summary;
pub mod trust;
pub mod verify;

pub use omega_verify::{conflict, failure};
