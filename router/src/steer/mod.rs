//! Steering: the pure core. Given what is known, which targets should serve this exchange, and why.
//!
//! Values in, values out. There is no clock, no randomness, no I/O and no async here, and no serialised form: time
//! and entropy are arguments, so every answer can be repeated. Reading order: `table` and `verdict` go in, `choose`
//! brings the stages together, `plan` comes out; `route`, `affinity`, `health` stand by themselves.

pub mod affinity;
pub mod choose;
pub mod ejection;
pub mod frozen;
pub mod health;
pub mod nearness;
pub mod plan;
pub mod reason;
pub mod retry_budget;
pub mod route;
pub mod strategy;
pub mod table;
pub mod trace;
pub mod verdict;
pub mod window;

mod balance;
mod preference;
mod standing;
