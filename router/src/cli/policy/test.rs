//! `portolan policy test`: a policy's cases and random worlds.
//!
//! Owns the report. Ends with 1 when a case does not hold or a random world breaks a property, with 2 when nothing could
//! be tried.

use super::{TestArgs, compiled, engine};
use crate::cli::Ended;
use crate::cli::text::say;
use crate::trial::{Fault, Findings, Random, Suite, Tried, explore, run};
use serde_json::{Value, json};

pub(super) fn test(args: &TestArgs) -> Result<Ended, String> {
    let mut suite = Suite::load(&args.path).map_err(|error| error.to_string())?;
    if let Some(component) = &args.component {
        suite.component = std::path::absolute(component).map_err(|error| error.to_string())?;
    }
    let compiled = compiled(&engine()?, &suite.component)?;
    let tried = run(&compiled, &suite);
    let random = args.random.map(|worlds| Random { worlds, seed: args.seed });
    let found =
        random.map(|random| explore(&compiled, &suite, random)).transpose().map_err(|error| error.to_string())?;
    let held = tried.iter().all(|case| case.wrong.is_none());
    let sound = found.as_ref().is_none_or(|found| found.faults.is_empty());
    if args.json {
        say(&format!("{:#}\n", document(&tried, random.zip(found.as_ref()))));
    } else {
        say(&cases_shown(&tried));
        if let Some((random, found)) = random.zip(found.as_ref()) {
            say(&findings_shown(random, found));
        }
    }
    Ok(if held && sound { Ended::Well } else { Ended::Failed })
}

fn cases_shown(tried: &[Tried]) -> String {
    let mut text = String::new();
    for case in tried {
        match &case.wrong {
            None => text.push_str(&format!("ok    {}\n", case.name)),
            Some(wrong) => text.push_str(&format!("FAIL  {}\n{}\n", case.name, indented(wrong))),
        }
    }
    let failed = tried.iter().filter(|case| case.wrong.is_some()).count();
    let cases = if tried.len() == 1 { "case" } else { "cases" };
    text.push_str(&format!("{} {cases}: {} held, {failed} did not\n", tried.len(), tried.len() - failed));
    text
}

fn findings_shown(random: Random, found: &Findings) -> String {
    let [passed, routed, answered] = found.verdicts;
    let mut text = format!(
        "{} random worlds (seed {}): {passed} passed, {routed} routed, {answered} answered; slowest call {} us\n",
        found.worlds,
        random.seed,
        found.slowest.as_micros(),
    );
    if found.watched > 0 {
        let slowest = found.slowest_watch.as_micros();
        text.push_str(&format!("{} calls of the hook health; the slowest {slowest} us\n", found.watched));
    }
    for Fault { world, what, case } in &found.faults {
        text.push_str(&format!("FAIL  world {world}: {what}\n{}\n", indented(case)));
    }
    text
}

fn document(tried: &[Tried], random: Option<(Random, &Findings)>) -> Value {
    let cases =
        tried.iter().map(|case| json!({ "name": case.name, "held": case.wrong.is_none(), "wrong": case.wrong }));
    let random = random.map(|(random, found)| {
        let faults = found
            .faults
            .iter()
            .map(|Fault { world, what, case }| json!({ "world": world, "what": what, "case": case }));
        json!({
            "seed": random.seed, "worlds": found.worlds, "slowest_us": found.slowest.as_micros() as u64,
            "watched": found.watched, "slowest_watch_us": found.slowest_watch.as_micros() as u64,
            "verdicts": { "pass": found.verdicts[0], "route": found.verdicts[1], "respond": found.verdicts[2] },
            "faults": faults.collect::<Vec<_>>(),
        })
    });
    json!({ "cases": cases.collect::<Vec<_>>(), "random": random })
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}
