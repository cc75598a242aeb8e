//! One guest with a sin for each test of the host: the config says which (`{ "sin": "spin" }`).
//!
//! Every sin is a thing that a careless or hostile policy can do through the contract; the host must survive each,
//! count it, and serve by its own order inside the static fences. `tests/guests/README.md` lists them. Sins at the
//! level of imports and exports are the `.wit` files beside this folder.

mod sins;

use std::cell::Cell;

use portolan_policy::{Manifest, Policy, RegionId, Regions, Request, Verdict, export};
use serde::Deserialize;

/// What to do wrong, in the order of the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is told in tests/guests/README.md")]
pub enum Sin {
    Trap,
    TrapNth,
    Spin,
    Stall,
    Hog,
    Recurse,
    Nonsense,
    Outside,
    WideFence,
    NoFence,
    NoOrder,
    Undeclared,
    Latin1,
    BadHeaders,
    BadReply,
    HugeReply,
    HugeOrder,
    HugeExt,
    HugePayload,
    LongKey,
    OddKey,
    Flood,
    Essay,
    StrayMetrics,
    Hoard,
    StrayKeys,
    BadConfig,
    BadFields,
    ThousandMetrics,
    TrapDescribe,
    SpinDescribe,
    InitFails,
    InitTraps,
    InitSpins,
}

/// The configuration.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What to do wrong.
    sin: Sin,
    /// `trap-nth`: every how many calls of an instance.
    #[serde(default = "third")]
    n: u32,
    /// `bad-reply`: the status.
    #[serde(default = "impossible")]
    status: u16,
}

fn third() -> u32 {
    3
}

fn impossible() -> u16 {
    999
}

/// The policy.
#[derive(Debug)]
pub struct Sinner {
    config: Config,
    calls: Cell<u32>,
    regions: Vec<RegionId>,
}

impl Policy for Sinner {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        match config.sin {
            Sin::BadConfig => Err("the moon is not a region; try `eu-west`".to_owned()),
            Sin::BadFields => Ok(Manifest::fields(["method", "moon.phase"])),
            Sin::ThousandMetrics => {
                let none: [&str; 0] = [];
                Ok((0..1_000).fold(Manifest::new(), |all, number| all.counter(&format!("m{number}"), none)))
            }
            Sin::StrayMetrics => Ok(Manifest::fields(["method"]).counter("told", ["a", "b"]).gauge::<&str>("tide", [])),
            Sin::Hoard | Sin::StrayKeys => Ok(Manifest::fields(["method"]).bucket("hoard")),
            Sin::TrapDescribe => sins::trap(),
            Sin::SpinDescribe => sins::spin(),
            _ => Ok(Manifest::fields(["method"])),
        }
    }

    fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        match config.sin {
            Sin::InitFails => return Err("the tide is out".to_owned()),
            Sin::InitTraps => sins::trap(),
            Sin::InitSpins => sins::spin(),
            // What is kept would make instances differ: a host that gives it here is found out by a load that fails.
            Sin::StrayKeys if !sins::nothing_is_kept() => return Err("it found something kept in init".to_owned()),
            _ => {}
        }
        let regions = regions.iter().map(|region| region.id).collect();
        Ok(Self { config, calls: Cell::new(0), regions })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        match self.config.sin {
            Sin::Trap => sins::trap(),
            Sin::TrapNth => {
                self.calls.set(self.calls.get().wrapping_add(1));
                if self.calls.get().is_multiple_of(self.config.n.max(1)) { sins::trap() } else { Verdict::Pass }
            }
            Sin::Spin => sins::spin(),
            Sin::Stall => sins::stall(),
            Sin::Hog => sins::hog(),
            Sin::Recurse => sins::recurse(request.entropy()),
            Sin::Nonsense => sins::nonsense(),
            Sin::Outside => sins::outside(&self.regions, request),
            Sin::WideFence => sins::wide_fence(&self.regions),
            Sin::NoFence => sins::no_fence(),
            Sin::NoOrder => sins::no_order(),
            Sin::Undeclared => sins::undeclared(request),
            Sin::Latin1 => sins::latin_1(),
            Sin::BadHeaders => sins::bad_headers(),
            Sin::BadReply => sins::bad_reply(self.config.status),
            Sin::HugeReply => sins::huge_reply(),
            Sin::HugeOrder => sins::huge_order(),
            Sin::HugeExt => sins::huge_ext(),
            Sin::HugePayload => sins::huge_payload(request),
            Sin::LongKey => sins::long_key(),
            Sin::OddKey => sins::odd_key(),
            Sin::Flood => sins::flood(),
            Sin::Essay => sins::essay(),
            Sin::StrayMetrics => sins::stray_metrics(),
            Sin::Hoard => sins::hoard(),
            Sin::StrayKeys => sins::stray_keys(),
            Sin::BadConfig | Sin::BadFields | Sin::ThousandMetrics | Sin::TrapDescribe | Sin::SpinDescribe => {
                Verdict::Pass
            }
            Sin::InitFails | Sin::InitTraps | Sin::InitSpins => Verdict::Pass,
        }
    }
}

export!(Sinner);

#[cfg(test)]
mod tests {
    use portolan_policy::testing::{Loaded, World};

    use super::*;

    fn load(config: &str) -> Result<Loaded<Sinner>, String> {
        World::new().region("a", &[]).region("b", &[]).load(config)
    }

    #[test]
    fn sins_that_a_native_test_survives() {
        let world = World::new().region("a", &[]).region("b", &[]);
        for (config, expected) in [
            (r#"{ "sin": "outside" }"#, "route b,a strict"),
            (r#"{ "sin": "wide-fence" }"#, "route a fence=a,b,#4294967295"),
            (r#"{ "sin": "no-fence" }"#, "route fence="),
            (r#"{ "sin": "no-order" }"#, "route strict"),
            (r#"{ "sin": "bad-fields" }"#, "pass"),
        ] {
            let policy = load(config).unwrap();
            assert_eq!(policy.ask(world.request().without("b")), expected, "{config}");
        }
        assert!(load(r#"{ "sin": "bad-config" }"#).unwrap_err().contains("moon"));
        assert!(load(r#"{ "sin": "init-fails" }"#).unwrap_err().contains("tide"));
        assert!(load(r#"{ "sin": "pride" }"#).unwrap_err().starts_with("config.sin: unknown variant `pride`"));
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn every_second_call_traps() {
        let world = World::new().region("a", &[]);
        let policy = world.load::<Sinner>(r#"{ "sin": "trap-nth", "n": 2 }"#).unwrap();
        assert_eq!(policy.ask(world.request()), "pass");
        let _ = policy.ask(world.request());
    }
}
