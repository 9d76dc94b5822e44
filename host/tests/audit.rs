//! `omega audit`: strangers' checkers along a chain, honest, mistaken, lying and hostile; and engines.

#[path = "support/hostile.rs"]
mod hostile;
mod support;
#[path = "support/variant.rs"]
mod variant;

use std::fmt::Write;
use std::time::{Duration, Instant};

use hostile::{Plan, that_fail_to_judge};
use omega_kernel::body::Core;
use omega_kernel::bytes::Writer;
use omega_kernel::certificate::{Binding, Content, Swap, SwapSide};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash;
use omega_kernel::signature::Statement;
use omega_sheaf::store::Store;
use serde_json::Value;
use support::{Log, Place, pair};
use variant::{benign, mistaken};

const AUDIT: [&str; 9] = [
    "audit",
    "--cert-log",
    "cert.log",
    "--input",
    "alice.omega",
    "--input",
    "bob.omega",
    "--input",
    "carol.omega",
];

/// A chain of four batches, at heights 1 to 4: two that agree, a conflict, and one more that agrees.
/// `with` are flags for who judges.
fn chain_with(with: &[&str]) -> Place {
    let place = Place::new();
    let (mut alice, mut bob) = pair();
    let mut carol = Log::new("carol", 3);
    carol.event(b"depends on what nobody has", &[77]);
    place.write("carol.omega", &carol.bytes());
    let batch = |number: &str, logs: &[&str], exit: i32| {
        let before = format!("s{}", number.parse::<u32>().unwrap() - 1);
        let (after, result) = (format!("s{number}"), format!("r{number}"));
        let inputs: Vec<&str> = logs.iter().flat_map(|log| ["--input", log]).collect();
        let state = if number == "1" { vec![] } else { vec!["--snapshot", before.as_str()] };
        let args = ["reconcile", "--batch-id", number, "--output", &result, "--save-snapshot", &after];
        place.run(&[&args[..], &inputs, &state, with].concat(), exit);
        place.run(&[&["certify", "--result", &result], &inputs[..], &state, with].concat(), 0);
    };
    place.write("alice.omega", &alice.bytes());
    place.write("bob.omega", &bob.bytes());
    batch("1", &["alice.omega", "bob.omega"], 0);
    alice.event(b"later", &[]);
    place.write("alice.omega", &alice.bytes());
    batch("2", &["alice.omega"], 0);
    place.write("alice-2.omega", &alice.bytes());
    batch("3", &["carol.omega"], 10);
    place.write("s3", &place.read("s2"));
    bob.event(b"later still", &[]);
    place.write("bob.omega", &bob.bytes());
    batch("4", &["bob.omega"], 0);
    place
}

fn chain() -> Place {
    chain_with(&[])
}

/// Runs the audit; the answer must have this exit and code.
#[track_caller]
fn audit(place: &Place, args: &[&str], exit: i32, code: &str) -> Value {
    let begun = Instant::now();
    let value = place.run(&[&AUDIT, args].concat(), exit);
    assert_eq!(value["code"].as_str().unwrap_or(""), code, "{value:#}");
    assert!(begun.elapsed() < Duration::from_secs(60), "took {:?}", begun.elapsed());
    value
}

/// The counts of an answer: agreed, differed, unchecked, left out.
fn counts(value: &Value) -> [u64; 4] {
    ["agreed", "differed", "unchecked", "left_out"].map(|count| value[count].as_u64().unwrap())
}

