//! The text of a configuration file, key by key.
//!
//! Owns the keys, their types, and their one description: the doc comments here become the JSON Schema and the
//! reference page. Every key may be missing as far as these types go; `resolve` says which ones must not be. Relates
//! no key to another.

mod cache;
mod either;
mod kv;
mod outgoing;
mod policy;
mod record;
mod service;

pub(super) use cache::{RawCache, RawSetCookie};
pub(super) use kv::RawBucket;
pub(super) use outgoing::RawOutgoing;
pub(super) use policy::{RawIsolation, RawOnError, RawPolicy, RawPolicyLimits, RawRollout};
pub(super) use record::RawRecord;
pub(super) use service::{
    RawAffinity, RawBalance, RawEjection, RawEjectionSwitch, RawFence, RawHealth, RawHttpProbe, RawMetric, RawMode,
    RawQueue, RawRegion, RawRetry, RawService, RawSwitch, RawTimeouts,
};

use super::defaults;
use super::value::{
    Address, At, Country, Degrees, Field, FieldName, FieldValue, FileName, FilePattern, FreeText, Host, Name, Named,
    Network, PlainHost, PublicKey, RoutePath, Secret, Size, TextField, Time, Token, Whole, Written, shown_bytes,
    shown_time,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most that a time limit can be: a day, microseconds.
pub(super) const DAY_US: u64 = 86_400_000_000;
/// A time limit: more than nothing, at most a day.
pub(super) type Limit = Time<1_000, DAY_US>;

/// The configuration of one PoP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[schemars(title = "Portolan configuration")]
pub(super) struct RawConfig {
    /// This edge site.
    #[schemars(required)]
    pub(super) pop: Field<RawPop>,
    /// Where clients connect; at least one. Changing them needs a restart.
    #[schemars(required)]
    pub(super) listeners: Field<Vec<At<RawListener>>>,
    /// The admin listener: status, explain, metrics, drain, purge. Without this section there is none. Changing it
    /// needs a restart.
    pub(super) admin: Field<RawAdmin>,
    /// Settings of the process. Changing them needs a restart.
    pub(super) process: Field<RawProcess>,
    /// Graceful shutdown. Changing it needs a restart.
    pub(super) shutdown: Field<RawShutdown>,
    /// Decisions written to a file with what they were made from. Left out: none is. Changing it needs a restart.
    pub(super) record: Field<RawRecord>,
    /// Limits towards clients.
    pub(super) client: Field<RawClient>,
    /// How clients are located.
    pub(super) geo: Field<RawGeo>,
    /// Keys that sign session cookies.
    pub(super) affinity: Field<RawAffinityKeys>,
    /// How components of policies are fetched from servers.
    pub(super) components: Field<RawComponents>,
    /// Policies, by name. Services refer to them.
    pub(super) policies: Field<Named<Name, RawPolicy>>,
    /// Services, by name. Routes refer to them.
    pub(super) services: Field<Named<Name, RawService>>,
    /// From host and path to an action; at least one. Exact hosts before `*.` hosts (longest first) before any host;
    /// under one host an exact path before the longest prefix.
    #[schemars(required)]
    pub(super) routes: Field<Vec<At<RawRoute>>>,
}

/// This edge site.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawPop {
    /// Name in `via`, session cookies, metrics and logs.
    #[schemars(required)]
    pub(super) name: TextField<Name>,
    /// Where it stands; stands in for clients whose place is unknown.
    #[schemars(required)]
    pub(super) location: Field<RawLocation>,
}

/// A place on the map.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with latitude and longitude")]
pub(super) struct RawLocation {
    /// Degrees north.
    #[schemars(required)]
    pub(super) latitude: Field<Degrees<90>>,
    /// Degrees east.
    #[schemars(required)]
    pub(super) longitude: Field<Degrees<180>>,
}

/// One address on which clients are accepted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawListener {
    /// Address and port; port 0 asks the system for one.
    #[schemars(required)]
    pub(super) address: TextField<Address>,
    /// TLS; without it the listener is plain HTTP.
    pub(super) tls: Field<RawTls>,
}

/// TLS of a listener. The files are read again on reload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawTls {
    /// PEM file with the certificate chain.
    #[schemars(required)]
    pub(super) certificate: TextField<FileName>,
    /// PEM file with the private key.
    #[schemars(required)]
    pub(super) key: TextField<FileName>,
}

/// The admin listener.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawAdmin {
    /// Address and port. Anything but loopback needs a token.
    #[schemars(extend("default" = defaults::ADMIN_ADDRESS))]
    pub(super) address: TextField<Address>,
    /// Bearer token, at least 16 visible ASCII characters. Without one every peer that can connect is obeyed.
    pub(super) token: TextField<Secret>,
    /// File that holds the token instead; white space at its ends does not count.
    pub(super) token_file: TextField<FileName>,
}

