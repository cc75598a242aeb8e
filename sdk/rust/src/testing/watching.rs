//! Unit tests of policies that watch the regions: what they are told, and servers that answer them.
//!
//! Owns the words of a test for both. Servers are a table of the test's own thread.

use std::time::Duration;

use super::Loaded;
use crate::bindings::health::exports::portolan::policy::health;
#[cfg(not(target_arch = "wasm32"))]
use crate::bindings::portolan::policy::http;
use crate::{Health, Watch};

impl<P: Watch> Loaded<P> {
    /// Tells the policy of regions by their names, each with its state before and now; the pause that it asks for. Buckets have
    /// this time then.
    pub fn watch(&self, now_ms: f64, changes: &[(&str, Health, Health)]) -> Option<Duration> {
        #[cfg(not(target_arch = "wasm32"))]
        crate::kept::set_time(now_ms);
        let change = |(name, before, now): &(&str, Health, Health)| {
            let region = self.instance.regions.iter().find(|region| region.name == *name);
            let region = region.map_or_else(|| panic!("there is no region `{name}` in this test"), |region| region.id);
            health::Change { region, before: *before, now: *now, since_ms: now_ms }
        };
        let changes: Vec<_> = changes.iter().map(change).collect();
        let pause = self.instance.watch(now_ms, 0.5, &changes);
        (pause > 0).then(|| Duration::from_millis(pause.into()))
    }
}

/// A server answers with this status and body at this URL, for policies that watch regions on this thread. Whatever is not
/// served has no connection.
#[cfg(not(target_arch = "wasm32"))]
pub fn serve(url: &str, status: u16, body: &str) {
    let response = http::Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
    crate::servers::serve(url, Ok(response));
}

/// A server fails so at this URL.
#[cfg(not(target_arch = "wasm32"))]
pub fn fail(url: &str, error: crate::http::Error) {
    crate::servers::serve(url, Err(error));
}

/// URLs that policies asked for on this thread since this was last asked.
#[cfg(not(target_arch = "wasm32"))]
pub fn asked() -> Vec<String> {
    crate::servers::asked()
}
