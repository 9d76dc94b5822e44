//! Logs at hand, and which of the logs of a verdict each of them is.
//!
//! A verdict names its logs by name, count and root; a file may have grown since. So files are
//! matched by name, and judged up to the count that was judged then. Where several files could
//! stand for one log (copies of it, or forks), the root of their first events tells; where that
//! tells nothing, size does. Whether it is the same log is not decided here: judging says so.
//!
//! Which file stands for which log needs no counting where each name is there once. Then a log's
//! events are counted behind those that were judged, when these were: it is read once.
//!
//! A stream comes once, so it is not counted before: it stands for a log of its name that no file
//! stands for, and is judged whole.

use std::cell::{Cell, OnceCell};

use omega_kernel::body::LogEntry;
use omega_kernel::entry::Entries;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{FrameAt, HEADER_BYTES, LogHeader, frame_at, message_fault};
use omega_kernel::hash::Hash;
use omega_kernel::merkle::Accumulator;
use omega_kernel::scan::{ScanPart, Scanner};
use omega_kernel::wire::{self, Message};

use crate::failure::{Failure, HostCode};
use crate::platform::{Log, Source};

/// Bytes looked at in one go while events are counted.
const CHUNK_BYTES: usize = 4 << 20;

/// A log, opened.
#[derive(Debug)]
pub struct Input<S> {
    /// Its bytes.
    pub source: S,
    /// The name in its header.
    pub name: String,
    /// None before it was counted, and for a stream.
    counted: OnceCell<Counted>,
    /// A stream that was read.
    spent: Cell<bool>,
}

/// What counting a log's events found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counted {
    /// Events up to its end, or up to where it is damaged or torn.
    events: u64,
    /// Why no more could be counted; none where the log ends after its last frame.
    ends: Option<Fault>,
}

impl<S> Input<S> {
    /// Events up to its end, or up to where it is damaged or torn; none for a stream and before they
    /// were counted.
    pub fn events(&self) -> Option<u64> {
        self.counted.get().map(|counted| counted.events)
    }

    /// Why no more could be counted; none where the log ends after its last frame.
    pub fn ends(&self) -> Option<&Fault> {
        self.counted.get()?.ends.as_ref()
    }
}

impl<S: Source> Input<S> {
    /// Reads a log's header. Its events are counted by whoever needs their number.
    ///
    /// # Errors
    /// Those of reading, and the kernel's where it does not start like a log.
    pub async fn open(source: S) -> Result<Self, Failure> {
        let mut header = vec![0; HEADER_BYTES];
        let read = source.read_at(0, &mut header).await?;
        let header =
            LogHeader::decode(&header[..read]).map_err(|fault| Failure::from(fault).file(&*source.name()))?;
        Ok(Input { source, name: header.name, counted: OnceCell::new(), spent: Cell::new(false) })
    }

    /// Counts all events, unless that was done or it is a stream.
    async fn count(&self) -> Result<(), Failure> {
        self.count_behind(0, HEADER_BYTES as u64).await
    }

    /// Counts the events from a frame on, before which there are `before`, unless they were counted.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn count_behind(&self, before: u64, frame: u64) -> Result<(), Failure> {
        if self.source.rereadable() && self.counted.get().is_none() {
            let Counted { events, ends } = count(&self.source, frame).await?;
            let _ = self.counted.set(Counted { events: before.saturating_add(events), ends });
        }
        Ok(())
    }

    /// Notes that a stream is read now.
    pub fn spend(&self) {
        self.spent.set(true);
    }

    fn holds(&self, count: u64) -> bool {
        self.events().is_some_and(|events| events >= count)
    }

    fn streams(&self) -> bool {
        !self.source.rereadable() && !self.spent.get()
    }

    /// Canonical root of the first events, so many; there must be as many.
    async fn root_of_first(&self, count: u64) -> Result<Hash, Failure> {
        let in_file = |fault| Failure::from(fault).file(&*self.source.name());
        let part = ScanPart { limit: Some(count), ..ScanPart::default() };
        let (mut scanner, mut entries) = (Scanner::new(part), Entries::default());
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        while scanner.events() < count {
            let read = self.source.read_at(offset, &mut buffer).await?;
            if read == 0 {
                break;
            }
            scanner.push(&buffer[..read], &mut entries).map_err(in_file)?;
            offset += read as u64;
        }
        entries.sort();
        let mut root = Accumulator::new();
        entries.list.iter().for_each(|entry| root.push(entries.leaf(entry)));
        Ok(root.root())
    }
}

