//! The kernel: judges logs of events and returns a verdict.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod batch;
pub mod body;
pub mod bytes;
pub mod cert_index;
pub mod cert_log;
pub mod certificate;
pub mod chain;
pub mod commitment;
#[cfg(all(target_arch = "wasm32", feature = "component"))]
mod component;
pub mod content;
pub mod crc;
pub mod describe;
pub mod entry;
pub mod event;
pub mod evidence;
pub mod fault;
pub mod fold;
pub mod frame;
pub mod hash;
#[cfg(all(target_arch = "wasm32", feature = "component"))]
mod heap;
pub mod ids;
pub mod judge;
pub mod lanes;
pub mod limits;
pub mod merkle;
mod piles;
pub mod policy;
pub mod proof;
pub mod run;
pub mod scan;
pub mod session;
pub mod signature;
mod simd;
pub mod slab;
pub mod snapshot;
pub mod state;
mod streams;
pub mod trie;
pub mod wire;
