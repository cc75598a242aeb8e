//! What the application answers, and to whom: the session endpoints, the test endpoints, health.
//!
//! Owns the table of paths and the request's reading (cookie, query, the router's headers). A region that is off
//! answers `/healthz` with 503 and refuses the rest by closing the connection. Never keeps a session itself.
//! Called by `main` for every request.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::answer::{self, Body};
use crate::session::{Moved, Session, is_region_name};
use crate::store::{Found, Store, now_ms};
use crate::switch::Switch;

/// Cookie of the application's own session.
const COOKIE: &str = "demo_session";
/// How long the goods are kept: short, for the demo.
const GOODS_KEPT: &str = "max-age=10, stale-while-revalidate=5, stale-if-error=600";
/// Longest answer of `/api/bytes`: 1 GiB.
const BYTES_MAX: u64 = 1 << 30;
/// Longest wait of `/api/slow`.
const SLOW_MS_MAX: u64 = 60_000;
/// Longest body that `/api/cart` reads.
const CART_BODY_BYTES_MAX: usize = 4096;

/// One endpoint of one region.
#[derive(Debug)]
pub(crate) struct Origin {
    region: String,
    endpoint: String,
    store: Arc<Store>,
    switch: Switch,
}

impl Origin {
    /// Opens the region's store.
    pub(crate) fn open(data: &Path, region: &str, endpoint: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(is_region_name(region), "region {region:?}: letters, digits and dashes are accepted");
        let store = Arc::new(Store::open(data, region)?);
        Ok(Self { region: region.to_owned(), endpoint: endpoint.to_owned(), store, switch: Switch::new(data, region) })
    }
}

/// Answers one request; an error closes the connection without an answer.
pub(crate) async fn answer(
    origin: &Origin,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    if request.uri().path().starts_with("/control/") {
        return answer_control(origin, &request);
    }
    let facts = Facts::read(origin, peer, request.headers());
    if origin.switch.is_off() {
        return match request.uri().path() {
            "/healthz" => {
                let response = answer::error(StatusCode::SERVICE_UNAVAILABLE, "switched off");
                Ok(facts.sign(origin, response))
            }
            _ => Err(io::Error::other("the region is switched off")),
        };
    }
    let response = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => answer::json(StatusCode::OK, &json!({ "status": "on" })),
        (&Method::GET, "/api/whoami") => visit(origin, &facts).await?,
        (&Method::GET | &Method::HEAD, "/api/goods") => goods(origin),
        (&Method::GET, "/api/where") => answer::json(StatusCode::OK, &facts.place(origin)),
        (&Method::POST, "/api/cart") => put_in_cart(origin, &facts, request).await?,
        (&Method::POST, "/api/session/end") => end(origin, &facts)?,
        (&Method::GET, "/api/slow") => slow(request.uri().query()).await,
        (&Method::GET, "/api/bytes") => answer::made_up(number(request.uri().query(), "n").min(BYTES_MAX)),
        (&Method::POST, "/api/echo") => echo(request),
        _ => answer::error(StatusCode::NOT_FOUND, "no such endpoint in the demo application"),
    };
    Ok(facts.sign(origin, response))
}

/// Answers one request on an address that serves the switch only.
pub(crate) fn answer_control<B>(origin: &Origin, request: &Request<B>) -> io::Result<Response<Body>> {
    Ok(origin.switch.answer(request))
}

/// What the router said of this request.
struct Facts {
    session_id: Option<String>,
    moved: Option<Moved>,
    pop: Option<HeaderValue>,
    country: Option<HeaderValue>,
    request: Value,
}

