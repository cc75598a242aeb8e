//! The cache of a service.
//!
//! Owns which keys exclude each other. What the settings mean is `cache`'s.

use super::{Resolver, or};
use crate::cache::key::Parameters;
use crate::cache::settings::{self, SetCookie, Settings};
use crate::config::raw::{RawCache, RawSetCookie};
use crate::config::value::{At, FreeText, Written};
use crate::config::{Cache, defaults};

impl Resolver<'_> {
    pub(super) fn cache(&mut self, raw: &At<RawCache>) -> Option<Cache> {
        let value = &raw.value;
        let parameters = match (&value.query_keep, &value.query_drop) {
            (Some(_), Some(dropped)) => {
                let error = self.error(&dropped.span, "`query_keep` and `query_drop` exclude each other".to_owned());
                error.help.push("keep one of them".into());
                None
            }
            (Some(kept), None) if kept.value.is_empty() => Some(Parameters::None),
            (Some(kept), None) => Some(Parameters::Only(texts(&kept.value))),
            (None, Some(dropped)) => Some(Parameters::Without(texts(&dropped.value))),
            (None, None) => Some(Parameters::All),
        };
        Some(Cache {
            settings: settings(value),
            parameters: parameters?,
            key_headers: or(
                &value.key_headers,
                |names| names.iter().map(|name| name.0.0.clone()).collect(),
                Vec::new(),
            ),
            key_cookies: or(
                &value.key_cookies,
                |names| names.iter().map(|name| name.0.0.clone()).collect(),
                Vec::new(),
            ),
            key_country: or(&value.key_country, |on| *on, false),
            collapse: or(&value.collapse, |on| *on, true),
            object_max: or(&value.object_max, |size| size.0.0, defaults::CACHE_OBJECT_MAX),
        })
    }
}

fn texts(names: &[Written<FreeText>]) -> Vec<String> {
    names.iter().map(|name| name.0.0.clone()).collect()
}

fn settings(raw: &RawCache) -> Settings {
    let standard = Settings::default();
    Settings {
        default_age: raw.default_age.as_ref().map(|time| time.value.0.0),
        negative_age: raw.negative_age.as_ref().map(|time| time.value.0.0),
        age_max: raw.max_age.as_ref().map(|time| time.value.0.0),
        forced_age: raw.force_age.as_ref().map(|time| time.value.0.0),
        stale_on_error: or(&raw.stale_on_error, |time| time.0.0, settings::STALE_ON_ERROR),
        stale_beside_s_maxage: or(&raw.stale_beside_s_maxage, |on| *on, standard.stale_beside_s_maxage),
        set_cookie: or(
            &raw.set_cookie,
            |rule| match rule {
                RawSetCookie::Bypass => SetCookie::Bypass,
                RawSetCookie::Store => SetCookie::Store,
            },
            standard.set_cookie,
        ),
        ..standard
    }
}
