//! If it crashes, it leaves a corpse: a folder with everything that an obstruction was judged from,
//! so that it can be judged again on another machine with that folder alone.
//!
//! ```text
//! omega-crash-<batch id>-<body hash, 8 digits>/
//!   manifest.json   batch id, replay seed, and name, size and BLAKE3 hash of every other file
//!   kernel.wasm     the component that judged
//!   body.bin        what it returned
//!   snapshot.bin    the state it started from; absent at genesis
//!   inputs/0000.omega …   the logs, in the caller's order
//! ```
//!
//! Inputs are copied, never hard-linked: a log that is appended to later must not change here. The
//! folder is written under a temporary name, synced, and renamed, so it is there whole or not at
//! all; it is readable by its owner only, since logs may be confidential. Reading believes nothing:
//! names must be the ones above, files regular, sizes and hashes right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use omega_kernel::hash::Hash;
use omega_kernel::limits::MAX_LOGS;
use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use crate::check::Log;
use crate::failure::{Failure, HostCode};
use crate::files;
use crate::interrupt;

const MANIFEST: &str = "manifest.json";
const KERNEL: &str = "kernel.wasm";
const BODY: &str = "body.bin";
const SNAPSHOT: &str = "snapshot.bin";
/// Bytes of a manifest: 4,096 logs with their names fit several times.
const MAX_MANIFEST_BYTES: u64 = 8 << 20;
const FORMAT: u32 = 1;
/// Crash folders of one name that are told apart by numbers.
const MAX_SAME_NAMES: u32 = 10_000;

/// What goes into a crash folder.
#[derive(Debug, Clone, Copy)]
pub struct Remains<'a> {
    /// Of the batch.
    pub batch_id: u64,
    /// Schedule of the run.
    pub replay_seed: u64,
    /// The component's bytes.
    pub kernel: &'a [u8],
    /// What the kernel returned.
    pub body: &'a [u8],
    /// Snapshot of the state before the batch; none at genesis.
    pub snapshot: Option<&'a [u8]>,
    /// The logs, in the caller's order.
    pub inputs: &'a [Log<'a>],
}

/// One log of the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where the log is.
    pub path: PathBuf,
    /// Judged were only the first events, this many; all where none.
    pub limit: Option<u64>,
}

/// A crash folder whose every file has the hash that its manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpse {
    /// Of the batch.
    pub batch_id: u64,
    /// Schedule of the run.
    pub replay_seed: u64,
    /// The component.
    pub kernel: PathBuf,
    /// Its hash.
    pub kernel_hash: Hash,
    /// What the kernel returned.
    pub body: Vec<u8>,
    /// Snapshot of the state before the batch; none at genesis.
    pub snapshot: Option<PathBuf>,
    /// The logs, in the order they were given.
    pub inputs: Vec<Input>,
}

/// The command that judges a crash folder again.
pub fn replay_command(folder: &Path) -> String {
    format!("omega replay --crash {}", folder.display())
}

/// Where a crash folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its path.
    pub folder: PathBuf,
    /// The very same one was there before.
    pub kept: bool,
}

