//! What the policy says, by tables; that tenants spread, and that few of them ever move.

use std::collections::BTreeMap;

use portolan_policy::Health;
use portolan_policy::testing::{Loaded, Request, World};

use super::*;

const BY_HEADER: &str = r#"{ "by": "header:x-tenant" }"#;
const TENANTS: u32 = 3_000;

fn world() -> World {
    World::new().region("eu", &[]).region("us", &[]).region("ap", &[])
}

fn load(world: &World) -> Loaded<TenantHash> {
    world.load(BY_HEADER).unwrap()
}

fn tenant(world: &World, number: u32) -> Request {
    world.request().field("header:x-tenant", format!("tenant-{number}"))
}

/// The region that each tenant belongs to.
fn spread(world: &World, change: impl Fn(Request) -> Request) -> Vec<String> {
    let policy = load(world);
    let first = |number| {
        let said = policy.ask(change(tenant(world, number)));
        let order = said.strip_prefix("route ").unwrap_or_else(|| panic!("{said}"));
        order.split([',', ' ']).next().unwrap_or_default().to_owned()
    };
    (0..TENANTS).map(first).collect()
}

fn count(homes: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for home in homes {
        *counts.entry(home.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn tenants_spread_by_weight() {
    let even = spread(&world(), |request| request);
    for (region, tenants) in count(&even) {
        assert!((900..=1_100).contains(&tenants), "{region} has {tenants} of {TENANTS}");
    }
    let heavy = spread(&world(), |mut request| {
        request.candidates_mut()[1].weight = 200;
        request
    });
    let share = count(&heavy)["us"];
    assert!((1_400..=1_600).contains(&share), "half of the weight has {share} of {TENANTS}");
    let moved = even.iter().zip(&heavy).filter(|(before, after)| before != after && *after != "us").count();
    assert_eq!(moved, 0, "more weight takes from the others and moves nothing between them");
}

#[test]
fn a_region_that_goes_moves_its_own_tenants_only() {
    let before = spread(&world(), |request| request);
    for health in [Health::Down, Health::Draining] {
        let without = spread(&world(), |request| request.health("us", health, 9));
        let moved = before.iter().zip(&without).filter(|(before, after)| before != after);
        assert!(moved.clone().all(|(before, _)| before == "us"), "only those of the region that went");
        assert_eq!(moved.count(), count(&before)["us"]);
    }
    let grown = spread(&world().region("sa", &[]), |request| request);
    let moved = before.iter().zip(&grown).filter(|(before, after)| before != after);
    assert!(moved.clone().all(|(_, after)| after == "sa"), "only to the region that came");
    assert!(moved.count() < 900);
}

#[test]
fn a_region_above_its_share_gives_way() {
    let world = world();
    let policy = load(&world);
    let home = |mut request: Request, in_flight: [u32; 3]| {
        for (candidate, in_flight) in request.candidates_mut().iter_mut().zip(in_flight) {
            candidate.in_flight = in_flight;
        }
        let said = policy.ask(request);
        said.split(' ').nth(1).unwrap_or_default().split(',').next().unwrap_or_default().to_owned()
    };
    let of_us = (0..TENANTS).find(|number| home(tenant(&world, *number), [0, 0, 0]) == "us").unwrap();
    // 301 requests times 1.25 over three regions: 126 each.
    for (in_flight, expected) in [([100, 100, 100], true), ([87, 125, 88], true), ([80, 126, 94], false)] {
        assert_eq!(home(tenant(&world, of_us), in_flight) == "us", expected, "{in_flight:?}");
    }
}

#[test]
fn a_pin_follows_its_tenant() {
    let world = world();
    let policy = load(&world);
    let of_us = (0..TENANTS).find(|number| policy.ask(tenant(&world, *number)).starts_with("route us")).unwrap();
    let order = policy.ask(tenant(&world, of_us));
    let order = order.trim_end_matches(" bind[]");
    assert_eq!(policy.ask(tenant(&world, of_us).pinned("us", "a=1")), order);
    for elsewhere in ["eu", "mars"] {
        assert_eq!(policy.ask(tenant(&world, of_us).pinned(elsewhere, "a=1")), format!("{order} bind[a=1]"));
    }
}

#[test]
fn who_has_no_tenant_is_left_to_others() {
    let world = world();
    assert_eq!(load(&world).ask(world.request()), "pass");
    let none = world.regions_down();
    assert_eq!(load(&world).ask(none.field("header:x-tenant", "a")), "pass");
    let policy = world.load::<TenantHash>(r#"{ "by": "jwt:sub" }"#).unwrap();
    // {"sub":"alice"}
    let token = "Bearer e30.eyJzdWIiOiJhbGljZSJ9.sig";
    assert_eq!(policy.ask(world.request().field("header:authorization", "Basic YTpi")), "pass");
    let alice = load(&world).ask(world.request().field("header:x-tenant", "alice"));
    assert_eq!(policy.ask(world.request().field("header:authorization", token)), alice, "the same key, the same place");
}

/// A world of which nothing serves.
trait AllDown {
    fn regions_down(&self) -> Request;
}

impl AllDown for World {
    fn regions_down(&self) -> Request {
        ["eu", "us", "ap"].iter().fold(self.request(), |request, region| request.health(region, Health::Down, 9))
    }
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        (r#"{ "by": "x-tenant" }"#, "config.by: \"x-tenant\" is none of `header:NAME`"),
        (r#"{ "by": "path:x" }"#, "config.by: \"path:x\" is none of"),
        (r#"{ "by": "jwt:" }"#, "config.by: \"jwt:\" is none of"),
        (r#"{ "by": "jwt:sub", "load": 0.9 }"#, "config.load: 0.9 is not between 1 and 100"),
        ("{}", "config: missing field `by`"),
    ] {
        let error = world().load::<TenantHash>(config).err().unwrap_or_default();
        assert!(error.contains(words), "{config}: {error}");
    }
}
