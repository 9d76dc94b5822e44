//! `omega verify` against a log of certificates: its chain, its newest certificate, its batches.

mod support;

use omega_kernel::signature::Statement;
use omega_sheaf::store::Store;
use support::{Place, check, record};

const LOG: [&str; 4] = ["--cert-log", "cert.log", "--trust", "omega.pub"];
const OTHER: [&str; 4] = ["--cert-log", "other.log", "--trust", "omega.pub"];
const LOGS: [&str; 4] = ["--input", "alice.omega", "--input", "bob.omega"];

#[test]
fn a_chain_is_followed_and_its_batches_are_judged_one_after_the_other() {
    let place = Place::with_chain();
    let value = place.verify(&LOG, 0, "");
    assert_eq!(value["height"], "2");
    assert_eq!(value["certificates"].as_array().unwrap().len(), 3);
    for name in ["chain", "signatures", "threshold", "trust", "kernel"] {
        assert_eq!(check(&value, name)["status"], "passed", "{name}");
    }
    let value = place.verify(&[LOG, LOGS].concat(), 0, "");
    assert_eq!(check(&value, "logs")["status"], "passed");
    assert!(check(&value, "logs")["detail"].as_str().unwrap().starts_with("2 certificates"), "{value:#}");
    // From the state between them on, the first batch's logs are not needed.
    let args = [&LOG[..], &["--input", "alice.omega", "--snapshot", "s1"]].concat();
    assert_eq!(check(&place.verify(&args, 0, ""), "snapshot")["status"], "passed");
}

#[test]
fn batches_whose_logs_are_missing_are_named() {
    let place = Place::with_chain();
    let value = place.verify(&[&LOG[..], &LOGS[..2]].concat(), 30, "log-missing");
    let checks = value["checks"].as_array().unwrap();
    let logs: Vec<_> = checks.iter().filter(|check| check["check"] == "logs").collect();
    assert_eq!(logs.len(), 2, "{value:#}");
    assert_eq!((&logs[0]["height"], &logs[0]["code"]), (&"1".into(), &"log-missing".into()));
    assert_eq!((&logs[1]["height"], &logs[1]["code"]), (&"2".into(), &"snapshot-missing".into()));
    assert_eq!(check(&value, "chain")["status"], "passed");
    // A snapshot that this chain never left.
    let mut bob = support::Log::new("bob", 2);
    bob.event(b"alone", &[]);
    place.write("alone.omega", &bob.bytes());
    place.run(&["reconcile", "--input", "alone.omega", "--save-snapshot", "s9", "--output", "x"], 0);
    place.verify(&[&LOG[..], &["--snapshot", "s9"]].concat(), 20, "state-mismatch");
}

#[test]
fn records_that_were_moved_are_wrong_evidence() {
    let place = Place::with_chain();
    type Edit = fn(&mut Vec<Vec<u8>>);
    let edits: [(&str, Edit); 6] = [
        ("swapped", |records| records.swap(1, 2)),
        ("deleted", |records| drop(records.remove(1))),
        ("duplicated", |records| records.insert(1, records[1].clone())),
        ("last duplicated", |records| records.push(records[2].clone())),
        ("without genesis", |records| drop(records.remove(0))),
        ("genesis twice", |records| records.push(records[0].clone())),
    ];
    for (what, edit) in edits {
        place.rearrange("other.log", edit);
        let value = place.verify(&OTHER, 20, "chain-broken");
        assert_eq!(check(&value, "chain")["status"], "failed", "{what}");
    }
    // Through the sidecars a log that lost its end is damaged even where the rest is sound.
    place.rearrange("other.log", |records| drop(records.pop()));
    std::fs::copy(place.path("cert.hash"), place.path("other.hash")).unwrap();
    place.verify(&OTHER, 30, "store-damaged");
}

