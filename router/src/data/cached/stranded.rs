//! Answers for requests that no region can serve now.
//!
//! Owns what of the store may be used without an origin: what is fresh, what may be stale while it is asked for, and, when
//! waiting is no use either, what may stand in for a failed origin. Never asks anybody.

use super::{Flow, close, found_by};
use crate::cache::select::Choice;
use crate::data::body::Body;
use crate::data::cached::outcome::Outcome;
use crate::data::exchange::Asked as Context;
use crate::data::record::Record;
use crate::decide::Forward;
use http::Response;
use http::request::Parts;

/// When a request is stranded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Strand {
    /// There may be room soon: only what needs no origin is used.
    Full,
    /// There will be none: what is stale may stand in.
    Over,
}

/// An answer from the store; none when it has nothing that may be used.
pub(in crate::data) async fn serve(
    context: &Context<'_>,
    plan: &Forward<'_>,
    parts: &mut Parts,
    body: &Body,
    strand: Strand,
    record: &mut Record,
) -> Option<Response<Body>> {
    let cache = plan.cache?;
    let found = found_by(context, plan, cache, parts).filter(|found| found.passes_by.is_none())?;
    let outcome = Flow::new(context, plan, cache, parts, body, found).without_origin(strand).await?;
    Some(close(context, plan, outcome, record))
}

impl Flow<'_> {
    async fn without_origin(&self, strand: Strand) -> Option<Outcome> {
        let now = self.now();
        let held = self.store().look(&self.key, &self.address, now).await;
        let (index, stands_in) = match self.choose(&held, now) {
            Choice::Fresh { index } | Choice::Stale { index, .. } => (index, false),
            Choice::Validate { index, .. } if strand == Strand::Over && self.may_stand_in(&held[index], now) => {
                (index, true)
            }
            Choice::Unavailable => return Some(Outcome::unavailable()),
            _ => return None,
        };
        if self.is_in_doubt(&held[index].stored) {
            return None;
        }
        let ready = self.store().ready(&self.key, &held[index]).await?;
        let outcome = self.hit(&ready, now);
        Some(if stands_in { outcome.detail("origin-failed") } else { outcome })
    }
}
