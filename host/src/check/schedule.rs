//! How a batch's logs come: in which order, which of them are fed and which are scanned in parts, where they
//! are cut.

use super::{CHUNK_BYTES, Log};

/// Most instances that scan side by side under a replay seed: the same on every machine, so that a seed is a
/// schedule.
const MAX_INSTANCES: u64 = 4;

/// The course of one batch.
#[derive(Debug)]
pub struct Schedule {
    /// The logs, by their place in the caller's order, as they come.
    pub order: Vec<usize>,
    /// Instances that scan.
    pub instances: usize,
    /// For each log in the caller's order, whether it is scanned in parts and not fed.
    scanned: Vec<bool>,
    seed: u64,
}

impl Schedule {
    /// The caller's order, everything fed, in chunks of 4 MiB.
    pub fn straight(logs: usize) -> Self {
        Schedule { order: (0..logs).collect(), instances: 0, scanned: vec![false; logs], seed: 0 }
    }

    /// The caller's order; so many instances scan what may be judged whole, in parts of at most 4 MiB.
    pub fn side_by_side(logs: &[Log<'_>], instances: usize) -> Self {
        let scanned = logs.iter().map(|log| log.limit.is_none() || log.may_be_all).collect();
        Schedule { instances, scanned, ..Self::straight(logs.len()) }
    }

    /// What a replay seed says: see [`Dice`].
    pub fn drawn(logs: &[Log<'_>], seed: u64) -> Self {
        let mut dice = Dice::new(seed, None);
        let mut order: Vec<_> = (0..logs.len()).collect();
        for place in (1..logs.len()).rev() {
            order.swap(place, dice.below(place as u64 + 1) as usize);
        }
        let instances = 1 + dice.below(MAX_INSTANCES) as usize;
        // A limit counts over the whole log, which no scanner sees.
        let scanned = logs.iter().map(|log| dice.below(2) == 1 && log.limit.is_none()).collect();
        Schedule { order, instances, scanned, seed }
    }

    /// Whether a log is scanned in parts.
    pub fn scans(&self, log: usize) -> bool {
        self.scanned[log]
    }

    /// Where a log is cut.
    pub fn cuts(&self, log: usize) -> Cuts {
        Cuts((self.seed != 0).then(|| Dice::new(self.seed, Some(log))))
    }
}

/// Where one log is cut: 4 MiB each time, or as its dice fall.
#[derive(Debug)]
pub struct Cuts(Option<Dice>);

impl Cuts {
    /// Bytes up to the next cut: a multiple of 8 between 4 KiB and 4 MiB, small ones as likely as large ones.
    pub fn next(&mut self) -> usize {
        let Some(dice) = &mut self.0 else { return CHUNK_BYTES };
        let least = 1 << (12 + dice.below(10));
        (least + dice.below(least)) as usize & !7
    }
}

/// Numbers drawn from a replay seed.
///
/// The stream is the BLAKE3 extendable output, in `derive_key` mode with the context
/// `omega-sheaf 2026-11 v1 replay schedule`, of the seed (u64, little-endian), and for the cuts of one log of the
/// log's place in the caller's order behind it (u64, little-endian). A number below `n` is the upper 64 bits of
/// the product of `n` and the stream's next u64 (little-endian).
///
/// Drawn in this order: the logs' order (Fisher–Yates, from the last place down), the number of instances, then
/// for each log in the caller's order whether it is scanned (not where it has a limit). Of a log: where it is fed,
/// the length of each chunk; where it is scanned, for each part the most that it may hold, then the length in which
/// its bytes are handed over.
#[derive(Debug)]
struct Dice(blake3::OutputReader);

impl Dice {
    fn new(seed: u64, log: Option<usize>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("omega-sheaf 2026-11 v1 replay schedule");
        hasher.update(&seed.to_le_bytes());
        if let Some(log) = log {
            hasher.update(&(log as u64).to_le_bytes());
        }
        Dice(hasher.finalize_xof())
    }

    fn below(&mut self, n: u64) -> u64 {
        let mut drawn = [0; 8];
        self.0.fill(&mut drawn);
        ((u128::from(u64::from_le_bytes(drawn)) * u128::from(n)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Source;

    #[test]
    fn a_seed_is_a_schedule() {
        let source = Source::from_bytes("log", vec![0; 200]);
        let logs = [Log::whole(&source); 8];
        let drawn = |seed| {
            let schedule = Schedule::drawn(&logs, seed);
            let mut cuts = schedule.cuts(3);
            (schedule.order, schedule.instances, schedule.scanned, cuts.next(), cuts.next())
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!((1..1000).all(|seed| (1..=4).contains(&drawn(seed).1)));
        let mut cuts = Schedule::drawn(&logs, 7).cuts(0);
        assert!((0..1000).all(|_| (4096..=CHUNK_BYTES).contains(&cuts.next())));
    }

    #[test]
    fn a_log_s_cuts_do_not_depend_on_how_far_another_one_came() {
        let source = Source::from_bytes("log", vec![0; 200]);
        let schedule = Schedule::drawn(&[Log::whole(&source); 2], 9);
        let (mut one, mut other) = (schedule.cuts(0), schedule.cuts(1));
        let alone: Vec<_> = (0..20).map(|_| other.next()).collect();
        let mut again = schedule.cuts(1);
        let in_turn: Vec<_> = (0..20).map(|_| (one.next(), again.next()).1).collect();
        assert_eq!(alone, in_turn);
    }

    #[test]
    fn what_has_a_limit_is_scanned_only_where_it_may_be_all_of_the_log() {
        let source = Source::from_bytes("log", vec![0; 200]);
        let whole = Log::whole(&source);
        let first = Log { limit: Some(3), ..whole };
        let logs = [whole, first, Log { may_be_all: true, ..first }];
        let scans = |schedule: &Schedule| (0..3).map(|log| schedule.scans(log)).collect::<Vec<_>>();
        assert_eq!(scans(&Schedule::side_by_side(&logs, 2)), [true, false, true]);
        assert_eq!(scans(&Schedule::straight(3)), [false; 3]);
        for seed in 1..100 {
            assert_eq!(scans(&Schedule::drawn(&logs, seed))[1..], [false; 2], "seed {seed}");
        }
    }
}
