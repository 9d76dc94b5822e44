//! `omega verify` against one certificate: what is right, what is wrong, and what cannot be told.

mod support;

use omega_kernel::certificate::Certificate;
use omega_kernel::chain;
use omega_kernel::evidence::Evidence;
use support::{Log, Place, check, pair};

const TRUSTED: [&str; 4] = ["--cert", "r.cert", "--trust", "omega.pub"];
const LOGS: [&str; 4] = ["--input", "alice.omega", "--input", "bob.omega"];

fn with_logs() -> Vec<&'static str> {
    [TRUSTED, LOGS].concat()
}

#[test]
fn a_sound_certificate_verifies_with_and_without_its_logs() {
    let place = Place::with_certificate();
    let value = place.verify(&TRUSTED, 0, "");
    assert_eq!((&value["outcome"], &value["verdict"]), (&"verified".into(), &"merge".into()));
    for name in ["format", "body", "signatures", "threshold", "trust", "kernel"] {
        assert_eq!(check(&value, name)["status"], "passed", "{name}");
    }
    for name in ["logs", "freshness", "chain", "heads"] {
        assert_eq!(check(&value, name)["status"], "unchecked", "{name}");
    }
    let value = place.verify(&with_logs(), 0, "");
    assert_eq!(check(&value, "logs")["status"], "passed");
    // The order of the files and a file too many change nothing.
    place.write("carol.omega", &Log::new("carol", 3).bytes());
    let args = ["--input", "carol.omega", "--input", "bob.omega", "--input", "alice.omega"];
    let value = place.verify(&[&TRUSTED[..], &args].concat(), 0, "");
    assert!(check(&value, "inputs")["detail"].as_str().unwrap().contains("carol.omega"));
}

#[test]
fn engines_judge_again_beside_one_another() {
    let place = Place::with_certificate();
    let all = ["--engines", "cranelift,pulley,native"];
    let value = place.verify(&[&TRUSTED[..], &all].concat(), 0, "");
    assert_eq!(check(&value, "engines")["status"], "unchecked", "there was nothing to judge");
    let value = place.verify(&[&with_logs()[..], &all].concat(), 0, "");
    let engines = check(&value, "engines");
    assert_eq!(engines["status"], "passed");
    assert!(engines["detail"].as_str().unwrap().ends_with("each gave the same bytes"), "{engines}");
    place.verify(&[&with_logs()[..], &["--engines", "pulley,pulley"]].concat(), 2, "usage");

    // A conflict's evidence is judged under each, without any log.
    let place = support::conflict("claim-agreement");
    let value = place.verify(&[&TRUSTED[..], &all].concat(), 0, "");
    assert!(check(&value, "engines")["detail"].as_str().unwrap().contains("evidence of conflicts 1"));
}

#[test]
fn trust_comes_from_outside() {
    let place = Place::with_certificate();
    place.run(&["keygen", "--output", "other.key"], 0);
    let value = place.verify(&["--cert", "r.cert"], 30, "signer-untrusted");
    assert_eq!(check(&value, "signatures")["status"], "passed", "the other checks are still made");
    assert!(value["hint"].as_str().unwrap().contains("--trust"));
    place.verify(&["--cert", "r.cert", "--trust", "other.pub"], 30, "signer-untrusted");
    let value = place.verify(&["--cert", "r.cert", "--any-signer"], 0, "");
    assert_eq!(check(&value, "threshold")["status"], "unchecked");
    place.verify(&[&TRUSTED[..], &["--any-signer"]].concat(), 2, "usage");

    // A chain is trusted through its own policy, and only where that policy is at hand.
    let chain = format!("chains = [{:?}]", value["chain_id"].as_str().unwrap());
    place.write("chain.toml", chain.as_bytes());
    place.verify(&["--cert", "r.cert", "--policy", "chain.toml"], 30, "signer-untrusted");
    place.verify(&["--cert-log", "cert.log", "--policy", "chain.toml"], 0, "");
}

#[test]
fn a_policy_can_demand_judges_and_name_kernels() {
    let place = Place::with_batch();
    place.run(&["certify", "--result", "r"], 0);
    let value = place.verify(&TRUSTED, 0, "");
    let key = value["certificates"][0]["signers"][0]["key"].as_str().unwrap().to_owned();
    let kernel = value["kernel_hash"].as_str().unwrap();
    let policy = |name: &str, rest: &str| {
        place.write(name, format!("signers = [\"{key}\"]\n{rest}").as_bytes());
        ["--cert", "r.cert", "--policy", name].map(str::to_owned)
    };
    for (name, rest, exit, code) in [
        ("judged.toml", "require_judged = true".to_owned(), 30, "signer-untrusted"),
        ("kernel.toml", format!("kernels = [\"{}\"]", "ab".repeat(32)), 30, "kernel-unknown"),
        ("good.toml", format!("kernels = [\"{kernel}\"]"), 0, ""),
    ] {
        let args = policy(name, &rest);
        place.verify(&args.each_ref().map(String::as_str), exit, code);
    }
}

