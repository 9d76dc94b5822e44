//! Steps of runs, held against the specification by `formal/tla/trace.py`.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the check says of runs: that they are behaviours of the specification, or which line is none.
/// None, with a word why, where it cannot run.
pub fn held(files: &[PathBuf]) -> Option<Result<String, String>> {
    let there = |command: &str| Command::new(command).arg("--version").output().is_ok();
    if !there("tla") || !there("python3") {
        println!("skipped: runs are not held against the specification; `make setup` installs tla-checker");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("formal/tla/trace.py");
    let output = Command::new("python3").arg(script).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.code() {
        Some(0) => Some(Ok(said)),
        Some(1) if !said.is_empty() => Some(Err(said)),
        _ => panic!("{}: {said}\n{}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}

/// Files of runs in a folder, one for each.
pub fn written(folder: &Path, runs: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<PathBuf> {
    let write = |(number, run): (usize, _)| {
        let path = folder.join(format!("run-{number}"));
        std::fs::write(&path, AsRef::<[u8]>::as_ref(&run)).unwrap();
        path
    };
    runs.into_iter().enumerate().map(write).collect()
}
