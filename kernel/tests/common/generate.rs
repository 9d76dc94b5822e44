//! Small batches of several writers, as proptest strategies.
//!
//! A case starts from an honest history: streams linked or not, causal-only ones, deps, claims that
//! fit, salts, erasures. It is dealt out to overlapping logs, some of them after a first batch was
//! accepted, and then a few things are spoiled. So about half of the cases merge and the others
//! break one or several predicates. Made for every test that compares two ways to judge; needs
//! nothing but the kernel, proptest and the helpers beside it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use super::{Ev, ev, log, sign};

/// A log to be written.
#[derive(Debug, Clone)]
pub struct LogPlan {
    /// The name in its header.
    pub name: String,
    /// Its events, in the order of its frames.
    pub events: Vec<Ev>,
    /// Seed of the key that signs its head, where it has one.
    pub head: Option<u8>,
}

impl LogPlan {
    /// The `.omega` file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = log(&self.name, &self.events);
        self.head.iter().for_each(|&seed| _ = sign(&mut bytes, seed));
        bytes
    }
}

/// Batches to be judged one after the other.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is judged first, batch by batch, and always merges.
    pub prior: Vec<Vec<LogPlan>>,
    /// What is then judged.
    pub batch: Vec<LogPlan>,
}

/// A case of any kind.
pub fn case() -> impl Strategy<Value = Case> {
    let mutations = prop_oneof![2 => Just(Vec::new()).boxed(), 3 => vec(mutation(), 1..4).boxed()];
    (vec(event_plan(), 0..14), 0usize..9, mutations, layout())
        .prop_map(|(plans, prior, mutations, layout)| build(&plans, prior, &mutations, &layout))
}

/// Events of an honest history, each behind all that it depends on and follows.
pub fn history() -> impl Strategy<Value = Vec<Ev>> {
    (vec(event_plan(), 1..16), 0u8..3).prop_map(|(plans, spread)| honest(&plans, spread))
}

/// How one event of the history comes about.
#[derive(Debug, Clone)]
struct EventPlan {
    node: u32,
    stream: u16,
    linked: bool,
    step: u64,
    deps: Vec<usize>,
    claims: bool,
    salted: bool,
    erased: bool,
    /// The logs that hold it, one bit each.
    logs: u8,
    /// Whether it comes again in the second batch, where the first one holds it.
    again: bool,
}

fn event_plan() -> impl Strategy<Value = EventPlan> {
    let stream =
        prop_oneof![5 => Just(0u16), 1 => Just(1), 1 => Just(0x7FFF), 2 => Just(0x8000), 1 => Just(0xFFFF)];
    let deps = vec(0usize..6, 0..3);
    let rare = || prop::bool::weighted(0.15);
    (
        1u32..4,
        stream,
        prop::bool::weighted(0.7),
        1u64..3,
        deps,
        any::<bool>(),
        rare(),
        rare(),
        any::<u8>(),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(node, stream, linked, step, deps, claims, salted, erased, logs, again)| EventPlan {
            node,
            stream,
            linked,
            step,
            deps,
            claims,
            salted,
            erased,
            logs,
            again,
        })
}

/// How the events are dealt out.
#[derive(Debug, Clone)]
struct Layout {
    logs: usize,
    one_name: bool,
    backwards: bool,
    heads: u8,
    copy: Option<usize>,
    spread: u8,
    /// An accepted event over whose past another claim was accepted later, and which claim.
    rival: Option<(usize, u8)>,
}

fn layout() -> impl Strategy<Value = Layout> {
    let copy = prop::option::weighted(0.3, 0usize..4);
    let rival = prop::option::weighted(0.5, (0usize..9, 0u8..3));
    (1usize..5, any::<bool>(), any::<bool>(), any::<u8>(), copy, 0u8..3, rival).prop_map(
        |(logs, one_name, backwards, heads, copy, spread, rival)| Layout {
            logs,
            one_name,
            backwards,
            heads,
            copy,
            spread,
            rival,
        },
    )
}

/// Something that is spoiled, at one of the second batch's events.
#[derive(Debug, Clone)]
enum Mutation {
    Lamport(u64),
    Node(u32),
    Stream(u16),
    Id(IdChoice),
    Prev(IdChoice),
    Dep(IdChoice),
    Claim(u8),
    /// Another version of it in these logs, so much later.
    Version(u8, u64),
    /// A payload that does not fit, perhaps erased since.
    Mismatch(bool),
    /// Twice in each log that holds it.
    Twice,
    /// In these logs instead.
    Logs(u8),
    /// Gone.
    Drop,
    /// A new event over the same past, at about the same time, with this claim.
    Sibling(u8, u64),
}

