//! Loads as they were at one moment.
//!
//! Owns numbers in place of counters: what is recorded was decided on them, and a replay decides on them again. Pure.

use super::table::{Load, Loads};

/// Loads of a service's endpoints: `[region][endpoint]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frozen(pub Vec<Vec<Load>>);

impl Loads for Frozen {
    fn endpoint(&self, region: usize, endpoint: usize) -> Load {
        let load = self.0.get(region).and_then(|endpoints| endpoints.get(endpoint));
        load.copied().unwrap_or_default()
    }

    fn region_in_flight(&self, region: usize) -> u32 {
        let endpoints = self.0.get(region).map_or(&[][..], Vec::as_slice);
        endpoints.iter().map(|load| load.in_flight).fold(0, u32::saturating_add)
    }
}
