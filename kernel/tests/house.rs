//! What parts of the house must not know (ARCHITECTURE.md, "Invariants as absences"): words that may
//! stand in the code of some files only. And what its pages name must be there.

use std::fs;
use std::path::{Path, PathBuf};

/// A word, the folder that it is kept out of, and the places in it where it may stand.
struct Absence {
    word: &'static str,
    folder: &'static str,
    except: &'static [&'static str],
}

const ABSENCES: &[Absence] = &[
    // The kernel computes with integers, in an order that no input chooses, and touches no memory by hand.
    Absence { word: "f32", folder: "kernel/src", except: &[] },
    Absence { word: "f64", folder: "kernel/src", except: &[] },
    Absence { word: "HashMap", folder: "kernel/src", except: &[] },
    Absence { word: "HashSet", folder: "kernel/src", except: &[] },
    Absence { word: "unsafe", folder: "kernel/src", except: &["component.rs", "heap.rs", "simd.rs"] },
    // One file knows the component's border.
    Absence { word: "wit_bindgen", folder: "kernel/src", except: &["component.rs"] },
    // One folder knows the engine; raw memory is the mapping's, the compiled-module cache's, and
    // what kernels run in.
    Absence { word: "wasmtime", folder: "host/src", except: &["engine/"] },
    Absence {
        word: "unsafe",
        folder: "host/src",
        except: &["map/", "map.rs", "engine/cache.rs", "engine/memory.rs"],
    },
    // Verification knows no file, no process, no thread, no clock and no engine, and no order by chance.
    Absence { word: "fs", folder: "verify/src", except: &[] },
    Absence { word: "io", folder: "verify/src", except: &[] },
    Absence { word: "net", folder: "verify/src", except: &[] },
    Absence { word: "env", folder: "verify/src", except: &[] },
    Absence { word: "process", folder: "verify/src", except: &[] },
    Absence { word: "thread", folder: "verify/src", except: &[] },
    Absence { word: "sync", folder: "verify/src", except: &[] },
    Absence { word: "Instant", folder: "verify/src", except: &[] },
    Absence { word: "SystemTime", folder: "verify/src", except: &[] },
    Absence { word: "HashMap", folder: "verify/src", except: &[] },
    Absence { word: "HashSet", folder: "verify/src", except: &[] },
    Absence { word: "wasmtime", folder: "verify/src", except: &[] },
    Absence { word: "unsafe", folder: "verify/src", except: &[] },
    Absence { word: "SigningKey", folder: "verify/src", except: &[] },
    Absence { word: "unsafe", folder: "js/loader/src", except: &[] },
    // A node without its network.
    Absence { word: "tokio", folder: "host/src/node", except: &[] },
    Absence { word: "axum", folder: "host/src/node", except: &[] },
    Absence { word: "net", folder: "host/src/node", except: &[] },
    // A private key is read in one file and used in another.
    Absence { word: "SigningKey", folder: "host/src", except: &["keys.rs", "sign.rs"] },
];

/// Lines in a source file, tests included: past this, split by idea.
const MOST_LINES: usize = 600;

#[test]
fn words_stand_only_where_they_belong() {
    let found: Vec<String> = ABSENCES.iter().flat_map(misplaced).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn rooms_are_small() {
    for file in ["kernel/src", "verify/src", "host/src", "formal/check"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
    {
        let lines = fs::read_to_string(&file).expect("a source file").lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", file.display());
    }
}

#[test]
fn pages_name_files_and_tests_that_exist() {
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "formal/README.md",
        "formal/divergences.md",
        "formal/RESULTS.md",
    ];
    let mut missing = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root().join(page)).expect("a page");
        let mut last = String::new();
        for line in text.lines() {
            for code in line.split('`').skip(1).step_by(2) {
                if is_path(code) {
                    last = fs::read_to_string(root().join(code)).unwrap_or_default();
                    missing.extend((!root().join(code).exists()).then(|| format!("{page}: {code}")));
                } else if line.starts_with('|') && is_test(code) && !states(&last, code) {
                    missing.push(format!("{page}: {code}, in the file named before it"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A path of this repository, as pages write them.
fn is_path(code: &str) -> bool {
    let folders =
        ["kernel/", "verify/", "host/", "js/", "wit/", "schemas/", "tests/", "scripts/", "formal/", "fuzz/"];
    folders.iter().any(|folder| code.starts_with(folder))
        // What is built stands in no checkout.
        && !["js/dist/", "js/build/"].iter().any(|built| code.starts_with(built))
        && !code.contains([' ', '*'])
        && !code.contains("NAME")
}

/// Whether a file has a test or a theorem of this name.
fn states(text: &str, name: &str) -> bool {
    text.contains(&format!("fn {name}("))
        || ["Theorem", "Corollary", "Lemma", "theorem"].iter().any(|kind| {
            let start = format!("{kind} {name}");
            text.lines().any(|line| {
                line.strip_prefix(&start).is_some_and(|rest| rest.starts_with([' ', ':']) || rest.is_empty())
            })
        })
}

/// A test's name: several words in snake case.
fn is_test(code: &str) -> bool {
    code.matches('_').count() >= 2
        && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn comments_strings_and_longer_words_do_not_count() {
    assert!(has_word("unsafe { x }", "unsafe"));
    assert!(has_word("let y: f64 = x;", "f64"));
    assert!(!has_word("// unsafe here", "unsafe"));
    assert!(!has_word("x(); // unsafe here", "unsafe"));
    assert!(!has_word("#![deny(unsafe_code, reason = \"unsafe\")]", "unsafe"));
    assert!(!has_word("number.as_f64()", "f64"));
}

fn misplaced(absence: &Absence) -> Vec<String> {
    let folder = root().join(absence.folder);
    let allowed = |file: &Path| {
        let relative = file.strip_prefix(&folder).expect("in its folder").to_string_lossy().into_owned();
        absence
            .except
            .iter()
            .any(|except| relative == *except || (except.ends_with('/') && relative.starts_with(except)))
    };
    let files = sources(&folder).into_iter().filter(|file| !allowed(file));
    let places = files.flat_map(|file| {
        let text = fs::read_to_string(&file).expect("a source file");
        let lines: Vec<usize> = text
            .lines()
            .zip(1..)
            .filter(|(line, _)| has_word(line, absence.word))
            .map(|(_, at)| at)
            .collect();
        lines.into_iter().map(move |line| format!("{}: {}:{line}", absence.word, file.display()))
    });
    places.collect()
}

/// Whether the line's code, without comment and strings, has the word.
fn has_word(line: &str, word: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let code: String = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|found| found == word)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the kernel stands in its workspace").to_owned()
}
