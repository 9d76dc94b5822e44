//! Appends one event to a log, or starts a log with it.
//!
//! The event continues what its writer has seen: its Lamport time is 1 + the greatest in the log, in
//! its dependencies and in the other logs it has seen; its prev is the last event of its (node, stream)
//! in the log (none in causal-only streams).
//!
//! A log grows in place: under an exclusive lock the whole log is read and must be sound, then one
//! write appends event and head, then fdatasync. A crash in between leaves a torn tail, which the next
//! reader names; a write that fails leaves the log as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use omega_kernel::event::EventHeader;
use omega_kernel::fault::FaultCode;
use omega_kernel::frame::{LogHeader, write_frame};
use omega_kernel::wire::{self, Head, PayloadRef};
use rustix::fs::{FlockOperation, flock};

use super::event::{Place, is_linked_stream, limit, random_id, show_id};
use super::head;
use super::output::NewFile;
use super::reading::{Survey, read_log};
use super::writer::log_name;
use crate::failure::{Code, Failure, HostCode};
use crate::files::{survive_size_limit, unreadable, unwritable};
use crate::interrupt;
use crate::sign::Signer;

/// How long another process may write before that is a failure.
const PATIENCE: Duration = Duration::from_secs(2);
/// Times that the log may turn out to be another one than was opened.
const LOOKS: u32 = 8;

/// What to append, and where.
#[derive(Debug, Default)]
pub struct Request {
    /// The log.
    pub log: PathBuf,
    /// Name of a new log; the file's where there is none.
    pub name: Option<String>,
    /// The writer.
    pub node: u32,
    /// The writer's sequence.
    pub stream: u16,
    /// Ids it depends on.
    pub deps: Vec<u128>,
    /// Other logs the writer has seen.
    pub seen: Vec<PathBuf>,
    /// The id; a fresh one where there is none.
    pub id: Option<u128>,
    /// The Lamport time; the least possible one where there is none.
    pub lamport: Option<u64>,
    /// The payload.
    pub payload: Vec<u8>,
    /// What keys the payload's hash.
    pub salt: Option<[u8; 32]>,
    /// Signs the head.
    pub signer: Option<Signer>,
}

/// What was appended.
#[derive(Debug)]
pub struct Appended {
    /// The event.
    pub header: EventHeader,
    /// The log's name.
    pub name: String,
    /// Whether the log is new.
    pub created: bool,
    /// Events in the log now.
    pub events: u64,
    /// Bytes of the log now.
    pub bytes: u64,
    /// The head it ends with.
    pub head: Option<Head>,
    /// Whether it ended with a head before and has none now.
    pub head_outdated: bool,
}

