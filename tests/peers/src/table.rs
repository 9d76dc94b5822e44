//! The section of BENCHMARKS.md, in Markdown.

use std::fmt::Write;

use crate::contender::Flipped;
use crate::results::{By, Measured, Results, Row};

/// What is wanted of the first data set: how many times as fast the first is to be as the second, at least.
const WANTED: &[(&str, &str, f64)] = &[
    ("OMEGA wasm", "floor", 0.25),
    ("OMEGA wasm", "OMEGA native", 1.0 / 2.8),
    ("OMEGA wasm", "p2panda-core", 40.0),
    ("OMEGA wasm", "hypercore, proofs", 80.0),
    ("OMEGA wasm", "hypercore in Node, audit", 80.0),
    ("OMEGA wasm", "git fsck", 8.0),
    ("OMEGA wasm", "automerge, load", 2.0),
    ("OMEGA wasm", "loro, import", 1.0),
    ("OMEGA wasm", "Merkle root, tlog_tiles", 0.4),
    ("OMEGA wasm", "SQLite, BLAKE3 chain", 0.4),
    ("OMEGA wasm", "BLAKE3 and a hash map", 0.4),
    ("OMEGA native, two cores", "Merkle root, tlog_tiles", 1.0),
    ("OMEGA native, two cores", "SQLite, BLAKE3 chain", 1.0),
    ("OMEGA native, two cores", "BLAKE3 and a hash map", 1.0),
];

/// More than this beside the measurement, which is about 1 of it, is other work.
const BUSY_LOAD: f64 = 0.3;

/// The whole section, without its markers.
pub fn section(results: &Results, plots: &[(String, String)]) -> String {
    let mut out = preface(results);
    if let Some(base) = results.datasets.first() {
        let _ = write!(out, "\n### {}\n\n{}", base.title, base_table(base));
        let _ = write!(out, "\n{}", wanted(base));
    }
    for (path, title) in plots {
        let _ = write!(out, "\n![{title}]({path})\n");
    }
    if results.datasets.len() > 1 {
        let _ = write!(out, "\n### All data sets, events/s\n\n{}", all_table(results));
    }
    if let Some(base) = results.datasets.first() {
        let _ = write!(out, "\n### What each checks\n\n{}", checks_table(base));
    }
    out
}

fn preface(results: &Results) -> String {
    let machine = &results.machine;
    let mut out = format!(
        "```\n{}\n```\n\nMedians of {} after one that does not count. In each turn all contenders run once on the \
         same events, each in a process of its own, bound to one processor unless it says two cores; ratios are \
         medians of the ratios within each turn. *By processor* leaves out the time in which something else had it: \
         the same on an idle machine. {}, {}, {}, {}, {}, {}.\n",
        results.command,
        counted(results.turns.into(), "turn"),
        counted(machine.processors as u64, "processor"),
        machine.model,
        machine.system,
        machine.rustc,
        machine.omega,
        machine.date,
    );
    let load = |load: Option<f64>| load.map_or("?".to_owned(), |load| format!("{load:.1}"));
    let busy = |load: Option<f64>, own: f64| load.is_none_or(|load| load > own + BUSY_LOAD);
    if busy(machine.load_before, 0.0) || busy(machine.load_after, 1.0) {
        let _ = write!(
            out,
            "\n**The machine was busy with other work**: load {} before, {} after. The figures are rough, and those for two \
             cores mean nothing; measure again on an idle machine.\n",
            load(machine.load_before),
            load(machine.load_after),
        );
    }
    out
}

fn base_table(base: &Measured) -> String {
    let titles = [
        "events",
        "events/s",
        "a second of processor",
        "OMEGA wasm to it",
        "by processor",
        "OMEGA native to it",
        "by processor",
        "a flipped bit",
    ];
    let mut out = format!("| | {} |\n|---{}|\n", titles.join(" | "), "|---".repeat(titles.len()));
    for row in &base.rows {
        let to_it = |of: &str, by: By| match base.ratio(of, &row.name, by) {
            Some(ratio) if of != row.name => times(ratio),
            _ => String::new(),
        };
        let cells = match row.rate(By::Clock) {
            Some(rate) => [
                grouped(row.events as u64),
                rounded(rate),
                row.rate(By::Processor).map(rounded).unwrap_or_default(),
                to_it("OMEGA wasm", By::Clock),
                to_it("OMEGA wasm", By::Processor),
                to_it("OMEGA native", By::Clock),
                to_it("OMEGA native", By::Processor),
                flipped(row).to_owned(),
            ],
            None => {
                let mut cells = [const { String::new() }; 8];
                cells[1] = failed(row);
                cells
            }
        };
        let _ = writeln!(out, "| {} | {} |", bold_if_ours(&row.name), cells.join(" | "));
    }
    out
}

fn wanted(base: &Measured) -> String {
    let mut out = "Times as fast, wanted and found:\n\n".to_owned();
    out += "| | wanted | found | | by processor | |\n|---|---|---|---|---|---|\n";
    for &(of, to, least) in WANTED {
        let found = |by: By| match base.ratio(of, to, by) {
            Some(ratio) => format!("{} | {}", times(ratio), if ratio >= least { "yes" } else { "no" }),
            None => "not measured |".to_owned(),
        };
        let (clock, processor) = (found(By::Clock), found(By::Processor));
        let _ = writeln!(out, "| {of} to {to} | ≥ {} | {clock} | {processor} |", times(least));
    }
    out
}

