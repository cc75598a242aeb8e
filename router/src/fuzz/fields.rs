//! Single fields that the cache reads: directives, dates, ranges, entity tags, names to purge by, addresses.

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, RANGE};
use http::{Method, StatusCode};
use sfv::{List, Parser};

use super::{NOW, field, here, values};
use crate::base::Timestamp;
use crate::cache::address::{ADDRESS_BYTES_MAX, Address};
use crate::cache::coding::{self, Encoding};
use crate::cache::condition::{self, Validators};
use crate::cache::date::{self as http_date, HttpDate};
use crate::cache::directives::{self, SECONDS_MAX};
use crate::cache::etag::{self as entity_tag, EntityTag};
use crate::cache::partial::ContentRange;
use crate::cache::range::{Wanted, wanted};
use crate::cache::select::Forward;
use crate::cache::settings::Settings;
use crate::cache::slices::Slices;
use crate::cache::status::{CACHE_STATUS, CacheStatus};
use crate::cache::tags::{self as cache_tags, CACHE_GROUP_INVALIDATION, CACHE_GROUPS, CACHE_TAG, SURROGATE_KEY};
use crate::cache::targeted::{CDN_CACHE_CONTROL, PORTOLAN_CACHE_CONTROL, ruling};
use crate::cache::{list, multipart, weights, wishes};

/// `Cache-Control` of a response and of a request: no text takes a restriction away that stands beside it.
pub(super) fn directives(input: &[u8]) {
    let headers = field(&CACHE_CONTROL, input);
    let found = directives::response(&headers);
    let lifetimes = [found.max_age, found.s_maxage, found.stale_while_revalidate, found.stale_if_error];
    assert!(lifetimes.iter().flatten().all(|seconds| *seconds <= SECONDS_MAX));
    for line in values(input) {
        let pieces: Vec<&[u8]> = list::raw(line.as_bytes()).collect();
        assert_eq!(pieces.join(&b","[..]), line.as_bytes(), "a list is its members and the commas between them");
    }
    let restricted = directives::response(&with(&headers, &CACHE_CONTROL, "no-store, private, must-revalidate"));
    assert!(restricted.no_store && restricted.private.is_whole() && restricted.forbids_stale());
    assert_eq!((restricted.max_age, restricted.s_maxage), (found.max_age, found.s_maxage), "the first counts");
    // Lines of a field are one list, unless a quote that is not closed would swallow the next line.
    if !input.contains(&b'"') && !headers.is_empty() {
        let lines: Vec<&[u8]> = headers.get_all(CACHE_CONTROL).iter().map(HeaderValue::as_bytes).collect();
        let one = HeaderValue::from_bytes(&lines.join(&b", "[..])).expect("its parts were values");
        assert_eq!(directives::response(&HeaderMap::from_iter([(CACHE_CONTROL, one)])), found);
    }
    let wish = wishes::read(&headers, &Settings::default());
    let none = Settings { request_directives: false, ..Settings::default() };
    assert_eq!(wishes::read(&headers, &none), wishes::Wishes::default());
    let wished = wishes::read(&with(&headers, &CACHE_CONTROL, "no-store, only-if-cached"), &Settings::default());
    assert!(wished.no_store && wished.only_if_cached && wished.max_stale == wish.max_stale);
}

