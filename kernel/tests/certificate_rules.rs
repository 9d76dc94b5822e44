//! Every rule of a single certificate, broken once.

use crate::support::*;
use omega_kernel::body::{Body, VerdictKind};
use omega_kernel::certificate::{
    BODY_OFFSET, CertType, Certificate, Content, MAX_CERTIFICATE_BYTES, VerdictDiff,
};
use omega_kernel::chain::{ChainHead, verify_signatures};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::FaultCode::{self, *};
use omega_kernel::signature::{
    Engines,
    Statement::{self, *},
};
use omega_kernel::{hash, limits};

fn unsigned_verdict() -> Certificate {
    started().1.verdict(1, 42, &body(obstruction(0))).unwrap()
}

fn verdict() -> Certificate {
    signed(unsigned_verdict(), &[1, 2], Judged)
}

/// One certificate of each kind, signed as its chain demands.
fn one_of_each() -> [Certificate; 5] {
    let (genesis, head) = started();
    let merged = signed(head.verdict(7, 1, &body(merge(0))).unwrap(), &[1], Vouched);
    let policy = signed(head.policy_change(&policy(2, &[1, 3])).unwrap(), &[1, 3], Approved);
    let swap = signed(head.swap(&swap(&head, 8)).unwrap(), &[2], Approved);
    [genesis, merged, verdict(), policy, swap]
}

/// The code of bytes that are refused before or at their signatures.
fn refusal(bytes: &[u8]) -> Option<FaultCode> {
    let result = Certificate::decode(bytes).and_then(|certificate| verify_signatures(&certificate));
    result.err().map(|fault| fault.code)
}

#[test]
fn certificates_survive_their_bytes() {
    for certificate in one_of_each() {
        let again = Certificate::decode(certificate.bytes()).unwrap();
        assert_eq!(again, certificate);
        assert_eq!(verify_signatures(&again), Ok(()));
        let (core, observations) = (again.content().encode(), again.body_bytes());
        assert_eq!(core, observations, "a decoded content encodes to the stored body");
        assert_eq!(again.body_hash(), Body::split(again.body_bytes()).unwrap().hash());
        assert_eq!(again.chain_hash(), hash::CERT_CHAIN.hash(again.signed_bytes()));
        assert_eq!(again.bytes().len(), again.signed_bytes().len() + 2 + 98 * again.signatures().len());
    }
}

