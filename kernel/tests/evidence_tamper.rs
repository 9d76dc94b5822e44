//! Evidence of every kind, against everybody who would like it to say something else.
//!
//! The judge of evidence sees a core whose roots are signed; all else may be forged. So the tests
//! forge the coverage too: only roots and counts stand between a lie and its being believed.

use crate::common::{Ev, ev, judge, judge_in, log};
use omega_kernel::body::{Body, Core, Coverage, VerdictKind};
use omega_kernel::event::Observed;
use omega_kernel::evidence::{self, Evidence, Kind};
use omega_kernel::fault::FaultCode;
use omega_kernel::session::Session;

/// Bytes up to which evidence is tried with every value of every byte.
const SMALL: usize = 600;

/// An obstruction's core, and the coverage of 2001.
struct Obstruction {
    kind: Kind,
    core: Core,
    payload: Coverage,
}

impl Obstruction {
    fn evidence(&self) -> Evidence {
        Evidence::decode(self.bytes()).unwrap()
    }

    fn bytes(&self) -> &[u8] {
        self.core.evidence.as_deref().unwrap()
    }

    /// The core with other evidence, and coverage that would allow any.
    fn with(&self, evidence: Vec<u8>) -> Core {
        let mut core = Core { evidence: Some(evidence), ..self.core.clone() };
        core.coverage.iter_mut().for_each(|coverage| coverage.violated = 1);
        core
    }

    #[track_caller]
    fn refuses(&self, evidence: Vec<u8>, why: &str) {
        refused(&self.with(evidence), why);
    }
}

#[track_caller]
fn refused(core: &Core, why: &str) {
    let any = Coverage { judged: 1, violated: 1, ..Coverage::default() };
    match evidence::check(core, &any) {
        Ok(conflict) => panic!("{why}: believed as {conflict:#?}"),
        Err(fault) => assert_eq!(fault.code, FaultCode::EvidenceWrong, "{why}"),
    }
}

/// Events of other writers, so that trees have siblings and tries have branches.
fn others(from: u64) -> [Ev; 3] {
    [0, 1, 2].map(|n| ev(u128::from(from + n), n + 1).node(from as u32))
}

/// Each kind at least once; several where a kind is shown in several ways.
fn obstructions() -> Vec<Obstruction> {
    let none: &[Ev] = &[];
    let line = [ev(1, 1), ev(2, 2).prev(1), ev(7, 5).node(7)];
    let claimed = [ev(1, 1), ev(2, 2), ev(3, 9).deps(&[1, 2]).claim(7)];
    let over = |id: u128, lamport: u64, claim: u8| ev(id, lamport).node(2).deps(&[1, 2]).claim(claim);
    let two = |kind, prior: &[Ev], a: &[Ev], b: &[Ev]| obstruction(kind, prior, a, b);
    let one = |kind, prior: &[Ev], a: &[Ev]| two(kind, prior, a, &[]);
    vec![
        one(Kind::NotAboveFrontier, &line, &[ev(3, 2)]),
        one(Kind::SameLamport, none, &[ev(1, 5), ev(2, 5)]),
        one(Kind::SameLamport, &line, &[ev(3, 5).prev(2), ev(4, 5).prev(3)]),
        one(Kind::Twice, none, &[ev(1, 1), ev(1, 1)]),
        one(Kind::Twice, &line, &[ev(5, 9).prev(2), ev(5, 9).prev(2).text("other")]),
        one(Kind::OutsideDomain, none, &[ev(1 << 112 | 5, 4)]),
        one(Kind::OutsideDomain, &line, &[ev(5, 4).node(9).deps(&[0])]),
        one(Kind::Gap, none, &[ev(1, 1), ev(3, 3).prev(2)]),
        one(Kind::Gap, &line, &[ev(3, 3).prev(99)]),
        one(Kind::Unlinked, none, &[ev(1, 1), ev(2, 2).prev(1), ev(3, 3)]),
        one(Kind::Unlinked, &line, &[ev(3, 3)]),
        one(Kind::WrongPrev, none, &[ev(1, 1), ev(2, 2), ev(3, 3).prev(1)]),
        one(Kind::WrongPrev, none, &[ev(1, 1).node(2), ev(3, 3).prev(1)]),
        one(Kind::WrongPrev, &line, &[ev(3, 3).prev(1)]),
        one(Kind::WrongPrev, &line, &[ev(3, 3).prev(2), ev(4, 4).prev(2)]),
        one(Kind::Mismatch, none, &[ev(1, 1).mismatch()]),
        one(Kind::Mismatch, &line, &[ev(7, 5).node(7).mismatch().erased()]),
        one(Kind::Missing, none, &[ev(1, 1).deps(&[9])]),
        one(Kind::Missing, &line, &[ev(3, 3).prev(2).deps(&[1, 9])]),
        one(Kind::NotBefore, none, &[ev(1, 5), ev(2, 5).node(2).deps(&[1])]),
        one(Kind::NotBefore, &line, &[ev(7, 5).node(7), ev(3, 3).prev(2).deps(&[7])]),
        one(Kind::PriorNotBefore, &line, &[ev(3, 3).prev(2).deps(&[7])]),
        two(Kind::OtherVersion, none, &[ev(1, 1)], &[ev(1, 1).text("other")]),
        two(Kind::OtherVersion, &line, &[ev(5, 9)], &[ev(5, 8).node(3)]),
        one(Kind::PriorVersion, &line, &[ev(2, 2).prev(1).text("other")]),
        one(Kind::OtherClaim, none, &[ev(1, 1), ev(2, 2), over(4, 3, 7), over(5, 4, 8)]),
        two(Kind::OtherClaim, &claimed, &[claimed[2].clone()], &[over(4, 10, 8)]),
        one(Kind::OtherClaimNew, &claimed, &[claimed[2].clone(), over(4, 8, 8)]),
    ]
}

