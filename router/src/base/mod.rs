//! What everything else stands on: ids, units, time, stable hashes, small bounded collections.
//!
//! Owns no policy and no I/O, imports nothing of ours. The only place that reads a clock is `clock`.

pub mod clock;
pub mod country;
pub mod digest;
pub mod hash;
pub mod location;
pub mod ordered;
pub mod region_set;
pub mod units;

pub use clock::{Clock, Timestamp};
pub use country::CountryCode;
pub use digest::Digest;
pub use location::Location;
pub use ordered::Ordered;
pub use region_set::RegionSet;