/// Writes a crash folder inside `parent`. An older folder of the same name stays: it is kept as it
/// is where it says the same, and where it does not the new one gets a number.
///
/// Errors: `write-failed`, and those of reading the inputs. Nothing is left behind then.
pub fn write(parent: &Path, remains: &Remains<'_>) -> Result<Left, Failure> {
    let made = tempfile::Builder::new().prefix(".omega-crash-").suffix(".partial").tempdir_in(parent);
    let partial = made.map_err(|error| files::unwritable(&error, parent))?;
    let folder = partial.path();
    let unwritable = |error: io::Error| files::unwritable(&error, parent);

    let mut inputs = Vec::new();
    fs::create_dir(folder.join("inputs")).map_err(unwritable)?;
    for (index, input) in remains.inputs.iter().enumerate() {
        let name = input_name(index);
        let file = copy(&mut input.source.reader(), folder, &name).map_err(unwritable)?;
        input.source.unchanged()?;
        inputs.push(ManifestInput { file, limit: input.limit.map(|limit| limit.to_string()) });
    }
    let manifest = Manifest {
        format: FORMAT,
        batch_id: remains.batch_id.to_string(),
        replay_seed: remains.replay_seed.to_string(),
        omega_version: env!("CARGO_PKG_VERSION").to_owned(),
        replay: "omega replay --crash DIR, with the path of this folder".to_owned(),
        kernel: copy(&mut &*remains.kernel, folder, KERNEL).map_err(unwritable)?,
        body: copy(&mut &*remains.body, folder, BODY).map_err(unwritable)?,
        snapshot: match remains.snapshot {
            Some(mut snapshot) => Some(copy(&mut snapshot, folder, SNAPSHOT).map_err(unwritable)?),
            None => None,
        },
        inputs,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Failure::internal(format!("the manifest could not be written: {error}")))?;
    text.push(b'\n');
    copy(&mut text.as_slice(), folder, MANIFEST).map_err(unwritable)?;
    for folder in [folder.join("inputs"), folder.to_owned()] {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
    }

    let stem = format!("omega-crash-{}-{}", remains.batch_id, &manifest.body.blake3[..8]);
    if let Some(folder) = same(parent, &stem, &text) {
        return Ok(Left { folder, kept: true });
    }
    let place = rename_free(folder, parent, &stem).map_err(unwritable)?;
    // Renamed: the temporary folder is no more, and nothing is to be removed.
    let _ = partial.keep();
    files::sync_folder_of(&place).map_err(|error| files::unwritable(&error, &place))?;
    Ok(Left { folder: place, kept: false })
}

/// The folder of this name, or of this name and a number, that holds the same to the bit.
fn same(parent: &Path, stem: &str, manifest: &[u8]) -> Option<PathBuf> {
    (1..MAX_SAME_NAMES)
        .map(|number| parent.join(numbered(stem, number)))
        .take_while(|place| place.exists())
        .find(|place| {
            let found = files::read_small(&place.join(MANIFEST), MAX_MANIFEST_BYTES, "a manifest");
            found.is_ok_and(|found| found == manifest) && open(place).is_ok()
        })
}

fn numbered(stem: &str, number: u32) -> String {
    if number == 1 { stem.to_owned() } else { format!("{stem}-{number}") }
}

/// Opens a crash folder and checks every file in it.
///
/// Errors: `crash-folder-invalid` where anything is missing, renamed or changed.
pub fn open(folder: &Path) -> Result<Corpse, Failure> {
    let path = folder.join(MANIFEST);
    let text = files::read_small(&path, MAX_MANIFEST_BYTES, "a manifest")?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| invalid(format!("the manifest is no manifest: {error}")).file(&path))?;
    if manifest.format != FORMAT {
        let found = manifest.format;
        return Err(
            invalid(format!("the manifest has format {found}; this program reads {FORMAT}")).file(&path)
        );
    }
    if manifest.inputs.is_empty() || manifest.inputs.len() > MAX_LOGS as usize {
        return Err(invalid("the manifest names no log, or more than a batch may have").file(&path));
    }
    let number = |text: &str, what: &str| {
        text.parse::<u64>().map_err(|_| invalid(format!("the manifest's {what} is no number")).file(&path))
    };
    let mut inputs = Vec::new();
    for (index, input) in manifest.inputs.iter().enumerate() {
        check(folder, &input.file, &input_name(index), &mut io::sink())?;
        let limit = input.limit.as_deref().map(|limit| number(limit, "limit")).transpose()?;
        inputs.push(Input { path: folder.join(&input.file.name), limit });
    }
    let mut body = Vec::new();
    check(folder, &manifest.body, BODY, &mut body)?;
    if let Some(snapshot) = &manifest.snapshot {
        check(folder, snapshot, SNAPSHOT, &mut io::sink())?;
    }
    Ok(Corpse {
        batch_id: number(&manifest.batch_id, "batch id")?,
        replay_seed: number(&manifest.replay_seed, "replay seed")?,
        kernel: folder.join(KERNEL),
        kernel_hash: check(folder, &manifest.kernel, KERNEL, &mut io::sink())?,
        body,
        snapshot: manifest.snapshot.map(|_| folder.join(SNAPSHOT)),
        inputs,
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    batch_id: String,
    replay_seed: String,
    omega_version: String,
    replay: String,
    kernel: ManifestFile,
    body: ManifestFile,
    snapshot: Option<ManifestFile>,
    inputs: Vec<ManifestInput>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestInput {
    file: ManifestFile,
    limit: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    name: String,
    bytes: String,
    blake3: String,
}

/// Whether a folder is one of these, sound or not: a manifest, and what nobody else puts beside one.
pub fn is_one(folder: &Path) -> bool {
    let kernel_and_logs = || folder.join(KERNEL).is_file() && folder.join("inputs").is_dir();
    folder.join(MANIFEST).is_file() && (folder.join(BODY).is_file() || kernel_and_logs())
}

/// Whether a path leads to one of the files that the manifest lists.
pub fn is_part(path: &Path) -> bool {
    let named = |names: &[&str]| names.iter().any(|name| path.file_name() == Some(name.as_ref()));
    match path.parent() {
        Some(inputs) if inputs.file_name() == Some("inputs".as_ref()) => inputs.parent().is_some_and(is_one),
        Some(folder) => named(&[KERNEL, BODY, SNAPSHOT]) && is_one(folder),
        None => false,
    }
}

/// Whether a path leads to the list of a crash folder's files.
pub fn is_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == MANIFEST) && path.parent().is_some_and(is_one)
}

