//! `snapshot`: a snapshot's bytes.

use omega_kernel::fault::Fault;
use omega_kernel::session::Session;
use omega_kernel::snapshot::{ChainPosition, SnapshotReader, SnapshotWriter};
use omega_kernel::state::State;

use super::check_fault;
use crate::{made, subject};

/// Takes a snapshot's bytes, and checks that
/// - it is restored, or refused, alike at once and in pieces;
/// - a snapshot of what was restored has the same bytes, read at once and in pieces, and the same roots;
/// - the restored state proves each of its ids, and the absence of those beside them;
/// - it goes on: a batch is judged in it.
pub fn check(bytes: &[u8]) {
    let at_once = restore(&[bytes]);
    let in_pieces = restore(&made::pieces(bytes));
    let (state, place) = match (at_once, in_pieces) {
        (Ok((state, place)), Ok((other, same))) => {
            assert_eq!((state.commitment(), place), (other.commitment(), same));
            (state, place)
        }
        (at_once, in_pieces) => {
            let (at_once, in_pieces) = (at_once.err(), in_pieces.err());
            assert_eq!(at_once, in_pieces);
            return check_fault(&at_once.expect("both were refused"), bytes.len());
        }
    };
    let writer = SnapshotWriter::new(&state, place);
    assert_eq!(writer.len(), bytes.len() as u64);
    assert_eq!(writer.read(0, u32::MAX), bytes, "the same state, the same snapshot");
    let mut read = Vec::new();
    for length in made::chunks(bytes) {
        match writer.read(read.len() as u64, length as u32) {
            chunk if chunk.is_empty() => break,
            chunk => read.extend_from_slice(&chunk),
        }
    }
    assert_eq!(read, bytes);
    check_proofs(&state, bytes);
    check_going_on(state);
}

fn restore(pieces: &[&[u8]]) -> Result<(State, Option<ChainPosition>), Fault> {
    let mut reader = SnapshotReader::new();
    for piece in pieces {
        if let Err(fault) = reader.push(piece) {
            assert_eq!(reader.push(&[]), Err(fault.clone()), "a fault stays");
            assert_eq!(reader.finish().err(), Some(fault.clone()));
            return Err(fault);
        }
    }
    subject::restored(reader)
}

fn check_proofs(state: &State, bytes: &[u8]) {
    let named = state.commitment();
    // Of the ids, as their records stand in the snapshot, some.
    let ids = bytes[144..].chunks_exact(56).take(named.id_count as usize).take(8);
    for id in ids.map(|record| u128::from_le_bytes(*record.first_chunk().expect("an id"))) {
        for id in [id, id ^ 1, id ^ 1 << 127] {
            let proof = state.prove_id(id);
            let shown = proof.verify(&named.id_root, named.id_count, id).expect("a proof of the state's");
            assert_eq!(shown.copied(), state.id(id));
        }
    }
}

fn check_going_on(state: State) {
    let before = state.commitment();
    let mut session = Session::from_state(state);
    let empty = omega_kernel::frame::LogHeader::new("a").expect("a name").encode();
    let finished = made::judge_in(&mut session, &[empty]).expect("an empty log merges");
    assert_eq!(finished.kind, omega_kernel::body::VerdictKind::Merge);
    assert_eq!(session.state().commitment(), before);
}
