//! That the comparison can fail: defects put into copies of the model on purpose. Each must be found by the small
//! scope, as a difference between the kernel and the specification that is extracted from the copy, and by the
//! proofs, of which one no longer holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use omega_formal::Specification;

use crate::small_scope::first_difference;

/// A defect: in this file of the model, this text, once, becomes that.
struct Defect {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const DEFECTS: &[Defect] = &[
    Defect {
        name: "2003 lets a dep be as late as its event",
        file: "Reconcile.v",
        from: "N.eqb (id f) d && N.leb (lamport e) (lamport f)",
        to: "N.eqb (id f) d && N.ltb (lamport e) (lamport f)",
    },
    Defect {
        name: "the order compares stream before node",
        file: "Model.v",
        from: "[lamport e; node e; stream e; N.land",
        to: "[lamport e; stream e; node e; N.land",
    },
    Defect {
        name: "3001 takes one log for two",
        file: "Reconcile.v",
        from: "negb (Nat.eqb (fst l) (fst m)) && holds",
        to: "holds",
    },
    Defect {
        name: "at the frontier's lamport is above it",
        file: "Reconcile.v",
        from: "Some f => N.ltb (f_lamport f) (lamport e)",
        to: "Some f => N.leb (f_lamport f) (lamport e)",
    },
    Defect {
        name: "3001 is named before 1002",
        file: "Model.v",
        from: "[P1002; P3001; P1001;",
        to: "[P3001; P1002; P1001;",
    },
    Defect {
        name: "an event is known by its id alone",
        file: "Reconcile.v",
        from: "Some (_, h) => N.eqb h (hash e) | None => false end.\n\n(** The greater",
        to: "Some (_, h) => true | None => false end.\n\n(** The greater",
    },
    Defect {
        name: "1004 judges where prev has several versions",
        file: "Reconcile.v",
        from: "else negb (several_versions (prev e)) &&",
        to: "else",
    },
    Defect {
        name: "a frontier forgets that its stream is linked",
        file: "Reconcile.v",
        from: "Lt => Frontier (lamport e) (id e) (hash e) (f_linked f || linked)",
        to: "Lt => Frontier (lamport e) (id e) (hash e) linked",
    },
    Defect {
        name: "3002 spares a pair of which one is known",
        file: "Reconcile.v",
        from: "negb (is_known s f && is_known s e)",
        to: "negb (is_known s f || is_known s e)",
    },
    Defect {
        name: "the id domain has one bit more",
        file: "Model.v",
        from: "Definition id_end : N := 2 ^ 112.",
        to: "Definition id_end : N := 2 ^ 113.",
    },
    Defect {
        name: "id 0 is in the domain",
        file: "Reconcile.v",
        from: "N.ltb 0 i && N.ltb i id_end",
        to: "N.ltb i id_end",
    },
    Defect {
        name: "the first causal-only stream is judged",
        file: "Reconcile.v",
        from: "N.leb first_causal_only (stream e)",
        to: "N.ltb first_causal_only (stream e)",
    },
];

/// What is extracted, and what proves it right, in the order of their dependence.
const EXTRACTED: &[&str] = &["Order", "Sorting", "Model", "Reconcile", "Coverage", "Trie", "Extract"];
const PROOFS: &[&str] =
    &["Canonical", "Words", "Reflect", "Accepts", "State", "Agreeing", "Parts", "Split", "Splits"];

/// Whether `command` succeeds in `folder`; what it says is kept from the test's own output.
fn succeeds(folder: &Path, command: &str, arguments: &[&str]) -> bool {
    Command::new(command)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("a tool of the proofs")
        .status
        .success()
}

fn compiles(folder: &Path, module: &str) -> bool {
    succeeds(folder, "coqc", &["-q", "-w", "none", "-Q", ".", "Omega", &format!("{module}.v")])
}

/// A folder with the defect in a copy of the model, and the specification that comes of it.
fn seed(defect: &Defect, nth: usize) -> (PathBuf, Specification) {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rocq");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("seeded-{nth}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    for module in EXTRACTED.iter().chain(PROOFS) {
        let name = format!("{module}.v");
        let mut text = fs::read_to_string(tree.join(&name)).expect("a file of the model");
        if name == defect.file {
            assert_eq!(text.matches(defect.from).count(), 1, "{}: the text that it changes", defect.name);
            text = text.replace(defect.from, defect.to);
        }
        fs::write(folder.join(&name), text).expect("a copy");
    }
    fs::copy(tree.join("driver.ml"), folder.join("driver.ml")).expect("a copy");
    for module in EXTRACTED {
        assert!(compiles(&folder, module), "{}: {module}.v does not compile", defect.name);
    }
    let sources = ["ocamlopt", "-w", "-a", "-o", "specification", "model.mli", "model.ml", "driver.ml"];
    assert!(succeeds(&folder, "ocamlfind", &sources), "{}: OCaml refuses it", defect.name);
    let specification = Specification::of(folder.join("specification"));
    (folder, specification)
}

/// The small scope finds it. Two events are mostly enough.
fn is_found(defect: &Defect, specification: &Specification) {
    let found = (1..=3).find_map(|most| Some((most, first_difference(most, specification)?)));
    let (most, (scope, difference)) = found.unwrap_or_else(|| panic!("nobody noticed that {}", defect.name));
    println!(
        "seeded: {}: found at batch {} of '{scope}', up to {most} events:\n    case   {}\n    kernel {}\n    copy   {}",
        defect.name, difference.nth, difference.line, difference.kernel, difference.specification
    );
}

/// A proof no longer holds.
fn is_refused(defect: &Defect, folder: &Path) {
    let refused = PROOFS.iter().find(|module| !compiles(folder, module));
    let refused = refused.unwrap_or_else(|| panic!("the proofs hold although {}", defect.name));
    println!("seeded: {}: {refused}.v no longer holds", defect.name);
}

#[test]
fn a_swapped_comparison_is_found() {
    for (nth, defect) in DEFECTS.iter().enumerate().take(2) {
        let (folder, specification) = seed(defect, nth);
        is_found(defect, &specification);
        fs::remove_dir_all(folder).expect("its folder");
    }
}

#[test]
#[ignore = "long: make test-full"]
fn every_seeded_defect_is_found_and_refused() {
    for (nth, defect) in (100..).zip(DEFECTS) {
        let (folder, specification) = seed(defect, nth);
        is_found(defect, &specification);
        is_refused(defect, &folder);
        fs::remove_dir_all(folder).expect("its folder");
    }
}

/// Why `formal/rocq/check.sh` refuses a copy of the proofs to one of which `text` was added, if it does.
fn refusal(name: &str, text: &str) -> Option<String> {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rocq");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    for file in fs::read_dir(&tree).expect("the proofs") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.join(file.file_name())).expect("a copy");
    }
    let merge = folder.join("Merge.v");
    let proofs = fs::read_to_string(&merge).expect("a proof");
    fs::write(&merge, proofs + text).expect("a copy");
    let target = folder.join("target");
    let checked =
        Command::new(folder.join("check.sh")).env("CARGO_TARGET_DIR", &target).output().expect("a shell");
    fs::remove_dir_all(folder).expect("its folder");
    (!checked.status.success()).then(|| String::from_utf8_lossy(&checked.stderr).into_owned())
}

#[test]
fn a_proof_that_leaves_something_out_is_refused() {
    let texts = [
        "\nLemma anything : 1 = 2. Proof. Admitted.\n",
        "\nLemma anything : 1 = 2. Proof. admit. Abort.\n",
        "\nAxiom anything : 1 = 2.\n",
        "\nParameter anything : 1 = 2.\n",
    ];
    for text in texts {
        let why = refusal("left-out", text).unwrap_or_else(|| panic!("nobody noticed {text}"));
        assert!(why.contains("Merge.v assumes or leaves out something"), "{why}");
    }
}

/// What no word gives away, coqchk lists.
#[test]
#[ignore = "long: make test-full"]
fn an_axiom_under_another_name_is_refused() {
    let texts = ["\nHypothesis anything : 1 = 2.\n", "\nFrom Coq Require Import FunctionalExtensionality.\n"];
    for text in texts {
        let why = refusal("assumed", text).unwrap_or_else(|| panic!("nobody noticed {text}"));
        assert!(why.contains("coqchk: 'Axioms' is not empty"), "{why}");
    }
    assert_eq!(refusal("spoken-of", "\n(* An Axiom is only spoken of. *)\n"), None);
}
