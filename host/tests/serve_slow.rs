//! Clients that are slow, many, or send too much at once.

mod support {
    pub mod node;
    pub mod raw;
    pub mod stream;
}

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::node::{Node, Start, event, id};
use support::raw::{connect, is_well};
use support::stream::Stream;

const JSON: &str = "application/json";

/// Kilobytes in memory.
fn memory(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn who_is_slow_keeps_nobody_waiting_and_is_let_go_of() {
    let node = Node::new();
    let large = json!((1..=14).map(|lamport| event(9, lamport, &"x".repeat(1 << 20))).collect::<Vec<_>>());
    let height = node.certify("large", &large)["certified"]["height"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    // An answer that nobody takes, of more bytes than the system keeps for a connection.
    let mut unread = connect(&node);
    write!(unread, "GET /api/certificates/{height}/logs/0 HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // Headers that never end; a body that never comes; nothing at all; a connection kept for nothing.
    let head = format!(
        "POST /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\n",
        node.token
    );
    let slow: Vec<(&str, TcpStream)> = (0..300)
        .map(|number| {
            let mut socket = connect(&node);
            let name = ["headers", "body", "nothing", "kept"][number % 4];
            match name {
                "headers" => socket.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap(),
                "body" => socket.write_all(format!("{head}\r\n[").as_bytes()).unwrap(),
                "kept" => socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap(),
                _ => {}
            }
            (name, socket)
        })
        .collect();
    for number in 1..=20 {
        let at = Instant::now();
        node.certify("a", &event(1, number, "x"));
        assert!(at.elapsed() < Duration::from_secs(5), "{:?}", at.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    // Within 10 seconds for headers and 60 for a body; this machine does much else.
    for (name, mut socket) in slow {
        let mut rest = Vec::new();
        let ended = socket.read_to_end(&mut rest);
        assert!(ended.is_ok(), "{name}: {ended:?} after {:?}", begun.elapsed());
        let text = String::from_utf8_lossy(&rest);
        match name {
            "body" => assert!(text.contains("408") && text.contains("timeout"), "{text}"),
            "kept" => assert!(text.contains("200 OK"), "{text}"),
            _ => assert!(text.is_empty() || text.contains("408"), "{name}: {text}"),
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(85), "{:?}", begun.elapsed());
    thread::sleep(Duration::from_secs(70).saturating_sub(begun.elapsed()));
    let mut taken = Vec::new();
    _ = unread.read_to_end(&mut taken);
    assert!(taken.len() < 14 << 20, "{} bytes, after {:?}", taken.len(), begun.elapsed());
    is_well(&node);
    node.stop();
}

#[test]
fn a_thousand_readers_who_do_not_read_cost_little_and_hear_all_of_it() {
    let mut start = Start::default().arg(&["--flush-ms", "5"]);
    // What a shell gives at first.
    start.before = ["sh", "-c", "ulimit -Sn 1024; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let node = start.node();
    let before = memory(&node);
    // Each end of a connection is a file of this process, too.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit { current: limit.maximum, ..limit },
    )
    .unwrap();
    let mut readers: Vec<Stream> = (0..1000).map(|_| Stream::after(&node, 0)).collect();
    for number in 1..=200 {
        node.certify("a", &json!([event(1, number, "x"), event(2, number, "y")]));
    }
    let metrics = String::from_utf8(node.get("/metrics").body).unwrap();
    assert!(metrics.contains("omega_stream_readers 1000"), "{metrics}");
    let grown = memory(&node).saturating_sub(before);
    println!("a thousand readers: {grown} KB more");
    assert!(grown < 400_000, "{grown} KB");
    let newest: u64 = node.status()["height"].as_str().unwrap().parse().unwrap();
    for reader in readers.iter_mut().step_by(97) {
        let heights: Vec<u64> = (0..newest).map(|_| reader.next().unwrap().id.unwrap()).collect();
        assert_eq!(heights, (1..=newest).collect::<Vec<u64>>());
    }
    is_well(&node);
    // Those who go away are forgotten.
    drop(readers);
    let forgotten = (0..400).any(|number| {
        node.certify("b", &event(3, number + 1, "z"));
        thread::sleep(Duration::from_millis(50));
        String::from_utf8(node.get("/metrics").body).unwrap().contains("omega_stream_readers 0")
    });
    assert!(forgotten);
    let begun = Instant::now();
    node.stop();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn too_much_at_once_is_told_to_come_later_and_memory_stays_bounded() {
    let node = Start::default().arg(&["--flush-ms", "1000", "--batch-size", "1000000"]).node();
    let large = |writer: u32, number: u64| {
        json!(
            (0..14)
                .map(|place| event(writer, number * 100 + place, &"x".repeat(1 << 20)))
                .collect::<Vec<_>>()
        )
        .to_string()
    };
    let counts: Vec<(u64, u64)> = thread::scope(|scope| {
        let node = &node;
        let sending: Vec<_> = (1..=12)
            .map(|writer| {
                scope.spawn(move || {
                    let (mut taken, mut busy) = (0, 0);
                    for number in 1..=4 {
                        let body = large(writer, number);
                        let answer = node.post(&format!("/api/events?log={writer}"), JSON, body.as_bytes());
                        match answer.status {
                            200 => taken += 14,
                            429 => {
                                answer.problem(429, "busy");
                                assert_eq!(answer.header("retry-after"), Some("1"));
                                busy += 1;
                            }
                            other => panic!("{other}: {}", answer.json()),
                        }
                    }
                    (taken, busy)
                })
            })
            .collect();
        sending.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let taken: u64 = counts.iter().map(|(taken, _)| taken).sum();
    println!(
        "{taken} events of 1 MiB, {} refusals, {} MB",
        counts.iter().map(|it| it.1).sum::<u64>(),
        memory(&node) / 1024
    );
    assert_eq!(node.status()["events"], taken.to_string());
    assert!(memory(&node) < 2 << 20, "{} KB", memory(&node));
    assert_eq!(node.get(&format!("/api/events/{}", id(99, 1))).status, 404);
    node.stop();
}
