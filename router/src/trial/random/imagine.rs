//! What random worlds are made of.
//!
//! Owns the dice: sets of regions, states, clients, pins, and values for the fields that a policy declared. Values come
//! from the file's own cases as often as from a list of awkward ones: only the former reach deep into a policy. Pure.

use super::super::suite::{
    Case, Client, Health, Lines, Location, Pin, Region, Server, ServerAnswer, Span, State, Suite, WholePin, WholeState,
};
use crate::base::Ordered;
use crate::policy::{Field, Loaded, Part};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Values that are awkward in one way or another; `\xHH` is one byte.
const AWKWARD: [&str; 14] = [
    "",
    " ",
    "0",
    "-1",
    "999999999999999999999",
    "true",
    "a,b, c",
    "../..",
    "\\xff\\xfe\\x80",
    "M\u{fc}nchen",
    "%00%0d%0a",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    "a.b.c",
    "=",
];
const COUNTRIES: [&str; 9] = ["DE", "FR", "US", "JP", "BR", "ZA", "CH", "AQ", "ZZ"];
const METHODS: [&str; 7] = ["GET", "GET", "GET", "HEAD", "POST", "DELETE", "BREW"];
const PATHS: [&str; 5] = ["/", "/api/cart", "/a//b/../c", "/%F0%9F%92%A9", "/x.js"];
/// Most bytes of an imagined payload; a token holds 256.
const PAYLOAD_MAX: usize = 200;

/// Words of the file's cases.
#[derive(Debug, Default, Clone)]
pub(super) struct Words {
    values: Vec<String>,
    requests: Vec<String>,
    payloads: Vec<String>,
    /// What servers say.
    bodies: Vec<String>,
}

impl Words {
    /// The words of these cases.
    pub(super) fn of(suite: &Suite) -> Self {
        let mut words = Self::default();
        for case in &suite.cases {
            words.requests.extend(case.request.clone());
            let lines = case.headers.values().flat_map(Lines::iter);
            for line in lines {
                words.values.push(line.to_owned());
                let pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
                words.values.extend(pairs.map(|(_, value)| value.to_owned()));
            }
            let servers = case.watch.iter().flat_map(|watch| watch.servers.values());
            words.bodies.extend(servers.filter_map(|server| match server {
                Server::Answer(answer) => Some(answer.body.clone()),
                Server::Failure(_) => None,
            }));
            words.payloads.extend(case.pin.as_ref().map(|pin| pin.whole().payload));
        }
        words
    }
}

/// Regions like these: some left out, some twice.
pub(super) fn regions(dice: &mut fastrand::Rng, like: &Ordered<String, Region>) -> Ordered<String, Region> {
    let mut made: Vec<_> = like.0.iter().filter(|_| dice.u8(..4) > 0).cloned().collect();
    for number in 0..dice.u8(..4) {
        if let Some((_, region)) = dice.choice(&like.0) {
            made.push((format!("more-{number}"), Region { weight: Some(dice.u32(..200)), ..region.clone() }));
        }
    }
    if made.is_empty() {
        return like.clone();
    }
    dice.shuffle(&mut made);
    Ordered(made)
}

/// A request in some state of the world.
pub(super) fn case(
    dice: &mut fastrand::Rng,
    policy: Option<&Arc<Loaded>>,
    regions: &Ordered<String, Region>,
    words: &Words,
) -> Case {
    let fields = policy.map_or(&[][..], |policy| &policy.manifest().fields);
    let mut case = Case {
        name: "found by random worlds".to_owned(),
        request: Some(request(dice, fields, words)),
        entropy: Some(dice.f64()),
        client: Some(client(dice)),
        ..Case::default()
    };
    let mut cookies = Vec::new();
    for field in fields {
        match field {
            Field::Part(Part::Header(name)) | Field::Lazy(Part::Header(name)) if dice.u8(..3) > 0 => {
                let value = value(dice, words);
                let again = dice.u8(..8) == 0;
                let lines = if again { Lines::Several(vec![value.clone(), value]) } else { Lines::One(value) };
                case.headers.insert(name.as_str().to_owned(), lines);
            }
            Field::Part(Part::Cookie(name)) | Field::Lazy(Part::Cookie(name)) if dice.u8(..3) > 0 => {
                cookies.push(format!("{name}={}", value(dice, words).replace([';', ' '], "")));
            }
            _ => {}
        }
    }
    if !cookies.is_empty() {
        case.headers.insert("cookie".to_owned(), Lines::One(cookies.join("; ")));
    }
    case.pin = dice.bool().then(|| pin(dice, regions, words));
    case.regions = states(dice, regions);
    case
}

