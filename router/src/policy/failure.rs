//! How a policy can fail, and the word for each way.
//!
//! Owns the closed list that metrics, records and `/status` show. What a failure means for the exchange (`on_error`) is
//! decided in `decide`, not here.

use super::guest::{Guest, Refusal};
use wasmtime::{PoolConcurrencyLimitError, Trap};

/// Why a policy gave no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFailure {
    /// The guest stopped itself or broke a rule of the machine.
    #[error("trapped: {0}")]
    Trap(String),
    /// It ran longer than its limit.
    #[error("ran longer than its time limit")]
    Timeout,
    /// It wanted more memory than its limit.
    #[error("wanted more memory than its limit (limits.memory)")]
    OutOfMemory,
    /// It answered with something that has no meaning.
    #[error("gave a verdict without meaning: {0}")]
    Nonsense(String),
    /// A new instance could not be made ready; the text is the author's where there is one.
    #[error("could not be initialised: {0}")]
    Init(String),
    /// The router has no room for another instance.
    #[error("no room for another policy instance")]
    Exhausted,
    /// It failed too often and is not asked for now.
    #[error("is quarantined after repeated failures")]
    Quarantined,
}

/// All words of [`PolicyFailure::as_str`].
pub const FAILURE_WORDS: [&str; 7] =
    ["trap", "timeout", "out-of-memory", "nonsense", "init", "exhausted", "quarantined"];

impl PolicyFailure {
    /// The word used in metrics and records; stable.
    pub fn as_str(&self) -> &'static str {
        FAILURE_WORDS[self.index()]
    }

    /// Position in [`FAILURE_WORDS`].
    pub(super) fn index(&self) -> usize {
        match self {
            Self::Trap(_) => 0,
            Self::Timeout => 1,
            Self::OutOfMemory => 2,
            Self::Nonsense(_) => 3,
            Self::Init(_) => 4,
            Self::Exhausted => 5,
            Self::Quarantined => 6,
        }
    }

    /// Whether the policy is to blame; only then does a failure count towards quarantine.
    pub fn blames_policy(&self) -> bool {
        !matches!(self, Self::Exhausted | Self::Quarantined)
    }

    /// What an error out of the sandbox means. `guest` is the state of the instance that failed.
    pub(super) fn of_call(error: &wasmtime::Error, guest: &mut Guest) -> Self {
        let last_words = guest.last_words();
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Exhausted;
        }
        let trap = error.downcast_ref::<Trap>();
        if trap == Some(&Trap::Interrupt) {
            return Self::Timeout;
        }
        // A refused growth shows as whatever the guest's allocator does then: mostly `unreachable`.
        if guest.limits.refused() {
            return Self::OutOfMemory;
        }
        let spoken = |text: String| match &last_words {
            Some(words) => format!("{text} (its last words: {words})"),
            None => text,
        };
        if let Some(trap) = trap {
            let text = trap.to_string();
            return Self::Trap(spoken(text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()));
        }
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Self::Trap(spoken(refusal.to_string()));
        }
        // Neither the machine nor an import failed, so what came back could not be read.
        Self::Nonsense(error.root_cause().to_string())
    }
}
