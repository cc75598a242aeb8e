//! Purges: what was stored before one of them and is meant by it is not used any more.
//!
//! Owns the generations: a purge is a number written beside a name, and costs the same whether a hundred thousand responses
//! bear the name or none. A response is checked when it is found, and only if there was a purge since the last time. Its
//! fetching decides its age, so a purge that came while it was on its way means it too. Bounded: when names are forgotten,
//! everything older than them counts as purged.
#![allow(clippy::disallowed_types, reason = "read once for each stored response after a purge, not for each request")]

use crate::cache::address::Address;
use crate::cache::tags::Tag;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{PoisonError, RwLock};

/// Names that are remembered.
const NAMES_MAX: usize = 100_000;
/// Prefixes that are remembered; each is compared with each response that is checked.
const PREFIXES_MAX: usize = 256;

/// What a purge means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    /// Everything.
    All,
    /// Everything of one origin: scheme, host and port.
    Origin(Address),
    /// One URL: all keys and variants of it.
    Url(Address),
    /// All URLs that begin so.
    Prefix(Address),
    /// All that bear this name.
    Tag(Tag),
}

/// What a purge does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Force {
    /// It is gone.
    Hard,
    /// It is stale: it may stand in while it is revalidated or when the origin fails.
    Soft,
}

/// What became of a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No purge meant it.
    Untouched,
    /// It was purged.
    Purged(Force),
}

/// The last purges of one name.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    hard: u64,
    soft: u64,
}

impl Marks {
    fn add(&mut self, mark: &Mark) {
        self.hard = self.hard.max(mark.hard);
        self.soft = self.soft.max(mark.soft);
    }

    fn era(self) -> u64 {
        self.hard.max(self.soft)
    }

    fn set(&mut self, era: u64, force: Force) {
        match force {
            Force::Hard => self.hard = era,
            Force::Soft => self.soft = era,
        }
    }

    fn since(self, era: u64) -> Standing {
        match self {
            Self { hard, .. } if hard > era => Standing::Purged(Force::Hard),
            Self { soft, .. } if soft > era => Standing::Purged(Force::Soft),
            _ => Standing::Untouched,
        }
    }
}

/// Whom a purge means, in a form that can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Name {
    /// Everything.
    All,
    /// What bears this name: an origin's, a URL's or a tag's.
    Named(Box<[u8]>),
    /// The URLs that begin so.
    Prefix(Box<str>),
    /// Everything as old as what was forgotten.
    Forgotten,
}

/// What is remembered of one name: its last purges, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Whom they mean.
    pub name: Name,
    /// The last hard one; 0 for none.
    pub hard: u64,
    /// The last soft one; 0 for none.
    pub soft: u64,
}

impl Mark {
    fn new(name: Name, Marks { hard, soft }: Marks) -> Self {
        Self { name, hard, soft }
    }

    /// The last of them.
    pub fn era(&self) -> u64 {
        self.hard.max(self.soft)
    }
}

/// The purges that are remembered.
#[derive(Debug, Default)]
pub struct Purges {
    era: AtomicU64,
    book: RwLock<Book>,
}

#[derive(Debug, Default)]
struct Book {
    all: Marks,
    names: HashMap<Box<[u8]>, Marks>,
    /// Names as they came, to forget the oldest.
    order: VecDeque<(u64, Box<[u8]>)>,
    prefixes: VecDeque<(Box<str>, Marks)>,
    /// Purges up to this one may have been forgotten.
    forgotten: u64,
}

fn origin_name(address: &Address) -> Box<[u8]> {
    [b"origin ", address.origin().as_bytes()].concat().into()
}

fn url_name(address: &[u8]) -> Box<[u8]> {
    [b"url ", address].concat().into()
}

impl Purges {
    /// The number of the last purge. A fetch notes it before it asks the origin.
    pub fn era(&self) -> u64 {
        self.era.load(SeqCst)
    }

    /// Purges. Returns what is to be remembered of it.
    pub fn purge(&self, what: &Purge, force: Force) -> Mark {
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who sees the new number waits for what it stands for.
        let era = self.era.fetch_add(1, SeqCst) + 1;
        let name = match what {
            Purge::All => Name::All,
            Purge::Origin(address) => Name::Named(origin_name(address)),
            Purge::Url(address) => Name::Named(url_name(address.as_str().as_bytes())),
            Purge::Tag(tag) => Name::Named(tag.as_bytes().into()),
            Purge::Prefix(address) => Name::Prefix(address.as_str().into()),
        };
        let mut marks = Marks::default();
        marks.set(era, force);
        let mark = Mark::new(name, marks);
        book.add(&mark);
        mark
    }

    /// Remembers what was written of earlier purges. The next number is larger than theirs and than `newest`.
    pub fn restore(&self, marks: &[Mark], newest: u64) {
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        for mark in marks {
            book.add(mark);
        }
        let newest = marks.iter().map(Mark::era).max().unwrap_or_default().max(newest);
        self.era.fetch_max(newest, SeqCst);
    }

