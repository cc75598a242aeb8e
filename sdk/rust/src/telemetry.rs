//! What a policy says to the operator.
//!
//! A thin wrapper of the contract's `telemetry`; natively lines are kept for [`crate::testing::logged`]. Called by policies.

pub use crate::bindings::portolan::policy::telemetry::Level;

/// Writes a line to the router's log, beside the policy's name. The router keeps 1024 bytes of it, and 20 lines per second.
///
/// A verdict must not depend on whether anybody listens: log what an operator should act on, not every request.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::portolan::policy::telemetry::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::hear(level, message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::logged;

    #[test]
    fn a_test_hears_what_a_policy_logs() {
        log(Level::Warn, "the tide is out");
        assert_eq!(logged(), [(Level::Warn, "the tide is out".to_owned())]);
        assert_eq!(logged(), []);
    }
}
