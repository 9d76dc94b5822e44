//! What every engine is held to: `engines FOLDER COUNT` writes a corpus of all vectors and so many
//! generated batches, the kernel, and what three engines make of it. Other engines' runners read the corpus and write the same; `make
//! engines` compares.
//!
//! - `corpus.json`: cases, each of steps that one session takes one after the other. A step says
//!   whether the session is first taken apart into a snapshot and restored, in chunks of how many
//!   bytes logs are fed, and for each log its place in `corpus.bin` and how many of its events count.
//! - `ENGINE.answers`: for each step of each case a length and so many bytes. Of a verdict: `V`,
//!   whether it merged, the body. Of a fault: `F`, number, log, offset (all ones where there is
//!   none). Then the state afterwards, 84 bytes. Numbers are little-endian, 4 bytes, offsets 8.
//! - `ENGINE.json`: what ran.

#[path = "../../kernel/tests/common/mod.rs"]
mod common;
#[path = "../tests/support/engines.rs"]
mod engines;
#[path = "../../kernel/tests/recipes/mod.rs"]
#[allow(dead_code)]
mod recipes;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use common::generate::{Case as Generated, LogPlan, case};
use data_encoding::HEXLOWER;
use engines::{Engines, Outcome, restored};
use omega_kernel::hash;
use omega_sheaf::engine::{Kernel, Session};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// Bytes in which logs are fed, in turns.
const CHUNKS: [usize; 5] = [1 << 20, 8, 96, 1000, 4096];

/// One session, and the batches that it judges.
struct Case {
    name: String,
    kind: &'static str,
    steps: Vec<Step>,
}

/// A batch.
struct Step {
    restore: bool,
    chunk: usize,
    logs: Vec<(Vec<u8>, Option<u64>)>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count] = arguments.as_slice() else { panic!("usage: engines FOLDER COUNT") };
    let folder = Path::new(folder);
    let count = count.parse().expect("a count of generated batches");
    fs::create_dir_all(folder).expect("a folder to write to");
    let cases: Vec<Case> = vectors().into_iter().chain(generated(count)).collect();
    write_corpus(folder, &cases);
    let engines = Engines::new();
    fs::write(folder.join("kernel.wasm"), engines.cranelift.component()).expect("the kernel");
    let compiler = format!("rustc {}", quoted_after(include_str!("../../rust-toolchain.toml"), "channel = "));
    let wasmtime = quoted_after(include_str!("../../Cargo.lock"), "name = \"wasmtime\"\nversion = ");
    for (name, kernel) in engines.all() {
        let version = if name == "native" { compiler.clone() } else { format!("Wasmtime {wasmtime}") };
        write_answers(folder, name, &version, kernel, &cases);
    }
}

/// The vectors: the last batch of each must be answered as the tree says.
fn vectors() -> Vec<Case> {
    let recipes = recipes::all().into_iter().enumerate();
    let vectors = recipes.map(|(nth, recipe)| {
        let steps = recipe.batches.into_iter().enumerate().map(|(batch, logs)| Step {
            restore: batch > 0 && nth % 2 == 0,
            // Thousands of logs in chunks of 8 bytes would only take long.
            chunk: if logs.len() > 100 { 1 << 20 } else { CHUNKS[nth % CHUNKS.len()] },
            logs: logs.into_iter().map(|log| (log, None)).collect(),
        });
        Case {
            name: format!("{}/{}", recipe.expect.folder(), recipe.name),
            kind: "vector",
            steps: steps.collect(),
        }
    });
    vectors.collect()
}

/// Generated batches, the first ones the same whatever the count; of some logs only the first events count.
fn generated(count: u32) -> Vec<Case> {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"six engines of one kernel agree!");
    let cases = RefCell::new(Vec::new());
    let made = TestRunner::new_with_rng(config, rng).run(&case(), |case| {
        let nth = cases.borrow().len();
        cases.borrow_mut().push(Case {
            name: format!("generated {nth}"),
            kind: "batch",
            steps: steps(&case, nth),
        });
        Ok(())
    });
    made.expect("the generator gives cases");
    cases.into_inner()
}

fn steps(case: &Generated, nth: usize) -> Vec<Step> {
    let whole = |log: &LogPlan| (log.bytes(), None);
    let cut = |log: &LogPlan| {
        let some = nth.is_multiple_of(3) && log.head.is_none();
        (log.bytes(), some.then_some(log.events.len() as u64 / 2))
    };
    let prior = case.prior.iter().map(|logs| (0, logs.iter().map(whole).collect()));
    let last = (nth % 2, case.batch.iter().map(cut).collect());
    let steps = prior.chain([last]).map(|(restore, logs)| Step {
        restore: restore == 1,
        chunk: CHUNKS[nth % CHUNKS.len()],
        logs,
    });
    steps.collect()
}

