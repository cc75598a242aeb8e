//! Members with weights, as in `Accept-Encoding` and `Accept-Language` (RFC 9110 section 12.4.2).
//!
//! Owns reading `token;q=0.5`. Never judges what is preferred. Pure.

use http::header::{HeaderMap, HeaderName};

use super::list;

/// Every readable member of a field with its weight in thousandths; 1000 where none is given. Members with a malformed
/// weight are left out.
pub fn of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = (&'a [u8], u16)> {
    list::members(headers, name).filter_map(weighed)
}

/// A member and its weight in thousandths; none when the weight is malformed.
pub fn weighed(member: &[u8]) -> Option<(&[u8], u16)> {
    let end = member.iter().position(|byte| *byte == b';').unwrap_or(member.len());
    let (token, parameters) = (member[..end].trim_ascii(), member[end..].get(1..).unwrap_or_default().trim_ascii());
    if token.is_empty() {
        return None;
    }
    if parameters.is_empty() {
        return Some((token, 1000));
    }
    let [b'q' | b'Q', value @ ..] = parameters else { return None };
    let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| fraction.get(at).map_or(0, |digit| u16::from(digit - b'0'));
    let thousandths = digit(0) * 100 + digit(1) * 10 + digit(2);
    match whole {
        b'0' => Some((token, thousandths)),
        b'1' if thousandths == 0 => Some((token, 1000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_12_4_2_weights() {
        for (member, expected) in [
            ("gzip", Some(("gzip", 1000))),
            ("gzip;q=1.0", Some(("gzip", 1000))),
            ("br ; Q = 0.3 ", Some(("br", 300))),
            ("a;q=0", Some(("a", 0))),
            ("a;q=0.", Some(("a", 0))),
            ("a;q=0.125", Some(("a", 125))),
            ("a;", Some(("a", 1000))),
            (";q=1", None),
            ("a;q=1.001", None),
            ("a;q=2", None),
            ("a;q=0.1234", None),
            ("a;q=.5", None),
            ("a;q=-1", None),
            ("a;q=", None),
            ("a;level=1", None),
        ] {
            let expected = expected.map(|(token, weight)| (token.as_bytes(), weight));
            assert_eq!(weighed(member.as_bytes()), expected, "{member}");
        }
    }
}