#[derive(Debug, Clone)]
enum IdChoice {
    Of(usize),
    Value(u128),
}

fn id_choice() -> impl Strategy<Value = IdChoice> {
    prop_oneof![
        4 => (0usize..14).prop_map(IdChoice::Of),
        2 => prop_oneof![Just(0), Just(0), Just(999), Just(999), Just(1 << 112), Just(1 << 112 | 1), Just(u128::MAX)].prop_map(IdChoice::Value),
    ]
}

fn mutation() -> BoxedStrategy<(usize, Mutation)> {
    let lamport = prop_oneof![4 => 0u64..8, 1 => Just(u64::MAX)];
    let what = prop_oneof![
        4 => lamport.prop_map(Mutation::Lamport),
        2 => Just(Mutation::Prev(IdChoice::Value(0))),
        1 => (1u32..4).prop_map(Mutation::Node),
        1 => prop_oneof![Just(0u16), Just(0x8000)].prop_map(Mutation::Stream),
        1 => id_choice().prop_map(Mutation::Id),
        3 => id_choice().prop_map(Mutation::Prev),
        3 => id_choice().prop_map(Mutation::Dep),
        2 => (0u8..3).prop_map(Mutation::Claim),
        3 => (any::<u8>(), 0u64..3).prop_map(|(logs, later)| Mutation::Version(logs, later)),
        2 => any::<bool>().prop_map(Mutation::Mismatch),
        1 => Just(Mutation::Twice),
        1 => any::<u8>().prop_map(Mutation::Logs),
        2 => Just(Mutation::Drop),
        5 => (0u8..3, 0u64..3).prop_map(|(claim, lamport)| Mutation::Sibling(claim, lamport)),
    ];
    // Mostly the newest events: to spoil a known one is to make another version of it.
    (prop_oneof![3 => 0usize..4, 1 => 0usize..14], what).boxed()
}

fn build(plans: &[EventPlan], prior: usize, mutations: &[(usize, Mutation)], layout: &Layout) -> Case {
    let events = honest(plans, layout.spread);
    let prior = prior.min(events.len());
    let accepted =
        |events: &[Ev]| vec![LogPlan { name: "prior".into(), events: events.to_vec(), head: None }];
    let mut batches = vec![accepted(&events[..prior])];
    let mut dealt: Vec<(Ev, u8)> = (0..)
        .zip(events.iter().zip(plans))
        .filter(|(index, (_, plan))| *index >= prior || plan.again)
        .map(|(_, (event, plan))| (event.clone(), plan.logs))
        .collect();
    let ids: Vec<u128> = events.iter().map(|event| event.header.id).collect();
    // Accepted alone, a claim is compared with none of those accepted before.
    let rival = layout.rival.and_then(|(at, claim)| Some(sibling(events[..prior].get(at)?, claim, 1)));
    if let Some(rival) = rival {
        batches.push(accepted(std::slice::from_ref(&rival)));
        dealt.push((rival, layout.heads));
        dealt.rotate_right(1);
    }
    for (at, mutation) in mutations {
        spoil(&mut dealt, *at, mutation, &ids);
    }
    Case { prior: batches, batch: deal(&dealt, layout) }
}

/// The history that the plans tell: every predicate holds.
fn honest(plans: &[EventPlan], spread: u8) -> Vec<Ev> {
    let mut events: Vec<Ev> = Vec::new();
    for (index, plan) in plans.iter().enumerate() {
        let line = events.iter().filter(|at| (at.header.node, at.header.stream) == (plan.node, plan.stream));
        let last = line.clone().next_back().map(|event| event.header.clone());
        let linked = plan.linked || line.clone().any(|event| event.header.prev != 0);
        let prev = last.as_ref().filter(|_| linked).map_or(0, |last| last.id);
        let mut deps: Vec<&Ev> = plan.deps.iter().filter_map(|&dep| events.get(dep)).collect();
        deps.sort_by_key(|dep| dep.header.id);
        deps.dedup_by_key(|dep| dep.header.id);
        let before = deps.iter().map(|dep| dep.header.lamport).max().max(last.map(|last| last.lamport));
        let deps: Vec<u128> = deps.iter().map(|dep| dep.header.id).collect();
        let mut event = ev(spread_id(index, spread), before.unwrap_or(0) + plan.step)
            .node(plan.node)
            .stream(plan.stream)
            .prev(prev)
            .deps(&deps);
        if plan.claims {
            let mut past = deps;
            past.push(prev);
            past.sort_unstable();
            past.dedup();
            // A function of the past alone, as a claim is. Not of 0: no prev is no past.
            let claim = past.iter().filter(|&&id| id != 0).fold(1u128, |sum, id| sum.wrapping_mul(31) ^ id);
            event = event.claim(claim as u8);
        }
        if plan.salted {
            event = event.salted(index as u8);
        }
        if plan.erased {
            event = event.erased();
        }
        events.push(event);
    }
    events
}

