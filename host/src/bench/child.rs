//! The process that measures one contender, and the parent's end of the line to it.
//!
//! The parent writes one request a line; the child answers each with one JSON object a line, and
//! ends when its input does. `tests/peers` is another such parent: there the kernel takes turns with others.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use omega_kernel::fault::FaultCode;
use serde::{Deserialize, Serialize};

use super::machine::{self, Span};
use super::{Contender, measure};
use crate::engine::{Execution, Kernel, Mode, Options};
use crate::failure::{Code, Failure, HostCode};
use crate::map::Source;

/// The hidden subcommand by which this program measures.
pub const SUBCOMMAND: &str = "__bench";

/// Makes glibc's allocator do for the native contender what the engine does for the component: take
/// memory by the large page and keep it from run to run. Other allocators know nothing of it.
const ALLOCATOR_SETTINGS: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184",
);

/// Where a child runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processors {
    /// Wherever the system puts it: which processors there are it does not tell.
    Any,
    /// On this one.
    One(usize),
    /// Wherever the system puts it, scanning in so many instances.
    Several(usize),
}

impl Processors {
    /// On the child's command line.
    fn word(self) -> String {
        match self {
            Processors::Any => "-".to_owned(),
            Processors::One(number) => number.to_string(),
            Processors::Several(jobs) => format!("x{jobs}"),
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        match word.strip_prefix('x') {
            _ if word == "-" => Some(Processors::Any),
            Some(jobs) => jobs.parse().ok().map(Processors::Several),
            None => word.parse().ok().map(Processors::One),
        }
    }
}

/// What to measure next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Scan, then fold.
    TwoPhase,
    /// Everything in one go; of the floor too.
    Total,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "seconds unless they say bytes")]
pub enum Answer {
    /// The kernel is compiled, or taken from the cache, and the log is mapped.
    Ready { setup_seconds: f64, pinned: bool, peak_reset: bool },
    /// Scan and fold were measured.
    TwoPhase { scan: Span, fold: Span, run_bytes: u64, body: String, peak_bytes: Option<u64> },
    /// The whole was measured.
    Total { time: Span, body: String, merged: bool, peak_bytes: Option<u64> },
    /// The library calls were measured.
    Floor { read: f64, blake3: f64, crc32: f64, waited: Option<f64> },
    /// It could not be done.
    Failed { number: u32, message: String, hint: Option<String> },
}

/// The parent's end.
#[derive(Debug)]
pub struct Child {
    contender: Contender,
    process: process::Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a process that will measure one contender.
    pub fn start(
        program: &Path,
        contender: Contender,
        execution: Execution,
        log: &Path,
        processors: Processors,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::internal(format!("the process that measures could not be started: {error}"))
        };
        let mut command = Command::new(program);
        if contender.is_native() {
            command.env(ALLOCATOR_SETTINGS.0, ALLOCATOR_SETTINGS.1);
        }
        let mut process = command
            .arg(SUBCOMMAND)
            .arg(contender.name())
            .arg(if execution == Execution::Pulley { "pulley" } else { "cranelift" })
            .arg(processors.word())
            .arg(log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::internal("the process that measures has no pipes"));
        };
        Ok(Child { contender, process, requests: Some(requests), answers: BufReader::new(answers) })
    }

    /// Whom it measures.
    pub fn contender(&self) -> Contender {
        self.contender
    }

    /// Whether it can do what is asked: the floor has no phases.
    pub fn takes(&self, request: Request) -> bool {
        self.contender.is_judge() || request == Request::Total
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: Request) -> Result<Answer, Failure> {
        let word: &[u8] = match request {
            Request::TwoPhase => b"two-phase\n",
            Request::Total => b"total\n",
        };
        match &mut self.requests {
            // A child that is gone is noticed where its answer is missing.
            Some(requests) => drop(requests.write_all(word)),
            None => return Err(Failure::internal("a measuring process was dismissed")),
        }
        self.receive()
    }

    /// Waits for an answer.
    pub fn receive(&mut self) -> Result<Answer, Failure> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        match read.ok().and_then(|_| serde_json::from_str(&line).ok()) {
            Some(Answer::Failed { number, message, hint }) => {
                Err(Failure { code: code(number), message, hint, file: None, offset: None })
            }
            Some(answer) => Ok(answer),
            None => Err(Failure::internal(format!(
                "the process that measures {} ended early",
                self.contender.name()
            ))
            .hint("where memory is short, the system ends the largest process: try fewer --events")),
        }
    }
}

impl Drop for Child {
    /// The end of its input ends it; waiting leaves no zombie.
    fn drop(&mut self) {
        self.requests = None;
        if std::thread::panicking() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

impl Contender {
    /// Its name, in figures and on the child's command line.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Wasm => "wasm",
            Contender::Native => "native",
            Contender::WasmJobs => "wasm-jobs",
            Contender::NativeJobs => "native-jobs",
            Contender::Floor => "floor",
        }
    }
}

