//! The `canary` policy: not written yet.
