//! What a record of a geo database says, in either of the two shapes that are about.
//! Owns: the serde shapes, telling them apart by content, and what counts as unknown.
//! Never: walks the search tree, or fills gaps (a country without coordinates stays without).
//! Called by: `database` and `check`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::place::{Place, PlaceSource};
use crate::base::{CountryCode, Location};

/// The shape of a database's records. `database_type` does not tell (npm's country file says `country ipvAll`), so the
/// records themselves are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// MaxMind's City and Country: `country.iso_code`, `location.latitude`, `city.names.en`.
    Nested,
    /// One level: `country_code`, `city`, `state1`, `latitude`, `longitude`. Also autonomous-system databases.
    Flat,
}

impl Schema {
    /// How the schema is called in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nested => "MaxMind",
            Self::Flat => "flat",
        }
    }
}

/// The keys that give a schema away, with the kind of value that they hold.
#[derive(Deserialize)]
pub(super) struct Shape {
    country: Option<Kind>,
    registered_country: Option<Kind>,
    location: Option<Kind>,
    continent: Option<Kind>,
    city: Option<Kind>,
    country_code: Option<Kind>,
    latitude: Option<Kind>,
    autonomous_system_number: Option<Kind>,
}

impl Shape {
    /// The schema, or nothing when this record holds no key that we know.
    pub(super) fn schema(&self) -> Option<Schema> {
        let nested = [&self.country, &self.registered_country, &self.location, &self.continent, &self.city];
        if nested.into_iter().flatten().any(|kind| *kind == Kind::Map) {
            return Some(Schema::Nested);
        }
        let flat = [&self.country_code, &self.latitude, &self.autonomous_system_number];
        flat.into_iter().any(Option::is_some).then_some(Schema::Flat)
    }
}

/// MaxMind's shape.
#[derive(Deserialize)]
pub(super) struct Nested<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
    #[serde(borrow)]
    continent: Option<Continent<'a>>,
    #[serde(borrow)]
    subdivisions: Option<FirstSubdivision<'a>>,
    #[serde(borrow)]
    city: Option<City<'a>>,
    location: Option<Coordinates>,
    traits: Option<Traits>,
    autonomous_system_number: Option<Number>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Continent<'a> {
    code: Option<&'a str>,
}

#[derive(Deserialize)]
struct City<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Subdivision<'a> {
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize)]
struct Coordinates {
    latitude: Option<Number>,
    longitude: Option<Number>,
    accuracy_radius: Option<Number>,
}

#[derive(Deserialize)]
struct Traits {
    autonomous_system_number: Option<Number>,
}

/// The one-level shape.
#[derive(Deserialize)]
pub(super) struct Flat<'a> {
    country_code: Option<&'a str>,
    continent_code: Option<&'a str>,
    state1: Option<&'a str>,
    city: Option<&'a str>,
    latitude: Option<Number>,
    longitude: Option<Number>,
    autonomous_system_number: Option<Number>,
}

impl Nested<'_> {
    /// What the record says, or nothing when it says nothing of use.
    pub(super) fn place(&self, source: PlaceSource) -> Option<Place> {
        let region = self.subdivisions.as_ref().and_then(|FirstSubdivision(first)| first.as_ref());
        let region = region.and_then(|r| r.names.as_ref().and_then(|n| n.en).or(r.iso_code));
        let at = self.location.as_ref();
        known(Place {
            country: country(self.country.as_ref().and_then(|c| c.iso_code)),
            continent: continent(self.continent.as_ref().and_then(|c| c.code)),
            region: text(region).map(Into::into),
            city: text(self.city.as_ref().and_then(|c| c.names.as_ref()).and_then(|n| n.en)).map(Into::into),
            location: at.and_then(|at| location(at.latitude, at.longitude)),
            asn: asn(self.autonomous_system_number.or(self.traits.as_ref().and_then(|t| t.autonomous_system_number))),
            radius_km: at.and_then(|at| at.accuracy_radius).map(|Number(km)| km as u16),
            source,
        })
    }
}

impl Flat<'_> {
    /// What the record says, or nothing when it says nothing of use.
    pub(super) fn place(&self, source: PlaceSource) -> Option<Place> {
        known(Place {
            country: country(self.country_code),
            continent: continent(self.continent_code),
            region: text(self.state1).map(Into::into),
            city: text(self.city).map(Into::into),
            location: location(self.latitude, self.longitude),
            asn: asn(self.autonomous_system_number),
            radius_km: None,
            source,
        })
    }
}

fn known(place: Place) -> Option<Place> {
    (place != Place::unknown(place.source)).then_some(place)
}

/// Flat databases write unknown as an empty text.
fn text(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

fn country(code: Option<&str>) -> Option<CountryCode> {
    code.and_then(|code| CountryCode::from_bytes(code.as_bytes()))
}

fn continent(code: Option<&str>) -> Option<[u8; 2]> {
    code.and_then(|code| CountryCode::from_bytes(code.as_bytes())).map(|code| code.as_bytes())
}

fn asn(number: Option<Number>) -> Option<u32> {
    number.map(|Number(number)| number as u32).filter(|number| *number != 0)
}

/// Both coordinates, on the globe, and not exactly 0/0: nobody lives there, and that is how unset floats look.
fn location(latitude: Option<Number>, longitude: Option<Number>) -> Option<Location> {
    let (latitude, longitude) = (latitude?.0, longitude?.0);
    if latitude == 0.0 && longitude == 0.0 {
        return None;
    }
    Location::new(latitude, longitude)
}

/// A number of any type. MaxMind writes coordinates as doubles, others as 32-bit floats; the widths of integers differ
/// from writer to writer too, and the typed entry points accept only one of them. A double holds all that we read.
#[derive(Clone, Copy)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;
        impl Visitor<'_> for AnyNumber {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f32<E>(self, value: f32) -> Result<Number, E> {
                Ok(Number(f64::from(value)))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
        }
        deserializer.deserialize_any(AnyNumber)
    }
}

/// The first of MaxMind's subdivisions, which go from large to small; the rest is skipped.
struct FirstSubdivision<'a>(Option<Subdivision<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for FirstSubdivision<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = FirstSubdivision<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of subdivisions")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let first = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(FirstSubdivision(first))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

/// Whether a value is a map; its content is skipped.
#[derive(PartialEq, Eq)]
enum Kind {
    Map,
    Other,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyKind;
        impl<'de> Visitor<'de> for AnyKind {
            type Value = Kind;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Kind::Map)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Kind::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_bytes<E>(self, _: &[u8]) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_u128<E>(self, _: u128) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
        }
        deserializer.deserialize_any(AnyKind)
    }
}
