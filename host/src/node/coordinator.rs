//! Reconciling: a batch goes in, certificates come out. On a conflict the events that it takes are
//! set aside and the rest is judged again, until something is left that agrees, or nothing.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use data_encoding::HEXLOWER;
use omega_kernel::certificate::Certificate;
use omega_kernel::evidence;
use omega_verify::conflict::View;

use super::batch::Batch;
use super::certifier::Certifier;
use super::checker::Judgement;
use super::index::Index;
use super::journal::{Journal, Judged, Step};
use super::quarantine::{self, Division};
use super::ranges::{Fate, Ranges};
use super::segments::Part;
use super::steps;
use crate::disk::Volume;
use crate::failure::Failure;

/// Conflicts of one batch after which everything of a log that is in one is set aside.
const MOST_CONFLICTS: u32 = 4;
/// The schedule of the run that is signed: the straightforward one. Past batches are judged again
/// under others.
const REPLAY_SEED: u64 = 0;

/// What judges.
pub trait Judge<D> {
    /// Judges a batch; a merge moves the state on.
    ///
    /// # Errors
    /// A failure is no verdict.
    fn judge(&mut self, batch: &Arc<Batch>) -> Result<Judgement, Failure>;

    /// Judges an obstruction's evidence again, alone.
    ///
    /// # Errors
    /// Where it does not show what it names.
    fn rejudge(&mut self, certificate: &[u8]) -> Result<(), Failure>;

    /// A batch could not be judged. True where something was done about it, so that it is worth another
    /// try: another kernel put in place, which takes a certificate.
    ///
    /// # Errors
    /// `write-failed` where that certificate cannot be stored.
    fn rescue(
        &mut self,
        _failure: &Failure,
        _certifier: &mut Certifier<D>,
        _stalled: &mut dyn FnMut(&Failure) -> bool,
    ) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// Where events are and what has become of them, for all who look.
#[derive(Debug)]
pub struct Known<V: Volume> {
    /// Folder of the segments.
    pub segments: V,
    /// Where every event is.
    pub index: Arc<RwLock<Index>>,
    /// What has become of each.
    pub ranges: Arc<RwLock<Ranges>>,
    /// Which batch each was judged in.
    pub journal: Arc<Mutex<Journal<V>>>,
}

impl<V: Volume> Clone for Known<V> {
    fn clone(&self) -> Self {
        Known {
            segments: self.segments.clone(),
            index: Arc::clone(&self.index),
            ranges: Arc::clone(&self.ranges),
            journal: Arc::clone(&self.journal),
        }
    }
}

impl<V: Volume> Known<V> {
    /// Whether an id was accepted.
    pub fn accepted(&self, id: u128) -> bool {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let ranges = self.ranges.read().unwrap_or_else(PoisonError::into_inner);
        index.places(id).any(|place| matches!(ranges.fate(place), Some(Fate::Accepted(_))))
    }

    fn set(&self, parts: impl IntoIterator<Item = Part>, fate: Option<Fate>) {
        let mut ranges = self.ranges.write().unwrap_or_else(PoisonError::into_inner);
        parts.into_iter().for_each(|part| ranges.set(&part, fate));
    }

    /// Notes a step of the journal.
    pub fn apply(&self, step: &Step) {
        let all = |logs: &[super::journal::LogParts]| -> Vec<Part> {
            logs.iter().flat_map(|log| log.parts.iter().copied()).collect()
        };
        match step {
            Step::Judged(judged) if judged.merged => {
                self.set(all(&judged.logs), Some(Fate::Accepted(judged.height)));
            }
            Step::Judged(judged) => {
                self.set(judged.quarantined.iter().copied(), Some(Fate::Quarantined(judged.height)));
            }
            Step::Unjudged { after, logs } => self.set(all(logs), Some(Fate::Unjudged(*after))),
            Step::Released { parts } => self.set(parts.iter().copied(), None),
        }
    }

    /// Writes a step down, then notes it.
    ///
    /// # Errors
    /// `write-failed`: nothing was noted.
    pub fn step(&self, step: &Step) -> Result<(), Failure> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).append(step)?;
        self.apply(step);
        Ok(())
    }
}

/// A verdict that is certified and stored.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Its certificate.
    pub certificate: Arc<Certificate>,
    /// What was judged.
    pub batch: Arc<Batch>,
    /// What was set aside, where they conflict.
    pub conflict: Option<Aside>,
}

/// What a conflict set aside.
#[derive(Debug, Clone)]
pub struct Aside {
    /// The conflict, told.
    pub view: Arc<View>,
    /// Where the events are.
    pub parts: Vec<Part>,
    /// Their ids.
    pub ids: Vec<u128>,
}

/// How a batch ended.
#[derive(Debug)]
pub enum End {
    /// All of it is settled.
    Settled,
    /// What was left of it could not be judged and is set aside.
    Unjudged {
        /// Why.
        failure: Failure,
        /// What was left.
        batch: Arc<Batch>,
    },
}

/// A batch in two, and the conflict, told.
type Divided = (Division, Arc<View>);

/// Drives batches through a checker to the chain.
pub struct Coordinator<V: Volume> {
    /// What is known of events.
    pub known: Known<V>,
    /// The chain.
    pub certifier: Certifier<V::Disk>,
}

