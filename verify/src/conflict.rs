//! A conflict, told to people and to programs: the rule, the events side by side, what is behind it.
//!
//! Everything here is read from the verdict's body alone, after the evidence was seen to show what
//! it names; no log is at hand.

use omega_kernel::body::{Core, Observations, PREDICATES};
use omega_kernel::evidence::{self, Conflict, Kind, Witness};
use omega_kernel::fault::Fault;
use omega_kernel::hash::Hash;
use serde::Serialize;

/// A conflict with the names of its logs.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The rule that is broken.
    pub predicate: u16,
    /// Its name.
    pub name: &'static str,
    /// How it is broken.
    pub kind: &'static str,
    /// One sentence for people.
    pub sentence: String,
    /// Ids of the events, the anchor first; 32 hex digits.
    pub conflicting_ids: Vec<String>,
    /// Order keys of the events: lamport, node, stream, id.
    pub conflicting_keys: Vec<String>,
    /// Payload hashes of the events.
    pub conflicting_payload_hashes: Vec<String>,
    /// The events, the anchor first.
    pub events: Vec<Event>,
    /// What the prior state holds in their stead, where the conflict is with that.
    pub accepted: Option<Accepted>,
}

/// One event of a conflict. Wide integers are strings, hashes hex.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// The log's name.
    pub log: String,
    /// Who signed the log's head.
    pub presented_by: Option<String>,
    /// Its place among the log's events in canonical order.
    pub place: String,
    /// Id.
    pub id: String,
    /// The writer.
    pub node: u32,
    /// The writer's sequence.
    pub stream: u16,
    /// Lamport time.
    pub lamport: String,
    /// Id of the event before it; null where it is not linked.
    pub prev: Option<String>,
    /// Ids it depends on.
    pub deps: Vec<String>,
    /// The claim that it makes.
    pub claim: Option<String>,
    /// Bytes in the payload, as stated.
    pub payload_length: String,
    /// Hash of the payload, as stated.
    pub payload_hash: String,
    /// Bytes that were found instead.
    pub observed_length: Option<String>,
    /// Hash of what was found instead.
    pub observed_hash: Option<String>,
    /// The event hash.
    pub event_hash: String,
}

/// An event that an earlier batch accepted, as far as the state remembers it.
#[derive(Debug, Clone, Serialize)]
pub struct Accepted {
    /// Id.
    pub id: String,
    /// Lamport time.
    pub lamport: String,
    /// The event hash.
    pub event_hash: String,
}

impl View {
    /// The conflict of an obstruction, after its evidence was checked.
    ///
    /// # Errors
    /// The kernel's, where the evidence does not show a violation.
    pub fn of(core: &Core, observations: &Observations) -> Result<Self, Fault> {
        let conflict = evidence::check(core, &observations.payload)?;
        let events: Vec<Event> =
            conflict.evidence.events.iter().map(|witness| Event::of(witness, core, observations)).collect();
        let kind = conflict.evidence.kind;
        let predicate = PREDICATES.iter().find(|known| known.id == kind.predicate());
        let accepted = accepted(&conflict);
        Ok(View {
            predicate: kind.predicate(),
            name: predicate.map_or("", |known| known.name),
            kind: kind.name(),
            sentence: sentence(&conflict, &events, accepted.as_ref()),
            conflicting_ids: events.iter().map(|event| event.id.clone()).collect(),
            conflicting_keys: events.iter().map(Event::key).collect(),
            conflicting_payload_hashes: events.iter().map(|event| event.payload_hash.clone()).collect(),
            events,
            accepted,
        })
    }

