//! The HTTP API of a node, as its users meet it: what comes in, what becomes of it, what is proven.

#[path = "support/node.rs"]
mod node;

use data_encoding::{BASE64, HEXLOWER};
use node::{Answer, Node, Start, event, id};
use serde_json::{Value, json};

const JSON: &str = "application/json";

#[test]
fn events_come_in_every_documented_form() {
    let node = Node::new();
    let one = node.certify("alice", &event(9, 1, "one"));
    assert_eq!((one["log"].as_str(), one["accepted"].as_u64()), (Some("alice"), Some(1)));
    let several = node.certify("alice", &json!([event(9, 2, "two"), event(9, 3, "three")]));
    assert_eq!(several["accepted"], 2);
    let lines = format!("{}\n{}\n", event(9, 4, "four"), event(9, 5, "five"));
    let path = "/api/events?log=alice&wait=certified";
    assert_eq!(node.post(path, "application/x-ndjson", lines.as_bytes()).ok()["accepted"], 2);

    let cloud = |number: u32| {
        json!({ "specversion": "1.0", "id": number.to_string(), "source": "shop", "type": "sold",
            "time": format!("2026-01-01T00:00:0{number}Z"), "data": { "price": number } })
    };
    let path = "/api/events?wait=certified";
    let single = node.post(path, "application/cloudevents+json", cloud(1).to_string().as_bytes()).ok();
    assert_eq!((single["log"].as_str(), single["accepted"].as_u64()), (Some("shop"), Some(1)));
    let batch = json!([cloud(2), cloud(3)]).to_string();
    assert_eq!(node.post(path, "application/cloudevents-batch+json", batch.as_bytes()).ok()["accepted"], 2);

    node.run(&["generate-events", "--output", "made.omega", "--count", "20"], 0);
    let made = std::fs::read(node.folder.path().join("made.omega")).unwrap();
    let taken = node.post(path, "application/vnd.omega.log", &made).ok();
    assert_eq!(taken["accepted"], 20);
    assert_eq!(taken["certified"]["set_aside"], json!([]));
    assert_eq!(node.status()["accepted_ids"], "28");

    // Again: nothing new, nothing judged twice.
    let height = node.status()["height"].clone();
    let again = node.post(path, "application/vnd.omega.log", &made).ok();
    assert_eq!(
        (&again["accepted"], &again["duplicates"], &again["certified"]),
        (&json!(0), &json!(20), &Value::Null)
    );
    assert_eq!(node.status()["height"], height);
}

#[test]
fn what_is_no_event_is_refused_and_nothing_of_it_is_kept() {
    let node = Node::new();
    let post = |kind: &str, body: &[u8]| node.post("/api/events", kind, body);
    let good = event(1, 1, "good").to_string();
    let cases: [(u16, &str, &str, Vec<u8>); 9] = [
        (400, "json-invalid", JSON, b"{".to_vec()),
        (400, "json-invalid", JSON, format!("[{good}, {{\"id\": 7}}]").into_bytes()),
        (400, "json-invalid", JSON, [good.as_bytes(), b"\xff"].concat()),
        (400, "usage", JSON, b"[]".to_vec()),
        (400, "json-invalid", JSON, b"".to_vec()),
        (415, "media-type", "text/html", good.clone().into_bytes()),
        (400, "json-invalid", "application/cloudevents+json", good.clone().into_bytes()),
        (413, "limit-exceeded", JSON, vec![b' '; (16 << 20) + 1]),
        (413, "limit-exceeded", JSON, json!(vec![event(1, 1, ""); 65_537]).to_string().into_bytes()),
    ];
    for (status, code, kind, body) in cases {
        let problem = post(kind, &body).problem(status, code);
        assert!(problem["message"].as_str().unwrap().len() > 10, "{problem}");
    }
    for log in [vec![], b"OMEGALOG".to_vec(), vec![0; 4096]] {
        let answer = post("application/vnd.omega.log", &log);
        assert_eq!(answer.status, 400, "{}", answer.json());
    }
    let log = "x".repeat(300);
    node.post(&format!("/api/events?log={log}"), JSON, good.as_bytes()).problem(400, "usage");
    node.post("/api/events?wait=never", JSON, good.as_bytes()).problem(400, "usage");
    assert_eq!(node.status()["events"], "0");
}

