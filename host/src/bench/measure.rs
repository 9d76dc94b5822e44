//! What one contender does while the clock runs.
//!
//! All read the log in the same way: copied out of its mapping in pieces of 4 MiB.

use std::hint::black_box;
use std::time::Instant;

use omega_kernel::body::Body;
use omega_kernel::frame::{FRAME_HEADER_BYTES, FrameAt, HEADER_BYTES, frame_at};
use omega_kernel::wire::{self, Message, PayloadRef};

use super::child::Answer;
use super::machine::{Watch, peak_bytes, reset_peak};
use crate::check::{self, Log};
use crate::engine::Kernel;
use crate::failure::Failure;
use crate::map::Source;

/// Bytes copied out of the mapping at once.
const PIECE_BYTES: usize = 4 << 20;

/// Frames that are copied out of the mapping together.
#[derive(Debug)]
pub struct Piece {
    offset: u64,
    bytes: usize,
    frames: Vec<Place>,
}

/// Where a frame and its payload stand in a piece.
#[derive(Debug)]
struct Place {
    frame: (usize, usize),
    payload: (usize, usize),
}

/// The scan of the log in parts, then the fold of their runs.
pub fn two_phase(kernel: &Kernel, log: &Source) -> Result<Answer, Failure> {
    reset_peak();
    let watch = Watch::start();
    let mut runs = Vec::new();
    check::scan(kernel, log, kernel.jobs().max(1), |run| {
        runs.push(run);
        Ok(())
    })?;
    let scan = watch.read();

    let watch = Watch::start();
    let mut session = kernel.session()?;
    session.begin_batch(&[None])?;
    runs.iter().try_for_each(|run| session.absorb(0, run))?;
    let verdict = session.finish()?;
    let fold = watch.read();
    Ok(Answer::TwoPhase {
        scan,
        fold,
        run_bytes: runs.iter().map(|run| run.len() as u64).sum(),
        body: body_hash(&verdict.body)?,
        peak_bytes: peak_bytes(),
    })
}

/// What `omega check` does with the log.
pub fn total(kernel: &Kernel, log: &Source) -> Result<Answer, Failure> {
    reset_peak();
    let watch = Watch::start();
    let mut session = kernel.session()?;
    let judged = check::judge(kernel, &mut session, &[Log::whole(log)], 0, &mut |_| Ok(()))?;
    let time = watch.read();
    Ok(Answer::Total {
        time,
        body: body_hash(&judged.verdict.body)?,
        merged: judged.verdict.merged,
        peak_bytes: peak_bytes(),
    })
}

/// The library calls alone, each kind on the clock of its own.
pub fn floor(log: &Source, pieces: &[Piece]) -> Result<Answer, Failure> {
    let mut buffer = vec![0; pieces.iter().map(|piece| piece.bytes).max().unwrap_or(0)];
    let (mut read, mut blake3, mut crc32) = (0.0, 0.0, 0.0);
    let watch = Watch::start();
    for piece in pieces {
        let bytes = &mut buffer[..piece.bytes];
        let begun = Instant::now();
        log.read_at(piece.offset, bytes)?;
        read += begun.elapsed().as_secs_f64();
        let bytes = &*bytes;

        let begun = Instant::now();
        for Place { payload: (at, len), .. } in &piece.frames {
            black_box(blake3::hash(&bytes[*at..at + len]));
        }
        blake3 += begun.elapsed().as_secs_f64();

        let begun = Instant::now();
        for Place { frame: (at, len), .. } in &piece.frames {
            let frame = &bytes[*at..at + len];
            let mut crc = crc32fast::Hasher::new();
            crc.update(&frame[..4]);
            crc.update(&frame[FRAME_HEADER_BYTES..]);
            black_box(crc.finalize());
        }
        crc32 += begun.elapsed().as_secs_f64();
    }
    Ok(Answer::Floor { read, blake3, crc32, waited: watch.read().waited })
}

