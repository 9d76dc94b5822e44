//! Setting aside what cannot live together, so that the rest goes on.
//!
//! Where nobody can say which event is right (two versions of an id, two claims over one past, two
//! events with one Lamport time), all of them are set aside; where a rule names the later one as the
//! one that breaks it, that one. With them goes whatever in the batch builds on them and on nothing
//! else that is there. Nothing is deleted: what is set aside waits for an operator.

use std::collections::{BTreeMap, BTreeSet};

use omega_kernel::evidence::{Conflict, Kind};
use omega_kernel::frame::{Frames, HEADER_BYTES};
use omega_kernel::hash::Hash;
use omega_kernel::wire::Message;

use super::batch::{Batch, Gathering};
use super::segments::{Part, Source};
use crate::failure::Failure;

/// A batch in two.
#[derive(Debug)]
pub struct Division {
    /// What goes on.
    pub rest: Batch,
    /// What is set aside.
    pub aside: Vec<Part>,
    /// Ids of what is set aside, in the order of the batch.
    pub ids: Vec<u128>,
}

/// Divides a batch. `accepted` tells whether an id is in the state; with `whole_log`, everything of
/// the anchor's log is set aside.
///
/// # Errors
/// Those of reading frames, which were checked before.
pub fn divide(
    batch: &Batch,
    conflict: &Conflict,
    anchor_log: Option<&str>,
    accepted: &dyn Fn(u128) -> bool,
) -> Result<Division, Failure> {
    let events = events_of(batch)?;
    let mut aside: BTreeSet<usize> = guilty(&events, conflict, anchor_log);
    if aside.is_empty() {
        // Never in a sound kernel: without it the same verdict would come again and again.
        return Err(Failure::internal("a conflict without an event of the batch"));
    }
    with_what_builds_on_them(&events, &mut aside, accepted);
    let mut division = Division { rest: Batch::default(), aside: Vec::new(), ids: Vec::new() };
    let mut rest = Gathering::default();
    for (number, event) in events.iter().enumerate() {
        if aside.contains(&number) {
            division.ids.push(event.id);
            match division.aside.last_mut() {
                Some(last) if last.segment == event.part.segment && last.to == event.part.from => {
                    last.to = event.part.to;
                    last.events += 1;
                }
                _ => division.aside.push(event.part),
            }
        } else {
            rest.push(event.source, event.part, &event.frame, event.needs.len() as u64)?;
        }
    }
    division.rest = rest.take();
    Ok(division)
}

struct Held<'b> {
    source: &'b Source,
    id: u128,
    hash: Hash,
    /// Dependencies, and the event before it where it names one.
    needs: Vec<u128>,
    part: Part,
    frame: Vec<u8>,
}

fn events_of(batch: &Batch) -> Result<Vec<Held<'_>>, Failure> {
    let mut events = Vec::new();
    for (source, log) in &batch.logs {
        let bytes = log.source.read_all(u64::MAX)?;
        let mut parts = log.parts.iter();
        let mut part = parts.next();
        // Where the part begins in the log that was judged.
        let mut begins = HEADER_BYTES as u64;
        for frame in Frames::new(&bytes)?.1 {
            let frame = frame?;
            while let Some(it) = part.filter(|it| frame.offset >= begins + (it.to - it.from)) {
                begins += it.to - it.from;
                part = parts.next();
            }
            let (Some(it), Message::Event(event)) = (part, &frame.message) else { continue };
            let from = it.from + (frame.offset - begins);
            let to = from + frame.bytes.len() as u64;
            let mut needs: Vec<u128> = event.dep_ids().collect();
            needs.extend(Some(event.prev).filter(|&prev| prev != 0));
            events.push(Held {
                source,
                id: event.id,
                hash: event.event_hash(&mut Vec::new()),
                needs,
                part: Part { segment: it.segment, from, to, events: 1 },
                frame: frame.bytes.to_vec(),
            });
        }
    }
    Ok(events)
}

fn guilty(events: &[Held<'_>], conflict: &Conflict, anchor_log: Option<&str>) -> BTreeSet<usize> {
    let witnesses = &conflict.evidence.events;
    let named: Vec<(u128, Hash)> =
        witnesses.iter().map(|witness| (witness.header.id, witness.header.hash())).collect();
    let is_guilty = |event: &Held<'_>| match conflict.evidence.kind {
        Kind::Twice | Kind::OtherVersion => named.iter().any(|(id, _)| *id == event.id),
        Kind::SameLamport | Kind::OtherClaim | Kind::OtherClaimNew => named.contains(&(event.id, event.hash)),
        _ => named.first() == Some(&(event.id, event.hash)),
    };
    let guilty = |event: &Held<'_>| is_guilty(event) || anchor_log == Some(&**event.source);
    (0..events.len()).filter(|&number| guilty(&events[number])).collect()
}

fn with_what_builds_on_them(
    events: &[Held<'_>],
    aside: &mut BTreeSet<usize>,
    accepted: &dyn Fn(u128) -> bool,
) {
    // How many versions of each id go on; and who needs it.
    let mut going: BTreeMap<u128, u32> = BTreeMap::new();
    let mut needed_by: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        *going.entry(event.id).or_default() += u32::from(!aside.contains(&number));
        for &need in &event.needs {
            needed_by.entry(need).or_default().push(number);
        }
    }
    let mut gone: Vec<u128> = going.iter().filter(|(_, left)| **left == 0).map(|(&id, _)| id).collect();
    while let Some(id) = gone.pop() {
        if accepted(id) {
            continue;
        }
        for &number in needed_by.get(&id).into_iter().flatten() {
            if aside.insert(number)
                && let Some(left) = going.get_mut(&events[number].id)
            {
                *left -= 1;
                gone.extend((*left == 0).then_some(events[number].id));
            }
        }
    }
}
