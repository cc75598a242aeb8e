//! The chunked coding (RFC 9112 section 7.1): a strict incremental decoder and the encoder's pieces.
//! Owns chunk framing and trailers, with a limit on everything a peer may send beside data; never reads or writes a socket.
//! Used through `decode` on both sides, and by whoever writes a chunked body.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};

use super::encode::write_fields;
use super::fields::{self, Side};
use super::head_error::HeadError;

/// Hexadecimal digits of a chunk size: 2^64 and no more.
const SIZE_DIGITS_MAX: u8 = 16;
/// Bytes of chunk extensions in a whole body. They carry nothing we use, and are a known way to make a server work for nothing.
const EXTENSION_BYTES_MAX: u32 = 16 * 1024;
/// Bytes of the trailer section.
const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Fields of the trailer section.
const TRAILER_FIELDS_MAX: usize = 64;

/// Why a chunked body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Not a hexadecimal size.
    #[error("an invalid chunk size")]
    Size,
    /// A size beyond 2^63.
    #[error("a chunk size that is too large")]
    SizeTooLarge,
    /// A control byte in a chunk extension.
    #[error("an invalid byte in a chunk extension")]
    Extension,
    /// More extension bytes than any sender needs.
    #[error("too many bytes of chunk extensions")]
    ExtensionTooLong,
    /// Something other than CRLF where a line ends; a bare LF is refused too.
    #[error("a chunk line that does not end in CRLF")]
    LineEnd,
    /// A malformed or forbidden trailer.
    #[error("the trailers are malformed: {0}")]
    Trailer(#[from] HeadError),
}

/// What the decoder found next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Bytes of the body.
    Data(Bytes),
    /// The end of the body, with its trailers.
    End(Option<HeaderMap>),
    /// The input is used up; more is needed.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeLineFeed { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataLineFeed,
    Trailers,
    Done,
}

/// Where in a chunked body the reader is.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
    side: Side,
    extension_bytes: u32,
}

