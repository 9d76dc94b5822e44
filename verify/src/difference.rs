//! The first difference between what was certified and what judging again gives, in words.

use omega_kernel::body::{CORE_PREDICATES, Core, PREDICATES, VerdictKind};
use omega_kernel::commitment::StateCommitment;

/// Names what differs first, causes before consequences: logs, then what was made of them. None
/// where nothing does.
pub fn first(certified: &Core, judged: &Core) -> Option<String> {
    named(certified, judged).map(|difference| difference.sentence)
}

/// A difference, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Stable name of what differs: `logs`, `prior_state`, `verdict`, `batch_id_count`, `batch_id_root`,
    /// `trace_count`, `trace_root`, `coverage_` and a predicate's number, `next_state`, `evidence`.
    pub field: String,
    /// It in words.
    pub sentence: String,
}

/// As [`first`], with the name of what differs.
pub fn named(certified: &Core, judged: &Core) -> Option<Difference> {
    let of = |field: &str, sentence: Option<String>| {
        sentence.map(|sentence| Difference { field: field.to_owned(), sentence })
    };
    let verdict = || {
        let word = |core: &Core| match core.verdict {
            VerdictKind::Merge => "that the logs agree",
            VerdictKind::Obstruction => "that the logs conflict",
        };
        let differs = certified.verdict != judged.verdict;
        differs.then(|| format!("certified is {}, judged was {}", word(certified), word(judged)))
    };
    let (then, now) = (certified, judged);
    let ids = || counted(then.batch_id_count, now.batch_id_count, "distinct ids");
    let id_root = || rooted("batch id root", &then.batch_id_root, &now.batch_id_root);
    let events = || counted(then.trace_count, now.trace_count, "new events");
    let trace_root = || rooted("trace root", &then.trace_root, &now.trace_root);
    let evidence = || (then.evidence != now.evidence).then(|| "the evidence differs".to_owned());
    of("logs", logs(then, now))
        .or_else(|| of("prior_state", state("prior", &then.prior, &now.prior)))
        .or_else(|| of("verdict", verdict()))
        .or_else(|| of("batch_id_count", ids()))
        .or_else(|| of("batch_id_root", id_root()))
        .or_else(|| of("trace_count", events()))
        .or_else(|| of("trace_root", trace_root()))
        .or_else(|| coverage(then, now))
        .or_else(|| of("next_state", state("next", &then.next, &now.next)))
        .or_else(|| of("evidence", evidence()))
}

fn logs(certified: &Core, judged: &Core) -> Option<String> {
    if certified.logs.len() != judged.logs.len() {
        let (then, now) = (certified.logs.len(), judged.logs.len());
        return Some(format!("{then} logs are certified, and {now} were judged"));
    }
    certified.logs.iter().zip(&judged.logs).find(|(then, now)| then != now).map(|(then, now)| {
        if then.name != now.name {
            format!("the log {:?} is certified, and {:?} was judged", then.name, now.name)
        } else if then.count != now.count {
            format!("the log {:?} has {} events, and {} are certified", then.name, now.count, then.count)
        } else {
            let (name, count) = (&then.name, then.count);
            format!("the first {count} events of the log {name:?} do not have the certified root: they are not the events that were judged")
        }
    })
}

fn state(which: &str, then: &StateCommitment, now: &StateCommitment) -> Option<String> {
    let part = if then == now {
        return None;
    } else if then.state_format != now.state_format {
        "state format"
    } else if then.id_count != now.id_count {
        return Some(format!(
            "the {which} state holds {} accepted ids, and {} are certified",
            now.id_count, then.id_count
        ));
    } else if then.id_root != now.id_root {
        "root over the accepted ids"
    } else {
        "root over the streams"
    };
    Some(format!("the {which} state has another {part} than is certified"))
}

fn coverage(certified: &Core, judged: &Core) -> Option<Difference> {
    let slots = certified.coverage.iter().zip(&judged.coverage);
    let (id, (then, now)) = CORE_PREDICATES.iter().zip(slots).find(|(_, (then, now))| then != now)?;
    let name = PREDICATES.iter().find(|known| known.id == *id).map_or("", |known| known.name);
    let part = |what, then: u64, now: u64| {
        (then != now).then(|| format!("{id} ({name}) has {now} {what}, and {then} are certified"))
    };
    let sentence = part("violations", then.violated, now.violated)
        .or_else(|| part("judged units", then.judged, now.judged))
        .or_else(|| part("skipped units", then.skipped, now.skipped))
        .or_else(|| part("known units", then.known, now.known))?;
    Some(Difference { field: format!("coverage_{id}"), sentence })
}

fn counted(then: u64, now: u64, what: &str) -> Option<String> {
    (then != now).then(|| format!("the logs hold {now} {what}, and {then} are certified"))
}

fn rooted(root: &str, then: &[u8; 32], now: &[u8; 32]) -> Option<String> {
    (then != now).then(|| format!("the logs have another {root} than is certified"))
}
