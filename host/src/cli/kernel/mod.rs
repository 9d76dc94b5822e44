//! `omega kernel`: the checker as a file of its own, and the checkers of a node.

use crate::failure::Failure;
use crate::report::Report;

mod export;
mod registry;
mod swap;

/// Flags of `kernel`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with a kernel.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a kernel.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Write the kernel that is built in to a file, byte for byte
    Export(export::Args),
    /// Kernels that a node has, and which one judges
    List(registry::ListArgs),
    /// Give a node another kernel; nothing changes until it is put in place
    Add(registry::AddArgs),
    /// What a kernel says of itself
    Inspect(registry::InspectArgs),
    /// Which past verdicts would be others under a kernel, or between two
    Diff(swap::DiffArgs),
    /// Put a kernel in place, between two batches, with a certificate
    Swap(swap::SwapArgs),
    /// Put the kernel before the one in place back
    Rollback(swap::RollbackArgs),
}

/// Does it.
pub fn run(args: Args) -> Result<Report, Failure> {
    match args.action {
        Action::Export(args) => export::run(&args),
        Action::List(args) => registry::list(&args),
        Action::Add(args) => registry::add(&args),
        Action::Inspect(args) => registry::inspect(&args),
        Action::Diff(args) => swap::diff(&args),
        Action::Swap(args) => swap::swap(&args),
        Action::Rollback(args) => swap::rollback(&args),
    }
}
