//! Databases good and bad, and the order of the sources of a place.
//! Owns nothing; reads MaxMind's own test files where they are present. Called by: `cargo test`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod maxmind;
mod writer;

use std::sync::Arc;

use proptest::prelude::*;

use self::writer::{Value, database};
use super::country as country_of;
use super::*;
use crate::base::clock::monotonic;

fn text(text: &'static str) -> Value {
    Value::Text(text)
}

fn names(english: &'static str) -> Value {
    Value::Map(vec![("names", Value::Map(vec![("de", text("anders")), ("en", text(english))]))])
}

fn london() -> Value {
    Value::Map(vec![
        ("city", names("London")),
        ("continent", Value::Map(vec![("code", text("EU"))])),
        ("country", Value::Map(vec![("geoname_id", Value::Number(7)), ("iso_code", text("GB"))])),
        (
            "location",
            Value::Map(vec![
                ("accuracy_radius", Value::Short(20)),
                ("latitude", Value::Double(51.5142)),
                ("longitude", Value::Double(-0.0931)),
            ]),
        ),
        ("subdivisions", Value::List(vec![names("England"), names("City of London")])),
        ("traits", Value::Map(vec![("autonomous_system_number", Value::Number(20712))])),
    ])
}

fn nested() -> Vec<u8> {
    let country_only = Value::Map(vec![("country", Value::Map(vec![("iso_code", text("de"))]))]);
    let coded = Value::Map(vec![("subdivisions", Value::List(vec![Value::Map(vec![("iso_code", text("CA"))])]))]);
    let traits_only = Value::Map(vec![("traits", Value::Map(vec![("is_anycast", Value::Number(1))]))]);
    database(
        6,
        &[
            ("1.0.0.0/8", traits_only),
            ("81.0.0.0/8", country_only),
            ("81.2.69.0/24", london()),
            ("82.0.0.0/8", coded),
            ("2001:db8::/32", london()),
        ],
    )
}

fn flat(ip_version: u16, number: fn(f64) -> Value) -> Vec<u8> {
    let full = Value::Map(vec![
        ("city", text("Kyoto")),
        ("country_code", text("JP")),
        ("latitude", number(35.0)),
        ("longitude", number(135.75)),
        ("postcode", text("")),
        ("state1", text("Kyoto Prefecture")),
    ]);
    let blank = Value::Map(vec![("city", text("")), ("country_code", text("")), ("state1", text(""))]);
    let unset = Value::Map(vec![("country_code", text("FR")), ("latitude", number(0.0)), ("longitude", number(0.0))]);
    let off = Value::Map(vec![("country_code", text("FR")), ("latitude", number(95.0)), ("longitude", number(1.0))]);
    let records = [("20.0.0.0/8", full), ("21.0.0.0/8", blank), ("22.0.0.0/8", unset), ("23.0.0.0/8", off)];
    database(ip_version, &records)
}

fn double(number: f64) -> Value {
    Value::Double(number)
}

fn float(number: f64) -> Value {
    Value::Float(number as f32)
}

fn at(ip: &str) -> IpAddr {
    ip.parse().unwrap()
}

#[test]
fn maxmind_schema() {
    let database = Database::from_bytes(nested()).unwrap();
    assert_eq!((database.schema(), database.kind(), database.lists_ipv6()), (Schema::Nested, "test", true));
    for ip in ["81.2.69.142", "::ffff:81.2.69.142", "2001:db8::5"] {
        let place = database.lookup(at(ip)).unwrap();
        assert_eq!(
            place,
            Place {
                country: "GB".parse().ok(),
                continent: Some(*b"EU"),
                region: Some("England".into()),
                city: Some("London".into()),
                location: Location::new(51.5142, -0.0931),
                asn: Some(20712),
                radius_km: Some(20),
                source: PlaceSource::Database,
            }
        );
    }
    assert_eq!(database.lookup(at("81.9.9.9")).unwrap().country.unwrap().as_str(), "DE");
    assert_eq!(database.lookup(at("82.1.1.1")).unwrap().region.as_deref(), Some("CA"));
    assert_eq!(database.lookup(at("1.1.1.1")), None, "a record without any place is no place");
    assert_eq!(database.lookup(at("9.9.9.9")), None);
}

