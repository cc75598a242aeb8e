//! The choice: which targets serve one exchange, and what becomes of the session's pin.
//!
//! Owns how the stages come together: `standing` (fence, admin, health, capacity) says who can serve, the pin goes
//! first, `preference` (policy order, nearness, weight) orders the rest, `balance` picks endpoints. Called by `decide`,
//! `/explain` and the simulator. Never allocates beyond inline lists.

use super::balance::{Among, Draw};
use super::nearness::Nearness;
use super::plan::{MoveReason, NoTarget, Pin, PinWrite, Plan, Target};
use super::preference::Preference;
use super::reason::Reason;
use super::standing::{Standing, serving_share};
use super::strategy::{draw, slow_start};
use super::table::{AffinityMode, Endpoint, Loads, ServiceTable};
use super::trace::{Passed, Trace, reason_of};
use super::verdict::{Advice, PinAction};
use crate::base::{RegionSet, Timestamp, hash};
use bytes::Bytes;
use smallvec::SmallVec;

/// Tell uses of the seed apart; the region's index is mixed in.
const PURPOSE_SPILL: u64 = 0x7370_696c_0000;
const PURPOSE_RAMP: u64 = 0x7261_6d70_0000;

/// One exchange's question.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// How near each region is to the client.
    pub nearness: &'a Nearness,
    /// The session's pin, when it has a valid token.
    pub pin: Option<&'a Pin>,
    /// What the policies said.
    pub advice: &'a Advice,
    /// Regions that configuration allows for this route.
    pub static_fence: RegionSet,
    /// The time now.
    pub now: Timestamp,
    /// Entropy of this exchange.
    pub seed: u64,
    /// Hash of the session's own key, when a policy gives one: settles in place of `seed` and load what the pin leaves
    /// open, so that the same key goes to the same place for as long as that serves.
    pub key: Option<u64>,
}

/// Names up to three targets: the best endpoint, one in another region when that can be, and what else is left.
///
/// - Nothing outside the fence is ever a target. Unknown and degraded regions serve like healthy ones.
/// - A region that spills or ramps up passes part of the exchanges that are not at home there to the next.
/// - Panic, only when no other allowed region can serve: a region with too few serving endpoints is used beyond them,
///   but never an endpoint that failed its probes, for that is evidence and an ejection only an inference.
/// - Last resort, before refusing: a draining region that is alive; then, when nothing allowed is even alive, a region
///   whose endpoints are ejected but not down by probes. Everything down by probes is `AllDown`.
///
/// # Errors
/// When no region that is allowed can serve; never while one is alive and has room, unless the pin is strict.
pub fn plan<L: Loads + ?Sized>(
    table: &ServiceTable,
    ask: &Ask<'_>,
    loads: &L,
    trace: Option<&mut Trace>,
) -> Result<Plan, NoTarget> {
    let standing = Standing::of(table, ask, loads);
    let pin = ask.pin.filter(|_| table.steering.affinity.is_some());
    let out = pin.and_then(|pin| match pin.region.map(usize::from).filter(|region| *region < table.regions.len()) {
        Some(region) => standing.out(region),
        None => Some(MoveReason::Gone),
    });
    let (seed, endpoint_seed) = seeds(ask, pin, table.steering.affinity);
    let passed = Passed::default();
    let mut choice = Choice { table, ask, loads, standing, pin, out, passed, seed, endpoint_seed };
    let plan = choice.plan();
    if let Some(trace) = trace {
        let targets = plan.as_ref().map_or(&[][..], |plan| &plan.targets);
        trace.fill(table, ask.nearness, loads, |region| reason_of(region, &choice.standing, choice.passed, targets));
        trace.pin_out = choice.out;
    }
    plan
}

/// The first region, and where to go after it.
struct First {
    region: usize,
    reason: Reason,
    among: Among,
    /// Regions that may be the second or third target.
    others: RegionSet,
}