/// Ids that ascend with the history, descend, or lie anywhere.
fn spread_id(index: usize, spread: u8) -> u128 {
    let number = index as u128 + 1;
    match spread {
        0 => number,
        1 => (1 << 112) - number,
        _ => number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) >> 16,
    }
}

fn spoil(dealt: &mut Vec<(Ev, u8)>, at: usize, mutation: &Mutation, ids: &[u128]) {
    if dealt.is_empty() {
        return;
    }
    let at = dealt.len() - 1 - at % dealt.len();
    let resolve = |choice: &IdChoice| match choice {
        IdChoice::Of(index) => ids[index % ids.len()],
        IdChoice::Value(id) => *id,
    };
    let (event, logs) = &mut dealt[at];
    let header = &mut event.header;
    match mutation {
        Mutation::Lamport(lamport) => header.lamport = *lamport,
        Mutation::Node(node) => header.node = *node,
        Mutation::Stream(stream) => header.stream = *stream,
        Mutation::Id(id) => header.id = resolve(id),
        Mutation::Prev(id) => header.prev = resolve(id),
        Mutation::Dep(id) => {
            header.deps.push(resolve(id));
            header.deps.sort_unstable();
            header.deps.dedup();
        }
        Mutation::Claim(claim) => header.claim = Some([*claim; 32]),
        Mutation::Version(logs, later) => {
            let mut other = event.clone();
            other.salt = None;
            let mut other = other.text("another text");
            other.observed = None;
            other.header.lamport = other.header.lamport.saturating_add(*later);
            // Mostly in other logs than its own: else one log holds the id twice.
            let logs = if *later == 0 { *logs } else { *logs & !dealt[at].1 };
            dealt.push((other, logs));
        }
        Mutation::Mismatch(erased) => {
            let spoilt = Ev { salt: None, observed: None, ..event.clone() }.mismatch();
            *event = if *erased { spoilt.erased() } else { spoilt };
        }
        Mutation::Twice => {
            let again = dealt[at].clone();
            dealt.push(again);
        }
        Mutation::Logs(others) => *logs = *others,
        Mutation::Drop => _ = dealt.remove(at),
        Mutation::Sibling(claim, lamport) => {
            let new = (sibling(event, *claim, *lamport), *logs);
            dealt.push(new);
        }
    }
}

/// An event over the same past as another, with this claim.
fn sibling(event: &Ev, claim: u8, lamport: u64) -> Ev {
    let mut sibling = event.clone().stream(0x8001).claim(claim);
    sibling.header.id = 2_000 + u128::from(claim) + 3 * (sibling.header.id % 1_000);
    sibling.header.lamport = sibling.header.lamport.saturating_add(lamport).saturating_sub(1);
    sibling
}

fn deal(dealt: &[(Ev, u8)], layout: &Layout) -> Vec<LogPlan> {
    let held = |log: usize, mask: u8| match mask & ((1 << layout.logs) - 1) {
        0 => log == 0,
        mask => mask >> log & 1 == 1,
    };
    let mut logs: Vec<LogPlan> = (0..layout.logs)
        .map(|log| LogPlan {
            name: if layout.one_name { "log".into() } else { format!("log {log}") },
            events: dealt
                .iter()
                .filter(|(_, mask)| held(log, *mask))
                .map(|(event, _)| event.clone())
                .collect(),
            head: (layout.heads >> log & 3 == 3).then_some(log as u8 + 1),
        })
        .collect();
    if layout.backwards {
        logs.iter_mut().for_each(|log| log.events.reverse());
    }
    if let Some(copy) = layout.copy {
        logs.push(logs[copy % logs.len()].clone());
    }
    logs
}
