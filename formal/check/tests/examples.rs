//! Batches that theorems of the model are about, judged by the kernel: what is proved to fail does fail.

use omega_formal::{Numbering, Occurrence, kernel};
use omega_kernel::session::Session;

use crate::common::{Ev, ev, log};
use crate::random::occurrence;

/// What the kernel says of batches of one log each, one after the other: "M" or the predicate.
fn verdicts(batches: &[Vec<&Ev>]) -> Vec<String> {
    let occurrences: Vec<Occurrence> = batches.iter().flatten().map(|event| occurrence(event)).collect();
    let numbering = Numbering::new(&occurrences);
    let mut session = Session::genesis();
    let verdict = |events: &Vec<&Ev>| {
        let events: Vec<Ev> = events.iter().map(|&event| event.clone()).collect();
        let answer = kernel::judge(&mut session, &[log("log", &events)], &numbering).expect("a verdict");
        answer.strip_prefix("O ").map_or("M", |found| &found[..4]).to_string()
    };
    batches.iter().map(verdict).collect()
}

/// `parts_may_merge_where_the_whole_does_not`: the state carries no claims.
#[test]
fn claims_are_compared_only_within_a_batch() {
    let root = ev(1, 1);
    let claiming = |n: u32, claim| ev(u128::from(n) + 10, 2).node(n).deps(&[1]).claim(claim);
    let (one, other) = (claiming(2, 5), claiming(3, 6));
    assert_eq!(verdicts(&[vec![&root], vec![&one], vec![&other]]), ["M", "M", "M"]);
    assert_eq!(verdicts(&[vec![&root, &one, &other]]), ["3002"]);
}

/// `closed_under_prev_is_not_enough`: predecessors in a stream are those before it in order.
#[test]
fn unlinked_events_of_a_stream_may_not_be_split_backwards() {
    let (first, second) = (ev(1, 1), ev(2, 2));
    assert_eq!(verdicts(&[vec![&first, &second]]), ["M"]);
    assert_eq!(verdicts(&[vec![&first], vec![&second]]), ["M", "M"]);
    assert_eq!(verdicts(&[vec![&second], vec![&first]]), ["M", "1001"]);
}
