//! The text of a policy.
//!
//! Owns the keys below `[policies.NAME]`, as `raw` owns the others.

use super::{DAY_US, RawBucket, RawOutgoing};
use crate::config::defaults;
use crate::config::value::{
    AnyValue, ComponentSource, DigestText, Field, FreeText, Name, Named, Share, SignatureText, Size, TextField, Time,
    Whole, shown_bytes, shown_time,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// A policy: a Wasm component and what it is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawPolicy {
    /// The component: a file; `https://HOST/PATH`, with `digest`; or `oci://REGISTRY/NAME@sha256:..`, the digest being the
    /// manifest's. Files are watched; what is fetched is known by its digest and never changes.
    #[schemars(required)]
    pub(in crate::config) component: TextField<ComponentSource>,
    /// Digest of the component's file. Needed for `https://`; checked wherever it is given.
    pub(in crate::config) digest: TextField<DigestText>,
    /// Ed25519 signature over the digest's text (`sha256:..`), in base64. Left out: it is looked for beside the component, in
    /// `COMPONENT.sig`, or in the annotation `portolan.signature` of a manifest.
    pub(in crate::config) signature: TextField<SignatureText>,
    /// Any value; reaches the policy as JSON, with keys in alphabetical order and dates as strings. Left out:
    /// `{}`.
    pub(in crate::config) config: Field<AnyValue>,
    /// When it traps, times out or answers nonsense: `default` is the host's own order inside static fences, `reject`
    /// is 503.
    #[schemars(extend("default" = "default"))]
    pub(in crate::config) on_error: Field<RawOnError>,
    /// Limits of one instance.
    pub(in crate::config) limits: Field<RawPolicyLimits>,
    /// How long an instance is used: `worker` for many requests, `request` for one, so that nothing of a request can be seen by
    /// another even when the policy is careless. The latter takes tens of microseconds more for each request, and `init` runs for
    /// each.
    #[schemars(extend("default" = "worker"))]
    pub(in crate::config) isolation: Field<RawIsolation>,
    /// Buckets in which it may keep what it learns, by the names that its manifest declares; `{}` takes the defaults. They are
    /// the policy's own, shared by all its instances in this process; they outlive its reload and end when they are not granted
    /// any more.
    pub(in crate::config) kv: Field<Named<Name, RawBucket>>,
    /// What it may ask of HTTP servers, in the hook `health`. Left out: nothing, and a component that imports `http` is refused.
    pub(in crate::config) http: Field<RawOutgoing>,
    /// Asked beside the others, on real exchanges, without acting: what it would have changed is counted, and
    /// `portolan policy diff` shows it. It is compared as if it stood at its place in the service's `policies`.
    #[schemars(extend("default" = false))]
    pub(in crate::config) shadow: Field<bool>,
    /// Of a shadow: the share of decisions for which it is asked.
    #[schemars(extend("default" = 1))]
    pub(in crate::config) shadow_share: Field<Share>,
    /// Of a shadow: the policy in whose place it is compared. Of a rollout: the policy in whose place it acts. Left out: it is
    /// one more, at its place in the service's `policies`.
    pub(in crate::config) replaces: TextField<FreeText>,
    /// Acts for a share of the sessions only, and gives them back by itself when it does badly. Left out: it acts for all.
    pub(in crate::config) rollout: Field<RawRollout>,
}

/// For whom a policy acts that is given to a share of the sessions, and when it gives them back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with `share`")]
pub(in crate::config) struct RawRollout {
    /// Share of the sessions, 0 to 1. A session stays on its side, and a larger share keeps the sessions of a smaller one.
    #[schemars(required)]
    pub(in crate::config) share: Field<Share>,
    /// More than this share of failed calls in the window gives all sessions back.
    #[schemars(extend("default" = defaults::ROLLOUT_ERRORS))]
    pub(in crate::config) errors: Field<Share>,
    /// More than this share of its decisions in the window that send the exchange elsewhere than without it, at once or because
    /// one of both has the next region asked after the answer, gives all sessions back. For this the policy that it replaces is
    /// asked too. Left out: they are not compared.
    pub(in crate::config) disagreements: Field<Share>,
    /// The window.
    #[schemars(extend("default" = shown_time(defaults::ROLLOUT_WINDOW)))]
    pub(in crate::config) window: TextField<Time<1_000_000, DAY_US>>,
    /// Calls, and compared decisions, in the window before their shares count.
    #[schemars(extend("default" = defaults::ROLLOUT_CALLS_MIN))]
    pub(in crate::config) calls_min: Field<Whole<1, 1_000_000>>,
}

/// How long an instance of a policy is used.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawIsolation {
    /// For many requests of a worker.
    Worker,
    /// For one.
    Request,
}

/// What happens to an exchange whose policy failed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum RawOnError {
    /// The host's own order, inside static fences.
    Default,
    /// 503.
    Reject,
}

/// Limits of one policy instance.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawPolicyLimits {
    /// Linear memory.
    #[schemars(extend("default" = shown_bytes(defaults::POLICY_MEMORY)))]
    pub(in crate::config) memory: TextField<Size<{ 1 << 20 }, { 1 << 30 }>>,
    /// Time of one call.
    #[schemars(extend("default" = shown_time(defaults::POLICY_TIME)))]
    pub(in crate::config) time: TextField<Time<100, 1_000_000>>,
}
