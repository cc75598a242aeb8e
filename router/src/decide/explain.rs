//! One decision, explained: every stage, each region's reason, the plan.
//!
//! Owns the request that is asked about and the document that answers. Calls the same `decide` as the data plane, so the
//! answer is what would happen. Used by `/explain` and by `portolan explain`.

pub mod cache;

use super::facts::{Client, Facts, Scheme};
use super::trace::{PolicyTrace, RolloutTrace, Trace};
use super::{AskPolicy, Decision, Refusal, decide};
use crate::base::Timestamp;
use crate::geo::forwarded::client_address;
use crate::snapshot::{Action, Service, Snapshot};
use crate::steer::plan::{Plan, Target};
use crate::steer::trace::Considered;
use cache::Lookup;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// The request that is asked about.
#[derive(Debug, Clone)]
pub struct Question {
    /// The peer's address; headers of a trusted peer are believed as they would be on a connection.
    pub client: IpAddr,
    /// Method.
    pub method: Method,
    /// Absolute URL.
    pub url: Uri,
    /// Headers.
    pub headers: HeaderMap,
}

/// Why a question cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// Not an absolute URL.
    #[error("{0:?} is not an absolute URL; accepted: http://HOST/PATH or https://HOST/PATH")]
    Url(String),
}

/// An answer to a question.
#[derive(Debug)]
pub struct Explained {
    /// Every stage, for programs.
    pub document: Value,
    /// What to look for in the store, when the cache would be asked: what comes of it belongs below `cache.now`.
    pub lookup: Option<Lookup>,
}

/// Decides without doing, and tells why.
///
/// # Errors
/// When the URL is not absolute.
pub fn explain(
    snapshot: &Snapshot,
    question: &Question,
    ask: &mut dyn AskPolicy,
    now: Timestamp,
    seed: u64,
) -> Result<Explained, QuestionError> {
    let url = &question.url;
    let wrong = || QuestionError::Url(url.to_string());
    let host = url.host().ok_or_else(wrong)?.to_ascii_lowercase();
    let scheme = match url.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return Err(wrong()),
    };
    let client = client(snapshot, question);
    let facts = Facts {
        method: &question.method,
        scheme,
        host: &host,
        path: if url.path().is_empty() { "/" } else { url.path() },
        query: url.query(),
        headers: &question.headers,
        client: &client,
        now,
        seed,
        loads: None,
        proven: None,
    };
    let mut trace = Trace::default();
    let decision = decide(snapshot, &facts, ask, Some(&mut trace));
    let (cache, lookup) = match &decision {
        Decision::Forward(forward) => cache::explain(question, scheme, &client, forward),
        Decision::Stranded(forward, _) => cache::explain(question, scheme, &client, forward),
        _ => (Value::Null, None),
    };
    let mut document = document(snapshot, &client, seed, &trace, &decision);
    document["cache"] = cache;
    Ok(Explained { document, lookup })
}

fn client(snapshot: &Snapshot, question: &Question) -> Client {
    let peer = question.client.to_canonical();
    let lines = |name: &str| question.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect::<Vec<_>>();
    let ip = client_address(peer, &snapshot.trusted_proxies, &lines("forwarded"), &lines("x-forwarded-for"));
    let trusted = snapshot.trusted_proxies.iter().any(|network| network.contains(&peer));
    Client::new(ip, snapshot.geo.locate(ip), trusted)
}

fn document(snapshot: &Snapshot, client: &Client, seed: u64, trace: &Trace, decision: &Decision<'_>) -> Value {
    let service = decision.service();
    json!({
        "pop": &*snapshot.pop,
        "snapshot": { "version": snapshot.version, "generation": snapshot.generation },
        "client": {
            "ip": client.ip.to_string(),
            "country": client.texts.country,
            "continent": client.texts.continent,
            "city": client.place.city.as_deref(),
            "location": client.place.location.map(|at| json!({"latitude": at.latitude(), "longitude": at.longitude()})),
            "source": client.place.source.as_str(),
            "trusted": client.trusted,
        },
        "seed": seed,
        "route": trace.route.map(|route| route_text(snapshot, route)),
        "service": service.map(|service| service.table.name.to_string()),
        "token": trace.token,
        "policies": trace.policies.iter().map(|policy| policy_text(service, policy)).collect::<Vec<_>>(),
        "rollouts": trace.rollouts.iter().map(rollout_text).collect::<Vec<_>>(),
        "regions": service.map(|service| {
            trace.steering.regions.iter().map(|region| region_text(service, region)).collect::<Vec<_>>()
        }),
        "decision": decision_text(decision),
    })
}

