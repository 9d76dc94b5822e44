//! Every rule between certificates, broken once; and whose signatures each takes.

use crate::support::*;
use omega_kernel::certificate::{CertType, Certificate, Fields, Genesis};
use omega_kernel::chain::{ChainHead, Threshold, equivocation, follow, threshold};
use omega_kernel::fault::FaultCode::*;
use omega_kernel::signature::{Statement, Statement::*, encode_section};

/// A verdict on `head` by numbered keys.
fn judged(head: &ChainHead, batch_id: u64, keys: &[u8]) -> Certificate {
    let verdict = head.verdict(batch_id, 0, &body(merge(head.state.id_count))).unwrap();
    signed(verdict, keys, Judged)
}

/// A verdict on `head` with other fixed fields, made past the checks of [`ChainHead::verdict`].
fn with_fields(head: &ChainHead, change: impl FnOnce(&mut Fields)) -> Certificate {
    let good = head.verdict(head.last_batch_id + 1, 0, &body(obstruction(head.state.id_count))).unwrap();
    let mut fields = *good.fields();
    change(&mut fields);
    let changed = Certificate::unsigned(CertType::Verdict, &fields, good.body_bytes()).unwrap();
    signed(changed, &[1], Judged)
}

/// A chain with two verdicts, the first a merge.
fn grown() -> (Vec<Certificate>, ChainHead) {
    let (genesis, head) = started();
    let first = judged(&head, 3, &[1]);
    let head = head.advance(&first).unwrap();
    let second = signed(head.verdict(5, 9, &body(obstruction(5))).unwrap(), &[2], Vouched);
    let head = head.advance(&second).unwrap();
    (vec![genesis, first, second], head)
}

#[test]
fn a_chain_carries_state_batch_and_hash() {
    let (certificates, head) = grown();
    assert_eq!(head.chain_id, certificates[0].chain_hash());
    assert_eq!((head.height, head.last_batch_id), (2, 5));
    assert_eq!(head.hash, certificates[2].chain_hash());
    assert_eq!(head.state, state(5), "the merge's state, which the obstruction left alone");
    assert_eq!(follow(&certificates), Ok(head));
    assert!(certificates.iter().all(|certificate| certificate.chain_id() == certificates[0].chain_hash()));
}

#[test]
fn a_chain_with_a_certificate_missing_doubled_or_moved_is_broken() {
    let (chain, _) = grown();
    let follow = |order: &[usize]| refused(follow(order.iter().map(|&place| &chain[place])));
    for order in [&[][..], &[1], &[1, 2], &[0, 2], &[0, 0], &[0, 1, 1], &[0, 2, 1], &[0, 1, 2, 0]] {
        assert_eq!(follow(order), ChainBroken, "{order:?}");
    }
    let fault = omega_kernel::chain::follow([&chain[0], &chain[2]]).unwrap_err();
    assert!(fault.message.starts_with("certificate 1 of the chain: "), "{fault}");
}

#[test]
fn every_binding_is_held() {
    let (_, head) = grown();
    let code = |change: &dyn Fn(&mut Fields)| {
        let certificate = with_fields(&head, change);
        assert_eq!(head.accepts(&certificate), head.advance(&certificate).map(|_| ()));
        refused(head.advance(&certificate))
    };
    assert!(head.advance(&with_fields(&head, |_| {})).is_ok());
    assert_eq!(code(&|fields| fields.chain_id[0] ^= 1), ChainBroken);
    assert_eq!(code(&|fields| fields.prev_cert_hash[31] ^= 1), ChainBroken);
    assert_eq!(code(&|fields| fields.height -= 1), ChainBroken);
    assert_eq!(code(&|fields| fields.height += 1), ChainBroken);
    assert_eq!(code(&|fields| fields.batch_id = 5), ChainBroken);
    assert_eq!(code(&|fields| fields.batch_id = 1), ChainBroken);
    assert_eq!(code(&|fields| fields.policy_hash[0] ^= 1), BindingMismatch);
    assert_eq!(code(&|fields| fields.binding.kernel_hash[0] ^= 1), BindingMismatch);
    assert_eq!(code(&|fields| fields.binding.checker_version += 1), BindingMismatch);
    assert_eq!(code(&|fields| fields.binding.schema_version += 1), BindingMismatch);
    assert_eq!(code(&|fields| fields.binding.schema_hash[0] ^= 1), BindingMismatch);
    assert_eq!(code(&|fields| fields.binding.predicate_hash[0] ^= 1), BindingMismatch);
}

