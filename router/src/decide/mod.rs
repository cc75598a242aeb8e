//! The decision: from a snapshot and the facts of one exchange to what happens with it.
//!
//! One synchronous function of values: no await, no lock, no I/O, no clock. The router, `explain`, tests and replays
//! call the same `decide`, so what `explain` says is what happens. Reading order: route, pin, policies, key, plan,
//! shadows.

mod beside;
pub mod caching;
pub mod explain;
pub mod facts;
pub mod fields;
pub mod hearing;
mod policies;
mod rollout;
mod session;
mod shadow;
pub mod trace;
pub mod words;

use crate::base::RegionSet;
use crate::config::Cache;
use crate::files::Bundle;
use crate::policy::{Ask as PolicyAsk, Noted, PolicyFailure};
use crate::snapshot::comparison::{Compared, Comparisons, Place};
use crate::snapshot::{Action, PolicyUse, Service, Snapshot};
use crate::steer::affinity::{Terms, Token, TokenError, cookie};
use crate::steer::choose;
use crate::steer::nearness::Nearness;
use crate::steer::plan::{NoTarget, Pin, Plan};
use crate::steer::verdict::{Advice, CacheSay, Edit, Reply, SessionKey, Verdict};
use facts::{Facts, Scheme};
use hearing::Hearing;
use http::HeaderValue;
use http::header::COOKIE;
use policies::{Consulted, Heard, Scene};
use std::sync::Arc;
use std::time::Duration;
use trace::Trace;

/// How policies are asked: warm instances in the router, the same in `explain`, closures in tests.
pub trait AskPolicy {
    /// Asks one policy.
    ///
    /// # Errors
    /// When the policy trapped, ran out of time or memory, or answered nonsense.
    fn ask(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Verdict, PolicyFailure>;

    /// Asks one policy for the session's own key.
    ///
    /// # Errors
    /// As for `ask`.
    fn key(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Option<SessionKey>, PolicyFailure>;

    /// How long the last question took; zero where nobody measures.
    fn took(&self) -> Duration {
        Duration::ZERO
    }

    /// What the last question was answered from besides what it passed, where it asked for that.
    fn noted(&mut self) -> Noted {
        Noted::default()
    }

    /// Hears that a policy acted that is given to a share of the sessions.
    fn acted(&mut self, policy: &PolicyUse) {
        let _ = policy;
    }

    /// Hears what a policy would have changed that does not act, or did change that acts for a share of the sessions.
    fn compared(&mut self, with: &Comparisons, compared: &Compared) {
        let _ = (with, compared);
    }
}

/// What happens with an exchange.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every exchange is forwarded; a box would be an allocation for each"
)]
pub enum Decision<'s> {
    /// Forward it.
    Forward(Forward<'s>),
    /// Serve it from a directory.
    Files(&'s Bundle),
    /// Answer with a policy's reply.
    Reply(&'s Arc<Service>, Reply),
    /// No region can serve it now, but its route has a cache, which may have something. The plan has no target.
    Stranded(Box<Forward<'s>>, NoTarget),
    /// Answer that it cannot be served.
    Refuse(Option<&'s Arc<Service>>, Refusal),
}

impl<'s> Decision<'s> {
    /// The service that it is about.
    pub fn service(&self) -> Option<&'s Arc<Service>> {
        match self {
            Self::Forward(forward) => Some(forward.service),
            Self::Stranded(forward, _) => Some(forward.service),
            Self::Reply(service, _) => Some(service),
            Self::Refuse(service, _) => *service,
            Self::Files(_) => None,
        }
    }

    /// Where it sends the exchange.
    pub fn place(&self) -> Place {
        match self {
            Self::Forward(forward) => {
                forward.plan.targets.first().map_or(Place::Refused, |target| Place::Region(target.region))
            }
            Self::Files(_) | Self::Reply(..) => Place::Answered,
            Self::Stranded(..) | Self::Refuse(..) => Place::Refused,
        }
    }

    /// Why no region can serve it, if that is so.
    pub fn no_target(&self) -> Option<NoTarget> {
        match self {
            Self::Refuse(_, Refusal::NoTarget(why)) | Self::Stranded(_, why) => Some(*why),
            _ => None,
        }
    }
}

/// How to forward an exchange.
#[derive(Debug)]
pub struct Forward<'s> {
    /// The service.
    pub service: &'s Arc<Service>,
    /// Its targets.
    pub plan: Plan,
    /// The token that the session brought, when it was valid.
    pub token: Option<Token>,
    /// The pin in it.
    pub pin: Option<Pin>,
    /// Which side of rollouts the session is on; none where there is none.
    pub cohort: Option<u32>,
    /// How the route's answers are cached; none stores nothing.
    pub cache: Option<&'s Cache>,
    /// What policies say to the cache.
    pub cache_say: Option<Box<CacheSay>>,
    /// Header edits by policies.
    pub edits: Vec<Edit>,
    /// Limit for the whole exchange by a policy.
    pub timeout: Option<Duration>,
    /// What policies will be asked about the answer with; none when no policy is.
    pub hearing: Option<Box<Hearing>>,
}

/// Why an exchange cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No route matches.
    NoRoute,
    /// No region can serve.
    NoTarget(NoTarget),
    /// A policy failed whose `on_error` is `reject`.
    PolicyFailed,
}

/// Decides one exchange.
pub fn decide<'s>(
    snapshot: &'s Snapshot,
    facts: &Facts<'_>,
    ask: &mut dyn AskPolicy,
    mut trace: Option<&mut Trace>,
) -> Decision<'s> {
    let Some(route) = snapshot.routes.find(facts.host, facts.path) else {
        return Decision::Refuse(None, Refusal::NoRoute);
    };
    if let Some(trace) = trace.as_deref_mut() {
        trace.route = Some(route);
    }
    match snapshot.actions.get(route) {
        Some(Action::Files(bundle)) => Decision::Files(bundle),
        Some(Action::Service { service, cache }) => match snapshot.services.get(*service) {
            Some(service) => steer(snapshot, service, cache.as_deref(), facts, ask, trace),
            None => Decision::Refuse(None, Refusal::NoRoute),
        },
        None => Decision::Refuse(None, Refusal::NoRoute),
    }
}

