//! A session: a state that lives across batches, and the batch at hand.

use alloc::format;
use alloc::vec::Vec;

use crate::batch::{Batch, ReadLog};
use crate::body::VerdictKind;
use crate::entry::Entries;
use crate::evidence::{self, Witness};
use crate::fault::{Fault, FaultCode};
use crate::fold;
use crate::frame::LogHeader;
use crate::limits;
use crate::run::Run;
use crate::scan::{ScanPart, Scanner};
use crate::state::State;
use crate::wire::Head;

/// How a log of a batch is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogInput {
    /// Judge only the log's first events, so many; what follows them is not looked at.
    pub limit: Option<u64>,
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Merge or obstruction.
    pub kind: VerdictKind,
    /// The body: `core_len ‖ core ‖ observations_len ‖ observations`.
    pub body: Vec<u8>,
    /// Per log, in the caller's order.
    pub logs: Vec<FinishedLog>,
}

/// A log after judging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedLog {
    /// Its place among the core's logs.
    pub rank: u32,
    /// Events judged.
    pub events: u64,
    /// Bytes read: to the end, or to behind the last event that was to be judged.
    pub bytes_used: u64,
}

/// A state, and the batch that is being fed, if any.
///
/// Logs may be fed in any order and interleaved; each either as bytes ([`Session::feed`]) or as
/// runs ([`Session::absorb`]).
#[derive(Debug, Default)]
pub struct Session {
    state: State,
    batch: Option<Feeding>,
}

#[derive(Debug)]
struct Feeding {
    entries: Entries,
    logs: Vec<FeedingLog>,
}

#[derive(Debug)]
enum FeedingLog {
    /// Nothing came yet.
    Waiting(LogInput),
    /// Bytes come.
    Fed(Scanner),
    /// Runs come.
    Absorbed(Joined),
    /// Damaged; the fault is kept until all logs were heard.
    Faulty(Fault),
}

/// The runs of a log that came so far, joined.
#[derive(Debug, Default)]
struct Joined {
    header: Option<LogHeader>,
    head: Option<Head>,
    events: u64,
    end: u64,
    complete: bool,
}

impl Session {
    /// A session at genesis: nothing was accepted yet.
    pub fn genesis() -> Self {
        Session::default()
    }

    /// A session that goes on from a state.
    pub fn from_state(state: State) -> Self {
        Session { state, batch: None }
    }

    /// The state that accepted batches left.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Starts a batch of so many logs.
    ///
    /// # Errors
    /// [`FaultCode::SessionMisuse`] while a batch is open, [`FaultCode::LimitExceeded`] for no log
    /// or too many.
    pub fn begin_batch(&mut self, logs: &[LogInput]) -> Result<(), Fault> {
        if self.batch.is_some() {
            return Err(misuse("a batch is open; finish or abort it first"));
        }
        if logs.is_empty() || logs.len() > limits::MAX_LOGS as usize {
            let why = format!("a batch has 1 to {} logs", limits::MAX_LOGS);
            return Err(Fault::new(FaultCode::LimitExceeded, why));
        }
        let logs = logs.iter().map(|&input| FeedingLog::Waiting(input)).collect();
        self.batch = Some(Feeding { entries: Entries::default(), logs });
        Ok(())
    }

    /// Hands over the next bytes of a log, in chunks cut anywhere; how many of its events were read so far,
    /// at most its limit.
    ///
    /// # Errors
    /// The log's first fault, at once and on every later call; the batch then has no verdict.
    pub fn feed(&mut self, log: u32, bytes: &[u8]) -> Result<u64, Fault> {
        let (slot, entries) = self.slot(log)?;
        if let FeedingLog::Waiting(input) = slot {
            *slot = FeedingLog::Fed(Scanner::new(ScanPart { log, offset: 0, limit: input.limit }));
        }
        match slot {
            FeedingLog::Fed(scanner) => {
                scanner.push(bytes, entries)?;
                Ok(scanner.events())
            }
            _ => Err(misuse("a log comes as bytes or as runs, not as both").in_log(log)),
        }
    }

    /// Hands over the next whole run of a log. Runs come in the order of the parts they cover.
    ///
    /// # Errors
    /// As [`Session::feed`]; [`FaultCode::RunMalformed`], [`FaultCode::RunsIncomplete`].
    pub fn absorb(&mut self, log: u32, run: &[u8]) -> Result<(), Fault> {
        let (slot, entries) = self.slot(log)?;
        match slot {
            FeedingLog::Waiting(input) if input.limit.is_some() => {
                return Err(misuse("a limit is the scanner's, where a log comes as runs").in_log(log));
            }
            FeedingLog::Waiting(_) => *slot = FeedingLog::Absorbed(Joined::default()),
            _ => {}
        }
        let result = match slot {
            FeedingLog::Absorbed(joined) => Run::open(run).and_then(|run| joined.take(run, entries, log)),
            FeedingLog::Faulty(fault) => Err(fault.clone()),
            _ => return Err(misuse("a log comes as bytes or as runs, not as both").in_log(log)),
        };
        result.map_err(|fault| {
            let fault = fault.in_log(log);
            *slot = FeedingLog::Faulty(fault.clone());
            fault
        })
    }

