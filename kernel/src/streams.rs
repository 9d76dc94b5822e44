//! The streams of a batch, numbered in the order in which its events first name them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A writer and one of its sequences.
pub type StreamKey = (u32, u16);

/// Streams that are found again without a search.
const RECENT: usize = 64;

/// Which stream each event belongs to.
#[derive(Debug, Default)]
pub struct Streams {
    keys: Vec<StreamKey>,
    of_event: Vec<u32>,
}

impl Streams {
    /// Numbers the streams of events.
    pub fn new(events: impl ExactSizeIterator<Item = StreamKey>) -> Self {
        let mut numbers: BTreeMap<StreamKey, u32> = BTreeMap::new();
        // Events of a few writers take turns. Numbers that crowd into one place cost a search each.
        let mut recent: [Option<(StreamKey, u32)>; RECENT] = [None; RECENT];
        let mut streams = Streams { keys: Vec::new(), of_event: Vec::with_capacity(events.len()) };
        for key in events {
            let place = &mut recent[(key.0 ^ u32::from(key.1).rotate_left(3)) as usize % RECENT];
            let number = match place {
                Some((known, number)) if *known == key => *number,
                _ => *numbers.entry(key).or_insert_with(|| {
                    streams.keys.push(key);
                    streams.keys.len() as u32 - 1
                }),
            };
            *place = Some((key, number));
            streams.of_event.push(number);
        }
        streams
    }

    /// The streams by number.
    pub fn keys(&self) -> &[StreamKey] {
        &self.keys
    }

    /// The number of an event's stream.
    #[inline]
    pub fn of_event(&self, event: u32) -> u32 {
        self.of_event[event as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_one_number_however_many_share_a_place() {
        let keys: Vec<StreamKey> =
            (0..1000u32).map(|n| (n * 7 % 150, (n % 3) as u16)).chain([(64, 0), (0, 0), (128, 0)]).collect();
        let streams = Streams::new(keys.iter().copied());
        let mut distinct = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut numbered = streams.keys().to_vec();
        numbered.sort_unstable();
        assert_eq!(numbered, distinct);
        for (event, key) in (0u32..).zip(&keys) {
            assert_eq!(streams.keys()[streams.of_event(event) as usize], *key);
        }
    }
}
