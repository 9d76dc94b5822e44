//! The hand-made message codec against the `capnp` library, and the committed bindings against
//! what the compiler generates today.

use crate::capnp_library;
use omega_kernel::event::{EventHeader, Observed};
use omega_kernel::wire::{self, Head, Message, PayloadRef};
use proptest::prelude::*;

/// Set to write the bindings anew after a change of schema: `OMEGA_BLESS=1 cargo test -p omega-kernel --test all wire_against_capnp`.
const BLESS: &str = "OMEGA_BLESS";

#[test]
fn committed_bindings_are_what_the_compiler_generates() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bindings");
    std::fs::create_dir_all(&out).unwrap();
    capnpc::CompilerCommand::new()
        .src_prefix(root.join("../schemas"))
        .file(root.join("../schemas/omega.capnp"))
        .output_path(&out)
        .run()
        .expect("the Cap'n Proto compiler runs (`make setup` installs it)");
    let fresh = std::fs::read_to_string(out.join("omega_capnp.rs")).unwrap();
    let committed = root.join("tests/generated/omega_capnp.rs");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&committed, &fresh).unwrap();
    }
    assert_eq!(fresh, std::fs::read_to_string(committed).unwrap(), "bindings are out of date; see {BLESS}");
}

#[derive(Debug, Clone)]
enum OwnedPayload {
    Present { bytes: Vec<u8>, salt: Option<[u8; 32]> },
    Erased { observed: Option<Observed> },
}

impl OwnedPayload {
    fn as_ref(&self) -> PayloadRef<'_> {
        match self {
            OwnedPayload::Present { bytes, salt } => PayloadRef::Present { bytes, salt: salt.as_ref() },
            OwnedPayload::Erased { observed } => PayloadRef::Erased { observed: *observed },
        }
    }
}

fn headers() -> impl Strategy<Value = EventHeader> {
    let numbers =
        (any::<u64>(), any::<u32>(), any::<u16>(), any::<u128>(), prop_oneof![Just(0), any::<u128>()]);
    let hashes = (any::<Option<[u8; 32]>>(), any::<[u8; 32]>(), 0u64..1 << 20);
    let deps = proptest::collection::btree_set(any::<u128>(), 0..5);
    (numbers, hashes, deps).prop_map(
        |((lamport, node, stream, id, prev), (claim, payload_hash, payload_len), deps)| EventHeader {
            lamport,
            node,
            stream,
            id,
            prev,
            claim,
            payload_len,
            payload_hash,
            deps: deps.into_iter().collect(),
        },
    )
}

fn payloads() -> impl Strategy<Value = OwnedPayload> {
    let present = (proptest::collection::vec(any::<u8>(), 0..70), any::<Option<[u8; 32]>>())
        .prop_map(|(bytes, salt)| OwnedPayload::Present { bytes, salt });
    let erased = proptest::option::of((0u64..1 << 20, any::<[u8; 32]>())).prop_map(|observed| {
        OwnedPayload::Erased { observed: observed.map(|(len, hash)| Observed { len, hash }) }
    });
    prop_oneof![3 => present, 1 => erased]
}

/// A struct where the schema has a list: found by fuzzing.
#[test]
fn a_pointer_to_a_struct_is_canonical_for_the_library_alone() {
    let mut message = Vec::new();
    let header = EventHeader { stream: 1, ..crate::common::ev(1, 1).header };
    let erased = PayloadRef::Erased { observed: Some(Observed { len: 1, hash: [1; 32] }) };
    wire::encode_event(&header, erased, &mut message);
    // One pointer instead of five, to a struct of a single null list.
    message.truncate(8 * 12);
    message[6] = 1;
    message.extend_from_slice(&(1u64 << 48).to_le_bytes());
    message.extend_from_slice(&(1u64 | 2 << 32).to_le_bytes());
    assert!(capnp_library::calls_it_canonical(&message) && !capnp_library::shape_is_known(&message));
    let refused = wire::decode(&message).unwrap_err();
    assert_eq!((refused.code, refused.at), (omega_kernel::fault::FaultCode::NotCanonical, 96));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases(2000)))]

    #[test]
    fn an_event_has_the_library_s_canonical_bytes(header in headers(), payload in payloads()) {
        let mut ours = Vec::new();
        wire::encode_event(&header, payload.as_ref(), &mut ours);
        prop_assert_eq!(&ours, &capnp_library::event_bytes(&header, payload.as_ref()));
        let Ok(Message::Event(view)) = wire::decode(&ours) else { panic!("not decoded") };
        prop_assert_eq!(view.header(), header.clone());
        prop_assert_eq!(view.payload(), payload.as_ref());
        capnp_library::check_event(&ours, &view);
        let mut hashed = Vec::new();
        view.write_hashed(&mut hashed);
        prop_assert_eq!(omega_kernel::hash::EVENT.hash(&hashed), header.hash());
    }

    /// Whatever we take, the library calls canonical; whatever it calls canonical and we refuse,
    /// we refuse for its shape or a value, never as "not canonical".
    #[test]
    fn canonical_means_the_same(header in headers(), payload in payloads(), flips in proptest::collection::vec(any::<(u16, u8)>(), 1..3)) {
        let mut message = Vec::new();
        wire::encode_event(&header, payload.as_ref(), &mut message);
        for (at, bit) in flips {
            let at = usize::from(at) % message.len();
            message[at] ^= 1 << (bit % 8);
        }
        let theirs = capnp_library::calls_it_canonical(&message);
        match wire::decode(&message) {
            Ok(_) => prop_assert!(theirs),
            Err(error) if error.code == omega_kernel::fault::FaultCode::NotCanonical => {
                prop_assert!(!theirs || !capnp_library::shape_is_known(&message), "{:?}", error);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn a_head_has_the_library_s_canonical_bytes(event_count in any::<u64>(), log_root in any::<[u8; 32]>(), key in any::<[u8; 32]>(), signature in any::<[u8; 64]>()) {
        let ours_head = Head { event_count, log_root, key, signature };
        let mut ours = Vec::new();
        wire::encode_head(&ours_head, &mut ours);
        prop_assert!(capnp_library::calls_it_canonical(&ours));
        capnp_library::check_head(&ours, &ours_head);
        prop_assert_eq!(wire::decode(&ours), Ok(Message::Head(ours_head)));
    }
}
