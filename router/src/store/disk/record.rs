//! An entry as it is written to disk.
//!
//! Owns the form, which is `folder::FORMAT`'s: whoever changes a shape here, or what a field means in `cache::stored`,
//! counts that up. Bodies are elsewhere; a record has their places and checksums. Never trusts what it reads.

use super::block::{Block, Place, Slice};
use crate::base::Timestamp;
use crate::cache::date::HttpDate;
use crate::cache::directives::{Directives, Qualified};
use crate::cache::freshness::{Basis, Lifetime};
use crate::cache::key::Key;
use crate::cache::partial;
use crate::cache::spans::Spans;
use crate::cache::stored::{Extent, Stored};
use crate::cache::tags::Tag;
use crate::cache::targeted::Ruling;
use crate::cache::vary::Variant;
use crate::store::entry::{Entry, Held};
use crate::store::segments::{Piece, Run, Segments};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
struct Page<'a> {
    key: &'a [u8],
    #[serde(borrow)]
    variants: Vec<Response<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Response<'a> {
    era: u64,
    status: u16,
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a [u8])>,
    varies: (Vec<&'a str>, &'a [u8]),
    directives: Rules<'a>,
    is_targeted: bool,
    seconds: u32,
    basis: u8,
    tags: Vec<&'a [u8]>,
    date: i64,
    received: u64,
    initial_age_ms: u64,
    fresh_until: u64,
    is_invalid: bool,
    /// The length when it is whole and known.
    length: Option<u64>,
    /// The whole length and the spans held, when it is held in parts.
    parts: Option<(u64, Vec<(u64, u64)>)>,
    /// Where each run begins, where it lies, and which bytes of that it is.
    runs: Vec<(u64, Place, u32, u32)>,
}

#[derive(Serialize, Deserialize)]
struct Rules<'a> {
    /// `max-age`, `s-maxage`, `stale-while-revalidate`, `stale-if-error`.
    seconds: [Option<u32>; 4],
    /// `no-cache` and `private`: absent, about the whole, or about fields.
    #[serde(borrow)]
    qualified: [(u8, Vec<&'a str>); 2],
    flags: [bool; 7],
}

const BASES: [Basis; 7] =
    [Basis::Forced, Basis::SMaxage, Basis::MaxAge, Basis::Expires, Basis::Heuristic, Basis::Default, Basis::Nothing];

/// Writes an entry; `bodies` are on disk.
pub(crate) fn encode(key: &Key, variants: &[(Arc<Held>, Vec<Run>)]) -> Vec<u8> {
    let variants = variants.iter().map(|(held, runs)| response(held, runs)).collect();
    // It fails only for types that have no length, and these have.
    postcard::to_stdvec(&Page { key: key.as_bytes(), variants }).unwrap_or_default()
}

fn response<'a>(held: &'a Held, runs: &[Run]) -> Response<'a> {
    // Taken apart, so that nothing new can be forgotten here.
    let Stored {
        status,
        headers,
        variant,
        ruling: Ruling { directives, is_targeted },
        lifetime: Lifetime { seconds, basis },
        tags,
        date: HttpDate(date),
        received,
        initial_age_ms,
        fresh_until,
        is_invalid,
        extent,
    } = &held.stored;
    let (length, parts) = match extent {
        Extent::Whole(length) => (*length, None),
        Extent::Parts { total, held } => {
            (None, Some((*total, held.iter().map(|span| (span.start, span.end)).collect())))
        }
    };
    let place = |run: &Run| match &run.piece {
        Piece::Below(slice) => {
            let (place, from, to) = slice.place();
            Some((run.start, place, from, to))
        }
        Piece::Here(_) => None,
    };
    Response {
        era: held.era(),
        status: status.as_u16(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        varies: (names(variant.names()), variant.values()),
        directives: rules(directives),
        is_targeted: *is_targeted,
        seconds: *seconds,
        basis: BASES.iter().position(|other| other == basis).unwrap_or_default() as u8,
        tags: tags.iter().map(Tag::as_bytes).collect(),
        date: *date,
        received: received.0,
        initial_age_ms: *initial_age_ms,
        fresh_until: fresh_until.0,
        is_invalid: *is_invalid,
        length,
        parts,
        runs: runs.iter().filter_map(place).collect(),
    }
}

fn names(names: &[HeaderName]) -> Vec<&str> {
    names.iter().map(HeaderName::as_str).collect()
}

