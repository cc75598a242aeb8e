//! Partial content: cut-off answers, joining, completing (RFC 9111 sections 3.3 and 3.4).

use super::super::partial::{ContentRange, arrived, ask_for, joined, missing, together};
use super::super::select::{Asked, Choice, Forward, select};
use super::super::spans::Spans;
use super::super::stored::Extent;
use super::*;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

fn part(range: &str, etag: &str) -> Case {
    Case::new(&[("range", "bytes=0-")], 206, &[FRESH, ("content-range", range), ("etag", etag)])
}

fn spans(stored: &Stored) -> Vec<(u64, u64)> {
    match &stored.extent {
        Extent::Whole(length) => vec![(0, length.unwrap())],
        Extent::Parts { held, .. } => held.iter().map(|span| (span.start, span.end)).collect(),
    }
}

#[test]
fn rfc9110_14_4_content_range() {
    for (value, expected) in [
        ("bytes 0-4/10", Some((0..5, Some(10)))),
        ("BYTES 9-9/10", Some((9..10, Some(10)))),
        ("bytes 0-4/*", Some((0..5, None))),
        ("bytes */10", None),
        ("bytes 4-3/10", None),
        ("bytes 0-10/10", None),
        ("bytes 0-4/", None),
        ("bytes +0-4/10", None),
        ("bytes=0-4/10", None),
        ("bytes 0-18446744073709551615/*", None),
        ("lines 0-4/10", None),
    ] {
        let expected = expected.map(|(span, total)| ContentRange { span, total });
        assert_eq!(ContentRange::parse(value.as_bytes()), expected, "{value}");
    }
}

#[test]
fn rfc9111_3_3_an_answer_that_was_cut_off() {
    let whole = |fields: Fields<'_>| Case::ok(&[fields, &[FRESH]].concat()).stored();
    let (ten, tag) = (("content-length", "10"), ("etag", "\"a\""));
    assert_eq!(arrived(whole(&[ten]), 10).map(|stored| spans(&stored)), Some(vec![(0, 10)]));
    assert_eq!(arrived(whole(&[]), 7).map(|stored| spans(&stored)), Some(vec![(0, 7)]), "its length was not known");
    assert_eq!(
        arrived(whole(&[ten, tag]), 4).map(|stored| (spans(&stored), stored.length())),
        Some((vec![(0, 4)], Some(10)))
    );
    assert!(arrived(whole(&[ten]), 4).is_none(), "nothing to complete it under");
    assert!(arrived(whole(&[ten, ("etag", "W/\"a\"")]), 4).is_none());
    assert!(arrived(whole(&[ten, tag]), 0).is_none());
    let missing = Case::new(&[], 404, &[FRESH, ten, tag]).stored();
    assert!(arrived(missing, 4).is_none(), "half an error is none");
    let part = part("bytes 4-9/10", "\"a\"").stored();
    assert_eq!(arrived(part.clone(), 3).map(|stored| spans(&stored)), Some(vec![(4, 7)]));
    assert_eq!(arrived(part, 6).map(|stored| spans(&stored)), Some(vec![(4, 10)]));
}

#[test]
fn rfc9111_3_4_joined_under_a_strong_tag_only() {
    let settings = Settings::default();
    for (one, other, span, expected) in [
        (("bytes 0-4/10", "\"a\""), ("bytes 5-9/10", "\"a\""), 5..10, Some(vec![(0, 10)])),
        (("bytes 0-1/10", "\"a\""), ("bytes 8-9/10", "\"a\""), 8..10, Some(vec![(0, 2), (8, 10)])),
        (("bytes 0-1/10", "\"a\""), ("bytes 7-8/10", "\"a\""), 8..10, None), // not what was asked for
        (("bytes 0-4/10", "\"a\""), ("bytes 5-9/10", "\"b\""), 5..10, None),
        (("bytes 0-4/10", "W/\"a\""), ("bytes 5-9/10", "W/\"a\""), 5..10, None),
        (("bytes 0-4/10", "\"a\""), ("bytes 5-9/11", "\"a\""), 5..10, None),
        (("bytes 0-4/10", "\"a\""), ("bytes 5-9/*", "\"a\""), 5..10, None),
    ] {
        let got = part(other.0, other.1).with(|newer| joined(&part(one.0, one.1).stored(), &span, newer, &settings));
        assert_eq!(got.as_ref().map(spans), expected, "{one:?} {other:?}");
    }
    let newer = Case::new(
        &[("range", "bytes=5-")],
        206,
        &[("content-range", "bytes 5-9/10"), ("etag", "\"a\""), ("cache-control", "max-age=90"), ("x", "2")],
    );
    let whole =
        newer.with(|newer| joined(&part("bytes 0-4/10", "\"a\"").stored(), &(5..10), newer, &settings)).unwrap();
    assert_eq!((whole.extent, whole.status), (Extent::Whole(Some(10)), StatusCode::OK));
    assert_eq!(whole.headers["x"], "2", "the newer fields count");
    assert!(!whole.headers.contains_key("content-range"));
}

