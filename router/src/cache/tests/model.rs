//! A whole cache in a hundred lines: the rules in the order in which a request meets them, one request at a time, with a
//! clock that tests move. It shows that the rules fit together; bodies are bytes in memory.

use std::ops::Range;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Method, StatusCode};

use super::super::address::Address;
use super::super::age::Times;
use super::super::answer::{Answer, Content, answer, strip_internal};
use super::super::freshen::{self, HeadEffect};
use super::super::key::{Key, Parameters};
use super::super::select::{Asked, Choice, Forward, select};
use super::super::settings::{SetCookie, Settings};
use super::super::stale;
use super::super::stored::{Fetched, Stored};
use super::super::{invalidate, partial, storable, validate, wishes};
use super::START;
use crate::base::Timestamp;

/// What the origin answers; none when it cannot be reached.
pub(super) type Origin<'a> = &'a mut dyn FnMut(&Method, &HeaderMap) -> Option<(u16, HeaderMap, Vec<u8>)>;

/// What a client got.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) struct Model {
    pub(super) settings: Settings,
    pub(super) now: Timestamp,
    kept: Vec<(Key, Stored, Vec<u8>)>,
}

struct Exchange<'a> {
    method: Method,
    address: Address,
    request: &'a HeaderMap,
}

impl Exchange<'_> {
    fn fetched<'a>(&'a self, status: u16, headers: &'a HeaderMap, now: Timestamp) -> Fetched<'a> {
        let has_body = !matches!(self.method, Method::GET | Method::HEAD);
        let status = StatusCode::from_u16(status).unwrap();
        let times = Times { requested: now, received: now };
        Fetched {
            method: &self.method,
            address: &self.address,
            request: self.request,
            has_body,
            status,
            headers,
            is_abridged: false,
            times,
        }
    }
}

