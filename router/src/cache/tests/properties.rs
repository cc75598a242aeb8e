//! What holds for every input.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::answer::{Content, answer};
use super::super::date::{self, HttpDate};
use super::super::multipart;
use super::super::partial::ContentRange;
use super::super::range::{Wanted, wanted};
use super::super::select::{Asked, Choice, select};
use super::super::spans::Spans;
use super::super::{directives, encoding, etag, list, tags, targeted, vary, weights, wishes};
use super::model::Model;
use super::*;

/// Bytes that a header value may have.
fn value() -> impl Strategy<Value = HeaderValue> {
    let wild = vec(any::<u8>(), 0..40);
    // Syntax is met seldom by chance.
    let close = "((W/)?\"[a-z,\\\\\" =]{0,4}\"?|max-age|no-cache|private|bytes|[a-z*]{1,3}|[0-9]{1,20}|[-=,;/ :.\"\\\\?()]){0,12}";
    let bytes = prop_oneof![wild, close.prop_map(String::into_bytes)];
    bytes.prop_map(|mut bytes| {
        bytes.retain(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..));
        HeaderValue::from_bytes(&bytes).unwrap()
    })
}

const READ: [&str; 16] = [
    "cache-control",
    "cdn-cache-control",
    "vary",
    "age",
    "date",
    "expires",
    "last-modified",
    "etag",
    "range",
    "if-range",
    "if-none-match",
    "accept-encoding",
    "accept-language",
    "content-range",
    "cache-groups",
    "surrogate-key",
];

