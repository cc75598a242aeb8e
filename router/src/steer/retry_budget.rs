//! How many retries are too many.
//!
//! Owns the budget that keeps retries from turning an overload into an outage: a share of the requests of the last ten
//! seconds plus a floor for quiet times (tower's `TpsBudget` and its defaults; Envoy's budget is 20 % too). One per
//! worker and service, so the floor counts once per worker. Asked by the exchange before each retry.

use super::window::{SPAN_DEFAULT, Window};
use crate::base::Timestamp;

/// What a budget allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryLimits {
    /// Retries as a share of requests.
    pub share: f64,
    /// Retries for each second that are allowed however few requests there are.
    pub floor_per_s: u32,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self { share: 0.2, floor_per_s: 10 }
    }
}

/// Requests and retries of the last ten seconds against the limits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RetryBudget {
    limits: RetryLimits,
    /// Requests, and retries granted.
    window: Window,
}

impl RetryBudget {
    /// A budget that starts with its floor.
    pub fn new(limits: RetryLimits) -> Self {
        Self { limits, window: Window::default() }
    }

    /// Counts a request's first attempt.
    pub fn request(&mut self, now: Timestamp) {
        self.window.add(1, 0, now);
    }

    /// Takes one retry out of the budget; false when it is spent, and the first failure must be the answer.
    #[must_use]
    pub fn take(&mut self, now: Timestamp) -> bool {
        let (requests, retries) = self.window.sums(now);
        let floor = u64::from(self.limits.floor_per_s) * SPAN_DEFAULT.as_secs();
        let allowed = (requests as f64 * self.limits.share.max(0.0)) as u64 + floor;
        let granted = retries < allowed;
        if granted {
            self.window.add(0, 1, now);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Retries granted of 10 000 asked for, after `requests` requests.
    fn granted(limits: RetryLimits, requests: u32) -> usize {
        let (mut budget, now) = (RetryBudget::new(limits), Timestamp(1_000_000));
        (0..requests).for_each(|_| budget.request(now));
        (0..10_000).filter(|_| budget.take(now)).count()
    }

    #[test]
    fn grants_a_share_and_a_floor() {
        assert_eq!(granted(RetryLimits::default(), 0), 100);
        assert_eq!(granted(RetryLimits::default(), 1_000), 300);
        assert_eq!(granted(RetryLimits { share: 0.5, floor_per_s: 0 }, 1_000), 500);
        assert_eq!(granted(RetryLimits { share: 0.0, floor_per_s: 0 }, 1_000), 0);
        assert_eq!(granted(RetryLimits { share: -1.0, floor_per_s: 1 }, 1_000), 10);
    }

    #[test]
    fn recovers_when_the_seconds_pass() {
        let mut budget = RetryBudget::new(RetryLimits { share: 0.0, floor_per_s: 1 });
        let at = |second: u64| Timestamp(1_000_000 + second * 1000);
        assert_eq!((0..20).filter(|_| budget.take(at(0))).count(), 10);
        assert!(!budget.take(at(9)), "still in the window");
        assert_eq!((0..20).filter(|_| budget.take(at(10))).count(), 10);
    }
}
