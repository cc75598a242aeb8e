//! What a policy keeps between calls, shared by all its instances in one router: the contract's `kv`.
//!
//! A thin wrapper; natively a bucket is a table of the test's own thread, whose clock is that of the request that was asked last.
//! A verdict that depends on what is kept is no longer a function of the request alone: keep what was learned, not what was said.

use std::time::Duration;

pub use crate::bindings::portolan::policy::kv::Error as KvError;

/// A bucket of the manifest, by its place there.
///
/// ```
/// use portolan_policy::{Bucket, Manifest};
///
/// const SEEN: Bucket = Bucket::at(0);
///
/// let manifest = Manifest::new().bucket("seen");
/// assert_eq!(SEEN.add(b"tenant-7", 1, None), Ok(1));
/// assert_eq!(SEEN.add(b"tenant-7", 1, None), Ok(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket(u32);

#[cfg(target_arch = "wasm32")]
use crate::bindings::portolan::policy::kv as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::kept as host;

impl Bucket {
    /// The bucket at this place in the manifest.
    pub const fn at(place: u32) -> Self {
        Self(place)
    }

    /// The value of a key.
    pub fn get(self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        host::get(self.0, key)
    }

    /// The value of a key as text; none also when it cannot be had or is not UTF-8.
    pub fn text(self, key: &[u8]) -> Option<String> {
        String::from_utf8(self.get(key).ok()??).ok()
    }

    /// Sets a key, for this long or for good.
    pub fn set(self, key: &[u8], value: &[u8], lifetime: Option<Duration>) -> Result<(), KvError> {
        host::set(self.0, key, value, millis(lifetime))
    }

    /// Sets a key that has the expected value, none for one that is not there; whether it had.
    pub fn replace(
        self,
        key: &[u8],
        expected: Option<&[u8]>,
        value: &[u8],
        lifetime: Option<Duration>,
    ) -> Result<bool, KvError> {
        host::replace(self.0, key, expected, value, millis(lifetime))
    }

    /// Adds to a number and gives the sum. One that is not there begins at 0, and lasts this long from then on.
    pub fn add(self, key: &[u8], delta: i64, lifetime: Option<Duration>) -> Result<i64, KvError> {
        host::add(self.0, key, delta, millis(lifetime))
    }

    /// Removes a key; whether it was there.
    pub fn delete(self, key: &[u8]) -> Result<bool, KvError> {
        host::delete(self.0, key)
    }
}

/// Milliseconds as the contract counts them; a lifetime that is too long for it lasts for good.
fn millis(lifetime: Option<Duration>) -> u32 {
    lifetime.map_or(0, |span| u32::try_from(span.as_millis().max(1)).unwrap_or(0))
}