#[test]
fn flat_schema_with_floats_of_either_width() {
    for (ip_version, number) in [(4, double as fn(f64) -> Value), (6, float)] {
        let database = Database::from_bytes(flat(ip_version, number)).unwrap();
        assert_eq!(database.schema(), Schema::Flat);
        let place = database.lookup(at("::ffff:20.1.2.3")).unwrap();
        assert_eq!(place.country.unwrap().as_str(), "JP");
        assert_eq!((place.city.as_deref(), place.region.as_deref()), (Some("Kyoto"), Some("Kyoto Prefecture")));
        assert_eq!(place.location, Location::new(35.0, 135.75));
        assert_eq!(database.lookup(at("21.1.1.1")), None, "empty texts say nothing");
        assert_eq!(database.lookup(at("22.1.1.1")).unwrap().location, None, "0/0 is unset");
        assert_eq!(database.lookup(at("23.1.1.1")).unwrap().location, None, "off the globe");
        assert_eq!(database.lookup(at("2001:db8::1")), None, "unknown, also to an IPv4-only file");
    }
}

#[test]
fn autonomous_systems() {
    let record = Value::Map(vec![
        ("autonomous_system_number", Value::Number(64496)),
        ("autonomous_system_organization", text("Example")),
    ]);
    let database = Database::from_bytes(database(4, &[("20.0.0.0/8", record)])).unwrap();
    assert_eq!(database.lookup(at("20.0.0.1")).unwrap().asn, Some(64496));
}

fn opened(bytes: &[u8]) -> Result<Database, GeoError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let result = Database::open(file.path());
    if let Err(error) = &result {
        assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error} does not name the file");
    }
    result
}

#[test]
fn a_file_that_cannot_serve_is_refused() {
    let missing = Database::open("/nonexistent/city.mmdb".as_ref()).unwrap_err();
    assert!(matches!(missing.kind, GeoErrorKind::Read(_)) && missing.to_string().contains("/nonexistent/city.mmdb"));

    let good = nested();
    assert!(opened(&good).is_ok());
    for length in 0..good.len() - 1 {
        assert!(opened(&good[..length]).is_err(), "cut off after {length} of {} bytes", good.len());
    }
    assert!(matches!(opened(b"<html>not found</html>").unwrap_err().kind, GeoErrorKind::Format(_)));

    let nothing = database(4, &[]);
    assert!(matches!(opened(&nothing).unwrap_err().kind, GeoErrorKind::Empty));
    let foreign = database(4, &[("1.0.0.0/8", Value::Map(vec![("fruit", text("pear"))]))]);
    assert!(matches!(opened(&foreign).unwrap_err().kind, GeoErrorKind::Schema));
    let mistyped =
        database(4, &[("1.0.0.0/8", Value::Map(vec![("country_code", text("DE")), ("latitude", text("51"))]))]);
    let error = opened(&mistyped).unwrap_err();
    assert!(matches!(error.kind, GeoErrorKind::Record { .. }) && error.to_string().contains("1.0.0.0"), "{error}");

    // A node that leads to itself: a branch without end.
    let mut endless = nested();
    endless[..6].copy_from_slice(&[0; 6]);
    assert!(opened(&endless).is_err());
}

/// A tree whose every level leads twice to the next has 2^96 ways to its end: the check takes each node once.
#[test]
fn a_tree_of_aliases_does_not_hold_up_the_check() {
    let record = Value::Map(vec![("country_code", text("DE"))]);
    let mut bytes = database(6, &[("::ffff:ffff/128", record)]);
    for node in 0..120u8 {
        bytes[usize::from(node) * 6..][..6].copy_from_slice(&[0, 0, node + 1, 0, 0, node + 1]);
    }
    let database = Database::from_bytes(bytes).unwrap();
    assert!(database.lookup(at("2001:db8::ff")).is_some());
}

proptest! {
    /// Damaged anywhere, a file is refused or serves; it never panics or hangs.
    #[test]
    fn damage_is_survived(spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), ip in any::<u128>()) {
        for mut bytes in [nested(), flat(4, float)] {
            for (index, value) in &spots {
                let index = index.index(bytes.len());
                bytes[index] = *value;
            }
            if let Ok(database) = Database::from_bytes(bytes) {
                for ip in [at("81.2.69.142"), at("20.1.1.1"), IpAddr::V6(ip.into()), IpAddr::V4((ip as u32).into())] {
                    let _ = database.lookup(ip);
                }
                let _ = database.built_at();
            }
        }
    }
}

