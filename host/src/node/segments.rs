//! Segments: what writers sent, as `.omega` logs that only grow.
//!
//! A segment holds events of one source, in the order in which they came; its header names the
//! source. When it is full the source gets another. An append is on disk when [`Segments::sync`] has
//! returned, and is taken back where that fails. A crash can leave a torn tail behind what was
//! synced; [`Segments::recover`] cuts it off and keeps a copy of it, for nobody can tell from the
//! bytes alone whether they were ever acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use omega_kernel::frame::{FRAME_HEADER_BYTES, Frames, HEADER_BYTES, LogHeader};
use omega_kernel::limits::MAX_MESSAGE_BYTES;
use omega_kernel::wire::Message;

use crate::disk::{Disk, Volume};
use crate::failure::{Failure, HostCode};
use crate::files;

/// Bytes after which a source gets another segment.
const FULL_BYTES: u64 = 64 << 20;
/// Segments that are read side by side when a node starts, at most: each is in memory then.
const MOST_AT_ONCE: usize = 4;
const ENDING: &str = ".omega";

/// Consecutive frames of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// Number of the segment.
    pub segment: u32,
    /// Where the first frame begins, in bytes.
    pub from: u64,
    /// Where the last one ends.
    pub to: u64,
    /// Events in it.
    pub events: u64,
}

/// Where an event's frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the segment.
    pub segment: u32,
    /// Offset in it. A segment ends far below 4 GiB.
    pub offset: u32,
}

/// What a source is called.
pub type Source = Arc<str>;

/// All segments of a node.
#[derive(Debug)]
pub struct Segments<V: Volume> {
    volume: V,
    known: BTreeMap<u32, Known>,
    open: BTreeMap<Source, Open<V::Disk>>,
    /// Found when the node started: a source goes on in its last one.
    last: BTreeMap<Source, u32>,
    dirty: BTreeSet<Source>,
    next: u32,
    full_bytes: u64,
}

#[derive(Debug, Clone)]
struct Known {
    source: Source,
    length: u64,
}

/// The segment that a source is writing.
#[derive(Debug)]
struct Open<D> {
    number: u32,
    disk: D,
    /// With everything that was written.
    length: u64,
    /// With everything that was synced.
    synced: u64,
    /// Its name may not be on disk.
    new: bool,
}

/// What was behind the last whole frame of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment's name.
    pub name: String,
    /// Where the tail began.
    pub offset: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// Where they were copied to.
    pub kept_as: String,
}

