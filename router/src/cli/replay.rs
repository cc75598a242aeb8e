//! `portolan replay`: what a policy would have made of recorded decisions.
//!
//! Owns the report as text. Ends with 1 when the policy failed somewhere, with 2 when nothing could be replayed.

use super::policy::{compiled, engine, table as inline};
use super::text::{complain, say, table};
use super::{Ended, ReplayArgs};
use crate::recording::reader::Lines;
use crate::trial::Report;
use crate::trial::replay::{Replay, replay as run};

pub(super) fn replay(args: &ReplayArgs) -> Ended {
    match replayed(args) {
        Ok(report) => {
            say(&if args.json { format!("{:#}\n", report.document()) } else { shown(&report) });
            let failed = report.services.values().any(|found| !found.failures.is_empty());
            if failed { Ended::Failed } else { Ended::Well }
        }
        Err(wrong) => {
            complain(&wrong);
            Ended::Refused
        }
    }
}

fn replayed(args: &ReplayArgs) -> Result<Report, String> {
    let lines = Lines::open(&args.record).map_err(|error| error.to_string())?;
    let compiled = compiled(&engine()?, &args.policy)?;
    let config = args.config.as_deref().map(inline).transpose()?;
    let config = config.map(|config| serde_json::to_string(&config)).transpose().map_err(|error| error.to_string())?;
    let replay =
        Replay { compiled: &compiled, replaces: args.replaces.as_deref(), config, whole_lines: args.whole_lines };
    run(lines, &replay).map_err(|error| error.to_string())
}

fn shown(report: &Report) -> String {
    let mut text = format!("{} over a record of {} of the decisions\n", report.digest, percent(report.share));
    for (service, found) in &report.services {
        let role = match &found.replaced {
            Some((name, digest)) => format!("in place of {name} ({digest})"),
            None => "which does not ask the policy".to_owned(),
        };
        let (all, moved) = (found.decisions, found.moved());
        text.push_str(&format!("\nservice {service}, {role}\n"));
        let share = percent(moved as f64 / all.max(1) as f64);
        text.push_str(&format!("  {moved} of {all} decisions move ({share})\n"));
        let (broken, sessions) = (found.broken.len(), found.sessions.len());
        text.push_str(&format!("  {broken} of {sessions} sessions served where they are pinned are broken\n"));
        if found.other_keys > 0 {
            text.push_str(&format!("  {} decisions have another key for their session\n", found.other_keys));
        }
        text.push_str(&format!("  {} fence violations avoided\n", found.outside));
        let failures = found.failures.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
        text.push_str(&format!(
            "  failures: {}\n",
            if failures.is_empty() { "none".into() } else { failures.join(", ") }
        ));
        let places = found.places();
        let mut rows = vec![std::iter::once("FROM \\ TO").chain(places.iter().copied()).map(str::to_owned).collect()];
        for from in &places {
            let count = |to: &&str| found.moves.get(&((*from).to_owned(), (*to).to_owned())).copied().unwrap_or(0);
            let cells = places.iter().map(|to| count(to).to_string());
            rows.push(std::iter::once((*from).to_owned()).chain(cells).collect::<Vec<_>>());
        }
        text.push_str(&table(&rows));
        let mut rows = vec![["MOST IN A SECOND", "RECORDED", "REPLAYED"].map(str::to_owned).to_vec()];
        rows.extend(
            found.peaks().into_iter().map(|(place, [then, now])| vec![place, then.to_string(), now.to_string()]),
        );
        text.push_str(&table(&rows));
    }
    for (field, count) in &report.redacted {
        text.push_str(&format!("\n{count} decisions lack {field}, which the record leaves out\n"));
    }
    for (name, count) in &report.unknown {
        text.push_str(&format!("\nin {count} decisions the policy read {name}, which the record does not have\n"));
    }
    if let Some(damage) = &report.damage {
        text.push_str(&format!("\nthe record was read up to here: {damage}\n"));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
