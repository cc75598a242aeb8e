//! What holds where the configuration is silent, and where each value comes from.
//!
//! Owns the numbers only; `resolve` applies them and `raw` shows them in the schema, so the two cannot differ.

use std::time::Duration;

/// Where the admin listener stands: loopback, so that it needs no token.
pub(super) const ADMIN_ADDRESS: &str = "127.0.0.1:9900";
/// Time for exchanges in progress at shutdown: the grace period of a Kubernetes pod.
pub(super) const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);

/// Until a request head is complete. nginx waits 60 s (`client_header_timeout`); HAProxy's guide sets 10 s
/// (`timeout http-request`), which leaves a slow sender less to hold.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle keep-alive connections: nginx' `keepalive_timeout`.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Silence inside a request body: nginx' `client_body_timeout`.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that takes no bytes: nginx' `send_timeout`.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest request head: nginx' `large_client_header_buffers` (4 of 8 KiB).
pub(super) const HEAD_MAX: u64 = 32 * 1024;
/// Connections per worker: below the usual limit of files per process with a few workers. Our choice.
pub(super) const CONNECTIONS_MAX: u32 = 10_000;

/// Memory for stored answers: what a small machine can spare. Our choice.
pub(super) const CACHE_MEMORY: u64 = 256 << 20;
/// Largest stored answer. Our choice; nginx and Varnish set no limit of their own.
pub(super) const CACHE_OBJECT_MAX: u64 = 64 << 20;

/// Assets of the build before: longer than most people leave a page open and go on using it. Our choice.
pub(super) const KEEP_PREVIOUS: Duration = Duration::from_secs(3600);
/// Files of a bundle in memory: a large application's scripts and styles with all their variants. Our choice.
pub(super) const BUNDLE_MEMORY: u64 = 64 << 20;

/// Linear memory of a policy: a Rust guest needs about 2 MiB. Our choice.
pub const POLICY_MEMORY: u64 = 16 << 20;
/// Largest component that is fetched: three times an image of componentize-py, the largest toolchain. Our choice.
pub(super) const COMPONENT_MAX: u64 = 64 << 20;
/// Components that are kept: some generations of the largest ones. Our choice.
pub(super) const COMPONENT_CACHE: u64 = 1 << 30;
/// Time for a component to arrive: 64 MiB at 20 Mbit/s.
pub(super) const COMPONENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Entries of a policy's bucket: sessions or tenants of a mid-sized site. Our choice.
pub(super) const BUCKET_ENTRIES: u32 = 10_000;
/// Bytes of a policy's bucket. Our choice.
pub(super) const BUCKET_SIZE: u64 = 4 << 20;
/// Bytes of one value in it: a token or a short document. Our choice.
pub(super) const BUCKET_VALUE: u64 = 4 << 10;
/// Time of one request of a policy to a server: a probe that takes longer says little. Our choice.
pub(super) const OUTGOING_TIMEOUT: Duration = Duration::from_secs(2);
/// Body of what a server answers a policy: a document about a region, not a file. Our choice.
pub(super) const OUTGOING_SIZE: u64 = 64 << 10;
/// Requests of a policy in a second: each of ten regions. Our choice.
pub(super) const OUTGOING_RATE: u32 = 10;
/// Time of one policy call: twice the 1 ms that a decision should take.
pub(super) const POLICY_TIME: Duration = Duration::from_millis(2);

/// Regions this near to the nearest one are equal: about 1 ms of round trip in fibre. Our choice.
pub(super) const TIE_DISTANCE_KM: f64 = 100.0;
/// Regions with a round trip this near to the best are equal: what users of Azure Front Door set
/// (`additionalLatencyInMilliseconds`).
pub(super) const TIE_RTT: Duration = Duration::from_millis(50);
/// Serving endpoints below which a region may choose among all: Envoy's panic threshold.
pub(super) const PANIC_BELOW: f64 = 0.5;
/// Load at which a region begins to spill: Akamai's rule that the target stays below the capacity, as 80 %.
pub(super) const SPILL_FROM: f64 = 0.8;
/// Wait for room when all regions are full: short beside what a client waits for anyway. HAProxy queues as long as a
/// connection may take (`timeout queue`), which at a second or more only hides the overload.
pub(super) const QUEUE_WAIT: Duration = Duration::from_secs(1);
/// Exchanges of a service that wait at one time: Envoy's `max_pending_requests`.
pub(super) const QUEUE_WAITING_MAX: u32 = 1024;
/// Ramp of what came back: 60 s, linear from 10 %, as Envoy's slow start.
pub(super) const SLOW_START: Duration = Duration::from_secs(60);
/// Share of a region among equals. Only ratios matter, so the usual 100.
pub(super) const WEIGHT: u32 = 100;

