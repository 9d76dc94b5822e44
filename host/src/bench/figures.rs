//! Figures out of measurements: medians, rates, ratios turn by turn; as JSON and as a table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Contender, Measured, Span};
use crate::summary::grouped;

/// What each figure includes, for whoever reads the JSON alone.
pub const INCLUDES: &[(&str, &str)] = &[
    (
        "scan",
        "copying the log out of its mapping, cutting it into parts of at most 4 MiB, and reading these one after the other in one instance, or in as many as there are jobs: framing, CRC-32, canonical form, payload and event hashes, sorting each part, and writing its run out",
    ),
    ("fold", "a new instance, reading the runs in, sorting, predicates, roots, verdict and next state"),
    (
        "total",
        "what `omega check` does: a new instance, copying the log out of its mapping, feed and finish; no runs, so it is less than scan and fold together. With several jobs: scanning side by side, while the runs are read in",
    ),
    (
        "not_timed",
        "starting the process, compiling the kernel or taking it from the cache (setup_seconds), making the log, freeing what an instance held, and what the system takes to find and clear memory: each process keeps the most that it had from the warm-up run on (warm_up_seconds: scan and fold first, then the total, which finds their memory)",
    ),
    ("floor.read", "copying the log out of its mapping in pieces of 4 MiB"),
    ("floor.blake3", "one blake3::hash for each payload, one after the other, as the bytes come"),
    ("floor.crc32", "one CRC-32 for each frame over its length and message"),
    ("floor.total", "the sum of the three"),
    (
        "on_processor",
        "the same without the time in which other programs had the processor; equal on an idle machine",
    ),
    (
        "peak_memory",
        "the most that was resident at once in the process of this contender, the mapped log and what it kept from the run before included",
    ),
];

/// Peak memory of one request, where the system told it.
#[derive(Debug, Clone, Copy)]
pub enum Memory {
    /// Of scan and fold.
    TwoPhase(Option<u64>),
    /// Of the total.
    Total(Option<u64>),
    /// Not looked at.
    Unknown,
}

/// All times and memory, by contender.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<&'static str, Row>);

#[derive(Debug, Default)]
struct Row {
    /// Time of each turn, by phase.
    times: BTreeMap<&'static str, Vec<Span>>,
    /// Of the run before them, which brings memory and caches.
    warm_up: BTreeMap<&'static str, Span>,
    setup_seconds: f64,
    /// Several jobs, wherever the system puts them.
    several: bool,
    /// Bound to its processor.
    pinned: bool,
    peak_reset: bool,
    peak_two_phase: Option<u64>,
    peak_total: Option<u64>,
}

impl Figures {
    /// A contender has started.
    pub fn ready(&mut self, contender: Contender, setup_seconds: f64, pinned: bool, peak_reset: bool) {
        let row = self.0.entry(contender.name()).or_default();
        row.several = contender.takes_several();
        (row.setup_seconds, row.pinned, row.peak_reset) = (setup_seconds, pinned, peak_reset);
    }

    /// One turn's time for one phase.
    pub fn time(&mut self, contender: Contender, phase: &'static str, time: Span) {
        self.0.entry(contender.name()).or_default().times.entry(phase).or_default().push(time);
    }

    /// The warm-up run's time for one phase.
    pub fn warm_up(&mut self, contender: Contender, phase: &'static str, time: Span) {
        self.0.entry(contender.name()).or_default().warm_up.insert(phase, time);
    }

    /// One turn's peak memory; the greatest counts.
    pub fn peak(&mut self, contender: Contender, memory: Memory) {
        let row = self.0.entry(contender.name()).or_default();
        match memory {
            Memory::TwoPhase(bytes) => row.peak_two_phase = row.peak_two_phase.max(bytes),
            Memory::Total(bytes) => row.peak_total = row.peak_total.max(bytes),
            Memory::Unknown => {}
        }
    }

    /// Whether every process that takes one processor was bound to it.
    pub fn all_pinned(&self) -> bool {
        self.0.values().all(|row| row.pinned || row.several)
    }

    fn times(&self, contender: &str, phase: &str) -> Option<&[Span]> {
        self.0.get(contender)?.times.get(phase).map(Vec::as_slice)
    }

    /// Median of the ratios that two contenders had in each turn.
    pub fn ratio(&self, of: &str, to: &str, phase: &str) -> Option<f64> {
        Some(median(&self.ratios(of, to, phase, |time| time.seconds)?))
    }

    fn ratios(&self, of: &str, to: &str, phase: &str, time: fn(&Span) -> f64) -> Option<Vec<f64>> {
        let (of, to) = (self.times(of, phase)?, self.times(to, phase)?);
        Some(of.iter().zip(to).map(|(of, to)| time(of) / time(to)).collect())
    }

