//! Where it is measured: processor, load, versions, date.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The machine, and what runs on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub model: String,
    /// Processors that this process may use.
    pub processors: usize,
    /// Kernel of the system.
    pub system: String,
    /// Compiler.
    pub rustc: String,
    /// The `omega` that is measured.
    pub omega: String,
    /// The day, UTC.
    pub date: String,
    /// Tasks that wanted to run in the minute before: above 0 something else ran too.
    pub load_before: Option<f64>,
    /// The same at the end; the measurement itself is about 1 of it.
    pub load_after: Option<f64>,
}

impl Machine {
    /// This one, now.
    pub fn here(omega: &std::path::Path) -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Machine {
            model: model.map_or("?", |(_, name)| name.trim()).to_owned(),
            processors: allowed().map_or(1, |set| set.count() as usize),
            system: said("uname", &["-sr"]),
            rustc: said("rustc", &["--version"]).split(" (").next().unwrap_or("?").to_owned(),
            omega: omega_version(omega),
            date: said("date", &["-u", "+%F"]),
            load_before: load(),
            load_after: None,
        }
    }
}

/// Seconds that this process, and those that it waited for, had a processor so far.
pub fn processor_seconds() -> Option<f64> {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 16 and 17 of proc_pid_stat(5), of which the first two end with a parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    let children = (ticks(16)? + ticks(17)?) / rustix::param::clock_ticks_per_second() as f64;
    Some(own.tv_sec as f64 + own.tv_nsec as f64 / 1e9 + children)
}

/// Tasks that wanted to run in the last minute, on average.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// The processor to measure on: the last one, because interrupts tend to be served by the first.
pub fn processor() -> Option<usize> {
    let allowed = allowed()?;
    (0..CpuSet::MAX_CPU).rev().find(|&processor| allowed.is_set(processor))
}

/// Binds this process, and all that it starts, to one processor.
///
/// # Errors
/// The system does not allow it.
pub fn pin(processor: usize) -> Result<()> {
    ensure!(processor < CpuSet::MAX_CPU, "there is no processor {processor}");
    let mut one = CpuSet::new();
    one.set(processor);
    Ok(sched_setaffinity(None, &one)?)
}

fn allowed() -> Option<CpuSet> {
    sched_getaffinity(None).ok()
}

/// Its version and the first digits of its kernel's hash.
fn omega_version(omega: &std::path::Path) -> String {
    let output = Command::new(omega).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut lines = text.lines();
    let version = lines.next().unwrap_or("?");
    match lines.find_map(|line| line.strip_prefix("kernel ")?.get(..16)) {
        Some(kernel) => format!("{version}, kernel `{kernel}…`"),
        None => version.to_owned(),
    }
}

fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().map_or_else(|| "?".to_owned(), |line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_bound_to_the_processor_that_was_chosen() {
        let chosen = processor().unwrap();
        std::thread::spawn(move || {
            pin(chosen).unwrap();
            assert_eq!(allowed().unwrap().count(), 1);
            assert!(pin(usize::MAX).is_err());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn processor_time_counts_work_and_children_and_no_waiting() {
        let begun = processor_seconds().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let waited = processor_seconds().unwrap();
        let busy =
            Command::new("sh").args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]).status();
        assert!(busy.unwrap().success());
        let worked = processor_seconds().unwrap();
        // Other tests run in this process at the same time: only the lower bound of work is sure.
        assert!(worked - waited > 0.01, "{begun} {waited} {worked}");
    }

    #[test]
    fn the_date_is_one() {
        let machine = Machine::here(std::path::Path::new("/no-such"));
        assert_eq!(machine.date.len(), 10, "{machine:?}");
        assert_eq!(machine.omega, "?");
        assert!(machine.load_before.is_none_or(|load| load >= 0.0));
    }
}
