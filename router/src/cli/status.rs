//! `portolan status`: the status document for people.
//!
//! Owns its form as text; `--json` prints the document as it came.

use super::text::{say, span, table};
use super::{Ended, StatusArgs, remote};
use http::Method;
use serde_json::{Map, Value};

pub(super) fn status(args: &StatusArgs) -> Ended {
    match remote::fetch(&args.target, &Method::GET, "/status") {
        Ok(document) => {
            say(&if args.json { format!("{document:#}\n") } else { shown(&document) });
            Ended::Well
        }
        Err(ended) => ended,
    }
}

/// The document as text.
fn shown(document: &Value) -> String {
    let mut text = format!(
        "{} (portolan {}), up {}{}\n",
        word(&document["pop"]),
        word(&document["version"]),
        span(document["uptime_s"].as_u64().unwrap_or(0) * 1000),
        if document["draining"] == true { ", DRAINING" } else { "" },
    );
    let (config, snapshot) = (&document["config"], &document["snapshot"]);
    text.push_str(&format!(
        "configuration generation {}, snapshot {}, published {} ago\n",
        config["generation"],
        snapshot["version"],
        span(snapshot["age_ms"].as_u64().unwrap_or(0)),
    ));
    if config["last_reload"]["ok"] == false {
        let age = span(config["last_reload"]["age_ms"].as_u64().unwrap_or(0));
        text.push_str(&format!("LAST RELOAD REFUSED {age} ago\n{}\n", word(&config["last_reload"]["text"])));
    }
    for refused in config["refused_files"].as_array().into_iter().flatten() {
        text.push_str(&format!("REFUSED: {}: {}\n", word(&refused["what"]), word(&refused["errors"][0]["message"])));
    }
    let restart: Vec<String> = list(&config["needs_restart"]).iter().map(word).collect();
    if !restart.is_empty() {
        text.push_str(&format!("only a restart applies: {}\n", restart.join(", ")));
    }
    let listeners: Vec<String> = list(&document["listeners"]).iter().map(|l| word(&l["address"])).collect();
    text.push_str(&format!("listening on {}\n", listeners.join(", ")));
    for (name, service) in members(&document["services"]) {
        text.push_str(&format!("\nservice {name}\n{}", regions(&service["regions"])));
    }
    let bundles = bundles(&document["bundles"]);
    if !bundles.is_empty() {
        text.push_str(&format!("\nbundles\n{bundles}"));
    }
    if document["cache"].is_object() {
        text.push_str(&format!("\ncache\n{}", cache(&document["cache"])));
    }
    let policies = policies(&document["policies"]);
    if !policies.is_empty() {
        text.push_str(&format!("\npolicies\n{policies}"));
    }
    let rollouts = rollouts(&document["rollouts"]);
    if !rollouts.is_empty() {
        text.push_str(&format!("\nrollouts\n{rollouts}"));
    }
    text
}

fn regions(regions: &Value) -> String {
    let head = ["REGION", "HEALTH", "SINCE", "ADMIN", "IN FLIGHT", "RTT", "ENDPOINTS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (name, region) in members(regions) {
        let capacity = region["capacity"].as_u64().map_or(String::new(), |capacity| format!("/{capacity}"));
        rows.push(vec![
            name.clone(),
            word(&region["health"]),
            span(region["since_ms"].as_u64().unwrap_or(0)),
            word(&region["admin"]),
            format!("{}{capacity}", region["in_flight"]),
            region["rtt_us"].as_f64().map_or("-".to_owned(), |rtt| format!("{:.1}ms", rtt / 1000.0)),
            list(&region["endpoints"]).iter().map(endpoint).collect::<Vec<_>>().join(", "),
        ]);
    }
    table(&rows)
}

fn endpoint(endpoint: &Value) -> String {
    let why = endpoint["last_probe"]["failure"].as_str().or(endpoint["ejected"]["cause"].as_str());
    let why = why.filter(|_| endpoint["state"] != "up").map_or(String::new(), |why| format!(" ({why})"));
    format!("{} {}{why}", word(&endpoint["url"]), word(&endpoint["state"]))
}

fn policies(policies: &Value) -> String {
    let mut rows = Vec::new();
    for (name, policy) in members(policies) {
        let failed: u64 = members(&policy["failures"]).filter_map(|(_, count)| count.as_u64()).sum();
        let quarantine = if policy["quarantine"].is_null() { "" } else { "QUARANTINED" };
        rows.push(vec![
            name.clone(),
            word(&policy["digest"]).chars().take(19).collect(),
            format!("{} calls", policy["calls"]),
            format!("{failed} failed"),
            quarantine.to_owned(),
        ]);
    }
    table(&rows)
}