    /// The events side by side, two to a block, for a terminal of 80 columns.
    pub fn lines(&self) -> Vec<String> {
        let mut columns: Vec<Vec<(&str, String)>> = self.events.iter().map(Event::rows).collect();
        columns.extend(self.accepted.as_ref().map(Accepted::rows));
        let mut lines = Vec::new();
        for block in columns.chunks(2) {
            lines.push(String::new());
            let labels = block.iter().max_by_key(|column| column.len()).into_iter().flatten();
            for (label, _) in labels {
                let cell = |column: &Vec<(&str, String)>| {
                    column.iter().find(|(name, _)| name == label).map(|(_, value)| value.clone())
                };
                let cells: Vec<String> =
                    block.iter().map(|column| cell(column).unwrap_or_default()).collect();
                let differs = cells.len() == 2 && cells[0] != cells[1] && !cells.contains(&String::new());
                let mark = if differs { '≠' } else { ' ' };
                let line = match &cells[..] {
                    [one] => format!("  {label:<10} {one}"),
                    [one, two] => format!("  {label:<10} {one:<32} {mark} {two}"),
                    _ => String::new(),
                };
                lines.push(line.trim_end().to_owned());
            }
        }
        lines.push(String::new());
        lines
    }
}

impl Event {
    fn of(witness: &Witness, core: &Core, observations: &Observations) -> Self {
        let header = &witness.header;
        let head = observations.heads.iter().find(|head| head.log == witness.log);
        Event {
            log: core.logs[witness.log as usize].name.clone(),
            presented_by: head.map(|head| hex(&head.key)),
            place: witness.leaf_index.to_string(),
            id: id(header.id),
            node: header.node,
            stream: header.stream,
            lamport: header.lamport.to_string(),
            prev: (header.prev != 0).then(|| id(header.prev)),
            deps: header.deps.iter().map(|&dep| id(dep)).collect(),
            claim: header.claim.as_ref().map(hex),
            payload_length: header.payload_len.to_string(),
            payload_hash: hex(&header.payload_hash),
            observed_length: witness.observed.map(|observed| observed.len.to_string()),
            observed_hash: witness.observed.map(|observed| hex(&observed.hash)),
            event_hash: hex(&header.hash()),
        }
    }

    fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.lamport, self.node, self.stream, self.id)
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("log", shorten(&self.log)),
            ("event", self.id.clone()),
            ("writer", format!("{} (stream {})", self.node, self.stream)),
            ("lamport", self.lamport.clone()),
            ("previous", self.prev.clone().unwrap_or_else(|| "-".into())),
        ];
        let deps = match &self.deps[..] {
            [] => "-".into(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{}… and {} more", &first[..16], rest.len()),
        };
        rows.push(("depends on", deps));
        rows.push((
            "payload",
            format!("{} bytes, {}", self.payload_length, shorten_hash(&self.payload_hash, 16)),
        ));
        if let (Some(length), Some(hash)) = (&self.observed_length, &self.observed_hash) {
            rows.push(("found", format!("{length} bytes, {}", shorten_hash(hash, 16))));
        }
        rows.push(("claim", self.claim.as_ref().map_or("-".into(), |claim| shorten_hash(claim, 31))));
        rows.push(("hash", shorten_hash(&self.event_hash, 31)));
        if let Some(key) = &self.presented_by {
            rows.push(("signed by", shorten_hash(key, 31)));
        }
        rows
    }
}

impl Accepted {
    fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("log", "(accepted by an earlier batch)".into()),
            ("event", self.id.clone()),
            ("lamport", self.lamport.clone()),
            ("hash", shorten_hash(&self.event_hash, 31)),
        ]
    }
}

/// What the prior state holds that the anchor conflicts with.
fn accepted(conflict: &Conflict) -> Option<Accepted> {
    let of = |id_number: u128, lamport: u64, event_hash: &Hash| Accepted {
        id: id(id_number),
        lamport: lamport.to_string(),
        event_hash: hex(event_hash),
    };
    match conflict.evidence.kind {
        Kind::PriorVersion | Kind::PriorNotBefore => {
            let leaf = conflict.prior.last().copied().flatten()?;
            Some(of(leaf.id, leaf.lamport, &leaf.event_hash))
        }
        Kind::NotAboveFrontier => {
            let frontier = conflict.frontier?;
            Some(of(frontier.id, frontier.lamport, &frontier.event_hash))
        }
        Kind::Unlinked | Kind::WrongPrev => {
            let frontier = conflict.frontier.filter(|_| conflict.evidence.events.len() == 1)?;
            Some(of(frontier.id, frontier.lamport, &frontier.event_hash))
        }
        _ => None,
    }
}