impl<V: Volume> Coordinator<V> {
    /// Settles a batch; `each` hears of every certificate once it is stored. `stalled` hears why
    /// nothing can be written; while it gives true, writing is tried again.
    ///
    /// # Errors
    /// `write-failed` when `stalled` has given up: what is not certified is judged again when the node
    /// starts, and nothing is before. Whatever else there is is a defect.
    pub fn settle(
        &mut self,
        batch: Batch,
        judge: &mut dyn Judge<V::Disk>,
        stalled: &mut dyn FnMut(&Failure) -> bool,
        each: &mut dyn FnMut(Settled),
    ) -> Result<End, Failure> {
        self.certifier.goes_on()?;
        self.settle_all(batch, judge, stalled, each).inspect_err(|_| self.certifier.stop())
    }

    fn settle_all(
        &mut self,
        batch: Batch,
        judge: &mut dyn Judge<V::Disk>,
        stalled: &mut dyn FnMut(&Failure) -> bool,
        each: &mut dyn FnMut(Settled),
    ) -> Result<End, Failure> {
        let mut batch = Arc::new(batch);
        let mut conflicts = 0;
        loop {
            let (certificate, division) = match self.verdict(&batch, judge, conflicts) {
                Ok(verdict) => verdict,
                Err(failure) => match judge.rescue(&failure, &mut self.certifier, stalled)? {
                    true => continue,
                    false => return self.unjudged(batch, failure, stalled),
                },
            };
            let batch_id = certificate.fields().batch_id;
            let step = Step::Judged(Judged {
                height: certificate.fields().height,
                batch_id,
                body_hash: HEXLOWER.encode(&certificate.body_hash()),
                logs: batch.parts(),
                merged: division.is_none(),
                quarantined: division.iter().flat_map(|(division, _)| division.aside.clone()).collect(),
            });
            self.note_verdict(&certificate, &batch, division.as_ref());
            persist(stalled, || {
                self.known.journal.lock().unwrap_or_else(PoisonError::into_inner).append(&step)
            })?;
            self.certifier.steps.note(|| steps::Step::Journal);
            persist(stalled, || self.certifier.append(&certificate))?;
            self.known.apply(&step);
            let settled = Settled {
                certificate: Arc::new(certificate),
                batch: Arc::clone(&batch),
                conflict: division.as_ref().map(|(division, view)| Aside {
                    view: Arc::clone(view),
                    parts: division.aside.clone(),
                    ids: division.ids.clone(),
                }),
            };
            each(settled);
            match division {
                Some((division, _)) if division.rest.events > 0 => batch = Arc::new(division.rest),
                _ => return Ok(End::Settled),
            }
            conflicts += 1;
        }
    }

    /// A verdict that can be certified: it continues the chain, and a conflict shows what it names. A
    /// kernel that says anything else has failed.
    fn verdict(
        &self,
        batch: &Arc<Batch>,
        judge: &mut dyn Judge<V::Disk>,
        conflicts: u32,
    ) -> Result<(Certificate, Option<Divided>), Failure> {
        let judgement = judge.judge(batch)?;
        let batch_id = self.certifier.head().last_batch_id + 1;
        let certificate =
            self.certifier.verdict(batch_id, REPLAY_SEED, &judgement.verdict.body, judgement.engines)?;
        let division = match judgement.verdict.merged {
            true => None,
            false => Some(self.divide(batch, &judgement, &certificate, judge, conflicts)?),
        };
        Ok((certificate, division))
    }

    fn divide(
        &self,
        batch: &Batch,
        judgement: &Judgement,
        certificate: &Certificate,
        judge: &mut dyn Judge<V::Disk>,
        conflicts: u32,
    ) -> Result<Divided, Failure> {
        judge.rejudge(certificate.bytes())?;
        let (core, observations) = (&judgement.core, &judgement.observations);
        let conflict = evidence::check(core, &observations.payload)?;
        let view = View::of(core, observations)?;
        let whole_log = view.events.first().filter(|_| conflicts >= MOST_CONFLICTS);
        let anchor_log = whole_log.map(|event| event.log.as_str());
        let division = quarantine::divide(batch, &conflict, anchor_log, &|id| self.known.accepted(id))?;
        Ok((division, Arc::new(view)))
    }

    fn unjudged(
        &self,
        batch: Arc<Batch>,
        failure: Failure,
        stalled: &mut dyn FnMut(&Failure) -> bool,
    ) -> Result<End, Failure> {
        let step = Step::Unjudged { after: self.certifier.head().height, logs: batch.parts() };
        self.certifier.steps.note(|| steps::Step::GiveUp { events: steps::entries(&batch) });
        persist(stalled, || self.known.step(&step))?;
        self.certifier.steps.note(|| steps::Step::Journal);
        Ok(End::Unjudged { failure, batch })
    }

    fn note_verdict(&self, certificate: &Certificate, batch: &Batch, division: Option<&Divided>) {
        self.certifier.steps.note(|| {
            let height = steps::height(certificate);
            let hash = steps::hex(&certificate.chain_hash());
            let kernel = steps::hex(&certificate.fields().binding.kernel_hash);
            let events = steps::entries(batch);
            let Some((division, view)) = division else {
                return steps::Step::EmitMerge { height, hash, kernel, events };
            };
            let rest = steps::entries(&division.rest);
            let aside = events.iter().filter(|entry| !rest.contains(entry)).cloned().collect();
            let (predicate, anchor) = (view.predicate, view.conflicting_ids.first().cloned());
            let anchor = anchor.unwrap_or_default();
            steps::Step::EmitObstruction { height, hash, kernel, predicate, anchor, events, aside }
        });
    }
}

/// Tries to write until it succeeds or nobody waits any more.
///
/// # Errors
/// That of the last try.
pub fn persist(
    stalled: &mut dyn FnMut(&Failure) -> bool,
    mut write: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        match write() {
            Err(failure) if stalled(&failure) => {}
            done => return done,
        }
    }
}