#[test]
fn a_rollback_is_seen_by_who_knows_a_newer_certificate() {
    let place = Place::with_chain();
    let newest = place.verify(&LOG, 0, "")["chain_hash"].as_str().unwrap().to_owned();
    place.rearrange("other.log", |records| drop(records.pop()));
    let value = place.verify(&OTHER, 0, "");
    assert_eq!(check(&value, "freshness")["status"], "unchecked", "nothing is claimed without --head");
    for head in [newest.as_str(), "r2.cert"] {
        place.verify(&[&OTHER[..], &["--head", head]].concat(), 20, "chain-broken");
        let value = place.verify(&[&LOG[..], &["--head", head]].concat(), 0, "");
        assert_eq!(check(&value, "freshness")["status"], "passed");
    }
    place.verify(&[&LOG[..], &["--head", "r.cert"]].concat(), 0, "");
    place.verify(&[&LOG[..], &["--head", "nonsense"]].concat(), 2, "usage");
    let alone = |cert: &'static str, head: &'static str| ["--cert", cert, "--any-signer", "--head", head];
    place.verify(&alone("r.cert", "r2.cert"), 20, "chain-broken");
    place.verify(&alone("r2.cert", "r.cert"), 0, "");
    place.verify(&alone("r2.cert", "r2.cert"), 0, "");
}

#[test]
fn two_certificates_at_one_place_contradict_each_other() {
    let place = Place::with_chain();
    place.lie("r2.cert", "branch.cert", |core, _| core.trace_root[0] ^= 1);
    let value = place.verify(&[&LOG[..], &["--head", "branch.cert"]].concat(), 20, "equivocation");
    let key = data_encoding::HEXLOWER.encode(&place.signer("omega.key").public_key());
    assert!(value["message"].as_str().unwrap().contains(&key), "{value:#}");
    // In one log, the second of them breaks the chain.
    let branch = place.read("branch.cert");
    place.rearrange("other.log", |records| records.push(record(&branch)));
    place.verify(&OTHER, 20, "chain-broken");
}

#[test]
fn a_lie_in_the_chain_is_found_out_by_the_logs() {
    let place = Place::with_chain();
    place.lie("r2.cert", "lie.cert", |core, _| core.trace_root[0] ^= 1);
    let lie = place.read("lie.cert");
    place.rearrange("other.log", |records| records[2] = record(&lie));
    place.verify(&OTHER, 0, "");
    let value = place.verify(&[OTHER, LOGS].concat(), 20, "verdict-differs");
    assert_eq!(check(&value, "logs")["height"], "1", "the batch before it is as certified: {value:#}");
}

#[test]
fn a_policy_change_holds_from_the_next_height_on() {
    let place = Place::with_chain();
    place.run(&["keygen", "--output", "second.key"], 0);
    let chain: Vec<_> = place.certificates("cert.log");
    let head = omega_kernel::chain::follow(&chain).unwrap();
    let (old, new) = (place.signer("omega.key"), place.signer("second.key"));
    let policy = omega_kernel::policy::Policy::new(1, vec![new.public_key()]).unwrap();
    let mut change = head.policy_change(&policy).unwrap();
    for signer in [&old, &new] {
        change.append_signature(signer.certificate(Statement::Approved, &change.chain_hash())).unwrap();
    }
    Store::open(&place.path("cert.log")).unwrap().append_certificate(change.bytes()).unwrap();
    let value = place.verify(&LOG, 0, "");
    assert_eq!(value["cert_type"], "policy");
    // The old key signs no more; the new one does, and a verifier has to know it.
    place.write("empty.omega", &support::Log::new("empty", 9).bytes());
    let args =
        ["reconcile", "--input", "empty.omega", "--snapshot", "s2", "--batch-id", "3", "--output", "r3"];
    place.run(&args, 0);
    let certify = ["certify", "--result", "r3", "--input", "empty.omega", "--snapshot", "s2"];
    assert_eq!(place.run(&certify, 30)["code"], "key-not-in-policy");
    place.run(&[&certify[..], &["--key", "second.key"]].concat(), 0);
    let value = place.verify(&LOG, 30, "signer-untrusted");
    assert_eq!(check(&value, "chain")["status"], "passed");
    place.verify(&[&LOG[..], &["--trust", "second.pub"]].concat(), 0, "");
    let logs = [LOGS, ["--input", "empty.omega", "--trust", "second.pub"]].concat();
    place.verify(&[&LOG[..], &logs].concat(), 0, "");
}

