//! What a message is refused for, each rule broken once, and the offset that is named.

use crate::common::{Ev, ev};
use ed25519_dalek::{Signer, SigningKey};
use omega_kernel::event::Observed;
use omega_kernel::fault::FaultCode::{self, *};
use omega_kernel::hash;
use omega_kernel::limits::{MAX_DEPS, MAX_PAYLOAD_BYTES};
use omega_kernel::wire::{self, EventView, Head, Message, PayloadRef};

/// Offsets of the pointers to an event's lists.
const PAYLOAD: usize = 96;
const DEPS: usize = 104;
const CLAIM: usize = 112;
const SALT: usize = 120;
const OBSERVED: usize = 128;

const MOST_BYTES: usize = MAX_PAYLOAD_BYTES as usize;

fn refused(message: &[u8]) -> (FaultCode, usize) {
    let error = wire::decode(message).expect_err("it is refused");
    (error.code, error.at as usize)
}

fn view(message: &[u8]) -> EventView<'_> {
    let Ok(Message::Event(view)) = wire::decode(message) else { panic!("an event") };
    view
}

/// A message of 240 bytes: payload from 128, deps from 144, claim from 176, salt from 208 on.
fn full() -> Vec<u8> {
    let message = ev(1, 1).deps(&[5, 6]).claim(1).salted(2).message();
    assert_eq!((message.len(), view(&message).dep_count()), (240, 2));
    message
}

fn with(at: usize, new: &[u8]) -> Vec<u8> {
    let mut message = full();
    message[at..at + new.len()].copy_from_slice(new);
    message
}

