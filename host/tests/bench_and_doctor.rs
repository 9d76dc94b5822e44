//! `omega bench` and `omega doctor`: that they answer, and the shape of what they say. Never how
//! fast: a test machine has other things to do.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn omega(args: &[&str], variables: &[(&str, &str)]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_omega"))
        .args(args)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["exit"], output.status.code().unwrap(), "{object}");
    (output, object)
}

fn assert_readable(output: &Output) {
    let text = std::str::from_utf8(&output.stderr).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

const SMALL: [&str; 9] = ["bench", "--events", "3000", "--payload", "300", "--runs", "2", "--writers", "3"];

#[test]
fn a_benchmark_measures_every_contender_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let (output, object) = omega(&[&SMALL[..], &["--folder", at]].concat(), &[]);
    assert_eq!(object["exit"], 0, "{object}");
    assert_readable(&output);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the log was removed");
    assert_eq!(object["verdict"], "merge");
    for (contender, phases) in [
        ("wasm", &["scan", "fold", "total"][..]),
        ("native", &["scan", "fold", "total"]),
        ("wasm-jobs", &["scan", "fold", "total"]),
        ("native-jobs", &["scan", "fold", "total"]),
        ("floor", &["read", "blake3", "crc32", "total"]),
    ] {
        for phase in phases {
            let figure = &object["contenders"][contender][phase];
            assert_eq!(figure["turns"].as_array().unwrap().len(), 2, "{contender} {phase}");
            assert!(figure["seconds"].as_f64().unwrap() > 0.0, "{contender} {phase}");
            assert!(figure["events_per_second"].as_u64().unwrap() > 0, "{contender} {phase}");
        }
    }
    for phase in ["scan", "fold", "total"] {
        let ratio = &object["ratios"]["wasm_to_native"][phase];
        assert_eq!(ratio["turns"].as_array().unwrap().len(), 2);
        assert!(ratio["median"].as_f64().unwrap() > 0.0);
        assert!(object["includes"][phase].is_string());
    }
    for ratio in ["wasm_to_wasm_jobs", "native_to_native_jobs"] {
        assert!(object["ratios"][ratio]["scan"]["median"].as_f64().unwrap() > 0.0, "{ratio}");
    }
    let bytes = object["log_bytes"].as_u64().unwrap();
    assert!(bytes > 3000 * 300);
    for judge in ["wasm", "native"] {
        let peak = object["contenders"][judge]["peak_memory"]["total_bytes"].as_u64().unwrap();
        assert!(peak > bytes, "the mapped log is in it");
    }
}

#[test]
fn one_mode_is_measured_alone_and_every_mode_says_the_same() {
    let mut bodies = Vec::new();
    let several = |mode: &str| vec!["floor".to_owned(), mode.to_owned(), format!("{mode}-jobs")];
    for (extra, contenders) in [
        (&["--mode", "wasm", "--engine", "pulley", "--jobs", "3"][..], several("wasm")),
        (&["--mode", "native"], several("native")),
        (&["--mode", "native", "--jobs", "1"], vec!["floor".to_owned(), "native".to_owned()]),
    ] {
        // A variable that sets the mode for judging does not confuse what is measured.
        let variables = [("OMEGA_KERNEL_MODE", "dual")];
        let args = [&["bench", "--events", "200", "--runs", "1", "--ids", "time-ordered"], extra].concat();
        let (_, object) = omega(&args, &variables);
        assert_eq!(object["exit"], 0, "{object}");
        assert!(object["ratios"]["wasm_to_native"]["total"].is_null());
        let measured: Vec<_> = object["contenders"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(measured, contenders);
        bodies.push(object["body_hash"].clone());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[test]
fn impossible_benchmarks_are_refused() {
    for (args, exit) in [
        (&["--events", "0"][..], 2),
        (&["--runs", "0"], 2),
        (&["--writers", "0"], 2),
        (&["--jobs", "0"], 2),
        (&["--events", "16777217"], 2),
        (&["--payload", "1048577"], 2),
        (&["--mode", "x"], 2),
        (&["--events", "10", "--folder", "/no-such-folder"], 30),
    ] {
        let (_, object) = omega(&[&["bench"], args].concat(), &[]);
        assert_eq!(object["exit"], exit, "{args:?}: {object}");
    }
}

/// What ends a child that measures ends the benchmark with its reason.
#[test]
fn a_child_s_failure_is_the_benchmark_s() {
    let (_, object) = omega(&["bench", "--events", "10", "--runs", "1"], &[("OMEGA_KERNEL_ENGINE", "steam")]);
    assert_eq!(object["exit"], 2, "{object}");
    assert!(object["message"].as_str().unwrap().contains("OMEGA_KERNEL_ENGINE"), "{object}");
}

fn statuses(object: &Value) -> Vec<(&str, &str)> {
    object["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_doctor_finds_this_machine_fit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (output, object) = omega(&["doctor", "--root", root.to_str().unwrap()], &[]);
    assert_eq!(object["exit"], 0, "{object}");
    assert_readable(&output);
    let statuses = statuses(&object);
    for name in [
        "rustc",
        "checkout",
        "schema-file",
        "predicate-file",
        "kernel-hash",
        "imports",
        "describe",
        "verdict-cranelift",
        "verdict-pulley",
        "verdict-native",
    ] {
        assert!(statuses.contains(&(name, "ok")), "{name}: {object:#}");
    }
}

#[test]
fn the_doctor_needs_no_checkout_no_tools_and_no_cache() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("PATH", "/no-such"), ("XDG_CACHE_HOME", "/proc/no-such")];
    let (_, object) = omega(&["doctor", "--root", folder.path().to_str().unwrap()], &variables);
    assert_eq!(object["exit"], 0, "{object}");
    let statuses = statuses(&object);
    for wanted in
        [("checkout", "skipped"), ("rustc", "skipped"), ("cache", "warning"), ("verdict-cranelift", "ok")]
    {
        assert!(statuses.contains(&wanted), "{wanted:?}: {object:#}");
    }
}

#[test]
fn the_doctor_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let (_, object) = omega(&["doctor", "--root", root], &[("OMEGA_KERNEL_MODE", "steam")]);
    assert_eq!(object["exit"], 30, "{object}");
    assert!(object["hint"].is_string());

    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    for (name, file) in
        [("wit", "kernel.wit"), ("kernel", "Cargo.toml"), ("host", "Cargo.toml"), ("schemas", "omega.capnp")]
    {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::copy(sources.join(name).join(file), folder.path().join(name).join(file)).unwrap();
    }
    let schema = folder.path().join("schemas/omega.capnp");
    let text = std::fs::read_to_string(&schema).unwrap();
    std::fs::write(&schema, text.replace('\n', "\r\n")).unwrap();
    let (output, object) = omega(&["doctor", "--root", root], &[]);
    assert_eq!(object["exit"], 20, "{object}");
    assert_eq!(object["code"], "binding-mismatch");
    assert_readable(&output);
    let statuses = statuses(&object);
    assert!(statuses.contains(&("schema-file", "failed")) && statuses.contains(&("checkout", "warning")));
    assert!(statuses.contains(&("predicate-file", "unchecked")), "{object:#}");
}
