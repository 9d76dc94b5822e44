//! The same events as p2panda operations: decoded and validated, each with its signature.

use std::collections::HashMap;

use anyhow::{Context, Result};
use p2panda_core::{
    AnyHeader, AnyOperation, Body, Header, SigningKey, validate_backlink, validate_operation,
};
use serde::{Deserialize, Serialize};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// What an event has that an operation has not; numbers in halves, because CBOR knows 64 bits.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fields {
    id: (u64, u64),
    lamport: u64,
    deps: Vec<(u64, u64)>,
}

/// Encoded operations: header and body.
#[derive(Default)]
pub struct P2panda {
    operations: Vec<(Vec<u8>, Vec<u8>)>,
}

impl P2panda {
    fn validate(&self) -> Result<usize> {
        let mut last: HashMap<[u8; 32], AnyHeader> = HashMap::new();
        let mut events = 0;
        for (header, body) in &self.operations {
            let header = AnyHeader::decode(header)?;
            let operation = AnyOperation { hash: header.hash(), header, body: Some(Body::from_bytes(body)) };
            validate_operation(&operation)?;
            let writer = *operation.header.verifying_key.as_bytes();
            match last.get_mut(&writer) {
                Some(before) => {
                    validate_backlink(before, &operation.header)?;
                    *before = operation.header;
                }
                None => drop(last.insert(writer, operation.header)),
            }
            events += 1;
        }
        Ok(events)
    }
}

impl Contender for P2panda {
    fn name(&self) -> &'static str {
        "p2panda-core"
    }

    fn version(&self) -> String {
        super::crate_version("p2panda-core")
    }

    fn checks(&self) -> &'static str {
        "canonical CBOR, one Ed25519 signature for each event, BLAKE3 of header and payload, each writer's chain without gaps"
    }

    fn does_not_check(&self) -> &'static str {
        "ids, deps and Lamport times, which stand in an extension; no root over all events"
    }

    fn most_events(&self) -> usize {
        10_000
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        let mut writers: HashMap<u32, (u32, Option<Header<Fields>>)> = HashMap::new();
        self.operations.clear();
        for Event { header, payload, .. } in events {
            let key = SigningKey::from_bytes(blake3::hash(&header.node.to_le_bytes()).as_bytes());
            let (length, last) = writers.entry(header.node).or_default();
            let fields = Fields {
                id: halves(header.id),
                lamport: header.lamport,
                deps: header.deps.iter().map(|&dep| halves(dep)).collect(),
            };
            let builder = Header::<Fields>::builder().body(payload).seq_num(*length);
            let signed = builder.backlink(last.as_ref().map(Header::hash)).build(&key, fields);
            self.operations.push((signed.encode(), payload.clone()));
            (*length, *last) = (*length + 1, Some(signed));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let (events, time) = timed(|| self.validate())?;
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let middle = self.operations.len() / 2;
        let (_, body) = &mut self.operations[middle];
        *body.first_mut().context("the payload is empty")? ^= 1;
        Ok(Flipped::from_run(self.run()))
    }
}

fn halves(id: u128) -> (u64, u64) {
    ((id >> 64) as u64, id as u64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut P2panda::default());
        notices_a_flipped_bit(&mut P2panda::default());
    }

    #[test]
    fn signatures_and_chains_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = crate::events::samples(folder.path(), 12);
        let place = Place { log, folder: folder.path().to_owned(), omega: "".into(), processor: None };
        let mut peer = P2panda::default();
        peer.prepare(&events, &place).unwrap();
        // The last bytes of a header are the deps: signed, though p2panda itself gives them no meaning.
        *peer.operations[8].0.last_mut().unwrap() ^= 1;
        assert!(peer.run().is_err());
        peer.prepare(&events, &place).unwrap();
        peer.operations.remove(5);
        assert!(peer.run().is_err());
    }
}
