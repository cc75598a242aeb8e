//! The chunked coding: tables, any split of the input, and a round trip.

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use crate::data::h1::HeadError;
use crate::data::h1::chunked::{CHUNK_END, ChunkDecoder, ChunkError, Step, write_size, write_trailers};
use crate::data::h1::fields::Side;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Decoded {
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// Unused input behind the body.
    rest: Vec<u8>,
    complete: bool,
}

/// Feeds the input in pieces of these sizes (the last size repeats).
fn decode(input: &[u8], sizes: &[usize]) -> Result<Decoded, ChunkError> {
    decode_of(Side::Request, input, sizes)
}

fn decode_of(side: Side, input: &[u8], sizes: &[usize]) -> Result<Decoded, ChunkError> {
    let mut decoder = ChunkDecoder::new(side);
    let mut buffer = BytesMut::new();
    let mut decoded = Decoded::default();
    let mut fed = 0;
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(sizes.last().copied().unwrap_or(1).max(1)));
    loop {
        match decoder.step(&mut buffer)? {
            Step::Data(data) => decoded.data.extend_from_slice(&data),
            Step::End(trailers) => {
                decoded.trailers = trailers;
                decoded.complete = true;
                decoded.rest = [&buffer[..], &input[fed..]].concat();
                return Ok(decoded);
            }
            Step::More if fed == input.len() => return Ok(decoded),
            Step::More => {
                let size = sizes.next().unwrap().clamp(1, input.len() - fed);
                buffer.extend_from_slice(&input[fed..fed + size]);
                fed += size;
            }
        }
    }
}

#[test]
fn rfc9110_6_5_1_framing_among_an_origins_trailers_is_left_out() {
    for fields in
        ["content-length: 1\r\nx: y\r\n", "x: y\r\nTransfer-Encoding: gzip\r\nhost: a\r\ncontent-length: x\r\n"]
    {
        let decoded = decode_of(Side::Response, format!("2\r\nok\r\n0\r\n{fields}\r\nrest").as_bytes(), &[3]).unwrap();
        let trailers = decoded.trailers.unwrap();
        assert_eq!((decoded.data.as_slice(), decoded.rest.as_slice()), (&b"ok"[..], &b"rest"[..]));
        assert_eq!((trailers.len(), trailers["x"].as_bytes()), (1, &b"y"[..]));
    }
    let decoded = decode_of(Side::Response, b"0\r\nconnection: close\r\n\r\n", &[100]).unwrap();
    assert!(decoded.complete && decoded.trailers.is_none());
}