#[test]
fn a_verdict_starts_from_the_state_that_was_left() {
    let (_, head) = grown();
    let body = body(merge(6));
    assert_eq!(refused(head.verdict(6, 0, &body)), StateMismatch);
    let good = with_fields(&head, |_| {});
    let other = Certificate::unsigned(CertType::Verdict, good.fields(), &body).unwrap();
    assert_eq!(refused(head.advance(&signed(other, &[1], Judged))), StateMismatch);
}

#[test]
fn a_full_chain_ends() {
    let (_, head) = grown();
    let last = ChainHead { height: u64::MAX, ..head };
    assert_eq!(refused(last.verdict(6, 0, &body(merge(5)))), ChainBroken);
}

#[test]
fn every_key_of_a_genesis_signs_it() {
    let content = |policy| Genesis { origin: String::new(), ..genesis_content(policy) };
    let genesis = Certificate::genesis(&content(policy(1, &[1, 2, 3])), binding(7)).unwrap();
    for (keys, code) in [(&[][..], ThresholdUnmet), (&[1], ThresholdUnmet), (&[1, 3], ThresholdUnmet)] {
        assert_eq!(refused(ChainHead::start(&signed(genesis.clone(), keys, Approved))), code, "{keys:?}");
    }
    assert!(ChainHead::start(&signed(genesis.clone(), &[1, 2, 3], Approved)).is_ok());
    let foreign = signed(genesis.clone(), &[1, 2, 3, 4], Approved);
    assert_eq!(refused(ChainHead::start(&foreign)), SignatureMisplaced);
    let witnessed = signed(signed(genesis.clone(), &[1, 2], Approved), &[3, 4], Witnessed);
    assert_eq!(refused(ChainHead::start(&witnessed)), ThresholdUnmet, "a witness does not approve");
    let seen = signed(signed(genesis, &[1, 2, 3], Approved), &[4], Witnessed);
    assert!(ChainHead::start(&seen).is_ok(), "a witness may be anyone");
    let (_, head) = started();
    assert_eq!(refused(ChainHead::start(&judged(&head, 1, &[1]))), ChainBroken);
}

#[test]
fn thresholds_count_distinct_policy_keys_that_say_what_counts() {
    let genesis = Certificate::genesis(&genesis_content(policy(2, &[1, 2, 3])), binding(7)).unwrap();
    let head = ChainHead::start(&signed(genesis, &[1, 2, 3], Approved)).unwrap();
    let verdict = head.verdict(1, 0, &body(merge(0))).unwrap();
    let with = |records: &[(u8, Statement)]| {
        let mut certificate = verdict.clone();
        for &(key, statement) in records {
            certificate.append_signature(signature(&certificate, key, statement)).unwrap();
        }
        let met = threshold(&certificate, Some(&head.policy)).map_err(|fault| fault.code);
        (met, head.advance(&certificate).map(|_| ()).map_err(|fault| fault.code))
    };
    let (met, unmet) = (
        |signed| Ok(Threshold::Met { signed, needed: 2 }),
        |signed| Ok(Threshold::Unmet { signed, needed: 2 }),
    );
    assert_eq!(with(&[]), (unmet(0), Err(ThresholdUnmet)));
    assert_eq!(with(&[(1, Judged)]), (unmet(1), Err(ThresholdUnmet)));
    assert_eq!(with(&[(1, Judged), (2, Witnessed)]), (unmet(1), Err(ThresholdUnmet)));
    assert_eq!(with(&[(1, Judged), (9, Witnessed)]), (unmet(1), Err(ThresholdUnmet)));
    assert_eq!(with(&[(1, Judged), (3, Vouched)]), (met(2), Ok(())));
    assert_eq!(with(&[(1, Vouched), (2, Vouched), (3, Judged), (9, Witnessed)]), (met(3), Ok(())));
    let misplaced = (Err(SignatureMisplaced), Err(SignatureMisplaced));
    assert_eq!(with(&[(1, Judged), (2, Judged), (9, Vouched)]), misplaced);
    assert_eq!(threshold(&verdict, None), Ok(Threshold::Unchecked));
    let genesis = started().0;
    let own = threshold(&genesis, None).unwrap();
    assert!(matches!(own, Threshold::Met { .. }), "a genesis brings its own policy: {own:?}");
    assert_eq!(threshold(&verdict, Some(&policy(1, &[1]))), Ok(Threshold::Unchecked));
}

