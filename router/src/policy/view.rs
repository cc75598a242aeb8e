//! What a policy looks up of the request in progress, during a call: the contract's `view`.
//!
//! Owns what may be looked up (the manifest's `lazy:` fields, by their place), for how much, and the functions that a component
//! is linked with. The head of the request is borrowed for the call and never copied: a Store must own what is in it, so the
//! borrow waits beside it, on the thread that makes the call. Where nothing may be looked up there is nothing to wait.

use super::guest::Guest;
use super::imports::Offered;
use super::part::Part;
use http::HeaderMap;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, LinkerInstance, Lower};

/// Look-ups of one call. A policy has 64 fields at most, and no reason to ask for one again.
const LOOKUPS_MAX: u32 = 256;
/// Bytes that one call may look up, all together.
const BYTES_MAX: usize = 256 * 1024;

scoped_tls::scoped_thread_local!(static HEADERS: HeaderMap);

/// The interface.
pub(super) const OFFERED: Offered =
    Offered { interface: "view", functions: &["field"], granted: "view with field", define };

/// Where the look-ups of a call are answered from.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// There is nothing to look at.
    Nothing,
    /// The head of the request in progress.
    Head {
        /// Its headers.
        headers: &'a HeaderMap,
        /// Its query, without `?`.
        query: Option<&'a str>,
    },
    /// What was kept of a request: a value for each field of the manifest.
    Kept(&'a Arc<[Option<Vec<u8>>]>),
}

impl View<'_> {
    /// Makes a call during which it can be seen; `looks` is whether the policy may.
    pub(super) fn during<T>(&self, looks: bool, call: impl FnOnce() -> T) -> T {
        match self {
            Self::Head { headers, .. } if looks => HEADERS.set(headers, call),
            _ => call(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(super) enum LookupError {
    #[component(name = "no-field")]
    NoField,
    #[component(name = "too-much")]
    TooMuch,
    #[component(name = "unavailable")]
    Unavailable,
}

/// What one guest may look up in the call in progress.
#[derive(Debug)]
pub(super) struct Sight {
    /// By the place in the manifest.
    parts: Arc<[Option<Part>]>,
    query: Option<String>,
    kept: Option<Arc<[Option<Vec<u8>>]>>,
    lookups: u32,
    bytes: usize,
    /// What was looked up, where somebody wants to know: the place, and how long the value is.
    noted: Option<Vec<(u32, Option<usize>)>>,
}

impl Sight {
    pub(super) fn new(parts: &Arc<[Option<Part>]>) -> Self {
        Self { parts: Arc::clone(parts), query: None, kept: None, lookups: 0, bytes: 0, noted: None }
    }

    /// Before a call.
    pub(super) fn open(&mut self, view: &View<'_>, is_noted: bool) {
        if self.parts.is_empty() {
            return;
        }
        (self.lookups, self.bytes) = (0, 0);
        self.noted = is_noted.then(Vec::new);
        match view {
            View::Head { query, .. } if self.parts.iter().flatten().any(Part::is_of_query) => {
                self.query = query.map(str::to_owned);
            }
            View::Kept(values) => self.kept = Some(Arc::clone(values)),
            View::Head { .. } | View::Nothing => {}
        }
    }

    /// After a call: what was looked up.
    pub(super) fn close(&mut self) -> Vec<(u32, Option<usize>)> {
        (self.query, self.kept) = (None, None);
        self.noted.take().unwrap_or_default()
    }

    /// The value of the field at a place.
    pub(super) fn look(&mut self, place: u32) -> Result<Option<Vec<u8>>, LookupError> {
        let index = place as usize;
        let Some(Some(part)) = self.parts.get(index) else { return Err(LookupError::NoField) };
        if self.kept.is_none() && !HEADERS.is_set() {
            return Err(LookupError::Unavailable);
        }
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX {
            return Err(LookupError::TooMuch);
        }
        let value = match &self.kept {
            Some(values) => values.get(index).cloned().flatten(),
            None => HEADERS.with(|headers| part.find(headers, self.query.as_deref()).map(Into::into)),
        };
        self.bytes = self.bytes.saturating_add(value.as_ref().map_or(0, Vec::len));
        if self.bytes > BYTES_MAX {
            return Err(LookupError::TooMuch);
        }
        if let Some(noted) = &mut self.noted {
            noted.push((place, value.as_ref().map(Vec::len)));
        }
        Ok(value)
    }
}

fn define(instance: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    instance.func_wrap("field", |mut store: StoreContextMut<'_, Guest>, (place,): (u32,)| {
        Ok((store.data_mut().look(place),))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::HeaderValue;

    fn sight() -> Sight {
        let named = |name| Part::parse(name);
        Sight::new(&Arc::from([None, named("header:x-a"), named("query:q"), named("cookie:c")]))
    }

    #[test]
    fn only_what_is_declared_is_seen_and_only_during_a_call() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("1"));
        headers.insert("x-b", HeaderValue::from_static("2"));
        let view = View::Head { headers: &headers, query: Some("q=3") };
        let mut sight = sight();
        assert_eq!(sight.look(1), Err(LookupError::Unavailable), "no call is in progress");
        sight.open(&view, true);
        let seen = view.during(true, || [0, 1, 2, 3, 4, u32::MAX].map(|place| sight.look(place)));
        let none = Err(LookupError::NoField);
        let of = |value: &str| Ok(Some(value.as_bytes().to_vec()));
        assert_eq!(seen, [none.clone(), of("1"), of("3"), Ok(None), none.clone(), none]);
        assert_eq!(sight.close(), [(1, Some(1)), (2, Some(1)), (3, None)]);
        assert_eq!(sight.look(2), Err(LookupError::Unavailable), "the call is over");
    }

    #[test]
    fn what_was_kept_is_seen_by_its_place() {
        let kept: Arc<[_]> = Arc::from([Some(b"no".to_vec()), Some(b"yes".to_vec()), None, None]);
        let mut sight = sight();
        sight.open(&View::Kept(&kept), false);
        assert_eq!([sight.look(0), sight.look(2)], [Err(LookupError::NoField), Ok(None)]);
        assert_eq!(sight.look(1).unwrap().as_deref(), Some(&b"yes"[..]));
        assert!(sight.close().is_empty());
    }

    #[test]
    fn a_call_sees_so_much_and_no_more() {
        let mut headers = HeaderMap::new();
        let view = |headers: &HeaderMap| {
            let (view, mut sight) = (View::Head { headers, query: None }, sight());
            sight.open(&view, false);
            view.during(true, || (0..1_000).take_while(|_| sight.look(1).is_ok()).count())
        };
        assert_eq!(view(&headers), 256);
        headers.insert("x-a", HeaderValue::from_bytes(&[b'a'; 60 * 1024]).unwrap());
        assert_eq!(view(&headers), 4, "256 KiB");
    }
}
