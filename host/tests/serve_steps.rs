//! Real runs against the specification: a node that serves, is killed and started again, takes events
//! that conflict, and changes its kernel. Its steps are held against `formal/tla/Node.tla`.

mod support {
    pub mod node;
    pub mod steps;
    pub mod variant;
    pub mod writing;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::node::{Node, Start, event, id};
use support::steps::{held, written};
use support::variant::benign;
use support::writing::{added, swap};

/// Sends events of one source until the node is gone, or `most` were sent; gives the next Lamport time.
/// Every fifth has an id that all sources use, each with another payload: a conflict. Every seventh depends
/// on the one before.
fn write(node: &Node, source: u32, from: u64, most: u64) -> u64 {
    for lamport in from..from + most {
        let mut event = event(source, lamport, &format!("{source} {lamport}"));
        if lamport.is_multiple_of(5) {
            event["id"] = json!(id(9, lamport));
        }
        if lamport % 7 == 3 {
            event["deps"] = json!([id(source, lamport - 1)]);
        }
        let path = format!("/api/events?log=writer-{source}");
        match node.try_post(&path, "application/json", event.to_string().as_bytes()) {
            Ok(answer) if answer.status == 200 => {}
            _ => return lamport,
        }
    }
    from + most
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(lines: &[Value], step: &str) -> usize {
    lines.iter().filter(|line| line["step"] == step).count()
}

/// Runs a node, killed so many times; gives its steps.
fn killed(folder: &Arc<tempfile::TempDir>, times: u64) -> PathBuf {
    let steps = folder.path().join("steps.jsonl");
    let options = ["--steps", "steps.jsonl", "--batch-size", "6", "--flush-ms", "15", "--hold-ms", "40"];
    let start = Start::default().on(folder).arg(&options).arg(&["--snapshot-events", "30"]);
    let mut next = [1, 1];
    for kill in 0..times {
        let node = start.clone().node();
        if kill == 1 {
            let hash = added(&node, &benign(b"another"));
            swap(&node, &hash, &[]).ok();
        }
        thread::scope(|scope| {
            let writing: Vec<_> = (1..)
                .zip(next)
                .map(|(source, from)| {
                    let node = &node;
                    scope.spawn(move || write(node, source, from, 25))
                })
                .collect();
            thread::sleep(Duration::from_millis(60 + 50 * (kill % 5)));
            node.signal("KILL");
            for (next, writing) in next.iter_mut().zip(writing) {
                *next = writing.join().unwrap();
            }
        });
        drop(node);
    }
    // The last one judges what waits, and ends.
    let node = start.node();
    for (source, from) in (1..).zip(next) {
        write(&node, source, from, 5);
    }
    node.stop();
    steps
}

#[test]
fn runs_with_kills_conflicts_and_a_swap_are_behaviours_of_the_specification() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = killed(&folder, 6);
    let steps = lines(&path);
    assert_eq!(count(&steps, "start"), 7);
    assert_eq!(count(&steps, "swap"), 1);
    assert!(count(&steps, "emit-obstruction") > 0 && count(&steps, "emit-merge") > 5, "{}", steps.len());
    assert!(count(&steps, "acknowledge") > 20 && count(&steps, "announce") > 5, "{}", steps.len());
    let Some(said) = held(std::slice::from_ref(&path)) else { return };
    println!("{}", said.unwrap());

    // The same run is refused where it says something else.
    let text = fs::read_to_string(&path).unwrap();
    let whole: Vec<&str> = text.lines().collect();
    let first = |step: &str| {
        whole.iter().position(|line| line.starts_with(&format!("{{\"step\":\"{step}\""))).unwrap()
    };
    let (stored, told) = (first("store"), first("announce"));
    let mut early = whole.clone();
    let announcement = early.remove(told);
    early.insert(stored, announcement);
    let mut merged = whole.clone();
    let conflict = whole[first("emit-obstruction")].replacen("emit-obstruction", "emit-merge", 1);
    merged[first("emit-obstruction")] = &conflict;
    for lines in [early, merged] {
        let other = written(folder.path(), [lines.join("\n")]);
        println!("{}", held(&other).unwrap().unwrap_err());
    }
}

#[test]
#[ignore = "long: make test-full"]
fn forty_kills_are_in_the_specification() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let path = killed(&folder, 40);
    if let Some(said) = held(&[path]) {
        println!("{}", said.unwrap());
    }
}

#[test]
fn a_file_of_steps_that_cannot_be_written_keeps_a_node_from_starting() {
    let (code, said) = Start::default().arg(&["--steps", "nowhere/steps.jsonl"]).refused();
    assert_eq!((code, said["code"].as_str()), (30, Some("write-failed")), "{said:#}");
    assert!(said["file"].as_str().unwrap().ends_with("nowhere/steps.jsonl"), "{said:#}");
}
