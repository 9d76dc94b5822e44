//! The events of a log, as every contender gets them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use omega_kernel::event::EventHeader;
use omega_kernel::fault::Fault;
use omega_kernel::frame::Frames;
use omega_kernel::wire::{Message, PayloadRef};

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// All of it but the payload.
    pub header: EventHeader,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Both in OMEGA's canonical encoding, without the frame.
    pub message: Vec<u8>,
}

/// Reads the first events of a log, at most so many.
///
/// # Errors
/// The log cannot be read, is damaged, or holds an event without its payload.
pub fn read(log: &Path, most: usize) -> Result<Vec<Event>> {
    let bytes = std::fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    let (_, frames) = Frames::new(&bytes).map_err(said)?;
    let mut events = Vec::new();
    for frame in frames {
        if events.len() == most {
            break;
        }
        let frame = frame.map_err(said)?;
        let Message::Event(view) = frame.message else { continue };
        let PayloadRef::Present { bytes: payload, .. } = view.payload() else {
            bail!("an event at byte {} has no payload", frame.offset)
        };
        let message = frame.bytes[omega_kernel::frame::FRAME_HEADER_BYTES..].to_vec();
        events.push(Event { header: view.header(), payload: payload.to_vec(), message });
    }
    Ok(events)
}

/// A fault of the kernel as an error.
pub fn said(fault: Fault) -> anyhow::Error {
    anyhow::anyhow!("{} ({})", fault.message, fault.code.number())
}

/// A log of sample events and what it holds: three writers, payloads of some 50 bytes, two deps each.
#[cfg(test)]
pub fn samples(folder: &Path, count: usize) -> (std::path::PathBuf, Vec<Event>) {
    use omega_kernel::frame::{LogHeader, write_frame};
    use omega_kernel::{hash, wire};

    let mut bytes = LogHeader::new("samples").unwrap().encode().to_vec();
    let mut last = [0u128; 3];
    for number in 1..=count as u64 {
        let payload =
            format!("payload {number} {}", blake3::hash(&number.to_le_bytes()).to_hex()).into_bytes();
        let id = u128::from(number) << 70 | 7;
        let writer = (number % 3) as usize;
        let mut deps: Vec<u128> = [1, 4]
            .iter()
            .filter_map(|back| number.checked_sub(*back))
            .filter(|&n| n > 0)
            .map(|n| u128::from(n) << 70 | 7)
            .collect();
        deps.sort_unstable();
        let header = EventHeader {
            lamport: number,
            node: writer as u32 + 1,
            stream: 0,
            id,
            prev: std::mem::replace(&mut last[writer], id),
            claim: None,
            payload_len: payload.len() as u64,
            payload_hash: hash::plain(&payload),
            deps,
        };
        let mut message = Vec::new();
        wire::encode_event(&header, PayloadRef::Present { bytes: &payload, salt: None }, &mut message);
        write_frame(&message, &mut bytes);
    }
    let log = folder.join("samples.omega");
    std::fs::write(&log, bytes).unwrap();
    let events = read(&log, usize::MAX).unwrap();
    (log, events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_up_to_what_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = samples(folder.path(), 20);
        assert_eq!(events.len(), 20);
        assert_eq!(read(&log, 5).unwrap().len(), 5);
        assert_eq!(events[6].header.deps.len(), 2);
        std::fs::write(&log, b"no log").unwrap();
        assert!(read(&log, 5).is_err());
        assert!(read(&folder.path().join("none"), 5).unwrap_err().to_string().contains("none"));
    }
}
