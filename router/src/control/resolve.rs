//! Turns host names of endpoints into addresses.
//!
//! Owns the look-ups and their time limit. What was found, or why nothing was, goes to the World as an event; the
//! World keeps the last addresses when a look-up fails. Names are looked up here and never on the request path.

use super::world::{Event, HostPort};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Time for one look-up; the system's resolver would try for longer than an operator wants to wait.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Look-ups at one time; each takes a blocking thread.
const AT_ONCE_MAX: usize = 8;

/// The address that a host literally is; none for a name.
pub fn literal(name: &HostPort) -> Option<SocketAddr> {
    name.host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, name.port))
}

/// Looks names up.
#[derive(Debug, Clone)]
pub struct Resolver {
    events: mpsc::Sender<Event>,
    permits: Arc<Semaphore>,
}

impl Resolver {
    /// What it finds goes to `events`.
    pub fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events, permits: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    /// Looks a name up in the background.
    pub fn look_up(&self, name: HostPort) {
        let this = self.clone();
        tokio::spawn(async move {
            let Ok(_permit) = this.permits.acquire().await else { return };
            let result = lookup(&name).await;
            // The conductor is gone only when the process ends.
            let _ = this.events.send(Event::Resolved { name, result }).await;
        });
    }
}

async fn lookup(name: &HostPort) -> Result<Vec<SocketAddr>, String> {
    let asked = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((&*name.host, name.port))).await;
    let mut found: Vec<SocketAddr> = match asked {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return Err(format!("{} does not resolve: {error}", name.host)),
        Err(_) => return Err(format!("{} does not resolve within {LOOKUP_TIMEOUT:?}", name.host)),
    };
    // Sorted, so that a resolver that rotates its answers does not look like a change; IPv4 first.
    found.sort();
    found.dedup();
    if found.is_empty() { Err(format!("{} has no address", name.host)) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn name(host: &str) -> HostPort {
        HostPort { host: host.into(), port: 80 }
    }

    #[test]
    fn literals_need_no_look_up() {
        assert_eq!(literal(&name("127.0.0.1")), Some("127.0.0.1:80".parse().unwrap()));
        assert_eq!(literal(&name("::1")), Some("[::1]:80".parse().unwrap()));
        assert_eq!(literal(&name("localhost")), None);
    }

    #[tokio::test]
    async fn finds_localhost_and_says_why_not() {
        let (sender, mut events) = mpsc::channel(4);
        let resolver = Resolver::new(sender);
        resolver.look_up(name("localhost"));
        let Some(Event::Resolved { result: Ok(found), .. }) = events.recv().await else { panic!("not resolved") };
        assert!(found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        resolver.look_up(name("a host name with spaces"));
        let Some(Event::Resolved { result: Err(why), .. }) = events.recv().await else { panic!("resolved") };
        assert!(why.starts_with("a host name with spaces does not resolve"), "{why}");
    }
}
