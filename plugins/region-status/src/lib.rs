//! Follows what regions say of themselves: a region that is busy takes no new sessions, one that is closed serves nobody.
//!
//! In the background (`health`) it asks each region's URL, a label of the region, and keeps the word; `route` reads it. What is
//! not heard again is forgotten, so silence changes nothing. The README has the configuration.

use std::time::Duration;

use portolan_policy::http::{Request as Ask, Response, fetch_all};
use portolan_policy::{
    Bucket, Candidate, Changes, Gauge, Manifest, Plan, Policy, RegionInfo, Regions, Request, Verdict, Watch, config,
    export,
};
use serde::{Deserialize, Deserializer};

/// Words by service and region.
const SAID: Bucket = Bucket::at(0);
/// Regions by what they say.
const STATUS: Gauge = Gauge::at(0);
/// What a region can say; the place in the list is its label in the metric.
const WORDS: [&str; 4] = ["open", "busy", "closed", "silent"];
/// How often regions can be asked.
const EVERY_MIN: Duration = Duration::from_millis(250);
/// Regions that are asked at one time.
const AT_ONCE: usize = 16;

/// The configuration; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "status")]
    label: String,
    #[serde(default = "second", deserialize_with = "duration")]
    every: Duration,
    #[serde(default = "seconds", deserialize_with = "duration")]
    stale: Duration,
}

fn status() -> String {
    "status".to_owned()
}

fn second() -> Duration {
    Duration::from_secs(1)
}

/// Five rounds, so that a lost packet says nothing.
fn seconds() -> Duration {
    Duration::from_secs(5)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    config::duration(deserializer)
}

/// The policy.
#[derive(Debug)]
pub struct RegionStatus {
    config: Config,
    /// Regions that say how they are, with where.
    asked: Vec<(Vec<u8>, String)>,
}

impl Policy for RegionStatus {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        if config.every < EVERY_MIN {
            return Err(format!("config.every: regions can be asked every {EVERY_MIN:?} at most"));
        }
        if config.stale < config.every {
            return Err(
                "config.stale: it is shorter than config.every, so nothing would be known in between".to_owned()
            );
        }
        Ok(Manifest::new().bucket("said").gauge("status", WORDS))
    }

    fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        let with_url =
            |region: &RegionInfo| Some((key(&region.service, &region.name), region.label(&config.label)?.to_owned()));
        let asked: Vec<_> = regions.iter().filter_map(with_url).collect();
        if asked.is_empty() {
            return Err(format!("config.label: no region has the label `{}`", config.label));
        }
        Ok(Self { config, asked })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let mut open = Vec::new();
        let mut serving = Vec::new();
        let mut candidates = 0;
        for region in request.candidates() {
            candidates += 1;
            match said(request, &region).as_deref() {
                Some(b"closed") => continue,
                Some(b"busy") => {}
                _ => open.push(region.id()),
            }
            serving.push(region.id());
        }
        // All closed is as good as none.
        if serving.is_empty() || open.len() == candidates {
            return Verdict::Pass;
        }
        let plan = if open.len() < serving.len() { Plan::to(open) } else { Plan::new() };
        if serving.len() < candidates { plan.fence(serving).into() } else { plan.into() }
    }
}

impl Watch for RegionStatus {
    fn watch(&self, _: &Changes<'_>) -> Option<Duration> {
        let mut counts = [0u32; WORDS.len()];
        for regions in self.asked.chunks(AT_ONCE) {
            let answers = fetch_all(regions.iter().map(|(_, url)| Ask::get(url).header("accept", "text/plain")));
            for ((region, _), answer) in regions.iter().zip(answers) {
                let word = answer.ok().filter(Response::is_success).map(|answer| word(&answer));
                counts[word.unwrap_or(WORDS.len() - 1)] += 1;
                if let Some(word) = word {
                    // Without room it is as if the region were silent.
                    let _ = SAID.set(region, WORDS[word].as_bytes(), Some(self.config.stale));
                }
            }
        }
        for (label, count) in (0u32..).zip(counts) {
            STATUS.set_of(label, count.into());
        }
        Some(self.config.every)
    }
}

/// The place in [`WORDS`] of what a document says.
fn word(answer: &Response) -> usize {
    let first = answer.text().and_then(|text| text.split_whitespace().next()).unwrap_or_default();
    WORDS[..WORDS.len() - 1].iter().position(|word| first.eq_ignore_ascii_case(word)).unwrap_or(0)
}

fn said(request: &Request<'_>, region: &Candidate<'_>) -> Option<Vec<u8>> {
    SAID.get(&key(request.service(), region.name())).ok().flatten()
}

fn key(service: &str, region: &str) -> Vec<u8> {
    format!("{service}/{region}").into_bytes()
}

export!(RegionStatus: route, health);

#[cfg(test)]
mod tests;
