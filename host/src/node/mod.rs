//! A node without its network: what takes events in, judges them batch by batch, certifies the
//! verdicts, and comes back after a crash exactly where it was.
//!
//! One direction: [`intake`] → [`batch`] → [`coordinator`] → [`checker`] → [`certifier`]. Everything is
//! called by one thread at a time and does its work before it returns, on a [`crate::disk::Volume`];
//! the actors of [`crate::serve`] drive it.

pub mod archive;
pub mod audit;
pub mod batch;
pub mod certifier;
pub mod checker;
pub mod coordinator;
pub mod diff;
pub mod incidents;
pub mod index;
pub mod intake;
pub mod journal;
pub mod kernels;
pub mod lines;
pub mod pace;
pub mod quarantine;
pub mod ranges;
pub mod recover;
pub mod segments;
pub mod snapshots;
pub mod steps;
mod text;
pub mod waiting;

#[cfg(test)]
pub(crate) mod crash_tests;
#[cfg(test)]
mod mode_tests;
#[cfg(test)]
pub(crate) mod sim;
#[cfg(test)]
mod steps_tests;
