//! The functions of `kv` that a component is linked with.
//!
//! Owns their form. Nothing here waits: each is one operation on one bucket. In `describe` and `init` there is nothing kept and
//! nothing to keep, for these are to be the same for every instance. Called by `imports`.

use super::bucket::{Granted, KvError};
use crate::base::Timestamp;
use crate::policy::guest::Guest;
use crate::policy::imports::Offered;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, LinkerInstance, Lower};

/// The interface.
pub(in crate::policy) const OFFERED: Offered = Offered {
    interface: "kv",
    functions: &["get", "set", "replace", "add", "delete"],
    granted: "kv with get, set, replace, add and delete",
    define,
};

#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum ErrorEnum {
    #[component(name = "no-bucket")]
    NoBucket,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "over-quota")]
    OverQuota,
    #[component(name = "not-a-number")]
    NotANumber,
    #[component(name = "unavailable")]
    Unavailable,
}

impl From<KvError> for ErrorEnum {
    fn from(error: KvError) -> Self {
        match error {
            KvError::NoBucket => Self::NoBucket,
            KvError::TooLarge => Self::TooLarge,
            KvError::OverQuota => Self::OverQuota,
            KvError::NotANumber => Self::NotANumber,
            KvError::Unavailable => Self::Unavailable,
        }
    }
}

fn define(instance: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    instance.func_wrap("get", |store: StoreContextMut<'_, Guest>, (bucket, key): (u32, Vec<u8>)| {
        Ok((ask(&store, bucket, |granted, now| Ok(granted.get(&key, now))),))
    })?;
    type Set = (u32, Vec<u8>, Vec<u8>, u32);
    instance.func_wrap("set", |store: StoreContextMut<'_, Guest>, (bucket, key, value, ttl): Set| {
        Ok((ask(&store, bucket, |granted, now| granted.set(&key, &value, ttl, now)),))
    })?;
    type Replace = (u32, Vec<u8>, Option<Vec<u8>>, Vec<u8>, u32);
    instance.func_wrap("replace", |store: StoreContextMut<'_, Guest>, (bucket, key, old, value, ttl): Replace| {
        Ok((ask(&store, bucket, |granted, now| granted.replace(&key, old.as_deref(), &value, ttl, now)),))
    })?;
    type Add = (u32, Vec<u8>, i64, u32);
    instance.func_wrap("add", |store: StoreContextMut<'_, Guest>, (bucket, key, delta, ttl): Add| {
        Ok((ask(&store, bucket, |granted, now| granted.add(&key, delta, ttl, now)),))
    })?;
    instance.func_wrap("delete", |store: StoreContextMut<'_, Guest>, (bucket, key): (u32, Vec<u8>)| {
        Ok((ask(&store, bucket, |granted, now| Ok(granted.delete(&key, now))),))
    })
}

fn ask<T>(
    store: &StoreContextMut<'_, Guest>,
    bucket: u32,
    operation: impl FnOnce(&Granted, Timestamp) -> Result<T, KvError>,
) -> Result<T, ErrorEnum> {
    let guest = store.data();
    let done = guest.kept().and_then(|buckets| operation(buckets.at(bucket)?, guest.now()));
    done.map_err(Into::into)
}
