//! Spill by load: which share of new traffic a filling region gives away.
//!
//! Proportional between a soft and a hard limit (NS1 `shed_load` watermarks), so that load moves step by step and not
//! all at once. Called by `choose` for exchanges that are not pinned to the region.

/// Share (0 to 1) of exchanges that should go elsewhere: 0 up to `spill_from * capacity`, growing in a straight line to
/// 1 at `capacity`. No capacity, no spill.
pub fn share(in_flight: u32, capacity: Option<u32>, spill_from: f64) -> f64 {
    let Some(capacity) = capacity else { return 0.0 };
    if is_full(in_flight, Some(capacity)) {
        return 1.0;
    }
    let (load, hard) = (f64::from(in_flight), f64::from(capacity));
    let soft = hard * spill_from.clamp(0.0, 1.0);
    if load <= soft { 0.0 } else { (load - soft) / (hard - soft) }
}

/// Whether a region is at its hard limit and takes nothing more.
pub fn is_full(in_flight: u32, capacity: Option<u32>) -> bool {
    capacity.is_some_and(|capacity| in_flight >= capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_grows_from_soft_to_hard() {
        for (in_flight, capacity, from, expected) in [
            (50, Some(100), 0.8, 0.0),
            (80, Some(100), 0.8, 0.0),
            (90, Some(100), 0.8, 0.5),
            (99, Some(100), 0.8, 0.95),
            (100, Some(100), 0.8, 1.0),
            (250, Some(100), 0.8, 1.0),
            (99, Some(100), 1.0, 0.0),
            (0, Some(0), 0.8, 1.0),
            (u32::MAX, None, 0.8, 0.0),
        ] {
            let got = share(in_flight, capacity, from);
            assert!((got - expected).abs() < 1e-9, "{in_flight} of {capacity:?}: {got}, expected {expected}");
        }
    }
}
