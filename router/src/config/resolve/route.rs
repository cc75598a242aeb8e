//! Routes.
//!
//! Owns that each has one key and one action, and that no two have the same key.

use super::{Resolver, known};
use crate::config::raw::{RawConfig, RawRoute};
use crate::config::read::nearest;
use crate::config::value::{At, Span};
use crate::config::{Action, Route};
use crate::steer::route::{HostPattern, PathPattern, RouteKey};
use std::collections::HashMap;
use std::sync::Arc;

impl Resolver<'_> {
    pub(super) fn routes(&mut self, raw: &At<RawConfig>) -> Option<Vec<Route>> {
        let list =
            self.need(&raw.value.routes, &raw.span, "routes", "a list of hosts, paths and actions: [[routes]]")?;
        if list.value.is_empty() && !self.removed.any(&list.span) {
            self.error(&list.span, "there is no route").help.push("every request would be answered with 404".into());
        }
        let mut taken: HashMap<RouteKey, Span> = HashMap::new();
        let mut routes = Vec::new();
        for route in &list.value {
            let key = self.route_key(route);
            if let Some(key) = &key {
                match taken.get(key).cloned() {
                    Some(first) => self.twice(&route.span, "two routes have the same host and path".into(), &first),
                    None => drop(taken.insert(key.clone(), route.span.clone())),
                }
            }
            let action = self.action(raw, route);
            let at = self.place_of(&route.span);
            routes.push(key.zip(action).map(|(key, action)| Route { key, action, at }));
        }
        routes.into_iter().collect()
    }

    fn route_key(&mut self, route: &At<RawRoute>) -> Option<RouteKey> {
        let raw = &route.value;
        let host = raw.host.as_ref().map_or(HostPattern::Any, |host| host.value.0.0.clone());
        let path = match (&raw.path, &raw.path_exact) {
            (Some(path), None) => PathPattern::Prefix(path.value.0.0.clone()),
            (None, Some(path)) => PathPattern::Exact(path.value.0.0.clone()),
            (Some(_), Some(path)) => {
                let error = self.error(&path.span, "the route has both `path` and `path_exact`");
                error.help.push("`path` holds for everything at or below it, `path_exact` for that path alone".into());
                return None;
            }
            (None, None) => {
                let removed = ["path", "path_exact"].iter().any(|key| self.removed.key(&route.span, key));
                if !removed {
                    let error = self.error(&route.span, "the route has no path");
                    error.help.push("give `path` (\"/\" holds for everything) or `path_exact`".into());
                }
                return None;
            }
        };
        // A host that was wrong would look like any host, and clash with a route for any host.
        let known_host = !self.removed.key(&route.span, "host");
        known_host.then_some(RouteKey { host, path })
    }

    fn action(&mut self, config: &At<RawConfig>, route: &At<RawRoute>) -> Option<Action> {
        match (&route.value.service, &route.value.files) {
            (Some(name), None) => {
                let defined = config.value.services.as_ref();
                let names = || defined.iter().flat_map(|named| &named.value.0).map(|(name, _)| name.value.0.0.as_str());
                let text = name.value.0.0.as_str();
                let index = names().position(|known| known == text);
                let removed = match defined {
                    Some(named) => self.removed.key(&named.span, text),
                    None => self.removed.key(&config.span, "services"),
                };
                if index.is_none() && !removed {
                    let error = self.error(&name.span, format!("there is no service \"{text}\""));
                    error.help.extend(nearest(text, names()).map(|near| format!("did you mean \"{near}\"?")));
                    error.help.push(known(names()));
                }
                let service = index.and_then(|index| defined?.value.0.get(index)).map(|(_, service)| &service.value);
                let cache =
                    self.route_cache(route.value.cache.as_ref(), service.and_then(|service| service.cache.as_ref()));
                Some(Action::Service { service: index?, cache: cache? })
            }
            (None, Some(files)) => {
                let bundle = self.bundle(files).map(Arc::new).map(Action::Static);
                if let Some(cache) = &route.value.cache {
                    let error = self.error(&cache.span, "the route serves a directory, and has a cache");
                    error
                        .help
                        .push("`cache` is for routes to a service; a directory is served from memory anyway".into());
                }
                bundle
            }
            (service, _) => {
                let removed = ["service", "static"].iter().any(|key| self.removed.key(&route.span, key));
                if service.is_some() || !removed {
                    let wrong = if service.is_some() { "two actions" } else { "no action" };
                    let error = self.error(&route.span, format!("the route has {wrong}"));
                    error.help.push("give exactly one of `service` and `static`".into());
                }
                None
            }
        }
    }
}
