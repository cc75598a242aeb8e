//! What a steering decision costs: nearness, plan and token for one exchange, and the route table at three sizes.
//!
//! Budgets: a plan over ten regions below a microsecond, a route look-up that does not grow with the number of routes.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench is a test of speed")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portolan::base::{Location, RegionSet, Timestamp, hash};
use portolan::steer::choose::{Ask, plan};
use portolan::steer::nearness::{Nearness, candidates};
use portolan::steer::route::{HostPattern, PathPattern, RouteKey, RouteTable};
use portolan::steer::table::{
    Admin, AffinityMode, Balance, Endpoint, EndpointState, Health, Load, Loads, Metric, Region, ServiceTable, Steering,
};
use portolan::steer::verdict::Advice;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

struct Even;

impl Loads for Even {
    fn endpoint(&self, region: usize, endpoint: usize) -> Load {
        Load { in_flight: (region + endpoint) as u32, latency_us: 900 }
    }

    fn region_in_flight(&self, region: usize) -> u32 {
        region as u32 * 10
    }
}

fn table(regions: u64, endpoints: u64) -> ServiceTable {
    let endpoint = |id| Endpoint { id, url: "http://10.0.0.1:80".into(), state: EndpointState::Up, returned_at: None };
    let region = |index: u64| Region {
        name: format!("region-{index}").into(),
        location: Location::new(hash::unit(hash::mix(index + 1)) * 120.0 - 60.0, index as f64 * 30.0 - 150.0).unwrap(),
        weight: 100,
        capacity: Some(1_000),
        spill: 0.0,
        labels: BTreeMap::new(),
        admin: Admin::On,
        health: Health::Healthy,
        health_since: Timestamp(0),
        returned_at: None,
        rtt: None,
        endpoints: (0..endpoints).map(endpoint).collect(),
    };
    let steering = Steering {
        metric: Metric::ClientDistance,
        tie_band_km: 300.0,
        tie_band_rtt: Duration::from_millis(5),
        balance: Balance::PowerOfTwo,
        affinity: Some(AffinityMode::Sticky),
        failback_after: Duration::from_secs(60),
        panic_below: 0.5,
        spill_from: 0.8,
        slow_start: Duration::from_secs(60),
        retries: 1,
    };
    let regions = (0..regions).map(region).collect();
    ServiceTable { name: "shop".into(), regions, steering, pop: Location::new(50.0, 8.0).unwrap() }
}

fn plans(c: &mut Criterion) {
    let (table, advice, client) = (table(10, 2), Advice::default(), Location::new(48.0, 11.0));
    let (fence, now) = (RegionSet::first(10), Timestamp(1_800_000_000_000));
    let nearness = Nearness::of(&table, client);
    let mut seed = 0;
    let mut ask = |nearness: &Nearness| {
        seed += 1;
        let ask =
            Ask { nearness, pin: None, advice: &advice, static_fence: fence, now, seed: hash::mix(seed), key: None };
        plan(&table, black_box(&ask), &Even, None)
    };
    c.bench_function("plan/10 regions", |b| b.iter(|| ask(&nearness)));
    c.bench_function("nearness and plan/10 regions", |b| b.iter(|| ask(&Nearness::of(&table, black_box(client)))));
    c.bench_function("nearness/10 regions", |b| b.iter(|| Nearness::of(&table, black_box(client))));
    c.bench_function("candidates/10 regions", |b| {
        b.iter(|| candidates(&table, &nearness, black_box(fence), now, &Even))
    });
}

fn routes(c: &mut Criterion) {
    let mut group = c.benchmark_group("route");
    for count in [10usize, 1_000, 10_000] {
        let key = |index: usize| RouteKey {
            host: HostPattern::parse(&format!("host{}.example", index % (count / 5))).unwrap(),
            path: PathPattern::Prefix(format!("/api/v{}/", index / (count / 5))),
        };
        let table = RouteTable::build((0..count).map(key).collect()).unwrap();
        group.bench_with_input(BenchmarkId::from_parameter(count), &table, |b, table| {
            b.iter(|| table.find(black_box("host1.example:443"), black_box("/api/v3/orders/17/items")).unwrap());
        });
    }
}

criterion_group!(benches, plans, routes);
criterion_main!(benches);
