//! Purges: what was stored before one of them and is meant by it is not used any more.
//!
//! Owns the generations: a purge is a number written beside a name, and costs the same whether a hundred thousand responses
//! bear the name or none. A response is checked when it is found, and only if there was a purge since the last time. Its
//! fetching decides its age, so a purge that came while it was on its way means it too. Bounded: a URL that is forgotten leaves
//! its purges to the URLs whose hash falls in the same of many shares; any other name, to everything.
#![allow(clippy::disallowed_types, reason = "read once for each stored response after a purge, not for each request")]

use crate::base::hash;
use crate::cache::address::Address;
use crate::cache::tags::Tag;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{PoisonError, RwLock};

/// URLs that are remembered, and other names: the last that were purged.
const NAMES_MAX: usize = 100_000;
/// Shares that all URLs fall in, for purges of those that are forgotten: 16 bytes each, once there is one.
const SHARES: usize = 1 << 18;
/// What the name of a URL begins with, and no other name.
const URL: &[u8] = b"url ";
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
    fn of(mark: &Mark) -> Self {
        Self { hard: mark.hard, soft: mark.soft }
    }

    fn add(&mut self, others: Self) {
        self.hard = self.hard.max(others.hard);
        self.soft = self.soft.max(others.soft);
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
    /// The URLs of this share.
    Share(u32),
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
    /// URLs: anybody may have them purged, by requests with effects.
    urls: Names,
    /// What is left of URLs that were forgotten, by shares; empty as long as none was.
    shares: Vec<Marks>,
    /// Origins, and the names that responses bear.
    names: Names,
    prefixes: VecDeque<(Box<str>, Marks)>,
    /// Purges up to this one may have been forgotten.
    forgotten: u64,
}

/// Purges by name.
#[derive(Debug, Default)]
struct Names {
    marks: HashMap<Box<[u8]>, Marks>,
    /// Names as they came, to forget the oldest; of a name that was purged again, the last place counts.
    order: VecDeque<(u64, Box<[u8]>)>,
}

impl Names {
    /// Notes a purge; gives back the oldest name when there are too many.
    fn add(&mut self, name: &[u8], marks: Marks) -> Option<(Box<[u8]>, Marks)> {
        self.marks.entry(name.into()).or_default().add(marks);
        self.order.push_back((marks.era(), name.into()));
        if self.order.len() > 2 * NAMES_MAX {
            let marks = &self.marks;
            self.order.retain(|(era, name)| marks.get(name).is_some_and(|marks| marks.era() == *era));
        }
        while self.marks.len() > NAMES_MAX {
            let (era, name) = self.order.pop_front()?;
            // Not when it was purged again: then it stands further behind as well.
            if self.marks.get(&name).is_some_and(|marks| marks.era() <= era) {
                return self.marks.remove_entry(&name);
            }
        }
        None
    }

    fn get(&self, name: &[u8]) -> Option<Marks> {
        self.marks.get(name).copied()
    }

    /// All of them, oldest first, each once.
    fn all(&self) -> impl Iterator<Item = Mark> {
        self.order.iter().filter_map(|(era, name)| {
            let marks = self.marks.get(name).filter(|marks| marks.era() == *era)?;
            Some(Mark::new(Name::Named(name.clone()), *marks))
        })
    }
}

fn origin_name(address: &Address) -> Box<[u8]> {
    [b"origin ", address.origin().as_bytes()].concat().into()
}

/// The share that a URL falls in, the same after a restart.
fn share_of(name: &[u8]) -> usize {
    hash::of(&[name]) as usize % SHARES
}