/// Appends.
pub fn append(request: &Request) -> Result<Appended, Failure> {
    let path = &request.log;
    // Another process may make the log, or put another in its place, between two looks.
    for _ in 0..LOOKS {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => {
                lock(&file, path)?;
                if is_at(&file, path) {
                    return continue_log(file, request);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match start_log(request) {
                Err(failure) if failure.code == Code::Host(HostCode::WriteFailed) && path.is_file() => {}
                started => return started,
            },
            Err(error) => return Err(unreadable(&error, path)),
        }
    }
    Err(locked(path))
}

/// Waits a little while another process writes.
fn lock(file: &File, path: &Path) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(unwritable(&error, path)),
            Err(_) if Instant::now() >= deadline => return Err(locked(path)),
            Err(_) => {
                interrupt::check()?;
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn locked(path: &Path) -> Failure {
    Failure::new(HostCode::StoreLocked, format!("another process is writing {}", path.display()))
        .hint("Try again when it is done.")
        .file(path)
}

/// Whether the path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn start_log(request: &Request) -> Result<Appended, Failure> {
    let name = request.name.clone().unwrap_or_else(|| log_name(&request.log));
    let mut survey = Survey::empty(LogHeader::new(&name)?);
    let mut file = NewFile::create(&request.log, false)?;
    let mut bytes = survey.header.encode().to_vec();
    let made = Made::new(&mut survey, request)?;
    bytes.extend_from_slice(&made.frames);
    file.write_all(&bytes).map_err(|error| unwritable(&error, &request.log))?;
    file.finish()?;
    Ok(made.appended(survey, true, bytes.len() as u64, false))
}

fn continue_log(mut file: File, request: &Request) -> Result<Appended, Failure> {
    let path = &request.log;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unreadable(&error, path))?;
    if bytes.is_empty() {
        return Err(Failure::empty(path).hint("Remove it, and the first append makes the log."));
    }
    let mut survey = Survey::read(&bytes).map_err(|fault| Failure::from(fault).file(path))?;
    survey.whole().map_err(|fault| damaged(fault.into(), path))?;
    let had_head = survey.check_head().map_err(|fault| {
        Failure::from(fault)
            .hint("Appending would bury a wrong signature: ask who presented this log, or start from a sound copy.")
            .file(path)
    })?;
    if let Some(name) = request.name.as_ref().filter(|name| **name != survey.header.name) {
        let what = format!("{} is named {:?}, not {name:?}", path.display(), survey.header.name);
        return Err(Failure::usage(what).hint("--name is for new logs; leave it out."));
    }
    let made = Made::new(&mut survey, request)?;
    let before = bytes.len() as u64;
    append_durably(&file, before, &made.frames).map_err(|error| {
        unwritable(&error, path).hint("The log is as it was. Make room on that disk and append again.")
    })?;
    let after = before + made.frames.len() as u64;
    Ok(made.appended(survey, false, after, had_head))
}

/// Damage that `ingest --recover` deals with.
pub fn damaged(failure: Failure, path: &Path) -> Failure {
    let failure = match failure.code {
        Code::Kernel(FaultCode::TornTail | FaultCode::FrameDamaged) => failure.hint(format!(
            "omega ingest --input {} --recover OUT keeps the clean part and says what is dropped.",
            path.display()
        )),
        _ => failure,
    };
    failure.file(path)
}

/// The frames to append.
struct Made {
    header: EventHeader,
    head: Option<Head>,
    frames: Vec<u8>,
}

impl Made {
    fn new(survey: &mut Survey, request: &Request) -> Result<Self, Failure> {
        let header = place(survey, request)?.header(&request.payload, request.salt.as_ref())?;
        let payload = PayloadRef::Present { bytes: &request.payload, salt: request.salt.as_ref() };
        let mut message = survey.leaves.encode(&header, payload)?;
        let mut frames = Vec::new();
        write_frame(&message, &mut frames);
        let head =
            request.signer.as_ref().map(|signer| head::sign(&mut survey.leaves, &survey.header, signer));
        if let Some(head) = &head {
            message.clear();
            wire::encode_head(head, &mut message);
            write_frame(&message, &mut frames);
        }
        Ok(Made { header, head, frames })
    }

    fn appended(self, survey: Survey, created: bool, bytes: u64, had_head: bool) -> Appended {
        Appended {
            header: self.header,
            name: survey.header.name,
            created,
            events: survey.leaves.count(),
            bytes,
            head_outdated: had_head && self.head.is_none(),
            head: self.head,
        }
    }
}

