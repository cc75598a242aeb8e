//! Early hints: what a page's stored answer links to, told while the origin is still asked (RFC 8297).
//!
//! Owns which requests are told, and which links: those that a browser acts upon before the page comes (HTML, early hints).
//! Only what may be shared is stored, so nothing of another user is told. Pure.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LINK};

use super::stored::Stored;

/// Relations that mean something before the page is there.
const RELATIONS: [&[u8]; 3] = [b"preload", b"modulepreload", b"preconnect"];
/// Bytes of links; more would hold up what comes behind them. Our choice.
const BYTES_MAX: usize = 4096;

/// The links to tell a client of, as the value of `Link`; none when there is nothing that it would use.
///
/// Browsers read hints for navigations alone. `Sec-Fetch-Mode` says that it is one, and that the client is of a kind that
/// can read an interim response, which RFC 8297 section 3 wants known before one is sent on HTTP/1.1.
pub fn of(request: &HeaderMap, page: &Stored) -> Option<HeaderValue> {
    let navigates = request.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    if !navigates || page.status != StatusCode::OK || !is_page(&page.headers) {
        return None;
    }
    told(page.headers.get_all(LINK).iter().map(HeaderValue::as_bytes))
}

/// What is told of these lines of `Link`.
pub(crate) fn told<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<HeaderValue> {
    let mut told = Vec::new();
    for link in lines.flat_map(links).filter(|link| is_hint(link)) {
        let comma = if told.is_empty() { &b""[..] } else { b", " };
        if told.len() + comma.len() + link.len() <= BYTES_MAX {
            told.extend_from_slice(comma);
            told.extend_from_slice(link);
        }
    }
    HeaderValue::from_bytes(&told).ok().filter(|told| !told.is_empty())
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().split(|byte| *byte == b';').next());
    kind.flatten().is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

/// The members of a `Link` line (RFC 8288 section 3): a comma inside of `<>` or quotes ends none, and what is not closed is
/// none: it would take in what is told behind it.
fn links(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (end, is_closed) = ended_by(rest, b',');
        let link = rest[..end].trim_ascii();
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(if is_closed { link } else { b"" })
    })
    .filter(|link| !link.is_empty())
}

/// Where the first such byte outside of `<>` and quotes stands, or the end; and whether these are closed before it.
fn ended_by(text: &[u8], byte: u8) -> (usize, bool) {
    let mut closes = None;
    let mut at = 0;
    while at < text.len() {
        match (closes, text[at]) {
            (None, found) if found == byte => return (at, true),
            (None, b'<') => closes = Some(b'>'),
            (None, b'"') => closes = Some(b'"'),
            (Some(b'"'), b'\\') => at += 1,
            (Some(close), found) if found == close => closes = None,
            _ => {}
        }
        at += 1;
    }
    (text.len(), closes.is_none())
}

/// Whether a link is one of those that are told: by its first `rel`, which is the one that counts (RFC 8288 section 3.3).
fn is_hint(link: &[u8]) -> bool {
    if link.first() != Some(&b'<') {
        return false;
    }
    let mut rest = link;
    loop {
        let (end, _) = ended_by(rest, b';');
        let Some(after) = rest.get(end + 1..) else { return false };
        rest = after;
        let parameter = rest[..ended_by(rest, b';').0].trim_ascii();
        let equals = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        if parameter[..equals].trim_ascii().eq_ignore_ascii_case(b"rel") {
            let value = parameter.get(equals + 1..).unwrap_or_default().trim_ascii();
            let value = value.strip_prefix(b"\"").map_or(value, |value| value.strip_suffix(b"\"").unwrap_or(value));
            let mut relations = value.split(|byte| byte.is_ascii_whitespace());
            return relations.any(|one| RELATIONS.iter().any(|known| one.eq_ignore_ascii_case(known)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Settings;
    use super::super::tests::Case;
    use super::*;
    use http::header::HeaderName;
    use proptest::prelude::*;

    fn told(mode: &'static str, status: u16, kind: &'static str, lines: &[&str]) -> Option<String> {
        let mut case = Case::new(&[], status, &[("cache-control", "max-age=60"), ("content-type", kind)]);
        for line in lines {
            case.response.append(LINK, HeaderValue::from_str(line).unwrap());
        }
        let page = case.admit(&Settings::default()).unwrap();
        let mode = HeaderValue::from_static(mode);
        let request = HeaderMap::from_iter([(HeaderName::from_static("sec-fetch-mode"), mode)]);
        of(&request, &page).map(|told| told.to_str().unwrap().to_owned())
    }

    #[test]
    fn rfc8297_2_what_a_browser_can_begin_with_is_told() {
        for (lines, expected) in [
            (&[][..], None),
            (&["</a.css>; rel=preload; as=style"], Some("</a.css>; rel=preload; as=style")),
            (&["</next>; rel=next, </a.js>; rel=\"modulepreload\""], Some("</a.js>; rel=\"modulepreload\"")),
            (&["<https://cdn.example/>;REL=PreConnect"], Some("<https://cdn.example/>;REL=PreConnect")),
            (
                &["</a,b;c>; title=\"x, <y>; rel=next\"; rel=preload"],
                Some("</a,b;c>; title=\"x, <y>; rel=next\"; rel=preload"),
            ),
            (
                &["</a>; rel=\"next preload\"", " , </b>;rel=preload,"],
                Some("</a>; rel=\"next preload\", </b>;rel=preload"),
            ),
            (&["</a>; rel=next; rel=preload"], None),
            (
                &["</a>; rel=preload; title=\"x", "</b>; rel=preload; x=<", "</c>; rel=preload"],
                Some("</c>; rel=preload"), // what is not closed would swallow it
            ),
            (&["</a>", "preload", "</a>; rel", "</a>; rel=", "</a; rel=preload", "</a>; title=\"; rel=preload"], None),
        ] {
            assert_eq!(told("navigate", 200, "text/html; charset=utf-8", lines).as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn rfc8297_3_nobody_else_is_told() {
        let link = &["</a.css>; rel=preload"];
        assert!(told("navigate", 200, "Text/HTML", link).is_some());
        assert_eq!(told("cors", 200, "text/html", link), None);
        assert_eq!(told("navigate", 404, "text/html", link), None);
        assert_eq!(told("navigate", 200, "application/json", link), None);
    }

    #[test]
    fn no_more_is_told_than_helps() {
        let many = (0..400).map(|number| format!("</{number}.js>; rel=preload")).collect::<Vec<_>>().join(", ");
        let told = told("navigate", 200, "text/html", &[&many]).unwrap();
        assert!(told.len() <= BYTES_MAX && many.starts_with(&told));
    }

    proptest! {
        #[test]
        fn every_link_is_a_part_of_its_line(line in "[<>;,=\" a-z/\\\\]{0,60}") {
            for link in links(line.as_bytes()) {
                prop_assert!(line.as_bytes().windows(link.len()).any(|part| part == link));
                is_hint(link);
            }
        }
    }
}
