//! Imports a git repository: each commit is an event.
//!
//! Every field is a pure function of the commit and its ancestors, so importing again, from another
//! clone or after new commits, changes no earlier event:
//!
//! - id: the first 112 bits of BLAKE3 over the raw commit id (so a parent's id follows from the commit
//!   alone, and no prefix of a commit id that somebody ground out of SHA-1 collides).
//! - node: the first 32 bits, little-endian, of BLAKE3(author's email, ASCII lower-cased ‖ 0 ‖ the
//!   author's name where the email is empty). No mailmap is applied: it changes over time.
//! - stream: 0x8000, causal-only: two branches of one author are honest, not an equivocation. prev = 0.
//! - lamport: the generation number, 1 + the greatest of the parents'. deps: the parents.
//! - payload: the raw commit object.
//!
//! Replacement objects and grafts are ignored; shallow clones are refused.

use std::collections::HashMap;
use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::{CommitRef, Kind};
use omega_kernel::event::FIRST_CAUSAL_ONLY_STREAM;
use omega_kernel::hash;
use omega_kernel::wire::PayloadRef;

use super::event::{Place, id_from_hash, node_from_hash, show_id};
use super::progress::Progress;
use super::sink::EventSink;
use crate::failure::{Failure, HostCode};

/// What was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Commits.
    pub commits: u64,
    /// Commits with several parents.
    pub merges: u64,
    /// Authors.
    pub authors: u64,
    /// Greatest generation number.
    pub generations: u64,
}

/// Imports all commits that are reachable from any ref and from HEAD, or from `rev` alone, in
/// canonical order.
pub fn import(dir: &Path, rev: Option<&str>, sink: &mut dyn EventSink) -> Result<Imported, Failure> {
    let repo = open(dir)?;
    let tips = match rev {
        Some(rev) => vec![resolve(&repo, rev)?],
        None => all_tips(&repo)?,
    };
    if tips.is_empty() {
        return Err(invalid(dir, "the repository has no commits").hint("Commit something first."));
    }
    let mut history = History::read(&repo, dir, tips)?;
    history.number_generations();

    let mut order: Vec<usize> = (0..history.commits.len()).collect();
    order.sort_unstable_by_key(|&at| {
        let commit = &history.commits[at];
        (commit.generation, commit.node, event_id(&commit.id))
    });
    let progress = Progress::start("importing commits", Some(order.len() as u64));
    for (done, &at) in order.iter().enumerate() {
        progress.at(done as u64)?;
        let commit = &history.commits[at];
        let place = Place {
            lamport: commit.generation,
            node: commit.node,
            stream: FIRST_CAUSAL_ONLY_STREAM,
            id: event_id(&commit.id),
            prev: 0,
            deps: commit.parents.iter().map(|&parent| event_id(&history.commits[parent].id)).collect(),
        };
        let raw = read_commit(&repo, dir, commit.id)?;
        let header = place.header(&raw, None).map_err(|failure| Failure {
            message: format!("commit {}: {}", commit.id, failure.message),
            ..failure.file(dir)
        })?;
        sink.event(&header, PayloadRef::Present { bytes: &raw, salt: None })?;
    }
    Ok(Imported {
        commits: history.commits.len() as u64,
        merges: history.commits.iter().filter(|commit| commit.parents.len() > 1).count() as u64,
        authors: history.authors.len() as u64,
        generations: history.commits.iter().map(|commit| commit.generation).max().unwrap_or(0),
    })
}

/// The event id of a commit.
pub fn event_id(commit: &ObjectId) -> u128 {
    id_from_hash(&hash::plain(commit.as_slice()))
}

/// What makes an author one writer.
fn author_key(commit: &CommitRef<'_>) -> Result<Vec<u8>, gix::Error> {
    let author = commit.author()?;
    let mut key = author.email.to_ascii_lowercase();
    let name = if key.is_empty() { author.name.as_bytes() } else { b"" };
    key.push(0);
    key.extend_from_slice(name);
    Ok(key)
}

/// Every commit that is reachable, with what its event takes from it.
#[derive(Debug, Default)]
struct History {
    commits: Vec<Commit>,
    index: HashMap<ObjectId, usize>,
    /// By node number.
    authors: HashMap<u32, Vec<u8>>,
}

#[derive(Debug)]
struct Commit {
    id: ObjectId,
    parents: Vec<usize>,
    node: u32,
    /// 0 until it is numbered.
    generation: u64,
}