#[test]
fn too_few_signatures_are_no_answer() {
    let place = Place::with_batch();
    place.run(&["keygen", "--output", "second.key"], 0);
    let keys = ["--key", "omega.key", "--key", "second.key"];
    place.run(&[&["certify", "--result", "r"], &keys[..]].concat(), 0);
    let both = ["--trust", "omega.pub", "--trust", "second.pub"];
    let value = place.verify(&[&["--cert", "r.cert"], &both[..]].concat(), 0, "");
    assert_eq!(check(&value, "threshold")["status"], "passed", "the trusted keys are the chain's policy");
    // The same certificate with one signature less.
    let mut bytes = place.read("r.cert");
    let section = bytes.len() - 2 * 98 - 2;
    bytes[section] = 1;
    bytes.truncate(section + 2 + 98);
    place.write("one.cert", &bytes);
    place.rearrange("other.log", |records| records[1] = record(&bytes));
    place.verify(&[&["--cert", "one.cert"], &both[..]].concat(), 30, "threshold-unmet");
    place.verify(&["--cert-log", "other.log", "--any-signer"], 30, "threshold-unmet");
}

#[test]
fn later_signatures_are_part_of_their_certificate() {
    let place = Place::with_chain();
    place.run(&["keygen", "--output", "witness.key"], 0);
    let hash = place.certificate("r.cert").chain_hash();
    let witness = place.signer("witness.key").certificate(Statement::Witnessed, &hash);
    Store::open(&place.path("cert.log")).unwrap().append_cosignature(&hash, &witness).unwrap();
    let value = place.verify(&LOG, 0, "");
    assert_eq!(check(&value, "co-signatures")["status"], "passed");
    let signers = value["certificates"][1]["signers"].as_array().unwrap();
    assert!(signers.iter().any(|signer| signer["statement"] == "witnessed" && signer["trusted"] == false));
    // A key outside the policy may say no more than that.
    let judged = place.signer("witness.key").certificate(Statement::Judged, &hash);
    let newest = place.certificate("r2.cert").chain_hash();
    let invalid = omega_kernel::signature::SignatureRecord { key: witness.key, ..witness };
    for (hash, record, code) in [
        (hash, judged, "signature-misplaced"),
        (newest, invalid, "signature-invalid"),
        ([9; 32], witness, "chain-broken"),
    ] {
        let other = Place::with_chain();
        other.write("cert.log", &place.read("cert.log"));
        other.rearrange("other.log", |records| drop(records.pop()));
        Store::open(&other.path("other.log")).unwrap().append_cosignature(&hash, &record).unwrap();
        other.verify(&["--cert-log", "other.log", "--any-signer"], 20, code);
    }
}

#[test]
fn a_torn_tail_is_ignored_and_told_and_damage_is_no_answer() {
    let place = Place::with_chain();
    let log = place.read("cert.log");
    place.write("other.log", &log[..log.len() - 9]);
    let value = place.verify(&OTHER, 0, "");
    assert_eq!(value["height"], "1");
    assert!(value["torn_tail_bytes"].as_u64().unwrap() > 0);
    let mut damaged = log.clone();
    damaged[100] ^= 1;
    place.write("other.log", &damaged);
    place.verify(&OTHER, 30, "store-damaged");
    place.write("other.log", &log[..16]);
    place.verify(&OTHER, 30, "certificate-missing");
    place.write("other.log", b"no such log");
    place.run(&[&["verify"], &OTHER[..]].concat(), 30);
}
