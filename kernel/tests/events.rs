//! An event's header as bytes, its caps, its order key; and the index of a batch's ids.

use crate::common::ev;
use omega_kernel::bytes::{Malformed, Reader};
use omega_kernel::event::{EVENT_HASH_FIXED_BYTES, EventHeader, order_key};
use omega_kernel::ids::IdIndex;
use omega_kernel::limits::{MAX_DEPS, MAX_PAYLOAD_BYTES};

fn written(header: &EventHeader) -> Vec<u8> {
    let mut out = Vec::new();
    header.write(&mut out);
    out
}

fn read(header: &EventHeader) -> Result<EventHeader, Malformed> {
    EventHeader::read(&mut Reader::new(&written(header)))
}

#[test]
fn a_header_has_fixed_bytes_and_its_deps() {
    let header = ev(1, 1).claim(5).deps(&[3, 4, 5]).header;
    assert_eq!(written(&header).len(), EVENT_HASH_FIXED_BYTES + 3 * 16);
    assert_eq!(read(&header), Ok(header));
}

#[test]
fn a_header_keeps_the_caps_of_an_event() {
    let sized = |payload_len| EventHeader { payload_len, ..ev(1, 1).header };
    assert!(read(&sized(MAX_PAYLOAD_BYTES)).is_ok());
    let refused = Malformed { at: 79, expected: "a payload of at most 1 MiB" };
    assert_eq!(read(&sized(MAX_PAYLOAD_BYTES + 1)), Err(refused));
    assert_eq!(read(&sized(u64::MAX)), Err(refused));

    let deps = |deps: &[u128]| ev(1, 1).deps(deps).header;
    let many = |count: u32| deps(&(0..count.into()).collect::<Vec<_>>());
    assert!(read(&many(MAX_DEPS)).is_ok());
    let refused = Malformed { at: 119, expected: "at most 1,024 deps that ascend strictly" };
    for header in [many(MAX_DEPS + 1), deps(&[7, 7]), deps(&[8, 7])] {
        assert_eq!(read(&header), Err(refused));
    }
}

#[test]
fn the_order_key_is_lamport_node_stream_and_the_ids_112_bits() {
    let id = 0xFFFF_A0A1_B0B1_B2B3_B4B5_B6B7_B8B9_BABB;
    let key = order_key(0xC0C1_C2C3_C4C5_C6C7, 0xD0D1_D2D3, 0xE0E1, id);
    assert_eq!(key.0, 0xC0C1_C2C3_C4C5_C6C7_D0D1_D2D3_E0E1_A0A1);
    assert_eq!(key.1, 0xB0B1_B2B3_B4B5_B6B7_B8B9_BABB);
    assert_eq!(order_key(0, 0, 0, u128::MAX << 112), (0, 0));
}

#[test]
fn an_index_tells_its_ids_and_their_versions() {
    for (ids, distinct) in [(&[][..], &[][..]), (&[5], &[5]), (&[9, 7], &[7, 9]), (&[9, 7, 9], &[7, 9])] {
        let index = IdIndex::new(ids.iter().map(|&id| (id, 1)));
        assert_eq!(index.is_empty(), ids.is_empty());
        assert_eq!(index.has_one_version_each(), ids.len() == distinct.len());
        let listed: Vec<u128> = (0..index.len()).map(|at| index.id(at)).collect();
        assert_eq!(listed, distinct);
        for &id in ids {
            assert_eq!(index.id(index.find(id).unwrap()), id);
        }
    }
}
