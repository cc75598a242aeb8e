//! Talks to the admin listener of a running PoP.
//!
//! Owns one small HTTP exchange and how its failures are told. `reload`, `drain`, `rollout` and `purge` are whole here; `status` and
//! `explain` use it.

use super::target::{self, Target};
use super::text::{complain, say};
use super::{DrainArgs, Ended, PurgeArgs, RolloutArgs, RolloutState, State, TargetArgs};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// Time for one exchange; a reload may have policies to compile.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest document that is read, bytes.
const DOCUMENT_MAX: usize = 64 << 20;

/// Asks a PoP; the status and the document.
///
/// # Errors
/// What went wrong, for people.
pub(super) fn ask(target: &Target, method: &Method, path_and_query: &str) -> Result<(StatusCode, Value), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let asked = async { tokio::time::timeout(TIMEOUT, exchange(target, method, path_and_query)).await };
    runtime.block_on(asked).unwrap_or_else(|_| Err(format!("no answer from {} within {TIMEOUT:?}", target.authority)))
}

async fn exchange(target: &Target, method: &Method, path: &str) -> Result<(StatusCode, Value), String> {
    let broke = |error: &dyn std::fmt::Display| format!("{} does not answer: {error}", target.authority);
    let stream = TcpStream::connect(&target.authority).await;
    let stream = stream.map_err(|error| format!("no PoP at {}: {error}", target.authority))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broke(&error))?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, &target.authority);
    if let Some(token) = &target.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| format!("not a request: {error}"))?;
    let response = sender.send_request(request).await.map_err(|error| broke(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), DOCUMENT_MAX).collect().await.map_err(|error| broke(&error))?;
    driver.abort();
    let document = serde_json::from_slice(&body.to_bytes());
    let document = document.map_err(|_| format!("{} is no admin address of portolan", target.authority))?;
    Ok((status, document))
}

/// Asks and expects an answer without error; complains otherwise.
pub(super) fn fetch(args: &TargetArgs, method: &Method, path: &str) -> Result<Value, Ended> {
    let target = target::find(args).map_err(|wrong| {
        complain(&wrong);
        Ended::Refused
    })?;
    match ask(&target, method, path) {
        Ok((status, document)) if status.is_success() => Ok(document),
        Ok((status, document)) => {
            let text = document["text"].as_str().or(document["error"].as_str()).unwrap_or("no reason given");
            complain(text);
            let refused =
                matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY);
            Err(if refused { Ended::Refused } else { Ended::Failed })
        }
        Err(wrong) => {
            complain(&wrong);
            Err(Ended::Failed)
        }
    }
}

/// `portolan reload`.
pub(super) fn reload(args: &TargetArgs) -> Ended {
    match fetch(args, &Method::POST, "/reload") {
        Ok(document) => {
            say(&format!("in force: generation {}\n", document["generation"]));
            let waiting = document["needs_restart"].as_array().filter(|keys| !keys.is_empty());
            if let Some(keys) = waiting {
                let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
                say(&format!("only a restart applies: {}\n", keys.join(", ")));
            }
            Ended::Well
        }
        Err(ended) => ended,
    }
}

/// `portolan drain`.
pub(super) fn drain(args: &DrainArgs) -> Ended {
    let state = match args.state {
        State::Drain => "drain",
        State::On => "on",
        State::Off => "off",
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", state);
    if let (Some(service), Some(region)) = (&args.service, &args.region) {
        query.append_pair("service", service).append_pair("region", region);
    }
    match fetch(&args.target, &Method::POST, &format!("/drain?{}", query.finish())) {
        Ok(document) => {
            let text = match (&args.service, &args.region) {
                (Some(service), Some(region)) => format!("{service}/{region} is switched {state}\n"),
                _ if document["draining"] == true => "the PoP drains\n".to_owned(),
                _ => "the PoP serves\n".to_owned(),
            };
            say(&text);
            Ended::Well
        }
        Err(ended) => ended,
    }
}

/// `portolan rollout`.
pub(super) fn rollout(args: &RolloutArgs) -> Ended {
    let (state, text) = match args.state {
        RolloutState::On => ("on", "acts for its share of the sessions"),
        RolloutState::Back => ("back", "acts for no session"),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("policy", &args.policy).append_pair("state", state);
    match fetch(&args.target, &Method::POST, &format!("/rollout?{}", query.finish())) {
        Ok(_) => {
            say(&format!("{} {text}\n", args.policy));
            Ended::Well
        }
        Err(ended) => ended,
    }
}

/// `portolan purge`.
pub(super) fn purge(args: &PurgeArgs) -> Ended {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let named = [("url", &args.url), ("prefix", &args.prefix), ("origin", &args.origin), ("key", &args.key)];
    for (name, value) in named {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    if let Some(group) = &args.group {
        let Some((name, origin)) = group.rsplit_once('@') else {
            complain("a group is written NAME@ORIGIN, such as scripts@https://shop.example");
            return Ended::Refused;
        };
        query.append_pair("group", name).append_pair("origin", origin);
    }
    if args.all {
        query.append_pair("all", "true");
    }
    if args.soft {
        query.append_pair("soft", "true");
    }
    match fetch(&args.target, &Method::POST, &format!("/purge?{}", query.finish())) {
        Ok(_) => {
            say(if args.soft { "stale from now on\n" } else { "purged\n" });
            Ended::Well
        }
        Err(ended) => ended,
    }
}
