//! A hash chain in SQLite: each row holds BLAKE3 over the row before and the event.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use rusqlite::{Connection, params};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// A table in a file, read from start to end.
#[derive(Default)]
pub struct Sqlite {
    file: PathBuf,
    database: Option<Connection>,
    last: [u8; 32],
}

impl Sqlite {
    fn scan(&self) -> Result<usize> {
        let Some(database) = &self.database else { bail!("nothing was prepared") };
        let mut rows = database.prepare_cached("SELECT event, hash FROM chain ORDER BY number")?;
        let mut rows = rows.query([])?;
        let (mut before, mut events) = ([0; 32], 0);
        while let Some(row) = rows.next()? {
            before = link(&before, row.get_ref(0)?.as_blob()?);
            ensure!(before == row.get_ref(1)?.as_blob()?, "row {events} has another hash");
            events += 1;
        }
        ensure!(before == self.last, "the chain ends in another hash");
        Ok(events)
    }
}

fn link(before: &[u8; 32], event: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(event);
    *hasher.finalize().as_bytes()
}

impl Contender for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite, BLAKE3 chain"
    }

    fn version(&self) -> String {
        format!("SQLite {}, {}", rusqlite::version(), super::crate_version("rusqlite"))
    }

    fn checks(&self) -> &'static str {
        "BLAKE3 of each row over the row before it and the event, and that the chain ends in the expected hash"
    }

    fn does_not_check(&self) -> &'static str {
        "ids, deps, Lamport times, streams; one order of all events is assumed, not found"
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        self.file = place.folder.join("chain.sqlite");
        let mut database = Connection::open(&self.file)?;
        database.execute_batch(
            "CREATE TABLE chain (number INTEGER PRIMARY KEY, event BLOB NOT NULL, hash BLOB NOT NULL)",
        )?;
        let all = database.transaction()?;
        self.last = [0; 32];
        for (number, event) in (0i64..).zip(events) {
            self.last = link(&self.last, &event.message);
            let mut insert = all.prepare_cached("INSERT INTO chain VALUES (?, ?, ?)")?;
            insert.execute(params![number, event.message, self.last])?;
        }
        all.commit()?;
        self.database = Some(database);
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let (events, time) = timed(|| self.scan())?;
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let Some(database) = &self.database else { bail!("nothing was prepared") };
        let middle: i64 = database.query_row("SELECT COUNT(*) / 2 FROM chain", [], |row| row.get(0))?;
        let mut event: Vec<u8> =
            database.query_row("SELECT event FROM chain WHERE number = ?", [middle], |row| row.get(0))?;
        let byte = event.len() / 2;
        event[byte] ^= 1;
        database.execute("UPDATE chain SET event = ? WHERE number = ?", params![event, middle])?;
        Ok(Flipped::from_run(self.run()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut Sqlite::default());
        notices_a_flipped_bit(&mut Sqlite::default());
    }
}
