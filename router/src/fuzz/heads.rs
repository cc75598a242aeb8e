//! Heads of requests and responses: whatever the bytes, and wherever they are cut while they arrive.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::{Method, Version};

use crate::data::h1::encode::{self, WireLength};
use crate::data::h1::fields::{Framing, HeadLimits};
use crate::data::h1::request_head::{RequestHead, parse_request};
use crate::data::h1::response_head::{ResponseHead, parse_response};

/// Places at which a head is cut.
const CUTS_MAX: usize = 64;
/// Limits that short inputs reach.
const TIGHT: HeadLimits = HeadLimits { head_bytes: 192, target_bytes: 32, fields: 4 };

/// A request head.
pub(super) fn request(input: &[u8]) {
    for limits in [HeadLimits::default(), TIGHT] {
        let whole = parse_request(input, &limits);
        arrives(input, &whole.as_ref().map(|head| head.as_ref().map(|head| head.len)), |part| {
            parse_request(part, &limits).map(|head| head.map(|head| head.len))
        });
        if let Ok(Some(head)) = &whole {
            assert!(head.len <= limits.head_bytes && input[..head.len].ends_with(b"\r\n\r\n"));
            request_is_sound(head);
            request_survives(head);
        }
    }
}

/// Nothing of it can be read in two ways.
fn request_is_sound(head: &RequestHead) {
    framing_is_sound(&head.headers, head.framing);
    assert_ne!(head.framing, Framing::UntilClose);
    let hosts = head.headers.get_all(HOST).iter().count();
    assert!(hosts == 1 || (hosts == 0 && head.version == Version::HTTP_10), "{hosts} hosts");
    let path = head.uri.path();
    let in_form = match head.method {
        Method::CONNECT => head.uri.authority().is_some() && head.uri.scheme().is_none(),
        _ => path.starts_with('/') || path == "*",
    };
    assert!(in_form, "{:?} {:?}", head.method, head.uri);
}

/// Written as it goes to an origin and read again it is the same.
fn request_survives(head: &RequestHead) {
    let mut parts = http::Request::new(()).into_parts().0;
    parts.method.clone_from(&head.method);
    parts.uri.clone_from(&head.uri);
    parts.headers.clone_from(&head.headers);
    let length = match head.framing {
        Framing::Length(0) => WireLength::Unstated,
        Framing::Length(length) => WireLength::Exact(length),
        Framing::Chunked | Framing::UntilClose => WireLength::Chunked,
    };
    let mut wire = Vec::new();
    encode::write_request(&mut wire, &parts, b"", length);
    let roomy = HeadLimits { head_bytes: usize::MAX, target_bytes: usize::MAX, fields: 256 };
    let again = parse_request(&wire, &roomy);
    // A request of HTTP/1.0 may lack the host that HTTP/1.1 must have.
    if !head.headers.contains_key(HOST) && head.method != Method::CONNECT {
        return;
    }
    let again = again.expect("what we write is accepted").expect("and whole");
    assert_eq!((&again.method, again.framing, again.len), (&head.method, head.framing, wire.len()));
    assert_eq!((again.uri.path(), again.uri.query()), (head.uri.path(), head.uri.query()));
    assert_eq!(again.uri.authority(), head.uri.authority());
    assert_eq!(unframed(&again.headers), unframed(&head.headers));
}

fn unframed(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    headers
}

/// A response head; the first byte chooses the method that it answers.
pub(super) fn response(input: &[u8]) {
    let Some((choice, input)) = input.split_first() else { return };
    let method = [Method::GET, Method::HEAD, Method::CONNECT, Method::POST][usize::from(choice % 4)].clone();
    for limits in [HeadLimits::default(), TIGHT] {
        let whole = parse_response(input, &method, &limits);
        arrives(input, &whole.as_ref().map(|head| head.as_ref().map(|head| head.len)), |part| {
            parse_response(part, &method, &limits).map(|head| head.map(|head| head.len))
        });
        if let Ok(Some(head)) = &whole {
            assert!(head.len <= limits.head_bytes && input[..head.len].ends_with(b"\r\n\r\n"));
            response_survives(head, &method);
        }
    }
}

/// With all of its fields written out and read again it is the same.
fn response_survives(head: &ResponseHead, method: &Method) {
    if !crate::data::h1::response_head::has_no_body(method, head.status) {
        framing_is_sound(&head.headers, head.framing);
    }
    let mut wire = format!("{:?} {} x\r\n", head.version, head.status.as_str()).into_bytes();
    encode::write_fields(&mut wire, &head.headers, |_| false);
    // What was said of the connection alone is not among the fields.
    if !head.headers.contains_key(CONNECTION) {
        wire.extend_from_slice(if head.keep_alive { b"connection: keep-alive\r\n" } else { b"connection: close\r\n" });
    }
    wire.extend_from_slice(b"\r\n");
    let roomy = HeadLimits { head_bytes: usize::MAX, target_bytes: usize::MAX, fields: 256 };
    let again = parse_response(&wire, method, &roomy).expect("what we write is accepted").expect("and whole");
    assert_eq!((again.status, again.version, again.framing), (head.status, head.version, head.framing));
    assert_eq!((&again.headers, again.keep_alive), (&head.headers, head.keep_alive));
}

/// One framing field at the most, and the one that counts.
fn framing_is_sound(headers: &HeaderMap, framing: Framing) {
    let (lengths, codings) = (headers.get_all(CONTENT_LENGTH).iter(), headers.get_all(TRANSFER_ENCODING).iter());
    match framing {
        Framing::Chunked => assert_eq!((lengths.count(), codings.count()), (0, 1)),
        Framing::Length(length) => {
            assert_eq!(codings.count(), 0);
            for value in lengths {
                assert_eq!(value.to_str().ok().and_then(|text| text.parse().ok()), Some(length));
            }
        }
        Framing::UntilClose => assert_eq!(lengths.count(), 0),
    }
}

/// Cut short, a head that is whole is never complete and never refused, and what is refused once stays refused.
fn arrives<E: std::fmt::Debug>(
    input: &[u8],
    whole: &Result<Option<usize>, &E>,
    parse: impl Fn(&[u8]) -> Result<Option<usize>, E>,
) {
    let known = match whole {
        Ok(Some(len)) => *len,
        _ => input.len(),
    };
    let stride = known.div_ceil(CUTS_MAX).max(1);
    for cut in (0..known).step_by(stride).chain(known.checked_sub(1)) {
        match (parse(&input[..cut]), whole) {
            (Ok(None), _) | (Err(_), Err(_)) => {}
            (part, _) => panic!("{cut} bytes are {part:?}, all of them {whole:?}"),
        }
    }
    if let Ok(Some(len)) = whole {
        assert_eq!(parse(&input[..*len]).expect("nothing behind it was needed"), Some(*len));
    }
}
