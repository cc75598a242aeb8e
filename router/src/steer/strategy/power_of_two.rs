//! Cost of an endpoint by what it has in flight.
//!
//! The less loaded of two random ones is nearly as good as the least loaded of all, and does not make every worker run
//! to the same idle endpoint (Mitzenmacher 2001). Called by `balance`, which draws the two.

use crate::steer::table::Load;

/// Cost to compare; lower is better.
pub fn cost(load: Load) -> u64 {
    u64::from(load.in_flight)
}