    /// All that is remembered, in the order in which it is forgotten.
    pub fn marks(&self) -> Vec<Mark> {
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        let forgotten = Mark::new(Name::Forgotten, Marks { hard: book.forgotten, soft: 0 });
        let mut marks = vec![Mark::new(Name::All, book.all), forgotten];
        for (era, name) in &book.order {
            // Once for each name: where its last purge stands.
            if let Some(of_name) = book.names.get(name).filter(|of_name| of_name.era() == *era) {
                marks.push(Mark::new(Name::Named(name.clone()), *of_name));
            }
        }
        marks.extend(book.prefixes.iter().map(|(text, of_prefix)| Mark::new(Name::Prefix(text.clone()), *of_prefix)));
        marks.retain(|mark| mark.era() > 0);
        marks
    }

    /// What became of a response whose fetching began in `since`, and the purge up to which that holds.
    pub fn standing(&self, since: u64, address: &Address, tags: &[Tag]) -> (Standing, u64) {
        if self.era() == since {
            return (Standing::Untouched, since);
        }
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        (book.standing(since, address, tags), self.era())
    }
}

impl Book {
    /// Remembers a purge; one that is older than what is remembered of its name changes nothing.
    fn add(&mut self, mark: &Mark) {
        let era = mark.era();
        match &mark.name {
            Name::All => self.all.add(mark),
            Name::Forgotten => self.forgotten = self.forgotten.max(era),
            Name::Named(name) => {
                self.names.entry(name.clone()).or_default().add(mark);
                self.order.push_back((era, name.clone()));
            }
            Name::Prefix(text) => match self.prefixes.iter_mut().find(|(known, _)| known == text) {
                Some((_, known)) => known.add(mark),
                None => self.prefixes.push_back((text.clone(), Marks { hard: mark.hard, soft: mark.soft })),
            },
        }
        self.bound();
    }

    fn bound(&mut self) {
        while self.order.len() > NAMES_MAX {
            let Some((era, name)) = self.order.pop_front() else { break };
            // Not when it was purged again: then it stands further behind as well.
            if self.names.get(&name).is_some_and(|marks| marks.era() <= era) {
                self.names.remove(&name);
                self.forgotten = self.forgotten.max(era);
            }
        }
        if self.prefixes.len() > PREFIXES_MAX
            && let Some((_, marks)) = self.prefixes.pop_front()
        {
            self.forgotten = self.forgotten.max(marks.era());
        }
    }