impl ChunkDecoder {
    pub(crate) fn new(side: Side) -> Self {
        Self { state: State::Size { size: 0, digits: 0 }, side, extension_bytes: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next piece from the front of `input`. After an error it must not be called again.
    pub(crate) fn step(&mut self, input: &mut BytesMut) -> Result<Step, ChunkError> {
        loop {
            match self.state {
                State::Data { left } => {
                    if input.is_empty() {
                        return Ok(Step::More);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let left = left - take as u64;
                    self.state = if left == 0 { State::DataReturn } else { State::Data { left } };
                    let data = input.split_to(take).freeze();
                    if left == 0 && input.starts_with(CHUNK_END_AND_LAST) {
                        // Known to be the last data: lets the receiver end its own body in the same write.
                        input.advance(CHUNK_END_AND_LAST.len());
                        self.state = State::Done;
                    }
                    return Ok(Step::Data(data));
                }
                State::Trailers => return self.trailers(input),
                State::Done => return Ok(Step::End(None)),
                _ => {}
            }
            let Some(&byte) = input.first() else { return Ok(Step::More) };
            self.state = self.line_byte(byte)?;
            input.advance(1);
        }
    }

    /// One byte of a chunk's framing.
    fn line_byte(&mut self, byte: u8) -> Result<State, ChunkError> {
        Ok(match (self.state, byte) {
            (State::Size { digits: 1.., size }, b'\r') => State::SizeLineFeed { size },
            (State::Size { digits: 1.., size }, b';') => State::Extension { size },
            (State::Size { size, digits }, _) => {
                let digit = (byte as char).to_digit(16).ok_or(ChunkError::Size)?;
                if digits == SIZE_DIGITS_MAX || size >> 59 != 0 {
                    return Err(ChunkError::SizeTooLarge);
                }
                State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (State::Extension { size }, b'\r') => State::SizeLineFeed { size },
            (State::Extension { size }, _) => {
                if byte == b'\n' || byte == 0x7f || (byte < b' ' && byte != b'\t') {
                    return Err(ChunkError::Extension);
                }
                self.extension_bytes += 1;
                if self.extension_bytes > EXTENSION_BYTES_MAX {
                    return Err(ChunkError::ExtensionTooLong);
                }
                State::Extension { size }
            }
            (State::SizeLineFeed { size: 0 }, b'\n') => State::Trailers,
            (State::SizeLineFeed { size }, b'\n') => State::Data { left: size },
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size { size: 0, digits: 0 },
            _ => return Err(ChunkError::LineEnd),
        })
    }

    fn trailers(&mut self, input: &mut BytesMut) -> Result<Step, ChunkError> {
        match &input[..] {
            [] | [b'\r'] => return Ok(Step::More),
            [b'\r', b'\n', ..] => {
                input.advance(2);
                self.state = State::Done;
                return Ok(Step::End(None));
            }
            _ => {}
        }
        let visible = &input[..input.len().min(TRAILER_BYTES_MAX)];
        let Some(end) = visible.windows(4).position(|window| window == b"\r\n\r\n") else {
            if input.len() >= TRAILER_BYTES_MAX {
                return Err(HeadError::TooLarge.into());
            }
            return Ok(Step::More);
        };
        let section = input.split_to(end + 4).freeze();
        let trailers = parse_trailers(&section, self.side)?;
        self.state = State::Done;
        Ok(Step::End(Some(trailers).filter(|trailers| !trailers.is_empty())))
    }
}

/// A client that says framing here tries something. What an origin says of it is left out: it must not be believed, and the body
/// is whole (RFC 9110 section 6.5.1).
fn parse_trailers(section: &[u8], side: Side) -> Result<HeaderMap, HeadError> {
    let mut room = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
    match httparse::parse_headers(section, &mut room) {
        Ok(httparse::Status::Complete((len, parsed))) if len == section.len() => {
            let is_forbidden = |field: &httparse::Header<'_>| {
                http::HeaderName::from_bytes(field.name.as_bytes()).is_ok_and(|name| is_forbidden(&name))
            };
            let allowed: Vec<_> = parsed.iter().filter(|field| !is_forbidden(field)).copied().collect();
            if allowed.len() < parsed.len() && side == Side::Request {
                return Err(HeadError::ForbiddenTrailer);
            }
            let copy = Bytes::copy_from_slice(section);
            Ok(fields::collect(section, &copy, &allowed, side)?.0)
        }
        // The section ends early only at a line end that is not CRLF.
        Ok(_) => Err(HeadError::BareLineFeed),
        Err(error) => Err(HeadError::diagnose(section, error)),
    }
}

/// Fields that would change framing, routing or the connection after the fact (RFC 9110 section 6.5.1).
fn is_forbidden(name: &http::HeaderName) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, CONNECTION, TE, TRAILER, UPGRADE].contains(name)
}

/// What follows the data of a chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";
/// What follows the data of the last chunk when there are no trailers.
pub(crate) const CHUNK_END_AND_LAST: &[u8] = b"\r\n0\r\n\r\n";
/// The end of a body without trailers.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends the size line of a chunk; `size` is not zero, which would end the body.
pub(crate) fn write_size(into: &mut Vec<u8>, size: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    debug_assert!(size > 0, "an empty chunk is the last chunk");
    let used = (usize::BITS - size.leading_zeros()).div_ceil(4);
    for place in (0..used).rev() {
        into.push(DIGITS[(size >> (4 * place)) & 15]);
    }
    into.extend_from_slice(b"\r\n");
}

/// Appends the last chunk and the trailers. Fields that trailers may not have are left out.
pub(crate) fn write_trailers(into: &mut Vec<u8>, trailers: &HeaderMap) {
    into.extend_from_slice(b"0\r\n");
    write_fields(into, trailers, is_forbidden);
    into.extend_from_slice(b"\r\n");
}
