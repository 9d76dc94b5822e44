//! `omega prove`, and `omega verify --proof`.

mod support;

use support::{Place, check, pair};

const LOGS: [&str; 4] = ["--input", "alice.omega", "--input", "bob.omega"];
const CHECK: [&str; 6] = ["--proof", "omega.proof", "--cert", "r.cert", "--trust", "omega.pub"];

#[test]
fn an_event_is_proved_to_be_in_its_batch() {
    let place = Place::with_chain();
    let event = format!("{:x}", pair().0.ids[3]);
    // The log has grown since: the first batch's events are what is proved.
    let made = place.run(&[&["prove", "--event", &event, "--cert", "r.cert"], &LOGS[..]].concat(), 0);
    assert_eq!(made["proven"]["log"], "alice");
    assert_eq!(made["occurrences"], 1);
    let value = place.verify(&CHECK, 0, "");
    assert_eq!(value["proof"]["kind"], "event-in-log");
    assert_eq!(value["proof"]["accepted"], true);
    assert!(value["proof"]["does_not_show"].as_str().unwrap().contains("payload"));
    // The log finds the certificate that the proof names.
    let log = ["--proof", "omega.proof", "--cert-log", "cert.log", "--trust", "omega.pub"];
    assert_eq!(place.verify(&log, 0, "")["proof"]["kind"], "event-in-log");
    let other = ["--proof", "omega.proof", "--cert", "r2.cert", "--trust", "omega.pub"];
    place.verify(&other, 20, "proof-wrong");
    place.rearrange("other.log", |records| records.truncate(1));
    let value = place.verify(
        &["--proof", "omega.proof", "--cert-log", "other.log", "--any-signer"],
        30,
        "certificate-missing",
    );
    assert_eq!(check(&value, "proof")["status"], "unchecked");
}

#[test]
fn no_changed_byte_of_a_proof_holds() {
    let place = Place::with_certificate();
    let event = format!("{:x}", pair().1.ids[0]);
    place.run(&[&["prove", "--event", &event, "--cert", "r.cert"], &LOGS[..]].concat(), 0);
    let bytes = place.read("omega.proof");
    let certificate = place.certificate("r.cert");
    let omega_kernel::certificate::Content::Verdict { core, .. } = certificate.content() else { panic!() };
    for byte in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[byte] ^= 1;
        let holds = omega_kernel::proof::Proof::decode(&changed)
            .and_then(|proof| proof.check(&certificate.chain_hash(), core));
        assert!(holds.is_err(), "byte {byte} can be changed");
    }
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    place.write("omega.proof", &changed);
    let value = place.run(&[&["verify"], &CHECK[..]].concat(), 20);
    assert_eq!(value["code"], "proof-wrong");
    place.write("omega.proof", &bytes[..60]);
    place.verify(&CHECK, 30, "proof-malformed");
}

#[test]
fn under_a_conflict_being_there_is_not_being_accepted() {
    let place = support::conflict("event-unique");
    let value = place.verify(&["--cert", "r.cert", "--any-signer"], 0, "");
    let event = value["certificates"][0]["conflict"]["conflicting_ids"][0].as_str().unwrap().to_owned();
    let made = place.run(&["prove", "--event", &event, "--cert", "r.cert", "--input", "bad.omega"], 0);
    assert_eq!(made["proven"]["accepted"], false);
    assert_eq!(made["occurrences"], 2);
    let value = place.verify(&CHECK, 0, "");
    assert!(value["proof"]["shows"].as_str().unwrap().contains("not being accepted"), "{value:#}");
}

#[test]
fn ids_are_proved_accepted_or_never_accepted() {
    let place = Place::with_chain();
    let event = format!("{:x}", pair().0.ids[3]);
    for (id, kind) in [(event.as_str(), "id-accepted"), ("abc", "id-never-accepted")] {
        let args = ["prove", "--id-in-state", id, "--cert", "r.cert", "--snapshot", "s1"];
        assert_eq!(place.run(&args, 0)["proven"]["kind"], kind);
        assert_eq!(place.verify(&CHECK, 0, "")["proof"]["kind"], kind);
    }
    let value = place.run(&["prove", "--id-in-state", "abc", "--cert", "r.cert", "--snapshot", "s2"], 20);
    assert_eq!(value["code"], "state-mismatch");
    assert!(value["hint"].as_str().unwrap().contains("--save-snapshot"));
}

#[test]
fn what_cannot_be_proved_is_refused() {
    let place = Place::with_certificate();
    let event = format!("{:x}", pair().0.ids[3]);
    let prove = |event: &str, rest: &[&str], exit: i32, code: &str| {
        let args = [&["prove", "--event", event, "--cert", "r.cert"], rest].concat();
        assert_eq!(place.run(&args, exit)["code"], code);
        assert!(!place.path("omega.proof").exists(), "a proof was written");
    };
    prove("abc", &LOGS, 30, "event-not-found");
    prove(&event, &LOGS[..2], 30, "log-missing");
    prove("xyz", &LOGS, 2, "usage");
    let mut forged = support::Log::new("alice", 1);
    for number in 0..5u8 {
        forged.event(&[number + 1; 40], &[]);
    }
    place.write("alice.omega", &forged.bytes());
    prove(&event, &LOGS, 20, "proof-wrong");
}
