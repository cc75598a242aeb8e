//! What the host keeps for one guest: its limits, what its clock and dice show, what it prints.
//!
//! Owns the data of a Store. A verdict is a pure function of what was passed in, so clock and random source of a guest
//! show the request's own `now-ms` and `entropy`. Used by `instance`; the imports in `wasi` work on it.

use super::instance::Mould;
use super::kv::{Answer, Buckets, Journal, KvError, Operation};
use super::measures::Measures;
use super::outgoing::Outgoing;
use super::patience::Patience;
use super::reads::{Noted, Reads};
use super::stats::PolicyStats;
use super::view::{LookupError, Sight, View};
use crate::base::{Timestamp, hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use wasmtime::ResourceLimiter;

/// Lines that a policy may print per second; the rest is counted and dropped.
const LINES_PER_SECOND: u64 = 20;
/// Longest line that is logged, bytes.
const LINE_MAX: usize = 1024;
/// Most table elements of a guest (wasmtime's pool has as many).
const TABLE_MAX: usize = 20_000;

/// Raised by an import that a policy has no right to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

/// Which of a guest's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Stdout = 0,
    Stderr = 1,
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Data of one Store.
pub(super) struct Guest {
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    name: Arc<str>,
    stats: Arc<PolicyStats>,
    gate: Arc<LineGate>,
    measures: Measures,
    kv: Buckets,
    journal: Journal,
    sight: Sight,
    now: Timestamp,
    seed: u64,
    lines: [Vec<u8>; 2],
    last_line: Option<String>,
    last_error: Option<String>,
    /// The tick at which the call in progress ends.
    pub(super) ends: u64,
    /// The way to servers; only there while the regions are watched.
    pub(super) outgoing: Option<Outgoing>,
}

impl Guest {
    /// The state of a new guest of this mould.
    pub(super) fn new(mould: &Mould, patience: Patience) -> Self {
        mould.stats.born();
        Self {
            limits: Limits { max: mould.memory, used: 0, refused: false, stats: Arc::clone(&mould.stats) },
            patience,
            name: Arc::clone(&mould.name),
            stats: Arc::clone(&mould.stats),
            gate: Arc::clone(&mould.gate),
            measures: mould.measures.clone(),
            kv: mould.kv.clone(),
            journal: Journal::Off,
            sight: Sight::new(&mould.lazy),
            now: Timestamp(0),
            seed: 0,
            lines: [Vec::new(), Vec::new()],
            last_line: None,
            last_error: None,
            ends: 0,
            outgoing: None,
        }
    }

    /// Sets the scene for one call.
    pub(super) fn begin(&mut self, now: Timestamp, entropy: f64) {
        self.now = now;
        self.seed = entropy.to_bits();
        self.limits.refused = false;
        (self.last_line, self.last_error) = (None, None);
    }

    /// Ends a call: what was printed without a line end is a line too.
    pub(super) fn end(&mut self) {
        for output in [Output::Stdout, Output::Stderr] {
            if !self.lines[output as usize].is_empty() {
                self.line(output);
            }
        }
    }

    /// What the guest said last in this call: the error that it logged, else what it printed, mostly the message of its panic.
    pub(super) fn last_words(&mut self) -> Option<String> {
        self.end();
        self.last_error.take().or_else(|| self.last_line.take())
    }

    /// The guest's clock: stands still at the request's own time.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The guest's dice: a sequence that the request's entropy fixes.
    pub(super) fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash::mix(self.seed)
    }

    /// Takes output; whole lines go to the log.
    pub(super) fn print(&mut self, output: Output, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.line(output),
                _ if self.lines[output as usize].len() < LINE_MAX => self.lines[output as usize].push(*byte),
                _ => {}
            }
        }
    }

    fn line(&mut self, output: Output) {
        let line = &mut self.lines[output as usize];
        let text = printable(&String::from_utf8_lossy(line));
        line.clear();
        self.write(if output == Output::Stderr { Level::Warn } else { Level::Info }, &text);
        self.last_line = Some(text);
    }

    /// Takes a line for the log.
    pub(super) fn log(&mut self, level: Level, message: &str) {
        let text = printable(&message[..message.floor_char_boundary(LINE_MAX)]);
        self.write(level, &text);
        if level == Level::Error {
            self.last_error = Some(text);
        }
    }

    /// Before a call of a hook: what it may look up, and what is to be known of it afterwards.
    pub(super) fn open(&mut self, view: &View<'_>, reads: &Reads<'_>) {
        self.sight.open(view, !matches!(reads, Reads::Live));
        self.journal = reads.journal();
    }

    /// After it: what it read.
    pub(super) fn close(&mut self) -> Noted {
        Noted::of(std::mem::take(&mut self.journal), self.sight.close())
    }

    /// Looks up a field of the request.
    pub(super) fn look(&mut self, place: u32) -> Result<Option<Vec<u8>>, LookupError> {
        self.sight.look(place).inspect_err(|_| self.stats.lookup_refused())
    }

    /// Does something with what the policy keeps; nothing outside of calls that have a time, which `describe` and `init` have not.
    pub(super) fn keep(&mut self, bucket: u32, key: Vec<u8>, operation: Operation) -> Result<Answer, KvError> {
        if self.now == Timestamp::default() {
            return Err(KvError::Unavailable);
        }
        self.journal.ask(self.kv.at(bucket)?, key, operation, self.now)
    }

    /// Writes to the declared metrics; `written` says whether it could.
    pub(super) fn measure(&self, written: impl FnOnce(&Measures) -> bool) {
        if !written(&self.measures) {
            self.stats.stray_write();
        }
    }

    fn write(&self, level: Level, text: &str) {
        if !self.gate.pass(self.now) {
            self.stats.line_dropped();
            return;
        }
        match level {
            Level::Debug => tracing::debug!(policy = %self.name, "{text}"),
            Level::Info => tracing::info!(policy = %self.name, "{text}"),
            Level::Warn => tracing::warn!(policy = %self.name, "{text}"),
            Level::Error => tracing::error!(policy = %self.name, "{text}"),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.stats.died(self.limits.used);
    }
}

