//! The JSON Schema of the configuration.
//!
//! Owns nothing but the way there: keys, types, defaults and descriptions are those of `raw`. The reference page is
//! made from the same schema. Called by the tests that keep both files in `docs/` fresh.

mod reference;

pub use reference::reference;

use super::raw::RawConfig;
use serde_json::{Map, Value};

/// The JSON Schema (draft 2020-12) of a configuration file, for editors and generators.
pub fn schema() -> Value {
    tidy(schemars::schema_for!(RawConfig).to_value())
}

/// The same schema in its plainest form: keys in alphabetical order (that of `serde_json::Map` depends on a feature
/// that any dependency may switch on), no null (TOML has none: `required` alone says what may be left out), no line
/// breaks in descriptions, and the names of this configuration instead of Rust's.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields = without_null(fields);
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if let Some(Value::String(target)) = fields.get_mut("$ref") {
                *target = target.replace("/Raw", "/");
            }
            let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (plain(key), tidy(value))).collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => values.into_iter().map(tidy).collect(),
        other => other,
    }
}

fn without_null(mut fields: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(options)) = fields.get_mut("anyOf") {
        options.retain(|option| option["type"] != "null");
        if let [Value::Object(only)] = options.as_slice() {
            let only = only.clone();
            fields.remove("anyOf");
            // What is said about the key is closer than what is said about its type.
            for (key, value) in only {
                fields.entry(key).or_insert(value);
            }
        }
    }
    fields
}

fn plain(name: String) -> String {
    name.strip_prefix("Raw").map(str::to_owned).unwrap_or(name)
}
