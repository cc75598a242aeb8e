//! From `raw` to meaning: what the keys say together.
//!
//! Owns which keys are needed, how they relate and what holds where they are silent. Total: it reports every error it
//! can see and goes on. Reads no files but secrets; that a component, certificate, directory or database exists is
//! found out when it is loaded. Called by `read`.

mod boot;
mod bundle;
mod cache;
mod component;
mod health;
mod outgoing;
mod policy;
mod region;
mod role;
mod route;
mod secret;
mod service;

use super::diagnostic::{Diagnostic, Source};
use super::raw::{RawConfig, RawGeo, RawLocation, RawPlace, RawPop};
use super::read::Removed;
use super::value::{At, Field, FileName, Name, Span, TextField, Written};
use super::{AffinityKey, Boot, Config, GeoSettings, Live, Place, PlaceOverride, Pop};
use crate::base::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The meaning of a whole file; none when something in it is wrong.
pub(super) fn resolve(
    source: &Source<'_>,
    raw: &At<RawConfig>,
    base_dir: &Path,
    removed: &Removed,
    errors: &mut Vec<Diagnostic>,
) -> Option<Config> {
    let mut resolver = Resolver { source, base_dir, removed, errors, stored_max: None };
    let boot = resolver.boot(raw);
    resolver.stored_max = boot.as_ref().map(Boot::cache_object_max);
    let live = resolver.live(raw, boot.as_ref());
    Some(Config { boot: boot?, live: live? })
}

/// What every step of resolving needs.
struct Resolver<'a> {
    source: &'a Source<'a>,
    base_dir: &'a Path,
    removed: &'a Removed,
    errors: &'a mut Vec<Diagnostic>,
    /// The largest answer that the cache has room for, bytes; none while that is not known.
    stored_max: Option<u64>,
}

