//! A body in a content coding, made while it is read.
//!
//! Owns the encoders and their pace: a slice of the plain body at a time, and others have their turn in between. What has
//! come is sent on when more is slow to come. Memory is the encoder's window, never the body.

use crate::cache::coding::Encoding;
use crate::data::body::{Body, BodyError};
use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::write::GzEncoder;
use http_body::Frame;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Bytes that are encoded before others have their turn: at most a millisecond (measured: brotli 1.0, gzip 0.8, zstd 0.6).
const SLICE: usize = 16 * 1024;
/// Brotli's quality. On source text 4 leaves 27.0 % at 57 MB/s, 5 leaves 24.7 % at 34 MB/s, 6 leaves 24.0 % at 27 MB/s; gzip
/// at 6 leaves 26 % at 29 MB/s.
const BROTLI_QUALITY: u32 = 5;
/// Brotli's window, as a power of two: 1 MiB, as much memory for each body that is being encoded.
const BROTLI_WINDOW: u32 = 20;
/// Bytes that brotli hands on at once.
const BROTLI_BUFFER: usize = 4096;
/// zstd's level: the library's default, and Caddy's.
const ZSTD_LEVEL: i32 = 3;

enum Encoder {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    fn new(encoding: Encoding) -> io::Result<Self> {
        let into = Vec::new();
        Ok(match encoding {
            Encoding::Brotli => {
                Self::Brotli(Box::new(CompressorWriter::new(into, BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW)))
            }
            Encoding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(into, ZSTD_LEVEL)?),
            Encoding::Gzip => Self::Gzip(GzEncoder::new(into, flate2::Compression::default())),
        })
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Brotli(encoder) => encoder,
            Self::Zstd(encoder) => encoder,
            Self::Gzip(encoder) => encoder,
        }
    }

    /// What has been encoded since the last time.
    fn take(&mut self) -> Bytes {
        std::mem::take(match self {
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Gzip(encoder) => encoder.get_mut(),
        })
        .into()
    }

    /// The rest.
    fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
        .map(Bytes::from)
    }
}

/// A plain body on its way through an encoder.
pub(super) struct Encoded {
    plain: Body,
    /// Of the plain body, not encoded yet.
    left: Bytes,
    /// None when the end was made.
    encoder: Option<Encoder>,
    /// The encoder holds bytes back.
    holds: bool,
    /// Others have their turn.
    rests: bool,
}

impl Encoded {
    /// The body in a coding.
    ///
    /// # Errors
    /// The library has no memory for it.
    pub(super) fn new(plain: Body, encoding: Encoding) -> io::Result<Self> {
        let encoder = Some(Encoder::new(encoding)?);
        Ok(Self { plain, left: Bytes::new(), encoder, holds: false, rests: false })
    }

    /// One step; some bytes when it gave any, none at the end.
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let Some(encoder) = &mut self.encoder else { return Poll::Ready(Ok(None)) };
        if !self.left.is_empty() {
            let slice = self.left.split_to(SLICE.min(self.left.len()));
            encoder.writer().write_all(&slice)?;
            // Brotli gathers large blocks and then takes 4 ms for one; cut like this it costs 1.5 % of the bytes.
            self.holds = !matches!(encoder, Encoder::Brotli(_));
            if !self.holds {
                encoder.writer().flush()?;
            }
            self.rests = true;
            return Poll::Ready(Ok(Some(encoder.take())));
        }
        match http_body::Body::poll_frame(Pin::new(&mut self.plain), cx) {
            Poll::Pending if self.holds => {
                encoder.writer().flush()?;
                self.holds = false;
                Poll::Ready(Ok(Some(encoder.take())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(frame)) => {
                self.left = frame?.into_data().unwrap_or_default();
                Poll::Ready(Ok(Some(Bytes::new())))
            }
            Poll::Ready(None) => {
                let rest = self.encoder.take().map(Encoder::finish).transpose()?;
                Poll::Ready(Ok(rest))
            }
        }
    }
}

impl http_body::Body for Encoded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            if std::mem::take(&mut this.rests) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match ready!(this.step(cx)) {
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok(None) => return Poll::Ready(None),
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http_body_util::BodyExt;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::io::Read;

    type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

    /// A body that comes as a test has it.
    struct Pieces<F>(F);

    impl<F: FnMut(&mut Context<'_>) -> Polled + Unpin> http_body::Body for Pieces<F> {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
            (self.0)(cx)
        }
    }

    /// These pieces; before each that is marked the reader waits once.
    fn slow(mut pieces: Vec<(Vec<u8>, bool)>) -> Body {
        Body::boxed(Pieces(move |cx: &mut Context<'_>| match pieces.first_mut() {
            None => Poll::Ready(None),
            Some((_, waits)) if *waits => {
                *waits = false;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(_) => Poll::Ready(Some(Ok(Frame::data(pieces.remove(0).0.into())))),
        }))
    }

    fn decoded(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match encoding {
            Encoding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain).unwrap(),
            Encoding::Zstd => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut plain).unwrap(),
            Encoding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap(),
        };
        plain
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_decoded_is_what_was_sent(
            pieces in vec((prop_oneof![vec(any::<u8>(), 0..400), vec(0..4u8, 0..60_000)], any::<bool>()), 0..6),
        ) {
            let plain: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
            for encoding in Encoding::ALL {
                let encoded = Encoded::new(slow(pieces.clone()), encoding).unwrap();
                let coded = run(encoded.collect()).unwrap().to_bytes();
                prop_assert!(decoded(encoding, &coded) == plain, "{}", encoding.name());
            }
        }
    }

    #[test]
    fn what_has_come_is_sent_on_when_more_is_slow_to_come() {
        for encoding in Encoding::ALL {
            let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
            let pieces = Pieces(move |cx: &mut Context<'_>| receiver.poll_recv(cx));
            let mut encoded = Encoded::new(Body::boxed(pieces), encoding).unwrap();
            run(async {
                let mut coded = Vec::new();
                for piece in ["first ", "second ", "third"] {
                    sender.send(Ok(Frame::data(piece.into()))).await.unwrap();
                    let frame = encoded.frame().await.unwrap().unwrap();
                    coded.extend(frame.into_data().unwrap());
                }
                drop(sender);
                coded.extend(encoded.collect().await.unwrap().to_bytes());
                assert_eq!(decoded(encoding, &coded), b"first second third");
            });
        }
    }

    #[test]
    fn a_body_that_breaks_off_does_not_end() {
        let mut pieces = vec![Err(BodyError::Truncated), Ok(Frame::data("half".into()))];
        let broken = Body::boxed(Pieces(move |_: &mut Context<'_>| Poll::Ready(pieces.pop())));
        let encoded = Encoded::new(broken, Encoding::Gzip).unwrap();
        assert!(matches!(run(encoded.collect()), Err(BodyError::Truncated)));
    }
}