fn rules(directives: &Directives) -> Rules<'_> {
    let Directives {
        max_age,
        s_maxage,
        stale_while_revalidate,
        stale_if_error,
        no_cache,
        private,
        no_store,
        public,
        must_revalidate,
        proxy_revalidate,
        must_understand,
        no_transform,
        immutable,
    } = directives;
    let qualified = |what: &'_ Qualified| match what {
        Qualified::Absent => 0,
        Qualified::Whole => 1,
        Qualified::Fields(_) => 2,
    };
    Rules {
        seconds: [*max_age, *s_maxage, *stale_while_revalidate, *stale_if_error],
        qualified: [(qualified(no_cache), names(no_cache.fields())), (qualified(private), names(private.fields()))],
        flags: [*no_store, *public, *must_revalidate, *proxy_revalidate, *must_understand, *no_transform, *immutable],
    }
}

/// What a record says.
#[derive(Debug)]
pub(crate) enum Found {
    /// The entry, without what of its bodies made room.
    Entry(Entry),
    /// It is another key's of the same hash.
    Other,
    /// It is no record.
    Broken,
}

/// Reads an entry; `block` finds the blocks that its bodies lie in.
pub(crate) fn decode(bytes: &[u8], key: &Key, block: impl Fn(u32) -> Option<Arc<Block>>) -> Found {
    let Ok(page) = postcard::from_bytes::<Page<'_>>(bytes) else { return Found::Broken };
    if page.key != key.as_bytes() {
        return Found::Other;
    }
    let mut variants = Vec::with_capacity(page.variants.len());
    for response in &page.variants {
        let Some(stored) = stored(response) else { return Found::Broken };
        let body = body(response, &block);
        // Of a state that parts can be joined of, what is left is a part.
        let is_whole = body.runs().len() == response.runs.len();
        let stored = if is_whole { Some(stored) } else { body.spans().and_then(|spans| partial::left(stored, spans)) };
        variants.extend(stored.map(|stored| Arc::new(Held::new(stored, body, response.era))));
    }
    Found::Entry(Entry::of(variants))
}

/// What is still there of a body.
fn body(response: &Response<'_>, block: impl Fn(u32) -> Option<Arc<Block>>) -> Segments {
    let run = |(start, place, from, to): &(u64, Place, u32, u32)| {
        let slice = Slice::part(&block(place.block)?, *place, *from, *to)?;
        Some(Run::new(*start, Piece::Below(slice)))
    };
    Segments::of(response.runs.iter().filter_map(run).collect())
}

fn stored(response: &Response<'_>) -> Option<Stored> {
    let mut headers = HeaderMap::try_with_capacity(response.headers.len()).ok()?;
    for (name, value) in &response.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.try_append(name, HeaderValue::from_bytes(value).ok()?).ok()?;
    }
    let extent = match &response.parts {
        None => Extent::Whole(response.length),
        Some((total, spans)) => {
            let mut held = Spans::default();
            let all = spans.iter().all(|(start, end)| start <= end && held.add(*start..*end));
            Extent::Parts { total: all.then_some(*total)?, held }
        }
    };
    Some(Stored {
        status: StatusCode::from_u16(response.status).ok()?,
        headers,
        variant: Variant::restored(header_names(&response.varies.0)?, response.varies.1.to_vec()),
        ruling: Ruling { directives: directives(&response.directives)?, is_targeted: response.is_targeted },
        lifetime: Lifetime { seconds: response.seconds, basis: *BASES.get(usize::from(response.basis))? },
        tags: response.tags.iter().map(|tag| Tag::restored(tag)).collect(),
        date: HttpDate(response.date),
        received: Timestamp(response.received),
        initial_age_ms: response.initial_age_ms,
        fresh_until: Timestamp(response.fresh_until),
        is_invalid: response.is_invalid,
        extent,
    })
}

fn header_names(names: &[&str]) -> Option<Vec<HeaderName>> {
    names.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
}

fn directives(rules: &Rules<'_>) -> Option<Directives> {
    let qualified = |(kind, names): &(u8, Vec<&str>)| match kind {
        0 => Some(Qualified::Absent),
        1 => Some(Qualified::Whole),
        _ => Some(Qualified::Fields(header_names(names)?)),
    };
    let [max_age, s_maxage, stale_while_revalidate, stale_if_error] = rules.seconds;
    let [no_store, public, must_revalidate, proxy_revalidate, must_understand, no_transform, immutable] = rules.flags;
    Some(Directives {
        max_age,
        s_maxage,
        stale_while_revalidate,
        stale_if_error,
        no_cache: qualified(&rules.qualified[0])?,
        private: qualified(&rules.qualified[1])?,
        no_store,
        public,
        must_revalidate,
        proxy_revalidate,
        must_understand,
        no_transform,
        immutable,
    })
}
