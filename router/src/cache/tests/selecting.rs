//! Which stored response answers, and when a stale one may (RFC 9111 sections 4, 4.1, 4.2.4 and 5.2.1, RFC 5861).

use super::super::select::{Asked, Choice, Forward, falls, select};
use super::super::stale;
use super::super::wishes::Wishes;
use super::*;

fn choose(request: Fields<'_>, candidates: &[Stored], now: Timestamp, settings: &Settings) -> Choice {
    let headers = headers(request);
    select(&Asked { method: &Method::GET, headers: &headers, has_body: false }, candidates, now, settings)
}

const FRESH: Choice = Choice::Fresh { index: 0 };
const STALE: Choice = Choice::Validate { index: 0, why: Forward::Stale };
const WISHED: Choice = Choice::Validate { index: 0, why: Forward::Request };
const BEHIND: Choice = Choice::Stale { index: 0, refresh: true };
const AS_IS: Choice = Choice::Stale { index: 0, refresh: false };

fn kept(control: &str) -> Stored {
    Case::ok(&[("cache-control", control), ("etag", "\"a\"")]).stored()
}

#[test]
fn rfc9111_4_2_fresh_while_the_lifetime_is_longer_than_the_age() {
    let stored = kept("max-age=60");
    for (seconds, expected, ttl) in [(0, FRESH, 60), (59, FRESH, 1), (60, STALE, 0), (90, STALE, -30)] {
        assert_eq!(
            choose(&[], std::slice::from_ref(&stored), after(seconds), &Settings::default()),
            expected,
            "{seconds}"
        );
        assert_eq!(stored.ttl_s(after(seconds)), ttl);
        assert_eq!(stored.age_ms(after(seconds)), seconds * 1000);
    }
    let aged = Case::ok(&[("cache-control", "max-age=60"), ("age", "50")]).stored();
    assert_eq!((aged.ttl_s(after(9)), aged.age_ms(after(9))), (1, 59_000));
}

#[test]
fn rfc9111_4_1_a_date_ahead_does_not_outrank_what_came_later() {
    let fresh = ("cache-control", "max-age=600");
    let ahead = Case::ok(&[fresh, ("date", "Mon, 07 Nov 1994 08:49:37 GMT")]).stored();
    let later = Case { at: after(10), ..Case::ok(&[fresh, ("date", "Sun, 06 Nov 1994 08:49:47 GMT")]) }.stored();
    assert_eq!(choose(&[], &[later.clone(), ahead.clone()], after(10), &Settings::default()), FRESH);
    assert_eq!(choose(&[], &[ahead, later], after(10), &Settings::default()), Choice::Fresh { index: 1 });
}

#[test]
fn rfc9111_5_2_2_4_no_cache_is_never_used_unasked() {
    assert_eq!(choose(&[], &[kept("max-age=60, no-cache")], START, &Settings::default()), STALE);
    assert_eq!(choose(&[], &[kept("max-age=60, no-cache=\"x\"")], START, &Settings::default()), FRESH);
    let mut invalid = kept("max-age=60");
    invalid.is_invalid = true;
    assert_eq!(choose(&[], &[invalid], START, &Settings::default()), STALE, "section 4.4");
}

#[test]
fn rfc9111_5_2_1_what_the_client_wishes() {
    let stored = [kept("max-age=60")];
    for (wish, seconds, expected) in [
        ("max-age=30", 30, FRESH),
        ("max-age=30", 31, WISHED),
        ("max-age=0", 0, FRESH),
        ("max-age=0", 1, WISHED),
        ("min-fresh=30", 30, FRESH),
        ("min-fresh=31", 30, WISHED),
        ("no-cache", 0, WISHED),
        ("max-stale", 600, AS_IS),
        ("max-stale=30", 90, AS_IS),
        ("max-stale=30", 91, STALE),
        ("max-stale=30, max-age=80", 85, STALE),
        ("max-stale, no-cache", 70, STALE),
        ("only-if-cached", 30, FRESH),
        ("only-if-cached", 60, Choice::Unavailable),
        ("only-if-cached, max-stale", 60, AS_IS),
        ("only-if-cached, no-cache", 0, Choice::Unavailable),
    ] {
        let request = [("cache-control", wish)];
        assert_eq!(choose(&request, &stored, after(seconds), &Settings::default()), expected, "{wish} after {seconds}");
    }
    assert_eq!(choose(&[("cache-control", "only-if-cached")], &[], START, &Settings::default()), Choice::Unavailable);
    let deaf = Settings { request_directives: false, ..Settings::default() };
    assert_eq!(choose(&[("cache-control", "no-cache")], &stored, START, &deaf), FRESH);
}

