//! The store on simulated disks: power fails, or the disk does, after every operation and after
//! every byte of a write. Reopened, the log is what it was or what it should become.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::tests::certificate;
use super::*;

type Image = [Vec<u8>; 3];

#[derive(Clone, Debug)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// Three files, everything that was done to them, and when to fail.
#[derive(Default)]
struct World {
    files: Image,
    journal: Vec<(usize, Op)>,
    fails: Option<(usize, usize)>,
}

struct SimFile {
    world: Rc<RefCell<World>>,
    file: usize,
}

fn apply(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(at, data) => {
            let at = *at as usize;
            bytes.resize(bytes.len().max(at + data.len()), 0);
            bytes[at..at + data.len()].copy_from_slice(data);
        }
        Op::SetLen(length) => bytes.resize(*length as usize, 0),
        Op::Sync => {}
    }
}

impl SimFile {
    fn act(&self, op: Op) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        let now = world.journal.len();
        world.journal.push((self.file, op.clone()));
        if world.fails.is_some_and(|(first, count)| (first..first + count).contains(&now)) {
            // A full disk takes what fits.
            if let Op::Write(at, data) = &op {
                let half = Op::Write(*at, data[..data.len() / 2].to_vec());
                apply(&mut world.files[self.file], &half);
            }
            return Err(io::ErrorKind::StorageFull.into());
        }
        apply(&mut world.files[self.file], &op);
        Ok(())
    }
}

impl Disk for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.world.borrow().files[self.file].len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let world = self.world.borrow();
        let start = offset as usize;
        let part = world.files[self.file].get(start..start + buffer.len());
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.act(Op::Write(offset, bytes.to_vec()))
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.act(Op::SetLen(length))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.act(Op::Sync)
    }
}

fn world(files: &Image) -> Rc<RefCell<World>> {
    Rc::new(RefCell::new(World { files: files.clone(), ..World::default() }))
}

fn open(world: &Rc<RefCell<World>>) -> Result<Store<SimFile>, Failure> {
    let file = |file| SimFile { world: Rc::clone(world), file };
    Store::on("cert.log".into(), file(0), file(1), file(2))
}

fn records<D: Disk>(store: &Store<D>) -> Vec<Record> {
    store.records().unwrap().map(|entry| entry.unwrap().record).collect()
}

/// Every image that a power failure can leave after the first `done` operations: what was synced
/// is there; of the rest, any part, in any order, the last write cut at any byte (`bytewise`), or
/// its length there and zeros in place of its sectors.
fn images(before: &Image, journal: &[(usize, Op)], bytewise: bool, mut visit: impl FnMut(Image)) {
    let mut durable = before.clone();
    let mut pending = Vec::new();
    for (at, (file, op)) in journal.iter().enumerate() {
        let synced = journal[at..].iter().any(|(other, op)| other == file && matches!(op, Op::Sync));
        match op {
            Op::Sync => {}
            _ if synced => apply(&mut durable[*file], op),
            _ => pending.push((*file, op)),
        }
    }
    for mask in 0..1u32 << pending.len() {
        let chosen: Vec<_> =
            (0..pending.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| pending[bit]).collect();
        let Some(((file, last), earlier)) = chosen.split_last() else {
            visit(durable.clone());
            continue;
        };
        let mut image = durable.clone();
        for (file, op) in earlier {
            apply(&mut image[*file], op);
        }
        let mut with = |op: &Op| {
            let mut image = image.clone();
            apply(&mut image[*file], op);
            visit(image);
        };
        with(last);
        if let Op::Write(at, data) = last {
            with(&Op::Write(*at, vec![0; data.len()]));
            for cut in 1..if bytewise { data.len() } else { 1 } {
                with(&Op::Write(*at, data[..cut].to_vec()));
                if (at + cut as u64).is_multiple_of(512) {
                    let mut zeros = data[..cut].to_vec();
                    zeros.resize(data.len(), 0);
                    with(&Op::Write(*at, zeros));
                }
            }
        }
    }
}

fn a_store_of(count: u64) -> (Image, Vec<Record>) {
    let world = world(&Image::default());
    let mut store = open(&world).unwrap();
    for height in 0..count {
        store.append_certificate(&certificate(height)).unwrap();
    }
    let records = records(&store);
    drop(store);
    let files = world.borrow().files.clone();
    (files, records)
}

/// Whatever a crash left opens, holds the old or the new records, and takes further ones.
fn opens_to_either(image: &Image, old: &[Record], new: &[Record]) -> bool {
    let recovered = world(image);
    let mut store = open(&recovered).unwrap_or_else(|failure| panic!("{failure:?}: {image:x?}"));
    let found = records(&store);
    assert!(found == old || found == new, "{} records", found.len());
    store.append_certificate(&certificate(99)).unwrap();
    drop(store);
    let again = records(&open(&recovered).unwrap());
    assert_eq!(again.len(), found.len() + 1);
    assert_eq!(again[..found.len()], found);
    assert_eq!(again[found.len()], Record::Certificate(certificate(99)));
    found == new
}

