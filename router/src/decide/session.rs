//! What a session's token says after an exchange.
//!
//! Owns when a new one is due: on a new pin, when the region or endpoint that served is not the pinned one, and when the
//! idle time is worth refreshing. Pure; called by the data plane once a target has served, and by trials of a policy.

use super::Forward;
use crate::base::Timestamp;
use crate::steer::affinity::Token;
use crate::steer::plan::{PinWrite, Target};
use crate::steer::table::AffinityMode;
use bytes::Bytes;

impl Forward<'_> {
    /// The token to write by `write` when `target` served; none while the present one is good enough, and none for a pin that the
    /// plan leaves alone or ends.
    pub fn token_after(&self, write: &PinWrite, target: Target, now: Timestamp) -> Option<Token> {
        let affinity = self.service.spec.affinity.as_ref()?;
        let region = self.service.table.regions.get(usize::from(target.region))?;
        let endpoint = region.endpoints.get(usize::from(target.endpoint)).map(|endpoint| endpoint.id);
        let bind = |payload: Bytes, ttl| {
            let token = Token::bind(self.pin.as_ref(), &region.name, endpoint, payload, ttl, now);
            // Who gets a token stays on the side where it was served without one.
            if self.pin.is_none() { Token { cohort: self.cohort, ..token } } else { token }
        };
        match write {
            PinWrite::Leave | PinWrite::Clear => None,
            PinWrite::Bind { payload, ttl } => Some(bind(payload.clone(), *ttl)),
            PinWrite::Refresh => {
                let token = self.token.as_ref()?;
                let away = token.region != region.name;
                if away && self.service.table.steering.affinity == Some(AffinityMode::Temporary) {
                    return None;
                }
                if away || token.endpoint != endpoint {
                    return Some(bind(token.payload.clone(), token.ttl));
                }
                token.is_refresh_due(now, affinity.idle).then(|| token.clone().refreshed(now))
            }
        }
    }
}
