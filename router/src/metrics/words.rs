//! Counters by a word of a closed list, resolved beforehand.
//!
//! Owns the lists of words that have no type of their own and the handles behind them, so that counting on the hot path
//! neither locks nor allocates. A word outside its list is a mistake in the code: it is counted as `other`.

use super::families::Labels;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// What comes of an affinity token that is presented (`steer::affinity::TokenError::as_str`).
pub(super) const TOKENS: &[&str] = &[
    "malformed",
    "unknown-version",
    "unknown-key",
    "bad-signature",
    "other-service",
    "expired",
    "idle",
    "from-the-future",
    "too-long",
];
/// How an attempt fails (`data::respond::failure_word`, and what the forwarding itself finds).
pub(super) const ATTEMPT_FAILURES: &[&str] = &[
    "connect",
    "connect-timeout",
    "tls",
    "reset",
    "closed",
    "response-timeout",
    "bad-response",
    "unexpected-upgrade",
    "interim-flood",
    "gateway-status",
    "unresolved",
];
/// What comes of a wish to retry.
pub(super) const RETRIES: &[&str] = &["tried", "over-budget"];
/// Why a session is served away from its pin (`steer::plan::MoveReason::as_str`).
pub(super) const MOVES: &[&str] = &["down", "off", "fence", "capacity", "gone", "policy", "failover"];
/// Why an exchange has no target (`steer::plan::NoTarget::as_str`, and a policy that must not fail).
pub(super) const NO_TARGET: &[&str] = &["empty-fence", "all-down", "all-full", "strict-pin", "policy-failed"];
/// What comes of an exchange that finds every allowed region full (`data::queue`).
pub(super) const QUEUED: &[&str] = &["served", "timeout", "overflow", "refused", "left"];

/// What the cache did with a request (`data::cached::outcome::word`).
pub(super) const CACHE: &[&str] = &[
    "hit",
    "stale",
    "collapsed",
    "revalidated",
    "bypass",
    "method",
    "uri-miss",
    "vary-miss",
    "partial",
    "unavailable",
];

/// What comes of compressing a stored answer (`data::cached::code`).
pub(super) const COMPRESSED: &[&str] = &["br", "zstd", "gzip", "useless", "busy", "broken"];

/// Counters by word.
#[derive(Debug, Clone)]
pub struct Words(Box<[(&'static str, Counter)]>);

impl Words {
    /// Handles for these words and for `other`: label `key` beside the subject's own label.
    pub(super) fn new(
        family: &Family<Labels, Counter>,
        subject: (&'static str, &str),
        key: &'static str,
        words: &[&'static str],
    ) -> Self {
        let handle = |word: &'static str| {
            let labels = vec![(subject.0, subject.1.to_owned()), (key, word.to_owned())];
            (word, family.get_or_create_owned(&labels))
        };
        Self(words.iter().copied().chain(["other"]).map(handle).collect())
    }

    /// Counts one.
    pub fn count(&self, word: &str) {
        let known = self.0.iter().find(|(known, _)| *known == word);
        if let Some((_, counter)) = known.or(self.0.last()) {
            counter.inc();
        }
    }
}
