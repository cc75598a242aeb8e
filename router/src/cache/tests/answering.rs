//! The answer that a stored response makes (RFC 9111 section 4, RFC 9110 sections 13 to 15).

use super::super::answer::{Answer, Content, answer};
use super::super::select::Asked;
use super::*;

fn kept(status: u16, fields: Fields<'_>) -> Stored {
    Case::new(&[], status, &[fields, &[("cache-control", "max-age=600"), ("content-length", "10")]].concat()).stored()
}

fn ask(method: Method, request: Fields<'_>, stored: &Stored) -> Answer {
    let headers = headers(request);
    let asked = Asked { method: &method, headers: &headers, has_body: false };
    answer(&asked, stored, after(90), &Settings::default(), 7)
}

#[test]
fn rfc9111_4_age_is_made_and_date_is_kept() {
    let stored = kept(
        200,
        &[
            DATE,
            ("age", "30"),
            ("warning", "199 - x"),
            ("surrogate-key", "k"),
            ("cache-tag", "t"),
            ("cdn-cache-control", "max-age=600"),
            ("portolan-cache-control", "?"),
            ("a", "1"),
            ("a", "2"),
        ],
    );
    let got = ask(Method::GET, &[], &kept(200, &[DATE, ("age", "30")]));
    assert_eq!((got.status, &got.content), (StatusCode::OK, &Content::Whole));
    let expected = [DATE, ("age", "120"), ("cache-control", "max-age=600"), ("content-length", "10")];
    assert_eq!(got.headers, headers(&expected));
    let got = ask(Method::GET, &[], &stored).headers;
    assert_eq!(
        (got["warning"].to_str().unwrap(), got["cdn-cache-control"].to_str().unwrap()),
        ("199 - x", "max-age=600")
    );
    assert!(!["surrogate-key", "cache-tag", "portolan-cache-control"].iter().any(|name| got.contains_key(*name)));
    assert_eq!(got.get_all("a").iter().count(), 2);
    let old = kept(200, &[("date", "Thu, 01 Jan 1900 00:00:00 GMT"), ("etag", "\"a\"")]);
    assert_eq!(ask(Method::GET, &[], &old).headers["age"], "2147483648");
}

#[test]
fn rfc9111_4_3_2_a_304_has_the_validators_and_no_content() {
    let fields = [("etag", "\"a\""), ("last-modified", DAY_AGO), ("content-type", "text/plain"), ("vary", "x"), DATE];
    let stored = kept(200, &fields);
    for (request, status) in [
        (&[("if-none-match", "W/\"a\"")][..], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"b\""), ("if-modified-since", DATE.1)], 200),
        (&[("if-modified-since", DAY_AGO)], 304),
        (&[("if-modified-since", "Fri, 04 Nov 1994 08:49:37 GMT")], 200),
        (&[("if-none-match", "\"a\""), ("range", "bytes=0-1")], 304),
    ] {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(ask(method, request, &stored).status.as_u16(), status, "{request:?}");
        }
    }
    let got = ask(Method::GET, &[("if-none-match", "\"a\"")], &stored);
    let expected = [
        ("etag", "\"a\""),
        ("last-modified", DAY_AGO),
        ("vary", "x"),
        DATE,
        ("age", "90"),
        ("cache-control", "max-age=600"),
    ];
    assert_eq!((got.headers, got.content), (headers(&expected), Content::Nothing));
    let error = kept(404, &[("etag", "\"a\"")]);
    assert_eq!(ask(Method::GET, &[("if-none-match", "\"a\"")], &error).status, 404, "about successes only");
    // Without Last-Modified the response's date stands in.
    let undated = kept(200, &[DATE]);
    assert_eq!(ask(Method::GET, &[("if-modified-since", DATE.1)], &undated).status, 304);
    assert_eq!(ask(Method::GET, &[("if-modified-since", DAY_AGO)], &undated).status, 200);
}

