//! What the admin listener answers: the paths, their methods and their documents.
//!
//! Owns the mapping from a request to a question or command and from its result to a status. Every answer that is not a
//! document is JSON with `error`. Called by `admin` for each request.

use super::query::{Query, QueryError};
use super::{Admin, explain, guard, purge};
use crate::control::conductor::{Gone, ReloadAnswer};
use crate::snapshot::build::RegionKey;
use crate::steer::table;
use crate::store::disk::Disk;
use crate::store::disk::figures::Fault;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Content type of `/metrics` (OpenMetrics 1.0).
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What may be asked, for who asks for something else.
const PATHS: &str =
    "there is GET /status, GET /metrics, GET /explain, POST /reload, POST /drain, POST /rollout and POST /purge";

/// Answers a request. Bodies of requests are not read: all there is to say is in the URL.
pub(super) async fn answer<B>(admin: &Admin, request: &Request<B>) -> Answer {
    if let Err(denied) = guard::check(request.headers(), admin.token.as_deref()) {
        let mut answer = error(denied.status(), &denied);
        if denied.status() == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        return answer;
    }
    let uri = request.uri();
    match (uri.path(), request.method()) {
        ("/status", &Method::GET) => status(admin, uri).await,
        ("/metrics", &Method::GET) => {
            admin.metrics.show_store(&admin.store);
            let snapshot = admin.published.load();
            let used = snapshot.services.iter().flat_map(|service| service.asked());
            admin.metrics.policies.show(used.map(|policy| &*policy.loaded));
            answer_of(StatusCode::OK, OPEN_METRICS, admin.metrics.text().into())
        }
        ("/explain", &Method::GET) => explain::answer(admin, uri).await,
        ("/reload", &Method::POST) => admin.control.reload().await.map_or_else(ending, reloaded),
        ("/drain", &Method::POST) => drain(admin, uri).await,
        ("/rollout", &Method::POST) => rollout(admin, uri).await,
        ("/purge", &Method::POST) => purge::answer(&admin.store, uri).await,
        ("/status" | "/metrics" | "/explain", _) => wrong_method("GET"),
        ("/reload" | "/drain" | "/rollout" | "/purge", _) => wrong_method("POST"),
        _ => error(StatusCode::NOT_FOUND, PATHS),
    }
}

async fn status(admin: &Admin, uri: &Uri) -> Answer {
    if let Err(wrong) = Query::parse(uri.query(), &[]) {
        return error(StatusCode::BAD_REQUEST, &wrong);
    }
    admin.control.status().await.map_or_else(ending, |mut document| {
        let memory = admin.store.memory();
        document["cache"] = json!({
            "entries": memory.entries(),
            "bytes": memory.bytes(),
            "bytes_max": memory.capacity(),
            "evictions": memory.evictions(),
            "purges": admin.store.purges.era(),
            "disk": admin.store.disk().map(disk),
        });
        json(StatusCode::OK, &document)
    })
}

fn disk(disk: &Disk) -> Value {
    let figures = disk.figures();
    let now = |counter: &AtomicU64| counter.load(Relaxed);
    json!({
        "entries": disk.entries(),
        "bytes": now(&figures.bytes),
        "bytes_max": disk.capacity(),
        "evictions": now(&figures.evictions),
        "reads": now(&figures.reads),
        "writes": now(&figures.writes),
        "dropped": now(&figures.dropped) + now(&figures.busy),
        "errors": Fault::ALL.iter().map(|fault| figures.errors(*fault)).sum::<u64>(),
        "queued_bytes": now(&figures.queued),
    })
}

fn reloaded(answer: ReloadAnswer) -> Answer {
    let ReloadAnswer { generation, needs_restart, result } = answer;
    match result {
        Ok(()) => json(StatusCode::OK, &json!({"generation": generation, "needs_restart": needs_restart})),
        Err(refusal) => {
            let text = refusal.diagnostics.to_string();
            let document = json!({
                "error": "the configuration was refused; the one in force stays",
                "generation": generation,
                "errors": refusal.diagnostics,
                "text": text,
            });
            json(StatusCode::UNPROCESSABLE_ENTITY, &document)
        }
    }
}

/// What `/drain` is asked for.
#[derive(Debug, PartialEq)]
enum Drain {
    Region(RegionKey, table::Admin),
    Pop(bool),
}

