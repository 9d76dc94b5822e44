//! The command line: one file for each command, with its `Args` and its `run`.
//!
//! A command returns a [`Report`] or a [`Failure`] and prints nothing itself: this file turns both,
//! and usage errors and panics too, into one JSON object on stdout and an exit code.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::explain::kind;
use crate::failure::Failure;
use crate::files;
use crate::report::{self, Outcome, Report};

pub mod append;
pub mod audit;
pub mod bench;
pub mod bundle;
pub mod certify;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod drill;
pub mod erase;
mod evidence;
pub mod explain;
pub mod export_metrics;
pub mod generate;
pub mod import;
pub mod ingest;
mod jobs;
pub mod kernel;
pub mod keygen;
pub mod man;
pub mod policy;
pub mod prove;
pub mod reconcile;
pub mod replay;
pub mod serve;
pub mod token;
pub mod verify;
pub mod version;

/// Do these logs agree, who broke which rule, and can I check that without trusting you?
#[derive(Debug, Parser)]
#[command(
    name = "omega",
    version,
    max_term_width = 80,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = EXITS)]
pub struct Cli {
    /// Print a JSON object where text would be printed (help, version, explain, completions)
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXITS: &str = "\
Exit codes:
   0  the logs agree, or the evidence is right
  10  the logs conflict
  20  verification failed: the evidence is wrong
  30  could not check: no verdict
   2  the command line is wrong
   1  internal error

Each command prints one JSON object on stdout and a summary on stderr; explain,
completions, --help and --version print text unless --json is given.

Examples:
  omega check alice.omega bob.omega
  omega keygen
  omega append --log alice.omega --node 1 --payload hello
  omega explain --input omega.pub";

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Do these logs agree? The ten-second use
    Check(check::Args),
    /// Judge logs as one batch; keep the result, unsigned, for certify
    Reconcile(reconcile::Args),
    /// Sign a result and chain it to the certificates before it
    Certify(certify::Args),
    /// Is the evidence right, and how far could that be checked?
    Verify(verify::Args),
    /// Does another checker, or another engine, find what was certified?
    Audit(audit::Args),
    /// Who may sign a chain, and how that changes
    Policy(policy::Args),
    /// Make a proof: an event is in a batch; an id was accepted, or never was
    Prove(prove::Args),
    /// Put evidence and what verifies it into one file for a browser
    Bundle(bundle::Args),
    /// Judge again and say whether the same comes out
    Replay(replay::Args),
    /// Run a node: takes events in, certifies batches, shows what it does
    Serve(serve::Args),
    /// Append an event to a log, or start a log
    Append(append::Args),
    /// Check one log and say what is in it; keep the clean part of a damaged one
    Ingest(ingest::Args),
    /// Make logs from git, editing traces or CloudEvents
    Import(import::Args),
    /// Make deterministic events, sound or with one violation
    GenerateEvents(generate::Args),
    /// Take an event's payload out of a log; roots and signatures stay
    Erase(erase::Args),
    /// Make a key to sign with
    Keygen(keygen::Args),
    /// Say what a file is, what stands in it, and what to do next
    Explain(explain::Args),
    /// The checker as a file of its own; the checkers of a node, and changing them
    Kernel(kernel::Args),
    /// Who may do what with a node
    Token(token::Args),
    /// Measure the kernel: scan, fold and total, in wasm and native
    Bench(bench::Args),
    /// Damage copies of a folder: is each damage noticed?
    Drill(drill::Args),
    /// Is this machine fit: tools, engines, cache, and a known verdict
    Doctor(doctor::Args),
    /// Bring metrics into one form: sorted keys, lines counted from 0
    ExportMetrics(export_metrics::Args),
    /// Print a completion script for your shell
    Completions(completions::Args),
    /// Write the man pages
    Man(man::Args),
}

impl Command {
    /// The command's name in its JSON object.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Check(_) => "check",
            Command::Reconcile(_) => "reconcile",
            Command::Certify(_) => "certify",
            Command::Verify(_) => "verify",
            Command::Audit(_) => "audit",
            Command::Policy(_) => "policy",
            Command::Prove(_) => "prove",
            Command::Bundle(_) => "bundle",
            Command::Replay(_) => "replay",
            Command::Serve(_) => "serve",
            Command::Append(_) => "append",
            Command::Ingest(_) => "ingest",
            Command::Import(_) => "import",
            Command::GenerateEvents(_) => "generate-events",
            Command::Erase(_) => "erase",
            Command::Keygen(_) => "keygen",
            Command::Explain(_) => "explain",
            Command::Kernel(_) => "kernel",
            Command::Token(_) => "token",
            Command::Bench(_) => "bench",
            Command::Drill(_) => "drill",
            Command::Doctor(_) => "doctor",
            Command::ExportMetrics(_) => "export-metrics",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }

    /// Does it.
    fn run(self) -> Result<Report, Failure> {
        match self {
            Command::Check(args) => check::run(args),
            Command::Reconcile(args) => reconcile::run(args),
            Command::Certify(args) => certify::run(args),
            Command::Verify(args) => verify::run(args),
            Command::Audit(args) => audit::run(args),
            Command::Policy(args) => policy::run(args),
            Command::Prove(args) => prove::run(args),
            Command::Bundle(args) => bundle::run(args),
            Command::Replay(args) => replay::run(args),
            Command::Serve(args) => serve::run(args),
            Command::Append(args) => append::run(args),
            Command::Ingest(args) => ingest::run(args),
            Command::Import(args) => import::run(args),
            Command::GenerateEvents(args) => generate::run(args),
            Command::Erase(args) => erase::run(args),
            Command::Keygen(args) => keygen::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Kernel(args) => kernel::run(args),
            Command::Token(args) => token::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Drill(args) => drill::run(args),
            Command::Doctor(args) => doctor::run(args),
            Command::ExportMetrics(args) => export_metrics::run(args),
            Command::Completions(args) => completions::run(args),
            Command::Man(args) => man::run(args),
        }
    }
}

