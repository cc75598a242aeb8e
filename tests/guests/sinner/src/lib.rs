//! The `sinner` policy: not written yet.
