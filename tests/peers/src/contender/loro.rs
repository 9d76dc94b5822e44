//! A Loro document with an operation for each event, imported as a blob of updates.

use anyhow::{Result, ensure};
use loro::{ExportMode, LoroDoc, LoroValue};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// The list in the document.
const LIST: &str = "events";

/// An exported document.
#[derive(Default)]
pub struct Loro {
    exported: Vec<u8>,
    count: usize,
}

impl Contender for Loro {
    fn name(&self) -> &'static str {
        "loro, import"
    }

    fn version(&self) -> String {
        super::crate_version("loro")
    }

    fn checks(&self) -> &'static str {
        "the blob's 32-bit checksum (xxHash), and that operations depend on what is there"
    }

    fn does_not_check(&self) -> &'static str {
        "any hash of an event: changes have none; the events' own deps, ids and streams; it builds a document, which OMEGA does not"
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        let document = LoroDoc::new();
        let list = document.get_list(LIST);
        for event in events {
            if document.peer_id() != u64::from(event.header.node) {
                document.set_peer_id(event.header.node.into())?;
            }
            list.push(LoroValue::from(event.payload.clone()))?;
            document.commit();
        }
        self.exported = document.export(ExportMode::all_updates())?;
        self.count = events.len();
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let document = LoroDoc::new();
        let (status, time) = timed(|| Ok(document.import(&self.exported)?))?;
        ensure!(status.pending.is_none(), "operations wait for others that are not there");
        let events = document.get_list(LIST).len();
        ensure!(events == self.count, "the document holds {events} events");
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let middle = self.exported.len() / 2;
        self.exported[middle] ^= 1;
        Ok(Flipped::from_run(self.run()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut Loro::default());
        notices_a_flipped_bit(&mut Loro::default());
    }
}
