//! Connections without a client library: bytes that no client would send, or not yet.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::node::Node;

pub fn address(node: &Node) -> String {
    node.url.split("//").nth(1).unwrap().to_owned()
}

pub fn connect(node: &Node) -> TcpStream {
    let socket = TcpStream::connect(address(node)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    socket
}

/// Sends these bytes and nothing else, half-closes where asked, and gives what comes until the end.
pub fn raw(node: &Node, bytes: &[u8], half_close: bool) -> String {
    let mut socket = connect(node);
    _ = socket.write_all(bytes);
    if half_close {
        _ = socket.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer; 0 where there is none.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// The node answers, quickly, and holds nothing that it should not.
#[track_caller]
pub fn is_well(node: &Node) {
    let begun = Instant::now();
    let now = node.status();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(now["readiness"]["ready"], true, "{now:#}");
    assert!(!node.said().contains("panicked"), "{}", node.said());
}
