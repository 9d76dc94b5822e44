//! Incidents: what an operator should see, until somebody has dealt with it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::segments::Part;
use crate::disk::Volume;
use crate::failure::Failure;

/// The file's name.
pub const NAME: &str = "incidents.log";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Events cannot live together; those that it takes are set aside.
    Conflict,
    /// A batch could not be judged; it is set aside.
    Unjudged,
    /// A past batch, judged again, came out differently.
    ReplayMismatch,
    /// A crash left bytes behind the last whole event of a segment; they were cut off and kept.
    TornTail,
    /// A new checker failed and the old one judges again.
    RolledBack,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Incident {
    /// Its number, from 1.
    pub id: u64,
    /// What happened.
    pub kind: Kind,
    /// When, in milliseconds since 1970, by this machine's clock.
    pub opened_ms: u64,
    /// The certificate that it is about.
    #[serde(with = "super::text::option")]
    #[schema(value_type = Option<String>)]
    pub height: Option<u64>,
    /// One sentence.
    pub message: String,
    /// The conflict, as `omega check` tells it.
    pub conflict: Option<serde_json::Value>,
    /// Folder with everything that it takes to judge the batch again.
    pub crash_folder: Option<String>,
    /// Ids of the events that are set aside, at most a hundred; 32 hex digits.
    pub event_ids: Vec<String>,
    /// How many are set aside.
    pub events: u64,
    /// Where they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(ignore)]
    pub parts: Vec<Part>,
    /// How it ended.
    pub resolved: Option<Resolution>,
}

impl Incident {
    /// One of a kind, about a certificate, with nothing else to tell yet.
    pub fn of(kind: Kind, height: Option<u64>) -> Self {
        Incident {
            id: 0,
            kind,
            opened_ms: 0,
            height,
            message: String::new(),
            conflict: None,
            crash_folder: None,
            event_ids: Vec::new(),
            events: 0,
            parts: Vec::new(),
            resolved: None,
        }
    }
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Resolution {
    /// What was decided.
    pub action: Action,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who: the name of the token.
    pub by: String,
    /// Why, in the operator's words.
    pub note: String,
}

/// What an operator can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Judge the events that were set aside again, for instance because what they needed has come.
    Release,
    /// Leave them aside.
    Dismiss,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Step {
    Opened { incident: Box<Incident> },
    Resolved { id: u64, resolution: Resolution },
}

/// All incidents.
#[derive(Debug)]
pub struct Incidents<V: Volume> {
    lines: Lines<V, Step>,
    all: BTreeMap<u64, Incident>,
}

impl<V: Volume> Incidents<V> {
    /// Opens the file of incidents.
    ///
    /// # Errors
    /// Those of [`Lines::open`].
    pub fn open(volume: V) -> Result<Self, Failure> {
        let (lines, found) = Lines::open(volume, NAME)?;
        let mut incidents = Incidents { lines, all: BTreeMap::new() };
        found.into_iter().for_each(|line| incidents.apply(line.content));
        Ok(incidents)
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Opened { incident } => _ = self.all.insert(incident.id, *incident),
            Step::Resolved { id, resolution } => {
                if let Some(incident) = self.all.get_mut(&id) {
                    incident.resolved = Some(resolution);
                }
            }
        }
    }

    /// Notes an incident; its number and time are set here.
    ///
    /// # Errors
    /// `write-failed`; it is kept in memory all the same.
    pub fn open_one(&mut self, mut incident: Incident) -> (Incident, Result<(), Failure>) {
        incident.id = self.all.last_key_value().map_or(1, |(&last, _)| last + 1);
        incident.opened_ms = now_ms();
        let step = Step::Opened { incident: Box::new(incident.clone()) };
        let written = self.lines.append(&step).map(drop);
        self.apply(step);
        (incident, written)
    }

    /// Notes how one ended.
    ///
    /// # Errors
    /// `write-failed`; then it is open as before.
    pub fn resolve(&mut self, id: u64, resolution: Resolution) -> Result<(), Failure> {
        let step = Step::Resolved { id, resolution };
        self.lines.append(&step)?;
        self.apply(step);
        Ok(())
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<&Incident> {
        self.all.get(&id)
    }

    /// All of them, by number.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.all.values()
    }

    /// Those that nobody has dealt with.
    pub fn open_ones(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.all.values().filter(|incident| incident.resolved.is_none())
    }
}

/// Milliseconds since 1970 by this machine's clock. Never certified, never compared.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
