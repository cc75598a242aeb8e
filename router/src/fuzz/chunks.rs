//! The chunked coding: however the bytes are split on their way, they decode to the same.

use bytes::BytesMut;
use http::HeaderMap;

use crate::data::h1::chunked::{CHUNK_END, ChunkDecoder, ChunkError, Step, write_size, write_trailers};
use crate::data::h1::fields::Side;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Decoded {
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// Input behind the body that was not touched.
    rest: Vec<u8>,
    is_whole: bool,
}

/// A chunked body; the first byte says how it is split.
pub(super) fn body(input: &[u8]) {
    let Some((seed, input)) = input.split_first() else { return };
    let whole = decode(input, |_| input.len());
    let mut state = u32::from(*seed).wrapping_mul(2_654_435_761) | 1;
    let anywhere = decode(input, |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1 + (state >> 16) as usize % 13
    });
    assert_eq!(whole, anywhere);
    assert_eq!(whole, decode(input, |_| 1));
    let Ok(decoded) = whole else { return };
    assert!(decoded.data.len() + decoded.rest.len() <= input.len());
    assert!(input.ends_with(&decoded.rest));
    if decoded.is_whole {
        survives(&decoded);
    }
}

/// Written out again it decodes to the same, and takes nothing of what follows.
fn survives(decoded: &Decoded) {
    let mut wire = Vec::new();
    if !decoded.data.is_empty() {
        write_size(&mut wire, decoded.data.len());
        wire.extend_from_slice(&decoded.data);
        wire.extend_from_slice(CHUNK_END);
    }
    write_trailers(&mut wire, decoded.trailers.as_ref().unwrap_or(&HeaderMap::new()));
    wire.extend_from_slice(&decoded.rest);
    let again = decode(&wire, |_| wire.len()).expect("what we write is accepted");
    let trailers = decoded.trailers.clone().filter(|trailers| !trailers.is_empty());
    assert_eq!(again, Decoded { trailers, ..decoded.clone() });
}

/// Feeds the input in pieces of the sizes that `size` says.
fn decode(input: &[u8], mut size: impl FnMut(usize) -> usize) -> Result<Decoded, ChunkError> {
    let mut decoder = ChunkDecoder::new(Side::Request);
    let mut buffer = BytesMut::new();
    let mut decoded = Decoded::default();
    let mut fed = 0;
    loop {
        match decoder.step(&mut buffer)? {
            Step::Data(data) => {
                assert!(!data.is_empty(), "a step gives something, or asks for more");
                decoded.data.extend_from_slice(&data);
            }
            Step::End(trailers) => {
                decoded.trailers = trailers;
                decoded.rest = [&buffer[..], &input[fed..]].concat();
                decoded.is_whole = true;
                return Ok(decoded);
            }
            Step::More if fed == input.len() => return Ok(decoded),
            Step::More => {
                let piece = size(fed).clamp(1, input.len() - fed);
                buffer.extend_from_slice(&input[fed..fed + piece]);
                fed += piece;
            }
        }
    }
}
