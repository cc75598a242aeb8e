//! Properties of the choice over any state of the regions and any advice.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::world::{NOW, World};
use super::*;
use crate::steer::table::{Admin, EndpointState, Health, Load};
use proptest::prelude::*;
use std::time::Duration;

fn state() -> impl Strategy<Value = EndpointState> {
    use EndpointState::{Down, Ejected, Unknown, Up};
    prop::sample::select(vec![Up, Up, Unknown, Down, Ejected])
}

/// Place and weight, share that spills, endpoints, health, admin, capacity, load, seconds since the return.
type Row = (String, f64, Vec<EndpointState>, Health, Admin, Option<u32>, u32, Option<u64>);

fn region() -> impl Strategy<Value = Row> {
    use Health::{Degraded, Down, Draining, Healthy, Unknown};
    (
        (0u32..60, 0u32..3).prop_map(|(east, weight)| format!("{east} w{weight}")),
        prop::sample::select(vec![0.0, 0.0, 0.3, 1.0]),
        prop::collection::vec(state(), 0..4),
        prop::sample::select(vec![Healthy, Healthy, Unknown, Degraded, Draining, Down]),
        prop::sample::select(vec![Admin::On, Admin::On, Admin::On, Admin::Drain, Admin::Off]),
        prop::option::of(0u32..20),
        0u32..20,
        prop::option::of(0u64..100),
    )
}

prop_compose! {
    fn world()(
        regions in prop::collection::vec(region(), 1..7),
        order in prop::sample::subsequence((0u8..7).collect::<Vec<_>>(), 0..5).prop_shuffle(),
        (fence, advised) in (any::<u8>(), prop::option::of(any::<u8>())),
        (strict, mode, pin, seed) in (any::<bool>(), 0usize..4, prop::option::of((0u8..9, 0u64..4)), any::<u64>()),
        action in 0..6,
    ) -> World {
        let lines: Vec<String> = regions.iter().enumerate().map(|(index, (place, _, states, ..))| {
            let names: Vec<String> = (0..states.len()).map(|endpoint| format!("e{index}{endpoint}")).collect();
            format!("r{index} {place} : {}", names.join(" "))
        }).collect();
        let mut world = World::of(&lines.join("\n"));
        for (index, (_, spill, states, health, admin, capacity, load, back)) in regions.into_iter().enumerate() {
            let region = &mut world.table.regions[index];
            (region.health, region.admin, region.capacity, region.spill) = (health, admin, capacity, spill);
            region.returned_at = back.map(|seconds| Timestamp(NOW.0 - seconds * 1000));
            for (endpoint, state) in region.endpoints.iter_mut().zip(states) {
                endpoint.state = state;
            }
            world.loads.0[index].0 = load;
            world.loads.0[index].1.iter_mut().for_each(|one| *one = Load { in_flight: load, latency_us: load });
        }
        world.table.steering.affinity =
            [None, Some(AffinityMode::Sticky), Some(AffinityMode::Temporary), Some(AffinityMode::Strict)][mode];
        world.pin = pin.map(|(region, endpoint)| Pin {
            region_name: format!("r{region}").into(),
            region: Some(region),
            endpoint: (endpoint > 0).then(|| hash::of(&[format!("e{region}{}", endpoint - 1).as_bytes()])),
            session_started: Timestamp(0),
            pinned_at: Timestamp(NOW.0 - 50_000),
            ttl: Some(Duration::from_secs(9)),
            payload: Bytes::new(),
            cohort: None,
        });
        let set = |bits: u8| (0..8usize).filter(|index| bits & (1 << index) != 0).collect::<RegionSet>();
        (world.fence, world.advice.fence) = (set(fence), advised.map(set));
        (world.advice.order, world.advice.strict, world.seed) = (order.into(), strict, seed);
        world.advice.pin = match action {
            0 => PinAction::Hold,
            1 => PinAction::Clear,
            2 => PinAction::Bind { payload: Bytes::new(), ttl: None },
            _ => PinAction::Keep,
        };
        world
    }
}

/// Regions that may serve anyone, written without the code under test.
fn able(world: &World) -> Vec<usize> {
    let order = &world.advice.order;
    (0..world.table.regions.len())
        .filter(|index| {
            let region = &world.table.regions[*index];
            world.fence.contains(*index)
                && world.advice.fence.is_none_or(|fence| fence.contains(*index))
                && (!world.advice.strict || order.is_empty() || order.contains(&(*index as u8)))
                && region.admin == Admin::On
                && !matches!(region.health, Health::Down | Health::Draining)
                && region.capacity.is_none_or(|capacity| world.loads.0[*index].0 < capacity)
                && region.endpoints.iter().any(|endpoint| endpoint.state.serves())
        })
        .collect()
}

