//! What a component may import and must export.
//!
//! Owns the grants: inert WASI (`wasi`), the contract's types, its `telemetry`, `kv`, `view` and `http`; everything else is refused by name, before any
//! code of the component has run. Also owns the question which version of the contract a component speaks.

use super::contract::{PACKAGE, VERSION, VERSION_TEXT};
use super::inspect::{Grant, Import};
use super::load::LoadFault;
use super::{guest::Guest, kv, outgoing, telemetry, view, wasi};
use wasmtime::component::types::{Component as ComponentType, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Linker, LinkerInstance};

/// What is granted, for messages.
const GRANTED: &str = "portolan:policy/telemetry, kv, view and http, inert wasi:cli, wasi:io, wasi:clocks, wasi:filesystem and wasi:random 0.2";

/// Where the functions of the contract are in a component; of the hooks, those that it has.
#[derive(Clone)]
pub(super) struct Exports {
    pub(super) describe: ComponentExportIndex,
    pub(super) init: ComponentExportIndex,
    pub(super) route: Option<ComponentExportIndex>,
    pub(super) affinity: Option<ComponentExportIndex>,
    pub(super) response: Option<ComponentExportIndex>,
    pub(super) health: Option<ComponentExportIndex>,
}

/// Hooks, for messages.
pub(super) const HOOKS: &str = "route, affinity, response, health";

/// An interface of the contract that the host has functions for.
pub(super) struct Offered {
    pub(super) interface: &'static str,
    pub(super) functions: &'static [&'static str],
    /// The two in words, for messages.
    pub(super) granted: &'static str,
    pub(super) define: fn(&mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()>,
}

/// Every such interface.
const OFFERED: [Offered; 4] = [telemetry::OFFERED, kv::OFFERED, view::OFFERED, outgoing::OFFERED];

impl Offered {
    /// Defines it under the name by which a component imports it, which may want nothing else of it.
    fn link(
        &self,
        linker: &mut Linker<Guest>,
        component: &Component,
        name: &str,
        instance: &ComponentInstance,
    ) -> Result<(), LoadFault> {
        for (function, item) in instance.exports(component.engine()) {
            if matches!(item.ty, ComponentItem::ComponentFunc(_)) && !self.functions.contains(&function) {
                return Err(LoadFault::Import { import: format!("{name}#{function}"), granted: self.granted });
            }
        }
        let defined = linker.instance(name).and_then(|mut instance| (self.define)(&mut instance));
        defined.map_err(|error| LoadFault::Instantiate(format!("{}: {error:#}", self.interface)))
    }
}

/// A name such as `wasi:io/streams@0.2.3`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InterfaceName<'a> {
    pub(super) package: &'a str,
    pub(super) interface: &'a str,
    version: &'a str,
}

impl<'a> InterfaceName<'a> {
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/')?;
        Some(Self { package, interface, version })
    }

    /// Whether a component of this version can be linked: the same minor version, for a 0.x package.
    fn matches(&self, major: u64, minor: u64) -> bool {
        let mut numbers = self.version.split(['.', '-', '+']).map(|number| number.parse().ok());
        numbers.next().flatten() == Some(major) && numbers.next().flatten() == Some(minor)
    }
}

/// Links what is granted and refuses what is not.
pub(super) fn link(linker: &mut Linker<Guest>, component: &Component) -> Result<(), LoadFault> {
    let ty = component.component_type();
    for (name, import) in ty.imports(component.engine()) {
        let refused = || LoadFault::Import { import: name.to_owned(), granted: GRANTED };
        let parsed = InterfaceName::parse(name).ok_or_else(refused)?;
        let ComponentItem::ComponentInstance(instance) = &import.ty else { return Err(refused()) };
        match parsed.package {
            PACKAGE => {
                speaks(&parsed)?;
                if let Some(offered) = OFFERED.iter().find(|offered| offered.interface == parsed.interface) {
                    offered.link(linker, component, name, instance)?;
                    continue;
                }
            }
            _ if is_inert(&parsed) => {
                let linked = wasi::link(linker, name, &parsed, instance);
                linked.map_err(|error| LoadFault::Instantiate(format!("{name}: {error:#}")))?;
                continue;
            }
            _ => return Err(refused()),
        }
        // The contract's `types` come as an import without functions and need no definition; a function that the
        // component imports from the contract is one that this host does not have.
        let has_function =
            instance.exports(component.engine()).any(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)));
        if has_function {
            return Err(refused());
        }
    }
    Ok(())
}

