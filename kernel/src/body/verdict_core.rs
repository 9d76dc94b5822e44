//! The core of a verdict: what re-judging the same logs must reproduce to the bit.
//!
//! A decoded core obeys every rule that can be checked without the logs: sorted logs, counts that
//! fit each other, roots that fit their counts, and a verdict that fits its coverage. It refuses to
//! know what the evidence says: those bytes are opaque here (`schemas/evidence.md`).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::coverage::{CORE_PREDICATES, Coverage, core_slot};
use super::malformed;
use crate::bytes::{Malformed, Reader, Writer};
use crate::commitment::{STATE_FORMAT, StateCommitment};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::limits::{MAX_BATCH_EVENTS, MAX_LOG_NAME_BYTES, MAX_LOGS, MAX_STATE_IDS};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum VerdictKind {
    /// The logs glue to one history, which the state now holds.
    Merge = 1,
    /// They cannot, and the evidence says why; the state is as it was.
    Obstruction = 2,
}

impl VerdictKind {
    /// Reads the byte that stands for it.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let here = from.malformed("1 (merge) or 2 (obstruction)");
        match from.u8("a verdict")? {
            1 => Ok(VerdictKind::Merge),
            2 => Ok(VerdictKind::Obstruction),
            _ => Err(here),
        }
    }
}

/// A log that was judged. The order of the fields is the order that logs stand in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogEntry {
    /// Name in the log's header: 1 to 64 bytes of UTF-8 without control characters.
    pub name: String,
    /// Events, duplicates included.
    pub count: u64,
    /// Canonical Merkle root over them.
    pub root: Hash,
}

/// A verdict's core (`schemas/certificate.md`, "Verdict core").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Core {
    /// What was found.
    pub verdict: VerdictKind,
    /// The logs by (name, count, root), ascending. A copy of a log is its own, equal entry.
    pub logs: Vec<LogEntry>,
    /// Distinct event hashes that the prior state did not hold.
    pub trace_count: u64,
    /// Merkle root over them in canonical order.
    pub trace_root: Hash,
    /// Distinct ids of the batch.
    pub batch_id_count: u64,
    /// Root of the trie over them.
    pub batch_id_root: Hash,
    /// The state that the batch was judged against.
    pub prior: StateCommitment,
    /// The state after it.
    pub next: StateCommitment,
    /// Coverage of [`CORE_PREDICATES`], slot by slot.
    pub coverage: [Coverage; 8],
    /// Why the logs cannot agree: present exactly on an obstruction.
    pub evidence: Option<Vec<u8>>,
}

impl Core {
    /// Coverage of one predicate; none for 2001, which is an observation.
    pub fn coverage_of(&self, predicate: u16) -> Option<&Coverage> {
        self.coverage.get(core_slot(predicate)?)
    }

    /// Events of all logs, copies and duplicates included.
    pub fn occurrences(&self) -> u64 {
        self.logs.iter().fold(0u64, |sum, log| sum.saturating_add(log.count))
    }

