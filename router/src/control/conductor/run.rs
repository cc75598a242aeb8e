//! Effects that take time: loads on threads of their own, and lines for the operator.
//!
//! Owns how a load's answer comes back as an event, also when it panicked. Called by the conductor.

use super::Conductor;
use crate::config::{Diagnostic, Diagnostics};
use crate::control::watch::Subject;
use crate::control::world::{Event, Refusal, Severity};
use std::sync::Arc;

pub(super) fn load_config(conductor: &Conductor, ticket: u64) {
    let (loader, in_use, events) = (Arc::clone(&conductor.loader), conductor.in_use(), conductor.events.clone());
    tokio::spawn(async move {
        let loaded = tokio::task::spawn_blocking(move || loader.config(in_use.as_ref())).await;
        let result = loaded.unwrap_or_else(|error| Err(broke(&error))).map(Box::new);
        // The conductor is gone only when the process ends.
        let _ = events.send(Event::Config { ticket, result }).await;
    });
}

pub(super) fn load_part(conductor: &Conductor, subject: Subject, generation: u64) {
    let (loader, in_use, events) = (Arc::clone(&conductor.loader), conductor.in_use(), conductor.events.clone());
    let Some(in_use) = in_use else { return };
    tokio::spawn(async move {
        let loaded = tokio::task::spawn_blocking(move || loader.part(subject, &in_use)).await;
        let result = loaded.unwrap_or_else(|error| Err(broke(&error))).map(Box::new);
        let _ = events.send(Event::Part { subject, generation, result }).await;
    });
}

/// A load that panicked is refused like any other: what serves goes on serving.
fn broke(error: &tokio::task::JoinError) -> Refusal {
    let text = format!("loading broke off, which is a fault of portolan: {error}");
    Refusal { diagnostics: Diagnostics(vec![Diagnostic::new(text)]), files: Vec::new() }
}

pub(super) fn log(severity: Severity, text: &str) {
    match severity {
        Severity::Info => tracing::info!("{text}"),
        Severity::Warn => tracing::warn!("{text}"),
        Severity::Error => tracing::error!("{text}"),
    }
}
