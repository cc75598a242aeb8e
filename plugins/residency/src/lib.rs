//! The `residency` policy: not written yet.