fn parse_drain(uri: &Uri) -> Result<Drain, QueryError> {
    let query = Query::parse(uri.query(), &["service", "region", "state"])?;
    let state = query.one("state")?.unwrap_or("drain");
    let refused = |accepted| QueryError::Value { name: "state", value: state.to_owned(), accepted };
    let (service, region) = match (query.one("service")?, query.one("region")?) {
        (Some(service), Some(region)) => (service, region),
        (Some(_), None) => return Err(QueryError::Missing("region")),
        (None, Some(_)) => return Err(QueryError::Missing("service")),
        (None, None) => {
            return match state {
                "drain" => Ok(Drain::Pop(true)),
                "on" => Ok(Drain::Pop(false)),
                _ => Err(refused("drain, on (a whole PoP has no off: stop it)")),
            };
        }
    };
    let admin = match state {
        "drain" => table::Admin::Drain,
        "on" => table::Admin::On,
        "off" => table::Admin::Off,
        _ => return Err(refused("drain, on, off")),
    };
    Ok(Drain::Region(RegionKey { service: service.into(), region: region.into() }, admin))
}

async fn drain(admin: &Admin, uri: &Uri) -> Answer {
    match parse_drain(uri) {
        Err(wrong) => error(StatusCode::BAD_REQUEST, &wrong),
        Ok(Drain::Pop(draining)) => match admin.control.pop(draining).await {
            Ok(()) => json(StatusCode::OK, &json!({"draining": draining})),
            Err(gone) => ending(gone),
        },
        Ok(Drain::Region(region, wanted)) => match admin.control.switch(region.clone(), wanted).await {
            Ok(Ok(())) => {
                let state = wanted.as_str();
                json(StatusCode::OK, &json!({"service": &*region.service, "region": &*region.region, "admin": state}))
            }
            Ok(Err(unknown)) => error(StatusCode::NOT_FOUND, &unknown),
            Err(gone) => ending(gone),
        },
    }
}

fn parse_rollout(uri: &Uri) -> Result<(String, bool), QueryError> {
    let query = Query::parse(uri.query(), &["policy", "state"])?;
    let (policy, state) = (query.must("policy")?, query.must("state")?);
    match state {
        "on" | "back" => Ok((policy.to_owned(), state == "on")),
        _ => Err(QueryError::Value { name: "state", value: state.to_owned(), accepted: "on, back" }),
    }
}

async fn rollout(admin: &Admin, uri: &Uri) -> Answer {
    let (policy, on) = match parse_rollout(uri) {
        Ok(wanted) => wanted,
        Err(wrong) => return error(StatusCode::BAD_REQUEST, &wrong),
    };
    match admin.control.rollout(policy.as_str().into(), on).await {
        Ok(Ok(())) => json(StatusCode::OK, &json!({"policy": policy, "state": if on { "on" } else { "back" }})),
        Ok(Err(unknown)) => error(StatusCode::NOT_FOUND, &unknown),
        Err(gone) => ending(gone),
    }
}

fn ending(gone: Gone) -> Answer {
    error(StatusCode::SERVICE_UNAVAILABLE, &gone)
}

fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, &format!("use {allowed}"));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// An answer that says what is wrong.
pub(super) fn error(status: StatusCode, what: &(impl std::fmt::Display + ?Sized)) -> Answer {
    json(status, &json!({"error": what.to_string()}))
}

/// An answer with a document.
pub(super) fn json(status: StatusCode, document: &Value) -> Answer {
    answer_of(status, JSON, format!("{document:#}\n").into())
}

fn answer_of(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drain_understands() {
        let key = RegionKey { service: "shop".into(), region: "eu".into() };
        let no_off = "state=\"off\" is not accepted; accepted: drain, on (a whole PoP has no off: stop it)";
        let cases = [
            ("/drain", Ok(Drain::Pop(true))),
            ("/drain?state=on", Ok(Drain::Pop(false))),
            ("/drain?service=shop&region=eu", Ok(Drain::Region(key.clone(), table::Admin::Drain))),
            ("/drain?service=shop&region=eu&state=off", Ok(Drain::Region(key, table::Admin::Off))),
            ("/drain?service=shop", Err("the parameter \"region\" is missing")),
            ("/drain?region=eu", Err("the parameter \"service\" is missing")),
            ("/drain?regoin=eu", Err("there is no parameter \"regoin\" here; accepted: service, region, state")),
            ("/drain?state=off", Err(no_off)),
        ];
        for (url, expected) in cases {
            let found = parse_drain(&Uri::from_static(url)).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{url}");
        }
    }

    #[test]
    fn the_guide_lists_every_path() {
        const GUIDE: &str = include_str!("../../../../docs/operating.md");
        let words: Vec<_> = PATHS.split([' ', ',']).collect();
        let mut requests = words.windows(2).filter(|pair| pair[1].starts_with('/')).peekable();
        assert!(requests.peek().is_some());
        for request in requests {
            let line = format!("\n| `{}` |", request.join(" "));
            assert!(GUIDE.contains(&line), "docs/operating.md has no {line:?}");
        }
    }
}
