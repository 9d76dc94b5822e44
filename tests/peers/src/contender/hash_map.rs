//! The shortest honest program: BLAKE3 of each payload, and a hash map of ids for deps and Lamport times.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// Made by hand. Its input is a flat array of records: no frames, no checksums, no schema.
#[derive(Default)]
pub struct HashMapOfIds {
    records: Vec<u8>,
    count: usize,
}

impl HashMapOfIds {
    /// What is known in the end: freeing it is off the clock.
    fn check(&self) -> Result<HashMap<u128, u64>> {
        let mut known: HashMap<u128, u64> = HashMap::with_capacity(self.count);
        let mut rest = Fields(&self.records);
        while !rest.0.is_empty() {
            let (id, lamport) = (rest.u128()?, rest.u64()?);
            for _ in 0..rest.u64()? {
                let dep = known.get(&rest.u128()?);
                ensure!(dep.is_some_and(|&time| time < lamport), "a dep of {id:x} is missing or not earlier");
            }
            let (hash, length) = (rest.take(32)?, rest.u64()?);
            let payload = rest.take(length as usize)?;
            ensure!(blake3::hash(payload).as_bytes() == hash, "the payload of {id:x} has another hash");
            ensure!(known.insert(id, lamport).is_none(), "{id:x} is there twice");
        }
        Ok(known)
    }
}

/// What of the records is not yet read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        ensure!(length <= self.0.len(), "the records end within a record");
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into()?))
    }

    fn u128(&mut self) -> Result<u128> {
        Ok(u128::from_le_bytes(self.take(16)?.try_into()?))
    }
}

impl Contender for HashMapOfIds {
    fn name(&self) -> &'static str {
        "BLAKE3 and a hash map"
    }

    fn version(&self) -> String {
        format!("{}, std::collections::HashMap", super::crate_version("blake3"))
    }

    fn checks(&self) -> &'static str {
        "BLAKE3 of each payload against its record; ids unique; deps there and earlier"
    }

    fn does_not_check(&self) -> &'static str {
        "streams, encoding, frames; it commits to nothing: no root, no state that another could compare"
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.count = events.len();
        self.records.clear();
        for Event { header, payload, .. } in events {
            self.records.extend(header.id.to_le_bytes());
            self.records.extend(header.lamport.to_le_bytes());
            self.records.extend((header.deps.len() as u64).to_le_bytes());
            header.deps.iter().for_each(|dep| self.records.extend(dep.to_le_bytes()));
            self.records.extend(header.payload_hash);
            self.records.extend((payload.len() as u64).to_le_bytes());
            self.records.extend(payload);
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let (known, time) = timed(|| self.check())?;
        let events = known.len();
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        if let Some(last) = self.records.last_mut() {
            *last ^= 1;
        }
        Ok(Flipped::from_run(self.run()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut HashMapOfIds::default());
        notices_a_flipped_bit(&mut HashMapOfIds::default());
    }

    #[test]
    fn it_notices_events_out_of_order() {
        let folder = tempfile::tempdir().unwrap();
        let (log, mut events) = crate::events::samples(folder.path(), 20);
        let place = Place { log, folder: folder.path().to_owned(), omega: "".into(), processor: None };
        events.reverse();
        let mut map = HashMapOfIds::default();
        map.prepare(&events, &place).unwrap();
        assert!(map.run().unwrap_err().to_string().contains("not earlier"));
        events.reverse();
        events.push(events[3].clone());
        map.prepare(&events, &place).unwrap();
        assert!(map.run().unwrap_err().to_string().contains("twice"));
    }
}
