//! `omega certify`: what is signed, as what, and what is refused before anything is written.

mod support;

use serde_json::Value;
use support::{Place, pair};

const LOGS: [&str; 4] = ["--input", "alice.omega", "--input", "bob.omega"];

/// Certifies with these flags; the answer must have this exit and code.
#[track_caller]
fn certify(place: &Place, flags: &[&str], exit: i32, code: &str) -> Value {
    let value = place.run(&[&["certify", "--result", "r"], flags].concat(), exit);
    assert_eq!(value["code"].as_str().unwrap_or(""), code, "{value:#}");
    value
}

#[test]
fn what_was_judged_here_is_signed_as_judged_and_the_rest_as_vouched() {
    let place = Place::with_batch();
    let judged = certify(&place, &LOGS, 0, "");
    assert_eq!(judged["statement"], "judged");
    assert_eq!(judged["verdict"], "merge");
    assert_eq!(judged["height"], "1");
    assert_eq!(judged["new_chain"], true);
    let certificate = place.certificate("r.cert");
    assert_eq!(judged["chain_hash"], data_encoding::HEXLOWER.encode(&certificate.chain_hash()));

    let vouched = certify(&place, &["--cert-log", "other.log", "--output", "v.cert"], 0, "");
    assert_eq!(vouched["statement"], "vouched");
    assert_ne!(vouched["chain_id"], judged["chain_id"], "two chains share an id");
}

#[test]
fn flags_that_do_not_say_what_the_result_says_are_refused() {
    let place = Place::with_batch();
    for flags in [["--batch-id", "2"], ["--replay-seed", "1"], ["--schema-version", "2"]] {
        let value = certify(&place, &flags, 20, "result-mismatch");
        assert!(value["hint"].is_string());
    }
    certify(&place, &["--batch-id", "1", "--replay-seed", "0", "--schema-version", "1"], 0, "");
}

#[test]
fn what_does_not_continue_the_chain_is_refused() {
    let place = Place::with_chain();
    let log = place.read("cert.log");
    // An older batch again.
    certify(&place, &[], 30, "batch-not-newer");
    // The right state and an old number.
    place.write("grown.omega", &pair().0.bytes());
    let args = ["reconcile", "--input", "grown.omega", "--snapshot", "s2", "--output", "r", "--batch-id"];
    place.run(&[&args[..], &["2"]].concat(), 0);
    certify(&place, &[], 30, "batch-not-newer");
    assert_eq!(place.read("cert.log"), log, "a refusal wrote");
    place.run(&[&args[..], &["7"]].concat(), 0);
    assert_eq!(certify(&place, &[], 0, "")["height"], "3");
}

#[test]
fn a_result_that_the_logs_do_not_give_is_not_signed() {
    let place = Place::with_batch();
    let mut alice = support::Log::new("alice", 1);
    for payload in [b"a", b"b", b"c", b"d", b"e"] {
        alice.event(payload, &[]);
    }
    place.write("alice.omega", &alice.bytes());
    let value = certify(&place, &LOGS, 20, "verdict-differs");
    assert!(value["message"].as_str().unwrap().contains("\"alice\""), "{value:#}");
    certify(&place, &LOGS[..2], 30, "log-missing");
    assert!(!place.path("cert.log").exists() && !place.path("r.cert").exists());
}

#[test]
fn a_log_that_grew_is_judged_as_it_was() {
    let place = Place::with_batch();
    let (mut alice, _) = pair();
    alice.event(b"newer", &[]);
    place.write("alice.omega", &alice.bytes());
    assert_eq!(certify(&place, &LOGS, 0, "")["statement"], "judged");
}

#[test]
fn what_the_component_did_not_judge_is_signed_only_after_it_has() {
    let place = Place::with_batch();
    let native = [("OMEGA_KERNEL_MODE", "native")];
    let args = ["reconcile", "--input", "alice.omega", "--input", "bob.omega", "--output", "r"];
    place.run_with(&args, &native, 0);
    certify(&place, &[], 30, "not-judged-by-component");
    let judge = [&["certify", "--result", "r"], &LOGS[..]].concat();
    assert_eq!(place.run_with(&judge, &native, 0)["statement"], "judged");
}

