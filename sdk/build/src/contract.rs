//! The contract with the one world that a policy needs.
//!
//! Owns the text of that world: `lifecycle`, the hooks that the policy answers and the imports that it uses, no more. So a
//! policy exports what it has and imports what it asked for, whatever else the contract offers. Pure.

/// Name of the world.
pub(crate) const WORLD: &str = "policy";

/// The contract's text with the world added.
///
/// # Errors
/// When a hook or an import is no interface of the contract; with those that are.
pub(crate) fn with_world(contract: &str, hooks: &[String], imports: &[String]) -> Result<String, String> {
    let known = interfaces(contract);
    if let Some(stranger) = hooks.iter().chain(imports).find(|name| !known.contains(&name.as_str())) {
        return Err(format!("there is no interface {stranger:?}; it has {}", known.join(", ")));
    }
    let imports = imports.iter().map(|name| format!("    import {name};\n"));
    let hooks = hooks.iter().map(|name| format!("    export {name};\n"));
    let world: String = imports.chain(["    export lifecycle;\n".to_owned()]).chain(hooks).collect();
    Ok(format!("{contract}\nworld {WORLD} {{\n{world}}}\n"))
}

/// Names of the interfaces that the text declares.
fn interfaces(contract: &str) -> Vec<&str> {
    contract.lines().filter_map(|line| line.strip_prefix("interface ")?.split([' ', '{']).next()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CONTRACT: &str = "package a:b;\ninterface types {\n}\ninterface lifecycle {}\ninterface route {}\n";

    #[test]
    fn a_world_has_what_was_asked_for() {
        let text = with_world(CONTRACT, &["route".to_owned()], &["types".to_owned()]).unwrap();
        let world = "world policy {\n    import types;\n    export lifecycle;\n    export route;\n}\n";
        assert_eq!(text.strip_prefix(CONTRACT).unwrap().trim_start(), world);
    }

    #[test]
    fn a_hook_that_there_is_not_is_named() {
        let error = with_world(CONTRACT, &["rout".to_owned()], &[]).unwrap_err();
        assert_eq!(error, "there is no interface \"rout\"; it has types, lifecycle, route");
    }
}
