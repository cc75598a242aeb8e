//! Tests of the choice: tables in text, stage by stage, then properties over any state.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::world::World;
use super::*;
use crate::steer::table::Load;

fn check(world: &str, expected: &str) {
    assert_eq!(World::of(world).answer(), expected, "{world}");
}

/// Three regions, 10, 20 and 30 degrees away; `eu`, `us`, `ap` change the middle of each line.
fn three(eu: &str, us: &str, ap: &str, words: &str) -> String {
    format!("eu 10 {eu}\n us 20 {us}\n ap 30 {ap}\n > {words}")
}

/// How often each region is first, over `seeds` seeds.
fn shares(world: &mut World, seeds: u64) -> Vec<f64> {
    let mut counts = vec![0u32; world.table.regions.len()];
    for seed in 0..seeds {
        world.seed = hash::mix(seed + 1);
        counts[usize::from(world.plan(None).unwrap().targets[0].region)] += 1;
    }
    counts.iter().map(|count| f64::from(*count) / seeds as f64).collect()
}

fn assert_shares(world: &str, expected: &[f64]) {
    let got = shares(&mut World::of(world), 5_000);
    let close = got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 0.03);
    assert!(close, "{world}: {got:?}, expected {expected:?}");
}

#[test]
fn nearest_region_first_the_next_as_alternative() {
    check(&three(": a", ": b", ": c", ""), "eu/a nearest, us/b alternative, ap/c alternative");
    check(&three(": a", ": b", ": c", "fence=us,ap"), "us/b nearest, ap/c alternative");
    check(&three(": a", ": b", ": c", "fence=us,ap advised=us,eu"), "us/b nearest");
    check(&three(": a", ": b", ": c", "fence=us advised=eu"), "empty-fence");
    check(&three("off : a", ": b", ": c", ""), "us/b nearest, ap/c alternative");
    check(&three("down : a", ": b!", ": c", ""), "ap/c nearest");
    check(&three("unknown : a?", ": b", ": c!", ""), "eu/a nearest, us/b alternative");
    check(&three("degraded : a b! c!", ": d", ": e!", ""), "eu/a nearest, us/d alternative");
    check("eu 10 : a", "eu/a nearest");
}

#[test]
fn policy_order_goes_before_the_hosts_own() {
    check(&three(": a", ": b", ": c", "order=ap"), "ap/c policy-order, eu/a alternative, us/b alternative");
    check(&three(": a", ": b", ": c!", "order=ap,us"), "us/b policy-order, eu/a alternative");
    check(&three(": a", ": b", ": c", "order=ap,us strict"), "ap/c policy-order, us/b alternative");
    check(&three(": a", ": b", ": c!", "order=ap strict"), "all-down");
    check(&three(": a", ": b", ": c", "order=ap strict fence=eu"), "empty-fence");
    check(&three(": a", ": b", ": c", "strict"), "eu/a nearest, us/b alternative, ap/c alternative");
    check(&three("w0 : a", ": b", ": c", ""), "us/b nearest, ap/c alternative, eu/a alternative");
    check(&three("w0 : a", ": b", ": c", "order=eu"), "eu/a policy-order, us/b alternative, ap/c alternative");
}

#[test]
fn capacity_spills_to_the_next_and_refuses_when_all_is_full() {
    check(&three("cap10 load10 : a", ": b", ": c", ""), "us/b spill, ap/c alternative");
    check(&three("cap10 load10 : a", ": b", ": c", "fence=eu"), "all-full");
    check(&three("cap10 load10 : a", "cap5 load9 : b", ": c!", ""), "all-full");
    check(&three("cap10 load10 : a", ": b~", ": c!", ""), "all-full");
    assert_shares(&three("cap100 load90 : a", ": b", ": c", ""), &[1.0, 0.0, 0.0]);
    assert_shares(&three("cap100 load90 spill50 : a", ": b", ": c", ""), &[0.5, 0.5, 0.0]);
    assert_shares(&three("cap100 load95 spill75 : a", "cap100 load90 spill50 : b", ": c", ""), &[0.25, 0.375, 0.375]);
    // Nowhere to spill to: it stays.
    assert_shares(&three("cap100 load99 spill95 : a", ": b!", ": c", "fence=eu,us"), &[1.0, 0.0, 0.0]);
    // The pace of spilling holds back neither what no longer fits nor what fails.
    assert_shares(&three("cap100 load100 spill2 : a", ": b", ": c", ""), &[0.0, 1.0, 0.0]);
    assert_shares(&three("cap100 load90 spill2 : a!", ": b", ": c", ""), &[0.0, 1.0, 0.0]);
}

