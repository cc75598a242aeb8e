//! The data plane: connections, exchanges and bodies. It may await but never decides; it reads the published snapshot and
//! never imports the control plane. Workers (one thread each) own everything in it, so `Rc` and `RefCell` are the rule.

pub mod body;
pub mod files;
pub mod h1;
pub mod upstream;