#[test]
fn fields_stand_at_their_offsets() {
    let certificate = verdict();
    let (bytes, fields) = (certificate.bytes(), certificate.fields());
    assert_eq!(&bytes[..12], b"\x89OMC\r\n\x1a\n\x01\0\0\0");
    assert_eq!(bytes[12..16], (certificate.body_bytes().len() as u32).to_le_bytes());
    assert_eq!(bytes[16..32], certificate.id().to_le_bytes());
    assert_eq!(bytes[32], 2);
    assert_eq!(bytes[33..65], [4; 32]);
    assert_eq!(bytes[65..73], 1u64.to_le_bytes());
    assert_eq!(bytes[73..105], certificate.body_hash());
    assert_eq!(bytes[105..137], fields.prev_cert_hash);
    assert_eq!(bytes[137..169], fields.chain_id);
    assert_eq!(bytes[169..177], 1u64.to_le_bytes());
    assert_eq!(bytes[177..209], fields.policy_hash);
    assert_eq!(bytes[209..241], [7; 32]);
    assert_eq!(bytes[241..249], [1, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(bytes[249..281], [2; 32]);
    assert_eq!(bytes[281..313], [3; 32]);
    assert_eq!(bytes[313..321], 42u64.to_le_bytes());
    assert_eq!(
        &bytes[321..],
        [certificate.body_bytes(), &bytes[certificate.signed_bytes().len()..]].concat()
    );
    let records = &bytes[certificate.signed_bytes().len()..];
    assert_eq!(&records[..4], [2, 0, 1, 1]);
    assert_eq!(records[4..36], certificate.signatures()[0].key);
    assert_eq!(records[36..100], certificate.signatures()[0].signature);
}

#[test]
fn no_flipped_bit_verifies() {
    for certificate in one_of_each() {
        for bit in 0..certificate.bytes().len() * 8 {
            let mut bytes = certificate.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let kind = certificate.kind().name();
            assert!(refusal(&bytes).is_some(), "bit {bit} of a {kind} certificate was flipped unnoticed");
        }
    }
}

#[test]
fn no_flipped_bit_before_the_signatures_survives_a_new_id() {
    let certificate = verdict();
    for bit in 32 * 8..certificate.signed_bytes().len() * 8 {
        let mut bytes = certificate.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let bytes = resealed(bytes);
        let restored = bytes == certificate.bytes();
        assert_eq!(restored, (73..105).contains(&(bit / 8)), "only the body hash is put right again");
        assert!(restored || refusal(&bytes).is_some(), "bit {bit} was flipped unnoticed");
    }
}

#[test]
fn every_truncation_and_any_trailing_byte_is_refused() {
    for certificate in one_of_each() {
        let bytes = certificate.bytes();
        for len in 0..bytes.len() {
            assert_eq!(refusal(&bytes[..len]), Some(CertMalformed), "cut to {len} bytes");
        }
        assert_eq!(refusal(&[bytes, &[0]].concat()), Some(CertMalformed));
        assert_eq!(refusal(&[bytes, bytes].concat()), Some(CertMalformed));
    }
}

#[test]
fn the_fixed_fields_are_read_strictly() {
    let refused_at = |at: usize, with: &[u8]| {
        let mut bytes = verdict().bytes().to_vec();
        bytes[at..at + with.len()].copy_from_slice(with);
        let fault = Certificate::decode(&resealed(bytes)).unwrap_err();
        (fault.code, fault.offset)
    };
    assert_eq!(refused_at(0, b"\x89OMG"), (CertMalformed, Some(0)));
    assert_eq!(refused_at(8, &[2, 0]), (CertVersion, Some(8)));
    assert_eq!(refused_at(8, &[0, 1]), (CertVersion, Some(8)));
    assert_eq!(refused_at(8, &[0, 0]), (CertMalformed, Some(8)));
    assert_eq!(refused_at(10, &[1]), (CertMalformed, Some(10)));
    assert_eq!(refused_at(11, &[1]), (CertMalformed, Some(10)));
    assert_eq!(refused_at(32, &[0]), (CertMalformed, Some(32)));
    assert_eq!(refused_at(32, &[5]), (CertMalformed, Some(32)));
    assert_eq!(refused_at(33, &[9]), (BodyMismatch, Some(33)));
    assert_eq!(refused_at(65, &[0; 8]), (CertMalformed, Some(65)));
    assert_eq!(refused_at(105, &[0; 32]), (CertMalformed, Some(105)));
    assert_eq!(refused_at(137, &[0; 32]), (CertMalformed, Some(137)));
    assert_eq!(refused_at(169, &[0; 8]), (CertMalformed, Some(169)));
}

#[test]
fn body_lengths_have_a_cap_and_an_end() {
    let refused = |len: u32, total: usize| {
        let mut bytes = verdict().signed_bytes()[..BODY_OFFSET].to_vec();
        bytes[12..16].copy_from_slice(&len.to_le_bytes());
        bytes.resize(total, 0);
        Certificate::decode(&bytes).unwrap_err().code
    };
    assert_eq!(refused(u32::MAX, 4096), LimitExceeded);
    assert_eq!(refused(limits::MAX_BODY_BYTES + 1, MAX_CERTIFICATE_BYTES as usize + 1), LimitExceeded);
    assert_eq!(refused(limits::MAX_BODY_BYTES, 4096), CertMalformed);
    assert_eq!(refused(limits::MAX_BODY_BYTES, MAX_CERTIFICATE_BYTES as usize), CertIdMismatch);
}

#[test]
fn the_longest_certificate_has_the_longest_body_and_the_most_signatures() {
    let certificate = verdict();
    let record = certificate.bytes().len() - signed(unsigned_verdict(), &[1], Judged).bytes().len();
    let most =
        BODY_OFFSET + limits::MAX_BODY_BYTES as usize + 2 + usize::from(limits::MAX_SIGNATURES) * record;
    assert_eq!(MAX_CERTIFICATE_BYTES as usize, most);
}

#[test]
fn only_a_verdict_states_one() {
    let verdicts = one_of_each().map(|certificate| certificate.verdict());
    let (merge, obstruction) = (Some(VerdictKind::Merge), Some(VerdictKind::Obstruction));
    assert_eq!(verdicts, [None, merge, obstruction, None, None]);
}

#[test]
fn ids_and_hashes_are_recomputed() {
    for at in [16, 31, 32, 33, 65, 73, 105, 137, 169, 177, 209, 241, 245, 249, 281, 313, 330] {
        let mut bytes = verdict().bytes().to_vec();
        bytes[at] ^= if at == 32 { 3 } else { 1 };
        assert_eq!(refusal(&bytes), Some(CertIdMismatch), "byte {at}");
    }
    for at in [73, 104, 400] {
        let mut bytes = verdict().bytes().to_vec();
        bytes[at] ^= 1;
        assert_eq!(refusal(&reidentified(bytes)), Some(BodyMismatch), "byte {at}");
    }
}

#[test]
fn what_carries_no_verdict_carries_nothing_of_one() {
    let (genesis, head) = started();
    let policy = head.policy_change(&policy(1, &[2])).unwrap();
    let swap = head.swap(&swap(&head, 8)).unwrap();
    for certificate in [&genesis, &policy, &swap] {
        for (at, code) in [(33, CertMalformed), (65, CertMalformed), (313, CertMalformed)] {
            let mut bytes = certificate.bytes().to_vec();
            bytes[at] ^= 1;
            let fault = Certificate::decode(&resealed(bytes)).unwrap_err();
            assert_eq!((fault.code, fault.offset), (code, Some(at as u64)), "{:?}", certificate.kind());
        }
        let core = Body::split(certificate.body_bytes()).unwrap().core;
        let observed = Body { core, observations: &[0] }.join();
        let unsigned = Certificate::unsigned(certificate.kind(), certificate.fields(), &observed);
        assert_eq!(refused(unsigned), CertMalformed);
        let fault = Content::decode(certificate.kind(), &Body::split(&observed).unwrap()).unwrap_err();
        assert_eq!(fault.offset, Some(4 + core.len() as u64));
    }
    for at in [105, 137, 169] {
        let mut bytes = genesis.bytes().to_vec();
        bytes[at] = 1;
        let fault = Certificate::decode(&resealed(bytes)).unwrap_err();
        assert_eq!((fault.code, fault.offset), (CertMalformed, Some(at as u64)));
    }
    for certificate in [policy, swap] {
        for at in [105, 137] {
            let mut bytes = certificate.bytes().to_vec();
            bytes[at..at + 32].fill(0);
            assert_eq!(refused(Certificate::decode(&resealed(bytes))), CertMalformed);
        }
        let mut bytes = certificate.bytes().to_vec();
        bytes[169..177].fill(0);
        assert_eq!(refused(Certificate::decode(&resealed(bytes))), CertMalformed);
    }
}

#[test]
fn a_genesis_names_its_policy_and_the_empty_state() {
    let (genesis, _) = started();
    let mut content = genesis_content(policy(1, &[1, 2]));
    let refused_with = |content| refused(Certificate::decode(&with_content(&genesis, &content)));
    content.state = StateCommitment { id_count: 1, ..StateCommitment::empty() };
    assert_eq!(refused_with(Content::Genesis(content.clone())), CertMalformed);
    content.state = StateCommitment { state_format: 2, ..StateCommitment::empty() };
    assert_eq!(refused_with(Content::Genesis(content.clone())), CertMalformed);
    content.state = StateCommitment::empty();
    assert_eq!(refused_with(Content::Genesis(genesis_content(policy(1, &[1, 3])))), BodyMismatch);
    content.origin = "line\nbreak".into();
    assert_eq!(refused_with(Content::Genesis(content.clone())), CertMalformed);
    content.origin = "é".repeat(127) + "x";
    assert!(Certificate::decode(&with_content(&genesis, &Content::Genesis(content.clone()))).is_ok());
    content.origin = "x".repeat(256);
    assert_eq!(refused_with(Content::Genesis(content)), CertMalformed, "one byte cannot hold the length");
    let mut bytes = genesis.bytes().to_vec();
    bytes[BODY_OFFSET + 5] = 0xff;
    assert_eq!(refused(Certificate::decode(&resealed(bytes))), CertMalformed, "not UTF-8");
}

#[test]
fn a_policy_certificate_changes_the_policy() {
    let (_, head) = started();
    assert_eq!(refused(head.policy_change(&head.policy)), CertMalformed);
    assert!(head.policy_change(&policy(2, &[1, 2])).is_ok(), "the threshold alone is a change");
}

#[test]
fn a_swap_changes_the_kernel_and_lists_what_differs() {
    let (_, mut head) = started();
    for batch in 1..=4 {
        let certificate = signed(head.verdict(batch, 0, &body(obstruction(0))).unwrap(), &[1], Judged);
        head = head.advance(&certificate).unwrap();
    }
    let diff = |height| VerdictDiff {
        height,
        old_verdict: VerdictKind::Obstruction,
        new_verdict: VerdictKind::Merge,
        old_core_hash: [1; 32],
        new_core_hash: [2; 32],
    };
    let good = {
        let mut swap = swap(&head, 8);
        (swap.replayed, swap.diffs) = (4, vec![diff(1), diff(4)]);
        swap
    };
    assert!(head.swap(&good).is_ok());
    let code = |change: &dyn Fn(&mut omega_kernel::certificate::Swap)| {
        let mut swap = good.clone();
        change(&mut swap);
        refused(head.swap(&swap))
    };
    assert_eq!(code(&|swap| swap.new.binding = swap.old.binding), CertMalformed);
    assert_eq!(code(&|swap| swap.old.binding = binding(9)), BodyMismatch);
    assert_eq!(code(&|swap| swap.new.state = state(1)), StateMismatch);
    assert_eq!(code(&|swap| (swap.old.state, swap.new.state) = (state(1), state(1))), StateMismatch);
    assert_eq!(code(&|swap| swap.new.state.frontier_count = 1), CertMalformed);
    assert_eq!(code(&|swap| swap.old.state.frontier_count = 1), CertMalformed);
    assert_eq!(code(&|swap| swap.diffs.reverse()), CertMalformed);
    assert_eq!(code(&|swap| swap.diffs[1] = swap.diffs[0]), CertMalformed);
    assert_eq!(code(&|swap| swap.diffs[0].height = 0), CertMalformed);
    assert_eq!(code(&|swap| swap.diffs[1].height = 5), CertMalformed);
    assert_eq!(code(&|swap| swap.diffs[0].new_core_hash = [1; 32]), CertMalformed);
    assert_eq!(code(&|swap| swap.replayed = 1), CertMalformed);
    assert_eq!(code(&|swap| swap.replayed = 5), CertMalformed);
    let many = |count: u64| {
        let mut swap = good.clone();
        (swap.replayed, swap.diffs) = (count, (1..=count).map(diff).collect());
        let full = ChainHead { height: count, ..head.clone() };
        full.swap(&swap).map(|_| ()).map_err(|fault| fault.code)
    };
    assert_eq!(many(u64::from(limits::MAX_SWAP_DIFFS)), Ok(()));
    assert_eq!(many(u64::from(limits::MAX_SWAP_DIFFS) + 1), Err(LimitExceeded));
    let mut bytes = head.swap(&good).unwrap().bytes().to_vec();
    let verdict_byte = BODY_OFFSET + 4 + 2 * 188 + 12 + 8;
    bytes[verdict_byte] = 3;
    let fault = Certificate::decode(&resealed(bytes)).unwrap_err();
    assert_eq!((fault.code, fault.offset), (CertMalformed, Some(verdict_byte as u64)));
}

#[test]
fn offsets_in_bodies_count_from_the_first_byte() {
    let certificate = verdict();
    let mut bytes = certificate.bytes().to_vec();
    bytes[BODY_OFFSET + 4] = 9;
    let fault = Certificate::decode(&resealed(bytes)).unwrap_err();
    assert_eq!((fault.code, fault.offset), (CertMalformed, Some(325)));
    let mut bytes = certificate.bytes().to_vec();
    let records = certificate.signed_bytes().len();
    bytes[records + 2] = 2;
    let fault = Certificate::decode(&bytes).unwrap_err();
    assert_eq!((fault.code, fault.offset), (CertMalformed, Some(records as u64 + 2)));
}

#[test]
fn signatures_find_their_place_and_are_checked_on_the_way() {
    let (_, head) = started();
    let unsigned = head.verdict(1, 0, &body(merge(0))).unwrap();
    let mut one = signed(unsigned.clone(), &[1, 2], Judged);
    let other = signed(unsigned.clone(), &[2, 1], Judged);
    assert_eq!(one, other, "any order of signing gives the same bytes");
    assert_eq!(one.chain_hash(), unsigned.chain_hash());
    assert_eq!(refused(one.append_signature(signature(&one, 1, Judged))), SignatureMisplaced);
    assert_eq!(refused(one.append_signature(signature(&one, 1, Witnessed))), SignatureMisplaced);
    assert_eq!(refused(one.append_signature(signature(&one, 3, Approved))), SignatureMisplaced);
    let mut wrong = signature(&one, 3, Judged);
    wrong.signature[0] ^= 1;
    assert_eq!(refused(one.append_signature(wrong)), SignatureInvalid);
    let mut relabelled = signature(&one, 3, Witnessed);
    relabelled.statement = Judged;
    assert_eq!(refused(one.append_signature(relabelled)), SignatureInvalid);
    assert_eq!(one, other, "what is refused leaves no trace");

    let crowd: Vec<u8> = (1..=128).collect();
    let mut full = signed(unsigned, &crowd, Witnessed);
    assert_eq!(Certificate::decode(full.bytes()).as_ref(), Ok(&full));
    assert_eq!(refused(full.append_signature(signature(&full, 129, Witnessed))), LimitExceeded);
}

#[test]
fn keys_that_prove_nothing_are_refused() {
    let certificate = verdict();
    let small_order = {
        let mut point = [0; 32];
        point[0] = 1;
        point
    };
    let mut all_zero = signature(&certificate, 1, Judged);
    (all_zero.key, all_zero.signature) = (small_order, [0; 64]);
    all_zero.signature[0] = 1;
    assert_eq!(refused(all_zero.verify(&certificate.chain_hash())), SignatureInvalid);
    let mut no_point = signature(&certificate, 1, Judged);
    no_point.key = [2; 32];
    assert_eq!(refused(no_point.verify(&certificate.chain_hash())), SignatureInvalid);
    let mut malleable = signature(&certificate, 1, Judged);
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    for (digit, add) in malleable.signature[32..].iter_mut().zip(order) {
        carry += u16::from(*digit) + u16::from(add);
        *digit = carry as u8;
        carry >>= 8;
    }
    assert_eq!(refused(malleable.verify(&certificate.chain_hash())), SignatureInvalid, "s + L");
}

#[test]
fn statements_have_their_certificates() {
    let (genesis, head) = started();
    let policy = head.policy_change(&policy(1, &[2])).unwrap();
    let swap = head.swap(&swap(&head, 8)).unwrap();
    let verdict = head.verdict(1, 0, &body(merge(0))).unwrap();
    let mut table: Vec<(CertType, Statement, bool)> = Vec::new();
    for certificate in [genesis, verdict, policy, swap] {
        for statement in [Judged, Vouched, Approved, Witnessed] {
            let appended = certificate.clone().append_signature(signature(&certificate, 9, statement));
            assert!(appended.is_ok() || refused(appended.clone()) == SignatureMisplaced);
            table.push((certificate.kind(), statement, appended.is_ok()));
        }
    }
    for (kind, statement, placed) in table {
        let expected = match statement {
            Judged | Vouched => kind == CertType::Verdict,
            Approved => kind != CertType::Verdict,
            Witnessed => true,
        };
        assert_eq!(placed, expected, "{statement:?} on {kind:?}");
    }
}

#[test]
fn kinds_have_names() {
    let names = one_of_each().map(|certificate| certificate.kind().name());
    assert_eq!(names, ["genesis", "verdict", "verdict", "policy", "swap"]);
}

#[test]
fn statements_have_names() {
    let all = [Judged, Vouched, Approved, Witnessed];
    assert_eq!(all.map(Statement::name), ["judged", "vouched", "approved", "witnessed"]);
}

#[test]
fn engines_are_a_bit_each() {
    for (place, (engine, name)) in Engines::NAMED.into_iter().enumerate() {
        assert_eq!((engine.bits(), engine.and(engine)), (1 << place, engine));
        assert!(engine.names().eq([name]));
    }
    let two = Engines::NATIVE.and(Engines::V8);
    assert_eq!((two.bits(), two.and(Engines::V8)), (9, two));
}
