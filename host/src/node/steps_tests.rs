//! Runs of a node on a disk that fails, held against the specification step by step; and runs with a
//! step changed, which must be refused.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::crash_tests::{Client, begin_noting, run, settle, submission};
use super::sim::{Cut, SimVolume, Survives};
use super::steps::Steps;

#[path = "../../tests/support/steps.rs"]
mod held;

/// Steps in memory.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<u8>>>);

impl Write for Noted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Noted {
    fn steps(&self) -> Steps {
        Steps::to(self.clone())
    }

    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

/// What a node notes whose power is cut, and the one that goes on from its disk, which does all the work
/// once more.
fn cut(at: usize, how: Cut, survives: Survives) -> Vec<String> {
    let noted = Noted::default();
    let disk = SimVolume::new();
    disk.cut_at(at, how);
    let mut client = Client::default();
    if let Ok(mut node) = begin_noting(&disk, noted.steps()) {
        run(&mut node, &mut client, 1);
    }
    let mut node = begin_noting(&disk.after_the_cut(survives), noted.steps()).unwrap();
    assert!(settle(&mut node, &mut client, 1));
    run(&mut node, &mut client, 1);
    noted.lines()
}

/// A run with a crash: what was acknowledged before is judged after it.
fn crashed() -> Vec<String> {
    let noted = Noted::default();
    let disk = SimVolume::new();
    let mut client = Client::default();
    let mut node = begin_noting(&disk, noted.steps()).unwrap();
    run(&mut node, &mut client, 1);
    assert!(node.intake.submit(vec![submission("carol", &[(21, 1, "a"), (22, 2, "b")])])[0].is_ok());
    let mut node = begin_noting(&disk.after_the_cut(Survives::Synced), noted.steps()).unwrap();
    assert!(settle(&mut node, &mut client, 1));
    noted.lines()
}

fn check(runs: &BTreeSet<Vec<String>>) {
    let folder = tempfile::tempdir().unwrap();
    let files = held::written(folder.path(), runs.iter().map(|lines| lines.join("\n")));
    if let Some(said) = held::held(&files) {
        println!("{}", said.unwrap());
    }
}

fn cuts(every: usize) -> BTreeSet<Vec<String>> {
    let disk = SimVolume::new();
    run(&mut begin_noting(&disk, Steps::default()).unwrap(), &mut Client::default(), 1);
    let mut runs = BTreeSet::new();
    for at in (0..disk.operations()).step_by(every) {
        for how in [Cut::Before, Cut::Quarters(2), Cut::After] {
            for survives in [Survives::Synced, Survives::Everything, Survives::Lengths] {
                runs.insert(cut(at, how, survives));
            }
        }
    }
    runs
}

#[test]
fn a_power_cut_leaves_what_the_specification_says() {
    check(&cuts(3));
}

#[test]
#[ignore = "long: make test-full"]
fn a_power_cut_at_any_operation_leaves_what_the_specification_says() {
    check(&cuts(1));
}

#[test]
fn a_disk_that_is_full_for_a_while_is_in_the_specification() {
    let disk = SimVolume::new();
    let mut node = begin_noting(&disk, Steps::default()).unwrap();
    let first = disk.operations();
    run(&mut node, &mut Client::default(), 1);
    let mut runs = BTreeSet::new();
    for at in (first..disk.operations()).step_by(2) {
        for (count, patience) in [(2, 20), (2, 1)] {
            let (disk, noted) = (SimVolume::new(), Noted::default());
            let mut node = begin_noting(&disk, noted.steps()).unwrap();
            disk.full_at(at, count);
            let mut client = Client::default();
            run(&mut node, &mut client, patience);
            let mut node = begin_noting(&disk.after_the_cut(Survives::Everything), noted.steps()).unwrap();
            assert!(settle(&mut node, &mut client, 1));
            runs.insert(noted.lines());
        }
    }
    check(&runs);
}

#[test]
fn a_run_with_a_step_changed_is_refused() {
    let run = crashed();
    let place = |step: &str| {
        let begins = format!("{{\"step\":\"{step}\"");
        run.iter().position(|line| line.starts_with(&begins)).unwrap_or_else(|| panic!("no {step}"))
    };
    let without = |step: &str| {
        let mut lines = run.clone();
        lines.remove(place(step));
        lines
    };
    let swapped = |step: &str| {
        let mut lines = run.clone();
        lines.swap(place(step), place(step) + 1);
        lines
    };
    let changed = |step: &str, from: &str, to: &str| {
        let mut lines = run.clone();
        let line = &mut lines[place(step)];
        assert!(line.contains(from), "{line}");
        *line = line.replacen(from, to, 1);
        lines
    };
    let synced_before_it_was_written = {
        let mut lines = run.clone();
        let synced = lines.remove(place("sync"));
        lines.insert(place("write"), synced);
        lines
    };
    let told_before_it_was_stored = {
        let mut lines = run.clone();
        let told = lines.remove(place("announce"));
        lines.insert(place("store"), told);
        lines
    };
    let judged_twice = {
        let mut lines = run.clone();
        let again: Vec<String> = lines[place("emit-merge")..=place("store")].to_vec();
        lines.splice(place("store") + 1..place("store") + 1, again);
        lines
    };
    let last_start = run.iter().rposition(|line| line.contains("\"start\"")).unwrap();
    let lost = {
        let mut lines = run.clone();
        let mut start: serde_json::Value = serde_json::from_str(&lines[last_start]).unwrap();
        assert_eq!(start["waiting"].as_array_mut().unwrap().drain(..1).count(), 1);
        lines[last_start] = start.to_string();
        lines
    };
    let conflict_without_one = {
        let mut lines = run.clone();
        let mut verdict: serde_json::Value = serde_json::from_str(&lines[place("emit-merge")]).unwrap();
        verdict["step"] = "emit-obstruction".into();
        verdict["predicate"] = 3001.into();
        verdict["anchor"] = verdict["events"][0]["id"].clone();
        verdict["aside"] = verdict["events"].clone();
        let line = place("emit-merge");
        lines[line] = verdict.to_string();
        lines
    };
    let last_sync_missing = {
        let mut lines = run.clone();
        let line = lines.iter().rposition(|line| line.contains("\"sync\"")).unwrap();
        lines.remove(line);
        lines
    };
    let cases = [
        ("a write is missing", without("write")),
        ("a sync is missing", without("sync")),
        ("a verdict is missing", without("emit-merge")),
        ("a line of the journal is missing", without("journal")),
        ("a certificate is not stored", without("store")),
        ("a conflict is not noted", without("emit-obstruction")),
        ("synced before it was written", synced_before_it_was_written),
        ("acknowledged before the sync", swapped("sync")),
        ("stored before the journal", swapped("journal")),
        ("told before it was stored", told_before_it_was_stored),
        ("judged twice", judged_twice),
        ("a conflict without one", conflict_without_one),
        ("a merge over a conflict", changed("emit-obstruction", "emit-obstruction", "emit-merge")),
        ("another certificate is told", changed("announce", "\"hash\":\"", "\"hash\":\"00")),
        ("another height", changed("store", "\"height\":\"1\"", "\"height\":\"2\"")),
        ("an acknowledged event is not found again", lost),
        ("the last sync is missing", last_sync_missing),
    ];
    let folder = tempfile::tempdir().unwrap();
    let sound = held::written(folder.path(), [run.join("\n")]);
    let Some(said) = held::held(&sound) else { return };
    assert!(said.is_ok(), "{said:?}");
    for (what, lines) in cases {
        let files = held::written(folder.path(), [lines.join("\n")]);
        let refused = held::held(&files).unwrap().expect_err(what);
        println!("{what}: {}", refused.split(": ").skip(1).collect::<Vec<_>>().join(": "));
    }
}
