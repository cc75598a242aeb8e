//! What is known of a client connection, looked up once.
//!
//! Owns the peer, the scheme and the client facts. A place is looked up once per connection and again when geo data
//! changed; behind a trusted proxy the client differs from request to request and is looked up for each.

use crate::decide::facts::{Client, Scheme};
use crate::geo::forwarded::client_address;
use crate::snapshot::Snapshot;
use crate::steer::affinity::Proven;
use bytes::Bytes;
use http::Version;
use http::header::{FORWARDED, HeaderMap, HeaderValue};
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use super::headers::{Hop, X_FORWARDED_FOR};
use super::preface::{Epoch, Preface};

/// A client connection.
pub(super) struct Connection {
    peer: IpAddr,
    /// The peer's address as text.
    pub(super) peer_text: String,
    /// The peer's address as a node of `Forwarded` (RFC 7239, section 6).
    pub(super) peer_node: String,
    /// Scheme towards this PoP.
    pub(super) scheme: Scheme,
    /// The session's token, once it was checked.
    pub(super) proven: Proven,
    known: RefCell<Option<Known>>,
    preface: RefCell<Option<Preface>>,
}

/// The peer's own facts, and the state of geo data that they were looked up in.
struct Known {
    geo_epoch: u64,
    generation: u64,
    trusted: bool,
    client: Rc<Client>,
}

impl Connection {
    /// A new connection.
    pub(super) fn new(peer: SocketAddr, scheme: Scheme) -> Self {
        let peer = peer.ip().to_canonical();
        let peer_node = if peer.is_ipv6() { format!("\"[{peer}]\"") } else { peer.to_string() };
        let peer_text = peer.to_string();
        let (proven, known, preface) = Default::default();
        Self { peer, peer_text, peer_node, scheme, proven, known, preface }
    }

    /// Who the client of this request is.
    pub(super) fn client(&self, snapshot: &Snapshot, headers: &HeaderMap) -> Rc<Client> {
        let mut known = self.known.borrow_mut();
        let current = |known: &Known| known.geo_epoch == snapshot.geo_epoch && known.generation == snapshot.generation;
        if !known.as_ref().is_some_and(current) {
            *known = Some(self.look_up(snapshot));
        }
        let Some(known) = known.as_ref() else { return self.look_up(snapshot).client };
        if !known.trusted {
            return Rc::clone(&known.client);
        }
        let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        let ip = client_address(self.peer, &snapshot.trusted_proxies, &lines(FORWARDED), &lines(X_FORWARDED_FOR));
        if ip == self.peer {
            return Rc::clone(&known.client);
        }
        Rc::new(Client::new(ip, snapshot.geo.locate(ip), true))
    }

    /// The encoded fields that this hop adds to a request to `host` that brings none of them (`Survey::told`).
    pub(super) fn preface(
        &self,
        snapshot: &Snapshot,
        version: Version,
        host: Option<&HeaderValue>,
        hop: &Hop<'_>,
    ) -> Bytes {
        let epoch = Epoch { generation: snapshot.generation, geo: snapshot.geo_epoch };
        let mut preface = self.preface.borrow_mut();
        if let Some(fields) = preface.as_ref().and_then(|preface| preface.fields(epoch, version, host)) {
            return fields;
        }
        preface.insert(Preface::new(epoch, version, host, hop)).bytes()
    }

    fn look_up(&self, snapshot: &Snapshot) -> Known {
        let trusted = snapshot.trusted_proxies.iter().any(|network| network.contains(&self.peer));
        let client = Client::new(self.peer, snapshot.geo.locate(self.peer), trusted);
        Known { geo_epoch: snapshot.geo_epoch, generation: snapshot.generation, trusted, client: Rc::new(client) }
    }
}