impl History {
    fn read(repo: &gix::Repository, dir: &Path, tips: Vec<ObjectId>) -> Result<Self, Failure> {
        let progress = Progress::start("reading history", None);
        let mut history = History::default();
        for tip in tips {
            history.slot(tip);
        }
        // Slots are added behind while they are filled: a breadth-first walk without a queue.
        let mut at = 0;
        while at < history.commits.len() {
            progress.at(at as u64)?;
            let id = history.commits[at].id;
            let raw = read_commit(repo, dir, id)?;
            let broken = |error: gix::Error| invalid(dir, &format!("commit {id} is malformed: {error}"));
            let commit = CommitRef::from_bytes(&raw, id.kind()).map_err(broken)?;
            let parents: Vec<usize> = commit.parents().map(|parent| history.slot(parent)).collect();
            let node = history.node(dir, author_key(&commit).map_err(broken)?)?;
            let commit = &mut history.commits[at];
            (commit.parents, commit.node) = (parents, node);
            at += 1;
        }
        history.refuse_equal_ids(dir)?;
        Ok(history)
    }

    fn slot(&mut self, id: ObjectId) -> usize {
        let next = self.commits.len();
        let slot = *self.index.entry(id).or_insert(next);
        if slot == next {
            self.commits.push(Commit { id, parents: Vec::new(), node: 0, generation: 0 });
        }
        slot
    }

    fn node(&mut self, dir: &Path, author: Vec<u8>) -> Result<u32, Failure> {
        let node = node_from_hash(&hash::plain(&author));
        claim_node(&mut self.authors, node, author).map_err(|failure| failure.file(dir))
    }

    /// 112 bits make this as good as impossible; if it ever happens, nobody is an equivocator.
    fn refuse_equal_ids(&self, dir: &Path) -> Result<(), Failure> {
        let mut seen = HashMap::with_capacity(self.commits.len());
        for commit in &self.commits {
            if let Some(other) = seen.insert(event_id(&commit.id), commit.id) {
                let what = format!(
                    "commits {other} and {} would both be event {}",
                    commit.id,
                    show_id(event_id(&other))
                );
                return Err(invalid(dir, &what));
            }
        }
        Ok(())
    }

    /// Numbers each commit once all its parents are.
    fn number_generations(&mut self) {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.commits.len()];
        let mut waiting = Vec::with_capacity(self.commits.len());
        for (at, commit) in self.commits.iter().enumerate() {
            waiting.push(commit.parents.len());
            for &parent in &commit.parents {
                children[parent].push(at);
            }
        }
        let mut ready: Vec<usize> = (0..waiting.len()).filter(|&at| waiting[at] == 0).collect();
        while let Some(at) = ready.pop() {
            let parents = &self.commits[at].parents;
            let before = parents.iter().map(|&parent| self.commits[parent].generation).max();
            self.commits[at].generation = 1 + before.unwrap_or(0);
            for &child in &children[at] {
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push(child);
                }
            }
        }
    }
}

/// Gives a node number to the writer with this key; two writers with one number are refused.
pub fn claim_node(taken: &mut HashMap<u32, Vec<u8>>, node: u32, key: Vec<u8>) -> Result<u32, Failure> {
    let holder = taken.entry(node).or_insert_with(|| key.clone());
    if *holder == key {
        return Ok(node);
    }
    let shown = |key: &[u8]| String::from_utf8_lossy(key).trim_matches('\0').to_owned();
    Err(Failure::new(
        HostCode::NodeCollision,
        format!("{} and {} would both be node {node}", shown(holder), shown(&key)),
    )
    .hint("Node numbers are 32 bits of a hash. Import the two writers' histories into logs of their own and judge those apart."))
}

fn open(dir: &Path) -> Result<gix::Repository, Failure> {
    if !dir.exists() {
        return Err(
            Failure::new(HostCode::NotFound, format!("there is no folder {}", dir.display())).file(dir)
        );
    }
    let mut repo = gix::open_opts(dir, gix::open::Options::isolated()).map_err(|error| {
        invalid(dir, &error.to_string())
            .hint("--repo names the folder that holds .git, or a bare repository.")
    })?;
    repo.objects.ignore_replacements = true;
    let shallow = repo.is_shallow().map_err(|error| invalid(dir, &error.to_string()))?;
    if shallow {
        return Err(Failure::new(
            HostCode::GitShallow,
            format!(
                "{} is a shallow clone: parents are missing, so generation numbers would be wrong",
                dir.display()
            ),
        )
        .hint("Run `git fetch --unshallow` there, then import again.")
        .file(dir));
    }
    Ok(repo)
}

