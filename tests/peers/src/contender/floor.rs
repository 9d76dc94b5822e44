//! What nobody who hashes payloads one by one can be faster than: library calls, natively, over the log.
//!
//! Measured by the process that `omega bench` measures with, so that it is the same floor.

use anyhow::{Result, bail, ensure};

use super::wasm::Measuring;
use super::{Contender, Flipped, Place, Time, Turn};
use crate::events::Event;

/// Which of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Reading alone.
    Read,
    /// BLAKE3 alone.
    Blake3,
    /// Reading, BLAKE3 and CRC-32.
    All,
}

/// The floor.
pub struct Floor {
    part: Part,
    measuring: Option<Measuring>,
    events: usize,
}

impl Floor {
    /// That part of it.
    pub fn new(part: Part) -> Self {
        Floor { part, measuring: None, events: 0 }
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        match self.part {
            Part::Read => "floor: reading",
            Part::Blake3 => "floor: BLAKE3",
            Part::All => "floor",
        }
    }

    fn version(&self) -> String {
        format!("{}, {}", super::crate_version("blake3"), super::crate_version("crc32fast"))
    }

    fn checks(&self) -> &'static str {
        match self.part {
            Part::Read => "nothing: the bytes are copied out of the mapping",
            Part::Blake3 => "nothing: one BLAKE3 for each payload, compared with nothing",
            Part::All => "nothing: reading, one BLAKE3 for each payload, one CRC-32 for each frame",
        }
    }

    fn does_not_check(&self) -> &'static str {
        "anything: hashes are made and thrown away"
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        let log = super::wasm::write_log(events, super::native::Form::OneLog, place)?;
        self.events = events.len();
        self.measuring = Some(Measuring::start("floor", &log, place)?);
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let Some(measuring) = &mut self.measuring else { bail!("nothing was prepared") };
        let said = measuring.total()?;
        let part = |name: &str| said[name].as_f64().unwrap_or(f64::NAN);
        let seconds = match self.part {
            Part::Read => part("read"),
            Part::Blake3 => part("blake3"),
            Part::All => part("read") + part("blake3") + part("crc32"),
        };
        ensure!(seconds.is_finite(), "it said {said}");
        // How much of that was which part's is not known.
        let waited = said["waited"].as_f64().filter(|_| self.part == Part::All);
        let time = Time { seconds, processor: waited.map(|waited| seconds - waited) };
        // Of frames and payloads that it found when it cut the log, off the clock; it gives no count.
        Ok(Turn { time, events: self.events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        Ok(Flipped::NotLookedFor)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::checks_every_event;
    use super::*;

    #[test]
    fn it_runs_over_every_event() {
        for part in [Part::Read, Part::Blake3, Part::All] {
            let mut floor = Floor::new(part);
            checks_every_event(&mut floor);
            assert_eq!(floor.flip().unwrap(), Flipped::NotLookedFor);
        }
    }
}
