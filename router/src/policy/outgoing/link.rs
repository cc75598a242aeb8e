//! The functions of `http` that a component is linked with.
//!
//! Owns their form, and that waiting for servers does not count as the guest's own time. The only import that waits: nothing
//! but the thread of a background instance ever has a way to servers. Called by `imports`.

use super::{AT_ONCE_MAX, FetchError, Request, Response};
use crate::policy::guest::Guest;
use crate::policy::imports::Offered;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower};

/// The interface.
pub(in crate::policy) const OFFERED: Offered =
    Offered { interface: "http", functions: &["fetch", "fetch-all"], granted: "http with fetch and fetch-all", define };

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
struct RequestRecord {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    #[component(name = "timeout-ms")]
    timeout_ms: u32,
}

#[derive(Debug, ComponentType, Lower)]
#[component(record)]
struct ResponseRecord {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum ErrorEnum {
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "not-granted")]
    NotGranted,
    #[component(name = "too-many")]
    TooMany,
    #[component(name = "unavailable")]
    Unavailable,
    #[component(name = "no-connection")]
    NoConnection,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "broken")]
    Broken,
}

impl From<FetchError> for ErrorEnum {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Invalid => Self::Invalid,
            FetchError::NotGranted => Self::NotGranted,
            FetchError::TooMany => Self::TooMany,
            FetchError::Unavailable => Self::Unavailable,
            FetchError::NoConnection => Self::NoConnection,
            FetchError::Timeout => Self::Timeout,
            FetchError::TooLarge => Self::TooLarge,
            FetchError::Broken => Self::Broken,
        }
    }
}

type Fetched = Result<ResponseRecord, ErrorEnum>;

fn define(instance: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    instance.func_wrap("fetch", |mut store: StoreContextMut<'_, Guest>, (ask,): (RequestRecord,)| {
        Ok((fetch(&mut store, vec![ask]).pop().unwrap_or(Err(ErrorEnum::Unavailable)),))
    })?;
    instance.func_wrap("fetch-all", |mut store: StoreContextMut<'_, Guest>, (asks,): (Vec<RequestRecord>,)| {
        Ok((fetch(&mut store, asks),))
    })
}

/// Asks all of these, and gives the guest what was left of its own time before.
fn fetch(store: &mut StoreContextMut<'_, Guest>, asks: Vec<RequestRecord>) -> Vec<Fetched> {
    let wanted = asks.len();
    let guest = store.data_mut();
    let Some(mut outgoing) = guest.outgoing.take() else {
        return (0..wanted).map(|_| Err(ErrorEnum::Unavailable)).collect();
    };
    let left = guest.ends.saturating_sub(outgoing.pulse().now()).max(1);
    let asks = asks.into_iter().take(AT_ONCE_MAX).map(request);
    let (fetched, waited) = outgoing.fetch(asks.collect());
    if waited {
        store.set_epoch_deadline(left);
        let ends = outgoing.pulse().expect(left).saturating_add(left);
        store.data_mut().ends = ends;
    }
    store.data_mut().outgoing = Some(outgoing);
    let fetched = fetched.into_iter().map(|fetched| fetched.map(response).map_err(ErrorEnum::from));
    fetched.chain(std::iter::repeat_with(|| Err(ErrorEnum::TooMany))).take(wanted).collect()
}

fn request(ask: RequestRecord) -> Request {
    let RequestRecord { method, url, headers, body, timeout_ms } = ask;
    Request { method, url, headers, body, timeout_ms }
}

fn response(response: Response) -> ResponseRecord {
    let Response { status, headers, body } = response;
    ResponseRecord { status, headers, body }
}
