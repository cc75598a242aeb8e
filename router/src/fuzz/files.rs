//! What files and paths hold: the configuration, geo databases, names in a static bundle.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use crate::geo::Database;
use crate::{config, files};

/// Addresses that are looked up in whatever passes for a database.
const ADDRESSES: [&str; 4] = ["0.0.0.0", "192.0.2.1", "255.255.255.255", "2001:db8::1"];

/// A configuration: it is read whole, or every error has a place in it.
pub(super) fn config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Files that an input names must not be opened.
    if text.contains("_file") || text.contains('\\') {
        return;
    }
    let read = || config::parse(text, "edge.toml", Path::new("/nonexistent"));
    let first = read();
    assert_eq!(first, read(), "the same text means the same");
    if let Err(wrong) = first {
        assert!(!wrong.0.is_empty());
        let lines: Vec<&str> = text.split('\n').collect();
        for place in wrong.0.iter().filter_map(|error| error.place.as_ref()) {
            let line = lines.get(place.line - 1).expect("the line exists");
            assert!((1..=line.chars().count() + 1).contains(&place.column), "column {}", place.column);
        }
        assert!(!wrong.to_string().is_empty());
    }
}

/// A geo database: the first byte says whether the input is a whole file, or the data of a file whose tree and metadata
/// are good.
pub(super) fn geo_database(input: &[u8]) {
    let Some((choice, input)) = input.split_first() else { return };
    let file = if choice % 2 == 0 { input.to_vec() } else { around(input) };
    let Ok(database) = Database::from_bytes(file) else { return };
    for address in ADDRESSES {
        let address: IpAddr = address.parse().expect("it is an address");
        let place = database.lookup(address);
        if let Some(at) = place.and_then(|place| place.location) {
            assert!((-90.0..=90.0).contains(&at.latitude()) && (-180.0..=180.0).contains(&at.longitude()));
        }
    }
    assert!(format!("{database:?}").contains("schema"));
    let _ = database.built_at();
}

/// A database of one node, both sides of which lead to the start of this data (MaxMind DB file format 2.0).
fn around(data: &[u8]) -> Vec<u8> {
    /// As a map of nine entries: format 2.0, IPv4, one node of 24-bit records, a build time, no languages.
    const METADATA: &[u8] = b"\xab\xcd\xefMaxMind.com\xe9\
        \x5bbinary_format_major_version\xa1\x02\x5bbinary_format_minor_version\xa0\x4bbuild_epoch\x01\x02\x01\
        \x4ddatabase_type\x44test\x4bdescription\xe0\x4aip_version\xa1\x04\x49languages\x00\x04\
        \x4anode_count\xc1\x01\x4brecord_size\xa1\x18";
    [&[0, 0, 17, 0, 0, 17][..], &[0; 16], data, METADATA].concat()
}

/// The path of a request for a static file: whatever it names is under the root.
pub(super) fn static_path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(name) = files::path::name_of(text) else { return };
    assert!(text.starts_with('/') && name.len() < text.len());
    assert!(!name.starts_with(b"/") && !name.contains(&0) && !name.contains(&b'\\'));
    let below = Path::new(OsStr::from_bytes(&name));
    assert!(below.components().all(|part| matches!(part, Component::Normal(_))), "{below:?}");
    for segment in name.split(|byte| *byte == b'/') {
        assert!(!segment.starts_with(b".") || segment == b".well-known");
    }
}
