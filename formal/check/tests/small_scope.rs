//! Exhaustive small scope: every batch of up to four events in two logs, over small domains.
//!
//! A scope is a set of events that differ in what one group of predicates looks at, and prior states. Every
//! multiset of up to four of its events is dealt out to two logs in every way (to the first, the second or both),
//! and judged on every prior state by kernel and specification, which must say the same: verdict, predicate,
//! anchor, coverage, next state. Left out by symmetry: the same events in another order within a log, and the
//! mirror image in which the two logs change places. Both change nothing in the model
//! (`reconcile_forgets_arrival`), and that they change nothing in the kernel is tested on its own
//! (`kernel/tests/determinism.rs`).

use std::collections::BTreeMap;

use omega_formal::{Difference, Numbering, Occurrence, Specification, kernel};
use omega_kernel::frame::{self, LogHeader};
use omega_kernel::session::Session;

use crate::common::{Ev, ev, log};
use crate::random::occurrence;

/// Events of a scope's batches, and the states that they are judged on.
struct Scope {
    name: &'static str,
    /// Each a batch of one log, which merges at genesis; an empty one leaves genesis.
    priors: Vec<Vec<Ev>>,
    events: Vec<Ev>,
    /// The ways to deal an event out: 1 the first log, 2 the second, 3 both.
    places: &'static [u8],
}

/// All combinations of the domains' values.
macro_rules! every {
    ($event:expr; $($name:ident in $domain:expr),+) => {{
        let mut events = Vec::new();
        every!(@ events, $event; $($name in $domain),+);
        events
    }};
    (@ $events:ident, $event:expr; $name:ident in $domain:expr $(, $more:ident in $others:expr)*) => {
        for $name in $domain { every!(@ $events, $event; $($more in $others),*); }
    };
    (@ $events:ident, $event:expr;) => { $events.push($event) };
}

const EITHER: &[u8] = &[1, 2];
const EITHER_OR_BOTH: &[u8] = &[1, 2, 3];

fn scopes() -> Vec<Scope> {
    let linked = || vec![ev(1, 1), ev(2, 2).prev(1)];
    let claim = |event: Ev, claim: u8| if claim == 0 { event } else { event.claim(claim) };
    let deps: [&[u128]; 5] = [&[], &[1], &[2], &[3], &[1, 2]];
    let payload = |event: Ev, payload: u8| match payload {
        0 => event,
        1 => event.mismatch(),
        2 => event.erased(),
        _ => event.mismatch().erased(),
    };
    vec![
        // 1001, 1004, with 1002 and 3001: one stream, three ids in every order, with links right and wrong.
        Scope {
            name: "one stream",
            priors: vec![vec![], vec![ev(1, 1)], linked()],
            events: every!(ev(id, lamport).prev(prev); id in 1..=3, lamport in 1..=3, prev in 0..=2),
            places: EITHER_OR_BOTH,
        },
        // A line of four: ids that ascend with lamport, or nearly, and every prev.
        Scope {
            name: "a line",
            priors: vec![vec![]],
            events: every!(ev(id, lamport).prev(prev);
                id in 1..=4, lamport in [id as u64, id as u64 + 1], prev in 0..=4),
            places: EITHER,
        },
        // The same across streams, one of them causal-only, and nodes.
        Scope {
            name: "three streams",
            priors: vec![vec![], linked()],
            events: every!(ev(id, lamport).node(place.0).stream(place.1).prev(prev);
                id in 1..=3, lamport in 1..=2, prev in 0..=1, place in [(1, 0), (2, 0), (1, 0x8000)]),
            places: EITHER,
        },
        // 2002 and 2003: deps of every kind, of known events and of missing ones.
        Scope {
            name: "deps",
            priors: vec![vec![], vec![ev(1, 1).stream(0x8000)]],
            events: every!(ev(id, lamport).stream(0x8000).deps(deps);
                id in 1..=3, lamport in 1..=2, deps in deps),
            places: EITHER_OR_BOTH,
        },
        // 3002: claims over equal and other pasts, told by deps or by prev, known or not.
        Scope {
            name: "claims",
            priors: vec![
                vec![ev(1, 1).stream(0x8000)],
                vec![ev(1, 1).stream(0x8000), ev(2, 2).stream(0x8000).deps(&[1]).claim(1)],
            ],
            events: every!(claim(ev(id, 2).stream(0x8000).prev(past.0).deps(past.1), named);
                id in 2..=4, named in 0..=2, past in [(0, &[][..]), (0, &[1][..]), (1, &[][..])]),
            places: EITHER_OR_BOTH,
        },
        // 1003 and 2001: ids at the edges of the domain, with equal low bits, and payloads of every kind.
        Scope {
            name: "ids and payloads",
            priors: vec![vec![], vec![ev(1, 1)]],
            events: every!(payload(ev(id, lamport), kind);
                id in [0, 1, (1 << 112) | 1], lamport in 1..=2, kind in 0..=3),
            places: EITHER_OR_BOTH,
        },
    ]
}

/// An event of a scope in one of its places.
struct Piece {
    place: u8,
    frame: Vec<u8>,
    token: String,
    /// The piece that this one is in the mirror.
    mirrored: usize,
}

fn pieces(scope: &Scope, numbering: &Numbering) -> Vec<Piece> {
    let ways = scope.places.len();
    let piece = |(nth, event): (usize, &Ev)| {
        let mut written = Vec::new();
        frame::write_frame(&event.message(), &mut written);
        let token = numbering.occurrence(&occurrence(event));
        let pieces = scope.places.iter().map(move |&place| {
            // 1 and 2 change places, 3 stays.
            let mirrored = scope.places.iter().position(|&other| other == [0, 2, 1, 3][place as usize]);
            let mirrored = nth * ways + mirrored.expect("the place beside");
            Piece { place, frame: written.clone(), token: token.clone(), mirrored }
        });
        pieces.collect::<Vec<_>>()
    };
    scope.events.iter().enumerate().flat_map(piece).collect()
}

