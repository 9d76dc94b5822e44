//! Logs that agree: every honest use of the format, and every limit at its cap.

use super::{Recipe, large, merge};
use crate::common::{Ev, ev, log, sign};

const ID_MAX: u128 = (1 << 112) - 1;

pub(super) fn recipes() -> Vec<Recipe> {
    let one = |events: &[Ev]| vec![vec![log("a", events)]];
    let after = |prior: &[Ev], events: &[Ev]| vec![vec![log("a", prior)], vec![log("a", events)]];
    let linked = [ev(1, 1), ev(2, 2).prev(1), ev(3, 3).prev(2)];
    let concurrent = [ev(1, 1).stream(0x8000), ev(2, 1).stream(0x8000), ev(3, 1).stream(0xFFFF)];
    let claims = [
        ev(1, 1),
        ev(2, 2),
        ev(3, 3).node(2).deps(&[1, 2]).claim(7),
        ev(4, 3).node(3).deps(&[1, 2]).claim(7),
    ];
    vec![
        merge("empty-log", "a log without events", one(&[])),
        merge("one-event", "one event", one(&[ev(1, 1)])),
        merge("linked-stream", "a stream in which each event names the one before it", one(&linked)),
        merge(
            "link-begins-late",
            "links may begin at any event",
            one(&[ev(1, 1), ev(2, 2), ev(3, 3).prev(2)]),
        ),
        merge(
            "events-backwards",
            "events in the log in another than canonical order",
            one(&[linked[2].clone(), linked[0].clone(), linked[1].clone()]),
        ),
        merge("causal-only-stream", "a causal-only stream, where lamport need not rise", one(&concurrent)),
        merge(
            "last-judged-stream",
            "stream 0x7FFF is judged",
            one(&[ev(1, 1).stream(0x7FFF), ev(2, 2).stream(0x7FFF)]),
        ),
        merge(
            "overlap",
            "two logs that share an event",
            vec![vec![log("a", &[ev(1, 1), ev(2, 2)]), log("b", &[ev(2, 2), ev(3, 3).node(2)])]],
        ),
        merge("copies", "a log three times", vec![vec![log("a", &linked); 3]]),
        merge(
            "deps",
            "events that depend on events of another writer",
            one(&[ev(1, 1), ev(2, 2).node(2).deps(&[1]), ev(3, 3).node(3).deps(&[1, 2])]),
        ),
        merge("claims-agree", "two claims over one past that agree", one(&claims)),
        merge(
            "claims-over-nothing",
            "claims over an empty past are not compared",
            one(&[ev(1, 1).claim(1), ev(2, 1).node(2).claim(2)]),
        ),
        merge("salted", "a payload hash that is keyed by a salt", one(&[ev(1, 1).salted(9)])),
        merge("erased", "an erased payload", one(&[ev(1, 1).erased(), ev(2, 2)])),
        merge(
            "erased-salted",
            "an erased payload that was salted: the salt is gone with it",
            one(&[ev(1, 1).salted(9).erased()]),
        ),
        merge(
            "all-fields",
            "an event with every field",
            one(&[ev(1, 1), ev(2, 2).prev(1).deps(&[1]).claim(3).salted(4)]),
        ),
        merge("payload-empty", "a payload of no bytes", one(&[ev(1, 1).text("")])),
        merge("payload-unpadded", "a payload of a whole number of words", one(&[ev(1, 1).text("12345678")])),
        merge("id-greatest", "the greatest id, 2^112 - 1", one(&[ev(ID_MAX, 1), ev(1, 2).deps(&[ID_MAX])])),
        merge("lamport-least-and-greatest", "lamport 0 and 2^64 - 1", one(&[ev(1, 0), ev(2, u64::MAX)])),
        merge("node-greatest", "node 0 and 2^32 - 1", one(&[ev(1, 1).node(0), ev(2, 1).node(u32::MAX)])),
        merge("name-longest", "a name of 64 bytes", vec![vec![log(&"n".repeat(64), &[ev(1, 1)])]]),
        merge(
            "name-utf-8",
            "a name with characters of several bytes",
            vec![vec![log("Журнал ∮ 日誌", &[ev(1, 1)])]],
        ),
        merge(
            "goes-on",
            "a second batch that goes on from the frontier",
            after(&linked, &[ev(4, 4).prev(3).deps(&[1])]),
        ),
        merge(
            "redelivered",
            "a second batch that repeats what was accepted",
            after(&linked, &[linked[1].clone(), linked[2].clone(), ev(4, 4).prev(3)]),
        ),
        merge("redelivered-alone", "a second batch of nothing new", after(&linked, &linked)),
        merge(
            "late-in-causal-only",
            "a causal-only stream takes in what comes late",
            after(&concurrent, &[ev(4, 0).stream(0x8000)]),
        ),
        merge("signed", "a head that fits", vec![vec![signed(&linked)]]),
        merge("signed-empty", "a head over no events", vec![vec![signed(&[])]]),
        merge(
            "signed-then-appended",
            "a head that is not last signs nothing, and harms nothing",
            vec![vec![appended(&linked)]],
        ),
        merge("signed-twice", "of two heads the last counts", vec![vec![twice()]]),
        large(merge("payload-longest", "a payload of 1 MiB", one(&[ev(1, 1).text(&"m".repeat(1 << 20))]))),
        large(merge("deps-most", "1,024 deps", one(&many_deps(1024)))),
        large(merge(
            "message-longest",
            "the longest message: 1 MiB, 1,024 deps, claim and salt",
            one(&longest()),
        )),
        large(merge("logs-most", "4,096 logs", vec![vec![log("a", &[]); 4096]])),
    ]
}

fn signed(events: &[Ev]) -> Vec<u8> {
    let mut log = log("a", events);
    sign(&mut log, 1);
    log
}

fn appended(events: &[Ev]) -> Vec<u8> {
    let mut bytes = signed(events);
    bytes.extend_from_slice(&log("a", &[ev(9, 9).node(9)])[128..]);
    bytes
}

fn twice() -> Vec<u8> {
    let mut bytes = signed(&[ev(1, 1)]);
    sign(&mut bytes, 2);
    bytes
}

/// So many events and one that depends on all of them.
pub(super) fn many_deps(count: u128) -> Vec<Ev> {
    let mut events: Vec<Ev> = (1..=count).map(|id| ev(id, id as u64)).collect();
    let deps: Vec<u128> = (1..=count).collect();
    events.push(ev(count + 1, count as u64 + 1).deps(&deps));
    events
}

fn longest() -> Vec<Ev> {
    let mut events = many_deps(1024);
    let last = events.pop().unwrap();
    events.push(last.text(&"m".repeat(1 << 20)).claim(1).salted(2));
    assert_eq!(events.last().unwrap().message().len() as u32, omega_kernel::limits::MAX_MESSAGE_BYTES - 48);
    events
}
