//! Random worlds for the background instance of a policy that watches.
//!
//! Owns the property: whatever regions do and servers answer, its calls come to an end within their limits, and with what it keeps
//! of them the policy still has a verdict. A server says the same to the same question, so that a world that breaks it can be
//! shown as a case.

use super::super::play::Scene;
use super::super::stage::NOW;
use super::super::suite::{Case, Server, Watch};
use super::super::watch;
use super::imagine::{self, Words};
use super::{Findings, Place, answered};
use crate::base::{clock, hash};
use crate::policy::{Asked, FetchError, PolicyFailure, Rehearsal, WarmPool};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether it holds in this world, which becomes a case of it.
pub(super) fn holds(
    place: &Place,
    case: &mut Case,
    pool: &mut WarmPool,
    dice: &mut fastrand::Rng,
    words: &Words,
    findings: &mut Findings,
) -> Result<(), String> {
    let Some(policy) = place.stage.policy().filter(|policy| policy.watches()) else { return Ok(()) };
    let seed = dice.u64(..);
    let before = imagine::states(dice, &place.regions);
    let bodies = words.clone();
    let answer = move |asked: &Asked| {
        let server = imagined(seed, &asked.url, &bodies);
        watch::fetched(&server).unwrap_or(Err(FetchError::Broken))
    };
    let mut rehearsal = Rehearsal::new(Arc::clone(policy), Box::new(answer));
    let scene = Scene::new(&place.stage, case, None)?;
    let mut servers = BTreeMap::new();
    let mut directory = None;
    let mut failed = None;
    // It begins, regions change, and it is woken with nothing new.
    for told in [&watch::with(case, &before), &*case, &*case] {
        let feed = watch::feed(&place.stage.snapshot(told), &mut directory);
        let begun = clock::monotonic();
        let outcome = rehearsal.call(&feed, NOW, dice.f64());
        findings.watched += 1;
        findings.slowest_watch = findings.slowest_watch.max(begun.elapsed());
        let asked = rehearsal.asked().into_iter();
        servers.extend(asked.map(|asked| (asked.url.clone(), imagined(seed, &asked.url, words))));
        failed = outcome.err().filter(|failure| *failure != PolicyFailure::Exhausted);
        if failed.is_some() {
            break;
        }
    }
    case.watch = Some(Watch { before: Some(before), servers, ..Watch::default() });
    match failed {
        Some(failure) => Err(format!("the hook health of the policy {failure}")),
        None => answered(&scene.ask(pool, NOW)).map_err(|what| format!("with what it keeps, {what}")),
    }
}

/// How a server answers in this world.
fn imagined(seed: u64, url: &str, words: &Words) -> Server {
    let mut dice = fastrand::Rng::with_seed(hash::mix(seed ^ hash::of(&[url.as_bytes()])));
    imagine::server(&mut dice, words)
}
