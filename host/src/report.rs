//! What a command says, on this terminal: the JSON object on stdout, the lines for people on stderr.
//!
//! Nothing here panics on a closed pipe: a reader who has seen enough is no error.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

pub use omega_verify::report::{Outcome, Report, plural, wrap};

use crate::failure::{Failure, HostCode};

/// Prints both and gives the exit code: the outcome's, or that of `write-failed` where stdout
/// cannot take the answer. A closed pipe changes nothing.
pub fn print(report: &Report, json: bool) -> u8 {
    // Nobody reads what stderr cannot take: there is no place left to say so.
    drop(anstream::stderr().lock().write_all(to_people(report).as_bytes()));
    let answer = match report.instead() {
        Some(text) if !json => text.to_owned(),
        _ => format!("{}\n", report.to_json()),
    };
    match to_stdout(&answer) {
        Ok(()) => report.exit(),
        Err(error) => {
            let failure = Failure::new(
                HostCode::WriteFailed,
                format!("standard output did not take the answer: {error}"),
            );
            let lost = Report::failed(report.command().clone(), &failure);
            drop(anstream::stderr().lock().write_all(to_people(&lost).as_bytes()));
            lost.exit()
        }
    }
}

/// What people read, the outcome in its colour; streams that are no terminal strip it.
pub fn to_people(report: &Report) -> String {
    let text = report.to_people();
    let name = report.outcome().name();
    match text.strip_prefix(name) {
        Some(rest) if rest.starts_with(':') => {
            let style = style(report.outcome());
            format!("{style}{name}{style:#}{rest}")
        }
        _ => text,
    }
}

fn style(outcome: Outcome) -> Style {
    let color = match outcome {
        Outcome::Ok | Outcome::Agree | Outcome::Verified => AnsiColor::Green,
        Outcome::Conflict | Outcome::Usage => AnsiColor::Yellow,
        Outcome::VerificationFailed | Outcome::CouldNotCheck | Outcome::Internal => AnsiColor::Red,
    };
    color.on_default().bold()
}

/// Writes to stdout; a reader who closed the pipe is no error.
fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outcome_is_coloured() {
        let report = Report::new("check", Outcome::Conflict).message("a conflict").line("conflict: a line");
        let text = to_people(&report);
        assert!(text.starts_with("\u{1b}[") && text.matches("\u{1b}[0m").count() == 1, "{text:?}");
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), report.to_people());
        let report = Report::new("check", Outcome::Conflict).line("  no message");
        assert_eq!(to_people(&report), "  no message\n");
    }
}
