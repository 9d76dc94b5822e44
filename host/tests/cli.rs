//! The built command, as shells and scripts meet it: one JSON object on stdout whatever happens,
//! exit codes, closed pipes, full disks, colours.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn omega(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_omega")).current_dir(folder).args(args).output().unwrap()
}

/// The one object on stdout.
fn object(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "more or less than one line: {text}");
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["exit"], output.status.code().unwrap());
    for field in ["command", "outcome", "code", "number", "message", "hint"] {
        assert!(value.get(field).is_some(), "{field} is missing: {value}");
    }
    value
}

#[test]
fn every_answer_is_one_object() {
    let folder = tempfile::tempdir().unwrap();
    for (args, exit, code) in [
        (&["keygen"][..], 0, None),
        (&["keygen"], 30, Some("write-failed")),
        (&["explain", "--input", "none"], 30, Some("file-not-found")),
        (&["explain", "--json", "--input", "omega.key"], 0, None),
        (&["export-metrics", "--input", "omega.key"], 30, Some("json-invalid")),
        (&["man"], 0, None),
        (&["completions", "bash", "--json"], 0, None),
        (&["--version", "--json"], 0, None),
        (&["--help", "--json"], 0, None),
        (&[], 2, Some("usage")),
        (&["nonsense"], 2, Some("usage")),
        (&["keygen", "--nonsense"], 2, Some("usage")),
    ] {
        let output = omega(folder.path(), args);
        let value = object(&output);
        assert_eq!(value["exit"], exit, "{args:?}: {value}");
        assert_eq!(value["code"].as_str(), code, "{args:?}: {value}");
    }
}

#[test]
fn text_is_printed_where_text_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let text = |args: &[&str]| String::from_utf8(omega(folder.path(), args).stdout).unwrap();
    assert!(text(&["--version"]).starts_with("omega "));
    assert!(text(&["--version"]).contains("\nkernel "));
    assert!(text(&["--help"]).contains("Exit codes:"));
    assert!(text(&["keygen", "--help"]).contains("Examples:"));
    assert!(text(&["completions", "bash"]).contains("complete"));
    omega(folder.path(), &["keygen"]);
    assert!(text(&["explain", "--input", "omega.pub"]).starts_with("An Ed25519 public key."));
}

#[test]
fn people_get_no_colours_outside_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["nonsense"][..], &["--help"], &["keygen"]] {
        let output = omega(folder.path(), args);
        assert!(!output.stderr.contains(&0x1b) && !output.stdout.contains(&0x1b), "{args:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_omega"))
        .current_dir(folder.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_answer_that_is_lost_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_omega"))
        .current_dir(folder.path())
        .arg("man")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(30));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn keys_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    omega(folder.path(), &["keygen"]);
    let pem = fs::read_to_string(folder.path().join("omega.key")).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    for args in [&["explain", "--input", "omega.key"][..], &["explain", "--json", "--input", "omega.key"]] {
        let output = omega(folder.path(), args);
        let told = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(told).unwrap().contains(secret));
    }
}
