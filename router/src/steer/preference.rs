//! In which order regions are preferred: the stages policy order and weight.
//!
//! Owns the host's own order (nearest first, equals by weight, weight 0 last of all) and where a policy's order goes
//! before it. Knows nothing of why a region may serve: it walks the set it is given. Called by `choose`.

use super::nearness::Nearness;
use super::reason::Reason;
use super::strategy::{distance_band, weighted};
use super::table::{Metric, ServiceTable};
use crate::base::RegionSet;

/// Walks a set of regions, best first, each once.
pub(super) struct Preference<'a> {
    table: &'a ServiceTable,
    nearness: &'a Nearness,
    /// What is left of the policy's order.
    order: &'a [u8],
    left: RegionSet,
    seed: u64,
}

impl<'a> Preference<'a> {
    /// A walk over `regions`.
    pub(super) fn new(
        table: &'a ServiceTable,
        nearness: &'a Nearness,
        order: &'a [u8],
        regions: RegionSet,
        seed: u64,
    ) -> Self {
        Self { table, nearness, order, left: regions, seed }
    }

    fn nearest(&self) -> Option<(usize, Reason)> {
        let weight = |region: u8| self.table.regions[usize::from(region)].weight;
        let mut left = self.nearness.iter().filter(|near| self.left.contains(usize::from(near.region)));
        let mut weighty = left.clone().filter(|near| weight(near.region) > 0);
        let Some(nearest) = weighty.next() else {
            return left.next().map(|near| (usize::from(near.region), Reason::Nearest));
        };
        let limit = distance_band::limit(nearest.cost, self.band());
        let score = |region: u8| weighted::score(self.seed, u64::from(region), weight(region));
        let mut best: Option<(u8, f64)> = None;
        for near in weighty.take_while(|near| near.cost <= limit) {
            let (_, highest) = *best.get_or_insert_with(|| (nearest.region, score(nearest.region)));
            let rival = score(near.region);
            if rival > highest {
                best = Some((near.region, rival));
            }
        }
        Some(match best {
            None => (usize::from(nearest.region), Reason::Nearest),
            Some((region, _)) => (usize::from(region), Reason::TieWeight),
        })
    }

    fn band(&self) -> f64 {
        match self.table.steering.metric {
            Metric::ClientDistance => self.table.steering.tie_band_km,
            Metric::PopRtt => self.table.steering.tie_band_rtt.as_secs_f64() * 1e6,
        }
    }
}

impl Iterator for Preference<'_> {
    type Item = (usize, Reason);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((region, rest)) = self.order.split_first() {
            self.order = rest;
            let region = usize::from(*region);
            if self.left.contains(region) {
                self.left.remove(region);
                return Some((region, Reason::PolicyOrder));
            }
        }
        let found = self.nearest()?;
        self.left.remove(found.0);
        Some(found)
    }
}
