//! A reader of `/api/stream`.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::node::{Answer, Node};

/// A connection that reads server-sent events.
pub struct Stream {
    reader: BufReader<TcpStream>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub kind: String,
    pub id: Option<u64>,
    pub data: String,
}

impl Stream {
    /// Connects; `headers` are lines of the request.
    #[track_caller]
    pub fn open(node: &Node, path: &str, headers: &[String]) -> Self {
        let address = node.url.split("//").nth(1).unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {address}\r\n{lines}\r\n").unwrap();
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Stream { reader, status, headers }
    }

    /// From the certificate after this one on.
    pub fn after(node: &Node, height: u64) -> Self {
        let stream = Self::open(node, "/api/stream", &[format!("last-event-id: {height}")]);
        assert_eq!(stream.status, 200);
        stream
    }

    /// The next event; none where the connection has ended.
    pub fn next(&mut self) -> Option<Told> {
        let mut told = Told { kind: String::new(), id: None, data: String::new() };
        loop {
            let line = self.line()?;
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                Some(("event", kind)) => told.kind = kind.to_owned(),
                Some(("id", id)) => told.id = id.parse().ok(),
                Some(("data", data)) => told.data.push_str(data),
                _ if line.is_empty() && !told.kind.is_empty() => return Some(told),
                // Comments, and the sizes of chunks.
                _ => {}
            }
        }
    }

    /// A line of the body. Sizes of chunks stand between them, as lines of their own.
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(16 << 20).read_until(b'\n', &mut line);
        if read.is_err() || line.is_empty() {
            return None;
        }
        Some(String::from_utf8(line).unwrap().trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// How an answer begins that has no end.
pub fn beginning(node: &Node, token: &str, path: &str) -> Answer {
    let stream = Stream::open(node, path, &[format!("authorization: Bearer {token}")]);
    Answer { status: stream.status, headers: stream.headers.clone(), body: Vec::new() }
}
