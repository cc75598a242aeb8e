//! Portolan: a WebAssembly edge router with global traffic steering.
//!
//! The modules are layers; an upper one may use a lower one, never the other way round:
//! `base <- {steer, cache} <- config <- {geo, policy, store} <- supply <- snapshot <- decide <- recording <- {data, control, trial} <- app <- cli`. Read `decide` and
//! `data::exchange` first: together they are the walk of a request.

pub mod app;
pub mod base;
pub mod cache;
pub mod cli;
pub mod config;
pub mod control;
pub mod data;
pub mod decide;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod geo;
pub mod metrics;
pub mod policy;
pub mod recording;
pub mod snapshot;
pub mod steer;
pub mod store;
pub mod supply;
pub mod trial;
