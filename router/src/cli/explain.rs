//! `portolan explain`: where a request would go and why.
//!
//! Owns the two sources (a file, of whose regions nothing is known but what it says; or a running PoP as it sees them
//! now) and the answer as text. The decision itself is `decide`'s, the same as for clients.

use super::text::{complain, say, span, table};
use super::{CONFIG_DEFAULT, Ended, ExplainArgs, TargetArgs, remote};
use crate::app;
use crate::base::{Clock, hash};
use crate::config;
use crate::control::admin::explain::{Warm, header};
use crate::decide::explain::{Question, explain as decide};
use crate::metrics::Metrics;
use crate::policy::WarmPool;
use crate::snapshot::Snapshot;
use crate::snapshot::build::{Inputs, Known};
use http::{HeaderMap, Method};
use serde_json::Value;
use std::path::Path;

pub(super) fn explain(args: &ExplainArgs) -> Ended {
    let answered = if args.admin.is_some() { ask(args) } else { offline(args) };
    match answered {
        Ok(document) => {
            say(&if args.json { format!("{document:#}\n") } else { shown(&document) });
            Ended::Well
        }
        Err(ended) => ended,
    }
}

fn ask(args: &ExplainArgs) -> Result<Value, Ended> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("client", &args.client.to_string());
    query.append_pair("method", args.method.as_str()).append_pair("url", &args.url.to_string());
    for line in &args.headers {
        query.append_pair("header", line);
    }
    let target = TargetArgs { admin: args.admin.clone(), config: None, token: args.token.clone() };
    remote::fetch(&target, &Method::GET, &format!("/explain?{}", query.finish()))
}

fn offline(args: &ExplainArgs) -> Result<Value, Ended> {
    let refused = |what: &dyn std::fmt::Display| {
        complain(&what.to_string());
        Ended::Refused
    };
    let path = args.config.as_deref().unwrap_or(Path::new(CONFIG_DEFAULT));
    let config = config::load(path).map_err(|wrong| refused(&wrong))?;
    let loader = app::loader(path, &config.boot).map_err(|wrong| refused(&wrong))?;
    let loaded = loader.config(None).map_err(|refusal| refused(&refusal.diagnostics))?;
    let now = Clock::start().now();
    let snapshot = Snapshot::build(
        &Inputs {
            generation: 1,
            now,
            live: &loaded.live,
            parts: &loaded.parts,
            known: &Known::default(),
            draining: false,
            metrics: &Metrics::new(),
        },
        None,
    );
    let mut headers = HeaderMap::new();
    for line in &args.headers {
        let (name, value) = header(line).ok_or_else(|| refused(&format!("-H {line:?}; accepted: NAME: VALUE")))?;
        headers.append(name, value);
    }
    let question = Question { client: args.client, method: args.method.clone(), url: args.url.clone(), headers };
    let mut pool = WarmPool::new();
    let explained = decide(&snapshot, &question, &mut Warm::new(&mut pool), now, hash::mix(now.0));
    explained.map(|explained| explained.document).map_err(|wrong| refused(&wrong))
}

/// The document as text.
fn shown(document: &Value) -> String {
    let client = &document["client"];
    let mut text = format!(
        "client {} in {} (from {})\n",
        word(&client["ip"]),
        [&client["city"], &client["country"]].into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        word(&client["source"]),
    );
    if let Some(service) = document["service"].as_str() {
        text.push_str(&format!("service {service}\n"));
    }
    let policies = document["policies"].as_array().map_or(&[][..], Vec::as_slice);
    for (at, policy) in policies.iter().enumerate() {
        text.push_str(&asked(policy));
        // What a shadow would change stands below all that it said.
        let goes_on = policies.get(at + 1).is_some_and(|next| next["name"] == policy["name"]);
        if policy["shadow"].is_object() && !goes_on {
            text.push_str(&would(&policy["shadow"]));
        }
    }
    for rollout in document["rollouts"].as_array().into_iter().flatten() {
        text.push_str(&rolled(rollout));
    }
    let regions = document["regions"].as_array().map_or(&[][..], Vec::as_slice);
    if !regions.is_empty() {
        let mut rows = vec![["REGION", "REASON", "KM", "HEALTH", "ADMIN"].map(str::to_owned).to_vec()];
        let cells = ["region", "reason", "distance_km", "health", "admin"];
        rows.extend(regions.iter().map(|region| cells.map(|cell| word(&region[cell])).to_vec()));
        text.push_str(&table(&rows));
    }
    let decision = &document["decision"];
    text.push_str(&format!("decision: {}", word(&decision["action"])));
    for detail in ["why", "status", "root", "moved"] {
        if !decision[detail].is_null() {
            text.push_str(&format!(", {detail} {}", word(&decision[detail])));
        }
    }
    text.push('\n');
    for target in decision["targets"].as_array().into_iter().flatten() {
        let (region, endpoint) = (word(&target["region"]), word(&target["endpoint"]));
        text.push_str(&format!("  {region} {endpoint} ({})\n", word(&target["reason"])));
    }
    text.push_str(&cache(&document["cache"]));
    text
}

