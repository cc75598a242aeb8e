//! Purges: what was stored before one of them and is meant by it is not used any more.
//!
//! Owns the generations: a purge is a number written beside a name, and costs the same whether a hundred thousand responses
//! bear the name or none. A response is checked when it is found, and only if there was a purge since the last time. Its
//! fetching decides its age, so a purge that came while it was on its way means it too. Bounded: a URL that is forgotten leaves
//! its purges to the URLs whose hash falls in the same of many shares; any other name, to everything.
#![allow(clippy::disallowed_types, reason = "read once for each stored response after a purge, not for each request")]

mod names;
#[cfg(test)]
mod tests;

use crate::base::hash;
use crate::cache::address::Address;
use crate::cache::tags::Tag;
use names::{Names, Prefixes};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{PoisonError, RwLock};

/// Shares that all URLs fall in, for purges of those that are forgotten: 16 bytes each, once there is one.
const SHARES: usize = 1 << 18;
/// What the name of a URL begins with, and no other name.
const URL: &[u8] = b"url ";

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

impl fmt::Display for Purge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Origin(address) => write!(f, "origin {}", address.origin()),
            Self::Url(address) => write!(f, "url {}", address.as_str()),
            Self::Prefix(address) => write!(f, "prefix {}", address.as_str()),
            Self::Tag(tag) => f.write_str(&String::from_utf8_lossy(tag.as_bytes())),
        }
    }
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
    /// How many of them are purged.
    purged_shares: usize,
    /// Origins, and the names that responses bear.
    names: Names,
    prefixes: Prefixes,
    /// Purges up to these may have been forgotten.
    forgotten: Marks,
}

/// How much is remembered of purges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remembered {
    /// URLs.
    pub urls: usize,
    /// Origins, keys and groups.
    pub names: usize,
    /// Prefixes.
    pub prefixes: usize,
    /// Shares of all URLs, of which one was forgotten.
    pub shares: usize,
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
            Purge::Origin(address) => Name::Named(origin_name(&address.undotted())),
            Purge::Url(address) => Name::Named(url_name(address.undotted().as_str().as_bytes())),
            Purge::Tag(tag) => Name::Named(tag.as_bytes().into()),
            Purge::Prefix(address) => Name::Prefix(address.undotted().as_str().into()),
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
        let mut marks = vec![Mark::new(Name::All, book.all), Mark::new(Name::Forgotten, book.forgotten)];
        // There are no more shares than a u32 holds.
        let shares = book.shares.iter().enumerate().filter(|(_, of_share)| of_share.era() > 0);
        marks.extend(shares.map(|(place, of_share)| Mark::new(Name::Share(place as u32), *of_share)));
        let names = book.urls.all().chain(book.names.all());
        marks.extend(names.map(|(name, of_name)| Mark::new(Name::Named(name.into()), of_name)));
        let text = |prefix: &[u8]| Name::Prefix(String::from_utf8_lossy(prefix).into());
        marks.extend(book.prefixes.all().map(|(prefix, of_prefix)| Mark::new(text(prefix), of_prefix)));
        marks.retain(|mark| mark.era() > 0);
        marks
    }

    /// How much is remembered.
    pub fn remembered(&self) -> Remembered {
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        Remembered {
            urls: book.urls.count(),
            names: book.names.count(),
            prefixes: book.prefixes.count(),
            shares: book.purged_shares,
        }
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
        let marks = Marks::of(mark);
        match &mark.name {
            Name::All => self.all.add(marks),
            Name::Forgotten => self.forgotten.add(marks),
            Name::Named(name) if name.starts_with(URL) => {
                let mut left = Vec::new();
                self.urls.add(name, marks, |name, marks| left.push((share_of(name), marks)));
                left.into_iter().for_each(|(share, marks)| self.leave(share, marks));
            }
            Name::Named(name) => self.names.add(name, marks, |_, marks| self.forgotten.add(marks)),
            Name::Prefix(text) => self.prefixes.add(text.as_bytes(), marks, |marks| self.forgotten.add(marks)),
            Name::Share(place) => self.leave(*place as usize, marks),
        }
    }

    /// Leaves purges to all URLs of a share.
    fn leave(&mut self, share: usize, marks: Marks) {
        if self.shares.is_empty() {
            self.shares = vec![Marks::default(); SHARES];
        }
        if let Some(known) = self.shares.get_mut(share) {
            self.purged_shares += usize::from(known.era() == 0);
            known.add(marks);
        }
    }

    fn standing(&self, since: u64, address: &Address, tags: &[Tag]) -> Standing {
        let address = &*address.undotted();
        let (origin, url) = (origin_name(address), url_name(address.as_str().as_bytes()));
        let of_share = if self.shares.is_empty() { None } else { self.shares.get(share_of(&url)).copied() };
        let marks = [Some(self.all), Some(self.forgotten), self.names.get(&origin), self.urls.get(&url), of_share];
        let prefixes = self.prefixes.of(address.as_str().as_bytes());
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