/// Without anything that would move a terminal or forge a line.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Bounds what all instances of one policy print.
#[derive(Debug, Default)]
pub(super) struct LineGate {
    /// The current second, times 65536, plus the lines let through in it.
    window: AtomicU64,
}

impl LineGate {
    fn pass(&self, now: Timestamp) -> bool {
        let second = now.seconds() << 16;
        let window = self.window.load(Relaxed);
        let lines = if window & !0xffff == second { window & 0xffff } else { 0 };
        self.window.store(second | (lines + 1).min(0xffff), Relaxed);
        lines < LINES_PER_SECOND
    }
}

/// Memory of one instance.
#[derive(Debug)]
pub(super) struct Limits {
    max: usize,
    used: usize,
    refused: bool,
    stats: Arc<PolicyStats>,
}

impl Limits {
    /// Bytes of linear memory in use; it never shrinks.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Whether growth was refused in this call.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        // All memories of the component count together.
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let granted = used <= self.max;
        if granted {
            self.stats.grew(used.saturating_sub(self.used));
            self.used = used;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_of_a_component_count_together() {
        let mut limits = Limits { max: 100, used: 0, refused: false, stats: Arc::default() };
        for (current, desired, granted) in [(0, 60, true), (0, 50, false), (0, 40, true), (60, 61, false)] {
            assert_eq!(limits.memory_growing(current, desired, None).ok(), Some(granted), "{current} to {desired}");
        }
        assert_eq!((limits.used(), limits.refused()), (100, true));
        assert_eq!(limits.stats.counts().memory, 100);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(printable("a\nb\u{1b}[31m\u{fc}\u{85}"), "a b [31m\u{fc} ");
    }

    #[test]
    fn a_policy_that_prints_too_much_is_cut_short_until_the_next_second() {
        let gate = LineGate::default();
        let passed = |now| (0..100).filter(|_| gate.pass(Timestamp(now))).count();
        assert_eq!([passed(5_000), passed(5_999), passed(6_000)], [20, 0, 20]);
    }
}
