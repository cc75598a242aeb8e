//! What is known of one exchange before anything is decided.
//!
//! Owns the borrowed view of a request head and the facts about its client that live as long as a connection. Filled by
//! `data::exchange` and by `explain`; never looks anything up itself.

use crate::base::{Location, Timestamp};
use crate::geo::Place;
use crate::steer::affinity::Proven;
use crate::steer::frozen::Frozen;
use http::{HeaderMap, Method};
use std::net::IpAddr;
use std::sync::Arc;

/// The scheme that the client used towards this PoP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A client: its address, its place, and whether its peer may speak for others.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's address, after trusted proxies were asked.
    pub ip: IpAddr,
    /// The same as text, made once.
    pub ip_text: Arc<str>,
    /// Where it is.
    pub place: Arc<Place>,
    /// Whether the connection's peer is a trusted proxy.
    pub trusted: bool,
    /// Text forms that policies may ask for, made once.
    pub texts: Arc<ClientTexts>,
}

/// Text forms of a client's facts, as policies see them.
#[derive(Debug, Clone, Default)]
pub struct ClientTexts {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// Two letters.
    pub continent: Option<String>,
    /// Autonomous system number, decimal.
    pub asn: Option<String>,
}

impl Client {
    /// A client at a place.
    pub fn new(ip: IpAddr, place: Place, trusted: bool) -> Self {
        let letters = |code: [u8; 2]| String::from_utf8_lossy(&code).into_owned();
        let texts = ClientTexts {
            country: place.country.map(|country| country.to_string()),
            continent: place.continent.map(letters),
            asn: place.asn.map(|asn| asn.to_string()),
        };
        Self { ip, ip_text: ip.to_string().into(), place: Arc::new(place), trusted, texts: Arc::new(texts) }
    }

    /// Where distances are measured from; none when only the PoP's own place is known.
    pub fn location(&self) -> Option<Location> {
        self.place.location
    }
}

/// What is known of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Method.
    pub method: &'a Method,
    /// Scheme towards this PoP.
    pub scheme: Scheme,
    /// Host without port, lower case.
    pub host: &'a str,
    /// Path, as sent.
    pub path: &'a str,
    /// Query without `?`.
    pub query: Option<&'a str>,
    /// Headers as sent.
    pub headers: &'a HeaderMap,
    /// Client.
    pub client: &'a Client,
    /// Now.
    pub now: Timestamp,
    /// Entropy of this exchange: the same seed gives the same decision.
    pub seed: u64,
    /// Loads to decide on in place of those of the moment, where the decision is recorded or replayed.
    pub loads: Option<&'a Frozen>,
    /// What the connection remembers of its session's token. Changes no decision, only its cost.
    pub proven: Option<&'a Proven>,
}
