//! One request as a policy sees it: declared fields by name, candidates with their names and labels, the pin.
//!
//! A view of what the host passed; nothing is copied, and nothing is asked of the host but look-ups. Made by `guest.rs` for
//! each call and by `testing`.

use std::time::Duration;

use crate::bindings::portolan::policy::types::{self, Column};
use crate::view::{self, LookupError};
use crate::{Health, Location, Payload, RegionId, RegionInfo, Regions};

/// The request to route.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    raw: &'a types::Request,
    names: &'a [String],
    fields: Fields<'a>,
    candidates: &'a types::Candidates,
    regions: &'a Regions,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        raw: &'a types::Request,
        names: &'a [String],
        fields: &'a [u8],
        candidates: &'a types::Candidates,
        regions: &'a Regions,
    ) -> Self {
        let fields = Fields::of(fields, names.len() + BEHIND);
        Self { raw, names, fields, candidates, regions }
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> f64 {
        self.raw.now_ms
    }

    /// Uniform in [0, 1), new for each request.
    pub fn entropy(&self) -> f64 {
        self.raw.entropy
    }

    /// Where the client is, when known.
    pub fn client(&self) -> Option<Location> {
        self.raw.client
    }

    /// The service that the route leads to.
    pub fn service(&self) -> &'a str {
        self.regions.by_id(self.raw.service).map_or("", |region| &region.service)
    }

    /// The session's pin. The host has checked its signature, service and age.
    pub fn pin(&self) -> Option<Pin<'a>> {
        let behind = |place| self.fields.at(self.names.len() + place);
        let raw = self.raw.pin.as_ref()?;
        let region = raw.region.and_then(|id| self.regions.by_id(id));
        let former = || std::str::from_utf8(behind(FORMER_REGION).unwrap_or_default()).unwrap_or_default();
        let region_name = region.map_or_else(former, |region| &region.name);
        Some(Pin { raw, region_name, payload: behind(PAYLOAD).unwrap_or_default() })
    }

    /// Every region as configured.
    pub fn regions(&self) -> &'a Regions {
        self.regions
    }

    /// The regions that may serve this request, nearest first, also those that are down.
    pub fn candidates(&self) -> impl ExactSizeIterator<Item = Candidate<'a>> + Clone {
        let regions = self.regions;
        let width = COLUMNS.max(self.candidates.width as usize);
        self.candidates.cells.chunks_exact(width).map(move |row| {
            let row = row.first_chunk().expect("a row is at least as wide as what is known of it");
            Candidate { row, regions }
        })
    }

    /// The candidate with this number.
    pub fn candidate(&self, id: RegionId) -> Option<Candidate<'a>> {
        self.candidates().find(|candidate| candidate.id() == id)
    }

    /// A declared field by its name, such as `header:x-tenant`; none when the request has no such field.
    ///
    /// Panics in a native build when the policy did not declare the field, so that a unit test finds the slip; in the
    /// sandbox such a field is none.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.find(name, |declared| declared == name)
    }

    /// The declared field at this place in the manifest: the cheapest way.
    pub fn field_at(&self, place: usize) -> Option<&'a [u8]> {
        // What stands behind the declared ones has no name.
        if place < self.names.len() { self.fields.at(place) } else { None }
    }

    /// A field that the policy may look up ([`crate::Manifest::lookups`]), asked of the host now: `Ok(None)` when the request has
    /// no such field.
    ///
    /// Panics in a native build when the policy did not declare it, as `field` does.
    pub fn lookup(&self, name: &str) -> Result<Option<Vec<u8>>, LookupError> {
        let place = self.names.iter().position(|declared| declared.strip_prefix("lazy:") == Some(name));
        if cfg!(not(target_arch = "wasm32")) && place.is_none() {
            panic!("`{name}` was not declared in describe by `lookups`; declared are {:?}", self.names);
        }
        self.lookup_at(place.unwrap_or(usize::MAX))
    }

    /// The same by its place in the manifest's `fields`.
    pub fn lookup_at(&self, place: usize) -> Result<Option<Vec<u8>>, LookupError> {
        view::field(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The same as text; none also when it cannot be had or is not UTF-8.
    pub fn lookup_text(&self, name: &str) -> Option<String> {
        String::from_utf8(self.lookup(name).ok()??).ok()
    }

    /// A declared field as text; none when it is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.field(name)?).ok()
    }

    /// `method`, when declared.
    pub fn method(&self) -> Option<&'a str> {
        self.text("method")
    }

    /// `host`, when declared.
    pub fn host(&self) -> Option<&'a str> {
        self.text("host")
    }

    /// `path`, when declared.
    pub fn path(&self) -> Option<&'a str> {
        self.text("path")
    }

    /// `client.country`, when declared: two capital letters.
    pub fn country(&self) -> Option<&'a str> {
        self.text("client.country")
    }

    /// A declared request header as text, `header:NAME`.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.part("header", name)
    }

    /// A declared cookie as text, `cookie:NAME`.
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        self.part("cookie", name)
    }

    /// A declared query parameter as text, `query:NAME`.
    pub fn query(&self, name: &str) -> Option<&'a str> {
        self.part("query", name)
    }

    fn part(&self, kind: &str, name: &str) -> Option<&'a str> {
        let value = self.find(name, |declared| match declared.split_once(':') {
            Some((declared_kind, rest)) if declared_kind == kind => match kind {
                "header" => rest.eq_ignore_ascii_case(name),
                _ => rest == name,
            },
            _ => false,
        })?;
        std::str::from_utf8(value).ok()
    }

    fn find(&self, name: &str, is: impl Fn(&str) -> bool) -> Option<&'a [u8]> {
        let place = self.names.iter().position(|declared| is(declared));
        if cfg!(not(target_arch = "wasm32")) && place.is_none() {
            panic!("`{name}` was not declared in describe; declared are {:?}", self.names);
        }
        self.field_at(place?)
    }
}

