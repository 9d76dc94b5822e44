//! The copies that a drill works on: one that stays as it was, one that is damaged and put right again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::failure::Failure;
use crate::files::{unreadable, unwritable};
use crate::inspect::{Kind, listed};
use crate::interrupt;

/// Files up to this length are compared byte by byte.
const COMPARED_BYTES: u64 = 4 << 20;

/// Two copies of a folder, removed with this.
pub(super) struct Scratch {
    _place: TempDir,
    sound: PathBuf,
    copy: PathBuf,
    /// The copy's files as they were made: what tells that one was touched.
    made: BTreeMap<String, Stamp>,
}

/// What changes when a file is written to or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Scratch {
    /// Copies a folder's files. `inside` is where the copies go; none is the system's place for such.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn of(
        data: &Path,
        files: &BTreeMap<String, Kind>,
        inside: Option<&Path>,
    ) -> Result<Self, Failure> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("omega-drill-");
        let made = match inside {
            Some(folder) => builder.tempdir_in(folder),
            None => builder.tempdir(),
        };
        let place = made.map_err(|error| unwritable(&error, inside.unwrap_or(&std::env::temp_dir())))?;
        let (sound, copy) = (place.path().join("sound"), place.path().join("copy"));
        let mut scratch = Scratch { _place: place, sound, copy, made: BTreeMap::new() };
        for name in files.keys() {
            interrupt::check()?;
            duplicate(&data.join(name), &scratch.sound.join(name))?;
        }
        scratch.restore()?;
        Ok(scratch)
    }

    /// The copy to work on.
    pub(super) fn copy(&self) -> &Path {
        &self.copy
    }

    /// A file as it was.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let path = self.sound.join(name);
        fs::read(&path).map_err(|error| unreadable(&error, &path))
    }

    /// Puts another content into a file of the copy, or takes it away.
    pub(super) fn write(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), Failure> {
        let path = self.copy.join(name);
        let done = match content {
            Some(bytes) => fs::write(&path, bytes),
            None => fs::remove_file(&path),
        };
        self.made.remove(name);
        done.map_err(|error| unwritable(&error, &path))
    }

    /// Makes the copy what it was: whatever was touched, added or taken away since.
    pub(super) fn restore(&mut self) -> Result<(), Failure> {
        if self.copy.exists() {
            for name in listed(&self.copy)?.into_keys().filter(|name| !self.sound.join(name).exists()) {
                let path = self.copy.join(name);
                fs::remove_file(&path).map_err(|error| unwritable(&error, &path))?;
            }
        }
        for name in listed(&self.sound)?.into_keys() {
            interrupt::check()?;
            let (sound, copy) = (self.sound.join(&name), self.copy.join(&name));
            if self.touched(&name, &sound, &copy) {
                duplicate(&sound, &copy)?;
                self.made.extend(stamp(&copy).map(|stamp| (name, stamp)));
            }
        }
        Ok(())
    }

    /// Whether a file may be another than it was. Small ones are read: two changes can fall into one tick
    /// of the clock that stamps them.
    fn touched(&self, name: &str, sound: &Path, copy: &Path) -> bool {
        match stamp(copy) {
            Some(now) if now.length <= COMPARED_BYTES => fs::read(copy).ok() != fs::read(sound).ok(),
            now => now.is_none() || self.made.get(name) != now.as_ref(),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some(Stamp { inode: meta.ino(), length: meta.len(), changed: (meta.ctime(), meta.ctime_nsec()) })
}

fn duplicate(from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| unwritable(&error, folder))?;
    }
    // Mode included: keys that others may read are refused. But the copy is there to be written to.
    let copied = fs::copy(from, to).and_then(|_| {
        let mut mode = fs::metadata(to)?.permissions();
        mode.set_mode(mode.mode() | 0o200);
        fs::set_permissions(to, mode)
    });
    copied.map_err(|error| match fs::File::open(from) {
        Ok(_) => unwritable(&error, to),
        Err(error) => unreadable(&error, from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_what_may_only_be_read_can_be_written_to() {
        let data = tempfile::tempdir().unwrap();
        let key = data.path().join("a.key");
        fs::write(&key, "secret").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
        let scratch = Scratch::of(data.path(), &listed(data.path()).unwrap(), None).unwrap();
        let mode = |folder: &Path| fs::metadata(folder.join("a.key")).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(data.path()), mode(scratch.copy())), (0o400, 0o600));
    }
}
