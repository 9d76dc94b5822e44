//! The omega command: everything is in the library, so that tests can reach it.

use std::process::ExitCode;

use omega_sheaf::bench::child;
use omega_sheaf::engine::sandbox;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // A stranger's kernel is compiled by this very program, started again under limits.
    match &arguments[..] {
        [_, first, rest @ ..] if first == sandbox::SUBCOMMAND => sandbox::child(rest),
        // A benchmark measures each contender in a process of its own.
        [_, first, rest @ ..] if first == child::SUBCOMMAND => child::main(rest),
        _ => omega_sheaf::cli::main(arguments),
    }
}
