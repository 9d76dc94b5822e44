//! Kernels of strangers, and of ours, put in place of one another while writers go on.

mod support {
    pub mod hostile;
    pub mod node;
    pub mod variant;
}

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash;
use serde_json::{Value, json};
use support::hostile::Plan;
use support::node::{Answer, Node, Start, event, id, run};
use support::variant::{benign, mistaken, trapping_on_thirteen};

const JSON: &str = "application/json";

/// A writer who goes on while something else is done: each request must be answered with 200, and each
/// event be new.
fn while_writing<T>(node: &Node, payload: &str, work: impl FnOnce() -> T) -> (T, u64) {
    let (going, sent) = (AtomicBool::new(true), AtomicU64::new(0));
    let from = node.status()["events"].as_str().unwrap().parse::<u64>().unwrap();
    let slowest = AtomicU64::new(0);
    let done = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut lamport = 1000 + from;
            while going.load(Ordering::Acquire) {
                let events: Vec<Value> = (0..10).map(|number| event(7, lamport + number, payload)).collect();
                lamport += 10;
                let begun = Instant::now();
                let body = json!(events).to_string();
                let taken = node.post("/api/events?log=load", JSON, body.as_bytes()).ok();
                assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(10), &json!(0)));
                slowest.fetch_max(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
                sent.fetch_add(10, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        // Also where the work panics: otherwise nothing would end.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        going.store(false, Ordering::Release);
        writing.join().unwrap();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let sent = sent.into_inner();
    println!("{sent} events meanwhile, the slowest acknowledgement {} ms", slowest.into_inner());
    settled(node, node.status()["events"].as_str().unwrap().parse().unwrap());
    assert!(node.status()["events"].as_str().unwrap().parse::<u64>().unwrap() >= from + sent);
    (done, sent)
}

/// Waits until so many events are accepted, and no more.
#[track_caller]
fn settled(node: &Node, events: u64) {
    for _ in 0..1000 {
        let status = node.status();
        if status["accepted_ids"].as_str() == Some(&events.to_string()) {
            assert_eq!(
                (&status["ids"], &status["events"]),
                (&json!(events.to_string()), &json!(events.to_string()))
            );
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never {events}: {:#}", node.status());
}

fn add(node: &Node, component: &[u8]) -> Answer {
    node.post("/api/kernels", "application/wasm", component)
}

fn added(node: &Node, component: &[u8]) -> String {
    add(node, component).ok()["hash"].as_str().unwrap().to_owned()
}

fn swap(node: &Node, hash: &str, accept: &[String]) -> Answer {
    node.post(&format!("/api/kernels/{hash}/swap"), JSON, json!({ "accept": accept }).to_string().as_bytes())
}

/// A list of bytes as the component's memory holds it: at `at` a pointer and a length, then they.
fn commitment() -> String {
    let bytes = StateCommitment::empty();
    let mut writer = omega_kernel::bytes::Writer::new();
    bytes.write(&mut writer);
    let bytes = writer.bytes;
    let words = [200_016u32.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
    let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    format!(r#"(data (i32.const 200000) "{}") (data (i32.const 200016) "{}")"#, text(&words), text(&bytes))
}

/// What a kernel says of itself that passes for ours.
fn description() -> String {
    let hash = [7; 32];
    let words: Vec<u8> = [1u32, 1, 0, 0, 0, 0, 1, 211_000, 1, 211_064, 32]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let schema: Vec<u8> = [211_128u32, 32].iter().flat_map(|word| word.to_le_bytes()).collect();
    [(210_000, &words[..]), (211_000, &schema), (211_064, &hash), (211_128, &omega_kernel::hash::SCHEMA_HASH)]
        .map(|(at, bytes)| {
            let text: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
            format!(r#"(data (i32.const {at}) "{text}")"#)
        })
        .concat()
}

#[test]
fn hostile_kernels_end_within_their_limits_while_the_node_goes_on() {
    let node = Start::default().arg(&["--flush-ms", "10"]).node();
    node.certify("a", &event(1, 1, "one"));
    let deeper = "(func $deeper (param i32) (result i32) (i32.add (local.get 0) (call $deeper (i32.add (local.get 0) (i32.const 1)))))";
    let huge = r#"(data (i32.const 2048) "\00\00\00\00\00\00\00\00\01\00\00\00\e8\03\00\00")
                  (data (i32.const 3072) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\02")"#;
    let loops = "(loop br 0) i32.const 1024";
    // What is refused when it is added.
    let refused: [(&str, Vec<u8>, u16, &str); 8] = [
        ("no component", b"not wasm".to_vec(), 400, "kernel-invalid"),
        ("a module", wat::parse_str("(module)").unwrap(), 400, "kernel-invalid"),
        ("another world", wat::parse_str("(component)").unwrap(), 400, "kernel-invalid"),
        (
            "imports",
            wat::parse_str(r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#).unwrap(),
            400,
            "kernel-invalid",
        ),
        (
            "too large from the first",
            Plan { pages: 20_000, ..Plan::default() }.component(),
            422,
            "kernel-memory-limit",
        ),
        (
            "loops before it is called",
            Plan { fields: "(func $forever (loop br 0)) (start $forever)", ..Plan::default() }.component(),
            422,
            "kernel-deadline",
        ),
        (
            "loops when asked",
            Plan { bodies: &[("describe", loops)], ..Plan::default() }.component(),
            422,
            "kernel-deadline",
        ),
        (
            "traps when asked",
            Plan { bodies: &[("describe", "unreachable")], ..Plan::default() }.component(),
            422,
            "kernel-trapped",
        ),
    ];
    // What is found when it judges.
    let judging: [(&str, Plan<'_>, &str); 6] = [
        ("loops", Plan { bodies: &[("finish", loops)], ..Plan::default() }, "kernel-deadline"),
        (
            "eats memory",
            Plan {
                bodies: &[("feed", "(loop (drop (memory.grow (i32.const 160))) br 0) i32.const 1024")],
                ..Plan::default()
            },
            "kernel-memory-limit",
        ),
        (
            "recurses",
            Plan { fields: deeper, bodies: &[("finish", "(call $deeper (i32.const 0))")], ..Plan::default() },
            "kernel-trapped",
        ),
        ("traps", Plan { bodies: &[("finish", "unreachable")], ..Plan::default() }, "kernel-trapped"),
        (
            "returns too much",
            Plan {
                pages: 900,
                fields: huge,
                bodies: &[("finish", "i32.const 2048"), ("read-body", "i32.const 3072")],
            },
            "kernel-output-invalid",
        ),
        ("says nothing that is a verdict", Plan::default(), "kernel-output-invalid"),
    ];
    while_writing(&node, "x", || {
        for (name, component, status, code) in refused {
            let begun = Instant::now();
            let answer = add(&node, &component);
            let problem = answer.json();
            assert_eq!(
                (answer.status, problem["code"].as_str()),
                (status, Some(code)),
                "{name}: {problem:#}"
            );
            assert!(begun.elapsed() < Duration::from_secs(30), "{name}: {:?}", begun.elapsed());
        }
        assert_eq!(node.get("/api/kernels").ok()["kernels"].as_array().unwrap().len(), 1);
        for (name, mut plan, code) in judging {
            let mut bodies = plan.bodies.to_vec();
            bodies.extend([("state", "i32.const 200000"), ("describe", "i32.const 210000")]);
            let fields = format!("{} {} {}", plan.fields, commitment(), description());
            (plan.fields, plan.bodies) = (&fields, &bodies);
            let hash = added(&node, &plan.component());
            let diff = format!("/api/kernels/{hash}/diff");
            for (begun, answer) in
                [(Instant::now(), swap(&node, &hash, &[])), (Instant::now(), node.post(&diff, JSON, b""))]
            {
                let problem = answer.json();
                assert_eq!(
                    (answer.status, problem["code"].as_str()),
                    (422, Some(code)),
                    "{name}: {problem:#}"
                );
                assert!(begun.elapsed() < Duration::from_secs(60), "{name}: {:?}", begun.elapsed());
            }
        }
    });
    assert_eq!(node.get("/readyz").status, 200);
    assert_eq!(node.status()["open_incidents"], 0);
    let active: Vec<_> = node.get("/api/kernels").ok()["kernels"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["active"] == true)
        .cloned()
        .collect();
    assert_eq!(active.len(), 1);
    node.stop();
}

#[test]
fn a_planted_difference_is_blocked_and_named_and_swaps_once_it_is_accepted() {
    let node = Start::default().arg(&["--batch-size", "1"]).node();
    for number in 1..=3 {
        node.certify("a", &event(1, number, "x"));
    }
    let before = node.status()["kernel_hash"].clone();
    let hash = added(&node, &mistaken(hash::BATCH_ID));
    let diff = node.post(&format!("/api/kernels/{hash}/diff"), JSON, b"").ok();
    assert_eq!((&diff["replayed"], &diff["difference_count"]), (&json!("3"), &json!(3)));
    assert!(diff["differences"][0]["what"].as_str().unwrap().contains("batch"), "{diff:#}");
    let problem = swap(&node, &hash, &["1".to_owned(), "2".to_owned()]).problem(409, "kernel-differs");
    assert!(problem["message"].as_str().unwrap().contains("height 3"), "{problem:#}");
    assert!(problem["hint"].as_str().unwrap().contains('3'), "{problem:#}");
    assert_eq!(node.status()["kernel_hash"], before);
    swap(&node, &hash, &["one".to_owned()]).problem(400, "usage");
    let swapped = swap(&node, &hash, &["1", "2", "3"].map(str::to_owned)).ok();
    assert_eq!(
        (&swapped["height"], &swapped["differences"], &swapped["new_kernel"]),
        (&json!("4"), &json!(3), &json!(hash))
    );
    let certificate = node.get("/api/certificates/4").ok();
    assert_eq!(certificate["certificate"]["cert_type"], "swap", "{certificate:#}");
    node.certify("a", &event(1, 4, "x"));
    // Another state than the chain's cannot be swapped to at all.
    let other = added(&node, &mistaken(hash::STATE_ID));
    let accept: Vec<String> = (1..10).map(|height: u64| height.to_string()).collect();
    let answer = swap(&node, &other, &accept);
    assert!((400..500).contains(&answer.status), "{}: {:#}", answer.status, answer.json());
    node.certify("a", &event(1, 5, "x"));
    assert_eq!(node.status()["kernel_hash"], hash);
}

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
    let Some(component) = trapping_on_thirteen() else { return };
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
