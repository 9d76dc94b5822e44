//! Frames that are whole, around messages that no writer may write: every rule of the schema and of
//! the canonical form, one at a time.

use omega_kernel::fault::FaultCode::{self, FieldInvalid, LimitExceeded, NotCanonical, UnknownField};
use omega_kernel::frame::HEADER_BYTES;

use super::List::{Bytes, Halves, Null, Words};
use super::{List, Recipe, accept, data_words, fault, framed, large, raw_message};
use crate::common::{Ev, ev, log, sign};

const PRESENT: u16 = 1;
const ERASED: u16 = 2;

pub(super) fn recipes() -> Vec<Recipe> {
    let one = || ev(1, 1);
    let text = || Bytes(b"payload 1".to_vec());
    // Beside a good event, so that only the message can be at fault.
    let refused = |name, title, message: Vec<u8>, code: FaultCode| {
        let good = ev(9, 9).message();
        let offset = HEADER_BYTES + 8 + good.len();
        fault(name, title, framed(&[good, message]), code, offset as u64)
    };
    let lists = |name, title, state, lists: &[List], code| {
        refused(name, title, raw_message(&one(), state, lists), code)
    };
    let words = |edit: &dyn Fn(&mut Vec<u64>)| {
        let message = one().message();
        let mut words: Vec<u64> =
            message.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        edit(&mut words);
        words.into_iter().flat_map(u64::to_le_bytes).collect::<Vec<u8>>()
    };
    let shape = |name, title, edit: &dyn Fn(&mut Vec<u64>), code| refused(name, title, words(edit), code);
    let id = |low: u64| [low, 0];
    let deps = |ids: &[u64]| Words(ids.iter().flat_map(|&low| id(low)).collect());
    let observed = |len: u64, hash: [u8; 32]| Bytes([&len.to_le_bytes()[..], &hash].concat());
    let own = one().header;
    assert_eq!(raw_message(&one(), PRESENT, &[text()]), one().message());
    vec![
        shape(
            "message-root-offset",
            "a root pointer that skips a word",
            &|w| {
                w[0] |= 1 << 2;
                w.insert(1, 0)
            },
            NotCanonical,
        ),
        shape("message-root-list", "a root pointer to a list", &|w| w[0] |= 1, NotCanonical),
        shape(
            "message-root-past",
            "a struct that runs past the message",
            &|w| w[0] = 11 << 32 | 90 << 48,
            NotCanonical,
        ),
        shape(
            "message-more-data",
            "a twelfth data word",
            &|w| {
                w[0] += 1 << 32;
                w.insert(12, 1)
            },
            UnknownField,
        ),
        shape(
            "message-less-data",
            "ten data words",
            &|w| {
                w[0] -= 1 << 32;
                w.remove(11);
                w.push(0)
            },
            UnknownField,
        ),
        lists(
            "message-more-pointers",
            "a sixth pointer",
            PRESENT,
            &[text(), Null, Null, Null, Null, Bytes(vec![1])],
            UnknownField,
        ),
        shape(
            "message-last-pointer-null",
            "a last pointer that is null",
            &|w| {
                w[0] += 1 << 48;
                w[12] += 1 << 2;
                w.insert(13, 0)
            },
            NotCanonical,
        ),
        shape(
            "message-hole",
            "an object that does not follow the one before",
            &|w| {
                w[12] += 1 << 2;
                w.insert(13, 0)
            },
            NotCanonical,
        ),
        shape(
            "message-far-pointer",
            "a pointer into another segment",
            &|w| w[12] = w[12] & !3 | 2,
            NotCanonical,
        ),
        shape(
            "message-object-past",
            "an object that runs past the message",
            &|w| w[12] += 9 << 35,
            NotCanonical,
        ),
        shape("message-trailing", "a word behind the last object", &|w| w.push(0), NotCanonical),
        shape(
            "message-padding",
            "padding that is not zero",
            &|w| *w.last_mut().unwrap() |= 1 << 63,
            NotCanonical,
        ),
        lists(
            "message-list-type",
            "a payload of another list type",
            PRESENT,
            &[Halves(vec![1, 2])],
            UnknownField,
        ),
        lists(
            "message-deps-type",
            "deps of another list type",
            PRESENT,
            &[text(), Bytes(vec![1; 16])],
            UnknownField,
        ),
        lists("state-unset", "payloadState 0", 0, &[text()], FieldInvalid),
        lists("state-unknown", "payloadState 3", 3, &[text()], FieldInvalid),
        lists(
            "payload-null",
            "a present payload that is null",
            PRESENT,
            &[Null, Null, Bytes(vec![7; 32])],
            FieldInvalid,
        ),
        refused(
            "payload-null-all",
            "a present payload and no pointer at all",
            bare(&one(), PRESENT),
            FieldInvalid,
        ),
        lists("payload-erased", "an erased payload that is there", ERASED, &[text()], FieldInvalid),
        lists(
            "payload-erased-empty",
            "an erased payload that is there and empty",
            ERASED,
            &[Bytes(vec![])],
            FieldInvalid,
        ),
        refused(
            "payload-length-past",
            "a stated payload length of 1 MiB and a byte",
            Ev { payload: None, ..stated((1 << 20) + 1) }.message(),
            LimitExceeded,
        ),
        large(refused(
            "payload-past",
            "a payload of 1 MiB and a byte",
            {
                let long = vec![0; (1 << 20) + 1];
                raw_message(&one(), PRESENT, &[Bytes(long)])
            },
            LimitExceeded,
        )),
        lists("deps-empty", "a list of no deps", PRESENT, &[text(), Words(vec![])], FieldInvalid),
        lists("deps-half", "half a dep", PRESENT, &[text(), Words(vec![1, 0, 2])], FieldInvalid),
        lists("deps-descending", "deps that descend", PRESENT, &[text(), deps(&[5, 4])], FieldInvalid),
        lists("deps-twice", "a dep twice", PRESENT, &[text(), deps(&[5, 5])], FieldInvalid),
        refused("deps-past", "1,025 deps", accept::many_deps(1025).pop().unwrap().message(), LimitExceeded),
        lists(
            "claim-short",
            "a claim of 31 bytes",
            PRESENT,
            &[text(), Null, Bytes(vec![7; 31])],
            FieldInvalid,
        ),
        lists("claim-empty", "a claim of no bytes", PRESENT, &[text(), Null, Bytes(vec![])], FieldInvalid),
        lists(
            "salt-long",
            "a salt of 33 bytes",
            PRESENT,
            &[text(), Null, Null, Bytes(vec![7; 33])],
            FieldInvalid,
        ),
        lists(
            "salt-erased",
            "a salt beside an erased payload",
            ERASED,
            &[Null, Null, Null, Bytes(vec![7; 32])],
            FieldInvalid,
        ),
        lists(
            "observed-short",
            "an observed of 39 bytes",
            ERASED,
            &[Null, Null, Null, Null, Bytes(vec![7; 39])],
            FieldInvalid,
        ),
        lists(
            "observed-present",
            "an observed beside a payload",
            PRESENT,
            &[text(), Null, Null, Null, observed(1, [7; 32])],
            FieldInvalid,
        ),
        lists(
            "observed-fits",
            "an observed that fits",
            ERASED,
            &[Null, Null, Null, Null, observed(own.payload_len, own.payload_hash)],
            FieldInvalid,
        ),
        lists(
            "observed-length-past",
            "an observed length of 1 MiB and a byte",
            ERASED,
            &[Null, Null, Null, Null, observed((1 << 20) + 1, [7; 32])],
            LimitExceeded,
        ),
        refused("head-algorithm-unset", "a head's algorithm 0", head(144, 0), FieldInvalid),
        refused("head-algorithm-unknown", "a head's algorithm 2", head(144, 2), FieldInvalid),
        refused("head-algorithm-high", "bits beside a head's algorithm", head(146, 1), FieldInvalid),
        refused("head-trailing", "a word behind a head", [head(144, 1), vec![0; 8]].concat(), NotCanonical),
        refused("head-pointers", "a head with a pointer", [head(6, 1), vec![0; 8]].concat(), UnknownField),
    ]
}

/// An event without any pointer.
fn bare(event: &Ev, state: u16) -> Vec<u8> {
    data_words(event, state).into_iter().flat_map(u64::to_le_bytes).collect()
}

fn stated(len: u64) -> Ev {
    let mut event = ev(1, 1);
    event.header.payload_len = len;
    event
}

/// A good head's message with one byte changed.
fn head(at: usize, new: u8) -> Vec<u8> {
    let mut signed = log("a", &[ev(9, 9)]);
    let frames = signed.len();
    sign(&mut signed, 1);
    let mut message = signed[frames + 8..].to_vec();
    message[at] = new;
    message
}
