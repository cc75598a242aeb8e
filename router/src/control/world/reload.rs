//! Loads of configuration and files: asked for, taken, refused.
//!
//! Owns the numbering of loads and the memory of what came of the last ones. A configuration is taken whole or not at
//! all; what serves goes on serving. What could not be fetched is tried again, ever more rarely. Called by `World::apply`; adopting a configuration is `adopt`'s part.

use super::{Effect, Event, InForce, LoadedConfig, LoadedPart, Refusal, Severity, World};
use crate::base::{Timestamp, hash};
use crate::control::watch::{Subject, WatchedFile};
use crate::snapshot::build::Parts;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pause before what could not be fetched is tried again; doubles up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// What came of the last load of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct LastReload {
    /// When.
    pub at: Timestamp,
    /// Its number; waiting operators compare it with theirs.
    pub ticket: u64,
    /// Why it was refused; none when it took effect.
    pub refused: Option<Refusal>,
}

/// Loads so far.
#[derive(Debug, Default)]
pub struct Reloads {
    asked: u64,
    running: bool,
    again: bool,
    /// When a configuration is tried again of which something could not be fetched.
    retry_at: Option<Timestamp>,
    /// Tries of it so far.
    retries: u32,
    last: Option<LastReload>,
    parts_refused: BTreeMap<Subject, Refusal>,
    watched: Vec<WatchedFile>,
}

impl Reloads {
    /// What came of the last load of the configuration.
    pub fn last(&self) -> Option<&LastReload> {
        self.last.as_ref()
    }

    /// Files behind the configuration in force that changed and were refused since; the earlier ones still serve.
    pub fn parts_refused(&self) -> &BTreeMap<Subject, Refusal> {
        &self.parts_refused
    }

    /// When the refused configuration is tried again although no file changed.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    pub(super) fn watched(&self) -> &[WatchedFile] {
        &self.watched
    }

    /// The number that a load asked for now will have.
    pub fn next_ticket(&self) -> u64 {
        self.asked + 1
    }
}

impl World {
    /// Asks for a load. One runs at a time; one more follows when the files changed meanwhile.
    pub(super) fn ask_for_load(&mut self, effects: &mut Vec<Effect>) {
        if self.reloads.running {
            self.reloads.again = true;
            return;
        }
        self.reloads.asked += 1;
        self.reloads.running = true;
        self.reloads.retry_at = None;
        effects.push(Effect::LoadConfig { ticket: self.reloads.asked });
    }

    /// Asks for a load again when it is time to try again what could not be fetched.
    pub(super) fn retry_load(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.reloads.retry_at.is_some_and(|at| now >= at) {
            self.ask_for_load(effects);
        }
    }

    /// How long to wait before the next try: longer after each, by another jitter for each PoP and try, so that a fleet
    /// does not come back to a registry all at once.
    fn plan_retry(&mut self, now: Timestamp) -> Option<Duration> {
        let pop = self.in_force.as_ref().map(|in_force| &in_force.live.pop.name)?;
        let seed = hash::of(&[pop.as_bytes(), &self.reloads.asked.to_le_bytes()]);
        let pause = RETRY_MAX.min(RETRY_FIRST * 2u32.pow(self.reloads.retries.min(10)));
        let pause = pause.mul_f64(0.75 + hash::unit(seed) / 2.0);
        self.reloads.retries += 1;
        self.reloads.retry_at = Some(now.plus(pause));
        Some(pause)
    }

    pub(super) fn on_changed(&mut self, subject: Subject, effects: &mut Vec<Effect>) {
        match &self.in_force {
            Some(in_force) if subject != Subject::Config && !self.reloads.running => {
                effects.push(Effect::LoadPart { subject, generation: in_force.generation });
            }
            _ => self.ask_for_load(effects),
        }
    }

    pub(super) fn on_config(
        &mut self,
        ticket: u64,
        result: Result<Box<LoadedConfig>, Refusal>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.reloads.running = false;
        let refused = match result {
            Ok(loaded) => {
                self.reloads.retries = 0;
                self.reloads.watched.clone_from(&loaded.files);
                self.reloads.parts_refused.clear();
                effects.push(Effect::Watch(loaded.files.clone()));
                self.adopt(*loaded, now, effects);
                None
            }
            Err(refusal) => {
                // What serves is watched as before; a change of a file that stood in the way is worth another try.
                let in_the_way =
                    refusal.files.iter().map(|file| WatchedFile { subject: Subject::Config, ..file.clone() });
                let kept = self.reloads.watched.iter().filter(|file| file.subject != Subject::Config).cloned();
                effects.push(Effect::Watch(kept.chain(in_the_way).collect()));
                let retry = if refusal.passing { self.plan_retry(now) } else { None };
                // At the first start the process ends with these problems and tells them itself.
                if let Some(InForce { generation, .. }) = &self.in_force {
                    let problems = &refusal.diagnostics;
                    let next = retry.map_or(String::new(), |pause| format!("; next try in {} s", pause.as_secs()));
                    let text =
                        format!("configuration refused; generation {generation} keeps serving{next}\n{problems}");
                    effects.push(Effect::Log(Severity::Error, text));
                }
                Some(refusal)
            }
        };
        self.reloads.last = Some(LastReload { at: now, ticket, refused });
        if std::mem::take(&mut self.reloads.again) {
            self.ask_for_load(effects);
        }
    }

    pub(super) fn on_part(
        &mut self,
        subject: Subject,
        generation: u64,
        result: Result<Box<LoadedPart>, Refusal>,
        effects: &mut Vec<Effect>,
    ) {
        // Another configuration took effect meanwhile; it read the files itself.
        let Some(in_force) = self.in_force.as_mut().filter(|in_force| in_force.generation == generation) else {
            return;
        };
        let files = match result {
            Ok(loaded) => {
                replace(&mut in_force.parts, subject, loaded.parts);
                self.reloads.parts_refused.remove(&subject);
                effects.push(Effect::Log(Severity::Info, format!("{} loaded again", subject.as_str())));
                effects.push(Effect::Publish { urgent: true });
                loaded.files
            }
            Err(refusal) => {
                let text = format!("{} refused; the ones in use stay\n{}", subject.as_str(), refusal.diagnostics);
                effects.push(Effect::Log(Severity::Error, text));
                let files = refusal.files.clone();
                self.reloads.parts_refused.insert(subject, refusal);
                files
            }
        };
        self.reloads.watched.retain(|file| file.subject != subject);
        self.reloads.watched.extend(files);
        effects.push(Effect::Watch(self.reloads.watched.clone()));
        self.sync_probes(effects);
        self.adopt_rollouts();
        if subject == Subject::Roots {
            self.ask_for_variants(effects);
        }
    }
}

/// Takes what belongs to one subject from parts that were loaded again.
fn replace(parts: &mut Parts, subject: Subject, loaded: Parts) {
    match subject {
        Subject::Policies => parts.policies = loaded.policies,
        Subject::Geo => parts.geo = loaded.geo,
        Subject::Certificates => {
            parts.listener_tls = loaded.listener_tls;
            parts.origin_tls = loaded.origin_tls;
        }
        Subject::Roots => parts.actions = loaded.actions,
        Subject::Config => *parts = loaded,
    }
}

/// The event that starts everything: nothing is in force, load the configuration.
pub fn first() -> Event {
    Event::Changed(Subject::Config)
}
