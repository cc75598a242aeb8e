//! The JSON Schema of the configuration.
//!
//! Owns nothing but the way there: keys, types, defaults and descriptions are those of `raw`. The reference page is
//! made from the same schema. Called by the tests that keep both files in `docs/` fresh.

mod reference;

pub use reference::reference;

use super::raw::RawConfig;
use serde_json::Value;

/// The JSON Schema (draft 2020-12) of a configuration file, for editors and generators.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(RawConfig).to_value();
    without_nulls(&mut schema);
    schema
}

/// TOML has no null, so no key may be null: what may be left out is said by `required` alone.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
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
                    fields.extend(only);
                }
            }
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