#[test]
fn a_chain_is_audited_by_the_checker_that_is_built_in_and_by_another_honest_one() {
    let place = chain();
    let value = audit(&place, &[], 10, "dependency-known");
    assert_eq!((counts(&value), value["conflicts"].as_u64()), ([4, 0, 0, 0], Some(1)));
    assert_eq!(value["batches"].as_array().unwrap().len(), 0);
    let each = audit(&place, &["--each"], 10, "dependency-known");
    let batches = each["batches"].as_array().unwrap();
    assert_eq!(batches.len(), 4);
    assert_eq!(
        (batches[2]["height"].as_str(), batches[2]["verdict"].as_str()),
        (Some("3"), Some("obstruction"))
    );

    place.write("theirs.wasm", &benign(b"x"));
    let value = audit(&place, &["--kernel", "theirs.wasm"], 10, "dependency-known");
    assert_eq!(counts(&value), [4, 0, 0, 0]);
    assert_ne!(value["kernel_hash"], each["kernel_hash"]);
}

#[test]
fn heights_and_a_snapshot_limit_what_is_audited() {
    let place = chain();
    assert_eq!(counts(&audit(&place, &["--to", "2"], 0, "")), [2, 0, 0, 2]);
    assert_eq!(counts(&audit(&place, &["--from", "4"], 0, "")), [1, 0, 0, 3]);
    place.write("theirs.wasm", &benign(b"x"));
    let theirs = ["--kernel", "theirs.wasm", "--from", "4"];
    assert_eq!(counts(&audit(&place, &theirs, 0, "")), [1, 0, 0, 3]);
    let value = audit(&place, &["--snapshot", "s2", "--kernel", "theirs.wasm"], 10, "dependency-known");
    assert_eq!(counts(&value), [2, 0, 0, 2]);
    audit(&place, &["--from", "5"], 30, "certificate-missing");
    audit(&place, &["--from", "3", "--to", "2"], 2, "usage");
    audit(&place, &["--snapshot", "r1"], 30, "snapshot-malformed");
}

