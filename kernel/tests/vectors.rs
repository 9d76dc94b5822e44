//! The vectors under `tests/vectors`: logs with the one answer that every checker must give.
//!
//! Each vector is a folder with `vector.json` and its logs. `OMEGA_BLESS=1` writes them anew from
//! their recipes; without it a test fails where tree and recipes differ. They are then judged from
//! the tree alone, and two dummies show that the suite is not one that anybody passes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::recipes::{Expect, Recipe};
use omega_kernel::body::{Body, PREDICATES, VerdictKind};
use omega_kernel::evidence::{self, Kind};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash;
use omega_kernel::session::{LogInput, Session};
use serde_json::{Value, json};

/// What a checker answers, as `vector.json` writes it.
type Answer = Value;

/// Bytes that all vectors together may have.
const MOST_BYTES: u64 = 2 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kernel's answer to the last of these batches.
fn kernel(batches: &[Vec<Vec<u8>>]) -> Answer {
    let mut session = Session::genesis();
    let mut answer = Value::Null;
    for batch in batches {
        let body = judge(&mut session, batch);
        let state_root = hex(&session.state().commitment().root());
        answer = match body {
            Ok(body) => verdict(&body, state_root),
            Err(fault) => json!({
                "outcome": "fault",
                "code": fault.code.name(),
                "number": fault.code.number(),
                "log": fault.log,
                "offset": fault.offset,
                "state_root": state_root,
            }),
        };
    }
    answer
}

fn judge(session: &mut Session, logs: &[Vec<u8>]) -> Result<Vec<u8>, Fault> {
    session.begin_batch(&vec![LogInput::default(); logs.len()])?;
    for (index, log) in (0u32..).zip(logs) {
        // The fault comes again from `finish`, which picks among several.
        let _ = session.feed(index, log);
    }
    Ok(session.finish()?.body)
}

fn verdict(body: &[u8], state_root: String) -> Answer {
    let body_hash = hex(&hash::plain(body));
    let (core, observations) = Body::split(body).unwrap().decode().unwrap();
    if core.verdict == VerdictKind::Merge {
        return json!({ "outcome": "merge", "body_blake3": body_hash, "state_root": state_root });
    }
    let conflict = evidence::check(&core, &observations.payload).unwrap();
    let violated = |id: u16| core.coverage_of(id).unwrap_or(&observations.payload).violated;
    let violated = PREDICATES.iter().map(|predicate| (predicate.id.to_string(), violated(predicate.id)));
    let violated: serde_json::Map<String, Value> =
        violated.filter(|(_, count)| *count > 0).map(|(id, count)| (id, count.into())).collect();
    json!({
        "outcome": "conflict",
        "predicate": conflict.evidence.kind.predicate(),
        "kind": conflict.evidence.kind.name(),
        "violated": violated,
        "body_blake3": body_hash,
        "state_root": state_root,
    })
}

/// The part of an answer that a recipe states by hand.
fn stated(expect: &Expect) -> Answer {
    match expect {
        Expect::Merge => json!({ "outcome": "merge" }),
        Expect::Conflict(kind, violated) => json!({
            "outcome": "conflict",
            "predicate": kind.predicate(),
            "kind": kind.name(),
            "violated": violated.iter().map(|(id, count)| (id.to_string(), (*count).into())).collect::<serde_json::Map<String, Value>>(),
        }),
        Expect::Fault { code, log, offset } => json!({
            "outcome": "fault",
            "code": code.name(),
            "number": code.number(),
            "log": log,
            "offset": offset,
        }),
    }
}

/// Whether `answer` says all that `stated` says.
fn says(answer: &Answer, stated: &Answer) -> bool {
    stated.as_object().unwrap().iter().all(|(key, value)| answer.get(key) == Some(value))
}

fn breaks(expect: &Expect) -> String {
    match expect {
        Expect::Merge => "nothing".into(),
        Expect::Conflict(kind, _) => {
            let predicate = PREDICATES.iter().find(|predicate| predicate.id == kind.predicate()).unwrap();
            format!("{} {}", predicate.id, predicate.name)
        }
        Expect::Fault { code, .. } => format!("{} {}", code.number(), code.name()),
    }
}

/// The files of a vector: name and bytes.
fn files(recipe: &Recipe) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let batches: Vec<Vec<Value>> = (1..)
        .zip(&recipe.batches)
        .map(|(batch, logs)| {
            let file = |(nth, log): (usize, &Vec<u8>)| {
                let name = format!("{batch}-{nth}.omega");
                let entry =
                    json!({ "file": (!recipe.large).then_some(&name), "blake3": hex(&hash::plain(log)) });
                if !recipe.large {
                    files.push((name, log.clone()));
                }
                entry
            };
            // Thousands of equal logs are told by their number.
            match logs.len() > 8 {
                true => {
                    vec![json!({ "file": null, "blake3": hex(&hash::plain(&logs[0])), "copies": logs.len() })]
                }
                false => (1..).zip(logs).map(file).collect(),
            }
        })
        .collect();
    let mut vector = json!({ "title": recipe.title, "breaks": breaks(&recipe.expect), "batches": batches });
    let answer = kernel(&recipe.batches);
    vector.as_object_mut().unwrap().insert("answer".into(), answer);
    let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
    files.push(("vector.json".into(), text.into_bytes()));
    files
}

/// A vector as it stands in the tree.
struct Vector {
    folder: String,
    name: String,
    batches: Vec<Vec<Vec<u8>>>,
    answer: Answer,
}

