//! Worlds of the tests of the choice, in a compact text form.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::base::Location;
use crate::steer::table::{
    Admin, Balance, Endpoint, EndpointState, Health, Load, Metric, Region, ServiceTable, Steering,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const NOW: Timestamp = Timestamp(1_000_000_000);

/// A service, its loads and one question.
#[derive(Debug)]
pub(super) struct World {
    pub(super) table: ServiceTable,
    pub(super) loads: Table,
    pub(super) pin: Option<Pin>,
    pub(super) advice: Advice,
    pub(super) fence: RegionSet,
    pub(super) seed: u64,
    pub(super) key: Option<u64>,
}

/// Loads as numbers: of regions, and of their endpoints.
#[derive(Debug, Default)]
pub(super) struct Table(pub(super) Vec<(u32, Vec<Load>)>);

impl Loads for Table {
    fn endpoint(&self, region: usize, endpoint: usize) -> Load {
        self.0[region].1[endpoint]
    }

    fn region_in_flight(&self, region: usize) -> u32 {
        self.0[region].0
    }
}

impl World {
    /// Reads one region per line, then words about the exchange after `>`. The client is at 0,0.
    /// `eu 10 w50 cap100 load90 spill30 drain back5 : a b! c~ d?` is region eu at 10 degrees east, weight 50, capacity 100
    /// with 90 in flight, spilling 30 %, draining, back for 5 s, with endpoints a (up), b (down), c (ejected) and d (unknown).
    /// `> sticky pin=eu/a pinned=100 order=us,eu strict fence=us advised=eu hold|clear|bind` (pinned 100 s ago).
    pub(super) fn of(text: &str) -> Self {
        let (regions, words) = text.split_once('>').unwrap_or((text, ""));
        let regions: Vec<&str> = regions.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let read: Vec<(Region, u32)> = regions.iter().map(|line| region(line)).collect();
        let loads =
            Table(read.iter().map(|(region, load)| (*load, vec![Load::default(); region.endpoints.len()])).collect());
        let mut world = Self {
            table: ServiceTable {
                name: "shop".into(),
                regions: read.into_iter().map(|(region, _)| region).collect(),
                steering: steering(),
                pop: Location::new(0.0, 0.0).unwrap(),
            },
            loads,
            pin: None,
            advice: Advice::default(),
            fence: RegionSet::first(64),
            seed: 7,
            key: None,
        };
        words.split_whitespace().for_each(|word| world.read(word));
        world
    }

    fn read(&mut self, word: &str) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "sticky" => self.table.steering.affinity = Some(AffinityMode::Sticky),
            "temporary" => self.table.steering.affinity = Some(AffinityMode::Temporary),
            "strict-pin" => self.table.steering.affinity = Some(AffinityMode::Strict),
            "pin" => self.pin = Some(self.pin(value)),
            "pinned" => self.pin.as_mut().unwrap().pinned_at = ago(value),
            "order" => self.advice.order = value.split(',').map(|name| self.index(name).unwrap() as u8).collect(),
            "endpoint" => self.advice.endpoint = Some(value.into()),
            "strict" => self.advice.strict = true,
            "fence" => self.fence = self.set(value),
            "advised" => self.advice.fence = Some(self.set(value)),
            "hold" => self.advice.pin = PinAction::Hold,
            "clear" => self.advice.pin = PinAction::Clear,
            "bind" => self.advice.pin = PinAction::Bind { payload: Bytes::from_static(b"new"), ttl: None },
            "seed" => self.seed = value.parse().unwrap(),
            "key" => self.key = Some(hash::of(&[value.as_bytes()])),
            other => panic!("word {other:?}"),
        }
    }

    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.table.regions.iter().position(|region| &*region.name == name)
    }

    fn set(&self, names: &str) -> RegionSet {
        names.split(',').filter_map(|name| self.index(name)).collect()
    }

    fn pin(&self, text: &str) -> Pin {
        let (name, endpoint) = text.split_once('/').unwrap_or((text, ""));
        Pin {
            region_name: name.into(),
            region: self.index(name).map(|index| index as u8),
            endpoint: (!endpoint.is_empty()).then(|| hash::of(&[endpoint.as_bytes()])),
            session_started: ago("3600"),
            pinned_at: ago("3600"),
            ttl: None,
            payload: Bytes::from_static(b"old"),
            cohort: None,
        }
    }

    pub(super) fn plan(&self, trace: Option<&mut Trace>) -> Result<Plan, NoTarget> {
        let nearness = Nearness::of(&self.table, Location::new(0.0, 0.0));
        let ask = Ask {
            nearness: &nearness,
            pin: self.pin.as_ref(),
            advice: &self.advice,
            static_fence: self.fence,
            now: NOW,
            seed: self.seed,
            key: self.key,
        };
        plan(&self.table, &ask, &self.loads, trace)
    }

    /// The plan as text: `eu/a nearest, us/b alternative; bind old; moved down`.
    pub(super) fn answer(&self) -> String {
        let plan = match self.plan(None) {
            Ok(plan) => plan,
            Err(refusal) => return refusal.as_str().to_owned(),
        };
        let target = |target: &Target| {
            let region = &self.table.regions[usize::from(target.region)];
            let endpoint = &region.endpoints[usize::from(target.endpoint)];
            format!("{}/{} {}", region.name, endpoint.url, target.reason.as_str())
        };
        let mut text = plan.targets.iter().map(target).collect::<Vec<_>>().join(", ");
        match &plan.pin {
            PinWrite::Leave => {}
            PinWrite::Refresh => text += "; refresh",
            PinWrite::Bind { payload, .. } => text += &format!("; bind {}", String::from_utf8_lossy(payload)),
            PinWrite::Clear => text += "; clear",
        }
        if let Some(moved) = plan.moved {
            text += &format!("; moved {}", moved.as_str());
        }
        text.trim_end().to_owned()
    }
}

