//! How near each region is to one client.
//!
//! Owns the distances of one exchange, each worked out once: policies see them as candidates, the choice orders by
//! them, `/explain` prints them. Made by `decide` before the policies run.

use super::table::{Admin, Health};
use super::table::{Load, Loads, Metric, Region, ServiceTable};
use crate::base::{Location, RegionSet, Timestamp};
use smallvec::SmallVec;

/// Round trip guessed for a region without a measurement: 1 ms for each 50 km. Light in fibre needs 1 ms for 100 km
/// there and back, and cables do not follow great circles.
const GUESSED_US_PER_KM: f64 = 20.0;

/// One region's nearness.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Index of the region in the service's table.
    pub region: u8,
    /// Great-circle distance from the client, from the PoP when the client's place is unknown, km.
    pub distance_km: f64,
    /// What regions are ordered by: km or microseconds, by the service's metric.
    pub cost: f64,
}

/// All regions of a service, nearest first; equally near ones in the order of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearness(SmallVec<[Near; 16]>);

impl Nearness {
    /// Distances of all regions from the client, or from the PoP when the client's place is unknown.
    pub fn of(table: &ServiceTable, client: Option<Location>) -> Self {
        let from = client.unwrap_or(table.pop);
        let near = |(index, region): (usize, &Region)| {
            let distance_km = from.distance_km(region.location);
            let cost = match table.steering.metric {
                Metric::ClientDistance => distance_km,
                Metric::PopRtt => round_trip_us(table, region),
            };
            Near { region: index as u8, distance_km, cost }
        };
        let mut all: SmallVec<[Near; 16]> =
            table.regions.iter().enumerate().take(crate::base::region_set::REGIONS_MAX).map(near).collect();
        all.sort_unstable_by(|a, b| a.cost.total_cmp(&b.cost).then(a.region.cmp(&b.region)));
        Self(all)
    }

    /// The regions, nearest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Near> {
        self.0.iter()
    }

    /// Distance of one region, km; zero for an index that is not in the table.
    pub fn distance_km(&self, region: usize) -> f64 {
        self.0.iter().find(|near| usize::from(near.region) == region).map_or(0.0, |near| near.distance_km)
    }
}

fn round_trip_us(table: &ServiceTable, region: &Region) -> f64 {
    match region.rtt {
        Some(rtt) => rtt.as_secs_f64() * 1e6,
        None => table.pop.distance_km(region.location) * GUESSED_US_PER_KM,
    }
}

/// A region as a policy sees it (`candidate` in `wit/policy.wit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Index of the region in the service's table.
    pub region: u8,
    /// Its health.
    pub health: Health,
    /// For how long it has been in this state, seconds.
    pub health_age_s: u32,
    /// Great-circle distance from the client (or the PoP), km.
    pub distance_km: u32,
    /// Measured round trip from this PoP, microseconds; 0 is not measured.
    pub rtt_us: u32,
    /// Moving average of time to first byte over the endpoints that serve, microseconds; 0 is no traffic yet.
    pub latency_us: u32,
    /// Requests in flight from this PoP.
    pub in_flight: u32,
    /// Configured weight.
    pub weight: u32,
}

/// The regions inside the fence that the operator has not switched off, nearest first; those that are down too, with
/// their state.
pub fn candidates<L: Loads + ?Sized>(
    table: &ServiceTable,
    nearness: &Nearness,
    fence: RegionSet,
    now: Timestamp,
    loads: &L,
) -> SmallVec<[Candidate; 16]> {
    let seen = |near: &Near| {
        let index = usize::from(near.region);
        let region = &table.regions[index];
        (fence.contains(index) && region.admin != Admin::Off).then(|| Candidate {
            region: near.region,
            health: region.health,
            health_age_s: clamp(now.since(region.health_since).as_secs()),
            // Half up, without the call that `round` is on processors of 2003.
            distance_km: (near.distance_km + 0.5) as u32,
            rtt_us: region.rtt.map_or(0, |rtt| clamp(rtt.as_micros() as u64)),
            latency_us: latency_us(region, index, loads),
            in_flight: loads.region_in_flight(index),
            weight: region.weight,
        })
    };
    nearness.iter().filter_map(seen).collect()
}

/// Mean over the serving endpoints that have seen traffic.
fn latency_us<L: Loads + ?Sized>(region: &Region, index: usize, loads: &L) -> u32 {
    let serving = region.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.state.serves());
    let (sum, count) = serving
        .map(|(endpoint, _)| loads.endpoint(index, endpoint))
        .filter(|Load { latency_us, .. }| *latency_us > 0)
        .fold((0u64, 0u64), |(sum, count), load| (sum + u64::from(load.latency_us), count + 1));
    sum.checked_div(count).map_or(0, clamp)
}

fn clamp(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
