//! Which endpoint of a region.
//!
//! Owns the choice inside a region: two are drawn by the seed, the cheaper serves; a session that only its seed holds takes
//! the one that the seed leads to. One that just came back takes its ramping share of draws. Which endpoints may be drawn is the caller's word. No list is built, so a region may have any
//! number of endpoints without an allocation. Called by `choose`.

use super::strategy::{draw, peak_ewma, power_of_two, slow_start};
use super::table::{Balance, Endpoint, EndpointState, Loads, ServiceTable};
use crate::base::{Timestamp, hash};

/// Tell uses of the seed apart; the ramp's coin also mixes in the endpoint's index.
const PURPOSE_FIRST: u64 = 0x6261_6c31;
const PURPOSE_SECOND: u64 = 0x6261_6c32;
const PURPOSE_RAMP: u64 = 0x6261_6c33_0000;
const PURPOSE_HELD: u64 = 0x6261_6c34;

/// Which endpoints may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// Those that serve.
    Serving,
    /// All but those that failed their probes: what real traffic met may pass, what a probe sees is evidence.
    NotDown,
}

impl Among {
    fn admits(self, state: EndpointState) -> bool {
        match self {
            Self::Serving => state.serves(),
            Self::NotDown => state != EndpointState::Down,
        }
    }
}

/// What a choice needs besides the region.
pub(super) struct Draw<'a, L: ?Sized> {
    pub(super) table: &'a ServiceTable,
    pub(super) loads: &'a L,
    pub(super) now: Timestamp,
    pub(super) seed: u64,
    /// Whether load decides between two that are drawn. A session that only its seed holds is led by it to the same
    /// endpoint for as long as that serves; when one leaves, only its own sessions move (rendezvous hashing).
    pub(super) by_load: bool,
}

impl<L: Loads + ?Sized> Draw<'_, L> {
    /// An endpoint of the region, none of `except`; none when there is none to draw.
    pub(super) fn endpoint(&self, region: usize, among: Among, except: &[u16]) -> Option<u16> {
        let endpoints = &self.table.regions[region].endpoints;
        let usable =
            |index: usize, endpoint: &Endpoint| among.admits(endpoint.state) && !except.contains(&(index as u16));
        let usable_count = count(endpoints, usable);
        if usable_count <= 1 {
            return nth(endpoints, usable, 0);
        }
        let ramped = |index: usize, endpoint: &Endpoint| usable(index, endpoint) && self.past_ramp(index, endpoint);
        match count(endpoints, ramped) {
            0 => self.one_of(region, usable_count, usable),
            ramped_count => self.one_of(region, ramped_count, ramped),
        }
    }

    /// One of the `count` endpoints that pass.
    fn one_of(&self, region: usize, count: usize, pass: impl Fn(usize, &Endpoint) -> bool) -> Option<u16> {
        if self.by_load { self.cheaper_of_two(region, count, pass) } else { self.held(region, pass) }
    }

    /// The endpoint that the seed leads to.
    fn held(&self, region: usize, pass: impl Fn(usize, &Endpoint) -> bool) -> Option<u16> {
        let endpoints = self.table.regions[region].endpoints.iter().enumerate();
        let passing = endpoints.filter(|(index, endpoint)| pass(*index, endpoint));
        let found = passing.max_by_key(|(_, endpoint)| draw(self.seed ^ PURPOSE_HELD, endpoint.id))?;
        u16::try_from(found.0).ok()
    }

    /// Draws two of the `count` endpoints that pass and takes the cheaper; the first drawn on a tie.
    fn cheaper_of_two(&self, region: usize, count: usize, pass: impl Fn(usize, &Endpoint) -> bool) -> Option<u16> {
        let endpoints = &self.table.regions[region].endpoints;
        let first = below(draw(self.seed, PURPOSE_FIRST), count);
        let a = nth(endpoints, &pass, first)?;
        if count == 1 {
            return Some(a);
        }
        // Any of the others, each as likely.
        let second = (first + 1 + below(draw(self.seed, PURPOSE_SECOND), count - 1)) % count;
        let b = nth(endpoints, &pass, second)?;
        let cost = |endpoint: u16| {
            let load = self.loads.endpoint(region, usize::from(endpoint));
            match self.table.steering.balance {
                Balance::PowerOfTwo => power_of_two::cost(load),
                Balance::PeakEwma => peak_ewma::cost(load),
            }
        };
        Some(if cost(b) < cost(a) { b } else { a })
    }

    fn past_ramp(&self, index: usize, endpoint: &Endpoint) -> bool {
        let share = slow_start::share(endpoint.returned_at, self.now, self.table.steering.slow_start);
        share >= 1.0 || hash::unit(draw(self.seed, PURPOSE_RAMP + index as u64)) < share
    }
}

/// A number below `bound` from a hash (Lemire's multiply and shift).
fn below(hash: u64, bound: usize) -> usize {
    ((u128::from(hash) * bound as u128) >> 64) as usize
}

fn count(endpoints: &[Endpoint], pass: impl Fn(usize, &Endpoint) -> bool) -> usize {
    endpoints.iter().enumerate().filter(|(index, endpoint)| pass(*index, endpoint)).count()
}

fn nth(endpoints: &[Endpoint], pass: impl Fn(usize, &Endpoint) -> bool, n: usize) -> Option<u16> {
    let found = endpoints.iter().enumerate().filter(|(index, endpoint)| pass(*index, endpoint)).nth(n)?;
    u16::try_from(found.0).ok()
}
