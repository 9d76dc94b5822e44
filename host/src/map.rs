//! Reading inputs: files are mapped, pipes are spooled to a nameless file and mapped then.
//!
//! Promises: each byte that is judged was copied exactly once out of the mapping and is never
//! looked at there again, so what was hashed is what was judged; a file that is cut or changed
//! while it is read is a failure, not a crash. Refuses to know what the bytes mean.

mod copy;

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

use crate::failure::{Failure, HostCode};
use crate::files;
use crate::interrupt;

/// An input, open for reading at any offset and from any thread.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Arc<Vec<u8>>),
    Mapped { map: MmapRaw, file: File, stamp: Stamp },
}

impl Source {
    /// Opens a file or, for `-`, standard input. Pipes are read to their end first.
    ///
    /// # Errors
    /// Missing, a folder, a device, unreadable, or empty: each has its own code.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref();
        if is_standard_input(path) {
            let spooled =
                spool(&mut interrupt::reading(io::stdin())).map_err(|failure| failure.file(path))?;
            return Self::map(path, spooled);
        }
        let unreadable = |error: io::Error| files::unreadable(&error, path);
        let kind = fs::metadata(path).map_err(unreadable)?.file_type();
        if kind.is_dir() {
            return Err(Failure::new(HostCode::IsDirectory, "this is a folder, and a file was expected")
                .hint("name the files in it one by one")
                .file(path));
        }
        if !kind.is_file() && !kind.is_fifo() {
            return Err(Failure::new(
                HostCode::Unreadable,
                "this is a device or a socket, and a file was expected",
            )
            .hint("to read what a program prints, pipe it in and name the input `-`")
            .file(path));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        if kind.is_fifo() {
            file = spool(&mut interrupt::reading(file)).map_err(|failure| failure.file(path))?;
        }
        Self::map(path, file)
    }

    /// Bytes that are in memory already, under a name for messages.
    pub fn from_bytes(name: impl Into<PathBuf>, bytes: impl Into<Arc<Vec<u8>>>) -> Self {
        Source { path: name.into(), content: Content::Memory(bytes.into()) }
    }

    fn map(path: &Path, file: File) -> Result<Self, Failure> {
        let unreadable = |error: io::Error| files::unreadable(&error, path);
        let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
        if stamp.bytes == 0 {
            return Err(Failure::empty(path));
        }
        let length =
            usize::try_from(stamp.bytes).map_err(|_| unreadable(io::ErrorKind::FileTooLarge.into()))?;
        let map = MmapOptions::new().len(length).map_raw_read_only(&file).map_err(unreadable)?;
        Ok(Source { path: path.to_owned(), content: Content::Mapped { map, file, stamp } })
    }

    /// As it was named by whoever opened it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the input.
    #[expect(clippy::len_without_is_empty, reason = "an empty file is refused when it is opened")]
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Mapped { stamp, .. } => stamp.bytes,
        }
    }

    /// Copies what stands at `offset` into `buffer`; how many bytes that were. Fewer than the
    /// buffer holds only at the end.
    ///
    /// # Errors
    /// [`HostCode::ChangedWhileRead`] where the file was cut.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let start = offset.min(self.len());
        let count = (self.len() - start).min(buffer.len() as u64) as usize;
        let buffer = &mut buffer[..count];
        match &self.content {
            Content::Memory(bytes) => buffer.copy_from_slice(&bytes[start as usize..][..count]),
            Content::Mapped { map, .. } => {
                copy::copy(map, start as usize, buffer).map_err(|_| self.changed(start))?
            }
        }
        Ok(count)
    }

    /// Everything, where it is at most `limit` bytes.
    ///
    /// # Errors
    /// Larger than `limit` ([`HostCode::Unreadable`]), or cut or changed while it was read.
    pub fn read_all(&self, limit: u64) -> Result<Vec<u8>, Failure> {
        if self.len() > limit {
            let message = format!("the file has {} bytes, and {limit} are allowed here", self.len());
            return Err(Failure::new(HostCode::Unreadable, message).file(&self.path));
        }
        let mut bytes = vec![0; self.len() as usize];
        self.read_at(0, &mut bytes)?;
        self.unchanged()?;
        Ok(bytes)
    }

    /// Reads the input from its start.
    pub fn reader(&self) -> impl Read + '_ {
        Reader { source: self, at: 0 }
    }

    /// Called when all was read: the file is still the one that was opened, by length and time.
    ///
    /// # Errors
    /// [`HostCode::ChangedWhileRead`] where it is not.
    pub fn unchanged(&self) -> Result<(), Failure> {
        let Content::Mapped { file, stamp, .. } = &self.content else { return Ok(()) };
        let now = file.metadata().map_err(|error| files::unreadable(&error, &self.path))?;
        if Stamp::of(&now) == *stamp { Ok(()) } else { Err(self.changed(stamp.bytes.min(now.len()))) }
    }

    fn changed(&self, offset: u64) -> Failure {
        let mut failure =
            Failure::new(HostCode::ChangedWhileRead, "the file was cut or changed while it was read")
                .hint("try again once nobody writes to it, or work on a copy")
                .file(&self.path);
        failure.offset = Some(offset);
        failure
    }
}

