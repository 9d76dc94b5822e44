//! The component, in the engine of the `omega` command.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use omega_kernel::body::Body;
use omega_kernel::session::{LogInput, Session};
use serde_json::Value;

use super::native::{Form, flip_in_log, logs};
use super::{Contender, Flipped, Place, Time, Turn, timed};
use crate::events::{Event, said};

/// The component over one log, in the process that `omega bench` measures with.
pub struct Wasm {
    signed: bool,
    measuring: Option<Measuring>,
    log: PathBuf,
    place: Option<Place>,
    events: usize,
    /// Hash of the body that the native kernel gives: that one counts its events.
    body: String,
}

impl Wasm {
    /// Over a log with a signed head, or without.
    pub fn new(signed: bool) -> Self {
        Wasm { signed, measuring: None, log: PathBuf::new(), place: None, events: 0, body: String::new() }
    }
}

impl Contender for Wasm {
    fn name(&self) -> &'static str {
        if self.signed { "OMEGA wasm, signed head" } else { "OMEGA wasm" }
    }

    fn version(&self) -> String {
        format!("{}, in `omega`", super::crate_version("omega-kernel"))
    }

    fn checks(&self) -> &'static str {
        if self.signed {
            "as OMEGA native, and the log's head: one Ed25519 signature over the root of all events"
        } else {
            "as OMEGA native: the same source, and the same body to the bit"
        }
    }

    fn does_not_check(&self) -> &'static str {
        if self.signed {
            "whom a key belongs to: that is for a policy"
        } else {
            "who wrote an event; whether one is missing at the end"
        }
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        let form = if self.signed { Form::SignedHead } else { Form::OneLog };
        self.log = write_log(events, form, place)?;
        (self.events, self.body) = judged_natively(&std::fs::read(&self.log)?)?;
        self.measuring = Some(Measuring::start("wasm", &self.log, place)?);
        self.place = Some(place.clone());
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let Some(measuring) = &mut self.measuring else { bail!("nothing was prepared") };
        let said = measuring.total()?;
        ensure!(said["merged"] == true && said["body"] == self.body.as_str(), "it said {said}");
        let seconds = said["time"]["seconds"].as_f64().context("no time was said")?;
        let waited = said["time"]["waited"].as_f64();
        let time = Time { seconds, processor: waited.map(|waited| seconds - waited) };
        Ok(Turn { time, events: self.events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let Some(place) = &self.place else { bail!("nothing was prepared") };
        flip_in_file(&self.log)?;
        Ok(Flipped::from_run(check(place, &["--no-crash-folder"], std::slice::from_ref(&self.log))))
    }
}

/// The component over a log for each event, each with a signed head: `omega check` as a process.
#[derive(Default)]
pub struct WasmEach {
    logs: Vec<PathBuf>,
    place: Option<Place>,
}

impl Contender for WasmEach {
    fn name(&self) -> &'static str {
        "OMEGA wasm, each event signed"
    }

    fn version(&self) -> String {
        Wasm::new(true).version()
    }

    fn checks(&self) -> &'static str {
        "as OMEGA native, each event in a file of its own: one Ed25519 signature for each event; `omega check` from start to end"
    }

    fn does_not_check(&self) -> &'static str {
        "whom a key belongs to: that is for a policy"
    }

    fn most_events(&self) -> usize {
        omega_kernel::limits::MAX_LOGS as usize
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        let write = |(number, bytes): (usize, Vec<u8>)| -> Result<PathBuf> {
            let path = place.folder.join(format!("{number}.omega"));
            std::fs::write(&path, bytes)?;
            Ok(path)
        };
        self.logs =
            logs(events, Form::SignedEach)?.into_iter().enumerate().map(write).collect::<Result<_>>()?;
        self.place = Some(place.clone());
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let Some(place) = &self.place else { bail!("nothing was prepared") };
        check(place, &["--no-crash-folder"], &self.logs)
    }

    fn flip(&mut self) -> Result<Flipped> {
        flip_in_file(&self.logs[self.logs.len() / 2])?;
        Ok(Flipped::from_run(self.run()))
    }
}

/// The component on two processors, once `omega check` can do that.
#[derive(Default)]
pub struct WasmTwo {
    log: PathBuf,
    place: Option<Place>,
}

