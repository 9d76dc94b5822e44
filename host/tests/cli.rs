//! The built command, as shells and scripts meet it: the cases in `tests/cli/*.toml`.
//!
//! A case is a line of shell and what must come of it; a new case needs no new code. See
//! `tests/cli/README.md` for the fields. `OMEGA_CASE=words` runs the cases whose file and name hold
//! these words and prints what each step said.
//!
//! Whatever a case expects, each step that answers in JSON must print exactly one object, with the
//! exit code that the process has, and a sentence where it fails.

#[path = "support/expected.rs"]
mod expected;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use expected::{filled, one_object, scalar, subset};
use serde::Deserialize;
use toml::Table;

/// Seconds that a step may take before it counts as one that hangs.
const MOST_SECONDS: &str = "120";
/// What no sentence for people may hold: it was written for programmers.
const DEBRIS: [&str; 6] = ["panicked", "unwrap", "Os {", "Some(", "None", "RUST_BACKTRACE"];

/// What is run, and what must come of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Shell.
    run: String,
    /// What stands on standard input.
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    exit: i32,
    /// Fields of the JSON object, as far as they matter.
    json: Option<Table>,
    /// Where no JSON is printed: what standard output holds instead; nothing, where this is empty.
    stdout: Option<Vec<String>>,
    /// Whether standard error goes elsewhere, so that no sentence for people is expected there.
    #[serde(default)]
    quiet: bool,
    /// What standard error holds.
    #[serde(default)]
    stderr: Vec<String>,
    /// Shell that must succeed afterwards.
    check: Option<String>,
    /// Variables for the steps that follow, from the JSON object.
    #[serde(default)]
    save: BTreeMap<String, String>,
}

/// A case, with the variables of one of its repetitions.
#[derive(Debug, Clone)]
struct Case {
    name: String,
    set_up: String,
    only_if: Option<String>,
    steps: Vec<Step>,
    variables: BTreeMap<String, String>,
}