#[test]
fn rfc9111_3_4_what_came_side_by_side_is_joined() {
    for (one, other, expected) in [
        (("bytes 0-1/10", "\"a\""), ("bytes 8-9/10", "\"a\""), Some(vec![(0, 2), (8, 10)])),
        (("bytes 8-9/10", "\"a\""), ("bytes 0-8/10", "\"a\""), Some(vec![(0, 10)])),
        (("bytes 0-1/10", "\"a\""), ("bytes 8-9/10", "\"b\""), None),
        (("bytes 0-1/10", "W/\"a\""), ("bytes 8-9/10", "W/\"a\""), None),
        (("bytes 0-1/10", "\"a\""), ("bytes 8-9/11", "\"a\""), None),
    ] {
        let (one, other) = (part(one.0, one.1).stored(), part(other.0, other.1).stored());
        assert_eq!(together(&one, &other).as_ref().map(spans), expected);
        let mut purged = one;
        purged.is_invalid = true;
        assert!(together(&purged, &other).is_none());
    }
    // A slice that comes late takes nothing of the whole away.
    let whole = |tag| Case::new(&[], 200, &[FRESH, ("content-length", "10"), ("etag", tag)]).stored();
    let late = part("bytes 8-9/10", "\"a\"").stored();
    assert_eq!(together(&whole("\"a\""), &late).unwrap().extent, Extent::Whole(Some(10)));
    assert!(together(&whole("\"b\""), &late).is_none());
    assert!(together(&late, &whole("\"a\"")).is_none(), "what is whole stands for itself");
}

#[test]
fn rfc9111_3_4_what_is_missing_is_asked_for() {
    let stored = part("bytes 4-6/10", "\"a\"").stored();
    let held = Spans::one(4..7);
    assert_eq!(stored.extent, Extent::Parts { total: 10, held });
    let settings = Settings::default();
    let choose = |range: Option<&str>, condition: Option<&str>, stored: &Stored, now| {
        let mut request = HeaderMap::new();
        for (name, value) in [("range", range), ("if-range", condition)] {
            request.extend(value.map(|value| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())));
        }
        let asked = Asked { method: &Method::GET, headers: &request, has_body: false };
        select(&asked, [stored], now, &settings)
    };
    let complete = |span| Choice::Complete { index: 0, span };
    for (range, condition, expected) in [
        (Some("bytes=4-6"), None, Choice::Fresh { index: 0 }),
        (Some("bytes=5-5"), Some("\"a\""), Choice::Fresh { index: 0 }),
        (Some("bytes=5-8"), None, complete(7..9)),
        (Some("bytes=-2"), None, complete(8..10)),
        (Some("bytes=9-9,0-0"), None, complete(0..1)), // one gap after the other
        (Some("bytes=20-"), None, Choice::Fresh { index: 0 }), // 416 is known without more bytes
        (Some("bytes=5-5"), Some("\"b\""), complete(0..10)), // it wants the whole of what there is now
        (None, None, complete(0..10)),
    ] {
        assert_eq!(choose(range, condition, &stored, START), expected, "{range:?} {condition:?}");
    }
    assert_eq!(choose(None, None, &stored, after(60)), Choice::Miss(Forward::Partial), "stale parts are not completed");
    assert_eq!(
        choose(Some("bytes=5-5"), None, &stored, after(60)),
        Choice::Validate { index: 0, why: Forward::Stale },
        "but asked about when they suffice"
    );
    let weak = part("bytes 4-6/10", "W/\"a\"").stored();
    assert_eq!(choose(Some("bytes=5-5"), None, &weak, START), Choice::Fresh { index: 0 });
    assert_eq!(choose(None, None, &weak, START), Choice::Miss(Forward::Partial));
    assert_eq!(missing(&stored, &[4..5, 6..8]), Some(7..8));

    let mut request = headers(&[("if-none-match", "\"x\""), ("range", "bytes=5-8"), ("foo", "1")]);
    ask_for(&mut request, &stored, &(7..9));
    assert_eq!(request, headers(&[("range", "bytes=7-8"), ("if-range", "\"a\""), ("foo", "1")]));
}

#[test]
fn rfc9111_4_the_whole_is_preferred_to_a_newer_part() {
    let whole = Case::ok(&[FRESH, ("content-length", "10"), ("date", "Sun, 06 Nov 1994 08:49:30 GMT")]).stored();
    let asked = Asked { method: &Method::GET, headers: &HeaderMap::new(), has_body: false };
    let choice = select(&asked, [&whole, &part("bytes 4-6/10", "\"a\"").stored()], START, &Settings::default());
    assert_eq!(choice, Choice::Fresh { index: 0 });
}