/// The session's pin.
#[derive(Debug, Clone, Copy)]
pub struct Pin<'a> {
    raw: &'a types::Pin,
    region_name: &'a str,
    payload: &'a [u8],
}

impl<'a> Pin<'a> {
    /// The region; none when it is no longer configured.
    pub fn region(&self) -> Option<RegionId> {
        self.raw.region
    }

    /// Name of the region, also when it is no longer configured.
    pub fn region_name(&self) -> &'a str {
        self.region_name
    }

    /// Since the session was first pinned.
    pub fn session_age(&self) -> Duration {
        Duration::from_secs(self.raw.session_age_s.into())
    }

    /// Since the session was last pinned anew.
    pub fn age(&self) -> Duration {
        Duration::from_secs(self.raw.pin_age_s.into())
    }

    /// What policies stored with the pin.
    pub fn payload(&self) -> Payload {
        Payload::read(self.payload)
    }

    /// The bytes of the payload, for a policy that has a format of its own.
    pub fn payload_bytes(&self) -> &'a [u8] {
        self.payload
    }
}

/// Marks a field that the request does not have: the top bit of its number in the contract's `fields`.
pub(crate) const ABSENT: u32 = 1 << 31;
/// Fields that every call has behind the declared ones.
const BEHIND: usize = 2;
/// Which of them holds what policies stored with the pin.
const PAYLOAD: usize = 0;
/// Which of them holds the name of the pin's region, when it is no longer configured.
const FORMER_REGION: usize = 1;

/// The contract's `fields`: where values end, and the values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    ends: &'a [[u8; 4]],
    octets: &'a [u8],
}

impl<'a> Fields<'a> {
    /// As many fields as these bytes hold. A host that sends less than it should leaves them all absent.
    pub(crate) fn of(bytes: &'a [u8], count: usize) -> Self {
        let (ends, octets) = bytes.split_at_checked(count * 4).unwrap_or_default();
        Self { ends: ends.as_chunks().0, octets }
    }

    pub(crate) fn at(&self, place: usize) -> Option<&'a [u8]> {
        let end = u32::from_le_bytes(*self.ends.get(place)?);
        let begin = match place.checked_sub(1) {
            Some(before) => u32::from_le_bytes(*self.ends.get(before)?) & !ABSENT,
            None => 0,
        };
        // A host that counts wrong gets none, not a panic: that would end the instance.
        if end & ABSENT == 0 { self.octets.get(begin as usize..end as usize) } else { None }
    }
}

/// Fields in the contract's form: the declared ones, then those that every call has.
pub(crate) fn packed<'a>(fields: impl Iterator<Item = Option<&'a [u8]>> + Clone) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut end = 0;
    for value in fields.clone() {
        end += u32::try_from(value.map_or(0, <[u8]>::len)).expect("a test has short fields");
        bytes.extend_from_slice(&(if value.is_some() { end } else { end | ABSENT }).to_le_bytes());
    }
    bytes.extend(fields.flatten().flatten());
    bytes
}

/// Columns of the contract that this SDK knows.
pub(crate) const COLUMNS: usize = Column::Weight as usize + 1;

/// A region that may serve this request, as the host sees it now.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    row: &'a [u32; COLUMNS],
    regions: &'a Regions,
}

