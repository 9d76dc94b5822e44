//! What the `capnp` library makes of messages, beside the hand-made codec. Tests of the kernel use it, and
//! what is fuzzed (`fuzz/src/lib.rs`).

use capnp::message::{Builder, Reader, ReaderOptions, SegmentArray};
use omega_kernel::event::EventHeader;
use omega_kernel::wire::{EventView, Head, PayloadRef};

use crate::omega_capnp::{PayloadState, event, head};

/// Panics where the library reads another field of an event.
pub(crate) fn check_event(message: &[u8], view: &EventView<'_>) {
    let segments = [message];
    let reader = Reader::new(SegmentArray::new(&segments), ReaderOptions::new());
    let theirs = reader.get_root::<event::Reader>().expect("an event");
    let wide = |low: u64, high: u64| u128::from(high) << 64 | u128::from(low);
    assert_eq!((theirs.get_lamport(), theirs.get_node(), theirs.get_stream()), {
        (view.lamport, view.node, view.stream)
    });
    assert_eq!(wide(theirs.get_id_low(), theirs.get_id_high()), view.id);
    assert_eq!(wide(theirs.get_prev_low(), theirs.get_prev_high()), view.prev);
    assert_eq!(theirs.get_payload_length(), view.payload_len);
    let words = theirs.get_deps().expect("deps");
    let deps: Vec<u128> =
        (0..words.len() / 2).map(|at| wide(words.get(2 * at), words.get(2 * at + 1))).collect();
    assert_eq!(deps, view.dep_ids().collect::<Vec<_>>());
    assert_eq!(theirs.has_claim(), view.claim.is_some());
    if let Some(claim) = view.claim {
        assert_eq!(theirs.get_claim().expect("a claim"), claim);
    }
    match view.payload() {
        PayloadRef::Present { bytes, salt } => {
            assert_eq!(theirs.get_payload_state(), Ok(PayloadState::Present));
            assert_eq!(theirs.get_payload().expect("a payload"), bytes);
            assert_eq!(theirs.has_salt(), salt.is_some());
        }
        PayloadRef::Erased { observed } => {
            assert_eq!(theirs.get_payload_state(), Ok(PayloadState::Erased));
            assert!(!theirs.has_payload() && !theirs.has_salt());
            assert_eq!(theirs.has_observed(), observed.is_some());
        }
    }
}

/// Panics where the library reads another field of a head.
pub(crate) fn check_head(message: &[u8], head: &Head) {
    let segments = [message];
    let reader = Reader::new(SegmentArray::new(&segments), ReaderOptions::new());
    let theirs = reader.get_root::<head::Reader>().expect("a head");
    assert_eq!((theirs.get_event_count(), theirs.get_algorithm()), (head.event_count, 1));
    assert_eq!(theirs.get_log_root0().to_le_bytes(), head.log_root[..8]);
    assert_eq!(theirs.get_key3().to_le_bytes(), head.key[24..]);
    assert_eq!(theirs.get_signature7().to_le_bytes(), head.signature[56..]);
}

/// The same event through the library: built, then made canonical by it.
pub(crate) fn event_bytes(header: &EventHeader, payload: PayloadRef<'_>) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut to = message.init_root::<event::Builder>();
    to.set_lamport(header.lamport);
    to.set_id_low(header.id as u64);
    to.set_id_high((header.id >> 64) as u64);
    to.set_prev_low(header.prev as u64);
    to.set_prev_high((header.prev >> 64) as u64);
    to.set_payload_length(header.payload_len);
    let part =
        |at: usize| u64::from_le_bytes(*header.payload_hash[8 * at..].first_chunk().expect("32 bytes"));
    to.set_payload_hash0(part(0));
    to.set_payload_hash1(part(1));
    to.set_payload_hash2(part(2));
    to.set_payload_hash3(part(3));
    to.set_node(header.node);
    to.set_stream(header.stream);
    if let Some(claim) = &header.claim {
        to.set_claim(claim);
    }
    if !header.deps.is_empty() {
        let mut deps = to.reborrow().init_deps(2 * header.deps.len() as u32);
        for (at, dep) in (0u32..).zip(&header.deps) {
            deps.set(2 * at, *dep as u64);
            deps.set(2 * at + 1, (dep >> 64) as u64);
        }
    }
    match payload {
        PayloadRef::Present { bytes, salt } => {
            to.set_payload_state(PayloadState::Present);
            to.set_payload(bytes);
            if let Some(salt) = salt {
                to.set_salt(salt);
            }
        }
        PayloadRef::Erased { observed } => {
            to.set_payload_state(PayloadState::Erased);
            if let Some(observed) = observed {
                to.set_observed(&[&observed.len.to_le_bytes()[..], &observed.hash[..]].concat());
            }
        }
    }
    let mut canonical = Builder::new_default();
    let built = message.get_root_as_reader::<event::Reader>().expect("an event");
    canonical.set_root_canonical(built).expect("an event has a canonical form");
    canonical.get_segments_for_output()[0].to_vec()
}

/// Whether the library takes the bytes for a canonical message.
pub(crate) fn calls_it_canonical(message: &[u8]) -> bool {
    if message.len() < 8 || !message.len().is_multiple_of(8) {
        return false;
    }
    let segments = [message];
    let reader = Reader::new(SegmentArray::new(&segments), ReaderOptions::new());
    reader.is_canonical().unwrap_or(false)
}

/// Whether the message has a struct of exactly the schema's shape, whose pointers are null or to lists. The library
/// knows no schema when it says what is canonical, so a struct where the schema has a list is canonical to it; the
/// kernel says "not canonical" of that (`schemas/log.md`, rule 15).
pub(crate) fn shape_is_known(message: &[u8]) -> bool {
    let (words, _) = message.as_chunks::<8>();
    let Some(root) = words.first().map(|word| u64::from_le_bytes(*word)) else { return false };
    let (data, pointers) = ((root >> 32 & 0xFFFF) as usize, (root >> 48) as usize);
    let mut lists = words.iter().skip(1 + data).take(pointers).map(|word| u64::from_le_bytes(*word));
    let lists_alone = lists.all(|pointer| pointer == 0 || pointer & 3 == 1);
    data == 11 && pointers <= 5 && lists_alone || (data, pointers) == (18, 0)
}
