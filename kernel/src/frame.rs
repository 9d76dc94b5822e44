//! The `.omega` file: a fixed header, then frames (`schemas/log.md`).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::crc::{crc32, crc32_of_frame};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::limits;
use crate::wire::{self, Message, WireError};

/// Bytes of the file header.
pub const HEADER_BYTES: usize = 128;
/// Bytes before a frame's message: length and CRC-32.
pub const FRAME_HEADER_BYTES: usize = 8;
/// The first bytes of every log. Text-mode transfers damage them.
pub const MAGIC: [u8; 8] = *b"\x89OMG\r\n\x1a\n";
/// The format version that this kernel reads and writes.
pub const FORMAT_VERSION: u16 = 1;

/// The file header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHeader {
    /// Hash of the schema of its messages.
    pub schema_hash: Hash,
    /// The log's name: 1 to 64 bytes of UTF-8 without control characters.
    pub name: String,
}

impl LogHeader {
    /// A header of the current schema.
    ///
    /// # Errors
    /// [`FaultCode::FieldInvalid`] where the name is empty, too long or has control characters.
    pub fn new(name: &str) -> Result<Self, Fault> {
        if !valid_name(name) {
            let why = "a log's name has 1 to 64 bytes of UTF-8 without control characters";
            return Err(Fault::new(FaultCode::FieldInvalid, why));
        }
        Ok(LogHeader { schema_hash: hash::SCHEMA_HASH, name: name.into() })
    }