fn rollouts(rollouts: &Value) -> String {
    let row = |(name, rollout): (&String, &Value)| {
        let recent = &rollout["recent"];
        let back = &rollout["returned"];
        let state = if back.is_null() {
            "on".to_owned()
        } else {
            format!("BACK {} ago: {}", span(back["age_ms"].as_u64().unwrap_or(0)), word(&back["why"]))
        };
        vec![
            name.clone(),
            format!("{} %", (rollout["share"].as_f64().unwrap_or(0.0) * 1e4).round() / 1e2),
            format!("{} of {} failed", recent["failed"], recent["calls"]),
            format!("{} of {} moved", recent["moved"], recent["compared"]),
            state,
        ]
    };
    table(&members(rollouts).map(row).collect::<Vec<_>>())
}

/// A row for each tier.
fn cache(cache: &Value) -> String {
    let mib = |bytes: &Value| format!("{:.1}", bytes.as_f64().unwrap_or(0.0) / f64::from(1 << 20));
    let row = |name: &str, tier: &Value, more: String| {
        vec![
            name.to_owned(),
            format!("{} answers", tier["entries"]),
            format!("{} of {} MiB", mib(&tier["bytes"]), mib(&tier["bytes_max"])),
            format!("{} made room", tier["evictions"]),
            more,
        ]
    };
    let mut rows = vec![row("memory", cache, format!("{} purges", cache["purges"]))];
    let disk = &cache["disk"];
    if disk.is_object() {
        rows.push(row("disk", disk, format!("{} errors, {} dropped", disk["errors"], disk["dropped"])));
    }
    table(&rows)
}

fn bundles(bundles: &Value) -> String {
    let row = |(root, bundle): (&String, &Value)| {
        let memory: u64 = members(&bundle["memory_bytes"]).filter_map(|(_, bytes)| bytes.as_u64()).sum();
        vec![
            root.clone(),
            format!("{} files", bundle["files"]),
            format!("{} variants", bundle["variants"]),
            format!("{} previous", bundle["previous"]),
            format!("{:.1} MiB in memory", memory as f64 / f64::from(1 << 20)),
            format!("indexed {} ago", span(bundle["indexed_ms"].as_u64().unwrap_or(0))),
        ]
    };
    table(&members(bundles).map(row).collect::<Vec<_>>())
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shows_what_matters() {
        let document = json!({
            "pop": "fra1", "version": "0.1.0", "uptime_s": 192, "draining": true,
            "snapshot": {"version": 7, "age_ms": 900},
            "config": {"generation": 2, "needs_restart": ["listeners"], "refused_files": [],
                "last_reload": {"ok": false, "age_ms": 5000, "text": "error: no such key"}},
            "listeners": [{"address": "0.0.0.0:8080", "tls": false}],
            "policies": {"pin": {"digest": "sha256:abcdef0123456789ff", "calls": 12, "failures": {"trap": 2}, "quarantine": null}},
            "services": {"shop": {"regions": {"eu": {"health": "down", "since_ms": 61_000, "admin": "on", "in_flight": 3,
                "capacity": 100, "rtt_us": 1234,
                "endpoints": [{"url": "http://a", "state": "down", "last_probe": {"failure": "status 503"}}]}}}},
            "bundles": {"/srv/dist": {"files": 312, "variants": 48, "previous": 12, "indexed_ms": 61_000,
                "memory_bytes": {"files": 4_000_000, "variants": 1_000_000, "previous": 242_880}}},
            "cache": {"entries": 3, "bytes": 1_572_864, "bytes_max": 268_435_456, "evictions": 0, "purges": 2,
                "disk": {"entries": 40, "bytes": 4_194_304, "bytes_max": 1_073_741_824, "evictions": 7,
                    "errors": 1, "dropped": 5}},
            "rollouts": {
                "pin-2": {"share": 0.1, "recent": {"calls": 300, "failed": 1, "compared": 0, "moved": 0}, "returned": null},
                "pin-3": {"share": 0.5, "recent": {"calls": 40, "failed": 9, "compared": 31, "moved": 2},
                    "returned": {"age_ms": 5000, "why": "9 of 40 calls failed"}},
            },
        });
        let expected = "\
fra1 (portolan 0.1.0), up 3m12s, DRAINING
configuration generation 2, snapshot 7, published 900ms ago
LAST RELOAD REFUSED 5s ago
error: no such key
only a restart applies: listeners
listening on 0.0.0.0:8080

service shop
  REGION  HEALTH  SINCE  ADMIN  IN FLIGHT  RTT    ENDPOINTS
  eu      down    1m01s  on     3/100      1.2ms  http://a down (status 503)

bundles
  /srv/dist  312 files  48 variants  12 previous  5.0 MiB in memory  indexed 1m01s ago

cache
  memory  3 answers   1.5 of 256.0 MiB   0 made room  2 purges
  disk    40 answers  4.0 of 1024.0 MiB  7 made room  1 errors, 5 dropped

policies
  pin  sha256:abcdef012345  12 calls  2 failed

rollouts
  pin-2  10 %  1 of 300 failed  0 of 0 moved   on
  pin-3  50 %  9 of 40 failed   2 of 31 moved  BACK 5s ago: 9 of 40 calls failed
";
        assert_eq!(shown(&document), expected);
    }
}
