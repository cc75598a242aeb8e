//! Reading the text of `/metrics`.
//!
//! Owns the parsing of one exposition into series; asks nobody. Counters of families that were never touched are 0.

use std::collections::{BTreeMap, BTreeSet};

/// One look at the metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    families: BTreeSet<String>,
    series: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads an exposition.
    ///
    /// # Panics
    /// When it is none.
    pub fn parse(text: &str) -> Self {
        assert!(text.trim_end().ends_with("# EOF"), "an OpenMetrics text ends in # EOF:\n{text}");
        let series = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("not a series: {line}"));
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("not a number: {line}")))
        });
        let families =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned));
        Self { families: families.collect(), series: series.collect() }
    }

    /// Whether there is a family of this name; one appears with its first series.
    pub fn has(&self, family: &str) -> bool {
        self.families.contains(family)
    }

    /// The sum of all series of a name that carry every one of these labels; 0 when there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let matches = |series: &str| {
            let rest = series.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
                && wanted.iter().all(|label| series.contains(label))
        };
        self.series.iter().filter(|(series, _)| matches(series)).map(|(_, value)| value).sum()
    }

    /// The same as a count.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_what_carries_the_labels() {
        let metrics = Metrics::parse(
            "# TYPE a counter\n# TYPE b gauge\na_total{x=\"1\",y=\"2\"} 3\na_total{x=\"1\",y=\"3\"} 4\nb 5\n# EOF\n",
        );
        assert_eq!(metrics.count("a_total", &[("x", "1")]), 7);
        assert_eq!(metrics.count("a_total", &[("y", "3")]), 4);
        assert_eq!(metrics.count("b", &[]), 5);
        assert_eq!(metrics.count("a_total", &[("x", "9")]), 0);
    }
}
