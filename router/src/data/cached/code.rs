//! The answer that a stored response makes, in the content coding that the client would rather have.
//!
//! Owns the making of codings: one for each response and coding, read along by all who come meanwhile, and kept beside the
//! bytes that it was made of. Which answers are coded, and what they say, is `cache::compress`'s.

use super::Flow;
use super::encoder::Encoded;
use super::fill::pour;
use super::reading::{self, Source};
use super::rest::Piece;
use super::running::Running;
use crate::base::Timestamp;
use crate::cache::answer::{Answer, Content, answer};
use crate::cache::coding::{self, Encoding};
use crate::cache::compress;
use crate::cache::key::Key;
use crate::cache::select::{self, Asked};
use crate::cache::stored::{Extent, Stored};
use crate::cache::validate;
use crate::data::body::Body;
use crate::metrics::Words;
use crate::store::Store;
use crate::store::codings::{Codings, Form};
use crate::store::filling::{Filling, Hold};
use http::Response;
use std::cell::Cell;
use std::sync::Arc;

/// Bodies that one worker encodes at one time: each takes one to a few MiB for its window.
const CODERS_MAX: usize = 16;
/// A coding is kept when it saves at least one part in this many.
const SAVES_PART: u64 = 20;

thread_local! {
    static CODERS: Cell<usize> = const { Cell::new(0) };
}

impl Flow<'_> {
    /// The answer that a stored response makes, read from where its bytes are.
    pub(super) fn response(&self, stored: &Stored, source: Source, now: Timestamp) -> Response<Body> {
        let (settings, seed) = (&self.cache().settings, self.context.core.seed());
        let asked = self.asked();
        let is_coded = self.may_be_coded(stored);
        let accepted = is_coded.then(|| coding::accepted(&self.request.headers).next()).flatten();
        let is_whole = matches!(stored.extent, Extent::Whole(_));
        let is_by_date = is_whole && accepted.is_some() && compress::is_range_by_date(asked.headers);
        let mut whole = None;
        let headers = if is_by_date || self.falls(stored, &source, now) {
            let headers = whole.insert(asked.headers.clone());
            validate::ask_for_whole(headers);
            headers
        } else {
            asked.headers
        };
        let asked = Asked { headers, ..asked };
        let mut made = answer(&asked, stored, now, settings, seed);
        if !is_coded {
            return reading::response(made, source, stored.length());
        }
        compress::vary(&mut made.headers);
        let wanted = accepted.filter(|_| compress::may_encode(&asked, settings));
        let found = wanted.and_then(|encoding| Some((encoding, self.coded(stored, &source, encoding, &made)?)));
        let Some((encoding, coded)) = found else {
            return reading::response(made, source, stored.length());
        };
        compress::encode(&mut made, encoding, coded.length);
        reading::response(made, coded.source, coded.length)
    }

    /// Whether other requests get other codings of a stored response.
    pub(super) fn may_be_coded(&self, stored: &Stored) -> bool {
        self.cache().compress.as_ref().is_some_and(|rules| rules.applies_to(stored))
    }

    /// Whether the client wants several parts in an order in which what is arriving may not have them any more. It is answered
    /// whole then (RFC 9110 section 14.2), or as it came.
    pub(super) fn falls(&self, stored: &Stored, source: &Source, now: Timestamp) -> bool {
        matches!(source, Source::Filling(_)) && select::falls(&self.asked(), stored, now, &self.cache().settings)
    }

    /// Where the bytes of a coding are; none when there is no such coding and there will not be one.
    fn coded(&self, stored: &Stored, source: &Source, encoding: Encoding, made: &Answer) -> Option<Coded> {
        let codings = match source {
            Source::Held(held) => held.codings(),
            Source::Filling(filling) => filling.codings.get_or_init(Arc::default),
            Source::Coded(_) => return None,
        };
        match codings.form(encoding) {
            Form::Useless => None,
            Form::Made(bytes) => {
                let length = bytes.bytes();
                Some(Coded { source: Source::Coded(bytes), length: Some(length), _hold: None })
            }
            Form::Arriving(filling) => {
                let hold = filling.hold(0)?;
                Some(Coded { source: Source::Filling(filling), length: None, _hold: Some(hold) })
            }
            // Without content, nothing has to be made to say what there would be.
            Form::Unmade if made.content == Content::Nothing => {
                Some(Coded { source: source.clone(), length: None, _hold: None })
            }
            Form::Unmade => {
                let filling = self.code(stored, source, encoding, Arc::clone(codings))?;
                Some(Coded { source: Source::Filling(filling), length: None, _hold: None })
            }
        }
    }

    /// Begins a coding. None when too many are under way.
    fn code(
        &self,
        stored: &Stored,
        source: &Source,
        encoding: Encoding,
        codings: Arc<Codings>,
    ) -> Option<Arc<Filling>> {
        let counter = &self.plan.service.metrics.fills.compressed;
        let Some(running) = Running::begin(&CODERS, CODERS_MAX) else {
            counter.count("busy");
            return None;
        };
        let plain = reading::span(source.clone(), 0, stored.length());
        let body = Body::boxed(Encoded::new(plain, encoding).ok()?);
        let filling = Arc::new(Filling::new(stored.clone(), 0, 0));
        if !codings.begin(encoding, &filling) {
            // Another worker was faster: the next request finds what it makes.
            return None;
        }
        let coder = Coder {
            store: Arc::clone(self.store()),
            key: self.key.clone(),
            codings,
            encoding,
            filling: Arc::clone(&filling),
            piece: Piece { body, end: u64::MAX },
            object_max: self.object_max().min(self.store().memory().object_max()),
            plain: stored.length(),
            counter: counter.clone(),
            _running: running,
        };
        tokio::task::spawn_local(coder.run());
        Some(filling)
    }
}

/// Where the bytes of a coding are.
struct Coded {
    source: Source,
    /// How many, when that is known.
    length: Option<u64>,
    /// Until the answer reads them: who makes them may be on another worker.
    _hold: Option<Hold>,
}

/// A coding on its way.
struct Coder {
    store: Arc<Store>,
    key: Key,
    codings: Arc<Codings>,
    encoding: Encoding,
    filling: Arc<Filling>,
    piece: Piece,
    /// The most that is stored of one object, bytes.
    object_max: u64,
    /// Bytes of the plain body, when known.
    plain: Option<u64>,
    counter: Words,
    _running: Running,
}

impl Coder {
    /// Encodes to the end, and keeps it beside the plain bytes.
    async fn run(mut self) {
        let mut room = self.store.room_in_memory();
        // Who comes now cannot have it from the beginning.
        let mut lets_go = Some(|| self.codings.settle(self.encoding, Form::Useless));
        let ended = pour(&mut self.piece, &self.filling, &mut room, self.object_max, &mut lets_go).await;
        let is_broken = ended.is_err();
        let (became, word) = match self.filling.finish(ended.map_err(Arc::from)).await {
            (None, _) => (Form::Useless, "useless"),
            // The next request may try again.
            _ if is_broken => (Form::Unmade, "broken"),
            (_, bytes) if self.plain.is_some_and(|plain| bytes + plain / SAVES_PART > plain) => {
                (Form::Useless, "useless")
            }
            (Some(bytes), _) => (Form::Made(Arc::new(bytes)), self.encoding.name()),
        };
        self.codings.settle(self.encoding, became);
        self.counter.count(word);
        self.store.reweigh(&self.key, &self.codings);
    }
}