/// What the process does that [`SUBCOMMAND`] starts: called by `main` before anything else, with
/// the arguments after the subcommand.
pub fn main(arguments: &[OsString]) -> ExitCode {
    let mut out = io::stdout().lock();
    let mut say = |answer: Answer| {
        let line = serde_json::to_string(&answer).unwrap_or_default();
        writeln!(out, "{line}").and_then(|()| out.flush())
    };
    match serve(arguments, &mut say) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (number, message, hint) = (failure.code.number(), failure.message, failure.hint);
            // A parent that is gone reads nothing.
            drop(say(Answer::Failed { number, message, hint }));
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &[OsString], say: &mut dyn FnMut(Answer) -> io::Result<()>) -> Result<(), Failure> {
    let [contender, execution, processors, log] = arguments else {
        return Err(Failure::usage("this is for `omega bench` to call"));
    };
    let mode = match contender.to_str() {
        Some("wasm" | "wasm-jobs") => Some(Mode::Wasm),
        Some("native" | "native-jobs") => Some(Mode::Native),
        Some("floor") => None,
        _ => return Err(Failure::usage("this is for `omega bench` to call")),
    };
    let execution = if execution == "pulley" { Execution::Pulley } else { Execution::Cranelift };
    let processors = processors.to_str().and_then(Processors::of_word);
    // Before the engine starts threads: they are bound as this one is.
    let (pinned, jobs) = match processors {
        None => return Err(Failure::usage("this is for `omega bench` to call")),
        Some(Processors::Any) => (false, 1),
        Some(Processors::One(number)) => (machine::pin(number), 1),
        Some(Processors::Several(jobs)) => (false, jobs),
    };
    let begun = Instant::now();
    let kernel = match mode {
        None => None,
        Some(mode) => Some(Kernel::embedded(&Options {
            mode,
            execution,
            jobs,
            keep_memory: true,
            ..Options::from_environment()?
        })?),
    };
    let setup_seconds = begun.elapsed().as_secs_f64();
    let log = Source::open(log)?;
    let pieces = if kernel.is_none() { measure::pieces(&log)? } else { Vec::new() };
    let peak_reset = machine::reset_peak();
    // An answer that nobody takes ends it as the end of the requests does.
    let mut going = say(Answer::Ready { setup_seconds, pinned, peak_reset }).is_ok();
    for request in io::stdin().lock().lines().map_while(Result::ok) {
        let answer = match (request.as_str(), &kernel) {
            _ if !going => return Ok(()),
            ("two-phase", Some(kernel)) => measure::two_phase(kernel, &log)?,
            ("total", Some(kernel)) => measure::total(kernel, &log)?,
            ("total", None) => measure::floor(&log, &pieces)?,
            _ => return Err(Failure::internal("a measuring process was asked for what it cannot do")),
        };
        going = say(answer).is_ok();
    }
    Ok(())
}

/// The failure's code by its number.
fn code(number: u32) -> Code {
    let of_host = || HostCode::ALL.iter().copied().find(|&code| code as u32 == number).map(Code::Host);
    match FaultCode::from_number(number).map(Code::Kernel).or_else(of_host) {
        Some(code) => code,
        None if number == Code::Usage.number() => Code::Usage,
        None => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_number_across_the_pipe() {
        for wanted in [
            Code::Kernel(FaultCode::LimitExceeded),
            Code::Host(HostCode::KernelMemory),
            Code::Usage,
            Code::Internal,
        ] {
            assert_eq!(code(wanted.number()), wanted);
        }
    }

    #[test]
    fn a_child_is_told_where_it_runs() {
        for processors in [Processors::Any, Processors::One(3), Processors::Several(12)] {
            assert_eq!(Processors::of_word(&processors.word()), Some(processors));
        }
        for word in ["", "x", "y2", "-1"] {
            assert_eq!(Processors::of_word(word), None, "{word}");
        }
    }

    #[test]
    fn nobody_else_s_arguments_are_served() {
        let words: Vec<OsString> = ["wasm", "cranelift", "-"].map(OsString::from).into();
        assert_eq!(serve(&words, &mut |_| Ok(())).unwrap_err().code, Code::Usage);
        let words: Vec<OsString> = ["x", "cranelift", "-", "none"].map(OsString::from).into();
        assert_eq!(serve(&words, &mut |_| Ok(())).unwrap_err().code, Code::Usage);
        let words: Vec<OsString> = ["floor", "cranelift", "-", "/no-such"].map(OsString::from).into();
        assert_eq!(serve(&words, &mut |_| Ok(())).unwrap_err().code, Code::Host(HostCode::NotFound));
    }
}
