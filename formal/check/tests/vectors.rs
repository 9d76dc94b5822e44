//! Every vector that has a verdict: the answer in the tree, the kernel's and the specification's.

use std::fs;
use std::path::{Path, PathBuf};

use omega_formal::{Case, Numbering, Occurrence, Specification, kernel};
use omega_kernel::entry::Entries;
use omega_kernel::event::Observed;
use omega_kernel::scan::{ScanPart, Scanner};
use omega_kernel::session::Session;
use serde_json::Value;

use crate::recipes;

/// Occurrences in all batches of a vector that the specification can be asked about: it sorts by insertion and
/// looks at every pair.
const MOST_OCCURRENCES: usize = 5_000;

struct Vector {
    name: String,
    batches: Vec<Vec<Vec<u8>>>,
    answer: Value,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

/// The vectors of a folder of the tree; logs that are too large for it come from their recipes.
fn vectors(folder: &str) -> Vec<Vector> {
    let recipes = recipes::all();
    let mut vectors: Vec<Vector> = fs::read_dir(root().join(folder))
        .expect("a folder of vectors")
        .map(|entry| {
            let path = entry.expect("a vector").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_string();
            let text = fs::read(path.join("vector.json")).expect("its description");
            let vector: Value = serde_json::from_slice(&text).expect("JSON");
            let log = |log: &Value| Some(fs::read(path.join(log["file"].as_str()?)).expect("a log"));
            let batch =
                |logs: &Value| logs.as_array().expect("logs").iter().map(log).collect::<Option<Vec<_>>>();
            let stored: Option<Vec<_>> =
                vector["batches"].as_array().expect("batches").iter().map(batch).collect();
            let batches = stored.unwrap_or_else(|| {
                let recipe = recipes.iter().find(|recipe| recipe.name == name);
                recipe.expect("a large vector's recipe").batches.clone()
            });
            Vector { name, batches, answer: vector["answer"].clone() }
        })
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    vectors
}

/// The occurrences that a log holds, read by the kernel's scanner.
fn scanned(log: &[u8]) -> Vec<Occurrence> {
    let (mut scanner, mut entries) = (Scanner::new(ScanPart::default()), Entries::default());
    scanner.push(log, &mut entries).expect("a log without fault");
    let found = |entry: &omega_kernel::entry::Entry| match entries.observed(entry) {
        Some(observed) => Some(*observed),
        None if entry.payload_is_judged() => {
            let stated = entries.rest(entry);
            Some(Observed { len: stated.payload_len.into(), hash: stated.payload_hash })
        }
        None => None,
    };
    entries
        .list
        .iter()
        .map(|entry| Occurrence { header: entries.header(entry), found: found(entry) })
        .collect()
}

/// The vector as the specification reads it, and what the kernel makes of it.
fn judged(vector: &Vector) -> (String, String) {
    let case: Case =
        vector.batches.iter().map(|batch| batch.iter().map(|log| scanned(log)).collect()).collect();
    let numbering = Numbering::new(case.iter().flatten().flatten());
    let mut session = Session::genesis();
    let answers: Vec<String> = vector
        .batches
        .iter()
        .map(|batch| kernel::judge(&mut session, batch, &numbering).expect("a verdict"))
        .collect();
    let state = kernel::state(session.state(), &numbering);
    (numbering.line(&case), format!("{}#{state}", answers.join("|")))
}

/// The tree's own answer is what both must say.
fn says_what_the_tree_says(vector: &Vector, answer: &str) {
    let last = answer.split('#').next().and_then(|verdicts| verdicts.rsplit('|').next()).expect("a verdict");
    match vector.answer["outcome"].as_str() {
        Some("merge") => assert!(last.starts_with('M'), "{}: {last}", vector.name),
        Some("conflict") => {
            let named = format!("O {} ", vector.answer["predicate"]);
            assert!(last.starts_with(&named), "{}: {last} instead of {named}", vector.name);
        }
        other => panic!("{}: {other:?}", vector.name),
    }
}

#[test]
fn kernel_and_specification_agree_on_every_vector_with_a_verdict() {
    let (mut fitting, mut left_out) = (Vec::new(), Vec::new());
    for folder in ["accept", "reject"] {
        for vector in vectors(folder) {
            let occurrences: usize = vector.batches.iter().flatten().map(|log| scanned(log).len()).sum();
            if occurrences > MOST_OCCURRENCES {
                left_out.push(format!("{} ({occurrences} occurrences)", vector.name));
                continue;
            }
            let (line, kernel) = judged(&vector);
            says_what_the_tree_says(&vector, &kernel);
            fitting.push((line, kernel));
        }
    }
    let count = fitting.len() as u64;
    match Specification::build()
        .compare(|put| _ = fitting.into_iter().all(|(line, kernel)| put(line, kernel)))
    {
        Ok(compared) => assert_eq!(compared, count),
        Err(difference) => panic!("{difference:#?}"),
    }
    let faults = vectors("decline").len();
    println!("vectors: {count} put to kernel and specification, which agree");
    println!("vectors: {faults} not put: a fault of bytes, which the model does not know");
    println!("vectors: {} too large: {left_out:?}", left_out.len());
    assert!(count > 50 && left_out.len() < 3, "{count} put, left out: {left_out:?}");
}