fn input_name(index: usize) -> String {
    format!("inputs/{index:04}.omega")
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(HostCode::CrashFolderInvalid, message)
        .hint("Copy the whole folder again from where it was made.")
}

/// Writes what is read, and hashes what is written.
fn copy(source: &mut dyn Read, folder: &Path, name: &str) -> io::Result<ManifestFile> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name))?;
    let (bytes, hash) = pump(source, &mut file)?;
    file.sync_all()?;
    Ok(ManifestFile { name: name.to_owned(), bytes: bytes.to_string(), blake3: HEXLOWER.encode(&hash) })
}

fn pump(source: &mut dyn Read, target: &mut dyn Write) -> io::Result<(u64, Hash)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0u8; 256 << 10];
    loop {
        interrupt::check().map_err(io::Error::other)?;
        let count = match source.read(&mut buffer) {
            Ok(0) => return Ok((hasher.count(), *hasher.finalize().as_bytes())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        target.write_all(&buffer[..count])?;
    }
}

/// Reads a file of the folder into `target`; gives its hash, which is the manifest's.
fn check(folder: &Path, stated: &ManifestFile, name: &str, target: &mut dyn Write) -> Result<Hash, Failure> {
    let path = folder.join(name);
    if stated.name != name {
        return Err(invalid(format!("the manifest calls {name} by another name")).file(&path));
    }
    // A link could lead out of the folder, a pipe would never end.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
    let file = opened.map_err(|error| invalid(format!("a file cannot be read: {error}")).file(&path))?;
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Err(invalid("this is no regular file").file(&path));
    }
    let size: u64 =
        stated.bytes.parse().map_err(|_| invalid("the manifest's size is no number").file(&path))?;
    let (bytes, hash) = pump(&mut file.take(size.saturating_add(1)), target)
        .map_err(|error| invalid(format!("a file cannot be read: {error}")).file(&path))?;
    if bytes != size || HEXLOWER.encode(&hash) != stated.blake3 {
        return Err(
            invalid("the file is not the one that the manifest names: size or hash differ").file(&path)
        );
    }
    Ok(hash)
}

