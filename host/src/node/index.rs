//! Where every event is, by its id: for redelivery, for look-ups, and for the picture of what is
//! known. In memory, made again from the segments when a node starts: about 40 bytes an event.
//!
//! In many tables: one of millions of ids takes a third of a second to grow, and whoever sends waits.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::segments::Place;

/// Tables. Which one an id is in nobody outside can tell, nor fill one of them on purpose.
const TABLES: usize = 256;

/// All places of all ids. An id has several where several sources hold it, or several versions.
#[derive(Debug)]
pub struct Index {
    first: Vec<HashTable<(u128, Place)>>,
    more: BTreeMap<u128, Vec<Place>>,
    hashing: RandomState,
}

impl Default for Index {
    fn default() -> Self {
        let first = (0..TABLES).map(|_| HashTable::new()).collect();
        Index { first, more: BTreeMap::new(), hashing: RandomState::new() }
    }
}

impl Index {
    /// Notes where an event is.
    pub fn insert(&mut self, id: u128, place: Place) {
        let hash = self.hashing.hash_one(id);
        let hashing = &self.hashing;
        match self.first[table(hash)].entry(hash, |(held, _)| *held == id, |(held, _)| hashing.hash_one(held))
        {
            Entry::Vacant(free) => _ = free.insert((id, place)),
            Entry::Occupied(_) => self.more.entry(id).or_default().push(place),
        }
    }

    /// Notes that an event counts at another place.
    pub fn replace(&mut self, id: u128, old: Place, new: Place) {
        let hash = self.hashing.hash_one(id);
        let first = self.first[table(hash)].find_mut(hash, |(held, _)| *held == id).map(|(_, place)| place);
        let more = self.more.get_mut(&id).into_iter().flatten();
        if let Some(place) = first.into_iter().chain(more).find(|place| **place == old) {
            *place = new;
        }
    }

    /// Whether anybody holds an id.
    pub fn holds(&self, id: u128) -> bool {
        self.first_place(id).is_some()
    }

    /// Where an id is: first the place that was found first.
    pub fn places(&self, id: u128) -> impl Iterator<Item = Place> + '_ {
        self.first_place(id).into_iter().chain(self.more.get(&id).into_iter().flatten().copied())
    }

    /// Ids.
    pub fn ids(&self) -> u64 {
        self.first.iter().map(|table| table.len() as u64).sum()
    }

    /// Events, as often as they are held.
    pub fn events(&self) -> u64 {
        self.ids() + self.more.values().map(|places| places.len() as u64).sum::<u64>()
    }

    fn first_place(&self, id: u128) -> Option<Place> {
        let hash = self.hashing.hash_one(id);
        self.first[table(hash)].find(hash, |(held, _)| *held == id).map(|(_, place)| *place)
    }
}

/// By bits that a table does not use itself.
fn table(hash: u64) -> usize {
    (hash >> 40) as usize % TABLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_at_all_its_places_and_at_no_other() {
        let place = |segment, offset| Place { segment, offset };
        let mut index = Index::default();
        for id in 0..10_000u128 {
            index.insert(id << 64, place(1, id as u32));
        }
        index.insert(5 << 64, place(2, 7));
        index.replace(5 << 64, place(2, 7), place(2, 9));
        index.replace(6 << 64, place(1, 6), place(3, 1));
        assert_eq!((index.ids(), index.events()), (10_000, 10_001));
        assert_eq!(index.places(5 << 64).collect::<Vec<_>>(), [place(1, 5), place(2, 9)]);
        assert_eq!(index.places(6 << 64).collect::<Vec<_>>(), [place(3, 1)]);
        assert!(index.holds(9_999 << 64) && !index.holds(10_000 << 64) && !index.holds(5));
        assert_eq!(index.places(5).count(), 0);
    }
}
