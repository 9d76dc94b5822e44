//! A file of lines that only grows: CRC-32 of the rest in eight hex digits, a space, one JSON object.
//! People can read it with any tool; a crash can only leave a torn last line.

use std::io;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::disk::{Disk, Volume};
use crate::failure::{Failure, HostCode};
use crate::files;

/// A file of lines, open for appending.
#[derive(Debug)]
pub struct Lines<V: Volume, T> {
    volume: V,
    name: &'static str,
    disk: V::Disk,
    length: u64,
    broken: bool,
    of: PhantomData<fn(T)>,
}

/// A line and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<T> {
    /// Byte offset.
    pub offset: u64,
    /// Bytes, its end included.
    pub length: u32,
    /// What it says.
    pub content: T,
}

impl<V: Volume, T: Serialize + DeserializeOwned> Lines<V, T> {
    /// Opens the file, cuts a torn last line, and gives the others.
    ///
    /// # Errors
    /// `store-damaged` where a line before the last is damaged; those of the file system.
    pub fn open(volume: V, name: &'static str) -> Result<(Self, Vec<Line<T>>), Failure> {
        let path = volume.path(name);
        let unwritable = |error: io::Error| files::unwritable(&error, &path);
        let disk = volume.open(name).map_err(unwritable)?;
        let bytes = disk.read_all().map_err(unwritable)?;
        volume.sync().map_err(unwritable)?;
        let mut lines = Lines { volume, name, disk, length: 0, broken: false, of: PhantomData };
        let mut found = Vec::new();
        while lines.length < bytes.len() as u64 {
            let rest = &bytes[lines.length as usize..];
            let end = rest.iter().position(|&byte| byte == b'\n');
            let Some((content, length)) = end.and_then(|end| Some((decode(&rest[..end])?, end as u64 + 1)))
            else {
                // Torn where nothing sound follows.
                if rest.split(|&byte| byte == b'\n').skip(1).any(|line| decode::<T>(line).is_some()) {
                    let message = "a line is damaged, and sound ones follow it";
                    let mut failure = Failure::new(HostCode::StoreDamaged, message)
                        .hint("Restore the data folder from a copy; nothing was changed.")
                        .file(&path);
                    failure.offset = Some(lines.length);
                    return Err(failure);
                }
                lines.cut(lines.length)?;
                break;
            };
            found.push(Line { offset: lines.length, length: length as u32, content });
            lines.length += length;
        }
        Ok((lines, found))
    }

    /// Cuts everything from `length` on.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn cut(&mut self, length: u64) -> Result<(), Failure> {
        let done = self.disk.set_len(length).and_then(|()| self.disk.sync());
        done.map_err(|error| files::unwritable(&error, &self.volume.path(self.name)))?;
        self.length = length;
        Ok(())
    }

    /// Appends a line; on disk when this returns. Gives where it stands.
    ///
    /// # Errors
    /// `write-failed`: the file is as it was.
    pub fn append(&mut self, content: &T) -> Result<(u64, u32), Failure> {
        let path = self.volume.path(self.name);
        if self.broken {
            return Err(Failure::new(HostCode::WriteFailed, "an earlier write failed half way")
                .hint("Start the node again: that checks what is there.")
                .file(&path));
        }
        let json = serde_json::to_string(content)
            .map_err(|error| Failure::internal(format!("a line could not be written: {error}")))?;
        let bytes = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes();
        let offset = self.length;
        let done = self.disk.write_all_at(&bytes, offset).and_then(|()| self.disk.sync());
        if let Err(error) = done {
            self.broken = self.disk.set_len(offset).and_then(|()| self.disk.sync()).is_err();
            return Err(files::unwritable(&error, &path));
        }
        self.length += bytes.len() as u64;
        Ok((offset, bytes.len() as u32))
    }

    /// Reads a line again.
    ///
    /// # Errors
    /// `store-damaged` where it is not what it was; those of the file system.
    pub fn read(&self, offset: u64, length: u32) -> Result<T, Failure> {
        let path = self.volume.path(self.name);
        let mut bytes = vec![0; length as usize];
        let read = self.disk.read_exact_at(&mut bytes, offset);
        read.map_err(|error| files::unreadable(&error, &path))?;
        decode(bytes.trim_ascii_end()).ok_or_else(|| {
            let mut failure =
                Failure::new(HostCode::StoreDamaged, "a line is damaged that was sound").file(&path);
            failure.offset = Some(offset);
            failure
        })
    }
}

/// A line without its end, where it is sound.
fn decode<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (crc, json) = (line.get(..8)?, line.get(9..)?);
    let fits = line[8] == b' ' && format!("{:08x}", crc32fast::hash(json)).as_bytes() == crc;
    serde_json::from_slice(json).ok().filter(|_| fits)
}