#[test]
fn wrong_evidence_outranks_missing_evidence() {
    let genesis = Certificate::genesis(&genesis_content(policy(2, &[1, 2])), binding(7)).unwrap();
    let head = ChainHead::start(&signed(genesis, &[1, 2], Approved)).unwrap();
    let verdict = head.verdict(1, 0, &body(merge(0))).unwrap();
    let with = |record| {
        let bytes = [verdict.signed_bytes(), &encode_section(&[record])].concat();
        refused(head.advance(&Certificate::decode(&bytes).unwrap()))
    };
    let good = signature(&verdict, 1, Judged);
    assert_eq!(with(good), ThresholdUnmet);
    let mut invalid = good;
    invalid.signature[5] ^= 1;
    assert_eq!(with(invalid), SignatureInvalid);
    assert_eq!(with(signature(&verdict, 1, Approved)), SignatureMisplaced);
    let mut witness = signature(&verdict, 9, Witnessed);
    witness.signature[5] ^= 1;
    assert_eq!(with(witness), SignatureInvalid, "also of those that do not count");
    let elsewhere = signature(&head.verdict(2, 0, &body(merge(0))).unwrap(), 1, Judged);
    assert_eq!(with(elsewhere), SignatureInvalid, "a signature belongs to one certificate");
}

#[test]
fn no_key_signs_twice() {
    let (_, head) = started();
    let verdict = head.verdict(1, 0, &body(merge(0))).unwrap();
    let twice = [signature(&verdict, 1, Judged), signature(&verdict, 1, Vouched)];
    let bytes = [verdict.signed_bytes(), &encode_section(&twice)].concat();
    assert_eq!(refused(Certificate::decode(&bytes)), CertMalformed);
}

#[test]
fn a_policy_changes_under_the_old_one_and_with_every_new_key() {
    let genesis = Certificate::genesis(&genesis_content(policy(2, &[1, 2, 3])), binding(7)).unwrap();
    let head = ChainHead::start(&signed(genesis, &[1, 2, 3], Approved)).unwrap();
    let change = head.policy_change(&policy(1, &[3, 4, 5])).unwrap();
    let by = |keys: &[u8]| head.advance(&signed(change.clone(), keys, Approved)).map_err(|fault| fault.code);
    assert_eq!(by(&[]), Err(ThresholdUnmet));
    assert_eq!(by(&[4, 5]), Err(ThresholdUnmet), "the new keys cannot let themselves in");
    assert_eq!(by(&[1, 4, 5]), Err(ThresholdUnmet));
    assert_eq!(by(&[1, 2]), Err(ThresholdUnmet), "a key is not let in unasked");
    assert_eq!(by(&[1, 2, 3, 4]), Err(ThresholdUnmet));
    assert_eq!(by(&[1, 2, 4, 5, 9]), Err(SignatureMisplaced));
    let next = by(&[1, 2, 4, 5]).expect("a kept key need not sign again");
    let counts =
        |keys: &[u8]| threshold(&signed(change.clone(), keys, Approved), Some(&head.policy)).unwrap();
    assert_eq!(counts(&[1, 4, 5]), Threshold::Unmet { signed: 1, needed: 2 });
    assert_eq!(counts(&[1, 2, 5]), Threshold::Unmet { signed: 1, needed: 2 });
    assert_eq!(counts(&[1, 2, 3, 4, 5]), Threshold::Met { signed: 3, needed: 2 });

    assert_eq!(next.policy, policy(1, &[3, 4, 5]));
    assert_eq!((next.state, next.binding, next.last_batch_id), (head.state, head.binding, 0));
    assert!(next.advance(&judged(&next, 1, &[4])).is_ok(), "the new policy holds from the next height");
    assert_eq!(refused(next.advance(&judged(&next, 1, &[1, 4]))), SignatureMisplaced, "the old key is out");
    let still_old = ChainHead { policy: head.policy.clone(), ..next.clone() };
    assert_eq!(refused(next.advance(&judged(&still_old, 1, &[3]))), BindingMismatch);
}

