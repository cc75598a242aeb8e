//! The text of a PoP's configuration, put together from what a test cares about.
//!
//! Owns the defaults of tests (fast probes, no slow start) and the world's places. Gives plain TOML: a test may replace
//! or add any of it.

use std::fmt::Write;

use crate::binaries;

/// A place where a region can be: name, latitude, longitude.
pub type PlaceOf = (&'static str, f64, f64);

/// Regions around the world.
pub const FRANKFURT: PlaceOf = ("eu-frankfurt", 50.11, 8.68);
/// See [`FRANKFURT`].
pub const VIRGINIA: PlaceOf = ("us-virginia", 38.95, -77.45);
/// See [`FRANKFURT`].
pub const OREGON: PlaceOf = ("us-oregon", 45.59, -121.18);
/// See [`FRANKFURT`].
pub const TOKYO: PlaceOf = ("ap-tokyo", 35.68, 139.69);
/// See [`FRANKFURT`].
pub const SYDNEY: PlaceOf = ("ap-sydney", -33.87, 151.21);
/// See [`FRANKFURT`].
pub const MUMBAI: PlaceOf = ("ap-mumbai", 19.08, 72.88);
/// See [`FRANKFURT`].
pub const SAO_PAULO: PlaceOf = ("sa-saopaulo", -23.55, -46.63);
/// See [`FRANKFURT`].
pub const CAPE_TOWN: PlaceOf = ("af-capetown", -33.92, 18.42);

/// An address in Germany, for `x-forwarded-for`: Deutsche Telekom.
pub const IN_GERMANY: &str = "217.0.0.1";
/// An address in the United States: Level 3.
pub const IN_AMERICA: &str = "4.2.2.1";
/// An address in Japan: IIJ.
pub const IN_JAPAN: &str = "202.232.0.1";

/// The parts of a PoP that stands in Frankfurt, believes proxies on loopback, and listens on free ports.
pub fn pop() -> String {
    pop_named("test")
}

/// The same with another name.
pub fn pop_named(name: &str) -> String {
    format!(
        "[pop]\nname = \"{name}\"\nlocation = {{ latitude = 50.11, longitude = 8.68 }}\n\
         [[listeners]]\naddress = \"127.0.0.1:0\"\n\
         [admin]\naddress = \"127.0.0.1:0\"\n\
         {}",
        GEO_AND_PROCESS
    )
}

/// `[geo]` and `[process]` as tests want them; the folder of the policy cache is filled in by [`crate::Pop`].
const GEO_AND_PROCESS: &str =
    "[geo]\ntrusted_proxies = [\"127.0.0.0/8\"]\n[process]\nworkers = 2\npolicy_cache = \"@policy_cache@\"\n";

/// A service and the parts of it.
#[derive(Debug, Clone)]
pub struct Service {
    name: String,
    settings: String,
    regions: Vec<(PlaceOf, Vec<String>, String)>,
}

impl Service {
    /// A service without regions yet, which never ramps up slowly.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), settings: "slow_start = \"0s\"\n".to_owned(), regions: Vec::new() }
    }

    /// With more lines of settings.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.settings += line;
        self.settings.push('\n');
        self
    }

    /// With active probes that notice within a second, and forgive a machine that stands still for half of one.
    #[must_use]
    pub fn probed(self) -> Self {
        let probe = "http = { path = \"/healthz\" }, interval = \"300ms\", timeout = \"300ms\", fall = 3, rise = 2";
        self.with(&format!("health = {{ {probe} }}"))
    }

    /// With a region.
    #[must_use]
    pub fn region(self, place: PlaceOf, endpoints: &[String]) -> Self {
        self.region_with(place, endpoints, "")
    }

    /// With a region that has more lines of settings.
    #[must_use]
    pub fn region_with(mut self, place: PlaceOf, endpoints: &[String], settings: &str) -> Self {
        self.regions.push((place, endpoints.to_vec(), settings.to_owned()));
        self
    }

    /// Its text, without a route.
    pub fn text(&self) -> String {
        let mut text = format!("[services.{}]\n{}", self.name, self.settings);
        for ((region, latitude, longitude), endpoints, settings) in &self.regions {
            let _ = write!(
                text,
                "[services.{}.regions.{region}]\nlocation = {{ latitude = {latitude:?}, longitude = {longitude:?} }}\n\
                 endpoints = {endpoints:?}\n{settings}\n",
                self.name
            );
        }
        text
    }

    /// Its text with a route for everything.
    pub fn routed(&self) -> String {
        format!("{}[[routes]]\npath = \"/\"\nservice = \"{}\"\n", self.text(), self.name)
    }

    /// A whole PoP with this service alone.
    pub fn site(&self) -> String {
        pop() + &self.routed()
    }
}

/// A policy's section.
pub fn policy(name: &str, component: &std::path::Path, config: &str, more: &str) -> String {
    format!("[policies.{name}]\ncomponent = {component:?}\nconfig = {config}\n{more}\n")
}

/// The section of a policy that ships, with patience instead of the 2 ms of production: the tests share a machine with
/// compilers.
pub fn shipped(name: &str, config: &str, more: &str) -> String {
    policy(name, &binaries::plugin(name), config, &format!("limits = {{ time = \"500ms\" }}\n{more}"))
}
