//! What a policy keeps between calls: the contract's `kv`, held in this process's memory.
//!
//! Owns a policy's buckets and how they outlive its reload: a bucket that is declared and granted again is the same one; one that
//! is not is gone with the last instance. Private to the policy, shared by all its instances. `bucket` has the entries, `link`
//! the functions that guests call.

mod bucket;
mod journal;
mod link;
#[cfg(test)]
mod tests;

pub(super) use bucket::Granted;
pub use bucket::{Bucket, BucketCounts, KvError};
pub use journal::{Answer, KvCall, Operation};
pub(super) use journal::{Given, Journal};
pub(super) use link::OFFERED;

use crate::base::Timestamp;
use crate::config::{Bucket as Grant, BucketQuota};
use std::sync::Arc;
use std::time::Duration;

/// Most buckets of a policy.
pub(super) const BUCKETS_MAX: usize = 16;

/// The buckets of a policy, by their place in its manifest. Clones share the entries.
#[derive(Debug, Clone, Default)]
pub struct Buckets(Arc<[Granted]>);

impl Buckets {
    /// The buckets that a manifest declares, as far as they are granted; the error is the name of one that is not.
    pub(super) fn open(declared: &[String], grants: &[Grant], before: &Self) -> Result<Self, String> {
        let one = |name: &String| {
            let grant = grants.iter().find(|grant| *grant.name == **name).ok_or_else(|| name.clone())?;
            let kept = before.0.iter().find(|kept| kept.name == grant.name);
            let bucket = kept.map_or_else(Arc::default, |kept| Arc::clone(&kept.bucket));
            Ok(Granted { name: Arc::clone(&grant.name), bucket, quota: grant.quota })
        };
        declared.iter().map(one).collect::<Result<_, String>>().map(Self)
    }

    /// The buckets that a manifest declares, without room for anything: for calls that are answered from a record.
    pub(super) fn without_room(declared: &[String]) -> Self {
        let quota = BucketQuota { entries: 0, bytes: 0, value: 0 };
        let one = |name: &String| Granted { name: name.as_str().into(), bucket: Arc::default(), quota };
        Self(declared.iter().map(one).collect())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bucket)> {
        self.0.iter().map(|granted| (&*granted.name, &*granted.bucket))
    }

    /// Removes what ended before `now`.
    pub fn sweep(&self, now: Timestamp) {
        self.iter().for_each(|(_, bucket)| bucket.sweep(now));
    }

    /// Leaves nothing but these entries, which are bucket, key, value and how long it lasts (zero is for good); the error is the
    /// name of a bucket that there is not, or the key of an entry that has no room.
    pub fn reset<'a>(
        &self,
        entries: impl Iterator<Item = (&'a str, &'a str, &'a [u8], Duration)>,
        now: Timestamp,
    ) -> Result<(), String> {
        self.iter().for_each(|(_, bucket)| bucket.clear());
        for (name, key, value, ttl) in entries {
            let granted = self.0.iter().find(|granted| &*granted.name == name);
            let granted = granted.ok_or_else(|| format!("the policy has no bucket {name:?}"))?;
            let ttl_ms = u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX);
            let set = granted.set(key.as_bytes(), value, ttl_ms, now);
            set.map_err(|_| format!("the bucket {name:?} has no room for the key {key:?}"))?;
        }
        Ok(())
    }

    pub(super) fn at(&self, place: u32) -> Result<&Granted, KvError> {
        self.0.get(place as usize).ok_or(KvError::NoBucket)
    }
}
