//! `omega policy`: a chain across a change of its signing policy, and what is refused on the way.

mod support;

use data_encoding::HEXLOWER;
use serde_json::Value;
use support::{Place, check, pair};

const LOGS: [&str; 4] = ["--input", "alice.omega", "--input", "bob.omega"];

/// A chain of one batch, signed by two of `a.key`, `b.key` and `c.key`; the next batch waits in `r2`.
fn chain() -> Place {
    let place = Place::new();
    for name in ["a", "b", "c", "d"] {
        place.run(&["keygen", "--output", &format!("{name}.key")], 0);
    }
    let (mut alice, bob) = pair();
    place.write("alice.omega", &alice.bytes());
    place.write("bob.omega", &bob.bytes());
    let reconcile = ["reconcile", "--output", "r", "--save-snapshot", "s1"];
    place.run(&[&reconcile[..], &LOGS].concat(), 0);
    let keys = ["--key", "a.key", "--key", "b.key", "--key", "c.key", "--threshold", "2"];
    place.run(&[&["certify", "--result", "r"], &keys[..], &LOGS].concat(), 0);
    alice.event(b"later", &[]);
    place.write("alice.omega", &alice.bytes());
    let next =
        ["reconcile", "--input", "alice.omega", "--batch-id", "2", "--snapshot", "s1", "--output", "r2"];
    place.run(&next, 0);
    place
}

/// Runs `policy`; the answer must have this exit and code.
#[track_caller]
fn policy(place: &Place, args: &[&str], exit: i32, code: &str) -> Value {
    let value = place.run(&[&["policy"], args].concat(), exit);
    assert_eq!(value["code"].as_str().unwrap_or(""), code, "{value:#}");
    value
}

/// Proposes that d takes a's place, signed by these.
fn propose(place: &Place, keys: &[&str]) -> Value {
    let args = ["propose", "--cert-log", "cert.log", "--add", "d.pub", "--remove", "a.pub"];
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
    policy(place, &[&args[..], &keys].concat(), 0, "")
}

fn sign(place: &Place, args: &[&str], exit: i32, code: &str) -> Value {
    policy(place, &[&["sign"], args].concat(), exit, code)
}

/// The public key of a key file, in hex.
fn public(place: &Place, name: &str) -> String {
    HEXLOWER.encode(&place.signer(name).public_key())
}

fn certify(place: &Place, keys: &[&str], exit: i32, code: &str) -> Value {
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
    let args = ["certify", "--result", "r2", "--input", "alice.omega", "--snapshot", "s1"];
    let value = place.run(&[&args[..], &keys].concat(), exit);
    assert_eq!(value["code"].as_str().unwrap_or(""), code, "{value:#}");
    value
}

fn keys_of(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap()).collect()
}

#[test]
fn a_chain_goes_on_under_another_policy_and_verifies() {
    let place = chain();
    let shown = policy(&place, &["show", "--cert-log", "cert.log", "--known", "a.pub"], 0, "");
    assert_eq!(shown["policy"]["threshold"], 2);
    assert_eq!((shown["policy"]["since_height"].as_str(), shown["height"].as_str()), (Some("0"), Some("1")));
    let names = shown["policy"]["keys"].as_array().unwrap();
    assert_eq!(names.iter().filter(|key| key["name"] == "a").count(), 1, "{shown:#}");

    let proposed = propose(&place, &["a.key"]);
    let proposal = &proposed["proposal"];
    assert_eq!(
        (proposal["complete"].as_bool(), proposal["needed_of_may_sign"].as_u64()),
        (Some(false), Some(1))
    );
    assert_eq!(keys_of(&proposal["must_sign"]), [public(&place, "d.key")]);
    assert_eq!(keys_of(&proposal["approved"]), [public(&place, "a.key")]);

    // Somewhere else, with no chain at hand; then where the chain is.
    let log = place.read("cert.log");
    let waiting = sign(&place, &["--key", "d.key"], 0, "");
    assert_eq!(waiting["proposal"]["needed_of_may_sign"], 1);
    assert!(waiting["hint"].as_str().unwrap().contains("Pass"), "{waiting:#}");
    let signed = sign(&place, &["--key", "b.key", "--cert-log", "cert.log"], 0, "");
    assert_eq!(
        (signed["proposal"]["complete"].as_bool(), signed["in_force_from"].as_str()),
        (Some(true), Some("3"))
    );
    assert!(place.read("cert.log").starts_with(&log));

    // The old policy is gone: the key that was removed signs nothing, and two are still needed.
    assert!(
        certify(&place, &["a.key", "b.key"], 30, "key-not-in-policy")["hint"]
            .as_str()
            .unwrap()
            .contains("policy show")
    );
    certify(&place, &["d.key"], 30, "threshold-unmet");
    assert_eq!(certify(&place, &["d.key", "c.key"], 0, "")["height"], "3");

    let shown = policy(&place, &["show", "--cert-log", "cert.log"], 0, "");
    assert_eq!(shown["policy"]["since_height"], "3");
    assert_eq!(shown["policy"]["stated_at_height"], "2");
    assert_eq!(shown["earlier"].as_array().unwrap().len(), 1);
    assert!(keys_of(&shown["policy"]["keys"]).contains(&public(&place, "d.key").as_str()));
    assert!(!keys_of(&shown["policy"]["keys"]).contains(&public(&place, "a.key").as_str()));

    let audit = ["audit", "--cert-log", "cert.log", "--input", "alice.omega", "--input", "bob.omega"];
    assert_eq!(place.run(&audit, 0)["agreed"], 2);

    // Whoever trusts c trusts every certificate; a signed the first ones only.
    let verify = ["--cert-log", "cert.log", "--input", "alice.omega", "--input", "bob.omega"];
    let value = place.verify(&[&verify[..], &["--trust", "b.pub", "--trust", "c.pub"]].concat(), 0, "");
    assert_eq!(check(&value, "chain")["status"], "passed");
    assert_eq!(check(&value, "logs")["status"], "passed");
    assert_eq!(value["certificates"].as_array().unwrap().len(), 4);
    assert_eq!(value["certificates"][2]["cert_type"], "policy");
    place.verify(&[&verify[..], &["--trust", "a.pub"]].concat(), 30, "signer-untrusted");
    let chain_id = shown["chain_id"].as_str().unwrap();
    place.write("trust.toml", format!("chains = [\"{chain_id}\"]\n").as_bytes());
    place.verify(&[&verify[..], &["--policy", "trust.toml"]].concat(), 0, "");
}

