//! The wasmtime engine as policies need it.
//!
//! Owns its configuration: Cranelift, no concurrency support, a pool of instance slots, epoch interruption with a
//! two-millisecond beat, compiled code cached on disk. Knows nothing of a single policy. Made once at start by `app`;
//! a clone is another handle to the same engine.

use super::ticker::{self, Pulse};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::{Cache, CacheConfig, Config, Enabled, PoolingAllocationConfig};

/// Policies per worker that the pool is sized for; twice as many fit while a reload has two generations alive.
const POLICIES: u32 = 200;
/// Most linear memories of the process, whatever the number of workers. Each reserves [`RESERVATION`] of address space
/// and commits nothing until it is used.
const MEMORIES_MAX: u32 = 6_400;
/// Address space of one memory: 4 GiB lets compiled code leave out bounds checks (wasmtime's default on 64 bits).
const RESERVATION: u64 = 4 << 30;
/// Address space of one memory where the large reservation is not granted (`ulimit -v`, small virtual machines);
/// bounds checks are compiled in then.
const RESERVATION_SMALL: u64 = MEMORY_MAX as u64;
/// The largest memory that a policy may be granted, bytes.
pub(super) const MEMORY_MAX: usize = 256 << 20;
/// Stack of a guest, bytes: half of wasmtime's default, for it lies on the worker's own stack.
const GUEST_STACK: usize = 256 << 10;
/// Core instances per component: a plain guest has 1 to 4, componentize-py needs more than 30.
const CORE_INSTANCES: u32 = 8;

/// How the engine is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineSettings {
    /// Worker threads, each with its own instances; 0 counts as 1.
    pub workers: usize,
    /// Folder for compiled code; none compiles anew in each process.
    pub cache: Option<PathBuf>,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused the machine or the address space.
    #[error("the policy engine could not be set up: {0}")]
    Setup(String),
    /// The thread that measures time limits could not be started.
    #[error("the thread for policy time limits could not be started: {0}")]
    Ticker(std::io::Error),
}

/// The engine, with its beat.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    /// Moves with the epoch, while calls are expected.
    pub(super) pulse: Arc<Pulse>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Sets the engine up. A cache folder that cannot be used is a warning, not an error: policies compile anew then.
    ///
    /// # Errors
    /// When wasmtime refuses the machine, there is no address space for the pool, or no thread can be started.
    pub fn new(settings: &EngineSettings) -> Result<Self, EngineError> {
        let workers = u32::try_from(settings.workers.max(1)).unwrap_or(u32::MAX);
        Self::with_room(settings, workers.saturating_mul(2 * POLICIES).min(MEMORIES_MAX))
    }

    /// An engine for so many instances.
    pub(super) fn with_room(settings: &EngineSettings, instances: u32) -> Result<Self, EngineError> {
        let cache = settings.cache.as_deref().and_then(|folder| {
            let opened = open_cache(folder);
            if let Err(error) = &opened {
                let folder = folder.display();
                tracing::warn!("compiled policies cannot be kept in {folder}, they compile at each start: {error:#}");
            }
            opened.ok()
        });
        let wasmtime = wasmtime::Engine::new(&config(instances, RESERVATION, cache.clone()))
            .or_else(|_| wasmtime::Engine::new(&config(instances, RESERVATION_SMALL, cache)))
            .map_err(|error| EngineError::Setup(format!("{error:#}")))?;
        let pulse = ticker::drive(&wasmtime).map_err(EngineError::Ticker)?;
        Ok(Self { wasmtime, pulse })
    }
}

fn open_cache(folder: &Path) -> wasmtime::Result<Cache> {
    let mut config = CacheConfig::new();
    config.with_directory(std::path::absolute(folder)?);
    Cache::new(config)
}

fn config(instances: u32, reservation: u64, cache: Option<Cache>) -> Config {
    let mut config = Config::new();
    config
        // Costs 240 ns on each call, for asynchronous functions that the contract does not have.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .wasm_backtrace_max_frames(NonZeroUsize::new(8))
        .memory_reservation(reservation)
        .cache(cache)
        .allocation_strategy(pool(instances));
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(0)
        .max_memory_size(MEMORY_MAX)
        .max_unused_warm_slots(32)
        // wasmtime 48 does not reset a dirty page that is swapped out, so the next instance in the slot would see it.
        .pagemap_scan(Enabled::No);
    pool
}
