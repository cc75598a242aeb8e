//! What a process has cost: the scheduler's own clock, exact to the nanosecond, over all of its threads.
//!
//! Reads `/proc` and nothing else. Used by `compare` before and after each measurement.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// CPU time of each thread of a process so far.
#[derive(Debug, Clone)]
pub(super) struct ThreadClocks(BTreeMap<u32, u64>);

impl ThreadClocks {
    /// Reads the clocks of a running process and of its children (Varnish works in one).
    pub(super) fn of(process: u32) -> anyhow::Result<Self> {
        let mut all = Self::of_one(process)?;
        for child in children(process) {
            all.0.extend(Self::of_one(child)?.0);
        }
        ensure!(all.0.values().any(|spent| *spent > 0), "this kernel keeps no scheduler statistics");
        Ok(all)
    }

    fn of_one(process: u32) -> anyhow::Result<Self> {
        let folder = format!("/proc/{process}/task");
        let mut clocks = BTreeMap::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
            let entry = entry?;
            let thread: u32 = entry.file_name().to_string_lossy().parse().context("threads are numbers")?;
            // A thread may end between the listing and the reading; it had next to nothing to do then.
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let spent = text.split_whitespace().next().and_then(|number| number.parse().ok());
            clocks.insert(thread, spent.context("`schedstat` begins with nanoseconds")?);
        }
        Ok(Self(clocks))
    }

    /// What was spent since an earlier reading. A thread that ended in between is not counted.
    pub(super) fn since(&self, earlier: &Self) -> Duration {
        let spent = self.0.iter().map(|(thread, now)| now.saturating_sub(earlier.0.get(thread).copied().unwrap_or(0)));
        Duration::from_nanos(spent.sum())
    }
}

/// Processes that this one started and that still run.
fn children(process: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let parent = |id: &u32| {
        // After the name in brackets: the state, then the parent.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    ids.filter(|id| parent(id) == Some(process)).collect()
}

/// How long a core was busy, to know how much of it others took.
#[derive(Debug)]
pub(super) struct CoreClock {
    core: usize,
    busy_ticks: u64,
    all_ticks: u64,
    at: Instant,
}

impl CoreClock {
    /// Reads the clock of a core.
    pub(super) fn of(core: usize) -> anyhow::Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        let name = format!("cpu{core} ");
        let line = text.lines().find(|line| line.starts_with(&name)).with_context(|| format!("no core {core}"))?;
        // user nice system idle iowait irq softirq steal
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).filter_map(|tick| tick.parse().ok()).collect();
        let all_ticks: u64 = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Ok(Self { core, busy_ticks: all_ticks - idle, all_ticks, at: Instant::now() })
    }

    /// The part of the core's time since this reading that went to anything but the process that spent `own` on it.
    pub(super) fn foreign(&self, own: Duration) -> anyhow::Result<f64> {
        let now = Self::of(self.core)?;
        let busy = (now.busy_ticks - self.busy_ticks) as f64 / ((now.all_ticks - self.all_ticks).max(1)) as f64;
        Ok((busy - own.as_secs_f64() / self.at.elapsed().as_secs_f64()).max(0.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn work_moves_the_clock_and_new_threads_count_in_full() {
        let me = std::process::id();
        let before = ThreadClocks::of(me).unwrap();
        let begun = Instant::now();
        let mut sum = 0u64;
        while begun.elapsed() < Duration::from_millis(5) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(ThreadClocks::of(me).unwrap().since(&before) > Duration::ZERO);
        let (early, late) = (BTreeMap::from([(1, 10), (2, 90)]), BTreeMap::from([(1, 15), (3, 7)]));
        assert_eq!(ThreadClocks(late).since(&ThreadClocks(early)), Duration::from_nanos(12));
    }
}
