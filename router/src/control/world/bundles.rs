//! Static bundles while they serve.
//!
//! Owns what happens to one between two loads: variants that were made for it come in, assets of earlier builds go when
//! their time is over. Called by `World::apply`.

use super::{Effect, World};
use crate::base::Timestamp;
use crate::files::{Bundle, Variants};
use crate::snapshot::Action;

impl World {
    /// Bundles of the configuration in force.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        let actions = self.in_force.iter().flat_map(|in_force| in_force.parts.actions.iter());
        actions.filter_map(|action| match action {
            Action::Files(bundle) => Some(bundle),
            Action::Service { .. } => None,
        })
    }

    /// Asks for the variants that are missing.
    pub(super) fn ask_for_variants(&self, effects: &mut Vec<Effect>) {
        if self.bundles().any(Bundle::wants_variants) {
            effects.push(Effect::MakeVariants);
        }
    }

    pub(super) fn on_variants(&mut self, variants: &Variants, effects: &mut Vec<Effect>) {
        self.replace_bundles(|bundle| bundle.with_variants(variants), effects);
    }

    pub(super) fn let_previous_go(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.replace_bundles(|bundle| bundle.without_gone(now), effects);
    }

    fn replace_bundles(&mut self, by: impl Fn(&Bundle) -> Option<Bundle>, effects: &mut Vec<Effect>) {
        let Some(in_force) = &mut self.in_force else { return };
        let replaced = |action: &Action| match action {
            Action::Files(bundle) => by(bundle).map(Action::Files),
            Action::Service { .. } => None,
        };
        let fresh: Vec<Option<Action>> = in_force.parts.actions.iter().map(replaced).collect();
        if fresh.iter().any(Option::is_some) {
            let actions = in_force.parts.actions.iter().zip(fresh);
            in_force.parts.actions = actions.map(|(old, fresh)| fresh.unwrap_or_else(|| old.clone())).collect();
            effects.push(Effect::Publish { urgent: false });
        }
    }
}