#[test]
fn a_conflict_is_set_aside_and_the_rest_goes_on() {
    let node = Start::default().arg(&["--flush-ms", "20"]).node();
    node.certify("alice", &event(1, 1, "mine"));
    let theirs = node.certify(
        "bob",
        &json!([event(2, 1, "fine"), { "id": id(1, 1), "node": 1, "lamport": "1", "payload": "other" }]),
    );
    assert_eq!(theirs["certified"]["set_aside"], json!([id(1, 1)]));
    // What builds on nothing of it goes on.
    assert_eq!(node.get(&format!("/api/events/{}", id(2, 1))).ok()["held"][0]["state"], "accepted");
    let known = node.get(&format!("/api/events/{}", id(1, 1))).ok();
    let states: Vec<_> = known["held"].as_array().unwrap().iter().map(|held| &held["state"]).collect();
    assert_eq!(states, ["accepted", "quarantined"]);
    node.certify("carol", &event(3, 1, "later"));

    let incidents = node.get("/api/incidents?open=true").ok();
    let incident = &incidents["incidents"][0];
    assert_eq!((&incident["kind"], &incident["events"]), (&json!("conflict"), &json!(1)));
    assert_eq!(incident["event_ids"], json!([id(1, 1)]));
    let folder = incident["crash_folder"].as_str().unwrap();
    let replayed = node.run(&["replay", "--crash", folder], 10);
    assert_eq!((&replayed["outcome"], &replayed["reproduced"]), (&json!("conflict"), &json!(true)));
    assert!(node.get("/readyz").ok()["ready"].as_bool().unwrap());

    // Judged again it conflicts again; left aside it stays.
    let resolve = |number: &Value, decision: Value| {
        node.post(&format!("/api/incidents/{number}/resolve"), JSON, decision.to_string().as_bytes())
    };
    let resolved = resolve(&incident["id"], json!({ "action": "release", "note": "look again" })).ok();
    assert_eq!(
        (&resolved["resolved"]["action"], &resolved["resolved"]["by"]),
        (&json!("release"), &json!("first"))
    );
    resolve(&incident["id"], json!({ "action": "dismiss" })).problem(409, "already-resolved");
    let second = wait_for(&node, "/api/incidents?open=true", |answer| answer["incidents"][0]["id"].is_u64());
    resolve(&second["incidents"][0]["id"], json!({ "action": "dismiss", "note": "bob's mistake" })).ok();
    assert_eq!(node.status()["open_incidents"], 0);
    resolve(&json!(99), json!({ "action": "dismiss" })).problem(404, "not-found");
    resolve(&json!(1), json!({ "action": "forget" })).problem(422, "json-invalid");

    // All of it is known after a restart, too.
    let before = node.get("/api/incidents").ok();
    let folder = std::sync::Arc::clone(&node.folder);
    node.stop();
    let node = Start::default().on(&folder).node();
    assert_eq!(node.get("/api/incidents").ok(), before);
    assert_eq!(node.get(&format!("/api/events/{}", id(1, 1))).ok()["held"][1]["state"], "quarantined");
}

