//! The files that `portolan policy new` writes: a template and an SDK for each language.
//!
//! Owns what is built into the program and where each file goes. Writes nothing.

use super::Language;

/// Stands for the policy's name in a template.
pub(super) const NAME: &str = "home-first";
/// Stands for the name of its type.
pub(super) const TYPE: &str = "HomeFirst";

/// A path below its folder, and the text.
type File = (&'static str, &'static str);

/// What every policy promises, whatever it is written in.
const CASES: File = ("cases.toml", include_str!("new/cases.toml.txt"));
const IGNORED: File = (".gitignore", include_str!("new/gitignore.txt"));

const RUST: [File; 5] = [
    CASES,
    IGNORED,
    ("Cargo.toml", include_str!("new/rust/Cargo.toml.txt")),
    ("README.md", include_str!("new/rust/README.md.txt")),
    ("src/lib.rs", include_str!("new/rust/lib.rs.txt")),
];

const C: [File; 5] = [
    CASES,
    IGNORED,
    ("policy.toml", include_str!("new/c/policy.toml.txt")),
    ("README.md", include_str!("new/c/README.md.txt")),
    ("src/policy.c", include_str!("new/c/policy.c.txt")),
];

const GO: [File; 8] = [
    CASES,
    IGNORED,
    ("policy.toml", include_str!("new/go/policy.toml.txt")),
    ("requirements.txt", include_str!("new/go/requirements.txt")),
    ("README.md", include_str!("new/go/README.md.txt")),
    ("src/go.mod", include_str!("new/go/go.mod.txt")),
    ("src/policy.go", include_str!("new/go/policy.go.txt")),
    ("src/policy_test.go", include_str!("new/go/policy_test.go.txt")),
];

const JS: [File; 6] = [
    CASES,
    IGNORED,
    ("policy.toml", include_str!("new/js/policy.toml.txt")),
    ("package.json", include_str!("new/js/package.json.txt")),
    ("README.md", include_str!("new/js/README.md.txt")),
    ("src/policy.js", include_str!("new/js/policy.js.txt")),
];

const PYTHON: [File; 6] = [
    CASES,
    IGNORED,
    ("policy.toml", include_str!("new/python/policy.toml.txt")),
    ("requirements.txt", include_str!("new/python/requirements.txt")),
    ("README.md", include_str!("new/python/README.md.txt")),
    ("src/policy.py", include_str!("new/python/policy.py.txt")),
];

