//! Several requests in a row, through the model: what one answer does to the next.

use super::model::{Got, Model};
use super::*;

/// One request and what the origin would answer to it. Dates are those of the moment.
struct Step<'a> {
    method: &'a str,
    path: &'a str,
    request: Fields<'a>,
    /// 0: the origin cannot be reached.
    status: u16,
    response: Fields<'a>,
    body: &'a str,
    wait_s: u64,
}

const GET: Step<'_> =
    Step { method: "GET", path: "/", request: &[], status: 200, response: &[], body: "body", wait_s: 0 };

impl Step<'_> {
    /// Takes the step. Tells what the origin was asked, if it was.
    fn take(&self, model: &mut Model) -> (Got, Option<HeaderMap>) {
        model.wait(self.wait_s);
        let mut seen = None;
        let got = model.ask(self.method, self.path, &headers(self.request), &mut |_, request| {
            seen = Some(request.clone());
            let asked = request.contains_key("if-none-match") || request.contains_key("if-modified-since");
            let same = self.status == 304 && asked;
            (self.status > 0)
                .then(|| (if same { 304 } else { self.status.max(200) }, headers(self.response), self.body.into()))
        });
        (got, seen)
    }
}

/// Takes steps; tells of each whether the origin was asked, and the last answer.
fn take(steps: &[Step<'_>]) -> (Vec<bool>, Got) {
    let mut model = Model::new();
    let mut taken: Vec<(Got, Option<HeaderMap>)> = steps.iter().map(|step| step.take(&mut model)).collect();
    let asked = taken.iter().map(|(_, seen)| seen.is_some()).collect();
    (asked, taken.pop().unwrap().0)
}

const FRESH: (&str, &str) = ("cache-control", "max-age=3600");

#[test]
fn rfc9111_4_2_reused_while_fresh() {
    for (response, wait_s, reused) in [
        (&[FRESH][..], 3, true),
        (&[("cache-control", "max-age=2")], 3, false),
        (&[("cache-control", "max-age=0, s-maxage=3600"), ("expires", "0")], 3, true),
        (&[("cache-control", "max-age=3600, s-maxage=1")], 3, false),
        (&[DATE, ("expires", "Sun, 06 Nov 1994 09:49:37 GMT")], 3, true),
        (&[DATE, ("expires", "Sun, 06 Nov 1994 09:49:37 UTC")], 3, false),
        (&[DATE, FRESH, ("age", "7200")], 3, false),
        (&[DATE, FRESH, ("age", "0, 7200")], 3, true),
        (&[DATE, ("last-modified", DAY_AGO)], 3, true),
        (&[("cdn-cache-control", "max-age=3600"), ("cache-control", "no-store")], 3, true),
        (&[("cdn-cache-control", "max-age=1"), FRESH], 3, false),
        (&[FRESH, ("set-cookie", "a=b")], 3, true),
        (&[], 3, false),
    ] {
        let (asked, got) = take(&[Step { response, ..GET }, Step { response, wait_s, ..GET }]);
        assert_eq!(asked, [true, !reused], "{response:?}");
        assert_eq!((got.status, got.body.as_slice()), (200, &b"body"[..]));
        assert!(!reused || got.headers["age"].to_str().unwrap().parse::<u64>().unwrap() >= 3);
    }
}

#[test]
fn rfc9111_4_3_validated_and_freshened() {
    for validator in [("etag", "\"a\""), ("etag", "W/\"a\""), ("last-modified", DAY_AGO)] {
        let old = [("cache-control", "max-age=1"), validator, ("x", "1"), ("y", "1")];
        let new = [FRESH, validator, ("x", "2")];
        let (asked, got) = take(&[
            Step { response: &old, ..GET },
            Step { response: &new, wait_s: 3, status: 304, body: "", ..GET },
            Step { wait_s: 3, ..GET },
        ]);
        assert_eq!(asked, [true, true, false], "{validator:?}: a 304 extends freshness");
        assert_eq!((got.headers["x"].to_str().unwrap(), got.headers["y"].to_str().unwrap()), ("2", "1"));
        assert_eq!((got.status, got.body.as_slice()), (200, &b"body"[..]));
    }
}

#[test]
fn rfc9111_4_3_a_304_to_a_client_that_has_it() {
    let response = [("cache-control", "max-age=2"), ("last-modified", DAY_AGO)];
    let since = [("if-modified-since", DAY_AGO)];
    let (asked, got) = take(&[
        Step { response: &response, ..GET },
        Step { response: &response, request: &since, wait_s: 3, status: 304, body: "", ..GET },
    ]);
    assert_eq!((asked, got.status), (vec![true, true], 304), "validated, then judged for the client");
}

#[test]
fn rfc9111_4_3_1_vary_fields_go_along() {
    let response = [("cache-control", "max-age=1"), ("etag", "\"a\""), ("vary", "abc")];
    let mut model = Model::new();
    let request = [("abc", "123")];
    Step { response: &response, request: &request, ..GET }.take(&mut model);
    let (_, seen) = Step { response: &response, request: &request, wait_s: 3, status: 304, ..GET }.take(&mut model);
    assert_eq!(seen.unwrap(), headers(&[("abc", "123"), ("if-none-match", "\"a\"")]));
}

#[test]
fn rfc9111_4_2_4_stale_when_the_origin_fails() {
    for (control, served) in [
        ("max-age=2", true),
        ("max-age=2, stale-if-error=60", true),
        ("max-age=2, must-revalidate", false),
        ("max-age=2, proxy-revalidate", false),
        ("max-age=2, no-cache", false),
        ("max-age=2, s-maxage=2", false),
    ] {
        for status in [0, 503] {
            let response = [("cache-control", control), ("etag", "\"a\"")];
            let (_, got) =
                take(&[Step { response: &response, ..GET }, Step { wait_s: 3, status, body: "failed", ..GET }]);
            assert_eq!(got.status == 200, served, "{control} at {status}: {got:?}");
        }
    }
}

#[test]
fn rfc9111_4_4_effects_invalidate() {
    let elsewhere = [("location", "x/y"), ("content-location", "/z")];
    for (method, status, path, again) in [
        ("POST", 200, "/x/y", true),
        ("PUT", 204, "/z", true),
        ("M-SEARCH", 200, "/", true),
        ("DELETE", 500, "/", false),
        ("OPTIONS", 200, "/", false),
        ("POST", 200, "/other", false),
    ] {
        let (asked, _) = take(&[
            Step { path, response: &[FRESH], ..GET },
            Step { method, status, response: &elsewhere, ..GET },
            Step { path, ..GET },
        ]);
        assert_eq!(asked, [true, true, again], "{method} {status} and {path}");
    }
}

#[test]
fn rfc9110_9_3_3_an_answer_to_post_serves_get() {
    let response = [FRESH, ("content-location", "/")];
    let (asked, got) = take(&[Step { method: "POST", response: &response, ..GET }, GET]);
    assert_eq!((asked, got.body.as_slice()), (vec![true, false], &b"body"[..]));
}

#[test]
fn rfc9111_4_3_5_head_expires_and_updates() {
    let old = [("cache-control", "max-age=2"), ("x", "1")];
    let update = [("cache-control", "max-age=1000"), ("x", "2")];
    let head = |response, status| Step { method: "HEAD", response, status, wait_s: 3, body: "", ..GET };
    let (asked, got) = take(&[Step { response: &old, ..GET }, head(&update, 200), GET]);
    assert_eq!((asked, got.headers["x"].to_str().unwrap()), (vec![true, true, false], "2"));
    let (asked, _) = take(&[Step { response: &old, ..GET }, head(&update, 410), GET]);
    assert_eq!(asked, [true, true, true]);
    let tagged = [("cache-control", "max-age=2"), ("etag", "\"a\"")];
    let other = [("cache-control", "max-age=1000"), ("etag", "\"b\"")];
    let (asked, _) = take(&[Step { response: &tagged, ..GET }, head(&other, 200), GET]);
    assert_eq!(asked, [true, true, true], "a new validator");
}

#[test]
fn rfc9111_3_4_parts_are_joined_and_completed() {
    let tag = ("etag", "\"a\"");
    let range = |value| ("range", value);
    let (first, last) =
        ([FRESH, tag, ("content-range", "bytes 0-3/10")], [FRESH, tag, ("content-range", "bytes 4-9/10")]);
    let mut model = Model::new();
    let request = [range("bytes=0-3")];
    Step { request: &request, status: 206, response: &first, body: "0123", ..GET }.take(&mut model);
    let inside = [range("bytes=1-2")];
    let (got, seen) = Step { request: &inside, ..GET }.take(&mut model);
    assert_eq!((got.status, got.body.as_slice(), seen.is_none()), (206, &b"12"[..], true));
    let (got, seen) = Step { status: 206, response: &last, body: "456789", ..GET }.take(&mut model);
    assert_eq!(seen.unwrap(), headers(&[range("bytes=4-9"), ("if-range", "\"a\"")]));
    assert_eq!((got.status, got.body.as_slice()), (200, &b"0123456789"[..]));
    let several = [range("bytes=0-0,-1")];
    let (got, seen) = Step { request: &several, ..GET }.take(&mut model);
    assert_eq!((got.status, seen.is_none()), (206, true));
    // Another state came in the meantime: nothing is joined.
    let mut model = Model::new();
    Step { request: &request, status: 206, response: &first, body: "0123", ..GET }.take(&mut model);
    let (got, _) = Step { response: &[FRESH, ("etag", "\"b\"")], body: "other", ..GET }.take(&mut model);
    assert_eq!((got.status, got.body.as_slice()), (200, &b"other"[..]));
    let (got, seen) = GET.take(&mut model);
    assert_eq!((got.body.as_slice(), seen.is_none()), (&b"other"[..], true));
}

#[test]
fn rfc9111_3_3_a_body_that_was_cut_off_is_never_whole() {
    let response = [FRESH, ("content-length", "10")];
    let (asked, _) = take(&[Step { response: &response, body: "0123", ..GET }, Step { response: &response, ..GET }]);
    assert_eq!(asked, [true, true]);
}

#[test]
fn rfc9111_5_2_1_7_only_if_cached() {
    let wish = [("cache-control", "only-if-cached")];
    let (asked, got) = take(&[Step { request: &wish, ..GET }]);
    assert_eq!((asked, got.status), (vec![false], 504));
    let (asked, got) = take(&[Step { response: &[FRESH], ..GET }, Step { request: &wish, ..GET }]);
    assert_eq!((asked, got.status), (vec![true, false], 200));
}
