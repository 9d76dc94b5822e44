//! `omega drill`: each damage that it does to a copy is noticed and its file named; the folder itself is not
//! touched. To a chain every damage is done, behind a node a sample.

#[path = "support/node.rs"]
mod node;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use node::{Node, event};
use serde_json::{Value, json};
use support::Place;

/// All files below a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = contents(&entry.path());
            all.extend(below.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    all
}

/// Copies a place's files to `sound`, a folder that nothing else is written to.
fn set_aside(place: &Place) {
    fs::create_dir(place.path("sound")).unwrap();
    for (name, bytes) in contents(&place.path("")).into_iter().filter(|(name, _)| !name.contains('/')) {
        place.write(&format!("sound/{name}"), &bytes);
    }
    // Keys are refused where others may read them, and copies keep that they may not.
    fs::copy(place.path("omega.key"), place.path("sound/omega.key")).unwrap();
}

#[track_caller]
fn all_named(value: &Value) {
    let damages = value["damages"].as_u64().unwrap();
    assert!(damages > 50, "{value:#}");
    assert_eq!((&value["caught"], &value["named"]), (&json!(damages), &json!(damages)), "{value:#}");
}

#[test]
fn every_damage_to_a_chain_and_what_was_judged_is_noticed() {
    let place = Place::with_chain();
    set_aside(&place);
    let before = contents(&place.path("sound"));
    let value = place.run(&["drill", "--data", "sound", "--all"], 0);
    all_named(&value);
    for kind in ["certificate-log", "certificate-index", "certificate-hash", "log", "snapshot", "result"] {
        let files = value["files"].as_object().unwrap();
        let tally = files.values().find(|tally| tally["kind"] == kind).unwrap_or_else(|| panic!("{kind}"));
        assert_eq!(tally["done"], tally["possible"], "{kind}");
        assert!(tally["done"].as_u64() > Some(0), "{kind}");
    }
    assert_eq!(contents(&place.path("sound")), before, "a drill reads and nothing else");

    // The report is a log like any other, signed by its head.
    let report = place.run(&["check", "drill.omega"], 0);
    assert_eq!(report["outcome"], "agree");
    let told = place.run(&["explain", "--input", "drill.omega", "--json"], 0);
    let events = value["damages"].as_u64().unwrap() + 2;
    assert_eq!(told["facts"]["signed_head"]["events"], events.to_string());
    assert_eq!(told["facts"]["signed_head"]["key"], value["signer"]);
    let again = place.run(&["drill", "--data", "sound"], 30);
    assert_eq!(again["code"], "write-failed", "no report is replaced unasked");
}

#[test]
fn what_no_certificate_covers_is_told() {
    let place = Place::with_certificate();
    let append = ["append", "--log", "alice.omega", "--node", "1", "--payload", "newer"];
    place.run(&append, 0);
    let value = place.run(&["drill", "--data", "."], 20);
    assert_eq!(value["code"], "damage-unnoticed");
    let missed = value["missed"].as_array().unwrap();
    assert!(missed.iter().all(|struck| struck["file"] == "alice.omega"), "{value:#}");
    let done = |what: &str| missed.iter().any(|struck| struck["damage"] == what);
    assert!(done("remove") && done("forge") && done("cut-before"), "{value:#}");
}

#[test]
fn a_checker_is_drilled_where_the_chain_names_it() {
    let place = Place::with_certificate();
    place.run(&["kernel", "export"], 0);
    let mut other = place.read("kernel.wasm");
    *other.last_mut().unwrap() ^= 1;
    place.write("other.wasm", &other);
    let value = place.run(&["drill", "--data", "."], 0);
    let tally = &value["files"]["kernel.wasm"];
    assert_eq!((&tally["kind"], &tally["done"], &tally["named"]), (&json!("kernel"), &json!(5), &json!(5)));
    assert!(value["not_damaged"].as_array().unwrap().contains(&json!("other.wasm")), "{value:#}");
}

#[test]
fn a_report_that_is_replaced_is_no_part_of_what_is_drilled() {
    let place = Place::with_certificate();
    let drill = ["drill", "--data", ".", "--most", "2"];
    let first = place.run(&drill, 0);
    let second = place.run(&[&drill[..], &["--force"]].concat(), 0);
    assert_eq!(second["files"], first["files"]);
    assert!(second["files"]["alice.omega"].is_object() && second["files"]["drill.omega"].is_null());
}