/// Pin, policies, key, plan.
fn steer<'s>(
    snapshot: &'s Snapshot,
    service: &'s Arc<Service>,
    cache: Option<&'s Cache>,
    facts: &Facts<'_>,
    ask: &mut dyn AskPolicy,
    mut trace: Option<&mut Trace>,
) -> Decision<'s> {
    let token = token(snapshot, service, facts, trace.as_deref_mut());
    let pin = token.as_ref().map(|token| token.pin(&service.table));
    let near = Nearness::of(&service.table, facts.client.location());
    let cohort = rollout::cohort(service, pin.as_ref(), facts);
    let is_traced = trace.is_some();
    let mut scene = Scene { snapshot, service, facts, pin: pin.as_ref(), near: &near, cohort, key: None, is_traced };
    let mut heard = (shadow::listens(&scene) || rollout::listens(&scene)).then(Heard::default);
    let mut consulted = policies::consult(&scene, ask, heard.as_mut(), trace.as_deref_mut());
    if matches!(consulted, Consulted::Advice(_)) {
        match policies::key(&scene, ask, heard.as_mut(), trace.as_deref_mut()) {
            Ok(key) => scene.key = key,
            Err(policies::Failed) => consulted = Consulted::Failed,
        }
    }
    let planned = planned(&scene, &consulted, trace.as_deref_mut());
    // What waits for room will be decided again.
    let waits = matches!(&planned, Some(Err(why)) if !why.full().is_empty());
    if let Some(heard) = heard.as_ref().filter(|_| !waits) {
        rollout::compare(&scene, heard, &consulted, &planned, ask);
        shadow::compare(&scene, heard, &consulted, &planned, ask, trace);
    }
    let (advice, planned) = match (consulted, planned) {
        (Consulted::Advice(advice), Some(planned)) => (advice, planned),
        (Consulted::Reply(reply), _) => return Decision::Reply(service, reply),
        (Consulted::Failed | Consulted::Advice(_), _) => {
            return Decision::Refuse(Some(service), Refusal::PolicyFailed);
        }
    };
    let Advice { cache: cache_say, edits, timeout, .. } = advice;
    let hearing = Hearing::of(&scene);
    let forward = |plan| Forward { service, plan, token, pin, cohort, cache, cache_say, edits, timeout, hearing };
    match planned {
        Ok(plan) => Decision::Forward(forward(plan)),
        // Nobody may serve it: what another was served is no way round a fence.
        Err(why) if cache.is_none() || why == NoTarget::EmptyFence => {
            Decision::Refuse(Some(service), Refusal::NoTarget(why))
        }
        Err(why) => Decision::Stranded(Box::new(forward(Plan::nowhere())), why),
    }
}

