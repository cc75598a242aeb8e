//! Bringing a body into the store while others read it.
//!
//! Owns the task that reads the origin to the end, whoever of the clients stays. What is broken off is kept in part or not
//! at all, never as a whole.

use super::rest::{Next, Piece, Rest};
use crate::base::clock;
use crate::cache::address::Address;
use crate::cache::key::Key;
use crate::cache::partial;
use crate::cache::stored::Extent;
use crate::metrics::Histogram;
use crate::store::Store;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::Lead;
use crate::store::room::Room;
use http_body_util::BodyExt;
use std::sync::Arc;

/// Bytes after which others of the worker have their turn, when an origin is never waited for. Our choice: less than half a
/// millisecond.
const TURN_BYTES: u64 = 256 << 10;

/// Why a body has no more bytes before its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// The origin failed.
    Origin(Arc<str>),
    /// It is not what was announced.
    Wrong,
    /// Nobody reads it any more.
    Unread,
}

impl From<Cut> for Arc<str> {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Origin(why) => why,
            Cut::Wrong => "the origin sent another part than it announced".into(),
            Cut::Unread => "nobody reads it any more".into(),
        }
    }
}

/// A body on its way. Whoever waits for it may look into the store when this is dropped.
pub(super) struct Fill {
    pub(super) store: Arc<Store>,
    pub(super) key: Key,
    pub(super) address: Address,
    pub(super) filling: Arc<Filling>,
    pub(super) piece: Piece,
    /// What follows the piece, or what makes its break good.
    pub(super) rest: Option<Box<Rest>>,
    pub(super) lead: Option<Lead>,
    /// The most that is stored of one object, bytes.
    pub(super) object_max: u64,
    /// What the time until its end is counted with.
    pub(super) seconds: Histogram,
}

impl Fill {
    /// Reads the body to its end, and keeps it.
    pub(super) async fn run(mut self) {
        let began = clock::monotonic();
        let mut room = self.store.room();
        // Nobody who comes now can have it from the beginning, and nobody is to wait for it again.
        let mut lets_go = Some(|| {
            if matches!(self.filling.stored.extent, Extent::Whole(_)) {
                self.store.apart.note(&self.key, self.filling.stored.received);
            }
            if let Some(lead) = self.lead.take() {
                lead.apart();
            }
        });
        let ended = loop {
            let ended = pour(&mut self.piece, &self.filling, &mut room, self.object_max, &mut lets_go).await;
            let Some(rest) = &mut self.rest else { break ended };
            match rest.follow(&self.filling, ended).await {
                Next::Piece(piece) => self.piece = piece,
                Next::End(ended) => break ended,
            }
        };
        let (is_broken, is_wrong) = (ended.is_err(), matches!(ended, Err(Cut::Wrong)));
        let (body, bytes) = self.filling.finish(ended.map_err(Arc::from)).await;
        let whole_of_unknown_length = self.filling.stored.extent == Extent::Whole(None);
        // What was purged would only push out what has come since.
        if let Some(body) = body
            && !self.filling.is_purged(&self.store.purges, &self.address)
            && !(is_wrong || is_broken && whole_of_unknown_length)
            && let Some(stored) = partial::arrived(self.filling.stored.clone(), bytes)
        {
            let held = Held::new(stored, body, self.filling.era);
            if is_broken {
                self.store.keep_rest(&self.key, Arc::new(held)).await;
            } else {
                // A part of the bytes has no codings.
                self.store.keep(&self.key, Arc::new(held.with_codings(&self.filling.codings))).await;
            }
            self.seconds.observe(began.elapsed());
        }
    }
}

/// Reads a piece to its end for those who read along. When it is more than is stored, or there is no room, `lets_go` is told
/// once, and it is read at the pace of the slowest reader, as long as there is one.
///
/// # Errors
/// Why it has no end.
pub(super) async fn pour(
    piece: &mut Piece,
    filling: &Filling,
    room: &mut Room,
    object_max: u64,
    lets_go: &mut Option<impl FnOnce()>,
) -> Result<(), Cut> {
    let mut since_turn = 0;
    loop {
        match piece.body.frame().await {
            None => return Ok(()),
            Some(Err(error)) => return Err(Cut::Origin(error.to_string().into())),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                let more = data.len() as u64;
                if filling.end().saturating_add(more) > piece.end {
                    return Err(Cut::Wrong);
                }
                let held = filling.append(data);
                since_turn += more;
                if lets_go.is_some() && (held > object_max || !room.hold(filling, more).await) {
                    filling.let_go();
                    if let Some(tell) = lets_go.take() {
                        tell();
                    }
                }
            }
        }
        if lets_go.is_none() {
            room.lag(filling);
        }
        let is_tight = filling.stored.extent == Extent::Whole(None) && room.is_tight();
        if !filling.room(is_tight).await {
            return Err(Cut::Unread);
        }
        if since_turn >= TURN_BYTES {
            since_turn = 0;
            tokio::task::yield_now().await;
        }
    }
}
