//! What is stored under one key: the variants of a response.
//!
//! Owns their number and their weight. An entry is never changed, only replaced, so that whoever reads one keeps it.

use super::codings::Codings;
use super::segments::Segments;
use crate::cache::partial;
use crate::cache::stored::{Extent, Stored};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Variants under one key. With more, the ones that came first make room: an origin that varies on what every client
/// says differently fills no more than this.
pub const VARIANTS_MAX: usize = 256;
/// Bytes that a field costs besides its text: its place in the map, and the map's spare room.
const FIELD_BYTES: usize = 96;
/// Bytes that a variant costs besides fields and body.
const VARIANT_BYTES: usize = 512;

/// A stored response with its bytes.
#[derive(Debug)]
pub struct Held {
    /// All but the bytes.
    pub stored: Stored,
    /// The bytes that are held.
    pub body: Segments,
    /// Purges up to this one have been heeded.
    era: AtomicU64,
    /// The bytes in other codings, once one was wanted.
    codings: OnceLock<Arc<Codings>>,
    /// What these weighed when this was made: an entry must not change its weight where it lies.
    codings_bytes: u64,
    /// Some of its bytes could not be read.
    is_lost: AtomicBool,
}

impl Held {
    /// A response whose fetching began in `era`.
    pub fn new(stored: Stored, body: Segments, era: u64) -> Self {
        let era = AtomicU64::new(era);
        Self { stored, body, era, codings: OnceLock::new(), codings_bytes: 0, is_lost: AtomicBool::new(false) }
    }

    /// The same with the codings of its bytes.
    #[must_use]
    pub fn with_codings(self, codings: &OnceLock<Arc<Codings>>) -> Self {
        let codings_bytes = codings.get().map_or(0, |codings| codings.bytes());
        Self { codings: codings.clone(), codings_bytes, ..self }
    }

    /// The same bytes under newer fields.
    pub fn renewed(&self, stored: Stored, era: u64) -> Self {
        Self::new(stored, self.body.clone(), era).with_codings(&self.codings)
    }

    /// What is left of it when some of its bytes made room; none when that is nothing, or all, or may not be kept.
    pub(super) fn left(&self) -> Option<Self> {
        let body = self.body.left();
        let is_less = body.bytes() < self.body.bytes();
        let stored = partial::left(self.stored.clone(), body.spans().filter(|_| is_less)?)?;
        Some(Self::new(stored, body, self.era()))
    }

    /// The same response, its bytes in another place.
    pub(super) fn relocated(&self, body: Segments) -> Self {
        Self::new(self.stored.clone(), body, self.era()).with_codings(&self.codings)
    }

    /// The bytes in other codings.
    pub fn codings(&self) -> &Arc<Codings> {
        self.codings.get_or_init(Arc::default)
    }

    /// The purge up to which it has been checked.
    pub fn era(&self) -> u64 {
        self.era.load(Relaxed)
    }

    /// No purge up to this one meant it.
    pub(super) fn checked(&self, era: u64) {
        self.era.fetch_max(era, Relaxed);
    }

    /// Notes that some of its bytes could not be read, so that nobody else begins to.
    pub fn lose(&self) {
        self.is_lost.store(true, Relaxed);
    }

    /// Whether some of its bytes could not be read.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Relaxed)
    }

    /// Whether it is the very same response: this one, or one that was read from where this lies on disk.
    fn is(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let facts = |held: &Self| {
            let Stored { received, fresh_until, is_invalid, .. } = held.stored;
            (received, fresh_until, is_invalid)
        };
        Arc::ptr_eq(self, other)
            || facts(self) == facts(other)
                && self.stored.extent == other.stored.extent
                && self.stored.variant == other.stored.variant
                && self.stored.headers == other.stored.headers
                && self.body.lies_with(&other.body)
    }

    fn weight(&self) -> u64 {
        let fields: usize =
            self.stored.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES).sum();
        let tags: usize = self.stored.tags.iter().map(|tag| tag.as_bytes().len() + 16).sum();
        let varies = self.stored.variant.names().len() * FIELD_BYTES + self.stored.variant.values().len();
        self.body.weight() + self.codings_bytes + (fields + tags + varies + VARIANT_BYTES) as u64
    }
}

