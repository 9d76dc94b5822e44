//! The first difference between what was certified and what judging again gives, in words.

use omega_kernel::body::{CORE_PREDICATES, Core, PREDICATES, VerdictKind};
use omega_kernel::commitment::StateCommitment;

/// Names what differs first, causes before consequences: logs, then what was made of them. None
/// where nothing does.
pub fn first(certified: &Core, judged: &Core) -> Option<String> {
    logs(certified, judged)
        .or_else(|| state("prior", &certified.prior, &judged.prior))
        .or_else(|| {
            let differs = certified.verdict != judged.verdict;
            let word = |core: &Core| match core.verdict {
                VerdictKind::Merge => "that the logs agree",
                VerdictKind::Obstruction => "that the logs conflict",
            };
            differs.then(|| format!("certified is {}, judged was {}", word(certified), word(judged)))
        })
        .or_else(|| counted(certified.batch_id_count, judged.batch_id_count, "distinct ids"))
        .or_else(|| rooted("batch id root", &certified.batch_id_root, &judged.batch_id_root))
        .or_else(|| counted(certified.trace_count, judged.trace_count, "new events"))
        .or_else(|| rooted("trace root", &certified.trace_root, &judged.trace_root))
        .or_else(|| coverage(certified, judged))
        .or_else(|| state("next", &certified.next, &judged.next))
        .or_else(|| (certified.evidence != judged.evidence).then(|| "the evidence differs".to_owned()))
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

fn coverage(certified: &Core, judged: &Core) -> Option<String> {
    let slots = certified.coverage.iter().zip(&judged.coverage);
    let (id, (then, now)) = CORE_PREDICATES.iter().zip(slots).find(|(_, (then, now))| then != now)?;
    let name = PREDICATES.iter().find(|known| known.id == *id).map_or("", |known| known.name);
    let part = |what, then: u64, now: u64| {
        (then != now).then(|| format!("{id} ({name}) has {now} {what}, and {then} are certified"))
    };
    part("violations", then.violated, now.violated)
        .or_else(|| part("judged units", then.judged, now.judged))
        .or_else(|| part("skipped units", then.skipped, now.skipped))
        .or_else(|| part("known units", then.known, now.known))
}

fn counted(then: u64, now: u64, what: &str) -> Option<String> {
    (then != now).then(|| format!("the logs hold {now} {what}, and {then} are certified"))
}

fn rooted(root: &str, then: &[u8; 32], now: &[u8; 32]) -> Option<String> {
    (then != now).then(|| format!("the logs have another {root} than is certified"))
}