impl Resolver<'_> {
    fn live(&mut self, raw: &At<RawConfig>, boot: Option<&Boot>) -> Option<Live> {
        let pop = self.need(&raw.value.pop, &raw.span, "pop", "name and location of this edge site");
        let pop = pop.and_then(|pop| self.pop(pop));
        let geo = raw.value.geo.as_ref().map_or(Some(GeoSettings::default()), |geo| self.geo(&geo.value));
        let affinity_keys = self.affinity_keys(raw);
        let components = self.components(raw);
        let policies = self.policies(raw, &components);
        // With broken listeners nobody sees the result, so either answer will do.
        let all_tls = boot.is_some_and(|boot| boot.listeners.iter().all(|listener| listener.tls.is_some()));
        let services = self.services(raw, all_tls);
        let routes = self.routes(raw);
        let client = self.client(raw);
        Some(Live {
            pop: pop?,
            geo: geo?,
            affinity_keys: affinity_keys?,
            components,
            policies: policies?,
            services: services?,
            routes: routes?,
            client,
        })
    }

    fn pop(&mut self, pop: &At<RawPop>) -> Option<Pop> {
        let name = self.need(&pop.value.name, &pop.span, "name", "the name of this PoP");
        let location = self.need(&pop.value.location, &pop.span, "location", "{ latitude = .., longitude = .. }");
        let location = location.and_then(|location| self.location(location));
        Some(Pop { name: shared(name?), location: location? })
    }

    fn geo(&mut self, geo: &RawGeo) -> Option<GeoSettings> {
        let proxies = geo.trusted_proxies.as_ref().map_or(&[][..], |list| &list.value);
        let mut overrides = Vec::new();
        let mut complete = true;
        for (network, place) in geo.overrides.iter().flat_map(|overrides| &overrides.value.0) {
            match self.place(place) {
                Some(place) => overrides.push((network.value.0.0, place)),
                None => complete = false,
            }
        }
        let database = self.path(&geo.database);
        complete.then(|| GeoSettings {
            database,
            trusted_proxies: proxies.iter().map(|network| network.value.0.0).collect(),
            overrides,
        })
    }

    fn place(&mut self, place: &At<RawPlace>) -> Option<PlaceOverride> {
        let table = match &place.value {
            RawPlace::Country(country) => return Some(PlaceOverride { country: Some(country.0), location: None }),
            RawPlace::Table(table) => table,
        };
        if table.country.is_none() && table.location.is_none() && !self.removed.any(&place.span) {
            self.error(&place.span, "the place has neither country nor location").help.push("give one of them".into());
            return None;
        }
        let location = match &table.location {
            None => None,
            Some(location) => Some(self.location(location)?),
        };
        Some(PlaceOverride { country: table.country.as_ref().map(|country| country.value.0.0), location })
    }

    fn affinity_keys(&mut self, raw: &At<RawConfig>) -> Option<Vec<AffinityKey>> {
        let Some(list) = raw.value.affinity.as_ref().and_then(|affinity| affinity.value.keys.as_ref()) else {
            return Some(Vec::new());
        };
        let mut keys: Vec<AffinityKey> = Vec::new();
        let mut complete = true;
        for key in &list.value {
            let id = self.need(&key.value.id, &key.span, "id", "the identity of the key in cookies");
            let secret = self.affinity_secret(key);
            if let Some(id) = id
                && keys.iter().any(|other| other.id == id.value.0.0)
            {
                self.error(&id.span, format!("the key id \"{}\" is used twice", id.value.0.0));
            }
            match (id, secret) {
                (Some(id), Some(secret)) => keys.push(AffinityKey { id: id.value.0.0.clone(), secret }),
                _ => complete = false,
            }
        }
        complete.then_some(keys)
    }

    fn location(&mut self, location: &At<RawLocation>) -> Option<Location> {
        let latitude = self.need(&location.value.latitude, &location.span, "latitude", "degrees north, -90 to 90");
        let longitude = self.need(&location.value.longitude, &location.span, "longitude", "degrees east, -180 to 180");
        // Both are in range already, or they would not have been read.
        Location::new(latitude?.value.0, longitude?.value.0)
    }

    /// A key that must not be missing. Silent when it was there and wrong: that is reported already.
    fn need<'r, T>(&mut self, field: &'r Field<T>, table: &Span, key: &str, what: &str) -> Option<&'r At<T>> {
        if field.is_none() && !self.removed.key(table, key) {
            self.error(table, format!("`{key}` is missing")).help.push(format!("`{key}` is {what}"));
        }
        field.as_ref()
    }

    /// Reports an error, to which the caller may add.
    fn error(&mut self, span: &Span, message: impl Into<String>) -> &mut Diagnostic {
        self.errors.push(self.source.error(span, message));
        self.errors.last_mut().expect("one was pushed in the line before")
    }

    /// A file, from the folder of the configuration file on.
    fn path(&self, field: &TextField<FileName>) -> Option<PathBuf> {
        field.as_ref().map(|name| self.base_dir.join(&name.value.0.0))
    }

    /// Where a piece of the text stands, for errors that are found later.
    fn place_of(&self, span: &Span) -> Option<Place> {
        Some(self.source.place(span.start))
    }
}

/// The value of a key, or what holds without it.
fn or<T, V>(field: &Field<T>, value: impl Fn(&T) -> V, default: V) -> V {
    field.as_ref().map_or(default, |field| value(&field.value))
}

fn shared(name: &At<Written<Name>>) -> Arc<str> {
    name.value.0.0.as_str().into()
}

/// Most names that one error lists.
const KNOWN_MAX: usize = 20;

/// What exists, for a name that does not.
fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
    match names.len() {
        0 => "none is defined".into(),
        1..=KNOWN_MAX => format!("defined: {}", names.join(", ")),
        count => format!("defined: {} and {} more", names[..KNOWN_MAX].join(", "), count - KNOWN_MAX),
    }
}
