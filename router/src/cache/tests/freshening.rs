//! Validation and what comes of it (RFC 9111 sections 4.3.1, 4.3.4 and 4.3.5).

use super::super::freshen::{HeadEffect, by_head, freshened, meant, replaces};
use super::super::select::Asked;
use super::super::validate;
use super::*;

const CLIENTS: [(&str, &str); 5] = [
    ("if-none-match", "\"x\""),
    ("if-modified-since", DAY_AGO),
    ("if-range", "\"x\""),
    ("range", "bytes=0-1"),
    ("foo", "1"),
];

/// The places that a 304 to a GET with these fields is about, what was asked about being the last.
fn about(request: Fields<'_>, not_modified: Fields<'_>, stored: &[Stored]) -> Vec<usize> {
    let request = headers(request);
    let asked = Asked { method: &Method::GET, headers: &request, has_body: false };
    meant(&asked, &headers(not_modified), stored, stored.len().saturating_sub(1), START, &Settings::default())
}

fn kept(fields: Fields<'_>) -> Stored {
    Case::ok(&[fields, &[("cache-control", "max-age=60")]].concat()).stored()
}

#[test]
fn rfc9111_4_3_1_the_request_asks_about_what_is_stored() {
    for (fields, expected) in [
        (
            &[("etag", "W/\"a\""), ("last-modified", DAY_AGO)][..],
            &[("foo", "1"), ("if-none-match", "W/\"a\""), ("if-modified-since", DAY_AGO)][..],
        ),
        (&[("etag", "\"a\"")], &[("foo", "1"), ("if-none-match", "\"a\"")]),
        (&[("last-modified", DAY_AGO)], &[("foo", "1"), ("if-modified-since", DAY_AGO)]),
        (&[("etag", "a"), ("last-modified", "yesterday")], &[("foo", "1")]), // no validators at all
        (&[], &[("foo", "1")]),
    ] {
        let mut request = headers(&CLIENTS);
        validate::ask_about(&mut request, &kept(fields));
        assert_eq!(request, headers(expected), "{fields:?}");
    }
    let mut request = headers(&CLIENTS);
    validate::ask_for_all(&mut request);
    assert_eq!(request, headers(&[("foo", "1")]));
}

#[test]
fn rfc9111_4_3_4_which_stored_responses_a_304_is_about() {
    let earlier = ("date", "Sun, 06 Nov 1994 08:00:00 GMT");
    let stored = [
        kept(&[("etag", "\"a\"")]),
        kept(&[("etag", "\"a\""), earlier]),
        kept(&[("etag", "W/\"a\""), earlier]),
        kept(&[("etag", "\"b\""), ("last-modified", DAY_AGO)]),
        kept(&[]),
    ];
    for (fields, expected) in [
        (&[("etag", "\"a\"")][..], &[0, 1][..]), // each with the same strong tag
        (&[("etag", "W/\"a\"")], &[0]),          // the most recent that matches
        (&[("etag", "\"b\""), ("last-modified", "yesterday")], &[3]),
        (&[("last-modified", DAY_AGO)], &[3]),
        (&[("etag", "\"c\"")], &[]), // about another state
        (&[("etag", "c")], &[]),
        (&[("last-modified", DATE.1)], &[]),
        (&[], &[4]), // about the one whose validators were sent
    ] {
        assert_eq!(about(&[], fields, &stored), expected, "{fields:?}");
    }
    assert_eq!(about(&[], &[], &stored[..0]), [0; 0]);
}

#[test]
fn rfc9111_4_3_4_a_strong_date_names_a_response_whose_tag_a_coding_made_weak() {
    let dated = |modified| [("etag", "W/\"a\""), ("last-modified", modified)];
    let stored = [kept(&dated(DAY_AGO)), kept(&[("etag", "W/\"a\"")]), kept(&dated(DATE.1))];
    let strong = ("etag", "\"a\"");
    for (fields, expected) in [
        (&[strong, ("last-modified", DAY_AGO)][..], &[0][..]),
        (&[strong], &[]),
        (&[("etag", "\"b\""), ("last-modified", DAY_AGO)], &[]),
        (&[strong, ("last-modified", DATE.1)], &[]), // as old as the answer: it may have changed again in that second
    ] {
        assert_eq!(about(&[], fields, &stored), expected, "{fields:?}");
    }
}

#[test]
fn rfc9111_4_3_4_a_304_is_about_what_could_have_answered_its_request() {
    let of = |language: &str, fields: Fields<'_>| {
        let control = [("cache-control", "max-age=60"), ("vary", "accept-language, accept-encoding")];
        let request = [("accept-language", language), ("accept-encoding", "gzip")];
        Case::new(&request, 200, &[&control, fields].concat()).stored()
    };
    let stored = [
        of("de", &[("etag", "\"a\"")]),
        of("de", &[("etag", "\"a\""), ("content-encoding", "br")]), // which the client does not take
        of("en", &[("etag", "\"a\""), ("last-modified", DAY_AGO)]),
        of("de", &[("etag", "W/\"b\""), ("last-modified", DAY_AGO)]),
    ];
    let de = [("accept-language", "de"), ("accept-encoding", "gzip")];
    for (request, fields, expected) in [
        (&de[..], &[("etag", "\"a\"")][..], &[0][..]),
        (&de, &[("etag", "W/\"a\"")], &[0]),
        (&de, &[("etag", "\"b\"")], &[]), // section 4.3.4: a strong one must be among them
        (&de, &[("last-modified", DAY_AGO)], &[3]),
        (&de, &[], &[3]),
        (&[("accept-language", "en"), de[1]], &[("etag", "\"a\"")], &[2]),
        (&[("accept-language", "en"), de[1]], &[], &[]), // what was asked about could not have answered
        (&[("accept-language", "fr"), de[1]], &[("etag", "\"a\"")], &[]),
    ] {
        assert_eq!(about(request, fields, &stored), expected, "{request:?} {fields:?}");
    }
}

