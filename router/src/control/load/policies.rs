//! The policies of a configuration: compiled, or taken over from those in use.
//!
//! Owns what counts as unchanged (same file content, configuration and limits) and that an unchanged policy still has to
//! accept a changed region table. Counters of a policy go on under its name. Called by `load`.

use super::{Collected, InUse};
use crate::config::{Diagnostic, Live, Policy};
use crate::control::watch::Subject;
use crate::policy::{Carried, Digest, Engine, Loaded, PolicyFailure, RegionDirectory};
use crate::snapshot::build::policy_regions;
use std::sync::Arc;

pub(super) fn load(
    engine: &Engine,
    live: &Live,
    in_use: Option<&InUse>,
    collected: &mut Collected,
) -> Option<Arc<[Arc<Loaded>]>> {
    let before = collected.problems.len();
    let mut loaded = Vec::new();
    for (index, policy) in live.policies.iter().enumerate() {
        collected.read(Subject::Policies, &policy.component);
        // Only the data plane compares generations; here an instance is made once and thrown away.
        let directory = RegionDirectory { generation: 0, regions: policy_regions(live, index) };
        loaded.extend(collected.keep(one(engine, policy, &directory, in_use).map_err(|problem| *problem)));
    }
    (collected.problems.len() == before).then(|| loaded.into())
}

fn one(
    engine: &Engine,
    policy: &Policy,
    directory: &RegionDirectory,
    in_use: Option<&InUse>,
) -> Result<Arc<Loaded>, Box<Diagnostic>> {
    let position = |in_use: &&InUse| in_use.live.policies.iter().position(|old| old.name == policy.name);
    let index = in_use.as_ref().and_then(position);
    let old = in_use.zip(index).and_then(|(in_use, index)| Some((in_use, index, in_use.parts.policies.get(index)?)));
    if let Some((in_use, index, old)) = old {
        let unchanged = std::fs::read(&policy.component).is_ok_and(|bytes| old.same_as(policy, Digest::of(&bytes)));
        if unchanged {
            if policy_regions(&in_use.live, index) != directory.regions {
                old.rehearse(directory).map_err(|failure| refused(policy, &failure))?;
            }
            return Ok(Arc::clone(old));
        }
    }
    let carried = old.map_or_else(Carried::default, |(_, _, old)| old.carried());
    match Loaded::load(engine, policy, directory, carried) {
        Ok(loaded) => Ok(Arc::new(loaded)),
        Err(error) => {
            let text = format!("policy {:?} ({}): {}", error.policy, error.component.display(), error.fault);
            Err(Box::new(Diagnostic::new(text).at(error.at)))
        }
    }
}

fn refused(policy: &Policy, failure: &PolicyFailure) -> Box<Diagnostic> {
    let text = format!("policy {:?} does not accept the changed regions: {failure}", policy.name);
    Box::new(Diagnostic::new(text).at(policy.config_at.clone()))
}
