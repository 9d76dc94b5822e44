//! `event`: a frame's message, against the `capnp` library.

use arbitrary::Unstructured;
use omega_kernel::event::EventHeader;
use omega_kernel::fault::FaultCode;
use omega_kernel::hash;
use omega_kernel::wire::{self, EventView, Message, PayloadRef};

use crate::{capnp_library, made, subject};

/// Takes a message's bytes, and checks that
/// - what is taken, the library calls canonical, reads the same fields from, and it is encoded again to the
///   same bytes;
/// - what the library calls canonical is refused for its shape or a value alone;
/// - the event hash is the same, read in place or copied out;
/// - an event that is made from the same bytes has the library's canonical bytes.
pub fn check(message: &[u8]) {
    let theirs = capnp_library::calls_it_canonical(message);
    match subject::decode_message(message) {
        Ok(Message::Event(view)) => {
            assert!(theirs, "the library does not call it canonical");
            check_event(message, &view);
        }
        Ok(Message::Head(head)) => {
            assert!(theirs, "the library does not call it canonical");
            let mut again = Vec::new();
            wire::encode_head(&head, &mut again);
            assert_eq!(again, message, "a head is encoded as it was read");
            capnp_library::check_head(message, &head);
        }
        Err(error) => {
            assert!(error.at as usize <= message.len(), "{error:?} in {} bytes", message.len());
            let known = [
                FaultCode::NotCanonical,
                FaultCode::UnknownField,
                FaultCode::FieldInvalid,
                FaultCode::LimitExceeded,
            ];
            assert!(known.contains(&error.code), "{error:?}");
            let refused = error.code == FaultCode::NotCanonical;
            assert!(!refused || !theirs || !capnp_library::shape_is_known(message), "{error:?}");
        }
    }
    if let Ok(made) = Unstructured::new(message).arbitrary::<made::Event>() {
        let ours = made.message();
        assert_eq!(ours, capnp_library::event_bytes(&made.header, made.payload.as_ref()));
        let Ok(Message::Event(view)) = subject::decode_message(&ours) else {
            panic!("not decoded: {made:?}")
        };
        assert_eq!((view.header(), view.payload()), (made.header.clone(), made.payload.as_ref()));
        check_event(&ours, &view);
    }
}

fn check_event(message: &[u8], view: &EventView<'_>) {
    let header = view.header();
    let mut again = Vec::new();
    wire::encode_event(&header, view.payload(), &mut again);
    assert_eq!(again, message, "an event is encoded as it was read");
    assert_eq!(view.event_hash(&mut Vec::new()), header.hash());
    let mut covered = Vec::new();
    header.write(&mut covered);
    let mut from = omega_kernel::bytes::Reader::new(&covered);
    assert_eq!(EventHeader::read(&mut from).as_ref(), Ok(&header));
    assert_eq!(from.remaining(), 0);
    capnp_library::check_event(message, view);
    if let PayloadRef::Present { bytes, salt } = view.payload() {
        let fits = bytes.len() as u64 == view.payload_len && hash::payload(bytes, salt) == *view.payload_hash;
        assert_eq!(view.payload_check().map(|found| found.is_ok()), Some(fits));
    }
}
