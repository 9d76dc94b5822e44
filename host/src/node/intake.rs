//! Taking events in: told apart from redeliveries, appended to segments, synced, acknowledged. Work
//! for an event does not grow with what is known; nothing is sorted here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use omega_kernel::frame::{Frames, HEADER_BYTES, LogHeader};
use omega_kernel::hash::Hash;
use omega_kernel::wire::Message;

use super::batch::Batch;
use super::index::Index;
use super::segments::{Part, Place, Segments, Source};
use super::steps::{Step, Steps};
use super::waiting::Waiting;
use crate::disk::Volume;
use crate::failure::Failure;

/// Events of one source that came together: whole frames, checked.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Who sends them.
    pub source: Source,
    /// Frames behind one another.
    pub frames: Vec<u8>,
    /// Each of them.
    pub marks: Vec<Mark>,
    /// Ids that they depend on, one event's behind another's.
    pub deps: Vec<u128>,
}

/// One frame of a submission.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Id of its event.
    pub id: u128,
    /// Where it begins.
    pub from: u32,
    /// Where it ends.
    pub to: u32,
    /// How many ids it depends on.
    pub deps: u32,
}

/// What became of a submission: it is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events that were appended.
    pub accepted: u64,
    /// Events that the source had sent before, byte for byte.
    pub duplicates: u64,
    /// Where those that were appended are; none where none were.
    pub part: Option<Part>,
}

/// What takes events in.
#[derive(Debug)]
pub struct Intake<V: Volume> {
    volume: V,
    segments: Segments<V>,
    index: Arc<RwLock<Index>>,
    waiting: Waiting,
    steps: Steps,
}

/// A submission's new frames, not yet synced.
#[derive(Default)]
struct Staged {
    frames: Vec<u8>,
    marks: Vec<Mark>,
    deps: Vec<u128>,
    duplicates: u64,
    /// Some of these came in the same group: they are on disk when that is.
    leans: bool,
    place: Option<Place>,
}

impl<V: Volume> Intake<V> {
    /// Goes on with segments that were recovered.
    pub fn new(volume: V, segments: Segments<V>, index: Arc<RwLock<Index>>, steps: Steps) -> Self {
        Intake { volume, segments, index, waiting: Waiting::default(), steps }
    }

    /// Takes a group of submissions: one write for each, one sync for each source. A receipt says that
    /// the events are on disk; a failure, that none of this submission's are.
    pub fn submit(&mut self, group: Vec<Submission>) -> Vec<Result<Receipt, Failure>> {
        let mut failed: BTreeMap<Source, Failure> = BTreeMap::new();
        // Events of this group by id: no index knows them yet.
        let mut seen: HashMap<u128, Vec<(Source, Option<Hash>)>> = HashMap::new();
        let mut staged = Vec::with_capacity(group.len());
        for submission in &group {
            let mut new = self.new_events(submission, &mut seen);
            if !new.marks.is_empty() && !failed.contains_key(&submission.source) {
                self.steps.write(submission, &new.marks, &new.frames);
                match self.segments.append(&submission.source, &new.frames) {
                    Ok(place) => new.place = Some(place),
                    Err(failure) => _ = failed.insert(Arc::clone(&submission.source), failure),
                }
            }
            staged.push(new);
        }
        failed.extend(self.segments.sync());
        let results = group.iter().zip(staged);
        results
            .map(|(submission, new)| match failed.get(&submission.source) {
                Some(failure) if new.leans || !new.marks.is_empty() => {
                    if !new.marks.is_empty() {
                        let refuse = |events| Step::Refuse { events };
                        self.steps.of(submission, &new.marks, &new.frames, refuse);
                    }
                    Err(failure.clone())
                }
                _ => self.settle(submission, &new),
            })
            .collect()
    }

