//! The same events as commits of a git repository, which `git fsck` checks.
//!
//! One commit for each event, on one empty tree: parents are the event before it in its writer's stream and its
//! deps; the message holds id and payload, in base64, because a message may hold no zero byte.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::BASE64;

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// A repository made by `git fast-import`.
#[derive(Default)]
pub struct Git {
    repository: PathBuf,
    /// Commits in it, counted by git when it was made.
    commits: usize,
}

impl Contender for Git {
    fn name(&self) -> &'static str {
        "git fsck"
    }

    fn version(&self) -> String {
        let said = git(Path::new("."), &["--version"]).map(|output| output.stdout);
        said.map_or_else(|_| "git ?".to_owned(), |text| String::from_utf8_lossy(&text).trim().to_owned())
    }

    fn checks(&self) -> &'static str {
        "the pack's checksum, SHA-1 of each commit, its form, and that its parents are there; `git fsck` from start to end"
    }

    fn does_not_check(&self) -> &'static str {
        "that parents came earlier by any clock; ids; writers' streams; what the message says"
    }

    fn prepare(&mut self, events: &[Event], place: &Place) -> Result<()> {
        self.repository = place.folder.join("events.git");
        succeeded(&git(&place.folder, &["init", "--quiet", "--bare", "events.git"])?)?;
        let mut import = command(&self.repository)
            .args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force"])
            .stdin(Stdio::piped())
            .spawn()
            .context("git could not be started")?;
        let written = match import.stdin.take() {
            Some(pipe) => write_commits(events, std::io::BufWriter::new(pipe)),
            None => bail!("git fast-import has no input"),
        };
        ensure!(import.wait()?.success(), "git fast-import failed");
        written?;
        let objects = git(
            &self.repository,
            &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)", "--unordered"],
        )?;
        succeeded(&objects)?;
        self.commits = objects.stdout.split(|&byte| byte == b'\n').filter(|line| *line == b"commit").count();
        ensure!(self.commits == events.len(), "git holds {} commits", self.commits);
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let (output, time) = timed(|| git(&self.repository, &["fsck", "--no-dangling", "--no-progress"]))?;
        succeeded(&output)?;
        Ok(Turn { time, events: self.commits })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let packs = std::fs::read_dir(self.repository.join("objects/pack"))?;
        let packs = packs.filter_map(|entry| Some(entry.ok()?.path()));
        let pack = packs.into_iter().find(|path| path.extension().is_some_and(|word| word == "pack"));
        let pack = pack.context("there is no pack")?;
        let mut bytes = std::fs::read(&pack)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::remove_file(&pack)?;
        std::fs::write(&pack, bytes)?;
        Ok(Flipped::from_run(self.run()))
    }
}

/// The events as a stream for `git fast-import`.
fn write_commits(events: &[Event], mut out: impl Write) -> Result<()> {
    let marks: HashMap<u128, usize> = events.iter().map(|event| event.header.id).zip(1..).collect();
    for (mark, Event { header, payload, .. }) in (1..).zip(events) {
        let branch = format!("refs/heads/w{}s{}", header.node, header.stream);
        let mut parents: Vec<usize> = std::iter::once(&header.prev)
            .chain(&header.deps)
            .filter_map(|id| marks.get(id).copied())
            .collect();
        parents.sort_unstable();
        parents.dedup();
        if parents.is_empty() {
            // Otherwise it would follow the branch's last commit.
            writeln!(out, "reset {branch}")?;
        }
        let message = format!("{:028x}\n\n{}", header.id, BASE64.encode(payload));
        writeln!(out, "commit {branch}\nmark :{mark}")?;
        writeln!(out, "committer w{} <w{0}@example.org> {} +0000", header.node, header.lamport)?;
        writeln!(out, "data {}\n{message}", message.len())?;
        for (place, parent) in parents.iter().enumerate() {
            writeln!(out, "{} :{parent}", if place == 0 { "from" } else { "merge" })?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

fn git(folder: &Path, words: &[&str]) -> Result<Output> {
    command(folder).args(words).stdin(Stdio::null()).output().context("git could not be started")
}

/// git without anybody's settings.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    // For what runs in this program alone.
    command.env_remove(crate::child::ALLOCATOR_SETTINGS.0);
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    command
}

fn succeeded(output: &Output) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.lines().next().unwrap_or("git failed"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn it_checks_every_event_and_notices_a_flipped_bit() {
        checks_every_event(&mut Git::default());
        notices_a_flipped_bit(&mut Git::default());
    }

    #[test]
    fn parents_are_the_stream_and_the_deps() {
        let folder = tempfile::tempdir().unwrap();
        let (_, events) = crate::events::samples(folder.path(), 9);
        let mut stream = Vec::new();
        write_commits(&events, &mut stream).unwrap();
        let text = String::from_utf8(stream).unwrap();
        let last = text.rsplit("commit ").next().unwrap();
        // Event 9: its writer's last was 6, its deps are 5 and 8.
        assert!(last.contains("from :5\nmerge :6\nmerge :8\n"), "{last}");
    }
}
