//! The reference page of the configuration, from its JSON Schema.
//!
//! Owns the layout only: one section for each table, required keys first.

use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt::Write;

const INTRODUCTION: &str = "# Configuration reference

<!-- Made from the types in router/src/config/raw.rs: `UPDATE=1 cargo test -p portolan --lib config::tests` -->

One TOML file, read strictly: an unknown key is an error, and every error is reported at once with its place
(`portolan check`). A reload takes effect whole or not at all; what needs a restart says so. Relative file names start at
the folder of the file. Durations are numbers with a unit (`us`, `ms`, `s`, `m`, `h`, `d`), and so are sizes (`B`, `KB`,
`KiB`, `MB`, `MiB`, `GB`, `GiB`). Secrets never appear in messages. Editors can check a file against
[`portolan.schema.json`](portolan.schema.json).
";

/// The page, as Markdown.
pub fn reference() -> String {
    let schema = super::schema();
    let empty = Map::new();
    let mut page = Page {
        definitions: schema["$defs"].as_object().unwrap_or(&empty),
        shown: HashMap::new(),
        text: INTRODUCTION.into(),
    };
    page.table("", &schema, "The whole file.");
    page.text
}

struct Page<'a> {
    definitions: &'a Map<String, Value>,
    /// Path of the section of each table that has one, by the table's keys.
    shown: HashMap<String, String>,
    text: String,
}

impl<'a> Page<'a> {
    /// One section, then those of the tables in it.
    fn table(&mut self, path: &str, schema: &'a Value, about: &str) {
        let Some(keys) = schema["properties"].as_object() else { return };
        let heading = if path.is_empty() { "Top level".into() } else { format!("`{path}`") };
        write_to(&mut self.text, format_args!("\n## {heading}\n{about}\n\n"));
        if keys.is_empty() {
            self.text.push_str("No keys.\n");
            return;
        }
        let required =
            |key: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|name| name == key));
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by_key(|(key, _)| (!required(key), key.as_str()));
        self.text.push_str("| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
        let mut below = Vec::new();
        for (key, value) in keys {
            let default = match &value["default"] {
                Value::Null if required(key) => "required".into(),
                Value::Null => String::new(),
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            };
            let kind = self.kind(&child(path, key), value, &mut below);
            let meaning = value["description"].as_str().unwrap_or_default().replace('|', "\\|");
            write_to(&mut self.text, format_args!("| `{key}` | {kind} | {default} | {meaning} |\n"));
        }
        for (path, schema) in below {
            self.table(&path, schema, schema["description"].as_str().unwrap_or_default());
        }
    }

    /// What may stand behind a key; tables that have no section yet are added to `below`.
    fn kind(&mut self, path: &str, value: &'a Value, below: &mut Vec<(String, &'a Value)>) -> String {
        if let Some(name) = value["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
            return self
                .definitions
                .get(name)
                .map_or("any value".into(), |definition| self.kind(path, definition, below));
        }
        if value["properties"].is_object() {
            // Keys that are required repeat the whole table instead of naming it, so tables are known by their keys.
            let keys = value["properties"].to_string();
            if let Some(shown) = self.shown.get(&keys) {
                return format!("table, as `{shown}`");
            }
            self.shown.insert(keys, path.into());
            below.push((path.into(), value));
            return "table".into();
        }
        for list in ["anyOf", "oneOf"] {
            if let Some(options) = value[list].as_array() {
                let kinds: Vec<_> = options.iter().map(|option| self.kind(path, option, below)).collect();
                return kinds.join(" or ");
            }
        }
        if value["const"] != Value::Null {
            return format!("`{}`", value["const"]);
        }
        if let Some(words) = value["enum"].as_array() {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        }
        if value["items"].is_object() {
            let item = self.kind(&list_path(path), &value["items"], below);
            let (kind, range) = item.split_at(item.find(',').unwrap_or(item.len()));
            return format!("array of {kind}s{range}");
        }
        if value["additionalProperties"].is_object() {
            let title = value["title"].as_str().unwrap_or("name");
            let item = self.kind(&child(path, &title.to_uppercase()), &value["additionalProperties"], below);
            return format!("table: {title} to {item}");
        }
        simple(value)
    }
}

/// `[services.NAME]` and `health` give `[services.NAME.health]`.
fn child(path: &str, key: &str) -> String {
    match path.trim_start_matches('[').trim_end_matches(']') {
        "" => format!("[{key}]"),
        parent => format!("[{parent}.{key}]"),
    }
}

/// `[listeners]` as an array of tables: `[[listeners]]`.
fn list_path(path: &str) -> String {
    format!("[{path}]")
}

fn simple(value: &Value) -> String {
    let range = match (&value["minimum"], &value["maximum"]) {
        (Value::Null, _) | (_, Value::Null) => String::new(),
        (min, max) if *max == u32::MAX => format!(", at least {min}"),
        (min, max) => format!(", {min} to {max}"),
    };
    match (value["title"].as_str(), value["type"].as_str()) {
        (None, Some("object")) => "empty table".into(),
        (Some(title), _) => title.into(),
        (None, Some(kind)) => format!("{kind}{range}"),
        (None, None) => "any value".into(),
    }
}

fn write_to(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a string cannot fail");
}
