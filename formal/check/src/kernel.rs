//! What the kernel makes of a batch, in the words in which the specification answers.

use std::fmt::Write;

use omega_kernel::body::{Body, PREDICATES, VerdictKind};
use omega_kernel::evidence;
use omega_kernel::fault::Fault;
use omega_kernel::session::{LogInput, Session};
use omega_kernel::snapshot::{HEADER_BYTES, SnapshotWriter};
use omega_kernel::state::{FRONTIER_LEAF_BYTES, FrontierLeaf, ID_LEAF_BYTES, IdLeaf, State};
use omega_kernel::trie::FixedLeaf;

use crate::case::Numbering;

/// Judges the logs of a batch; on a merge the session goes on from the next state.
///
/// # Errors
/// What the kernel finds wrong with the logs themselves: then there is no verdict.
///
/// # Panics
/// Where the body or its evidence breaks a rule: the kernel's own fault.
pub fn judge(
    session: &mut Session,
    logs: &[impl AsRef<[u8]>],
    numbering: &Numbering,
) -> Result<String, Fault> {
    session.begin_batch(&vec![LogInput::default(); logs.len()])?;
    for (index, log) in (0u32..).zip(logs) {
        // The fault comes again from `finish`, which picks among several.
        let _ = session.feed(index, log.as_ref());
    }
    let finished = session.finish()?;
    let (core, observations) =
        Body::split(&finished.body).expect("a body").decode().expect("a body that obeys its rules");
    let mut answer = match core.verdict {
        VerdictKind::Merge => "M".to_string(),
        VerdictKind::Obstruction => {
            let conflict = evidence::check(&core, &observations.payload).expect("evidence that is right");
            let anchor = numbering.event(&conflict.evidence.events[0].header.hash());
            format!("O {} {anchor:x}", conflict.evidence.kind.predicate())
        }
    };
    for predicate in &PREDICATES {
        let found = core.coverage_of(predicate.id).unwrap_or(&observations.payload);
        write!(answer, " {}/{}/{}/{}", found.judged, found.skipped, found.known, found.violated)
            .expect("text grows");
    }
    Ok(answer)
}

/// The state, read from its snapshot: accepted ids, then frontiers, each by key.
///
/// # Panics
/// Where the state is too large for one chunk of a snapshot: no case is.
pub fn state(state: &State, numbering: &Numbering) -> String {
    let snapshot = SnapshotWriter::new(state, None);
    let bytes = snapshot.read(0, u32::MAX);
    assert_eq!(bytes.len() as u64, snapshot.len(), "a snapshot of one chunk");
    let ids = usize::try_from(state.commitment().id_count).expect("few ids") * ID_LEAF_BYTES;
    let (ids, frontiers) = bytes[HEADER_BYTES..].split_at(ids);
    let mut leaves = Vec::new();
    for packed in ids.as_chunks::<ID_LEAF_BYTES>().0 {
        let leaf = IdLeaf::unpack(packed);
        leaves.push(format!("I {:x} {:x} {:x}", leaf.id, leaf.lamport, numbering.event(&leaf.event_hash)));
    }
    for packed in frontiers.as_chunks::<FRONTIER_LEAF_BYTES>().0 {
        let leaf = FrontierLeaf::unpack(packed);
        leaves.push(format!(
            "F {:x} {:x} {:x} {:x} {:x} {}",
            leaf.node,
            leaf.stream,
            leaf.lamport,
            leaf.id,
            numbering.event(&leaf.event_hash),
            u8::from(leaf.linked)
        ));
    }
    leaves.join(" ")
}