#[test]
fn engines_are_held_against_one_another() {
    let place = chain();
    let value = audit(&place, &["--engines", "cranelift,pulley,native", "--each"], 10, "dependency-known");
    assert_eq!(counts(&value), [4, 0, 0, 0]);
    for batch in value["batches"].as_array().unwrap() {
        let engines: Vec<_> = batch["answers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|answer| answer["engine"].as_str().unwrap())
            .collect();
        assert_eq!(engines, ["cranelift", "pulley", "native"], "{batch:#}");
    }
    // One component makes one mistake everywhere: that is no difference of engines.
    place.write("theirs.wasm", &mistaken(hash::BATCH_ID));
    let value =
        audit(&place, &["--kernel", "theirs.wasm", "--engines", "pulley,cranelift"], 20, "verdict-differs");
    assert_eq!((counts(&value), value["engines_differed"].as_u64()), ([0, 4, 0, 0], Some(0)));
    place.write("theirs.wasm", &benign(b"x"));
    audit(&place, &["--kernel", "theirs.wasm", "--engines", "native"], 2, "usage");
    audit(&place, &["--engines", "cranelift,pulley,cranelift"], 2, "usage");
    audit(&place, &["--engines", "v8"], 2, "usage");
}

#[test]
fn a_mistaken_checker_is_told_batch_by_batch_what_differs_first() {
    let place = chain();
    for (domain, field) in
        [(hash::BATCH_ID, "batch_id_root"), (hash::MERKLE_NODE, "logs"), (hash::EVENT, "logs")]
    {
        place.write("theirs.wasm", &mistaken(domain));
        let value = audit(&place, &["--kernel", "theirs.wasm"], 20, "verdict-differs");
        let first = &value["first_difference"];
        assert_eq!((first["height"].as_str(), first["named_checker"].as_str()), (Some("1"), Some("agrees")));
        assert_eq!(first["answers"][0]["difference"]["field"], field, "{value:#}");
        assert!(first["answers"][0]["difference"]["byte"].is_u64(), "{value:#}");
        assert_eq!(value["differed"].as_u64().unwrap() + value["agreed"].as_u64().unwrap(), 4, "{value:#}");
    }
    // Its state is another one, so it cannot be handed the chain's: said so, and the rest is not called wrong.
    place.write("theirs.wasm", &mistaken(hash::STATE_ID));
    let value = audit(&place, &["--kernel", "theirs.wasm"], 20, "verdict-differs");
    assert_eq!(value["first_difference"]["answers"][0]["difference"]["field"], "next_state");
    assert_eq!(counts(&value), [0, 1, 3, 0]);
    assert_eq!(value["batches"][1]["answers"][0]["code"], "snapshot-root-differs");
    // From where it is asked nothing of a state, it agrees about the conflict alone.
    let value =
        audit(&place, &["--kernel", "theirs.wasm", "--from", "3", "--to", "3"], 30, "snapshot-root-differs");
    assert_eq!(counts(&value), [0, 0, 1, 3]);
}

#[test]
fn logs_that_are_missing_or_others_leave_a_batch_unchecked() {
    let place = chain();
    let with = |logs: &[&'static str]| -> Vec<&'static str> {
        let inputs = logs.iter().flat_map(|log| ["--input", log]);
        ["audit", "--cert-log", "cert.log"].into_iter().chain(inputs).collect()
    };
    // The conflict leaves no state: what follows it is checked all the same.
    let value = place.run(&with(&["alice.omega", "bob.omega"]), 30);
    assert_eq!((value["code"].as_str(), counts(&value)), (Some("log-missing"), [3, 0, 1, 0]), "{value:#}");
    let value = place.run(&with(&["alice.omega", "carol.omega"]), 30);
    assert_eq!(counts(&value), [0, 0, 4, 0], "{value:#}");
    assert_eq!(value["batches"][1]["answers"][0]["code"], "snapshot-missing");

    // A log of that name and length, and not the one that was judged.
    let mut other = Log::new("carol", 3);
    other.event(b"another event", &[77]);
    place.write("other.omega", &other.bytes());
    let value = place.run(&with(&["alice.omega", "bob.omega", "other.omega"]), 30);
    assert_eq!(value["code"], "log-missing");
    assert!(value["message"].as_str().unwrap().contains("another root"), "{value:#}");
    // Beside the right one it does no harm.
    place.run(&with(&["alice.omega", "bob.omega", "other.omega", "carol.omega"]), 10);

    // One file of a name for each batch.
    let (alice, bob) = pair();
    place.write("alice-1.omega", &alice.bytes());
    place.write("bob-1.omega", &bob.bytes());
    let value =
        place.run(&with(&["alice-1.omega", "alice-2.omega", "bob-1.omega", "bob.omega", "carol.omega"]), 10);
    assert_eq!(counts(&value), [4, 0, 0, 0]);
    assert_eq!(value["unused_inputs"].as_array().unwrap().len(), 0, "{value:#}");
}

#[test]
fn the_checker_that_the_certificates_name_carries_on_where_it_is_at_hand() {
    let mut named = tempfile::NamedTempFile::with_suffix(".wasm").unwrap();
    std::io::Write::write_all(&mut named, &benign(b"x")).unwrap();
    let reference = named.path().to_str().unwrap();
    let place = chain_with(&["--kernel", reference]);
    // Nobody is needed who agrees anyway.
    assert_eq!(counts(&audit(&place, &[], 10, "dependency-known")), [4, 0, 0, 0]);
    // The state before height 4 takes somebody to judge what came before.
    let value = audit(&place, &["--from", "4"], 30, "snapshot-missing");
    assert!(value["hint"].as_str().unwrap_or("").contains("--reference"), "{value:#}");
    audit(&place, &["--from", "4", "--reference", reference], 0, "");
    place.write("theirs.wasm", &Plan { bodies: &[("finish", "unreachable")], ..Plan::default() }.component());
    let theirs = ["--kernel", "theirs.wasm", "--give-up", "10"];
    let alone = audit(&place, &theirs, 30, "kernel-output-invalid");
    assert_eq!(alone["unchecked"], 4);
}

#[test]
fn the_named_checker_changes_at_a_swap() {
    let place = Place::with_certificate();
    place.write("new.wasm", &benign(b"x"));
    // The next certificate names another checker, with the same rules and the same state.
    let (path, signer) = (place.path("cert.log"), place.signer("omega.key"));
    let mut store = Store::open(&path).unwrap();
    let head = omega_verify::chain::follow(&store, &mut |_| ()).head.unwrap();
    let old = SwapSide { binding: head.binding, state: head.state };
    let kernel_hash = *blake3::hash(&benign(b"x")).as_bytes();
    let new = SwapSide { binding: Binding { kernel_hash, ..head.binding }, state: head.state };
    let mut swap = head.swap(&Swap { old, new, replayed: 0, diffs: Vec::new() }).unwrap();
    swap.append_signature(signer.certificate(Statement::Approved, &swap.chain_hash())).unwrap();
    store.append_certificate(swap.bytes()).unwrap();
    drop(store);
    let before = ["--input", "alice.omega", "--input", "bob.omega"];
    place.run(&[&["reconcile", "--save-snapshot", "s1", "--output", "again"], &before[..]].concat(), 0);
    let (mut alice, _) = pair();
    for number in ["2", "3"] {
        alice.event(b"later", &[]);
        place.write("alice.omega", &alice.bytes());
        let prior = format!("s{}", number.parse::<u32>().unwrap() - 1);
        let with = ["--input", "alice.omega", "--snapshot", &prior, "--kernel", "new.wasm"];
        let (after, result) = (format!("s{number}"), format!("r{number}"));
        let judge = ["reconcile", "--batch-id", number, "--save-snapshot", &after, "--output", &result];
        place.run(&[&judge[..], &with].concat(), 0);
        place.run(&[&["certify", "--result", &result], &with[..]].concat(), 0);
    }
    let verify = ["--cert-log", "cert.log", "--trust", "omega.pub", "--kernel", "new.wasm"];
    place.verify(&[&verify[..], &before].concat(), 0, "");

    let audited = |args: &[&str], exit| {
        place.run(&[&["audit", "--cert-log", "cert.log"], &before[..], args].concat(), exit)
    };
    assert_eq!(counts(&audited(&[], 0)), [3, 0, 0, 0]);
    // A checker that differs is handed the chain's state by whoever is named.
    place.write("theirs.wasm", &mistaken(hash::EVENT));
    let theirs = ["--kernel", "theirs.wasm"];
    let value = audited(&[&theirs[..], &["--reference", "new.wasm"]].concat(), 20);
    assert_eq!(counts(&value), [0, 3, 0, 0]);
    for batch in value["batches"].as_array().unwrap() {
        assert_eq!(batch["named_checker"], "agrees", "{value:#}");
    }
    // Without the second one, the first still keeps the state as long as it agrees; it is not called named.
    let value = audited(&theirs, 20);
    assert_eq!(counts(&value), [0, 3, 0, 0]);
    let named: Vec<_> =
        value["batches"].as_array().unwrap().iter().map(|batch| &batch["named_checker"]).collect();
    assert_eq!(named, [&Value::from("agrees"), &Value::Null, &Value::Null]);
}

#[test]
fn a_certificate_that_its_own_checker_does_not_bear_out_is_found() {
    let place = chain();
    // Signed as if it were true: one more new event than there was.
    place.lie("r1.cert", "lie.cert", |core, _| {
        core.batch_id_root[0] ^= 1;
    });
    place.rearrange("cert.lie.log", |records| {
        records.truncate(1);
        records.push(support::record(&place.read("lie.cert")));
    });
    place.write("theirs.wasm", &benign(b"x"));
    let logs = ["audit", "--cert-log", "cert.lie.log", "--input", "alice.omega", "--input", "bob.omega"];
    let value = place.run(&[&logs[..], &["--kernel", "theirs.wasm"]].concat(), 20);
    assert_eq!(value["code"], "verdict-differs");
    assert!(value["message"].as_str().unwrap().contains("very checker"), "{value:#}");
    assert_eq!(value["batches"][0]["named_checker_difference"]["field"], "batch_id_root");
    assert_eq!(place.run(&logs, 20)["code"], "verdict-differs");
    // A chain that is broken is told as that.
    place.rearrange("cert.gap.log", |records| {
        records.remove(2);
    });
    let value = place.run(&[&["audit", "--cert-log", "cert.gap.log"], &AUDIT[3..]].concat(), 20);
    assert_eq!((value["code"].as_str(), value["agreed"].as_u64()), (Some("chain-broken"), Some(1)));
}

#[test]
fn hostile_checkers_end_within_their_limits_each_with_an_answer_of_its_own() {
    let place = chain();
    let limits = ["--kernel", "theirs.wasm", "--time", "1", "--memory", "64", "--to", "2"];
    let cases = that_fail_to_judge().into_iter().chain([
        ("begins too large", Plan { pages: 2000, ..Plan::default() }, "kernel-memory-limit"),
        (
            "traps in its state",
            Plan { bodies: &[("state", "unreachable")], ..Plan::default() },
            "kernel-trapped",
        ),
    ]);
    for (name, mut plan, code) in cases {
        // Its state is the empty one, so that it gets as far as judging.
        let mut bodies = plan.bodies.to_vec();
        if !bodies.iter().any(|(of, _)| *of == "state") {
            bodies.push(("state", "i32.const 200000"));
        }
        let fields =
            format!("{} {}", plan.fields, list(200_000, 200_016, &commitment(&StateCommitment::empty())));
        (plan.fields, plan.bodies) = (&fields, &bodies);
        place.write("theirs.wasm", &plan.component());
        let value = audit(&place, &limits, 30, code);
        assert_eq!(counts(&value), [0, 0, 2, 2], "{name}: {value:#}");
        assert_eq!(value["batches"][0]["answers"][0]["code"], code, "{name}");
    }
    // Three times and no more: what is left is not tried.
    let plan =
        Plan { bodies: &[("session", "(loop br 0) i32.const 1 call $new-session")], ..Plan::default() };
    place.write("theirs.wasm", &plan.component());
    let value = audit(&place, &["--kernel", "theirs.wasm", "--time", "1"], 30, "kernel-deadline");
    assert_eq!(counts(&value), [0, 0, 4, 0]);
    let last = value["batches"][3]["answers"][0]["message"].as_str().unwrap();
    assert!(last.starts_with("not tried"), "{value:#}");
}

#[test]
fn what_is_no_checker_is_refused_before_it_runs() {
    let place = chain();
    let world = r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f"))) (export "run" (func $f)))"#;
    for (text, says) in [
        (r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#, "wall-clock"),
        (world, ""),
        ("(component)", ""),
    ] {
        place.write("theirs.wasm", &wat::parse_str(text).unwrap());
        let value = audit(&place, &["--kernel", "theirs.wasm"], 30, "kernel-invalid");
        assert!(value["message"].as_str().unwrap().contains(says), "{value:#}");
        assert_eq!(value["file"], "theirs.wasm");
    }
    for bytes in [b"not wasm".to_vec(), wat::parse_str("(module)").unwrap()] {
        place.write("theirs.wasm", &bytes);
        audit(&place, &["--kernel", "theirs.wasm"], 30, "kernel-invalid");
    }
    audit(&place, &["--kernel", "none.wasm"], 30, "file-not-found");
}

#[test]
fn a_checker_that_only_recites_is_held_to_logs_and_state() {
    let place = chain();
    let certificate = place.certificate("r1.cert");
    let Content::Verdict { core, observations } = certificate.content() else { panic!("a verdict") };
    let recite = |body: &[u8], after: &StateCommitment| place.write("theirs.wasm", &liar(body, true, after));
    let theirs = ["--kernel", "theirs.wasm", "--to", "1"];

    // It knows the answer by heart: right, as far as anybody can tell.
    recite(certificate.body_bytes(), &core.next);
    assert_eq!(counts(&audit(&place, &theirs, 0, "")), [1, 0, 0, 3]);
    // Yet about other logs it is not believed.
    place.write("alice.omega", &Log::new("alice", 1).bytes());
    audit(&place, &theirs, 30, "log-missing");
    place.write("alice.omega", &place.read("alice-2.omega"));
    // Behind what it knows, it differs; and the audit goes on behind that.
    let value = audit(&place, &["--kernel", "theirs.wasm"], 20, "verdict-differs");
    assert_eq!(
        (value["agreed"].as_u64(), value["first_difference"]["height"].as_str()),
        (Some(1), Some("2"))
    );
    assert_eq!(value["audited"], 4);

    // The right words, and another state behind them.
    recite(certificate.body_bytes(), &core.prior);
    let value = audit(&place, &theirs, 20, "verdict-differs");
    assert_eq!(value["first_difference"]["answers"][0]["difference"]["field"], "state");

    // Lies in the body, each named.
    let lie = |edit: &dyn Fn(&mut Core)| {
        let mut core = core.as_ref().clone();
        edit(&mut core);
        let body =
            omega_kernel::body::Body { core: &core.encode(), observations: &observations.encode() }.join();
        recite(&body, &core.next);
        let value = audit(&place, &theirs, 20, "verdict-differs");
        value["first_difference"]["answers"][0]["difference"]["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(lie(&|core| core.trace_root[5] ^= 1), "trace_root");
    assert_eq!(lie(&|core| core.next.frontier_root[5] ^= 1), "next_state");
    assert_eq!(
        lie(&|core| {
            core.coverage[4].judged -= 1;
            core.coverage[4].skipped += 1;
        }),
        "coverage_2002"
    );
    // Not even a body; and one that says another thing than the answer around it.
    recite(&[7; 100], &core.next);
    audit(&place, &theirs, 30, "kernel-output-invalid");
    place.write("theirs.wasm", &liar(certificate.body_bytes(), false, &core.next));
    audit(&place, &theirs, 30, "kernel-output-invalid");
}

/// A checker that gives one answer to everything, and then stands in one state.
fn liar(body: &[u8], merged: bool, after: &StateCommitment) -> Vec<u8> {
    let mut fields = String::from("(global $done (mut i32) (i32.const 0))");
    fields += &list(200_000, 200_016, &commitment(&StateCommitment::empty()));
    fields += &list(200_200, 200_216, &commitment(after));
    fields += &list(300_008, 300_032, body);
    // Ok; the verdict.
    let verdict = [[u32::from(merged), body.len() as u32]].concat();
    let verdict: Vec<u8> = verdict.iter().flat_map(|word| word.to_le_bytes()).collect();
    fields += &data(250_008, &verdict);
    let bodies = [
        ("finish", "(global.set $done (i32.const 1)) i32.const 250000"),
        ("read-body", "i32.const 300000"),
        ("state", "(select (i32.const 200200) (i32.const 200000) (global.get $done))"),
        // Ok; a session, and no position. Handed a state, it stands where its answer left it.
        (
            "restore",
            "(global.set $done (i32.const 1)) (i32.store (i32.const 260008) (call $new-session (i32.const 1))) i32.const 260000",
        ),
    ];
    Plan { pages: 16, fields: &fields, bodies: &bodies }.component()
}

/// A list at a place: where its bytes stand and how many, and they behind.
fn list(at: u32, bytes_at: u32, bytes: &[u8]) -> String {
    let header = [bytes_at.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
    data(at, &header) + &data(bytes_at, bytes)
}

fn data(at: u32, bytes: &[u8]) -> String {
    let mut escaped = String::new();
    bytes.iter().for_each(|byte| write!(escaped, "\\{byte:02x}").unwrap());
    format!(r#"(data (i32.const {at}) "{escaped}")"#)
}

fn commitment(state: &StateCommitment) -> Vec<u8> {
    let mut out = Writer::new();
    state.write(&mut out);
    out.bytes
}
