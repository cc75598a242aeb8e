//! Demo origin.
fn main() {}