#[test]
fn weights_and_ramps_share_traffic_among_equals() {
    let tie = |a: &str, b: &str| format!("a 10 {a} : x\n b 10.2 {b} : y\n far 40 : z\n >");
    assert_shares(&tie("w100", "w300"), &[0.25, 0.75, 0.0]);
    assert_shares(&tie("w0", "w1"), &[0.0, 1.0, 0.0]);
    assert_shares(&tie("w0", "w0"), &[0.0, 0.0, 1.0]);
    assert_shares("a 10 w0 : x\n b 10.2 w0 : y\n >", &[1.0, 0.0]);
    assert_shares(&tie("w100 down", "w300"), &[0.0, 1.0, 0.0]);
    assert_shares(&three("back0 : a", ": b", ": c", ""), &[0.1, 0.9, 0.0]);
    assert_shares(&three("back30 : a", ": b", ": c", ""), &[0.5, 0.5, 0.0]);
    assert_shares(&three("back60 : a", ": b", ": c", ""), &[1.0, 0.0, 0.0]);
    assert_shares(&three("back1 : a", ": b!", ": c!", ""), &[1.0, 0.0, 0.0]);
}

#[test]
fn a_live_pin_goes_first() {
    let at_us = |us: &str, words: &str| three(": a", us, ": e", &format!("{words} pin=us/c"));
    check(&at_us(": b c", "sticky"), "us/c pinned, eu/a alternative, us/b alternative; refresh");
    check(&at_us(": b c", ""), "eu/a nearest, us/b alternative, ap/e alternative");
    check(&at_us("drain : b c", "sticky"), "us/c pinned, eu/a alternative, us/b alternative; refresh");
    check(
        &at_us("back5 cap10 load9 spill50 : b c", "sticky"),
        "us/c pinned, eu/a alternative, us/b alternative; refresh",
    );
    check(&at_us(": b c!", "sticky"), "us/b pinned, eu/a alternative, ap/e alternative; bind old");
    check(&at_us(": b c!", "temporary"), "us/b pinned, eu/a alternative, ap/e alternative; refresh");
    check(&at_us(": b c", "strict-pin"), "us/c pinned, us/b alternative; refresh");
    check(&at_us(": b c", "sticky order=ap"), "us/c pinned, ap/e alternative, us/b alternative; refresh");
    check(&three(": a", ": b", ": e", "sticky"), "eu/a nearest, us/b alternative, ap/e alternative; bind");
}

#[test]
fn a_session_whose_region_cannot_serve_follows_the_mode() {
    for (us, words, why) in [
        (": c!", "", "down"),
        ("off : c", "", "off"),
        ("cap5 load5 : c", "", "capacity"),
        (": c", "fence=eu,ap", "fence"),
        (": c", "order=eu,ap strict", "policy"),
        (": c", "pin=gone/c", "gone"),
    ] {
        let world = |mode: &str| three(": a", us, ": e", &format!("{mode} pin=us/c {words}"));
        let reason = match (why, words.contains("order")) {
            (_, true) => "policy-order",
            _ => "nearest",
        };
        let rest = if why == "gone" { "us/c alternative, ap/e alternative" } else { "ap/e alternative" };
        check(&world("sticky"), &format!("eu/a {reason}, {rest}; bind old; moved {why}"));
        if why == "gone" {
            // It will not come back, so waiting for it helps nobody.
            for mode in ["temporary", "strict-pin"] {
                check(&world(mode), &format!("eu/a {reason}, {rest}; bind old; moved gone"));
            }
            continue;
        }
        check(&world("temporary"), &format!("eu/a {reason}, {rest}; moved {why}"));
        check(&world("strict-pin"), "strict-pin");
    }
}

