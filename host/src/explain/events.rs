//! The events of a log, one by one: what other commands ask for by id.

use std::path::Path;

use omega_kernel::frame::Frames;
use omega_kernel::wire::{Message, PayloadRef};
use serde_json::{Value, json};

use super::MAX_WHOLE_BYTES;
use crate::conflict::id;
use crate::failure::Failure;
use crate::files;

/// Characters of a payload that are shown.
const PREVIEW_CHARS: usize = 32;

/// Events as they stand in the log, and how many more there are.
#[derive(Debug)]
pub struct Listed {
    /// An object for each.
    pub events: Vec<Value>,
    /// A line for each.
    pub lines: Vec<String>,
    /// Events that are not listed.
    pub more: u64,
    /// Why the rest cannot be read.
    pub failure: Option<Failure>,
}

/// Lists at most `limit` events.
///
/// # Errors
/// Those of reading, and the kernel's where the file does not start like a log. Damage further on
/// is kept beside what stands before it.
pub fn list(path: &Path, limit: u64) -> Result<Listed, Failure> {
    let bytes = files::read_small(path, MAX_WHOLE_BYTES, "a log to list")?;
    let (_, frames) = Frames::new(&bytes).map_err(|fault| Failure::from(fault).file(path))?;
    let mut listed = Listed { events: Vec::new(), lines: Vec::new(), more: 0, failure: None };
    for frame in frames {
        let event = match frame.map(|frame| frame.message) {
            Ok(Message::Event(event)) => event,
            Ok(Message::Head(_)) => continue,
            Err(fault) => {
                listed.failure = Some(Failure::from(fault).file(path));
                break;
            }
        };
        if listed.events.len() as u64 >= limit {
            listed.more += 1;
            continue;
        }
        let header = event.header();
        let (shown, prev) = (id(header.id), (header.prev != 0).then(|| id(header.prev)));
        let payload = match event.payload() {
            PayloadRef::Erased { .. } => None,
            PayloadRef::Present { bytes, .. } => Some(preview(bytes)),
        };
        listed.lines.push(format!(
            "  {shown}  {}/{}  lamport {}  prev {}  deps {}  {}",
            header.node,
            header.stream,
            header.lamport,
            prev.as_deref().unwrap_or("-"),
            header.deps.len(),
            payload.as_deref().unwrap_or("(erased)")
        ));
        listed.events.push(json!({
            "id": shown,
            "node": header.node,
            "stream": header.stream,
            "lamport": header.lamport.to_string(),
            "prev": prev,
            "deps": header.deps.len(),
            "payload_length": header.payload_len.to_string(),
            "payload": payload,
        }));
    }
    Ok(listed)
}

/// The first characters of a payload; what a terminal would act on is escaped, bytes that are no
/// text are hex.
fn preview(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(4 * PREVIEW_CHARS)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The cut may run through a character.
        Err(error) if start.len() < bytes.len() && error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => {
            return format!("0x{}", omega_verify::hex::encode(&bytes[..bytes.len().min(PREVIEW_CHARS / 2)]));
        }
    };
    let shown: String = text.chars().take(PREVIEW_CHARS).flat_map(char::escape_debug).collect();
    let rest = text.chars().nth(PREVIEW_CHARS).is_some();
    format!("\"{shown}{}\"", if rest { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::preview;

    #[test]
    fn a_payload_is_shown_and_acts_on_no_terminal() {
        assert_eq!(preview(b"hello"), "\"hello\"");
        assert_eq!(preview(b"\x1b[2J\n"), "\"\\u{1b}[2J\\n\"");
        assert_eq!(preview("\u{202e}x".as_bytes()), "\"\\u{202e}x\"");
        assert_eq!(preview(&[0xff, 0]), "0xff00");
        assert!(preview("é".repeat(500).as_bytes()).ends_with("…\""));
    }
}