/// Logs that occur several times are written once.
fn write_corpus(folder: &Path, cases: &[Case]) {
    let (mut bytes, mut places) = (Vec::new(), HashMap::new());
    let mut place = |log: &Vec<u8>| -> usize {
        *places.entry(log.clone()).or_insert_with(|| {
            bytes.extend_from_slice(log);
            bytes.len() - log.len()
        })
    };
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            let step = |step: &Step| {
                let logs: Vec<Value> = step
                    .logs
                    .iter()
                    .map(|(log, limit)| json!({ "at": place(log), "bytes": log.len(), "limit": limit }))
                    .collect();
                json!({ "restore": step.restore, "chunk": step.chunk, "logs": logs })
            };
            json!({ "name": case.name, "kind": case.kind, "steps": case.steps.iter().map(step).collect::<Vec<_>>() })
        })
        .collect();
    let corpus = json!({ "kernel": HEXLOWER.encode(Kernel::embedded_hash()), "cases": cases });
    fs::write(folder.join("corpus.json"), corpus.to_string()).expect("the cases");
    fs::write(folder.join("corpus.bin"), bytes).expect("the logs");
}

fn write_answers(folder: &Path, name: &str, version: &str, kernel: &Kernel, cases: &[Case]) {
    let mut answers = Vec::new();
    for case in cases {
        let mut session = kernel.session().expect("a session");
        let mut last = None;
        for step in &case.steps {
            if let Some(Outcome { snapshot, .. }) = last.as_ref().filter(|_| step.restore) {
                session = restored(kernel, snapshot);
            }
            let outcome = judged(&mut session, step);
            let answer = packed(&outcome);
            answers.extend_from_slice(&(answer.len() as u32).to_le_bytes());
            answers.extend_from_slice(&answer);
            last = Some(outcome);
        }
        if case.kind == "vector" {
            holds_to_the_tree(&case.name, last.as_ref().expect("a vector has a batch"));
        }
    }
    let about = json!({ "engine": name, "version": version });
    fs::write(folder.join(format!("{name}.json")), about.to_string()).expect("what ran");
    fs::write(folder.join(format!("{name}.answers")), answers).expect("the answers");
    println!("{name}, {version}: {} cases", cases.len());
}

fn judged(session: &mut Session, step: &Step) -> Outcome {
    let (logs, limits): (Vec<_>, Vec<_>) = step.logs.iter().cloned().unzip();
    Outcome::fed_up_to(session, &logs, &limits, step.chunk)
}

fn packed(outcome: &Outcome) -> Vec<u8> {
    let mut answer = Vec::new();
    match &outcome.verdict {
        Ok(verdict) => {
            answer.extend([b'V', verdict.merged.into()]);
            answer.extend_from_slice(&verdict.body);
        }
        Err(fault) => {
            answer.push(b'F');
            answer.extend(fault.code.number().to_le_bytes());
            answer.extend(fault.log.unwrap_or(u32::MAX).to_le_bytes());
            answer.extend(fault.offset.unwrap_or(u64::MAX).to_le_bytes());
        }
    }
    let mut state = omega_kernel::bytes::Writer::new();
    outcome.state.write(&mut state);
    answer.extend(state.bytes);
    answer
}

/// What is compared with is not only this build's opinion.
fn holds_to_the_tree(vector: &str, outcome: &Outcome) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(vector).join("vector.json");
    let stated: Value = serde_json::from_slice(&fs::read(path).expect("a vector")).expect("JSON");
    let stated = &stated["answer"];
    match &outcome.verdict {
        Ok(verdict) => {
            assert_eq!(stated["body_blake3"], HEXLOWER.encode(&hash::plain(&verdict.body)), "{vector}");
        }
        Err(fault) => assert_eq!(
            (&stated["number"], &stated["log"], &stated["offset"]),
            (&json!(fault.code.number()), &json!(fault.log), &json!(fault.offset)),
            "{vector}"
        ),
    }
    assert_eq!(stated["state_root"], HEXLOWER.encode(&outcome.state.root()), "{vector}");
}

/// The first text in quotes behind `what`.
fn quoted_after<'t>(text: &'t str, what: &str) -> &'t str {
    let rest = text.split(what).nth(1).expect("a known file");
    rest.split('"').nth(1).expect("something in quotes")
}
