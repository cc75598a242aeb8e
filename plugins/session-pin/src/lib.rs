//! The `session-pin` policy: not written yet.