fn request(dice: &mut fastrand::Rng, fields: &[Field], words: &Words) -> String {
    if dice.bool()
        && let Some(request) = dice.choice(&words.requests)
    {
        return request.clone();
    }
    let mut request = format!("{} {}", pick(dice, &METHODS), pick(dice, &PATHS));
    let mut mark = '?';
    for field in fields {
        if let Field::Part(Part::QueryParameter(name)) | Field::Lazy(Part::QueryParameter(name)) = field
            && dice.bool()
        {
            request.push_str(&format!("{mark}{name}={}", dice.u32(..100)));
            mark = '&';
        }
    }
    request
}

fn value(dice: &mut fastrand::Rng, words: &Words) -> String {
    match dice.choice(&words.values) {
        Some(word) if dice.bool() => word.clone(),
        _ if dice.u8(..16) == 0 => "long-".repeat(1_000),
        _ if dice.bool() => format!("v{}", dice.u32(..50)),
        _ => pick(dice, &AWKWARD).to_owned(),
    }
}

fn client(dice: &mut fastrand::Rng) -> Client {
    let location = |dice: &mut fastrand::Rng| Location {
        latitude: dice.f64() * 180.0 - 90.0,
        longitude: dice.f64() * 360.0 - 180.0,
    };
    Client {
        country: (dice.u8(..4) > 0).then(|| pick(dice, &COUNTRIES).to_owned()),
        city: (dice.u8(..8) == 0).then(|| "M\u{fc}nchen".to_owned()),
        asn: dice.bool().then(|| dice.u32(..)),
        location: dice.bool().then(|| location(dice)),
        ..Client::default()
    }
}

fn pin(dice: &mut fastrand::Rng, regions: &Ordered<String, Region>, words: &Words) -> Pin {
    let region = match dice.choice(&regions.0) {
        Some((name, _)) if dice.u8(..8) > 0 => name.clone(),
        _ => "gone".to_owned(),
    };
    let payload = match (dice.u8(..3), dice.choice(&words.payloads)) {
        (0, Some(payload)) => payload.clone(),
        (1, _) => (0..dice.usize(..PAYLOAD_MAX)).map(|_| format!("\\x{:02x}", dice.u8(..))).collect(),
        _ => String::new(),
    };
    let age = Duration::from_secs(dice.u64(..3_600));
    let session_age = age + Duration::from_secs(dice.u64(..3_600));
    Pin::Whole(WholePin { region, payload, age: Span(age), session_age: Some(Span(session_age)) })
}

/// A state for each region.
pub(super) fn states(dice: &mut fastrand::Rng, regions: &Ordered<String, Region>) -> BTreeMap<String, State> {
    const HEALTH: [Health; 10] = [
        Health::Healthy,
        Health::Healthy,
        Health::Healthy,
        Health::Healthy,
        Health::Down,
        Health::Down,
        Health::Degraded,
        Health::Draining,
        Health::Unknown,
        Health::Off,
    ];
    let micros = |dice: &mut fastrand::Rng| dice.bool().then(|| Span(Duration::from_micros(dice.u64(1..500_000))));
    let state = |dice: &mut fastrand::Rng| WholeState {
        health: dice.choice(HEALTH).unwrap_or_default(),
        age: Some(Span(Duration::from_secs(dice.u64(..600)))),
        in_flight: if dice.bool() { dice.u32(..50) } else { 0 },
        latency: micros(dice),
        rtt: micros(dice),
    };
    regions.0.iter().map(|(name, _)| (name.clone(), State::Whole(state(dice)))).collect()
}

/// How a server answers, if it does.
pub(super) fn server(dice: &mut fastrand::Rng, words: &Words) -> Server {
    const FAILURES: [&str; 4] = ["no-connection", "timeout", "too-large", "broken"];
    const STATUS: [u16; 8] = [200, 200, 200, 200, 204, 301, 404, 500];
    if dice.u8(..4) == 0 {
        return Server::Failure(pick(dice, &FAILURES).to_owned());
    }
    let body = match dice.choice(&words.bodies) {
        Some(body) if dice.bool() => body.clone(),
        _ if dice.u8(..8) == 0 => "long ".repeat(dice.usize(..20_000)),
        _ if dice.u8(..4) == 0 => (0..dice.usize(..100)).map(|_| format!("\\x{:02x}", dice.u8(..))).collect(),
        _ => pick(dice, &AWKWARD).to_owned(),
    };
    let headers = BTreeMap::from([("content-type".to_owned(), Lines::One(pick(dice, &AWKWARD[..6]).to_owned()))]);
    Server::Answer(ServerAnswer { status: dice.choice(STATUS).unwrap_or(200), headers, body })
}

/// One of these.
fn pick<'a>(dice: &mut fastrand::Rng, words: &[&'a str]) -> &'a str {
    dice.choice(words).copied().unwrap_or_default()
}
