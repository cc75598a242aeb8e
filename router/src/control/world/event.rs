//! What the World is told and what it asks for.
//!
//! Owns the closed lists of events and effects and the small records in them. A new source of knowledge is one more
//! variant and one more driver. Plain values; nothing here acts.

use super::rollout::Tally;
use crate::config::{Diagnostics, Live, Probe};
use crate::control::watch::{Subject, WatchedFile};
use crate::files::Variants;
use crate::snapshot::build::{Parts, RegionKey};
use crate::steer::table::Admin;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// News for the World.
#[derive(Debug)]
pub enum Event {
    /// A configuration was loaded with all that it names, or refused.
    Config {
        /// Number of the load that was asked for.
        ticket: u64,
        /// What came of it.
        result: Result<Box<LoadedConfig>, Refusal>,
    },
    /// Files behind the configuration in force were loaded again, or refused.
    Part {
        /// What they are for.
        subject: Subject,
        /// The configuration they were loaded for; another one in force makes this stale.
        generation: u64,
        /// The parts with those of this subject replaced.
        result: Result<Box<LoadedPart>, Refusal>,
    },
    /// Files changed.
    Changed(Subject),
    /// An endpoint was probed.
    Probe {
        /// The endpoint.
        endpoint: u64,
        /// The probe; an answer to an earlier one is stale.
        probe: Arc<Probe>,
        /// What came of it.
        verdict: ProbeVerdict,
    },
    /// What real traffic met at endpoints since the last sample.
    Passive(Vec<Sample>),
    /// How much is in flight in regions that have a capacity.
    Loads(Vec<RegionLoad>),
    /// What policies did so far that are given to a share of the sessions, by their names.
    Tallies(Vec<(Arc<str>, Tally)>),
    /// A name was looked up.
    Resolved {
        /// The name.
        name: HostPort,
        /// Its addresses in a stable order, or why there is none.
        result: Result<Vec<SocketAddr>, String>,
    },
    /// Variants were made for a static bundle.
    Variants(Box<Variants>),
    /// The operator wants something.
    Operator(Command),
    /// Time passed.
    Tick,
}

/// What an operator can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Load the configuration again.
    Reload,
    /// Switch a region, over what the configuration says.
    Region {
        /// Service and region.
        region: RegionKey,
        /// What it is switched to.
        admin: Admin,
    },
    /// Let a rollout go on, or give its sessions back.
    Rollout {
        /// The policy that is given to a share of the sessions.
        policy: Arc<str>,
        /// Whether it goes on.
        on: bool,
    },
    /// Drain the whole PoP, or let it serve again.
    Pop {
        /// Whether it drains.
        draining: bool,
    },
}

/// What the World wants done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Publish a new snapshot.
    Publish {
        /// Now, not with the next ones.
        urgent: bool,
    },
    /// Load the configuration file with all that it names.
    LoadConfig {
        /// Number to answer with.
        ticket: u64,
    },
    /// Load the files of one subject again, for the configuration in force.
    LoadPart {
        /// What to load.
        subject: Subject,
        /// Number of the configuration in force.
        generation: u64,
    },
    /// Watch these files, in place of those watched so far.
    Watch(Vec<WatchedFile>),
    /// Probe an endpoint from now on, in place of an earlier probe of it.
    StartProbe(ProbeTarget),
    /// End the probe of an endpoint.
    StopProbe(u64),
    /// Make the variants that static bundles in force are still without, in place of making earlier ones.
    MakeVariants,
    /// Look a name up.
    Resolve(HostPort),
    /// Forget an endpoint's run of failures: it is let in again.
    ForgetFailures(u64),
    /// Count a rollout that gave all its sessions back: of which policy, and why in a word.
    CountReturn(Arc<str>, &'static str),
    /// Tell the operator.
    Log(Severity, String),
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it soon.
    Warn,
    /// Look at it now.
    Error,
}

/// A configuration with all that it names, ready to be put in force.
#[derive(Debug)]
pub struct LoadedConfig {
    /// The live settings.
    pub live: Arc<Live>,
    /// What was loaded from files.
    pub parts: Parts,
    /// Keys of boot settings that differ from those the process runs with.
    pub needs_restart: Vec<String>,
    /// Files to watch.
    pub files: Vec<WatchedFile>,
}

/// Parts loaded again.
#[derive(Debug)]
pub struct LoadedPart {
    /// All parts of the configuration in force.
    pub parts: Parts,
    /// Files of this subject, as they were read.
    pub files: Vec<WatchedFile>,
}

/// Why a configuration or a file was not taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// What is wrong, with places.
    pub diagnostics: Diagnostics,
    /// Files whose change is worth another try.
    pub files: Vec<WatchedFile>,
    /// Whether another try may succeed although no file changes: something could not be fetched.
    pub passing: bool,
}

/// A host and port to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// Name or address literal, without brackets.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
}

/// TLS towards an endpoint: settings, and the name to verify.
pub type EndpointTls = (Arc<rustls::ClientConfig>, rustls::pki_types::ServerName<'static>);

/// An endpoint to probe, and how.
#[derive(Debug, Clone)]
pub struct ProbeTarget {
    /// The endpoint.
    pub endpoint: u64,
    /// Where to connect.
    pub address: SocketAddr,
    /// TLS, or none for plain endpoints.
    pub tls: Option<EndpointTls>,
    /// `Host` header when the probe has none of its own.
    pub authority: Arc<str>,
    /// What to ask and how often.
    pub probe: Arc<Probe>,
}

impl ProbeTarget {
    /// Whether a running probe of this target need not be replaced.
    pub fn same(&self, other: &Self) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(&ours.0, &theirs.0) && ours.1 == theirs.1,
            (None, None) => true,
            _ => false,
        };
        let ours = (self.endpoint, self.address, &self.authority, &self.probe);
        same_tls && ours == (other.endpoint, other.address, &other.authority, &other.probe)
    }
}

/// What came of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeVerdict {
    /// Why it failed; none when it passed.
    pub failure: Option<String>,
    /// Time to connect, which is one round trip; none when there was no connection.
    pub round_trip: Option<Duration>,
    /// Time for the whole probe.
    pub took: Duration,
}

/// How much is in flight in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionLoad {
    /// The region.
    pub region: RegionKey,
    /// Requests in flight from this PoP.
    pub in_flight: u32,
}

/// What real traffic met at one endpoint since the last sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The endpoint.
    pub endpoint: u64,
    /// Attempts that went well.
    pub successes: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Failures in a row up to now.
    pub consecutive: u32,
}
