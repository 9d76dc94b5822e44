//! `omega completions`: the script that teaches a shell the commands and their flags.

use clap_complete::{Shell, generate};

use crate::failure::Failure;
use crate::report::{Outcome, Report};

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega completions bash > ~/.local/share/bash-completion/completions/omega
  omega completions zsh > \"${fpath[1]}/_omega\"
  omega completions fish > ~/.config/fish/completions/omega.fish")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Makes the script.
pub fn run(args: Args) -> Result<Report, Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut super::definition(), "omega", &mut script);
    let script =
        String::from_utf8(script).map_err(|_| Failure::internal("the completion script is not UTF-8"))?;
    Ok(Report::new("completions", Outcome::Ok)
        .field("shell", args.shell.to_string())
        .field("script", &script)
        .text(script))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for &shell in Shell::value_variants() {
            let json = run(Args { shell }).unwrap().to_json();
            let script = json["script"].as_str().unwrap();
            for command in crate::cli::definition().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
