//! A progress bar on a terminal, and a look at Ctrl-C (see [`crate::interrupt`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::interrupt;

/// Events between two looks at the signal and two updates of the bar.
const STRIDE: u64 = 1024;

/// Shows how far a long command is and notices Ctrl-C.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Starts a bar over `total` units (a spinner where the total is not known). It is drawn on
    /// stderr, and only where that is a terminal.
    pub fn start(what: &'static str, total: Option<u64>) -> Self {
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match total {
            Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
            None => "{msg} {spinner} {human_pos}",
        };
        // The templates are constants; indicatif's own style stands in if it ever rejects one.
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(what);
        Progress { bar, stop: interrupt::watch() }
    }

    /// `done` units are done. Fails once Ctrl-C was pressed, so that unfinished files are removed.
    #[inline]
    pub fn at(&self, done: u64) -> Result<(), Failure> {
        if done.is_multiple_of(STRIDE) { self.look(done) } else { Ok(()) }
    }

    /// As [`Progress::at`], for units that take long: looks every time.
    #[cold]
    pub fn look(&self, done: u64) -> Result<(), Failure> {
        self.bar.set_position(done);
        if self.stop.load(Ordering::Relaxed) {
            return Err(interrupt::interrupted());
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_is_noticed_at_the_next_look() {
        let mut progress = Progress::start("testing", Some(10));
        progress.stop = Arc::new(AtomicBool::new(false));
        assert!(progress.at(0).is_ok());
        progress.stop.store(true, Ordering::Relaxed);
        assert!(progress.at(1).is_ok());
        assert_eq!(progress.at(STRIDE).unwrap_err().code.name(), "interrupted");
    }
}
