//! Measuring the kernel: scan, fold and total, as WebAssembly and native, beside a floor.
//!
//! Each contender is measured in a process of its own, pinned to one processor unless it is to use several,
//! so that its peak memory is its alone; they take turns on the same log, and change who begins, so that drift of
//! the machine hits all alike. Ratios are taken between runs of the same turn. Every run's body is
//! compared with all others: a fast kernel that says something else is no result.
//!
//! Refuses to know what a good figure is.

#![allow(clippy::float_arithmetic, reason = "times and ratios: nothing here reaches a certified byte")]

pub mod child;
pub mod figures;
mod machine;
mod measure;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use omega_kernel::limits::MAX_BATCH_EVENTS;
use tempfile::NamedTempFile;

use crate::engine::Execution;
use crate::failure::{Failure, HostCode};
use crate::files::unwritable;
use crate::produce::generate::{Plan, generate};
use crate::produce::progress::Progress;
use crate::produce::writer::{LogWriter, Written};
use child::{Answer, Child, Processors, Request};
use figures::{Figures, Memory};
pub use machine::{Machine, Span};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// The component.
    Wasm,
    /// The kernel that is compiled into this program.
    Native,
    /// The component, several instances scanning side by side.
    WasmJobs,
    /// The kernel that is compiled into this program, so.
    NativeJobs,
    /// One library call for each payload and each frame: what no kernel that makes them one by one
    /// can be faster than.
    Floor,
}

impl Contender {
    /// Whether it judges.
    pub fn is_judge(self) -> bool {
        self != Contender::Floor
    }

    /// Whether it is the kernel that is compiled into this program.
    pub fn is_native(self) -> bool {
        matches!(self, Contender::Native | Contender::NativeJobs)
    }

    /// Whether it takes several processors.
    pub fn takes_several(self) -> bool {
        matches!(self, Contender::WasmJobs | Contender::NativeJobs)
    }
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The log.
    pub plan: Plan,
    /// Who judges; the floor is always measured too.
    pub judges: Vec<Contender>,
    /// Instances of those that scan side by side.
    pub jobs: usize,
    /// How the component is run.
    pub execution: Execution,
    /// Turns that count, after one that does not.
    pub runs: u32,
    /// Folder for the log, which is removed at the end.
    pub folder: PathBuf,
    /// The program that measures when it is started with [`child::SUBCOMMAND`].
    pub program: PathBuf,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// The log's events and bytes.
    pub log: Written,
    /// Where.
    pub machine: Machine,
    /// Times and memory, by contender.
    pub figures: Figures,
    /// Hash of the body that every run gave.
    pub body_hash: String,
    /// The verdict in it.
    pub merged: bool,
}

/// Makes the log and measures.
///
/// # Errors
/// A plan that cannot be generated; no room for the log; whatever a kernel failed with;
/// [`HostCode::EnginesDiffer`] where two runs gave different bodies; an interrupt.
pub fn run(setup: &Setup) -> Result<Measured, Failure> {
    setup.plan.check()?;
    if setup.plan.count > u64::from(MAX_BATCH_EVENTS) {
        return Err(Failure::usage(format!("--events is at most {MAX_BATCH_EVENTS}: they are one batch")));
    }
    let (file, log) = write_log(&setup.plan, &setup.folder)?;
    let machine = Machine::here();
    let mut children = start(setup, file.path(), &machine)?;
    let mut seen = Seen { figures: Figures::default(), bodies: BTreeSet::new(), merged: true };
    for child in &mut children {
        match child.receive()? {
            Answer::Ready { setup_seconds, pinned, peak_reset } => {
                seen.figures.ready(child.contender(), setup_seconds, pinned, peak_reset);
            }
            other => return Err(unexpected(&other)),
        }
    }
    let progress = Progress::start("measuring", Some(u64::from(setup.runs) + 1));
    for turn in 0..=setup.runs {
        progress.look(turn.into())?;
        children.reverse();
        for request in [Request::TwoPhase, Request::Total] {
            for child in children.iter_mut().filter(|child| child.takes(request)) {
                let answer = child.ask(request).inspect_err(|_| {
                    // Ctrl-C ends the children too: then it was no failure of theirs.
                    let _ = progress.look(turn.into());
                });
                let answer = match (answer, progress.look(turn.into())) {
                    (_, Err(interrupted)) => return Err(interrupted),
                    (answer, Ok(())) => answer?,
                };
                seen.take(child.contender(), answer, turn > 0)?;
            }
        }
    }
    let mut bodies = seen.bodies.into_iter();
    match (bodies.next(), bodies.next()) {
        (Some(body_hash), None) => {
            Ok(Measured { log, machine, figures: seen.figures, body_hash, merged: seen.merged })
        }
        (Some(one), Some(other)) => Err(Failure::new(
            HostCode::EnginesDiffer,
            format!("two runs over the same log gave different bodies: {one} and {other}"),
        )
        .hint("this is a defect of OMEGA, or of the machine: `omega doctor` may tell which")),
        (None, _) => Err(Failure::internal("nothing was measured")),
    }
}

/// What the answers so far came to.
struct Seen {
    figures: Figures,
    bodies: BTreeSet<String>,
    merged: bool,
}

impl Seen {
    fn take(&mut self, contender: Contender, answer: Answer, counts: bool) -> Result<(), Failure> {
        let (body, times, memory) = match answer {
            Answer::TwoPhase { scan, fold, body, peak_bytes, .. } => {
                (Some(body), vec![("scan", scan), ("fold", fold)], Memory::TwoPhase(peak_bytes))
            }
            Answer::Total { time, body, merged, peak_bytes } => {
                self.merged &= merged;
                (Some(body), vec![("total", time)], Memory::Total(peak_bytes))
            }
            Answer::Floor { read, blake3, crc32, waited } => {
                let part = |seconds| Span { seconds, waited: None };
                let total = Span { seconds: read + blake3 + crc32, waited };
                let times = [("read", part(read)), ("blake3", part(blake3)), ("crc32", part(crc32))];
                (None, times.into_iter().chain([("total", total)]).collect(), Memory::Unknown)
            }
            other => return Err(unexpected(&other)),
        };
        self.bodies.extend(body);
        self.figures.peak(contender, memory);
        for (phase, time) in times {
            if counts {
                self.figures.time(contender, phase, time);
            } else {
                self.figures.warm_up(contender, phase, time);
            }
        }
        Ok(())
    }
}

fn write_log(plan: &Plan, folder: &Path) -> Result<(NamedTempFile, Written), Failure> {
    let file = tempfile::Builder::new()
        .prefix("omega-bench-")
        .suffix(".omega")
        .tempfile_in(folder)
        .map_err(|error| unwritable(&error, folder))?;
    let path = file.path().to_owned();
    let mut log = LogWriter::new(file, &path, "bench")?;
    generate(plan, &mut log, None)?;
    log.into_inner()
}

fn start(setup: &Setup, log: &Path, machine: &Machine) -> Result<Vec<Child>, Failure> {
    let contenders = setup.judges.iter().copied().chain([Contender::Floor]);
    contenders
        .map(|contender| {
            let processors = match machine.processor {
                _ if contender.takes_several() => Processors::Several(setup.jobs),
                Some(processor) => Processors::One(processor),
                None => Processors::Any,
            };
            Child::start(&setup.program, contender, setup.execution, log, processors)
        })
        .collect()
}

fn unexpected(answer: &Answer) -> Failure {
    Failure::internal(format!("a measuring process answered out of turn: {answer:?}"))
}