impl omega_verify::platform::Source for Source {
    fn name(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        Source::read_at(self, offset, buffer)
    }
}

/// What tells that a file was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp { bytes: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

fn is_standard_input(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == Path::new(name))
}

/// Reads what cannot be mapped into a file without a name, which goes when it is closed.
fn spool(from: &mut impl Read) -> Result<File, Failure> {
    let cannot_write = |error: io::Error| {
        Failure::new(HostCode::WriteFailed, format!("no room to hold what comes through the pipe: {error}"))
            .hint("free some space, or set TMPDIR to a folder on a larger disk")
    };
    let mut file = tempfile::tempfile().map_err(cannot_write)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(file),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(interrupt::of(&error).unwrap_or_else(|| {
                    Failure::new(HostCode::Unreadable, format!("the pipe broke: {error}"))
                }));
            }
        };
        io::Write::write_all(&mut file, &buffer[..count]).map_err(cannot_write)?;
    }
}

/// A [`Source`] from start to end. Errors of the mapping become errors of reading.
struct Reader<'s> {
    source: &'s Source,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.at, buffer).map_err(io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;
    use crate::failure::Code;

    fn code(result: Result<impl Sized, Failure>) -> Code {
        result.err().expect("a failure").code
    }

    fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn reads_any_part_and_no_more() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        let file = file_of(&bytes);
        let source = Source::open(file.path()).unwrap();
        let mut buffer = [0; 1000];
        assert_eq!(source.read_at(99_500, &mut buffer).unwrap(), 500);
        assert_eq!(buffer[..500], bytes[99_500..]);
        assert_eq!(source.read_at(100_001, &mut buffer).unwrap(), 0);
        assert_eq!(source.read_all(100_000).unwrap(), bytes);
        assert_eq!(code(source.read_all(99_999)), Code::Host(HostCode::Unreadable));
    }

    #[test]
    fn each_unreadable_thing_has_its_code() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(code(Source::open(folder.path())), Code::Host(HostCode::IsDirectory));
        assert_eq!(code(Source::open(folder.path().join("none"))), Code::Host(HostCode::NotFound));
        assert_eq!(code(Source::open("/dev/zero")), Code::Host(HostCode::Unreadable));
        assert_eq!(code(Source::open(file_of(b"").path())), Code::Host(HostCode::EmptyFile));
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::write(pipe, vec![7; 200_000]).unwrap()
        });
        let source = Source::open(&pipe).unwrap();
        writer.join().unwrap();
        assert_eq!(source.read_all(1 << 20).unwrap(), vec![7; 200_000]);
    }

    #[test]
    fn a_file_cut_while_it_is_mapped_is_a_failure_and_the_process_lives() {
        let cut = file_of(&vec![1; 1 << 20]);
        let whole = file_of(&vec![2; 1 << 20]);
        let (source, other) = (Source::open(cut.path()).unwrap(), Source::open(whole.path()).unwrap());
        cut.as_file().set_len(5000).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut buffer = vec![0; 300_000];
                    for offset in [9000, 100_000, 700_000] {
                        let changed = source.read_at(offset, &mut buffer);
                        // A page that was replaced once reads as zeros from then on: the stamp
                        // tells then.
                        assert!(changed.is_err() || source.unchanged().is_err());
                        other.read_at(offset, &mut buffer).unwrap();
                        assert!(buffer.iter().all(|&byte| byte == 2));
                    }
                });
            }
        });
        let fresh = file_of(&vec![3; 1 << 20]);
        let source = Source::open(fresh.path()).unwrap();
        fresh.as_file().set_len(0).unwrap();
        assert_eq!(code(source.read_at(0, &mut [0; 10])), Code::Host(HostCode::ChangedWhileRead));
        other.unchanged().unwrap();
    }

    #[test]
    fn a_file_that_grew_or_was_written_to_is_a_failure() {
        let mut file = file_of(&[1; 100]);
        let source = Source::open(file.path()).unwrap();
        source.unchanged().unwrap();
        file.write_all(&[2; 100]).unwrap();
        assert_eq!(code(source.unchanged()), Code::Host(HostCode::ChangedWhileRead));
    }
}
