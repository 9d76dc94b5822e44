//! The certificate log as several see it at once: two who append, two who read while that goes on, under
//! every schedule that shuttle comes to, with a power cut somewhere. Each operation on a file is a point
//! at which others may go on; a write is two of them. What everybody saw must fit one order of whole
//! appends and reads, which keeps to the order in which they were seen to happen.
//!
//! Readers go up to the newest certificate that was told, as everything in `serve/http` does. Without
//! that a reader may see what a power cut takes back: that is tried, too, and must be found.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc as StdArc;
use std::sync::Mutex as StdMutex;

use shuttle::sync::{Arc, Mutex};
use shuttle::thread;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use super::tests::certificate;
use super::*;

/// What a log is to those who use it: heights, in the order in which they were appended.
#[derive(Debug, Clone, Default)]
struct Heights(Vec<u64>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Op {
    Append(u64),
    Read,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Appended,
    Held(Vec<u64>),
}

impl SequentialSpec for Heights {
    type Op = Op;
    type Ret = Answer;

    fn invoke(&mut self, op: &Op) -> Answer {
        match op {
            Op::Append(height) => {
                self.0.push(*height);
                Answer::Appended
            }
            Op::Read => Answer::Held(self.0.clone()),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

/// The three files. Off, nothing can be done with them.
#[derive(Debug, Default)]
struct World {
    files: [Content; 3],
    left: Option<usize>,
}

#[derive(Debug, Clone)]
struct Part {
    world: Arc<Mutex<World>>,
    file: usize,
}

impl Part {
    fn act<T>(&self, act: impl FnOnce(&mut Content) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.world.lock().unwrap();
        if world.left == Some(0) {
            return Err(io::Error::other("the power is off"));
        }
        world.left = world.left.map(|left| left - 1);
        act(&mut world.files[self.file])
    }
}

impl Disk for Part {
    fn len(&self) -> io::Result<u64> {
        self.act(|file| Ok(file.bytes.len() as u64))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.act(|file| {
            let part = file.bytes.get(offset as usize..offset as usize + buffer.len());
            buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let half = bytes.len() / 2;
        for (bytes, offset) in [(&bytes[..half], offset), (&bytes[half..], offset + half as u64)] {
            self.act(|file| {
                let end = offset as usize + bytes.len();
                file.bytes.resize(file.bytes.len().max(end), 0);
                file.bytes[offset as usize..end].copy_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.act(|file| {
            file.bytes.resize(length as usize, 0);
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.act(|file| {
            file.synced = file.bytes.clone();
            Ok(())
        })
    }
}

fn open(world: &Arc<Mutex<World>>) -> Result<Store<Part>, Failure> {
    let part = |file| Part { world: Arc::clone(world), file };
    Store::on("cert.log".into(), part(0), part(1), part(2))
}

fn read(world: &Arc<Mutex<World>>, told: Option<usize>) -> Result<Vec<u64>, Failure> {
    let part = |file| Part { world: Arc::clone(world), file };
    let stated = derived::read_summary(&part(2)).ok().flatten();
    let log = CertLog::on("cert.log".into(), part(0), Some(part(1)), stated)?;
    let mut heights = Vec::new();
    for entry in log.records()? {
        heights.extend(entry?.record.place().map(|place| place.height));
    }
    heights.truncate(told.unwrap_or(usize::MAX));
    Ok(heights)
}

/// What everybody did and saw, in the order in which it happened.
type History = StdArc<StdMutex<LinearizabilityTester<usize, Heights>>>;

/// One run: appends and reads side by side; where `cut` says so, the power goes after so many operations,
/// and what is there then is opened and read. `bounded` readers stop at what was told.
fn side_by_side(cut: Option<usize>, bounded: bool) {
    let world = Arc::new(Mutex::new(World::default()));
    let store = Arc::new(Mutex::new(open(&world).unwrap()));
    let told = Arc::new(Mutex::new(0));
    let history: History = StdArc::new(StdMutex::new(LinearizabilityTester::new(Heights::default())));
    world.lock().unwrap().left = cut;

    let appending = (0..2).map(|me| {
        let (store, told, history) = (Arc::clone(&store), Arc::clone(&told), StdArc::clone(&history));
        thread::spawn(move || {
            // As a node: one who appends at a time, who tells when that is done.
            let mut store = store.lock().unwrap();
            let height = store.record_count();
            history.lock().unwrap().on_invoke(me, Op::Append(height)).unwrap();
            if store.append_certificate(&certificate(height)).is_ok() {
                *told.lock().unwrap() += 1;
                history.lock().unwrap().on_return(me, Answer::Appended).unwrap();
            }
        })
    });
    let appending: Vec<_> = appending.collect();
    let reading = (2..4).map(|me| {
        let (world, told, history) = (Arc::clone(&world), Arc::clone(&told), StdArc::clone(&history));
        thread::spawn(move || {
            for _ in 0..2 {
                history.lock().unwrap().on_invoke(me, Op::Read).unwrap();
                let most = bounded.then(|| *told.lock().unwrap());
                match read(&world, most) {
                    Ok(heights) => _ = history.lock().unwrap().on_return(me, Answer::Held(heights)).unwrap(),
                    Err(failure) => {
                        assert!(cut.is_some(), "{failure:?}");
                        return;
                    }
                }
            }
        })
    });
    let reading: Vec<_> = reading.collect();
    appending.into_iter().chain(reading).for_each(|thread| thread.join().unwrap());

    // The power comes back: what was synced is there.
    let files = world.lock().unwrap().files.clone();
    let files = files.map(|file| Content { bytes: file.synced.clone(), synced: file.synced });
    let world = Arc::new(Mutex::new(World { files, left: None }));
    drop(open(&world).unwrap());
    history.lock().unwrap().on_invoke(9, Op::Read).unwrap();
    let held = read(&world, None).unwrap();
    history.lock().unwrap().on_return(9, Answer::Held(held)).unwrap();
    let history = history.lock().unwrap();
    assert!(history.is_consistent(), "no order fits: {history:?}");
}

/// Operations of the two appends and of the reads beside them, about.
const OPERATIONS: usize = 60;

#[test]
fn appends_and_reads_fit_one_order() {
    shuttle::check_random(|| side_by_side(None, false), 1000);
    shuttle::check_pct(|| side_by_side(None, false), 1000, 3);
}

#[test]
fn they_do_over_a_power_cut_where_readers_stop_at_what_was_told() {
    for cut in 1..OPERATIONS {
        shuttle::check_random(move || side_by_side(Some(cut), true), 40);
    }
}

#[test]
#[ignore = "long: make test-full"]
fn they_do_over_a_power_cut_under_many_schedules() {
    for cut in 1..2 * OPERATIONS {
        shuttle::check_random(move || side_by_side(Some(cut), true), 2000);
    }
}

#[test]
fn a_reader_that_sees_what_is_not_synced_is_found() {
    let found = (1..OPERATIONS).any(|cut| {
        let run = move || shuttle::check_random(move || side_by_side(Some(cut), false), 100);
        catch_unwind(AssertUnwindSafe(run)).is_err()
    });
    assert!(found, "nobody saw a record before it was on disk");
}