fn is_strict(world: &World) -> bool {
    world.table.steering.affinity == Some(AffinityMode::Strict)
        && world.advice.pin == PinAction::Keep
        && world.pin.is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_outside_the_fence_nor_where_it_is_off(world in world()) {
        if let Ok(plan) = world.plan(None) {
            prop_assert!(!plan.targets.is_empty());
            for (at, target) in plan.targets.iter().enumerate() {
                let index = usize::from(target.region);
                prop_assert!(world.fence.contains(index));
                prop_assert!(world.advice.fence.is_none_or(|fence| fence.contains(index)));
                let region = &world.table.regions[index];
                prop_assert!(region.admin != Admin::Off);
                let endpoint = &region.endpoints[usize::from(target.endpoint)];
                prop_assert!(endpoint.state != EndpointState::Down, "a failed probe is evidence");
                let place = |target: &Target| (target.region, target.endpoint);
                prop_assert!(plan.targets[..at].iter().all(|earlier| place(earlier) != place(target)), "twice");
            }
        }
    }

    #[test]
    fn never_refuses_while_one_region_can_serve(world in world()) {
        if !is_strict(&world) && !able(&world).is_empty() {
            let plan = world.plan(None);
            prop_assert!(plan.is_ok(), "{:?}", plan);
            let first = plan.as_ref().map(|plan| plan.targets[0]).unwrap();
            let region = &world.table.regions[usize::from(first.region)];
            prop_assert!(region.health != Health::Down);
            prop_assert!(world.loads.0[usize::from(first.region)].0 < region.capacity.unwrap_or(u32::MAX));
        }
    }

    #[test]
    fn the_second_target_is_in_another_region_when_there_is_one(world in world()) {
        if let Ok(plan) = world.plan(None) {
            let first = usize::from(plan.targets[0].region);
            if !is_strict(&world) && able(&world).iter().any(|region| *region != first) {
                prop_assert!(plan.targets.len() > 1);
                prop_assert!(plan.targets[1].region != plan.targets[0].region);
            }
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_plan_traced_or_not(world in world()) {
        let mut trace = Trace::default();
        let plan = world.plan(None);
        prop_assert_eq!(&plan, &world.plan(Some(&mut trace)));
        prop_assert_eq!(trace.regions.len(), world.table.regions.len());
        if let Ok(plan) = plan {
            let first = trace.regions.iter().find(|seen| seen.region == plan.targets[0].region).unwrap();
            prop_assert_eq!(first.reason, plan.targets[0].reason);
        }
    }

    #[test]
    fn a_move_is_announced_and_only_a_move(world in world()) {
        if let Ok(plan) = world.plan(None) {
            let pin = world.pin.as_ref().filter(|_| world.table.steering.affinity.is_some());
            let elsewhere = pin.is_some_and(|pin| pin.region != Some(plan.targets[0].region));
            prop_assert_eq!(plan.moved.is_some(), elsewhere);
        }
    }

    #[test]
    fn only_sessions_of_the_region_that_dies_move(
        places in prop::collection::vec(0u32..60, 2..6), pinned in 0usize..6, dies in 0usize..6, seed in any::<u64>(),
    ) {
        let (pinned, dies) = (pinned % places.len(), dies % places.len());
        let lines: Vec<String> =
            places.iter().enumerate().map(|(index, east)| format!("r{index} {east} : a{index} b{index}")).collect();
        let mut world = World::of(&format!("{}\n > sticky pin=r{pinned}/b{pinned} seed={}", lines.join("\n"), seed % 999));
        let before = world.plan(None).unwrap();
        prop_assert_eq!(usize::from(before.targets[0].region), pinned);
        // One more region, nearer than all others, moves nobody.
        let more = World::of(&format!("{}\n new 0 : n\n > sticky pin=r{pinned}/b{pinned}", lines.join("\n")));
        prop_assert_eq!(more.plan(None).unwrap().targets[0], before.targets[0]);
        world.table.regions[dies].endpoints.iter_mut().for_each(|endpoint| endpoint.state = EndpointState::Down);
        let after = world.plan(None).unwrap();
        if dies == pinned {
            prop_assert_eq!(after.moved, Some(MoveReason::Down));
        } else {
            prop_assert_eq!((after.targets[0], after.moved), (before.targets[0], None));
        }
    }
}
