//! The real node under a model checker: its intake, coordinator, journal, certificate store and swap, on
//! a disk in memory. Every order of a few actions is tried, and the power is cut before every operation
//! on the disk that any of them makes. What is left is started by the real code, and must hold what
//! anybody was told.
//!
//! A state is what is on the disk and what clients know. The running node is made again for each state,
//! by doing what was done since it started. No thread but the checker's own takes part, and time passes where the
//! model says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omega_kernel::certificate::{Certificate, Content};
use stateright::{Checker as _, HasDiscoveries, Model, Property};

use crate::node::crash_tests::open_store;
use crate::node::ranges::Fate;
use crate::node::sim::{SimVolume, Survives};
use crate::node::steps::Steps;
use crate::store::{Record, Records};

mod live;

pub(super) use live::find;

use live::{Act, Clients, EARLY, FLUSH, GROUPS, HOLD, LATE, Limits, Live, key, start};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Action {
    Do(Act),
    /// The power is cut before this operation of it; then the node starts again.
    Cut(Act, usize, Outlives),
    /// It is ended, and started again.
    Restart,
    /// It is ended, and the power is cut before this operation of the start.
    CutStart(usize, Outlives),
}

/// [`Survives`], for the model checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outlives {
    Synced,
    Everything,
    Lengths,
}

const OUTLIVES: [Outlives; 3] = [Outlives::Synced, Outlives::Everything, Outlives::Lengths];

impl From<Outlives> for Survives {
    fn from(outlives: Outlives) -> Self {
        match outlives {
            Outlives::Synced => Survives::Synced,
            Outlives::Everything => Survives::Everything,
            Outlives::Lengths => Survives::Lengths,
        }
    }
}

/// A state of the model.
#[derive(Debug, Clone)]
struct State {
    /// The disk when the node was started last, and the groups that were acknowledged then.
    base: (SimVolume, usize),
    since: Vec<Act>,
    clients: Clients,
    crashes: usize,
    swaps: usize,
    /// Digest of the disk.
    disk: u64,
    /// Digest of the disk, of the clients and of what the node has in memory.
    digest: u64,
    /// What does not hold here.
    broken: BTreeSet<&'static str>,
    /// What was seen on the chain.
    seen: BTreeSet<&'static str>,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

const SOUND: Limits = Limits {
    depth: 4,
    crashes: 1,
    swaps: 1,
    full_disk: false,
    lies: None,
    tells_early: false,
    goes_on: false,
    patience: (FLUSH, HOLD),
};

/// The model.
struct Node {
    limits: Limits,
    /// What acts came to, the last few.
    films: Mutex<HashMap<(u64, Act), Film>>,
    /// What starts came to.
    begun: Mutex<HashMap<u64, State>>,
}

/// The disk and what clients knew before each operation of an act, and after the last.
type Film = Arc<Vec<(SimVolume, Clients)>>;

const LOST: &str = "nothing acknowledged is lost";
const TOLD: &str = "what was told stands";
const ONE: &str = "one certificate at a height";
const CHAIN: &str = "the chain is sound";
const STARTS: &str = "it starts from whatever is there";
const JUDGED: &str = "whatever is acknowledged is judged or waits";
const PAST: &str = "a swap keeps past verdicts";

/// What must be met somewhere, so that nothing holds because nothing happens.
const SEEN: [&str; 3] = ["a merge", "a conflict", "a swap"];

impl Node {
    fn new(limits: Limits) -> Self {
        Node { limits, films: Mutex::default(), begun: Mutex::default() }
    }

    fn state(
        &self,
        base: (SimVolume, usize),
        since: Vec<Act>,
        live: &Live,
        crashes: usize,
        swaps: usize,
    ) -> State {
        let mut hasher = DefaultHasher::new();
        (live.disk.digest(), &live.clients, crashes, swaps).hash(&mut hasher);
        live.memory(&mut hasher);
        let (broken, seen) = examine(&live.disk, &live.clients);
        let clients = live.clients.clone();
        let (disk, digest) = (live.disk.digest(), hasher.finish());
        State { base, since, clients, crashes, swaps, disk, digest, broken, seen }
    }

