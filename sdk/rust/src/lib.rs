//! Write Portolan policies in Rust.
//!
//! A policy advises the router where a request should go. It is a type that implements [`Policy`]; [`export!`] makes a
//! component of it when the crate is compiled for wasm32, and natively it is an ordinary type that [`testing`] calls
//! without any Wasm. This crate holds no policy logic of its own and nothing of the router.
//!
//! A whole policy, with its test:
//!
//! ```
//! use portolan_policy::{Manifest, NoConfig, Plan, Policy, Regions, Request, Verdict};
//!
//! struct GermansStay;
//!
//! impl Policy for GermansStay {
//!     type Config = NoConfig;
//!
//!     fn describe(_: &NoConfig) -> Result<Manifest, String> {
//!         Ok(Manifest::fields(["client.country"]))
//!     }
//!
//!     fn new(_: NoConfig, _: &Regions) -> Result<Self, String> {
//!         Ok(Self)
//!     }
//!
//!     fn route(&self, request: &Request<'_>) -> Verdict {
//!         if request.country() != Some("DE") {
//!             return Verdict::Pass;
//!         }
//!         let german = request.candidates().filter(|candidate| candidate.label("country") == Some("DE"));
//!         Plan::new().fence(german.map(|candidate| candidate.id())).into()
//!     }
//! }
//!
//! portolan_policy::export!(GermansStay);
//!
//! let world = portolan_policy::testing::World::new().region("fra", &[("country", "DE")]).region("iad", &[]);
//! let policy = world.load::<GermansStay>("{}").unwrap();
//! assert_eq!(policy.ask(world.request().field("client.country", "DE")), "route fence=fra");
//! assert_eq!(policy.ask(world.request().field("client.country", "US")), "pass");
//! ```

mod answer;
#[allow(
    unsafe_code,
    reason = "generated code moves values across the sandbox's edge: docs/adr/0005-unsafe-in-the-sdk.md"
)]
#[allow(
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    reason = "generated code; the contract's own words are in wit/policy.wit"
)]
#[allow(clippy::all, clippy::allow_attributes_without_reason, reason = "generated code")]
#[doc(hidden)]
pub mod bindings;
#[cfg(any(all(target_arch = "wasm32", not(target_feature = "atomics"), feature = "allocator"), test))]
#[allow(unsafe_code, reason = "an allocator hands out raw memory: docs/adr/0005-unsafe-in-the-sdk.md")]
mod blocks;
mod changes;
pub mod config;
#[doc(hidden)]
pub mod guest;
pub mod http;
#[cfg(not(target_arch = "wasm32"))]
mod kept;
mod kv;
mod payload;
mod regions;
mod request;
#[cfg(not(target_arch = "wasm32"))]
mod servers;
mod telemetry;
pub mod testing;
mod verdict;
mod view;

// The generated code names this crate by its full path, so that it also works from a policy's own crate.
extern crate self as portolan_policy;

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics"), feature = "allocator"))]
#[global_allocator]
static BLOCKS: blocks::Blocks = blocks::Blocks::new();

#[doc(hidden)]
pub use wit_bindgen;

pub use answer::Answer;
pub use bindings::exports::portolan::policy::lifecycle::{Manifest, Metric};
pub use bindings::portolan::policy::types::{
    Binding, CacheAction, CacheTerms, Edit, EditOp, Health, Location, PinAction, Plan, RegionId, RegionInfo, Reply,
    Verdict,
};
pub use bindings::response::exports::portolan::policy::response::{Amendment, Reaction};
pub use changes::{Change, Changes};
pub use config::NoConfig;
pub use kv::{Bucket, KvError};
pub use payload::Payload;
pub use regions::Regions;
pub use request::{Candidate, Pin, Request};
pub use telemetry::{Counter, Gauge, Histogram, Level, log};
pub use view::LookupError;

use std::time::Duration;

use serde::de::DeserializeOwned;

/// A routing policy.
///
/// A verdict is a pure function of the request: there is no clock and no random source but [`Request::now_ms`] and
/// [`Request::entropy`], and `route` takes `&self`, so that nothing of one request leaks into the next.
pub trait Policy: Sized + 'static {
    /// The configuration, read from the JSON that the operator's `config` table becomes. Put
    /// `#[serde(deny_unknown_fields)]` on it, and the operator hears of a misspelt key at load.
    type Config: DeserializeOwned;

    /// Says what the policy wants to see. An error stops the load and reaches the operator in these words.
    fn describe(config: &Self::Config) -> Result<Manifest, String> {
        let _ = config;
        Ok(Manifest::new())
    }

    /// Makes the policy, once per instance. `regions` are all regions of the services that use it; what depends on them
    /// alone is best worked out here.
    fn new(config: Self::Config, regions: &Regions) -> Result<Self, String>;

    /// Says where a request should go: the hook `route`. A policy without it passes.
    fn route(&self, request: &Request<'_>) -> Verdict {
        let _ = request;
        Verdict::Pass
    }
}

