//! `omega doctor`: is this machine fit to judge, and what to do where it is not.

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use crate::doctor::{self, Check, Status};
use crate::engine::Kernel;
use crate::failure::{Failure, HostCode};
use crate::report::{Outcome, Report};

/// Flags of `omega doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega doctor
  omega doctor --root ~/src/omega

Exit codes: 0 nothing is wrong (warnings included); 20 something is wrong: a
known verdict is not reproduced, or a frozen file was changed; 30 something
could not be checked.")]
pub struct Args {
    /// A checkout of the sources to look at too, where it is one
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
}

/// Looks at everything.
pub fn run(args: Args) -> Result<Report, Failure> {
    if !args.root.is_dir() {
        let failure = Failure::new(HostCode::NotFound, "there is no such folder");
        return Err(failure.file(&args.root).hint("--root names a folder; `omega doctor` alone looks here"));
    }
    Ok(report(&doctor::run(&args.root)))
}

fn report(checks: &[Check]) -> Report {
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let worst = checks.iter().rev().max_by_key(|check| check.status);
    let outcome = match worst.map_or(Status::Ok, |check| check.status) {
        Status::Failed => Outcome::VerificationFailed,
        Status::Unchecked => Outcome::CouldNotCheck,
        Status::Ok | Status::Skipped | Status::Warning => Outcome::Ok,
    };
    let (failed, unchecked, warnings) =
        (count(Status::Failed), count(Status::Unchecked), count(Status::Warning));
    let message = match (failed, unchecked, warnings) {
        (0, 0, 0) => format!("all is well: {} checks", checks.len()),
        (0, 0, _) => format!("fit to judge, with {warnings} warning(s) among {} checks", checks.len()),
        _ => format!("{failed} failed, {unchecked} could not be checked, of {} checks", checks.len()),
    };
    let mut report = Report::new("doctor", outcome)
        .message(message)
        .field("kernel_hash", HEXLOWER.encode(Kernel::embedded_hash()))
        .field("version", env!("CARGO_PKG_VERSION"))
        .field("checks", checks);
    for check in checks {
        let text = format!("  {:<10}{:<19}{}", check.status.name(), check.name, check.message);
        report = wrapped(report, &text);
        if let Some(advice) = &check.advice {
            report = wrapped(report, &format!("{INDENT}→ {advice}"));
        }
    }
    let Some(worst) = worst.filter(|_| outcome != Outcome::Ok) else { return report };
    if let Some(code) = worst.code {
        report = report.code(code.name(), code.number());
    }
    match &worst.advice {
        Some(advice) => report.hint(advice),
        None => report,
    }
}

const INDENT: &str = "                               ";

fn wrapped(report: Report, text: &str) -> Report {
    let options = textwrap::Options::new(80).subsequent_indent(INDENT);
    textwrap::wrap(text, options).into_iter().fold(report, Report::line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_decides() {
        let checks = doctor::run(std::path::Path::new("/"));
        let with = |status: &[Status]| {
            let mut checks = checks.clone();
            checks.iter_mut().for_each(|check| check.status = Status::Ok);
            for (check, &status) in checks.iter_mut().zip(status) {
                check.status = status;
            }
            report(&checks).exit()
        };
        assert_eq!(with(&[]), 0);
        assert_eq!(with(&[Status::Warning, Status::Skipped]), 0);
        assert_eq!(with(&[Status::Unchecked, Status::Warning]), 30);
        assert_eq!(with(&[Status::Unchecked, Status::Failed]), 20);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let failure = run(Args { root: "/no-such".into() }).unwrap_err();
        assert_eq!(failure.code.exit(), 30);
        assert_eq!(failure.file.as_deref(), Some("/no-such"));
    }
}
