//! The flag that says how many processors may judge.

use clap::builder::RangedU64ValueParser;

use crate::engine::MAX_JOBS;

/// A flag of every command that judges logs.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct JobsArgs {
    /// Processors that read large logs [default: $OMEGA_JOBS, or all, at most 4]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_JOBS))]
    pub jobs: Option<usize>,
}
