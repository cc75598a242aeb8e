//! Cost of an endpoint by how long an answer would take.
//!
//! Latency times queue, with a latency average that jumps up at once and falls slowly (Finagle's peak EWMA; the average
//! itself is kept where latencies are measured). Called by `balance`, which draws two to compare.

use crate::steer::table::Load;

/// Stands in for the latency of an endpoint that has not answered yet: one request explores it, more wait until it
/// has shown itself (Finagle's penalty).
const UNMEASURED_US: u64 = 1 << 32;

/// Cost to compare; lower is better.
pub fn cost(load: Load) -> u64 {
    match (load.latency_us, load.in_flight) {
        (0, 0) => 0,
        (0, in_flight) => UNMEASURED_US + u64::from(in_flight),
        (latency, in_flight) => u64::from(latency) * (u64::from(in_flight) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_latency_times_queue() {
        let of = |latency_us, in_flight| cost(Load { in_flight, latency_us });
        assert!(of(1_000, 9) < of(20_000, 0), "a fast one with a queue beats a slow idle one");
        assert!(of(1_000, 1) > of(1_000, 0));
        assert!(of(0, 0) < of(100, 0), "a new endpoint is tried");
        assert!(of(0, 1) > of(1_000_000, 100), "but not flooded before it answered");
        assert!(of(u32::MAX, u32::MAX) > of(u32::MAX, 0), "no overflow");
    }
}