/// Rest after which a session is new: HAProxy's example `maxidle 30m`.
pub(super) const AFFINITY_IDLE: Duration = Duration::from_secs(30 * 60);
/// Age at which a session is new: HAProxy's example `maxlife 8h`.
pub(super) const AFFINITY_LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// Health before a session returns to its region: gdnsd and AWS ARC wait before they flip back; 60 s.
pub(super) const AFFINITY_FAILBACK: Duration = Duration::from_secs(60);
/// Cookie name where every listener has TLS: the prefix binds the cookie to host and TLS (RFC 6265bis).
pub(super) const COOKIE_TLS: &str = "__Host-portolan";
/// Cookie name where a listener is plain: browsers drop `__Host-` cookies without TLS.
pub(super) const COOKIE_PLAIN: &str = "portolan";

/// Decisions that are recorded: enough to see a share of one in a thousand move, at a cost that nobody notices.
pub(super) const RECORD_SHARE: f64 = 0.01;
/// Both files of a record.
pub(super) const RECORD_SIZE: u64 = 64 << 20;
/// Credentials, which no policy should read whole and no file should hold.
pub(super) const RECORD_REDACT: [&str; 3] = ["header:authorization", "header:cookie", "header:proxy-authorization"];

/// Failed calls that end a rollout: Flagger's request-success-rate of 99 %, with room for the noise of a busy machine.
pub(super) const ROLLOUT_ERRORS: f64 = 0.05;
/// Window of a rollout's shares: Flagger's `interval`.
pub(super) const ROLLOUT_WINDOW: Duration = Duration::from_secs(60);
/// Calls before they count: linkerd's `min_requests`.
pub(super) const ROLLOUT_CALLS_MIN: u32 = 20;

/// Retries: one, as Cloudflare's zero-downtime failover.
pub(super) const RETRY_ATTEMPTS: u32 = 1;
/// Share of exchanges that may be retried: Envoy's and tower's retry budget.
pub(super) const RETRY_BUDGET: f64 = 0.2;
/// Retries per second that the budget always allows: tower's `TpsBudget`.
pub(super) const RETRY_FLOOR: u32 = 10;
/// Request bodies kept for a retry.
pub(super) const RETRY_BODY: u64 = 64 * 1024;

/// Connecting, TLS included: one lost SYN (repeated after 1 s, RFC 6298) is already a reason to go elsewhere.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Until the head of the response: below the total, so that another region can still be asked.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The whole exchange up to the response's head, retries included: Envoy's route timeout.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Silence in a body: nginx' `proxy_read_timeout`.
pub(super) const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Silence in an upgraded connection: Envoy's `idle_timeout` of its TCP proxy, and HAProxy's example `timeout tunnel 1h`.
/// nginx keeps its 60 s (`proxy_read_timeout`) here too, which cuts chats that are merely quiet.
pub(super) const TUNNEL_TIMEOUT: Duration = Duration::from_secs(3600);

/// Time between probes: NGINX Plus' `health_check`.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// Intervals between probes of an endpoint that is down: two, which is 10 s at the default. HAProxy has `downinter` for
/// it, by default the interval itself.
pub(super) const PROBE_DOWN_INTERVALS: u32 = 2;
/// Time of one probe; never more than the interval.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Failures until down: HAProxy's `fall`.
pub(super) const PROBE_FALL: u32 = 3;
/// Passes until up: HAProxy's `rise`.
pub(super) const PROBE_RISE: u32 = 2;
/// Status that passes: Envoy's `expected_statuses`.
pub(super) const PROBE_STATUS: u32 = 200;

/// Errors in a row: Envoy's `consecutive_gateway_failure`.
pub(super) const EJECT_CONSECUTIVE: u32 = 5;
/// Success rate that is too low: linkerd's breaker.
pub(super) const EJECT_SUCCESS_BELOW: f64 = 0.8;
/// Requests before the rate counts: linkerd's `min_requests`.
pub(super) const EJECT_REQUESTS_MIN: u32 = 20;
/// Window of the rate: Envoy's `interval`.
pub(super) const EJECT_WINDOW: Duration = Duration::from_secs(10);
/// First ejection: Envoy's `base_ejection_time`.
pub(super) const EJECT_BASE: Duration = Duration::from_secs(30);
/// Longest ejection: Envoy's `max_ejection_time`.
pub(super) const EJECT_MAX: Duration = Duration::from_secs(300);
/// Endpoints of a region ejected at once: Envoy's 10 % leaves half-dead regions failing (istio 34605).
pub(super) const EJECT_SHARE_MAX: f64 = 0.5;
