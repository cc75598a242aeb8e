//! `portolan policy diff`: what the shadows of a running PoP would have changed, and rollouts did change.
//!
//! Owns the table. The numbers are those of `/status`: they begin when a policy is loaded, and anew when its component or
//! its configuration changes.

use super::DiffArgs;
use crate::cli::text::{complain, say, table};
use crate::cli::{Ended, remote};
use http::Method;
use serde_json::{Map, Value, json};

pub(super) fn diff(args: &DiffArgs) -> Ended {
    let document = match remote::fetch(&args.target, &Method::GET, "/status") {
        Ok(document) => document,
        Err(ended) => return ended,
    };
    let shadows = shadows(&document, &args.policies);
    let missing: Vec<_> = args.policies.iter().filter(|name| !shadows.iter().any(|(_, n, _)| n == name)).collect();
    for name in &missing {
        complain(&format!("no service of this PoP has a shadow or a rollout {name:?}"));
    }
    if args.json {
        let all = shadows.iter().map(|(service, policy, shadow)| {
            let mut document = (*shadow).clone();
            document["service"] = json!(service);
            document["policy"] = json!(policy);
            document
        });
        say(&format!("{:#}\n", Value::from(all.collect::<Vec<_>>())));
    } else if shadows.is_empty() && missing.is_empty() {
        say("no policy of this PoP is a shadow or has a rollout\n");
    } else {
        say(&shadows.iter().map(|(service, policy, shadow)| shown(service, policy, shadow)).collect::<String>());
    }
    if missing.is_empty() { Ended::Well } else { Ended::Refused }
}

/// Service, policy and figures of each shadow, by the names that were asked for.
fn shadows<'a>(document: &'a Value, wanted: &[String]) -> Vec<(&'a String, &'a String, &'a Value)> {
    let members = |value: &'a Value| value.as_object().into_iter().flat_map(Map::iter);
    let all = members(&document["services"]).flat_map(|(service, spec)| {
        members(&spec["shadows"])
            .chain(members(&spec["rollouts"]))
            .map(move |(policy, shadow)| (service, policy, shadow))
    });
    all.filter(|(_, policy, _)| wanted.is_empty() || wanted.contains(policy)).collect()
}

fn shown(service: &str, policy: &str, shadow: &Value) -> String {
    let compared = number(shadow, "compared");
    let role = match shadow["replaces"].as_str() {
        Some(replaced) => format!("in place of {replaced}"),
        None => "as one more".to_owned(),
    };
    let digest = shadow["digest"].as_str().unwrap_or("?");
    let head = format!("{policy} in service {service}, {role}\n  {digest}\n");
    let answers = answers(&shadow["answers"]);
    match compared {
        0 if answers.is_empty() => head + "  nothing compared yet\n",
        0 => head + &answers,
        _ => head + &decisions(shadow) + &answers,
    }
}

/// Decisions that were compared.
fn decisions(shadow: &Value) -> String {
    let mut text = counted(
        shadow,
        &[
            ("compared", "compared"),
            ("agreed", "agreed"),
            ("same place, other plan", "changed"),
            ("moved", "moved"),
            ("broken pins", "broken_pins"),
            ("other keys", "other_keys"),
            ("failed", "failed"),
        ],
    );
    let moves = shadow["moves"].as_array().map_or(&[][..], Vec::as_slice);
    if !moves.is_empty() {
        let mut rows = vec![["FROM", "TO", "DECISIONS", "SHARE"].map(str::to_owned).to_vec()];
        rows.extend(moves.iter().map(|pair| {
            let place = |key: &str| pair[key].as_str().unwrap_or("?").to_owned();
            let count = number(pair, "decisions");
            vec![place("from"), place("to"), count.to_string(), share(count, number(shadow, "compared"))]
        }));
        text.push_str(&table(&rows));
    }
    text
}

/// Answers of origins that were compared; nothing where there are none.
fn answers(answers: &Value) -> String {
    if number(answers, "compared") == 0 {
        return String::new();
    }
    counted(
        answers,
        &[
            ("answers compared", "compared"),
            ("agreed", "agreed"),
            ("another region asked", "next"),
            ("other pin", "pin"),
            ("other headers", "headers"),
            ("failed", "failed"),
        ],
    )
}

/// Counts by their words and keys, as shares of what was compared, and the mean time.
fn counted(document: &Value, rows: &[(&str, &str)]) -> String {
    let compared = number(document, "compared");
    let row = |(words, key): &(&str, &str)| {
        let count = number(document, key);
        vec![(*words).to_owned(), count.to_string(), share(count, compared)]
    };
    let mean = number(document, "took_us") as f64 / compared as f64;
    let mean = vec!["mean time".to_owned(), format!("{mean:.1}us")];
    table(&rows.iter().map(row).chain([mean]).collect::<Vec<_>>())
}

fn number(document: &Value, key: &str) -> u64 {
    document[key].as_u64().unwrap_or(0)
}

fn share(count: u64, compared: u64) -> String {
    format!("{:.2} %", 100.0 * count as f64 / compared as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_would_have_moved() {
        let document = json!({"services": {"shop": {"shadows": {"next": {
            "digest": "sha256:abcdef", "replaces": "router", "share": 1.0, "compared": 200, "agreed": 150,
            "changed": 10, "moved": 40, "broken_pins": 4, "other_keys": 6, "failed": 1, "took_us": 500,
            "moves": [{"from": "eu", "to": "us", "decisions": 30}, {"from": "eu", "to": "(answered)", "decisions": 10}],
            "answers": {"compared": 0},
        }}}}});
        let expected = "\
next in service shop, in place of router
  sha256:abcdef
  compared                200    100.00 %
  agreed                  150    75.00 %
  same place, other plan  10     5.00 %
  moved                   40     20.00 %
  broken pins             4      2.00 %
  other keys              6      3.00 %
  failed                  1      0.50 %
  mean time               2.5us
  FROM  TO          DECISIONS  SHARE
  eu    us          30         15.00 %
  eu    (answered)  10         5.00 %
";
        let all = shadows(&document, &[]);
        assert_eq!(
            all.iter().map(|(service, policy, shadow)| shown(service, policy, shadow)).collect::<String>(),
            expected
        );
        assert!(shadows(&document, &["other".to_owned()]).is_empty());
    }

    #[test]
    fn shows_what_would_become_of_answers() {
        let answers =
            json!({"compared": 50, "agreed": 45, "next": 1, "pin": 2, "headers": 4, "failed": 0, "took_us": 75});
        let shadow = json!({"digest": "sha256:abcdef", "compared": 0, "answers": answers});
        let expected = "\
hears in service shop, as one more
  sha256:abcdef
  answers compared      50     100.00 %
  agreed                45     90.00 %
  another region asked  1      2.00 %
  other pin             2      4.00 %
  other headers         4      8.00 %
  failed                0      0.00 %
  mean time             1.5us
";
        assert_eq!(shown("shop", "hears", &shadow), expected);
        let nothing = shown("shop", "hears", &json!({"compared": 0, "answers": {"compared": 0}}));
        assert!(nothing.ends_with("  nothing compared yet\n"), "{nothing}");
    }
}
