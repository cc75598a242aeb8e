//! Random worlds: what a policy must never do, whatever it is asked.
//!
//! Owns the properties (it answers, within its limits; the same question gets the same answer from any instance; a
//! session stays where its pin says; what watches the regions never fails, whatever they do and servers say) and the search for a world that breaks one. The same seed gives the same worlds. A
//! world that breaks one is shown as a case. Called by `portolan policy test --random`.

mod imagine;
mod watching;

use super::play::{Played, Scene};
use super::stage::{NOW, Stage, StageError};
use super::suite::{Case, Region, Suite};
use crate::base::Ordered;
use crate::base::hash;
use crate::policy::{Compiled, PolicyFailure, WarmPool};
use crate::steer::verdict::Verdict;
use imagine::Words;
use std::time::Duration;

/// Sets of regions that are tried for each configuration, besides the file's own.
const VARIATIONS: usize = 7;
/// Most configurations of the file that are tried.
const CONFIGS_MAX: usize = 16;
/// Faults after which the search ends: they are mostly the same one.
const FAULTS_MAX: usize = 5;
/// Time between the two requests of a session.
const LATER: Duration = Duration::from_secs(1);

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    /// How many worlds.
    pub worlds: u32,
    /// Where they come from.
    pub seed: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Worlds that were tried.
    pub worlds: u32,
    /// Verdicts: passed, routed, answered by itself.
    pub verdicts: [u32; 3],
    /// Longest call, the host's part included.
    pub slowest: Duration,
    /// Calls of background instances.
    pub watched: u32,
    /// The longest of them.
    pub slowest_watch: Duration,
    /// Broken properties, a few at most.
    pub faults: Vec<Fault>,
}

/// A property that a world broke.
#[derive(Debug)]
pub struct Fault {
    /// Number of the world.
    pub world: u32,
    /// What happened.
    pub what: String,
    /// The world as text for a cases file.
    pub case: String,
}

/// A policy among regions.
struct Place {
    stage: Stage,
    config: toml::Table,
    regions: Ordered<String, Region>,
}

/// Searches.
///
/// # Errors
/// When the policy loads with none of the file's configurations.
pub fn explore(compiled: &Compiled, suite: &Suite, random: Random) -> Result<Findings, StageError> {
    let places = places(compiled, suite, random.seed)?;
    let words = Words::of(suite);
    let mut pool = WarmPool::new();
    let mut findings = Findings::default();
    for world in 0..random.worlds {
        let mut dice = fastrand::Rng::with_seed(hash::mix(random.seed ^ hash::mix(u64::from(world))));
        let place = &places[dice.usize(..places.len())];
        let mut case = imagine::case(&mut dice, place.stage.policy(), &place.regions, &words);
        findings.worlds += 1;
        let held = holds(place, &case, &mut pool, &mut dice, &mut findings);
        let held = held.and_then(|()| watching::holds(place, &mut case, &mut pool, &mut dice, &words, &mut findings));
        if let Err(what) = held {
            findings.faults.push(Fault { world, what, case: shown(place, &case, suite) });
            if findings.faults.len() >= FAULTS_MAX {
                break;
            }
        }
    }
    Ok(findings)
}

/// The policy with each of the file's configurations, among the file's regions and among others like them.
fn places(compiled: &Compiled, suite: &Suite, seed: u64) -> Result<Vec<Place>, StageError> {
    let mut configs = vec![&suite.config];
    for config in suite.cases.iter().filter(|case| case.refuses.is_none()).filter_map(|case| case.config.as_ref()) {
        if !configs.contains(&config) && configs.len() < CONFIGS_MAX {
            configs.push(config);
        }
    }
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut places = Vec::new();
    let mut refused = None;
    for config in configs {
        let variations = (0..VARIATIONS).map(|_| imagine::regions(&mut dice, &suite.regions));
        for regions in std::iter::once(suite.regions.clone()).chain(variations) {
            match Stage::new(compiled, suite, config, &regions) {
                Ok(stage) => places.push(Place { stage, config: config.clone(), regions }),
                // A policy may refuse regions that its configuration does not fit.
                Err(error) if error.refusal().is_some() => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
    }
    match refused {
        Some(error) if places.is_empty() => Err(error),
        _ => Ok(places),
    }
}

/// Whether every property holds in this world.
fn holds(
    place: &Place,
    case: &Case,
    pool: &mut WarmPool,
    dice: &mut fastrand::Rng,
    findings: &mut Findings,
) -> Result<(), String> {
    let scene = Scene::new(&place.stage, case, None)?;
    let first = scene.play(pool, NOW);
    findings.slowest = findings.slowest.max(first.took);
    answered(&first)?;
    match &first.said {
        Some(Ok(Verdict::Pass)) => findings.verdicts[0] += 1,
        Some(Ok(Verdict::Route(_))) => findings.verdicts[1] += 1,
        Some(Ok(Verdict::Respond(_))) => findings.verdicts[2] += 1,
        Some(Err(_)) | None => {}
    }
    let again = scene.play(&mut WarmPool::new(), NOW);
    if (&again.text, &again.key, &again.served) != (&first.text, &first.key, &first.served) {
        let shown = |played: &Played| match played.key.as_str() {
            "" => played.text.clone(),
            key => format!("{} with the key {key}", played.text),
        };
        let (used, new) = (shown(&first), shown(&again));
        return Err(format!(
            "the same request got two answers: \"{used}\" from an instance in use, \"{new}\" from a new one"
        ));
    }
    let Some(token) = first.token.as_ref().filter(|token| *token.region == *first.served) else { return Ok(()) };
    let later = Case { entropy: Some(dice.f64()), ..case.clone() };
    let second = Scene::new(&place.stage, &later, Some(token))?.play(pool, NOW.plus(LATER));
    answered(&second)?;
    // A policy may begin to answer by itself at any moment; that moves nobody.
    if second.served != first.served && !matches!(second.said, Some(Ok(Verdict::Respond(_)))) {
        return Err(format!(
            "a session did not stay: \"{}\" took it to {}, and \"{}\" a second later to {}",
            first.text, first.served, second.text, second.served
        ));
    }
    Ok(())
}

fn answered(played: &Played) -> Result<(), String> {
    match &played.said {
        // The host's own want of room is nobody's fault.
        Some(Err(failure)) if *failure != PolicyFailure::Exhausted => Err(format!("the policy {failure}")),
        _ => Ok(()),
    }
}

/// The world as text for a cases file.
fn shown(place: &Place, case: &Case, suite: &Suite) -> String {
    let mut case = Case { expect: Some("what it should say".to_owned()), ..case.clone() };
    if place.config != suite.config {
        case.config = Some(place.config.clone());
    }
    let text = toml::to_string(&toml::Table::from_iter([(
        "case".to_owned(),
        toml::Value::Array(toml::Value::try_from(&case).into_iter().collect()),
    )]));
    let mut text = text.unwrap_or_else(|error| format!("# it cannot be written: {error}\n"));
    let names = |regions: &Ordered<String, Region>| regions.0.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(&place.regions) != names(&suite.regions) {
        text = format!("# It takes these regions:\n{}{text}", commented(&place.regions));
    }
    text
}

/// Regions as text for a cases file, commented out: it has its own.
fn commented(regions: &Ordered<String, Region>) -> String {
    let one = |(name, region): &(String, Region)| {
        let table = toml::to_string(region).unwrap_or_default();
        format!("[regions.{name}]\n{table}")
    };
    let text: String = regions.0.iter().map(one).collect();
    text.lines().filter(|line| !line.is_empty()).map(|line| format!("# {line}\n")).collect()
}
