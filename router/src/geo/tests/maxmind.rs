//! MaxMind's own test databases, where a clone has them (`MAXMIND_TEST_DATA`, or a folder beside the project).
//! Owns nothing; skips aloud otherwise. Called by: `cargo test`.

use std::path::PathBuf;

use super::*;

/// The folder with MaxMind's files, or a word that the test is skipped.
fn folder() -> Option<PathBuf> {
    let given = std::env::var_os("MAXMIND_TEST_DATA").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/maxmind");
    let deeper = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/maxmind");
    let found = [given, Some(beside), Some(deeper)].into_iter().flatten().find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: MaxMind's test databases are not here; set MAXMIND_TEST_DATA to their folder");
    }
    found
}

#[test]
fn good_files_serve() {
    let Some(folder) = folder() else { return };
    for file in ["GeoIP2-City-Test.mmdb", "GeoLite2-City-Test.mmdb"] {
        let database = Database::open(&folder.join(file)).unwrap();
        assert_eq!(database.schema(), Schema::Nested);
        for ip in ["81.2.69.142", "::ffff:81.2.69.142"] {
            let place = database.lookup(at(ip)).unwrap();
            assert_eq!(place.country.unwrap().as_str(), "GB");
            assert_eq!((place.continent, place.city.as_deref()), (Some(*b"EU"), Some("London")));
            assert_eq!(place.region.as_deref(), Some("England"));
            let centre = Location::new(51.5, -0.12).unwrap();
            assert!(place.location.unwrap().distance_km(centre) < 20.0 && place.radius_km.is_some());
        }
    }
    for file in ["GeoIP2-Country-Test.mmdb", "GeoLite2-Country-Test.mmdb"] {
        let place = Database::open(&folder.join(file)).unwrap().lookup(at("81.2.69.142")).unwrap();
        assert_eq!((place.country.unwrap().as_str(), place.location), ("GB", None));
    }
    let place = Database::open(&folder.join("GeoLite2-ASN-Test.mmdb")).unwrap().lookup(at("1.128.0.1")).unwrap();
    assert_eq!(place.asn, Some(1221));
}

#[test]
fn broken_files_are_refused() {
    let Some(folder) = folder() else { return };
    for file in [
        "GeoIP2-City-Test-Broken-Double-Format.mmdb",
        "GeoIP2-City-Test-Invalid-Node-Count.mmdb",
        "MaxMind-DB-test-broken-pointers-24.mmdb",
        "bad/cyclic-data-structure.mmdb",
        "bad/libmaxminddb-corrupt-search-tree.mmdb",
        "MaxMind-DB-no-ipv4-search-tree.mmdb", // sound, but its records are of no schema that we know
    ] {
        let error = Database::open(&folder.join(file)).unwrap_err().to_string();
        println!("{error}");
        assert!(error.contains(file), "{error}");
    }
}
