//! `portolan check`: everything that is wrong with a configuration and with what it names.
//!
//! Owns the two forms of the answer. Loads exactly as `run` does, but listens nowhere; `--offline` fetches nothing and says
//! what was left out.

use super::Ended;
use super::text::{complain, say};
use crate::app;
use crate::config::{self, Diagnostic, Diagnostics};
use serde_json::json;
use std::path::Path;

pub(super) fn check(path: &Path, as_json: bool, offline: bool) -> Ended {
    let found = load(path, offline);
    if as_json {
        let (errors, left_out) = (found.as_ref().err(), found.as_deref().unwrap_or_default());
        let file = path.display().to_string();
        let document = json!({"file": file, "ok": found.is_ok(), "errors": errors, "not_checked": left_out});
        say(&format!("{document:#}\n"));
    } else {
        match &found {
            Ok(left_out) if left_out.is_empty() => say(&format!("{} is fine\n", path.display())),
            Ok(left_out) => {
                let lines: String = left_out.iter().map(|line| format!("not checked: {line}\n")).collect();
                say(&format!("{lines}{} is fine but for what was not checked\n", path.display()));
            }
            Err(diagnostics) => complain(diagnostics),
        }
    }
    if found.is_ok() { Ended::Well } else { Ended::Refused }
}

/// What could not be checked because nothing is fetched.
fn load(path: &Path, offline: bool) -> Result<Vec<String>, Diagnostics> {
    let config = config::load(path)?;
    let loader = app::loader(path, &config.boot).map_err(|error| Diagnostic::new(error.to_string()))?;
    loader.check(offline).map_err(|refusal| refusal.diagnostics)
}
