//! What the vectors under `tests/vectors` are made of: one recipe a vector, one fault a recipe.
//!
//! A recipe says by hand what must come out. The bytes of the logs, the body's hash and the state
//! root are then written down from what the recipe makes and the kernel answers (`OMEGA_BLESS=1`).

use omega_kernel::evidence::Kind;
use omega_kernel::fault::FaultCode;
use omega_kernel::frame::{self, LogHeader};

use crate::common::Ev;

mod accept;
mod decline;
mod messages;
mod reject;

/// A vector.
pub struct Recipe {
    /// Its folder's name.
    pub name: &'static str,
    /// What it shows, in one line.
    pub title: &'static str,
    /// The logs of each batch, judged one after the other from genesis. What is expected is
    /// expected of the last one.
    pub batches: Vec<Vec<Vec<u8>>>,
    /// What must come out.
    pub expect: Expect,
    /// Whether its logs are too large for the tree and are made when they are needed.
    pub large: bool,
}

/// What must come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The logs agree.
    Merge,
    /// They do not: the kind of the smallest violation, and per predicate how many there are.
    Conflict(Kind, Vec<(u16, u64)>),
    /// There is no verdict.
    Fault { code: FaultCode, log: Option<u32>, offset: Option<u64> },
}

impl Expect {
    /// The folder among whose vectors it belongs.
    pub fn folder(&self) -> &'static str {
        match self {
            Expect::Merge => "accept",
            Expect::Conflict(..) => "reject",
            Expect::Fault { .. } => "decline",
        }
    }
}

/// All recipes.
pub fn all() -> Vec<Recipe> {
    let mut all = accept::recipes();
    all.extend(reject::recipes());
    all.extend(decline::recipes());
    all.extend(messages::recipes());
    all
}

/// A log named "a" around messages.
fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut log = LogHeader::new("a").unwrap().encode().to_vec();
    messages.iter().for_each(|message| frame::write_frame(message, &mut log));
    log
}

/// A list in a message, as a pointer stands for it.
enum List {
    Null,
    Bytes(Vec<u8>),
    Words(Vec<u64>),
    /// Four-byte elements: a type that no field has.
    Halves(Vec<u32>),
}

/// The message of an event, laid out as told and not as it should be.
fn raw_message(event: &Ev, state: u16, lists: &[List]) -> Vec<u8> {
    let mut words = data_words(event, state);
    words[0] |= (lists.len() as u64) << 48;
    let (mut objects, first) = (Vec::<u8>::new(), words.len());
    for (index, list) in lists.iter().enumerate() {
        let (element, count, bytes) = match list {
            List::Null => {
                words.push(0);
                continue;
            }
            List::Bytes(bytes) => (2u64, bytes.len(), bytes.clone()),
            List::Words(list) => (5, list.len(), list.iter().flat_map(|word| word.to_le_bytes()).collect()),
            List::Halves(list) => (4, list.len(), list.iter().flat_map(|half| half.to_le_bytes()).collect()),
        };
        let ahead = (lists.len() - index - 1 + objects.len() / 8) as u64;
        words.push(ahead << 2 | 1 | element << 32 | (count as u64) << 35);
        objects.extend_from_slice(&bytes);
        objects.resize(objects.len().next_multiple_of(8), 0);
    }
    assert_eq!(words.len(), first + lists.len());
    [words.iter().flat_map(|word| word.to_le_bytes()).collect(), objects].concat()
}

/// Root pointer (without pointers) and data section of an event.
fn data_words(event: &Ev, state: u16) -> Vec<u64> {
    let header = &event.header;
    let mut words = vec![11 << 32, header.lamport];
    words.extend([
        header.id as u64,
        (header.id >> 64) as u64,
        header.prev as u64,
        (header.prev >> 64) as u64,
    ]);
    words.push(header.payload_len);
    words.extend(header.payload_hash.chunks(8).map(|part| u64::from_le_bytes(part.try_into().unwrap())));
    words.push(u64::from(header.node) | u64::from(header.stream) << 32 | u64::from(state) << 48);
    words
}

fn merge(name: &'static str, title: &'static str, batches: Vec<Vec<Vec<u8>>>) -> Recipe {
    Recipe { name, title, batches, expect: Expect::Merge, large: false }
}

fn fault(name: &'static str, title: &'static str, log: Vec<u8>, code: FaultCode, offset: u64) -> Recipe {
    let expect = Expect::Fault { code, log: Some(0), offset: Some(offset) };
    Recipe { name, title, batches: vec![vec![log]], expect, large: false }
}

fn large(recipe: Recipe) -> Recipe {
    Recipe { large: true, ..recipe }
}