fn obstruction(kind: Kind, prior: &[Ev], a: &[Ev], b: &[Ev]) -> Obstruction {
    let mut session = Session::genesis();
    if !prior.is_empty() {
        let prior = log("prior", &[prior, &others(300)[..]].concat());
        assert_eq!(judge_in(&mut session, &[prior]).kind, VerdictKind::Merge, "{kind:?}");
    }
    let logs = [log("a", &[a, &others(100)[..]].concat()), log("b", &[b, &others(200)[..]].concat())];
    let finished = judge_in(&mut session, &logs);
    let (core, observations) = Body::split(&finished.body).unwrap().decode().unwrap();
    assert_eq!(core.verdict, VerdictKind::Obstruction, "{kind:?}");
    let obstruction = Obstruction { kind, core, payload: observations.payload };
    assert_eq!(obstruction.evidence().kind, kind);
    obstruction
}

#[test]
fn evidence_of_every_kind_is_believed_and_has_one_encoding() {
    let all = obstructions();
    for kind in Kind::ALL {
        assert!(all.iter().any(|obstruction| obstruction.kind == kind), "{kind:?}");
    }
    for obstruction in &all {
        let conflict = evidence::check(&obstruction.core, &obstruction.payload).unwrap();
        assert_eq!(conflict.evidence.kind, obstruction.kind);
        assert_eq!(conflict.evidence.encode(), obstruction.bytes());
        // Evidence says nothing about a predicate that the coverage calls unbroken.
        let unbroken = Coverage { violated: 0, ..obstruction.payload };
        let mut core = obstruction.core.clone();
        core.coverage.iter_mut().for_each(|coverage| coverage.violated = 0);
        assert_eq!(evidence::check(&core, &unbroken).unwrap_err().code, FaultCode::EvidenceWrong);
    }
}

/// Every single flipped bit, proofs and their siblings included, and in small evidence each byte's
/// 255 other values: none is believed. No exceptions: a violation can be written in one way only.
#[test]
fn every_changed_byte_is_refused() {
    let all = obstructions();
    let (some, rest) = all.split_at(all.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| some.iter().for_each(each_byte_refused));
        rest.iter().for_each(each_byte_refused);
    });
}

fn each_byte_refused(obstruction: &Obstruction) {
    let mut core = obstruction.with(obstruction.bytes().to_vec());
    let any = Coverage { judged: 1, violated: 1, ..Coverage::default() };
    assert!(evidence::check(&core, &any).is_ok());
    let bits = [1u8, 2, 4, 8, 16, 32, 64, 128];
    let values: Vec<u8> = (1..=255).collect();
    let changes = if obstruction.bytes().len() <= SMALL { &values[..] } else { &bits[..] };
    for at in 0..obstruction.bytes().len() {
        for &change in changes {
            core.evidence.as_mut().unwrap()[at] ^= change;
            let believed = evidence::check(&core, &any).is_ok();
            assert!(!believed, "{:?}: byte {at} changed by {change:#x}", obstruction.kind);
            core.evidence.as_mut().unwrap()[at] ^= change;
        }
    }
}

#[test]
fn truncated_and_extended_evidence_is_refused() {
    for obstruction in obstructions() {
        let bytes = obstruction.bytes();
        for end in 0..bytes.len() {
            obstruction.refuses(bytes[..end].to_vec(), "cut off");
            obstruction.refuses(bytes[end + 1..].to_vec(), "beheaded");
        }
        obstruction.refuses([bytes, &[0]].concat(), "a byte more");
    }
}

