//! The policy host: runs the operator's WebAssembly components and turns their answers into steering's words.
//!
//! A component becomes a [`Loaded`] once (read, compile, check its imports against the grants, `describe`, a first
//! `init`); each worker keeps warm instances of it in its own [`WarmPool`] and asks them through [`WarmPool::route`]. One that watches the regions has an instance
//! more, on a thread of its own ([`Watcher`]).
//! A policy advises: nothing here applies a fence, chooses a region or decides what a failure means. `snapshot` loads
//! policies, `decide` asks them. `docs/adr/0004-policy-host.md` says why the host has this shape.

mod arguments;
mod compiled;
mod contract;
mod convert;
mod directory;
mod engine;
mod failure;
mod guest;
mod headers;
mod imports;
mod inspect;
mod instance;
mod kv;
mod load;
mod manifest;
mod measures;
mod outgoing;
mod part;
mod patience;
mod pool;
mod quarantine;
mod reads;
mod stats;
mod telemetry;
mod ticker;
mod view;
mod wasi;
mod watch;
mod watch_stats;

#[cfg(test)]
pub(crate) mod tests;

pub use crate::base::Digest;
pub use compiled::Compiled;
pub use contract::{Candidate, CandidateHealth};
pub use directory::{RegionDirectory, RegionInfo};
pub use engine::{Engine, EngineError, EngineSettings};
pub use failure::{FAILURE_WORDS, PolicyFailure};
pub use inspect::{Declared, DeclaredMetric, Grant, Import, Inspection, inspect};
pub use kv::{Answer as KvAnswer, Bucket, BucketCounts, Buckets, KvCall, KvError, Operation as KvOperation};
pub use load::{Carried, LoadError, LoadFault, Loaded};
pub use manifest::{FIELDS_MAX, Field, Manifest, ManifestError};
pub use measures::{BOUNDS, Measure, MeasureError, MeasureKind, MeasureSpec, Measures, Reading};
pub use outgoing::{Asked, FetchError, Response as Fetched, Servers};
pub use part::{Part, header};
pub use pool::{Ask, Outcome, PinView, WarmPool};
pub use quarantine::{Admission, Quarantine, QuarantineState};
pub use reads::{Noted, Reads};
pub use stats::{PolicyCounts, PolicyStats};
pub use view::View;
pub use watch::{Feed, RegionState, Rehearsal, Watcher};
pub use watch_stats::{WatchCounts, WatchStats};
