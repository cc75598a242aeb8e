//! `portolan check`: everything that is wrong with a configuration and with what it names.
//!
//! Owns the two forms of the answer. Loads exactly as `run` does, but listens nowhere.

use super::Ended;
use super::text::{complain, say};
use crate::app;
use crate::config::{self, Diagnostic, Diagnostics};
use serde_json::json;
use std::path::Path;

pub(super) fn check(path: &Path, as_json: bool) -> Ended {
    let found = load(path);
    if as_json {
        let errors = found.as_ref().err();
        say(&format!("{:#}\n", json!({"file": path.display().to_string(), "ok": found.is_ok(), "errors": errors})));
    } else {
        match &found {
            Ok(()) => say(&format!("{} is fine\n", path.display())),
            Err(diagnostics) => complain(diagnostics),
        }
    }
    if found.is_ok() { Ended::Well } else { Ended::Refused }
}

fn load(path: &Path) -> Result<(), Diagnostics> {
    let config = config::load(path)?;
    let loader = app::loader(path, &config.boot).map_err(|error| Diagnostic::new(error.to_string()))?;
    loader.config(None).map(|_| ()).map_err(|refusal| refusal.diagnostics)
}
