//! What the policy says, by tables.

use portolan_policy::Health;
use portolan_policy::testing::World;

use super::*;

const BY_COUNTRY: &str = r#"{
    "label": "zone",
    "rules": [
        { "countries": ["DE", "FR"], "allow": ["fra"] },
        { "countries": ["eu"], "allow": ["eu"] },
        { "countries": ["US"], "allow": ["us"] }
    ]
}"#;

fn world() -> World {
    World::new()
        .region("fra", &[("zone", "eu")])
        .region("dub", &[("zone", "eu")])
        .region("iad", &[("zone", "us")])
        .region_of("blog", "syd", &[("zone", "ap")])
}

fn with(extra: &str) -> String {
    BY_COUNTRY.replacen('{', &format!("{{ {extra},"), 1)
}

#[test]
fn a_fence_for_everyone() {
    let down = |request: portolan_policy::testing::Request| {
        request.health("fra", Health::Down, 9).health("dub", Health::Down, 9)
    };
    for (config, expected) in [
        (r#"{ "allow": ["eu"] }"#, "route fence=fra,dub"),
        (r#"{ "allow": ["fra"] }"#, "route fence=fra"),
        (r#"{ "label": "zone", "allow": ["us", "fra", "iad"] }"#, "route fence=fra,iad"),
        (
            r#"{ "allow": ["syd"], "status": 403 }"#,
            "403 No region may serve this request: none of the regions of this service is one that may (data residency).\n",
        ),
    ] {
        let policy = world().load::<Residency>(config).unwrap();
        assert!(policy.manifest().fields.is_empty(), "the country is not asked for where nothing depends on it");
        assert_eq!(policy.ask(world().request()), expected, "{config}");
        assert_eq!(policy.ask(down(world().request())), expected, "{config}: a region that is down stays inside");
        assert_eq!(
            policy.ask(world().request().without("fra").pinned("iad", "")),
            expected,
            "{config}: pins change nothing"
        );
    }
}

#[test]
fn a_fence_by_country() {
    let nobody = |whose: &str| format!("451 No region may serve {whose}: no rule allows them (data residency).\n");
    let closed = with(r#""otherwise": "reject""#);
    let known = with(r#""unknown": "reject""#);
    let rest = with(r#""allow": ["iad"], "unknown": "allow""#);
    for (config, country, expected) in [
        (BY_COUNTRY, Some("DE"), "route fence=fra".to_owned()),
        (BY_COUNTRY, Some("de"), "route fence=fra".to_owned()),
        (BY_COUNTRY, Some("IE"), "route fence=fra,dub".to_owned()),
        (BY_COUNTRY, Some("US"), "route fence=iad".to_owned()),
        (BY_COUNTRY, Some("JP"), "pass".to_owned()),
        (BY_COUNTRY, Some("XX"), "pass".to_owned()),
        (BY_COUNTRY, None, "pass".to_owned()),
        (&closed, Some("JP"), nobody("requests from JP")),
        (&closed, None, nobody("requests whose country is unknown")),
        (&known, Some("JP"), "pass".to_owned()),
        (&known, Some("EU"), nobody("requests whose country is unknown")),
        (&known, None, nobody("requests whose country is unknown")),
        (&rest, Some("JP"), "route fence=iad".to_owned()),
        (&rest, Some("FR"), "route fence=fra".to_owned()),
        (&rest, None, "pass".to_owned()),
    ] {
        let policy = world().load::<Residency>(config).unwrap();
        let request = match country {
            Some(country) => world().request().field("client.country", country),
            None => world().request(),
        };
        assert_eq!(policy.ask(request), expected, "{country:?} {config}");
    }
}

#[test]
fn a_fence_holds_regions_of_the_requests_service_only() {
    let policy = world().load::<Residency>(r#"{ "label": "zone", "allow": ["eu", "ap"] }"#).unwrap();
    assert_eq!(policy.ask(world().request()), "route fence=fra,dub");
    assert_eq!(policy.ask(world().request_to("blog")), "route fence=syd");
}

#[test]
fn errors_name_the_key() {
    let words = |config: &str| world().load::<Residency>(config).err().unwrap_or_default();
    for (config, expected) in [
        ("{}", "config: needs `allow`, a list of regions or label values, or `rules` by country"),
        (r#"{ "label": "zone", "allow": ["ue"] }"#, "config.allow: `ue` is no region and no value of label `zone`"),
        (r#"{ "label": "area", "allow": ["eu"] }"#, "config.allow: `eu` is no region and no value of label `area`"),
        (r#"{ "allow": ["fra"], "status": 200 }"#, "config.status: 200 is neither 451 nor 403"),
        (
            r#"{ "allow": ["fra"], "otherwise": "reject" }"#,
            "config.otherwise: `allow` already says what holds where no rule does",
        ),
        (
            r#"{ "rules": [{ "countries": ["Germany"], "allow": ["fra"] }] }"#,
            "config.rules[0].countries: `Germany` is neither a two-letter country code nor `eu` or `eea`",
        ),
        (
            r#"{ "rules": [{ "countries": ["DE"], "allow": [] }] }"#,
            "config.rules[0].allow: is empty; `otherwise = \"reject\"` rejects the rest",
        ),
        (
            r#"{ "rules": [{ "countries": ["DE"], "allow": ["x"] }] }"#,
            "config.rules[0].allow: `x` is no region and no value of label `zone`",
        ),
        (r#"{ "rules": [{ "allow": ["x"] }] }"#, "config.rules[0]: missing field `countries`"),
    ] {
        assert_eq!(words(config), expected, "{config}");
    }
}
