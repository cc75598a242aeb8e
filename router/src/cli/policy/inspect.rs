//! `portolan policy inspect`: what a component's file says of itself.
//!
//! Owns the two forms of the answer. A file that the router would refuse is shown as far as it can be read, and the
//! command ends with 1.

use super::{InspectArgs, engine, size, table};
use crate::cli::Ended;
use crate::cli::text::say;
use crate::config::POLICY_MEMORY_DEFAULT;
use crate::policy::{Declared, DeclaredMetric, Grant, Inspection, inspect as examine};
use serde_json::json;
use std::path::Path;

pub(super) fn inspect(args: &InspectArgs) -> Result<Ended, String> {
    let config = serde_json::to_vec(&table(&args.config)?).map_err(|error| error.to_string())?;
    let memory = usize::try_from(POLICY_MEMORY_DEFAULT).unwrap_or(usize::MAX);
    let inspection = examine(&engine()?, &args.file, &config, memory)
        .map_err(|fault| format!("{}: {fault}", args.file.display()))?;
    if args.json {
        let mut document = json!(inspection);
        document["file"] = args.file.display().to_string().into();
        say(&format!("{document:#}\n"));
    } else {
        say(&shown(&args.file, &args.config, &inspection));
    }
    Ok(if inspection.refused.is_none() { Ended::Well } else { Ended::Failed })
}

fn shown(file: &Path, config: &str, inspection: &Inspection) -> String {
    let mut text = format!("{}\n", file.display());
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    row("digest", inspection.digest.clone());
    row("size", size(inspection.size));
    let contract = inspection.contract.as_ref();
    row("contract", contract.map_or_else(|| "none".to_owned(), |version| format!("portolan:policy@{version}")));
    row("hooks", listed(&inspection.hooks));
    if inspection.imports.is_empty() {
        row("imports", "none".to_owned());
    }
    for import in &inspection.imports {
        let grant = match import.grant {
            Grant::Contract => "part of the contract",
            Grant::Operator => "part of the contract, to be granted",
            Grant::Inert => "given without effect",
            Grant::Refused => "NOT GRANTED",
        };
        row("imports", format!("{} ({grant})", import.name));
    }
    let refused = inspection.imports.iter().any(|import| import.grant == Grant::Refused);
    let buckets = inspection.declares.iter().flat_map(|declares| &declares.buckets);
    let buckets: Vec<String> = buckets.map(|bucket| format!("{bucket} = {{}}")).collect();
    let kv = (!buckets.is_empty()).then(|| format!("kv = {{ {} }}", buckets.join(", ")));
    let asks = inspection.imports.iter().any(|import| import.grant == Grant::Operator);
    let http = asks.then(|| "http = { allow = [\"https://HOST/PATH\"] }".to_owned());
    let grants: Vec<String> = kv.into_iter().chain(http).collect();
    row(
        "grants",
        match (refused, grants.is_empty()) {
            (true, _) => "not to be had".to_owned(),
            (false, true) => "none needed".to_owned(),
            (false, false) => grants.join(", "),
        },
    );
    if let Some(memory) = inspection.memory {
        row("memory", format!("{} in a fresh instance", size(memory)));
    }
    match &inspection.declares {
        None => row("fields", format!("unknown: it could not be asked with the configuration {config}")),
        Some(Declared { fields, response_fields, metrics, .. }) => {
            row("fields", listed(fields));
            if !response_fields.is_empty() {
                row("response", listed(response_fields));
            }
            for DeclaredMetric { name, kind, labels } in metrics {
                let labels = if labels.is_empty() { String::new() } else { format!(" by {}", labels.join(", ")) };
                row("metric", format!("{name} ({kind}{labels})"));
            }
        }
    }
    row("loads", inspection.refused.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: it {why}")));
    text
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
