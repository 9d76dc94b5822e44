//! Cuts a stream of JSON into objects, one at a time: a single object, an array of objects, or
//! objects one after another (JSON lines). Memory is bounded by one object.
//!
//! It only finds where an object ends; whether it is well formed is serde_json's to say. LF and CRLF
//! both end lines. A byte order mark is refused: RFC 8259 forbids writing one, and a file that has one
//! is often not UTF-8 at all.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, HostCode};
use crate::files::unreadable;

/// Bytes of one object: a payload of 1 MiB with every byte written as `\u00xx`, all dependencies, and
/// room for white space.
pub const MAX_OBJECT_BYTES: usize = 8 << 20;
/// Objects and arrays within each other: an event needs three.
pub const MAX_DEPTH: u32 = 16;

/// The objects of a JSON file.
#[derive(Debug)]
pub struct JsonValues<R> {
    input: BufReader<R>,
    path: PathBuf,
    place: Place,
    state: State,
    value: Vec<u8>,
}

/// A place in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Byte, from 0.
    pub offset: u64,
}

/// One object.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    /// Its bytes, from `{` to `}`.
    pub bytes: &'a [u8],
    /// Where it starts.
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    ArrayStart,
    ArrayNext,
    Lines,
    End,
}

impl<R: Read> JsonValues<R> {
    /// Starts at the first byte; `path` is what failures name.
    pub fn new(input: R, path: &Path) -> Self {
        JsonValues {
            input: BufReader::with_capacity(64 << 10, input),
            path: path.to_owned(),
            place: Place { line: 1, offset: 0 },
            state: State::Start,
            value: Vec::new(),
        }
    }

    /// The next object.
    pub fn read(&mut self) -> Result<Option<Value<'_>>, Failure> {
        loop {
            let found = self.skip_space()?;
            self.state = match (self.state, found) {
                (State::Start, None) => {
                    return Err(self
                        .fail(self.place, "the file is empty")
                        .hint("An empty log is written []."));
                }
                (State::Start, Some(b'[')) => self.step(State::ArrayStart),
                (State::ArrayStart | State::ArrayNext, Some(b']')) => self.step(State::End),
                (State::ArrayNext, Some(b',')) => {
                    self.step(State::ArrayNext);
                    match self.skip_space()? {
                        Some(b'{') => return self.object(State::ArrayNext).map(Some),
                        _ => return Err(self.fail(self.place, "expected an event behind the comma")),
                    }
                }
                (State::ArrayStart, Some(b'{')) => return self.object(State::ArrayNext).map(Some),
                (State::Start | State::Lines, Some(b'{')) => return self.object(State::Lines).map(Some),
                (State::Lines | State::End, None) => return Ok(None),
                (State::Start, Some(0xef | 0xfe | 0xff)) => {
                    return Err(self
                        .fail(self.place, "the file starts with a byte order mark or is not UTF-8")
                        .hint("Save it as UTF-8 without BOM (tail -c +4 drops a UTF-8 one)."));
                }
                (state, _) => return Err(self.fail(self.place, expected(state))),
            };
        }
    }

    /// Passes one byte.
    fn step(&mut self, state: State) -> State {
        self.input.consume(1);
        self.place.offset += 1;
        state
    }

    /// Passes white space and shows the byte behind it.
    fn skip_space(&mut self) -> Result<Option<u8>, Failure> {
        loop {
            let buffer = self.input.fill_buf().map_err(|error| unreadable(&error, &self.path))?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let space = buffer.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
            let found = buffer.get(space).copied();
            self.place.line += count_lines(&buffer[..space]);
            self.place.offset += space as u64;
            self.input.consume(space);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Reads the object that starts here.
    fn object(&mut self, then: State) -> Result<Value<'_>, Failure> {
        let start = self.place;
        self.value.clear();
        let mut scan = Scan::default();
        loop {
            let buffer = self.input.fill_buf().map_err(|error| unreadable(&error, &self.path))?;
            if buffer.is_empty() {
                let what = format!("the event that starts on line {} does not end", start.line);
                return Err(self.fail(start, &what));
            }
            let (taken, stop) = scan.over(buffer);
            self.value.extend_from_slice(&buffer[..taken]);
            let lines = count_lines(&buffer[..taken]);
            self.input.consume(taken);
            self.place.offset += taken as u64;
            self.place.line += lines;
            match stop {
                Stop::End => break,
                Stop::Wrong(what) => return Err(self.fail(self.place, what)),
                Stop::Buffer if self.value.len() > MAX_OBJECT_BYTES => {
                    let what = format!("the event is longer than {MAX_OBJECT_BYTES} bytes");
                    return Err(self.fail(start, &what));
                }
                Stop::Buffer => {}
            }
        }
        self.state = then;
        Ok(Value { bytes: &self.value, place: start })
    }

    fn fail(&self, place: Place, what: &str) -> Failure {
        failure(HostCode::JsonInvalid, &self.path, place, what)
    }
}

