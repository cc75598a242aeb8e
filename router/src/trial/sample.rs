//! What a call of a policy costs.
//!
//! Owns the measurement: the cases of a suite in turn, each call timed as the router makes it, conversions and counters
//! included. Reads the monotonic clock. Called by `portolan policy bench`.

use super::play::Scene;
use super::stage::{NOW, Stage, StageError};
use super::suite::{Case, Suite};
use crate::base::clock;
use crate::policy::{Compiled, PolicyFailure, WarmPool};
use std::time::Duration;

/// Calls before any is timed.
const WARM_UP: u32 = 200;
/// Fresh instances that are timed.
const INSTANCES: usize = 50;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Calls that are timed.
    pub calls: u32,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Calls that were timed.
    pub calls: u32,
    /// Half of the calls took no longer.
    pub p50: Duration,
    /// 99 of 100 calls took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
    /// Calls that gave no verdict.
    pub failures: u32,
    /// Making an instance ready, `init` included: half took no longer.
    pub instance: Duration,
    /// Linear memory of an instance that has answered one call, bytes.
    pub memory_first: usize,
    /// The same after the last call, bytes.
    pub memory_last: usize,
}

/// Measures. A suite without cases is asked one plain request.
///
/// # Errors
/// When the policy does not load, or a case means nothing; for people.
pub fn sample(compiled: &Compiled, suite: &Suite, sample: Sample) -> Result<Samples, String> {
    let stage =
        Stage::new(compiled, suite, &suite.config, &suite.regions).map_err(|error: StageError| error.to_string())?;
    let plain = [Case::default()];
    let own = suite.cases.iter().filter(|case| case.config.is_none() && case.refuses.is_none());
    let mut cases: Vec<&Case> = own.collect();
    if cases.is_empty() {
        cases.extend(&plain);
    }
    let scenes: Vec<Scene> = cases.into_iter().map(|case| Scene::new(&stage, case, None)).collect::<Result<_, _>>()?;
    let mut pool = WarmPool::new();
    let mut took = Vec::with_capacity(sample.calls as usize);
    let (mut failures, mut memory_first) = (0, 0);
    for (call, scene) in (0..WARM_UP.saturating_add(sample.calls)).zip(scenes.iter().cycle()) {
        let played = scene.play(&mut pool, NOW);
        if call == 0 {
            memory_first = pool.memory();
        }
        if call >= WARM_UP {
            took.push(played.took);
            failures += u32::from(matches!(played.said, Some(Err(_))));
        }
    }
    took.sort_unstable();
    Ok(Samples {
        calls: sample.calls,
        p50: quantile(&took, 50),
        p99: quantile(&took, 99),
        max: took.last().copied().unwrap_or_default(),
        failures,
        instance: instance(&stage, &scenes).map_err(|failure| failure.to_string())?,
        memory_first,
        memory_last: pool.memory(),
    })
}

/// Time until a fresh instance is ready.
fn instance(stage: &Stage, scenes: &[Scene]) -> Result<Duration, PolicyFailure> {
    let mut took = Vec::with_capacity(INSTANCES);
    let used = scenes.first().and_then(Scene::directory).zip(stage.policy());
    for (directory, policy) in std::iter::repeat_n(used, INSTANCES).flatten() {
        let begun = clock::monotonic();
        policy.rehearse(directory)?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(quantile(&took, 50))
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or_default()
}