    /// Leaves out what this source sent before.
    fn new_events(
        &self,
        submission: &Submission,
        seen: &mut HashMap<u128, Vec<(Source, Option<Hash>)>>,
    ) -> Staged {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let mut new = Staged::default();
        let mut deps = &submission.deps[..];
        for mark in &submission.marks {
            let (its_deps, rest) = deps.split_at_checked(mark.deps as usize).unwrap_or_default();
            deps = rest;
            let frame = &submission.frames[mark.from as usize..mark.to as usize];
            let hash = event_hash(frame);
            let is_it = |place: Place| {
                self.segments.source(place.segment) == Some(&submission.source)
                    && self.stored_hash(place) == hash
            };
            let in_group = seen.entry(mark.id).or_default();
            let mine = (Arc::clone(&submission.source), hash);
            let leans = in_group.contains(&mine);
            if leans || index.places(mark.id).any(is_it) {
                new.duplicates += 1;
                new.leans |= leans;
                continue;
            }
            in_group.push(mine);
            let from = new.frames.len() as u32;
            new.frames.extend_from_slice(frame);
            new.deps.extend_from_slice(its_deps);
            new.marks.push(Mark { from, to: new.frames.len() as u32, ..*mark });
        }
        new
    }

    fn stored_hash(&self, place: Place) -> Option<Hash> {
        event_hash(&Segments::frame(&self.volume, place).ok()?)
    }

    /// Notes what is on disk now.
    fn settle(&mut self, submission: &Submission, new: &Staged) -> Result<Receipt, Failure> {
        let duplicates = new.duplicates;
        let acknowledge = |events| Step::Acknowledge { events };
        let Some(place) = new.place else {
            self.steps.of(submission, &submission.marks, &submission.frames, acknowledge);
            return Ok(Receipt { duplicates, ..Receipt::default() });
        };
        self.steps.of(submission, &new.marks, &new.frames, |events| Step::Sync { events });
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for mark in &new.marks {
            index.insert(mark.id, Place { offset: place.offset + mark.from, ..place });
            self.waiting.came(mark.id);
        }
        new.deps.iter().filter(|id| !index.holds(**id)).for_each(|id| self.waiting.misses(*id));
        drop(index);
        let from = u64::from(place.offset);
        let accepted = new.marks.len() as u64;
        let part =
            Part { segment: place.segment, from, to: from + new.frames.len() as u64, events: accepted };
        self.waiting.push(&submission.source, part, &new.frames, new.deps.len() as u64)?;
        self.steps.of(submission, &submission.marks, &submission.frames, acknowledge);
        Ok(Receipt { accepted, duplicates, part: Some(part) })
    }

    /// Puts events that are on disk among those that wait to be judged, but for `without`.
    ///
    /// # Errors
    /// `store-damaged` where they are not there; those of the file system.
    pub fn gather(&mut self, part: &Part, without: &BTreeSet<Place>) -> Result<(), Failure> {
        let Some(source) = self.segments.source(part.segment).cloned() else {
            return Err(Failure::internal("events of a segment that is not there"));
        };
        let mut log = LogHeader::new(&source)?.encode().to_vec();
        Segments::read_part(&self.volume, part, &mut log)?;
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        for frame in Frames::new(&log)?.1 {
            let frame = frame?;
            let Message::Event(event) = &frame.message else { continue };
            let from = part.from + (frame.offset - HEADER_BYTES as u64);
            if !without.contains(&Place { segment: part.segment, offset: from as u32 }) {
                let part = Part { from, to: from + frame.bytes.len() as u64, events: 1, ..*part };
                event.dep_ids().filter(|id| !index.holds(*id)).for_each(|id| self.waiting.misses(id));
                self.waiting.push(&source, part, frame.bytes, event.dep_count().into())?;
            }
        }
        Ok(())
    }

    /// Events that wait to be judged.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// The next batch of them.
    pub fn take(&mut self) -> Batch {
        self.waiting.take()
    }

    /// The segments.
    pub fn segments(&self) -> &Segments<V> {
        &self.segments
    }
}

/// Hash of the event in a frame; none for what is no event.
pub fn event_hash(frame: &[u8]) -> Option<Hash> {
    match omega_kernel::wire::decode(frame.get(8..)?).ok()? {
        Message::Event(event) => Some(event.event_hash(&mut Vec::new())),
        Message::Head(_) => None,
    }
}
