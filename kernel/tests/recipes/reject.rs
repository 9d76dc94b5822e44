//! Logs that cannot agree: each predicate, in each of the ways to break it, and nothing else broken.

use omega_kernel::evidence::Kind;

use super::{Expect, Recipe};
use crate::common::{Ev, ev, log};

const TOP: u128 = 1 << 112;

pub(super) fn recipes() -> Vec<Recipe> {
    let line = [ev(1, 1), ev(2, 2).prev(1), ev(7, 5).node(7)];
    let known = [ev(1, 1), ev(2, 2), ev(3, 9).deps(&[1, 2]).claim(7)];
    let over = |id: u128, lamport: u64| ev(id, lamport).node(2).deps(&[1, 2]).claim(8);
    // Versions stand in a causal-only stream: elsewhere they would also share a lamport.
    let apart = |text: &str| ev(1, 1).stream(0x8000).text(text);
    vec![
        one(
            "1001-equal",
            "two events of one stream at one lamport",
            Kind::SameLamport,
            &[ev(1, 5), ev(2, 5)],
        ),
        after(
            "1001-frontier",
            "an event at the lamport of the accepted frontier",
            Kind::NotAboveFrontier,
            &line,
            &[ev(3, 2)],
        ),
        after(
            "1001-below",
            "an event below the accepted frontier",
            Kind::NotAboveFrontier,
            &line,
            &[ev(3, 1)],
        ),
        one("1002-twice", "an event twice in one log", Kind::Twice, &[ev(1, 1), ev(2, 2), ev(1, 1)]),
        one("1002-versions", "two versions of an id in one log", Kind::Twice, &[apart("one"), apart("two")]),
        one("1003-id-zero", "id 0", Kind::OutsideDomain, &[ev(0, 1)]),
        one("1003-id-past", "id 2^112", Kind::OutsideDomain, &[ev(TOP, 1)]),
        one("1003-id-high", "an id with its top bit set", Kind::OutsideDomain, &[ev(1 << 127 | 1, 1)]),
        one("1003-prev", "prev 2^112", Kind::OutsideDomain, &[ev(1, 1).stream(0x8000).prev(TOP)]),
        // A dep outside the domain is in no batch either: these two break 2002 as well.
        Recipe {
            expect: Expect::Conflict(Kind::OutsideDomain, vec![(1003, 1), (2002, 1)]),
            ..one("1003-dep-zero", "dep 0", Kind::OutsideDomain, &[ev(1, 1).deps(&[0])])
        },
        Recipe {
            expect: Expect::Conflict(Kind::OutsideDomain, vec![(1003, 1), (2002, 1)]),
            ..one("1003-dep-past", "dep 2^112", Kind::OutsideDomain, &[ev(1, 1).deps(&[TOP])])
        },
        one("1004-gap", "prev is nowhere", Kind::Gap, &[ev(1, 1), ev(3, 3).prev(2)]),
        after(
            "1004-gap-after-frontier",
            "prev is neither in the batch nor accepted",
            Kind::Gap,
            &line,
            &[ev(4, 4).prev(3)],
        ),
        one(
            "1004-unlinked",
            "an event that names no prev behind one that does",
            Kind::Unlinked,
            &[ev(1, 1), ev(2, 2).prev(1), ev(3, 3)],
        ),
        after(
            "1004-unlinked-frontier",
            "an event that names no prev in a stream accepted as linked",
            Kind::Unlinked,
            &line,
            &[ev(3, 3)],
        ),
        one(
            "1004-break-skips",
            "prev is in the line, but not the next smaller",
            Kind::WrongPrev,
            &[ev(1, 1), ev(2, 2), ev(3, 3).prev(1)],
        ),
        one(
            "1004-break-elsewhere",
            "prev is another writer's event",
            Kind::WrongPrev,
            &[ev(1, 1).node(2), ev(3, 3).prev(1)],
        ),
        one("1004-break-itself", "prev is the event itself", Kind::WrongPrev, &[ev(1, 1).prev(1)]),
        one(
            "1004-break-later",
            "prev is a later event",
            Kind::WrongPrev,
            &[ev(1, 1).prev(2), ev(2, 2).prev(1)],
        ),
        after(
            "1004-break-accepted",
            "prev is accepted, but not the frontier",
            Kind::WrongPrev,
            &line,
            &[ev(3, 3).prev(1)],
        ),
        after(
            "1004-break-behind-frontier",
            "prev is the frontier, but not the next smaller",
            Kind::WrongPrev,
            &line,
            &[ev(3, 3).prev(2), ev(4, 4).prev(2)],
        ),
        one(
            "2001-mismatch",
            "a payload that does not fit its hash",
            Kind::Mismatch,
            &[ev(1, 1), ev(2, 2).mismatch()],
        ),
        one(
            "2001-mismatch-erased",
            "a payload that did not fit, erased since",
            Kind::Mismatch,
            &[ev(1, 1), ev(2, 2).mismatch().erased()],
        ),
        one(
            "2001-salt",
            "a payload that fits, but not under its salt",
            Kind::Mismatch,
            &[Ev { salt: Some([1; 32]), ..ev(1, 1) }],
        ),
        one(
            "2001-length",
            "a payload that fits its hash, but not its length",
            Kind::Mismatch,
            &[longer(ev(1, 1))],
        ),
        after(
            "2001-known",
            "an accepted event that comes again with another payload",
            Kind::Mismatch,
            &line,
            &[ev(7, 5).node(7).mismatch()],
        ),
        one("2002-missing", "a dep that is nowhere", Kind::Missing, &[ev(1, 1), ev(2, 2).deps(&[1, 9])]),
        one(
            "2002-missing-far-32",
            "a dep that lies the width of a 32-bit word from all ids",
            Kind::Missing,
            &[ev(1, 1), ev(2, 2).deps(&[1 << 32])],
        ),
        one(
            "2002-missing-far-64",
            "a dep that lies the width of a 64-bit word from all ids",
            Kind::Missing,
            &[ev(1, 1), ev(2, 2).deps(&[1 << 64])],
        ),
        after(
            "2002-missing-after-state",
            "a dep that is neither in the batch nor accepted",
            Kind::Missing,
            &line,
            &[ev(3, 3).prev(2).deps(&[1, 9])],
        ),
        one(
            "2003-equal",
            "a dep at the event's own lamport",
            Kind::NotBefore,
            &[ev(1, 5), ev(2, 5).node(2).deps(&[1])],
        ),
        one(
            "2003-later",
            "a dep at a later lamport",
            Kind::NotBefore,
            &[ev(1, 6), ev(2, 5).node(2).deps(&[1])],
        ),
        one("2003-itself", "an event that depends on itself", Kind::NotBefore, &[ev(1, 1).deps(&[1])]),
        after(
            "2003-accepted",
            "an accepted dep that is not earlier",
            Kind::PriorNotBefore,
            &line,
            &[ev(3, 3).prev(2).deps(&[7])],
        ),
        Recipe {
            batches: vec![vec![log("a", &[apart("one")]), log("b", &[apart("two")])]],
            ..one("3001-two-versions", "two logs with two versions of an id", Kind::OtherVersion, &[])
        },
        after(
            "3001-accepted",
            "another version than the accepted one",
            Kind::PriorVersion,
            &[apart("one")],
            &[apart("two")],
        ),
        after(
            "3001-salt",
            "the accepted text under a salt: another version",
            Kind::PriorVersion,
            &[apart("one")],
            &[apart("one").salted(1)],
        ),
        one(
            "3002-two-claims",
            "two claims over one past",
            Kind::OtherClaim,
            &[ev(1, 1), ev(2, 2), over(4, 3), over(5, 4).claim(9)],
        ),
        Recipe {
            batches: vec![
                vec![log("prior", &[ev(1, 1), ev(2, 2), over(3, 3)])],
                vec![log("alone", &[over(4, 4).node(3).claim(9)])],
                vec![log("a", &[over(3, 3), over(4, 4).node(3).claim(9), over(5, 5)])],
            ],
            ..one(
                "3002-accepted-both",
                "a new claim between two that were accepted apart",
                Kind::OtherClaim,
                &[],
            )
        },
        Recipe {
            batches: vec![
                vec![log("prior", &[apart("one")])],
                // Later, so that it is the anchor against the state and against the other log.
                vec![log("a", &[apart("one")]), log("b", &[ev(1, 2).stream(0x8000)])],
            ],
            ..one(
                "3001-accepted-and-log",
                "another version than the accepted one, which a log holds too",
                Kind::PriorVersion,
                &[],
            )
        },
        one(
            "1004-unlinked-late",
            "an event that names no prev behind several that do",
            Kind::Unlinked,
            &[ev(1, 1), ev(2, 2).prev(1), ev(3, 3).prev(2), ev(4, 4)],
        ),
        after(
            "3002-accepted",
            "another claim than an accepted event's",
            Kind::OtherClaim,
            &known,
            &[known[2].clone(), over(4, 10)],
        ),
        after(
            "3002-accepted-later",
            "another claim than an accepted event's, and earlier",
            Kind::OtherClaimNew,
            &known,
            &[known[2].clone(), over(4, 8)],
        ),
    ]
}

fn one(name: &'static str, title: &'static str, kind: Kind, events: &[Ev]) -> Recipe {
    let expect = Expect::Conflict(kind, vec![(kind.predicate(), 1)]);
    Recipe { name, title, batches: vec![vec![log("a", events)]], expect, large: false }
}

fn after(name: &'static str, title: &'static str, kind: Kind, prior: &[Ev], events: &[Ev]) -> Recipe {
    let batches = vec![vec![log("prior", prior)], vec![log("a", events)]];
    Recipe { batches, ..one(name, title, kind, &[]) }
}

fn longer(mut event: Ev) -> Ev {
    event.header.payload_len += 1;
    event
}
