//! What a policy looks up of the request in progress: the contract's `view`.
//!
//! Natively it is a table of the test's own thread, which `testing` fills before each call. [`crate::Request::lookup`] is the form
//! for authors.

pub use crate::bindings::portolan::policy::view::Error as LookupError;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::portolan::policy::view::field;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{field, show};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;

    use super::LookupError;

    /// A value for each field of the manifest; the outer none is one that is not looked up.
    type Shown = Vec<Option<Option<Vec<u8>>>>;

    std::thread_local! {
        static SHOWN: RefCell<Shown> = const { RefCell::new(Vec::new()) };
    }

    /// Sets what the calls to come may look up.
    pub(crate) fn show(fields: Shown) {
        SHOWN.set(fields);
    }

    pub(crate) fn field(place: u32) -> Result<Option<Vec<u8>>, LookupError> {
        SHOWN.with_borrow(|shown| shown.get(place as usize).cloned().flatten().ok_or(LookupError::NoField))
    }
}