    fn standing(&self, since: u64, address: &Address, tags: &[Tag]) -> Standing {
        if since < self.forgotten {
            return Standing::Purged(Force::Hard);
        }
        let by_name = |name: &[u8]| self.names.get(name).copied();
        let begins = |prefix: &&(Box<str>, Marks)| address.as_str().starts_with(&*prefix.0);
        let marks = [Some(self.all), by_name(&origin_name(address)), by_name(&url_name(address.as_str().as_bytes()))];
        let prefixes = self.prefixes.iter().filter(begins).map(|(_, marks)| *marks);
        let tags = tags.iter().filter_map(|tag| by_name(tag.as_bytes()));
        let mut found = Standing::Untouched;
        for marks in marks.into_iter().flatten().chain(prefixes).chain(tags) {
            match marks.since(since) {
                Standing::Untouched => {}
                Standing::Purged(Force::Hard) => return Standing::Purged(Force::Hard),
                soft => found = soft,
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(path: &str) -> Address {
        Address::of("https", "shop.example", path, None).unwrap()
    }

    #[test]
    fn a_purge_means_what_was_fetched_before_it_and_nothing_else() {
        let tag = Tag::key(b"sale");
        for (purge, meant, other) in [
            (Purge::All, Some(("/a", vec![])), None),
            (Purge::Url(address("/a")), Some(("/a", vec![])), Some(("/b", vec![]))),
            (Purge::Prefix(address("/a/")), Some(("/a/x", vec![])), Some(("/a", vec![]))),
            (Purge::Origin(address("/z")), Some(("/a", vec![])), None),
            (Purge::Origin(Address::of("http", "shop.example", "/", None).unwrap()), None, Some(("/a", vec![]))),
            (Purge::Tag(tag.clone()), Some(("/a", vec![tag.clone()])), Some(("/a", vec![Tag::key(b"x")]))),
        ] {
            for force in [Force::Hard, Force::Soft] {
                let purges = Purges::default();
                let before = purges.era();
                purges.purge(&purge, force);
                let standing = |since, (path, tags): &(&str, Vec<Tag>)| purges.standing(since, &address(path), tags).0;
                if let Some(meant) = &meant {
                    assert_eq!(standing(before, meant), Standing::Purged(force), "{purge:?}");
                    assert_eq!(standing(purges.era(), meant), Standing::Untouched, "fetched afterwards: {purge:?}");
                }
                if let Some(other) = &other {
                    assert_eq!(standing(before, other), Standing::Untouched, "{purge:?}");
                }
            }
        }
    }

    #[test]
    fn hard_outweighs_soft() {
        let purges = Purges::default();
        purges.purge(&Purge::All, Force::Hard);
        purges.purge(&Purge::Url(address("/a")), Force::Soft);
        assert_eq!(purges.standing(0, &address("/a"), &[]), (Standing::Purged(Force::Hard), 2));
        assert_eq!(purges.standing(1, &address("/a"), &[]), (Standing::Purged(Force::Soft), 2));
    }

    #[test]
    fn what_was_written_of_purges_means_the_same() {
        let purges = Purges::default();
        let tag = Tag::key(b"sale");
        purges.purge(&Purge::All, Force::Soft);
        for force in [Force::Hard, Force::Soft] {
            purges.purge(&Purge::Tag(tag.clone()), force);
            purges.purge(&Purge::Prefix(address("/a/")), force);
        }
        let restored = Purges::default();
        restored.restore(&purges.marks(), 0);
        assert_eq!(restored.marks(), purges.marks());
        for since in 0..=purges.era() {
            for (path, tags) in [("/a/x", vec![]), ("/b", vec![tag.clone()]), ("/b", vec![])] {
                let standing = |purges: &Purges| purges.standing(since, &address(path), &tags);
                assert_eq!(standing(&restored), standing(&purges), "{since} {path} {tags:?}");
            }
        }
        restored.restore(&[], 100);
        assert_eq!(restored.purge(&Purge::All, Force::Hard).hard, 101, "newer than all that is stored");
    }

    proptest! {
        /// What a fleet may do to purges on their way: any order, some of them twice.
        #[test]
        fn purges_that_come_twice_or_out_of_order_mean_the_same(
            sent in proptest::collection::vec((0usize..5, 1u64..9, any::<bool>()), 1..8),
            more in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
            seed in any::<u64>(),
        ) {
            let names = [
                Purge::All, Purge::Url(address("/a/x")), Purge::Prefix(address("/a/")), Purge::Origin(address("/")),
                Purge::Tag(Tag::key(b"sale")),
            ];
            let mut order: Vec<usize> = (0..sent.len()).chain(more.iter().map(|index| index.index(sent.len()))).collect();
            order.sort_by_key(|place| crate::base::hash::of(&[&seed.to_le_bytes(), &place.to_le_bytes()]));
            let forced = |hard| if hard { Force::Hard } else { Force::Soft };
            // As orders, each numbered where it comes: what was fetched before them is purged, by the stronger one.
            let (once, often) = (Purges::default(), Purges::default());
            sent.iter().for_each(|(name, _, hard)| drop(once.purge(&names[*name], forced(*hard))));
            order.iter().for_each(|place| drop(often.purge(&names[sent[*place].0], forced(sent[*place].2))));
            // As marks, numbered where they were ordered: the same for whatever was fetched between them.
            let marks: Vec<Mark> = sent.iter().map(|(name, era, hard)| {
                let numbered = Purges::default();
                numbered.restore(&[], *era - 1);
                numbered.purge(&names[*name], forced(*hard))
            }).collect();
            let (first, again) = (Purges::default(), Purges::default());
            first.restore(&marks, 0);
            order.iter().for_each(|place| again.restore(&marks[*place..=*place], 0));
            prop_assert_eq!(first.era(), again.era());
            for (path, tags) in [("/a/x", vec![]), ("/b", vec![Tag::key(b"sale")]), ("/b", vec![])] {
                let standing = |purges: &Purges, since| purges.standing(since, &address(path), &tags).0;
                prop_assert_eq!(standing(&once, 0), standing(&often, 0));
                for since in 0..=first.era() {
                    prop_assert_eq!(standing(&first, since), standing(&again, since));
                }
            }
        }
    }

    #[test]
    fn what_was_forgotten_counts_as_purged() {
        let purges = Purges::default();
        for number in 0..=NAMES_MAX {
            purges.purge(&Purge::Tag(Tag::key(number.to_string().as_bytes())), Force::Soft);
        }
        assert_eq!(purges.standing(0, &address("/a"), &[]).0, Standing::Purged(Force::Hard));
        assert_eq!(purges.standing(1, &address("/a"), &[]).0, Standing::Untouched);
        let prefixes = Purges::default();
        for number in 0..=PREFIXES_MAX {
            prefixes.purge(&Purge::Prefix(address(&format!("/{number}/"))), Force::Hard);
        }
        assert_eq!(prefixes.standing(0, &address("/0/x"), &[]).0, Standing::Purged(Force::Hard));
    }
}
