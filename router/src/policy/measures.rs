//! The metrics that a policy declares, and what it has written to them.
//!
//! Owns the bounds (how many, with how many label values), the atomics behind them and what becomes of a write that fits none.
//! All instances of a policy write to the same; a load that declares the same metric again goes on where it was. No label
//! value comes from a call, only its place among those that the manifest fixed. Written by guests, read by `metrics`.

use super::contract::MetricRecord;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most metrics of a policy.
const METRICS_MAX: usize = 32;
/// Most label values of a metric.
const LABELS_MAX: usize = 16;
/// Longest name of a metric, and longest label value, bytes.
const WORD_MAX: usize = 64;
/// Upper bounds of a histogram's buckets, in whatever unit the author counts. Wide, for it is not known.
pub const BOUNDS: [f64; 15] =
    [0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 1_000.0, 10_000.0, 100_000.0];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MeasureKind {
    /// Only rises.
    Counter,
    /// Stands at the value that was set last.
    Gauge,
    /// Counts values by size.
    Histogram,
}

impl MeasureKind {
    /// The word in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Counter, Self::Gauge, Self::Histogram].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A metric as declared.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MeasureSpec {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: MeasureKind,
    /// Values of its one label; empty is no label.
    pub labels: Vec<String>,
}

/// Why a metric is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// More than [`METRICS_MAX`].
    #[error("declares {0} metrics; at most {METRICS_MAX} are accepted")]
    TooMany(usize),
    /// A name that no metric may have.
    #[error(
        "declares the metric {0:?}; accepted as a name: a to z, 0 to 9 and _, a letter first, at most {WORD_MAX} characters"
    )]
    Name(String),
    /// The same name twice.
    #[error("declares the metric {0:?} twice")]
    Twice(String),
    /// Not a kind of metric.
    #[error("declares the metric {0:?} as {1:?}; accepted: counter, gauge, histogram")]
    Kind(String, String),
    /// More label values than [`LABELS_MAX`].
    #[error("declares {1} label values for the metric {0:?}; at most {LABELS_MAX} are accepted")]
    TooManyLabels(String, usize),
    /// A label value that cannot be shown, or is there twice.
    #[error(
        "declares the label value {1:?} for the metric {0:?}; accepted: 1 to {WORD_MAX} printable ASCII characters \
         without quotes and backslashes, each value once"
    )]
    Label(String, String),
}

impl MeasureSpec {
    /// Reads what a manifest declares.
    pub(super) fn parse(records: &[MetricRecord]) -> Result<Vec<Self>, MeasureError> {
        if records.len() > METRICS_MAX {
            return Err(MeasureError::TooMany(records.len()));
        }
        let mut specs: Vec<Self> = Vec::with_capacity(records.len());
        for MetricRecord { name, kind, labels } in records {
            let named = || name.clone();
            if !is_name(name) {
                return Err(MeasureError::Name(named()));
            }
            if specs.iter().any(|spec| spec.name == *name) {
                return Err(MeasureError::Twice(named()));
            }
            let kind = MeasureKind::parse(kind).ok_or_else(|| MeasureError::Kind(named(), kind.clone()))?;
            if labels.len() > LABELS_MAX {
                return Err(MeasureError::TooManyLabels(named(), labels.len()));
            }
            let bad = |(at, label): &(usize, &String)| !is_label(label) || labels[..*at].contains(label);
            if let Some((_, label)) = labels.iter().enumerate().find(bad) {
                return Err(MeasureError::Label(named(), label.clone()));
            }
            specs.push(Self { name: named(), kind, labels: labels.clone() });
        }
        Ok(specs)
    }
}

fn is_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= WORD_MAX && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(rest)
}

fn is_label(label: &str) -> bool {
    let shown = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && !matches!(byte, b'"' | b'\\');
    (1..=WORD_MAX).contains(&label.len()) && label.bytes().all(shown)
}

/// One metric with all that was written to it.
#[derive(Debug)]
pub struct Measure {
    /// As declared.
    pub spec: MeasureSpec,
    /// One for each label value, or one alone.
    cells: Box<[Cell]>,
}