/// Where the event stands.
fn place(survey: &Survey, request: &Request) -> Result<Place, Failure> {
    let mut lamport = survey.lamport;
    let mut known: Vec<&u128> = request.deps.iter().filter(|dep| survey.ids.contains_key(dep)).collect();
    for path in &request.seen {
        let (_, seen) = read_log(path)?;
        seen.whole().map_err(|fault| damaged(fault.into(), path))?;
        lamport = lamport.max(seen.lamport);
        known.extend(request.deps.iter().filter(|dep| seen.ids.contains_key(dep)));
    }
    let unknown = request.deps.iter().find(|dep| !known.contains(dep));
    let least = lamport.checked_add(1).ok_or_else(|| limit("the log's Lamport time is at its end".into()))?;
    let lamport = match (request.lamport, unknown) {
        (Some(lamport), _) if lamport < least => {
            return Err(Failure::usage(format!("--lamport is at least {least}: so far the clock has come"))
                .hint("Leave it out to get that."));
        }
        (Some(lamport), _) => lamport,
        (None, None) => least,
        (None, Some(dep)) => {
            return Err(Failure::usage(format!("{} has no event {}", request.log.display(), show_id(*dep)))
                .hint(
                    "Name the log that has it with --seen LOG, or give a --lamport above its Lamport time.",
                ));
        }
    };
    let id = match request.id {
        Some(id) if survey.ids.contains_key(&id) => {
            return Err(Failure::usage(format!("the log has an event {} already", show_id(id)))
                .hint("Leave --id out to get a fresh one."));
        }
        Some(id) => id,
        None => random_id()?,
    };
    let last = survey.streams.get(&(request.node, request.stream)).map_or(0, |sequence| sequence.last.1);
    Ok(Place {
        lamport,
        node: request.node,
        stream: request.stream,
        id,
        prev: if is_linked_stream(request.stream) { last } else { 0 },
        deps: request.deps.clone(),
    })
}

