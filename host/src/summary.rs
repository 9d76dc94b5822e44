//! A verdict as a report: the same fields and lines whichever command judged.

use data_encoding::HEXLOWER;
use omega_kernel::body::{Core, Coverage, Observations, PREDICATES, VerdictKind};
use serde::Serialize;

use crate::conflict::View;
use crate::failure::Failure;
use crate::report::{Outcome, Report};

/// One log of a verdict.
#[derive(Debug, Serialize)]
struct Log {
    name: String,
    events: String,
    root: String,
    signed_by: Option<String>,
}

/// Coverage of one predicate.
#[derive(Debug, Serialize)]
struct Covered {
    predicate: u16,
    name: &'static str,
    judged: u64,
    skipped: u64,
    known: u64,
    violated: u64,
}

/// Names of the analytics, in their order (`schemas/certificate.md`, "Analytics").
const ANALYTICS: [&str; 5] =
    ["occurrences_per_event", "overlap_share", "known_share", "deps_per_event", "writers"];

/// The report of a verdict that was just made.
///
/// # Errors
/// The kernel's, where an obstruction's evidence shows nothing: then the kernel is at fault.
pub fn report(command: &'static str, core: &Core, observations: &Observations) -> Result<Report, Failure> {
    let merged = core.verdict == VerdictKind::Merge;
    let outcome = if merged { Outcome::Agree } else { Outcome::Conflict };
    let logs: Vec<Log> = (0u32..)
        .zip(&core.logs)
        .map(|(place, log)| {
            let head = observations.heads.iter().find(|head| head.log == place);
            Log {
                name: log.name.clone(),
                events: log.count.to_string(),
                root: HEXLOWER.encode(&log.root),
                signed_by: head.map(|head| HEXLOWER.encode(&head.key)),
            }
        })
        .collect();
    let mut report = Report::new(command, outcome);
    let conflict = if merged { None } else { Some(View::of(core, observations)?) };
    report = match &conflict {
        None => report.message(agreement(core)),
        Some(view) => view
            .lines()
            .into_iter()
            .fold(report.message(&view.sentence).code(view.name, view.predicate.into()), Report::line),
    };
    let analytics: serde_json::Map<_, _> = ANALYTICS
        .iter()
        .zip(&observations.analytics)
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    report = report
        .field("verdict", if merged { "merge" } else { "obstruction" })
        .field("logs", &logs)
        .field("trace_root", HEXLOWER.encode(&core.trace_root))
        .field("new_events", core.trace_count.to_string())
        .field("prior_state", HEXLOWER.encode(&core.prior.root()))
        .field("next_state", HEXLOWER.encode(&core.next.root()))
        .field("accepted_events", core.next.id_count.to_string())
        .field("coverage", coverage(core, observations))
        .field("analytics_per_mille", analytics)
        .field("conflict", &conflict);
    for log in &logs {
        let signed =
            log.signed_by.as_ref().map_or(String::new(), |key| format!(", signed by {}…", &key[..16]));
        report = report.line(format!(
            "  {:<28} {:>12} {}{signed}",
            log.name,
            grouped(&log.events),
            noun(&log.events)
        ));
    }
    Ok(rules(core, observations).into_iter().fold(report, Report::line))
}

fn agreement(core: &Core) -> String {
    let occurrences = grouped(&core.occurrences().to_string());
    let new = grouped(&core.trace_count.to_string());
    let (held, found) = (noun(&occurrences), noun(&new));
    match core.logs.len() {
        1 => format!("the log is sound: {occurrences} {held}, {new} of them new, one history"),
        logs => format!("{logs} logs with {occurrences} {held} form one history of {new} new {found}"),
    }
}

fn coverage(core: &Core, observations: &Observations) -> Vec<Covered> {
    let of = |id| core.coverage_of(id).unwrap_or(&observations.payload);
    PREDICATES
        .iter()
        .map(|predicate| {
            let Coverage { judged, skipped, known, violated } = *of(predicate.id);
            Covered { predicate: predicate.id, name: predicate.name, judged, skipped, known, violated }
        })
        .collect()
}

/// What was checked and what was not, a line a rule: "passed" must not hide "never checked".
fn rules(core: &Core, observations: &Observations) -> Vec<String> {
    coverage(core, observations)
        .into_iter()
        .map(|rule| {
            let count = |number: u64, word: &str| match number {
                0 => String::new(),
                _ => format!(", {} {word}", grouped(&number.to_string())),
            };
            let judged = grouped(&rule.judged.to_string());
            let rest = [
                count(rule.violated, "VIOLATED"),
                count(rule.skipped, &format!("not judged{}", why_not(rule.predicate))),
                count(rule.known, "known before"),
            ];
            format!("  {} {:<20} {judged:>12} judged{}", rule.predicate, rule.name, rest.concat())
        })
        .collect()
}

/// Why a rule that holds was not judged of some events.
fn why_not(predicate: u16) -> &'static str {
    match predicate {
        1001 | 1004 => " (causal-only stream)",
        3001 => " (each is in one log only)",
        3002 => " (no claim to compare)",
        _ => "",
    }
}

/// The noun behind a count in digits.
fn noun(digits: &str) -> &'static str {
    if digits == "1" { "event" } else { "events" }
}

/// Digits in groups of three.
pub fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_stand_in_groups_of_three() {
        for (digits, shown) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("26078123", "26,078,123")] {
            assert_eq!(super::grouped(digits), shown);
        }
    }
}
