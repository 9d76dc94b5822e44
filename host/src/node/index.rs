//! Where every event is, by its id: for redelivery, for look-ups, and for the picture of what is
//! known. In memory, made again from the segments when a node starts: about 40 bytes an event.

use std::collections::{BTreeMap, HashMap};

use super::segments::Place;

/// All places of all ids. An id has several where several sources hold it, or several versions.
#[derive(Debug, Default)]
pub struct Index {
    first: HashMap<u128, Place>,
    more: BTreeMap<u128, Vec<Place>>,
}

impl Index {
    /// Notes where an event is.
    pub fn insert(&mut self, id: u128, place: Place) {
        match self.first.entry(id) {
            std::collections::hash_map::Entry::Vacant(free) => _ = free.insert(place),
            std::collections::hash_map::Entry::Occupied(_) => self.more.entry(id).or_default().push(place),
        }
    }

    /// Notes that an event counts at another place.
    pub fn replace(&mut self, id: u128, old: Place, new: Place) {
        let more = self.more.get_mut(&id).into_iter().flatten();
        if let Some(place) = self.first.get_mut(&id).into_iter().chain(more).find(|place| **place == old) {
            *place = new;
        }
    }

    /// Whether anybody holds an id.
    pub fn holds(&self, id: u128) -> bool {
        self.first.contains_key(&id)
    }

    /// Where an id is: first the place that was found first.
    pub fn places(&self, id: u128) -> impl Iterator<Item = Place> + '_ {
        self.first.get(&id).copied().into_iter().chain(self.more.get(&id).into_iter().flatten().copied())
    }

    /// Ids.
    pub fn ids(&self) -> u64 {
        self.first.len() as u64
    }

    /// Events, as often as they are held.
    pub fn events(&self) -> u64 {
        self.ids() + self.more.values().map(|places| places.len() as u64).sum::<u64>()
    }
}
