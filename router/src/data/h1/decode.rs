//! Where in a received body a connection is, whatever its framing. Owns the count of bytes to come; never reads a socket.
//! Used by client connections for request bodies and by upstream connections for response bodies.

use bytes::BytesMut;
use http_body::SizeHint;

use super::chunked::{ChunkDecoder, ChunkError, Step};
use super::fields::{Framing, Side};

/// The reader of one body.
#[derive(Debug, Default)]
pub(crate) enum BodyDecoder {
    /// Nothing (more) to come.
    #[default]
    Done,
    /// This many bytes to come.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// All bytes up to the end of the connection.
    UntilClose,
}

impl BodyDecoder {
    pub(crate) fn new(framing: Framing, side: Side) -> Self {
        match framing {
            Framing::Length(0) => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkDecoder::new(side)),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The size of what is still to come.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Done => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
        }
    }

    /// Takes the next piece from the front of `input`. After an error it must not be called again.
    pub(crate) fn step(&mut self, input: &mut BytesMut) -> Result<Step, ChunkError> {
        match self {
            Self::Done => Ok(Step::End(None)),
            _ if input.is_empty() => Ok(Step::More),
            Self::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= take as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(Step::Data(input.split_to(take).freeze()))
            }
            Self::UntilClose => Ok(Step::Data(input.split().freeze())),
            Self::Chunked(chunks) => {
                let step = chunks.step(input)?;
                if chunks.is_done() {
                    *self = Self::Done;
                }
                Ok(step)
            }
        }
    }

    /// The stream ended. Whether that is a proper end of this body.
    pub(crate) fn end_of_stream(&mut self) -> bool {
        match self {
            Self::Done => true,
            Self::UntilClose => {
                *self = Self::Done;
                true
            }
            Self::Length(_) | Self::Chunked(_) => false,
        }
    }
}
