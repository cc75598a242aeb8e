//! What regions report of their replication: the time up to which each has all that was written.
//!
//! Owns the request by which a region reports, and what is kept of it. A report is a request to the router itself, with a secret;
//! the policy answers it and keeps the time, which all workers see at once.

use portolan_policy::{Bucket, Candidate, Manifest, RegionId, Reply, Request, Verdict};
use serde::Deserialize;

/// Times by service and region.
const REPLICAS: Bucket = Bucket::at(0);
/// Fields of a report.
const REGION: &str = "query:region";
const UNTIL: &str = "query:until";
const AUTHORIZATION: &str = "header:authorization";
/// Shortest secret, bytes: a report makes the router trust a replica.
const SECRET_MIN: usize = 16;

/// How regions report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reports {
    path: String,
    secret: String,
}

impl Reports {
    /// What reports need of the host.
    pub(crate) fn describe(&self, manifest: Manifest) -> Result<Manifest, String> {
        if !self.path.starts_with('/') {
            return Err(format!("config.reports.path: the path {:?} does not begin with /", self.path));
        }
        if self.secret.len() < SECRET_MIN {
            return Err(format!("config.reports.secret: it has less than {SECRET_MIN} characters"));
        }
        Ok(manifest.field(REGION).field(UNTIL).field(AUTHORIZATION).bucket("replicas"))
    }

    /// Whether a request is a report.
    pub(crate) fn is_one(&self, request: &Request<'_>) -> bool {
        request.method() == Some("POST") && request.path() == Some(self.path.as_str())
    }

    /// Keeps what a report says.
    pub(crate) fn take(&self, request: &Request<'_>) -> Verdict {
        let given = request.field(AUTHORIZATION).and_then(|value| value.strip_prefix(b"Bearer "));
        if !given.is_some_and(|given| same(given, self.secret.as_bytes())) {
            return Reply::text(401, "a report needs `authorization: Bearer SECRET`\n").into();
        }
        let named = |region: &Candidate<'_>| Some(region.name()) == request.text(REGION);
        let Some(region) = request.candidates().find(named) else {
            return Reply::text(404, "`region` names no region of this service\n").into();
        };
        let Some(until) = request.text(UNTIL).and_then(|until| until.parse::<u64>().ok()) else {
            return Reply::text(400, "`until` is a time in milliseconds since 1970\n").into();
        };
        // A clock that is ahead of ours must not vouch for writes to come.
        let until = until.min(request.now_ms() as u64);
        match REPLICAS.set(&key(request.service(), region.name()), until.to_string().as_bytes(), None) {
            Ok(()) => Reply::new(204).into(),
            Err(_) => Reply::text(503, "there is no room for the report\n").into(),
        }
    }
}

/// The nearest region that takes the session, when it has reported all up to this write, milliseconds since 1970.
pub(crate) fn caught_up(request: &Request<'_>, wrote: &str) -> Option<RegionId> {
    let wrote = wrote.parse::<u64>().ok()?;
    let nearest = request.candidates().find(Candidate::takes_new)?;
    let until = REPLICAS.text(&key(request.service(), nearest.name()))?.parse::<u64>().ok()?;
    (until >= wrote).then(|| nearest.id())
}

fn key(service: &str, region: &str) -> Vec<u8> {
    format!("{service}/{region}").into_bytes()
}

/// Compares in a time that does not depend on where they differ.
fn same(given: &[u8], secret: &[u8]) -> bool {
    given.len() == secret.len() && given.iter().zip(secret).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
