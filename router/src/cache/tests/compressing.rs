//! What is sent in a coding of ours, and what the coding changes (RFC 9110 sections 8.4, 8.8 and 12.5).

use super::super::answer::{Answer, Content, answer};
use super::super::coding::Encoding;
use super::super::compress::{self, Compression};
use super::super::select::Asked;
use super::*;

const TEXT: (&str, &str) = ("content-type", "text/html; charset=utf-8");
const LONG: (&str, &str) = ("content-length", "1024");
const FRESH: (&str, &str) = ("cache-control", "max-age=600");

fn kept(status: u16, fields: Fields<'_>) -> Stored {
    Case::new(&[("range", "bytes=0-1023")], status, &[fields, &[DATE]].concat()).stored()
}

#[test]
fn rfc9110_8_4_what_is_compressed() {
    let some = |types: &[&str]| Compression {
        length_min: 10,
        types: Some(types.iter().map(|one| (*one).to_owned()).collect()),
    };
    let standard = Compression::default();
    for (status, fields, rules, expected) in [
        (200, &[TEXT, LONG, FRESH][..], &standard, true),
        (200, &[TEXT, ("content-length", "1023"), FRESH], &standard, false),
        (200, &[TEXT, FRESH], &standard, true), // who knows
        (200, &[LONG, FRESH], &standard, false),
        (200, &[("content-type", "TEXT/HTML"), LONG, FRESH], &standard, true),
        (200, &[("content-type", "application/json ; x=y"), LONG, FRESH], &standard, true),
        (200, &[("content-type", "application/problem+json"), LONG, FRESH], &standard, true),
        (200, &[("content-type", "image/svg+xml"), LONG, FRESH], &standard, true),
        (200, &[("content-type", "image/png"), LONG, FRESH], &standard, false),
        (404, &[TEXT, LONG, FRESH], &standard, true),
        (301, &[TEXT, LONG, FRESH], &standard, false),
        (200, &[TEXT, LONG, FRESH, ("content-encoding", "br")], &standard, false), // never twice
        (200, &[TEXT, LONG, FRESH, ("content-encoding", "rare")], &standard, false),
        (200, &[TEXT, LONG, ("cache-control", "max-age=600, no-transform")], &standard, false),
        (200, &[TEXT, LONG, FRESH, ("cdn-cache-control", "max-age=9, no-transform")], &standard, false),
        (200, &[TEXT, LONG, ("cache-control", "no-transform"), ("cdn-cache-control", "max-age=9")], &standard, false),
        (206, &[TEXT, ("content-range", "bytes 0-99/9999"), FRESH, ("etag", "\"a\"")], &standard, true), // once it is whole
        (206, &[TEXT, ("content-range", "bytes 0-99/1023"), FRESH, ("etag", "\"a\"")], &standard, false),
        (200, &[("content-type", "image/x-own"), ("content-length", "10"), FRESH], &some(&["image/x-own"]), true),
        (200, &[("content-type", "image/x-own"), ("content-length", "9"), FRESH], &some(&["image/x-own"]), false),
        (200, &[("content-type", "text/html"), LONG, FRESH], &some(&["application/*"]), false),
        (200, &[("content-type", "application/x"), LONG, FRESH], &some(&["application/*"]), true),
    ] {
        assert_eq!(rules.applies_to(&kept(status, fields)), expected, "{status} {fields:?}");
    }
}

#[test]
fn rfc9110_12_5_3_which_requests_may_get_a_coding() {
    for (method, fields, expected) in [
        (Method::GET, &[][..], true),
        (Method::HEAD, &[], true),
        (Method::POST, &[], false),
        (Method::GET, &[("range", "bytes=0-1")], false),
        (Method::GET, &[("cache-control", "no-transform")], false),
    ] {
        let headers = headers(fields);
        let asked = Asked { method: &method, headers: &headers, has_body: false };
        assert_eq!(compress::may_encode(&asked, &Settings::default()), expected, "{method} {fields:?}");
    }
    for (value, expected) in [("\"a\"", false), ("W/\"a\"", false), (DATE.1, true)] {
        assert_eq!(compress::is_range_by_date(&headers(&[("if-range", value)])), expected, "{value}");
    }
    assert!(!compress::is_range_by_date(&HeaderMap::new()));
}

fn coded(request: Fields<'_>, fields: Fields<'_>, length: Option<u64>) -> Answer {
    let request = headers(request);
    let asked = Asked { method: &Method::GET, headers: &request, has_body: false };
    let mut made = answer(&asked, &kept(200, fields), START, &Settings::default(), 7);
    compress::vary(&mut made.headers);
    compress::encode(&mut made, Encoding::Zstd, length);
    made.headers.remove("age");
    made.headers.remove("date");
    made
}

#[test]
fn rfc9110_8_8_what_a_coding_changes() {
    let plain = [
        TEXT,
        LONG,
        FRESH,
        ("etag", "\"a\""),
        ("accept-ranges", "bytes"),
        ("repr-digest", "x=:eA==:"),
        ("digest", "x"),
    ];
    let got = coded(&[], &plain, Some(99));
    let expected = [
        TEXT,
        ("content-length", "99"),
        FRESH,
        ("etag", "W/\"a\""),
        ("content-encoding", "zstd"),
        ("vary", "accept-encoding"),
    ];
    assert_eq!((got.status, got.content, got.headers), (StatusCode::OK, Content::Whole, headers(&expected)));
    let got = coded(&[], &plain, None).headers;
    assert!(!got.contains_key("content-length"), "not known while it is being made");
    for (tag, expected) in [("W/\"a\"", Some("W/\"a\"")), ("\"a,b\"", Some("W/\"a,b\"")), ("a", None)] {
        let got = coded(&[], &[TEXT, LONG, FRESH, ("etag", tag)], None).headers;
        assert_eq!(got.get("etag").map(|tag| tag.to_str().unwrap()), expected, "{tag}");
    }
    for (vary, expected) in [("*", 1), ("x, Accept-Encoding", 1), ("x", 2)] {
        // `*` is not stored; what is passed on by it may be asked all the same.
        let mut all = headers(&[("vary", vary)]);
        compress::vary(&mut all);
        assert_eq!(all.get_all("vary").iter().count(), expected, "{vary}");
    }
}

#[test]
fn rfc9110_13_1_2_a_coding_is_not_modified_under_either_tag() {
    let plain = [TEXT, LONG, FRESH, ("etag", "\"a\"")];
    for tag in ["\"a\"", "W/\"a\""] {
        let got = coded(&[("if-none-match", tag)], &plain, Some(99));
        let expected = [FRESH, ("etag", "W/\"a\""), ("vary", "accept-encoding")];
        let of_it = (got.status, got.content, got.headers);
        assert_eq!(of_it, (StatusCode::NOT_MODIFIED, Content::Nothing, headers(&expected)), "{tag}");
    }
    assert_eq!(coded(&[("if-none-match", "\"b\"")], &plain, None).status, StatusCode::OK);
}