impl Model {
    pub(super) fn new() -> Self {
        let settings = Settings { set_cookie: SetCookie::Store, ..Settings::default() };
        Self { settings, now: START, kept: Vec::new() }
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(super) fn ask(&mut self, method: &str, path: &str, request: &HeaderMap, origin: Origin<'_>) -> Got {
        let address = Address::of("http", "a", path, None).unwrap();
        let key = Key::of(&address, &[]).unwrap();
        let exchange = Exchange { method: Method::from_bytes(method.as_bytes()).unwrap(), address, request };
        let asked = Asked { method: &exchange.method, headers: request, has_body: false };
        let places: Vec<usize> = (0..self.kept.len()).filter(|place| self.kept[*place].0 == key).collect();
        let choice = select(&asked, places.iter().map(|place| &self.kept[*place].1), self.now, &self.settings);
        match choice {
            Choice::Fresh { index } | Choice::Stale { index, .. } => self.serve(&asked, places[index]),
            Choice::Validate { index, .. } => self.validate(&exchange, &places, index, origin),
            Choice::Complete { index, span } => self.complete(&exchange, places[index], &span, origin),
            Choice::Miss(Forward::Method | Forward::Bypass) => self.pass(&exchange, &key, origin),
            Choice::Miss(_) => self.fill(&exchange, &key, origin),
            Choice::Unavailable => empty(504),
        }
    }

    fn serve(&self, asked: &Asked<'_>, place: usize) -> Got {
        let (_, stored, body) = &self.kept[place];
        got(answer(asked, stored, self.now, &self.settings, 7), body)
    }

    /// A miss: the client's own conditions and range go along, as they would without a cache.
    fn fill(&mut self, exchange: &Exchange<'_>, key: &Key, origin: Origin<'_>) -> Got {
        let Some((status, headers, body)) = origin(&exchange.method, exchange.request) else { return empty(502) };
        let fetched = exchange.fetched(status, &headers, self.now);
        let stored = storable::admit(&fetched, &self.settings).ok();
        if let Some(stored) = stored.and_then(|stored| partial::arrived(stored, body.len() as u64)) {
            let kept = if status == 206 { placed(&stored, &body) } else { body.clone() };
            self.kept.retain(|(other, old, _)| other != key || old.variant != stored.variant);
            self.kept.push((key.clone(), stored, kept));
            if status == 200 {
                // The client may have asked for a part, or with a condition, that was not passed on.
                let asked = Asked { method: &exchange.method, headers: exchange.request, has_body: false };
                return self.serve(&asked, self.kept.len() - 1);
            }
        }
        through(status, headers, body)
    }

    fn validate(&mut self, exchange: &Exchange<'_>, places: &[usize], index: usize, origin: Origin<'_>) -> Got {
        let asked = Asked { method: &exchange.method, headers: exchange.request, has_body: false };
        let (place, key) = (places[index], self.kept[places[index]].0.clone());
        let mut request = exchange.request.clone();
        if exchange.method == Method::GET {
            validate::ask_about(&mut request, &self.kept[place].1);
        } else {
            validate::ask_for_all(&mut request);
        }
        let answered = origin(&exchange.method, &request);
        let failed =
            answered.as_ref().is_none_or(|(status, ..)| stale::is_error(StatusCode::from_u16(*status).unwrap()));
        let wishes = wishes::read(exchange.request, &self.settings);
        if failed && stale::on_error(&self.kept[place].1, self.now, &wishes, &self.settings) {
            return self.serve(&asked, place);
        }
        let Some((status, headers, body)) = answered else { return empty(502) };
        if exchange.method == Method::HEAD {
            return self.by_head(exchange, places, status, headers);
        }
        if status != 304 {
            return self.fill(exchange, &key, &mut |_, _| Some((status, headers.clone(), body.clone())));
        }
        let candidates = places.iter().map(|place| &self.kept[*place].1);
        for meant in freshen::meant(&asked, &headers, candidates, index, self.now, &self.settings) {
            let fetched = exchange.fetched(status, &headers, self.now);
            let fresh = freshen::freshened(&self.kept[places[meant]].1, &fetched, &self.settings);
            self.kept[places[meant]].1 = fresh.unwrap_or_else(|refused| refused.1);
        }
        self.serve(&asked, place)
    }

    fn by_head(&mut self, exchange: &Exchange<'_>, places: &[usize], status: u16, headers: HeaderMap) -> Got {
        let asked = Asked { method: &exchange.method, headers: exchange.request, has_body: false };
        let code = StatusCode::from_u16(status).unwrap();
        for place in places {
            let stored = &mut self.kept[*place].1;
            match freshen::by_head(&asked, code, &headers, stored, self.now, &self.settings) {
                HeadEffect::None => {}
                HeadEffect::Expire => stored.expire(self.now),
                HeadEffect::Update => {
                    let fetched = exchange.fetched(status, &headers, self.now);
                    let fresh = freshen::freshened(stored, &fetched, &self.settings);
                    *stored = fresh.unwrap_or_else(|refused| refused.1);
                }
            }
        }
        through(status, headers, Vec::new())
    }

    fn complete(&mut self, exchange: &Exchange<'_>, place: usize, span: &Range<u64>, origin: Origin<'_>) -> Got {
        let mut request = exchange.request.clone();
        partial::ask_for(&mut request, &self.kept[place].1, span);
        let Some((status, headers, body)) = origin(&exchange.method, &request) else { return empty(502) };
        let fetched = exchange.fetched(status, &headers, self.now);
        let Some(joined) = partial::joined(&self.kept[place].1, span, &fetched, &self.settings) else {
            let key = self.kept[place].0.clone();
            // A part of another state is not the part that the client wants: it has to be asked for again.
            if status == 206 {
                return self.fill(exchange, &key, origin);
            }
            return self.fill(exchange, &key, &mut |_, _| Some((status, headers.clone(), body.clone())));
        };
        self.kept[place].1 = joined;
        let start = usize::try_from(span.start).unwrap();
        self.kept[place].2[start..start + body.len()].copy_from_slice(&body);
        let asked = Asked { method: &exchange.method, headers: exchange.request, has_body: false };
        match select(&asked, [&self.kept[place].1], self.now, &self.settings) {
            Choice::Complete { span, .. } => self.complete(exchange, place, &span, origin),
            _ => self.serve(&asked, place),
        }
    }

    fn pass(&mut self, exchange: &Exchange<'_>, key: &Key, origin: Origin<'_>) -> Got {
        let Some((status, headers, body)) = origin(&exchange.method, exchange.request) else { return empty(502) };
        let code = StatusCode::from_u16(status).unwrap();
        let invalid = invalidate::addresses(&exchange.method, &exchange.address, code, &headers, &Parameters::All);
        self.kept.retain(|(key, ..)| !invalid.iter().any(|address| address.as_str().as_bytes() == key.address()));
        self.fill(exchange, key, &mut |_, _| Some((status, headers.clone(), body.clone())))
    }
}

fn got(answer: Answer, body: &[u8]) -> Got {
    let cut =
        |span: &Range<u64>| body[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()].to_vec();
    let body = match &answer.content {
        Content::Nothing => Vec::new(),
        Content::Whole => body.to_vec(),
        Content::Part(span) => cut(span),
        Content::Parts(plan) => {
            let parts = plan.parts.iter().flat_map(|part| [part.head.clone(), cut(&part.span)].concat());
            parts.chain(plan.end.iter().copied()).collect()
        }
    };
    Got { status: answer.status.as_u16(), headers: answer.headers, body }
}

fn through(status: u16, mut headers: HeaderMap, body: Vec<u8>) -> Got {
    strip_internal(&mut headers);
    Got { status, headers, body }
}

fn empty(status: u16) -> Got {
    Got { status, headers: HeaderMap::new(), body: Vec::new() }
}

/// The bytes of a part at their place in the whole.
fn placed(stored: &Stored, part: &[u8]) -> Vec<u8> {
    let super::super::stored::Extent::Parts { total, held } = &stored.extent else { return part.to_vec() };
    let mut whole = vec![0; usize::try_from(*total).unwrap()];
    let start = held.iter().next().map_or(0, |span| usize::try_from(span.start).unwrap());
    whole[start..start + part.len()].copy_from_slice(part);
    whole
}