#[test]
fn rfc9111_3_2_a_304_makes_the_stored_response_newer() {
    let old = kept(&[("etag", "\"a\""), ("x", "1"), ("x", "2"), ("y", "1"), ("age", "7"), DATE]);
    let later = "Sun, 06 Nov 1994 08:51:17 GMT";
    let newer = Case {
        at: after(100),
        ..Case::new(
            &[],
            304,
            &[
                ("etag", "\"a\""),
                ("cache-control", "max-age=90"),
                ("x", "3"),
                ("z", "1"),
                ("date", later),
                ("content-length", "0"),
            ],
        )
    };
    let fresh = newer.with(|newer| freshened(&old, newer, &Settings::default())).unwrap();
    let expected =
        [("etag", "\"a\""), ("cache-control", "max-age=90"), ("x", "3"), ("y", "1"), ("z", "1"), ("date", later)];
    assert_eq!(fresh.headers, headers(&expected));
    assert_eq!((fresh.status, fresh.ttl_s(after(100)), fresh.age_ms(after(100))), (StatusCode::OK, 90, 0));
    // Without a Date of its own the moment counts; without a lifetime the stored one starts again.
    let bare = Case { at: after(100), ..Case::new(&[], 304, &[]) };
    let fresh = bare.with(|newer| freshened(&old, newer, &Settings::default())).unwrap();
    assert_eq!((fresh.ttl_s(after(100)), fresh.headers["date"].to_str().unwrap()), (60, later));
    assert_eq!(fresh.extent, old.extent);
}

#[test]
fn rfc9111_4_3_4_a_304_may_forbid_what_a_200_allowed() {
    let old = kept(&[("etag", "\"a\""), ("vary", "foo")]);
    for (request, response, expected) in [
        (&[][..], &[("cache-control", "no-store")][..], Some(Refusal::NoStore)),
        (&[], &[("cache-control", "private")], Some(Refusal::Private)),
        (&[], &[("vary", "*")], Some(Refusal::Vary)),
        (&[], &[("set-cookie", "a=b")], Some(Refusal::SetCookie)),
        (&[("bar", "2")], &[("vary", "foo, bar")], None),
        (&[("authorization", "x")], &[], Some(Refusal::Authorization)),
    ] {
        let case = Case { at: after(100), ..Case::new(request, 304, response) };
        let got = case.with(|newer| freshened(&old, newer, &Settings::default()));
        assert_eq!(got.as_ref().err().map(|refused| refused.0), expected, "{request:?} {response:?}");
        let fresh = got.unwrap_or_else(|refused| refused.1);
        assert_eq!(fresh.received, after(100), "it answers all the same");
        assert!(fresh.variant.matches(&headers(request), &Settings::default()), "and is for this request");
    }
    assert!(Refusal::Authorization.is_of_request() && !Refusal::NoStore.is_of_request());
}

#[test]
fn rfc9111_4_3_3_what_replaces_what_was_asked_about() {
    let known = [200, 203, 204, 205, 226, 300, 301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 410, 451];
    let others =
        [206, 304, 400, 406, 407, 408, 412, 413, 414, 416, 418, 421, 425, 428, 429, 431, 500, 501, 503, 511, 599];
    for (statuses, expected) in [(&known[..], true), (&others, false)] {
        for status in statuses {
            assert_eq!(replaces(StatusCode::from_u16(*status).unwrap()), expected, "{status}");
        }
    }
}

/// What the answer to a HEAD with these fields does to a stored response.
fn effect(request: Fields<'_>, status: u16, head: Fields<'_>, stored: &Stored) -> HeadEffect {
    let request = headers(request);
    let asked = Asked { method: &Method::HEAD, headers: &request, has_body: false };
    by_head(&asked, StatusCode::from_u16(status).unwrap(), &headers(head), stored, START, &Settings::default())
}

#[test]
fn rfc9111_4_3_5_a_head_updates_or_expires() {
    use HeadEffect::{Expire, None, Update};
    let stored = kept(&[("etag", "\"a\""), ("last-modified", DAY_AGO), ("content-length", "5")]);
    for (status, fields, expected) in [
        (200, &[][..], Update),
        (200, &[("etag", "\"a\""), ("last-modified", DAY_AGO), ("content-length", "5")], Update),
        (200, &[("etag", "\"b\"")], Expire),
        (200, &[("etag", "W/\"a\"")], Expire),
        (200, &[("last-modified", DATE.1)], Expire),
        (200, &[("content-length", "6")], Expire),
        (404, &[("etag", "\"b\"")], None),
        (304, &[], None),
    ] {
        assert_eq!(effect(&[], status, fields, &stored), expected, "{status} {fields:?}");
    }
    let request = [("accept-language", "de")];
    let response = [("vary", "accept-language"), ("content-length", "5"), ("cache-control", "max-age=60")];
    let german = Case::new(&request, 200, &response).stored();
    assert_eq!(effect(&request, 200, &[("content-length", "6")], &german), Expire);
    for fields in [&[][..], &[("content-length", "6")]] {
        assert_eq!(effect(&[("accept-language", "en")], 200, fields, &german), None, "it says nothing of this one");
    }
}
