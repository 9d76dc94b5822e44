//! A drill: damages a copy of a folder in every way that this program knows, one damage at a time, and
//! sees whether each is noticed, and whether what notices it names the file.
//!
//! The folder itself is only read. Each damaged copy is looked at as [`crate::inspect`] looks at a folder,
//! knowing nothing but the newest certificate, and put right again. What came out is a log of its own, one
//! event for each damage, signed by its head.

use std::collections::BTreeMap;
use std::path::PathBuf;

use omega_kernel::hash::Hash;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::{Failure, HostCode};
use crate::inspect::{Finding, Inspector, listed};
use crate::interrupt;
use crate::produce::progress::Progress;
use crate::serve::lock;
use crate::sign::Signer;

mod damage;
mod log;
mod scratch;

pub use damage::Damage;

use scratch::Scratch;

/// Findings of one damage that are told one by one.
const TOLD: usize = 5;

/// What to drill.
#[derive(Debug)]
pub struct Request {
    /// The folder.
    pub data: PathBuf,
    /// Damages to one file, at most; spread evenly over it. None is all of them.
    pub most: Option<usize>,
    /// Where the copies go; none is the system's place for such.
    pub scratch: Option<PathBuf>,
    /// Where the report goes.
    pub output: PathBuf,
    /// An older report may be replaced.
    pub force: bool,
}

/// What came of one damage.
#[derive(Debug, Clone)]
pub struct Struck {
    /// The damaged file.
    pub file: String,
    /// The damage.
    pub damage: Damage,
    /// Everything that was noticed.
    pub findings: Vec<Finding>,
}

/// How a file fared.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tally {
    /// What the file is.
    pub kind: &'static str,
    /// Damages that could be done to it.
    pub possible: usize,
    /// Damages that were.
    pub done: usize,
    /// Those that something noticed.
    pub caught: usize,
    /// Those for which what noticed it named the file.
    pub named: usize,
}

/// What came of a drill.
#[derive(Debug)]
pub struct Drilled {
    /// The newest certificate's chain hash.
    pub newest: Hash,
    /// Whether it was a node's folder.
    pub node: bool,
    /// How each file fared.
    pub files: BTreeMap<String, Tally>,
    /// Damages that nothing noticed, or that were noticed without naming the file.
    pub unnoticed: Vec<Struck>,
    /// Events of the report.
    pub events: u64,
}

impl Struck {
    /// Whether what noticed it named the file.
    pub fn named(&self) -> bool {
        self.findings.iter().any(|finding| finding.files.contains(&self.file))
    }

    /// The damage and what was noticed, as JSON.
    pub fn to_json(&self) -> Value {
        let finding = |finding: &Finding| {
            json!({
                "code": finding.code.name(),
                "exit": finding.code.exit(),
                "files": finding.files,
                "offset": finding.offset.map(|offset| offset.to_string()),
                "height": finding.height.map(|height| height.to_string()),
                "message": finding.message,
            })
        };
        json!({
            "file": self.file,
            "damage": self.damage.what,
            "record": self.damage.record,
            "offset": self.damage.offset.to_string(),
            "caught": !self.findings.is_empty(),
            "named": self.named(),
            "findings": self.findings.iter().take(TOLD).map(finding).collect::<Vec<_>>(),
        })
    }
}

/// Drills. On a terminal a bar shows how far it is.
///
/// # Errors
/// `store-locked` where a node runs on the folder; what is wrong with the folder before anything was
/// damaged; those of the file system; `interrupted`.
pub fn drill(request: &Request, signer: &Signer) -> Result<Drilled, Failure> {
    // Copies are removed, however it ends.
    interrupt::watch();
    let _lock = lock::take_if_there(&request.data)?;
    let mut files = listed(&request.data)?;
    if let Ok(older) = request.output.canonicalize() {
        // A report that is replaced is no part of what is drilled.
        files.retain(|name, _| request.data.join(name).canonicalize().is_ok_and(|path| path != older));
    }
    let mut scratch = Scratch::of(&request.data, &files, request.scratch.as_deref())?;
    let mut inspector = Inspector::of(scratch.copy())?;
    if let Some(first) = inspector.inspect(scratch.copy()).first() {
        let at = first.height.map_or_else(String::new, |height| format!("height {height}: "));
        let message = format!("the folder is not sound before anything is damaged: {at}{}", first.message);
        let mut failure = Failure { code: first.code, ..Failure::new(HostCode::StoreDamaged, message) }
            .hint("Put that right first, or name a folder with all logs that the chain is about.");
        failure.file = first.files.first().map(|file| request.data.join(file).display().to_string());
        failure.offset = first.offset;
        return Err(failure);
    }
    scratch.restore()?;
    let mut report = log::Report::create(&request.output, request.force)?;
    report.event(&json!({
        "drill": 1,
        "omega_version": env!("CARGO_PKG_VERSION"),
        "newest_certificate": data_encoding::HEXLOWER.encode(inspector.newest()),
        "node": inspector.is_node(),
    }))?;

    let mut drilled = Drilled {
        newest: *inspector.newest(),
        node: inspector.is_node(),
        files: BTreeMap::new(),
        unnoticed: Vec::new(),
        events: 0,
    };
    let mut planned = Vec::new();
    for (name, kind) in inspector.files().clone() {
        let all = damage::damages(kind, &scratch.read(&name)?);
        let (possible, chosen) = (all.len(), spread(all, request.most));
        let tally = Tally { kind: kind.name(), possible, ..Tally::default() };
        drilled.files.insert(name.clone(), tally);
        planned.extend(chosen.into_iter().map(|damage| (name.clone(), damage)));
    }
    let progress = Progress::start("damaging", Some(planned.len() as u64));
    for (nth, (file, damage)) in planned.into_iter().enumerate() {
        progress.look(nth as u64)?;
        scratch.write(&file, damage.apply(&scratch.read(&file)?).as_deref())?;
        let findings = inspector.inspect(scratch.copy());
        scratch.restore()?;
        let struck = Struck { file, damage, findings };
        report.event(&struck.to_json())?;
        drilled.count(struck);
    }
    drop(progress);
    report.event(&json!({ "files": drilled.files, "unnoticed": drilled.unnoticed.len() }))?;
    drilled.events = report.finish(signer)?;
    Ok(drilled)
}

impl Drilled {
    /// Damages that were done, noticed, and noticed by name.
    pub fn totals(&self) -> (usize, usize, usize) {
        self.files.values().fold((0, 0, 0), |(done, caught, named), tally| {
            (done + tally.done, caught + tally.caught, named + tally.named)
        })
    }

    fn count(&mut self, struck: Struck) {
        let tally = self.files.entry(struck.file.clone()).or_default();
        tally.done += 1;
        tally.caught += usize::from(!struck.findings.is_empty());
        tally.named += usize::from(struck.named());
        if !struck.named() {
            self.unnoticed.push(struck);
        }
    }
}

/// So many of them, spread evenly.
fn spread(all: Vec<Damage>, most: Option<usize>) -> Vec<Damage> {
    let count = all.len();
    match most.filter(|&most| most < count) {
        None => all,
        Some(most) => {
            let chosen = |nth: usize| nth * most / count != (nth + 1) * most / count;
            all.into_iter().enumerate().filter(|(nth, _)| chosen(*nth)).map(|(_, damage)| damage).collect()
        }
    }
}
