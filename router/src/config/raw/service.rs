//! The text of a service: its steering, sessions, retries, time limits, health and regions.
//!
//! Owns the keys below `[services.NAME]`, as `raw` owns the others.

use super::{DAY_US, Limit, RawCache, RawLocation};
use crate::config::defaults;
use crate::config::value::{
    At, CookieName, Distance, Field, FileName, FreeText, Name, Named, OriginUrl, ProbePath, Share, Size, TextField,
    Time, Whole, Written, shown_bytes, shown_time,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// An application and where it runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawService {
    /// Policies by name, asked in this order.
    pub(in crate::config) policies: Field<Vec<At<Written<FreeText>>>>,
    /// How nearness is measured: `client-distance` is the great circle from the client, `pop-rtt` the measured round
    /// trip from this PoP.
    #[schemars(extend("default" = "client-distance"))]
    pub(in crate::config) metric: Field<RawMetric>,
    /// Regions this close to the nearest one count as equally near; weight decides among them.
    pub(in crate::config) tie_band: Field<RawTieBand>,
    /// How an endpoint is chosen inside a region: `power-of-two` takes the less loaded of two, `peak-ewma` the cheaper
    /// by latency times load.
    #[schemars(extend("default" = "power-of-two"))]
    pub(in crate::config) balance: Field<RawBalance>,
    /// Regions that exchanges must never leave: names, or labels that a region must have. Left out: no fence.
    pub(in crate::config) fence: Field<RawFence>,
    /// Session affinity; `{}` takes the defaults. Left out: none.
    pub(in crate::config) affinity: Field<RawAffinity>,
    /// Retries.
    pub(in crate::config) retry: Field<RawRetry>,
    /// Time limits of one exchange.
    pub(in crate::config) timeout: Field<RawTimeouts>,
    /// Waiting for room when every region that may serve an exchange is at its capacity.
    pub(in crate::config) queue: Field<RawQueue>,
    /// The HTTP cache of its answers; `{}` takes the defaults. Left out: none.
    pub(in crate::config) cache: Field<RawCache>,
    /// Active probe of every endpoint. Left out: only real traffic tells.
    pub(in crate::config) health: Field<RawHealth>,
    /// Passive ejection of endpoints by what real traffic meets there; `false` switches it off.
    pub(in crate::config) ejection: Field<RawEjectionSwitch>,
    /// Below this share of serving endpoints a region is degraded and may choose among all of its endpoints when no
    /// other region can serve; 0 never does.
    #[schemars(extend("default" = defaults::PANIC_BELOW))]
    pub(in crate::config) panic: Field<Share>,
    /// Part of a region's capacity above which load spills to the next region: more the fuller it is, all of it at the
    /// capacity. The share moves by at most 20 percentage points in 10 s.
    #[schemars(extend("default" = defaults::SPILL_FROM))]
    pub(in crate::config) spill_from: Field<Share>,
    /// How long an endpoint or region ramps up after it came back; `0s` is at once.
    #[schemars(extend("default" = shown_time(defaults::SLOW_START)))]
    pub(in crate::config) slow_start: TextField<Time<0, DAY_US>>,
    /// TLS towards `https://` endpoints.
    pub(in crate::config) tls: Field<RawOriginTls>,
    /// Regions, by name, 1 to 64.
    #[schemars(required)]
    pub(in crate::config) regions: Field<Named<Name, RawRegion>>,
}

/// How nearness is measured.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawMetric {
    /// Great circle from the client.
    ClientDistance,
    /// Measured round trip from this PoP.
    PopRtt,
}

/// How an endpoint is chosen inside a region.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawBalance {
    /// The less loaded of two.
    PowerOfTwo,
    /// The cheaper of two.
    PeakEwma,
}

/// Regions this close to the nearest one count as equally near.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawTieBand {
    /// For the metric `client-distance`.
    #[schemars(extend("default" = format!("{}km", defaults::TIE_DISTANCE_KM)))]
    pub(in crate::config) distance: TextField<Distance>,
    /// For the metric `pop-rtt`.
    #[schemars(extend("default" = shown_time(defaults::TIE_RTT)))]
    pub(in crate::config) rtt: TextField<Time<0, 10_000_000>>,
}

/// Regions that exchanges must never leave: an array of names, or a table of labels, all of which a region must have.
#[derive(Debug)]
pub(in crate::config) enum RawFence {
    /// Names.
    Regions(Vec<At<Written<FreeText>>>),
    /// Labels.
    Labels(Named<FreeText, Written<FreeText>>),
}

