//! The functions of `kv` that a component is linked with.
//!
//! Owns their form. Nothing here waits: each is one operation on one bucket. In `describe` and `init` there is nothing kept and
//! nothing to keep, for these are to be the same for every instance. Called by `imports`.

use super::bucket::KvError;
use super::journal::{Answer, Operation};
use crate::policy::guest::Guest;
use crate::policy::imports::Offered;
use std::sync::Arc;
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
    instance.func_wrap("get", |mut store: StoreContextMut<'_, Guest>, (bucket, key): (u32, Vec<u8>)| {
        Ok((value(store.data_mut().keep(bucket, key, Operation::Get)),))
    })?;
    type Set = (u32, Vec<u8>, Vec<u8>, u32);
    instance.func_wrap("set", |mut store: StoreContextMut<'_, Guest>, (bucket, key, value, ttl_ms): Set| {
        Ok((done(store.data_mut().keep(bucket, key, Operation::Set { value, ttl_ms })),))
    })?;
    type Replace = (u32, Vec<u8>, Option<Vec<u8>>, Vec<u8>, u32);
    instance.func_wrap("replace", |mut store: StoreContextMut<'_, Guest>, asked: Replace| {
        let (bucket, key, expected, value, ttl_ms) = asked;
        Ok((whether(store.data_mut().keep(bucket, key, Operation::Replace { expected, value, ttl_ms })),))
    })?;
    type Add = (u32, Vec<u8>, i64, u32);
    instance.func_wrap("add", |mut store: StoreContextMut<'_, Guest>, (bucket, key, delta, ttl_ms): Add| {
        Ok((sum(store.data_mut().keep(bucket, key, Operation::Add { delta, ttl_ms })),))
    })?;
    instance.func_wrap("delete", |mut store: StoreContextMut<'_, Guest>, (bucket, key): (u32, Vec<u8>)| {
        Ok((whether(store.data_mut().keep(bucket, key, Operation::Delete)),))
    })
}

/// What a call comes to.
type Asked = Result<Answer, KvError>;

// An answer of another kind than the question's can only come out of a record that somebody wrote by hand.

fn value(asked: Asked) -> Result<Option<Arc<[u8]>>, ErrorEnum> {
    match asked? {
        Answer::Value(value) => Ok(value),
        _ => Err(ErrorEnum::Unavailable),
    }
}

fn done(asked: Asked) -> Result<(), ErrorEnum> {
    asked.map(|_| ()).map_err(Into::into)
}

fn whether(asked: Asked) -> Result<bool, ErrorEnum> {
    match asked? {
        Answer::Whether(whether) => Ok(whether),
        _ => Err(ErrorEnum::Unavailable),
    }
}

fn sum(asked: Asked) -> Result<i64, ErrorEnum> {
    match asked? {
        Answer::Sum(sum) => Ok(sum),
        _ => Err(ErrorEnum::Unavailable),
    }
}