fn resolve(repo: &gix::Repository, rev: &str) -> Result<ObjectId, Failure> {
    let wrong = |error: gix::Error| {
        invalid(repo.path(), &format!("{rev} names no commit: {error}"))
            .hint("Name a branch, a tag or a commit id.")
    };
    let object = repo.rev_parse_single(rev).and_then(|id| id.object()).map_err(wrong)?;
    Ok(object.peel_to_commit().map_err(wrong)?.id)
}

/// What all refs and HEAD point to, tags peeled. Refs to trees and blobs are no history.
fn all_tips(repo: &gix::Repository) -> Result<Vec<ObjectId>, Failure> {
    let broken = |error: gix::Error| invalid(repo.path(), &format!("the refs cannot be read: {error}"));
    let platform = repo.references().map_err(broken)?;
    let mut tips: Vec<ObjectId> = Vec::new();
    for reference in platform.all().and_then(|refs| refs.peeled()).map_err(broken)? {
        let id = reference.map_err(broken)?.id();
        if id.header().map_err(broken)?.kind() == Kind::Commit {
            tips.push(id.detach());
        }
    }
    // A detached HEAD is in no ref; an unborn one names nothing yet.
    tips.extend(repo.head_id().ok().map(gix::Id::detach));
    tips.sort_unstable();
    tips.dedup();
    Ok(tips)
}

/// The raw commit object, checked against its id.
fn read_commit(repo: &gix::Repository, dir: &Path, id: ObjectId) -> Result<Vec<u8>, Failure> {
    let object = repo
        .try_find_object(id)
        .map_err(|error| invalid(dir, &format!("commit {id} cannot be read: {error}")))?
        .ok_or_else(|| {
            invalid(dir, &format!("commit {id} is missing"))
                .hint("`git fsck` shows what else is; clone again.")
        })?;
    if object.kind != Kind::Commit {
        return Err(invalid(dir, &format!("{id} is a {}, not a commit", object.kind)));
    }
    let computed = gix::objs::compute_hash(id.kind(), Kind::Commit, &object.data)
        .map_err(|error| invalid(dir, &format!("commit {id}: {error}")))?;
    if computed != id {
        return Err(invalid(dir, &format!("commit {id} is damaged: its content has the id {computed}")));
    }
    Ok(object.detach().data)
}