#[test]
fn a_part_too_many_or_too_few_is_refused() {
    for obstruction in obstructions() {
        let honest = obstruction.evidence();
        for at in 0..honest.events.len() {
            let (mut fewer, mut more, mut twice) = (honest.clone(), honest.clone(), honest.clone());
            fewer.events.remove(at);
            obstruction.refuses(fewer.encode(), "an event is missing");
            more.events.push(honest.events[at].clone());
            obstruction.refuses(more.encode(), "an event too many");
            twice.events.iter_mut().for_each(|event| *event = honest.events[at].clone());
            if honest.events.len() > 1 {
                obstruction.refuses(twice.encode(), "one event in all places");
            }
        }
        let mut swapped = honest.clone();
        swapped.events.reverse();
        if swapped != honest {
            obstruction.refuses(swapped.encode(), "events in another order");
        }
        for at in 0..honest.prior_ids.len() {
            let mut fewer = honest.clone();
            fewer.prior_ids.remove(at);
            obstruction.refuses(fewer.encode(), "a proof is missing");
            let mut more = honest.clone();
            more.prior_ids.push(honest.prior_ids[at].clone());
            obstruction.refuses(more.encode(), "a proof too many");
        }
        let without = Evidence { frontier: None, ..honest.clone() };
        if without != honest {
            obstruction.refuses(without.encode(), "the frontier's proof is missing");
        }
        let without = Evidence { batch_id: None, ..honest.clone() };
        if without != honest {
            obstruction.refuses(without.encode(), "the batch id's proof is missing");
        }
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != obstruction.kind) {
            obstruction.refuses(Evidence { kind, ..honest.clone() }.encode(), "another kind");
        }
    }
}

#[test]
fn evidence_holds_under_its_own_roots_only() {
    let all = obstructions();
    for (at, obstruction) in all.iter().enumerate() {
        for (other, elsewhere) in all.iter().enumerate().filter(|(other, _)| *other != at) {
            elsewhere.refuses(obstruction.bytes().to_vec(), &format!("{at} moved under {other}"));
        }
        let evidence = obstruction.evidence();
        let bytes = || obstruction.bytes().to_vec();
        for event in &evidence.events {
            let mut core = obstruction.with(bytes());
            core.logs[event.log as usize].root[31] ^= 1;
            refused(&core, "another log root");
            let mut core = obstruction.with(bytes());
            core.logs[event.log as usize].count = event.leaf_index;
            refused(&core, "a place behind the log's end");
        }
        if !evidence.prior_ids.is_empty() {
            let mut core = obstruction.with(bytes());
            core.prior.id_root[0] ^= 0x80;
            refused(&core, "another id root");
        }
        if evidence.frontier.is_some() {
            let mut core = obstruction.with(bytes());
            core.prior.frontier_root[0] ^= 0x80;
            refused(&core, "another frontier root");
        }
        if evidence.batch_id.is_some() {
            let mut core = obstruction.with(bytes());
            core.batch_id_root[0] ^= 0x80;
            refused(&core, "another batch id root");
        }
        let mut core = obstruction.with(bytes());
        core.verdict = VerdictKind::Merge;
        refused(&core, "a merge");
    }
}

#[test]
fn made_up_events_are_in_no_log() {
    for obstruction in obstructions() {
        let honest = obstruction.evidence();
        for at in 0..honest.events.len() {
            // Another payload, another writer, another time, another claim: under the same proof.
            let mut made_up = [honest.clone(), honest.clone(), honest.clone(), honest.clone()];
            made_up[0].events[at].header.payload_hash[0] ^= 1;
            made_up[1].events[at].header.node += 1;
            made_up[2].events[at].header.lamport = 1;
            made_up[2].events[at].header.payload_len += 1;
            made_up[3].events[at].header.claim = Some([0xEE; 32]);
            for evidence in made_up {
                obstruction.refuses(evidence.encode(), "an event that nobody wrote");
            }
            // A proof without siblings, as for a log of one event.
            let mut alone = honest.clone();
            alone.events[at].siblings.clear();
            alone.events[at].leaf_index = 0;
            obstruction.refuses(alone.encode(), "a leaf that is no root");
            // A payload that fits, presented as one that does not, and the other way round.
            let header = &honest.events[at].header;
            let fits = Observed { len: header.payload_len, hash: header.payload_hash };
            for observed in [None, Some(fits), Some(Observed { len: 1, hash: [1; 32] })] {
                let mut other = honest.clone();
                other.events[at].observed = observed;
                if other != honest {
                    obstruction.refuses(other.encode(), "another leaf kind");
                }
            }
            // In a log that was not judged.
            let mut elsewhere = honest.clone();
            elsewhere.events[at].log = 2;
            obstruction.refuses(elsewhere.encode(), "no such log");
        }
    }
}

#[test]
fn a_merge_has_nothing_to_show() {
    let finished = judge(&[log("a", &[ev(1, 1)])]);
    let (core, observations) = Body::split(&finished.body).unwrap().decode().unwrap();
    let fault = evidence::check(&core, &observations.payload).unwrap_err();
    assert_eq!(fault.code, FaultCode::EvidenceWrong);
}
