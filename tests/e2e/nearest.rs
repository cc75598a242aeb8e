//! A client is served where it is nearest to, by whatever data there is on where it is.

use portolan_tests::scripts::named;
use portolan_tests::site::{
    CAPE_TOWN, FRANKFURT, MUMBAI, OREGON, PlaceOf, SAO_PAULO, SYDNEY, Service, TOKYO, VIRGINIA,
};
use portolan_tests::{Ask, Origin, Pop, binaries};

const WORLD: [PlaceOf; 8] = [FRANKFURT, VIRGINIA, OREGON, TOKYO, SYDNEY, MUMBAI, SAO_PAULO, CAPE_TOWN];

/// Eight regions around the world, each an origin that answers with its name.
fn world() -> (Vec<Origin>, Service) {
    let origins: Vec<Origin> = WORLD.iter().map(|place| named(place.0)).collect();
    let service = WORLD.iter().zip(&origins);
    let service =
        service.fold(Service::new("shop"), |service, (place, origin)| service.region(*place, &[origin.url()]));
    (origins, service)
}

#[track_caller]
fn check(pop: &Pop, origins: &[Origin], cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (country, address, region) in cases {
        let answer = pop.ask(&Ask::get("/where").from(address).field("x-case", address));
        let served = answer.field("x-origin").unwrap_or("nobody").to_owned();
        let seen = origins.iter().flat_map(Origin::seen).find(|seen| seen.field("x-case") == Some(address)).unwrap();
        let told = seen.field("portolan-client-country").unwrap_or("-").to_owned();
        if served != *region || told != *country {
            wrong.push(format!("{address}: expected {country} at {region}, was {told} at {served}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn twenty_countries_by_the_built_in_data() {
    let (origins, service) = world();
    let pop = Pop::start(&service.site());
    let cases = [
        ("DE", "217.0.0.1", FRANKFURT.0),
        ("FR", "80.10.0.1", FRANKFURT.0),
        ("GB", "81.128.0.1", FRANKFURT.0),
        ("ES", "80.58.0.1", FRANKFURT.0),
        ("IT", "79.0.0.1", FRANKFURT.0),
        ("PL", "83.0.0.1", FRANKFURT.0),
        ("SE", "81.224.0.1", FRANKFURT.0),
        ("TR", "78.160.0.1", FRANKFURT.0),
        ("EG", "41.32.0.1", FRANKFURT.0),
        ("US", "4.2.2.1", VIRGINIA.0),
        ("CA", "24.64.0.1", VIRGINIA.0),
        ("BR", "177.0.0.1", SAO_PAULO.0),
        ("AR", "181.0.0.1", SAO_PAULO.0),
        ("JP", "202.232.0.1", TOKYO.0),
        ("KR", "211.32.0.1", TOKYO.0),
        ("AU", "1.128.0.1", SYDNEY.0),
        ("NZ", "122.56.0.1", SYDNEY.0),
        ("IN", "117.192.0.1", MUMBAI.0),
        ("SG", "116.86.0.1", MUMBAI.0),
        ("ZA", "41.0.0.1", CAPE_TOWN.0),
        ("JP", "2001:240::1", TOKYO.0),
    ];
    check(&pop, &origins, &cases);
    assert_eq!(pop.status_of("/geo/source"), "built-in");
    // One connection, many clients behind it: the place is the request's, not the connection's.
    let mut client = portolan_tests::Client::to(pop.address());
    for (_, address, region) in &cases[..12] {
        let answer = client.ask(&Ask::get("/").from(address)).unwrap();
        assert_eq!(answer.field("x-origin"), Some(*region), "{address}");
    }
}

#[test]
fn cities_by_a_database_and_networks_by_the_operator() {
    let Some(database) = binaries::maxmind("GeoIP2-City-Test.mmdb") else {
        println!("skipped: MaxMind's test databases are not here; PORTOLAN_MAXMIND names their folder");
        return;
    };
    let (origins, service) = world();
    let geo = format!(
        "[geo]\ndatabase = {database:?}\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
         overrides = {{ \"10.1.0.0/16\" = \"BR\", \"10.1.2.0/24\" = {{ country = \"AU\", location = {{ latitude = -33.9, \
         longitude = 151.2 }} }}, \"81.2.69.0/24\" = \"ZA\" }}\n"
    );
    let config = service.site().replace("[geo]\ntrusted_proxies = [\"127.0.0.0/8\"]\n", &geo);
    let pop = Pop::start(&config);
    check(
        &pop,
        &origins,
        &[
            ("GB", "2.125.160.216", FRANKFURT.0),
            ("SE", "89.160.20.112", FRANKFURT.0),
            // Washington state: by country alone it would be Virginia.
            ("US", "216.160.83.56", OREGON.0),
            ("CN", "175.16.199.1", TOKYO.0),
            ("BT", "67.43.156.1", MUMBAI.0),
            ("JP", "2001:218::1", TOKYO.0),
            // What the operator says goes before the database, the longest prefix first.
            ("BR", "10.1.0.1", SAO_PAULO.0),
            ("AU", "10.1.2.1", SYDNEY.0),
            ("ZA", "81.2.69.142", CAPE_TOWN.0),
            // Known to nobody: as near as the PoP.
            ("-", "10.9.9.9", FRANKFURT.0),
        ],
    );
    assert_eq!(pop.status_of("/geo/source"), "database");
    assert_eq!(pop.status_of("/geo/overrides"), true);
}

#[test]
fn only_trusted_peers_are_believed() {
    let (origins, service) = world();
    let trusting_nobody = service.site().replace("trusted_proxies = [\"127.0.0.0/8\"]\n", "");
    let pop = Pop::start(&trusting_nobody);
    let answer = pop.ask(&Ask::get("/").from("202.232.0.1").field("forwarded", "for=202.232.0.1"));
    assert_eq!(answer.field("x-origin"), Some(FRANKFURT.0), "a claim of a stranger moved it");
    let seen = origins[0].only();
    assert_eq!(seen.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.field("forwarded"), Some("for=127.0.0.1;proto=http;host=shop.example"));
}

#[test]
fn the_nearest_hop_that_is_no_proxy_counts() {
    let (_origins, service) = world();
    let pop = Pop::start(&service.site());
    for (name, value, region) in [
        // What the client wrote itself stands on the left and is not believed.
        ("x-forwarded-for", "217.0.0.1, 202.232.0.1", TOKYO.0),
        ("x-forwarded-for", "202.232.0.1, 127.0.0.9", TOKYO.0),
        ("x-forwarded-for", "rubbish", FRANKFURT.0),
        ("forwarded", "for=1.128.0.1;proto=https, for=127.0.0.3", SYDNEY.0),
        ("forwarded", "for=\"[2001:240::1]:4711\"", TOKYO.0),
    ] {
        let answer = pop.ask(&Ask::get("/").field(name, value));
        assert_eq!(answer.field("x-origin"), Some(region), "{name}: {value}");
    }
}

#[test]
fn equally_near_regions_share_by_weight() {
    let (near, also_near, far) = (named("a"), named("b"), named("c"));
    let beside = ("eu-mainz", 50.0, 8.27);
    let service = Service::new("shop")
        .region_with(FRANKFURT, &[near.url()], "weight = 300")
        .region_with(beside, &[also_near.url()], "weight = 100")
        .region(TOKYO, &[far.url()]);
    let pop = Pop::start(&service.site());
    let mut client = portolan_tests::Client::to(pop.address());
    for _ in 0..400 {
        assert_eq!(client.ask(&Ask::get("/").from("217.0.0.1")).unwrap().status, 200);
    }
    let (a, b, c) = (near.seen().len(), also_near.seen().len(), far.seen().len());
    // 300 and 100 expected; five standard deviations are 43.
    assert!((257..=343).contains(&a) && b == 400 - a && c == 0, "a {a}, b {b}, c {c}");
}

#[test]
fn a_region_at_its_capacity_spills_to_the_next() {
    let gate = portolan_tests::scripts::Gate::default();
    let (small, next) = (portolan_tests::scripts::gated("small", &gate), named("next"));
    let service =
        Service::new("shop").region_with(FRANKFURT, &[small.url()], "capacity = 2").region(VIRGINIA, &[next.url()]);
    let pop = Pop::start(&service.site());
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut client = portolan_tests::Client::to(pop.address());
            client.send(&Ask::get("/held").from("217.0.0.1").bytes());
            client
        })
        .collect();
    portolan_tests::wait_until("both are with the small region", || small.seen().len() == 2);
    for _ in 0..10 {
        assert_eq!(
            pop.ask(&Ask::get("/").from("217.0.0.1")).text(),
            "next",
            "a third request in a region that holds two"
        );
    }
    gate.open();
    for mut client in held {
        assert_eq!(client.answer("GET").unwrap().status, 200);
    }
}

#[test]
fn a_region_that_fills_up_spills_and_takes_it_all_back() {
    let gate = portolan_tests::scripts::Gate::default();
    let (small, next) = (portolan_tests::scripts::gated("small", &gate), named("next"));
    let service = Service::new("shop").with("spill_from = 0.1");
    let service = service.region_with(FRANKFURT, &[small.url()], "capacity = 10").region(VIRGINIA, &[next.url()]);
    let pop = Pop::start(&service.site());
    let held: Vec<_> = (0..9)
        .map(|_| {
            let mut client = portolan_tests::Client::to(pop.address());
            client.send(&Ask::get("/held").from("217.0.0.1").bytes());
            client
        })
        .collect();
    portolan_tests::wait_until("the first ones are held", || small.seen().len() >= 5);
    let spill = || pop.status_of(&format!("/services/shop/regions/{}/spill", FRANKFURT.0)).as_f64().unwrap();
    portolan_tests::wait_until("it spills", || spill() > 0.03);
    gate.open();
    for mut client in held {
        assert_eq!(client.answer("GET").unwrap().status, 200);
    }
    portolan_tests::wait_until("it takes all of it back", || spill() == 0.0);
}
