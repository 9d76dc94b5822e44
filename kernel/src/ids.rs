//! The distinct ids of a batch: sorted, with the events that have each, and a look-up that hostile
//! ids cannot slow down below a binary search.

use alloc::vec::Vec;

use crate::piles::{self, Slices};

/// Distinct ids ascending; events are given by their index in canonical order.
#[derive(Debug, Default)]
pub struct IdIndex {
    ids: Vec<Slot>,
    /// Events by (id, canonical order).
    by_id: Vec<u32>,
    /// The id of each event, as an index into `ids`.
    of_event: Vec<u32>,
    cut: Slices,
    /// First id of each slice of the ids' range, or of one behind it; one more than slices.
    starts: Vec<u32>,
}

/// No slice and no id: there are fewer.
const NOWHERE: u32 = u32::MAX;

/// What [`IdIndex::find_all`] found, in the order in which it was asked; its vectors are reused.
#[derive(Debug, Default)]
pub struct FoundIds {
    /// Of each id its slice, then the first id in there.
    places: Vec<u32>,
    /// The low half of that one.
    near: Vec<u64>,
    /// Of each id its index.
    pub found: Vec<Option<u32>>,
}

/// What a look-up needs of an id, side by side in memory: the id; where its events start in `by_id`;
/// and the greatest lamport among its versions.
#[derive(Debug, Clone, Copy)]
struct Slot(piles::Record);

impl Slot {
    fn pack(start: u32, latest: u64) -> u128 {
        u128::from(start) << 64 | u128::from(latest)
    }

    #[inline]
    fn id(&self) -> u128 {
        self.0.0
    }

    #[inline]
    fn start(&self) -> u32 {
        (self.0.1 >> 64) as u32
    }

    #[inline]
    fn latest(&self) -> u64 {
        self.0.1 as u64
    }
}

impl IdIndex {
    /// Indexes the events' ids and lamports, given in the events' canonical order.
    pub fn new(events: impl ExactSizeIterator<Item = (u128, u64)> + Clone) -> Self {
        let records =
            events.enumerate().map(|(event, (id, lamport))| (id, Slot::pack(event as u32, lamport)));
        // Each event has a slot at first, with its number as the start.
        let mut slots: Vec<Slot> = piles::sorted(records).into_iter().map(Slot).collect();
        let by_id: Vec<u32> = slots.iter().map(Slot::start).collect();
        let mut of_event = alloc::vec![0; slots.len()];
        // From here on a slot stands for an id, and starts where its events do.
        let mut distinct = 0;
        for at in 0..slots.len() {
            let (id, event, lamport) = (slots[at].id(), slots[at].start(), slots[at].latest());
            match slots[..distinct].last_mut() {
                // Events of one id are in canonical order, which is by lamport first.
                Some(same) if same.id() == id => *same = Slot((id, Slot::pack(same.start(), lamport))),
                _ => {
                    slots[distinct] = Slot((id, Slot::pack(at as u32, lamport)));
                    distinct += 1;
                }
            }
            of_event[event as usize] = distinct as u32 - 1;
        }
        slots.truncate(distinct);
        let mut index = IdIndex { ids: slots, by_id, of_event, cut: Slices::default(), starts: Vec::new() };
        index.cut();
        index
    }

    /// Cuts the ids' range into about one slice an id, so that a look-up of ids that are spread
    /// evenly (random, or a counter) needs a step or two.
    fn cut(&mut self) {
        let (Some(first), Some(last)) = (self.ids.first(), self.ids.last()) else { return };
        let bits = usize::BITS - self.ids.len().leading_zeros();
        self.cut = Slices::new(first.id(), last.id(), bits);
        self.starts.reserve_exact((1 << bits) + 1);
        for (at, slot) in (0u32..).zip(&self.ids) {
            let slice = self.cut.of(slot.id()).unwrap_or(0) as usize;
            if self.starts.len() <= slice {
                self.starts.resize(slice + 1, at);
            }
        }
        self.starts.push(self.ids.len() as u32);
    }

    /// Index of an id, where it is in the batch.
    #[inline]
    pub fn find(&self, id: u128) -> Option<u32> {
        self.find_from(self.slice_start(id)?, id)
    }

