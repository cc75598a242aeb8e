//! Addresses behind host names.
//!
//! Owns what each name resolved to and when it is asked again. A look-up that fails keeps the last addresses: a name
//! server's fault takes no endpoint down. Called by `World::apply`.

use super::{Effect, HostPort, Severity, World};
use crate::base::Timestamp;
use crate::control::resolve::literal;
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two look-ups of a name.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// Time between two look-ups of a name that never resolved: at start, name servers may come up later than we do.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// Its addresses at the last look-up that found any.
    pub addresses: Vec<SocketAddr>,
    /// Why the last look-up found none.
    pub failure: Option<String>,
    asked_at: Option<Timestamp>,
    waiting: bool,
}

impl Name {
    /// Whether there was no answer at all yet.
    pub(super) fn open(&self) -> bool {
        self.addresses.is_empty() && self.failure.is_none()
    }

    fn due(&self, now: Timestamp) -> bool {
        let every = if self.addresses.is_empty() { ASK_AGAIN } else { ASK_EVERY };
        !self.waiting && self.asked_at.is_none_or(|asked| now.since(asked) >= every)
    }

    /// The address to use: the one in use as long as it is among the answers, so that rotation moves nothing.
    fn choose(&self, in_use: Option<SocketAddr>) -> Option<SocketAddr> {
        in_use.filter(|address| self.addresses.contains(address)).or_else(|| self.addresses.first().copied())
    }
}

impl World {
    /// Forgets names that no endpoint has any more and asks for those that are due.
    pub(super) fn ask_names(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let wanted: Vec<HostPort> = self.endpoints.values().map(|endpoint| endpoint.name()).collect();
        let wanted: std::collections::BTreeSet<_> = wanted.into_iter().filter(|name| literal(name).is_none()).collect();
        self.names.retain(|name, _| wanted.contains(name));
        for name in wanted {
            let known = self.names.entry(name.clone()).or_default();
            if known.due(now) {
                known.asked_at = Some(now);
                known.waiting = true;
                effects.push(Effect::Resolve(name));
            }
        }
    }

    pub(super) fn on_resolved(
        &mut self,
        name: &HostPort,
        result: Result<Vec<SocketAddr>, String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.names.get_mut(name) else { return };
        known.waiting = false;
        match result {
            Ok(addresses) => {
                known.addresses = addresses;
                known.failure = None;
            }
            Err(why) => {
                if known.failure.is_none() {
                    let kept = if known.addresses.is_empty() { "" } else { "; its last addresses stay in use" };
                    effects.push(Effect::Log(Severity::Warn, format!("{why}{kept}")));
                }
                known.failure = Some(why);
            }
        }
        self.sync_addresses(effects);
    }

    /// Brings addresses from names to endpoints.
    pub(super) fn sync_addresses(&mut self, effects: &mut Vec<Effect>) {
        let mut changed = false;
        for endpoint in self.endpoints.values_mut() {
            let name = endpoint.name();
            let address =
                literal(&name).or_else(|| self.names.get(&name).and_then(|known| known.choose(endpoint.address)));
            changed |= endpoint.address != address;
            endpoint.address = address;
        }
        if changed {
            effects.push(Effect::Publish { urgent: true });
            self.sync_probes(effects);
        }
    }
}
