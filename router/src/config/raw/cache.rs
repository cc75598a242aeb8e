//! The text of a cache: what is stored for how long, and by which key.
//!
//! Owns the keys below `cache = { ... }`, as `service` owns those around it.

use super::DAY_US;
use crate::cache::{compress, settings};
use crate::config::defaults;
use crate::config::value::{
    At, CookieName, Field, KeyField, MediaType, Parameter, Size, TextField, Time, Written, shown_bytes, shown_time,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// A time that something is kept: up to ten years.
type Keep = Time<0, { 3650 * DAY_US }>;

/// What becomes of answers that set a cookie.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawSetCookie {
    /// Not stored.
    Bypass,
    /// Stored when their lifetime is explicit.
    Store,
}

/// The HTTP cache; `{}` takes the defaults. On a route, each key stands in place of the service's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawCache {
    /// Whether there is one: `false` takes a route out of its service's cache, or leaves a service's settings to the
    /// routes that switch it on.
    #[schemars(extend("default" = true))]
    pub(in crate::config) enabled: Field<bool>,
    /// Lifetime of an answer that succeeded and says nothing about its own. Left out: a tenth of the time since it was
    /// last modified, else none.
    pub(in crate::config) default_age: TextField<Keep>,
    /// The same for an answer that failed (404, 405, 410, 414, 451, 501).
    pub(in crate::config) negative_age: TextField<Keep>,
    /// No lifetime is longer.
    pub(in crate::config) max_age: TextField<Keep>,
    /// Replaces every lifetime of what may be stored without it: the origin gives one, says `public`, or the status needs none
    /// (200, 404 and the like). Not together with `default_age` and `negative_age`.
    pub(in crate::config) force_age: TextField<Keep>,
    /// How long a stale answer is served while the origin is asked in the background, when it does not say itself
    /// (`stale-while-revalidate`).
    #[schemars(extend("default" = "0s"))]
    pub(in crate::config) stale_while_revalidate: TextField<Keep>,
    /// How long a stale answer stands in for a failed origin when it does not say itself (`stale-if-error`).
    #[schemars(extend("default" = shown_time(settings::STALE_ON_ERROR)))]
    pub(in crate::config) stale_on_error: TextField<Keep>,
    /// `stale-while-revalidate` and `stale-if-error` count beside `s-maxage`, which RFC 9111 forbids and some frameworks
    /// rely upon.
    #[schemars(extend("default" = false))]
    pub(in crate::config) stale_beside_s_maxage: Field<bool>,
    /// What becomes of answers that set a cookie: `bypass` does not store them, `store` does when their lifetime is
    /// explicit.
    #[schemars(extend("default" = "bypass"))]
    pub(in crate::config) set_cookie: Field<RawSetCookie>,
    /// Query parameters that count, all others being dropped, for the origin too; a name may end in `*`. An empty list
    /// drops the query.
    pub(in crate::config) query_keep: Field<Vec<At<Written<Parameter>>>>,
    /// Query parameters that are dropped; not together with `query_keep`.
    pub(in crate::config) query_drop: Field<Vec<At<Written<Parameter>>>>,
    /// Request fields that are part of the key.
    pub(in crate::config) key_headers: Field<Vec<At<Written<KeyField>>>>,
    /// Cookies that are part of the key.
    pub(in crate::config) key_cookies: Field<Vec<At<Written<CookieName>>>>,
    /// The client's country is part of the key.
    #[schemars(extend("default" = false))]
    pub(in crate::config) key_country: Field<bool>,
    /// Requests for the same thing at the same time wait for the first of them.
    #[schemars(extend("default" = true))]
    pub(in crate::config) collapse: Field<bool>,
    /// What is larger is passed on and not stored; never more than an eighth of `process.cache_memory`.
    #[schemars(extend("default" = shown_bytes(defaults::CACHE_OBJECT_MAX)))]
    pub(in crate::config) object_max: TextField<Size<1, { 1 << 40 }>>,
    /// What is not stored, a part of it or the whole, is asked for in slices of this size, which are kept and joined, so that
    /// large files are brought in by what clients want of them; 64KiB to 64MiB, no more than `object_max`. Left out: parts
    /// are asked for as clients want them. The origin has to give strong entity tags.
    pub(in crate::config) slice: TextField<Size<{ 64 << 10 }, { 64 << 20 }>>,
    /// A navigation that has to wait for the origin's word on a stored page is told meanwhile what that page links to
    /// (`preload`, `modulepreload`, `preconnect`), by `103 Early Hints`, over HTTP/1.1 and HTTP/2.
    #[schemars(extend("default" = false))]
    pub(in crate::config) early_hints: Field<bool>,
    /// Stored text is sent in `br`, `zstd` or `gzip` to clients who take it, made once for each answer. What comes coded, or
    /// must not be transformed, stays as it is.
    #[schemars(extend("default" = false))]
    pub(in crate::config) compress: Field<bool>,
    /// Shorter answers are not compressed; only with `compress = true`.
    #[schemars(extend("default" = shown_bytes(compress::LENGTH_MIN)))]
    pub(in crate::config) compress_min: TextField<Size<0, { 1 << 40 }>>,
    /// Media types that are compressed, in place of text, JSON, XML, SVG, WebAssembly and uncompressed fonts; one may end in
    /// `*`. Only with `compress = true`.
    pub(in crate::config) compress_types: Field<Vec<At<Written<MediaType>>>>,
}
