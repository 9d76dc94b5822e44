//! What a damaged log still holds: the clean prefix, and what would be lost with the rest.

use std::io::Write;
use std::path::Path;

use omega_kernel::frame::{FRAME_HEADER_BYTES, FrameAt, HEADER_BYTES, frame_at};
use omega_kernel::limits::MAX_TAIL_SEARCH_BYTES;
use omega_kernel::wire;
use serde::Serialize;

use super::output::NewFile;
use crate::failure::Failure;
use crate::files::unwritable;

/// What stands behind the clean prefix of a damaged log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Byte offset where the damage starts.
    pub offset: u64,
    /// Bytes from there to the end.
    pub bytes: u64,
    /// Valid frames that can still be made out among them. They cannot be kept: what stood between them
    /// and the clean prefix is not known. (A log that was somebody's payload is counted too.)
    pub valid_frames: u64,
    /// Where the first of them starts.
    pub first_valid_frame: Option<u64>,
    /// Whether the search for them ended at its limit.
    pub search_ended_early: bool,
}

/// Looks through what stands behind the clean prefix, at every 8-byte boundary.
pub fn dropped(bytes: &[u8], clean_end: u64) -> Dropped {
    let start = usize::try_from(clean_end).map_or(bytes.len(), |end| end.min(bytes.len()));
    let mut found =
        Dropped { offset: start as u64, bytes: (bytes.len() - start) as u64, ..Dropped::default() };
    let mut searched = 0u64;
    let mut at = start + 8;
    while at < bytes.len() {
        if searched > MAX_TAIL_SEARCH_BYTES {
            found.search_ended_early = true;
            break;
        }
        let rest = &bytes[at..];
        let message = match is_plausible(rest) {
            true => frame_at(rest),
            false => FrameAt::Damaged(""),
        };
        at += match message {
            FrameAt::Whole(message) if wire::decode(message).is_ok() => {
                found.valid_frames += 1;
                found.first_valid_frame.get_or_insert(at as u64);
                FRAME_HEADER_BYTES + message.len()
            }
            // A checksum was computed for nothing: that is the work to bound.
            FrameAt::Whole(message) => {
                searched += message.len() as u64;
                8
            }
            _ => {
                searched +=
                    if is_plausible(rest) { u64::from(length(rest)).min(rest.len() as u64) } else { 0 };
                8
            }
        };
    }
    found
}

/// Whether the message would start with the root pointer of an event or a head.
fn is_plausible(bytes: &[u8]) -> bool {
    bytes.get(8..16).is_some_and(|root| {
        root[..4] == [0; 4]
            && root[5] == 0
            && root[7] == 0
            && (root[4] == 11 || (root[4] == 18 && root[6] == 0))
    })
}

fn length(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |&length| u32::from_le_bytes(length))
}

/// Writes the clean prefix to a new file. An existing one, and so the input, is never touched.
pub fn keep_prefix(bytes: &[u8], clean_end: u64, out: &Path) -> Result<(), Failure> {
    let end = usize::try_from(clean_end).map_or(bytes.len(), |end| end.clamp(HEADER_BYTES, bytes.len()));
    let mut file = NewFile::create(out, false)?;
    file.write_all(&bytes[..end]).map_err(|error| unwritable(&error, out))?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use omega_kernel::fault::FaultCode;
    use omega_kernel::frame::Frames;

    use super::super::event::Place;
    use super::super::reading::Survey;
    use super::super::writer::LogWriter;
    use super::*;

    fn log(events: u64) -> (Vec<u8>, Vec<u64>) {
        let mut writer = LogWriter::new(Vec::new(), Path::new("a"), "a").unwrap();
        for lamport in 1..=events {
            let place = Place { lamport, id: u128::from(lamport), ..Place::default() };
            let payload = vec![lamport as u8; lamport as usize];
            let header = place.header(&payload, None).unwrap();
            writer.event(&header, wire::PayloadRef::Present { bytes: &payload, salt: None }).unwrap();
        }
        let bytes = writer.into_inner().unwrap().0;
        let offsets = Frames::new(&bytes).unwrap().1.map(|frame| frame.unwrap().offset).collect();
        (bytes, offsets)
    }

    #[test]
    fn a_torn_tail_drops_the_last_frame_alone() {
        let (mut bytes, offsets) = log(5);
        bytes.truncate(bytes.len() - 9);
        let survey = Survey::read(&bytes).unwrap();
        assert_eq!(survey.damage.as_ref().unwrap().code, FaultCode::TornTail);
        assert_eq!(survey.clean_end, offsets[4]);
        let found = dropped(&bytes, survey.clean_end);
        assert_eq!((found.offset, found.valid_frames), (offsets[4], 0));
        assert_eq!(found.bytes, bytes.len() as u64 - offsets[4]);
    }

    #[test]
    fn damage_in_the_middle_names_the_good_frames_behind_it() {
        let (mut bytes, offsets) = log(6);
        bytes[offsets[2] as usize + 40] ^= 1;
        let survey = Survey::read(&bytes).unwrap();
        assert_eq!(survey.damage.as_ref().unwrap().code, FaultCode::FrameDamaged);
        let found = dropped(&bytes, survey.clean_end);
        assert_eq!((found.offset, found.valid_frames), (offsets[2], 3));
        assert_eq!(found.first_valid_frame, Some(offsets[3]));

        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out.omega");
        keep_prefix(&bytes, survey.clean_end, &out).unwrap();
        let kept = std::fs::read(&out).unwrap();
        assert_eq!(kept, bytes[..offsets[2] as usize]);
        assert!(Survey::read(&kept).unwrap().damage.is_none());
        assert_eq!(keep_prefix(&bytes, survey.clean_end, &out).unwrap_err().code.name(), "write-failed");
    }

    #[test]
    fn every_truncation_keeps_every_whole_frame() {
        let (bytes, offsets) = log(4);
        for end in HEADER_BYTES..bytes.len() {
            let survey = Survey::read(&bytes[..end]).unwrap();
            let whole =
                offsets.iter().chain([&(bytes.len() as u64)]).filter(|&&at| at <= end as u64).count() - 1;
            assert_eq!(survey.leaves.count(), whole as u64, "cut at {end}");
            let at_border = survey.clean_end == end as u64;
            assert_eq!(survey.damage.map(|fault| fault.code), (!at_border).then_some(FaultCode::TornTail));
        }
    }
}
