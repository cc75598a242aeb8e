//! Why a policy was not loaded, in the words that the operator reads.
//!
//! Owns the closed list of faults. What finds them is `load`, `compiled` and `imports`.

use crate::config;
use crate::policy::engine::MEMORY_MAX;
use crate::policy::failure::PolicyFailure;
use crate::policy::manifest::ManifestError;
use crate::policy::{contract, imports};
use std::sync::Arc;

/// Why a policy was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("{}policy {policy:?} ({component}): {fault}", shown(.at.as_ref()))]
pub struct LoadError {
    /// Name in the configuration.
    pub policy: Arc<str>,
    /// Its component, as configured.
    pub component: String,
    /// Place in the configuration that the error belongs to.
    pub at: Option<config::Place>,
    /// What is wrong.
    pub fault: LoadFault,
}

fn shown(at: Option<&config::Place>) -> String {
    at.map(|place| format!("{}:{}:{}: ", place.file, place.line, place.column)).unwrap_or_default()
}

/// What is wrong with a policy.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// Machine code, such as a `.cwasm` file.
    #[error("is compiled code (.cwasm), which is never loaded; name the component itself, it is compiled here")]
    Precompiled,
    /// The file is something else.
    #[error("is not WebAssembly: a component begins with the bytes 00 61 73 6d")]
    NotWasm,
    /// A core module.
    #[error(
        "is a core module; a component is wanted: build it with `portolan policy build`, or make one of it with \
         `wasm-tools component new`"
    )]
    CoreModule,
    /// The file ends in the middle of a section.
    #[error("is cut short: it has {bytes} bytes, and its last section wants {missing} more")]
    CutShort {
        /// Bytes of the file.
        bytes: usize,
        /// How many are missing.
        missing: u64,
    },
    /// The bytes do not form a component, or use what this engine does not support.
    #[error("is damaged or uses what this host does not support: {0}")]
    Invalid(String),
    /// It imports what it was not granted.
    #[error("imports {import}, which is not granted; granted: {granted}")]
    Import {
        /// The import.
        import: String,
        /// What there is.
        granted: &'static str,
    },
    /// It was built for another version of the contract.
    #[error(
        "is built for portolan:policy/{interface}@{found}; this host speaks {} and what is compatible with it",
        contract::VERSION_TEXT
    )]
    Version {
        /// The interface.
        interface: String,
        /// Its version in the component.
        found: String,
    },
    /// A function of the contract is missing.
    #[error("does not export {export}; build it for the world portolan:policy/router@{}", contract::VERSION_TEXT)]
    Missing {
        /// What is missing.
        export: String,
    },
    /// It has no hook at all.
    #[error(
        "exports none of the hooks that a policy is asked by ({}); build it for the world portolan:policy/router@{}",
        imports::HOOKS,
        contract::VERSION_TEXT
    )]
    NoHook,
    /// The component does not fit the contract's types or its limits.
    #[error("cannot be instantiated: {0}")]
    Instantiate(String),
    /// `describe` refused the configuration, in the author's words.
    #[error("refuses its configuration: {0}")]
    Describe(String),
    /// `describe` failed.
    #[error("describe {0}")]
    DescribeFailed(PolicyFailure),
    /// The manifest asks for what there is not.
    #[error(transparent)]
    Manifest(ManifestError),
    /// It wants a bucket that the operator did not grant.
    #[error("wants the bucket {0:?}, which is not granted; `kv = {{ {0} = {{}} }}` of the policy grants it")]
    Bucket(String),
    /// It wants to ask HTTP servers, which the operator did not grant.
    #[error(
        "imports {0}, which is not granted; `http = {{ allow = [\"https://HOST/PATH\"] }}` of the policy says what it may ask"
    )]
    Http(String),
    /// `init` refused the configuration or the regions, in the author's words.
    #[error("refuses to start: {0}")]
    Refused(String),
    /// `init` failed.
    #[error("init {0}")]
    Init(PolicyFailure),
    /// It needs more memory than it is given.
    #[error(
        "needs more memory than its limit of {} bytes; `limits = {{ memory = \"{}MiB\" }}` gives it twice as much",
        .0, (.0 * 2).div_ceil(1 << 20)
    )]
    Memory(usize),
    /// The memory limit is beyond what the engine was set up for.
    #[error("has a memory limit of {0} bytes; at most {MEMORY_MAX} are possible")]
    MemoryLimit(usize),
}
