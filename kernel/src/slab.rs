//! A growing array that never moves what it holds.
//!
//! Doubling one large vector needs old and new side by side, and a state at its limit would not
//! fit wasm32's memory twice; nor may one allocation there exceed 2 GiB.

use alloc::vec::Vec;

/// Items in a segment. A power of two, so that an index splits by shifting. Memory grows by a segment at
/// a time; a few megabytes, so that the system can back it with large pages.
const SEGMENT: usize = 1 << 15;

/// Items by a 32-bit index, in segments.
#[derive(Debug, Clone)]
pub struct Slab<T> {
    segments: Vec<Vec<T>>,
    len: u32,
}

impl<T: Copy> Default for Slab<T> {
    fn default() -> Self {
        Slab::new()
    }
}

impl<T: Copy> Slab<T> {
    /// Starts empty.
    pub fn new() -> Self {
        Slab { segments: Vec::new(), len: 0 }
    }

    /// Items.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends an item and gives its index.
    #[inline(always)]
    pub fn push(&mut self, item: T) -> u32 {
        let index = self.len;
        if (index as usize).is_multiple_of(SEGMENT) {
            self.open();
        }
        self.segments[index as usize / SEGMENT].push(item);
        self.len += 1;
        index
    }

    /// Starts a segment. A small state stays small; a large one takes whole segments.
    #[cold]
    fn open(&mut self) {
        let capacity = if self.len == 0 { 0 } else { SEGMENT };
        self.segments.push(Vec::with_capacity(capacity));
    }

    /// The item at an index that [`Slab::push`] gave.
    #[inline]
    pub fn get(&self, index: u32) -> &T {
        &self.segments[index as usize / SEGMENT][index as usize % SEGMENT]
    }

    /// The item at an index that [`Slab::push`] gave, to be changed.
    #[inline]
    pub fn get_mut(&mut self, index: u32) -> &mut T {
        &mut self.segments[index as usize / SEGMENT][index as usize % SEGMENT]
    }

    /// Replaces the item at an index that [`Slab::push`] gave.
    pub fn set(&mut self, index: u32, item: T) {
        *self.get_mut(index) = item;
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.segments.iter().flatten()
    }

    /// The items in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.segments.iter_mut().flatten()
    }

    /// Whether this holds of each item and the one behind it.
    pub fn all_pairs(&self, mut holds: impl FnMut(&T, &T) -> bool) -> bool {
        let mut before = None;
        self.iter().all(|item| before.replace(item).is_none_or(|before| holds(before, item)))
    }
}

impl<T: Copy> Extend<T> for Slab<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| _ = self.push(item));
    }
}

impl<T: Copy> FromIterator<T> for Slab<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut slab = Slab::new();
        slab.extend(items);
        slab
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_index_across_segments() {
        let mut slab = Slab::new();
        let count = 2 * SEGMENT as u32 + 1;
        for i in 0..count {
            assert_eq!(slab.push(i), i);
        }
        assert_eq!(slab.len(), count);
        slab.set(SEGMENT as u32, 0);
        for i in 0..count {
            assert_eq!(*slab.get(i), if i == SEGMENT as u32 { 0 } else { i });
        }
        slab.iter_mut().for_each(|item| *item += 1);
        assert!(slab.iter().eq(&(0..count).map(|i| *slab.get(i)).collect::<Vec<_>>()));
        assert!(slab.all_pairs(|a, b| *b == a + 1 || *b == 1 || *a == 1));
        assert!(!slab.all_pairs(|a, b| *b == a + 1));
    }

    #[test]
    fn memory_grows_from_little_and_then_by_a_segment() {
        let mut slab = Slab::new();
        slab.push(1);
        assert_eq!(slab.segments.len(), 1);
        assert!(slab.segments[0].capacity() < SEGMENT);
        (1..=SEGMENT as u32).for_each(|i| _ = slab.push(i));
        assert_eq!(slab.segments.len(), 2);
        assert_eq!(slab.segments[1].capacity(), SEGMENT);
    }
}