#[test]
fn overrides_then_database_then_the_pop() {
    let frankfurt = Location::new(50.11, 8.68).unwrap();
    let here = Location::new(1.0, 2.0).unwrap();
    let country = |code: &str| code.parse::<CountryCode>().unwrap();
    let geo = Geo {
        overrides: [
            ("10.1.0.0/16", Override::Country(country("JP"))),
            ("10.2.0.0/16", Override::Location(here)),
            ("10.3.0.0/16", Override::Both(country("BR"), here)),
            ("81.2.69.128/25", Override::Location(here)),
            ("81.2.70.0/24", Override::Country(country("ZZ"))),
        ]
        .into_iter()
        .map(|(network, value)| (network.parse().unwrap(), value))
        .collect(),
        database: Some(Arc::new(Database::from_bytes(nested()).unwrap())),
        pop: Some(frankfurt),
    };
    let centre = |code: &str| country_of(country(code)).unwrap().centre;
    for (ip, code, continent, location, source) in [
        ("10.1.2.3", Some("JP"), Some(b"AS"), centre("JP"), PlaceSource::Override),
        ("10.2.2.3", None, None, here, PlaceSource::Override),
        ("10.3.2.3", Some("BR"), Some(b"SA"), here, PlaceSource::Override),
        ("::ffff:10.3.2.3", Some("BR"), Some(b"SA"), here, PlaceSource::Override),
        ("81.2.69.142", Some("GB"), Some(b"EU"), here, PlaceSource::Override), // only the location is known better
        ("81.2.69.1", Some("GB"), Some(b"EU"), Location::new(51.5142, -0.0931).unwrap(), PlaceSource::Database),
        ("81.2.70.1", Some("ZZ"), None, frankfurt, PlaceSource::Override), // nobody knows where ZZ is
        ("81.3.0.1", Some("DE"), Some(b"EU"), centre("DE"), PlaceSource::Database),
        ("8.8.8.8", None, None, frankfurt, PlaceSource::Pop), // the file replaces the built-in data
    ] {
        let place = geo.locate(at(ip));
        let got = (place.country.map(country_text), place.continent, place.location, place.source);
        assert_eq!(got, (code.map(str::to_owned), continent.copied(), Some(location), source), "{ip}");
    }
    assert_eq!(geo.locate(at("81.2.69.142")).city, None, "a city elsewhere is not kept beside a better location");
}

fn country_text(code: CountryCode) -> String {
    code.to_string()
}

#[test]
fn without_a_file_the_built_in_data_answers() {
    let geo = Geo::default();
    let place = geo.locate(at("::ffff:8.8.8.8"));
    assert_eq!((place.country.unwrap().as_str(), place.source), ("US", PlaceSource::BuiltIn));
    assert_eq!(place.continent, Some(*b"NA"));
    assert!(place.location.is_some() && place.radius_km.unwrap() > 1000);
    // The npm file says Australia of the first and Japan of the last.
    for ip in ["192.168.1.1", "10.0.0.1", "100.64.0.1", "127.0.0.1", "::1", "fd00::1", "fe80::1", "2001:db8::1"] {
        assert_eq!(geo.locate(at(ip)), Place::unknown(PlaceSource::Pop), "{ip}");
    }
}

/// Not a check: `cargo test --release -p portolan --lib geo::tests::cost -- --ignored --nocapture`.
#[test]
#[ignore = "prints the cost of a look-up"]
fn cost() {
    let measure = |name: &str, geo: &Geo| {
        let addresses: Vec<IpAddr> =
            (0..100_000u32).map(|n| IpAddr::V4(n.wrapping_mul(2_654_435_761).into())).collect();
        let start = monotonic();
        let known = addresses.iter().filter(|ip| geo.locate(**ip).source != PlaceSource::Pop).count();
        let each = start.elapsed().as_nanos() / addresses.len() as u128;
        println!("{name}: {each} ns a look-up, {known} of {} known", addresses.len());
    };
    let start = monotonic();
    assert!(built_in().lookup(at("8.8.8.8")).is_some());
    assert!(country_of("DE".parse().unwrap()).is_some());
    println!("built-in data ready in {:?}", start.elapsed());
    measure("built-in countries", &Geo::default());
    if let Ok(path) = std::env::var("GEO_DATABASE") {
        let start = monotonic();
        let database = Database::open(path.as_ref()).unwrap();
        println!("{path} opened in {:?}: {database:?}", start.elapsed());
        measure(&path, &Geo { database: Some(Arc::new(database)), ..Geo::default() });
    }
}
