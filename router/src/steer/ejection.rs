//! Taking an endpoint out for what real traffic met there.
//!
//! Owns the outcomes of one endpoint and its ejection, on two grounds, as in Envoy and linkerd2-proxy: gateway errors
//! in a row, or a low success rate over exact buckets. Used by the World, which brings time, counts from the workers
//! and the state of the region.

use super::strategy::draw;
use super::window::{SPAN_DEFAULT, Window};
use crate::base::{Timestamp, hash};
use std::time::Duration;

/// Ejections are lengthened by up to this part, so that endpoints ejected together do not return together.
const JITTER: f64 = 0.2;
const PURPOSE_JITTER: u64 = 0x656a_6563;

/// When to eject and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EjectionLimits {
    /// Gateway errors in a row (Envoy's 5); 0 switches this ground off.
    pub consecutive: u32,
    /// Success rate (0 to 1) below which an endpoint goes out; 0 switches this ground off.
    pub rate_below: f64,
    /// What the rate is taken over.
    pub window: Duration,
    /// Requests in the window below which a rate says nothing.
    pub rate_requests: u32,
    /// First ejection; the n-th lasts n times as long (Envoy's 30 s).
    pub base: Duration,
    /// Longest ejection before jitter (Envoy's 300 s).
    pub cap: Duration,
    /// Largest share of a region's endpoints out by success rate. Not Envoy's 10 %, which keeps a half-dead zone in.
    pub max_share: f64,
}

impl Default for EjectionLimits {
    fn default() -> Self {
        Self {
            consecutive: 5,
            rate_below: 0.8,
            window: SPAN_DEFAULT,
            rate_requests: 20,
            base: Duration::from_secs(30),
            cap: Duration::from_secs(300),
            max_share: 0.5,
        }
    }
}

/// What happened at one endpoint since the last report; all zero is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Answers that are no failure of the endpoint.
    pub good: u32,
    /// Answers that count in the rate only: 429, 500.
    pub bad: u32,
    /// Refused, reset, timed out, 502, 503, 504.
    pub gateway: u32,
    /// Gateway errors in a row up to now, where somebody counts them as they happen; none: made out from the counts
    /// of each report, in which any other answer breaks the row.
    pub row: Option<u32>,
}

/// Why an endpoint was ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Gateway errors in a row.
    Consecutive,
    /// Too low a success rate.
    SuccessRate,
}

/// What outcomes led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// No grounds.
    Stays,
    /// Grounds, but too many of the region are out already; to be logged.
    Spared(Cause),
    /// Out until the given moment.
    Ejected(Cause, Timestamp),
}

/// The rest of the region, for the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peers {
    /// Endpoints out of service, for any reason, apart from this one.
    pub out: usize,
    /// All endpoints of the region with this one.
    pub all: usize,
}

/// Outcomes and ejection of one endpoint.
///
/// - By success rate at most half of a region's endpoints go out: a bad release must not empty a region.
/// - Errors in a row may take out all of them, a region of one or two too: then the region is dead by what its clients
///   meet, and they must move to another.
/// - Passing probes end an ejection early when it came from errors in a row, as many in a row as the endpoint has been
///   ejected lately, so that one which lies to its probe stays out longer each time. An ejection by success rate runs
///   its time: a probe that asks for one page knows nothing of the others.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ejection {
    /// Requests, and failures among them.
    window: Window,
    consecutive: u32,
    /// Times ejected lately: one is forgiven for each base time in service.
    times: u32,
    now_out: Option<(Cause, Timestamp)>,
    /// When the last ejection ended.
    returned_at: Option<Timestamp>,
    /// Probes passed in a row since it went out.
    passes: u32,
}

impl Ejection {
    /// An endpoint in service, its rate taken over `limits.window`.
    pub fn new(limits: &EjectionLimits) -> Self {
        Self { window: Window::spanning(limits.window), ..Self::default() }
    }

    /// The cause and the end of the present ejection.
    pub fn ejected(&self) -> Option<(Cause, Timestamp)> {
        self.now_out
    }

    /// When the last ejection ended; slow start counts from here.
    pub fn returned_at(&self) -> Option<Timestamp> {
        self.returned_at
    }

    /// Takes outcomes in. While the endpoint is out they change nothing: stragglers and panic say nothing new.
    pub fn observe(
        &mut self,
        outcomes: Outcomes,
        now: Timestamp,
        limits: &EjectionLimits,
        peers: Peers,
        seed: u64,
    ) -> Judgement {
        if self.now_out.is_some() {
            return Judgement::Stays;
        }
        let Outcomes { good, bad, gateway, .. } = outcomes;
        let failed = bad.saturating_add(gateway);
        self.window.add(good.saturating_add(failed), failed, now);
        self.consecutive = match outcomes.row {
            Some(row) => row,
            None if good > 0 || bad > 0 => 0,
            None => self.consecutive.saturating_add(gateway),
        };
        match self.grounds(now, limits) {
            None => Judgement::Stays,
            Some(Cause::SuccessRate) if (peers.out + 1) as f64 > limits.max_share * peers.all as f64 => {
                Judgement::Spared(Cause::SuccessRate)
            }
            Some(cause) => Judgement::Ejected(cause, self.eject(cause, now, limits, seed)),
        }
    }

    /// Ends an ejection whose time is over; true when it did.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let over = self.now_out.is_some_and(|(_, until)| now >= until);
        if over {
            self.come_back(now);
        }
        over
    }

    /// Takes the result of an active probe in; true when it ended an ejection.
    pub fn probed(&mut self, ok: bool, now: Timestamp) -> bool {
        self.passes = if ok { self.passes.saturating_add(1) } else { 0 };
        let ends = matches!(self.now_out, Some((Cause::Consecutive, _))) && self.passes >= self.times;
        if ends {
            self.come_back(now);
        }
        ends
    }

    fn grounds(&mut self, now: Timestamp, limits: &EjectionLimits) -> Option<Cause> {
        if limits.consecutive > 0 && self.consecutive >= limits.consecutive {
            return Some(Cause::Consecutive);
        }
        let (requests, failures) = self.window.sums(now);
        let enough = requests > 0 && requests >= u64::from(limits.rate_requests);
        let rate = 1.0 - failures as f64 / requests.max(1) as f64;
        (enough && rate < limits.rate_below).then_some(Cause::SuccessRate)
    }

    fn eject(&mut self, cause: Cause, now: Timestamp, limits: &EjectionLimits, seed: u64) -> Timestamp {
        let served = self.returned_at.map_or(Duration::ZERO, |returned| now.since(returned));
        let forgiven = served.as_millis() / limits.base.as_millis().max(1);
        self.times = self.times.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)).saturating_add(1);
        let span = limits.base.saturating_mul(self.times).min(limits.cap);
        let until = now.plus(span.mul_f64(1.0 + JITTER * hash::unit(draw(seed, PURPOSE_JITTER))));
        self.passes = 0;
        self.now_out = Some((cause, until));
        until
    }

    /// Old failures must not count against it a second time; whoever counts `Outcomes::row` must start anew too.
    fn come_back(&mut self, now: Timestamp) {
        self.now_out = None;
        self.returned_at = Some(now);
        self.consecutive = 0;
        self.window.clear();
    }
}

#[cfg(test)]
mod tests;
