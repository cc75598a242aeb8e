//! What a policy may say to the operator: the contract's `telemetry`.
//!
//! Owns the definitions that a component is linked with. Limits are `guest`'s. Nothing here blocks: the log has a queue
//! of its own, which drops and counts. Called by `imports`.

use super::guest::{Guest, Level};
use super::imports::InterfaceName;
use super::load::LoadFault;
use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{ComponentType, Lift, Linker};

/// Name of the interface.
pub(super) const INTERFACE: &str = "telemetry";
/// Its functions.
const FUNCTIONS: [&str; 4] = ["log", "count", "set", "observe"];

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

/// Defines the interface under the name by which the component imports it.
pub(super) fn link(
    linker: &mut Linker<Guest>,
    component: &wasmtime::component::Component,
    name: &str,
    parsed: &InterfaceName<'_>,
    instance: &ComponentInstance,
) -> Result<(), LoadFault> {
    for (function, item) in instance.exports(component.engine()) {
        if matches!(item.ty, ComponentItem::ComponentFunc(_)) && !FUNCTIONS.contains(&function) {
            return Err(LoadFault::Import {
                import: format!("{name}#{function}"),
                granted: "telemetry with log, count, set and observe",
            });
        }
    }
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
    let defined = linker.instance(name).and_then(|mut instance| {
        instance.func_wrap("log", log)?;
        instance.func_wrap("count", count)?;
        instance.func_wrap("set", set)?;
        instance.func_wrap("observe", observe)
    });
    defined.map_err(|error| LoadFault::Instantiate(format!("{}: {error:#}", parsed.interface)))
}
