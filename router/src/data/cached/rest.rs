//! The rest of a body that is fetched in pieces: slice by slice, or what an origin that died in the middle still owes.
//!
//! Owns where the next bytes come from: from what is held of the same state by now, else from an origin, by a request for the
//! range under `If-Range`. Each is a request of its own, decided like any other; after a break it goes to another region
//! first, where the plan has one. All pieces are of one state by a strong entity tag: a change ends the body broken, and
//! never mixes two (RFC 9110 section 13.1.5, RFC 9111 section 3.4).

use super::ask::Came;
use super::fill::Cut;
use super::reading::{self, Source};
use super::refresh;
use super::{Flow, Found};
use crate::cache::address::Address;
use crate::cache::key::Key;
use crate::cache::partial::{self, Continued};
use crate::cache::slices;
use crate::cache::stored::Extent;
use crate::data::body::Body;
use crate::data::connection::Connection;
use crate::data::core::Core;
use crate::data::exchange::{self, Asked as Context};
use crate::data::forward::Server;
use crate::data::headers::Survey;
use crate::data::record::Record;
use crate::decide::facts::Client;
use crate::decide::{Decision, caching};
use crate::store::filling::Filling;
use http::request::Parts;
use std::ops::Range;
use std::rc::Rc;

/// Breaks of one body that are made good; an origin that breaks more often has no whole to give. Our choice.
const BREAKS_MAX: u8 = 3;

/// A piece of a body, and where it ends in the representation.
pub(super) struct Piece {
    pub(super) body: Body,
    pub(super) end: u64,
}

/// What follows a piece.
pub(super) enum Next {
    /// This.
    Piece(Piece),
    /// Nothing.
    End(Result<(), Cut>),
}

/// Why there is no next piece.
enum Lack {
    /// The representation is another one by now.
    Changed,
    /// Nobody gave it.
    Failed(&'static str),
}

/// See the module's description. Holds what a request needs that outlives its exchange.
pub(super) struct Rest {
    core: Rc<Core>,
    connection: Rc<Connection>,
    client: Rc<Client>,
    survey: Survey,
    request: Parts,
    address: Address,
    key: Key,
    /// Where the body ends.
    end: u64,
    /// Bytes that are asked for at once; 0: all that are left.
    slice: u64,
    /// The region that the last piece came from.
    region: Option<u8>,
    /// A piece that is there already, and where it begins.
    ready: Option<(u64, Piece)>,
    /// Where the last piece began.
    began: u64,
    breaks: u8,
    /// What is asked for now makes a break good.
    is_retry: bool,
}

impl Flow<'_> {
    /// What can fetch the rest of a body that ends at `end`, when the first of it came from `server`.
    pub(super) fn rest(&self, end: u64, slice: u64, server: Option<&Server>) -> Rest {
        let context = self.context;
        let mut request = refresh::copy(self.request);
        crate::cache::validate::ask_for_all(&mut request.headers);
        Rest {
            core: Rc::clone(context.core),
            connection: Rc::clone(context.connection),
            client: Rc::clone(context.client),
            survey: context.survey,
            request,
            address: self.address.clone(),
            key: self.key.clone(),
            end,
            slice,
            region: server.map(|server| server.target.region),
            ready: None,
            began: 0,
            breaks: 0,
            is_retry: false,
        }
    }
}

impl Rest {
    /// With a piece that came already and begins at `start`.
    pub(super) fn with(mut self, start: u64, piece: Piece) -> Self {
        self.ready = Some((start, piece));
        self
    }

    /// What follows a piece that ended so, when all before `at` has come.
    pub(super) async fn follow(&mut self, filling: &Filling, ended: Result<(), Cut>) -> Next {
        let at = filling.end();
        let mut why = match ended {
            Err(Cut::Unread | Cut::Wrong) => return Next::End(ended),
            Ok(()) if at >= self.end => return Next::End(Ok(())),
            Ok(()) if at > self.began => None,
            Ok(()) => Some(Cut::Origin("the origin sends nothing".into())),
            Err(cut) => Some(cut),
        };
        // What is fetched for nobody stops where it can go on later.
        if self.slice > 0 && !filling.is_read() {
            return Next::End(Err(Cut::Unread));
        }
        self.began = at;
        loop {
            self.is_retry = why.is_some();
            if let Some(cut) = why {
                self.breaks += 1;
                if self.breaks > BREAKS_MAX {
                    return Next::End(Err(cut));
                }
            }
            match self.piece(filling, at).await {
                Ok(piece) => return Next::Piece(piece),
                Err(Lack::Changed) => return Next::End(Err(Cut::Origin("it is in another state by now".into()))),
                Err(Lack::Failed(words)) => why = Some(Cut::Origin(words.into())),
            }
        }
    }