/// An event over any lists of bytes (deps: of words), laid out as canonical form has it.
fn of_lists(erased: bool, lists: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = full()[..96].to_vec();
    out[6] = lists.len() as u8;
    out[94] = 1 + u8::from(erased);
    let mut ahead = lists.len() as u64;
    for (index, list) in lists.iter().enumerate() {
        ahead -= 1;
        let (element, count) = if index == 1 { (5, 8) } else { (2, 1) };
        let pointer =
            list.map_or(0, |list| ahead << 2 | 1 | element << 32 | (list.len() as u64 / count) << 35);
        out.extend_from_slice(&pointer.to_le_bytes());
        ahead += list.map_or(0, |list| list.len().div_ceil(8) as u64);
    }
    for list in lists.iter().flatten() {
        out.extend_from_slice(list);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out
}

#[test]
fn a_message_is_whole_words_and_one_struct() {
    let message = full();
    for bytes in [&[][..], &[0; 4], &[0; 7], &[0; 9], &message[..239]] {
        assert_eq!(refused(bytes), (NotCanonical, 0));
    }
    assert_eq!(refused(&[0; 8]), (UnknownField, 0), "a struct without fields");
    assert_eq!(refused(&with(0, &[4])), (NotCanonical, 0), "a root that points on");
    assert_eq!(refused(&message[..120]), (NotCanonical, 0), "a struct past the end");
    assert_eq!(refused(&message[..128]), (NotCanonical, PAYLOAD), "a list past the end");
    assert_eq!(refused(&[&message[..], &[0; 8]].concat()), (NotCanonical, 240));
    for (data_words, pointers) in [(10, 4), (12, 4), (11, 6), (18, 1)] {
        assert_eq!(refused(&with(4, &[data_words, 0, pointers, 0])), (UnknownField, 0));
    }
}

#[test]
fn lists_follow_one_another_in_the_order_of_their_pointers() {
    for at in [PAYLOAD, DEPS, CLAIM, SALT] {
        let mut message = full();
        message[at] += 4;
        assert_eq!(refused(&message), (NotCanonical, at), "one word further");
        let mut message = full();
        message[at + 4] ^= 1;
        assert_eq!(refused(&message), (UnknownField, at), "of another type");
    }
    // The payload has nine bytes, so seven are padding.
    for at in 137..144 {
        assert_eq!(refused(&with(at, &[1])), (NotCanonical, 137));
    }
    let last_is_null = of_lists(false, &[Some(b"payload"), None]);
    assert_eq!(refused(&last_is_null), (NotCanonical, DEPS));
    let one_is_null = of_lists(false, &[Some(b"payload"), None, Some(&[1; 32])]);
    assert_eq!(view(&one_is_null).claim, Some(&[1; 32]));
}

#[test]
fn lists_have_their_lengths() {
    let payload = vec![7; MOST_BYTES + 1];
    assert_eq!(view(&of_lists(false, &[Some(&payload[1..])])).dep_count(), 0);
    assert_eq!(refused(&of_lists(false, &[Some(&payload)])), (LimitExceeded, PAYLOAD));

    let deps: Vec<u8> = (0..=u128::from(MAX_DEPS)).flat_map(u128::to_le_bytes).collect();
    let with_deps = |bytes: usize| of_lists(false, &[Some(b"payload"), Some(&deps[..bytes])]);
    assert_eq!(view(&with_deps(16 * MAX_DEPS as usize)).dep_count(), MAX_DEPS);
    assert_eq!(refused(&with_deps(deps.len())), (LimitExceeded, DEPS));
    for bytes in [0, 8, 24] {
        assert_eq!(refused(&with_deps(bytes)), (FieldInvalid, DEPS), "{bytes}");
    }
    for ids in [[5u128, 5], [6, 5]] {
        assert_eq!(refused(&with(144, &ids.map(u128::to_le_bytes).concat())), (FieldInvalid, DEPS));
    }

    let bytes = [9; 41];
    for len in [31, 33] {
        let list = Some(&bytes[..len]);
        assert_eq!(refused(&of_lists(false, &[Some(b"p"), None, list])), (FieldInvalid, CLAIM));
        assert_eq!(refused(&of_lists(false, &[Some(b"p"), None, None, list])), (FieldInvalid, SALT));
    }
    for len in [39, 41] {
        let message = of_lists(true, &[None, None, None, None, Some(&bytes[..len])]);
        assert_eq!(refused(&message), (FieldInvalid, OBSERVED));
    }
}

#[test]
fn a_payload_is_there_or_erased() {
    for state in [0, 3, 255] {
        assert_eq!(refused(&with(94, &[state])), (FieldInvalid, 94));
    }
    assert_eq!(refused(&with(95, &[1])), (FieldInvalid, 94));
    let (list, claim, observed) = (Some(&b"payload"[..]), Some(&[1; 32][..]), Some(&[0; 40][..]));
    assert_eq!(refused(&of_lists(false, &[None, None, claim])), (FieldInvalid, PAYLOAD));
    assert_eq!(refused(&of_lists(false, &[list, None, None, None, observed])), (FieldInvalid, OBSERVED));
    assert_eq!(refused(&of_lists(true, &[list])), (FieldInvalid, PAYLOAD));
    assert_eq!(refused(&of_lists(true, &[None, None, None, claim])), (FieldInvalid, SALT));
    assert_eq!(view(&of_lists(true, &[])).payload(), PayloadRef::Erased { observed: None });

    let stated = |len: u64| with(48, &len.to_le_bytes());
    assert_eq!(view(&stated(MAX_PAYLOAD_BYTES)).payload_len, MAX_PAYLOAD_BYTES);
    assert_eq!(refused(&stated(MAX_PAYLOAD_BYTES + 1)), (LimitExceeded, 48));
}

#[test]
fn what_was_observed_did_not_fit() {
    let header = ev(1, 1).header;
    let observing = |len, hash| {
        let observed = Some(Observed { len, hash });
        Ev { header: header.clone(), payload: None, salt: None, observed }.message()
    };
    let (len, hash) = (header.payload_len, header.payload_hash);
    assert_eq!(refused(&observing(len, hash)), (FieldInvalid, OBSERVED));
    assert_eq!(refused(&observing(MAX_PAYLOAD_BYTES + 1, hash)), (LimitExceeded, OBSERVED));
    for (len, hash) in [(len + 1, hash), (len, [4; 32]), (MAX_PAYLOAD_BYTES, hash)] {
        let observed = Some(Observed { len, hash });
        assert_eq!(view(&observing(len, hash)).payload(), PayloadRef::Erased { observed });
    }
}

#[test]
fn a_view_says_what_its_event_does() {
    let plain = ev(1, 1).deps(&[5, 6]).claim(1);
    let other = Observed { len: 14, hash: hash::plain(b"something else") };
    let same_length = Observed { len: 9, hash: hash::plain(b"payload 9") };
    let longer = Ev { payload: Some(b"payload 9".to_vec()), ..plain.clone() };
    for (event, expected) in [
        (plain.clone(), Some(Ok(()))),
        (plain.clone().salted(3), Some(Ok(()))),
        (plain.clone().erased(), None),
        (plain.clone().mismatch(), Some(Err(other))),
        (plain.clone().mismatch().erased(), Some(Err(other))),
        (longer, Some(Err(same_length))),
    ] {
        let message = event.message();
        let view = view(&message);
        assert_eq!(view.payload_check(), expected);
        assert_eq!(view.event_hash(&mut vec![1, 2, 3]), event.header.hash());
        assert_eq!(view.header(), event.header);
    }
}

#[test]
fn a_head_is_so_long_and_signed_in_one_way() {
    let head = Head { event_count: 5, log_root: [1; 32], key: [2; 32], signature: [3; 64] };
    let mut message = Vec::new();
    wire::encode_head(&head, &mut message);
    assert_eq!(wire::decode(&message), Ok(Message::Head(head)));
    assert_eq!(refused(&[&message[..], &[0; 8]].concat()), (NotCanonical, 152));
    message[144] = 2;
    assert_eq!(refused(&message), (FieldInvalid, 144));
}

#[test]
fn a_head_is_its_key_s_over_one_log() {
    let (schema, name, key) = ([4; 32], "alice", SigningKey::from_bytes(&[7; 32]));
    let (event_count, log_root) = (5, [1; 32]);
    let signature = key.sign(&Head::signed_message(&schema, name, event_count, &log_root)).to_bytes();
    let head = Head { event_count, log_root, key: key.verifying_key().to_bytes(), signature };
    assert!(head.verify(&schema, name));
    assert!(!head.verify(&[5; 32], name));
    assert!(!head.verify(&schema, "alicf"));
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
    for wrong in [
        Head { event_count: 4, ..head },
        Head { log_root: [2; 32], ..head },
        Head { key: other, ..head },
        Head { signature: [0; 64], ..head },
    ] {
        assert!(!wrong.verify(&schema, name), "{wrong:?}");
    }
}