#[test]
fn every_case_gives_what_it_says() {
    let files = toml_files();
    assert!(!files.is_empty(), "no case files");
    let wanted = std::env::var("OMEGA_CASE").ok();
    let mut cases = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy();
        for case in parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let name = format!("{stem}: {}", case.name);
            if wanted.as_deref().is_none_or(|words| name.contains(words)) {
                cases.push(Case { name, ..case });
            }
        }
    }
    let failures = run_all(&cases, wanted.is_some());
    println!("{} cases, {} failed", cases.len(), failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// The runner itself: each of these expectations is wrong, and must be seen to be.
#[test]
fn a_wrong_expectation_is_noticed() {
    let run = |text: &str| run_all(&parse(&format!("[[case]]\nname = \"x\"\n{text}")).unwrap(), false);
    assert!(run("run = 'omega keygen'\nstderr = ['new key']\njson.outcome = 'o*'").is_empty());
    for wrong in [
        "run = 'omega keygen'\nexit = 30",
        "run = 'omega keygen'\njson.outcome = 'agree'",
        "run = 'omega keygen'\njson.nonsense = 1",
        "run = 'omega keygen'\nstderr = ['nonsense']",
        "run = 'omega keygen'\nstdout = []",
        "run = 'omega keygen'\ncheck = 'test -e nonsense'",
        "run = 'omega keygen; omega keygen --output other.key'",
        "run = 'omega keygen; exit 3'\nexit = 3",
        "run = 'omega keygen > /dev/null'",
        "set_up = 'false'\nrun = 'omega keygen'",
        "run = 'omega keygen'\n[[case.then]]\nrun = 'omega keygen'",
    ] {
        assert_eq!(run(wrong).len(), 1, "{wrong}");
    }
    for malformed in ["run = ''\nexti = 3", "exit = 3", "run = ''\n[[case.then]]\nexti = 3"] {
        assert!(parse(&format!("[[case]]\nname = \"x\"\n{malformed}")).is_err(), "{malformed}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cli").canonicalize().unwrap()
}

fn toml_files() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

fn parse(text: &str) -> Result<Vec<Case>, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cases {
        case: Vec<Table>,
    }
    let mut cases = Vec::new();
    for mut table in toml::from_str::<Cases>(text)?.case {
        let mut take = |key: &str| table.remove(key);
        let text = |value: Option<toml::Value>| value.map(toml::Value::try_into).transpose();
        let name: String = text(take("name"))?.unwrap_or_default();
        let set_up = text(take("set_up"))?.unwrap_or_default();
        let only_if = text(take("only_if"))?;
        let each: Vec<BTreeMap<String, toml::Value>> =
            take("each").map_or(Ok(vec![BTreeMap::new()]), toml::Value::try_into)?;
        let then: Vec<Step> = take("then").map_or(Ok(Vec::new()), toml::Value::try_into)?;
        let steps: Vec<Step> = [table.try_into()?].into_iter().chain(then).collect();
        for variables in each {
            let plain = |value: toml::Value| match value {
                toml::Value::String(text) => text,
                value => value.to_string(),
            };
            let variables: BTreeMap<_, _> =
                variables.into_iter().map(|(name, value)| (name, plain(value))).collect();
            let suffix: String = variables.values().map(|value| format!(" · {value}")).collect();
            let name = format!("{name}{suffix}");
            let (set_up, only_if, steps) = (String::clone(&set_up), Option::clone(&only_if), steps.clone());
            cases.push(Case { name, set_up, only_if, steps, variables });
        }
    }
    Ok(cases)
}

/// Runs cases side by side; what went wrong.
fn run_all(cases: &[Case], show: bool) -> Vec<String> {
    let run = Run::prepare(show);
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(what) = run.case(case) {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(format!("{}: {what}", case.name));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What all cases share: the command on the path and compiled kernels.
struct Run {
    root: tempfile::TempDir,
    show: bool,
}

impl Run {
    fn prepare(show: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        // Some cases run as a user who may read nothing that is not everybody's.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (built, omega) = (env!("CARGO_BIN_EXE_omega"), root.path().join("omega"));
        fs::hard_link(built, &omega).or_else(|_| fs::copy(built, &omega).map(drop)).unwrap();
        Run { root, show }
    }

    fn shell(&self, script: &str, stdin: &str, at: &Path, variables: &BTreeMap<String, String>) -> Output {
        let path = format!("{}:{}", self.root.path().display(), std::env::var("PATH").unwrap());
        let script = format!("set -euo pipefail\n. {}\n{script}", folder().join("lib.sh").display());
        let mut child = Command::new("timeout")
            .args(["--kill-after=5", MOST_SECONDS, "bash", "-c", &script])
            .current_dir(at)
            .env_clear()
            .envs(variables)
            .envs([("PATH", &*path), ("HOME", &*at.to_string_lossy()), ("LC_ALL", "C.UTF-8")])
            .env("XDG_CACHE_HOME", self.root.path().join("cache"))
            .env("SCHEMAS", folder().join("../../schemas"))
            .env("VECTORS", folder().join("../vectors"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn case(&self, case: &Case) -> Result<(), String> {
        let home = tempfile::tempdir_in(self.root.path()).unwrap();
        let at = home.path();
        let mut variables = case.variables.clone();
        if let Some(condition) = &case.only_if {
            let answer = self.shell(condition, "", at, &variables);
            if !answer.status.success() {
                // Past the test harness, which hides what a test that passes has to say.
                let told = format!("SKIPPED, NOT TESTED: {}; this failed: {condition}\n", case.name);
                let _ = std::io::stderr().write_all(told.as_bytes());
                return Ok(());
            }
        }
        let set_up = self.shell(&case.set_up, "", at, &variables);
        if !set_up.status.success() {
            return Err(format!("the set-up failed\n{}", told(&set_up)));
        }
        for (nth, step) in case.steps.iter().enumerate() {
            let output = self.shell(&step.run, &step.stdin, at, &variables);
            if self.show {
                println!("{} — step {nth}: {}\n{}", case.name, step.run, told(&output));
            }
            let wrong =
                |what: String| format!("step {nth}, `{}`: {what}\n{}", step.run.trim(), told(&output));
            step.judge(&output, &mut variables).map_err(wrong)?;
            if let Some(check) = &step.check {
                let checked = self.shell(check, "", at, &variables);
                if !checked.status.success() {
                    return Err(wrong(format!("`{}` failed\n{}", check.trim(), told(&checked))));
                }
            }
        }
        Ok(())
    }
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    format!("exit: {}\nstdout: {}\nstderr: {}", output.status, text(&output.stdout), text(&output.stderr))
}

impl Step {
    fn judge(&self, output: &Output, variables: &mut BTreeMap<String, String>) -> Result<(), String> {
        let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "output that is not UTF-8");
        let (stdout, stderr) = (utf8(&output.stdout)?, utf8(&output.stderr)?);
        if output.status.code() != Some(self.exit) {
            return Err(format!("exit {} was expected", self.exit));
        }
        if stdout.contains('\x1b') || stderr.contains('\x1b') {
            return Err("colours outside a terminal".into());
        }
        for wanted in self.stderr.iter().map(|wanted| filled(wanted, variables)) {
            // Lines are wrapped for people; a sentence is one all the same.
            let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            if !flat(&stderr).contains(&flat(&wanted)) {
                return Err(format!("stderr lacks {wanted:?}"));
            }
        }
        match &self.stdout {
            Some(wanted) if wanted.is_empty() && !stdout.is_empty() => Err("stdout is not empty".into()),
            Some(wanted) => {
                match wanted.iter().find(|&wanted| !stdout.contains(&filled(wanted, variables))) {
                    Some(missing) => Err(format!("stdout lacks {missing:?}")),
                    None => Ok(()),
                }
            }
            None => self.judge_json(&stdout, &stderr, variables),
        }
    }

    fn judge_json(
        &self,
        stdout: &str,
        stderr: &str,
        variables: &mut BTreeMap<String, String>,
    ) -> Result<(), String> {
        let object = one_object(stdout, self.exit)?;
        if let Some(message) = object["message"].as_str() {
            let first = message.split_whitespace().next().unwrap_or_default();
            if first.is_empty() || !(self.quiet || stderr.contains(first)) {
                return Err("the message is not told to people".into());
            }
        }
        let for_people = format!("{} {}", object["message"], object["hint"]);
        if let Some(debris) = DEBRIS.iter().find(|debris| for_people.contains(**debris)) {
            return Err(format!("{debris:?} in a sentence for people"));
        }
        if let Some(wanted) = &self.json {
            let wanted = serde_json::to_value(wanted).map_err(|error| error.to_string())?;
            subset(&wanted, &object, "", variables)?;
        }
        for (name, pointer) in &self.save {
            let value = object.pointer(pointer).ok_or_else(|| format!("there is no {pointer} to save"))?;
            variables.insert(name.clone(), scalar(value));
        }
        Ok(())
    }
}