    async fn piece(&mut self, filling: &Filling, at: u64) -> Result<Piece, Lack> {
        if let Some((_, piece)) = self.ready.take_if(|(start, _)| *start == at) {
            return Ok(piece);
        }
        let mut span = at..slices::end_after(at, self.slice, self.end);
        let held = self.core.store.look(&self.key, &self.address, self.core.clock.now()).await;
        let same = held.iter().find(|held| partial::is_same(&held.stored, &filling.stored));
        if let Some(held) = same
            && let Extent::Parts { held: spans, .. } = &held.stored.extent
        {
            if let Some(end) = spans.held_until(at)
                && let Some(held) = self.core.store.ready(&self.key, held).await
            {
                let end = end.min(self.end);
                return Ok(Piece { body: reading::span(Source::Held(held), at, Some(end)), end });
            }
            span = spans.gap(at, span.end);
        }
        self.ask(filling, span).await
    }

    async fn ask(&mut self, filling: &Filling, span: Range<u64>) -> Result<Piece, Lack> {
        let mut record = Record::open(self.core.request_id(), self.client.ip, &self.request);
        record.cache = Some("piece");
        let came = self.send(filling, &span, &mut record).await?;
        let (status, region) = (came.status(), came.target.as_ref().map(|server| server.target.region));
        record.answered(status);
        if region.is_none() {
            return Err(Lack::Failed("no region answers"));
        }
        self.region = region;
        match partial::continued(&filling.stored, &span, status, came.response.headers()) {
            Continued::Until(end) => Ok(Piece { body: came.response.into_body().watched(record), end }),
            Continued::Changed => Err(Lack::Changed),
            Continued::Failed => Err(Lack::Failed("the origin cannot give the rest")),
        }
    }

    async fn send(&self, filling: &Filling, span: &Range<u64>, record: &mut Record) -> Result<Came, Lack> {
        const STOPS: Lack = Lack::Changed;
        let snapshot = self.core.snapshot();
        let (core, connection, client) = (&self.core, &self.connection, &self.client);
        let context = Context { core, connection, snapshot: &snapshot, client, survey: self.survey };
        let mut request = refresh::copy(&self.request);
        let mut decision = context.decide(&request, core.clock.now());
        if exchange::is_full(&decision) {
            decision = exchange::wait_for_room(&context, &request, decision, record).await;
        }
        let Decision::Forward(plan) = &mut decision else { return Err(Lack::Failed("no region can serve")) };
        // By another configuration, or another word of a policy, it may be another thing.
        let Some(cache) = plan.cache else { return Err(STOPS) };
        let say = plan.cache_say.as_deref();
        let key = caching::key(&self.address, &request.headers, client, cache, say);
        if key.as_ref() != Some(&self.key) || say.is_some_and(|say| say.bypass) {
            return Err(STOPS);
        }
        if self.is_retry {
            if !core.withdraw(plan.service, core.clock.now()) {
                plan.service.metrics.retries.count("over-budget");
                return Err(Lack::Failed("the retry budget is spent"));
            }
            plan.service.metrics.fills.resumed.inc();
        }
        // Where it broke comes last; otherwise where the last piece came from first, as tags may differ between regions.
        // Nothing is added to what the plan allows.
        plan.plan.targets.sort_by_key(|target| (Some(target.region) == self.region) == self.is_retry);
        partial::ask_for(&mut request.headers, &filling.stored, span);
        let found = Found { address: self.address.clone(), key: self.key.clone(), passes_by: None };
        let flow = Flow::new(&context, plan, cache, &self.request, &Body::empty(), found);
        Ok(flow.send(request, Body::empty(), record).await)
    }
}
