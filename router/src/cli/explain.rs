//! `portolan explain`: where a request would go and why.
//!
//! Owns the two sources (a file, of whose regions nothing is known but what it says; or a running PoP as it sees them
//! now) and the answer as text. The decision itself is `decide`'s, the same as for clients.

use super::text::{complain, say, table};
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
    decide(&snapshot, &question, &mut Warm(&mut pool), now, hash::mix(now.0)).map_err(|wrong| refused(&wrong))
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
    for policy in document["policies"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "policy {}: {} {}\n",
            word(&policy["name"]),
            word(&policy["outcome"]),
            word(&policy["detail"])
        ));
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
    text
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
