//! The policies of a configuration: compiled, or taken over from those in use.
//!
//! Owns what counts as unchanged (same component, configuration and limits) and that an unchanged policy still has to
//! accept a changed region table. What came from a server is named by its digest and is not asked for again. Counters of a
//! policy go on under its name. Called by `load`.

use super::{Collected, InUse, tls};
use crate::config::{Diagnostic, Live, Policy, Source};
use crate::control::watch::{Subject, WatchedFile};
use crate::policy::{Carried, Engine, Loaded, PolicyFailure, RegionDirectory};
use crate::snapshot::build::policy_regions;
use crate::supply::{Brought, Supply, SupplyError};
use rustls::ClientConfig;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn load(
    engine: &Engine,
    supply: &mut Supply<'_>,
    live: &Live,
    in_use: Option<&InUse>,
    collected: &mut Collected,
) -> Option<Arc<[Arc<Loaded>]>> {
    let mut outgoing = Outgoing { in_use, made: BTreeMap::new() };
    let before = collected.problems.len();
    let mut loaded = Vec::new();
    for (index, policy) in live.policies.iter().enumerate() {
        if let Source::File(path) = &policy.component.source {
            collected.read(Subject::Policies, path);
            if !live.components.keys.is_empty() && policy.component.signature.is_none() {
                policy.component.signature_file().iter().for_each(|path| collected.read(Subject::Policies, path));
            }
        }
        // Only the data plane compares generations; here an instance is made once and thrown away.
        let directory = RegionDirectory { generation: 0, regions: policy_regions(live, index) };
        let Some(tls) = outgoing.tls(policy, collected) else { continue };
        match one(engine, supply, policy, &directory, in_use, tls) {
            Ok(policy) => loaded.push(policy),
            Err(Stopped::Supply(error)) => not_here(policy, &error, collected),
            Err(Stopped::Refused(problem)) => collected.problems.push(*problem),
        }
    }
    (collected.problems.len() == before).then(|| loaded.into())
}

/// TLS towards servers that policies may ask, by file of authorities.
struct Outgoing<'a> {
    in_use: Option<&'a InUse>,
    made: BTreeMap<PathBuf, Arc<ClientConfig>>,
}

impl Outgoing<'_> {
    /// TLS for a policy, where it may ask for it: that in use while its file is the same. The outer none is a problem, noted.
    #[allow(clippy::option_option, reason = "the outer one is an error that has been told")]
    fn tls(&mut self, policy: &Policy, collected: &mut Collected) -> Option<Option<Arc<ClientConfig>>> {
        let Some(grant) = policy.http.as_ref().filter(|grant| grant.speaks_tls()) else { return Some(None) };
        let problem = |error| Diagnostic::new(format!("policy {}: {error}", policy.name));
        let path = collected.keep(tls::authorities(grant.ca.as_deref()).map_err(problem))?;
        collected.read(Subject::Policies, &path);
        let used = self.in_use.and_then(|in_use| unchanged(in_use, &path));
        let made = self.made.get(&path).cloned().or(used);
        let made = made.or_else(|| collected.keep(tls::origin(&path).map_err(problem)))?;
        self.made.insert(path, Arc::clone(&made));
        Some(Some(made))
    }
}

/// TLS in use that was made of this file, which is as it was.
fn unchanged(in_use: &InUse, path: &Path) -> Option<Arc<ClientConfig>> {
    let same_file = in_use.files.contains(&WatchedFile::now(Subject::Policies, path));
    let mut of_path = in_use.live.policies.iter().zip(in_use.parts.policies.iter()).filter(|(policy, _)| {
        let grant = policy.http.as_ref();
        grant.is_some_and(|grant| tls::authorities(grant.ca.as_deref()).is_ok_and(|used| used == path))
    });
    of_path.find_map(|(_, loaded)| loaded.tls().cloned()).filter(|_| same_file)
}

/// Why a policy is not loaded.
enum Stopped {
    /// Its component cannot be had.
    Supply(SupplyError),
    /// It does not load.
    Refused(Box<Diagnostic>),
}

fn one(
    engine: &Engine,
    supply: &mut Supply<'_>,
    policy: &Policy,
    directory: &RegionDirectory,
    in_use: Option<&InUse>,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Arc<Loaded>, Stopped> {
    let position = |in_use: &&InUse| in_use.live.policies.iter().position(|old| old.name == policy.name);
    let index = in_use.as_ref().and_then(position);
    let old = in_use.zip(index).and_then(|(in_use, index)| Some((in_use, index, in_use.parts.policies.get(index)?)));
    let same_tls = |old: &Loaded| old.tls().map(Arc::as_ptr) == tls.as_ref().map(Arc::as_ptr);
    let named_by_digest = !matches!(policy.component.source, Source::File(_));
    let known = old.filter(|(in_use, index, old)| {
        named_by_digest
            && supply.trusts_as(&in_use.live.components)
            && in_use.live.policies[*index].component == policy.component
            && old.same_as(policy, old.digest())
            && same_tls(old)
    });
    let take_over = |(in_use, index, old): (&InUse, usize, &Arc<Loaded>)| {
        if policy_regions(&in_use.live, index) != directory.regions {
            old.rehearse(directory).map_err(|failure| refused(policy, &failure))?;
        }
        Ok(Arc::clone(old))
    };
    if let Some(known) = known {
        return take_over(known);
    }
    let Brought { bytes, digest } = supply.component(&policy.component).map_err(Stopped::Supply)?;
    if let Some(same) = old.filter(|(_, _, old)| old.same_as(policy, digest) && same_tls(old)) {
        return take_over(same);
    }
    let carried = old.map_or_else(Carried::default, |(_, _, old)| old.carried());
    let loaded = Loaded::load(engine, policy, &bytes, directory, carried);
    loaded.map(|loaded| Arc::new(loaded.with_tls(tls))).map_err(|error| {
        let text = format!("policy {:?} ({}): {}", error.policy, error.component, error.fault);
        Stopped::Refused(Box::new(Diagnostic::new(text).at(error.at)))
    })
}

/// Notes that a component cannot be had: a problem, or where nothing is fetched a gap in what is checked.
fn not_here(policy: &Policy, error: &SupplyError, collected: &mut Collected) {
    let text = format!("policy {:?} ({}): {error}", policy.name, policy.component);
    if matches!(error, SupplyError::NotFetched { .. }) {
        collected.not_fetched.push(text);
        return;
    }
    collected.passing |= error.is_remote();
    collected.problems.push(Diagnostic::new(text).at(policy.component_at.clone()));
}

fn refused(policy: &Policy, failure: &PolicyFailure) -> Stopped {
    let text = format!("policy {:?} does not accept the changed regions: {failure}", policy.name);
    Stopped::Refused(Box::new(Diagnostic::new(text).at(policy.config_at.clone())))
}