#[test]
fn what_was_set_aside_is_accepted_once_what_it_needs_has_come() {
    let node = Start::default().arg(&["--flush-ms", "20"]).node();
    let mut later = event(1, 2, "needs the first");
    later["deps"] = json!([id(2, 1)]);
    assert_eq!(node.certify("alice", &later)["certified"]["set_aside"], json!([id(1, 2)]));
    node.certify("bob", &event(2, 1, "the first"));
    // However often and at once it is asked for, it is judged again once.
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = || node.post("/api/incidents/1/resolve", JSON, br#"{"action":"release"}"#);
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    let path = format!("/api/events/{}", id(1, 2));
    wait_for(&node, &path, |known| known["held"][0]["state"] == "accepted");
    assert_eq!(node.get("/api/incidents").ok()["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(node.status()["accepted_ids"], "2");
}

#[test]
fn proofs_and_downloads_verify_with_the_command() {
    let node = Start::default().arg(&["--batch-size", "1"]).node();
    for number in 1..=5 {
        node.certify("alice", &event(1, number, "a"));
        node.certify("bob", &event(2, number, "b"));
    }
    let write = |name: &str, bytes: &[u8]| std::fs::write(node.folder.path().join(name), bytes).unwrap();
    let known = node.get(&format!("/api/events/{}", id(1, 3))).ok();
    let height = known["proof_height"].as_str().unwrap();
    write("event.proof", &BASE64.decode(known["proof"].as_str().unwrap().as_bytes()).unwrap());
    let one = node.get(&format!("/api/certificates/{height}")).ok();
    write("newest.cert", &BASE64.decode(one["bytes"].as_str().unwrap().as_bytes()).unwrap());
    let key = node.status()["public_key"].as_str().unwrap().to_owned();
    let trusted = ["--trust", &key];
    let verify = |args: &[&str], exit: i32| node.run(&[&["verify"], args, &trusted[..]].concat(), exit);
    verify(&["--cert", "newest.cert", "--proof", "event.proof"], 0);
    let other = node.get("/api/certificates/2").ok();
    write("other.cert", &BASE64.decode(other["bytes"].as_str().unwrap().as_bytes()).unwrap());
    verify(&["--cert", "other.cert", "--proof", "event.proof"], 20);

    write("copy.log", &node.get("/api/cert.log").body);
    let mut inputs = Vec::new();
    let newest: u64 = node.status()["height"].as_str().unwrap().parse().unwrap();
    for height in 1..=newest {
        let one = node.get(&format!("/api/certificates/{height}")).ok();
        for (place, log) in one["logs"].as_array().unwrap().iter().enumerate() {
            let name = format!("{height}-{place}.omega");
            write(&name, &node.get(&format!("/api/certificates/{height}/logs/{place}")).body);
            assert_eq!(log["events"], "1");
            inputs.extend(["--input".to_owned(), name]);
        }
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let value = verify(&[&["--cert-log", "copy.log"], &inputs[..]].concat(), 0);
    assert_eq!(value["outcome"], "verified", "{value:#}");
    // A beginning of it is not all of it; the node's own file is.
    write("short.log", &node.get("/api/cert.log").body[..200]);
    verify(&["--cert-log", "short.log"], 30);
    verify(&["--cert-log", "node/cert.log"], 0);

    // A certificate is found by its id, too; and what is not there is not.
    let mut ids = Vec::new();
    for height in 0..=newest {
        let one = node.get(&format!("/api/certificates/{height}")).ok();
        let id = one["certificate"]["cert_id"].as_str().unwrap();
        assert_eq!(node.get(&format!("/api/certificates/{id}")).ok()["bytes"], one["bytes"], "{height}");
        ids.push(u128::from_str_radix(id, 16).unwrap());
    }
    assert!(ids.len() > 2, "the newest, the genesis, and some between");
    let unknown = format!("{:032x}", ids[1] ^ 1);
    for missing in ["999999", "18446744073709551615", &unknown, &"f".repeat(32), "1/logs/9"] {
        node.get(&format!("/api/certificates/{missing}")).problem(404, "not-found");
    }
    node.get("/api/certificates/nobody").problem(400, "usage");
    let listed = node.get("/api/certificates?from=2&limit=3").ok();
    let heights: Vec<_> = listed["certificates"].as_array().unwrap().iter().map(|it| &it["height"]).collect();
    assert_eq!(heights, ["2", "3", "4"]);
}

#[test]
fn the_kernel_that_judged_is_there_under_its_hash() {
    let node = Node::new();
    let hash = node.status()["kernel_hash"].as_str().unwrap().to_owned();
    let kernel = node.get(&format!("/kernels/{hash}.wasm"));
    assert_eq!(HEXLOWER.encode(blake3::hash(&kernel.body).as_bytes()), hash);
    assert!(kernel.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(kernel.header("content-type"), Some("application/wasm"));
    let listed = node.get("/api/kernels").ok();
    assert_eq!(
        (&listed["kernels"][0]["hash"], &listed["kernels"][0]["active"]),
        (&json!(hash), &json!(true))
    );
    for name in ["..%2f..%2ftoken", "%2e%2e", &format!("../{hash}"), &"0".repeat(64), &hash.to_uppercase()] {
        assert_eq!(node.get(&format!("/kernels/{name}.wasm")).status, 404, "{name}");
    }
}

#[test]
fn metrics_are_counted_and_exported_across_a_restart() {
    let node = Node::new();
    node.certify("alice", &event(1, 1, "one"));
    let text = String::from_utf8(node.get("/metrics").body).unwrap();
    for line in ["omega_events_taken_total 1", "omega_certificates_total 1", "omega_height 1"] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let folder = std::sync::Arc::clone(&node.folder);
    node.stop();
    let node = Start::default().on(&folder).node();
    wait_for(&node, "/healthz", |_| {
        std::fs::read_to_string(node.path("metrics/metrics.jsonl")).unwrap().lines().count() >= 3
    });
    node.run(&["export-metrics", "--input", "node/metrics/metrics.jsonl"], 0);
    let exported = std::fs::read_to_string(folder.path().join("metrics.export.jsonl")).unwrap();
    let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let written = std::fs::read_to_string(node.path("metrics/metrics.jsonl")).unwrap();
    for (number, line) in written.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["seq"], json!(number), "seq counts on across a restart");
    }
    assert!(
        lines.iter().any(|line| line["events_taken"] == 1),
        "the last line stands at the end: {exported}"
    );
}

/// Asks until it is so.
#[track_caller]
fn wait_for(node: &Node, path: &str, so: impl Fn(&Value) -> bool) -> Value {
    let mut value = Value::Null;
    for _ in 0..1000 {
        let answer = node.get(path);
        value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if so(&value) {
            return value;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it never came: {value:#}");
}
