//! Effects that take time: loads on threads of their own, and lines for the operator.
//!
//! Owns how a load's answer comes back as an event, also when it panicked. Called by the conductor.

use super::Conductor;
use crate::config::{Diagnostic, Diagnostics};
use crate::control::watch::Subject;
use crate::control::world::{Event, Refusal, Severity};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Makes the variants of all bundles in force, one after the other on one thread; each is told when it is done.
pub(super) fn make_variants(conductor: &mut Conductor) {
    conductor.stop_variants.store(true, Ordering::Relaxed);
    let stop = Arc::new(AtomicBool::new(false));
    conductor.stop_variants = Arc::clone(&stop);
    let bundles = conductor.world.bundles().filter(|bundle| bundle.wants_variants());
    let (bundles, events) = (bundles.cloned().collect::<Vec<_>>(), conductor.events.clone());
    tokio::spawn(async move {
        for bundle in bundles {
            let stop = Arc::clone(&stop);
            let made = tokio::task::spawn_blocking(move || bundle.make_variants(&stop)).await;
            // Stopped: others are being made for what is in force now. Broken off: files go out as they are.
            let Ok(Some(variants)) = made else { return };
            let _ = events.send(Event::Variants(Box::new(variants))).await;
        }
    });
}

/// A load that panicked is refused like any other: what serves goes on serving.
fn broke(error: &tokio::task::JoinError) -> Refusal {
    let text = format!("loading broke off, which is a fault of portolan: {error}");
    Refusal { diagnostics: Diagnostics(vec![Diagnostic::new(text)]), files: Vec::new(), passing: false }
}

pub(super) fn log(severity: Severity, text: &str) {
    match severity {
        Severity::Info => tracing::info!("{text}"),
        Severity::Warn => tracing::warn!("{text}"),
        Severity::Error => tracing::error!("{text}"),
    }
}