fn ago(seconds: &str) -> Timestamp {
    Timestamp(NOW.0 - seconds.parse::<u64>().unwrap() * 1000)
}

fn steering() -> Steering {
    Steering {
        metric: Metric::ClientDistance,
        tie_band_km: 50.0,
        tie_band_rtt: Duration::from_millis(5),
        balance: Balance::PowerOfTwo,
        affinity: None,
        failback_after: Duration::from_secs(60),
        panic_below: 0.5,
        spill_from: 0.8,
        slow_start: Duration::from_secs(60),
        retries: 1,
    }
}

fn region(line: &str) -> (Region, u32) {
    let (words, endpoints) = line.split_once(':').unwrap();
    let mut words = words.split_whitespace();
    let (name, east) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    let endpoints: Vec<Endpoint> = endpoints.split_whitespace().map(endpoint).collect();
    let serving = endpoints.iter().any(|endpoint| endpoint.state.serves());
    let mut region = Region {
        name: name.into(),
        location: Location::new(0.0, east).unwrap(),
        weight: 100,
        capacity: None,
        labels: BTreeMap::new(),
        admin: Admin::On,
        health: if serving { Health::Healthy } else { Health::Down },
        health_since: Timestamp(0),
        returned_at: None,
        rtt: None,
        spill: 0.0,
        endpoints,
    };
    let mut load = 0;
    for word in words {
        let number = || word.trim_start_matches(char::is_alphabetic);
        match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "w" => region.weight = number().parse().unwrap(),
            "cap" => region.capacity = Some(number().parse().unwrap()),
            "load" => load = number().parse().unwrap(),
            "spill" => region.spill = number().parse::<f64>().unwrap() / 100.0,
            "back" => region.returned_at = Some(ago(number())),
            "drain" => region.admin = Admin::Drain,
            "off" => region.admin = Admin::Off,
            "down" => region.health = Health::Down,
            "unknown" => region.health = Health::Unknown,
            "degraded" => region.health = Health::Degraded,
            other => panic!("word {other:?}"),
        }
    }
    (region, load)
}

fn endpoint(text: &str) -> Endpoint {
    let name = text.trim_end_matches(['!', '~', '?']);
    let state = match &text[name.len()..] {
        "" => EndpointState::Up,
        "!" => EndpointState::Down,
        "~" => EndpointState::Ejected,
        _ => EndpointState::Unknown,
    };
    Endpoint { id: hash::of(&[name.as_bytes()]), url: name.into(), state, returned_at: None }
}
