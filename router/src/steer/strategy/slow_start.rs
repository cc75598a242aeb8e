//! Slow start: what comes back is not flooded.
//!
//! The share grows with time from a floor to all, as in Envoy's slow start with aggression 1. Applied as a coin for
//! each new exchange, so that it holds when one region takes over from another too, where Envoy's does not ramp.
//! Called by `choose` for regions and by `balance` for endpoints.

use crate::base::Timestamp;
use std::time::Duration;

/// The least share, so that a returning target is exercised at all (Envoy's `min_weight_percent`).
const FLOOR: f64 = 0.1;

/// Share (0.1 to 1) of its traffic that a target may take now. It ramps for `window` after `returned_at`; none or a
/// window of zero is no ramp.
pub fn share(returned_at: Option<Timestamp>, now: Timestamp, window: Duration) -> f64 {
    let Some(returned_at) = returned_at else { return 1.0 };
    let age = now.since(returned_at);
    if age >= window { 1.0 } else { (age.as_secs_f64() / window.as_secs_f64()).max(FLOOR) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_ramps_from_a_tenth_to_all() {
        let back = Timestamp(100_000);
        for (after_s, expected) in [(0, 0.1), (3, 0.1), (30, 0.5), (59, 59.0 / 60.0), (60, 1.0), (600, 1.0)] {
            let now = back.plus(Duration::from_secs(after_s));
            let got = share(Some(back), now, Duration::from_secs(60));
            assert!((got - expected).abs() < 1e-9, "{after_s} s after: {got}, expected {expected}");
        }
        assert!(share(None, back, Duration::from_secs(60)) >= 1.0);
        assert!(share(Some(back), back, Duration::ZERO) >= 1.0, "no window, no ramp");
        // A return that lies ahead (another PoP's clock) counts as just now.
        assert!(share(Some(back), Timestamp(0), Duration::from_secs(60)) <= FLOOR);
    }
}