#[test]
fn signatures_gathered_on_copies_come_together() {
    let place = chain();
    propose(&place, &[]);
    place.write("two.proposal", &place.read("policy.proposal"));
    sign(&place, &["--key", "c.key"], 0, "");
    sign(&place, &["--proposal", "two.proposal", "--key", "b.key", "--key", "d.key"], 0, "");
    let log = place.read("cert.log");
    sign(&place, &["--cert-log", "cert.log"], 0, "");
    assert_eq!(place.read("cert.log"), log, "a change that lacks signatures was stored");
    let value = sign(&place, &["--copy", "two.proposal", "--cert-log", "cert.log"], 0, "");
    assert_eq!((value["signatures_added"].as_u64(), value["in_force_from"].as_str()), (Some(2), Some("3")));

    // Once more changes nothing; whoever comes late is added to what is stored, and still counts.
    let log = place.read("cert.log");
    let again = sign(&place, &["--cert-log", "cert.log"], 0, "");
    assert!(again["message"].as_str().unwrap().contains("already, at height 2"), "{again:#}");
    assert_eq!(place.read("cert.log"), log, "the same change was stored twice");
    sign(&place, &["--key", "a.key", "--cert-log", "cert.log"], 0, "");
    let value = place.verify(&["--cert-log", "cert.log", "--trust", "b.pub"], 0, "");
    assert_eq!(check(&value, "co-signatures")["status"], "passed");
    assert_eq!(
        policy(&place, &["show", "--proposal", "policy.proposal", "--cert-log", "cert.log"], 0, "")["stored"],
        true
    );
    assert_eq!(certify(&place, &["b.key", "d.key"], 0, "")["height"], "3");
}