struct Choice<'a, L: ?Sized> {
    table: &'a ServiceTable,
    ask: &'a Ask<'a>,
    loads: &'a L,
    standing: Standing,
    /// The pin, when the service has affinity.
    pin: Option<&'a Pin>,
    /// Why the pinned region cannot serve.
    out: Option<MoveReason>,
    passed: Passed,
    /// Settles ties, spilling and ramps.
    seed: u64,
    /// Holds a session to one endpoint in place of load.
    endpoint_seed: Option<u64>,
}

impl<L: Loads + ?Sized> Choice<'_, L> {
    fn plan(&mut self) -> Result<Plan, NoTarget> {
        if self.standing.is_empty() {
            return Err(NoTarget::EmptyFence);
        }
        let first = self.first()?;
        let targets = self.targets(&first);
        // `first` only names regions with an endpoint to draw.
        if targets.is_empty() {
            return Err(NoTarget::AllDown);
        }
        let home = self.pin.and_then(|pin| pin.region).map(usize::from);
        let moved = (self.pin.is_some() && home != Some(first.region)).then(|| self.out.unwrap_or(MoveReason::Policy));
        let pin = self.pin_write(moved, &targets[0]);
        Ok(Plan { targets, pin, moved })
    }

    /// Stage pin, then capacity, order and weight.
    fn first(&mut self) -> Result<First, NoTarget> {
        let keeps = self.ask.advice.pin == PinAction::Keep;
        let strict = keeps && self.table.steering.affinity == Some(AffinityMode::Strict);
        let mut able = self.standing.able;
        if let Some(pin) = self.pin.filter(|_| keeps) {
            self.passed.strict = strict;
            // A region that is no longer configured will not come back: its sessions are free to go.
            if strict && self.out.is_some_and(|out| out != MoveReason::Gone) {
                let home = pin.region.map(usize::from).filter(|_| self.out == Some(MoveReason::Capacity));
                return Err(NoTarget::StrictPin(home.into_iter().collect()));
            }
            if let (None, Some(home)) = (self.out, pin.region.map(usize::from)) {
                let mut others = able;
                others.remove(home);
                if !self.must_wait(pin, home) || others.is_empty() {
                    let others = if strict { RegionSet::EMPTY } else { others };
                    return Ok(self.in_region(home, Reason::Pinned, others));
                }
                self.out = Some(MoveReason::Down);
                able = others;
            }
        }
        match self.best_of(able) {
            Some((region, reason)) => {
                let mut others = self.standing.able;
                others.remove(region);
                Ok(self.in_region(region, reason, others))
            }
            None => self.last_resort(),
        }
    }

    /// A region that can serve; panic widens the choice of endpoints when it has too few and is the only one.
    fn in_region(&self, region: usize, reason: Reason, others: RegionSet) -> First {
        let short = serving_share(&self.table.regions[region]) < self.table.steering.panic_below;
        match short && others.is_empty() {
            true => First { region, reason: Reason::Panic, among: Among::NotDown, others },
            false => First { region, reason, among: Among::Serving, others },
        }
    }

    /// Whether a `Temporary` session stays away a while longer: its region came back too short a time ago, and the
    /// session was not pinned there since.
    fn must_wait(&self, pin: &Pin, home: usize) -> bool {
        self.table.steering.affinity == Some(AffinityMode::Temporary)
            && self.table.regions[home].returned_at.is_some_and(|returned| {
                pin.pinned_at < returned && self.ask.now.since(returned) < self.table.steering.failback_after
            })
    }

    /// The best of the regions that can serve, passing over those that fill up or ramp up for their share of
    /// exchanges; when all were passed over, the first of them.
    fn best_of(&mut self, able: RegionSet) -> Option<(usize, Reason)> {
        let full = self.standing.full;
        let (mut passed, mut spilled, mut kept) = (self.passed, false, None);
        let walk: RegionSet = able.iter().chain(full.iter()).collect();
        let chosen = self.preference(walk).find_map(|(region, reason)| {
            let reason = if spilled { Reason::Spill } else { reason };
            if full.contains(region) {
                spilled = true;
            } else if self.spills(region) {
                passed.over_soft.insert(region);
                kept = kept.or(Some((region, reason)));
                spilled = true;
            } else if self.ramps(region) {
                passed.ramping.insert(region);
                kept = kept.or(Some((region, reason)));
            } else {
                return Some((region, reason));
            }
            None
        });
        self.passed = passed;
        chosen.or(kept)
    }

    /// Draining but alive; else, with nothing alive, what only traffic speaks against.
    fn last_resort(&self) -> Result<First, NoTarget> {
        let Standing { drain_spare, full, drain_full, hope, .. } = self.standing;
        let (set, among, refusal) = if !drain_spare.is_empty() {
            (drain_spare, Among::Serving, NoTarget::AllDown)
        } else if !full.is_empty() || !drain_full.is_empty() {
            return Err(NoTarget::AllFull(full.iter().chain(drain_full.iter()).collect()));
        } else {
            (hope, Among::NotDown, NoTarget::AllDown)
        };
        let home = self.pin.and_then(|pin| pin.region).map(usize::from).filter(|home| set.contains(*home));
        let region = home.or_else(|| self.preference(set).next().map(|(region, _)| region)).ok_or(refusal)?;
        let mut others = set;
        others.remove(region);
        Ok(First { region, reason: Reason::Panic, among, others })
    }

    fn preference(&self, regions: RegionSet) -> Preference<'_> {
        Preference::new(self.table, self.ask.nearness, &self.ask.advice.order, regions, self.seed)
    }

    fn spills(&self, region: usize) -> bool {
        let share = self.table.regions[region].spill;
        share > 0.0 && hash::unit(draw(self.seed, PURPOSE_SPILL + region as u64)) < share
    }

    fn ramps(&self, region: usize) -> bool {
        let returned_at = self.table.regions[region].returned_at;
        let share = slow_start::share(returned_at, self.ask.now, self.table.steering.slow_start);
        share < 1.0 && hash::unit(draw(self.seed, PURPOSE_RAMP + region as u64)) >= share
    }

    fn targets(&self, first: &First) -> SmallVec<[Target; super::plan::TARGETS_MAX]> {
        let draw = Draw {
            table: self.table,
            loads: self.loads,
            now: self.ask.now,
            seed: self.endpoint_seed.unwrap_or(self.ask.seed),
            by_load: self.endpoint_seed.is_none(),
        };
        let mut targets = SmallVec::new();
        let mut add = |region: usize, reason: Reason, endpoint: Option<u16>| {
            let target = endpoint.map(|endpoint| Target { region: region as u8, endpoint, reason });
            targets.extend(target);
            endpoint
        };
        let pinned = self.pinned_endpoint(first.region);
        let stays = pinned.is_some() && self.out.is_none() && first.reason == Reason::Panic;
        let reason = if stays { Reason::Pinned } else { first.reason };
        let known = self.named_endpoint(first.region).or(pinned);
        let chosen = known.or_else(|| draw.endpoint(first.region, first.among, &[]));
        let Some(chosen) = add(first.region, reason, chosen) else { return targets };

        let mut others = self.preference(first.others);
        let mut elsewhere = |among| others.find_map(|(region, _)| Some((region, draw.endpoint(region, among, &[])?)));
        let sibling = |except: &[u16]| {
            // In panic the retry goes where something serves, if anything does.
            let serving = draw.endpoint(first.region, Among::Serving, except);
            serving.or_else(|| draw.endpoint(first.region, first.among, except))
        };
        match elsewhere(first.among) {
            Some((region, endpoint)) => {
                add(region, Reason::Alternative, Some(endpoint));
                if add(first.region, Reason::Alternative, sibling(&[chosen])).is_none() {
                    let (region, endpoint) = match elsewhere(first.among) {
                        Some((region, endpoint)) => (region, Some(endpoint)),
                        None => (region, draw.endpoint(region, first.among, &[endpoint])),
                    };
                    add(region, Reason::Alternative, endpoint);
                }
            }
            None => {
                if let Some(second) = add(first.region, Reason::Alternative, sibling(&[chosen])) {
                    add(first.region, Reason::Alternative, sibling(&[chosen, second]));
                }
            }
        }
        targets
    }

    /// The endpoint that a policy names, when it is in this region and serves.
    fn named_endpoint(&self, region: usize) -> Option<u16> {
        let url = self.ask.advice.endpoint.as_deref()?;
        self.serving_endpoint(region, |endpoint| &*endpoint.url == url)
    }

    /// The endpoint that the session is pinned to, when it is in this region and serves.
    fn pinned_endpoint(&self, region: usize) -> Option<u16> {
        let pin = self
            .pin
            .filter(|pin| pin.region.map(usize::from) == Some(region) && self.ask.advice.pin != PinAction::Clear)?;
        let id = pin.endpoint?;
        self.serving_endpoint(region, |endpoint| endpoint.id == id)
    }

    fn serving_endpoint(&self, region: usize, is_it: impl Fn(&Endpoint) -> bool) -> Option<u16> {
        let endpoints = &self.table.regions[region].endpoints;
        let found = endpoints.iter().position(|endpoint| is_it(endpoint) && endpoint.state.serves())?;
        u16::try_from(found).ok()
    }

    fn pin_write(&self, moved: Option<MoveReason>, first: &Target) -> PinWrite {
        let Some(mode) = self.table.steering.affinity else { return PinWrite::Leave };
        match (&self.ask.advice.pin, self.pin) {
            (PinAction::Hold, _) | (PinAction::Clear, None) => PinWrite::Leave,
            (PinAction::Clear, Some(_)) => PinWrite::Clear,
            (PinAction::Bind { payload, ttl }, _) => PinWrite::Bind { payload: payload.clone(), ttl: *ttl },
            (PinAction::Keep, None) => PinWrite::Bind { payload: Bytes::new(), ttl: None },
            (PinAction::Keep, Some(pin)) => {
                let region = &self.table.regions[usize::from(first.region)];
                let same_endpoint = pin.endpoint.is_none_or(|id| {
                    region.endpoints.get(usize::from(first.endpoint)).is_some_and(|endpoint| endpoint.id == id)
                });
                match (moved.is_some(), mode) {
                    (true, AffinityMode::Temporary) if moved != Some(MoveReason::Gone) => PinWrite::Leave,
                    (false, _) if same_endpoint || mode == AffinityMode::Temporary => PinWrite::Refresh,
                    // Elsewhere for good, or at another endpoint of its region: the token must say so.
                    _ => PinWrite::Bind { payload: pin.payload.clone(), ttl: pin.ttl },
                }
            }
        }
    }
}

/// The seed for regions, and the one for endpoints when load must not decide. All exchanges with one key, and all of a
/// `Temporary` session that is away, meet the same region and endpoint that way, though no token says where.
fn seeds(ask: &Ask<'_>, pin: Option<&Pin>, mode: Option<AffinityMode>) -> (u64, Option<u64>) {
    if let Some(key) = ask.key {
        return (key, Some(key));
    }
    let temporary = ask.advice.pin == PinAction::Keep && mode == Some(AffinityMode::Temporary);
    let Some(pin) = pin.filter(|_| temporary) else { return (ask.seed, None) };
    let endpoint = pin.endpoint.unwrap_or_default().to_le_bytes();
    let own = hash::of(&[pin.region_name.as_bytes(), &pin.session_started.0.to_le_bytes(), &endpoint]);
    (own, pin.endpoint.map(|_| own))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod world;
