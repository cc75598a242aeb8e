//! The buckets of a native test: one table for each thread, without quotas.
//!
//! Owns what the host would keep, with the same forms. Time is that of the request that was asked last.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::kv::KvError;

/// A value, and when it ends, milliseconds since 1970.
type Kept = (Vec<u8>, Option<f64>);

std::thread_local! {
    static KEPT: RefCell<BTreeMap<(u32, Vec<u8>), Kept>> = const { RefCell::new(BTreeMap::new()) };
    static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
}

pub(crate) fn set_time(now_ms: f64) {
    NOW_MS.set(now_ms);
}

pub(crate) fn forget() {
    KEPT.take();
}

pub(crate) fn get(bucket: u32, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
    Ok(find(bucket, key).map(|(value, _)| value))
}

pub(crate) fn set(bucket: u32, key: &[u8], value: &[u8], ttl_ms: u32) -> Result<(), KvError> {
    put(bucket, key, (value.to_vec(), end(ttl_ms)));
    Ok(())
}

pub(crate) fn replace(
    bucket: u32,
    key: &[u8],
    expected: Option<&[u8]>,
    value: &[u8],
    ttl_ms: u32,
) -> Result<bool, KvError> {
    let same = find(bucket, key).as_ref().map(|(value, _)| value.as_slice()) == expected;
    if same {
        set(bucket, key, value, ttl_ms)?;
    }
    Ok(same)
}

pub(crate) fn add(bucket: u32, key: &[u8], delta: i64, ttl_ms: u32) -> Result<i64, KvError> {
    let (number, until) = match find(bucket, key) {
        Some((value, until)) => {
            (i64::from_le_bytes(value.as_slice().try_into().map_err(|_| KvError::NotANumber)?), until)
        }
        None => (0, end(ttl_ms)),
    };
    let sum = number.saturating_add(delta);
    put(bucket, key, (sum.to_le_bytes().to_vec(), until));
    Ok(sum)
}

pub(crate) fn delete(bucket: u32, key: &[u8]) -> Result<bool, KvError> {
    let was = find(bucket, key).is_some();
    KEPT.with_borrow_mut(|kept| kept.remove(&(bucket, key.to_vec())));
    Ok(was)
}

fn find(bucket: u32, key: &[u8]) -> Option<Kept> {
    let kept = KEPT.with_borrow(|kept| kept.get(&(bucket, key.to_vec())).cloned())?;
    kept.1.is_none_or(|until| NOW_MS.get() < until).then_some(kept)
}

fn put(bucket: u32, key: &[u8], kept: Kept) {
    KEPT.with_borrow_mut(|all| all.insert((bucket, key.to_vec()), kept));
}

fn end(ttl_ms: u32) -> Option<f64> {
    (ttl_ms > 0).then(|| NOW_MS.get() + f64::from(ttl_ms))
}
