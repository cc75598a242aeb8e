//! What is asked for, and what must come of it.
//!
//! Owns the list of loads and the targets. Pure. Used by `compare` and `report`.

/// One kind of load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
    pub(super) tls: bool,
    /// Text of the script that makes the requests, for wrk.
    pub(super) script: Option<&'static str>,
    pub(super) targets: &'static [Target],
    /// The same once more, at one rate for all: that is what a slow answer is compared by.
    pub(super) at_one_rate: Option<&'static Scenario>,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// CPU time of a request.
    Cpu,
    /// The time within which 99 of 100 are answered.
    P99,
}

/// What a contender may cost, as a multiple of a peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) figure: Figure,
    pub(super) contender: &'static str,
    pub(super) peer: &'static str,
    pub(super) most: f64,
}

/// Answers from the cache, by size.
pub(super) const CACHED: [Scenario; 4] = [
    Scenario { title: "1 KiB from the cache", targets: &AS_FAST, ..PLAIN },
    Scenario { title: "10 KiB from the cache", path: "/medium", targets: &AS_FAST, ..PLAIN },
    Scenario { title: "100 KiB from the cache", path: "/large", targets: &AS_FAST, ..PLAIN },
    Scenario {
        title: "1 KiB, one in a hundred not in the cache, each as fast as it can (closed loop)",
        script: Some(include_str!("configs/misses.lua")),
        targets: &AS_PROMPT,
        at_one_rate: Some(&OFFERED),
        ..PLAIN
    },
];
const OFFERED: Scenario = Scenario {
    title: "1 KiB, one in a hundred not in the cache, one rate for all (open loop)",
    targets: &AS_PROMPT,
    ..PLAIN
};
/// What most have in common.
const PLAIN: Scenario = Scenario { title: "", path: "/", tls: false, script: None, targets: &[], at_one_rate: None };
const AS_PROMPT: [Target; 2] = [
    Target { figure: Figure::P99, contender: "portolan", peer: "nginx", most: 1.0 },
    Target { figure: Figure::P99, contender: "portolan", peer: "varnish", most: 1.0 },
];
const AS_FAST: [Target; 2] = [
    Target { figure: Figure::Cpu, contender: "portolan", peer: "nginx", most: 1.0 },
    Target { figure: Figure::Cpu, contender: "portolan", peer: "varnish", most: 1.0 },
];

/// The load that counts, and two more.
pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario {
        title: "1 KiB over HTTP/1.1",
        targets: &[
            Target { figure: Figure::Cpu, contender: "portolan session-pin", peer: "nginx", most: 1.15 },
            Target { figure: Figure::Cpu, contender: "portolan eight-fields", peer: "nginx", most: 1.15 },
            Target { figure: Figure::Cpu, contender: "portolan session-pin", peer: "envoy lua", most: 0.5 },
            Target { figure: Figure::Cpu, contender: "portolan eight-fields", peer: "envoy lua", most: 0.5 },
            Target { figure: Figure::Cpu, contender: "portolan session-pin", peer: "envoy wasm", most: 0.5 },
            Target { figure: Figure::Cpu, contender: "portolan eight-fields", peer: "envoy wasm", most: 0.5 },
        ],
        ..PLAIN
    },
    Scenario { title: "100 KiB over HTTP/1.1", path: "/large", ..PLAIN },
    Scenario { title: "1 KiB over HTTP/1.1 and TLS 1.3", tls: true, ..PLAIN },
];
