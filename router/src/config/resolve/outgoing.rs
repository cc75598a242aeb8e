//! What policies may ask of HTTP servers.
//!
//! Owns the defaults, and that a grant names at least one place. Asks nobody.

use super::{Resolver, or};
use crate::config::raw::RawPolicy;
use crate::config::{Outgoing, defaults};

impl Resolver<'_> {
    /// The grant of a policy; the outer none is a grant that is wrong.
    #[allow(clippy::option_option, reason = "the outer one is an error that has been told")]
    pub(super) fn outgoing(&mut self, policy: &RawPolicy) -> Option<Option<Outgoing>> {
        let Some(raw) = &policy.http else { return Some(None) };
        let what = "a list of URLs, such as [\"http://10.0.1.10:8080/status\"]";
        let allow = self.need(&raw.value.allow, &raw.span, "allow", what)?;
        if allow.value.is_empty() {
            let error = self.error(&allow.span, "the policy is granted HTTP, and no place to ask");
            error.help.push("name one, or leave `http` out".into());
            return None;
        }
        let raw = &raw.value;
        Some(Some(Outgoing {
            allow: allow.value.iter().map(|url| url.value.0.0.clone()).collect(),
            timeout: or(&raw.timeout, |time| time.0.0, defaults::OUTGOING_TIMEOUT),
            size: or(&raw.size, |size| size.0.0, defaults::OUTGOING_SIZE) as usize,
            rate: or(&raw.rate, |rate| rate.0, defaults::OUTGOING_RATE),
            ca: self.path(&raw.ca),
        }))
    }
}