#[test]
fn a_swap_puts_the_new_kernel_in_force() {
    let (mut chain, head) = grown();
    let certificate = signed(head.swap(&swap(&head, 8)).unwrap(), &[2], Approved);
    let next = head.advance(&certificate).unwrap();
    assert_eq!((next.binding, next.state, next.last_batch_id), (binding(8), head.state, 5));
    let by_new = judged(&next, 6, &[1]);
    assert!(next.advance(&by_new).is_ok());
    let old_kernel = ChainHead { binding: head.binding, ..next.clone() };
    assert_eq!(refused(next.advance(&judged(&old_kernel, 6, &[1]))), BindingMismatch);
    let repeated = with_fields(&next, |fields| fields.batch_id = 5);
    assert_eq!(refused(next.advance(&repeated)), ChainBroken, "batch ids go on rising");
    chain.extend([certificate, by_new]);
    assert_eq!(follow(&chain).unwrap().height, 4);
}

#[test]
fn a_swap_takes_signatures_and_the_standing_kernel_and_state() {
    let (_, head) = grown();
    assert_eq!(refused(head.advance(&head.swap(&swap(&head, 8)).unwrap())), ThresholdUnmet);
    let mut elsewhere = swap(&head, 8);
    (elsewhere.old.state, elsewhere.new.state) = (state(6), state(6));
    assert_eq!(refused(head.swap(&elsewhere)), StateMismatch);
    let other = ChainHead { binding: binding(9), ..head.clone() };
    let foreign = signed(other.swap(&swap(&other, 8)).unwrap(), &[1], Approved);
    assert_eq!(refused(head.advance(&foreign)), BindingMismatch);
    let mut new_format = swap(&head, 8);
    (new_format.new.state.state_format, new_format.new.state.id_root) = (2, [8; 32]);
    let next = head.advance(&signed(head.swap(&new_format).unwrap(), &[1], Approved)).unwrap();
    assert_eq!(next.state, new_format.new.state, "another format commits to the state differently");
}

#[test]
fn two_certificates_at_one_height_prove_equivocation() {
    let (chain, _) = grown();
    let (genesis, head) = started();
    let one = judged(&head, 1, &[1, 2]);
    let two = signed(head.verdict(2, 0, &body(obstruction(0))).unwrap(), &[2], Vouched);
    let found = equivocation(&one, &two).unwrap().unwrap();
    assert_eq!((found.chain_id, found.height), (genesis.chain_hash(), 1));
    assert_eq!(found.hashes, [one.chain_hash(), two.chain_hash()]);
    assert_eq!(found.contradicting, [key(2)]);
    let three = judged(&head, 3, &[1]);
    assert_eq!(equivocation(&two, &three).unwrap().unwrap().contradicting, Vec::<[u8; 32]>::new());

    assert_eq!(equivocation(&one, &one), Ok(None));
    assert_eq!(equivocation(&one, &judged(&head, 1, &[1])), Ok(None), "only the signatures differ");
    assert_eq!(equivocation(&chain[1], &chain[2]), Ok(None), "two heights");
    let elsewhere = ChainHead { chain_id: [1; 32], ..head.clone() };
    assert_eq!(equivocation(&one, &judged(&elsewhere, 1, &[1])), Ok(None), "two chains");
    let other_genesis = Certificate::genesis(&genesis_content(policy(1, &[1])), binding(7)).unwrap();
    let other_genesis = signed(other_genesis, &[1], Approved);
    assert_eq!(equivocation(&genesis, &other_genesis), Ok(None), "two chains from their beginning");
    let unsigned = head.verdict(2, 0, &body(merge(0))).unwrap();
    assert_eq!(equivocation(&one, &unsigned), Ok(None));
    assert_eq!(equivocation(&unsigned, &one), Ok(None));
    let only_seen = signed(unsigned.clone(), &[1], Witnessed);
    assert_eq!(equivocation(&one, &only_seen), Ok(None), "a witness asserts nothing");
    let mut forged = signature(&unsigned, 1, Judged);
    forged.signature[0] ^= 1;
    let forged = [unsigned.signed_bytes(), &encode_section(&[forged])].concat();
    let forged = Certificate::decode(&forged).unwrap();
    assert_eq!(refused(equivocation(&one, &forged)), SignatureInvalid);
    assert_eq!(refused(equivocation(&forged, &one)), SignatureInvalid);
}
