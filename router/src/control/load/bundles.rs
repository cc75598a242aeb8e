//! What routes do: services by their position, and static bundles, indexed.
//!
//! Owns which bundle in use a new one continues: that of the same route, else one with the same root. Part of `load`.

use super::{Collected, InUse, Loader};
use crate::config::{self, Diagnostic, Live, Route};
use crate::control::watch::{Fingerprint, Subject, WatchedFile};
use crate::files::Bundle;
use crate::snapshot::Action;
use std::sync::Arc;

impl Loader {
    pub(super) fn actions(
        &self,
        live: &Live,
        in_use: Option<&InUse>,
        collected: &mut Collected,
    ) -> Option<Arc<[Action]>> {
        let mut actions = Vec::new();
        let before = collected.problems.len();
        for route in &live.routes {
            let action = match &route.action {
                config::Action::Service { service, cache } => {
                    Some(Action::Service { service: *service, cache: cache.clone() })
                }
                config::Action::Static(settings) => {
                    let continued = in_use.and_then(|in_use| continued(in_use, route, settings));
                    self.bundle(route, settings, continued, collected).map(Action::Files)
                }
            };
            actions.extend(action);
        }
        (collected.problems.len() == before).then(|| actions.into())
    }

    fn bundle(
        &self,
        route: &Route,
        settings: &Arc<config::Bundle>,
        before: Option<&Bundle>,
        collected: &mut Collected,
    ) -> Option<Bundle> {
        // Looked at before it is read, so that a change in between is seen.
        let seen = WatchedFile::now(Subject::Roots, &settings.root);
        let meters = self.metrics.bundles.of(&settings.root.display().to_string());
        let loaded = Bundle::load(settings, before, meters, self.clock);
        let problem = |error: crate::files::BundleError| Diagnostic::new(error.to_string()).at(route.at.clone());
        let bundle = collected.keep(loaded.map_err(problem));
        // One that is still being written goes on as it was: then it is another one than what is there now.
        let seen = match &bundle {
            Some(bundle) => WatchedFile { seen: Fingerprint::Directory(bundle.digest()), ..seen },
            None => seen,
        };
        collected.files.push(seen);
        bundle
    }
}

fn continued<'a>(in_use: &'a InUse, route: &Route, settings: &config::Bundle) -> Option<&'a Bundle> {
    let routes = in_use.live.routes.iter().zip(in_use.parts.actions.iter());
    let bundles = routes.filter_map(|(before, action)| match action {
        Action::Files(bundle) => Some((before, bundle)),
        Action::Service { .. } => None,
    });
    let same_route = bundles.clone().find(|(before, _)| before.key == route.key);
    let same_root = || bundles.clone().find(|(_, bundle)| bundle.root() == settings.root);
    same_route.or_else(same_root).map(|(_, bundle)| bundle)
}