#[test]
fn no_flipped_bit_of_a_certificate_verifies() {
    let place = Place::with_certificate();
    let bytes = place.read("r.cert");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verdict =
            Certificate::decode(&flipped).and_then(|certificate| chain::verify_signatures(&certificate));
        assert!(verdict.is_err(), "bit {bit} can be flipped");
    }
    // A few of them through the command: malformed is not wrong, and wrong is not malformed.
    for (byte, exit, code) in [
        (0, 30, "certificate-malformed"),
        (8, 30, "certificate-version-unknown"),
        (16, 20, "cert-id-mismatch"),
        (bytes.len() - 1, 20, "signature-invalid"),
    ] {
        let mut flipped = bytes.clone();
        flipped[byte] ^= 4;
        place.write("flipped.cert", &flipped);
        place.verify(&["--cert", "flipped.cert", "--trust", "omega.pub"], exit, code);
    }
    place.write("short.cert", &bytes[..bytes.len() - 1]);
    place.verify(&["--cert", "short.cert", "--any-signer"], 30, "certificate-malformed");
}

#[test]
fn other_logs_are_wrong_and_incomplete_logs_are_no_answer() {
    let place = Place::with_certificate();
    let (alice, _) = pair();
    let sound = alice.bytes();

    // Other events under the same name and number: with every checksum right.
    let mut forged = Log::new("alice", 1);
    for number in 0..5u8 {
        forged.event(&[number + u8::from(number == 3); 40], &[]);
    }
    place.write("alice.omega", &forged.bytes());
    let value = place.verify(&with_logs(), 20, "verdict-differs");
    assert!(value["message"].as_str().unwrap().contains("\"alice\""), "{value:#}");

    // Cut between frames, within one, and within the header; a flipped bit.
    for (bytes, code) in [
        (sound[..alice.ends[3]].to_vec(), "log-missing"),
        (sound[..alice.ends[3] + 16].to_vec(), "torn-tail"),
        (sound[..100].to_vec(), "log-header-damaged"),
        (flipped(&sound, alice.ends[1] + 60), "frame-damaged"),
        (b"not a log at all, by any means".repeat(9), "not-an-omega-log"),
    ] {
        place.write("alice.omega", &bytes);
        place.verify(&with_logs(), 30, code);
    }
    std::fs::remove_file(place.path("alice.omega")).unwrap();
    place.verify(&with_logs(), 30, "file-not-found");
    let value = place.verify(&[&TRUSTED[..], &LOGS[2..]].concat(), 30, "log-missing");
    assert!(check(&value, "logs")["detail"].as_str().unwrap().contains("\"alice\""), "{value:#}");
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn a_log_that_grew_is_judged_up_to_where_it_was() {
    let place = Place::with_certificate();
    let (mut alice, _) = pair();
    alice.event(b"newer", &[]);
    alice.event(b"and newer", &[]);
    place.write("alice.omega", &alice.bytes());
    let value = place.verify(&with_logs(), 0, "");
    assert!(check(&value, "logs")["detail"].as_str().unwrap().contains("2 newer events"), "{value:#}");
    // Damage behind what was judged is told and changes nothing.
    place.write("alice.omega", &flipped(&alice.bytes(), alice.ends[5] + 60));
    let value = place.verify(&with_logs(), 0, "");
    assert!(check(&value, "logs")["detail"].as_str().unwrap().contains("1 newer event,"), "{value:#}");
}

#[test]
fn erased_payloads_are_told_and_break_nothing() {
    let place = Place::with_certificate();
    let event = format!("{:x}", pair().0.ids[2]);
    place.run(&["erase", "--input", "alice.omega", "--event", &event, "--output", "erased.omega"], 0);
    let args = ["--input", "erased.omega", "--input", "bob.omega"];
    let value = place.verify(&[&TRUSTED[..], &args].concat(), 0, "");
    let detail = check(&value, "logs")["detail"].as_str().unwrap();
    assert!(detail.contains("1 payload erased since"), "{detail}");
}

#[test]
fn a_lie_that_is_signed_correctly_is_found_out_by_the_logs() {
    let place = Place::with_certificate();
    type Edit = fn(&mut omega_kernel::body::Core, &mut omega_kernel::body::Observations);
    let lies: [(Edit, &str); 5] = [
        (|core, _| core.logs[0].root[0] ^= 1, "root"),
        (|core, _| core.trace_root[0] ^= 1, "trace root"),
        (|core, _| core.next.id_root[0] ^= 1, "next state"),
        (|core, _| (core.coverage[0].judged, core.coverage[0].skipped) = (8, 1), "1001"),
        (|_, observations| observations.analytics[0] += 1, "analytics"),
    ];
    for (lie, word) in lies {
        place.lie("r.cert", "lie.cert", lie);
        let args = ["--cert", "lie.cert", "--trust", "omega.pub"];
        place.verify(&args, 0, "");
        let value = place.verify(&[&args[..], &LOGS].concat(), 20, "verdict-differs");
        assert!(value["message"].as_str().unwrap().contains(word), "{word}: {value:#}");
    }
}

#[test]
fn made_up_evidence_is_found_out_with_no_log_at_hand() {
    for kind in ["overlap-agreement", "lamport-monotonic", "dependency-known"] {
        let place = support::conflict(kind);
        place.lie("r.cert", "lie.cert", |core, _| {
            let mut evidence = Evidence::decode(core.evidence.as_ref().unwrap()).unwrap();
            evidence.events[0].header.lamport += 1;
            core.evidence = Some(evidence.encode());
        });
        place.verify(&["--cert", "lie.cert", "--trust", "omega.pub"], 20, "evidence-wrong");
        // Certifying looks at it too.
        let lie = place.certificate("lie.cert");
        let result = omega_sheaf::result::ResultFile {
            batch_id: 1,
            replay_seed: 0,
            by_component: true,
            binding: lie.fields().binding,
            body: lie.body_bytes().to_vec(),
        };
        result.write(&place.path("lie.result")).unwrap();
        let args = ["certify", "--result", "lie.result", "--cert-log", "lie.log"];
        assert_eq!(place.run(&args, 20)["code"], "evidence-wrong");
    }
}

#[test]
fn a_kernel_that_is_not_at_hand_is_named() {
    let place = Place::with_certificate();
    let honest = place.certificate("r.cert");
    let mut fields = *honest.fields();
    fields.binding.kernel_hash = [7; 32];
    let mut stranger = Certificate::unsigned(honest.kind(), &fields, honest.body_bytes()).unwrap();
    let judged = omega_kernel::signature::Statement::Judged;
    let record = place.signer("omega.key").certificate(judged, &stranger.chain_hash());
    stranger.append_signature(record).unwrap();
    place.write("stranger.cert", stranger.bytes());
    let value = place.verify(&["--cert", "stranger.cert", "--trust", "omega.pub"], 30, "kernel-unknown");
    assert!(value["hint"].as_str().unwrap().contains("--kernel"), "{value:#}");
}

#[test]
fn a_batch_in_the_middle_needs_the_state_before_it() {
    let place = Place::with_chain();
    let args = ["--cert", "r2.cert", "--trust", "omega.pub", "--input", "alice.omega"];
    place.verify(&args, 30, "snapshot-missing");
    place.verify(&[&args[..], &["--snapshot", "s2"]].concat(), 20, "state-mismatch");
    let value = place.verify(&[&args[..], &["--snapshot", "s1"]].concat(), 0, "");
    assert_eq!(check(&value, "snapshot")["status"], "passed");
    // Alone, a snapshot is held against the certificate too.
    place.verify(&[&args[..4], &["--snapshot", "s1"]].concat(), 0, "");
    place.verify(&[&args[..4], &["--snapshot", "s2"]].concat(), 20, "state-mismatch");
}

#[test]
fn signed_heads_name_the_writer_where_the_policy_knows_the_key() {
    let place = Place::new();
    place.run(&["keygen", "--output", "alice.key"], 0);
    let mut alice = Log::new("alice", 1);
    alice.event(b"one", &[0xdead]);
    alice.sign(&place.signer("alice.key"));
    place.write("alice.omega", &alice.bytes());
    place.run(&["reconcile", "--input", "alice.omega", "--output", "r"], 10);
    place.run(&["certify", "--result", "r", "--input", "alice.omega"], 0);
    let key = |name: &str| data_encoding::HEXLOWER.encode(&place.signer(name).public_key());
    for (writer, fits) in [("alice.key", true), ("omega.key", false)] {
        let policy =
            format!("signers = [{:?}]\n[[writer]]\nnode = 1\nkey = {:?}", key("omega.key"), key(writer));
        place.write("policy.toml", policy.as_bytes());
        let value = place.verify(&["--cert", "r.cert", "--policy", "policy.toml"], 0, "");
        let author = &value["certificates"][0]["conflicting_writers"][0];
        assert_eq!(author["key"], key("alice.key"));
        assert_eq!(author["signed_by_its_writer"], fits, "{value:#}");
        assert_eq!(check(&value, "heads")["status"], "passed");
    }
    // A head that the key never signed.
    place.lie("r.cert", "lie.cert", |_, observations| observations.heads[0].signature[0] ^= 1);
    place.verify(&["--cert", "lie.cert", "--trust", "omega.pub"], 20, "head-mismatch");
}