    /// The packed core.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(self.verdict as u8).u32(super::count32(self.logs.len()));
        for log in &self.logs {
            out.u16(u16::try_from(log.name.len()).unwrap_or(u16::MAX)).put(log.name.as_bytes());
            out.u64(log.count).put(&log.root);
        }
        out.u64(self.trace_count).put(&self.trace_root);
        out.u64(self.batch_id_count).put(&self.batch_id_root);
        self.prior.write(&mut out);
        self.next.write(&mut out);
        for (predicate, coverage) in CORE_PREDICATES.iter().zip(&self.coverage) {
            out.u16(*predicate);
            coverage.write(&mut out);
        }
        if let Some(evidence) = &self.evidence {
            out.u32(super::count32(evidence.len())).put(evidence);
        }
        out.bytes
    }

    /// Reads exactly what [`Core::encode`] writes and checks every rule.
    ///
    /// # Errors
    /// `certificate-malformed` where shape or rule is broken, `limit-exceeded` past a cap.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        let core = Self::read(&mut from).map_err(malformed)?;
        from.end().map_err(malformed)?;
        core.validate()?;
        Ok(core)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let verdict = VerdictKind::read(from)?;
        let mut logs = Vec::new();
        for _ in 0..from.u32("the count of logs")? {
            logs.push(read_log(from)?);
        }
        let (trace_count, trace_root) = (from.u64("the trace count")?, from.array("the trace root")?);
        let (batch_id_count, batch_id_root) = (from.u64("the id count")?, from.array("the batch id root")?);
        let prior = StateCommitment::read(from)?;
        let next = StateCommitment::read(from)?;
        let mut coverage = [Coverage::default(); 8];
        for (predicate, slot) in CORE_PREDICATES.iter().zip(&mut coverage) {
            let here = from.malformed("the core's predicates in ascending order");
            if from.u16("a predicate")? != *predicate {
                return Err(here);
            }
            *slot = Coverage::read(from)?;
        }
        let evidence = match verdict {
            VerdictKind::Merge => None,
            VerdictKind::Obstruction => {
                let len = from.u32("the evidence's length")?;
                Some(from.take(super::index(len), "the evidence")?.to_vec())
            }
        };
        let mut core = Core {
            verdict,
            logs,
            trace_count,
            trace_root,
            batch_id_count,
            batch_id_root,
            prior,
            next,
            coverage,
            evidence,
        };
        core.logs.shrink_to_fit();
        Ok(core)
    }

    /// Checks every rule that a core obeys whatever the logs hold.
    ///
    /// # Errors
    /// As [`Core::decode`].
    pub fn validate(&self) -> Result<(), Fault> {
        self.check_logs()?;
        self.check_counts()?;
        self.check_coverage()?;
        check_commitment("prior state", &self.prior)?;
        check_commitment("next state", &self.next)?;
        match self.verdict {
            VerdictKind::Merge => self.check_merge(),
            VerdictKind::Obstruction => self.check_obstruction(),
        }
    }

    fn check_logs(&self) -> Result<(), Fault> {
        rule(!self.logs.is_empty(), "a verdict is about at least one log")?;
        limit(self.logs.len() as u64 <= u64::from(MAX_LOGS), "logs", u64::from(MAX_LOGS))?;
        rule(self.logs.windows(2).all(|pair| pair[0] <= pair[1]), "logs stand by (name, count, root)")?;
        for log in &self.logs {
            let len = log.name.len();
            rule((1..=MAX_LOG_NAME_BYTES).contains(&len), "a log's name has 1 to 64 bytes")?;
            rule(!log.name.chars().any(char::is_control), "a log's name has no control characters")?;
            root_fits(log.count, &log.root, &hash::MERKLE_EMPTY, "log")?;
        }
        limit(self.occurrences() <= u64::from(MAX_BATCH_EVENTS), "events", u64::from(MAX_BATCH_EVENTS))
    }

    fn check_counts(&self) -> Result<(), Fault> {
        root_fits(self.trace_count, &self.trace_root, &hash::MERKLE_EMPTY, "trace")?;
        root_fits(self.batch_id_count, &self.batch_id_root, &hash::TRIE_EMPTY, "batch id")?;
        rule((self.batch_id_count == 0) == (self.occurrences() == 0), "events have ids")
    }

    /// Units add up: occurrences, distinct ids, or distinct events (of which only the known ones
    /// may be missing from the trace).
    fn check_coverage(&self) -> Result<(), Fault> {
        let mut distinct_events = None;
        for (&predicate, coverage) in CORE_PREDICATES.iter().zip(&self.coverage) {
            rule(coverage.violated <= coverage.judged, "violated is part of judged")?;
            let units = coverage.units();
            let expected = match predicate {
                1002 | 1003 => Some(self.occurrences()),
                3001 => Some(self.batch_id_count),
                _ => *distinct_events.get_or_insert(units),
            };
            rule(units.is_some() && units == expected, "judged, skipped and known add up to the units")?;
        }
        let distinct_events = distinct_events.flatten().unwrap_or(0);
        rule(
            (self.batch_id_count..=self.occurrences()).contains(&distinct_events),
            "distinct events lie between distinct ids and occurrences",
        )?;
        rule(self.trace_count <= distinct_events, "the trace holds no more than the distinct events")?;
        let one_version_each = distinct_events == self.batch_id_count;
        rule(self.verdict == VerdictKind::Obstruction || one_version_each, "merged ids have one version")
    }

    fn check_merge(&self) -> Result<(), Fault> {
        rule(self.evidence.is_none(), "a merge has no evidence")?;
        rule(self.coverage.iter().all(|c| c.violated == 0), "a merge has no violation")?;
        let (prior, next) = (&self.prior, &self.next);
        rule(prior.state_format == next.state_format, "a verdict keeps the state format")?;
        rule(self.trace_count > 0 || prior == next, "only new events change the state")?;
        rule(
            prior.id_count.checked_add(self.trace_count) == Some(next.id_count),
            "a merge accepts exactly its trace",
        )?;
        let most = prior.frontier_count.saturating_add(self.trace_count);
        rule((prior.frontier_count..=most).contains(&next.frontier_count), "streams never disappear")
    }

    fn check_obstruction(&self) -> Result<(), Fault> {
        let evidence = self.evidence.as_ref();
        rule(evidence.is_some_and(|bytes| !bytes.is_empty()), "an obstruction has evidence")?;
        rule(self.prior == self.next, "an obstruction leaves the state as it was")
    }
}

fn read_log(from: &mut Reader<'_>) -> Result<LogEntry, Malformed> {
    let len = from.u16("the length of a log's name")?;
    let here = from.malformed("a log's name in UTF-8");
    let name = core::str::from_utf8(from.take(usize::from(len), "a log's name")?).map_err(|_| here)?;
    Ok(LogEntry {
        name: String::from(name),
        count: from.u64("a log's event count")?,
        root: from.array("a log's root")?,
    })
}

/// Rules of a commitment in the format that this kernel knows; another format's counts and roots
/// are data here, so that chains with later kernels can still be followed.
pub(crate) fn check_commitment(what: &str, state: &StateCommitment) -> Result<(), Fault> {
    if state.state_format != STATE_FORMAT {
        return Ok(());
    }
    limit(state.id_count <= MAX_STATE_IDS, "ids in a state", MAX_STATE_IDS)?;
    rule(state.frontier_count <= state.id_count, "a state has no more streams than ids")?;
    rule((state.frontier_count == 0) == (state.id_count == 0), "a state's ids belong to streams")?;
    root_fits(state.id_count, &state.id_root, &hash::TRIE_EMPTY, what)?;
    root_fits(state.frontier_count, &state.frontier_root, &hash::TRIE_EMPTY, what)
}

fn root_fits(count: u64, root: &Hash, empty: &hash::Domain, what: &str) -> Result<(), Fault> {
    if (count == 0) == (*root == empty.hash(b"")) {
        return Ok(());
    }
    Err(Fault::new(FaultCode::CertMalformed, format!("{what} root and count disagree on being empty")))
}

pub(super) fn rule(holds: bool, sentence: &str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::new(FaultCode::CertMalformed, format!("broken rule: {sentence}"))) }
}

pub(super) fn limit(holds: bool, what: &str, most: u64) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::new(FaultCode::LimitExceeded, format!("more than {most} {what}"))) }
}