/// The file that stands for one log of a verdict.
#[derive(Debug)]
pub struct Placed<'i, S> {
    /// The file.
    pub input: &'i Input<S>,
    /// Its index among the files.
    pub index: usize,
    /// Events that the verdict is about.
    pub count: u64,
}

impl<'i, S: Source> Placed<'i, S> {
    /// Events that came since, as far as they were counted.
    pub fn newer(&self) -> u64 {
        self.input.events().map_or(0, |events| events.saturating_sub(self.count))
    }

    /// Whether anything follows the events that were judged: more events, or damage.
    pub fn grown(&self) -> bool {
        self.newer() > 0 || self.input.ends().is_some()
    }

    /// What is judged: all of the log, its head included, or its first events. Of a log that was not
    /// counted its first events too: where there are no others, that is all of it.
    pub fn log(&self) -> Log<'i, S> {
        let uncounted = self.input.source.rereadable() && self.input.events().is_none();
        Log { source: &self.input.source, limit: (uncounted || self.grown()).then_some(self.count) }
    }
}

/// As [`place`] where that can be told without counting: each log's name is there once, among the logs
/// and among the files, and none of them is a stream. Of files that were not counted it is not seen
/// whether they are long enough.
pub fn place_uncounted<'i, S: Source>(
    logs: &[LogEntry],
    inputs: &'i [Input<S>],
) -> Option<Vec<Placed<'i, S>>> {
    let alone = |entry: &LogEntry| {
        let mut fit = (0..inputs.len()).filter(|&index| inputs[index].name == entry.name);
        let index = fit.next().filter(|&index| inputs[index].source.rereadable())?;
        let once = logs.iter().filter(|log| log.name == entry.name).count() == 1;
        let short = inputs[index].events().is_some_and(|events| events < entry.count);
        (once && !short && fit.next().is_none()).then(|| Placed {
            input: &inputs[index],
            index,
            count: entry.count,
        })
    };
    logs.iter().map(alone).collect()
}

/// Finds for each log of a verdict, in their order, the file that stands for it. Counts the events of
/// all files.
///
/// # Errors
/// Those of reading. The fault of a damaged file; `log-missing` where a log is not there or too short.
pub async fn place<'i, S: Source>(
    logs: &[LogEntry],
    inputs: &'i [Input<S>],
) -> Result<Vec<Placed<'i, S>>, Failure> {
    for input in inputs {
        input.count().await?;
    }
    let mut placed: Vec<Option<usize>> = vec![None; logs.len()];
    let mut free: Vec<bool> = vec![true; inputs.len()];
    let fits = |entry: &LogEntry, input: &Input<S>| input.name == entry.name;
    for (entry, place) in logs.iter().zip(&mut placed) {
        let could = |&index: &usize| fits(entry, &inputs[index]) && inputs[index].holds(entry.count);
        if (0..inputs.len()).filter(could).count() < 2 {
            continue;
        }
        for index in (0..inputs.len()).filter(could) {
            if free[index] && inputs[index].root_of_first(entry.count).await? == entry.root {
                free[index] = false;
                *place = Some(index);
                break;
            }
        }
    }
    for (entry, place) in logs.iter().zip(&mut placed).filter(|(_, place)| place.is_none()) {
        let exact = inputs.iter().zip(&free).position(|(input, free)| {
            *free && fits(entry, input) && input.events() == Some(entry.count) && input.ends().is_none()
        });
        if let Some(index) = exact {
            free[index] = false;
            *place = Some(index);
        }
    }
    // The longest logs take the longest files: if any assignment fits, this one does.
    for (entry, place) in logs.iter().zip(&mut placed).rev().filter(|(_, place)| place.is_none()) {
        let could = |&index: &usize| free[index] && fits(entry, &inputs[index]);
        let counted = (0..inputs.len()).filter(could).filter(|&index| inputs[index].events().is_some());
        let longest = counted.max_by_key(|&index| inputs[index].events());
        let long_enough = longest.filter(|&index| inputs[index].holds(entry.count));
        let stream = || (0..inputs.len()).filter(could).find(|&index| inputs[index].streams());
        let Some(index) = long_enough.or_else(stream) else {
            return Err(match longest {
                Some(index) => short(entry, &inputs[index], inputs[index].events().unwrap_or_default()),
                None => absent(entry, logs, inputs),
            });
        };
        free[index] = false;
        *place = Some(index);
    }
    let of = |(entry, index): (&LogEntry, Option<usize>)| {
        index.map(|index| Placed { input: &inputs[index], index, count: entry.count })
    };
    Ok(logs.iter().zip(placed).filter_map(of).collect())
}