/// Everything that a component imports, and what there is for it.
pub(super) fn listed(component: &Component) -> Vec<Import> {
    let ty = component.component_type();
    let listed = ty.imports(component.engine()).map(|(name, import)| {
        let instance = matches!(import.ty, ComponentItem::ComponentInstance(_));
        let grant = match InterfaceName::parse(name).filter(|_| instance) {
            Some(parsed) if parsed.package == PACKAGE && parsed.interface == outgoing::OFFERED.interface => {
                Grant::Operator
            }
            Some(parsed) if parsed.package == PACKAGE => Grant::Contract,
            Some(parsed) if is_inert(&parsed) => Grant::Inert,
            _ => Grant::Refused,
        };
        Import { name: name.to_owned(), grant }
    });
    listed.collect()
}

/// The name under which a component imports what the operator has to grant, if it does.
pub(super) fn to_be_granted(component: &Component) -> Option<String> {
    listed(component).into_iter().find(|import| import.grant == Grant::Operator).map(|import| import.name)
}

/// The version of the contract that a component exports, and the interfaces of it.
pub(super) fn hooks(component: &Component) -> (Option<String>, Vec<String>) {
    let ty = component.component_type();
    let mut version = None;
    let mut hooks = Vec::new();
    for (name, _) in ty.exports(component.engine()) {
        if let Some(parsed) = InterfaceName::parse(name).filter(|parsed| parsed.package == PACKAGE) {
            version.get_or_insert_with(|| parsed.version.to_owned());
            hooks.push(parsed.interface.to_owned());
        }
    }
    (version, hooks)
}

/// Whether an interface is one of those that are linked without effect.
fn is_inert(name: &InterfaceName<'_>) -> bool {
    let known = ["wasi:cli", "wasi:io", "wasi:clocks", "wasi:filesystem", "wasi:random"].contains(&name.package);
    known && name.matches(0, 2)
}

/// Finds the functions of the contract, or says which version or which function is the trouble.
pub(super) fn exports(component: &Component) -> Result<Exports, LoadFault> {
    let ty = component.component_type();
    let find = |interface: &'static str, function: &'static str| {
        let Some(name) = exported_name(&ty, component, interface)? else { return Ok(None) };
        let instance = component.get_export_index(None, name.as_str());
        let missing = || LoadFault::Missing { export: format!("{name}#{function}") };
        component.get_export_index(Some(&instance.ok_or_else(missing)?), function).ok_or_else(missing).map(Some)
    };
    let lifecycle = || LoadFault::Missing { export: format!("{PACKAGE}/lifecycle@{VERSION_TEXT}") };
    let exports = Exports {
        describe: find("lifecycle", "describe")?.ok_or_else(lifecycle)?,
        init: find("lifecycle", "init")?.ok_or_else(lifecycle)?,
        route: find("route", "route")?,
        affinity: find("affinity", "key")?,
        response: find("response", "response")?,
        health: find("health", "watch")?,
    };
    let Exports { route, affinity, response, health, .. } = &exports;
    let any = [route, affinity, response, health].into_iter().any(Option::is_some);
    if any { Ok(exports) } else { Err(LoadFault::NoHook) }
}

/// The name under which a component exports an interface of the contract, if it does.
fn exported_name(ty: &ComponentType, component: &Component, interface: &str) -> Result<Option<String>, LoadFault> {
    for (name, _) in ty.exports(component.engine()) {
        match InterfaceName::parse(name) {
            Some(parsed) if parsed.package == PACKAGE && parsed.interface == interface => {
                speaks(&parsed)?;
                return Ok(Some(name.to_owned()));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether this host speaks the version of the contract that a component was built for.
fn speaks(name: &InterfaceName<'_>) -> Result<(), LoadFault> {
    if name.matches(VERSION.0, VERSION.1) {
        return Ok(());
    }
    Err(LoadFault::Version { interface: name.interface.to_owned(), found: name.version.to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn versions() {
        for (name, spoken) in [
            ("portolan:policy/route@0.1.0", true),
            ("portolan:policy/route@0.1.9", true),
            ("portolan:policy/route@0.1.0-rc.1", true),
            ("portolan:policy/route@0.2.0", false),
            ("portolan:policy/route@1.1.0", false),
            ("portolan:policy/route@0.10.0", false),
            ("portolan:policy/route", false),
        ] {
            let parsed = InterfaceName::parse(name).unwrap();
            assert_eq!((parsed.package, parsed.interface), (PACKAGE, "route"), "{name}");
            assert_eq!(speaks(&parsed).is_ok(), spoken, "{name}");
        }
        assert_eq!(InterfaceName::parse("log"), None);
    }
}