/// What was written under one label value.
#[derive(Debug, Default)]
struct Cell {
    /// The count of a counter; the bits of a gauge's value, and of the sum of a histogram.
    number: AtomicU64,
    /// Values of a histogram by bucket, the last for what lies above all bounds; empty for the other kinds.
    buckets: Box<[AtomicU64]>,
}

/// What one label value stands at.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Of a counter.
    Counter(u64),
    /// Of a gauge.
    Gauge(f64),
    /// Of a histogram: the sum, and how many values fell into each bucket.
    Histogram(f64, Vec<u64>),
}

impl Measure {
    fn new(spec: MeasureSpec) -> Self {
        let buckets = if spec.kind == MeasureKind::Histogram { BOUNDS.len() + 1 } else { 0 };
        let cell = || Cell { number: AtomicU64::new(0), buckets: (0..buckets).map(|_| AtomicU64::new(0)).collect() };
        Self { cells: (0..spec.labels.len().max(1)).map(|_| cell()).collect(), spec }
    }

    /// What was written, with the label value; none where the metric has no label.
    pub fn readings(&self) -> impl Iterator<Item = (Option<&str>, Reading)> {
        let label = |at| self.spec.labels.get(at).map(String::as_str);
        self.cells.iter().enumerate().map(move |(at, cell)| (label(at), cell.reading(self.spec.kind)))
    }
}

impl Cell {
    fn reading(&self, kind: MeasureKind) -> Reading {
        let number = self.number.load(Relaxed);
        match kind {
            MeasureKind::Counter => Reading::Counter(number),
            MeasureKind::Gauge => Reading::Gauge(f64::from_bits(number)),
            MeasureKind::Histogram => {
                let buckets = self.buckets.iter().map(|count| count.load(Relaxed)).collect();
                Reading::Histogram(f64::from_bits(number), buckets)
            }
        }
    }

    fn observe(&self, value: f64) {
        if let Some(bucket) = self.buckets.get(BOUNDS.partition_point(|bound| *bound < value)) {
            bucket.fetch_add(1, Relaxed);
        }
        let sum = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // Always `Ok`: the closure never declines.
        let _ = self.number.fetch_update(Relaxed, Relaxed, sum);
    }
}

/// Every metric of a policy. Clones share their counters.
#[derive(Debug, Clone, Default)]
pub struct Measures(Arc<[Arc<Measure>]>);

impl Measures {
    /// The metrics of these specifications; one that was declared before in the same words goes on.
    pub(super) fn declare(specs: Vec<MeasureSpec>, before: &Self) -> Self {
        let same = |spec: &MeasureSpec| before.0.iter().find(|measure| measure.spec == *spec).cloned();
        Self(specs.into_iter().map(|spec| same(&spec).unwrap_or_else(|| Arc::new(Measure::new(spec)))).collect())
    }

    /// All of them, in the order of the manifest.
    pub fn iter(&self) -> impl Iterator<Item = &Measure> {
        self.0.iter().map(Arc::as_ref)
    }

    /// Adds to a counter; whether there is such a counter.
    pub(super) fn count(&self, metric: u32, label: u32, by: u64) -> bool {
        let Some(cell) = self.cell(MeasureKind::Counter, metric, label) else { return false };
        cell.number.fetch_add(by, Relaxed);
        true
    }

    /// Sets a gauge; whether there is such a gauge and the value is a number.
    pub(super) fn set(&self, metric: u32, label: u32, value: f64) -> bool {
        let Some(cell) = self.cell(MeasureKind::Gauge, metric, label) else { return false };
        if value.is_finite() {
            cell.number.store(value.to_bits(), Relaxed);
        }
        value.is_finite()
    }

    /// Adds a value to a histogram; whether there is such a histogram and the value is a number.
    pub(super) fn observe(&self, metric: u32, label: u32, value: f64) -> bool {
        let Some(cell) = self.cell(MeasureKind::Histogram, metric, label) else { return false };
        if value.is_finite() {
            cell.observe(value);
        }
        value.is_finite()
    }

