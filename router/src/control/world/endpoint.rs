//! What is known of one endpoint: its probe, its ejection, its address, and the state that follows.
//!
//! Owns the joining of the two kinds of evidence; the rules of each are in `steer::health` and `steer::ejection`.
//! Probe state belongs to endpoint and probe together: another probe starts fresh, an unchanged one is carried over.

use super::{HostPort, ProbeVerdict, Sample};
use crate::base::Timestamp;
use crate::base::hash;
use crate::config;
use crate::snapshot::build::RegionKey;
use crate::steer::ejection::{Cause, Ejection, EjectionLimits, Judgement, Outcomes, Peers};
use crate::steer::health::{self, Thresholds};
use crate::steer::table::EndpointState;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A new round trip moves the average by an eighth (RFC 6298, section 2).
const RTT_SHARE: u32 = 8;

/// The last probe of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastProbe {
    /// When it was over.
    pub at: Timestamp,
    /// What came of it.
    pub verdict: ProbeVerdict,
}

/// One endpoint.
#[derive(Debug)]
pub struct EndpointWatch {
    /// Where it belongs.
    pub region: RegionKey,
    /// Its URL, for people.
    pub url: Arc<str>,
    /// Where to connect; none while its name does not resolve.
    pub address: Option<SocketAddr>,
    /// The state that was last derived and published.
    pub state: EndpointState,
    /// When it last came back after it had served.
    pub returned_at: Option<Timestamp>,
    /// The last probe.
    pub last_probe: Option<LastProbe>,
    /// Average round trip of probes.
    pub rtt: Option<Duration>,
    name: HostPort,
    probe: Option<(Arc<config::Probe>, health::Probe)>,
    limits: Option<EjectionLimits>,
    ejection: Ejection,
    /// Whether it ever proved to serve: only what comes back ramps up.
    pub(super) served: bool,
    /// Whether the log has said that it would be ejected but is spared.
    pub(super) spared: bool,
}

impl EndpointWatch {
    pub(super) fn new(region: RegionKey, spec: &config::Endpoint) -> Self {
        Self {
            region,
            url: Arc::clone(&spec.url),
            address: None,
            state: EndpointState::Unknown,
            returned_at: None,
            last_probe: None,
            rtt: None,
            name: HostPort { host: Arc::clone(&spec.host), port: spec.port },
            probe: None,
            limits: None,
            ejection: Ejection::default(),
            served: false,
            spared: false,
        }
    }

    /// Takes the settings of a configuration; what was learnt under the same settings stays.
    pub(super) fn configure(
        &mut self,
        spec: &config::Endpoint,
        probe: Option<Arc<config::Probe>>,
        ejection: Option<config::Ejection>,
    ) {
        self.url = Arc::clone(&spec.url);
        self.name = HostPort { host: Arc::clone(&spec.host), port: spec.port };
        if self.probe().as_deref() != probe.as_deref() {
            self.probe = probe.map(|probe| (probe, health::Probe::default()));
            self.last_probe = None;
        }
        // An ejection in force runs its time under other limits too; it ends when ejection is switched off.
        self.limits = ejection.as_ref().map(limits);
        if self.limits.is_none() {
            self.ejection = Ejection::default();
        }
    }

    /// Host and port to connect to.
    pub fn name(&self) -> HostPort {
        self.name.clone()
    }

    /// How it is probed.
    pub fn probe(&self) -> Option<Arc<config::Probe>> {
        self.probe.as_ref().map(|(probe, _)| Arc::clone(probe))
    }

    /// Until when and why it is ejected.
    pub fn ejected(&self) -> Option<(Cause, Timestamp)> {
        self.ejection.ejected()
    }

    /// Takes a probe's answer; whether it ended an ejection.
    pub(super) fn probed(&mut self, asked: &config::Probe, verdict: ProbeVerdict, now: Timestamp) -> bool {
        let Some((_, state)) = self.probe.as_mut().filter(|(probe, _)| **probe == *asked) else { return false };
        let passed = verdict.failure.is_none();
        state.observe(passed, now, &thresholds(asked));
        if let Some(sample) = verdict.round_trip {
            self.rtt = Some(self.rtt.map_or(sample, |rtt| rtt - rtt / RTT_SHARE + sample / RTT_SHARE));
        }
        self.last_probe = Some(LastProbe { at: now, verdict });
        self.limits.is_some() && self.ejection.probed(passed, now)
    }

    /// Takes what real traffic met; what steering makes of it.
    pub(super) fn sampled(&mut self, sample: &Sample, peers: Peers, now: Timestamp) -> Judgement {
        self.served |= sample.successes > 0;
        let Some(limits) = self.limits else { return Judgement::Stays };
        let seed = hash::mix(sample.endpoint ^ now.0);
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        // Workers count failures in a row as they happen.
        let (good, gateway) = (count(sample.successes), count(sample.failures));
        let outcomes = Outcomes { good, bad: 0, gateway, row: Some(sample.consecutive) };
        self.ejection.observe(outcomes, now, &limits, peers, seed)
    }

    /// Ends an ejection whose time is over; whether it did.
    pub(super) fn let_in(&mut self, now: Timestamp) -> bool {
        self.ejection.expire(now)
    }

    /// The state that all evidence adds up to. Without an address nothing can be sent.
    pub(super) fn derive(&self, unresolved: bool) -> EndpointState {
        if unresolved {
            return EndpointState::Down;
        }
        let probes = self.probe.iter().map(|(_, state)| state.state());
        health::endpoint_state(probes, self.ejection.ejected().is_some())
    }
}

/// When this probe changes a state.
pub(crate) fn thresholds(probe: &config::Probe) -> Thresholds {
    Thresholds { rise: probe.rise, fall: probe.fall }
}

fn limits(ejection: &config::Ejection) -> EjectionLimits {
    EjectionLimits {
        consecutive: ejection.consecutive,
        rate_below: ejection.success_below,
        window: ejection.window,
        rate_requests: ejection.requests_min,
        base: ejection.base,
        cap: ejection.max,
        max_share: ejection.share_max,
    }
}
