//! Steering: the pure core. Given what is known, which targets should serve this exchange, and why.
//!
//! Values in, values out. There is no clock, no randomness, no I/O and no async here, and no serialised form: time
//! and entropy are arguments, so every answer can be repeated. Reading order is the order of the modules below.

pub mod plan;
pub mod reason;
pub mod route;
pub mod table;
pub mod verdict;