#[test]
fn what_is_of_another_chain_or_of_none_leaves_a_folder_sound() {
    let place = Place::with_certificate();
    set_aside(&place);
    let theirs = Place::with_certificate();
    let genesis = theirs.certificates("cert.log")[0].bytes().to_vec();
    place.run(&["reconcile", "--input", "alice.omega", "--output", "r-of-alice-alone"], 0);
    let result = place.read("r-of-alice-alone");
    let cases: [(&str, &str, Vec<u8>); 6] = [
        ("theirs.cert", "certificate", theirs.read("r.cert")),
        ("genesis.cert", "certificate", genesis),
        ("not-certified", "result", result),
        ("my-manifest.json", "other", b"{}".to_vec()),
        ("manifest.json", "other", b"{}".to_vec()),
        ("trust.policy", "other", b"keys = []".to_vec()),
    ];
    for (name, kind, bytes) in cases {
        place.write(&format!("sound/{name}"), &bytes);
        let value = place.run(&["drill", "--data", "sound", "--most", "5", "--force"], 0);
        let tally = &value["files"][name];
        assert_eq!(tally["kind"], kind, "{name}");
        // What is damaged is noticed by what it says of itself; what nobody looks at is not damaged.
        assert_eq!(tally["done"], if kind == "other" { 0 } else { 5 }, "{name}");
        assert_eq!(tally["named"], tally["done"], "{name}");
        fs::remove_file(place.path("sound").join(name)).unwrap();
    }
    // Another certificate of this very chain is no such thing.
    place.lie("r.cert", "sound/lie.cert", |core, _| core.trace_root[0] ^= 1);
    let value = place.run(&["drill", "--data", "sound", "--force"], 20);
    assert_eq!(value["code"], "equivocation", "{value:#}");
}

#[test]
fn a_folder_that_is_not_sound_is_not_drilled() {
    let place = Place::with_certificate();
    let mut bob = place.read("bob.omega");
    let last = bob.len() - 1;
    bob[last] ^= 1;
    place.write("bob.omega", &bob);
    let value = place.run(&["drill", "--data", "."], 30);
    assert!(value["message"].as_str().unwrap().starts_with("the folder is not sound"), "{value:#}");
    assert!(value["file"].as_str().unwrap().ends_with("bob.omega"));
    assert!(!place.path("drill.omega").exists());
    let empty = Place::new();
    assert_eq!(empty.run(&["drill", "--data", "."], 30)["code"], "certificate-missing");
    assert_eq!(empty.run(&["drill", "--data", "nowhere"], 30)["code"], "file-not-found");
    assert_eq!(empty.run(&["drill", "--data", ".", "--key", "none.key"], 30)["code"], "file-not-found");
    empty.run(&["drill", "--data", ".", "--most", "0"], 2);
    empty.run(&["drill"], 2);
}

/// A sample of the damages to each file; all of them are for `omega drill --all`.
#[test]
fn sampled_damages_behind_a_stopped_node_are_noticed() {
    let running = Node::new();
    for lamport in 1..=3 {
        running.certify("alice", &json!([event(1, lamport, "a")]));
        running.certify("bob", &json!([event(2, lamport, "b")]));
    }
    // Two versions of one event: a conflict, with a crash folder and an incident.
    running.certify("carol", &json!([event(3, 1, "one")]));
    running.certify("dave", &json!([event(3, 1, "another")]));
    running.run(&["keygen"], 0);
    let locked = running.run(&["drill", "--data", "node"], 30);
    assert_eq!(locked["code"], "store-locked", "{locked:#}");
    let folder = std::sync::Arc::clone(&running.folder);
    running.stop();
    let before = contents(&folder.path().join("node"));
    let value = node::run(folder.path(), &["drill", "--data", "node", "--most", "25"], 0);
    all_named(&value);
    assert_eq!(contents(&folder.path().join("node")), before);
    let kinds: Vec<&str> =
        value["files"].as_object().unwrap().values().filter_map(|tally| tally["kind"].as_str()).collect();
    for kind in ["journal", "log", "snapshot", "kernel", "incidents", "crash-part", "private-key"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    let left = value["not_damaged"].as_array().unwrap();
    assert!(left.contains(&json!("tokens.toml")), "{left:?}");
}
