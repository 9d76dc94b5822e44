//! What has become of every byte range of every segment.

use std::collections::BTreeMap;

use super::segments::{Part, Place};

/// What has become of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The verdict at this height accepted them.
    Accepted(u64),
    /// The verdict at this height found them in a conflict; they wait for somebody to decide.
    Quarantined(u64),
    /// They could not be judged: a failure of the checker after this height.
    Unjudged(u64),
}

/// Fates by place. Where none is noted, events wait to be judged.
#[derive(Debug, Clone, Default)]
pub struct Ranges(BTreeMap<Place, Range>);

#[derive(Debug, Clone, Copy)]
struct Range {
    to: u32,
    fate: Fate,
}

impl Ranges {
    /// Notes what has become of a range; over whatever was noted there.
    pub fn set(&mut self, part: &Part, fate: Option<Fate>) {
        let (from, to) = (part.from as u32, part.to as u32);
        let at = |offset| Place { segment: part.segment, offset };
        // One that begins before and reaches in is cut, into two where it reaches beyond.
        if let Some((&before, range)) = self.0.range_mut(at(0)..at(from)).next_back()
            && range.to > from
        {
            let whole = *range;
            range.to = from;
            debug_assert_eq!(before.segment, part.segment);
            if whole.to > to {
                self.0.insert(at(to), whole);
            }
        }
        let inside: Vec<Place> = self.0.range(at(from)..at(to)).map(|(&place, _)| place).collect();
        for place in inside {
            let range = self.0.remove(&place);
            if let Some(range) = range.filter(|range| range.to > to) {
                self.0.insert(at(to), range);
            }
        }
        if let Some(fate) = fate {
            // Neighbours of one fate are one range.
            let joined = self.0.range(at(0)..at(from)).next_back().map(|(&place, &range)| (place, range));
            match joined {
                Some((place, range)) if range.to == from && range.fate == fate => {
                    self.0.insert(place, Range { to, fate });
                }
                _ => _ = self.0.insert(at(from), Range { to, fate }),
            }
        }
    }

    /// What has become of the event whose frame begins there.
    pub fn fate(&self, place: Place) -> Option<Fate> {
        let start = Place { segment: place.segment, offset: 0 };
        let (_, range) = self.0.range(start..=place).next_back()?;
        (range.to > place.offset).then_some(range.fate)
    }

    /// Ranges inside a part, cut to it.
    pub fn within(&self, part: &Part) -> impl Iterator<Item = (u32, u32, Fate)> {
        let (from, to) = (part.from as u32, part.to as u32);
        let place = |offset| Place { segment: part.segment, offset };
        let first = self.0.range(place(0)..=place(from)).next_back().map_or(from, |(at, _)| at.offset);
        let inside = self.0.range(place(first)..place(to)).filter(move |(_, range)| range.to > from);
        inside.map(move |(at, range)| (at.offset.max(from), range.to.min(to), range.fate))
    }

    /// Whether every event of a part has a fate.
    pub fn covers(&self, part: &Part) -> bool {
        let place = |offset: u64| Place { segment: part.segment, offset: offset as u32 };
        let first =
            self.0.range(place(0)..=place(part.from)).next_back().map_or(0, |(at, _)| at.offset.into());
        let mut at = part.from;
        for (from, range) in self.0.range(place(first)..place(part.to)) {
            if u64::from(from.offset) > at {
                return false;
            }
            at = at.max(range.to.into());
        }
        at >= part.to
    }

    /// Up to where a segment has been judged, whatever came of it.
    pub fn settled(&self, segment: u32) -> u64 {
        let whole = Place { segment, offset: 0 }..=Place { segment, offset: u32::MAX };
        self.0.range(whole).next_back().map_or(0, |(_, range)| range.to.into())
    }

    /// Where ranges of a segment begin and end, ascending.
    pub fn of(&self, segment: u32) -> impl Iterator<Item = (u32, u32)> {
        let whole = Place { segment, offset: 0 }..=Place { segment, offset: u32::MAX };
        self.0.range(whole).map(|(place, range)| (place.offset, range.to))
    }

    /// Ranges of a fate.
    pub fn with(&self, wanted: impl Fn(Fate) -> bool) -> impl Iterator<Item = (Place, u32, Fate)> {
        let all = self.0.iter().map(|(&place, range)| (place, range.to, range.fate));
        all.filter(move |&(_, _, fate)| wanted(fate))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(from: u64, to: u64) -> Part {
        Part { segment: 3, from, to, events: 1 }
    }

    proptest! {
        #[test]
        fn the_last_word_holds(words in proptest::collection::vec((0..40u64, 1..20u64, 0..4u64), 1..30)) {
            let mut ranges = Ranges::default();
            let mut naive = [None; 64];
            for (from, length, fate) in words {
                let fate = (fate > 0).then_some(Fate::Accepted(fate));
                ranges.set(&part(from, from + length), fate);
                naive[from as usize..(from + length) as usize].fill(fate);
            }
            for (offset, fate) in naive.iter().enumerate() {
                prop_assert_eq!(ranges.fate(Place { segment: 3, offset: offset as u32 }), *fate);
                prop_assert_eq!(ranges.fate(Place { segment: 2, offset: offset as u32 }), None);
            }
            let settled = naive.iter().rposition(Option::is_some).map_or(0, |last| last as u64 + 1);
            prop_assert_eq!(ranges.settled(3), settled);
        }
    }
}