/// On which side of a rollout the session is.
fn rolled(rollout: &Value) -> String {
    let percent = |key: &str| (rollout[key].as_f64().unwrap_or_default() * 1e4).round() / 1e2;
    let (policy, share, position) = (word(&rollout["policy"]), percent("share"), percent("position"));
    let acts = match (&rollout["returned"], rollout["acts"] == true, rollout["replaces"].as_str()) {
        (Value::String(why), ..) => format!("acts for nobody: {why}"),
        (_, true, _) => "acts for this session".to_owned(),
        (_, false, Some(before)) => format!("{before} keeps this session"),
        (_, false, None) => "does not act for this session".to_owned(),
    };
    format!("rollout {policy} ({share} % of the sessions; this one is at {position} %): {acts}\n")
}

/// What one policy said.
fn asked(policy: &Value) -> String {
    let digest: String = word(&policy["digest"]).chars().take(19).collect();
    let took = policy["took_us"].as_f64().unwrap_or_default();
    let (name, outcome) = (word(&policy["name"]), word(&policy["outcome"]));
    let role = if policy["shadow"].is_object() { "shadow" } else { "policy" };
    let line = format!("{role} {name} ({digest}, {took:.1}us): {outcome} {}", word(&policy["detail"]));
    let mut text = format!("{}\n", line.trim_end());
    for read in policy["reads"].as_array().into_iter().flatten() {
        text.push_str(&format!("  read {}\n", word(read)));
    }
    text
}

/// What a shadow would change.
fn would(shadow: &Value) -> String {
    let (from, to) = (word(&shadow["from"]), word(&shadow["to"]));
    let key = if shadow["other_key"] == true { "  would give the session another key\n" } else { "" };
    let change = match (from == to, shadow["changed"] == true) {
        (true, false) => "would change nothing".to_owned(),
        (true, true) => format!("would change the plan, not the place ({to})"),
        (false, _) if shadow["broken_pin"] == true => format!("would move it from {from}, its pin, to {to}"),
        (false, _) => format!("would move it from {from} to {to}"),
    };
    format!("{key}  {change}\n")
}

/// What the cache would do; nothing where there is no say in it.
fn cache(cache: &Value) -> String {
    match cache["on"].as_bool() {
        None => return String::new(),
        Some(false) => return format!("cache: not asked, {}\n", word(&cache["why"])),
        Some(true) => {}
    }
    let mut text = match (&cache["why"], &cache["now"]) {
        (Value::Null, Value::Null) => "cache: asked\n".to_owned(),
        (Value::Null, now) => format!("cache: {}\n", found(now)),
        (why, _) => format!("cache: not asked, {}\n", word(why)),
    };
    let settings = cache["settings"].as_object().into_iter().flatten();
    let settings =
        settings.filter(|(_, value)| !value.is_null()).map(|(name, value)| format!(" {name}={}", word(value)));
    text.push_str(&format!("  settings{}\n", settings.collect::<String>()));
    if let Some(seconds) = cache["policies"]["ttl_s"].as_u64() {
        text.push_str(&format!("  lifetime by a policy {}\n", span(seconds * 1000)));
    }
    if let Some(address) = cache["address"].as_str() {
        text.push_str(&format!("  key {address}\n"));
    }
    for part in cache["key"].as_array().into_iter().flatten() {
        let name = [&part["source"], &part["name"]].map(|word| word.as_str().unwrap_or_default()).join(" ");
        let value = part["value"].as_str().map_or_else(|| "not there".to_owned(), |value| format!("{value:?}"));
        text.push_str(&format!("  key + {}: {value}\n", name.trim_end()));
    }
    for stored in cache["now"]["stored"].as_array().into_iter().flatten() {
        text.push_str(&format!("  {}\n", variant(stored)));
    }
    text
}

/// What becomes of what is stored.
fn found(now: &Value) -> String {
    let mut text = word(&now["outcome"]);
    let facts = [
        (!now["why"].is_null(), format!(" ({})", word(&now["why"]))),
        (now["known_not_stored"] == true, ", and known not to be stored".to_owned()),
        (now["origin_failed"] == true, ", and the origin failed a moment ago".to_owned()),
    ];
    facts.into_iter().filter(|(holds, _)| *holds).for_each(|(_, fact)| text.push_str(&fact));
    text
}

/// One stored answer.
fn variant(stored: &Value) -> String {
    let seconds = |name: &str| stored[name].as_i64().unwrap_or_default();
    let time = |seconds: i64| span(seconds.unsigned_abs() * 1000);
    let left = seconds("ttl_s");
    let standing = match (stored["invalidated"] == true, stored["fresh"] == true) {
        (true, _) => "invalidated".to_owned(),
        (false, true) => format!("fresh for {} more", time(left)),
        (false, false) => format!("stale for {}", time(left)),
    };
    let vary: Vec<_> = stored["vary"].as_array().into_iter().flatten().map(word).collect();
    let facts = [
        format!("{}stored: {}", if stored["chosen"] == true { "> " } else { "" }, word(&stored["status"])),
        format!("{} old", time(seconds("age_s"))),
        standing,
        format!("lifetime {} from {}", time(seconds("lifetime_s")), word(&stored["lifetime_from"])),
        if vary.is_empty() { String::new() } else { format!("vary {}", vary.join(" ")) },
        if stored["matches"] == true { String::new() } else { "for other requests".to_owned() },
    ];
    facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(", ")
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