impl<'a> Candidate<'a> {
    /// The region's number.
    pub fn id(&self) -> RegionId {
        self.cell(Column::Region)
    }

    /// The region's name.
    pub fn name(&self) -> &'a str {
        self.region().map_or("", |region| &region.name)
    }

    /// The value of one of the region's labels.
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.region()?.label(key)
    }

    /// The region as configured.
    pub fn region(&self) -> Option<&'a RegionInfo> {
        self.regions.by_id(self.id())
    }

    /// What is known of its health.
    pub fn health(&self) -> Health {
        match self.cell(Column::Health) {
            1 => Health::Healthy,
            2 => Health::Degraded,
            3 => Health::Draining,
            4 => Health::Down,
            _ => Health::Unknown,
        }
    }

    /// For how long it has been in this state.
    pub fn health_age(&self) -> Duration {
        Duration::from_secs(self.cell(Column::HealthAgeS).into())
    }

    /// Whether it can serve the sessions that it has: every state but down. Unknown is not down.
    pub fn serves(&self) -> bool {
        self.health() != Health::Down
    }

    /// Whether it takes new sessions: neither down nor draining.
    pub fn takes_new(&self) -> bool {
        !matches!(self.health(), Health::Down | Health::Draining)
    }

    /// Great-circle distance, km, from the client, or from the PoP when the client's place is unknown.
    pub fn distance_km(&self) -> u32 {
        self.cell(Column::DistanceKm)
    }

    /// Measured round trip from this PoP; none when not measured.
    pub fn rtt(&self) -> Option<Duration> {
        micros(self.cell(Column::RttUs))
    }

    /// Peak-sensitive moving average of time to first byte; none before the first traffic.
    pub fn latency(&self) -> Option<Duration> {
        micros(self.cell(Column::LatencyUs))
    }

    /// Requests in flight from this PoP.
    pub fn in_flight(&self) -> u32 {
        self.cell(Column::InFlight)
    }

    /// Configured weight among regions of equal nearness.
    pub fn weight(&self) -> u32 {
        self.cell(Column::Weight)
    }

    fn cell(&self, column: Column) -> u32 {
        self.row[column as usize]
    }
}

fn micros(value: u32) -> Option<Duration> {
    (value != 0).then(|| Duration::from_micros(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_later_host_are_passed_over() {
        let raw = types::Request { now_ms: 0.0, entropy: 0.0, client: None, pin: None, service: 0 };
        let cells = vec![7, 4, 1, 2, 3, 0, 5, 6, 999, 8, 0, 1, 2, 3, 4, 5, 6, 999];
        let (candidates, regions) = (types::Candidates { width: 9, cells }, Regions::default());
        let request = Request::new(&raw, &[], &[], &candidates, &regions);
        let seen: Vec<_> = request.candidates().map(|c| (c.id(), c.health(), c.latency(), c.weight())).collect();
        let latency = Some(Duration::from_micros(4));
        assert_eq!(seen, [(7, Health::Down, None, 6), (8, Health::Unknown, latency, 6)]);
    }

    #[test]
    fn fields_are_cut_apart_and_nonsense_is_none() {
        let raw = types::Request { now_ms: 0.0, entropy: 0.0, client: None, pin: None, service: 0 };
        let (candidates, regions) = (types::Candidates { width: 8, cells: Vec::new() }, Regions::default());
        let names = ["a", "b", "c"].map(str::to_owned);
        for (ends, expected) in [
            (&[][..], [None, None, None]),
            (&[3, 3, 5, 5], [None, None, None]),
            (&[3, 3, 5, 5, 5], [Some(&b"GET"[..]), Some(b""), Some(b"de")]),
            (&[ABSENT, 3 | ABSENT, 5, 5, 5], [None, None, Some(b"de")]),
            (&[3, 3 | ABSENT, 5 | ABSENT, 5, 5], [Some(b"GET"), None, None]),
            (&[4, 3, 5, 5, 5], [Some(b"GETd"), None, Some(b"de")]),
            (&[6, 5, !ABSENT, 5, 5], [None, None, None]),
            (&[u32::MAX, 0, 1, 5, 5], [None, None, Some(b"G")]),
        ] {
            let octets = if ends.len() == 5 { &b"GETde"[..] } else { b"" };
            let fields: Vec<u8> = ends.iter().flat_map(|end| end.to_le_bytes()).chain(octets.iter().copied()).collect();
            let request = Request::new(&raw, &names, &fields, &candidates, &regions);
            assert_eq!([0, 1, 2].map(|place| request.field_at(place)), expected, "{ends:x?}");
            assert_eq!(request.field_at(3), None);
        }
    }
}
