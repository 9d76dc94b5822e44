//! An Automerge document with a change for each event, loaded with its checks.

use anyhow::{Result, ensure};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, LoadOptions, ObjType, ROOT, ReadDoc, ScalarValue, VerificationMode};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// The list in the document.
const LIST: &str = "events";

/// A saved document.
#[derive(Default)]
pub struct Automerge {
    saved: Vec<u8>,
    count: usize,
}

impl Contender for Automerge {
    fn name(&self) -> &'static str {
        "automerge, load"
    }

    fn version(&self) -> String {
        super::crate_version("automerge")
    }

    fn checks(&self) -> &'static str {
        "the document's checksum, and SHA-256 of each change up to the heads that the document names"
    }

    fn does_not_check(&self) -> &'static str {
        "the events' own deps, ids and streams: changes follow one another; it builds a document, which OMEGA does not"
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        let mut document = AutoCommit::new().with_actor(actor(0));
        let list = document.put_object(ROOT, LIST, ObjType::List)?;
        document.commit();
        let mut writer = 0;
        for (index, event) in events.iter().enumerate() {
            if event.header.node != writer {
                writer = event.header.node;
                document.set_actor(actor(writer));
            }
            document.insert(&list, index, ScalarValue::Bytes(event.payload.clone()))?;
            document.commit();
        }
        self.saved = document.save();
        self.count = events.len();
        let changes = automerge::Automerge::load(&self.saved)?.get_changes(&[]).len();
        ensure!(changes == self.count + 1, "the document holds {changes} changes");
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let options = LoadOptions::new().verification_mode(VerificationMode::Check);
        let (document, time) = timed(|| Ok(automerge::Automerge::load_with_options(&self.saved, options)?))?;
        let events = match document.get(ROOT, LIST)? {
            Some((_, list)) => document.length(&list),
            None => 0,
        };
        ensure!(events == self.count, "the document holds {events} events");
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let middle = self.saved.len() / 2;
        self.saved[middle] ^= 1;
        Ok(Flipped::from_run(self.run()))
    }
}

fn actor(writer: u32) -> ActorId {
    ActorId::from(&writer.to_be_bytes()[..])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut Automerge::default());
        notices_a_flipped_bit(&mut Automerge::default());
    }
}
