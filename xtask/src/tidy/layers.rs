//! The direction of imports in `router/src`: a lower layer never imports an upper one.
//!
//! Reads masked code, so a path in a comment or a string is none. Pure; called by `tidy.rs`.

use super::Offence;
use super::source::line_of;

/// The layers, lowest first. Modules of one layer may import each other, except those that are `APART`.
const LAYERS: [&[&str]; 11] = [
    &["base"],
    &["steer", "cache"],
    &["config"],
    &["geo", "policy", "metrics", "files", "store"],
    &["supply"],
    &["snapshot"],
    &["decide"],
    &["recording"],
    &["data", "control", "trial"],
    &["app"],
    &["main", "cli", "lib", "bin", "fuzz"],
];

/// The two planes meet in `snapshot` only, and a trial needs neither.
const APART: [&str; 3] = ["data", "control", "trial"];

/// The pure core.
const PURE: [&str; 2] = ["steer", "cache"];

/// What the pure core never names.
const IMPURE: [&str; 4] = ["tokio", "hyper", "wasmtime", "serde"];

/// Checks one file of the router.
pub(crate) fn check(path: &str, code: &str, found: &mut Vec<Offence>) {
    let Some(inside) = path.strip_prefix("router/src/") else { return };
    let module = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
    let Some(layer) = layer(module) else {
        found.push(Offence::new(
            path,
            1,
            format!("`{module}` has no layer; add it to LAYERS in xtask/src/tidy/layers.rs"),
        ));
        return;
    };
    for (place, import) in imports(code, depth(inside)) {
        // What is no layer is an item that `lib.rs` re-exports, or a macro.
        let Some(other) = self::layer(&import) else { continue };
        let apart = import != module && APART.contains(&module) && APART.contains(&import.as_str());
        if other > layer || apart {
            let what = format!(
                "`{module}` imports `{import}`, which is {}",
                if apart { "the other plane" } else { "above it" }
            );
            found.push(Offence::new(path, line_of(code, place), what));
        }
    }
    if PURE.contains(&module) {
        for name in IMPURE {
            for (place, _) in words(code, name).filter(|(place, _)| code[place + name.len()..].starts_with("::")) {
                let what = format!("`{module}` names `{name}`; the core is pure");
                found.push(Offence::new(path, line_of(code, place), what));
            }
        }
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// How many `super::` lead from a file to the root of the crate.
fn depth(inside: &str) -> usize {
    let folders = inside.matches('/').count();
    if inside.ends_with("mod.rs") || matches!(inside, "lib.rs" | "main.rs") { folders } else { folders + 1 }
}

/// The modules under the crate's root that the code names, each with its place.
fn imports(code: &str, depth: usize) -> Vec<(usize, String)> {
    let root = "super::".repeat(depth);
    let from_root = words(code, "crate").map(|(place, _)| (place, place + "crate".len()));
    let from_super = code.match_indices(&root).filter(|(place, _)| depth > 0 && !code[..*place].ends_with("::"));
    let from_super = from_super.map(|(place, _)| (place, place + root.len() - 2));
    let mut found = Vec::new();
    for (place, end) in from_root.chain(from_super) {
        let Some(rest) = code[end..].strip_prefix("::") else { continue };
        found.extend(heads(rest).into_iter().map(|name| (place, name)));
    }
    found
}

/// The first names of a path or of a group of paths: `a::{b, c}` is `a`, `{a::b, c::{d}}` is `a` and `c`.
fn heads(path: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut start, mut found) = (0i32, 0, Vec::new());
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                found.push(name(&group[start..at]));
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                found.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// Where a word stands in the code by itself.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
    code.match_indices(word).filter(move |(place, _)| {
        !part(code[..*place].chars().next_back()) && !part(code[place + word.len()..].chars().next())
    })
}
