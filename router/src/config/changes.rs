//! Which boot settings differ between two configurations.
//!
//! Owns the names under which a reload reports what needs a restart. Applies nothing.

use super::Boot;

/// The keys of boot settings that differ, in the order of the reference; empty when a reload is enough.
pub fn boot_changes(old: &Boot, new: &Boot) -> Vec<&'static str> {
    // Taken apart, so that a new boot setting cannot be forgotten here.
    let Boot { listeners, admin, workers, shutdown_deadline, policy_cache, cache_memory, cache_disk, record } = old;
    let differs = [
        ("listeners", *listeners != new.listeners),
        ("admin", *admin != new.admin),
        ("process.workers", *workers != new.workers),
        ("process.policy_cache", *policy_cache != new.policy_cache),
        ("process.cache_memory", *cache_memory != new.cache_memory),
        ("process.cache_disk", *cache_disk != new.cache_disk),
        ("record", *record != new.record),
        ("shutdown.deadline", *shutdown_deadline != new.shutdown_deadline),
    ];
    differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}
