//! What the store of answers costs and keeps: bytes beside the content of a million small objects, the share of requests
//! that it answers on a skewed trace with scans beside the library that it is built on, and the time of a purge by a key
//! that 100 000 objects share.
//!
//! Prints one line of JSON for each; `cargo xtask bench store` makes a table of them. No Criterion: two of the three are no
//! times, and a million objects are not made twice.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench is a test of speed")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use portolan::base::{Timestamp, hash};
use portolan::cache::address::Address;
use portolan::cache::age::Times;
use portolan::cache::key::Key;
use portolan::cache::settings::Settings;
use portolan::cache::storable;
use portolan::cache::stored::Fetched;
use portolan::cache::tags::Tag;
use portolan::store::Store;
use portolan::store::entry::Held;
use portolan::store::purge::{Force, Purge};
use portolan::store::segments::Segments;

/// As in the router: its blocks are what the bytes of an object are rounded up to.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp(1_795_262_400_000);
/// Objects of the measurement of memory.
const OBJECTS: u64 = 1_000_000;
/// Bytes of the content of each.
const BODY: usize = 100;
/// Objects that share a key.
const TAGGED: u64 = 100_000;
/// Different objects of the trace, the requests of it, and after how many a scan follows and how long it is.
const TRACE_OBJECTS: u64 = 100_000;
const TRACE_REQUESTS: u64 = 4_000_000;
const SCAN_EVERY: u64 = 100_000;
const SCAN: u64 = 20_000;

fn main() {
    memory();
    for share in [1, 10] {
        trace(share);
    }
    purge();
}

fn address(number: u64) -> Address {
    Address::of("https", "shop.example", &format!("/products/{number}.json"), None).unwrap()
}

/// An answer with the fields that a small API answer has.
fn held(address: &Address, tag: Option<&str>, body: Bytes, era: u64) -> Arc<Held> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "public, max-age=3600"),
        ("etag", "\"5f3c-6a1b2c3d\""),
        ("date", "Sat, 21 Nov 2026 12:00:00 GMT"),
        ("last-modified", "Fri, 20 Nov 2026 12:00:00 GMT"),
        ("content-length", "100"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    if let Some(tag) = tag {
        headers.insert("surrogate-key", tag.parse().unwrap());
    }
    let (method, request) = (Method::GET, HeaderMap::new());
    let fetched = Fetched {
        method: &method,
        address,
        request: &request,
        has_body: false,
        status: StatusCode::OK,
        headers: &headers,
        is_abridged: false,
        times: Times { requested: NOW, received: NOW },
    };
    let stored = storable::admit(&fetched, &Settings::default()).unwrap();
    Arc::new(Held::new(stored, Segments::one(0, body), era))
}

fn keep(store: &Store, number: u64, tag: Option<&str>) {
    let address = address(number);
    let body = Bytes::from(vec![b'x'; BODY]);
    let key = Key::of(&address, &[]).unwrap();
    let kept = pin!(store.keep(&key, held(&address, tag, body, store.purges.era())));
    assert!(kept.poll(&mut Context::from_waker(Waker::noop())).is_ready(), "memory waits for nothing");
}

/// What the process holds in memory, bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// A million objects of 100 bytes: what they take beside their content, by the system's account and by our own.
fn memory() {
    let store = Store::new(16 << 30);
    let before = resident();
    (0..OBJECTS).for_each(|number| keep(&store, number, None));
    let content = OBJECTS * BODY as u64;
    let entries = store.memory().entries() as u64;
    println!(
        "{{\"bench\":\"memory\",\"objects\":{entries},\"resident_each\":{},\"accounted_each\":{}}}",
        (resident() - before - content) / entries,
        (store.memory().bytes() - content) / entries,
    );
}

/// Zipf's law by inversion of its integral: object `n` is asked for in proportion to `1 / n^0.9`.
fn popular(seed: u64) -> u64 {
    const SKEW: f64 = 0.9;
    let most = (TRACE_OBJECTS as f64).powf(1.0 - SKEW);
    let place = (1.0 + hash::unit(hash::mix(seed)) * (most - 1.0)).powf(1.0 / (1.0 - SKEW));
    (place as u64).min(TRACE_OBJECTS) - 1
}

/// The share of requests that are answered, with room for `share` per cent of the objects: ours, and the library with the
/// same room in objects. Scans ask for what nobody asks for again; they are not counted.
fn trace(share: u64) {
    let room = TRACE_OBJECTS * share / 100;
    let sample = Store::new(1 << 30);
    (0..1000).for_each(|number| keep(&sample, number, None));
    let each = sample.memory().bytes() / sample.memory().entries() as u64;
    let ours = Store::new(each * room);
    let library: quick_cache::sync::Cache<u64, ()> = quick_cache::sync::Cache::new(room as usize);
    let (mut hits, mut library_hits, mut asked) = (0u64, 0u64, 0u64);
    let mut next_scan = TRACE_OBJECTS;
    for request in 0..TRACE_REQUESTS {
        let ask = |number: u64| {
            let key = Key::of(&address(number), &[]).unwrap();
            let hit = ours.memory().get(&key).is_some();
            if !hit {
                keep(&ours, number, None);
            }
            let library_hit = library.get(&number).is_some();
            if !library_hit {
                library.insert(number, ());
            }
            (hit, library_hit)
        };
        let (hit, library_hit) = ask(popular(request));
        (hits, library_hits, asked) = (hits + u64::from(hit), library_hits + u64::from(library_hit), asked + 1);
        if request % SCAN_EVERY == SCAN_EVERY - 1 {
            (next_scan..next_scan + SCAN).for_each(|number| {
                let _ = ask(number);
            });
            next_scan += SCAN;
        }
    }
    let part = |hits: u64| hits as f64 * 100.0 / asked as f64;
    println!(
        "{{\"bench\":\"trace\",\"room_percent\":{share},\"hit_percent\":{:.2},\"library_hit_percent\":{:.2}}}",
        part(hits),
        part(library_hits),
    );
}

/// A purge by a key that 100 000 objects share, and the first look-up of one of them after it.
fn purge() {
    let store = Store::new(4 << 30);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut purge_us = Vec::new();
    let mut look_us = Vec::new();
    for round in 0..11 {
        (0..TAGGED).for_each(|number| keep(&store, number, Some("sale")));
        let begun = Instant::now();
        store.purges.purge(&Purge::Tag(Tag::key(b"sale")), Force::Hard);
        purge_us.push(begun.elapsed().as_secs_f64() * 1e6);
        let address = address(round);
        let key = Key::of(&address, &[]).unwrap();
        let begun = Instant::now();
        let found = runtime.block_on(store.look(&key, &address, NOW)).len();
        look_us.push(begun.elapsed().as_secs_f64() * 1e6);
        assert_eq!(black_box(found), 0, "what was purged is not found");
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() - 1])
    };
    let ((purge, purge_most), (look, look_most)) = (median(purge_us), median(look_us));
    println!(
        "{{\"bench\":\"purge\",\"objects\":{TAGGED},\"purge_us\":{purge:.1},\"purge_most_us\":{purge_most:.1},\
         \"look_us\":{look:.1},\"look_most_us\":{look_most:.1}}}"
    );
}
