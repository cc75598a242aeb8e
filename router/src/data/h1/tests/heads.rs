//! Tables of heads: what is accepted and how it is framed, what is refused and why.

use http::header::CONNECTION;
use http::{Method, StatusCode, Version};
use proptest::prelude::*;

use crate::data::h1::HeadError;
use crate::data::h1::fields::{Framing, HeadLimits};
use crate::data::h1::request_head::{RequestHead, parse_request};
use crate::data::h1::response_head::{ResponseHead, parse_response};

fn request(text: &str) -> Result<Option<RequestHead>, HeadError> {
    parse_request(text.as_bytes(), &HeadLimits::default())
}

fn response(method: &Method, text: &str) -> Result<Option<ResponseHead>, HeadError> {
    parse_response(text.as_bytes(), method, &HeadLimits::default())
}

#[test]
fn what_is_said_of_the_connection_alone_is_no_field() {
    for (value, kept, lives) in [
        ("keep-alive", false, true),
        ("Close", false, false),
        ("close, x-hop", true, false),
        ("x-hop", true, true),
        ("upgrade", true, true),
        ("keep-alive, upgrade", true, true),
        ("", true, true),
    ] {
        let asked = request(&format!("GET / HTTP/1.1\r\nhost: a\r\nConnection: {value}\r\n\r\n")).unwrap().unwrap();
        assert_eq!((asked.headers.contains_key(CONNECTION), asked.keep_alive), (kept, lives), "{value:?}");
        let text = format!("HTTP/1.1 200 OK\r\nconnection: {value}\r\ncontent-length: 0\r\n\r\n");
        let answered = response(&Method::GET, &text).unwrap().unwrap();
        assert_eq!((answered.headers.contains_key(CONNECTION), answered.keep_alive), (kept, lives), "{value:?}");
    }
}

#[test]
fn requests_are_framed() {
    let cases: &[(&str, Framing, bool)] = &[
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", Framing::Length(0), true),
        ("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", Framing::Length(0), false),
        ("GET / HTTP/1.1\r\nhost: a\r\nconnection: foo, Close\r\n\r\n", Framing::Length(0), false),
        ("GET / HTTP/1.0\r\n\r\n", Framing::Length(0), false),
        ("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", Framing::Length(0), true),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\n", Framing::Length(12), true),
        ("POST / HTTP/1.1\r\nhost: a\r\nContent-Length:\t12 \t\r\n\r\n", Framing::Length(12), true),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n", Framing::Chunked, true),
        (
            "POST / HTTP/1.1\r\nhost: a\r\nempty:\r\nblank: \t \r\ntransfer-encoding: chunked\r\n\r\n",
            Framing::Chunked,
            true,
        ),
    ];
    for (text, framing, keep_alive) in cases {
        let head = request(text).unwrap().unwrap();
        assert_eq!((head.framing, head.keep_alive, head.len), (*framing, *keep_alive, text.len()), "{text:?}");
    }
}

#[test]
fn request_targets_become_origin_form() {
    let cases = [
        ("GET /a/b?c=d HTTP/1.1\r\nhost: x.example:80\r\n\r\n", "/a/b?c=d", "x.example:80"),
        ("GET http://y.example/z?q HTTP/1.1\r\nhost: x.example\r\n\r\n", "/z?q", "y.example"),
        ("GET HTTPS://y.example HTTP/1.1\r\nhost: x.example\r\n\r\n", "/", "y.example"),
        ("OPTIONS * HTTP/1.1\r\nhost: [::1]:8080\r\n\r\n", "*", "[::1]:8080"),
        ("CONNECT y.example:443 HTTP/1.1\r\nhost: y.example:443\r\n\r\n", "y.example:443", "y.example:443"),
    ];
    for (text, uri, host) in cases {
        let head = request(text).unwrap().unwrap();
        assert_eq!(head.uri.to_string(), uri, "{text:?}");
        assert_eq!(head.headers["host"], host, "{text:?}");
        assert_eq!(head.headers.get_all("host").iter().count(), 1);
    }
}