fn fields() -> impl Strategy<Value = HeaderMap> {
    let field = (prop::sample::select(READ.as_slice()), value());
    let append = |(mut map, fields): (HeaderMap, Vec<(&'static str, HeaderValue)>)| {
        for (name, value) in fields {
            map.append(HeaderName::from_static(name), value);
        }
        map
    };
    vec(field, 0..8).prop_map(move |fields| append((HeaderMap::new(), fields)))
}

fn control() -> impl Strategy<Value = String> {
    let words = [
        "max-age=5",
        "max-age=0",
        "max-age=x",
        "s-maxage=9",
        "no-store",
        "no-cache",
        "private",
        "public",
        "must-revalidate",
        "must-understand",
        "stale-while-revalidate=7",
        "stale-if-error=7",
        "private=\"a\"",
        "x=\"y, z\"",
        "immutable",
    ];
    vec(prop::sample::select(words.to_vec()), 0..4).prop_map(|words| words.join(", "))
}

proptest! {
    #[test]
    fn no_input_makes_a_parser_panic(value in value(), fields in fields(), now in any::<u64>(), length in any::<u64>()) {
        let (bytes, now) = (value.as_bytes(), Timestamp(now));
        date::parse(bytes, now);
        list::split(bytes).for_each(|member| drop(list::directive(member)));
        weights::weighed(bytes);
        etag::EntityTag::parse(bytes);
        ContentRange::parse(bytes);
        if let Ok(text) = value.to_str() {
            address().resolve(text);
            Address::of("http", text, text, Some(text));
        }
        let settings = Settings { pragma: true, language_order_ignored: true, ..Settings::default() };
        let (asked, names) = (wishes::read(&fields, &settings), vary::names(&fields, &settings));
        let variant = names.and_then(|names| vary::Variant::of(names, &fields, &settings));
        prop_assert!(variant.is_none_or(|variant| variant.matches(&fields, &settings)));
        prop_assert!(encoding::class(&fields).is_some() == fields.contains_key("accept-encoding"));
        drop((asked, directives::response(&fields), targeted::ruling(&fields), tags::of(&address(), &fields)));
        wanted(&fields, length, 16);
    }

    #[test]
    fn a_response_of_any_kind_is_judged_and_answered(
        response in fields(), request in fields(), status in 200u16..600, head in any::<bool>(), later in any::<u32>(),
    ) {
        let case = Case { request: request.clone(), response, ..Case::new(&[], status, &[]) };
        if let Ok(stored) = case.admit(&Settings::default()) {
            let method = if head { Method::HEAD } else { Method::GET };
            let asked = Asked { method: &method, headers: &request, has_body: false };
            let now = after(u64::from(later));
            let choice = select(&asked, [&stored], now, &Settings::default());
            let used = matches!(choice, Choice::Fresh { .. });
            prop_assert!(!used || stored.is_fresh(now));
            let made = answer(&asked, &stored, now, &Settings::default(), 7);
            prop_assert!(made.headers.contains_key("age") && made.headers.contains_key("date"));
            prop_assert!(!head || made.content == Content::Nothing);
        }
    }

    #[test]
    fn age_grows_with_time_and_freshness_follows_it(
        control in control(), age in 0u64..20, delay in 0u64..5000, times in vec(0u64..100_000, 2..6),
    ) {
        let age = age.to_string();
        let case = Case::ok(&[("cache-control", &control), ("age", &age), ("etag", "\"a\"")]);
        let requested = Timestamp(START.0 - delay);
        let stored = case.with(|fetched| {
            let times = Times { requested, received: START };
            storable::admit(&Fetched { times, ..*fetched }, &Settings::default())
        });
        if let Ok(stored) = stored {
            let mut times = times;
            times.sort_unstable();
            let moments = times.iter().map(|ms| Timestamp(START.0 + ms));
            let ages: Vec<u64> = moments.clone().map(|now| stored.age_ms(now)).collect();
            prop_assert!(ages.is_sorted() && ages[0] >= delay);
            for now in moments {
                let fresh = u64::from(stored.lifetime.seconds) * 1000 > stored.age_ms(now);
                prop_assert_eq!(stored.is_fresh(now), fresh);
                prop_assert_eq!(stored.ttl_s(now) >= 0 || !fresh, true);
            }
            prop_assert!(stored.age_ms(Timestamp(0)) <= ages[0], "a clock set back makes nothing older");
        }
    }

    #[test]
    fn what_forbids_storing_forbids_it_in_any_company(control in control(), status in 200u16..600) {
        let admitted = Case::new(&[], status, &[("cache-control", &control), ("etag", "\"a\"")]).admit(&Settings::default());
        let has = |word| control.split(", ").any(|other| other == word);
        if (has("no-store") && !has("must-understand")) || has("private") {
            prop_assert!(admitted.is_err(), "{}", control);
        }
    }

    #[test]
    fn a_selected_variant_matches_the_request(
        stored in vec((prop::sample::subsequence(vec!["a", "b", "c"], 0..=3), "[12]?", "[12]?", "[12]?", 0u64..4), 0..8),
        request in ("[12]?", "[12]?", "[12]?"),
    ) {
        let said = |a: &str, b: &str, c: &str| {
            let fields = [("a", a), ("b", b), ("c", c)];
            headers(&fields.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>())
        };
        let one = |(names, a, b, c, at): &(Vec<&str>, String, String, String, u64)| {
            let fields = [("cache-control", "max-age=60"), ("vary", &names.join(", "))];
            Case { request: said(a, b, c), at: after(*at), ..Case::ok(&fields) }.stored()
        };
        let candidates: Vec<Stored> = stored.iter().map(one).collect();
        let request = said(&request.0, &request.1, &request.2);
        let asked = Asked { method: &Method::GET, headers: &request, has_body: false };
        let fits = |place: usize| {
            let (names, a, b, c, _) = &stored[place];
            let theirs = said(a, b, c);
            names.iter().all(|name| theirs.get(*name) == request.get(*name))
        };
        match select(&asked, &candidates, after(4), &Settings::default()) {
            Choice::Fresh { index } => {
                prop_assert!(fits(index));
                let latest = (0..stored.len()).filter(|place| fits(*place)).map(|place| candidates[place].date).max();
                prop_assert_eq!(latest, Some(candidates[index].date));
            }
            _ => prop_assert!(!(0..stored.len()).any(fits)),
        }
    }

    #[test]
    fn ranges_stay_inside_and_never_overlap(
        specs in vec(("[0-9]{0,2}", "[0-9]{0,2}"), 1..8), length in 0u64..40, parts_max in 1usize..6,
    ) {
        let text = specs.iter().map(|(first, last)| format!("{first}-{last}")).collect::<Vec<_>>().join(",");
        let wants = |first: &str, last: &str| -> Option<Range<u64>> {
            match (first.parse::<u64>(), last.parse::<u64>()) {
                (Ok(first), Ok(last)) => (first <= last).then_some(first.min(length)..(last + 1).min(length)),
                (Ok(first), _) => Some(first.min(length)..length),
                (_, Ok(last)) => Some(length.saturating_sub(last)..length),
                _ => None,
            }
        };
        let expected: Option<Vec<Range<u64>>> = specs.iter().map(|(first, last)| wants(first, last)).collect();
        let bytes: BTreeSet<u64> = expected.iter().flatten().flat_map(Clone::clone).collect();
        // The last bytes of nothing are all of it (RFC 9110 section 14.1.2).
        let is_end = |(first, last): &(String, String)| first.is_empty() && last.parse::<u64>().is_ok_and(|last| last > 0);
        let is_end_of_nothing = length == 0 && specs.iter().any(is_end);
        match wanted(&headers(&[("range", &format!("bytes={text}"))]), length, parts_max) {
            Wanted::Parts(parts) => {
                prop_assert!(!parts.is_empty() && parts.len() <= parts_max);
                let sent: Vec<u64> = parts.iter().flat_map(Clone::clone).collect();
                prop_assert_eq!(sent.len(), bytes.len(), "no byte twice");
                prop_assert_eq!(sent.into_iter().collect::<BTreeSet<_>>(), bytes);
                let plan = multipart::plan(&parts, length, None, 7).unwrap();
                let of_parts: u64 = plan.parts.iter().map(|part| part.head.len() as u64).sum();
                let of_bytes: u64 = plan.parts.iter().map(|part| part.span.end - part.span.start).sum();
                prop_assert_eq!(plan.length, of_parts + of_bytes + plan.end.len() as u64);
            }
            Wanted::Unsatisfiable => prop_assert!(expected.is_some() && bytes.is_empty() && !is_end_of_nothing),
            Wanted::Whole => prop_assert!(expected.is_none() || !bytes.is_empty() || is_end_of_nothing),
        }
    }

    #[test]
    fn spans_hold_what_was_added(added in vec((0u64..60, 0u64..12), 0..12), asked in (0u64..60, 1u64..12)) {
        let (mut spans, mut bytes) = (Spans::default(), BTreeSet::new());
        for (start, length) in added {
            prop_assert!(spans.add(start..start + length));
            bytes.extend(start..start + length);
        }
        prop_assert_eq!(spans.iter().flat_map(Clone::clone).collect::<Vec<_>>(), bytes.iter().copied().collect::<Vec<_>>());
        let span = asked.0..asked.0 + asked.1;
        let lacking: Vec<u64> = span.clone().filter(|byte| !bytes.contains(byte)).collect();
        let expected = lacking.first().zip(lacking.last()).map(|(first, last)| *first..last + 1);
        prop_assert_eq!(spans.missing(&span), expected);
    }

    #[test]
    fn joined_parts_are_the_very_bytes(asks in vec((0u64..30, 0u64..30, any::<bool>()), 1..12), changes in any::<bool>()) {
        let mut model = Model::new();
        for (turn, (one, other, whole)) in asks.into_iter().enumerate() {
            // The representation may change in the middle: then no byte of the old one may be left.
            let state = u8::from(changes && turn >= 5);
            let content: Vec<u8> = (0..30).map(|byte| byte + 100 * state).collect();
            let tag = format!("\"{state}\"");
            let range = format!("bytes={}-{}", one.min(other), one.max(other));
            let request = if whole { headers(&[]) } else { headers(&[("range", &range)]) };
            let got = model.ask("GET", "/", &request, &mut |_, request| Some(origin(request, &content, &tag)));
            let expected = if whole { content.clone() } else { content[one.min(other) as usize..=one.max(other) as usize].to_vec() };
            prop_assert_eq!(got.status, if whole { 200 } else { 206 });
            let stale = changes && turn >= 5 && got.headers["etag"] == "\"0\"";
            prop_assert!(stale || got.body == expected, "{:?} for {}", got, range);
            prop_assert!(!stale || got.body.iter().all(|byte| *byte < 30), "one state, not two");
        }
    }

    #[test]
    fn dates_are_read_back(seconds in 0u64..253_402_300_799, now in 0u64..4_000_000_000) {
        let written = date::write(Timestamp(seconds * 1000)).unwrap();
        prop_assert_eq!(date::parse(written.as_bytes(), Timestamp(now * 1000)), Some(HttpDate(seconds as i64)));
    }
}

/// An honest origin: ranges, `If-Range`, strong tags.
fn origin(request: &HeaderMap, content: &[u8], tag: &str) -> (u16, HeaderMap, Vec<u8>) {
    let mut response = headers(&[("cache-control", "max-age=60"), ("etag", tag)]);
    let same = request.get("if-range").is_none_or(|condition| condition == tag);
    if let (true, Wanted::Parts(parts)) = (same, wanted(request, content.len() as u64, 1)) {
        let span = parts[0].clone();
        response.extend(headers(&[("content-range", &multipart::content_range(&span, content.len() as u64))]));
        return (206, response, content[span.start as usize..span.end as usize].to_vec());
    }
    (200, response, content.to_vec())
}