#[test]
fn a_temporary_session_returns_when_its_region_is_well() {
    let world = |us: &str, words: &str| three(": a", us, ": e!", &format!("temporary pin=us/c {words}"));
    check(&world("back59 : c", ""), "eu/a nearest, us/c alternative; moved down");
    check(&world("back60 : c", ""), "us/c pinned, eu/a alternative; refresh");
    check(&world("back59 : c", "pinned=10"), "us/c pinned, eu/a alternative; refresh");
    check(&world("back59 : c", "fence=us"), "us/c pinned; refresh");
    // While it is away, all its exchanges meet the same endpoint, whatever the seed and the load.
    let mut away = World::of(&three(": a b c d", ": x!", ": y", "temporary pin=us/x"));
    let first = away.plan(None).unwrap().targets[0];
    for seed in 0..200 {
        away.seed = seed;
        away.loads.0[0].1[usize::from(first.endpoint)] = Load { in_flight: seed as u32, latency_us: 1 };
        assert_eq!(away.plan(None).unwrap().targets[0], first);
    }
}

#[test]
fn a_key_leads_to_one_place_and_only_its_own_move() {
    let first = |key: u32, us: &str, seed: u64| {
        let mut world = World::of(&format!("eu 10 : a b c\n us 10 {us}\n ap 10 : g h i\n > key=k{key} seed={seed}"));
        world.loads.0[1].1[0] = Load { in_flight: seed as u32, latency_us: 1 };
        let first = world.plan(None).unwrap().targets[0];
        (first.region, first.endpoint)
    };
    let mut places = std::collections::BTreeSet::new();
    for key in 0..300 {
        let place = first(key, ": d e f", 1);
        places.insert(place);
        assert_eq!(first(key, ": d e f", 2), place, "neither seed nor load decides");
        let (region, endpoint) = first(key, ": d! e f", 1);
        assert!((region, endpoint) == place || (place == (1, 0) && region == 1), "an endpoint of {place:?} failed");
        let elsewhere = first(key, ": d! e! f!", 1);
        assert!(elsewhere == place || place.0 == 1, "a region failed, and {place:?} became {elsewhere:?}");
    }
    assert_eq!(places.len(), 9, "keys spread over all endpoints");
    check(
        &three(": a", ": c", ": e", "sticky pin=us/c key=k"),
        "us/c pinned, eu/a alternative, ap/e alternative; refresh",
    );
}

#[test]
fn a_policy_may_set_the_pin_aside() {
    let world = |words: &str| three(": a", ": c", ": e", &format!("pin=us/c {words}"));
    let to_ap = "ap/e policy-order, eu/a alternative, us/c alternative";
    check(&world("sticky order=ap hold"), &format!("{to_ap}; moved policy"));
    check(&world("sticky order=ap clear"), &format!("{to_ap}; clear; moved policy"));
    check(&world("sticky order=ap bind"), &format!("{to_ap}; bind new; moved policy"));
    check(&world("strict-pin order=ap bind"), &format!("{to_ap}; bind new; moved policy"));
    check(&world("order=ap bind"), to_ap);
    check(&world("sticky order=us bind"), "us/c policy-order, eu/a alternative, ap/e alternative; bind new");
    check(
        &three(": a", "drain : c", ": e", "sticky pin=us/c order=us hold"),
        "us/c policy-order, eu/a alternative, ap/e alternative",
    );
    check(
        &three(": a", "drain : c", ": e", "sticky pin=us/c order=us clear"),
        "eu/a nearest, ap/e alternative; clear; moved off",
    );
    check(&three(": a", ": b!", ": c!", "sticky clear"), "eu/a nearest");
}

#[test]
fn an_endpoint_that_a_policy_names_goes_first_in_its_region() {
    check(&three(": a b c", ": d", ":", "endpoint=b"), "eu/b nearest, us/d alternative, eu/a alternative");
    check(&three(": a", ": d e", ":", "order=us endpoint=e"), "us/e policy-order, eu/a alternative, us/d alternative");
    check(&three(": a", ": d e", ":", "endpoint=e"), "eu/a nearest, us/d alternative, us/e alternative");
    check(&three(": a", ": d e!", ":", "order=us endpoint=e"), "us/d policy-order, eu/a alternative");
    check(&three(": a", ": d e~", ":", "order=us endpoint=e"), "us/d policy-order, eu/a alternative");
    let pinned = |words| three(": a b", ": d", ":", &format!("sticky pin=eu/a {words}"));
    check(&pinned("endpoint=b"), "eu/b pinned, us/d alternative, eu/a alternative; bind old");
    check(&pinned("endpoint=d"), "eu/a pinned, us/d alternative, eu/b alternative; refresh");
    check(&pinned("endpoint=nobody"), "eu/a pinned, us/d alternative, eu/b alternative; refresh");
    check("eu 10 : a b~ c!\n us 20 : d\n > fence=eu endpoint=a", "eu/a panic, eu/b alternative");
}

