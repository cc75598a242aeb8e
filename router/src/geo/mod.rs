//! Where a client is: overrides, then the database, then the PoP's own place.
//! Owns: the sources of a place and their order; whose word is believed on the client's address (`forwarded`).
//! Never: does I/O on a look-up, watches files, or judges what is near (that is `steer`).
//! Called by: the data plane once per connection (or per request behind a trusted proxy), `explain`, the control plane
//! when a database changes.

mod built_in;
mod check;
mod database;
pub mod forwarded;
mod overrides;
mod place;
mod record;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

pub use self::built_in::{Country, built_in, country};
pub use self::database::{Database, GeoError, GeoErrorKind};
pub use self::overrides::{Override, Overrides};
pub use self::place::{Place, PlaceSource};
pub use self::record::Schema;
pub use crate::base::{CountryCode, Location};

/// Everything that tells where a client is. Immutable; part of the snapshot.
#[derive(Debug, Clone, Default)]
pub struct Geo {
    /// What the operator knows better.
    pub overrides: Overrides,
    /// The operator's database. It replaces the built-in country data, also where it knows nothing.
    pub database: Option<Arc<Database>>,
    /// Where this PoP is.
    pub pop: Option<Location>,
}

impl Geo {
    /// Where the client of this address is. Always an answer: where no location is known it is the PoP's own.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        let mut place = match &self.database {
            Some(database) => database.lookup(address),
            None if special_purpose(address) => None,
            None => built_in().lookup(address),
        };
        if let Some(known_better) = self.overrides.find(address) {
            place = Some(overridden(known_better, place));
        }
        let mut place = place.map_or_else(|| Place::unknown(PlaceSource::Pop), completed);
        place.location = place.location.or(self.pop);
        place
    }
}

/// Addresses of no place: private, loopback, link-local, shared, documentation and benchmark networks (IANA's
/// special-purpose registries, RFC 6890). The built-in data is known to list some; an operator's own database may do so
/// on purpose.
fn special_purpose(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && b & 0xc0 == 64;
            let assigned = (a, b, c) == (192, 0, 0) || (a == 198 && b & 0xfe == 18);
            let kind = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation();
            kind || shared || assigned || a == 0 || a >= 224
        }
        IpAddr::V6(v6) => {
            let documentation = v6.segments()[..2] == [0x2001, 0xdb8] || v6.segments()[0] == 0x3fff;
            let kind = v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast();
            kind || documentation || v6.is_loopback() || v6.is_unspecified()
        }
    }
}

/// The operator's word over the database's. The autonomous system stays: an override says nothing of it.
fn overridden(known_better: &Override, looked_up: Option<Place>) -> Place {
    let blank = Place::unknown(PlaceSource::Override);
    let before = looked_up.unwrap_or_else(|| blank.clone());
    let asn = before.asn;
    match *known_better {
        Override::Country(country) => Place { country: Some(country), asn, ..blank },
        Override::Both(country, location) => Place { country: Some(country), location: Some(location), asn, ..blank },
        Override::Location(location) => {
            let (country, continent) = (before.country, before.continent);
            Place { country, continent, location: Some(location), asn, ..blank }
        }
    }
}

/// A known country tells the continent, and a point to measure from when the source gave none.
fn completed(mut place: Place) -> Place {
    if let Some(country) = place.country.and_then(country) {
        place.continent = place.continent.or(Some(country.continent));
        if place.location.is_none() {
            place.location = Some(country.centre);
            place.radius_km = Some(country.radius_km);
        }
    }
    place
}
