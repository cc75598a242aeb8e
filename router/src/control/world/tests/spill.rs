//! Load that spills: a region that fills up under steady demand, played second by second with the choice itself.

use super::*;
use crate::base::{Location, RegionSet, hash};
use crate::steer::choose::{Ask, plan};
use crate::steer::nearness::Nearness;
use crate::steer::table::{Load, Loads};
use crate::steer::verdict::Advice;

const CAPACITY: u32 = 200;

/// What is in flight in `eu` and in `us`.
struct InFlight([u32; 2]);

impl Loads for InFlight {
    fn endpoint(&self, region: usize, _: usize) -> Load {
        Load { in_flight: self.0[region], latency_us: 0 }
    }

    fn region_in_flight(&self, region: usize) -> u32 {
        self.0[region]
    }
}

/// `eu` is the nearest and holds 200, `us` is further and holds anything.
fn play() -> Play {
    let mut play = Play::new(&[("eu", &[EU]), ("us", &[US])], PROBED);
    let mut live = config(&[("eu", &[EU]), ("us", &[US])], PROBED).live;
    live.services[0].regions[0].capacity = Some(CAPACITY);
    live.services[0].regions[1].location = Location::new(40.0, -75.0).unwrap();
    play.adopt(live);
    play.probe(EU, true);
    play.probe(US, true);
    play
}

/// A second in which `demand` exchanges are in flight, each sent where the choice says; what is where afterwards.
fn second(play: &mut Play, demand: u32) -> [u32; 2] {
    play.now = play.now.plus(Duration::from_secs(1));
    let table = play.table();
    let (nearness, advice) = (Nearness::of(&table, None), Advice::default());
    let mut loads = InFlight([0; 2]);
    for number in 0..demand {
        let seed = hash::mix(play.now.0 ^ u64::from(number) << 40);
        let static_fence = RegionSet::first(2);
        let ask = Ask { nearness: &nearness, pin: None, advice: &advice, static_fence, now: play.now, seed, key: None };
        let first = plan(&table, &ask, &loads, None).unwrap().targets[0];
        loads.0[usize::from(first.region)] += 1;
    }
    play.tell(Event::Loads(vec![RegionLoad { region: key("eu"), in_flight: loads.0[0] }]));
    loads.0
}

fn spill(play: &Play) -> f64 {
    play.region("eu").spill
}

#[test]
fn load_moves_in_steps_and_never_over_the_hard_capacity() {
    let mut play = play();
    let mut seen = Vec::new();
    // Within the soft limit, then half as much again as it can hold, then little again.
    for demand in [[150; 20], [300; 20], [300; 20], [300; 20], [60; 20], [60; 20], [60; 20]].concat() {
        let [eu, us] = second(&mut play, demand);
        assert!(eu <= CAPACITY && eu + us == demand);
        seen.push((eu, spill(&play)));
    }
    for (at, (_, share)) in seen.iter().enumerate() {
        let later = seen.get(at + 10).map_or(*share, |(_, later)| *later);
        assert!((later - share).abs() <= 0.2 + 1e-9, "from {share} to {later} within ten seconds, at {at} s");
    }
    assert_eq!(seen[19], (150, 0.0), "below the soft limit nothing spills");
    assert_eq!(seen[20].0, CAPACITY, "what no longer fits goes on at once, the rest stays");
    // Settled where the share fits the load: 0.41 spills, which leaves 176. Each exchange draws for itself; 130 is five
    // standard deviations below.
    for (eu, share) in &seen[60..80] {
        assert!((130..CAPACITY).contains(eu) && (0.35..0.47).contains(share), "{eu} in flight, {share} spills");
    }
    assert_eq!(seen[139], (60, 0.0), "and all of it comes back");
}

#[test]
fn only_load_is_paced_failure_is_not() {
    let mut play = play();
    for _ in 0..30 {
        second(&mut play, 300);
    }
    let before = spill(&play);
    assert!(before > 0.3, "{before}");
    (0..3).for_each(|_| drop(play.probe(EU, false)));
    assert_eq!(second(&mut play, 300), [0, 300], "all at once");
    second(&mut play, 300);
    assert_eq!(spill(&play).to_bits(), 0.0f64.to_bits(), "and what comes back ramps up instead");
    (0..2).for_each(|_| drop(play.probe(EU, true)));
    play.switch("eu", Admin::Off);
    assert_eq!(second(&mut play, 300), [0, 300]);
}

#[test]
fn a_step_is_no_longer_for_coming_late_and_waits_its_turn() {
    let mut play = play();
    let full = |play: &mut Play| play.tell(Event::Loads(vec![RegionLoad { region: key("eu"), in_flight: CAPACITY }]));
    play.now = play.now.plus(Duration::from_secs(3600));
    assert_eq!(published(&full(&mut play)), Some(false), "one more detail, not urgent");
    assert!((spill(&play) - 0.02).abs() < 1e-9);
    play.now = play.now.plus(Duration::from_millis(200));
    assert_eq!(published(&full(&mut play)), None);
    // Reloaded without a capacity there is nothing to spill for.
    play.load(&[("eu", &[EU]), ("us", &[US])], PROBED);
    assert_eq!(spill(&play).to_bits(), 0.0f64.to_bits());
    play.now = play.now.plus(Duration::from_secs(1));
    assert_eq!(published(&full(&mut play)), None);
    let gone = vec![RegionLoad { region: key("gone"), in_flight: 1 }];
    assert_eq!(published(&play.tell(Event::Loads(gone))), None);
}
