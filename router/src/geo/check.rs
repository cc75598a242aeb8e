//! Whether a geo database is fit for use, found out before it is used.
//! Owns: the walk over search tree and records, and its bounds.
//! Never: looks up on behalf of a client. A file that passes can still hold a bad record that was not sampled: a look-up
//! of it is "unknown", not a failure.
//! Called by: `database`, once per file.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::database::GeoErrorKind;
use super::place::PlaceSource;
use super::record::{Flat, Nested, Schema, Shape};

/// Every distinct record is decoded up to this many; after that one of `SAMPLE`. MaxMind's country files have some
/// hundreds, city files hundreds of thousands: their full decoding would hold up start and reload for a second.
const DECODE_ALL: usize = 16_384;
const SAMPLE: usize = 64;
/// How many records may hold no key that we know before the file is refused. (City files open with records that say
/// only that an address belongs to an anonymiser.)
const UNDECIDED: usize = 4_096;

/// The subtree that is to be visited: a node, its depth, and the address bits that lead to it.
struct Step {
    node: usize,
    depth: u8,
    bits: u128,
}

/// Walks the whole search tree once and decodes its records; says which schema they have.
///
/// Every node is visited once, however many ways lead to it (databases alias IPv4 under 2002::/16, and a hostile file
/// could alias on every level): the walk is linear in the size of the file, whatever the file holds.
pub(super) fn check(reader: &maxminddb::Reader<Bytes>, bytes: &[u8]) -> Result<Schema, GeoErrorKind> {
    let metadata = reader.metadata();
    let width: u8 = if metadata.ip_version == 6 { 128 } else { 32 };
    let nodes = metadata.node_count as usize;
    let mut seen_nodes = Bits::new(nodes);
    let mut seen_records = Bits::new(bytes.len());
    let mut records = Records { reader, schema: None, decoded: 0 };
    let mut found = 0usize;
    let mut steps = vec![Step { node: 0, depth: 0, bits: 0 }];
    while let Some(Step { node, depth, bits }) = steps.pop() {
        if node < nodes {
            if depth >= width {
                return Err(GeoErrorKind::Tree("a branch is longer than an address"));
            }
            if seen_nodes.insert(node) {
                let [left, right] =
                    children(bytes, metadata.record_size, node).ok_or(GeoErrorKind::Tree("it is cut off"))?;
                let one = 1u128 << (width - 1 - depth);
                steps.push(Step { node: right, depth: depth + 1, bits: bits | one });
                steps.push(Step { node: left, depth: depth + 1, bits });
            }
        } else if node > nodes {
            // The tree's values are offsets behind `nodes`; one beyond the file cannot be a record of it.
            if node - nodes >= bytes.len() {
                return Err(GeoErrorKind::Tree("it points beyond the end of the file"));
            }
            if seen_records.insert(node - nodes) {
                found += 1;
                if found <= DECODE_ALL || found.is_multiple_of(SAMPLE) {
                    records.decode(address(bits))?;
                }
            }
        }
    }
    if found == 0 {
        return Err(GeoErrorKind::Empty);
    }
    records.schema.ok_or(GeoErrorKind::Schema)
}

/// The records' side of the walk.
struct Records<'a> {
    reader: &'a maxminddb::Reader<Bytes>,
    schema: Option<Schema>,
    decoded: usize,
}

impl Records<'_> {
    fn decode(&mut self, address: IpAddr) -> Result<(), GeoErrorKind> {
        let bad = |cause| GeoErrorKind::Record { address, cause };
        let record = self.reader.lookup(address).map_err(bad)?;
        if self.schema.is_none() {
            self.schema = record.decode::<Shape>().map_err(bad)?.and_then(|shape| shape.schema());
            self.decoded += 1;
            if self.schema.is_none() && self.decoded > UNDECIDED {
                return Err(GeoErrorKind::Schema);
            }
        }
        match self.schema {
            Some(Schema::Nested) => {
                record.decode::<Nested<'_>>().map(|r| r.and_then(|r| r.place(PlaceSource::Database)))
            }
            Some(Schema::Flat) => record.decode::<Flat<'_>>().map(|r| r.and_then(|r| r.place(PlaceSource::Database))),
            None => Ok(None),
        }
        .map(|_| ())
        .map_err(bad)
    }
}

/// The two values of a node of the search tree (MaxMind DB file format 2.0, "Binary Search Tree Section").
fn children(bytes: &[u8], record_size: u16, node: usize) -> Option<[usize; 2]> {
    let size = usize::from(record_size) / 4;
    let start = node.checked_mul(size)?;
    let raw = bytes.get(start..start.checked_add(size)?)?;
    let number = |high: u8, low: &[u8]| low.iter().fold(usize::from(high), |n, byte| n << 8 | usize::from(*byte));
    match raw {
        [a @ .., _, _, _] if size == 6 => Some([number(0, a), number(0, &raw[3..])]),
        [a, b, c, shared, low @ ..] if size == 7 => {
            Some([number(shared >> 4, &[*a, *b, *c]), number(shared & 15, low)])
        }
        _ if size == 8 => Some([number(0, &raw[..4]), number(0, &raw[4..])]),
        _ => None,
    }
}

/// IPv4 is the part of an IPv6 tree under 96 zero bits.
fn address(bits: u128) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) => IpAddr::V4(Ipv4Addr::from(bits)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(bits)),
    }
}

/// A set of small numbers.
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len / 64 + 1])
    }

    /// True when the number was not there yet. Numbers beyond the set count as there.
    fn insert(&mut self, number: usize) -> bool {
        let Some(word) = self.0.get_mut(number / 64) else { return false };
        let bit = 1 << (number % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