impl<V: Volume> Segments<V> {
    /// Opens the segments that are there; `each` hears of every event, segment by segment, in order.
    /// `settled` says up to where a segment is known to have been synced: damage below that is no
    /// torn tail.
    ///
    /// # Errors
    /// `store-damaged` where what was synced is damaged; those of the file system.
    pub fn recover(
        volume: V,
        settled: &dyn Fn(u32) -> u64,
        each: &mut dyn FnMut(&Source, u128, Place),
    ) -> Result<(Self, Vec<Torn>), Failure> {
        let mut segments = Segments {
            known: BTreeMap::new(),
            open: BTreeMap::new(),
            last: BTreeMap::new(),
            dirty: BTreeSet::new(),
            next: 1,
            full_bytes: FULL_BYTES,
            volume,
        };
        let names = segments.volume.names();
        let names = names.map_err(|error| files::unreadable(&error, &segments.volume.path("")))?;
        let numbers: Vec<u32> = names.iter().filter_map(|name| number_of(name)).collect();
        segments.next = numbers.last().map_or(1, |last| last + 1);
        let mut torn = Vec::new();
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        // As many at once as there are processors to read them; told in order.
        let at_once = thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE);
        for numbers in numbers.chunks(at_once) {
            let volume = &segments.volume;
            let read: Vec<_> = thread::scope(|scope| {
                let begin = |&number: &u32| {
                    let settled = settled(number);
                    scope.spawn(move || Contents::read(volume, number, settled))
                };
                let running: Vec<_> = numbers.iter().map(begin).collect();
                running.into_iter().map(|it| it.join()).collect()
            });
            for (&number, contents) in numbers.iter().zip(read) {
                let contents = contents.map_err(|_| Failure::internal("reading a segment panicked"))??;
                torn.extend(segments.take(number, contents, &mut sources, each)?);
            }
        }
        Ok((segments, torn))
    }

    /// Notes what was read of a segment, and cuts its torn tail.
    fn take(
        &mut self,
        number: u32,
        contents: Contents,
        sources: &mut BTreeMap<String, Source>,
        each: &mut dyn FnMut(&Source, u128, Place),
    ) -> Result<Option<Torn>, Failure> {
        let Contents { name: source, length, events, tail } = contents;
        if let Some(source) = source {
            let source = Arc::clone(sources.entry(source.clone()).or_insert_with(|| source.into()));
            for (id, offset) in events {
                each(&source, id, Place { segment: number, offset });
            }
            self.known.insert(number, Known { source: Arc::clone(&source), length });
            self.last.insert(source, number);
        }
        if tail.is_empty() {
            return Ok(None);
        }
        let name = name_of(number);
        let path = self.volume.path(&name);
        let unwritable = |error| files::unwritable(&error, &path);
        let kept_as = format!("{name}.torn-{length}");
        let mut kept = self.volume.open(&kept_as).map_err(unwritable)?;
        kept.write_all_at(&tail, 0).and_then(|()| kept.sync()).map_err(unwritable)?;
        self.volume.sync().map_err(unwritable)?;
        let mut disk = self.volume.open(&name).map_err(unwritable)?;
        disk.set_len(length).and_then(|()| disk.sync()).map_err(unwritable)?;
        Ok(Some(Torn { name, offset: length, bytes: tail.len() as u64, kept_as }))
    }

    /// Appends frames of a source behind one another, all in one segment. Gives where the first begins.
    ///
    /// # Errors
    /// `write-failed`: nothing was appended.
    pub fn append(&mut self, source: &Source, frames: &[u8]) -> Result<Place, Failure> {
        let full = self.open.get(source).is_none_or(|open| open.length >= self.full_bytes);
        if full {
            self.begin(source)?;
        }
        let Some(open) = self.open.get_mut(source) else {
            return Err(Failure::internal("a segment vanished"));
        };
        let place = Place { segment: open.number, offset: open.length as u32 };
        if let Err(error) = open.disk.write_all_at(frames, open.length) {
            let failure = files::unwritable(&error, &self.volume.path(&name_of(open.number)));
            self.take_back(source);
            return Err(failure);
        }
        open.length += frames.len() as u64;
        self.dirty.insert(Arc::clone(source));
        Ok(place)
    }

    fn begin(&mut self, source: &Source) -> Result<(), Failure> {
        // What the full one holds may not be synced yet.
        if self.dirty.contains(source) {
            self.sync_one(source)?;
        }
        if let Some(number) = self.last.remove(source)
            && let Some(length) = self.known.get(&number).map(|known| known.length)
            && length < self.full_bytes
        {
            let name = name_of(number);
            let disk = self.volume.open(&name);
            let disk = disk.map_err(|error| files::unwritable(&error, &self.volume.path(&name)))?;
            let open = Open { number, disk, length, synced: length, new: false };
            self.open.insert(Arc::clone(source), open);
            return Ok(());
        }
        let number = self.next;
        let name = name_of(number);
        let path = self.volume.path(&name);
        let header = LogHeader::new(source)?.encode();
        // Its number is used up, whatever comes of it.
        self.next += 1;
        let made = self.volume.open(&name).and_then(|mut disk| {
            disk.write_all_at(&header, 0)?;
            Ok(disk)
        });
        let disk = made.map_err(|error| files::unwritable(&error, &path))?;
        let length = HEADER_BYTES as u64;
        self.open.insert(Arc::clone(source), Open { number, disk, length, synced: length, new: true });
        self.known.insert(number, Known { source: Arc::clone(source), length });
        Ok(())
    }

    /// Returns when everything that was appended is on disk. Those sources for which that failed are
    /// told with the reason: nothing of theirs was appended since the last time.
    pub fn sync(&mut self) -> Vec<(Source, Failure)> {
        let dirty = std::mem::take(&mut self.dirty);
        let mut failed = Vec::new();
        for source in dirty {
            if let Err(failure) = self.sync_one(&source) {
                failed.push((source, failure));
            }
        }
        failed
    }

    fn sync_one(&mut self, source: &Source) -> Result<(), Failure> {
        let Some(open) = self.open.get_mut(source) else { return Ok(()) };
        let done = open.disk.sync().and_then(|()| if open.new { self.volume.sync() } else { Ok(()) });
        if let Err(error) = done {
            let failure = files::unwritable(&error, &self.volume.path(&name_of(open.number)));
            self.take_back(source);
            return Err(failure);
        }
        open.new = false;
        open.synced = open.length;
        if let Some(known) = self.known.get_mut(&open.number) {
            known.length = open.length;
        }
        self.dirty.remove(source);
        Ok(())
    }

    /// Cuts what was written since the last sync. After a failed sync nobody knows what is on disk:
    /// the source goes on in another segment.
    fn take_back(&mut self, source: &Source) {
        self.dirty.remove(source);
        if let Some(mut open) = self.open.remove(source) {
            // What stays is found and cut when the node starts again.
            let _ = open.disk.set_len(open.synced).and_then(|()| open.disk.sync());
        }
    }

    /// Copies frames behind `out`.
    ///
    /// # Errors
    /// `store-damaged` where the segment ends before them; those of the file system.
    pub fn read_part(volume: &V, part: &Part, out: &mut Vec<u8>) -> Result<(), Failure> {
        let name = name_of(part.segment);
        let path = volume.path(&name);
        let disk = volume.open(&name).map_err(|error| files::unreadable(&error, &path))?;
        let start = out.len();
        out.resize(start + (part.to - part.from) as usize, 0);
        disk.read_exact_at(&mut out[start..], part.from).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Failure::new(HostCode::StoreDamaged, "the segment ends before events that were judged")
                    .hint("Restore the data folder from a copy.")
                    .file(&path)
            }
            _ => files::unreadable(&error, &path),
        })
    }

    /// The frame that begins at a place.
    ///
    /// # Errors
    /// As [`Segments::read_part`].
    pub fn frame(volume: &V, place: Place) -> Result<Vec<u8>, Failure> {
        let from = u64::from(place.offset);
        let part = |to| Part { segment: place.segment, from, to, events: 1 };
        let mut frame = Vec::new();
        Self::read_part(volume, &part(from + FRAME_HEADER_BYTES as u64), &mut frame)?;
        let length = frame.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
        // Frames of segments were checked before they were written, and when the node started.
        let length = length.min(MAX_MESSAGE_BYTES);
        frame.clear();
        Self::read_part(volume, &part(from + FRAME_HEADER_BYTES as u64 + u64::from(length)), &mut frame)?;
        Ok(frame)
    }

    /// The header of a segment.
    ///
    /// # Errors
    /// As [`Segments::read_part`]; a fault where it is damaged.
    pub fn header(volume: &V, segment: u32) -> Result<LogHeader, Failure> {
        let mut bytes = Vec::new();
        let part = Part { segment, from: 0, to: HEADER_BYTES as u64, events: 0 };
        Self::read_part(volume, &part, &mut bytes)?;
        Ok(LogHeader::decode(&bytes)?)
    }

    /// Each segment with its source and its length.
    pub fn all(&self) -> impl Iterator<Item = (u32, &Source, u64)> {
        self.known.iter().map(|(&number, known)| (number, &known.source, known.length))
    }

    /// Whose segment it is.
    pub fn source(&self, segment: u32) -> Option<&Source> {
        self.known.get(&segment).map(|known| &known.source)
    }

    /// Sources that have a segment.
    pub fn source_count(&self) -> usize {
        self.known.values().map(|known| &known.source).collect::<BTreeSet<_>>().len()
    }
}