fn absent<S: Source>(entry: &LogEntry, logs: &[LogEntry], inputs: &[Input<S>]) -> Failure {
    let spent = inputs.iter().find(|input| input.name == entry.name && input.spent.get());
    if let Some(input) = spent {
        let message =
            format!("the log {:?} came as a stream, and was judged with another certificate", entry.name);
        return Failure::new(HostCode::LogMissing, message)
            .hint("A stream is read once. Give the log as a file.")
            .file(&*input.source.name());
    }
    let wanted = logs.iter().filter(|log| log.name == entry.name).count();
    let given: Vec<_> = inputs.iter().map(|input| format!("{:?}", input.name)).collect();
    let message = match wanted {
        1 => format!("the log {:?} with {} events is not at hand", entry.name, entry.count),
        _ => format!("the batch held {wanted} logs named {:?}, and fewer are at hand", entry.name),
    };
    let hint = match given.as_slice() {
        [] => "Name each log with --input.".to_owned(),
        _ => format!(
            "A log is known by the name in its header, not by its file name. Given: {}.",
            given.join(", ")
        ),
    };
    Failure::new(HostCode::LogMissing, message).hint(hint)
}

/// The failure of a log that holds fewer events than were judged.
pub fn short<S: Source>(entry: &LogEntry, input: &Input<S>, events: u64) -> Failure {
    let name = input.source.name();
    if let Some(fault) = input.ends() {
        let message =
            format!("{events} of {} judged events can be read; then: {}", entry.count, fault.message);
        return Failure { message, ..Failure::from(fault.clone()) }
            .hint("Nothing was judged. Get the log again from its writer or from a copy.")
            .file(&*name);
    }
    let message = format!(
        "the log {:?} holds {events} events, and {} were judged: its end is missing",
        entry.name, entry.count
    );
    Failure::new(HostCode::LogMissing, message)
        .hint("It was cut, or it is an older copy. Get the whole log.")
        .file(&*name)
}

/// The failure of a stream that holds more events than were judged: where they end cannot be told
/// beforehand, and it cannot be read again.
pub fn grown<S: Source>(entry: &LogEntry, input: &Input<S>, events: u64) -> Failure {
    let message = format!("the log {:?} holds {events} events, and {} were judged", entry.name, entry.count);
    Failure::new(HostCode::LogGrown, message)
        .hint("A stream is read once. Give the log as a file: then its first events are judged again.")
        .file(&*input.source.name())
}

/// Counts whole, readable events from the frame at an offset on.
async fn count(source: &impl Source, frame: u64) -> Result<Counted, Failure> {
    let mut events = 0;
    let mut window = Vec::new();
    let (mut start, mut at) = (frame, 0);
    loop {
        match frame_at(&window[at..]) {
            FrameAt::Whole(message) => {
                match wire::decode(message) {
                    Ok(Message::Event(_)) => events += 1,
                    Ok(Message::Head(_)) => {}
                    Err(error) => {
                        let ends = Some(message_fault(error, start + at as u64));
                        return Ok(Counted { events, ends });
                    }
                }
                at += 8 + message.len();
            }
            FrameAt::Partial(_) => {
                window.drain(..at);
                start += at as u64;
                at = 0;
                let held = window.len();
                window.resize(held + CHUNK_BYTES, 0);
                let read = source.read_at(start + held as u64, &mut window[held..]).await?;
                window.truncate(held + read);
                if read == 0 {
                    let torn = || Fault::new(FaultCode::TornTail, "the last frame is incomplete").at(start);
                    return Ok(Counted { events, ends: (held > 0).then(torn) });
                }
            }
            FrameAt::Damaged(why) => {
                let fault = Fault::new(FaultCode::FrameDamaged, why).at(start + at as u64);
                return Ok(Counted { events, ends: Some(fault) });
            }
        }
    }
}