#[test]
fn rfc9110_14_2_ranges() {
    let stored = kept(200, &[("etag", "\"a\""), ("content-type", "text/plain")]);
    let range = |value| ("range", value);
    for (request, status, content, content_range, length) in [
        (&[range("bytes=2-5")][..], 206, Content::Part(2..6), Some("bytes 2-5/10"), "4"),
        (&[range("bytes=-1")], 206, Content::Part(9..10), Some("bytes 9-9/10"), "1"),
        (&[range("bytes=0-4,3-9")], 206, Content::Part(0..10), Some("bytes 0-9/10"), "10"),
        (&[range("bytes=10-")], 416, Content::Nothing, Some("bytes */10"), "0"),
        (&[range("bytes=5-2")], 200, Content::Whole, None, "10"),
        (&[range("bytes=2-5"), ("if-range", "\"a\"")], 206, Content::Part(2..6), Some("bytes 2-5/10"), "4"),
        (&[range("bytes=2-5"), ("if-range", "\"b\"")], 200, Content::Whole, None, "10"),
        (&[range("bytes=20-"), ("if-range", "\"b\"")], 200, Content::Whole, None, "10"),
    ] {
        let got = ask(Method::GET, request, &stored);
        let got_range = got.headers.get("content-range").map(|value| value.to_str().unwrap());
        assert_eq!((got.status.as_u16(), got.content, got_range), (status, content, content_range), "{request:?}");
        assert_eq!(got.headers["content-length"], length, "{request:?}");
    }
    let several = ask(Method::GET, &[range("bytes=0-0,5-5")], &stored);
    let Content::Parts(plan) = &several.content else { panic!("{several:?}") };
    assert_eq!((several.status, &several.headers["content-type"]), (StatusCode::PARTIAL_CONTENT, &plan.content_type));
    assert_eq!(several.headers["content-length"], plan.length.to_string().as_str());
    assert!(!several.headers.contains_key("content-range"));
    let head = ask(Method::HEAD, &[range("bytes=2-5")], &stored);
    assert_eq!((head.status, head.content), (StatusCode::OK, Content::Nothing), "Range is for GET");
    assert_eq!(head.headers["content-length"], "10");
    assert_eq!(ask(Method::GET, &[range("bytes=2-5")], &kept(404, &[])).status, 404);
    let many: Vec<String> = (0..5).map(|n| format!("{0}-{0}", n * 2)).collect();
    let few = Settings { range_parts_max: 4, ..Settings::default() };
    let request = headers(&[("range", &format!("bytes={}", many.join(",")))]);
    let asked = Asked { method: &Method::GET, headers: &request, has_body: false };
    assert_eq!(answer(&asked, &stored, START, &few, 7).status, 200, "too many parts");
}

#[test]
fn rfc9530_2_a_content_digest_is_of_the_whole_content_alone() {
    let digests = [("content-digest", "sha-256=:AA==:"), ("content-md5", "AA=="), ("repr-digest", "sha-256=:BB==:")];
    let stored = kept(200, &digests);
    for (range, expected) in [
        ("none=", [true, true, true]),
        ("bytes=2-5", [false, false, true]),
        ("bytes=0-0,5-5", [false, false, true]),
        ("bytes=10-", [false, false, true]),
    ] {
        let got = ask(Method::GET, &[("range", range)], &stored);
        assert_eq!(digests.map(|(name, _)| got.headers.contains_key(name)), expected, "{range}");
    }
    let kept = ("cache-control", "max-age=600");
    let fields = [kept, ("content-range", "bytes 2-5/10"), ("etag", "\"a\""), digests[0], digests[1], digests[2]];
    let part = Case::new(&[("range", "bytes=2-5")], 206, &fields).stored();
    assert_eq!(digests.map(|(name, _)| part.headers.contains_key(name)), [false, false, true], "of other bytes");
}

#[test]
fn rfc9110_8_6_no_content_has_no_length() {
    let stored = Case::new(&[], 204, &[("cache-control", "max-age=600"), ("content-length", "0")]).stored();
    assert!(!ask(Method::GET, &[], &stored).headers.contains_key("content-length"));
    let growing = Case::ok(&[("cache-control", "max-age=600")]).stored();
    let got = ask(Method::GET, &[("range", "bytes=0-1")], &growing);
    assert_eq!((got.status, got.content), (StatusCode::OK, Content::Whole), "its length is not known yet");
}