/// What a segment holds.
struct Contents {
    /// Whose it is; none where its creation did not finish.
    name: Option<String>,
    /// Bytes up to the end of the last whole frame.
    length: u64,
    /// Id and offset of every event.
    events: Vec<(u128, u32)>,
    /// What stands behind that.
    tail: Vec<u8>,
}

impl Contents {
    fn read(volume: &impl Volume, number: u32, settled: u64) -> Result<Self, Failure> {
        let name = name_of(number);
        let path = volume.path(&name);
        let unreadable = |error| files::unreadable(&error, &path);
        let mut bytes = volume.open(&name).and_then(|disk| disk.read_all()).map_err(unreadable)?;
        let (name, length, events) = match Frames::new(&bytes) {
            Ok((header, mut frames)) => {
                let mut events = Vec::new();
                for frame in frames.by_ref().map_while(Result::ok) {
                    if let Message::Event(event) = frame.message {
                        events.push((event.id, frame.offset as u32));
                    }
                }
                (Some(header.name), frames.offset(), events)
            }
            // Its creation did not finish, so it never held anything.
            Err(_) if settled == 0 => (None, 0, Vec::new()),
            Err(fault) => return Err(Failure::from(fault).file(&path)),
        };
        if length < settled {
            let message = format!("the segment is damaged at {length}: it was whole up to {settled}");
            let mut failure = Failure::new(HostCode::StoreDamaged, message)
                .hint("This is no crash's doing. Restore the data folder from a copy; nothing was changed.")
                .file(&path);
            failure.offset = Some(length);
            return Err(failure);
        }
        let tail = bytes.split_off(length as usize);
        Ok(Contents { name, length, events, tail })
    }
}

/// The file name of a segment.
pub fn name_of(number: u32) -> String {
    format!("{number:08}{ENDING}")
}

fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(ENDING)?;
    digits.parse().ok().filter(|&number| name_of(number) == name)
}
