//! The kernel: judges logs of events and returns a verdict.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod bytes;
pub mod commitment;
pub mod event;
pub mod fault;
pub mod hash;
pub mod limits;
#[cfg(all(target_arch = "wasm32", feature = "component"))]
mod component;
pub mod describe;