#[test]
fn an_append_is_there_whole_or_not_at_all() {
    for count in [0, 1, 3] {
        let (before, old) = a_store_of(count);
        let world = world(&before);
        let mut store = open(&world).unwrap();
        assert!(world.borrow().journal.iter().all(|(_, op)| matches!(op, Op::Sync)), "nothing to put right");
        world.borrow_mut().journal.clear();
        store.append_certificate(&certificate(count)).unwrap();
        let new = records(&store);
        drop(store);
        let journal = world.borrow().journal.clone();
        let log_synced = journal.iter().position(|(file, op)| *file == 0 && matches!(op, Op::Sync)).unwrap();
        let mut seen = [0u32; 2];
        for done in 0..=journal.len() {
            images(&before, &journal[..done], true, |image| {
                let is_new = opens_to_either(&image, &old, &new);
                assert!(is_new || done <= log_synced, "a synced record was lost after {done} operations");
                seen[usize::from(is_new)] += 1;
            });
        }
        assert!(seen[0] > 300 && seen[1] > 70, "{seen:?}");
    }
}

#[test]
fn a_crash_while_recovering_changes_nothing() {
    let (before, old) = a_store_of(2);
    let first = world(&before);
    let mut store = open(&first).unwrap();
    first.borrow_mut().journal.clear();
    store.append_certificate(&certificate(2)).unwrap();
    let new = records(&store);
    let journal = first.borrow().journal.clone();
    for done in 0..=journal.len() {
        images(&before, &journal[..done], false, |crashed| {
            let second = world(&crashed);
            drop(open(&second).unwrap());
            let recovery = second.borrow().journal.clone();
            for done in 0..=recovery.len() {
                images(&crashed, &recovery[..done], true, |image| {
                    opens_to_either(&image, &old, &new);
                });
            }
        });
    }
}

#[test]
fn a_crash_while_the_log_is_made_leaves_an_empty_one() {
    let fresh = world(&Image::default());
    drop(open(&fresh).unwrap());
    let journal = fresh.borrow().journal.clone();
    for done in 0..=journal.len() {
        images(&Image::default(), &journal[..done], true, |image| {
            opens_to_either(&image, &[], &[]);
        });
    }
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let (before, old) = a_store_of(2);
    let ops = {
        let world = world(&before);
        let mut store = open(&world).unwrap();
        world.borrow_mut().journal.clear();
        store.append_certificate(&certificate(2)).unwrap();
        world.borrow().journal.len()
    };
    for at in 0..ops {
        let world = world(&before);
        let mut store = open(&world).unwrap();
        world.borrow_mut().journal.clear();
        world.borrow_mut().fails = Some((at, 1));
        let result = store.append_certificate(&certificate(2));
        if let Err(failure) = &result {
            assert_eq!(failure.code.name(), "write-failed");
            assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("room")));
            assert_eq!(world.borrow().files[0], before[0], "operation {at}");
            assert_eq!(records(&store), old);
        } else {
            assert!(store.recovery().sidecar_error.is_some(), "operation {at}");
            assert_eq!(records(&store).len(), old.len() + 1);
        }
        let held = records(&store).len();
        store.append_certificate(&certificate(3)).unwrap();
        drop(store);
        let reopened = open(&world).unwrap();
        assert_eq!(records(&reopened).len(), held + 1);
    }
}

#[test]
fn a_disk_that_fails_for_good_takes_no_more_until_the_log_is_opened_again() {
    let (before, old) = a_store_of(2);
    for at in 0..2 {
        let world = world(&before);
        let mut store = open(&world).unwrap();
        world.borrow_mut().journal.clear();
        world.borrow_mut().fails = Some((at, usize::MAX / 2));
        assert!(store.append_certificate(&certificate(2)).is_err());
        world.borrow_mut().fails = None;
        let failure = store.append_certificate(&certificate(3)).unwrap_err();
        assert!(failure.message.contains("half way"), "{}", failure.message);
        drop(store);
        let found = records(&open(&world).unwrap());
        let new = [old.as_slice(), &[Record::Certificate(certificate(2))]].concat();
        assert!(found == old || found == new);
    }
}

#[test]
fn the_journal_is_the_order_that_is_written_down() {
    let world = world(&a_store_of(1).0);
    let mut store = open(&world).unwrap();
    world.borrow_mut().journal.clear();
    store.append_certificate(&certificate(1)).unwrap();
    let order: Vec<_> =
        world.borrow().journal.iter().map(|(file, op)| (*file, matches!(op, Op::Sync))).collect();
    let expected = [(0, false), (0, true), (1, false), (1, true), (2, false), (2, false), (2, true)];
    assert_eq!(order, expected, "log, then index, then hash, each synced before the next");
}
