//! The cache of a route: its own table over that of its service.
//!
//! Owns which keys exclude each other or are of no use together, and that a route's key stands in place of the service's. What the
//! settings mean is `cache`'s.

use super::Resolver;
use crate::cache::compress::{self, Compression};
use crate::cache::key::Parameters;
use crate::cache::settings::{COUNTRY, SetCookie, Settings};
use crate::config::raw::{RawCache, RawSetCookie};
use crate::config::value::{At, Field, Parameter, Span, TextField, Time, Written, shown_bytes, shown_time};
use crate::config::{Cache, defaults};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

impl Resolver<'_> {
    /// Reports what a table says that excludes each other or is of no use, by itself or over the table below it, a route's over its
    /// service's; whether it says no such thing.
    pub(super) fn cache_agrees(&mut self, table: &At<RawCache>, below: Option<&RawCache>) -> bool {
        let raw = &table.value;
        let tables = Tables([Some(raw), below]);
        let before = self.errors.len();
        if let (Some(_), Some(dropped)) = (&raw.query_keep, &raw.query_drop) {
            self.exclude(&dropped.span, "query_keep", "query_drop");
        }
        for (name, age) in [("default_age", &raw.default_age), ("negative_age", &raw.negative_age)] {
            if let (Some(_), Some(age)) = (&raw.force_age, age) {
                self.exclude(&age.span, "force_age", name);
            }
        }
        self.ages_agree(raw, &tables);
        self.sizes_agree(raw, &tables);
        self.slice_has_room(raw);
        self.lists_agree(raw);
        self.errors.len() == before
    }

    fn ages_agree(&mut self, raw: &RawCache, tables: &Tables<'_>) {
        let ages =
            [("default_age", &raw.default_age), ("negative_age", &raw.negative_age), ("force_age", &raw.force_age)];
        for (name, age) in ages {
            if let (Some(longest), Some(age)) = (tables.time(|raw| &raw.max_age), age)
                && age.value.0.0 > longest
            {
                let [age_text, longest] = [age.value.0.0, longest].map(shown_time);
                let wrong = format!("`{name}`, {age_text}, is longer than `max_age`, {longest}");
                self.error(&age.span, wrong).help.push("no lifetime is longer than `max_age`".into());
            }
        }
    }

    fn sizes_agree(&mut self, raw: &RawCache, tables: &Tables<'_>) {
        let Some(most) = tables.pick(|raw| &raw.object_max).map(|size| size.0.0) else { return };
        let slice = raw.slice.as_ref().map(|slice| ("slice", &slice.span, slice.value.0.0));
        let shortest = raw.compress_min.as_ref().map(|size| ("compress_min", &size.span, size.value.0.0));
        for (name, span, size) in slice.into_iter().chain(shortest).filter(|(_, _, size)| *size > most) {
            let [size, most] = [size, most].map(shown_bytes);
            let error = self.error(span, format!("`{name}`, {size}, is larger than `object_max`, {most}"));
            error.help.push("what is larger than `object_max` is not stored".into());
        }
    }

    /// Reports slices that are larger than anything that is stored: all would be asked for in vain.
    fn slice_has_room(&mut self, raw: &RawCache) {
        let Some(slice) = &raw.slice else { return };
        if let Some(most) = self.stored_max.filter(|most| slice.value.0.0 > *most) {
            let [size, most] = [slice.value.0.0, most].map(shown_bytes);
            let error =
                self.error(&slice.span, format!("`slice`, {size}, is larger than what the cache stores, {most}"));
            error.help.push(
                "an eighth of `process.cache_memory` is stored, and a quarter of `process.cache_disk.size`".into(),
            );
        }
    }

    fn lists_agree(&mut self, raw: &RawCache) {
        self.named_once("query_keep", raw.query_keep.as_ref(), |name| name.0.as_str());
        self.named_once("query_drop", raw.query_drop.as_ref(), |name| name.0.as_str());
        self.named_once("key_headers", raw.key_headers.as_ref(), |name| name.0.as_str());
        self.named_once("key_cookies", raw.key_cookies.as_ref(), |name| name.0.as_str());
        self.named_once("compress_types", raw.compress_types.as_ref(), |name| name.0.as_str());
        if let Some(types) = raw.compress_types.as_ref().filter(|types| types.value.is_empty())
            && !self.removed.any(&types.span)
        {
            let error = self.error(&types.span, "`compress_types` is empty, so that nothing is compressed");
            error.help.push("say `compress = false`, or leave `compress_types` out for text of all kinds".into());
        }
    }

    /// Reports what stands twice in a list.
    pub(super) fn named_once<T>(
        &mut self,
        key: &str,
        list: Option<&At<Vec<At<Written<T>>>>>,
        text: impl Fn(&T) -> &str,
    ) {
        let mut seen: HashMap<&str, &Span> = HashMap::new();
        for name in list.iter().flat_map(|list| &list.value) {
            let word = text(&name.value.0);
            match seen.get(word) {
                Some(first) => self.twice(&name.span, format!("`{key}` names {word:?} twice"), first),
                None => drop(seen.insert(word, &name.span)),
            }
        }
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
        let mut agrees = route.is_none_or(|table| self.cache_agrees(table, service.map(|table| &table.value)));
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
        || [query_keep, query_drop].iter().any(|key| key.is_some())
        || (object_max.is_some() || slice.is_some() || compress_min.is_some() || compress_types.is_some())
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
            key_headers: headers.map(|name| name.value.0.0.clone()).collect(),
            key_cookies: cookies.map(|name| name.value.0.0.clone()).collect(),
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
            types: types.map(|names| names.iter().map(|name| name.value.0.0.clone()).collect()),
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

fn texts(names: &[At<Written<Parameter>>]) -> Vec<String> {
    names.iter().map(|name| name.value.0.0.clone()).collect()
}
