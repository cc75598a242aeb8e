//! The cache's rules on whole messages: what is stored, for whom, and for how long.

use http::header::{CACHE_CONTROL, HeaderMap, VARY};
use http::{Method, StatusCode};

use super::{NOW, halves, here, section};
use crate::base::Timestamp;
use crate::cache::age::Times;
use crate::cache::key::Parameters;
use crate::cache::select::{Asked, Choice, select};
use crate::cache::settings::{Settings, VARY_FIELDS_MAX};
use crate::cache::stored::{Fetched, Stored};
use crate::cache::vary::{Variant, names};
use crate::cache::wishes::Wishes;
use crate::cache::{answer, encoding, freshen, invalidate, partial, stale, storable, validate};

/// A request, an empty line, a response. The first two bytes choose its status and what the clock does.
pub(super) fn walk(input: &[u8]) {
    let Some(([code, clock], input)) = input.split_first_chunk::<2>() else { return };
    const CODES: [u16; 10] = [200, 203, 204, 206, 301, 304, 404, 416, 500, 503];
    let status = StatusCode::from_u16(CODES[usize::from(code % 10)]).expect("it is one");
    let (request, response) = halves(input);
    let (request, response) = (section(request), section(response));
    let received = Timestamp(NOW.0 + u64::from(*clock) * 1000);
    let (method, address) = (Method::GET, here());
    let fetched = Fetched {
        method: &method,
        address: &address,
        request: &request,
        has_body: false,
        status,
        headers: &response,
        is_abridged: false,
        times: Times { requested: NOW, received },
    };
    for settings in
        [Settings::default(), Settings { pragma: true, language_order_ignored: true, ..Settings::default() }]
    {
        let asked = Asked { method: &method, headers: &request, has_body: false };
        match storable::admit(&fetched, &settings) {
            Err(refusal) => assert!(!refusal.word().is_empty()),
            Ok(stored) => {
                is_storable(&fetched, &stored);
                is_reused(&asked, &stored, &settings);
                changes(&asked, &fetched, &stored, &settings);
            }
        }
    }
    invalidate::addresses(&Method::POST, &address, status, &response, &Parameters::All);
}

/// What was stored may be (RFC 9111 section 3).
fn is_storable(fetched: &Fetched<'_>, stored: &Stored) {
    let directives = &stored.ruling.directives;
    assert!(!directives.private.is_whole());
    assert!(!directives.no_store || directives.must_understand);
    for name in directives.private.fields() {
        assert!(!stored.headers.contains_key(name), "{name} is for one user");
    }
    for name in ["connection", "transfer-encoding", "keep-alive", "age"] {
        assert!(!stored.headers.contains_key(name), "{name} ends at a hop");
    }
    let received = fetched.times.received;
    assert!(stored.received == received && stored.age_ms(received) == stored.initial_age_ms);
    assert!(stored.variant.names().len() <= VARY_FIELDS_MAX);
}

/// It answers the very request that it was fetched for, and only while it may.
fn is_reused(asked: &Asked<'_>, stored: &Stored, settings: &Settings) {
    for later in [0, 1, 60, 86_400, 1 << 40] {
        let now = Timestamp(stored.received.0.saturating_add(later * 1000));
        assert!(stored.age_ms(now) >= stored.initial_age_ms);
        assert_eq!(stored.is_fresh(now), stored.ttl_s(now) > 0 || stored.fresh_until > now);
        let choice = select(asked, [stored], now, settings);
        match &choice {
            Choice::Fresh { index } => assert!(*index == 0 && stored.is_fresh(now)),
            Choice::Stale { .. } => assert!(!stored.is_fresh(now) && !stored.ruling.directives.forbids_stale()),
            Choice::Complete { span, .. } => assert!(span.start < span.end),
            Choice::Validate { .. } | Choice::Miss(_) | Choice::Unavailable => {}
        }
        stale::on_error(stored, now, &Wishes::default(), settings);
        if matches!(choice, Choice::Fresh { .. } | Choice::Stale { .. }) {
            let made = answer::answer(asked, stored, now, settings, 7);
            assert_eq!(made.headers.get_all("age").iter().count(), 1);
        }
    }
    let unchecked = HeaderMap::from_iter([(CACHE_CONTROL, http::HeaderValue::from_static("no-cache"))]);
    let wary = Asked { headers: &unchecked, ..*asked };
    assert!(!matches!(select(&wary, [stored], stored.received, settings), Choice::Fresh { .. } | Choice::Stale { .. }));
}

/// Questions to the origin, and what its answers change.
fn changes(asked: &Asked<'_>, fetched: &Fetched<'_>, stored: &Stored, settings: &Settings) {
    let now = fetched.times.received;
    let mut question = fetched.request.clone();
    validate::ask_about(&mut question, stored);
    validate::ask_for_all(&mut question);
    assert!(
        ["if-none-match", "if-modified-since", "if-range", "range"].iter().all(|name| !question.contains_key(*name))
    );
    let _ = freshen::meant(asked, fetched.headers, [stored], 0, now, settings);
    let _ = freshen::by_head(asked, fetched.status, fetched.headers, stored, now, settings);
    if let Ok(again) = freshen::freshened(stored, fetched, settings) {
        assert_eq!(again.status, stored.status);
    }
    let _ = partial::joined(stored, &(0..5), fetched, settings);
    // Framing lets no more bytes through than the length that was said.
    let bytes = stored.length().unwrap_or(3).min(3);
    let cut_off = partial::arrived(stored.clone(), bytes);
    assert!(cut_off.is_none_or(|cut_off| cut_off.length().is_none_or(|length| length >= bytes)));
}

/// `Vary`: a response's names, an empty line, a request, an empty line, another request. Which variant one belongs to does
/// not depend on which came first.
pub(super) fn vary(input: &[u8]) {
    let (response, requests) = halves(input);
    let (one, other) = halves(requests);
    let (response, one, other) = (super::field(&VARY, response), section(one), section(other));
    for settings in [Settings::default(), Settings { language_order_ignored: true, ..Settings::default() }] {
        let Some(names) = names(&response, &settings) else { continue };
        assert!(names.len() <= VARY_FIELDS_MAX && names.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        let variant = |request| Variant::of(names.clone(), request, &settings);
        let (Some(first), Some(second)) = (variant(&one), variant(&other)) else { continue };
        assert!(first.matches(&one, &settings) && second.matches(&other, &settings));
        assert_eq!(first.matches(&other, &settings), second.matches(&one, &settings));
        assert_eq!(first.matches(&other, &settings), first == second);
    }
    for request in [&one, &other] {
        assert_eq!(encoding::class(request).is_some(), request.contains_key("accept-encoding"));
        encoding::is_acceptable(request, &response);
    }
}
