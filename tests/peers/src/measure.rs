//! Measuring: the contenders take turns on the same events, each in its own process.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::child::{Child, Order, PlaceArgs};
use crate::contender::{self, Contender};
use crate::data::Dataset;
use crate::results::{Measured, Row};
use crate::{events, machine};

/// What to measure, and how.
#[derive(Debug)]
pub struct Setup {
    /// Events of a generated log.
    pub events: usize,
    /// Turns that count, after one that does not.
    pub turns: u32,
    /// The `omega` command.
    pub omega: PathBuf,
    /// Folder for logs and for what contenders write.
    pub folder: PathBuf,
    /// Only contenders whose names hold one of these, if any is given.
    pub only: Vec<String>,
}

/// A contender that takes turns.
struct Racer {
    row: Row,
    child: Option<Child>,
}

/// Measures all contenders over a data set's log.
///
/// # Errors
/// The log cannot be read. A contender that cannot be measured says so in its row.
pub fn measure(dataset: &Dataset, log: &Path, setup: &Setup) -> Result<Measured> {
    let folder = setup.folder.join(&dataset.name);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let events = events::read(log, usize::MAX)?.len();
    let mut racers = start(dataset, setup, &folder, log);
    for turn in 0..=setup.turns {
        say(&format!("{}: turn {turn} of {}", dataset.title, setup.turns));
        // Who begins changes, so that what drifts hits all alike.
        racers.reverse();
        racers.iter_mut().for_each(|racer| racer.turn(turn > 0));
    }
    say("");
    if setup.turns.is_multiple_of(2) {
        racers.reverse();
    }
    racers.iter_mut().for_each(Racer::flip);
    let rows = racers.into_iter().map(|racer| racer.row).collect();
    let log_bytes = fs::metadata(log)?.len();
    fs::remove_dir_all(&folder)?;
    let (name, title) = (dataset.name.clone(), dataset.title.clone());
    Ok(Measured { name, title, payload: dataset.payload_of_series(), events, log_bytes, rows })
}

/// Whether its name holds one of these words; where there is none, it does.
pub fn is_wanted(contender: &dyn Contender, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|part| contender.name().contains(part.as_str()))
}

fn start(dataset: &Dataset, setup: &Setup, folder: &Path, log: &Path) -> Vec<Racer> {
    let all =
        contender::all().into_iter().filter(|contender| is_wanted(&**contender, &setup.only)).enumerate();
    all.map(|(number, contender)| {
        say(&format!("{}: preparing {}", dataset.title, contender.name()));
        Racer::start(&*contender, setup, folder.join(number.to_string()), log)
    })
    .collect()
}

/// What is being done, on a line of its own that the next one takes; only where somebody looks on.
fn say(what: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{what:<78}{}", if what.is_empty() { "\r" } else { "" });
    }
}

impl Racer {
    fn start(contender: &dyn Contender, setup: &Setup, folder: PathBuf, log: &Path) -> Self {
        let mut row = Row {
            name: contender.name().into(),
            version: contender.version(),
            checks: contender.checks().into(),
            does_not_check: contender.does_not_check().into(),
            processors: contender.processors(),
            events: 0,
            warm_up: None,
            turns: Vec::new(),
            flipped: None,
            failed: None,
        };
        let order = Order {
            contender: row.name.clone(),
            events: usize::MAX,
            place: PlaceArgs {
                log: log.to_owned(),
                folder: folder.clone(),
                omega: setup.omega.clone(),
                processor: machine::processor().filter(|_| row.processors == 1),
            },
        };
        let started = fs::create_dir_all(&folder).map_err(Into::into).and_then(|()| Child::start(&order));
        let child = started.map_err(|error| row.failed = Some(format!("{error:#}"))).ok();
        row.events = child.as_ref().map_or(0, |child| child.events);
        Racer { row, child }
    }

    fn turn(&mut self, counts: bool) {
        let Some(child) = &mut self.child else { return };
        match child.turn() {
            Ok(turn) if counts => self.row.turns.push(turn.time),
            Ok(turn) => self.row.warm_up = Some(turn.time),
            Err(error) => self.fail(&error),
        }
    }

    fn flip(&mut self) {
        let Some(child) = &mut self.child else { return };
        match child.flip() {
            Ok(flipped) => self.row.flipped = Some(flipped),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &anyhow::Error) {
        self.row.failed = Some(format!("{error:#}"));
        self.child = None;
    }
}
