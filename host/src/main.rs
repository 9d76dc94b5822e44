//! The omega command: everything is in the library, so that tests can reach it.

fn main() -> std::process::ExitCode {
    omega_sheaf::cli::main(std::env::args_os())
}
