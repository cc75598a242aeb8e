//! A geo database in memory: an mmdb file, checked before use.
//! Owns: opening, refusing, and one look-up. Never: falls back to another source (that is `Geo`), watches the file, panics
//! on what a file holds.
//! Called by: `Geo` per connection; by the control plane when the file changes.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::check::check;
use super::place::{Place, PlaceSource};
use super::record::{Flat, Nested, Schema};

/// Why a file cannot serve as a geo database. The message names the file.
#[derive(Debug, thiserror::Error)]
#[error("geo database {}: {kind}", .path.display())]
pub struct GeoError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: GeoErrorKind,
}

/// What is wrong with a geo database.
#[derive(Debug, thiserror::Error)]
pub enum GeoErrorKind {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(std::io::Error),
    /// There is no readable metadata: some other file, or cut off while it was copied.
    #[error("not a usable MaxMind DB file, or not all of it ({0})")]
    Format(maxminddb::MaxMindDbError),
    /// The search tree is damaged.
    #[error("its search tree is damaged: {0}")]
    Tree(&'static str),
    /// A record cannot be decoded.
    #[error("the record of {address} is damaged or of an unexpected type ({cause})")]
    Record {
        /// An address whose record it is.
        address: IpAddr,
        /// What the decoder said.
        cause: maxminddb::MaxMindDbError,
    },
    /// No network has a record.
    #[error("it holds no network")]
    Empty,
    /// The records hold nothing that we understand.
    #[error(
        "its records are of no known schema: accepted are MaxMind's (country.iso_code, location.latitude, city.names.en, \
         autonomous_system_number) and flat ones (country_code, state1, city, latitude, longitude)"
    )]
    Schema,
}

/// An mmdb database, whole in memory.
pub struct Database {
    reader: maxminddb::Reader<Bytes>,
    schema: Schema,
    source: PlaceSource,
}

impl Database {
    /// Reads and checks a file.
    ///
    /// The file is read whole, not mapped: operators and their update scripts overwrite databases in place, and a mapped
    /// page that vanishes under a truncation ends the process with SIGBUS. It costs the file's size in memory.
    /// Blocks (63 MB of cities: 150 ms, half of it the check): not for a worker.
    ///
    /// # Errors
    /// When the file cannot be read, is cut off or damaged, or its records are of no schema that we know.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        let refused = |kind| GeoError { path: path.to_owned(), kind };
        let bytes = std::fs::read(path).map_err(|error| refused(GeoErrorKind::Read(error)))?;
        Self::from_bytes(bytes).map_err(refused)
    }

    /// Checks and takes a database that is in memory already.
    ///
    /// # Errors
    /// As `open`, without the reading.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, GeoErrorKind> {
        let bytes = Bytes::from(bytes);
        let reader = maxminddb::Reader::from_source(bytes.clone()).map_err(GeoErrorKind::Format)?;
        let schema = check(&reader, &bytes)?;
        Ok(Self { reader, schema, source: PlaceSource::Database })
    }

    /// The database inside the binary. Not checked at start: a test does that at build time.
    pub(super) fn built_in(bytes: &'static [u8], schema: Schema) -> Result<Self, GeoErrorKind> {
        let reader = maxminddb::Reader::from_source(Bytes::from_static(bytes)).map_err(GeoErrorKind::Format)?;
        Ok(Self { reader, schema, source: PlaceSource::BuiltIn })
    }

    /// What the database says of an address. Nothing when it does not know: not listed, IPv6 asked of an IPv4-only file,
    /// or a record that cannot be decoded. Costs about 0.15 us for a country, 0.8 us for a city.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<Place> {
        // ::ffff:a.b.c.d is how a dual-stack socket reports IPv4; databases list only the plain form.
        let record = self.reader.lookup(address.to_canonical()).ok()?;
        match self.schema {
            Schema::Nested => record.decode::<Nested<'_>>().ok()??.place(self.source),
            Schema::Flat => record.decode::<Flat<'_>>().ok()??.place(self.source),
        }
    }

    /// The shape of its records.
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// What the file calls itself, such as `GeoLite2-City`. For people only.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was built, by its own account.
    #[must_use]
    pub fn built_at(&self) -> SystemTime {
        let built = Duration::from_secs(self.reader.metadata().build_epoch);
        SystemTime::UNIX_EPOCH.checked_add(built).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Whether it lists IPv6 networks.
    #[must_use]
    pub fn lists_ipv6(&self) -> bool {
        self.reader.metadata().ip_version == 6
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({:?}, {} schema, {:?})", self.kind(), self.schema.name(), self.source)
    }
}