    /// The node of a state, again; filmed from there on.
    fn live(&self, state: &State) -> Live {
        let (base, groups) = &state.base;
        let disk = base.scenes().pop().unwrap();
        let clients = Clients { groups: *groups, ..Clients::default() };
        let mut live = Live::start(&disk, clients, &self.limits).expect("it started before");
        state.since.iter().for_each(|act| live.act(*act, &self.limits));
        // The same again, or the model says nothing.
        assert_eq!(live.disk.digest(), state.disk, "after {:?}", state.since);
        live.clients = state.clients.clone();
        live
    }

    /// Does something; gives the node, and the disk and what clients knew before each operation.
    fn done(&self, state: &State, act: Act) -> (Live, Vec<(SimVolume, Clients)>) {
        let mut live = self.live(state);
        live.disk.film();
        let first = live.disk.operations();
        live.film = vec![live.clients.clone(); first + 1];
        live.act(act, &self.limits);
        let scenes = live.disk.scenes();
        live.film.resize(first + scenes.len(), live.clients.clone());
        let scenes = scenes.into_iter().zip(live.film[first..].iter().cloned()).collect();
        (live, scenes)
    }

    /// The film of an act.
    fn film(&self, state: &State, act: Act) -> Film {
        if let Some(film) = self.films.lock().unwrap().get(&(state.digest, act)) {
            return Arc::clone(film);
        }
        let film = Arc::new(self.done(state, act).1);
        let mut films = self.films.lock().unwrap();
        // One state's acts come one after the other.
        if films.len() > 32 {
            films.clear();
        }
        films.insert((state.digest, act), Arc::clone(&film));
        film
    }

    /// The film of another start.
    fn restarted(&self, state: &State) -> Vec<SimVolume> {
        let disk = self.live(state).disk.after_the_cut(Survives::Everything);
        disk.film();
        drop(start(&disk, Steps::default()));
        disk.scenes()
    }

    fn begun(&self, disk: &SimVolume, clients: Clients, crashes: usize, swaps: usize) -> State {
        let mut hasher = DefaultHasher::new();
        (disk.digest(), &clients, crashes, swaps).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(state) = self.begun.lock().unwrap().get(&key) {
            return state.clone();
        }
        let state = self.begin(disk, clients, crashes, swaps);
        self.begun.lock().unwrap().insert(key, state.clone());
        state
    }

    fn begin(&self, disk: &SimVolume, clients: Clients, crashes: usize, swaps: usize) -> State {
        // A genesis has a random number in it: what is done again begins behind the start.
        let begun = start(disk, Steps::default()).map(drop);
        let base = (disk.scenes().pop().unwrap(), clients.groups);
        match begun.and_then(|()| Live::start(&base.0.scenes().pop().unwrap(), clients.clone(), &self.limits))
        {
            Ok(live) => self.state(base, Vec::new(), &live, crashes, swaps),
            Err(_) => {
                let mut hasher = DefaultHasher::new();
                (disk.digest(), &clients, "dead").hash(&mut hasher);
                let broken = [STARTS].into();
                let seen = BTreeSet::new();
                let (since, digest) = (Vec::new(), hasher.finish());
                State { base, since, clients, crashes, swaps, disk: disk.digest(), digest, broken, seen }
            }
        }
    }
}

/// What does not hold of a disk, were the power cut now and the node started again; and what is there.
fn examine(disk: &SimVolume, clients: &Clients) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let (mut broken, mut seen) = (clients.mistimed.clone(), BTreeSet::new());
    let disk = disk.after_the_cut(Survives::Synced);
    let Ok(mut node) = start(&disk, Steps::default()) else { return ([STARTS].into(), seen) };
    let known = &node.coordinator.known;
    let index = known.index.read().unwrap();
    if clients.acknowledged.iter().any(|id| !index.holds(*id)) {
        broken.insert(LOST);
    }
    let store = open_store(&disk).unwrap();
    let mut chain = BTreeMap::new();
    for record in store.records().unwrap().map(|entry| entry.unwrap().record) {
        let Record::Certificate(bytes) = record else { continue };
        let certificate = Certificate::decode(&bytes).unwrap();
        let (height, hash) = key(&certificate);
        if chain.insert(height, hash).is_some_and(|other| other != hash) {
            broken.insert(ONE);
        }
    }
    let mut heights = BTreeMap::new();
    for (height, hash) in &clients.announced {
        if heights.insert(height, hash).is_some() {
            broken.insert(ONE);
        }
        if chain.get(height) != Some(hash) {
            broken.insert(TOLD);
        }
    }
    let followed = omega_verify::chain::follow(&store, &mut |link| match link.certificate.content() {
        Content::Verdict { core, .. } if core.next == core.prior => _ = seen.insert(SEEN[1]),
        Content::Verdict { .. } => _ = seen.insert(SEEN[0]),
        Content::Swap(_) => _ = seen.insert(SEEN[2]),
        _ => {}
    });
    if followed.stopped.is_some() {
        broken.insert(CHAIN);
    }
    // It has judged its past again, under the kernels that the certificates name.
    if node.checker.state().unwrap() != node.coordinator.certifier.head().state {
        broken.insert(PAST);
    }
    // What the journal says to be accepted is in the state, and everything else waits.
    let ranges = known.ranges.read().unwrap();
    let accepted =
        |id: &u128| index.places(*id).any(|place| matches!(ranges.fate(place), Some(Fate::Accepted(_))));
    let count = [1, 2, 3, 5, 11, 12, 21].iter().filter(|id| accepted(id)).count() as u64;
    if count != node.coordinator.certifier.head().state.id_count {
        broken.insert(JUDGED);
    }
    (broken, seen)
}