    /// Ends the batch: judges it, and on a merge takes it into the state.
    ///
    /// # Errors
    /// With several damaged logs the fault of the first, in the caller's order; a head that does
    /// not fit; a limit. The state then stays as it was. The batch is closed either way.
    pub fn finish(&mut self) -> Result<Finished, Fault> {
        let (entries, read, mut logs) = self.end_feeding()?;
        let verdict = fold::fold(entries, read, &mut self.state)?;
        for (log, rank) in logs.iter_mut().zip(&verdict.ranks) {
            log.rank = *rank;
        }
        Ok(Finished { kind: verdict.kind, body: verdict.body, logs })
    }

    /// Ends the batch without judging it: proves that its logs hold an id, once for each
    /// occurrence, in canonical order, up to [`limits::MAX_PROVED_OCCURRENCES`]. The proofs lead to the log roots that [`Session::finish`]
    /// would have stated.
    ///
    /// # Errors
    /// As [`Session::finish`].
    pub fn prove_event(&mut self, id: u128) -> Result<Vec<Witness>, Fault> {
        let (entries, read, _) = self.end_feeding()?;
        let batch = Batch::new(entries, read, &self.state)?;
        let Some(index) = batch.ids.find(id) else { return Ok(Vec::new()) };
        let events = batch.ids.versions(index).iter();
        Ok(events
            .flat_map(|&event| batch.occurrences(event))
            .take(limits::MAX_PROVED_OCCURRENCES as usize)
            .map(|place| evidence::witness(&batch, place))
            .collect())
    }

    /// Drops the batch at hand, if any.
    pub fn abort(&mut self) {
        self.batch = None;
    }

    /// Closes the batch: all entries, and the logs in the caller's order.
    fn end_feeding(&mut self) -> Result<(Entries, Vec<ReadLog>, Vec<FinishedLog>), Fault> {
        let Some(batch) = self.batch.take() else { return Err(misuse("no batch is open")) };
        let mut read = Vec::with_capacity(batch.logs.len());
        let mut logs = Vec::with_capacity(batch.logs.len());
        for (log, feeding) in (0u32..).zip(batch.logs) {
            let (whole, events, bytes_used) = finish_log(feeding).map_err(|fault| fault.in_log(log))?;
            read.push(whole);
            logs.push(FinishedLog { rank: 0, events, bytes_used });
        }
        batch.entries.check_room()?;
        Ok((batch.entries, read, logs))
    }

    fn slot(&mut self, log: u32) -> Result<(&mut FeedingLog, &mut Entries), Fault> {
        let Some(batch) = &mut self.batch else { return Err(misuse("no batch is open")) };
        match batch.logs.get_mut(log as usize) {
            Some(slot) => Ok((slot, &mut batch.entries)),
            None => Err(misuse("the batch has no log of this index").in_log(log)),
        }
    }
}

/// The log with its count of events and of bytes used.
fn finish_log(feeding: FeedingLog) -> Result<(ReadLog, u64, u64), Fault> {
    let (header, head, events, end) = match feeding {
        FeedingLog::Faulty(fault) => return Err(fault),
        FeedingLog::Waiting(_) => {
            return finish_log(FeedingLog::Fed(Scanner::new(ScanPart::default())));
        }
        FeedingLog::Fed(scanner) => {
            let events = scanner.events();
            let part = scanner.finish(true)?;
            (part.header, part.head, events, part.end)
        }
        FeedingLog::Absorbed(joined) if !joined.complete => {
            return Err(Fault::new(FaultCode::RunsIncomplete, "the log's last run is missing").at(joined.end));
        }
        FeedingLog::Absorbed(joined) => (joined.header, joined.head, joined.events, joined.end),
    };
    match header {
        Some(LogHeader { name, schema_hash }) => Ok((ReadLog { name, schema_hash, head }, events, end)),
        None => Err(Fault::new(FaultCode::RunsIncomplete, "the log's first run is missing").at(0)),
    }
}

impl Joined {
    fn take(&mut self, run: Run<'_>, entries: &mut Entries, log: u32) -> Result<(), Fault> {
        let part = &run.part;
        if self.complete || part.start != self.end {
            let why =
                format!("the run starts at byte {}, but the one before it ends at {}", part.start, self.end);
            return Err(Fault::new(FaultCode::RunsIncomplete, why).at(part.start));
        }
        run.append_to(entries, log)?;
        self.events += run.events() as u64;
        let part = run.part;
        self.header = self.header.take().or(part.header);
        // An empty part leaves the last frame what it was.
        if part.end > part.start {
            self.head = part.head;
        }
        self.end = part.end;
        self.complete = part.last;
        Ok(())
    }
}

fn misuse(why: &str) -> Fault {
    Fault::new(FaultCode::SessionMisuse, why)
}
