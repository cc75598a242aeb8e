//! The rules, each on a text that breaks it and on one that does not.

use super::*;

fn told(path: &str, text: &str) -> Vec<String> {
    let tree = Tree {
        texts: [
            (path.to_owned(), text.to_owned()),
            ("docs/there.md".to_owned(), "# One thing\n```\n# not this\n```\n## One thing\n## `x`, y\n".to_owned()),
        ]
        .into(),
        paths: vec!["docs/there.md".to_owned(), "docs/adr/0001.md".to_owned(), path.to_owned()],
    };
    offences(&tree).into_iter().map(|offence| offence.to_string()).collect()
}

#[test]
fn headers() {
    for (path, text, fine) in [
        ("a.rs", "//! Owns a.\n", true),
        ("a.rs", "use b;\n//! Too late.\n", false),
        ("a.rs", "", false),
        ("a.ts", "/** Owns a. */\n", true),
        ("a.mjs", "#!/usr/bin/env node\n// Owns a.\n", true),
        ("a.tsx", "import b from 'b';\n", false),
        ("a.c", "/* Owns a. */\n", true),
        ("a.h", "#ifndef A\n", false),
        ("a.py", "\"\"\"Owns a.\"\"\"\n", true),
        ("a.py", "import b\n", false),
        ("a.toml", "[a]\n", true),
    ] {
        assert_eq!(told(path, text).is_empty(), fine, "{path} {text:?}");
    }
}

#[test]
fn sizes() {
    let function =
        |lines: usize| format!("fn long(f: fn (u8), a: [u8; 2]) -> u8 {{\n{}}}\n", "    \"}\";\n".repeat(lines - 2));
    let header = "//! Owns a.\n";
    assert_eq!(told("a.rs", &format!("{header}{}", function(70))), [""; 0]);
    assert_eq!(
        told("a.rs", &format!("{header}\n{}", function(71))),
        ["a.rs:3: function `long` has 71 lines; 70 are accepted"]
    );
    let test = format!("{header}#[cfg(test)]\nmod tests {{\n{}}}\n", function(71));
    assert_eq!(told("a.rs", &test), [""; 0], "tests are not counted");
    assert_eq!(told("a/tests/b.rs", &format!("{header}{}", function(71))), [""; 0]);
    let many = "// x\n".repeat(399);
    assert_eq!(told("a.rs", &format!("{header}{many}")), [""; 0]);
    assert_eq!(
        told("a.rs", &format!("{header}{many}//\n")),
        ["a.rs:1: has 401 lines without its tests; 400 are accepted"]
    );
    assert_eq!(told("a.rs", &format!("{header}{many}#[cfg(test)]\nmod tests {{\n}}\n")), [""; 0]);
    assert_eq!(told("a.rs", &format!("{header}{many}#[cfg(test)]\nmod tests;\n")).len(), 1);
}

#[test]
fn layers_point_down() {
    for (path, code, expected) in [
        ("steer/a.rs", "use crate::base::Id;", None),
        ("steer/a.rs", "use crate::config::Raw;", Some("`steer` imports `config`, which is above it")),
        ("steer/a.rs", "// use crate::config::Raw;", None),
        ("steer/a.rs", "use super::super::config::Raw;", Some("`steer` imports `config`, which is above it")),
        ("steer/mod.rs", "use super::data::Raw;", Some("`steer` imports `data`, which is above it")),
        ("steer/mod.rs", "use super::base::Id;", None),
        ("steer/a.rs", "use super::health::Health;", None),
        ("steer/a.rs", "#[derive(serde::Serialize)]", Some("`steer` names `serde`; the core is pure")),
        ("steer/a.rs", "fn observed(tokio: u8) {}", None),
        ("cache/a.rs", "use tokio::time;", Some("`cache` names `tokio`; the core is pure")),
        ("cache/a.rs", "use crate::files::Bundle;", Some("`cache` imports `files`, which is above it")),
        ("config/a.rs", "use crate::{base::Id, steer::{self, data}};", None),
        (
            "config/a.rs",
            "use crate::{\n base::Id,\n decide::Plan};",
            Some("`config` imports `decide`, which is above it"),
        ),
        ("data/a.rs", "fn f() { crate::control::stop() }", Some("`data` imports `control`, which is the other plane")),
        ("control/mod.rs", "use crate::data::X;", Some("`control` imports `data`, which is the other plane")),
        ("data/a.rs", "use crate::data::X; use crate::decide::Y; use crate::Root;", None),
        ("app.rs", "use crate::{control, data};", None),
        ("moon.rs", "", Some("`moon` has no layer; add it to LAYERS in xtask/src/tidy/layers.rs")),
    ] {
        let path = format!("router/src/{path}");
        let told = told(&path, &format!("//! Owns a.\n{code}\n"));
        let what = told.first().and_then(|line| line.split_once(": ")).map(|(_, what)| what);
        assert_eq!((what, told.len()), (expected, usize::from(expected.is_some())), "{path} {code}");
    }
}

#[test]
fn links_lead_somewhere() {
    for (link, fine) in [
        ("[a](there.md)", true),
        ("[a](adr/) and [b](adr/0001.md)", true),
        ("[a](../docs/there.md#one-thing)", true),
        ("[a](there.md#one-thing-1)", true),
        ("[a](/docs/there.md#x-y)", true),
        ("[a](#here)", true),
        ("[a](https://nowhere.example/x.md)", true),
        ("`[a](gone.md)`", true),
        ("```\n[a](gone.md)\n```", true),
        ("[a](gone.md)", false),
        ("![a](gone.png)", false),
        ("[a]: gone.md", false),
        ("[a](there.md#not-this)", false),
        ("[a](#nowhere)", false),
        ("[a](../../outside.md)", false),
    ] {
        assert_eq!(told("docs/README.md", &format!("# Here\n{link}\n")).is_empty(), fine, "{link}");
    }
    assert_eq!(
        told("docs/README.md", "# Here\n\n[a](gone.md)\n"),
        ["docs/README.md:3: link `gone.md` leads nowhere: there is no docs/gone.md"]
    );
}

#[test]
fn nothing_is_left_undone() {
    for (text, fine) in [
        (concat!("// TO", "DO: later"), false),
        (concat!("// FIX", "ME"), false),
        (concat!("fn f() { to", "do!() }"), false),
        (concat!("const TO", "DOS: u8 = 1;"), true),
        (concat!("// a to", "do list"), true),
    ] {
        assert_eq!(told("a.rs", &format!("//! Owns a.\n{text}\n")).is_empty(), fine, "{text}");
    }
}
