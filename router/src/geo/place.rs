//! Where a client is, as far as we know.
//! Owns: the shape of the answer. Never: looks anything up.
//! Called by: the rest of `geo`; read by steering, policies, `explain` and the record.

use std::sync::Arc;

use crate::base::{CountryCode, Location};

/// Which source an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceSource {
    /// A CIDR override of the configuration.
    Override,
    /// The operator's database file.
    Database,
    /// The country data inside the binary.
    BuiltIn,
    /// Nothing is known of the client: it is taken to be where the PoP is.
    Pop,
}

/// Where a client is. Every part may be unknown. Cheap to clone: the names are shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The country.
    pub country: Option<CountryCode>,
    /// The continent: `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`.
    pub continent: Option<[u8; 2]>,
    /// The first-level subdivision: its English name, or its ISO 3166-2 part where the database has no name.
    pub region: Option<Arc<str>>,
    /// The city's English name.
    pub city: Option<Arc<str>>,
    /// The best point to measure distances from. A country's centre of population when only the country is known.
    pub location: Option<Location>,
    /// The autonomous system that announces the address.
    pub asn: Option<u32>,
    /// The client is probably within this many kilometres of `location`.
    pub radius_km: Option<u16>,
    /// Where this answer came from.
    pub source: PlaceSource,
}

impl PlaceSource {
    /// The word used in documents; stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Database => "database",
            Self::BuiltIn => "built-in",
            Self::Pop => "pop",
        }
    }
}

impl Place {
    /// A place of which nothing is known yet.
    #[must_use]
    pub fn unknown(source: PlaceSource) -> Self {
        Self {
            country: None,
            continent: None,
            region: None,
            city: None,
            location: None,
            asn: None,
            radius_km: None,
            source,
        }
    }
}