/// Settings of the process.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawProcess {
    /// Worker threads; left out: one for each core.
    pub(super) workers: Field<Whole<1, 1024>>,
    /// Folder in which compiled policies are kept between starts; left out: memory only.
    pub(super) policy_cache: TextField<FileName>,
    /// Memory for stored answers of services that have a `cache`. Bodies that clients are being sent stay in memory
    /// beside it until they are sent or `client.write_timeout` cuts them off.
    #[schemars(extend("default" = shown_bytes(defaults::CACHE_MEMORY)))]
    pub(super) cache_memory: TextField<Size<{ 1 << 20 }, { 1 << 44 }>>,
    /// Stored answers on disk as well; left out: memory only.
    pub(super) cache_disk: Field<RawCacheDisk>,
}

/// Where stored answers are kept on disk: what memory has no room for, and what a restart finds again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawCacheDisk {
    /// Folder of this process alone; made when it is not there.
    #[schemars(required)]
    pub(super) path: TextField<FileName>,
    /// Bytes that its files may take.
    #[schemars(required)]
    pub(super) size: TextField<Size<{ 64 << 20 }, { 1 << 44 }>>,
}

/// Graceful shutdown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawShutdown {
    /// How long exchanges in progress may take to end.
    #[schemars(extend("default" = shown_time(defaults::SHUTDOWN_DEADLINE)))]
    pub(super) deadline: TextField<Time<0, DAY_US>>,
}

/// Limits towards clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawClient {
    /// Until the head of a request is complete, or a TLS handshake. Over HTTP/2, where one connection carries many heads,
    /// `idle_timeout` bounds them, and this one the answer to the PING that is sent so often.
    #[schemars(extend("default" = shown_time(defaults::HEADER_TIMEOUT)))]
    pub(super) header_timeout: TextField<Limit>,
    /// An idle keep-alive connection is closed after this.
    #[schemars(extend("default" = shown_time(defaults::IDLE_TIMEOUT)))]
    pub(super) idle_timeout: TextField<Limit>,
    /// A client that sends nothing of a request body that is waited for, for this long, is not waited for any more.
    #[schemars(extend("default" = shown_time(defaults::BODY_TIMEOUT)))]
    pub(super) body_timeout: TextField<Limit>,
    /// A client that takes no bytes for this long is cut off.
    #[schemars(extend("default" = shown_time(defaults::WRITE_TIMEOUT)))]
    pub(super) write_timeout: TextField<Limit>,
    /// Largest request head.
    #[schemars(extend("default" = shown_bytes(defaults::HEAD_MAX)))]
    pub(super) head_max: TextField<Size<1024, { 1 << 20 }>>,
    /// Most connections of one worker.
    #[schemars(extend("default" = defaults::CONNECTIONS_MAX))]
    pub(super) connections_max: Field<Whole<1, 10_000_000>>,
}

/// How clients are located.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawGeo {
    /// MaxMind database (City or Country, or one with a flat `country_code`); left out: the built-in country data.
    pub(super) database: TextField<FileName>,
    /// Peers whose `Forwarded` and `X-Forwarded-For` are believed.
    pub(super) trusted_proxies: Field<Vec<At<Written<Network>>>>,
    /// Places of networks, before any database: a country code, or a table. The longest prefix wins.
    pub(super) overrides: Field<Named<Network, RawPlace>>,
}

/// A place given by the operator for a network: a country code, or a table with a country, a location or both.
#[derive(Debug)]
pub(super) enum RawPlace {
    /// A country code.
    Country(Country),
    /// A table.
    Table(RawPlaceTable),
}

/// A place given by the operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a country code, or a table with country and location")]
pub(super) struct RawPlaceTable {
    /// ISO 3166-1 alpha-2 code.
    pub(super) country: TextField<Country>,
    /// Coordinates; left out: the centre of the country.
    pub(super) location: Field<RawLocation>,
}

/// Keys that sign session cookies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawAffinityKeys {
    /// The first key signs, all of them verify: put a new one in front to rotate. Every PoP of a fleet needs the same
    /// ones. Left out: a key is made at start and lost at exit, and with it the sessions' pins.
    pub(super) keys: Field<Vec<At<RawKey>>>,
}

/// A key that signs session cookies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with id and secret")]
pub(super) struct RawKey {
    /// Identity in the cookie, 1 to 16 letters, digits, `_` and `-`.
    #[schemars(required)]
    pub(super) id: TextField<Token>,
    /// At least 32 bytes: `hex:` or `base64:` and the digits, or any other text as it is.
    pub(super) secret: TextField<Secret>,
    /// File that holds the secret instead, in the same forms or as raw bytes.
    pub(super) secret_file: TextField<FileName>,
}

