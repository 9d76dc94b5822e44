//! Parts of logs, scanned side by side and handed on in order.
//!
//! Each thread has an instance of the kernel of its own and uses it for one part after the other. Who scans
//! which part is chance; the parts and their runs are not. A thread takes a part when a place is free among those that
//! were taken and not handed on yet: so memory is bounded however far one thread falls behind.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use super::parts::{Cutter, Part};
use crate::engine::{Error, Kernel, Scanner};
use crate::failure::Failure;

/// Parts that were taken and not handed on yet, for each instance: one that is scanned and one that waits.
const PLACES_EACH: usize = 2;

/// What became of a part.
pub struct Scanned {
    /// The log, by its place in the caller's order.
    pub log: usize,
    /// Bytes in the part.
    pub bytes: u64,
    /// Whether the log ends with it.
    pub last: bool,
    /// Its run.
    pub run: Vec<u8>,
}

/// The runs of all parts, in their order.
pub struct Runs {
    /// A place for each message. Whoever drops this ends the threads.
    places: Sender<()>,
    done: Receiver<(usize, Result<Scanned, Error>)>,
    /// Those that came before their turn.
    early: BTreeMap<usize, Result<Scanned, Error>>,
    next: usize,
}

impl Runs {
    /// Starts so many threads.
    pub fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        kernel: &Kernel,
        instances: usize,
        cutter: Cutter<'scope>,
    ) -> Self {
        let (places, free) = channel();
        (0..instances * PLACES_EACH).for_each(|_| give(&places));
        let (finished, done) = channel();
        let parts = Arc::new(Mutex::new(Numbered { cutter, free, next: 0 }));
        for _ in 0..instances {
            let (kernel, parts, finished) = (kernel.clone(), Arc::clone(&parts), finished.clone());
            scope.spawn(move || scan(&kernel, &parts, &finished));
        }
        Runs { places, done, early: BTreeMap::new(), next: 0 }
    }

    /// The next part's run.
    ///
    /// # Errors
    /// What scanning that part ran into. No part behind it can be asked for then.
    pub fn next_run(&mut self) -> Result<Scanned, Error> {
        loop {
            if let Some(scanned) = self.early.remove(&self.next) {
                self.next += 1;
                give(&self.places);
                return scanned;
            }
            let (number, scanned) = self.done.recv().map_err(|_| ended_early())?;
            self.early.insert(number, scanned);
        }
    }
}

/// Threads that are gone take no more parts.
fn give(places: &Sender<()>) {
    let _ = places.send(());
}

fn ended_early() -> Error {
    Failure::internal("a scanning thread ended early").into()
}

/// The parts that are left, and the places for them.
struct Numbered<'r> {
    cutter: Cutter<'r>,
    free: Receiver<()>,
    next: usize,
}

impl<'r> Numbered<'r> {
    /// The next part and its number; none where all were taken, or nobody wants more.
    fn take(&mut self, buffer: Vec<u8>) -> Option<(usize, Result<Part<'r>, Failure>)> {
        self.free.recv().ok()?;
        let part = self.cutter.next(buffer).transpose()?;
        self.next += 1;
        Some((self.next - 1, part))
    }
}

/// What one thread does.
fn scan(kernel: &Kernel, parts: &Mutex<Numbered<'_>>, done: &Sender<(usize, Result<Scanned, Error>)>) {
    let (mut scanner, mut buffer) = (None, Vec::new());
    loop {
        // Whoever panicked with the lock took no part.
        let taken = parts.lock().unwrap_or_else(PoisonError::into_inner).take(std::mem::take(&mut buffer));
        let Some((number, part)) = taken else { return };
        let owed = Owed { number, done, paid: false };
        let scanned = part.map_err(Error::from).and_then(|part| one(kernel, &mut scanner, part, &mut buffer));
        let failed = scanned.is_err();
        owed.pay(scanned);
        if failed {
            return;
        }
    }
}

/// Scans one part in this thread's instance.
fn one(
    kernel: &Kernel,
    scanner: &mut Option<Scanner>,
    part: Part<'_>,
    buffer: &mut Vec<u8>,
) -> Result<Scanned, Error> {
    let scanner = match scanner {
        Some(scanner) => {
            scanner.begin(part.scan())?;
            scanner
        }
        None => scanner.insert(kernel.scanner(part.scan())?),
    };
    let (log, bytes, last) = (part.log, part.len, part.last);
    *buffer = part.push(scanner)?;
    Ok(Scanned { log, bytes, last, run: scanner.finish(last)? })
}

/// A part that somebody waits for: a thread that ends without a word leaves one all the same.
struct Owed<'d> {
    number: usize,
    done: &'d Sender<(usize, Result<Scanned, Error>)>,
    paid: bool,
}

impl Owed<'_> {
    fn pay(mut self, scanned: Result<Scanned, Error>) {
        self.paid = true;
        let _ = self.done.send((self.number, scanned));
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if !self.paid {
            let _ = self.done.send((self.number, Err(ended_early())));
        }
    }
}