impl Facts {
    fn read(origin: &Origin, peer: SocketAddr, headers: &HeaderMap) -> Self {
        let moved = headers.get("portolan-session-moved").and_then(|value| value.to_str().ok()).and_then(Moved::read);
        let mut request: serde_json::Map<String, Value> = headers
            .iter()
            .filter(|(name, _)| is_routers(name))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into()))
            .collect();
        request.insert("peer".to_owned(), peer.to_string().into());
        request.insert("answered-by".to_owned(), format!("{}/{}", origin.region, origin.endpoint).into());
        Self {
            session_id: cookie(headers),
            moved,
            pop: headers.get("portolan-pop").cloned(),
            country: headers.get("portolan-client-country").cloned(),
            request: Value::Object(request),
        }
    }

    fn place(&self, origin: &Origin) -> Value {
        let text =
            |value: &Option<HeaderValue>| value.as_ref().and_then(|value| value.to_str().ok()).map(str::to_owned);
        json!({
            "region": origin.region,
            "endpoint": origin.endpoint,
            "pop": text(&self.pop),
            "country": text(&self.country),
        })
    }

    /// Says on the response what answered.
    fn sign(&self, origin: &Origin, mut response: Response<Body>) -> Response<Body> {
        let own = [("x-demo-region", &origin.region), ("x-demo-endpoint", &origin.endpoint)];
        for (name, value) in own {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        for (name, value) in [("x-demo-pop", &self.pop), ("x-demo-country", &self.country)] {
            if let Some(value) = value {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }
}

fn is_routers(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "via" | "forwarded" | "x-request-id" | "host")
        || ["x-forwarded-", "portolan-", "x-portolan-"].iter().any(|prefix| name.starts_with(prefix))
}

async fn visit(origin: &Origin, facts: &Facts) -> io::Result<Response<Body>> {
    change(origin, facts, Session::visit).await
}

async fn put_in_cart(origin: &Origin, facts: &Facts, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let Ok(body) = Limited::new(request.into_body(), CART_BODY_BYTES_MAX).collect().await else {
        return Ok(answer::error(StatusCode::PAYLOAD_TOO_LARGE, "at most 4096 bytes are accepted"));
    };
    let item = serde_json::from_slice::<Value>(&body.to_bytes()).ok().and_then(|value| {
        value.get("item").and_then(Value::as_str).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
    });
    let Some(item) = item else {
        return Ok(answer::error(StatusCode::BAD_REQUEST, "accepted: {\"item\": \"some text\"}"));
    };
    change(origin, facts, move |session| session.add(&item)).await
}

/// Applies `apply` to the request's session and shows it.
async fn change(
    origin: &Origin,
    facts: &Facts,
    apply: impl FnOnce(&mut Session) + Send + 'static,
) -> io::Result<Response<Body>> {
    let (store, id, moved) = (Arc::clone(&origin.store), facts.session_id.clone(), facts.moved.clone());
    let done = tokio::task::spawn_blocking(move || store.with_session(id.as_deref(), moved.as_ref(), apply));
    let (session, found) = done.await.map_err(io::Error::other)??;
    let mut whole = facts.place(origin);
    whole["session"] = json!(session);
    whole["session"]["found"] = found.word().into();
    whole["request"] = facts.request.clone();
    let mut response = answer::json(StatusCode::OK, &whole);
    if found == Found::New {
        set_cookie(&mut response, &session.id, "");
    }
    Ok(response)
}

/// What there is to buy, the same for everybody: for caches at the edge to keep, and for browsers not to.
fn goods(origin: &Origin) -> Response<Body> {
    let goods = [("Compass", 40), ("Sextant", 320), ("Chart of the Levant", 75), ("Hourglass", 18), ("Lead line", 12)];
    let whole = json!({
        "goods": goods.map(|(name, price)| json!({ "name": name, "price": price })),
        "region": origin.region,
        "endpoint": origin.endpoint,
        "made_at": now_ms(),
    });
    let mut response = answer::json(StatusCode::OK, &whole);
    response.headers_mut().insert("cdn-cache-control", HeaderValue::from_static(GOODS_KEPT));
    response
}

fn end(origin: &Origin, facts: &Facts) -> io::Result<Response<Body>> {
    if let Some(id) = &facts.session_id {
        origin.store.end(id)?;
    }
    let mut response = answer::json(StatusCode::OK, &facts.place(origin));
    set_cookie(&mut response, "", "; Max-Age=0");
    Ok(response)
}

fn set_cookie(response: &mut Response<Body>, value: &str, more: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax{more}")) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

async fn slow(query: Option<&str>) -> Response<Body> {
    let wait_ms = number(query, "ms").min(SLOW_MS_MAX);
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    answer::json(StatusCode::OK, &json!({ "waited_ms": wait_ms }))
}

fn echo(request: Request<Incoming>) -> Response<Body> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let mut response = answer::typed(StatusCode::OK, "application/octet-stream", request.into_body().boxed());
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// A number from the query; 0 when it is not there or not a number.
fn number(query: Option<&str>, name: &str) -> u64 {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}
