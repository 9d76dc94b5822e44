//! Compiled kernels, kept between runs: compiling takes longer than most batches.
//!
//! Loading one means running its machine code, so an entry is only taken from a folder that is
//! ours alone (0700), and only with a tag that the key beside it (0600) gives: keyed BLAKE3 over
//! what was compiled, how, and the code. Whatever does not fit is compiled again; nothing here is
//! ever a failure. This does not protect from somebody who can already write as this user.

#![allow(unsafe_code, reason = "Wasmtime cannot know that compiled code is its own: this file sees to it")]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::files;

const KEY_FILE: &str = "key";
const TAG_BYTES: usize = 32;
/// More than any component compiles to within the compiler's own limits.
const MAX_ENTRY_BYTES: u64 = 512 << 20;

/// `$XDG_CACHE_HOME/omega-sheaf`, or that in `~/.cache`.
pub(super) fn default_folder() -> Option<PathBuf> {
    files::folder_of_user("XDG_CACHE_HOME", ".cache")
}

/// Machine code that Wasmtime made of a component: by this process, or by one that it started to
/// do so. Private to the engine: nothing read from elsewhere becomes one without its tag.
pub(super) struct Artifact(Vec<u8>);

impl Artifact {
    /// What Wasmtime's compiler just returned.
    pub(super) fn just_compiled(code: Vec<u8>) -> Self {
        Artifact(code)
    }

    /// The component, ready to be instantiated.
    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the code came out of `Engine::precompile_component`, in this process, in the
        // compiler process that this one started and read from through a pipe, or earlier and
        // then kept under a tag that only this user's key gives. Wasmtime itself compares the
        // version and the engine's settings.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

/// A folder of compiled kernels.
pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens the folder and its key, or makes them. None where that cannot be, or where anybody
    /// else could write there.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).ok()?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
            _ => {}
        }
        let found = fs::symlink_metadata(folder).ok()?;
        if !found.is_dir() || !is_ours_alone(&found, 0o700) {
            return None;
        }
        let path = folder.join(KEY_FILE);
        let key = match read_ours(&path, 32) {
            Some(key) => key.try_into().ok()?,
            None => {
                let mut key = [0; 32];
                getrandom::fill(&mut key).ok()?;
                replace(folder, &path, &[&key])?;
                key
            }
        };
        Some(Cache { folder: folder.to_owned(), key })
    }

    /// The entry's name: the component and everything that shapes what it compiles to.
    pub(super) fn entry(component: &[u8], engine: &Engine) -> [u8; 32] {
        let mut all = Digest(blake3::Hasher::new());
        all.write(blake3::hash(component).as_bytes());
        engine.precompile_compatibility_hash().hash(&mut all);
        *all.0.finalize().as_bytes()
    }

    /// What was kept under this name, where its tag fits.
    pub(super) fn get(&self, entry: &[u8; 32]) -> Option<Artifact> {
        let mut kept = read_ours(&self.path(entry), MAX_ENTRY_BYTES)?;
        let tag: [u8; TAG_BYTES] = kept.get(..TAG_BYTES)?.try_into().ok()?;
        let code = kept.split_off(TAG_BYTES);
        (self.tag(entry, &code) == tag).then_some(Artifact(code))
    }

    /// Keeps it. Where that fails, the next run compiles again.
    pub(super) fn put(&self, entry: &[u8; 32], artifact: &Artifact) {
        let tag = self.tag(entry, &artifact.0);
        let _ = replace(&self.folder, &self.path(entry), &[tag.as_bytes(), &artifact.0]);
    }

    fn path(&self, entry: &[u8; 32]) -> PathBuf {
        self.folder.join(data_encoding::HEXLOWER.encode(entry))
    }

    /// Compared as `blake3::Hash`: in constant time.
    fn tag(&self, entry: &[u8; 32], code: &[u8]) -> blake3::Hash {
        blake3::Hasher::new_keyed(&self.key).update(entry).update(code).finalize()
    }
}

/// Owned by this user, and no right for anybody else.
fn is_ours_alone(found: &fs::Metadata, mode: u32) -> bool {
    found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o777 == mode
}

/// A regular file of ours with mode 0600 and at most `limit` bytes.
fn read_ours(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(no_follow).open(path).ok()?;
    let found = file.metadata().ok()?;
    if !found.is_file() || !is_ours_alone(&found, 0o600) || found.len() > limit {
        return None;
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Puts a file in place in one step, so that another process sees all of it or none.
fn replace(folder: &Path, path: &Path, parts: &[&[u8]]) -> Option<()> {
    let mut fresh = tempfile::Builder::new().prefix(".new-").tempfile_in(folder).ok()?;
    let file: &mut File = fresh.as_file_mut();
    parts.iter().try_for_each(|part| file.write_all(part)).ok()?;
    fresh.persist(path).ok()?;
    Some(())
}

/// BLAKE3 behind the standard library's hashing trait.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ENTRY: [u8; 32] = [5; 32];

    fn cache() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("omega-sheaf");
        (parent, folder)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keeps_what_it_was_given_for_the_next_process() {
        let (_parent, folder) = cache();
        Cache::open(&folder).unwrap().put(&ENTRY, &Artifact(vec![1, 2, 3]));
        let again = Cache::open(&folder).unwrap();
        assert_eq!(again.get(&ENTRY).unwrap().0, [1, 2, 3]);
        assert!(again.get(&[6; 32]).is_none());
    }

    #[test]
    fn trusts_no_changed_byte_and_no_other_name() {
        let (_parent, folder) = cache();
        let cache = Cache::open(&folder).unwrap();
        cache.put(&ENTRY, &Artifact(vec![1; 50]));
        let path = cache.path(&ENTRY);
        let kept = fs::read(&path).unwrap();
        for place in 0..kept.len() {
            let mut changed = kept.clone();
            changed[place] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(cache.get(&ENTRY).is_none(), "byte {place}");
        }
        fs::write(&path, &kept[..20]).unwrap();
        assert!(cache.get(&ENTRY).is_none());
        replace(&folder, &cache.path(&[6; 32]), &[&kept]).unwrap();
        assert!(cache.get(&[6; 32]).is_none(), "an entry under another's name");
        replace(&folder, &path, &[&kept]).unwrap();
        assert!(cache.get(&ENTRY).is_some());
        fs::remove_file(folder.join(KEY_FILE)).unwrap();
        assert!(Cache::open(&folder).unwrap().get(&ENTRY).is_none(), "a new key");
    }

    #[test]
    fn trusts_nothing_that_others_may_touch() {
        let (_parent, folder) = cache();
        let cache = Cache::open(&folder).unwrap();
        cache.put(&ENTRY, &Artifact(vec![1; 50]));
        set_mode(&cache.path(&ENTRY), 0o620);
        assert!(cache.get(&ENTRY).is_none());
        set_mode(&cache.path(&ENTRY), 0o600);
        assert!(cache.get(&ENTRY).is_some());
        fs::rename(cache.path(&ENTRY), folder.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.join("elsewhere"), cache.path(&ENTRY)).unwrap();
        assert!(cache.get(&ENTRY).is_none(), "a link");
        set_mode(&folder, 0o755);
        assert!(Cache::open(&folder).is_none());
        let link = folder.with_file_name("link");
        set_mode(&folder, 0o700);
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(Cache::open(&link).is_none(), "a folder behind a link");
    }
}