#[test]
fn rfc5861_3_stale_while_revalidate() {
    let lenient = Settings { stale_beside_s_maxage: true, ..Settings::default() };
    for (control, seconds, expected, leniently) in [
        ("max-age=60, stale-while-revalidate=30", 90, BEHIND, BEHIND),
        ("max-age=60, stale-while-revalidate=30", 91, STALE, STALE),
        ("max-age=60, stale-while-revalidate=30, must-revalidate", 61, STALE, STALE),
        ("max-age=60, stale-while-revalidate=30, proxy-revalidate", 61, STALE, STALE),
        ("max-age=60, stale-while-revalidate=30, no-cache", 61, STALE, STALE),
        ("s-maxage=60, stale-while-revalidate=30", 61, STALE, BEHIND),
        ("max-age=60, stale-while-revalidate=0", 60, STALE, STALE),
    ] {
        let stored = [kept(control)];
        assert_eq!(choose(&[], &stored, after(seconds), &Settings::default()), expected, "{control} after {seconds}");
        assert_eq!(choose(&[], &stored, after(seconds), &lenient), leniently, "{control} after {seconds}");
    }
    let ours = Settings { stale_while_revalidate: Duration::from_secs(20), ..Settings::default() };
    for (control, seconds, expected) in [
        ("max-age=60", 80, BEHIND),
        ("max-age=60", 81, STALE),
        ("max-age=60, stale-while-revalidate=30", 85, BEHIND),
        ("max-age=60, stale-while-revalidate=0", 61, STALE),
        ("max-age=60, must-revalidate", 61, STALE),
        ("s-maxage=60", 61, STALE),
    ] {
        let found = choose(&[], &[kept(control)], after(seconds), &ours);
        assert_eq!(found, expected, "{control} after {seconds}, with a window of ours");
    }
    let stored = [kept("max-age=60, stale-while-revalidate=30")];
    for wish in ["no-cache", "max-age=50", "min-fresh=1"] {
        assert_eq!(choose(&[("cache-control", wish)], &stored, after(61), &Settings::default()), STALE, "{wish}");
    }
    let mut purged = kept("max-age=60, stale-while-revalidate=30");
    purged.expire(after(10));
    assert_eq!(choose(&[], &[purged], after(20), &Settings::default()), BEHIND, "softly purged");
}

#[test]
fn rfc9111_4_2_4_stale_when_the_origin_fails() {
    let settings = Settings { stale_on_error: Duration::from_secs(100), ..Settings::default() };
    for (control, wish, seconds, expected) in [
        ("max-age=2", None, 102, true),
        ("max-age=2", None, 103, false),
        ("max-age=2", Some(200), 202, true),
        ("max-age=2, stale-if-error=60", None, 62, true),
        ("max-age=2, stale-if-error=60", None, 63, false),
        ("max-age=2, stale-if-error=600", None, 602, true),
        ("max-age=2, stale-if-error=0", None, 3, false),
        ("max-age=2, must-revalidate", None, 3, false),
        ("max-age=2, must-revalidate, stale-if-error=60", Some(60), 3, false),
        ("max-age=2, proxy-revalidate", None, 3, false),
        ("max-age=2, no-cache", None, 1, false),
        ("max-age=2, s-maxage=2", None, 3, false),
        ("max-age=2, s-maxage=2, stale-if-error=60", Some(60), 3, false),
        // Fresh ones come here when the client asked to have the origin asked.
        ("max-age=2, must-revalidate", None, 1, true),
    ] {
        let wishes = Wishes { stale_if_error: wish, ..Wishes::default() };
        assert_eq!(
            stale::on_error(&kept(control), after(seconds), &wishes, &settings),
            expected,
            "{control} {seconds}"
        );
    }
    let lenient = Settings { stale_beside_s_maxage: true, ..settings };
    assert!(stale::on_error(&kept("s-maxage=2, stale-if-error=60"), after(3), &Wishes::default(), &lenient));
    assert!(!stale::on_error(&kept("s-maxage=2"), after(3), &Wishes::default(), &lenient), "only what it says itself");
    let errors: Vec<u16> =
        (200..600).filter(|status| stale::is_error(StatusCode::from_u16(*status).unwrap())).collect();
    assert_eq!(errors, [500, 502, 503, 504]);
}