/// The whole program: parses, runs, prints, and gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    files::survive_size_limit();
    let args: Vec<OsString> = args.into_iter().collect();
    let (report, json) = match parse(&args) {
        Ok(cli) => (run_guarded(cli.command), cli.json),
        Err(error) => (of_clap(&error, &args), args.iter().any(|arg| arg == "--json")),
    };
    ExitCode::from(report::print(&report, json))
}

/// The command line as clap sees it.
pub fn definition() -> clap::Command {
    Cli::command()
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&definition().try_get_matches_from(args)?)
}

/// Runs a command; a panic becomes an internal error with its place, never a lost answer.
fn run_guarded(command: Command) -> Report {
    let name = command.name();
    guarded(name, move || {
        command.run().unwrap_or_else(|failure| Report::failed(name, &kind::advised(failure)))
    })
}

fn guarded(name: &'static str, work: impl FnOnce() -> Report) -> Report {
    let seen = Arc::new(Mutex::new(None::<String>));
    let slot = Arc::clone(&seen);
    let before = panic::take_hook();
    // The first panic is the cause; those that follow (a joined thread's) only repeat it.
    panic::set_hook(Box::new(move |info| {
        let mut slot = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        slot.get_or_insert_with(|| info.to_string());
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(before);
    result.unwrap_or_else(|_| {
        let seen = seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let message = seen.unwrap_or_else(|| "the program panicked".to_owned());
        let failure = Failure::internal(message).hint(
            "This is a defect of omega, not of your logs. Please report it with this message and the command line.",
        );
        Report::failed(name, &failure)
    })
}

/// Help, version and usage errors, as clap words them.
fn of_clap(error: &clap::Error, args: &[OsString]) -> Report {
    let rendered = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp => Report::new("help", Outcome::Ok)
            .field("text", rendered.to_string())
            .text(rendered.ansi().to_string()),
        ErrorKind::DisplayVersion => version::report(),
        kind => {
            let name = named(args);
            let plain = rendered.to_string();
            let message = match kind {
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing".to_owned(),
                ErrorKind::MissingRequiredArgument => {
                    let names = plain.lines().skip(1).take_while(|line| line.starts_with(' '));
                    format!("missing: {}", names.map(str::trim).collect::<Vec<_>>().join(", "))
                }
                _ => plain.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
            };
            let mut failure = Failure::usage(message);
            failure.hint = Some(match error.get(ContextKind::SuggestedSubcommand) {
                Some(suggested) => format!("Did you mean `omega {suggested}`? `omega --help` lists all."),
                None if name == "omega" => "`omega --help` lists the commands.".to_owned(),
                None => format!("`omega {name} --help` shows the flags and examples."),
            });
            // Help starts with what the program is for; an error's first line is the message.
            let whole = kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            let details = plain.lines().skip(usize::from(!whole)).map(str::to_owned);
            details.fold(Report::failed(name, &failure), |report, line| report.line(line))
        }
    }
}

/// The command that a wrong command line is about.
fn named(args: &[OsString]) -> String {
    let wanted = args.iter().skip(1).find(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
    let is_wanted = |command: &&clap::Command| wanted.is_some_and(|wanted| wanted == command.get_name());
    definition().get_subcommands().find(is_wanted).map_or("omega", clap::Command::get_name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Report {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        of_clap(&parse(&args).expect_err("a clap answer"), &args)
    }

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in definition().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let has = |c: &clap::Command| {
                c.get_after_help().map(ToString::to_string).unwrap_or_default().contains("omega ")
            };
            assert!(
                help.contains("omega ") || (command.has_subcommands() && command.get_subcommands().all(has)),
                "{} has no examples",
                command.get_name()
            );
        }
    }

    #[test]
    fn every_help_fits_eighty_columns() {
        for command in definition().get_subcommands() {
            let mut command = command.clone().term_width(80);
            for line in command.render_long_help().to_string().lines() {
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
            }
        }
    }

    #[test]
    fn usage_errors_are_objects_with_exit_2() {
        let json = parsed(&["omega", "completions", "--nonsense"]).to_json();
        assert_eq!(json["command"], "completions");
        assert_eq!(json["exit"], 2);
        assert_eq!(json["outcome"], "usage");
        assert!(json["message"].as_str().unwrap().contains("--nonsense"), "{json}");
        let json = parsed(&["omega", "completons"]).to_json();
        assert_eq!(json["command"], "omega");
        assert!(json["hint"].as_str().unwrap().contains("omega completions"), "{json}");
        assert_eq!(parsed(&["omega"]).to_json()["message"], "a command is missing");
    }

    #[test]
    fn help_and_version_are_no_errors() {
        assert_eq!(parsed(&["omega", "--help"]).exit(), 0);
        assert_eq!(parsed(&["omega", "--version"]).exit(), 0);
    }

    #[test]
    fn a_panic_is_an_internal_error_with_its_place() {
        let report = guarded("check", || panic!("seven is not even"));
        let json = report.to_json();
        assert_eq!(json["exit"], 1);
        assert_eq!(json["code"], "internal");
        assert!(json["message"].as_str().unwrap().contains("seven is not even"), "{json}");
        assert!(json["message"].as_str().unwrap().contains("mod.rs"), "{json}");
    }
}