/// Calls `each` with every multiset of up to `most` pieces, as ascending indexes, but one of each pair of mirror
/// images, until it says no.
fn multisets(pieces: &[Piece], most: usize, each: &mut impl FnMut(&[usize]) -> bool) {
    fn further(
        chosen: &mut Vec<usize>,
        pieces: &[Piece],
        most: usize,
        each: &mut impl FnMut(&[usize]) -> bool,
    ) -> bool {
        let mut mirror: Vec<usize> = chosen.iter().map(|&piece| pieces[piece].mirrored).collect();
        mirror.sort_unstable();
        if *chosen <= mirror && !each(chosen) {
            return false;
        }
        if chosen.len() == most {
            return true;
        }
        (chosen.last().copied().unwrap_or(0)..pieces.len()).all(|piece| {
            chosen.push(piece);
            let go_on = further(chosen, pieces, most, each);
            chosen.pop();
            go_on
        })
    }
    further(&mut Vec::new(), pieces, most, each);
}

/// What both were asked, by what came out.
#[derive(Default)]
struct Tally {
    batches: u64,
    answers: BTreeMap<String, u64>,
}

impl Tally {
    fn count(&mut self, answer: &str) {
        self.batches += 1;
        let outcome = answer.strip_prefix("O ").map_or("merge", |found| &found[..4]);
        *self.answers.entry(outcome.into()).or_default() += 1;
    }

    fn add(&mut self, other: Tally) {
        self.batches += other.batches;
        for (outcome, count) in other.answers {
            *self.answers.entry(outcome).or_default() += count;
        }
    }
}

/// Puts a scope's batches of up to `most` events to kernel and specification.
fn exhaust(scope: &Scope, most: usize, specification: &Specification) -> Result<Tally, Box<Difference>> {
    let mut tally = Tally::default();
    let occurrences: Vec<Occurrence> =
        scope.events.iter().chain(scope.priors.iter().flatten()).map(occurrence).collect();
    let numbering = Numbering::new(&occurrences);
    let pieces = pieces(scope, &numbering);
    let headers = ["first", "second"].map(|name| LogHeader::new(name).expect("a name").encode().to_vec());
    for prior in &scope.priors {
        let mut session = Session::genesis();
        let before = vec![vec![prior.iter().map(occurrence).collect()]];
        let before_answer =
            kernel::judge(&mut session, &[log("prior", prior)], &numbering).expect("a verdict");
        assert!(before_answer.starts_with('M'), "{}: {before_answer}", scope.name);
        let (before_line, state) = (numbering.line(&before), session.state().clone());
        let compared = specification.compare(|put| {
            multisets(&pieces, most, &mut |chosen| {
                let mut logs = headers.clone();
                let mut lines = [String::from("L "), String::from("L ")];
                for &piece in chosen {
                    let piece = &pieces[piece];
                    for at in 0..2 {
                        if piece.place >> at & 1 == 1 {
                            logs[at].extend_from_slice(&piece.frame);
                            lines[at].push_str(&piece.token);
                        }
                    }
                }
                let mut session = Session::from_state(state.clone());
                let answer = kernel::judge(&mut session, &logs, &numbering).expect("a verdict");
                let after = kernel::state(session.state(), &numbering);
                tally.count(&answer);
                put(
                    format!("{before_line}|{}{}", lines[0], lines[1]),
                    format!("{before_answer}|{answer}#{after}"),
                )
            });
        });
        compared?;
    }
    Ok(tally)
}

/// `OMEGA_SCOPE` asks for the scopes of this name only; an empty one for all.
fn wanted() -> String {
    std::env::var("OMEGA_SCOPE").unwrap_or_default()
}

fn exhaust_all(most: usize) -> Tally {
    let specification = Specification::build();
    let mut all = Tally::default();
    let wanted = wanted();
    for scope in scopes().into_iter().filter(|scope| scope.name.contains(&wanted)) {
        let start = std::time::Instant::now();
        let tally = exhaust(&scope, most, &specification)
            .unwrap_or_else(|difference| panic!("{}: {difference:#?}", scope.name));
        println!(
            "small scope: {}, up to {most} events of {} on {} states: {} batches, {} s: {:?}",
            scope.name,
            scope.events.len(),
            scope.priors.len(),
            tally.batches,
            start.elapsed().as_secs(),
            tally.answers
        );
        all.add(tally);
    }
    println!("small scope: {} batches, kernel = specification: {:?}", all.batches, all.answers);
    all
}

/// The first difference among all batches of up to `most` events, with the name of its scope.
pub fn first_difference(most: usize, specification: &Specification) -> Option<(&'static str, Difference)> {
    scopes().iter().find_map(|scope| Some((scope.name, *exhaust(scope, most, specification).err()?)))
}

/// Every predicate is the first violation somewhere, and merges are not drowned.
fn reaches_everything(all: &Tally) {
    if !wanted().is_empty() {
        return;
    }
    for outcome in ["merge", "1001", "1002", "1003", "1004", "2001", "2002", "2003", "3001", "3002"] {
        assert!(all.answers.get(outcome).is_some_and(|&count| count > 100), "{outcome}: {:?}", all.answers);
    }
}

#[test]
fn kernel_and_specification_agree_on_all_batches_of_three_events() {
    reaches_everything(&exhaust_all(3));
}

#[test]
#[ignore = "long: make test-full"]
fn kernel_and_specification_agree_on_all_batches_of_four_events() {
    reaches_everything(&exhaust_all(4));
}