/// Cuts the log between frames, off the clock. The first piece is the file header.
pub fn pieces(log: &Source) -> Result<Vec<Piece>, Failure> {
    let mut pieces = vec![Piece { offset: 0, bytes: HEADER_BYTES, frames: Vec::new() }];
    let mut buffer = vec![0; PIECE_BYTES];
    let mut offset = HEADER_BYTES as u64;
    while offset < log.len() {
        let count = log.read_at(offset, &mut buffer)?;
        let mut piece = Piece { offset, bytes: 0, frames: Vec::new() };
        while let FrameAt::Whole(message) = frame_at(&buffer[piece.bytes..count]) {
            let len = FRAME_HEADER_BYTES + message.len();
            piece.frames.push(Place { frame: (piece.bytes, len), payload: payload(message, &buffer) });
            piece.bytes += len;
        }
        if piece.bytes == 0 {
            return Err(Failure::internal("the generated log is damaged"));
        }
        offset += piece.bytes as u64;
        pieces.push(piece);
    }
    Ok(pieces)
}

/// Where a message's payload stands in the buffer that the message stands in.
fn payload(message: &[u8], buffer: &[u8]) -> (usize, usize) {
    let Ok(Message::Event(event)) = wire::decode(message) else { return (0, 0) };
    match event.payload() {
        PayloadRef::Present { bytes, .. } if !bytes.is_empty() => {
            (bytes.as_ptr().addr().saturating_sub(buffer.as_ptr().addr()), bytes.len())
        }
        _ => (0, 0),
    }
}

fn body_hash(body: &[u8]) -> Result<String, Failure> {
    Ok(data_encoding::HEXLOWER.encode(&Body::split(body)?.hash()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::engine::{Mode, Options};
    use crate::produce::generate::{Ids, Plan, generate};
    use crate::produce::writer::LogWriter;

    #[test]
    fn pieces_cover_the_log_and_name_each_payload() {
        let plan = Plan {
            count: 3000,
            seed: 1,
            nodes: 2,
            streams: 1,
            payload: 3000,
            deps: 2,
            ids: Ids::Random,
            conflict: None,
        };
        let mut log = LogWriter::new(Vec::new(), Path::new("b"), "b").unwrap();
        generate(&plan, &mut log, None).unwrap();
        let bytes = log.into_inner().unwrap().0;
        let source = Source::from_bytes("b", bytes.clone());
        let pieces = pieces(&source).unwrap();
        assert!(pieces.len() > 2, "a log of several pieces");
        let mut at = 0;
        for piece in &pieces {
            assert_eq!(piece.offset, at);
            at += piece.bytes as u64;
        }
        assert_eq!(at, bytes.len() as u64);
        let frames = pieces.iter().flat_map(|piece| piece.frames.iter().map(move |place| (piece, place)));
        let mut count = 0;
        for (piece, Place { frame, payload }) in frames {
            count += 1;
            let from = piece.offset as usize;
            assert_eq!(payload.1, 3000);
            let message = &bytes[from + frame.0 + FRAME_HEADER_BYTES..][..frame.1 - FRAME_HEADER_BYTES];
            let Ok(Message::Event(view)) = wire::decode(message) else { panic!("an event") };
            let hash = blake3::hash(&bytes[from + payload.0..][..payload.1]);
            assert_eq!(view.payload_hash, hash.as_bytes());
        }
        assert_eq!(count, 3000);

        for jobs in [0, 2] {
            let options = Options { mode: Mode::Native, jobs, ..Options::default() };
            let kernel = Kernel::embedded(&options).unwrap();
            let Answer::Total { body: fed, merged: true, .. } = total(&kernel, &source).unwrap() else {
                panic!("a total")
            };
            let Answer::TwoPhase { body: folded, .. } = two_phase(&kernel, &source).unwrap() else {
                panic!("two phases")
            };
            assert_eq!(fed, folded);
        }
        assert!(matches!(floor(&source, &pieces).unwrap(), Answer::Floor { .. }));
    }
}