fn invalid(dir: &Path, what: &str) -> Failure {
    Failure::new(HostCode::GitInvalid, format!("{}: {what}", dir.display())).file(dir)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::testing::{Collected, judge};
    use super::super::writer::{Logs, SplitBy};
    use super::*;

    /// A repository whose every commit is fixed by its script.
    struct Repo(tempfile::TempDir);

    impl Repo {
        fn new() -> Self {
            let repo = Repo(tempfile::tempdir().unwrap());
            repo.git(&["init", "-q", "-b", "main"]);
            repo
        }

        fn path(&self) -> &Path {
            self.0.path()
        }

        fn git(&self, args: &[&str]) -> String {
            self.git_as("Ada", "Ada@Example.org", args)
        }

        fn git_as(&self, name: &str, email: &str, args: &[&str]) -> String {
            let output = Command::new("git")
                .current_dir(self.path())
                .args(args)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .envs([("GIT_AUTHOR_NAME", name), ("GIT_AUTHOR_EMAIL", email)])
                .envs([("GIT_COMMITTER_NAME", "C"), ("GIT_COMMITTER_EMAIL", "c@example.org")])
                .envs([("GIT_AUTHOR_DATE", "1700000000 +0000"), ("GIT_COMMITTER_DATE", "1700000000 +0000")])
                .output()
                .expect("the git command, which these tests make repositories with");
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        }

        fn commit(&self, name: &str, email: &str, message: &str) {
            self.git_as(name, email, &["commit", "-q", "--allow-empty", "-m", message]);
        }

        fn import(&self, rev: Option<&str>) -> Result<(Imported, Collected), Failure> {
            let mut events = Collected::default();
            Ok((import(self.path(), rev, &mut events)?, events))
        }
    }

    /// main: 1, 2, merge of 2 and side; side: 1, 3.
    fn merged() -> Repo {
        let repo = Repo::new();
        repo.commit("Ada", "Ada@Example.org", "1");
        repo.git(&["checkout", "-q", "-b", "side"]);
        repo.commit("Bob", "bob@example.org", "3");
        repo.git(&["checkout", "-q", "main"]);
        repo.commit("A. Lovelace", "ada@example.ORG", "2");
        repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        repo.git(&["tag", "-a", "-m", "first", "v1"]);
        repo
    }

    #[test]
    fn commits_become_causal_events() {
        let repo = merged();
        let (imported, events) = repo.import(None).unwrap();
        assert_eq!(imported, Imported { commits: 4, merges: 1, authors: 2, generations: 3 });
        let lamports: Vec<u64> = events.0.iter().map(|event| event.0.lamport).collect();
        assert_eq!(lamports, [1, 2, 2, 3]);
        let head = ObjectId::from_hex(repo.git(&["rev-parse", "HEAD"]).as_bytes()).unwrap();
        let merge = &events.0[3];
        assert_eq!(merge.0.id, event_id(&head));
        assert_eq!(show_id(merge.0.id)[4..], blake3::hash(head.as_slice()).to_hex()[..28]);
        let mut deps = [events.0[1].0.id, events.0[2].0.id];
        deps.sort_unstable();
        assert_eq!(merge.0.deps, deps);
        assert!(events.0.iter().all(|event| event.0.stream == 0x8000 && event.0.prev == 0));
        let raw = repo.git(&["cat-file", "commit", "HEAD"]);
        assert_eq!(String::from_utf8_lossy(&merge.1).trim(), raw);
        let ada = blake3::hash(b"ada@example.org\0");
        assert_eq!(merge.0.node.to_le_bytes(), ada.as_bytes()[..4]);
    }

    #[test]
    fn importing_again_changes_no_earlier_event() {
        let repo = merged();
        let before = repo.import(None).unwrap().1;
        repo.git(&["checkout", "-q", "-b", "later", "HEAD~1"]);
        repo.commit("Eve", "eve@example.org", "4");
        repo.git(&["gc", "-q"]);
        let after = repo.import(None).unwrap().1;
        assert_eq!(after.0.len(), 5);
        assert!(before.0.iter().all(|event| after.0.contains(event)));
        let main = repo.import(Some("main")).unwrap().1;
        assert_eq!(main, before);
        assert_eq!(repo.import(Some("v1")).unwrap().1, before, "a tag is peeled");
    }

    #[test]
    fn replacements_do_not_rewrite_history() {
        let repo = merged();
        let before = repo.import(None).unwrap().1;
        repo.git(&["replace", "--graft", "main"]);
        let after = repo.import(Some("main")).unwrap().1;
        assert_eq!(before, after);
    }

    #[test]
    fn the_logs_of_all_authors_merge() {
        let repo = merged();
        let path = repo.path().join("out.omega");
        let mut logs = Logs::create(&path, Some(SplitBy::Node), false).unwrap();
        import(repo.path(), None, &mut logs).unwrap();
        let written = logs.finish().unwrap();
        assert_eq!(written.len(), 3);
        let parts: Vec<Vec<u8>> = written[1..].iter().map(|log| std::fs::read(&log.path).unwrap()).collect();
        let (merges, coverage) = judge(&parts);
        assert!(merges, "{coverage:?}");
        assert_eq!((coverage[&1001].0, coverage[&2003].0), (0, 4));
    }

    #[test]
    fn a_shallow_clone_is_refused_with_advice() {
        let repo = merged();
        let clone = Repo(tempfile::tempdir().unwrap());
        let url = format!("file://{}", repo.path().display());
        clone.git(&["clone", "-q", "--depth", "1", &url, "."]);
        let failure = clone.import(None).map(|_| ()).unwrap_err();
        assert_eq!(failure.code.name(), "git-shallow");
        assert!(failure.hint.unwrap().contains("--unshallow"));
    }

    #[test]
    fn what_is_no_history_is_refused() {
        let empty = Repo::new();
        assert_eq!(empty.import(None).map(|_| ()).unwrap_err().code.name(), "git-repository-invalid");
        assert_eq!(empty.import(Some("main")).map(|_| ()).unwrap_err().code.name(), "git-repository-invalid");
        let none = tempfile::tempdir().unwrap();
        let mut events = Collected::default();
        assert_eq!(import(none.path(), None, &mut events).unwrap_err().code.name(), "git-repository-invalid");
        assert_eq!(import(Path::new("/none"), None, &mut events).unwrap_err().code.name(), "file-not-found");
        let repo = merged();
        let failure = repo.import(Some("main:")).map(|_| ()).unwrap_err();
        assert_eq!(failure.code.name(), "git-repository-invalid", "a tree is no commit");
    }

    #[test]
    fn two_writers_with_one_number_are_refused() {
        let mut taken = HashMap::new();
        assert_eq!(claim_node(&mut taken, 5, b"a@x\0".to_vec()).unwrap(), 5);
        assert_eq!(claim_node(&mut taken, 5, b"a@x\0".to_vec()).unwrap(), 5);
        let failure = claim_node(&mut taken, 5, b"b@x\0".to_vec()).unwrap_err();
        assert_eq!(failure.code.name(), "node-collision");
        assert!(failure.message.contains("a@x and b@x"), "{}", failure.message);
    }
}