#[test]
fn engines_that_agreed_are_stated_and_signed() {
    let place = Place::with_batch();
    let all = ["--engines", "cranelift,pulley,native"];
    certify(&place, &all, 2, "usage");
    certify(&place, &[&LOGS[..], &["--engines", "pulley,pulley"]].concat(), 2, "usage");
    assert!(!place.path("cert.log").exists());
    let value = certify(&place, &[&LOGS[..], &all].concat(), 0, "");
    assert_eq!(value["engines"], serde_json::json!(["native", "cranelift", "pulley"]));
    let trusted = ["--cert", "r.cert", "--trust", "omega.pub"];
    let value = place.verify(&trusted, 0, "");
    assert_eq!(
        value["certificates"][0]["signers"][0]["engines"],
        serde_json::json!(["native", "cranelift", "pulley"])
    );
    let said = support::check(&value, "signatures")["detail"].as_str().unwrap().to_owned();
    assert!(said.ends_with("stated as judged under native, cranelift, pulley"), "{said}");

    // What is stated is signed: one engine less, and the signature is invalid.
    let mut bytes = place.read("r.cert");
    let statement = bytes.len() - 97;
    assert_eq!(bytes[statement], 0x71);
    bytes[statement] = 0x31;
    place.write("less.cert", &bytes);
    place.verify(&["--cert", "less.cert", "--trust", "omega.pub"], 20, "signature-invalid");
}

#[test]
fn one_engine_alone_has_agreed_with_nobody() {
    let place = Place::with_batch();
    let value = certify(&place, &[&LOGS[..], &["--engines", "pulley"]].concat(), 0, "");
    assert_eq!(value["engines"], serde_json::json!([]));
    let place = Place::with_batch();
    let dual = [("OMEGA_KERNEL_MODE", "dual")];
    let judge = [&["certify", "--result", "r"], &LOGS[..]].concat();
    let value = place.run_with(&judge, &dual, 0);
    assert_eq!(value["engines"], serde_json::json!(["native", "cranelift"]));
}

#[test]
fn keys_and_threshold_are_the_chains() {
    let place = Place::with_batch();
    place.run(&["keygen", "--output", "second.key"], 0);
    place.run(&["keygen", "--output", "third.key"], 0);
    let two = ["--key", "omega.key", "--key", "second.key"];
    certify(&place, &[&two[..], &["--threshold", "3"]].concat(), 2, "usage");
    certify(&place, &["--key", "omega.key", "--key", "omega.key"], 2, "usage");
    assert!(!place.path("cert.log").exists());
    let value = certify(&place, &two, 0, "");
    assert_eq!(value["threshold"], 2);
    assert_eq!(value["signers"].as_array().unwrap().len(), 2);

    let log = place.read("cert.log");
    let again = ["reconcile", "--input", "bob.omega", "--batch-id", "2", "--output", "r"];
    place.run(&again, 10);
    certify(&place, &["--key", "omega.key"], 30, "threshold-unmet");
    certify(&place, &["--key", "omega.key", "--key", "third.key"], 30, "key-not-in-policy");
    certify(&place, &[&two[..], &["--threshold", "1"]].concat(), 2, "usage");
    certify(&place, &[&two[..], &["--origin", "another"]].concat(), 2, "usage");
    assert_eq!(place.read("cert.log"), log, "a refusal wrote");
}

#[test]
fn every_kind_of_conflict_is_certified_as_one() {
    for kind in support::CONFLICTS {
        let place = support::conflict(kind);
        let certificate = place.certificate("r.cert");
        assert_eq!(certificate.verdict(), Some(omega_kernel::body::VerdictKind::Obstruction), "{kind}");
        // It stands alone: no log, no chain.
        let value = place.verify(&["--cert", "r.cert", "--trust", "omega.pub"], 0, "");
        assert_eq!(value["verdict"], "obstruction", "{kind}");
        assert_eq!(support::check(&value, "evidence")["status"], "passed", "{kind}");
        assert!(value["certificates"][0]["conflict"]["sentence"].is_string(), "{kind}: {value:#}");
        // And so it does with the logs at hand.
        let value = place.verify(
            &[&["--cert", "r.cert", "--trust", "omega.pub"], &place.inputs()[..]].concat(),
            0,
            "",
        );
        assert_eq!(support::check(&value, "logs")["status"], "passed", "{kind}");
    }
}
