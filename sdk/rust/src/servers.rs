//! The servers of a native test: one table for each thread.
//!
//! Owns what [`crate::testing::serve`] was told, and which URLs were asked for. There is no grant here, and no time.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::bindings::portolan::policy::http::{Error, Request, Response};

/// Most URLs that are kept until a test asks for them.
const ASKED_MAX: usize = 1_000;

std::thread_local! {
    static SERVERS: RefCell<BTreeMap<String, Result<Response, Error>>> = const { RefCell::new(BTreeMap::new()) };
    static ASKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn serve(url: &str, answer: Result<Response, Error>) {
    SERVERS.with_borrow_mut(|servers| servers.insert(url.to_owned(), answer));
}

pub(crate) fn asked() -> Vec<String> {
    ASKED.take()
}

pub(crate) fn fetch(request: &Request) -> Result<Response, Error> {
    ASKED.with_borrow_mut(|asked| {
        if asked.len() < ASKED_MAX {
            asked.push(request.url.clone());
        }
    });
    SERVERS.with_borrow(|servers| servers.get(&request.url).cloned()).unwrap_or(Err(Error::NoConnection))
}

pub(crate) fn fetch_all(requests: &[Request]) -> Vec<Result<Response, Error>> {
    requests.iter().map(fetch).collect()
}
