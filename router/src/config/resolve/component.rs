//! Components of policies: where they come from, and how they are fetched.
//!
//! Owns that what comes from a server is named by a digest, and comes by TLS unless the operator says otherwise. Fetches
//! nothing.

use super::{Resolver, or};
use crate::config::component::{Component, ComponentSettings, Source};
use crate::config::defaults;
use crate::config::raw::{RawConfig, RawPolicy};
use crate::config::value::At;

impl Resolver<'_> {
    pub(super) fn components(&mut self, raw: &At<RawConfig>) -> ComponentSettings {
        let raw = raw.value.components.as_ref().map(|components| &components.value);
        let plain = raw.and_then(|raw| raw.plain_http.as_ref()).map_or(&[][..], |list| &list.value);
        ComponentSettings {
            cache: raw.and_then(|raw| self.path(&raw.cache)),
            cache_size: raw.map_or(defaults::COMPONENT_CACHE, |raw| {
                or(&raw.cache_size, |size| size.0.0, defaults::COMPONENT_CACHE)
            }),
            size_max: raw
                .map_or(defaults::COMPONENT_MAX, |raw| or(&raw.size_max, |size| size.0.0, defaults::COMPONENT_MAX)),
            timeout: raw.map_or(defaults::COMPONENT_TIMEOUT, |raw| {
                or(&raw.timeout, |time| time.0.0, defaults::COMPONENT_TIMEOUT)
            }),
            plain_http: plain.iter().map(|host| host.value.0.0.clone()).collect(),
            keys: raw
                .and_then(|raw| raw.keys.as_ref())
                .map_or_else(Vec::new, |keys| keys.value.iter().map(|key| key.value.0.0).collect()),
            credentials: raw.and_then(|raw| self.path(&raw.credentials)),
            ca: raw.and_then(|raw| self.path(&raw.ca)),
        }
    }

    /// The component of a policy; none when something is wrong with it.
    pub(super) fn component(&mut self, policy: &At<RawPolicy>, fetched: &ComponentSettings) -> Option<Component> {
        let raw = &policy.value;
        let what = "a file, \"https://HOST/PATH\" with a `digest`, or \"oci://REGISTRY/NAME@sha256:..\"";
        let written = self.need(&raw.component, &policy.span, "component", what)?;
        let digest = raw.digest.as_ref().map(|digest| digest.value.0.0);
        let source = match written.value.0.0.clone() {
            Source::File(path) => Source::File(self.base_dir.join(path)),
            Source::Web(url) if digest.is_none() && !self.removed.key(&policy.span, "digest") => {
                let wrong = format!("the component {url} has no digest: whatever the server sends would be run");
                let error = self.error(&written.span, wrong);
                error.help.push("add `digest = \"sha256:..\"`, as `portolan policy inspect` shows it".into());
                return None;
            }
            Source::Web(url) if !url.tls && !fetched.allows_plain(&url) => {
                let error = self.error(&written.span, format!("the component {url} would be fetched without TLS"));
                let list = format!("[components] plain_http = [\"{}\"]", url.authority());
                error.help.push(format!("use https://, or allow this host: {list}"));
                return None;
            }
            Source::Registry(mut image) if fetched.allows_plain(&image.registry) => {
                image.registry = image.registry.without_tls();
                Source::Registry(image)
            }
            source => source,
        };
        let signature = raw.signature.as_ref().map(|signature| signature.value.0.0);
        Some(Component { source, digest, signature })
    }
}
