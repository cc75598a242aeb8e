//! Which regions a key belongs to, best first.
//!
//! Owns the hash (weighted rendezvous: no ring, no state, and the least possible movement) and the bound on load. The
//! same key, names and weights give the same order in every region table, PoP and language. Pure.

use portolan_policy::{Candidate, RegionId};

/// FNV-1a, 64 bits.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
/// Between key and name: a byte that no text holds.
const BETWEEN: u8 = 0xff;

/// The regions that take new sessions, best first for this key; those above `load` times their share come last.
pub(crate) fn places<'a>(
    key: &[u8],
    candidates: impl Iterator<Item = Candidate<'a>> + Clone,
    load: f64,
) -> Vec<RegionId> {
    let takes = candidates.filter(|region| region.takes_new() && region.weight() > 0);
    let in_flight: f64 = takes.clone().map(|region| f64::from(region.in_flight())).sum();
    let weights: f64 = takes.clone().map(|region| f64::from(region.weight())).sum();
    let place = |region: Candidate<'a>| {
        // With the request that asks; rounded up, so that the average is always within the bound.
        let bound = ((in_flight + 1.0) * load * f64::from(region.weight()) / weights).ceil();
        let is_full = f64::from(region.in_flight()) + 1.0 > bound;
        (is_full, score(key, region.name(), region.weight()), region.id())
    };
    let mut places: Vec<_> = takes.map(place).collect();
    places.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    places.into_iter().map(|(_, _, id)| id).collect()
}

/// Highest for the region that the key belongs to (Mosharaf Ahmad et al.; weights as in Schindelhauer and Schomaker 2005).
fn score(key: &[u8], name: &str, weight: u32) -> f64 {
    let bytes = key.iter().copied().chain([BETWEEN]).chain(name.bytes());
    let hash = mix(bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)));
    // In (0, 1): neither end has a finite logarithm that divides.
    let unit = ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    f64::from(weight) / -unit.ln()
}

/// Spreads what FNV leaves close together (the finaliser of splitmix64).
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}