    /// [`IdIndex::find`] of each id. With random ids each is a cache miss or two, so the looking is done in passes so
    /// short that the processor waits for the memory of many ids at once.
    #[inline]
    pub fn find_all(&self, ids: &[u128], found: &mut FoundIds) {
        let FoundIds { places, near, found } = found;
        places.clear();
        near.clear();
        found.clear();
        // First the slices; no load depends on the one before it.
        places.extend(
            ids.iter().map(|&id| self.cut.of(id).map_or(NOWHERE, |slice| slice.min(NOWHERE.into()) as u32)),
        );
        for place in places.iter_mut() {
            *place = self.starts.get(*place as usize).copied().unwrap_or(NOWHERE);
        }
        near.extend(
            places.iter().map(|&place| self.ids.get(place as usize).map_or(0, |slot| slot.id() as u64)),
        );
        for ((&place, &near), &id) in places.iter().zip(near.iter()).zip(ids) {
            let is_first =
                || near == id as u64 && self.ids.get(place as usize).is_some_and(|slot| slot.id() == id);
            found.push(if is_first() { Some(place) } else { self.find_from(place, id) });
        }
    }

    /// Index of the first id of the slice that an id would lie in.
    #[inline]
    fn slice_start(&self, id: u128) -> Option<u32> {
        self.starts.get(usize::try_from(self.cut.of(id)?).ok()?).copied()
    }

    #[inline]
    fn find_from(&self, start: u32, id: u128) -> Option<u32> {
        /// Ids looked at one by one: slices hold about one, unless ids were made to crowd.
        const FEW: usize = 8;
        let rest = self.ids.get(start as usize..)?;
        if rest.first()?.id() == id {
            return Some(start);
        }
        let at = match rest.iter().take(FEW).position(|slot| slot.id() >= id) {
            Some(at) => at,
            None => rest.partition_point(|slot| slot.id() < id),
        };
        (rest.get(at)?.id() == id).then_some(start + at as u32)
    }

    /// Whether each id has one version: nearly always.
    #[inline]
    pub fn has_one_version_each(&self) -> bool {
        self.ids.len() == self.by_id.len()
    }

    /// The id at `index`.
    #[inline]
    pub fn id(&self, index: u32) -> u128 {
        self.ids[index as usize].id()
    }

    /// Distinct ids.
    pub fn len(&self) -> u32 {
        self.ids.len() as u32
    }

    /// Whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u128> {
        self.ids.iter().map(Slot::id)
    }

    /// The distinct events that have the id at `index`, in canonical order.
    #[inline]
    pub fn versions(&self, index: u32) -> &[u32] {
        let start = self.ids[index as usize].start() as usize;
        let end = self.ids.get(index as usize + 1).map_or(self.by_id.len(), |next| next.start() as usize);
        &self.by_id[start..end]
    }

    /// Each distinct id with the greatest lamport among its versions and its first event, ascending by id.
    pub fn first_events(&self) -> impl ExactSizeIterator<Item = (u128, u64, u32)> {
        self.ids.iter().map(|slot| (slot.id(), slot.latest(), self.by_id[slot.start() as usize]))
    }

    /// The greatest lamport among the versions of the id at `index`.
    #[inline]
    pub fn latest(&self, index: u32) -> u64 {
        self.ids[index as usize].latest()
    }

    /// The index of an event's id.
    #[inline]
    pub fn of_event(&self, event: u32) -> u32 {
        self.of_event[event as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let spread: Vec<u128> =
            (1..2000u128).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834)).collect();
        let clustered: Vec<u128> =
            (0..2000u128).map(|n| if n % 2 == 0 { n } else { u128::MAX - n }).collect();
        for ids in [spread, clustered, Vec::from([7]), Vec::from([u128::MAX, 0, 5, 5, 0]), Vec::new()] {
            let index = IdIndex::new(ids.iter().map(|&id| (id, 9)));
            for (event, id) in (0u32..).zip(&ids) {
                let found = index.find(*id).expect("it is in the batch");
                assert!(index.versions(found).contains(&event));
                assert_eq!(index.of_event(event), found);
                for near in [id.wrapping_add(1), id.wrapping_sub(1)] {
                    assert_eq!(index.find(near).is_some(), ids.contains(&near), "{near}");
                }
            }
            assert_eq!(index.iter().len(), index.len() as usize);
        }
    }

    /// As far from the smallest id as a slice's number may be wide, on 32 bits and on 64.
    #[test]
    fn an_id_at_the_end_of_all_slices_is_not_found() {
        for ids in [&[1][..], &[1, 2, 3], &[1, 1 << 20]] {
            let index = IdIndex::new(ids.iter().map(|&id| (id, 9)));
            for bits in 16..112 {
                for far in [(1u128 << bits) - 1, 1 << bits, (1 << bits) + 1] {
                    assert_eq!(index.find(far).is_some(), ids.contains(&far), "{ids:?}, {far}");
                }
            }
        }
    }
}