#[test]
fn bodies_are_decoded() {
    let cases: &[(&str, &str, &str)] = &[
        ("0\r\n\r\n", "", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /", "hello world", "GET /"),
        ("A\r\n0123456789\r\n00\r\n\r\n", "0123456789", ""),
        ("a;x=\"y z\";w\r\n0123456789\r\n0;last\r\n\r\n", "0123456789", ""),
        ("1\r\na\r\n0\r\nx: y\r\n\r\nrest", "a", "rest"),
    ];
    for (input, data, rest) in cases {
        for size in [1, 2, 3, 1000] {
            let decoded = decode(input.as_bytes(), &[size]).unwrap();
            assert!(decoded.complete, "{input:?}");
            assert_eq!(
                (decoded.data.as_slice(), decoded.rest.as_slice()),
                (data.as_bytes(), rest.as_bytes()),
                "{input:?}"
            );
        }
    }
    let decoded = decode(b"0\r\nx: y\r\nX: z\r\n\r\n", &[1]).unwrap();
    assert_eq!(decoded.trailers.unwrap().get_all("x").iter().collect::<Vec<_>>(), ["y", "z"]);
}

#[test]
fn faults_are_refused() {
    let cases: &[(&str, ChunkError)] = &[
        ("\r\n", ChunkError::Size),
        ("x\r\n", ChunkError::Size),
        (" 5\r\nhello", ChunkError::Size),
        ("5 \r\nhello", ChunkError::Size),
        ("+5\r\nhello", ChunkError::Size),
        ("0x5\r\nhello", ChunkError::Size),
        (";a\r\n", ChunkError::Size),
        ("5\nhello", ChunkError::Size),
        ("5\r\r\nhello", ChunkError::LineEnd),
        ("5;a\nhello", ChunkError::Extension),
        ("5;\0\r\nhello", ChunkError::Extension),
        ("5\r\nhello\n0\r\n\r\n", ChunkError::LineEnd),
        ("5\r\nhello0\r\n\r\n", ChunkError::LineEnd),
        ("5\r\nhello\rx", ChunkError::LineEnd),
        ("10000000000000000\r\n", ChunkError::SizeTooLarge),
        ("fffffffffffffffff\r\n", ChunkError::SizeTooLarge),
        ("ffffffffffffffff\r\n", ChunkError::SizeTooLarge),
        ("00000000000000001\r\n", ChunkError::SizeTooLarge),
        ("0\r\na b: c\r\n\r\n", ChunkError::Trailer(HeadError::FieldName)),
        ("0\r\na: b\n\r\n\r\n", ChunkError::Trailer(HeadError::BareLineFeed)),
        ("0\r\na: b\r\n c\r\n\r\n", ChunkError::Trailer(HeadError::FoldedLine)),
        ("0\r\ncontent-length: 5\r\n\r\n", ChunkError::Trailer(HeadError::ForbiddenTrailer)),
        ("0\r\ntransfer-encoding: chunked\r\n\r\n", ChunkError::Trailer(HeadError::ForbiddenTrailer)),
        ("0\r\nhost: a\r\n\r\n", ChunkError::Trailer(HeadError::ForbiddenTrailer)),
    ];
    for (input, error) in cases {
        for size in [1, 1000] {
            assert_eq!(decode(input.as_bytes(), &[size]).unwrap_err(), *error, "{input:?} by {size}");
        }
    }
}

#[test]
fn peers_cannot_send_without_end_beside_data() {
    let extension = format!("1;{}\r\n", "x".repeat(20_000));
    assert_eq!(decode(extension.as_bytes(), &[1000]).unwrap_err(), ChunkError::ExtensionTooLong);
    let many = "1;xxxxxxxxxxxxxxxx\r\na\r\n".repeat(2000);
    assert_eq!(decode(many.as_bytes(), &[1000]).unwrap_err(), ChunkError::ExtensionTooLong);
    let trailers = format!("0\r\n{}", "a: b\r\n".repeat(2000));
    assert_eq!(decode(trailers.as_bytes(), &[1000]).unwrap_err(), ChunkError::Trailer(HeadError::TooLarge));
    let fields = format!("0\r\n{}\r\n", "a: b\r\n".repeat(100));
    assert_eq!(decode(fields.as_bytes(), &[1000]).unwrap_err(), ChunkError::Trailer(HeadError::TooManyFields));
}

proptest! {
    #[test]
    fn splits_do_not_matter(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "5\r\nhello\r\n", "0\r\n", "\r\n", "1\r\na\r\n", "x: y\r\n", "3;e=f\r\nabc\r\n", "0\r\n\r\n", "\n", "g", "\r\n0\r\n\r\n",
        ]), 1..8),
        sizes in prop::collection::vec(1_usize..9, 1..20),
    ) {
        let input = pieces.concat();
        prop_assert_eq!(decode(input.as_bytes(), &sizes), decode(input.as_bytes(), &[input.len()]), "{:?}", input);
    }

    #[test]
    fn what_is_encoded_is_decoded(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6),
        trailer in prop::option::of("[a-z]{1,8}"),
        sizes in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let mut wire = Vec::new();
        for frame in &frames {
            write_size(&mut wire, frame.len());
            wire.extend_from_slice(frame);
            wire.extend_from_slice(CHUNK_END);
        }
        let mut trailers = HeaderMap::new();
        if let Some(value) = &trailer {
            trailers.insert("x-sum", HeaderValue::from_str(value).unwrap());
        }
        write_trailers(&mut wire, &trailers);
        let decoded = decode(&wire, &sizes).unwrap();
        prop_assert!(decoded.complete && decoded.rest.is_empty());
        prop_assert_eq!(decoded.data, frames.concat());
        prop_assert_eq!(decoded.trailers.unwrap_or_default(), trailers);
    }
}
