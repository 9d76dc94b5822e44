//! Kernels of strangers: each ends within its limits with an answer of its own, and what judges
//! otherwise is not put in place unless somebody says so.

mod support {
    pub mod hostile;
    pub mod node;
    pub mod variant;
    pub mod writing;
}

use std::time::{Duration, Instant};

use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash;
use serde_json::json;
use support::hostile::{Plan, that_fail_to_judge};
use support::node::{Start, event};
use support::variant::mistaken;
use support::writing::{add, added, swap, while_writing};

const JSON: &str = "application/json";

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
    let judging = that_fail_to_judge().into_iter().chain([(
        "says nothing that is a verdict",
        Plan::default(),
        "kernel-output-invalid",
    )]);
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
