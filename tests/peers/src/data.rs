//! What is measured over: logs that the `omega` command makes, the same everywhere.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A log to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// A short name, also of its file.
    pub name: String,
    /// What it is, for tables.
    pub title: String,
    source: Source,
}

/// Where events come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// `omega generate-events` with seed 1: random payloads and ids.
    Generated { payload: u32, deps: u32, writers: u32 },
    /// `omega import trace`.
    Trace(PathBuf),
    /// `omega import git`.
    Git(PathBuf),
}

/// What ratios are taken over: it comes first.
const BASE: (u32, u32, u32) = (256, 2, 8);

/// The data sets: the base, those that differ from it in one thing (or the whole grid), and real histories.
pub fn datasets(grid: bool, trace: Option<&Path>, repository: Option<&Path>) -> Vec<Dataset> {
    let mut all = vec![Dataset::generated(BASE)];
    for payload in [64, 256, 1024] {
        for deps in [0, 2] {
            for writers in [1, 8] {
                let this = (payload, deps, writers);
                let differs = [payload != BASE.0, deps != BASE.1, writers != BASE.2];
                let count = differs.iter().filter(|&&differs| differs).count();
                if count == 1 || grid && count > 1 {
                    all.push(Dataset::generated(this));
                }
            }
        }
    }
    all.extend(trace.map(|path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = file.split('.').next().unwrap_or("trace").to_owned();
        Dataset { title: format!("{name}, an editing trace"), name, source: Source::Trace(path.to_owned()) }
    }));
    all.extend(repository.map(|path| Dataset {
        name: "git".into(),
        title: "this repository's git history".into(),
        source: Source::Git(path.to_owned()),
    }));
    all
}

impl Dataset {
    fn generated((payload, deps, writers): (u32, u32, u32)) -> Self {
        let many = if writers == 1 { "" } else { "s" };
        Dataset {
            name: format!("{payload}-{deps}-{writers}"),
            title: format!(
                "{} B, {deps} deps, {writers} writer{many}",
                crate::table::grouped(payload.into())
            ),
            source: Source::Generated { payload, deps, writers },
        }
    }

    /// Bytes in each payload, where they are those of the base but for that.
    pub fn payload_of_series(&self) -> Option<u32> {
        match self.source {
            Source::Generated { payload, deps, writers } if (deps, writers) == (BASE.1, BASE.2) => {
                Some(payload)
            }
            _ => None,
        }
    }

    /// Makes the log in a folder; real histories are as long as they are.
    ///
    /// # Errors
    /// What the command says.
    pub fn make(&self, omega: &Path, folder: &Path, events: usize) -> Result<PathBuf> {
        let log = folder.join(format!("{}.omega", self.name));
        let mut command = Command::new(omega);
        match &self.source {
            Source::Generated { payload, deps, writers } => {
                command.args(["generate-events", "--seed", "1"]);
                let flags = [("--count", events as u64), ("--payload", (*payload).into())];
                let more = [("--deps", (*deps).into()), ("--nodes", (*writers).into())];
                for (flag, number) in flags.into_iter().chain(more) {
                    command.arg(flag).arg(number.to_string());
                }
            }
            Source::Trace(path) => drop(command.args(["import", "trace", "--input"]).arg(path)),
            Source::Git(path) => drop(command.args(["import", "git", "--repo"]).arg(path)),
        }
        let output = command
            .arg("--output")
            .arg(&log)
            .stderr(Stdio::null())
            .output()
            .with_context(|| format!("{} could not be started", omega.display()))?;
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let message = said["message"].as_str().unwrap_or("it printed no JSON object");
        ensure!(output.status.success(), "omega cannot make {}: {message}", self.title);
        Ok(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_comes_first_and_others_differ_in_one_thing() {
        let names = |grid| -> Vec<String> {
            datasets(grid, None, None).into_iter().map(|dataset| dataset.name).collect()
        };
        assert_eq!(names(false), ["256-2-8", "64-2-8", "256-0-8", "256-2-1", "1024-2-8"]);
        assert_eq!(names(true).len(), 12);
        let all = datasets(false, Some(Path::new("a/b.json.gz")), Some(Path::new(".")));
        assert_eq!((all[5].name.as_str(), all[6].name.as_str()), ("b", "git"));
        let series: Vec<u32> = all.iter().filter_map(Dataset::payload_of_series).collect();
        assert_eq!(series, [256, 64, 1024]);
    }

    #[test]
    fn logs_are_the_same_every_time() {
        let omega = crate::contender::tests::omega();
        let folder = tempfile::tempdir().unwrap();
        for dataset in datasets(false, None, None) {
            let log = dataset.make(&omega, folder.path(), 50).unwrap();
            let bytes = std::fs::read(&log).unwrap();
            std::fs::remove_file(&log).unwrap();
            assert_eq!(bytes, std::fs::read(dataset.make(&omega, folder.path(), 50).unwrap()).unwrap());
            assert_eq!(crate::events::read(&log, usize::MAX).unwrap().len(), 50);
        }
        let none = datasets(false, Some(Path::new("/no-such.json")), None).pop().unwrap();
        assert!(none.make(&omega, folder.path(), 1).unwrap_err().to_string().contains("no-such"));
    }
}
