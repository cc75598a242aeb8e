//! What the cache would do with a request, and why.
//!
//! Owns the cache's part of an explanation: the settings in force, the key with its parts, what policies said, and what
//! becomes of what is stored. The look-up itself is the caller's, who has a store or has none. The key is made and the choice
//! is taken by what the data plane calls.

use super::Question;
use crate::base::Timestamp;
use crate::cache::address::Address;
use crate::cache::key::{Key, Parameters, Part, strip_unkeyed};
use crate::cache::select::{Asked, Choice, passes_by, select};
use crate::cache::settings::{SetCookie, Settings};
use crate::cache::stored::{Extent, Stored};
use crate::config::Cache;
use crate::decide::facts::{Client, Scheme};
use crate::decide::{Forward, caching};
use crate::steer::verdict::CacheSay;
use http::{HeaderMap, Method, Request, header};
use serde_json::{Value, json};
use std::time::Duration;

/// Variants that are told of.
const VARIANTS_MAX: usize = 16;

/// What to look for in a store.
#[derive(Debug)]
pub struct Lookup {
    /// What it is found by.
    pub key: Key,
    /// What purges go by.
    pub address: Address,
    method: Method,
    headers: HeaderMap,
    settings: Settings,
}

/// What else a store knows of a key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// Answers are known not to be stored.
    pub apart: bool,
    /// The origin failed a moment ago.
    pub trouble: bool,
}

/// What can be said without a store, and what to look for in one.
pub(super) fn explain(
    question: &Question,
    scheme: Scheme,
    client: &Client,
    forward: &Forward<'_>,
) -> (Value, Option<Lookup>) {
    let Some(cache) = forward.cache else {
        return (json!({ "on": false, "why": "the route has no cache" }), None);
    };
    let say = forward.cache_say.as_deref();
    let mut document = json!({ "on": true, "settings": settings_text(cache), "policies": say.map(say_text) });
    let (mut parts, ()) = Request::new(()).into_parts();
    (parts.method, parts.uri, parts.headers) =
        (question.method.clone(), question.url.clone(), question.headers.clone());
    strip_unkeyed(&mut parts.headers, &cache.key_headers);
    let Some(address) = caching::address(scheme, &mut parts, cache) else {
        document["why"] = "the URL is none that a key can be made of".into();
        return (document, None);
    };
    let added = caching::key_parts(&parts.headers, client, cache, say);
    document["address"] = address.as_str().into();
    document["key"] = added.iter().map(part_text).collect();
    let key = Key::of(&address, &added);
    let told = caching::told(cache, say);
    let settings = told.as_deref().unwrap_or(cache).settings.clone();
    let headers = caching::seen(&parts.headers, &forward.edits).map_or_else(|| parts.headers.clone(), |seen| *seen);
    let why = if headers.contains_key(header::UPGRADE) {
        Some("a tunnel passes the cache by")
    } else if say.is_some_and(|say| say.bypass) {
        Some("a policy passes the cache by")
    } else {
        let asked = Asked { method: &parts.method, headers: &headers, has_body: false };
        passes_by(&asked).map(|why| why.word())
    };
    match (why, key) {
        (Some(why), _) => document["why"] = why.into(),
        (None, None) => document["why"] = "the key is too long".into(),
        (None, Some(key)) => return (document, Some(Lookup { key, address, method: parts.method, headers, settings })),
    }
    (document, None)
}

impl Lookup {
    /// What would be done with what is stored.
    pub fn found(&self, held: &[&Stored], known: Known, now: Timestamp) -> Value {
        let asked = Asked { method: &self.method, headers: &self.headers, has_body: false };
        let choice = select(&asked, held.iter().copied(), now, &self.settings);
        let (outcome, why, chosen) = match &choice {
            Choice::Fresh { index } => ("hit", None, Some(*index)),
            Choice::Stale { index, refresh: false } => ("stale", None, Some(*index)),
            Choice::Stale { index, refresh: true } => ("stale, asked for again meanwhile", None, Some(*index)),
            Choice::Validate { index, why } => ("revalidate", Some(why.word()), Some(*index)),
            Choice::Complete { index, .. } => ("complete", Some("partial"), Some(*index)),
            Choice::Miss(why) => ("miss", Some(why.word()), None),
            Choice::Unavailable => ("unavailable", Some("only-if-cached"), None),
        };
        let variants = held.iter().take(VARIANTS_MAX).enumerate().map(|(index, stored)| {
            let mut text = stored_text(stored, now);
            text["chosen"] = (chosen == Some(index)).into();
            text["matches"] = stored.variant.matches(&self.headers, &self.settings).into();
            text
        });
        json!({
            "outcome": outcome,
            "why": why,
            "variants": held.len(),
            "stored": variants.collect::<Vec<_>>(),
            "known_not_stored": known.apart,
            "origin_failed": known.trouble,
        })
    }
}

fn stored_text(stored: &Stored, now: Timestamp) -> Value {
    let vary: Vec<_> = stored.variant.names().iter().map(http::HeaderName::as_str).collect();
    json!({
        "status": stored.status.as_u16(),
        "age_s": stored.age_ms(now) / 1000,
        "lifetime_s": stored.lifetime.seconds,
        "lifetime_from": stored.lifetime.basis.word(),
        "ttl_s": stored.ttl_s(now),
        "fresh": stored.is_fresh(now),
        "invalidated": stored.is_invalid,
        "vary": vary,
        "bytes": stored.length(),
        "in_parts": matches!(stored.extent, Extent::Parts { .. }),
    })
}

fn part_text(part: &Part<'_>) -> Value {
    json!({
        "source": part.source.word(),
        "name": part.name,
        "value": part.value.map(String::from_utf8_lossy),
    })
}

fn say_text(say: &CacheSay) -> Value {
    json!({ "bypass": say.bypass, "ttl_s": say.ttl.map(|ttl| ttl.as_secs()) })
}

fn settings_text(cache: &Cache) -> Value {
    let Settings { default_age, negative_age, age_max, forced_age, .. } = cache.settings;
    let seconds = |age: Option<Duration>| age.map(|age| age.as_secs());
    json!({
        "default_age_s": seconds(default_age),
        "negative_age_s": seconds(negative_age),
        "max_age_s": seconds(age_max),
        "force_age_s": seconds(forced_age),
        "stale_while_revalidate_s": cache.settings.stale_while_revalidate.as_secs(),
        "stale_on_error_s": cache.settings.stale_on_error.as_secs(),
        "stale_beside_s_maxage": cache.settings.stale_beside_s_maxage,
        "set_cookie": match cache.settings.set_cookie {
            SetCookie::Bypass => "bypass",
            SetCookie::Store => "store",
        },
        "query": match &cache.parameters {
            Parameters::All => json!("all"),
            Parameters::None => json!("none"),
            Parameters::Only(names) => json!({ "keep": names }),
            Parameters::Without(names) => json!({ "drop": names }),
        },
        "collapse": cache.collapse,
        "object_max": cache.object_max,
        "slice": (cache.settings.slice > 0).then_some(cache.settings.slice),
        "compress": cache.compress.as_ref().map(|rules| json!({ "min": rules.length_min, "types": rules.types })),
    })
}