#[test]
fn what_may_not_sign_and_what_does_not_belong_is_refused_by_name() {
    let place = chain();
    let with = |args: &[&'static str]| [&["--cert-log", "cert.log"], args].concat();
    propose(&place, &["a.key"]);
    let before = (place.read("policy.proposal"), place.read("cert.log"));
    sign(&place, &["--key", "a.key"], 30, "already-signed");
    sign(&place, &["--key", "b.key", "--key", "b.key"], 2, "usage");
    sign(&place, &["--key", "omega.key"], 30, "key-not-in-policy");
    sign(&place, &[], 2, "usage");
    sign(&place, &["--proposal", "none", "--key", "b.key"], 30, "file-not-found");
    sign(&place, &["--key", "b.pub"], 30, "key-invalid");
    let kind = sign(&place, &["--proposal", "r.cert", "--key", "b.key"], 30, "write-failed");
    assert!(kind["message"].as_str().unwrap().contains("no proposal"), "{kind:#}");
    let shown = policy(&place, &["show", "--proposal", "cert.log"], 30, "proposal-invalid");
    assert!(shown["hint"].as_str().unwrap().contains("certificate log"), "{shown:#}");
    sign(&place, &["--key", "b.key", "--cert-log", "none.log"], 30, "file-not-found");
    assert!(!place.path("none.log").exists());

    // Another chain, another proposal, an older copy of the chain.
    place.run(
        &[&["certify", "--result", "r", "--cert-log", "other.log", "--output", "o.cert"], &LOGS[..]].concat(),
        0,
    );
    sign(&place, &["--key", "b.key", "--cert-log", "other.log"], 30, "proposal-for-another-chain");
    policy(&place, &[&["propose", "--threshold", "3", "--output", "p3"], &with(&[])[..]].concat(), 0, "");
    sign(&place, &["--copy", "p3"], 30, "proposal-invalid");
    place.rearrange("short.log", |records| records.truncate(1));
    sign(&place, &["--key", "b.key", "--cert-log", "short.log"], 30, "certificate-missing");
    assert_eq!((place.read("policy.proposal"), place.read("cert.log")), before, "a refusal wrote");

    // The chain goes on meanwhile.
    certify(&place, &["a.key", "b.key"], 0, "");
    let log = place.read("cert.log");
    let overtaken = sign(&place, &with(&["--key", "b.key"]), 30, "proposal-overtaken");
    assert!(overtaken["hint"].as_str().unwrap().contains("omega policy propose"), "{overtaken:#}");
    policy(
        &place,
        &["show", "--proposal", "policy.proposal", "--cert-log", "cert.log"],
        30,
        "proposal-overtaken",
    );
    // Nor does it get in where it was signed with no chain at hand.
    sign(&place, &["--key", "b.key", "--key", "d.key"], 0, "");
    sign(&place, &with(&[]), 30, "proposal-overtaken");
    assert_eq!(place.read("cert.log"), log, "an overtaken change was stored");
}

#[test]
fn changes_that_are_none_are_refused() {
    let place = chain();
    let propose = |args: &[&str], exit, code| {
        policy(&place, &[&["propose", "--cert-log", "cert.log"], args].concat(), exit, code)
    };
    propose(&[], 2, "usage");
    propose(&["--threshold", "2"], 2, "usage");
    propose(&["--threshold", "4"], 2, "usage");
    propose(&["--threshold", "0"], 2, "usage");
    propose(&["--add", "a.pub"], 2, "usage");
    propose(&["--add", "d.pub", "--add", "d.pub"], 2, "usage");
    propose(&["--remove", "d.pub"], 30, "key-not-in-policy");
    propose(&["--remove", "a.pub", "--remove", "b.pub"], 2, "usage");
    propose(&["--add", "nonsense"], 30, "key-invalid");
    propose(&["--add", "d.pub", "--key", "omega.key"], 30, "key-not-in-policy");
    propose(&["--add", "d.pub", "--output", "cert.log"], 2, "usage");
    propose(&["--add", "d.pub", "--output", "r.cert"], 30, "write-failed");
    policy(&place, &["propose", "--add", "d.pub", "--cert-log", "none.log"], 30, "file-not-found");
    assert!(!place.path("policy.proposal").exists() && !place.path("none.log").exists());
    // By its hex, as `show` prints it.
    let key = public(&place, "a.key");
    propose(&["--remove", &key, "--threshold", "1"], 0, "");
    assert!(place.path("policy.proposal").exists());
    policy(&place, &["show"], 2, "usage");
}

#[test]
fn a_damaged_proposal_says_so_and_an_explained_one_what_it_is() {
    let place = chain();
    propose(&place, &["a.key"]);
    let explained = place.run(&["explain", "--json", "--input", "policy.proposal"], 0);
    assert_eq!(
        (explained["kind"].as_str(), explained["facts"]["complete"].as_bool()),
        (Some("proposal"), Some(false))
    );
    assert!(explained["next"].as_str().unwrap().contains("policy sign"));
    let bytes = place.read("policy.proposal");
    for at in [10, 30, 200, bytes.len() - 120] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x20;
        place.write("damaged", &damaged);
        sign(&place, &["--proposal", "damaged", "--key", "b.key"], 30, "proposal-invalid");
        place.run(&["explain", "--json", "--input", "damaged"], 30);
    }
    place.write("cut", &bytes[..bytes.len() - 1]);
    sign(&place, &["--proposal", "cut", "--key", "b.key"], 30, "proposal-invalid");
    // A signature that is false is wrong, not merely damaged.
    let mut forged = bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    place.write("forged", &forged);
    sign(&place, &["--proposal", "forged", "--key", "b.key"], 20, "signature-invalid");
    let verify = place.run(&["verify", "--cert", "policy.proposal", "--any-signer"], 30);
    assert!(verify["hint"].as_str().unwrap().contains("policy show"), "{verify:#}");
}
