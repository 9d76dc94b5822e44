//! Who is measured: one interface, one file for each below `contender/`, one list.

mod automerge;
mod floor;
mod git;
mod hash_map;
mod hypercore;
mod hypercore_node;
mod loro;
mod merkle;
mod native;
mod p2panda;
mod sqlite;
mod wasm;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::events::Event;
use crate::machine;

/// One of those who are measured. Each runs in a process of its own.
pub trait Contender {
    /// What it is called in tables, unique.
    fn name(&self) -> &'static str;

    /// Version of the library or program.
    fn version(&self) -> String;

    /// What it found out about the events once it has run.
    fn checks(&self) -> &'static str;

    /// What somebody might think that it checks, and it does not.
    fn does_not_check(&self) -> &'static str;

    /// Events that it is given at most: slow ones take too long otherwise.
    fn most_events(&self) -> usize {
        usize::MAX
    }

    /// Processors that it runs on.
    fn processors(&self) -> usize {
        1
    }

    /// Whether a run stands without its figures: what it takes may not be had everywhere.
    fn may_be_missing(&self) -> bool {
        false
    }

    /// Brings the events into its own form, off the clock.
    ///
    /// # Errors
    /// Why it cannot be measured here; that becomes its row.
    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()>;

    /// Checks all events once.
    ///
    /// # Errors
    /// What it found wrong, or that it did not check them all.
    fn run(&mut self) -> Result<Turn>;

    /// Flips one bit of a payload in its input, and says what running over that comes to. Called last.
    ///
    /// # Errors
    /// The bit could not be flipped.
    fn flip(&mut self) -> Result<Flipped>;
}

/// Where a contender works.
#[derive(Debug, Clone)]
pub struct Place {
    /// The log that the events were read from.
    pub log: PathBuf,
    /// A folder of its own, for whatever it writes.
    pub folder: PathBuf,
    /// The `omega` command.
    pub omega: PathBuf,
    /// The processor that this process is bound to.
    pub processor: Option<usize>,
}

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// By the clock.
    pub seconds: f64,
    /// On a processor, where one processor did it all; not what others had it for.
    pub processor: Option<f64>,
}

/// One run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Turn {
    /// How long it took.
    pub time: Time,
    /// Events that were checked, counted by what was checked and not by what was asked for.
    pub events: usize,
}

/// What a flipped bit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flipped {
    /// It was noticed, and this was said.
    Noticed(String),
    /// It was not noticed, though the contender claims to look.
    Missed,
    /// The contender compares with nothing, so nothing can be noticed.
    NotLookedFor,
}

impl Flipped {
    /// What a run over flipped input came to.
    pub fn from_run(run: Result<Turn>) -> Self {
        match run {
            Ok(_) => Flipped::Missed,
            Err(error) => Flipped::Noticed(format!("{error:#}")),
        }
    }
}

/// All, in the order of the table.
pub fn all() -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(floor::Floor::new(floor::Part::Read)),
        Box::new(floor::Floor::new(floor::Part::Blake3)),
        Box::new(floor::Floor::new(floor::Part::All)),
        Box::new(native::Native::new(native::Form::OneLog, 1)),
        Box::new(native::Native::new(native::Form::OneLog, 2)),
        Box::new(wasm::Wasm::new(false)),
        Box::new(wasm::WasmTwo::default()),
        Box::new(native::Native::new(native::Form::SignedHead, 1)),
        Box::new(wasm::Wasm::new(true)),
        Box::new(native::Native::new(native::Form::SignedEach, 1)),
        Box::new(wasm::WasmEach::default()),
        Box::new(merkle::MerkleRoot::new(merkle::Library::TlogTiles)),
        Box::new(merkle::MerkleRoot::new(merkle::Library::CtMerkle)),
        Box::new(hash_map::HashMapOfIds::default()),
        Box::new(sqlite::Sqlite::default()),
        Box::new(loro::Loro::default()),
        Box::new(automerge::Automerge::default()),
        Box::new(git::Git::default()),
        Box::new(p2panda::P2panda::default()),
        Box::new(hypercore::Append::default()),
        Box::new(hypercore::Proofs::default()),
        Box::new(hypercore_node::Audit::default()),
    ]
}

/// The one of that name.
pub fn named(name: &str) -> Option<Box<dyn Contender>> {
    all().into_iter().find(|contender| contender.name() == name)
}

/// Runs something on the clock. What it returns is dropped off the clock.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Time)> {
    let (used, begun) = (machine::processor_seconds(), Instant::now());
    let done = work()?;
    let seconds = begun.elapsed().as_secs_f64();
    let processor = machine::processor_seconds().zip(used).map(|(now, then)| now - then);
    Ok((done, Time { seconds, processor }))
}

/// Version of a crate that this program was built with, by its lock file.
fn crate_version(name: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{name}\""));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = \""));
    format!("{name} {}", version.map_or("?", |version| version.trim_end_matches('"')))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::events::samples;

    /// A contender prepared with so many events, in a folder that goes with the second value.
    fn prepared(contender: &mut dyn Contender, count: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = samples(folder.path(), count);
        let place = Place { log, folder: folder.path().to_owned(), omega: omega(), processor: None };
        contender.prepare(&events, &place).unwrap();
        folder
    }

    /// The built command, for what is measured through it.
    pub fn omega() -> PathBuf {
        let named = std::env::var_os("OMEGA").map(PathBuf::from);
        named.filter(|path| path.is_file()).expect("OMEGA names the built command, as an absolute path")
    }

    /// It counts as many events as it was given, again and again.
    pub fn checks_every_event(contender: &mut dyn Contender) {
        for count in [1, 300] {
            let _folder = prepared(contender, count);
            for _ in 0..2 {
                let turn = contender.run().unwrap();
                assert_eq!(turn.events, count, "{}", contender.name());
                assert!(turn.time.seconds > 0.0);
            }
        }
    }

    /// It says that a flipped bit is one.
    pub fn notices_a_flipped_bit(contender: &mut dyn Contender) {
        let _folder = prepared(contender, 300);
        contender.run().unwrap();
        let flipped = contender.flip().unwrap();
        assert!(matches!(flipped, Flipped::Noticed(_)), "{}: {flipped:?}", contender.name());
    }

    #[test]
    fn names_are_unique_and_every_row_says_what_it_checks() {
        let all = all();
        for (index, contender) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other.name() != contender.name()));
            assert!(!contender.checks().is_empty() && !contender.does_not_check().is_empty());
            assert!(named(contender.name()).is_some());
        }
        assert!(named("nobody").is_none());
    }

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert_eq!(crate_version("blake3"), "blake3 1.8.7");
        assert_eq!(crate_version("no-such-crate"), "no-such-crate ?");
    }
}
