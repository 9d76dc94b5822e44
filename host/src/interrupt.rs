//! Ctrl-C and SIGTERM: the first one ends the work cleanly, the second ends the process at once.
//!
//! Only for commands that look: whoever calls [`watch`] must [`check`] often, since the first signal
//! does nothing else any more. Commands that do not watch are ended by the first.

use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::{Code, Failure, HostCode};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// Between two looks at the signal while a pipe gives nothing.
const PATIENCE: Duration = Duration::from_millis(50);
const CHUNK_BYTES: usize = 64 << 10;

/// From now on the first signal sets a flag, and the second ends the process.
pub fn watch() -> Arc<AtomicBool> {
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Without a handler the signal keeps its default: the process ends, and only a file under
            // a temporary name may be left.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&flag));
            let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
        }
        flag
    })
    .clone()
}

/// Fails once a signal came, so that unfinished files are removed.
pub fn check() -> Result<(), Failure> {
    match FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
        true => Err(interrupted()),
        false => Ok(()),
    }
}

/// The failure of a command that was interrupted.
pub fn interrupted() -> Failure {
    Failure::new(HostCode::Interrupted, "interrupted; no output was left behind")
}

/// The interruption that an error of [`reading`] stands for, if it does.
pub fn of(error: &io::Error) -> Option<Failure> {
    let failure = error.get_ref()?.downcast_ref::<Failure>()?;
    (failure.code == Code::Host(HostCode::Interrupted)).then(|| failure.clone())
}

/// Reads what may never come, a pipe or a keyboard, and fails at a signal. Another thread waits for
/// it, because a read that waits begins again after a signal.
pub fn reading(mut from: impl Read + Send + 'static) -> impl Read {
    watch();
    let (give, take) = sync_channel(2);
    thread::spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let (chunk, last) = match from.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => {
                    chunk.truncate(count);
                    (Ok(chunk), false)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => (Err(error), true),
            };
            if give.send(chunk).is_err() || last {
                return;
            }
        }
    });
    Reading { take, chunk: Vec::new(), at: 0 }
}

struct Reading {
    take: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            check().map_err(io::Error::other)?;
            match self.take.recv_timeout(PATIENCE) {
                Ok(chunk) => (self.chunk, self.at) = (chunk?, 0),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        let count = (&self.chunk[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_came() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        let mut read = Vec::new();
        reading(io::Cursor::new(bytes.clone())).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }

    #[test]
    fn an_interruption_is_known_among_errors() {
        let code = of(&io::Error::other(interrupted())).map(|failure| failure.code.name());
        assert_eq!(code, Some("interrupted"));
        assert!(of(&io::Error::other("else")).is_none());
    }
}
