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

use crate::failure::{Code, Failure, HostCode};
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
    pub missed: Vec<Struck>,
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
    // Copies are removed, however it ends, unless a second signal ends the process at once.
    interrupt::watch();
    let _lock = lock::take_if_there(&request.data).map_err(|failure| match failure.code {
        Code::Host(HostCode::StoreLocked) => {
            failure.hint("End that process first, or drill a copy of the folder.")
        }
        _ => failure,
    })?;
    let mut files = listed(&request.data)?;
    if let Ok(older) = request.output.canonicalize() {
        // A report that is replaced is no part of what is drilled.
        files.retain(|name, _| request.data.join(name).canonicalize().is_ok_and(|path| path != older));
    }
    let mut scratch = Scratch::of(&request.data, &files, request.scratch.as_deref())?;
    let mut inspector = Inspector::of(scratch.copy())?;
    if let Some(first) = inspector.inspect(scratch.copy())?.first() {
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
        missed: Vec::new(),
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
        let findings = inspector.inspect(scratch.copy())?;
        scratch.restore()?;
        let struck = Struck { file, damage, findings };
        report.event(&struck.to_json())?;
        drilled.count(struck);
    }
    drop(progress);
    let (done, caught, named) = drilled.totals();
    report.event(&json!({
        "files": drilled.files,
        "unnoticed": done - caught,
        "noticed_without_name": caught - named,
    }))?;
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
            self.missed.push(struck);
        }
    }
}

/// So many of them: those to the file as a whole, and of each other sort of damage some, spread evenly over
/// the records.
fn spread(mut all: Vec<Damage>, most: Option<usize>) -> Vec<Damage> {
    let Some(most) = most.filter(|&most| most < all.len()) else { return all };
    all.sort_by_key(|damage| (damage.record.is_some(), damage.what));
    let mut of_records = all.split_off(all.iter().take_while(|damage| damage.record.is_none()).count());
    all.truncate(most);
    let (count, room) = (of_records.len(), most - all.len());
    let mut nth = 0..count;
    of_records.retain(|_| nth.next().is_some_and(|nth| nth * room / count != (nth + 1) * room / count));
    all.extend(of_records);
    all
}

#[cfg(test)]
mod tests {
    use omega_kernel::frame::{LogHeader, write_frame};
    use omega_kernel::wire::{PayloadRef, encode_event};

    use super::*;
    use crate::inspect::Kind;
    use crate::produce::event::Place;

    #[test]
    fn a_sample_has_every_sort_of_damage_to_records_all_over_the_file() {
        let mut log = LogHeader::new("a").unwrap().encode().to_vec();
        for lamport in 1..=1000 {
            let header =
                Place { lamport, id: lamport.into(), ..Place::default() }.header(b"x", None).unwrap();
            let mut message = Vec::new();
            encode_event(&header, PayloadRef::Present { bytes: b"x", salt: None }, &mut message);
            write_frame(&message, &mut log);
        }
        let all = damage::damages(Kind::Log, &log);
        let sorts = |of: &[Damage]| of.iter().map(|it| it.what).collect::<std::collections::BTreeSet<_>>();
        for most in [25, 200, 1000] {
            let some = spread(all.clone(), Some(most));
            assert_eq!((some.len(), sorts(&some)), (most, sorts(&all)));
            for what in ["remove", "flip-checksum"].iter().filter(|_| most >= 200) {
                let records = some.iter().filter(|it| it.what == *what).filter_map(|it| it.record);
                let (first, last) = (records.clone().min().unwrap(), records.max().unwrap());
                assert!(first < 200 && last > 800, "{what}: {first} to {last}");
            }
        }
        for most in [1, 3, all.len()] {
            assert_eq!(spread(all.clone(), Some(most)).len(), most);
        }
        assert_eq!(spread(all.clone(), None), all);
    }
}
