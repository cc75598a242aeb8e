//! The data plane: connections, exchanges and bodies. It may await but never decides; it reads the published snapshot and
//! never imports the control plane. Workers (one thread each) own everything in it, so `Rc` and `RefCell` are the rule.

pub mod body;
mod cached;
mod cohort;
mod connection;
mod core;
mod exchange;
mod forward;
pub mod h1;
mod h2;
mod headers;
mod hops;
mod interim;
mod listener;
mod pin;
mod preface;
mod queue;
mod record;
mod replay;
mod request_id;
mod respond;
pub mod upstream;
pub mod worker;
