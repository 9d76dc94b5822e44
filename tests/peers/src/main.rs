//! OMEGA, its floor and its peers on the same events, in turns: figures, ratios, plots (README.md).

mod child;
mod contender;
mod data;
mod events;
mod machine;
mod measure;
mod page;
mod plot;
mod results;
mod table;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};

use crate::contender::Flipped;
use crate::results::{Results, Row};

/// OMEGA, its floor and its peers on the same events, in turns.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  omega-peers measure --omega target/release/omega
  omega-peers measure --events 2000 --turns 1 --only OMEGA --only floor
  omega-peers measure --output tests/peers/results --page BENCHMARKS.md
  omega-peers write --output tests/peers/results --page BENCHMARKS.md")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure, and print the section; with --output and --page, write it
    Measure(MeasureArgs),
    /// Draw and write again what was measured before
    Write(WriteArgs),
    /// Measure one contender, as its parent asks
    #[command(hide = true)]
    Child(child::Order),
}

#[derive(Debug, clap::Args)]
struct MeasureArgs {
    /// Events in a generated log; slow contenders take the first few thousand of them
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    events: u32,
    /// Turns that count, after one that does not
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Only contenders whose names hold this; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Only the first data set, with 256 bytes, two deps and eight writers
    #[arg(long, conflicts_with = "grid")]
    base: bool,
    /// Every combination of payload, deps and writers
    #[arg(long)]
    grid: bool,
    /// The omega command
    #[arg(long, value_name = "FILE", env = "OMEGA", default_value = "target/release/omega")]
    omega: PathBuf,
    /// A concurrent editing trace to measure over too
    #[arg(long, value_name = "F.json[.gz]", env = "TRACE")]
    trace: Option<PathBuf>,
    /// The git repository to measure over too, where it is one
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Folder for logs, which are removed at the end [default: the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    to: WriteArgs,
}

#[derive(Debug, clap::Args)]
struct WriteArgs {
    /// Folder for results.json and the plots
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Page to put the section into, between its markers
    #[arg(long, value_name = "FILE", requires = "output")]
    page: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Measure(args) => measure_all(args),
        What::Write(args) => write_again(&args),
        What::Child(order) => child::serve(order),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("omega-peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write_again(args: &WriteArgs) -> Result<()> {
    let output = args.output.as_ref().context("--output names the folder that results.json is in")?;
    let file = output.join("results.json");
    let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let results = serde_json::from_slice(&text).with_context(|| format!("reading {}", file.display()))?;
    write(&results, args)
}

fn measure_all(args: MeasureArgs) -> Result<()> {
    let command = command(&args);
    let omega = args.omega.canonicalize();
    let omega =
        omega.with_context(|| format!("there is no {}: `make build` makes it", args.omega.display()))?;
    ensure!(
        contender::all().iter().any(|one| measure::is_wanted(&**one, &args.only)),
        "no contender's name holds any of --only; without it, the table names all of them"
    );
    if let Some(page) = &args.to.page {
        page::ready(page)?;
    }
    let trace = args.trace.filter(|path| !path.as_os_str().is_empty());
    let repository = Some(args.repo).filter(|path| path.join(".git").exists());
    let mut datasets = data::datasets(args.grid, trace.as_deref(), repository.as_deref());
    if args.base {
        datasets.truncate(1);
    }
    let folder = args.folder.unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("omega-peers-").tempdir_in(&folder);
    let folder = folder.context("there is no folder for the logs")?;
    let setup = measure::Setup {
        events: args.events as usize,
        turns: args.turns,
        omega,
        folder: folder.path().to_owned(),
        only: args.only,
    };
    allow_many_files();
    let mut machine = machine::Machine::here(&setup.omega);
    // All of them first: what cannot be made is said before anything is measured.
    let make = |dataset: &data::Dataset| dataset.make(&setup.omega, &setup.folder, setup.events);
    let logs = datasets.iter().map(make).collect::<Result<Vec<_>>>()?;
    let each = datasets.iter().zip(&logs);
    let measured =
        each.map(|(dataset, log)| measure::measure(dataset, log, &setup)).collect::<Result<_>>()?;
    machine.load_after = machine::load();
    let results = Results { machine, command, events: setup.events, turns: setup.turns, datasets: measured };
    write(&results, &args.to)?;
    complete(&results)
}

/// Writes the files and the section, or prints it.
fn write(results: &Results, to: &WriteArgs) -> Result<()> {
    let Some(output) = &to.output else {
        println!("{}", table::section(results, &[]));
        return Ok(());
    };
    fs::create_dir_all(output).with_context(|| format!("making {}", output.display()))?;
    // First: from it all else can be drawn again.
    fs::write(output.join("results.json"), serde_json::to_string_pretty(results)? + "\n")?;
    let plots = plot::draw(results, output)?;
    let linked: Vec<(String, String)> = plots
        .into_iter()
        .map(|(file, title)| (output.join(file).to_string_lossy().into_owned(), title))
        .collect();
    let section = table::section(results, &linked);
    match &to.page {
        Some(page) => page::write(page, &section),
        None => {
            println!("{section}");
            Ok(())
        }
    }
}

/// A contender that misses what it claims to notice, or that fails, did not do its work: its figures are none.
fn complete(results: &Results) -> Result<()> {
    let rows = || results.datasets.iter().flat_map(|data| &data.rows);
    let missed: Vec<&str> =
        rows().filter(|row| row.flipped == Some(Flipped::Missed)).map(|row| row.name.as_str()).collect();
    if !missed.is_empty() {
        bail!("a flipped bit was missed by: {}", missed.join(", "));
    }
    let needed = |row: &&Row| contender::named(&row.name).is_none_or(|it| !it.may_be_missing());
    let failed = |row: &Row| row.failed.as_ref().map(|why| format!("{}: {why}", row.name));
    let failed: Vec<String> = rows().filter(needed).filter_map(failed).collect();
    if failed.is_empty() { Ok(()) } else { bail!("not measured: {}", failed.join("; ")) }
}

/// What was called, with the flags that matter.
fn command(args: &MeasureArgs) -> String {
    let mut flags = Vec::new();
    if (args.events, args.turns) != (100_000, 5) {
        flags.push(format!("--events {} --turns {}", args.events, args.turns));
    }
    flags.extend(args.base.then(|| "--base".to_owned()));
    flags.extend(args.grid.then(|| "--grid".to_owned()));
    flags.extend(args.only.iter().map(|part| format!("--only '{part}'")));
    if flags.is_empty() {
        "make bench-peers".to_owned()
    } else {
        format!("make bench-peers PEERS=\"{}\"", flags.join(" "))
    }
}

/// Thousands of logs are open at once where each event has its own. Where the limit cannot be raised, opening fails
/// and says so.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
