//! Users who never stop asking: threads that visit on and on while the tour breaks things, and what they saw.
//!
//! Owns the counting of failures; retries nothing, and waits for a condition rather than a time. Used by `tour`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;

use super::client::Client;

/// Pause between two visits of one user.
const PAUSE: Duration = Duration::from_millis(15);
/// Failures of one user kept in words.
const FAILURES_MAX: usize = 3;

/// What the users saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) sent: u64,
    /// What failed, in words; the first few of each user.
    pub(super) failures: Vec<String>,
    pub(super) failed: u64,
    /// Answers by region.
    pub(super) regions: BTreeMap<String, u64>,
    /// Values of `portolan-session-moved` that the origins were sent.
    pub(super) moved_headers: BTreeSet<String>,
    /// Answers for which a session was new although the user had one.
    pub(super) lost_sessions: u64,
    pub(super) slowest: Duration,
}

/// Users at work.
#[derive(Debug)]
pub(super) struct Steady {
    shared: Arc<Shared>,
    users: Vec<JoinHandle<Seen>>,
}

/// What all users and the one who waits for them look at.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    /// Answers of the awaited region.
    awaited: AtomicU64,
}

impl Steady {
    /// Starts `count` users at an address; `awaited` is the region that [`Steady::wait_for`] counts answers of.
    pub(super) fn start(count: usize, port: u16, from: Ipv4Addr, awaited: &'static str) -> Self {
        let shared = Arc::new(Shared::default());
        let user = |_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || visit_on_and_on(&mut Client::new(port, Some(from)), awaited, &shared))
        };
        let users = (0..count).map(user).collect();
        Self { shared, users }
    }

    /// Waits until that many visits were made in all.
    pub(super) fn wait_sent(&self, count: u64, within: Duration) -> anyhow::Result<()> {
        self.wait(within, "visits", || self.shared.sent.load(Ordering::Relaxed) >= count)
    }

    /// Waits until the awaited region answered that often.
    pub(super) fn wait_for(&self, count: u64, within: Duration) -> anyhow::Result<()> {
        self.wait(within, "answers of the other region", || self.shared.awaited.load(Ordering::Relaxed) >= count)
    }

    /// Ends all users and hands over what they saw.
    pub(super) fn finish(self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for seen in self.users.into_iter().filter_map(|user| user.join().ok()) {
            all.add(seen);
        }
        all
    }

    fn wait(&self, within: Duration, what: &str, reached: impl Fn() -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !reached() {
            if begun.elapsed() > within {
                bail!("not enough {what} within {} s", within.as_secs());
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        for (region, count) in other.regions {
            *self.regions.entry(region).or_default() += count;
        }
        self.moved_headers.extend(other.moved_headers);
        self.lost_sessions += other.lost_sessions;
        self.slowest = self.slowest.max(other.slowest);
    }

    fn note(&mut self, answer: &Value) {
        let region = answer["region"].as_str().unwrap_or_default();
        *self.regions.entry(region.to_owned()).or_default() += 1;
        self.lost_sessions += u64::from(self.sent > 1 && answer["session"]["found"] == "new");
        if let Some(value) = answer["request"]["portolan-session-moved"].as_str() {
            self.moved_headers.insert(value.to_owned());
        }
    }
}

fn visit_on_and_on(client: &mut Client, awaited: &str, shared: &Shared) -> Seen {
    let mut seen = Seen::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let outcome = client.get("/api/whoami").and_then(|answer| answer.json());
        let took = begun.elapsed();
        seen.sent += 1;
        seen.slowest = seen.slowest.max(took);
        match outcome {
            Ok(answer) => {
                seen.note(&answer);
                shared.awaited.fetch_add(u64::from(answer["region"] == awaited), Ordering::Relaxed);
            }
            Err(error) => {
                seen.failed += 1;
                if seen.failures.len() < FAILURES_MAX {
                    seen.failures.push(format!("{error:#} after {} ms", took.as_millis()));
                }
            }
        }
        shared.sent.fetch_add(1, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    seen
}
