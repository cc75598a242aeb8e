//! Takes a policy that keeps failing out of use, for a growing time.
//!
//! Owns the breaker of one policy, shared by all workers: three failures within ten seconds open it for one second;
//! then one call is let through, and each time that one fails the pause doubles, up to a minute. Time is an argument.
//! Atomics only; a race between workers can at most let one more call through.

use crate::base::Timestamp;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};
use std::time::Duration;

/// Failures that open the breaker when they fall within [`WINDOW_MS`] (DESIGN.md section 3).
const FAILURES: usize = 3;
/// See [`FAILURES`].
const WINDOW_MS: u64 = 10_000;
/// First pause.
const BACKOFF_FIRST_MS: u64 = 1_000;
/// Longest pause.
const BACKOFF_LAST_MS: u64 = 60_000;

/// The breaker.
#[derive(Debug, Default)]
pub struct Quarantine {
    /// 0: closed. Else the moment from which one probing call may pass.
    open_until_ms: AtomicU64,
    /// The pause in force, 0 while closed.
    backoff_ms: AtomicU64,
    /// Moments of the failures before the last one, plus one so that 0 is none.
    earlier: [AtomicU64; FAILURES - 1],
    next: AtomicUsize,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Closed: go ahead.
    Open,
    /// This one call decides whether the policy comes back.
    Probe,
    /// Not now.
    Refused,
}

/// The breaker as `/status` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineState {
    /// The policy is in use.
    InUse,
    /// The policy is not asked.
    Quarantined {
        /// When the next probing call may pass.
        until: Timestamp,
        /// The pause in force.
        backoff: Duration,
    },
}

impl Quarantine {
    /// Whether a call may be made now. A caller that got [`Admission::Probe`] reports what came of it; should it never
    /// do so, the next probe is due after another pause.
    pub fn admit(&self, now: Timestamp) -> Admission {
        let until = self.open_until_ms.load(Acquire);
        if until == 0 {
            return Admission::Open;
        }
        if now.0 < until {
            return Admission::Refused;
        }
        let claimed = now.0 + self.backoff_ms.load(Relaxed).max(BACKOFF_FIRST_MS);
        match self.open_until_ms.compare_exchange(until, claimed, AcqRel, Relaxed) {
            Ok(_) => Admission::Probe,
            Err(_) => Admission::Refused,
        }
    }

    /// A probing call went well: the policy is in use again.
    pub fn recovered(&self) {
        self.earlier.iter().for_each(|moment| moment.store(0, Relaxed));
        self.backoff_ms.store(0, Relaxed);
        self.open_until_ms.store(0, Relaxed);
    }

    /// A call failed.
    pub fn failed(&self, now: Timestamp, admission: Admission) {
        match admission {
            Admission::Refused => {}
            Admission::Probe => {
                let longer = self.backoff_ms.load(Relaxed).saturating_mul(2);
                self.open(now, longer.clamp(BACKOFF_FIRST_MS, BACKOFF_LAST_MS));
            }
            Admission::Open => {
                let slot = self.next.fetch_add(1, Relaxed) % self.earlier.len();
                let third_last = self.earlier[slot].swap(now.0 + 1, Relaxed);
                let recent = third_last != 0 && now.0.saturating_sub(third_last - 1) <= WINDOW_MS;
                if recent && self.open_until_ms.load(Acquire) == 0 {
                    self.open(now, BACKOFF_FIRST_MS);
                }
            }
        }
    }

    /// The state, for people.
    pub fn state(&self) -> QuarantineState {
        match self.open_until_ms.load(Acquire) {
            0 => QuarantineState::InUse,
            until => QuarantineState::Quarantined {
                until: Timestamp(until),
                backoff: Duration::from_millis(self.backoff_ms.load(Relaxed)),
            },
        }
    }

    fn open(&self, now: Timestamp, backoff_ms: u64) {
        self.backoff_ms.store(backoff_ms, Relaxed);
        self.open_until_ms.store(now.0 + backoff_ms, std::sync::atomic::Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a moment: `f` a call that fails, `g` one that goes well; then what the breaker did with it.
    fn play(steps: &[(u64, char, Admission)]) {
        let quarantine = Quarantine::default();
        for (at, what, expected) in steps {
            let now = Timestamp(*at);
            let admission = quarantine.admit(now);
            assert_eq!(admission, *expected, "at {at} ms");
            match (what, admission) {
                ('f', _) => quarantine.failed(now, admission),
                ('g', Admission::Probe) => quarantine.recovered(),
                _ => {}
            }
        }
    }

    #[test]
    fn three_failures_in_ten_seconds_open_it() {
        use Admission::{Open, Refused};
        play(&[(0, 'f', Open), (5_000, 'f', Open), (10_000, 'f', Open), (10_001, 'g', Refused)]);
        play(&[(0, 'f', Open), (5_000, 'f', Open), (10_001, 'f', Open), (10_002, 'g', Open)]);
        play(&[(7, 'f', Open), (7, 'g', Open), (7, 'f', Open), (7, 'g', Open), (7, 'f', Open), (7, 'g', Refused)]);
    }

    #[test]
    fn one_probe_decides_and_the_pause_doubles_up_to_a_minute() {
        use Admission::{Open, Probe, Refused};
        let mut steps = vec![(0, 'f', Open), (0, 'f', Open), (0, 'f', Open)];
        let mut now = 0;
        for backoff in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            steps.push((now + backoff - 1, 'g', Refused));
            now += backoff;
            steps.push((now, 'f', Probe));
            steps.push((now, 'g', Refused));
        }
        now += 60_000;
        steps.extend([(now, 'g', Probe), (now, 'f', Open), (now, 'f', Open), (now, 'f', Open), (now, 'g', Refused)]);
        steps.extend([(now + 999, 'g', Refused), (now + 1_000, 'g', Probe), (now + 1_000, 'g', Open)]);
        play(&steps);
    }

    #[test]
    fn a_probe_that_never_reports_is_followed_by_another() {
        use Admission::{Open, Probe, Refused};
        play(&[
            (0, 'f', Open),
            (0, 'f', Open),
            (0, 'f', Open),
            (1_000, '-', Probe),
            (1_999, '-', Refused),
            (2_000, 'g', Probe),
            (2_000, 'g', Open),
        ]);
    }

    #[test]
    fn status_shows_until_when() {
        let quarantine = Quarantine::default();
        assert_eq!(quarantine.state(), QuarantineState::InUse);
        (0..3).for_each(|_| quarantine.failed(Timestamp(50), Admission::Open));
        let expected = QuarantineState::Quarantined { until: Timestamp(1_050), backoff: Duration::from_secs(1) };
        assert_eq!(quarantine.state(), expected);
    }
}
