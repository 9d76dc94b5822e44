//! Hypercore's own audit of what it holds, which only the JavaScript implementation has: run by Node, on disk.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

use super::hypercore::feeds;
use super::{Contender, Flipped, Place, Turn};
use crate::events::Event;

/// Where its script and its packages are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hypercore");

/// A core for each writer, in RocksDB.
#[derive(Default)]
pub struct Audit {
    node: Option<Node>,
}

/// What the script says: a turn, or why there is none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Turn(Turn),
    Failed { failed: String },
}

/// The script as it runs.
struct Node {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Contender for Audit {
    fn name(&self) -> &'static str {
        "hypercore in Node, audit"
    }

    fn version(&self) -> String {
        let version = |program: &str, words: &[&str]| -> Option<String> {
            let output = Command::new(program).args(words).current_dir(FOLDER).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
        };
        let asked = "process.stdout.write(require('hypercore/package.json').version)";
        let or = |version: Option<String>| version.unwrap_or_else(|| "?".into());
        format!(
            "hypercore {}, Node {}",
            or(version("node", &["-e", asked])),
            or(version("node", &["--version"]))
        )
    }

    fn checks(&self) -> &'static str {
        "BLAKE2b of each stored block and of each inner node against the stored tree; read from disk (RocksDB)"
    }

    fn does_not_check(&self) -> &'static str {
        "the signature over the root; anything inside a block or across feeds: ids, deps, Lamport times"
    }

    fn may_be_missing(&self) -> bool {
        true
    }

    fn most_events(&self) -> usize {
        5_000
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        ensure!(
            Path::new(FOLDER).join("node_modules/hypercore").exists(),
            "its packages are not installed: npm --prefix tests/peers/hypercore install --no-save"
        );
        let folder = place.folder.join("node");
        fs::create_dir(&folder)?;
        for (writer, blocks) in feeds(events) {
            let mut bytes = Vec::new();
            for block in blocks {
                bytes.extend((block.len() as u32).to_le_bytes());
                bytes.extend(block);
            }
            fs::write(folder.join(format!("blocks.{writer}")), bytes)?;
        }
        let mut node = Node::start(&folder)?;
        let stored = node.answer()?.events;
        ensure!(stored == events.len(), "it holds {stored} events");
        self.node = Some(node);
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let Some(node) = &mut self.node else { bail!("nothing was prepared") };
        node.ask("turn")
    }

    fn flip(&mut self) -> Result<Flipped> {
        let Some(node) = &mut self.node else { bail!("nothing was prepared") };
        Ok(Flipped::from_run(node.ask("flip")))
    }
}

impl Node {
    fn start(folder: &Path) -> Result<Self> {
        let mut process = Command::new("node")
            .arg(Path::new(FOLDER).join("audit.mjs"))
            .arg(folder)
            .env_remove(crate::child::ALLOCATOR_SETTINGS.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node could not be started")?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("node has no pipes")
        };
        Ok(Node { process, requests: Some(requests), answers: BufReader::new(answers) })
    }

    fn ask(&mut self, request: &str) -> Result<Turn> {
        let requests = self.requests.as_mut().context("it was dismissed")?;
        writeln!(requests, "{request}")?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Turn> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match serde_json::from_str(&line).context("node ended early")? {
            Answer::Turn(turn) => Ok(turn),
            Answer::Failed { failed } => Err(anyhow!(failed)),
        }
    }
}

impl Drop for Node {
    /// The end of its input ends it.
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut Audit::default());
        notices_a_flipped_bit(&mut Audit::default());
    }
}
