//! The cache of a route: its own table over that of its service.
//!
//! Owns which keys exclude each other, and that a route's key stands in place of the service's. What the settings mean is
//! `cache`'s.

use super::Resolver;
use crate::cache::compress::{self, Compression};
use crate::cache::key::Parameters;
use crate::cache::settings::{COUNTRY, SetCookie, Settings};
use crate::config::raw::{RawCache, RawSetCookie};
use crate::config::value::{At, Field, FreeText, Span, TextField, Time, Written};
use crate::config::{Cache, defaults};
use std::sync::Arc;
use std::time::Duration;

impl Resolver<'_> {
    /// Reports what excludes each other in one table; whether nothing does.
    pub(super) fn cache_agrees(&mut self, table: &At<RawCache>) -> bool {
        let raw = &table.value;
        let before = self.errors.len();
        if let (Some(_), Some(dropped)) = (&raw.query_keep, &raw.query_drop) {
            self.exclude(&dropped.span, "query_keep", "query_drop");
        }
        for (name, age) in [("default_age", &raw.default_age), ("negative_age", &raw.negative_age)] {
            if let (Some(_), Some(age)) = (&raw.force_age, age) {
                self.exclude(&age.span, "force_age", name);
            }
        }
        let ages =
            [("default_age", &raw.default_age), ("negative_age", &raw.negative_age), ("force_age", &raw.force_age)];
        for (name, age) in ages {
            if let (Some(longest), Some(age)) = (&raw.max_age, age)
                && age.value.0.0 > longest.value.0.0
            {
                let error = self.error(&age.span, format!("`{name}` is longer than `max_age`"));
                error.help.push("no lifetime is longer than `max_age`".into());
            }
        }
        if let (Some(slice), Some(most)) = (&raw.slice, &raw.object_max)
            && slice.value.0.0 > most.value.0.0
        {
            let error = self.error(&slice.span, "`slice` is larger than `object_max`");
            error.help.push("what is larger than `object_max` is not stored".into());
        }
        self.errors.len() == before
    }

    /// Reports what a route says of a compression that it does not have. A service may say it for routes that switch it on.
    fn compression_agrees(&mut self, route: &RawCache, tables: &Tables<'_>) -> bool {
        let is_on = tables.pick(|raw| &raw.compress).is_some_and(|on| *on);
        let types = route.compress_types.as_ref().map(|types| ("compress_types", &types.span));
        let said = route.compress_min.as_ref().map(|size| ("compress_min", &size.span)).or(types);
        let Some((name, span)) = said.filter(|_| !is_on) else { return true };
        let error = self.error(span, format!("`{name}` is of no use: nothing is compressed on this route"));
        error.help.push("add `compress = true`".into());
        false
    }

    fn exclude(&mut self, span: &Span, one: &str, other: &str) {
        let error = self.error(span, format!("`{one}` and `{other}` exclude each other"));
        error.help.push("keep one of them".into());
    }

    /// The cache of a route; none inside where there is none.
    pub(super) fn route_cache(
        &mut self,
        route: Option<&At<RawCache>>,
        service: Option<&At<RawCache>>,
    ) -> Option<Option<Arc<Cache>>> {
        let mut agrees = route.is_none_or(|table| self.cache_agrees(table));
        if let Some(table) = route
            && let Some(off) = table.value.enabled.as_ref().filter(|enabled| !enabled.value)
            && has_more(&table.value)
        {
            let error = self.error(&off.span, "the route has no cache, and says how to cache");
            error.help.push("a route that is not cached gives `enabled = false` alone".into());
            agrees = false;
        }
        let tables = Tables([route, service].map(|table| table.map(|table| &table.value)));
        agrees &= route.is_none_or(|table| self.compression_agrees(&table.value, &tables));
        let enabled = tables.pick(|raw| &raw.enabled).copied();
        let is_on = enabled.unwrap_or(route.is_some() || service.is_some());
        agrees.then(|| is_on.then(|| Arc::new(tables.cache())))
    }
}

/// Whether a table says anything but whether there is a cache.
fn has_more(raw: &RawCache) -> bool {
    // Spelt out, so that a new key is not forgotten.
    let RawCache {
        enabled: _,
        default_age,
        negative_age,
        max_age,
        force_age,
        stale_while_revalidate,
        stale_on_error,
        stale_beside_s_maxage,
        set_cookie,
        query_keep,
        query_drop,
        key_headers,
        key_cookies,
        key_country,
        collapse,
        object_max,
        slice,
        early_hints,
        compress,
        compress_min,
        compress_types,
    } = raw;
    [default_age, negative_age, max_age, force_age, stale_while_revalidate, stale_on_error]
        .iter()
        .any(|key| key.is_some())
        || [stale_beside_s_maxage, key_country, collapse, early_hints, compress].iter().any(|key| key.is_some())
        || [query_keep, query_drop, compress_types].iter().any(|key| key.is_some())
        || slice.is_some()
        || [object_max, compress_min].iter().any(|key| key.is_some())
        || (set_cookie.is_some() || key_headers.is_some() || key_cookies.is_some())
}

