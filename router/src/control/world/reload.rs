//! Loads of configuration and files: asked for, taken, refused.
//!
//! Owns the numbering of loads and the memory of what came of the last ones. A configuration is taken whole or not at
//! all; what serves goes on serving. Called by `World::apply`; adopting a configuration is `adopt`'s part.

use super::{Effect, Event, InForce, LoadedConfig, LoadedPart, Refusal, Severity, World};
use crate::base::Timestamp;
use crate::control::watch::{Subject, WatchedFile};
use crate::snapshot::build::Parts;
use std::collections::BTreeMap;

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
        effects.push(Effect::LoadConfig { ticket: self.reloads.asked });
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
                // At the first start the process ends with these problems and tells them itself.
                if let Some(InForce { generation, .. }) = &self.in_force {
                    let problems = &refusal.diagnostics;
                    let text = format!("configuration refused; generation {generation} keeps serving\n{problems}");
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