/// The targeted fields: the first byte of a line chooses its field.
pub(super) fn targeted(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in values(input) {
        let Some((choice, value)) = line.as_bytes().split_first() else { continue };
        let name = [CACHE_CONTROL, CDN_CACHE_CONTROL, PORTOLAN_CACHE_CONTROL][usize::from(choice % 3)].clone();
        headers.append(name, HeaderValue::from_bytes(value).expect("a part of a value is one"));
    }
    let found = ruling(&headers);
    let plain = directives::response(&headers);
    if !found.is_targeted {
        assert_eq!(found.directives, plain);
    }
    assert!(found.directives.no_transform || !plain.no_transform);
    // What is not a dictionary counts as not there.
    let mut spoilt = headers.clone();
    spoilt.append(PORTOLAN_CACHE_CONTROL, HeaderValue::from_static("@"));
    headers.remove(PORTOLAN_CACHE_CONTROL);
    assert_eq!(ruling(&spoilt), ruling(&headers));
    headers.append(PORTOLAN_CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
    let ours = ruling(&headers);
    assert!(ours.is_targeted && ours.directives.max_age == Some(5) && !ours.directives.no_store);
}

/// Dates: what is read can be written and read again, in any case of its letters.
pub(super) fn date(input: &[u8]) {
    let Some(found) = http_date::parse(input, NOW) else { return };
    assert_eq!(http_date::parse(&input.to_ascii_uppercase(), NOW), Some(found));
    let seconds = |date: HttpDate| u64::try_from(date.0).ok();
    if let Some(seconds) = seconds(found).filter(|seconds| *seconds < 253_402_300_800) {
        let text = http_date::write(Timestamp(seconds * 1000)).expect("the format has such dates");
        assert_eq!(http_date::parse(text.as_bytes(), NOW), Some(found));
        // Another reader, of the preferred form alone: it is stricter about week days and knows no leap seconds.
        let preferred = input.len() == 29 && !input.ends_with(b":60 GMT");
        if let Some(other) = std::str::from_utf8(input).ok().filter(|_| preferred).map(httpdate::parse_http_date) {
            let since = other.ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            assert!(since.is_none_or(|since| since.as_secs() == seconds));
        }
    }
}

/// `Accept-Encoding`: a coding is chosen once, and never one that the client excludes first.
pub(super) fn accept(input: &[u8]) {
    let headers = field(&ACCEPT_ENCODING, input);
    let chosen: Vec<Encoding> = coding::accepted(&headers).collect();
    assert!(chosen.iter().enumerate().all(|(at, encoding)| !chosen[..at].contains(encoding)));
    for line in values(input) {
        for member in line.as_bytes().split(|byte| *byte == b',') {
            assert!(weights::weighed(member).is_none_or(|(token, weight)| !token.is_empty() && weight <= 1000));
        }
    }
    for excluded in Encoding::ALL {
        let mut all = HeaderMap::new();
        let none = HeaderValue::from_str(&format!("{};q=0", excluded.name())).expect("a name is a token");
        all.append(ACCEPT_ENCODING, none);
        headers.get_all(ACCEPT_ENCODING).iter().for_each(|line| {
            all.append(ACCEPT_ENCODING, line.clone());
        });
        assert!(coding::accepted(&all).all(|encoding| encoding != excluded), "{excluded:?}");
    }
}

/// `Range` and `Content-Range`: the first eight bytes are the length of the representation.
pub(super) fn range(input: &[u8]) {
    let Some((length, input)) = input.split_first_chunk::<8>() else { return };
    let length = u64::from_be_bytes(*length);
    let headers = field(&RANGE, input);
    let slices = Slices::of(&headers, 1 << 16);
    if let Wanted::Parts(parts) = wanted(&headers, length, 16) {
        let start = slices.and_then(|slices| slices.start(Some(length)));
        assert!(start.is_none_or(|start| start <= parts[0].start), "slices hold what is wanted");
        assert!((1..=16).contains(&parts.len()));
        assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
        let mut sorted = parts.clone();
        sorted.sort_by_key(|part| part.start);
        assert!(sorted.windows(2).all(|pair| pair[0].end < pair[1].start), "no byte is sent twice");
        let plan = multipart::plan(&parts, length, None, 7).expect("its fields can be written");
        let content: u64 = parts.iter().map(|part| part.end - part.start).sum();
        let frame = plan.parts.iter().map(|part| part.head.len() as u64).sum::<u64>() + plan.end.len() as u64;
        assert_eq!(plan.length, content.saturating_add(frame), "the length is that of all its parts");
        for part in &parts {
            let text = multipart::content_range(part, length);
            let read = ContentRange::parse(text.as_bytes()).expect("what we write is accepted");
            assert_eq!((&read.span, read.total), (part, Some(length)));
        }
    }
    if let Some(range) = ContentRange::parse(input) {
        assert!(range.span.start < range.span.end && range.total.is_none_or(|total| range.span.end <= total));
    }
}

/// Entity tags: one that is read is found in every list that it stands in.
pub(super) fn etag(input: &[u8]) {
    let lines = values(input);
    let tags: Vec<EntityTag<'_>> = lines.iter().filter_map(|line| EntityTag::parse(line.as_bytes())).collect();
    for tag in &tags {
        let weak = if tag.is_weak { &b"W/"[..] } else { b"" };
        let again = [weak, tag.opaque].concat();
        assert_eq!(EntityTag::parse(&again), Some(*tag));
        assert!(tag.weakly_equals(*tag) && tag.strongly_equals(*tag) != tag.is_weak);
        let state = Validators { tag: Some(*tag), modified: None, modified_is_strong: false };
        let list: Vec<Vec<u8>> = tags.iter().map(|tag| [&b"W/"[..], tag.opaque].concat()).collect();
        let list = HeaderValue::from_bytes(&list.join(&b", "[..])).expect("tags are values");
        let asked = HeaderMap::from_iter([(IF_NONE_MATCH, list)]);
        assert!(condition::is_not_modified(&asked, &state, NOW));
    }
    let headers = field(&IF_NONE_MATCH, input);
    entity_tag::any(&headers, &IF_NONE_MATCH, |tag| {
        assert!(tag.opaque.len() >= 2 && tag.opaque.starts_with(b"\"") && tag.opaque.ends_with(b"\""));
        false
    });
    let one = field(&ETAG, input);
    assert_eq!(EntityTag::of(&one).is_some(), lines.len() == 1 && tags.len() == 1);
}

/// Names to purge by: bounded, sorted, each once; groups of one origin are none of another's.
pub(super) fn tags(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in values(input) {
        let Some((choice, value)) = line.as_bytes().split_first() else { continue };
        let names = [CACHE_GROUPS, SURROGATE_KEY, CACHE_TAG, CACHE_GROUP_INVALIDATION];
        let name = names[usize::from(choice % 4)].clone();
        headers.append(name, HeaderValue::from_bytes(value).expect("a part of a value is one"));
    }
    let other = Address::of("https", "other.example", "/", None).expect("it is one");
    if let Some(found) = cache_tags::of(&here(), &headers) {
        assert!(found.len() <= cache_tags::TAGS_MAX);
        assert!(found.iter().all(|tag| tag.as_bytes().len() <= cache_tags::TAG_BYTES_MAX));
        assert!(found.is_sorted_by(|a, b| a < b), "sorted, each once");
        let elsewhere = cache_tags::of(&other, &headers).unwrap_or_default();
        let shared = found.iter().filter(|tag| elsewhere.contains(tag));
        assert!(shared.into_iter().all(|tag| tag.as_bytes().starts_with(b"key ")));
    }
    assert!(cache_tags::invalidated(&Method::GET, &here(), &headers).is_empty(), "a safe method changes nothing");
    assert!(cache_tags::invalidated(&Method::POST, &here(), &headers).len() <= cache_tags::TAGS_MAX);
}

/// `Cache-Status`: whatever the cache is called, what is added is a member of a list, behind those of others.
pub(super) fn status(input: &[u8]) {
    let Ok(name) = std::str::from_utf8(input) else { return };
    let number = input.first().copied().unwrap_or_default();
    let status = CacheStatus {
        is_hit: number % 2 == 0,
        forward: Some(Forward::Stale),
        forward_status: StatusCode::from_u16(u16::from(number) + 200).ok(),
        ttl_s: Some(i64::from(number) - 100),
        is_stored: number % 3 == 0,
        is_collapsed: number % 5 == 0,
        detail: Some(name),
    };
    let mut headers = HeaderMap::from_iter([(CACHE_STATUS, HeaderValue::from_static("origin;hit"))]);
    status.add_to(&mut headers, name);
    let lines: Vec<&[u8]> = headers.get_all(CACHE_STATUS).iter().map(HeaderValue::as_bytes).collect();
    let members: List = Parser::new(&lines.join(&b", "[..])).parse().expect("it stays a list");
    assert_eq!(members.len(), lines.len());
}

/// Addresses: a reference leads to an address that leads to itself.
pub(super) fn address(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (authority, path, reference) = (next(), next(), next());
    // What the codec takes for a path.
    let path = Some(path).filter(|path| path.bytes().all(|byte| byte.is_ascii_graphic())).unwrap_or("/");
    let base = Address::of("http", authority, path, None).unwrap_or_else(here);
    assert!(base.as_str().starts_with(base.origin()) && base.as_str().len() <= ADDRESS_BYTES_MAX);
    for reference in [reference, path, text] {
        let Some(found) = base.resolve(reference) else { continue };
        assert!(found.path().starts_with('/') && found.as_str().len() <= ADDRESS_BYTES_MAX);
        assert!(found.query().is_none_or(|query| found.as_str().ends_with(query)));
        // An empty reference keeps the path of its base as it is, dots and all (RFC 3986 section 5.2.2).
        let tidy = here().resolve(found.as_str()).expect("an address is a reference");
        assert_eq!(here().resolve(tidy.as_str()).as_ref(), Some(&tidy), "an address means itself");
        assert_eq!(tidy.origin(), found.origin());
    }
}

fn with(headers: &HeaderMap, name: &HeaderName, value: &'static str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.append(name, HeaderValue::from_static(value));
    headers
}