    /// The 128 bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[10..12].copy_from_slice(&(self.name.len() as u16).to_le_bytes());
        out[16..48].copy_from_slice(&self.schema_hash);
        out[48..48 + self.name.len()].copy_from_slice(self.name.as_bytes());
        let crc = crc32(&out[..124]);
        out[124..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// [`FaultCode::NotALog`], [`FaultCode::LogVersion`], [`FaultCode::LogHeader`] or
    /// [`FaultCode::LogSchema`], with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let shown = bytes.len().min(MAGIC.len());
        if bytes.is_empty() || bytes[..shown] != MAGIC[..shown] {
            let why = match bytes {
                [] => "the file is empty",
                [0x89, b'O', b'M', b'G', ..] => {
                    "line ends were converted in transfer; copy the file in binary mode"
                }
                _ => "the first bytes are not those of an .omega log",
            };
            return Err(Fault::new(FaultCode::NotALog, why).at(0));
        }
        if bytes.len() < HEADER_BYTES {
            return Err(Fault::new(FaultCode::LogHeader, "the log ends within its 128-byte header").at(0));
        }
        let bytes = &bytes[..HEADER_BYTES];
        let damaged = |at: u64, what: &str| Err(Fault::new(FaultCode::LogHeader, what).at(at));
        if crc32(&bytes[..124]).to_le_bytes() != bytes[124..] {
            return damaged(124, "the header's checksum does not fit: the header is damaged");
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != FORMAT_VERSION {
            let why =
                format!("the log has format version {version}; this kernel reads version {FORMAT_VERSION}");
            return Err(Fault::new(FaultCode::LogVersion, why).at(8));
        }
        let name_len = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
        if bytes[12..16] != [0; 4] || bytes[112..124] != [0; 12] {
            return damaged(12, "reserved header bytes are not zero");
        }
        if name_len > limits::MAX_LOG_NAME_BYTES || bytes[48 + name_len..112].iter().any(|&byte| byte != 0) {
            return damaged(10, "the name's length does not fit the name");
        }
        let name = match core::str::from_utf8(&bytes[48..48 + name_len]) {
            Ok(name) if valid_name(name) => name,
            _ => return damaged(48, "the name is not 1 to 64 bytes of UTF-8 without control characters"),
        };
        let mut schema_hash = [0; 32];
        schema_hash.copy_from_slice(&bytes[16..48]);
        if schema_hash != hash::SCHEMA_HASH {
            let why = "the log names a schema that this kernel does not know; use the kernel its writer used";
            return Err(Fault::new(FaultCode::LogSchema, why).at(16));
        }
        Ok(LogHeader { schema_hash, name: name.into() })
    }
}

/// Whether a log may have this name.
pub fn valid_name(name: &str) -> bool {
    (1..=limits::MAX_LOG_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Appends a frame around a message.
pub fn write_frame(message: &[u8], out: &mut Vec<u8>) {
    let len = (message.len() as u32).to_le_bytes();
    out.extend_from_slice(&len);
    out.extend_from_slice(&checksum(&len, message));
    out.extend_from_slice(message);
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameAt<'a> {
    /// A whole frame.
    Whole(&'a [u8]),
    /// The start of one that needs this many bytes in all (at least 8).
    Partial(usize),
    /// No frame, and why.
    Damaged(&'static str),
}

/// Reads the frame at the start of `bytes`: length and checksum, not yet the message.
pub fn frame_at(bytes: &[u8]) -> FrameAt<'_> {
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else {
        return FrameAt::Partial(FRAME_HEADER_BYTES);
    };
    let length = u32::from_le_bytes(*len);
    if !(limits::MIN_MESSAGE_BYTES..=limits::MAX_MESSAGE_BYTES).contains(&length) {
        return FrameAt::Damaged("the length field is one that no frame has");
    }
    if !length.is_multiple_of(8) {
        return FrameAt::Damaged("the length field is not a multiple of 8");
    }
    let whole = FRAME_HEADER_BYTES + length as usize;
    if bytes.len() < whole {
        return FrameAt::Partial(whole);
    }
    let message = &bytes[FRAME_HEADER_BYTES..whole];
    match checksum(len, message) == rest[..4] {
        true => FrameAt::Whole(message),
        false => FrameAt::Damaged("the frame's checksum does not fit: a byte in it was changed"),
    }
}

/// What an incomplete frame at the end of a log is: [`FaultCode::TornTail`], or
/// [`FaultCode::FrameDamaged`] where a whole frame starts at a later 8-byte boundary.
///
/// `tail` starts at the incomplete frame. The work is bounded by `MAX_TAIL_SEARCH_BYTES`.
pub fn tail_fault(tail: &[u8], offset: u64) -> Fault {
    let damaged = |why: String| Fault::new(FaultCode::FrameDamaged, why).at(offset);
    let mut searched = 0u64;
    for start in (8..tail.len()).step_by(8) {
        let FrameAt::Whole(_) = plausible_frame_at(&tail[start..], &mut searched) else { continue };
        let later = offset + start as u64;
        return damaged(format!(
            "the frame at byte {offset} is damaged: its length runs past the end, but a whole frame starts at byte {later}"
        ));
    }
    if searched > limits::MAX_TAIL_SEARCH_BYTES {
        return damaged(format!("the frame at byte {offset} runs past the end and is no unfinished append"));
    }
    let why = format!(
        "the last frame, at byte {offset}, is incomplete: an append did not finish; `omega ingest --recover` keeps what is before it"
    );
    Fault::new(FaultCode::TornTail, why).at(offset)
}

/// As [`frame_at`], but looks at the root pointer before it pays for a checksum.
fn plausible_frame_at<'a>(bytes: &'a [u8], searched: &mut u64) -> FrameAt<'a> {
    const NO: FrameAt<'static> = FrameAt::Damaged("");
    let Some(root) = bytes.get(8..16) else { return NO };
    let event = root[..6] == [0, 0, 0, 0, 11, 0] && root[7] == 0;
    let head = root == [0, 0, 0, 0, 18, 0, 0, 0];
    if !(event || head) || *searched > limits::MAX_TAIL_SEARCH_BYTES {
        return NO;
    }
    let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if length as usize <= bytes.len() - FRAME_HEADER_BYTES {
        *searched += u64::from(length);
    }
    frame_at(bytes)
}

/// A refused message as a fault of the frame at `offset`.
pub fn message_fault(error: WireError, offset: u64) -> Fault {
    let why = format!("the frame at byte {offset}: {} (byte {} of its message)", error.what, error.at);
    Fault::new(error.code, why).at(offset)
}

/// A frame of a log in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Byte offset of the frame in the log.
    pub offset: u64,
    /// Its message.
    pub message: Message<'a>,
    /// Its bytes, length and checksum included.
    pub bytes: &'a [u8],
}

/// The frames of a log in memory, in order; ends after the first fault.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    /// Reads the header and stands before the first frame.
    ///
    /// # Errors
    /// As [`LogHeader::decode`].
    pub fn new(bytes: &'a [u8]) -> Result<(LogHeader, Self), Fault> {
        Ok((LogHeader::decode(bytes)?, Frames { bytes, at: HEADER_BYTES }))
    }

    /// Byte offset behind the last good frame.
    pub fn offset(&self) -> u64 {
        self.at as u64
    }

    fn read(&mut self) -> Result<Frame<'a>, Fault> {
        let rest = &self.bytes[self.at..];
        let offset = self.at as u64;
        let message = match frame_at(rest) {
            FrameAt::Whole(message) => message,
            FrameAt::Partial(_) => return Err(tail_fault(rest, offset)),
            FrameAt::Damaged(why) => return Err(damaged_frame(why, offset)),
        };
        let decoded = wire::decode(message).map_err(|error| message_fault(error, offset))?;
        let whole = FRAME_HEADER_BYTES + message.len();
        self.at += whole;
        Ok(Frame { offset, message: decoded, bytes: &rest[..whole] })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        let frame = self.read();
        if frame.is_err() {
            // Nothing behind a fault is read: where it would start is not known.
            self.bytes = &self.bytes[..self.at];
        }
        Some(frame)
    }
}

/// A damaged frame as a fault.
pub fn damaged_frame(why: &str, offset: u64) -> Fault {
    Fault::new(FaultCode::FrameDamaged, format!("the frame at byte {offset} is damaged: {why}")).at(offset)
}

fn checksum(len: &[u8; 4], message: &[u8]) -> [u8; 4] {
    crc32_of_frame(len, message).to_le_bytes()
}
