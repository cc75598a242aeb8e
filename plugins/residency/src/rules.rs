//! The configuration of `residency`, and what it means for each country once the regions are known.
//!
//! Everything that does not depend on the request is worked out here, once per instance. Called by `lib.rs`.

use portolan_policy::{RegionId, Regions};
use serde::Deserialize;

use crate::countries::Country;

/// The configuration as the operator writes it; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "zone")]
    label: String,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    rules: Vec<Rule>,
    otherwise: Option<Access>,
    unknown: Option<Access>,
    status: Option<u16>,
}

fn zone() -> String {
    "zone".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    countries: Vec<String>,
    allow: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Allow,
    Reject,
}

impl Config {
    /// RFC 7725: unavailable for legal reasons.
    pub(crate) fn status(&self) -> u16 {
        self.status.unwrap_or(451)
    }

    /// Whether a verdict depends on the client's country.
    pub(crate) fn asks_country(&self) -> bool {
        !self.rules.is_empty() || self.unknown.is_some()
    }

    /// What can be said without knowing the regions.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.allow.is_empty() && self.rules.is_empty() {
            return Err("config: needs `allow`, a list of regions or label values, or `rules` by country".to_owned());
        }
        if !self.allow.is_empty() && self.otherwise.is_some() {
            return Err("config.otherwise: `allow` already says what holds where no rule does".to_owned());
        }
        if !matches!(self.status(), 403 | 451) {
            return Err(format!("config.status: {} is neither 451 nor 403", self.status()));
        }
        for (place, rule) in self.rules.iter().enumerate() {
            if rule.allow.is_empty() {
                return Err(format!(
                    "config.rules[{place}].allow: is empty; `otherwise = \"reject\"` rejects the rest"
                ));
            }
            if let Some(word) = rule.countries.iter().find(|word| Country::named(word).is_none()) {
                return Err(format!(
                    "config.rules[{place}].countries: `{word}` is neither a two-letter country code nor `eu` or `eea`"
                ));
            }
        }
        Ok(())
    }

    /// The regions that a list of names and label values stands for.
    fn regions(&self, key: &str, words: &[String], regions: &Regions) -> Result<Vec<RegionId>, String> {
        let mut found = Vec::new();
        for word in words {
            let before = found.len();
            found.extend(
                regions
                    .iter()
                    .filter(|region| region.name == *word || region.label(&self.label) == Some(word))
                    .map(|region| region.id),
            );
            if found.len() == before {
                return Err(format!("config.{key}: `{word}` is no region and no value of label `{}`", self.label));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// What holds for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Any region.
    Open,
    /// These regions, of every service.
    Fence(Vec<RegionId>),
    /// No region.
    Closed,
}

impl From<Access> for Ruling {
    fn from(access: Access) -> Self {
        match access {
            Access::Allow => Self::Open,
            Access::Reject => Self::Closed,
        }
    }
}

/// The configuration, worked out for the regions that there are.
#[derive(Debug)]
pub(crate) struct Rulings {
    by_country: Vec<(Country, Ruling)>,
    otherwise: Ruling,
    unknown: Ruling,
    ask_country: bool,
}

impl Rulings {
    /// Fails for a name that is no region and no label value: a misspelt fence would reject everyone.
    pub(crate) fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        let otherwise = if config.allow.is_empty() {
            config.otherwise.map_or(Ruling::Open, Ruling::from)
        } else {
            Ruling::Fence(config.regions("allow", &config.allow, regions)?)
        };
        let mut by_country: Vec<(Country, Ruling)> = Vec::new();
        for (place, rule) in config.rules.iter().enumerate() {
            let fence = config.regions(&format!("rules[{place}].allow"), &rule.allow, regions)?;
            for country in rule.countries.iter().filter_map(|word| Country::named(word)).flatten() {
                // The first rule that names a country holds.
                if !by_country.iter().any(|(known, _)| *known == country) {
                    by_country.push((country, Ruling::Fence(fence.clone())));
                }
            }
        }
        by_country.sort_by_key(|(country, _)| *country);
        let unknown = config.unknown.map_or_else(|| otherwise.clone(), Ruling::from);
        Ok(Self { by_country, otherwise, unknown, ask_country: config.asks_country() })
    }

    /// Whether a verdict depends on the client's country.
    pub(crate) fn ask_country(&self) -> bool {
        self.ask_country
    }

    /// What holds for a client of this country.
    pub(crate) fn on(&self, country: Option<Country>) -> &Ruling {
        let Some(country) = country else {
            return if self.ask_country { &self.unknown } else { &self.otherwise };
        };
        match self.by_country.binary_search_by_key(&country, |(known, _)| *known) {
            Ok(place) => &self.by_country[place].1,
            Err(_) => &self.otherwise,
        }
    }
}
