//! How much evidence may carry: each limit at the cap and one past it, before any of it is believed.

use crate::common::{ev, judge, log, try_judge_in};
use omega_kernel::body::{Body, VerdictKind};
use omega_kernel::bytes::{Malformed, Reader, Writer};
use omega_kernel::evidence::{BatchIdLeaf, Evidence, Kind, Witness};
use omega_kernel::fault::FaultCode;
use omega_kernel::limits::{MAX_ID_VERSIONS, MAX_MERKLE_SIBLINGS};
use omega_kernel::session::Session;
use omega_kernel::trie::Leaf;

fn hashes(count: u32) -> Vec<[u8; 32]> {
    let hash = |n: u32| core::array::from_fn(|at| n.to_be_bytes().get(at).copied().unwrap_or(0));
    (0..count).map(hash).collect()
}

fn written(leaf: &BatchIdLeaf) -> Vec<u8> {
    let mut out = Writer::new();
    leaf.write(&mut out);
    out.bytes
}

fn read(bytes: &[u8]) -> Result<BatchIdLeaf, Malformed> {
    BatchIdLeaf::read(&mut Reader::new(bytes))
}

const COUNT: Malformed = Malformed { at: 16, expected: "a count of versions that are all there" };
const ORDER: Malformed = Malformed { at: 20, expected: "event hashes that ascend strictly" };

#[test]
fn an_id_has_one_version_at_least_and_so_many_at_most() {
    for count in [1, 2, MAX_ID_VERSIONS] {
        let leaf = BatchIdLeaf { id: 7, event_hashes: hashes(count) };
        assert_eq!(read(&written(&leaf)), Ok(leaf));
    }
    for count in [0, MAX_ID_VERSIONS + 1] {
        let bytes = [written(&BatchIdLeaf { id: 7, event_hashes: hashes(count) }), vec![0; 64]].concat();
        assert_eq!(read(&bytes), Err(COUNT));
    }
}

#[test]
fn an_id_with_more_versions_than_evidence_carries_has_no_verdict() {
    let version = |number: u32| ev(7, 1).text(&number.to_string());
    let versions = |count: u32| vec![log("a", &(0..count).map(version).collect::<Vec<_>>())];
    let most = judge(&versions(MAX_ID_VERSIONS));
    assert_eq!(most.kind, VerdictKind::Obstruction);
    assert!(Body::split(&most.body).unwrap().decode().is_ok());
    let fault = try_judge_in(&mut Session::genesis(), &versions(MAX_ID_VERSIONS + 1)).unwrap_err();
    assert_eq!(fault.code, FaultCode::LimitExceeded);
    assert!(fault.message.contains("more than 65536 versions"), "{}", fault.message);
}

#[test]
fn versions_are_all_there_and_ascend() {
    let leaf = BatchIdLeaf { id: 7, event_hashes: hashes(3) };
    let bytes = written(&leaf);
    assert_eq!(read(&bytes[..bytes.len() - 1]), Err(COUNT));
    let [a, b, c] = [leaf.event_hashes[0], leaf.event_hashes[1], leaf.event_hashes[2]];
    for event_hashes in [vec![a, a], vec![b, a, c], vec![a, c, c]] {
        assert_eq!(read(&written(&BatchIdLeaf { id: 7, event_hashes })), Err(ORDER));
    }
}

#[test]
fn an_event_has_so_many_siblings_at_most() {
    let evidence = |siblings: usize| Evidence {
        kind: Kind::OutsideDomain,
        dep: 0,
        events: vec![Witness {
            log: 0,
            leaf_index: 0,
            observed: None,
            siblings: vec![[5; 32]; siblings],
            header: ev(0, 1).header,
        }],
        prior_ids: Vec::new(),
        frontier: None,
        batch_id: None,
    };
    for siblings in [0, 1, MAX_MERKLE_SIBLINGS] {
        assert_eq!(Evidence::decode(&evidence(siblings).encode()).as_ref(), Ok(&evidence(siblings)));
    }
    let fault = Evidence::decode(&evidence(MAX_MERKLE_SIBLINGS + 1).encode()).expect_err("one too many");
    assert!(fault.message.contains("at most 32 siblings"), "{}", fault.message);
}