    /// Which part of the time others had the processor; none where the system does not tell. Where several threads
    /// judge, they are each other's others: that does not count.
    pub fn waited_share(&self) -> Option<f64> {
        let mut all = (0.0, 0.0);
        let alone = self.0.values().filter(|row| !row.several);
        for time in alone.flat_map(|row| row.times.get("total").into_iter().flatten()) {
            all = (all.0 + time.waited?, all.1 + time.seconds);
        }
        (all.1 > 0.0).then_some(all.0 / all.1)
    }
}

/// Seconds without those in which others had the processor; no number where that is not known.
fn on_processor(time: &Span) -> f64 {
    time.seconds - time.waited.unwrap_or(f64::NAN)
}

impl Measured {
    /// What an event takes in the log, frame included.
    pub fn bytes_per_event(&self) -> f64 {
        self.log.bytes as f64 / self.log.events as f64
    }

    /// Everything about the contenders, by name.
    pub fn contenders(&self) -> Value {
        let contender = |(name, row): (&&str, &Row)| {
            let series = |(phase, times): (&&str, &Vec<Span>)| {
                ((*phase).to_owned(), self.series(times, row.warm_up.get(phase)))
            };
            let mut figures: Map<_, _> = row.times.iter().map(series).collect();
            if *name != Contender::Floor.name() {
                figures.insert("setup_seconds".into(), rounded(row.setup_seconds, 6));
                figures.insert(
                    "peak_memory".into(),
                    json!({
                        "total_bytes": row.peak_total,
                        "scan_and_fold_bytes": row.peak_two_phase,
                        "reset_before_each_run": row.peak_reset,
                    }),
                );
            }
            ((*name).to_owned(), Value::Object(figures))
        };
        Value::Object(self.figures.0.iter().map(contender).collect())
    }

    /// How many times as long one contender took as another, phase by phase; null where one of
    /// them was not measured.
    pub fn ratios(&self) -> Value {
        let ratio = |of, to, phase| match self.figures.ratios(of, to, phase, |time| time.seconds) {
            None => Value::Null,
            Some(pairs) => json!({
                "median": rounded(median(&pairs), 4),
                "on_processor": self
                    .figures
                    .ratios(of, to, phase, on_processor)
                    .map(|pairs| rounded(median(&pairs), 4)),
                "turns": pairs.iter().map(|&pair| rounded(pair, 4)).collect::<Vec<_>>(),
            }),
        };
        let of_jobs = |one, several| json!({ "scan": ratio(one, several, "scan"), "total": ratio(one, several, "total") });
        json!({
            "wasm_to_native": {
                "scan": ratio("wasm", "native", "scan"),
                "fold": ratio("wasm", "native", "fold"),
                "total": ratio("wasm", "native", "total"),
            },
            "wasm_to_floor": { "total": ratio("wasm", "floor", "total") },
            "native_to_floor": { "total": ratio("native", "floor", "total") },
            "wasm_to_wasm_jobs": of_jobs("wasm", "wasm-jobs"),
            "native_to_native_jobs": of_jobs("native", "native-jobs"),
        })
    }

    fn series(&self, times: &[Span], warm_up: Option<&Span>) -> Value {
        let each = |time: fn(&Span) -> f64| times.iter().map(time).collect::<Vec<_>>();
        let by_clock = each(|time| time.seconds);
        let seconds = median(&by_clock);
        json!({
            "seconds": rounded(seconds, 6),
            "events_per_second": rounded(self.log.events as f64 / seconds, 0),
            "megabytes_per_second": rounded(self.log.bytes as f64 / 1e6 / seconds, 2),
            "nanoseconds_per_event": rounded(seconds * 1e9 / self.log.events as f64, 1),
            "on_processor_seconds": rounded(median(&each(on_processor)), 6),
            "turns": by_clock.iter().map(|&time| rounded(time, 6)).collect::<Vec<_>>(),
            "warm_up_seconds": warm_up.map(|time| rounded(time.seconds, 6)),
        })
    }