/// The tables that say how a route is cached, its own before its service's.
struct Tables<'r>([Option<&'r RawCache>; 2]);

impl<'r> Tables<'r> {
    /// The value of a key in the first table that has it.
    fn pick<T>(&self, field: impl Fn(&'r RawCache) -> &'r Field<T>) -> Option<&'r T> {
        self.0.into_iter().flatten().find_map(|table| field(table).as_ref()).map(|found| &found.value)
    }

    fn time<const MIN: u64, const MAX: u64>(
        &self,
        field: impl Fn(&'r RawCache) -> &'r TextField<Time<MIN, MAX>>,
    ) -> Option<Duration> {
        self.pick(field).map(|time| time.0.0)
    }

    fn cache(&self) -> Cache {
        let headers = self.pick(|raw| &raw.key_headers).into_iter().flatten();
        let cookies = self.pick(|raw| &raw.key_cookies).into_iter().flatten();
        Cache {
            settings: self.settings(),
            parameters: self.parameters(),
            key_headers: headers.map(|name| name.0.0.clone()).collect(),
            key_cookies: cookies.map(|name| name.0.0.clone()).collect(),
            key_country: self.key_country(),
            collapse: self.pick(|raw| &raw.collapse).is_none_or(|on| *on),
            early_hints: self.pick(|raw| &raw.early_hints).is_some_and(|on| *on),
            object_max: self.pick(|raw| &raw.object_max).map_or(defaults::CACHE_OBJECT_MAX, |size| size.0.0),
            compress: self.pick(|raw| &raw.compress).is_some_and(|on| *on).then(|| self.compression()),
        }
    }

    fn key_country(&self) -> bool {
        self.pick(|raw| &raw.key_country).is_some_and(|on| *on)
    }

    fn compression(&self) -> Compression {
        let types = self.pick(|raw| &raw.compress_types);
        Compression {
            length_min: self.pick(|raw| &raw.compress_min).map_or(compress::LENGTH_MIN, |size| size.0.0),
            types: types.map(|names| texts(names).iter().map(|name| name.to_lowercase()).collect()),
        }
    }

    /// Of the two keys about the query, the first table that has one of them has the word.
    fn parameters(&self) -> Parameters {
        let said = self.0.into_iter().flatten().find(|table| table.query_keep.is_some() || table.query_drop.is_some());
        match said.map(|table| (&table.query_keep, &table.query_drop)) {
            Some((Some(kept), _)) if kept.value.is_empty() => Parameters::None,
            Some((Some(kept), _)) => Parameters::Only(texts(&kept.value)),
            Some((None, Some(dropped))) => Parameters::Without(texts(&dropped.value)),
            _ => Parameters::All,
        }
    }

    fn settings(&self) -> Settings {
        let standard = Settings::default();
        // A route that forces a lifetime wants no other of its service's, and the other way round.
        let forces = |table: &&RawCache| table.force_age.is_some();
        let guesses = |table: &&RawCache| table.default_age.is_some() || table.negative_age.is_some();
        let about_ages = self.0.into_iter().flatten().find(|table| forces(table) || guesses(table));
        let forced = about_ages.filter(forces).and_then(|table| table.force_age.as_ref()).map(|age| age.value.0.0);
        Settings {
            default_age: self.time(|raw| &raw.default_age),
            negative_age: self.time(|raw| &raw.negative_age),
            age_max: self.time(|raw| &raw.max_age),
            forced_age: forced,
            stale_while_revalidate: self
                .time(|raw| &raw.stale_while_revalidate)
                .unwrap_or(standard.stale_while_revalidate),
            stale_on_error: self.time(|raw| &raw.stale_on_error).unwrap_or(standard.stale_on_error),
            stale_beside_s_maxage: self.pick(|raw| &raw.stale_beside_s_maxage).is_some_and(|on| *on),
            set_cookie: match self.pick(|raw| &raw.set_cookie) {
                Some(RawSetCookie::Bypass) => SetCookie::Bypass,
                Some(RawSetCookie::Store) => SetCookie::Store,
                None => standard.set_cookie,
            },
            slice: self.pick(|raw| &raw.slice).map_or(standard.slice, |size| size.0.0),
            vary_refused: if self.key_country() {
                standard.vary_refused.into_iter().filter(|name| *name != COUNTRY).collect()
            } else {
                standard.vary_refused
            },
            ..standard
        }
    }
}

fn texts(names: &[Written<FreeText>]) -> Vec<String> {
    names.iter().map(|name| name.0.0.clone()).collect()
}
