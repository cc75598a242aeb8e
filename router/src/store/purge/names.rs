//! Names that were purged, each with its last purges.
//!
//! Owns which are remembered: the last, so many of them and so many bytes, for anybody may have long URLs purged. What becomes
//! of one that is forgotten is for its caller to say.

use super::Marks;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::Arc;

/// Names that are remembered of each kind: the last that were purged.
pub(super) const NAMES_MAX: usize = 100_000;
/// Bytes of them: room for all when they are short, and for thousands of the longest.
pub(super) const BYTES_MAX: usize = 32 << 20;

/// Purges by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    marks: HashMap<Arc<[u8]>, Marks>,
    /// Names as they came, to forget the oldest; of a name that was purged again, the last place counts.
    order: VecDeque<(u64, Arc<[u8]>)>,
    /// Of all names, each once.
    bytes: usize,
}

impl Names {
    /// Notes a purge; the oldest names are forgotten when there are too many.
    pub(super) fn add(&mut self, name: &[u8], marks: Marks, mut forgotten: impl FnMut(&[u8], Marks)) {
        let name = match self.marks.get_key_value(name) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(name),
        };
        let known = self.marks.entry(Arc::clone(&name)).or_insert_with(|| {
            self.bytes += name.len();
            Marks::default()
        });
        known.add(marks);
        self.order.push_back((marks.era(), name));
        if self.order.len() > 2 * NAMES_MAX {
            let marks = &self.marks;
            self.order.retain(|(era, name)| marks.get(name).is_some_and(|marks| marks.era() == *era));
        }
        while self.marks.len() > NAMES_MAX || self.bytes > BYTES_MAX {
            let Some((era, name)) = self.order.pop_front() else { return };
            // Not when it was purged again: then it stands further behind as well.
            if self.marks.get(&name).is_some_and(|marks| marks.era() <= era)
                && let Some(marks) = self.marks.remove(&name)
            {
                self.bytes -= name.len();
                forgotten(&name, marks);
            }
        }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Marks> {
        self.marks.get(name).copied()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.marks.len()
    }

    /// All of them, oldest first, each once.
    pub(super) fn all(&self) -> impl Iterator<Item = (&[u8], Marks)> {
        self.order.iter().filter_map(|(era, name)| {
            let marks = self.marks.get(name).filter(|marks| marks.era() == *era)?;
            Some((&**name, *marks))
        })
    }
}

/// Purges of all names that begin so.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    names: Names,
    /// The same in order, so that those of one text are found without looking at all.
    sorted: BTreeSet<Arc<[u8]>>,
}

impl Prefixes {
    /// As [`Names::add`].
    pub(super) fn add(&mut self, prefix: &[u8], marks: Marks, mut forgotten: impl FnMut(Marks)) {
        let Self { names, sorted } = self;
        sorted.insert(prefix.into());
        names.add(prefix, marks, |prefix, marks| {
            sorted.remove(prefix);
            forgotten(marks);
        });
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.names.count()
    }

    /// As [`Names::all`].
    pub(super) fn all(&self) -> impl Iterator<Item = (&[u8], Marks)> {
        self.names.all()
    }

    /// The purges of all prefixes of a text, longest first. Costs a look-up for each of them, and at most one for each byte.
    pub(super) fn of<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Marks> + 'a {
        let mut end = Included(text);
        std::iter::from_fn(move || {
            loop {
                let near = self.sorted.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>((Unbounded, end)).next_back()?;
                // What begins the text and is not longer than both have in common comes no later than that, in order; what is longer
                // would have been found in the place of this one.
                let common = near.iter().zip(text).take_while(|(one, other)| one == other).count();
                if common < near.len() {
                    end = Included(&text[..common]);
                    continue;
                }
                end = Excluded(&text[..common]);
                return Some(self.names.get(near).unwrap_or_default());
            }
        })
    }
}
