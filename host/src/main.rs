//! The omega command.

use std::process::ExitCode;

use omega_sheaf::engine::sandbox;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &arguments[..]
        && first == sandbox::SUBCOMMAND
    {
        return sandbox::child(rest);
    }
    ExitCode::SUCCESS
}