    /// The table that people read: at most 80 columns.
    pub fn table(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "  {:<18}{:>10}{:>14}{:>9}{:>12}{:>11}",
            "", "seconds", "events/s", "MB/s", "to native", "to floor"
        )];
        for contender in ["wasm", "native", "wasm-jobs", "native-jobs", "floor"] {
            let phases: &[&'static str] = match contender {
                "floor" => &["read", "blake3", "crc32", "total"],
                _ => &["scan", "fold", "total"],
            };
            lines.extend(phases.iter().filter_map(|phase| self.line(contender, phase)));
        }
        for (name, row) in &self.figures.0 {
            if let (Some(total), Some(two_phase)) = (row.peak_total, row.peak_two_phase) {
                let megabytes = |bytes: u64| grouped(&format!("{:.0}", bytes as f64 / 1e6));
                lines.push(format!(
                    "  {name:<11} peak memory {:>7} MB in total, {:>7} MB in scan and fold",
                    megabytes(total),
                    megabytes(two_phase),
                ));
            }
        }
        lines
    }

    /// How much several jobs gain, where they were measured.
    pub fn gains(&self, jobs: usize) -> Vec<String> {
        let gain = |one: &str| {
            let several = format!("{one}-jobs");
            let scan = self.figures.ratio(one, &several, "scan")?;
            let total = self.figures.ratio(one, &several, "total")?;
            Some(format!("  {one}, {jobs} jobs: {scan:.2} times as fast in scan, {total:.2} times in total"))
        };
        ["wasm", "native"].into_iter().filter_map(gain).collect()
    }

    fn line(&self, contender: &str, phase: &str) -> Option<String> {
        let times: Vec<_> = self.figures.times(contender, phase)?.iter().map(|time| time.seconds).collect();
        let seconds = median(&times);
        let times = |to: &str| match self.figures.ratio(contender, to, phase) {
            Some(ratio) if to != contender => format!("{ratio:.2}x"),
            _ => String::new(),
        };
        let to_floor = if phase == "total" { times("floor") } else { String::new() };
        let line = format!(
            "  {contender:<11} {phase:<6}{seconds:>10.4}{:>14}{:>9}{:>12}{to_floor:>11}",
            grouped(&format!("{:.0}", self.log.events as f64 / seconds)),
            grouped(&format!("{:.0}", self.log.bytes as f64 / 1e6 / seconds)),
            times("native"),
        );
        Some(line.trim_end().to_owned())
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => f64::NAN,
        (middle, 0) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (middle, _) => sorted[middle],
    }
}

/// A share in words.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A number for JSON, without digits that mean nothing; null where it is none.
pub fn rounded(number: f64, digits: i32) -> Value {
    let unit = 10f64.powi(digits);
    let rounded = (number * unit).round() / unit;
    if digits == 0 { json!(rounded as u64) } else { json!(rounded) }
}

#[cfg(test)]
mod tests {
    use super::super::Machine;
    use super::*;
    use crate::produce::writer::Written;

    fn span(seconds: f64) -> Span {
        Span { seconds, waited: Some(seconds / 10.0) }
    }

    fn measured() -> Measured {
        let mut figures = Figures::default();
        for turn in [3.0, 1.0, 2.0] {
            for phase in ["scan", "fold", "total"] {
                figures.time(Contender::Wasm, phase, span(turn * 2.0));
                figures.time(Contender::Native, phase, span(turn));
            }
            for phase in ["read", "blake3", "crc32", "total"] {
                figures.time(Contender::Floor, phase, span(turn / 4.0));
            }
            figures.peak(Contender::Wasm, Memory::Total(Some(turn as u64 * 1_000_000_000)));
            figures.peak(Contender::Wasm, Memory::TwoPhase(Some(123_000_000_000)));
        }
        figures.warm_up(Contender::Wasm, "total", span(9.0));
        Measured {
            log: Written { path: "x".into(), name: "x".into(), events: 1_000_000, bytes: 400_000_000_000 },
            machine: Machine::here(),
            figures,
            body_hash: String::new(),
            merged: true,
        }
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert!(rounded(f64::NAN, 2).is_null());
        assert_eq!(rounded(1234.5678, 2), json!(1234.57));
    }

    #[test]
    fn ratios_are_taken_turn_by_turn() {
        let mut figures = Figures::default();
        // The machine got twice as slow from turn to turn; the ratio is 2 all the same.
        for turn in [1.0, 2.0, 4.0] {
            figures.time(Contender::Native, "scan", span(turn));
            figures.time(Contender::Wasm, "scan", span(turn * 2.0));
        }
        assert_eq!(figures.ratio("wasm", "native", "scan"), Some(2.0));
        assert_eq!(figures.ratio("wasm", "native", "fold"), None);
        assert_eq!(figures.waited_share(), None);
        assert!((measured().figures.waited_share().unwrap() - 0.1).abs() < 1e-9);
    }

    #[test]
    fn the_greatest_peak_counts() {
        let json = measured().contenders();
        assert_eq!(json["wasm"]["peak_memory"]["total_bytes"], 3_000_000_000u64);
        assert!(json["native"]["peak_memory"]["total_bytes"].is_null());
        assert_eq!(json["wasm"]["total"]["events_per_second"], 250_000);
        assert_eq!(json["floor"]["total"]["turns"], json!([0.75, 0.25, 0.5]));
        assert_eq!(json["wasm"]["total"]["warm_up_seconds"], 9.0);
        assert!(json["wasm"]["fold"]["warm_up_seconds"].is_null());
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let table = measured().table();
        assert!(table.iter().all(|line| line.chars().count() <= 80), "{table:#?}");
        assert!(table.iter().any(|line| line.contains("wasm        total") && line.contains("2.00x")));
        assert_eq!(table.len(), 1 + 3 + 3 + 4 + 1);
    }
}