/// Appends and syncs, or cuts the file back to `before` bytes.
fn append_durably(mut file: &File, before: u64, bytes: &[u8]) -> io::Result<()> {
    survive_size_limit();
    let done = file
        .seek(SeekFrom::Start(before))
        .and_then(|_| file.write_all(bytes))
        .and_then(|()| file.sync_data());
    done.map_err(|error| {
        let cut = file.set_len(before).and_then(|()| file.sync_data());
        match cut {
            Ok(()) => error,
            Err(second) => io::Error::other(format!("{error}; and the log could not be cut back: {second}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    fn request(log: &Path, payload: &str) -> Request {
        Request { log: log.to_owned(), node: 7, payload: payload.into(), ..Request::default() }
    }

    #[test]
    fn a_log_is_started_and_continued() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("alice.omega");
        let first = append(&request(&log, "one")).unwrap();
        assert!(first.created && first.name == "alice" && first.events == 1);
        let second = append(&request(&log, "two")).unwrap();
        let third =
            append(&Request { node: 8, deps: vec![second.header.id], ..request(&log, "three") }).unwrap();
        let causal = append(&Request { stream: 0x8000, ..request(&log, "four") }).unwrap();
        let again = append(&Request { stream: 0x8000, ..request(&log, "five") }).unwrap();
        assert_eq!((first.header.lamport, first.header.prev), (1, 0));
        assert_eq!((second.header.lamport, second.header.prev), (2, first.header.id));
        assert_eq!((third.header.lamport, third.header.prev), (3, 0));
        assert_eq!((causal.header.prev, again.header.prev), (0, 0));
        let (bytes, survey) = read_log(&log).unwrap();
        assert_eq!(bytes.len() as u64, again.bytes);
        assert_eq!(survey.leaves.count(), 5);
        assert!(survey.damage.is_none() && survey.mismatched.is_empty());
    }

    #[test]
    fn a_key_signs_and_an_unsigned_append_says_that_the_head_is_outdated() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("a.omega");
        let signed = || Request { signer: Some(Signer::generate().unwrap()), ..request(&log, "x") };
        append(&signed()).unwrap();
        append(&signed()).unwrap();
        assert!(read_log(&log).unwrap().1.check_head().unwrap());
        assert!(append(&request(&log, "y")).unwrap().head_outdated);
        assert!(!read_log(&log).unwrap().1.check_head().unwrap(), "no head at the end");
        assert!(!append(&signed()).unwrap().head_outdated);
        let (bytes, mut survey) = read_log(&log).unwrap();
        assert!(survey.check_head().unwrap());
        assert_eq!(survey.heads, 3);
        assert!(judge(&[bytes]).0, "the kernel takes the head too");

        // A head of another log does not pass.
        let mut bytes = std::fs::read(&log).unwrap();
        let name_at = 48;
        bytes[name_at] = b'b';
        let crc = crc32fast::hash(&bytes[..124]).to_le_bytes();
        bytes[124..128].copy_from_slice(&crc);
        std::fs::write(&log, &bytes).unwrap();
        assert_eq!(append(&request(&log, "z")).unwrap_err().code.name(), "head-mismatch");
    }

    #[test]
    fn what_other_logs_hold_moves_the_clock() {
        let dir = tempfile::tempdir().unwrap();
        let (alice, bob) = (dir.path().join("alice.omega"), dir.path().join("bob.omega"));
        for _ in 0..5 {
            append(&request(&alice, "x")).unwrap();
        }
        let last = append(&request(&alice, "x")).unwrap().header;
        let blind = Request { deps: vec![last.id], ..request(&bob, "y") };
        assert_eq!(append(&blind).unwrap_err().code.exit(), 2);
        assert!(!bob.exists());
        let seeing = append(&Request { seen: vec![alice], ..blind }).unwrap();
        assert_eq!(seeing.header.lamport, last.lamport + 1);
        let told = Request { deps: vec![last.id + 1], lamport: Some(99), ..request(&bob, "y") };
        assert_eq!(append(&told).unwrap().header.lamport, 99);
        assert_eq!(append(&told).unwrap_err().code.exit(), 2, "the clock does not go back");
        assert_eq!(
            append(&Request { id: Some(seeing.header.id), ..request(&bob, "") }).unwrap_err().code.exit(),
            2
        );
    }

    #[test]
    fn writers_that_start_a_log_at_once_all_get_in() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("a.omega");
        let done: Vec<Appended> = thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|node| {
                    let request = Request { node, ..request(&log, "x") };
                    scope.spawn(move || append(&request).unwrap())
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(done.iter().filter(|done| done.created).count(), 1);
        let survey = read_log(&log).unwrap().1;
        assert!(survey.damage.is_none());
        assert_eq!((survey.leaves.count(), survey.lamport), (8, 8));
    }

    #[test]
    fn a_torn_or_held_log_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("a.omega");
        append(&request(&log, "one")).unwrap();
        append(&request(&log, "two")).unwrap();
        let held = File::open(&log).unwrap();
        flock(&held, FlockOperation::LockExclusive).unwrap();
        assert_eq!(append(&request(&log, "x")).unwrap_err().code.name(), "store-locked");
        drop(held);
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.truncate(bytes.len() - 3);
        std::fs::write(&log, &bytes).unwrap();
        let failure = append(&request(&log, "three")).unwrap_err();
        assert_eq!(failure.code.name(), "torn-tail");
        assert!(failure.hint.unwrap().contains("--recover"));
        assert_eq!(std::fs::read(&log).unwrap(), bytes);
    }

    #[test]
    fn a_write_that_fails_leaves_the_log_as_it_was() {
        // A file size limit is the process's: the test runs itself again under one.
        const CHILD: &str = "OMEGA_TEST_FULL_DISK_LOG";
        if let Some(log) = std::env::var_os(CHILD) {
            let failure = append(&request(Path::new(&log), &"x".repeat(9000))).unwrap_err();
            assert_eq!(failure.code.name(), "write-failed", "{failure}");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("a.omega");
        append(&request(&log, &"x".repeat(3000))).unwrap();
        let before = std::fs::read(&log).unwrap();
        let name = "produce::append::tests::a_write_that_fails_leaves_the_log_as_it_was";
        let status = std::process::Command::new("sh")
            // Eight blocks of 512 or 1,024 bytes: more than the log, less than the log and the payload.
            .args(["-c", "ulimit -f 8; exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(CHILD, &log)
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(std::fs::read(&log).unwrap(), before);
    }
}
