//! Regions, endpoints and static fences of a service.
//!
//! Owns the identity of endpoints, that none is named twice, and which regions a fence means.

use super::{Resolver, known, or, shared};
use crate::base::{hash, region_set::REGIONS_MAX};
use crate::config::raw::{RawFence, RawRegion, RawService, RawSwitch};
use crate::config::read::nearest;
use crate::config::value::{At, Name, OriginUrl, Span, Written};
use crate::config::{Endpoint, Region, defaults};
use crate::steer::table::Admin;
use std::collections::{BTreeMap, HashMap};

/// Where each origin of a service was named first: TLS, host, port.
type Taken = HashMap<(bool, String, u16), Span>;

impl Resolver<'_> {
    pub(super) fn regions(&mut self, service: &At<Written<Name>>, raw: &At<RawService>) -> Option<Vec<Region>> {
        let named = self.need(&raw.value.regions, &raw.span, "regions", "one [services.NAME.regions.NAME] or more")?;
        let count = named.value.0.len();
        if count == 0 && !self.removed.any(&named.span) {
            self.error(&named.span, "the service has no regions").help.push("accepted: 1 to 64".into());
        }
        if let Some((name, _)) = named.value.0.get(REGIONS_MAX) {
            let error = self.error(&name.span, format!("the service has {count} regions"));
            error.help.push(format!("accepted: 1 to {REGIONS_MAX}"));
        }
        let mut taken = Taken::new();
        let each = named.value.0.iter().map(|(name, region)| self.region(service, name, region, &mut taken));
        let regions: Vec<_> = each.collect();
        regions.into_iter().collect()
    }

    fn region(
        &mut self,
        service: &At<Written<Name>>,
        name: &At<Written<Name>>,
        region: &At<RawRegion>,
        taken: &mut Taken,
    ) -> Option<Region> {
        let raw = &region.value;
        let location = self.need(&raw.location, &region.span, "location", "{ latitude = .., longitude = .. }");
        let location = location.and_then(|location| self.location(location));
        let urls = self.need(&raw.endpoints, &region.span, "endpoints", "a list of origin URLs");
        if let Some(urls) = urls
            && urls.value.is_empty()
            && !self.removed.any(&urls.span)
        {
            let error = self.error(&urls.span, format!("the region \"{}\" has no endpoints", name.value.0.0));
            error.help.push("accepted: at least one origin URL; `admin = \"off\"` takes a region out".into());
        }
        let mut endpoints = Vec::new();
        for url in urls.iter().flat_map(|urls| &urls.value) {
            let origin = &url.value.0;
            let key = (origin.tls, origin.host.clone(), origin.port);
            match taken.get(&key).cloned() {
                Some(first) => {
                    self.twice(&url.span, format!("the endpoint \"{}\" is named twice", origin.text), &first)
                }
                None => drop(taken.insert(key, url.span.clone())),
            }
            endpoints.push(endpoint(&service.value.0.0, &name.value.0.0, origin));
        }
        Some(Region {
            name: shared(name),
            location: location?,
            weight: or(&raw.weight, |weight| weight.0, defaults::WEIGHT),
            capacity: raw.capacity.as_ref().map(|capacity| capacity.value.0),
            labels: labels(raw),
            admin: or(&raw.admin, admin, Admin::On),
            endpoints,
        })
    }

    /// The regions a fence means, by index, in the order of the regions.
    pub(super) fn fence(&mut self, fence: &At<RawFence>, service: &RawService) -> Option<Vec<usize>> {
        // Missing regions are reported where they are read.
        let regions = &service.regions.as_ref()?.value.0;
        let regions_span = service.regions.as_ref()?.span.clone();
        let names = || regions.iter().map(|(name, _)| name.value.0.0.as_str());
        let mut inside = match &fence.value {
            RawFence::Labels(wanted) => {
                let wanted = || wanted.0.iter().map(|(key, value)| (&key.value.0.0, &value.value.0.0));
                let fits = |region: &RawRegion| {
                    let labels = labels(region);
                    wanted().all(|(key, value)| labels.get(key) == Some(value))
                };
                let all = regions
                    .iter()
                    .enumerate()
                    .filter(|(_, (_, region))| wanted().next().is_some() && fits(&region.value));
                all.map(|(index, _)| index).collect::<Vec<_>>()
            }
            RawFence::Regions(list) => {
                let mut inside = Vec::new();
                for name in list {
                    let text = name.value.0.0.as_str();
                    match names().position(|known| known == text) {
                        Some(index) => inside.push(index),
                        None if self.removed.key(&regions_span, text) => {}
                        None => {
                            let error = self.error(&name.span, format!("the service has no region \"{text}\""));
                            error.help.extend(nearest(text, names()).map(|near| format!("did you mean \"{near}\"?")));
                            error.help.push(known(names()));
                        }
                    }
                }
                if !list.is_empty() && inside.is_empty() {
                    return None;
                }
                inside
            }
        };
        if inside.is_empty() && !self.removed.any(&fence.span) {
            let error = self.error(&fence.span, "no region is inside the fence");
            error.help.push("every exchange would be refused; leave `fence` out for none".into());
        }
        inside.sort_unstable();
        inside.dedup();
        Some(inside)
    }
}

fn endpoint(service: &str, region: &str, origin: &OriginUrl) -> Endpoint {
    // A slash at the end changes nothing, so it must not change the identity in sessions' tokens either.
    let identity = origin.text.trim_end_matches('/').to_ascii_lowercase();
    Endpoint {
        id: hash::of(&[service.as_bytes(), region.as_bytes(), identity.as_bytes()]),
        url: origin.text.as_str().into(),
        tls: origin.tls,
        host: origin.host.as_str().into(),
        port: origin.port,
    }
}

fn labels(region: &RawRegion) -> BTreeMap<String, String> {
    let pairs = region.labels.iter().flat_map(|labels| &labels.value.0);
    pairs.map(|(key, value)| (key.value.0.0.clone(), value.value.0.0.clone())).collect()
}

fn admin(raw: &RawSwitch) -> Admin {
    match raw {
        RawSwitch::On => Admin::On,
        RawSwitch::Drain => Admin::Drain,
        RawSwitch::Off => Admin::Off,
    }
}
