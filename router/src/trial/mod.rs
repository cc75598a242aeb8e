//! Policies tried without a server: the cases of a file, and random worlds.
//!
//! Owns the form of a cases file (`suite`), the world that a case describes (`stage`) and how it is played: through the
//! same `decide` and the same sandbox as in the router, so a case says what would happen there. A background instance is called by
//! hand, and the file answers in the place of servers. Opens no socket and
//! reads no clock but to say how long a call took. Called by `portolan policy test` and `portolan policy bench`.

mod hearing;
mod keep;
mod play;
mod random;
pub mod replay;
mod report;
mod sample;
mod stage;
mod suite;
#[cfg(test)]
mod tests;
mod watch;

pub use play::{Played, Scene, Tried, run};
pub use random::{Fault, Findings, Random, explore};
pub use report::Report;
pub use sample::{Sample, Samples, sample};
pub use stage::{Stage, StageError};
pub use suite::{Case, Suite, SuiteError};