/// A failure at a place of a JSON file: the message names line and byte offset.
pub fn failure(code: HostCode, path: &Path, place: Place, what: &str) -> Failure {
    let message = format!("{}, line {}, byte {}: {what}", path.display(), place.line, place.offset);
    let mut failure = Failure::new(code, message).file(path);
    failure.offset = Some(place.offset);
    failure
}

fn expected(state: State) -> &'static str {
    match state {
        State::Start => "expected an event ({) or an array of events ([)",
        State::ArrayStart => "expected an event ({) or the end of the array (])",
        State::ArrayNext => "expected a comma or the end of the array (])",
        State::Lines => "expected the next event ({)",
        State::End => "expected nothing behind the array",
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Follows strings and nesting.
#[derive(Debug, Default)]
struct Scan {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

enum Stop {
    /// The object is complete.
    End,
    /// The buffer is.
    Buffer,
    Wrong(&'static str),
}

impl Scan {
    /// Bytes that belong to the object, and why it stopped behind them.
    fn over(&mut self, buffer: &[u8]) -> (usize, Stop) {
        for (at, &byte) in buffer.iter().enumerate() {
            if self.in_string {
                match byte {
                    b'\n' => return (at, Stop::Wrong("a line ends within a string (write \\n)")),
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' if self.depth == MAX_DEPTH => {
                    return (at, Stop::Wrong("nested more deeply than any event"));
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, Stop::End);
                    }
                }
                _ => {}
            }
        }
        (buffer.len(), Stop::Buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(u64, u64, String)>, Failure> {
        let mut values = JsonValues::new(text.as_bytes(), Path::new("in.json"));
        let mut seen = Vec::new();
        while let Some(value) = values.read()? {
            let text = String::from_utf8_lossy(value.bytes).into_owned();
            seen.push((value.place.line, value.place.offset, text));
        }
        Ok(seen)
    }

    #[test]
    fn objects_are_cut_out_of_every_form() {
        let a = (1, 0, r#"{"a":"}\"{"}"#.to_owned());
        assert_eq!(all(r#"{"a":"}\"{"}"#).unwrap(), std::slice::from_ref(&a));
        let two = all("{\"a\":\"}\\\"{\"}\r\n\r\n{\"b\":\n[1]}\n").unwrap();
        assert_eq!(two[0], a);
        assert_eq!((two[1].0, two[1].1), (3, 16));
        assert_eq!(all("[]").unwrap(), []);
        assert_eq!(all(" [ {} , {} ]\n").unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_list_of_objects_is_refused_with_its_place() {
        for (text, offset) in [
            ("", 0),
            ("\u{feff}{}", 0),
            ("7", 0),
            ("{} 7", 3),
            ("[{}", 3),
            ("[{},]", 4),
            ("[{}{}]", 3),
            ("[{}] {}", 5),
            ("{\"a\": 1", 0),
            ("{\"a\n", 3),
            ("{]", 2),
        ] {
            let result = all(text);
            if text == "{]" {
                assert_eq!(result.unwrap().len(), 1, "brackets are serde_json's to match");
                continue;
            }
            let failure = result.unwrap_err();
            assert_eq!(failure.code.name(), "json-invalid", "{text:?}");
            assert_eq!(failure.offset, Some(offset), "{text:?}: {}", failure.message);
        }
    }

    #[test]
    fn deep_and_long_input_costs_no_stack_and_no_memory() {
        let deep = format!("{{\"a\":{}", "[".repeat(1 << 20));
        assert!(all(&deep).unwrap_err().message.contains("nested"));
        let endless = std::io::Read::chain(&b"{\"a\":\""[..], std::io::repeat(b'x'));
        let failure = JsonValues::new(endless, Path::new("in.json")).read().unwrap_err();
        assert!(failure.message.contains("longer than"), "{}", failure.message);
    }
}