/// Whether two different events of one stream name the same event before them.
fn forked(one: &Event, other: &Event) -> bool {
    one.event_hash != other.event_hash
        && (one.node, one.stream) == (other.node, other.stream)
        && one.prev.is_some()
        && one.prev == other.prev
}

fn sentence(conflict: &Conflict, events: &[Event], accepted: Option<&Accepted>) -> String {
    let anchor = &events[0];
    let other = events.get(1).unwrap_or(anchor);
    let stream = format!("stream {} of writer {}", anchor.stream, anchor.node);
    let dep = id(conflict.evidence.dep);
    match conflict.evidence.kind {
        Kind::NotAboveFrontier => format!(
            "an event of {stream} has lamport {}, but an event with lamport {} was accepted there before",
            anchor.lamport,
            accepted.map_or("", |accepted| &accepted.lamport)
        ),
        Kind::SameLamport | Kind::WrongPrev if forked(anchor, other) => format!(
            "writer {} forked: two different events follow {}… in stream {}",
            anchor.node,
            anchor.prev.as_deref().map_or("", |prev| &prev[..16]),
            anchor.stream
        ),
        Kind::SameLamport => {
            format!("two events of {stream} have the same lamport, {}", anchor.lamport)
        }
        Kind::Twice if anchor.event_hash == other.event_hash => {
            format!("log {} holds event {} twice", anchor.log, anchor.id)
        }
        Kind::Twice => format!("log {} holds two versions of event {}", anchor.log, anchor.id),
        Kind::OutsideDomain => {
            format!("event {} names an id that no event can have (ids are 1 to 2^112 - 1)", anchor.id)
        }
        Kind::Gap => format!(
            "event {} of {stream} follows event {}, which is in no log and was never accepted",
            anchor.id,
            anchor.prev.as_deref().unwrap_or("0")
        ),
        Kind::Unlinked => format!(
            "event {} of {stream} names no previous event, although the stream is linked before it",
            anchor.id
        ),
        Kind::WrongPrev => format!(
            "event {} of {stream} follows event {}, which is not the one before it",
            anchor.id,
            anchor.prev.as_deref().unwrap_or("0")
        ),
        Kind::Mismatch => format!("the payload of event {} is not the one that the event states", anchor.id),
        Kind::Missing => {
            format!("event {} depends on event {dep}, which is in no log and was never accepted", anchor.id)
        }
        Kind::NotBefore if other.id == anchor.id => format!("event {} depends on itself", anchor.id),
        Kind::NotBefore => format!(
            "event {} (lamport {}) depends on event {}, which is not earlier (lamport {})",
            anchor.id, anchor.lamport, other.id, other.lamport
        ),
        Kind::PriorNotBefore => format!(
            "event {} (lamport {}) depends on event {dep}, which is not earlier (lamport {})",
            anchor.id,
            anchor.lamport,
            accepted.map_or("", |accepted| &accepted.lamport)
        ),
        Kind::OtherVersion => {
            format!("logs {} and {} hold two versions of event {}", other.log, anchor.log, anchor.id)
        }
        Kind::PriorVersion => {
            format!(
                "log {} holds another version of event {} than was accepted before",
                anchor.log, anchor.id
            )
        }
        Kind::OtherClaim | Kind::OtherClaimNew => format!(
            "events {} and {} come from the same past but claim different application states",
            other.id, anchor.id
        ),
    }
}

/// An id as 32 hex digits.
pub fn id(id: u128) -> String {
    format!("{id:032x}")
}

fn hex(bytes: &[u8; 32]) -> String {
    hex::encode(bytes)
}

fn shorten_hash(hash: &str, digits: usize) -> String {
    format!("{}…", &hash[..digits])
}

/// A name of at most 32 characters, the end cut off; control characters cannot be in it.
fn shorten(name: &str) -> String {
    match name.chars().count() {
        0..=32 => name.to_owned(),
        _ => name.chars().take(31).chain(['…']).collect(),
    }
}