    fn cell(&self, kind: MeasureKind, metric: u32, label: u32) -> Option<&Cell> {
        let measure = self.0.get(metric as usize).filter(|measure| measure.spec.kind == kind)?;
        measure.cells.get(label as usize)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn record(name: &str, kind: &str, labels: &[&str]) -> MetricRecord {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        MetricRecord { name: name.to_owned(), kind: kind.to_owned(), labels }
    }

    fn three() -> Vec<MeasureSpec> {
        let records = [
            record("served", "counter", &["primary", "replica"]),
            record("lag_seconds", "gauge", &[]),
            record("distance", "histogram", &["all"]),
        ];
        MeasureSpec::parse(&records).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let measures = Measures::declare(three(), &Measures::default());
        assert!(measures.count(0, 1, 3) && measures.count(0, 1, 4));
        assert!(measures.set(1, 0, 2.5));
        assert!(measures.observe(2, 0, 0.3) && measures.observe(2, 0, 1e9));
        let readings: Vec<_> = measures.iter().flat_map(Measure::readings).collect();
        assert_eq!(readings[0], (Some("primary"), Reading::Counter(0)));
        assert_eq!(readings[1], (Some("replica"), Reading::Counter(7)));
        assert_eq!(readings[2], (None, Reading::Gauge(2.5)));
        let Reading::Histogram(sum, buckets) = &readings[3].1 else { panic!("{readings:?}") };
        assert_eq!((*sum, buckets[4], buckets[BOUNDS.len()]), (1e9 + 0.3, 1, 1));
    }

    #[test]
    fn a_write_that_fits_nothing_is_none() {
        let measures = Measures::declare(three(), &Measures::default());
        assert!(!measures.count(0, 2, 1), "no such label");
        assert!(!measures.count(1, 0, 1), "a gauge is no counter");
        assert!(!measures.set(u32::MAX, 0, 1.0), "no such metric");
        assert!(!measures.set(1, 0, f64::NAN) && !measures.observe(2, 0, f64::INFINITY));
        assert!(measures.iter().flat_map(Measure::readings).all(|(_, reading)| match reading {
            Reading::Counter(count) => count == 0,
            Reading::Gauge(value) => value == 0.0,
            Reading::Histogram(sum, buckets) => sum == 0.0 && buckets.iter().all(|count| *count == 0),
        }));
    }

    #[test]
    fn a_reload_goes_on_where_the_same_is_declared() {
        let before = Measures::declare(three(), &Measures::default());
        before.count(0, 0, 5);
        let mut specs = three();
        specs.rotate_left(1);
        specs[0].kind = MeasureKind::Counter;
        let after = Measures::declare(specs, &before);
        let readings: Vec<_> = after.iter().flat_map(Measure::readings).collect();
        assert_eq!(readings[0].1, Reading::Counter(0), "what was a gauge begins anew");
        assert_eq!(readings[2].1, Reading::Counter(5));
    }

    #[test]
    fn what_is_not_bounded_or_cannot_be_shown_is_refused() {
        let many: Vec<_> = (0..1_000).map(|number| record(&format!("m{number}"), "counter", &[])).collect();
        let error = MeasureSpec::parse(&many).unwrap_err().to_string();
        assert_eq!(error, "declares 1000 metrics; at most 32 are accepted");
        let labels: Vec<_> = (0..17).map(|number| number.to_string()).collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        for (records, expected) in [
            (vec![record("a", "counter", &labels)], "17 label values for the metric \"a\"; at most 16"),
            (vec![record("A", "counter", &[])], "the metric \"A\"; accepted as a name"),
            (vec![record("", "counter", &[])], "accepted as a name"),
            (vec![record("a", "summary", &[])], "the metric \"a\" as \"summary\"; accepted: counter"),
            (vec![record("a", "gauge", &[]), record("a", "counter", &[])], "the metric \"a\" twice"),
            (vec![record("a", "gauge", &["x\"y"])], "the label value \"x\\\"y\""),
            (vec![record("a", "gauge", &["x", "x"])], "the label value \"x\""),
            (vec![record("a", "gauge", &[""])], "the label value \"\""),
        ] {
            let error = MeasureSpec::parse(&records).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
