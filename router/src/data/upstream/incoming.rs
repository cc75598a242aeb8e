//! The response body of an origin: reads as it is polled, and sends on what is left of the request meanwhile.
//! Owns the decision whether the connection can be used again. Dropped early, it closes the connection.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::connection::OriginConnection;
use super::pool::Pool;
use super::pump::{Pump, PumpError};
use crate::base::clock;
use crate::data::body::BodyError;
use crate::data::h1::chunked::Step;
use crate::data::h1::decode::BodyDecoder;

/// See the module's description.
pub struct ResponseBody {
    pool: Pool,
    /// Gone when the body has ended, well or not.
    connection: Option<Box<OriginConnection>>,
    decoder: BodyDecoder,
    /// The rest of the request, while the origin answers before having read it.
    pump: Option<Box<Pump>>,
    reusable: bool,
    silence: Option<Duration>,
}

impl ResponseBody {
    pub(crate) fn new(
        pool: Pool,
        connection: Box<OriginConnection>,
        decoder: BodyDecoder,
        pump: Option<Box<Pump>>,
        reusable: bool,
        silence: Option<Duration>,
    ) -> Self {
        Self { pool, connection: Some(connection), decoder, pump, reusable, silence }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.decoder.is_done()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.decoder.is_done() {
            self.release();
            return Poll::Ready(None);
        }
        let polled = self.poll_next(cx);
        match &polled {
            Poll::Ready(Some(Err(_))) => self.connection = None,
            Poll::Ready(_) if self.decoder.is_done() => self.release(),
            _ => {}
        }
        polled
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(connection) = self.connection.as_deref_mut() else {
            // An error was reported before; it must not look like an end.
            return Poll::Ready(Some(Err(BodyError::Abandoned)));
        };
        if let Some(pump) = &mut self.pump {
            match pump.poll(&mut connection.stream, cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.pump = None,
                Poll::Ready(Err(PumpError::Write(_))) => {
                    self.pump = None;
                    self.reusable = false;
                }
                Poll::Ready(Err(PumpError::Body(error))) => {
                    return Poll::Ready(Some(Err(BodyError::Request(Box::new(error)))));
                }
            }
        }
        loop {
            match self.decoder.step(&mut connection.read.bytes) {
                Ok(Step::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Step::End(trailers)) => return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
                Ok(Step::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            match connection.read.poll_fill(&mut connection.stream, 1, cx) {
                Poll::Ready(Ok(1..)) => connection.timer.clear(),
                Poll::Ready(Ok(0)) if self.decoder.end_of_stream() => return Poll::Ready(None),
                Poll::Ready(Ok(0)) => return Poll::Ready(Some(Err(BodyError::Truncated))),
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Pending => {
                    if let Some(silence) = self.silence {
                        connection.timer.set_once(silence);
                    }
                    return connection.timer.poll(cx).map(|()| Some(Err(BodyError::TimedOut)));
                }
            }
        }
    }

    /// Lets go of the connection: to the pool if both bodies ended well, closed otherwise.
    fn release(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.reusable && self.pump.is_none() {
            self.pool.give(connection, clock::monotonic());
        }
    }
}