/// Session affinity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawAffinity {
    /// Cookie name; left out: `__Host-portolan` when every listener has TLS, else `portolan`. A name that begins with
    /// `__Host-` or `__Secure-` makes the cookie `Secure` on plain listeners too, for TLS that ends in front of them.
    pub(in crate::config) cookie: TextField<CookieName>,
    /// When the pinned region cannot serve: `sticky` pins anew and stays, `temporary` comes back when the region is
    /// well, `strict` answers 503.
    #[schemars(extend("default" = "sticky"))]
    pub(in crate::config) mode: Field<RawMode>,
    /// A session that rests longer is new again.
    #[schemars(extend("default" = shown_time(defaults::AFFINITY_IDLE)))]
    pub(in crate::config) idle: TextField<SessionTime>,
    /// A session older than this is new again; at most 400 days, the most that browsers keep a cookie.
    #[schemars(extend("default" = shown_time(defaults::AFFINITY_LIFETIME)))]
    pub(in crate::config) lifetime: TextField<SessionTime>,
    /// For `temporary`: how long the pinned region must be healthy before a session returns to it.
    #[schemars(extend("default" = shown_time(defaults::AFFINITY_FAILBACK)))]
    pub(in crate::config) failback: TextField<Time<0, DAY_US>>,
}

/// Age of a session: 1 s to 400 days (RFC 6265bis, section 5.5).
type SessionTime = Time<1_000_000, { 400 * DAY_US }>;

/// What happens when a pinned region cannot serve.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawMode {
    /// Pin anew and stay.
    Sticky,
    /// Come back when the region is well.
    Temporary,
    /// 503.
    Strict,
}

/// Retries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawRetry {
    /// Attempts beyond the first.
    #[schemars(extend("default" = defaults::RETRY_ATTEMPTS))]
    pub(in crate::config) attempts: Field<Whole<0, 2>>,
    /// Retries may be this share of exchanges.
    #[schemars(extend("default" = defaults::RETRY_BUDGET))]
    pub(in crate::config) budget: Field<Share>,
    /// Retries per second that are always allowed.
    #[schemars(extend("default" = defaults::RETRY_FLOOR))]
    pub(in crate::config) floor: Field<Whole<0, 100_000>>,
    /// Request bodies up to this size are kept for a retry.
    #[schemars(extend("default" = shown_bytes(defaults::RETRY_BODY)))]
    pub(in crate::config) body: TextField<Size<0, { 16 << 20 }>>,
}

/// Time limits of one exchange.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawTimeouts {
    /// Until a connection to an endpoint stands, TLS included.
    #[schemars(extend("default" = shown_time(defaults::CONNECT_TIMEOUT)))]
    pub(in crate::config) connect: TextField<Limit>,
    /// From the request sent to the head of the response.
    #[schemars(extend("default" = shown_time(defaults::RESPONSE_TIMEOUT)))]
    pub(in crate::config) response: TextField<Limit>,
    /// The whole exchange up to the head of the response, retries included.
    #[schemars(extend("default" = shown_time(defaults::TOTAL_TIMEOUT)))]
    pub(in crate::config) total: TextField<Limit>,
    /// Silence in the middle of a body.
    #[schemars(extend("default" = shown_time(defaults::BODY_IDLE_TIMEOUT)))]
    pub(in crate::config) idle: TextField<Limit>,
    /// Silence in both directions of an upgraded connection (WebSocket); it is closed then.
    #[schemars(extend("default" = shown_time(defaults::TUNNEL_TIMEOUT)))]
    pub(in crate::config) tunnel: TextField<Limit>,
}

/// Waiting for room when every region that may serve an exchange is at its capacity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawQueue {
    /// Longest wait, never beyond the exchange's `timeout.total`; then 503. `0s` does not wait.
    #[schemars(extend("default" = shown_time(defaults::QUEUE_WAIT)))]
    pub(in crate::config) wait: TextField<Time<0, 60_000_000>>,
    /// Exchanges that wait at one time; one more is answered 503 at once.
    #[schemars(extend("default" = defaults::QUEUE_WAITING_MAX))]
    pub(in crate::config) waiting_max: Field<Whole<0, 1_000_000>>,
}