/// Files of an SDK by their paths in its folder.
macro_rules! sdk {
    ($language:literal, $($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../../sdk/", $language, "/", $file)))),*]
    };
}

/// Without its manifest, which `new` writes.
const RUST_SDK: [File; 19] = sdk![
    "rust",
    "src/answer.rs",
    "src/bindings.rs",
    "src/blocks.rs",
    "src/changes.rs",
    "src/config.rs",
    "src/guest.rs",
    "src/http.rs",
    "src/kept.rs",
    "src/kv.rs",
    "src/lib.rs",
    "src/payload.rs",
    "src/regions.rs",
    "src/request.rs",
    "src/servers.rs",
    "src/telemetry.rs",
    "src/testing.rs",
    "src/testing/watching.rs",
    "src/verdict.rs",
    "src/view.rs",
];

const C_SDK: [File; 21] = sdk![
    "c",
    "README.md",
    "include/portolan.h",
    "libc/math.h",
    "libc/stdlib.h",
    "libc/string.h",
    "src/affinity.c",
    "src/bytes.c",
    "src/health.c",
    "src/http.c",
    "src/json.c",
    "src/kv.c",
    "src/libc.c",
    "src/memory.c",
    "src/parts.h",
    "src/policy.c",
    "src/request.c",
    "src/response.c",
    "src/route.c",
    "src/telemetry.c",
    "src/verdict.c",
    "src/view.c",
];

const GO_SDK: [File; 30] = sdk![
    "go",
    "README.md",
    "answer.go",
    "changes.go",
    "component/crossing/crossing.go",
    "component/export_portolan_policy_affinity/affinity.go",
    "component/export_portolan_policy_health/health.go",
    "component/export_portolan_policy_lifecycle/lifecycle.go",
    "component/export_portolan_policy_response/response.go",
    "component/export_portolan_policy_route/route.go",
    "config.go",
    "go.mod",
    "http/host_wasip1.go",
    "http/http.go",
    "http/native.go",
    "kv/host_wasip1.go",
    "kv/kv.go",
    "kv/native.go",
    "portolan.go",
    "regions.go",
    "request.go",
    "telemetry/host_wasip1.go",
    "telemetry/native.go",
    "telemetry/telemetry.go",
    "verdict.go",
    "view/host_wasip1.go",
    "view/native.go",
    "view/view.go",
    "wit/go.mod",
    "wit/wit/runtime/runtime.go",
    "wit/wit/types/types.go",
];

const JS_SDK: [File; 19] = sdk![
    "js",
    "README.md",
    "package.json",
    "src/answer.js",
    "src/changes.js",
    "src/edits.js",
    "src/http.d.ts",
    "src/http.js",
    "src/imports.js",
    "src/index.d.ts",
    "src/index.js",
    "src/kv.d.ts",
    "src/kv.js",
    "src/octets.js",
    "src/request.js",
    "src/telemetry.d.ts",
    "src/telemetry.js",
    "src/verdict.js",
    "src/view.d.ts",
    "src/view.js",
];

const PYTHON_SDK: [File; 17] = sdk![
    "python",
    "README.md",
    "src/portolan_policy/__init__.py",
    "src/portolan_policy/answer.py",
    "src/portolan_policy/changes.py",
    "src/portolan_policy/component.py",
    "src/portolan_policy/config.py",
    "src/portolan_policy/edits.py",
    "src/portolan_policy/http.py",
    "src/portolan_policy/imports.py",
    "src/portolan_policy/kv.py",
    "src/portolan_policy/manifest.py",
    "src/portolan_policy/octets.py",
    "src/portolan_policy/py.typed",
    "src/portolan_policy/request.py",
    "src/portolan_policy/telemetry.py",
    "src/portolan_policy/verdict.py",
    "src/portolan_policy/view.py",
];

/// The policy's own files.
pub(super) fn files(language: Language) -> &'static [File] {
    match language {
        Language::Rust => &RUST,
        Language::C => &C,
        Language::Go => &GO,
        Language::Js => &JS,
        Language::Python => &PYTHON,
    }
}

/// The SDK's files.
pub(super) fn sdk(language: Language) -> &'static [File] {
    match language {
        Language::Rust => &RUST_SDK,
        Language::C => &C_SDK,
        Language::Go => &GO_SDK,
        Language::Js => &JS_SDK,
        Language::Python => &PYTHON_SDK,
    }
}

/// What an author does first, as a line of help.
pub(super) fn first_step(language: Language) -> &'static str {
    match language {
        Language::Rust => "  cargo test                the policy's own tests, without WebAssembly\n",
        Language::C => "",
        Language::Go => "  (cd src && go test ./...)   the policy's own tests, without WebAssembly\n",
        Language::Js => "  npm install               the compiler\n",
        Language::Python => "  python3 -m venv .venv && .venv/bin/pip install -r requirements.txt    the compiler\n",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::path::{Path, PathBuf};

    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }

    #[test]
    fn every_sdk_is_copied_whole() {
        let languages = [
            (Language::Rust, "rust", "src"),
            (Language::C, "c", ""),
            (Language::Go, "go", ""),
            (Language::Js, "js", ""),
            (Language::Python, "python", ""),
        ];
        for (language, name, part) in languages {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk").join(name);
            let mut there = Vec::new();
            below(&folder.join(part), &mut there);
            there.retain(|path| !path.iter().any(|part| part == "__pycache__" || part == "node_modules"));
            let mut there: Vec<_> = there.iter().map(|path| path.strip_prefix(&folder).unwrap()).collect();
            there.sort();
            let mut copied: Vec<_> = sdk(language).iter().map(|(file, _)| Path::new(file)).collect();
            copied.sort();
            assert_eq!(copied, there, "{name}");
        }
    }

    #[test]
    fn versions_are_those_that_are_tried() {
        let (qjs, version) = policy_build::QJS.split_once('@').unwrap();
        let wanted = format!("\"{qjs}\": \"{version}\"");
        for (_, text) in JS.iter().chain(&JS_SDK).filter(|(file, _)| *file == "package.json") {
            assert!(text.contains(&wanted), "{text}");
        }
        for (files, version) in [(&PYTHON[..], policy_build::PY), (&GO[..], policy_build::GO)] {
            let (_, text) = files.iter().find(|(file, _)| *file == "requirements.txt").unwrap();
            assert_eq!(text.trim(), version);
        }
    }
}
