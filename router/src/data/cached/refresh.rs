//! Asking the origin in the background, after a stale answer was served (RFC 5861 section 3).
//!
//! Owns that there is one such request for a key at a time, and not too many at all. It is decided like any other request.

use super::outcome::Outcome;
use super::running::Running;
use super::{Flow, Found};
use crate::cache::key::Key;
use crate::cache::select::Forward as Why;
use crate::data::body::Body;
use crate::data::exchange::Asked as Context;
use crate::data::record::Record;
use crate::decide::{Decision, caching};
use crate::store::flights::{Lead, Role};
use http::header;
use http::request::Parts;
use http::{Method, Request};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// Background requests of one worker at one time.
const REFRESHES_MAX: usize = 256;

thread_local! {
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

/// Starts one, unless somebody asks already.
pub(super) fn start(context: &Context<'_>, request: &Parts, key: &Key, lane: &Key) {
    let Some(running) = Running::begin(&RUNNING, REFRESHES_MAX) else { return };
    let Role::Lead(lead) = context.core.store.flights.enter(lane) else { return };
    let (core, connection) = (Rc::clone(context.core), Rc::clone(context.connection));
    let (snapshot, client) = (Arc::clone(context.snapshot), Rc::clone(context.client));
    let (key, survey) = (key.clone(), context.survey);
    let mut parts = copy(request);
    tokio::task::spawn_local(async move {
        let _running = running;
        let context = Context { core: &core, connection: &connection, snapshot: &snapshot, client: &client, survey };
        // What the client would take or not is no matter here.
        for name in [header::CACHE_CONTROL, header::PRAGMA, header::RANGE, header::IF_RANGE] {
            parts.headers.remove(name);
        }
        crate::cache::validate::ask_for_all(&mut parts.headers);
        parts.method = Method::GET;
        let mut record = Record::open(core.request_id(), client.ip, &parts);
        let decision = context.decide(&parts, core.clock.now());
        let Decision::Forward(plan) = &decision else { return };
        let Some(cache) = plan.cache else { return };
        let Some(address) = super::tidy(&context, &mut parts, cache) else { return };
        let say = plan.cache_say.as_deref();
        // A policy may say something else by now, and then it is another answer that would come.
        let found = caching::key(&address, &parts.headers, &client, cache, say);
        if found.as_ref() != Some(&key) || say.is_some_and(|say| say.bypass) {
            return;
        }
        let flow = Flow::new(&context, plan, cache, &parts, &Body::empty(), Found { address, key, passes_by: None });
        let outcome = flow.revalidate(lead, &mut record).await;
        record.cache = Some("refresh");
        record.answered(outcome.response.status());
    });
}

impl Flow<'_> {
    /// Is what is stored still good?
    pub(super) async fn revalidate(&self, lead: Lead, record: &mut Record) -> Outcome {
        let held = self.store().look(&self.key, &self.address, self.now()).await;
        let asked = self.asked();
        let place = held.iter().rposition(|held| held.stored.variant.matches(asked.headers, &self.cache().settings));
        match place {
            Some(index) => self.validate(Some(lead), &held, index, Why::Stale, Body::empty(), record).await,
            None => self.fetch(Some(lead), self.request.clone(), Why::Stale, Body::empty(), record).await,
        }
    }
}

/// The same head again; extensions are the connection's own.
pub(super) fn copy(request: &Parts) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method.clone();
    parts.uri = request.uri.clone();
    parts.version = request.version;
    parts.headers = request.headers.clone();
    parts
}
