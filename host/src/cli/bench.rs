//! `omega bench`: how fast the kernel is on this machine, as WebAssembly and native.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use crate::bench::{self, Contender, Measured, Setup, figures};
use crate::engine::{Execution, Kernel, MAX_JOBS};
use crate::failure::Failure;
use crate::produce::generate::{Ids, Plan};
use crate::report::{Outcome, Report};
use crate::summary::grouped;

/// Flags of `omega bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega bench
  omega bench --events 1000000 --payload 256 --deps 2 --writers 4
  omega bench --events 10000 --runs 3
  omega bench --events 20000 --mode wasm --engine pulley

The same flags give the same log everywhere; it is one batch, from genesis. All
but the rows of several jobs is measured on one processor, in turns; a figure is
the median of the turns after the first, a ratio the median of the ratios within each turn. The floor is
what the hashes and checksums alone take natively, by one library call each.")]
pub struct Args {
    /// Events in the log
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: u64,
    /// Bytes in each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub payload: u32,
    /// Dependencies of each event
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub deps: u32,
    /// Writers
    #[arg(long, value_name = "N", default_value_t = 4, visible_alias = "nodes", value_parser = clap::value_parser!(u32).range(1..))]
    pub writers: u32,
    /// What ids look like
    #[arg(long, value_enum, default_value_t = Ids::Random)]
    pub ids: Ids,
    /// Fixes all that is random
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Which build of the kernel judges
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    pub mode: Mode,
    /// How WebAssembly is run
    #[arg(long, value_enum, default_value_t = Engine::Cranelift)]
    pub engine: Engine,
    /// Instances that scan side by side, measured beside one; 1 leaves that out
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_JOBS))]
    pub jobs: usize,
    /// Turns that count, after one that does not
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,
    /// Folder for the log, which is removed at the end [default: the system's for temporary files]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Which build of the kernel judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// The component, which certificates name
    Wasm,
    /// The kernel compiled into this program
    Native,
    /// Both in turns, and how they compare
    Both,
}

/// How WebAssembly is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// Compiled to machine code
    Cranelift,
    /// Interpreted: some thirty times slower
    Pulley,
}

/// More than an idle machine takes for itself.
const BUSY_SHARE: f64 = 0.02;

/// Measures.
pub fn run(args: Args) -> Result<Report, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::internal(format!("this program cannot find itself: {error}")))?;
    let setup = Setup {
        plan: Plan {
            count: args.events,
            seed: args.seed,
            nodes: args.writers,
            streams: 1,
            payload: args.payload,
            deps: args.deps,
            ids: args.ids,
            conflict: None,
        },
        judges: judges(args.mode, args.jobs),
        jobs: args.jobs,
        execution: match args.engine {
            Engine::Cranelift => Execution::Cranelift,
            Engine::Pulley => Execution::Pulley,
        },
        runs: args.runs,
        folder: args.folder.clone().unwrap_or_else(std::env::temp_dir),
        program,
    };
    let measured = bench::run(&setup)?;
    Ok(report(&args, &measured))
}

/// Who judges: on one processor, and where more than one job was asked for beside that.
fn judges(mode: Mode, jobs: usize) -> Vec<Contender> {
    let (one, several) = match mode {
        Mode::Wasm => (vec![Contender::Wasm], vec![Contender::WasmJobs]),
        Mode::Native => (vec![Contender::Native], vec![Contender::NativeJobs]),
        Mode::Both => {
            (vec![Contender::Wasm, Contender::Native], vec![Contender::WasmJobs, Contender::NativeJobs])
        }
    };
    one.into_iter().chain(several.into_iter().filter(|_| jobs > 1)).collect()
}

fn report(args: &Args, measured: &Measured) -> Report {
    let (ids, engine) = (name(args.ids), name(args.engine));
    let bytes_per_event = measured.bytes_per_event();
    let pinned = measured.machine.processor.filter(|_| measured.figures.all_pinned());
    let includes: Map<String, Value> =
        figures::INCLUDES.iter().map(|&(figure, what)| (figure.to_owned(), what.into())).collect();
    let report = Report::new("bench", Outcome::Ok)
        .message(format!(
            "{} events by {} writer(s), {}-byte payloads, {} dep(s) each, {} ids, median of {} turn(s)",
            grouped(&args.events.to_string()),
            args.writers,
            args.payload,
            args.deps,
            ids,
            args.runs,
        ))
        .field("events", args.events)
        .field("payload_bytes", args.payload)
        .field("deps", args.deps)
        .field("writers", args.writers)
        .field("ids", &ids)
        .field("seed", args.seed.to_string())
        .field("mode", name(args.mode))
        .field("engine", &engine)
        .field("jobs", args.jobs)
        .field("runs", args.runs)
        .field("warm_up_runs", 1)
        .field("log_bytes", measured.log.bytes)
        .field("bytes_per_event", figures::rounded(bytes_per_event, 2))
        .field("verdict", if measured.merged { "merge" } else { "obstruction" })
        .field("body_hash", &measured.body_hash)
        .field("kernel_hash", HEXLOWER.encode(Kernel::embedded_hash()))
        .field("version", env!("CARGO_PKG_VERSION"))
        .field(
            "machine",
            json!({
                "model": measured.machine.model,
                "processors": measured.machine.processors,
                "pinned_to": pinned,
                "load_before": measured.machine.load_before,
            }),
        )
        .field("contenders", measured.contenders())
        .field("ratios", measured.ratios())
        .field("includes", includes)
        .line(format!(
            "  log {} MB, {bytes_per_event:.1} bytes an event; wasm by {}",
            grouped(&(measured.log.bytes / 1_000_000).to_string()),
            engine,
        ));
    let report = match pinned {
        Some(processor) => report.line(format!(
            "  one processor ({processor}) of {}{}",
            measured.machine.processors,
            measured.machine.model.as_ref().map_or(String::new(), |model| format!(", {model:.50}")),
        )),
        None => report.line("  NOT bound to one processor: the system did not allow it"),
    };
    let report = measured.table().into_iter().fold(report, Report::line);
    let report = measured.gains(args.jobs).into_iter().fold(report, Report::line);
    match measured.figures.waited_share() {
        Some(share) if share > BUSY_SHARE => report.hint(format!(
            "other programs had the processor in {} of the time: measure when the machine is idle",
            figures::percent(share)
        )),
        _ => report,
    }
}

/// A flag's value as it is written.
fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