/// The vectors of the tree, the large ones filled in from their recipes.
fn from_tree() -> Vec<Vector> {
    let recipes = crate::recipes::all();
    let mut vectors = Vec::new();
    for folder in ["accept", "reject", "decline"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            let vector: Value = serde_json::from_slice(&fs::read(path.join("vector.json")).unwrap()).unwrap();
            let batch = |logs: &Value| -> Option<Vec<Vec<u8>>> {
                let log = |log: &Value| {
                    let bytes = fs::read(path.join(log["file"].as_str()?)).unwrap();
                    assert_eq!(hex(&hash::plain(&bytes)), log["blake3"], "{name}");
                    Some(bytes)
                };
                logs.as_array().unwrap().iter().map(log).collect()
            };
            let batches: Option<_> = vector["batches"].as_array().unwrap().iter().map(batch).collect();
            let batches = batches.unwrap_or_else(|| {
                let recipe =
                    recipes.iter().find(|recipe| recipe.name == name).expect("a large vector's recipe");
                recipe.batches.clone()
            });
            vectors.push(Vector { folder: folder.into(), name, batches, answer: vector["answer"].clone() });
        }
    }
    vectors
}

/// The vectors that a checker does not answer as it must.
fn failures(vectors: &[Vector], checker: impl Fn(&[Vec<Vec<u8>>]) -> Answer) -> Vec<&Vector> {
    vectors.iter().filter(|vector| checker(&vector.batches) != vector.answer).collect()
}

#[test]
fn the_tree_holds_what_the_recipes_make() {
    let bless = std::env::var_os("OMEGA_BLESS").is_some();
    if bless {
        // Also what no recipe makes any more; the first time there is nothing to remove.
        ["accept", "reject", "decline"].iter().for_each(|folder| _ = fs::remove_dir_all(root().join(folder)));
    }
    let mut expected = BTreeSet::new();
    let mut bytes = 0;
    for recipe in crate::recipes::all() {
        let folder = root().join(recipe.expect.folder()).join(recipe.name);
        for (name, content) in files(&recipe) {
            let path = folder.join(&name);
            bytes += content.len() as u64;
            if bless {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &content).unwrap();
            }
            let found = fs::read(&path).unwrap_or_default();
            // JSON by its content: in which order keys are written is a feature of the library.
            let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            let same = found == content || (name == "vector.json" && parsed(&found) == parsed(&content));
            assert!(same, "{} differs; OMEGA_BLESS=1 writes it anew", path.display());
            assert!(expected.insert(path), "two vectors named {}", recipe.name);
        }
    }
    assert!(bytes < MOST_BYTES, "{bytes} bytes of vectors");
    for folder in ["accept", "reject", "decline"] {
        for vector in fs::read_dir(root().join(folder)).unwrap() {
            for file in fs::read_dir(vector.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                assert!(expected.contains(&path), "{} has no recipe", path.display());
            }
        }
    }
}

#[test]
fn recipes_and_kernel_say_the_same() {
    let mut differing = Vec::new();
    for recipe in crate::recipes::all() {
        let answer = kernel(&recipe.batches);
        if !says(&answer, &stated(&recipe.expect)) {
            differing.push(format!("{}: {answer:#}", recipe.name));
        }
        for (nth, _) in recipe.batches.iter().enumerate().skip(1) {
            let before = kernel(&recipe.batches[..nth]);
            assert_eq!(before["outcome"], "merge", "{}: only the last batch is at fault", recipe.name);
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn the_kernel_answers_every_vector() {
    let vectors = from_tree();
    if let Some(vector) = failures(&vectors, kernel).first() {
        panic!("{}: {:#} instead of {:#}", vector.name, kernel(&vector.batches), vector.answer);
    }
    for vector in &vectors {
        let outcome = match vector.folder.as_str() {
            "accept" => "merge",
            "reject" => "conflict",
            _ => "fault",
        };
        assert_eq!(vector.answer["outcome"], outcome, "{}", vector.name);
    }
}

/// A checker that always agrees, or never, or never knows, fails at every vector but its own: also
/// where it is given the very answer of some other vector.
#[test]
fn no_dummy_passes() {
    let vectors = from_tree();
    let count = |folder: &str| vectors.iter().filter(|vector| vector.folder == folder).count();
    for folder in ["accept", "reject", "decline"] {
        for constant in vectors.iter().filter(|vector| vector.folder == folder) {
            let failed = failures(&vectors, |_| constant.answer.clone());
            for other in ["accept", "reject", "decline"].into_iter().filter(|other| *other != folder) {
                let failed = failed.iter().filter(|vector| vector.folder == other).count();
                assert_eq!(failed, count(other), "always {}", constant.name);
            }
        }
    }
    // Nor does one that judges rightly, but only whether there is a conflict.
    let coarse = |batches: &[Vec<Vec<u8>>]| json!({ "outcome": kernel(batches)["outcome"] });
    assert_eq!(failures(&vectors, coarse).len(), vectors.len());
}

#[test]
fn every_kind_and_every_fault_of_a_log_has_its_vector() {
    let recipes = crate::recipes::all();
    for kind in Kind::ALL {
        let shown = |recipe: &Recipe| matches!(&recipe.expect, Expect::Conflict(shown, _) if *shown == kind);
        assert!(recipes.iter().any(shown), "{kind:?}");
    }
    let of_logs = FaultCode::ALL
        .iter()
        .filter(|code| matches!(code.number(), 20_101 | 30_101..=30_199 | 30_201..=30_299 | 30_301));
    for wanted in of_logs {
        let shown = |recipe: &Recipe| matches!(&recipe.expect, Expect::Fault { code, .. } if code == wanted);
        assert!(recipes.iter().any(shown), "{wanted:?}");
    }
}