#[test]
fn panic_only_when_nothing_else_is_allowed() {
    // One of three serves and there is nowhere else: the ejected one is used too, the one that fails probes is not.
    let world = "eu 10 : a b~ c!\n us 20 : d\n > fence=eu";
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        seen.insert(World::of(&format!("{world} seed={seed}")).answer());
    }
    let expected = ["eu/a panic, eu/b alternative", "eu/b panic, eu/a alternative"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    check("eu 10 : a b~ c!\n us 20 : d\n >", "eu/a nearest, us/d alternative");
    check("eu 10 : a b~ c!\n > sticky pin=eu/a", "eu/a pinned, eu/b alternative; refresh");
    check("eu 10 : a b\n >", "eu/a nearest, eu/b alternative");
}

#[test]
fn the_last_resort_before_refusing() {
    check(&three("drain : a", ": b!", "off : c", ""), "eu/a panic");
    check(&three("drain : a", ": b~", "off : c", ""), "eu/a panic");
    check(&three(": a~", ": b!", ": c", "fence=eu,us"), "eu/a panic");
    check(&three(": a~ x!", ": b~", ": c", "fence=eu,us"), "eu/a panic, us/b alternative");
    check(&three(": a~", ": b~", ": c!", "sticky pin=us/b"), "us/b panic, eu/a alternative; refresh");
    check(&three(": a!", ": b!", "off : c", ""), "all-down");
    check(&three("off : a", "off : b", "off : c", ""), "all-down");
    check(&three("drain cap5 load5 : a", ": b!", ": c!", ""), "all-full");
    check("eu 10 :\n >", "all-down");
}

#[test]
fn a_trace_names_the_stage_of_each_region() {
    let mut world = World::of(
        "out 1 : a\n off 2 off : a\n drain 3 drain : a\n down 4 : a!\n full 5 cap1 load1 : a\n
         home 6 : a\n two 7 : a\n three 8 : a b\n four 9 : a\n
         > sticky pin=home/a fence=off,drain,down,full,home,two,three,four",
    );
    let words = |world: &World| {
        let mut trace = Trace::default();
        let _ = world.plan(Some(&mut trace));
        let word = |seen: &crate::steer::trace::Considered| seen.reason.as_str();
        (trace.regions.iter().map(word).collect::<Vec<_>>().join(" "), trace.pin_out)
    };
    let common = "outside-fence admin-off draining down at-capacity";
    assert_eq!(words(&world), (format!("{common} pinned alternative alternative not-needed"), None));
    world.table.steering.affinity = Some(AffinityMode::Strict);
    assert_eq!(words(&world), (format!("{common} pinned strict-pin strict-pin strict-pin"), None));
    world.table.regions[5].endpoints[0].state = crate::steer::table::EndpointState::Down;
    assert_eq!(words(&world), (format!("{common} down strict-pin strict-pin strict-pin"), Some(MoveReason::Down)));
}

#[test]
fn endpoints_share_by_load_and_ramp_up() {
    let endpoints = |world: &mut World| {
        let mut counts = [0u32; 3];
        for seed in 0..6_000 {
            world.seed = hash::mix(seed + 1);
            counts[usize::from(world.plan(None).unwrap().targets[0].endpoint)] += 1;
        }
        counts.map(|count| (f64::from(count) / 600.0).round() as u32)
    };
    let mut world = World::of("eu 10 : a b c\n >");
    let even = endpoints(&mut world);
    assert!(even.iter().all(|tenths| (3..=4).contains(tenths)), "{even:?}");
    world.loads.0[0].1[0].in_flight = 5;
    let busy = endpoints(&mut world);
    assert_eq!(busy[0], 0, "the loaded one loses every comparison: {busy:?}");
    world.loads.0[0].1[0].in_flight = 0;
    world.table.regions[0].endpoints[0].returned_at = Some(world::NOW);
    let ramping = endpoints(&mut world);
    assert!(ramping[0] <= 1, "just back: {ramping:?}");
    world.table.steering.balance = crate::steer::table::Balance::PeakEwma;
    world.table.regions[0].endpoints[0].returned_at = None;
    world.loads.0[0].1 = [900, 100, 90_000].map(|latency_us| Load { in_flight: 1, latency_us }).to_vec();
    let fast = endpoints(&mut world);
    assert!(fast[1] > fast[0] && fast[2] == 0, "{fast:?}");
}