fn all_table(results: &Results) -> String {
    let titles = results.datasets.iter().map(|dataset| match dataset.events == results.events {
        true => dataset.title.clone(),
        false => format!("{} ({} events)", dataset.title, grouped(dataset.events as u64)),
    });
    let mut out = format!("| | {} |\n", titles.collect::<Vec<_>>().join(" | "));
    let _ = writeln!(out, "|---{}|", "|---".repeat(results.datasets.len()));
    for Row { name, .. } in results.datasets.first().map_or(&[][..], |base| &base.rows) {
        let cell = |dataset: &Measured| match dataset.row(name).and_then(|row| row.rate(By::Clock)) {
            Some(rate) => rounded(rate),
            None => "–".to_owned(),
        };
        let cells: Vec<String> = results.datasets.iter().map(cell).collect();
        let _ = writeln!(out, "| {} | {} |", bold_if_ours(name), cells.join(" | "));
    }
    out
}

fn checks_table(base: &Measured) -> String {
    let mut out = "| | version | checks | does not check |\n|---|---|---|---|\n".to_owned();
    for row in &base.rows {
        let cells = [&row.name, &row.version, &row.checks, &row.does_not_check].map(|text| one_line(text));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

fn flipped(row: &Row) -> &'static str {
    match row.flipped {
        Some(Flipped::Noticed(_)) => "noticed",
        Some(Flipped::Missed) => "**missed**",
        Some(Flipped::NotLookedFor) => "not looked for",
        None => "",
    }
}

fn failed(row: &Row) -> String {
    format!("could not be measured: {}", one_line(row.failed.as_deref().unwrap_or("it took no turn")))
}

fn bold_if_ours(name: &str) -> String {
    if name.starts_with("OMEGA") { format!("**{name}**") } else { name.to_owned() }
}

/// Text that fits into a cell.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A count of things.
fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// With commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Three digits that mean something, grouped.
pub fn rounded(number: f64) -> String {
    let unit = 10f64.powi((number.max(1.0).log10().floor() as i32 - 2).max(0));
    grouped(((number / unit).round() * unit) as u64)
}

/// A ratio.
fn times(ratio: f64) -> String {
    if ratio >= 100.0 {
        rounded(ratio)
    } else if ratio >= 10.0 {
        format!("{ratio:.0}")
    } else if ratio >= 0.1 {
        format!("{ratio:.2}")
    } else {
        format!("{ratio:.4}")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::results::tests::{measured, row};

    pub fn results() -> Results {
        let failed = Row { failed: Some("no | library\nhere".into()), ..row("git fsck", &[]) };
        let rows =
            vec![row("floor", &[0.1]), row("OMEGA wasm", &[0.3]), row("p2panda-core", &[60.0]), failed];
        let machine = Machine {
            model: "M".into(),
            processors: 2,
            system: "Linux".into(),
            rustc: "rustc 1".into(),
            omega: "omega 1".into(),
            date: "2026-01-01".into(),
            load_before: Some(0.1),
            load_after: Some(1.0),
        };
        let base = measured(rows);
        Results {
            machine,
            command: "make".into(),
            events: 1000,
            turns: 1,
            datasets: vec![base.clone(), base],
        }
    }

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
        assert_eq!(rounded(1_234_567.0), "1,230,000");
        assert_eq!(rounded(87.4), "87");
        assert_eq!((times(123.4), times(45.6), times(2.345)), ("123".into(), "46".into(), "2.35".into()));
    }

    #[test]
    fn the_section_has_every_row_and_what_failed() {
        let text = section(&results(), &[("a.svg".into(), "A".into())]);
        assert!(text.contains("| **OMEGA wasm** | 1,000 | 3,330 | 6,670 |  |  |  |  | noticed |"), "{text}");
        assert!(text.contains("| p2panda-core | 1,000 | 17 | 33 | 200 | 200 |"), "{text}");
        assert!(text.contains("could not be measured: no \\| library here"), "{text}");
        assert!(text.contains("| OMEGA wasm to p2panda-core | ≥ 40 | 200 | yes | 200 | yes |"), "{text}");
        assert!(
            text.contains("| OMEGA wasm to git fsck | ≥ 8.00 | not measured | | not measured | |"),
            "{text}"
        );
        assert!(text.contains("![A](a.svg)") && !text.contains("busy"), "{text}");
        let columns = |line: &str| line.matches('|').count() - line.matches("\\|").count();
        for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
            let counts: Vec<usize> = table.lines().map(columns).collect();
            assert!(counts.iter().all(|&count| count == counts[0]), "{table}");
        }
    }

    #[test]
    fn a_busy_machine_is_named() {
        let mut results = results();
        results.machine.load_before = Some(4.0);
        assert!(section(&results, &[]).contains("busy with other work**: load 4.0 before, 1.0 after"));
    }
}
