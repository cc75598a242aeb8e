//! What a build reuses, carries over and makes anew; and small configurations for tests of the control plane.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::Config;
use crate::snapshot::stats::Outcome;
use std::path::Path;

/// A configuration with one service `shop`; `extra` goes into its table.
pub(crate) fn config(regions: &[(&str, &[&str])], extra: &str) -> Config {
    let mut text = String::from(
        "[pop]\nname = \"fra1\"\nlocation = { latitude = 50.1, longitude = 8.7 }\n\
         [[listeners]]\naddress = \"127.0.0.1:0\"\n[[routes]]\npath = \"/\"\nservice = \"shop\"\n[services.shop]\n",
    );
    text.push_str(extra);
    for (name, urls) in regions {
        text.push_str(&format!(
            "\n[services.shop.regions.{name}]\nlocation = {{ latitude = 50.0, longitude = 8.0 }}\nendpoints = {urls:?}\n"
        ));
    }
    config::parse(&text, "test.toml", Path::new("")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// Parts of a configuration without policies and files.
pub(crate) fn parts(live: &Live) -> Parts {
    let action = |route: &config::Route| match &route.action {
        config::Action::Service { service, cache } => Action::Service { service: *service, cache: cache.clone() },
        config::Action::Static(_) => panic!("these tests serve no files"),
    };
    Parts {
        routes: Arc::new(RouteTable::build(live.routes.iter().map(|route| route.key.clone()).collect()).unwrap()),
        actions: live.routes.iter().map(action).collect(),
        policies: Arc::from([]),
        geo: Arc::default(),
        keys: Arc::new(Keys::new([("k", [7u8; 32].as_slice())]).unwrap()),
        listener_tls: Arc::from([None]),
        origin_tls: live.services.iter().map(|_| None).collect(),
    }
}

pub(crate) fn build(live: &Live, parts: &Parts, known: &Known, previous: Option<&Snapshot>) -> Arc<Snapshot> {
    let metrics = Metrics::new();
    let now = Timestamp(1_000);
    let inputs = Inputs { generation: 1, now, live, parts, known, draining: false, metrics: &metrics };
    Snapshot::build(&inputs, previous)
}

/// A snapshot of these regions and endpoints, of which nothing is known.
pub(crate) fn snapshot_of(regions: &[(&str, &[&str])]) -> Arc<Snapshot> {
    let live = config(regions, "").live;
    build(&live, &parts(&live), &Known::default(), None)
}

const TWO: [(&str, &[&str]); 2] =
    [("eu", &["http://127.0.0.1:1", "http://127.0.0.1:2"]), ("us", &["http://127.0.0.1:3"])];

fn known(id: u64, state: EndpointState) -> Known {
    let address = Some("127.0.0.1:1".parse().unwrap());
    Known { endpoints: [(id, EndpointKnown { state, returned_at: None, address })].into(), ..Known::default() }
}

#[test]
fn nothing_new_is_the_same_service() {
    let live = config(&TWO, "").live;
    let parts = parts(&live);
    let first = build(&live, &parts, &Known::default(), None);
    let second = build(&live, &parts, &Known::default(), Some(&first));
    assert_eq!((first.version, second.version), (1, 2));
    assert!(Arc::ptr_eq(&first.services[0], &second.services[0]));
    assert!(Arc::ptr_eq(&first.routes, &second.routes));
    assert_eq!((first.geo_epoch, second.geo_epoch), (1, 1));
    assert_eq!(first.services[0].fence.len(), 2, "no fence is all regions");
    assert_eq!(first.services[0].region_metrics.len(), 3, "and one for no region");
}

#[test]
fn a_changed_state_makes_a_new_table_and_keeps_counters_and_endpoints() {
    let live = config(&TWO, "").live;
    let parts = parts(&live);
    let id = live.services[0].regions[0].endpoints[0].id;
    let first = build(&live, &parts, &known(id, EndpointState::Up), None);
    first.endpoint(id).unwrap().stats.observe(Outcome::Failure);
    let second = build(&live, &parts, &known(id, EndpointState::Down), Some(&first));
    assert!(!Arc::ptr_eq(&first.services[0], &second.services[0]));
    assert_eq!(second.services[0].table.regions[0].endpoints[0].state, EndpointState::Down);
    assert!(Arc::ptr_eq(&first.services[0].spec, &second.services[0].spec));
    assert!(Arc::ptr_eq(first.endpoint(id).unwrap(), second.endpoint(id).unwrap()), "nothing of it changed");
    assert_eq!(second.endpoint(id).unwrap().stats.totals().failures, 1);
}

#[test]
fn counters_survive_a_new_address_and_a_reload_and_end_with_the_endpoint() {
    let live = config(&TWO, "").live;
    let id = live.services[0].regions[0].endpoints[0].id;
    let first = build(&live, &parts(&live), &Known::default(), None);
    first.endpoint(id).unwrap().stats.observe(Outcome::Success);
    let moved = build(&live, &parts(&live), &known(id, EndpointState::Unknown), Some(&first));
    assert!(moved.endpoint(id).unwrap().origin.is_some());
    assert_eq!(moved.endpoint(id).unwrap().stats.totals().successes, 1);

    let fewer = config(&TWO[1..], "").live;
    let without = build(&fewer, &parts(&fewer), &Known::default(), Some(&moved));
    assert!(without.endpoint(id).is_none());
    let again = build(&live, &parts(&live), &Known::default(), Some(&without));
    assert_eq!(again.endpoint(id).unwrap().stats.totals().successes, 0, "starts fresh");
}

#[test]
fn an_order_of_services_is_no_change_of_them() {
    let live = config(&TWO, "").live;
    let mut two = live.clone();
    let mut other = two.services[0].clone();
    other.name = "api".into();
    two.services.insert(0, other);
    let first = build(&live, &parts(&live), &Known::default(), None);
    let second = build(&two, &parts(&two), &Known::default(), Some(&first));
    assert!(Arc::ptr_eq(&first.services[0], &second.services[1]), "found by its name");
}
