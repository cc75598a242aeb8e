//! The control plane: one task owns what is known and publishes it; drivers around it only send events.
//!
//! `world` is the pure heart, `conductor` the one task, `load`, `probe`, `resolve`, `sample` and `watch` are its senses,
//! `watchers` passes what they found on to policies that watch the regions,
//! `admin` is where operators ask and command. It shares with the data plane only the published snapshot, the counters
//! in it and the channel of alarms.

pub mod admin;
pub mod conductor;
pub mod load;
pub mod probe;
pub mod resolve;
pub mod sample;
pub mod status;
pub mod watch;
pub mod watchers;
pub mod world;
