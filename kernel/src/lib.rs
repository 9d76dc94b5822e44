//! The kernel: judges logs of events and returns a verdict.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod body;
pub mod bytes;
pub mod cert_index;
pub mod cert_log;
pub mod certificate;
pub mod chain;
pub mod commitment;
pub mod content;
pub mod event;
pub mod fault;
pub mod hash;
pub mod limits;
pub mod policy;
pub mod signature;
