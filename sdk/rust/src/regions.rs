//! The regions as configured: found by number, by name or by label.
//!
//! Holds what `init` was told and nothing that changes from request to request. Made by `guest.rs` and by `testing`;
//! read by policies, and by `request.rs` to name candidates.

use crate::{RegionId, RegionInfo};

/// All regions of the services that use the policy.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    by_id: Vec<RegionInfo>,
}

impl Regions {
    pub(crate) fn new(mut regions: Vec<RegionInfo>) -> Self {
        regions.sort_by_key(|region| region.id);
        Self { by_id: regions }
    }

    /// Every region, in order of number.
    pub fn iter(&self) -> std::slice::Iter<'_, RegionInfo> {
        self.by_id.iter()
    }

    /// The region with this number.
    pub fn by_id(&self, id: RegionId) -> Option<&RegionInfo> {
        // Numbers are dense in practice; the search is for a host that leaves gaps.
        match self.by_id.get(id as usize) {
            Some(region) if region.id == id => Some(region),
            _ => self.by_id.binary_search_by_key(&id, |region| region.id).ok().map(|place| &self.by_id[place]),
        }
    }

    /// The region of this service with this name.
    pub fn named(&self, service: &str, name: &str) -> Option<&RegionInfo> {
        self.iter().find(|region| region.service == service && region.name == name)
    }

    /// Regions of every service whose label has this value.
    pub fn labelled<'a>(&'a self, label: &'a str, value: &'a str) -> impl Iterator<Item = &'a RegionInfo> {
        self.iter().filter(move |region| region.label(label) == Some(value))
    }
}

impl<'a> IntoIterator for &'a Regions {
    type Item = &'a RegionInfo;
    type IntoIter = std::slice::Iter<'a, RegionInfo>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl RegionInfo {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Location;

    fn region(id: RegionId, name: &str) -> RegionInfo {
        RegionInfo {
            id,
            service: "shop".into(),
            name: name.into(),
            labels: vec![("zone".into(), name[..2].into())],
            location: Location { latitude: 0.0, longitude: 0.0 },
            capacity: 0,
        }
    }

    #[test]
    fn numbers_may_have_gaps_and_come_in_any_order() {
        let regions = Regions::new(vec![region(7, "us-east"), region(0, "eu-west"), region(3, "eu-north")]);
        for (id, name) in [(0, Some("eu-west")), (3, Some("eu-north")), (7, Some("us-east")), (1, None), (8, None)] {
            assert_eq!(regions.by_id(id).map(|region| region.name.as_str()), name, "{id}");
        }
        assert_eq!(regions.named("shop", "eu-north").map(|region| region.id), Some(3));
        assert_eq!(regions.named("blog", "eu-north"), None);
        assert_eq!(regions.labelled("zone", "eu").map(|region| region.id).collect::<Vec<_>>(), [0, 3]);
    }
}
