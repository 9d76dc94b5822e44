//! A process for each contender: memory, allocator and caches of one are not those of another.
//!
//! The parent writes a request a line (`turn`, `flip`); the child answers each with a JSON object a line, and ends
//! when its input does.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::contender::{self, Flipped, Place, Turn};
use crate::{events, machine};

/// What `omega bench` tells glibc's allocator for its native contender (`host/src/bench/child.rs`), told here to all:
/// to take memory by the large page, and to keep it from run to run.
pub const ALLOCATOR_SETTINGS: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184",
);

/// What a child is told on its command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Order {
    /// Whom to measure
    #[arg(long)]
    pub contender: String,
    /// Events to take from the log, at most
    #[arg(long)]
    pub events: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub place: PlaceArgs,
}

/// [`Place`], as flags.
#[derive(Debug, Clone, clap::Args)]
#[allow(missing_docs)]
pub struct PlaceArgs {
    #[arg(long)]
    pub log: PathBuf,
    #[arg(long)]
    pub folder: PathBuf,
    #[arg(long)]
    pub omega: PathBuf,
    #[arg(long)]
    pub processor: Option<usize>,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// The events are prepared, so many.
    Ready(usize),
    /// One run.
    Turn(Turn),
    /// What a flipped bit came to.
    Flipped(Flipped),
    /// It cannot be done.
    Failed(String),
}

/// The parent's end.
pub struct Child {
    process: process::Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Events that it was given.
    pub events: usize,
}

impl Child {
    /// Starts one and waits until it has prepared its input.
    ///
    /// # Errors
    /// Why it cannot be measured here.
    pub fn start(order: &Order) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("child").env(ALLOCATOR_SETTINGS.0, ALLOCATOR_SETTINGS.1);
        command.arg("--contender").arg(&order.contender).arg("--events").arg(order.events.to_string());
        command.arg("--log").arg(&order.place.log).arg("--folder").arg(&order.place.folder);
        command.arg("--omega").arg(&order.place.omega);
        if let Some(processor) = order.place.processor {
            command.arg("--processor").arg(processor.to_string());
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("the process has no pipes")
        };
        let answers = BufReader::new(answers);
        let mut child = Child { process, requests: Some(requests), answers, events: 0 };
        match child.answer()? {
            Answer::Ready(events) => child.events = events,
            other => bail!("it answered out of turn: {other:?}"),
        }
        Ok(child)
    }

    /// Has it run once.
    ///
    /// # Errors
    /// What it found wrong, or that it checked fewer events than it was given.
    pub fn turn(&mut self) -> Result<Turn> {
        match self.ask("turn")? {
            Answer::Turn(turn) if turn.events == self.events => Ok(turn),
            Answer::Turn(turn) => bail!("it checked {} events of {}", turn.events, self.events),
            other => bail!("it answered out of turn: {other:?}"),
        }
    }

    /// Has it run over input with a flipped bit; nothing else can be asked for afterwards.
    ///
    /// # Errors
    /// The bit could not be flipped.
    pub fn flip(&mut self) -> Result<Flipped> {
        match self.ask("flip")? {
            Answer::Flipped(flipped) => Ok(flipped),
            other => bail!("it answered out of turn: {other:?}"),
        }
    }

    fn ask(&mut self, request: &str) -> Result<Answer> {
        let requests = self.requests.as_mut().context("it was dismissed")?;
        // One that is gone is noticed where its answer is missing.
        drop(writeln!(requests, "{request}"));
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(Answer::Failed(why)) => Err(anyhow!(why)),
            Ok(answer) => Ok(answer),
            Err(_) => bail!("its process ended early"),
        }
    }
}

impl Drop for Child {
    /// The end of its input ends it; waiting leaves no zombie.
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.process.wait();
    }
}

/// What the child does.
///
/// # Errors
/// Its parent is gone.
pub fn serve(order: Order) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut say = |answer: Answer| -> Result<()> {
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        Ok(out.flush()?)
    };
    let Some(mut contender) = contender::named(&order.contender) else {
        return say(Answer::Failed(format!("nobody is called {}", order.contender)));
    };
    let PlaceArgs { log, folder, omega, processor } = order.place;
    let place = Place { log, folder, omega, processor };
    let count = order.events.min(contender.most_events());
    let prepared = place.processor.map_or(Ok(()), machine::pin).and_then(|()| {
        let events = events::read(&place.log, count)?;
        contender.prepare(&events, &place)?;
        Ok(events.len())
    });
    match prepared {
        Ok(events) => say(Answer::Ready(events))?,
        Err(error) => return say(Answer::Failed(format!("{error:#}"))),
    }
    for request in io::stdin().lock().lines() {
        let answer = match request?.as_str() {
            "turn" => contender.run().map(Answer::Turn),
            "flip" => contender.flip().map(Answer::Flipped),
            other => Err(anyhow!("it was asked for {other:?}")),
        };
        say(answer.unwrap_or_else(|error| Answer::Failed(format!("{error:#}"))))?;
    }
    Ok(())
}