#[test]
fn requests_are_refused_with_their_reason() {
    use HeadError::*;
    let cases: &[(&str, HeadError, u16)] = &[
        ("GET / HTTP/1.1\nhost: a\r\n\r\n", BareLineFeed, 400),
        ("GET / HTTP/1.1\r\nhost: a\n\r\n", BareLineFeed, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb: c\n\r\n", BareLineFeed, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb:\n\r\n", BareLineFeed, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\n\n", BareLineFeed, 400),
        ("\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", BareLineFeed, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb: c\rd: e\r\n\r\n", BareCarriageReturn, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb: c\r\r\n\r\n", BareCarriageReturn, 400),
        ("GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n", NulByte, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb: \0\r\n\r\n", NulByte, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb: \x01\r\n\r\n", FieldValue, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb: c\r\n d\r\n\r\n", FoldedLine, 400),
        ("GET / HTTP/1.1\r\n host: a\r\n\r\n", FoldedLine, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb:\r\n\tc\r\n\r\n", FoldedLine, 400),
        ("GET / HTTP/1.1\r\nhost : a\r\n\r\n", SpaceBeforeColon, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding\t: chunked\r\n\r\n", SpaceBeforeColon, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\n: b\r\n\r\n", FieldName, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb(c): d\r\n\r\n", FieldName, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nb c\r\n\r\n", FieldName, 400),
        ("G@T / HTTP/1.1\r\nhost: a\r\n\r\n", Method, 400),
        (" GET / HTTP/1.1\r\nhost: a\r\n\r\n", Method, 400),
        ("GET  / HTTP/1.1\r\nhost: a\r\n\r\n", Target, 400),
        ("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", Target, 400),
        ("GET /#f HTTP/1.1\r\nhost: a\r\n\r\n", Target, 400),
        ("GET /\u{e9} HTTP/1.1\r\nhost: a\r\n\r\n", Target, 400),
        ("GET a HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("GET * HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("GET http:/a HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n", Host, 400),
        ("CONNECT / HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("CONNECT a HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("GET a:443 HTTP/1.1\r\nhost: a\r\n\r\n", TargetForm, 400),
        ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", UnsupportedVersion, 505),
        ("GET / HTTP/1.2\r\nhost: a\r\n\r\n", UnsupportedVersion, 505),
        ("GET / http/1.1\r\nhost: a\r\n\r\n", Version, 400),
        ("GET / FTP/1.1\r\nhost: a\r\n\r\n", Version, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", LengthAndCoding, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n", LengthAndCoding, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", RepeatedLength, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", RepeatedLength, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5 5\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x5\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9223372036854775808\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n", Length, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", UnknownCoding, 501),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n", UnknownCoding, 501),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n", UnknownCoding, 501),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked\r\n\r\n", FieldValue, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n", Coding, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked,\r\n\r\n", Coding, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n\r\n", Coding, 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", Coding, 400),
        ("POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", CodingOnHttp10, 400),
        ("GET / HTTP/1.1\r\n\r\n", MissingHost, 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", RepeatedHost, 400),
        ("GET / HTTP/1.1\r\nhost:\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: a:b\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: a:123456\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: [::1\r\n\r\n", Host, 400),
        ("GET / HTTP/1.1\r\nhost: :80\r\n\r\n", Host, 400),
    ];
    for (text, error, status) in cases {
        let refused = request(text).map(|head| head.map(|head| head.uri)).unwrap_err();
        assert_eq!(refused, *error, "{text:?}");
        assert_eq!(refused.status().as_u16(), *status, "{text:?}");
    }
}

#[test]
fn sizes_are_limited() {
    let limits = HeadLimits { head_bytes: 512, target_bytes: 100, fields: 3 };
    let parse = |text: &str| parse_request(text.as_bytes(), &limits).map(|head| head.is_some());
    let fields = |count: usize| "a: b\r\n".repeat(count);
    assert_eq!(parse(&format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", fields(2))), Ok(true));
    assert_eq!(parse(&format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", fields(3))), Err(HeadError::TooManyFields));
    assert_eq!(parse(&format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(99))), Ok(true));
    assert_eq!(parse(&format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100))), Err(HeadError::TargetTooLong));
    assert_eq!(parse(&format!("GET /{}", "a".repeat(200))), Err(HeadError::TargetTooLong));
    assert_eq!(parse(&format!("GET / HTTP/1.1\r\nhost: a\r\nb: {}", "b".repeat(400))), Ok(false));
    assert_eq!(parse(&format!("GET / HTTP/1.1\r\nhost: a\r\nb: {}", "b".repeat(500))), Err(HeadError::TooLarge));
    assert_eq!(
        parse(&format!("GET / HTTP/1.1\r\nhost: a\r\nb: {}\r\n\r\n", "b".repeat(500))),
        Err(HeadError::TooLarge)
    );
    assert_eq!(HeadError::TooLarge.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(HeadError::TargetTooLong.status(), StatusCode::URI_TOO_LONG);
}

#[test]
fn responses_are_framed() {
    let get = Method::GET;
    let cases: &[(&Method, &str, Framing, bool)] = &[
        (&get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Framing::Length(5), true),
        (&get, "HTTP/1.1 200\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n", Framing::Length(5), true),
        (&get, "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n", Framing::Chunked, true),
        (&get, "HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false),
        (&get, "HTTP/1.1 200 OK\r\ntransfer-encoding: odd\r\n\r\n", Framing::UntilClose, false),
        (
            &get,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: a, b;c=d\r\ncontent-length: 5\r\n\r\n",
            Framing::UntilClose,
            false,
        ),
        (&get, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", Framing::Length(0), false),
        (&get, "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", Framing::Length(3), false),
        (&get, "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\n", Framing::Length(3), true),
        (&get, "HTTP/1.1 204 No Content\r\n\r\n", Framing::Length(0), true),
        (&get, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Framing::Length(0), true),
        (&get, "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n", Framing::Length(0), true),
        (&Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", Framing::Length(0), true),
        (&Method::HEAD, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Framing::Length(0), true),
    ];
    for (method, text, framing, keep_alive) in cases {
        let head = response(method, text).unwrap().unwrap();
        assert_eq!((head.framing, head.keep_alive, head.len), (*framing, *keep_alive, text.len()), "{text:?}");
        assert!(head.version == Version::HTTP_11 || text.starts_with("HTTP/1.0"));
    }
}

#[test]
fn lying_responses_are_refused() {
    use HeadError::*;
    let cases: &[(&str, HeadError)] = &[
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", LengthAndCoding),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", RepeatedLength),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5,5\r\n\r\n", Length),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", UnknownCoding),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: odd, chunked\r\n\r\n", UnknownCoding),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: odd\r\ntransfer-encoding: chunked\r\n\r\n", Coding),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", CodingOnHttp10),
        ("HTTP/1.1 200 OK\ncontent-length: 5\r\n\r\n", BareLineFeed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\n\r\n", BareLineFeed),
        ("HTTP/1.1 200 OK\r\nfoo: a\r\n b\r\n\r\n", FoldedLine),
        ("HTTP/1.1 200 OK\r\nfoo : a\r\n\r\n", SpaceBeforeColon),
        ("HTTP/1.1 20 OK\r\n\r\n", Status),
        ("HTTP/1.1 999 Odd\r\n\r\n", Status),
        ("HTTP/2 200 OK\r\n\r\n", Version),
        ("HTTP/2.0 200 OK\r\n\r\n", Version),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", Version),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", Status),
    ];
    for (text, error) in cases {
        let refused = response(&http::Method::GET, text).map(|head| head.map(|head| head.status)).unwrap_err();
        assert_eq!(refused, *error, "{text:?}");
    }
}

proptest! {
    /// No input panics, and a head never claims more bytes than there are.
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Some(head)) = parse_request(&bytes, &HeadLimits::default()) {
            prop_assert!(head.len <= bytes.len());
        }
        if let Ok(Some(head)) = parse_response(&bytes, &Method::GET, &HeadLimits::default()) {
            prop_assert!(head.len <= bytes.len());
        }
    }

    /// Heads made of dangerous pieces: whatever is accepted has only CRLF line ends and one meaning.
    #[test]
    fn accepted_heads_are_unambiguous(pieces in prop::collection::vec(prop::sample::select(vec![
        "GET / HTTP/1.1", "\r\n", "\n", "\r", "host: a", "content-length: 1", "transfer-encoding: chunked", " ", "\t", ":", "\0", "x: y",
    ]), 0..14)) {
        let text = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n\r\n", pieces.concat());
        if let Ok(Some(head)) = request(&text) {
            let used = &text[..head.len];
            prop_assert!(!used.replace("\r\n", "").contains(['\r', '\n', '\0']));
            let length = head.headers.get_all("content-length").iter().count();
            let coding = head.headers.get_all("transfer-encoding").iter().count();
            prop_assert!(length + coding <= 1);
            prop_assert_eq!(head.headers.get_all("host").iter().count(), 1);
        }
    }

    /// A prefix of a good head is never refused and never taken for whole.
    #[test]
    fn prefixes_are_incomplete(cut in 0_usize..80) {
        let text = "POST /a?b HTTP/1.1\r\nHost: x.example\r\nContent-Length: 10\r\nX-A:  b \r\nX-B:\r\n\r\n";
        let cut = cut.min(text.len() - 1);
        prop_assert!(matches!(request(&text[..cut]), Ok(None)), "{:?}", &text[..cut]);
    }
}
