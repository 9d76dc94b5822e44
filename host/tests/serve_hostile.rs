//! Clients that mean no good, or do not know better: none of them makes the node fail, wait, or grow.

mod support {
    pub mod node;
    pub mod raw;
}

use support::node::{Node, event};
use support::raw::{address, is_well, raw, status};

const JSON: &str = "application/json";

#[test]
fn what_is_no_request_is_refused_or_let_go_of() {
    let node = Node::new();
    let at = address(&node);
    let long = "x".repeat(1 << 20);
    let many: String = (0..500).map(|number| format!("x-{number}: y\r\n")).collect();
    let cases: [(&str, Vec<u8>, &[u16]); 15] = [
        ("nothing", vec![], &[0]),
        ("no HTTP", b"hello\r\n\r\n".to_vec(), &[0, 400]),
        ("zeros", vec![0; 10_000], &[0, 400]),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], &[0, 400]),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n".to_vec(), &[0, 400]),
        ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n".to_vec(), &[200]),
        ("HTTP/2 said in vain", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400, 404, 405, 505]),
        ("a long path", format!("GET /{long} HTTP/1.1\r\nhost: {at}\r\n\r\n").into_bytes(), &[0, 414, 431]),
        ("a long header", format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n").into_bytes(), &[0, 431]),
        ("many headers", format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes(), &[431]),
        (
            "bytes in a header",
            b"GET /healthz HTTP/1.1\r\nconnection: close\r\nx: \xff\xfe\r\n\r\n".to_vec(),
            &[200, 400],
        ),
        (
            "two lengths",
            b"POST /api/events HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello".to_vec(),
            &[400],
        ),
        (
            "length and chunks",
            b"POST /api/events HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_vec(),
            &[400, 401],
        ),
        (
            "a bad chunk",
            b"POST /api/events HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
            &[400, 401],
        ),
        ("a method of its own", b"BREW /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(), &[405]),
    ];
    for (name, bytes, wanted) in cases {
        let answer = raw(&node, &bytes, true);
        assert!(wanted.contains(&status(&answer)), "{name}: {}", &answer[..answer.len().min(300)]);
    }
    is_well(&node);
}

#[test]
fn paths_lead_nowhere_that_is_not_meant() {
    let node = Node::new();
    node.certify("a", &event(1, 1, "x"));
    let secret = &node.token;
    for path in [
        "/kernels/../token",
        "/kernels/..%2ftoken",
        "/kernels/%2e%2e%2ftoken.wasm",
        "/api/kernels/..%2f..%2ftoken",
        "/api/certificates/..%2fnode.key",
        "/api/certificates/1/logs/..%2f..",
        "/api/snapshots/..%2f1",
        "/api/events/%00",
        "/api/events/%ff%fe",
        "/api/events/-1",
        "/api/incidents/18446744073709551616",
        "/api/certificates/+1%00",
        "/api/certificates?from=18446744073709551615&limit=18446744073709551615",
        "/api/certificates?limit=0",
        "/api/certificates?limit=-1",
        "/api/incidents?limit=99999999999999999999",
        "/api/incidents?before=0",
        "//api//status",
        "/api/status/",
        "/%",
        "/api/events/%zz",
        "/.git/config",
        "/token",
        "/node.key",
        "/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let answer = raw(
            &node,
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
            false,
        );
        assert!((200..500).contains(&status(&answer)), "{path}: {answer}");
        assert!(
            !answer.contains(secret) && !answer.contains("PRIVATE KEY") && !answer.contains("root:"),
            "{path}: {answer}"
        );
    }
    for path in ["/api/kernels/..%2f..%2ftoken/swap", "/api/kernels/%00/diff", "/api/incidents/-1/resolve"] {
        let answer = node.post(path, JSON, br#"{"action":"dismiss"}"#);
        assert!(
            answer.status == 404 || answer.status == 400 || answer.status == 422,
            "{path}: {}",
            answer.status
        );
    }
    for log in ["..%2f..%2fescape", "%00", "%0a", "a%2fb", "%ff", "..."] {
        let path = format!("/api/events?log={log}");
        let answer = node.post(&path, JSON, event(2, 1, "x").to_string().as_bytes());
        assert!(answer.status == 200 || answer.status == 400, "{log}: {}", answer.status);
    }
    // A log's name names no file.
    let folder = std::fs::read_dir(node.path("segments")).unwrap();
    for entry in folder {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.len() == "00000001.omega".len() && name.ends_with(".omega"), "{name}");
    }
    is_well(&node);
}

#[test]
fn requests_that_stand_in_a_row_are_answered_in_order() {
    let node = Node::new();
    let body = |number| event(1, number, "x").to_string();
    let mut all = String::new();
    for number in 1..=50 {
        let body = body(number);
        let close = if number == 50 { "connection: close\r\n" } else { "" };
        all += &format!(
            "POST /api/events?log=a HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: {JSON}\r\n{close}content-length: {}\r\n\r\n{body}",
            node.token,
            body.len()
        );
    }
    let answer = raw(&node, all.as_bytes(), true);
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 50, "{answer}");
    assert_eq!(node.status()["events"], "50");
    // A body that ends early is nothing.
    let cut = format!(
        "POST /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 500\r\n\r\n{}",
        node.token,
        body(51)
    );
    let answer = raw(&node, cut.as_bytes(), true);
    assert!(status(&answer) == 400 || status(&answer) == 0, "{answer}");
    assert_eq!(node.status()["events"], "50");
    // Chunks are a body like any other.
    let body = body(51);
    let chunked = format!(
        "POST /api/events?log=a HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        node.token,
        body.len()
    );
    assert_eq!(status(&raw(&node, chunked.as_bytes(), true)), 200);
    is_well(&node);
}