/// Two parts of one state as one; none when they are no such parts.
fn joined(older: &Held, newer: &Held, most: u64) -> Option<Held> {
    let stored = partial::together(&older.stored, &newer.stored).filter(|_| !older.is_lost())?;
    let body = older.body.with(&newer.body);
    // What was purged since either was asked for is found out when it is looked at.
    (body.bytes() <= most).then(|| Held::new(stored, body, older.era().min(newer.era())))
}

/// What is there when one comes over another.
fn over(old: &Held, new: &Arc<Held>, joined_max: u64) -> Arc<Held> {
    if let Some(both) = joined(old, new, joined_max) {
        return Arc::new(both);
    }
    if partial::is_same(&old.stored, &new.stored) && !old.is_lost() {
        new.body.lie_where(&old.body);
    }
    Arc::clone(new)
}

/// The variants under one key, older ones first.
#[derive(Debug, Default, Clone)]
pub struct Entry(Vec<Arc<Held>>);

impl Entry {
    /// These variants, older ones first.
    pub(super) fn of(variants: Vec<Arc<Held>>) -> Self {
        Self(variants)
    }

    /// The variants.
    pub fn variants(&self) -> &[Arc<Held>] {
        &self.0
    }

    /// With one more, which replaces those that answer the same requests. Parts of one state are joined, as long as they are
    /// no more than `joined_max` bytes.
    #[must_use]
    pub fn with(&self, new: Arc<Held>, joined_max: u64) -> Self {
        let same = self.0.iter().find(|held| held.stored.variant == new.stored.variant);
        let new = same.map_or_else(|| Arc::clone(&new), |old| over(old, &new, joined_max));
        let others = self.0.iter().filter(|held| held.stored.variant != new.stored.variant);
        let mut variants: Vec<_> = others.cloned().collect();
        if variants.len() >= VARIANTS_MAX {
            variants.drain(..=variants.len() - VARIANTS_MAX);
        }
        variants.push(new);
        Self(variants)
    }

    /// Whether there is a whole one that answers the same requests as this.
    #[must_use]
    pub(super) fn has_whole(&self, held: &Held) -> bool {
        let is_whole = |old: &Arc<Held>| matches!(old.stored.extent, Extent::Whole(_)) && !old.is_lost();
        self.0.iter().any(|old| old.stored.variant == held.stored.variant && is_whole(old))
    }

    /// With a newer one for this very one, if that is still there.
    #[must_use]
    pub(super) fn replaced(&self, old: &Arc<Held>, new: &Arc<Held>) -> Self {
        let rest = self.without(std::slice::from_ref(old));
        if rest.0.len() < self.0.len() { rest.with(Arc::clone(new), 0) } else { rest }
    }

    /// With the same response, its bytes in another place.
    #[must_use]
    pub(super) fn exchanged(&self, old: &Arc<Held>, new: &Arc<Held>) -> Self {
        let exchange = |held: &Arc<Held>| Arc::clone(if Arc::ptr_eq(held, old) { new } else { held });
        Self(self.0.iter().map(exchange).collect())
    }

    /// Without these, each of them the very one.
    #[must_use]
    pub fn without(&self, gone: &[Arc<Held>]) -> Self {
        let stays = |held: &&Arc<Held>| !gone.iter().any(|other| held.is(other));
        Self(self.0.iter().filter(stays).cloned().collect())
    }

    /// With what was made of this response's bytes since it was put here.
    #[must_use]
    pub(super) fn reweighed(&self, codings: &Arc<Codings>) -> Self {
        let again = |held: &Arc<Held>| match held.codings.get() {
            Some(own) if Arc::ptr_eq(own, codings) => Arc::new(held.renewed(held.stored.clone(), held.era())),
            _ => Arc::clone(held),
        };
        Self(self.0.iter().map(again).collect())
    }

    /// Bytes of memory that it takes, with a key of so many.
    pub(super) fn weight(&self, key: usize) -> u64 {
        key as u64 + 128 + self.0.iter().map(|held| held.weight()).sum::<u64>()
    }
}