/// An active probe: exactly one of `http` and `tcp`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawHealth {
    /// A GET over the endpoint's own scheme.
    pub(in crate::config) http: Field<RawHttpProbe>,
    /// A connection, with TLS for `https://` endpoints; written `tcp = {}`.
    pub(in crate::config) tcp: Field<RawTcpProbe>,
    /// Time between probes.
    #[schemars(extend("default" = shown_time(defaults::PROBE_INTERVAL)))]
    pub(in crate::config) interval: TextField<Time<10_000, DAY_US>>,
    /// Longest time between probes of an endpoint that is down: they become rarer with each failure, and frequent again
    /// with the first pass. At least the interval; left out: twice the interval.
    pub(in crate::config) down_interval: TextField<Time<10_000, DAY_US>>,
    /// Time for one probe, at most the interval.
    #[schemars(extend("default" = shown_time(defaults::PROBE_TIMEOUT)))]
    pub(in crate::config) timeout: TextField<Time<1_000, DAY_US>>,
    /// Failures until down.
    #[schemars(extend("default" = defaults::PROBE_FALL))]
    pub(in crate::config) fall: Field<Whole<1, 100>>,
    /// Passes until up again.
    #[schemars(extend("default" = defaults::PROBE_RISE))]
    pub(in crate::config) rise: Field<Whole<1, 100>>,
}

/// A GET over the endpoint's own scheme.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawHttpProbe {
    /// Path and query.
    #[schemars(required)]
    pub(in crate::config) path: TextField<ProbePath>,
    /// Status codes that pass.
    #[schemars(extend("default" = [defaults::PROBE_STATUS]))]
    pub(in crate::config) status: Field<Vec<At<Whole<100, 599>>>>,
    /// `Host` header; left out: the endpoint's own.
    pub(in crate::config) host: TextField<FreeText>,
}

/// A connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty table")]
pub(in crate::config) struct RawTcpProbe {}

/// Passive ejection, or `false`.
#[derive(Debug)]
pub(in crate::config) enum RawEjectionSwitch {
    /// Off.
    Off,
    /// On; boxed because it is large next to nothing.
    On(Box<RawEjection>),
}

/// Passive ejection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table, or false")]
pub(in crate::config) struct RawEjection {
    /// Gateway or connect errors in a row.
    #[schemars(extend("default" = defaults::EJECT_CONSECUTIVE))]
    pub(in crate::config) consecutive: Field<Whole<1, 10_000>>,
    /// Success rate below which an endpoint is ejected.
    #[schemars(extend("default" = defaults::EJECT_SUCCESS_BELOW))]
    pub(in crate::config) success_below: Field<Share>,
    /// Requests in the window before the rate counts.
    #[schemars(extend("default" = defaults::EJECT_REQUESTS_MIN))]
    pub(in crate::config) requests_min: Field<Whole<1, 1_000_000>>,
    /// The window.
    #[schemars(extend("default" = shown_time(defaults::EJECT_WINDOW)))]
    pub(in crate::config) window: TextField<Time<100_000, DAY_US>>,
    /// First ejection; it grows with each further one.
    #[schemars(extend("default" = shown_time(defaults::EJECT_BASE)))]
    pub(in crate::config) base: TextField<Limit>,
    /// Longest ejection.
    #[schemars(extend("default" = shown_time(defaults::EJECT_MAX)))]
    pub(in crate::config) max: TextField<Limit>,
    /// Largest share of a region's endpoints ejected by success rate.
    #[schemars(extend("default" = defaults::EJECT_SHARE_MAX))]
    pub(in crate::config) share_max: Field<Share>,
}

/// TLS towards origins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawOriginTls {
    /// PEM file with the authorities that are trusted; left out: the system's.
    pub(in crate::config) ca: TextField<FileName>,
    /// Name to verify and to send as SNI; left out: the host of the URL.
    pub(in crate::config) server_name: TextField<FreeText>,
}

/// A place where the service runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawRegion {
    /// Where it is.
    #[schemars(required)]
    pub(in crate::config) location: Field<RawLocation>,
    /// Share among regions of equal nearness; 0 takes traffic only when nothing else can.
    #[schemars(extend("default" = defaults::WEIGHT))]
    pub(in crate::config) weight: Field<Whole<0, 1_000_000>>,
    /// Requests in flight that it is meant to hold; left out: no limit.
    pub(in crate::config) capacity: Field<Whole<1, { u32::MAX }>>,
    /// What policies and label fences can see.
    pub(in crate::config) labels: Field<Named<FreeText, Written<FreeText>>>,
    /// `drain` keeps pinned sessions and takes no new ones, `off` takes nothing.
    #[schemars(extend("default" = "on"))]
    pub(in crate::config) admin: Field<RawSwitch>,
    /// Origin servers: `http://` or `https://`, host and port, no path; at least one.
    #[schemars(required)]
    pub(in crate::config) endpoints: Field<Vec<At<Written<OriginUrl>>>>,
}

/// What the operator wants of a region.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawSwitch {
    /// Takes traffic.
    On,
    /// Keeps pinned sessions, takes no new ones.
    Drain,
    /// Takes nothing.
    Off,
}
