//! `bench store`: what the store of answers takes and keeps, by the router's own bench of that name.
//!
//! Owns the targets and the table; `router/benches/store.rs` does the measuring and prints lines of JSON. Called by
//! `bench`.

use anyhow::Context;
use serde_json::Value;

use super::report;
use crate::machine;

/// The targets: points below the library's own share of hits, and the time of a purge.
const POINTS: f64 = 2.0;
const PURGE_US: f64 = 1_000.0;

/// Runs the bench.
pub(super) fn run() -> anyhow::Result<()> {
    let mut cargo = machine::command("cargo", &["bench", "--package", "portolan", "--bench", "store"]);
    eprintln!("$ {}", machine::typed(&cargo));
    let text = machine::output(&mut cargo).context("the bench of the store failed")?;
    let results = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    println!("\n### The store (load {})\n", report::load());
    for result in &results {
        println!("{}", line(result).context("the bench of the store says something else than before")?);
    }
    report::save("store.json", &results, &[])
}

fn line(result: &Value) -> Option<String> {
    let number = |name: &str| result[name].as_f64();
    let word = |met: bool| if met { "met" } else { "MISSED" };
    Some(match result["bench"].as_str()? {
        "memory" => format!(
            "{} objects of 100 bytes: {} bytes beside the content of each, {} by the store's own account",
            number("objects")?,
            number("resident_each")?,
            number("accounted_each")?,
        ),
        "trace" => {
            let (ours, library) = (number("hit_percent")?, number("library_hit_percent")?);
            format!(
                "Zipf 0.9 with scans, room for {} % of the objects: {ours:.1} % hits, quick_cache alone {library:.1} %; at most \
                 {POINTS:.0} points below wanted: {}",
                number("room_percent")?,
                word(ours >= library - POINTS),
            )
        }
        "purge" => format!(
            "purge by a key that {} objects share: {:.1} us (worst {:.1}), and {:.1} us (worst {:.1}) for the first look-up \
             after it; at most {PURGE_US:.0} us wanted: {}",
            number("objects")?,
            number("purge_us")?,
            number("purge_most_us")?,
            number("look_us")?,
            number("look_most_us")?,
            word(number("purge_most_us")? + number("look_us")? <= PURGE_US),
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn targets_are_judged() {
        let trace = |ours: f64| json!({ "bench": "trace", "room_percent": 1, "hit_percent": ours, "library_hit_percent": 50.0 });
        assert!(line(&trace(48.1)).is_some_and(|line| line.ends_with(": met")));
        assert!(line(&trace(47.9)).is_some_and(|line| line.ends_with(": MISSED")));
        assert_eq!(line(&json!({ "bench": "other" })), None);
    }
}
