//! The algorithms of steering, one file each, all pure.
//!
//! Each answers one small question; `preference` (regions), `balance` (endpoints) and `choose` put them together.
//! Entropy comes in as a seed; `draw` makes independent numbers of it.

pub mod distance_band;
pub mod peak_ewma;
pub mod power_of_two;
pub mod slow_start;
pub mod spill;
pub mod weighted;

use crate::base::hash;

/// A number of its own for each `purpose`, from the seed of one exchange.
pub fn draw(seed: u64, purpose: u64) -> u64 {
    hash::mix(seed ^ hash::mix(purpose.wrapping_add(1)))
}