/// The service that a request goes to, when it goes to one.
pub fn service_of<'s>(snapshot: &'s Snapshot, host: &str, path: &str) -> Option<&'s Arc<Service>> {
    match snapshot.actions.get(snapshot.routes.find(host, path)?)? {
        Action::Service { service, .. } => snapshot.services.get(*service),
        Action::Files(_) => None,
    }
}

/// The session's token, when affinity is on and the token is genuine, young enough and of this service.
fn token(snapshot: &Snapshot, service: &Service, facts: &Facts<'_>, trace: Option<&mut Trace>) -> Option<Token> {
    let found = session(snapshot, service, facts);
    if let Err(error) = &found {
        service.metrics.tokens.count(error.as_str());
    }
    if let Some(trace) = trace {
        trace.token = match &found {
            Ok(None) => None,
            Ok(Some(_)) => Some("valid"),
            Err(error) => Some(error.as_str()),
        };
    }
    found.ok().flatten()
}

/// The session's token; none where there is none or the service has no affinity.
///
/// # Errors
/// Why the token that is there is not honoured.
pub fn session(snapshot: &Snapshot, service: &Service, facts: &Facts<'_>) -> Result<Option<Token>, TokenError> {
    let Some(affinity) = service.spec.affinity.as_ref() else { return Ok(None) };
    let lines = facts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let values = cookie::values(lines, &affinity.cookie, affinity.secure || facts.scheme == Scheme::Https);
    let terms = Terms { service: &service.table.name, idle: affinity.idle, lifetime: affinity.lifetime };
    snapshot.keys.first_valid(values, &terms, facts.now, facts.proven)
}

/// What a plan came to; none where a policy answers or failed.
type Planned = Option<Result<Plan, NoTarget>>;

/// Plans by what the chain came to.
fn planned(scene: &Scene<'_>, consulted: &Consulted, trace: Option<&mut Trace>) -> Planned {
    let Consulted::Advice(advice) = consulted else { return None };
    let Scene { service, facts, pin, near, key, .. } = *scene;
    let (static_fence, now, seed) = (service.fence, facts.now, facts.seed);
    let ask = choose::Ask { nearness: near, pin, advice, static_fence, now, seed, key };
    let trace = trace.map(|trace| &mut trace.steering);
    Some(match facts.loads {
        Some(frozen) => choose::plan(&service.table, &ask, frozen, trace),
        None => choose::plan(&service.table, &ask, service, trace),
    })
}

/// The regions that a request may be served by as far as fences go.
fn allowed(service: &Service, fence: Option<RegionSet>) -> RegionSet {
    fence.map_or(service.fence, |fence| service.fence.intersect(fence))
}

#[cfg(test)]
mod tests;
