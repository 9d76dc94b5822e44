//! Kernels put in place of one another, and taken back, while writers go on.

mod support {
    pub mod node;
    pub mod variant;
    pub mod writing;
}

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;
use support::node::{Node, Start, event, id, run};
use support::variant::{benign, trapping_on_thirteen};
use support::writing::{added, swap, while_writing};

const JSON: &str = "application/json";

#[test]
fn swaps_and_rollbacks_under_load_lose_and_repeat_nothing() {
    let pauses = swapping(2);
    // Figures of a machine that does much else are no test; the long run holds them.
    println!("pauses in microseconds: {pauses:?}");
}

#[test]
#[ignore = "long: make test-full"]
fn twenty_swaps_under_load_each_within_five_milliseconds() {
    let mut pauses = swapping(20);
    pauses.sort_unstable();
    println!("pauses in microseconds: {pauses:?}");
    assert!(*pauses.last().unwrap() < 5000, "{pauses:?}");
}

/// Swaps there and back under load; the pauses. The chain verifies, and the node starts again on it.
fn swapping(times: usize) -> Vec<u64> {
    let node = Start::default().arg(&["--flush-ms", "10", "--snapshot-events", "1000000"]).node();
    let ours = node.status()["kernel_hash"].as_str().unwrap().to_owned();
    let other = added(&node, &benign(b"hello"));
    let (pauses, sent) = while_writing(&node, "load", || {
        let mut pauses = Vec::new();
        for _ in 0..times {
            thread::sleep(Duration::from_millis(100));
            let there = swap(&node, &other, &[]).ok();
            assert_eq!((&there["old_kernel"], &there["differences"]), (&json!(ours), &json!(0)));
            swap(&node, &other, &[]).problem(400, "usage");
            let back = node.post("/api/kernels/rollback", JSON, b"").ok();
            assert_eq!(back["new_kernel"], json!(ours));
            pauses.extend([&there, &back].map(|swapped| swapped["pause_us"].as_u64().unwrap()));
        }
        swap(&node, &other, &[]).ok();
        pauses
    });
    let folder = std::sync::Arc::clone(&node.folder);
    fs::write(folder.path().join("other.wasm"), benign(b"hello")).unwrap();
    let status = node.status();
    let logs = archive(&node);
    let height = node.stop()["height"].clone();
    assert_eq!(height, status["height"]);
    let verify = ["verify", "--cert-log", "node/cert.log", "--trust", "node/node.pub"];
    let inputs: Vec<&str> = logs.iter().flat_map(|log| ["--input", log]).collect();
    run(folder.path(), &[&verify[..], &["--kernel", "other.wasm"], &inputs].concat(), 0);
    // Started again without a snapshot: judged again across every swap, by the kernels that are named.
    fs::remove_dir_all(folder.path().join("node/snapshots")).unwrap();
    let node = Start::default().on(&folder).node();
    assert_eq!(node.started["height"], height);
    assert!(node.started["replayed"].as_u64().unwrap() > 0);
    assert_eq!(node.status()["state_root"], status["state_root"]);
    assert_eq!(
        (node.status()["kernel_hash"].as_str(), &node.status()["accepted_ids"]),
        (Some(&*other), &json!(sent.to_string()))
    );
    pauses
}

/// Logs of every verdict, as files beside the data folder.
fn archive(node: &Node) -> Vec<String> {
    let newest: u64 = node.status()["height"].as_str().unwrap().parse().unwrap();
    let mut names = Vec::new();
    for height in 1..=newest {
        let one = node.get(&format!("/api/certificates/{height}")).ok();
        for place in 0..one["logs"].as_array().unwrap().len() {
            let log = node.get(&format!("/api/certificates/{height}/logs/{place}")).body;
            names.push(format!("{height}-{place}.omega"));
            fs::write(node.folder.path().join(names.last().unwrap()), log).unwrap();
        }
    }
    names
}

#[test]
fn a_kernel_that_traps_on_a_later_batch_is_rolled_back_by_itself() {
    let component = trapping_on_thirteen();
    let node = Start::default().arg(&["--flush-ms", "10"]).node();
    let ours = node.status()["kernel_hash"].as_str().unwrap().to_owned();
    let theirs = added(&node, &component);
    while_writing(&node, "load", || {
        swap(&node, &theirs, &[]).ok();
        assert_eq!(node.status()["kernel_hash"], theirs);
        thread::sleep(Duration::from_millis(50));
        let judged = node.certify("other", &event(9, 1, "thirteen here"));
        assert_eq!(judged["certified"]["set_aside"], json!([]));
    });
    assert_eq!(node.status()["kernel_hash"], ours);
    let incidents = node.get("/api/incidents").ok();
    let incident = &incidents["incidents"][0];
    assert_eq!(incident["kind"], "rolled-back", "{incidents:#}");
    assert!(incident["message"].as_str().unwrap().contains("kernel-trapped"), "{incident:#}");
    assert_eq!(node.get(&format!("/api/events/{}", id(9, 1))).ok()["held"][0]["state"], "accepted");
    assert_eq!(node.get("/readyz").status, 200);
    // One that traps on what was judged before is not let in.
    let problem = swap(&node, &theirs, &[]).problem(422, "kernel-trapped");
    assert!(problem["message"].as_str().unwrap().len() > 10);
    let folder = std::sync::Arc::clone(&node.folder);
    node.stop();
    fs::write(folder.path().join("theirs.wasm"), component).unwrap();
    let verify =
        ["verify", "--cert-log", "node/cert.log", "--trust", "node/node.pub", "--kernel", "theirs.wasm"];
    run(folder.path(), &verify, 0);
    let node = Start::default().on(&folder).node();
    assert_eq!(node.status()["kernel_hash"], ours);
    node.certify("other", &event(9, 2, "goes on"));
}
