//! A set of a service's regions.
//!
//! Owns the bit set in which fences are kept. A service has at most 64 regions, which configuration enforces, so a
//! fence is one machine word and intersecting two of them cannot fail.

/// The most regions that one service may have.
pub const REGIONS_MAX: usize = 64;

/// Regions of one service, by their index in the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RegionSet(u64);

impl RegionSet {
    /// No region.
    pub const EMPTY: Self = Self(0);

    /// The first `count` regions.
    pub fn first(count: usize) -> Self {
        if count >= REGIONS_MAX { Self(u64::MAX) } else { Self((1 << count) - 1) }
    }

    /// Adds a region; an index beyond the last possible one is ignored.
    pub fn insert(&mut self, index: usize) {
        if index < REGIONS_MAX {
            self.0 |= 1 << index;
        }
    }

    /// Takes a region out; one that is not in the set is ignored.
    pub fn remove(&mut self, index: usize) {
        if index < REGIONS_MAX {
            self.0 &= !(1 << index);
        }
    }

    /// Whether the region is in the set.
    pub fn contains(self, index: usize) -> bool {
        index < REGIONS_MAX && self.0 & (1 << index) != 0
    }

    /// Regions in both sets. A fence can only shrink, so this is the only way to combine two.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Regions of this set that are not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no region is left.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many regions.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The regions, lowest index first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let index = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(index)
        })
    }
}

impl FromIterator<usize> for RegionSet {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut set = Self::EMPTY;
        indices.into_iter().for_each(|index| set.insert(index));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let set: RegionSet = [0, 5, 63, 64, 900].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!(set.len(), 3);
        assert_eq!(RegionSet::first(64).len(), 64);
        assert_eq!(RegionSet::first(3).intersect(set).iter().collect::<Vec<_>>(), [0]);
        assert!(RegionSet::first(0).is_empty());
        let mut fewer = set;
        fewer.remove(5);
        fewer.remove(64);
        assert_eq!(fewer.iter().collect::<Vec<_>>(), [0, 63]);
        assert_eq!(set.without(fewer).iter().collect::<Vec<_>>(), [5]);
    }
}
