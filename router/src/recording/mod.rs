//! Decisions written to a file with what they were made from, and read back.
//!
//! Owns the form of the file (`line`, `world`), what is taken of a decision (`recorder`), how it reaches the file
//! (`writer`) and how it is read (`reader`). Inputs only: declared fields, what policies read of what they keep, states, loads, the session, time and dice; never a
//! body. Workers hand on values and never wait; a replay (`trial::replay`) decides on them again.

pub mod kept;
pub mod line;
pub mod reader;
pub mod recorder;
pub mod said;
pub mod world;
pub mod writer;

#[cfg(test)]
mod tests;
