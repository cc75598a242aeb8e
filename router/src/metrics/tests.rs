//! `docs/operating.md` lists every family with its type and labels, and none that does not exist.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{BundleSizes, Metrics};
use crate::config::CacheDisk;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};

const GUIDE: &str = include_str!("../../../docs/operating.md");
const FAMILIES: [&str; 7] = [
    include_str!("families.rs"),
    include_str!("bundles.rs"),
    include_str!("fills.rs"),
    include_str!("disk.rs"),
    include_str!("policies.rs"),
    include_str!("comparisons.rs"),
    include_str!("rollouts.rs"),
];

/// Type and labels by name.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// One series in every family: a family without any is not shown.
fn one_of_each() -> Metrics {
    let metrics = Metrics::new();
    metrics.service("shop");
    metrics.region("shop", "eu");
    metrics.policy("canary", &["pass"]);
    metrics.record();
    metrics.comparisons.add("shop", "canary", "eu", "us", 1);
    metrics.comparisons.add_facts("shop", "canary", 0, 0, 0);
    metrics.comparisons.add_answers("shop", "canary", 1, &[("pin", 1)]);
    metrics.rollouts.show(std::iter::once(("canary", 0.1)));
    metrics.rollouts.returned("canary", "errors");
    metrics.policies.show(std::iter::once(&crate::policy::tests::measuring()));
    metrics.show_endpoint("shop", "eu", "http://a", true);
    metrics.show_in_flight("shop", "eu", "http://a", 1);
    metrics.show_region("shop", "eu", 4, 0.5);
    metrics.show_waiting("shop", 1);
    metrics.origin_connections("open");
    metrics.worker();
    let folder = tempfile::tempdir().unwrap();
    let disk = CacheDisk { path: folder.path().join("cache"), size: 64 << 20 };
    metrics.show_store(&Store::with_disk(1 << 20, &disk).unwrap());
    metrics.bundles.of("/dist");
    metrics.bundles.show("/dist", &BundleSizes::default());
    Metrics::count(&metrics.refused, "reason", "head-timeout");
    Metrics::count(&metrics.reloads, "result", "applied");
    Metrics::count(&metrics.component_fetches, "result", "fetched");
    metrics
}

fn shown(text: &str) -> Families {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let family = |(name, kind): (&str, &str)| {
        let shown = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        let series = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#')).unwrap();
        let labels = series.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let keys = labels.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
        (shown, (kind.to_owned(), keys.filter(|key| key != "le").collect()))
    };
    kinds.map(family).collect()
}

fn documented() -> Families {
    let rows = GUIDE.lines().filter(|line| line.starts_with("| `portolan_"));
    let family = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, kind, unit, labels, meaning, _] = cells[..] else { panic!("not five cells: {row}") };
        assert!(!unit.is_empty() && !meaning.is_empty(), "{row}");
        let word = |text: &str| text.trim_matches('`').to_owned();
        let labels = labels.split(", ").filter(|label| !label.is_empty()).map(word).collect();
        (word(name), (kind.to_owned(), labels))
    };
    rows.map(family).collect()
}

#[test]
fn the_guide_lists_every_family_and_no_other() {
    let shown = shown(&one_of_each().text());
    let registered: usize = FAMILIES.iter().map(|text| text.matches("r.register").count()).sum();
    assert_eq!(documented(), shown);
    assert_eq!(shown.len(), registered, "a family has no series in this test: {:?}", shown.keys());
}