/// Renames to the first free name, never over another folder.
fn rename_free(from: &Path, parent: &Path, stem: &str) -> io::Result<PathBuf> {
    for number in 1..MAX_SAME_NAMES {
        let place = parent.join(numbered(stem, number));
        match renameat_with(CWD, from, CWD, &place, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(place),
            Err(rustix::io::Errno::EXIST) => {}
            // Some file systems cannot promise it; there a look beforehand must do.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                if !place.try_exists()? {
                    fs::rename(from, &place)?;
                    return Ok(place);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Source;

    fn made() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("alice.omega");
        fs::write(&log, vec![7; 300_000]).unwrap();
        let source = Source::open(&log).unwrap();
        let inputs = [Log::whole(&source), Log { limit: Some(u64::MAX), ..Log::whole(&source) }];
        let remains = Remains {
            batch_id: 42,
            replay_seed: u64::MAX,
            kernel: b"\0asm",
            body: b"body",
            snapshot: Some(b"state"),
            inputs: &inputs,
        };
        let folder = write(place.path(), &remains).unwrap().folder;
        (place, folder)
    }

    #[test]
    fn a_corpse_tells_everything_on_another_machine() {
        let (place, folder) = made();
        assert!(folder.file_name().unwrap().to_str().unwrap().starts_with("omega-crash-42-"));
        fs::write(place.path().join("alice.omega"), "appended to since").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let moved = elsewhere.path().join("corpse");
        fs::rename(&folder, &moved).unwrap();
        drop(place);
        let corpse = open(&moved).unwrap();
        assert_eq!((corpse.batch_id, corpse.replay_seed), (42, u64::MAX));
        assert_eq!(corpse.kernel_hash, *blake3::hash(b"\0asm").as_bytes());
        assert_eq!(corpse.body, b"body");
        assert_eq!(fs::read(corpse.snapshot.unwrap()).unwrap(), b"state");
        assert_eq!(corpse.inputs.len(), 2);
        assert_eq!(fs::read(&corpse.inputs[0].path).unwrap(), vec![7; 300_000]);
        assert_eq!(corpse.inputs[1].limit, Some(u64::MAX));
    }

    #[test]
    fn nothing_half_made_stays_behind() {
        let (place, folder) = made();
        let names = |path: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let expected = ["alice.omega", folder.file_name().unwrap().to_str().unwrap()];
        assert_eq!(names(place.path()), expected);
        assert_eq!(names(place.path()), expected);
    }

    #[test]
    fn an_older_corpse_is_never_replaced() {
        let (place, first) = made();
        let source = Source::open(place.path().join("alice.omega")).unwrap();
        let input = [Log::whole(&source)];
        let remains = Remains {
            batch_id: 42,
            replay_seed: 0,
            kernel: b"",
            body: b"body",
            snapshot: None,
            inputs: &input,
        };
        let second = write(place.path(), &remains).unwrap().folder;
        assert_eq!(
            second.file_name().unwrap().to_str().unwrap(),
            format!("{}-2", first.file_name().unwrap().to_str().unwrap())
        );
        assert_eq!(
            write(place.path(), &remains).unwrap(),
            Left { folder: second.clone(), kept: true },
            "the same again is one folder"
        );
        assert_eq!(open(&first).unwrap().replay_seed, u64::MAX);
        assert_eq!(open(&second).unwrap().snapshot, None);
    }

    #[test]
    fn every_changed_missing_or_linked_file_is_found_out() {
        let (_place, folder) = made();
        for name in [KERNEL, BODY, SNAPSHOT, "inputs/0000.omega", "inputs/0001.omega"] {
            let path = folder.join(name);
            let sound = fs::read(&path).unwrap();
            let mut flipped = sound.clone();
            flipped[sound.len() / 2] ^= 1;
            for wrong in [flipped, sound[1..].to_vec(), [&sound[..], b"x"].concat()] {
                fs::write(&path, wrong).unwrap();
                let failure = open(&folder).unwrap_err();
                assert_eq!(failure.code.name(), "crash-folder-invalid", "{name}");
                assert_eq!(failure.file.as_deref(), path.to_str());
            }
            fs::remove_file(&path).unwrap();
            assert_eq!(open(&folder).unwrap_err().code.name(), "crash-folder-invalid", "{name}");
            let beside = folder.join("sound");
            fs::write(&beside, &sound).unwrap();
            std::os::unix::fs::symlink(&beside, &path).unwrap();
            assert_eq!(open(&folder).unwrap_err().code.name(), "crash-folder-invalid", "{name}");
            fs::remove_file(&path).unwrap();
            fs::rename(&beside, &path).unwrap();
            open(&folder).unwrap();
        }
    }

    #[test]
    fn a_manifest_cannot_name_files_elsewhere() {
        let (_place, folder) = made();
        let path = folder.join(MANIFEST);
        let sound = fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("inputs/0001.omega", "../0001.omega"),
            ("inputs/0001.omega", "/etc/passwd"),
            ("\"format\": 1", "\"format\": 2"),
            ("\"format\": 1", "\"format\": 1, \"more\": 1"),
            ("\"batch_id\": \"42\"", "\"batch_id\": \"-1\""),
        ] {
            assert!(sound.contains(from), "{sound}");
            fs::write(&path, sound.replace(from, to)).unwrap();
            assert_eq!(open(&folder).unwrap_err().code.name(), "crash-folder-invalid", "{to}");
        }
        fs::remove_file(path).unwrap();
        assert_eq!(open(&folder).unwrap_err().code.name(), "file-not-found");
    }
}
