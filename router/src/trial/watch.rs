//! A case of the hook `health`: the background instance is called by hand.
//!
//! Owns what a case's regions and servers become for it. The instance, its limits and its grant are the router's own; servers are
//! a table, so that no socket is opened, names need not resolve, and a case says what an outage looks like. Called by `play` and `random`.

use super::play::{differ, headers, octets};
use super::stage::{NOW, Stage, policy_of};
use super::suite::{Case, Server, State, Watch};
use crate::config::Url;
use crate::policy::{Asked, Feed, FetchError, Fetched, RegionDirectory, RegionState, Rehearsal};
use crate::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Plays the call of a case, and adds what is wrong with it, for people.
pub(super) fn judge(stage: &Stage, case: &Case, watch: &Watch, wrong: &mut Vec<String>) -> Result<(), String> {
    let policy = stage.policy().filter(|policy| policy.watches());
    let policy = policy.ok_or("`watch`: the policy does not export the hook `health`")?;
    let servers = servers(&watch.servers)?;
    let answer = move |asked: &Asked| servers.get(&asked.url).cloned().unwrap_or(Err(FetchError::NoConnection));
    let mut rehearsal = Rehearsal::new(Arc::clone(policy), Box::new(answer));
    let mut directory = None;
    let mut call = |case: &Case| {
        let feed = feed(&stage.snapshot(case), &mut directory);
        let entropy = case.entropy.unwrap_or(0.5);
        rehearsal.call(&feed, NOW, entropy).map_err(|failure| format!("watch failed: {}: {failure}", failure.as_str()))
    };
    if let Some(before) = &watch.before {
        call(&with(case, before))?;
    }
    let pause = call(case)?;
    let asked = rehearsal.asked();
    if let Some(expected) = &watch.pause
        && expected.0 != pause.unwrap_or_default()
    {
        wrong.push(differ("pause", &shown(expected.0), &shown(pause.unwrap_or_default())));
    }
    let asked = asked.iter().map(|asked| format!("{} {}", asked.method, asked.url)).collect::<Vec<_>>();
    if let Some(expected) = watch.asks.as_ref().filter(|expected| **expected != asked) {
        wrong.push(differ("asks", &expected.join(", "), &asked.join(", ")));
    }
    Ok(())
}

/// The case with regions in these states.
pub(super) fn with(case: &Case, states: &BTreeMap<String, State>) -> Case {
    let mut case = case.clone();
    case.regions.extend(states.iter().map(|(region, state)| (region.clone(), state.clone())));
    case
}

/// What there is to tell of this snapshot's regions. The table of regions is the same in every call of an instance.
pub(super) fn feed(snapshot: &Snapshot, directory: &mut Option<Arc<RegionDirectory>>) -> Feed {
    let known = policy_of(snapshot).map(|policy| Arc::clone(&policy.directory));
    let directory = directory.get_or_insert_with(|| known.unwrap_or_default());
    let regions = snapshot.services.first().into_iter().flat_map(|service| &service.table.regions);
    let regions = regions.map(|region| RegionState { health: region.health.into(), since: region.health_since });
    Feed { directory: Arc::clone(directory), regions: regions.collect() }
}

/// The answers of servers by their plainest URL.
fn servers(servers: &BTreeMap<String, Server>) -> Result<BTreeMap<String, Result<Fetched, FetchError>>, String> {
    let one = |(url, server): (&String, &Server)| {
        let known = Url::asked(url).ok_or_else(|| format!("{url:?} is no URL that a policy can ask"))?;
        Ok((known.to_string(), fetched(server)?))
    };
    servers.iter().map(one).collect()
}

/// What a policy gets of this server; the error is for people.
pub(super) fn fetched(server: &Server) -> Result<Result<Fetched, FetchError>, String> {
    let answer = match server {
        Server::Answer(answer) => answer,
        Server::Failure(word) => {
            let error = FetchError::named(word);
            let error =
                error.ok_or_else(|| format!("{word:?} is no failure of a request; docs/contract.md has them"))?;
            return Ok(Err(error));
        }
    };
    if !(200..=999).contains(&answer.status) {
        return Err(format!("a server answers with the status {}; accepted: 200 to 999", answer.status));
    }
    let headers = headers(&answer.headers)?;
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Ok(Ok(Fetched { status: answer.status, headers: headers.collect(), body: octets(&answer.body) }))
}

fn shown(pause: Duration) -> String {
    if pause.is_zero() { "0s: not before a region changes".to_owned() } else { format!("{pause:?}") }
}
