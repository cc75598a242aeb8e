//! The country data inside the binary, and where each country is.
//! Owns: the embedded database and the table of centres. Never: reads a file at run time.
//! Called by: `Geo`. `router/data/README.md` has sources and licences; `cargo xtask geo-data` refreshes them.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::database::Database;
use super::record::Schema;
use crate::base::{CountryCode, Location};

/// Raw, not compressed: it costs 7.8 MB of the binary, mapped and paged in as it is asked, and nothing at start.
static DATABASE: &[u8] = include_bytes!("../../data/countries.mmdb");
static COUNTRIES: &str = include_str!("../../data/countries.tsv");

/// Where a country is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Country {
    /// Its continent: `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`.
    pub continent: [u8; 2],
    /// Its centre of population, not of area: clients are where the people are.
    pub centre: Location,
    /// Root mean square distance of its people from the centre, in kilometres: how much the centre says.
    pub radius_km: u16,
}

/// The country database inside the binary.
///
/// # Panics
/// Never in a build whose tests passed: a test opens and walks the same bytes.
#[must_use]
pub fn built_in() -> &'static Database {
    static OPEN: LazyLock<Database> =
        LazyLock::new(|| Database::built_in(DATABASE, Schema::Flat).expect("a test walks these very bytes"));
    &OPEN
}

/// Where a country is; nothing for a code that is not in the table.
#[must_use]
pub fn country(code: CountryCode) -> Option<&'static Country> {
    static TABLE: LazyLock<HashMap<CountryCode, Country>> =
        LazyLock::new(|| COUNTRIES.lines().filter_map(row).collect());
    TABLE.get(&code)
}

/// A line of the table: code, continent, latitude, longitude, radius in km. Lines with `#` are comments.
fn row(line: &str) -> Option<(CountryCode, Country)> {
    let mut fields = line.split('\t');
    let code = CountryCode::from_bytes(fields.next()?.as_bytes())?;
    let continent = fields.next()?.as_bytes().try_into().ok()?;
    let centre = Location::new(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)?;
    let radius_km = fields.next()?.parse().ok()?;
    Some((code, Country { continent, centre, radius_km }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every line of the table counts, and every country of the database is in it.
    #[test]
    fn every_country_has_a_centre() {
        for line in COUNTRIES.lines().filter(|line| !line.starts_with('#')) {
            assert!(row(line).is_some(), "not a row: {line:?}");
        }
        let reader = maxminddb::Reader::from_source(DATABASE).unwrap();
        let mut codes = BTreeSet::new();
        let mut networks = 0;
        for record in reader.networks(maxminddb::WithinOptions::default()).unwrap() {
            let code: Option<&str> = record.unwrap().decode_path(&maxminddb::path!["country_code"]).unwrap();
            codes.insert(code.unwrap().to_owned());
            networks += 1;
        }
        assert!(networks > 900_000, "{networks} networks");
        assert!(codes.len() > 240, "{} countries", codes.len());
        let missing: Vec<_> = codes.iter().filter(|code| country(code.parse().unwrap()).is_none()).collect();
        assert!(missing.is_empty(), "no centre for {missing:?}");
    }

    /// What `built_in` leaves out at start: the whole check, on the same bytes.
    #[test]
    fn the_embedded_database_is_sound() {
        let checked = Database::from_bytes(DATABASE.to_vec()).unwrap();
        assert_eq!(checked.schema(), built_in().schema());
        for (ip, code) in [("8.8.8.8", "US"), ("81.2.69.142", "GB"), ("193.0.6.139", "NL"), ("2001:67c:2e8::1", "NL")] {
            let place = built_in().lookup(ip.parse().unwrap()).unwrap();
            assert_eq!(place.country.unwrap().as_str(), code, "{ip}");
        }
        for ip in ["10.1.2.3", "127.0.0.1", "::1", "fe80::1"] {
            assert_eq!(built_in().lookup(ip.parse().unwrap()), None, "{ip}");
        }
    }

    #[test]
    fn centres_are_where_people_live() {
        let km = |code: &str, latitude, longitude| {
            let found = country(code.parse().unwrap()).unwrap();
            found.centre.distance_km(Location::new(latitude, longitude).unwrap())
        };
        assert!(km("DE", 51.0, 10.0) < 150.0, "Germany's people are around its middle");
        assert!(km("AU", -33.9, 147.0) < 600.0, "Australia's people live in the south-east, not in the desert");
        assert!(km("FR", 48.0, 2.3) < 250.0);
        assert!(km("SG", 1.35, 103.8) < 30.0);
        assert!(km("FJ", -18.0, 178.2) < 150.0, "a country on the date line is not averaged to Africa");
        assert_eq!(country("DE".parse().unwrap()).unwrap().continent, *b"EU");
        assert_eq!(country("ZZ".parse().unwrap()), None);
    }
}