impl Contender for WasmTwo {
    fn name(&self) -> &'static str {
        "OMEGA wasm, two cores"
    }

    fn version(&self) -> String {
        Wasm::new(false).version()
    }

    fn checks(&self) -> &'static str {
        "as OMEGA native; `omega check --jobs 2` from start to end"
    }

    fn does_not_check(&self) -> &'static str {
        "who wrote an event; whether one is missing at the end"
    }

    fn may_be_missing(&self) -> bool {
        true
    }

    fn processors(&self) -> usize {
        2
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        let help = Command::new(&place.omega).args(["check", "--help"]).output()?;
        ensure!(
            String::from_utf8_lossy(&help.stdout).contains("--jobs"),
            "this `omega check` has no --jobs: it judges on one processor"
        );
        self.log = write_log(events, Form::OneLog, place)?;
        self.place = Some(place.clone());
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let Some(place) = &self.place else { bail!("nothing was prepared") };
        let mut turn = check(place, &["--no-crash-folder", "--jobs", "2"], std::slice::from_ref(&self.log))?;
        turn.time.processor = None;
        Ok(turn)
    }

    fn flip(&mut self) -> Result<Flipped> {
        flip_in_file(&self.log)?;
        Ok(Flipped::from_run(self.run()))
    }
}

/// The process that `omega bench` measures with (`host/src/bench/child.rs`): a request a line, an answer a line.
pub struct Measuring {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Measuring {
    /// Starts it over one log and waits until it is ready.
    pub fn start(what: &str, log: &Path, place: &Place) -> Result<Self> {
        let processor = place.processor.map_or("-".to_owned(), |processor| processor.to_string());
        let mut process = Command::new(&place.omega)
            .args(["__bench", what, "cranelift", &processor])
            .arg(log)
            .env_remove(crate::child::ALLOCATOR_SETTINGS.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", place.omega.display()))?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("the process that measures has no pipes")
        };
        let mut measuring = Measuring { process, requests: Some(requests), answers: BufReader::new(answers) };
        measuring.answer()?;
        Ok(measuring)
    }

    /// Has it measure the whole; returns what it says.
    pub fn total(&mut self) -> Result<Value> {
        let Some(requests) = &mut self.requests else { bail!("the process that measures was dismissed") };
        requests.write_all(b"total\n")?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).context("the process that measures ended early")?;
        ensure!(said["answer"] != "failed", "it failed: {}", said["message"]);
        Ok(said)
    }
}

impl Drop for Measuring {
    /// The end of its input ends it.
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.process.wait();
    }
}

/// `omega check` as a process, from start to end; counts the events that it says are in one history.
fn check(place: &Place, flags: &[&str], logs: &[PathBuf]) -> Result<Turn> {
    let (output, time) = timed(|| {
        let mut command = Command::new(&place.omega);
        command.env_remove(crate::child::ALLOCATOR_SETTINGS.0);
        Ok(command.arg("check").args(flags).args(logs).stderr(Stdio::null()).output()?)
    })?;
    let said: Value =
        serde_json::from_slice(&output.stdout).context("`omega check` printed no JSON object")?;
    ensure!(output.status.success(), "{}", said["message"].as_str().unwrap_or("`omega check` failed"));
    let events = said["new_events"].as_str().and_then(|count| count.parse().ok());
    Ok(Turn { time, events: events.context("`omega check` names no count of events")? })
}

/// Writes the events as one log and returns where.
pub fn write_log(events: &[Event], form: Form, place: &Place) -> Result<PathBuf> {
    let path = place.folder.join("events.omega");
    let bytes = logs(events, form)?.into_iter().next().context("there are no events")?;
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// Count of events and hash of the body, by the kernel that is compiled into this program.
fn judged_natively(log: &[u8]) -> Result<(usize, String)> {
    let mut session = Session::genesis();
    session.begin_batch(&[LogInput::default()]).map_err(said)?;
    session.feed(0, log).map_err(said)?;
    let finished = session.finish().map_err(said)?;
    let body = Body::split(&finished.body).map_err(said)?.hash();
    Ok((finished.logs[0].events as usize, HEXLOWER.encode(&body)))
}

fn flip_in_file(log: &Path) -> Result<()> {
    let mut bytes = std::fs::read(log)?;
    flip_in_log(&mut bytes)?;
    // Another file under the name: the old one may be mapped.
    std::fs::remove_file(log)?;
    Ok(std::fs::write(log, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn the_command_checks_every_event_and_notices_a_flipped_bit() {
        let each: [Box<dyn Contender>; 3] =
            [Box::new(Wasm::new(false)), Box::new(Wasm::new(true)), Box::<WasmEach>::default()];
        for mut contender in each {
            checks_every_event(&mut *contender);
            notices_a_flipped_bit(&mut *contender);
        }
    }

    #[test]
    fn a_command_that_is_not_there_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = crate::events::samples(folder.path(), 3);
        let place =
            Place { log, folder: folder.path().to_owned(), omega: "/no-such".into(), processor: None };
        let error = Wasm::new(false).prepare(&events, &place).unwrap_err();
        assert!(format!("{error:#}").contains("/no-such"), "{error:#}");
    }
}