#[test]
fn rfc9111_4_what_is_nothing_for_a_cache() {
    let (stored, none, conditional) = ([kept("max-age=60")], HeaderMap::new(), headers(&[("if-match", "\"a\"")]));
    for (method, headers, has_body, expected) in [
        (Method::GET, &none, false, FRESH),
        (Method::HEAD, &none, false, FRESH),
        (Method::GET, &none, true, Choice::Miss(Forward::Bypass)),
        (Method::GET, &conditional, false, Choice::Miss(Forward::Bypass)),
        (Method::POST, &none, false, Choice::Miss(Forward::Method)),
        (Method::OPTIONS, &none, false, Choice::Miss(Forward::Method)),
    ] {
        let asked = Asked { method: &method, headers, has_body };
        assert_eq!(select(&asked, &stored, START, &Settings::default()), expected, "{method}");
    }
    assert_eq!(choose(&[], &[], START, &Settings::default()), Choice::Miss(Forward::UrlMiss));
}

#[test]
fn rfc9111_4_1_the_most_recent_of_those_that_match() {
    let variant = |foo, date: &str| {
        let response = [("cache-control", "max-age=60"), ("vary", "foo"), ("date", date)];
        Case::new(&[("foo", foo)], 200, &response).stored()
    };
    let (old, new) = ("Sun, 06 Nov 1994 08:49:36 GMT", DATE.1);
    let stored = [variant("1", old), variant("2", new), variant("1", new), variant("2", old)];
    let settings = Settings::default();
    assert_eq!(choose(&[("foo", "1")], &stored, START, &settings), Choice::Fresh { index: 2 });
    assert_eq!(choose(&[("foo", "2"), ("bar", "x")], &stored, START, &settings), Choice::Fresh { index: 1 });
    assert_eq!(choose(&[("foo", "3")], &stored, START, &settings), Choice::Miss(Forward::VaryMiss));
    assert_eq!(choose(&[], &stored, START, &settings), Choice::Miss(Forward::VaryMiss));
    let same = [variant("1", new), variant("1", new)];
    assert_eq!(choose(&[("foo", "1")], &same, START, &settings), Choice::Fresh { index: 1 }, "the last stored");
}

#[test]
fn rfc9110_12_5_3_no_coding_that_the_client_does_not_take() {
    let response = [("cache-control", "max-age=60"), ("vary", "accept-encoding"), ("content-encoding", "deflate")];
    let stored = [Case::new(&[("accept-encoding", "gzip, deflate")], 200, &response).stored()];
    let settings = Settings::default();
    assert_eq!(choose(&[("accept-encoding", "deflate,gzip")], &stored, START, &settings), FRESH);
    let other = choose(&[("accept-encoding", "gzip")], &stored, START, &settings);
    assert_eq!(other, Choice::Miss(Forward::VaryMiss), "of the same class, but it cannot read this");
}

#[test]
fn rfc9110_14_2_parts_in_another_order_than_they_have() {
    let stored = Case::ok(&[("cache-control", "max-age=60"), ("content-length", "10")]).stored();
    let growing = Case::ok(&[("cache-control", "max-age=60")]).stored();
    for (range, expected) in [
        ("bytes=5-6,0-1", true),
        ("bytes=0-1,5-6", false),
        ("bytes=5-6,0-4", false), // one part
        ("bytes=5-6", false),
        ("bytes=20-", false),
        ("none=5-6,0-1", false),
    ] {
        let request = headers(&[("range", range)]);
        let asked = Asked { method: &Method::GET, headers: &request, has_body: false };
        assert_eq!(falls(&asked, &stored, START, &Settings::default()), expected, "{range}");
        assert!(!falls(&asked, &growing, START, &Settings::default()), "{range}");
    }
}
