//! The stream, tokens and TLS of a node.

mod support {
    pub mod node;
    pub mod stream;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::node::{Start, event, id};
use support::stream::Stream;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const JSON: &str = "application/json";

#[test]
fn whoever_comes_back_misses_nothing_and_hears_nothing_twice() {
    let node = Start::default().arg(&["--batch-size", "1", "--flush-ms", "1"]).node();
    let done = AtomicBool::new(false);
    let heights = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=300 {
                let body = event(1, number, "x").to_string();
                node.post("/api/events?log=a&wait=certified", JSON, body.as_bytes()).ok();
            }
            done.store(true, Ordering::Release);
        });
        // Comes back after every few, in the middle of what happens.
        let (mut heights, mut last) = (Vec::new(), 0);
        while !done.load(Ordering::Acquire) || last < 300 {
            let mut stream = Stream::after(&node, last);
            for _ in 0..7.min(300 - last) {
                let told = stream.next().unwrap();
                assert_eq!(told.kind, "certificate");
                last = told.id.unwrap();
                let certificate: Value = serde_json::from_str(&told.data).unwrap();
                assert_eq!(certificate["height"], last.to_string());
                heights.push(last);
            }
        }
        heights
    });
    assert_eq!(heights, (1..=300).collect::<Vec<u64>>());

    // Who asks for what is not there yet hears what comes; and what is no height is no place.
    let mut ahead = Stream::after(&node, 99_999);
    node.certify("a", &event(1, 301, "x"));
    assert_eq!(ahead.next().unwrap().id, Some(301));
    let mut from = Stream::open(&node, "/api/stream?after=299", &[]);
    assert_eq!(from.next().unwrap().id, Some(300));
    assert_eq!(Stream::open(&node, "/api/stream?after=-1", &[]).status, 400);
}

#[test]
fn who_missed_too_much_hears_of_the_gap_and_incidents_are_told() {
    let node = Start::default().arg(&["--batch-size", "1", "--flush-ms", "0"]).node();
    // One request, one batch; several connections make it quick.
    thread::scope(|scope| {
        for writer in 1..=4 {
            let node = &node;
            scope.spawn(move || {
                for number in 1..=300 {
                    node.certify(&writer.to_string(), &event(writer, number, "x"));
                }
            });
        }
    });
    let newest: u64 = node.status()["height"].as_str().unwrap().parse().unwrap();
    let mut stream = Stream::after(&node, 0);
    let mut told = 0;
    if newest > 1000 {
        let gap = stream.next().unwrap();
        let data: Value = serde_json::from_str(&gap.data).unwrap();
        assert_eq!((gap.kind.as_str(), &data["from"]), ("gap", &json!("1")));
        told = data["to"].as_str().unwrap().parse().unwrap();
        assert_eq!(newest - told, 1000);
    }
    for height in told + 1..=newest {
        assert_eq!(stream.next().unwrap().id, Some(height));
    }
    // Now a conflict: its certificate and its incident.
    let other = json!({ "id": id(1, 1), "node": 1, "lamport": "1", "payload": "other" });
    node.certify("b", &other);
    let mut kinds: Vec<String> = (0..2).map(|_| stream.next().unwrap().kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["certificate", "incident"]);
    // Ending the node ends the stream, and soon.
    let begun = Instant::now();
    node.stop();
    assert_eq!(stream.next(), None);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn tokens_allow_what_they_say_and_nothing_else() {
    let node = Start::default().node();
    let folder = Arc::clone(&node.folder);
    let path = node.path("tokens.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&node.token));
    for (name, scopes, logs) in [("reader", "\"read\"", ""), ("alice", "\"append\"", "logs = [\"alice\"]")] {
        let hash = blake3::hash(format!("omega_{name}").as_bytes()).to_hex();
        text += &format!("\n[[token]]\nname = \"{name}\"\nhash = \"{hash}\"\nscopes = [{scopes}]\n{logs}\n");
    }
    node.stop();
    std::fs::write(&path, text).unwrap();
    let node = Start::default().on(&folder).node();
    let body = event(1, 1, "one").to_string();
    let post = |who: &str, log: &str| {
        node.post_as(who, &format!("/api/events{log}"), JSON, body.as_bytes()).unwrap()
    };
    post("Bearer omega_alice", "?log=bob").problem(403, "forbidden");
    post("Bearer omega_alice", "").problem(403, "forbidden");
    let refused = post("Bearer omega_reader", "?log=alice").problem(403, "forbidden");
    assert!(refused["message"].as_str().unwrap().contains("append"), "{refused}");
    for who in ["", "Bearer", "Bearer ", "Bearer omega_nobody", "Basic b21lZ2E6", "omega_alice"] {
        let refused = post(who, "?log=alice");
        refused.problem(401, "unauthorized");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    let operate = |path: &str| node.post_as("Bearer omega_alice", path, JSON, b"{}").unwrap();
    for path in ["/api/kernels", "/api/kernels/rollback", "/api/incidents/1/resolve", "/api/kernels/00/swap"]
    {
        operate(path).problem(403, "forbidden");
    }
    assert_eq!(node.status()["events"], "0");
    post("bearer omega_alice", "?log=alice").ok();
    assert_eq!(node.status()["events"], "1");
    node.stop();

    // A file of tokens that is none: said, and nothing is served.
    std::fs::write(&path, "[[token]]\nname = 7\n").unwrap();
    let (exit, object) = Start::default().on(&folder).refused();
    assert_eq!((exit, object["code"].as_str()), (2, Some("usage")), "{object:#}");
    assert!(object["file"].as_str().unwrap().ends_with("tokens.toml"), "{object:#}");
}

#[test]
fn it_serves_tls_with_a_certificate_of_the_operator() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let trusted = Certificate::from_der(made.cert.der()).to_owned();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(vec![trusted])))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    let start = Start { tls: Some(tls), ..Start::default() }.on(&folder);
    let node = start.clone().arg(&["--tls-cert", "tls.pem", "--tls-key", "tls.key"]).node();
    assert!(node.url.starts_with("https://"), "{}", node.url);
    node.certify("alice", &event(1, 1, "over TLS"));
    // Who speaks without TLS, or nothing at all, is let go of, and keeps nobody waiting.
    let address = node.url.split("//").nth(1).unwrap();
    let silent = std::net::TcpStream::connect(address).unwrap();
    let mut plain = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    _ = std::io::Read::read_to_end(&mut plain, &mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert_eq!(node.status()["events"], "1");
    drop(silent);
    node.stop();

    for (certificate, key, what) in
        [("tls.key", "tls.key", "key"), ("tls.pem", "tls.pem", "key"), ("none.pem", "tls.key", "cert")]
    {
        let (exit, object) = start.clone().arg(&["--tls-cert", certificate, "--tls-key", key]).refused();
        assert!(exit == 2 || exit == 30 || exit == 20, "{what}: {exit} {object:#}");
        assert!(object["file"].is_string(), "{object:#}");
    }
    let (exit, object) = start.arg(&["--tls-cert", "tls.pem"]).refused();
    assert_eq!((exit, object["code"].as_str()), (2, Some("usage")), "{object:#}");
}
