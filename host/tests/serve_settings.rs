//! What an operator sets and changes: folders, waiting for dependencies, tokens of a node that runs, a
//! collector of traces.

mod support {
    pub mod node;
}

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::node::{Start, event, id};

const JSON: &str = "application/json";

#[test]
fn each_kind_of_file_goes_where_the_environment_says() {
    let start = Start::default()
        .env("OMEGA_CERT_DIR", "certs")
        .env("OMEGA_SNAPSHOT_DIR", "snaps")
        .env("OMEGA_REPLAY_DIR", "crashes")
        .env("OMEGA_METRICS_DIR", "counted")
        .env("OMEGA_BATCH_SIZE", "1");
    let node = start.clone().node();
    node.certify("a", &event(1, 1, "one"));
    let other = json!({ "id": id(1, 1), "node": 1, "lamport": "1", "payload": "other" });
    node.certify("b", &other);
    let folder = std::sync::Arc::clone(&node.folder);
    node.stop();
    let names = |of: &str| -> Vec<String> {
        let entries = std::fs::read_dir(folder.path().join(of)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(names("certs").contains(&"cert.log".to_owned()), "{:?}", names("certs"));
    assert!(names("snaps").iter().any(|name| name.ends_with(".snap")), "{:?}", names("snaps"));
    assert_eq!(names("crashes").len(), 1);
    assert_eq!(names("counted"), ["metrics.jsonl"]);
    let inside = names("node");
    for name in ["cert.log", "snapshots", "quarantine", "metrics"] {
        assert!(!inside.contains(&name.to_owned()), "{inside:?}");
    }
    // Found again there, and nowhere else.
    assert_eq!(start.on(&folder).node().status()["accepted_ids"], "1");
}

#[test]
fn a_batch_waits_for_what_another_writer_is_about_to_send() {
    let node = Start::default().arg(&["--batch-size", "1", "--flush-ms", "10", "--hold-ms", "30000"]).node();
    let mut late = event(2, 5, "leans on what comes later");
    late["deps"] = json!([id(1, 1)]);
    node.post("/api/events?log=b", JSON, late.to_string().as_bytes()).ok();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(node.status()["waiting_events"], 1, "{:#}", node.status());
    let begun = Instant::now();
    assert_eq!(node.certify("a", &event(1, 1, "it"))["certified"]["set_aside"], json!([]));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(node.status()["accepted_ids"], "2");
    node.stop();

    // Not for ever; and not at all where nothing is waited for.
    for hold in ["200", "0"] {
        let node = Start::default().arg(&["--flush-ms", "10", "--hold-ms", hold]).node();
        let settled = node.certify("b", &late);
        assert_eq!(settled["certified"]["set_aside"], json!([id(2, 5)]), "{settled:#}");
        let incidents = node.get("/api/incidents").ok();
        assert_eq!(incidents["incidents"][0]["kind"], "conflict");
    }
}

#[test]
fn tokens_come_and_go_while_the_node_runs() {
    let node = Start::default().node();
    let token = |args: &[&str], exit| node.run(&[&["token"], args, &["--data", "node"]].concat(), exit);
    let made = token(&["add", "--name", "alice", "--scope", "append", "--log", "alice"], 0);
    let secret = made["token"].as_str().unwrap().to_owned();
    let post = |lamport| {
        let body = event(1, lamport, "x").to_string();
        node.post_as(&format!("Bearer {secret}"), "/api/events?log=alice", JSON, body.as_bytes()).unwrap()
    };
    post(1).ok();
    token(&["revoke", "--name", "alice"], 0);
    post(2).problem(401, "unauthorized");
    // A file that is half written takes nobody's rights away, and gives none.
    let path = node.path("tokens.toml");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    node.certify("a", &event(2, 1, "x"));
    post(2).problem(401, "unauthorized");
    std::fs::write(&path, &whole).unwrap();
    node.certify("a", &event(2, 2, "x"));
}

#[test]
fn traces_reach_a_collector_and_a_node_works_without_it() {
    let (address, posts) = collector();
    let node = Start::default().env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).node();
    node.certify("a", &event(1, 1, "x"));
    node.stop();
    let (path, body) = posts.recv_timeout(Duration::from_secs(30)).expect("a trace");
    assert_eq!(path, "/v1/traces");
    // Protocol buffers: names stand in them as they are.
    for name in ["omega", "settle", "service.name"] {
        assert!(body.windows(name.len()).any(|window| window == name.as_bytes()), "no {name:?}");
    }

    let node = Start::default().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9").node();
    node.certify("a", &event(1, 1, "x"));
    let begun = Instant::now();
    node.stop();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Takes whatever is posted to it; gives its address, and path and body of each request.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, posts) = channel();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut length = 0;
            while line.trim() != "" {
                line.clear();
                reader.read_line(&mut line).unwrap();
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            _ = tell.send((path, body));
        }
    });
    (address, posts)
}