impl Model for Node {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let state = self.begun(&SimVolume::new(), Clients::default(), 0, 0);
        // From now on: without a chain there is nothing to lose.
        if let Some(lies) = self.limits.lies {
            state.base.0.lie_about(lies);
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.broken.is_empty() {
            return;
        }
        let live = self.live(state);
        let mut acts = Vec::new();
        if state.clients.groups < GROUPS {
            acts.push(Act::Submit);
        }
        if !live.intake.waiting().is_empty() {
            acts.push(Act::Pass);
        }
        if state.swaps < self.limits.swaps {
            acts.push(Act::Swap);
        }
        drop(live);
        for act in acts {
            actions.push(Action::Do(act));
            let operations = self.film(state, act).len() - 1;
            if act == Act::Pass && self.limits.full_disk && !state.since.iter().any(is_full) {
                actions.extend((0..operations).map(|at| Action::Do(Act::PassOnFullDisk(at))));
            }
            if state.crashes < self.limits.crashes {
                for outlives in OUTLIVES {
                    actions.extend((0..=operations).map(|at| Action::Cut(act, at, outlives)));
                }
            }
        }
        if !state.since.is_empty() {
            actions.push(Action::Restart);
        }
        if state.crashes < self.limits.crashes {
            let operations = self.restarted(state).len();
            for outlives in OUTLIVES {
                actions.extend((0..operations).map(|at| Action::CutStart(at, outlives)));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let (crashes, swaps) = (state.crashes, state.swaps);
        Some(match action {
            Action::Do(act) => {
                let mut since = state.since.clone();
                since.push(act);
                let (live, _) = self.done(state, act);
                let base = state.base.clone();
                self.state(base, since, &live, crashes, swaps + usize::from(act == Act::Swap))
            }
            Action::Cut(act, at, outlives) => {
                let (disk, clients) = self.film(state, act)[at].clone();
                let swaps = swaps + usize::from(act == Act::Swap);
                self.begun(&disk.after_the_cut(outlives.into()), clients, crashes + 1, swaps)
            }
            Action::Restart => {
                let live = self.live(state);
                let disk = live.disk.after_the_cut(Survives::Everything);
                self.begun(&disk, state.clients.clone(), crashes, swaps)
            }
            Action::CutStart(at, outlives) => {
                let disk = self.restarted(state).into_iter().nth(at)?.after_the_cut(outlives.into());
                self.begun(&disk, state.clients.clone(), crashes + 1, swaps)
            }
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LOST, |_, state: &State| !state.broken.contains(LOST)),
            Property::always(TOLD, |_, state: &State| !state.broken.contains(TOLD)),
            Property::always(ONE, |_, state: &State| !state.broken.contains(ONE)),
            Property::always(CHAIN, |_, state: &State| !state.broken.contains(CHAIN)),
            Property::always(STARTS, |_, state: &State| !state.broken.contains(STARTS)),
            Property::always(JUDGED, |_, state: &State| !state.broken.contains(JUDGED)),
            Property::sometimes(SEEN[0], |_, state: &State| state.seen.contains(SEEN[0])),
            Property::sometimes(SEEN[1], |_, state: &State| state.seen.contains(SEEN[1])),
            Property::sometimes(SEEN[2], |_, state: &State| state.seen.contains(SEEN[2])),
            Property::always(PAST, |_, state: &State| !state.broken.contains(PAST)),
            Property::always(EARLY, |_, state: &State| !state.broken.contains(EARLY)),
            Property::always(LATE, |_, state: &State| !state.broken.contains(LATE)),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.since.len() <= self.limits.depth
    }
}

fn is_full(act: &Act) -> bool {
    matches!(act, Act::PassOnFullDisk(_))
}

/// Tries everything, or until something does not hold; gives what does not, and how many states there are.
fn tried(limits: Limits, sometimes: &[&str]) -> (Vec<&'static str>, usize) {
    let checker = Node::new(limits).checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (unique, all) = (checker.unique_state_count(), checker.state_count());
    println!("{limits:?}: {unique} states, {all} with those met again, depth {}", checker.max_depth());
    let discoveries = checker.discoveries();
    for seen in SEEN.iter().filter(|seen| sometimes.contains(seen)) {
        assert!(discoveries.contains_key(seen), "never: {seen}");
    }
    let failed = discoveries.into_iter().filter(|(name, _)| !SEEN.contains(name));
    let tell = |(name, path): (&'static str, stateright::Path<State, Action>)| {
        println!("not: {name}, after {:?}", path.into_actions());
        name
    };
    (failed.map(tell).collect(), unique)
}

#[test]
fn a_node_keeps_its_word_wherever_the_power_is_cut() {
    let (failed, states) = tried(SOUND, &SEEN);
    assert!(failed.is_empty(), "{failed:?}");
    assert!(states > 500, "{states}");
}

#[test]
#[ignore = "long: make test-full"]
fn a_node_keeps_its_word_wherever_the_power_is_cut_twice() {
    let (failed, _) = tried(Limits { crashes: 2, depth: 5, ..SOUND }, &SEEN);
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_node_that_gave_a_write_up_leaves_it_to_the_next_start() {
    let limits = Limits { full_disk: true, crashes: 0, swaps: 0, ..SOUND };
    let (failed, states) = tried(limits, &SEEN[..2]);
    assert!(failed.is_empty(), "{failed:?}");
    assert!(states > 150, "{states}");
    // It once went on, and what was given up was taken for accepted.
    let (failed, _) = tried(Limits { goes_on: true, ..limits }, &[]);
    assert_eq!(failed, [JUDGED]);
}

#[test]
fn a_sync_that_is_left_out_is_found() {
    let few = Limits { swaps: 0, ..SOUND };
    for (files, wanted) in
        [("segments/", LOST), ("cert.", TOLD), ("cert.log", STARTS), ("batches.log", STARTS)]
    {
        let (failed, _) = tried(Limits { lies: Some(files), ..few }, &[]);
        assert!(failed.contains(&wanted), "{files}: {failed:?}");
    }
}

#[test]
fn a_certificate_that_is_told_before_it_is_stored_is_found() {
    let (failed, _) = tried(Limits { tells_early: true, swaps: 0, ..SOUND }, &[]);
    assert!(failed.contains(&TOLD), "{failed:?}");
}

#[test]
fn a_node_that_waits_too_little_or_too_long_is_found() {
    let few = Limits { swaps: 0, crashes: 0, ..SOUND };
    for (patience, wanted) in
        [((FLUSH, Duration::ZERO), EARLY), ((FLUSH, Duration::MAX), LATE), ((HOLD, HOLD), LATE)]
    {
        let (failed, _) = tried(Limits { patience, ..few }, &[]);
        assert!(failed.contains(&wanted), "{patience:?}: {failed:?}");
    }
}