/// How components of policies are fetched from servers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawComponents {
    /// Folder in which fetched components are kept, by digest; they are verified again whenever they are read. With it a
    /// restart needs no server. Left out: they are kept nowhere.
    pub(super) cache: TextField<FileName>,
    /// Bytes that its files may take; those unused for longest go.
    #[schemars(extend("default" = shown_bytes(defaults::COMPONENT_CACHE)))]
    pub(super) cache_size: TextField<Size<{ 1 << 20 }, { 1 << 44 }>>,
    /// Largest component, also from a file.
    #[schemars(extend("default" = shown_bytes(defaults::COMPONENT_MAX)))]
    pub(super) size_max: TextField<Size<1024, { 1 << 30 }>>,
    /// Time for one component to arrive.
    #[schemars(extend("default" = shown_time(defaults::COMPONENT_TIMEOUT)))]
    pub(super) timeout: TextField<Time<1_000_000, 600_000_000>>,
    /// Hosts that are asked without TLS. Loopback always is when it is a registry.
    pub(super) plain_http: Field<Vec<At<Written<PlainHost>>>>,
    /// Ed25519 public keys, in PEM or base64. When there are any, each component must have a signature by one of them over its
    /// digest, in files too.
    pub(super) keys: Field<Vec<At<Written<PublicKey>>>>,
    /// File with passwords for registries, as `docker login` writes it; credential helpers are not run. Left out: every
    /// registry is asked without one.
    pub(super) credentials: TextField<FileName>,
    /// PEM file with the authorities that servers are verified by. Left out: the system's.
    pub(super) ca: TextField<FileName>,
}

/// From host and path to an action: exactly one of `path` and `path_exact`, and exactly one of `service` and `static`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawRoute {
    /// A host, or `*.` and a domain for all hosts below it; left out: any host.
    pub(super) host: TextField<Host>,
    /// Every path at or below this one; the longest wins.
    pub(super) path: TextField<RoutePath>,
    /// This path alone.
    pub(super) path_exact: TextField<RoutePath>,
    /// Forward to this service.
    pub(super) service: TextField<FreeText>,
    /// Serve this directory.
    #[serde(rename = "static")]
    pub(super) files: Field<RawStatic>,
    /// The cache of what this route answers, on a route to a service: each key stands in place of the service's.
    pub(super) cache: Field<RawCache>,
}

/// A directory of files, as a build leaves it: indexed at start and again when it changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RawStatic {
    /// The directory. No link in it may lead out of it.
    #[schemars(required)]
    pub(super) root: TextField<FileName>,
    /// File inside `root` for navigations that match nothing, as single-page applications want it: never for a path with
    /// a file extension, nor for a request whose `Accept` lacks `text/html`.
    pub(super) fallback: TextField<FileName>,
    /// Page inside `root`, answered with 404 to navigations that match nothing and may not have the fallback.
    pub(super) not_found: TextField<FileName>,
    /// Files that never change under their name and may be kept for a year (`immutable`), in place of the guess by names that carry
    /// a hash; one may end in `*`, as `"assets/*"`. An empty list: none. Pages (`.html`) never are.
    pub(super) immutable: Field<Vec<At<Written<FilePattern>>>>,
    /// How long the assets of the build before are still served, so that open pages do not break; only what is immutable
    /// and names that may carry a hash.
    #[schemars(extend("default" = shown_time(defaults::KEEP_PREVIOUS)))]
    pub(super) keep_previous: TextField<Time<0, { 30 * DAY_US }>>,
    /// Most memory for files of up to 1 MiB and for variants that are made; what does not fit is read from the disk. The
    /// builds before may take as much again.
    #[schemars(extend("default" = shown_bytes(defaults::BUNDLE_MEMORY)))]
    pub(super) memory: TextField<Size<0, { 1 << 40 }>>,
    /// Makes `br`, `zstd` and `gzip` variants in the background where none as new stands beside the file (`app.js.br`, `.zst`,
    /// `.gz`).
    #[schemars(extend("default" = true))]
    pub(super) compress: Field<bool>,
    /// `index.html` and the fallback carry `Link` headers for the scripts and styles they name, and for what Vite's
    /// `.vite/manifest.json` says those import.
    #[schemars(extend("default" = false))]
    pub(super) preload: Field<bool>,
    /// Every answer carries `Referrer-Policy`, `X-Permitted-Cross-Domain-Policies` and `X-XSS-Protection: 0`, beside the
    /// `X-Content-Type-Options: nosniff` that is always there.
    #[schemars(extend("default" = false))]
    pub(super) security_headers: Field<bool>,
    /// More headers of every answer; they stand in place of those above.
    pub(super) headers: Field<Named<FieldName, Written<FieldValue>>>,
}