fn policy_text(service: Option<&Arc<Service>>, policy: &PolicyTrace) -> Value {
    let would = policy.would.zip(service).map(|(would, service)| {
        json!({
            "from": service.place_word(would.from),
            "to": service.place_word(would.to),
            "changed": would.changed,
            "broken_pin": would.broken_pin,
            "other_key": would.other_key,
        })
    });
    json!({
        "name": policy.name,
        "digest": policy.digest,
        "outcome": policy.outcome,
        "detail": policy.detail,
        "reads": policy.reads,
        "took_us": policy.took.as_nanos() as f64 / 1000.0,
        "shadow": would,
    })
}

fn rollout_text(rollout: &RolloutTrace) -> Value {
    json!({
        "policy": &*rollout.policy,
        "replaces": rollout.before.as_deref(),
        "share": rollout.share,
        "position": rollout.position,
        "acts": rollout.returned.is_none() && rollout.position < rollout.share,
        "returned": rollout.returned.as_deref(),
    })
}

fn route_text(snapshot: &Snapshot, route: usize) -> Value {
    match snapshot.actions.get(route) {
        Some(Action::Files(bundle)) => json!({ "index": route, "static": bundle.root().display().to_string() }),
        Some(Action::Service { service, .. }) => {
            let name = snapshot.services.get(*service).map(|service| service.table.name.to_string());
            json!({ "index": route, "service": name })
        }
        None => Value::Null,
    }
}

fn region_text(service: &Service, region: &Considered) -> Value {
    let name = service.table.regions.get(usize::from(region.region)).map(|region| region.name.to_string());
    json!({
        "region": name,
        "reason": region.reason.as_str(),
        "distance_km": region.distance_km.round(),
        "in_flight": region.in_flight,
        "capacity": region.capacity,
        "health": region.health.as_str(),
        "admin": region.admin.as_str(),
        "endpoints_serving": region.serving.0,
        "endpoints": region.serving.1,
    })
}

fn decision_text(decision: &Decision<'_>) -> Value {
    match decision {
        Decision::Forward(forward) => json!({
            "action": "forward",
            "targets": targets(forward.service, &forward.plan),
            "moved": forward.plan.moved.map(|moved| moved.as_str()),
            "pinned_to": forward.pin.as_ref().map(|pin| pin.region_name.to_string()),
        }),
        Decision::Files(bundle) => json!({ "action": "static", "root": bundle.root().display().to_string() }),
        Decision::Reply(_, reply) => json!({ "action": "respond", "status": reply.status.as_u16() }),
        Decision::Stranded(_, why) => json!({ "action": "refuse unless stored", "why": why.as_str() }),
        Decision::Refuse(_, refusal) => json!({
            "action": "refuse",
            "why": match refusal {
                Refusal::NoRoute => "no-route",
                Refusal::NoTarget(why) => why.as_str(),
                Refusal::PolicyFailed => "policy-failed",
            },
        }),
    }
}

fn targets(service: &Service, plan: &Plan) -> Vec<Value> {
    let text = |target: &Target| {
        let region = service.table.regions.get(usize::from(target.region));
        let endpoint = region.and_then(|region| region.endpoints.get(usize::from(target.endpoint)));
        json!({
            "region": region.map(|region| region.name.to_string()),
            "endpoint": endpoint.map(|endpoint| endpoint.url.to_string()),
            "reason": target.reason.as_str(),
        })
    };
    plan.targets.iter().map(text).collect()
}
