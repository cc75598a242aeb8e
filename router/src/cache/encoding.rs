//! `Accept-Encoding` in a cache (RFC 9110 section 12.5.3).
//!
//! Owns the class of a request: the codings in common use that it takes, in its order of preference, so that
//! `gzip, deflate, br` and `br,gzip` find the same variant; and whether a stored coding may be sent to a client. The second
//! makes the first safe: a class leaves rare codings out, so a variant in a rare coding is checked before it is reused. Pure.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};

use super::list;
use super::weights;

/// What tells classes apart. Codings that servers make and browsers take; `gzip` has an old second name.
const COMMON: [&[u8]; 3] = [b"br", b"gzip", b"zstd"];

/// The class of a request; none when it says nothing, which is not the same as taking nothing.
pub fn class(headers: &HeaderMap) -> Option<Vec<u8>> {
    headers.get(ACCEPT_ENCODING)?;
    let mut taken: Vec<(u16, &[u8])> = Vec::with_capacity(COMMON.len() + 1);
    taken.extend(COMMON.iter().map(|coding| (weight(headers, coding).unwrap_or(0), *coding)));
    taken.retain(|(weight, _)| *weight > 0);
    let plain = weight(headers, b"identity");
    taken.extend(plain.map(|weight| (weight, &b"identity"[..])));
    taken.sort_by_key(|(weight, coding)| (u16::MAX - weight, *coding));
    let mut text = Vec::with_capacity(24);
    let mut last = None;
    for (weight, coding) in taken {
        text.extend(last.map(|last| if last == weight { b'=' } else { b'>' }));
        text.extend(coding);
        last = Some(weight);
    }
    // Plain is taken unless it is refused; refused it stands last, behind a sign of its own.
    text.extend((plain == Some(0)).then_some(b'!'));
    Some(text)
}

/// What a request says of a coding: by its name, else by `*`.
fn weight(headers: &HeaderMap, coding: &[u8]) -> Option<u16> {
    let mut any = None;
    for (name, weight) in weights::of(headers, &ACCEPT_ENCODING) {
        if same(name, coding) {
            return Some(weight);
        }
        any = any.or((name == b"*").then_some(weight));
    }
    // Identity is taken unless excluded; a star that does not exclude it changes nothing.
    any.filter(|weight| coding != b"identity" || *weight == 0)
}

fn same(name: &[u8], coding: &[u8]) -> bool {
    let plain = |name: &[u8]| name.len() > 2 && name[..2].eq_ignore_ascii_case(b"x-");
    let bare = |name| if plain(name) { &name[2..] } else { name };
    bare(name).eq_ignore_ascii_case(bare(coding))
}

/// Whether a client takes the coding of a stored response.
pub fn is_acceptable(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if !request.contains_key(ACCEPT_ENCODING) {
        return true;
    }
    let mut codings =
        list::members(stored, &CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    let Some(first) = codings.next() else { return weight(request, b"identity") != Some(0) };
    let taken = |coding: &[u8]| weight(request, coding).is_some_and(|weight| weight > 0);
    taken(first) && codings.all(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn accepting(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn rfc9111_4_1_requests_of_one_class() {
        for (value, expected) in [
            ("", ""),
            ("gzip, deflate, br", "br=gzip"),
            ("br,gzip", "br=gzip"),
            ("BR, x-gzip", "br=gzip"),
            ("gzip, deflate, br, zstd", "br=gzip=zstd"),
            ("gzip;q=0.5, br", "br>gzip"),
            ("gzip;q=0.2, br;q=0.9", "br>gzip"),
            ("br;q=0.5, gzip", "gzip>br"),
            ("deflate", ""),
            ("br;q=0", ""),
            ("*", "br=gzip=zstd"),
            ("*;q=0.5, gzip", "gzip>br=zstd"),
            ("gzip, *;q=0", "gzip>identity!"),
            ("gzip;q=0.5, identity", "identity>gzip"),
            ("identity;q=0", "identity!"),
        ] {
            let class = class(&accepting(value)).unwrap();
            assert_eq!(std::str::from_utf8(&class).unwrap(), expected, "{value}");
        }
        assert_eq!(class(&HeaderMap::new()), None);
    }

    #[test]
    fn rfc9110_12_5_3_what_a_client_takes() {
        for (accept, coding, expected) in [
            ("gzip, br", Some("br"), true),
            ("gzip, br", Some("deflate"), false),
            ("gzip, deflate, br", Some("deflate"), true),
            ("gzip", Some("X-GZIP"), true),
            ("gzip, *;q=0.1", Some("dcb"), true),
            ("gzip", Some("gzip, br"), false),
            ("gzip, br", Some("gzip, br"), true),
            ("gzip", Some("identity"), true),
            ("gzip", None, true),
            ("", None, true),
            ("", Some("gzip"), false),
            ("gzip, identity;q=0", None, false),
            ("gzip, *;q=0", None, false),
            ("gzip, identity, *;q=0", None, true),
        ] {
            let stored = coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_static(coding)));
            assert_eq!(
                is_acceptable(&accepting(accept), &stored.into_iter().collect()),
                expected,
                "{accept}: {coding:?}"
            );
        }
        assert!(is_acceptable(&HeaderMap::new(), &HeaderMap::from_iter([(CONTENT_ENCODING, "br".parse().unwrap())])));
    }
}
