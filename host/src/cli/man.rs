//! `omega man`: one page for the program and one for each command.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::files;
use crate::report::{Outcome, Report};

/// Flags of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega man --output ~/.local/share/man/man1
  omega man && man ./man/omega-verify.1")]
pub struct Args {
    /// Folder for the pages; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "man")]
    pub output: PathBuf,
}

/// Writes the pages.
pub fn run(args: Args) -> Result<Report, Failure> {
    let failed = |error: std::io::Error| files::unwritable(&error, &args.output);
    fs::create_dir_all(&args.output).map_err(failed)?;
    clap_mangen::generate_to(super::definition(), &args.output).map_err(failed)?;
    let mut pages = Vec::new();
    for entry in fs::read_dir(&args.output).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if name.starts_with("omega") && name.ends_with(".1") {
            pages.push(name);
        }
    }
    pages.sort();
    Ok(Report::new("man", Outcome::Ok)
        .message(format!("{} man pages in {}", pages.len(), args.output.display()))
        .field("output", args.output.display().to_string())
        .field("pages", pages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_each_command() {
        let folder = tempfile::tempdir().unwrap();
        let json = run(Args { output: folder.path().join("pages") }).unwrap().to_json();
        let pages: Vec<&str> =
            json["pages"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        assert!(pages.contains(&"omega.1"));
        for command in crate::cli::definition().get_subcommands() {
            let name = format!("omega-{}.1", command.get_name());
            assert!(pages.contains(&name.as_str()), "{name} is missing");
            let page = fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
            assert!(page.contains(".SH NAME"), "{page}");
        }
    }
}
