//! Sorting, in one place: each kind of record that is sorted costs the component several kilobytes,
//! so there are two. Few things are sorted as indexes; many as records of two numbers.
//!
//! Many are mostly spread evenly: hashes, counters, times. Records are first dealt out to piles by the leading bits of
//! their numbers, so that what is left to sort fits the processor's nearest memory, and each pile is dealt out once
//! more, after which records stand within a few places of their own. Numbers that crowd cost a plain sort.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Records in a pile of numbers that are spread evenly.
const PILE: usize = 512;
/// More piles at once than this, and dealing waits for memory itself.
const MOST_PILE_BITS: u32 = 13;
/// As many records are put in order by moving each past the greater ones before it.
const FEW: usize = 24;

/// A range of numbers, cut into equal slices.
#[derive(Debug, Clone, Copy, Default)]
pub struct Slices {
    smallest: u128,
    shift: u32,
}

impl Slices {
    /// Cuts the range from `smallest` to `greatest` into at most `1 << bits` slices.
    pub fn new(smallest: u128, greatest: u128, bits: u32) -> Self {
        let range_bits = u128::BITS - (greatest - smallest).leading_zeros();
        Slices { smallest, shift: range_bits.saturating_sub(bits) }
    }

    /// The slice of a number. Past the greatest it may be any that [`Slices::new`] did not count;
    /// none below the smallest.
    #[inline]
    pub fn of(&self, number: u128) -> Option<u64> {
        let above = number.checked_sub(self.smallest)?;
        // In halves: a processor has no shift of 128 bits by a number that it learns late.
        let (high, low) = ((above >> 64) as u64, above as u64);
        Some(match self.shift {
            128 => 0,
            shift @ 64.. => high >> (shift - 64),
            _ if high >> self.shift != 0 => u64::MAX,
            0 => low,
            shift => high << (64 - shift) | low >> shift,
        })
    }
}

/// Two numbers, sorted by the first and then by the second.
pub type Record = (u128, u128);

/// The records in ascending order.
pub fn sorted(records: impl ExactSizeIterator<Item = Record> + Clone) -> Vec<Record> {
    let mut out = alloc::vec![(0, 0); records.len()];
    let numbers = records.clone().map(|record| record.0);
    let (smallest, greatest) = numbers.fold((u128::MAX, 0), |(a, b), number| (a.min(number), b.max(number)));
    let bits = (out.len() / PILE).checked_ilog2().unwrap_or(0).min(MOST_PILE_BITS);
    let slices = Slices::new(smallest.min(greatest), greatest, bits);
    let pile = |record: &Record| slices.of(record.0).unwrap_or(0) as usize;

    let mut starts = alloc::vec![0u32; (1 << bits) + 1];
    records.clone().for_each(|record| starts[pile(&record) + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    for record in records {
        let start = &mut starts[pile(&record)];
        out[*start as usize] = record;
        *start += 1;
    }
    // Each pile's start has moved on to its end.
    let mut start = 0;
    let mut table = Table::default();
    for &end in &starts[..starts.len() - 1] {
        table.sort(&mut out[start..end as usize]);
        start = end as usize;
    }
    out
}

/// Where piles are dealt out; its vectors are reused.
#[derive(Default)]
struct Table {
    starts: Vec<u32>,
    records: Vec<Record>,
}

impl Table {
    /// Sorts a pile.
    fn sort(&mut self, pile: &mut [Record]) {
        if pile.len() <= FEW {
            return insert_each(pile);
        }
        let numbers = pile.iter().map(|record| record.0);
        let (smallest, greatest) =
            numbers.fold((u128::MAX, 0), |(a, b), number| (a.min(number), b.max(number)));
        let bits = pile.len().ilog2();
        let slices = Slices::new(smallest, greatest, bits);
        let slice = |record: &Record| slices.of(record.0).unwrap_or(0) as usize;
        self.starts.clear();
        self.starts.resize((1 << bits) + 1, 0);
        pile.iter().for_each(|record| self.starts[slice(record) + 1] += 1);
        if self.starts.iter().any(|&count| count as usize > FEW) {
            return pile.sort_unstable();
        }
        for at in 1..self.starts.len() {
            self.starts[at] += self.starts[at - 1];
        }
        self.records.clear();
        self.records.extend_from_slice(pile);
        for record in &self.records {
            let start = &mut self.starts[slice(record)];
            pile[*start as usize] = *record;
            *start += 1;
        }
        insert_each(pile);
    }
}

/// Puts records in order of which each has few greater ones before it.
fn insert_each(records: &mut [Record]) {
    for at in 1..records.len() {
        let record = records[at];
        let mut to = at;
        while to > 0 && records[to - 1] > record {
            records[to] = records[to - 1];
            to -= 1;
        }
        records[to] = record;
    }
}

/// Sorts a few indexes. Equal ones stay in their order.
pub fn sort_by(indexes: &mut [u32], compare: &mut dyn FnMut(u32, u32) -> Ordering) {
    indexes.sort_by(|&a, &b| compare(a, b));
}

/// A few items in ascending order. Equal ones stay in their order.
pub fn sorted_by<T: Clone>(items: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut indexes: Vec<u32> = (0..items.len() as u32).collect();
    sort_by(&mut indexes, &mut |a, b| compare(&items[a as usize], &items[b as usize]));
    indexes.into_iter().map(|index| items[index as usize].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spread_is_sorted() {
        const ODD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834;
        let spreads: [fn(u128) -> u128; 7] = [
            |n| n.wrapping_mul(ODD),
            |n| 5000 - n,
            |n| n % 3,
            |n| if n % 2 == 0 { n } else { u128::MAX - n },
            |n| n << 60,
            |n| n.wrapping_mul(ODD) >> 64,
            |_| u128::MAX,
        ];
        for spread in spreads {
            for count in [0, 1, 2, 127, 300, 5000] {
                let records: Vec<Record> = (0..count).map(|n| (spread(n), n)).collect();
                let mut expected = records.clone();
                expected.sort();
                assert_eq!(sorted(records.iter().copied()), expected);
                let by_first = sorted_by(&records, |a, b| b.0.cmp(&a.0));
                expected.sort_by_key(|record| core::cmp::Reverse(record.0));
                assert_eq!(by_first, expected);
            }
        }
    }

    #[test]
    fn slices_are_a_shift() {
        for shift in 0..=128u32 {
            let slices = Slices { smallest: 3, shift };
            for number in (0..128).map(|bit| 3 + ((1u128 << bit) | (1 << (bit / 2)))) {
                let expected = (number - 3).checked_shr(shift).unwrap_or(0);
                assert_eq!(slices.of(number), Some(u64::try_from(expected).unwrap_or(u64::MAX)), "{shift}");
            }
            assert_eq!(slices.of(2), None);
        }
    }
}