/// A policy that gives sessions keys of their own: the hook `affinity`, exported by `export!(MyPolicy: affinity)` or
/// `export!(MyPolicy: route, affinity)`.
///
/// The same key goes to the same place for as long as that serves, wherever pin, fences, orders and nearness leave a choice.
pub trait Affinity: Policy {
    /// The session's key, at most 1024 bytes: a subject, a tenant. None is no opinion. The request has no candidates here.
    fn key(&self, request: &Request<'_>) -> Option<Vec<u8>>;
}

/// A policy that hears how origins answered: the hook `response`, exported by `export!(MyPolicy: response)` or with others.
pub trait Response: Policy {
    /// What it makes of an answer. The request has no candidates here.
    fn response(&self, request: &Request<'_>, answer: &Answer<'_>) -> Reaction;
}

/// A policy that watches the regions in the background: the hook `health`, exported by `export!(MyPolicy: route, health)`.
///
/// One instance in each router, apart from those that answer requests, which may ask servers ([`http`]). What it learns it keeps in
/// a [`Bucket`], where `route` finds it.
///
/// ```
/// use std::time::Duration;
///
/// use portolan_policy::{Bucket, Changes, NoConfig, Policy, Regions, Watch, http};
///
/// const LOADS: Bucket = Bucket::at(0);
///
/// struct Follower;
///
/// impl Policy for Follower {
///     type Config = NoConfig;
///     fn new(_: NoConfig, _: &Regions) -> Result<Self, String> {
///         Ok(Self)
///     }
/// }
///
/// impl Watch for Follower {
///     fn watch(&self, _: &Changes<'_>) -> Option<Duration> {
///         if let Ok(answer) = http::get("http://10.0.1.10:8080/load") {
///             // Gone after three silent rounds: what is old says nothing.
///             let _ = LOADS.set(b"fra", answer.body(), Some(Duration::from_secs(3)));
///         }
///         Some(Duration::from_secs(1))
///     }
/// }
/// ```
pub trait Watch: Policy {
    /// Hears what became of regions, or that time has passed; how long it wants to be left alone then, 250 ms at least. None is
    /// until a region changes.
    fn watch(&self, changes: &Changes<'_>) -> Option<Duration>;
}

/// Makes a component of a [`Policy`] when the crate is compiled for wasm32; expands to nothing natively.
///
/// A crate exports one policy, from its root: `portolan_policy::export!(MyPolicy);` for the hook `route` alone, else with the
/// hooks by name: `portolan_policy::export!(MyPolicy: route, affinity);`. A hook that is not named is never asked.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        $crate::export!($policy: route);
    };
    ($policy:ty: $($hook:ident),+) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::std::thread_local! {
                static INSTANCE: ::std::cell::OnceCell<$crate::guest::Instance<$policy>> =
                    const { ::std::cell::OnceCell::new() };
            }
            impl $crate::guest::Exported for $policy {
                fn with<R>(f: impl FnOnce(&::std::cell::OnceCell<$crate::guest::Instance<$policy>>) -> R) -> R {
                    INSTANCE.with(f)
                }
            }
            type Guest = $crate::guest::Component<$policy>;
            $crate::bindings::export_lifecycle!(Guest with_types_in $crate::bindings);
            $($crate::export_hook!($hook Guest);)+
        };
    };
}

/// One hook of [`export!`].
#[macro_export]
#[doc(hidden)]
macro_rules! export_hook {
    (route $guest:ident) => {
        $crate::bindings::route::export_route!($guest with_types_in $crate::bindings::route);
    };
    (response $guest:ident) => {
        $crate::bindings::response::export_response!($guest with_types_in $crate::bindings::response);
    };
    (health $guest:ident) => {
        $crate::bindings::health::export_health!($guest with_types_in $crate::bindings::health);
    };
    (affinity $guest:ident) => {
        $crate::bindings::affinity::export_affinity!($guest with_types_in $crate::bindings::affinity);
    };
}