fn url_name(address: &[u8]) -> Box<[u8]> {
    [URL, address].concat().into()
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
        // There are no more shares than a u32 holds.
        let shares = book.shares.iter().enumerate().filter(|(_, of_share)| of_share.era() > 0);
        marks.extend(shares.map(|(place, of_share)| Mark::new(Name::Share(place as u32), *of_share)));
        marks.extend(book.urls.all().chain(book.names.all()));
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
            Name::All => self.all.add(Marks::of(mark)),
            Name::Forgotten => self.forgotten = self.forgotten.max(era),
            Name::Named(name) if name.starts_with(URL) => {
                if let Some((name, marks)) = self.urls.add(name, Marks::of(mark)) {
                    self.leave(share_of(&name), marks);
                }
            }
            Name::Named(name) => {
                let gone = self.names.add(name, Marks::of(mark));
                self.forgotten = gone.map_or(0, |(_, marks)| marks.era()).max(self.forgotten);
            }
            Name::Prefix(text) => {
                let mut marks = Marks::of(mark);
                let known = self.prefixes.iter().position(|(known, _)| known == text);
                if let Some((_, known)) = known.and_then(|place| self.prefixes.remove(place)) {
                    marks.add(known);
                }
                self.prefixes.push_back((text.clone(), marks));
                if self.prefixes.len() > PREFIXES_MAX
                    && let Some((_, marks)) = self.prefixes.pop_front()
                {
                    self.forgotten = self.forgotten.max(marks.era());
                }
            }
            Name::Share(place) => self.leave(*place as usize, Marks::of(mark)),
        }
    }

    /// Leaves purges to all URLs of a share.
    fn leave(&mut self, share: usize, marks: Marks) {
        if self.shares.is_empty() {
            self.shares = vec![Marks::default(); SHARES];
        }
        if let Some(known) = self.shares.get_mut(share) {
            known.add(marks);
        }
    }

    fn standing(&self, since: u64, address: &Address, tags: &[Tag]) -> Standing {
        if since < self.forgotten {
            return Standing::Purged(Force::Hard);
        }
        let begins = |prefix: &&(Box<str>, Marks)| address.as_str().starts_with(&*prefix.0);
        let (origin, url) = (origin_name(address), url_name(address.as_str().as_bytes()));
        let of_share = if self.shares.is_empty() { None } else { self.shares.get(share_of(&url)).copied() };
        let marks = [Some(self.all), self.names.get(&origin), self.urls.get(&url), of_share];
        let prefixes = self.prefixes.iter().filter(begins).map(|(_, marks)| *marks);
        let tags = tags.iter().filter_map(|tag| self.names.get(tag.as_bytes()));
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
            order.sort_by_key(|place| hash::of(&[&seed.to_le_bytes(), &place.to_le_bytes()]));
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
    fn many_purges_cost_what_they_name_and_little_else() {
        let purges = Purges::default();
        purges.purge(&Purge::Tag(Tag::key(b"sale")), Force::Soft);
        let url = |number| Purge::Url(address(&format!("/{number}")));
        for number in 0..2 * NAMES_MAX {
            purges.purge(&url(number), Force::Hard);
        }
        let restored = Purges::default();
        restored.restore(&purges.marks(), 0);
        for purges in [purges, restored] {
            let standing = |path: &str, tags: &[Tag]| purges.standing(0, &address(path), tags).0;
            for number in (0..2 * NAMES_MAX).step_by(997) {
                assert_eq!(standing(&format!("/{number}"), &[]), Standing::Purged(Force::Hard), "{number}");
            }
            let sale = [Tag::key(b"sale")];
            let soft =
                (0..1000).filter(|number| standing(&format!("/{number}/x"), &sale) == Standing::Purged(Force::Soft));
            assert!(soft.count() > 500, "what operators name is remembered apart");
            let others = (0..1000).filter(|number| standing(&format!("/other/{number}"), &[]) != Standing::Untouched);
            let others = others.count();
            assert!(others < 500, "{others} of 1000 that nobody purged");
        }
    }

    #[test]
    fn a_name_that_is_purged_again_is_the_newest() {
        let purges = Purges::default();
        let prefix = |number: usize| Purge::Prefix(address(&format!("/{number}/")));
        purges.purge(&prefix(0), Force::Hard);
        for number in 1..=PREFIXES_MAX {
            purges.purge(&prefix(number), Force::Hard);
            purges.purge(&prefix(0), Force::Hard);
        }
        let before = purges.era();
        purges.purge(&prefix(PREFIXES_MAX + 1), Force::Hard);
        assert_eq!(purges.standing(before, &address("/0/x"), &[]).0, Standing::Untouched);
        let named = Purges::default();
        named.purge(&Purge::Url(address("/a")), Force::Soft);
        for _ in 0..3 * NAMES_MAX {
            named.purge(&Purge::Url(address("/b")), Force::Hard);
        }
        assert_eq!(
            named.standing(0, &address("/a"), &[]).0,
            Standing::Purged(Force::Soft),
            "it is still known by name"
        );
    }

    #[test]
    fn what_was_forgotten_counts_as_purged() {
        let prefixes = Purges::default();
        for number in 0..=PREFIXES_MAX {
            prefixes.purge(&Purge::Prefix(address(&format!("/{number}/"))), Force::Hard);
        }
        assert_eq!(prefixes.standing(0, &address("/0/x"), &[]).0, Standing::Purged(Force::Hard));
    }
}
