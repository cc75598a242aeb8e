//! Spill by load: which share of new traffic a filling region gives away.
//!
//! Proportional between a soft and a hard limit (NS1 `shed_load` watermarks), and the share follows the load only so
//! fast, so that load moves step by step and not all at once. The World keeps the share and publishes it; `choose`
//! applies it to exchanges that are not pinned to the region. The hard limit itself knows no pace: `standing` looks at
//! it for every exchange.

use std::time::Duration;

/// How far the share may move in `SHIFT_TIME`, up or down. An origin that is sent a fifth more of a neighbour's traffic
/// each ten seconds has time to warm up and to scale; and a share that moves faster than the load answers swings.
pub const SHIFT_MAX: f64 = 0.2;
/// See `SHIFT_MAX`.
pub const SHIFT_TIME: Duration = Duration::from_secs(10);

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

/// The share (0 to 1) after it was `from` and moved towards `wanted` for `elapsed`, at the pace of `SHIFT_MAX`.
pub fn toward(from: f64, wanted: f64, elapsed: Duration) -> f64 {
    let step = SHIFT_MAX * elapsed.as_secs_f64() / SHIFT_TIME.as_secs_f64();
    wanted.clamp(0.0, 1.0).clamp(from - step, from + step)
}

/// Whether a region is at its hard limit and takes nothing more.
pub fn is_full(in_flight: u32, capacity: Option<u32>) -> bool {
    capacity.is_some_and(|capacity| in_flight >= capacity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    #[test]
    fn the_share_follows_in_steps() {
        for (from, wanted, elapsed_ms, expected) in [
            (0.0, 1.0, 1_000, 0.02),
            (0.0, 1.0, 10_000, 0.2),
            (0.0, 0.01, 1_000, 0.01),
            (0.5, 0.0, 5_000, 0.4),
            (0.01, 0.0, 1_000, 0.0),
            (0.99, 1.0, 60_000, 1.0),
            (0.3, 0.3, 1_000, 0.3),
            (0.3, 1.0, 0, 0.3),
        ] {
            let got = toward(from, wanted, Duration::from_millis(elapsed_ms));
            assert!((got - expected).abs() < 1e-9, "{from} to {wanted}, {elapsed_ms} ms: {got}, expected {expected}");
        }
    }

    proptest! {
        #[test]
        fn no_ten_seconds_move_more_than_twenty_points(
            steps in prop::collection::vec((0.0f64..1.0, 1u64..2_000), 1..200), last in 0.0f64..1.0,
        ) {
            let (mut at, mut share) = (0u64, 0.0);
            let mut seen = vec![(at, share)];
            for (wanted, wait) in steps {
                at += wait;
                share = toward(share, wanted, Duration::from_millis(wait));
                prop_assert!((0.0..=1.0).contains(&share));
                seen.push((at, share));
            }
            for (index, (before, from)) in seen.iter().enumerate() {
                let within = seen[index..].iter().take_while(|(at, _)| at - before <= 10_000);
                for (_, to) in within {
                    prop_assert!((to - from).abs() <= SHIFT_MAX + 1e-9);
                }
            }
            // And it arrives.
            for _ in 0..50 {
                share = toward(share, last, Duration::from_secs(1));
            }
            prop_assert!((share - last).abs() < 1e-9);
        }
    }
}
