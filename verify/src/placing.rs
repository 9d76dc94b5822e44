//! Which of the logs of a verdict each log at hand is.
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
//! stands for, and is judged up to one event more than were judged then, which tells whether it has more.

use omega_kernel::body::LogEntry;

use crate::failure::{Failure, HostCode};
use crate::inputs::Input;
use crate::platform::{Log, Source};

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
    /// counted its first events too: where there are no others, that is all of it. Of a stream one event
    /// more, where there is one: it need not end.
    pub fn log(&self) -> Log<'i, S> {
        let source = &self.input.source;
        let (limit, may_be_all) = match self.input.events() {
            _ if !source.rereadable() => (Some(self.count.saturating_add(1)), false),
            None => (Some(self.count), true),
            Some(_) => (self.grown().then_some(self.count), false),
        };
        Log { source, limit, may_be_all }
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
    let spent = inputs.iter().find(|input| input.name == entry.name && input.spent());
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
pub fn grown<S: Source>(entry: &LogEntry, input: &Input<S>) -> Failure {
    let message =
        format!("the log {:?} holds more than the {} events that were judged", entry.name, entry.count);
    Failure::new(HostCode::LogGrown, message)
        .hint("A stream is read once. Give the log as a file: then its first events are judged again.")
        .file(&*input.source.name())
}
