//! `/explain`: what would happen with a request, and why.
//!
//! Owns reading the question from the URL and the policies that answer it: instances of its own, so that a question
//! never takes one from a client. The decision is `decide`'s, the same as on the data plane.

use super::Admin;
use super::query::{Query, QueryError};
use super::routes::{Answer, error, json};
use crate::base::{Timestamp, clock, hash};
use crate::cache::address::encoded;
use crate::decide::AskPolicy;
use crate::decide::explain::cache::{Known, Lookup};
use crate::decide::explain::{Explained, Question, explain};
use crate::policy::{Ask, Noted, PolicyFailure, WarmPool};
use crate::snapshot::PolicyUse;
use crate::steer::verdict::{SessionKey, Verdict};
use crate::store::Store;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::Value;
use std::time::Duration;

/// Asks policies on instances of one's own. Used by `/explain` and by `portolan explain`.
#[derive(Debug)]
pub struct Warm<'a> {
    pool: &'a mut WarmPool,
    took: Duration,
}

impl<'a> Warm<'a> {
    /// Asks on instances of this pool.
    pub fn new(pool: &'a mut WarmPool) -> Self {
        Self { pool, took: Duration::ZERO }
    }
}

impl AskPolicy for Warm<'_> {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        // What is timed is the call, not the making of an instance, which clients do not wait for.
        self.pool.warm(&policy.loaded, &policy.directory)?;
        let begun = clock::monotonic();
        let verdict = self.pool.route(&policy.loaded, &policy.directory, ask);
        self.took = begun.elapsed();
        verdict
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        self.pool.warm(&policy.loaded, &policy.directory)?;
        let begun = clock::monotonic();
        let key = self.pool.key(&policy.loaded, &policy.directory, ask);
        self.took = begun.elapsed();
        key
    }

    fn took(&self) -> Duration {
        self.took
    }

    fn noted(&mut self) -> Noted {
        self.pool.noted()
    }
}

pub(super) async fn answer(admin: &Admin, uri: &Uri) -> Answer {
    let question = match question(uri) {
        Ok(question) => question,
        Err(wrong) => return error(StatusCode::BAD_REQUEST, &wrong),
    };
    let snapshot = admin.published.load();
    let now = admin.clock.now();
    // Thrown away afterwards: making an instance costs less than keeping one for a question now and then.
    let mut warm = WarmPool::new();
    match explain(&snapshot, &question, &mut Warm::new(&mut warm), now, hash::mix(now.0)) {
        Ok(Explained { mut document, lookup }) => {
            if let Some(lookup) = lookup {
                document["cache"]["now"] = stored(&admin.store, &lookup, now).await;
            }
            json(StatusCode::OK, &document)
        }
        Err(wrong) => error(StatusCode::BAD_REQUEST, &wrong),
    }
}

/// What would become of what is stored.
async fn stored(store: &Store, lookup: &Lookup, now: Timestamp) -> Value {
    let held = store.look(&lookup.key, &lookup.address, now).await;
    let known = Known { apart: store.apart.holds(&lookup.key, now), trouble: store.troubles.holds(&lookup.key, now) };
    let stored: Vec<_> = held.iter().map(|held| &held.stored).collect();
    lookup.found(&stored, known, now)
}

fn question(uri: &Uri) -> Result<Question, QueryError> {
    let query = Query::parse(uri.query(), &["client", "method", "url", "header"])?;
    let value = |name, value: &str, accepted| QueryError::Value { name, value: value.to_owned(), accepted };
    let (client, url, method) = (query.must("client")?, query.must("url")?, query.one("method")?.unwrap_or("GET"));
    let mut headers = HeaderMap::new();
    for line in query.all("header") {
        let (name, content) = header(line).ok_or_else(|| value("header", line, "NAME: VALUE"))?;
        headers.append(name, content);
    }
    Ok(Question {
        client: client.parse().map_err(|_| value("client", client, "an IPv4 or IPv6 address"))?,
        method: method.parse().map_err(|_| value("method", method, "an HTTP method"))?,
        url: encoded(url).parse().map_err(|_| value("url", url, "http://HOST/PATH or https://HOST/PATH"))?,
        headers,
    })
}

/// Reads `NAME: VALUE`.
pub fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_a_question() {
        let uri = "/explain?client=81.2.69.142&url=https://shop.example/cart%3Fa=1&header=cookie:%20a=b&header=x:";
        let question = question(&Uri::from_static(uri)).unwrap();
        assert_eq!((question.client.to_string().as_str(), question.method.as_str()), ("81.2.69.142", "GET"));
        assert_eq!(question.url, "https://shop.example/cart?a=1");
        let asked = super::question(&Uri::from_static("/explain?client=::1&url=https://a/%C3%A4")).unwrap();
        assert_eq!(asked.url, "https://a/%C3%A4", "as clients send it");
        assert_eq!((question.headers["cookie"].as_bytes(), question.headers["x"].as_bytes()), (&b"a=b"[..], &b""[..]));
    }

    #[test]
    fn says_what_is_wrong_with_a_question() {
        for (uri, expected) in [
            ("/explain", "the parameter \"client\" is missing"),
            (
                "/explain?client=here&url=http://a/",
                "client=\"here\" is not accepted; accepted: an IPv4 or IPv6 address",
            ),
            ("/explain?client=::1&url=http://a/&header=x", "header=\"x\" is not accepted; accepted: NAME: VALUE"),
            (
                "/explain?client=::1&url=http://a/&method=G%20T",
                "method=\"G T\" is not accepted; accepted: an HTTP method",
            ),
        ] {
            assert_eq!(question(&Uri::from_static(uri)).unwrap_err().to_string(), expected);
        }
    }
}
