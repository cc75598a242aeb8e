//! What a policy may say to the operator: the contract's `telemetry`.
//!
//! Owns the definitions that a component is linked with. Limits are `guest`'s. Nothing here blocks: the log has a queue
//! of its own, which drops and counts. Called by `imports`.

use super::guest::{Guest, Level};
use super::imports::Offered;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, LinkerInstance};

/// The interface.
pub(super) const OFFERED: Offered = Offered {
    interface: "telemetry",
    functions: &["log", "count", "set", "observe"],
    granted: "telemetry with log, count, set and observe",
    define,
};

#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "made by the derived `Lift`, from the guest's number")]
enum LevelEnum {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

fn define(instance: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    let log = |mut store: StoreContextMut<'_, Guest>, (level, message): (LevelEnum, String)| {
        let level = match level {
            LevelEnum::Debug => Level::Debug,
            LevelEnum::Info => Level::Info,
            LevelEnum::Warn => Level::Warn,
            LevelEnum::Error => Level::Error,
        };
        store.data_mut().log(level, &message);
        Ok(())
    };
    let count = |store: StoreContextMut<'_, Guest>, (metric, label, by): (u32, u32, u64)| {
        store.data().measure(|measures| measures.count(metric, label, by));
        Ok(())
    };
    let set = |store: StoreContextMut<'_, Guest>, (metric, label, value): (u32, u32, f64)| {
        store.data().measure(|measures| measures.set(metric, label, value));
        Ok(())
    };
    let observe = |store: StoreContextMut<'_, Guest>, (metric, label, value): (u32, u32, f64)| {
        store.data().measure(|measures| measures.observe(metric, label, value));
        Ok(())
    };
    instance.func_wrap("log", log)?;
    instance.func_wrap("count", count)?;
    instance.func_wrap("set", set)?;
    instance.func_wrap("observe", observe)
}
