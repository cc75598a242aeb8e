//! Single values of the configuration: what may stand behind a key, with its position.
//!
//! Owns the readers that turn one TOML value into its meaning or an error that says what is accepted, and how each
//! looks in the JSON Schema. `raw` is made of these types; `resolve` only has to relate values to each other.

mod component;
mod field;
mod network;
mod number;
mod pattern;
#[cfg(test)]
mod tests;
mod text;

pub(super) use component::{ComponentSource, DigestText, GrantedUrl, PlainHost, PublicKey, SignatureText};
pub(super) use field::{FieldName, FieldValue, KeyField, RecordField};
pub(super) use network::{Address, Country, Host, Network, OriginUrl, RoutePath};
pub(super) use number::{Degrees, Share, Whole, shown_bytes, shown_time};
pub(super) use pattern::{FilePattern, MediaType, Parameter};
pub(super) use text::{CookieName, Distance, FileName, FreeText, Name, ProbePath, Secret, Size, Time, Token};

use crate::base::Ordered;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// Bytes of the configuration text.
pub(super) type Span = Range<usize>;

/// A key that may be left out.
pub(super) type Field<T> = Option<At<T>>;

/// A key that may be left out, holding a string with a meaning.
pub(super) type TextField<T> = Option<At<Written<T>>>;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    /// The value.
    pub(super) value: T,
    /// Where it stands.
    pub(super) span: Span,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A meaning that is written as a TOML string.
pub(super) trait Text: Sized {
    /// What it is, for people: `duration`.
    const TYPE: &'static str;
    /// The type with its range, if it has one.
    fn title() -> String {
        Self::TYPE.into()
    }
    /// What is accepted, with an example.
    fn accepted() -> String;
    /// Reads it; the error says what is wrong, without what is accepted.
    fn read(text: &str) -> Result<Self, String>;
}

/// Separates what is wrong from what is accepted in the message of a value's error.
pub(super) const ACCEPTED: &str = "; accepted: ";

/// A meaning read from a string.
#[derive(Debug, Clone)]
pub(super) struct Written<T>(pub(super) T);

impl<'de, T: Text> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<T: Text> Visitor<'_> for Reader<T> {
            type Value = Written<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&T::accepted())
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Written<T>, E> {
                T::read(text).map(Written).map_err(|wrong| E::custom(format!("{wrong}{ACCEPTED}{}", T::accepted())))
            }
        }
        deserializer.deserialize_str(Reader(PhantomData))
    }
}

impl<T: Text> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::title().into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "title": T::title() })
    }
}

/// A table whose keys are names chosen by the operator, in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Named<K, V>(pub(super) Vec<(At<Written<K>>, At<V>)>);

impl<K, V> Default for Named<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: Text, V: Deserialize<'de>> Deserialize<'de> for Named<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ordered::deserialize(deserializer).map(|Ordered(entries)| Self(entries))
    }
}

impl<K: Text, V: JsonSchema> JsonSchema for Named<K, V> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("by {} {}", K::TYPE, V::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "title": K::TYPE, "additionalProperties": generator.subschema_for::<V>() })
    }
}

/// Any TOML value, as JSON with its keys in alphabetical order; dates and times become strings.
#[derive(Debug, Clone)]
pub(super) struct AnyValue(pub(super) serde_json::Value);

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        json_of(value).map(AnyValue).map_err(D::Error::custom)
    }
}

impl JsonSchema for AnyValue {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "any value".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "any value" })
    }
}

/// TOML to JSON. The order of keys is sorted here because the order of `serde_json::Map` depends on a feature that any
/// dependency may switch on.
fn json_of(value: toml::Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Into::into)
            .ok_or_else(|| format!("{number} cannot be passed to a policy as JSON{ACCEPTED}finite numbers"))?,
        toml::Value::Array(values) => values.into_iter().map(json_of).collect::<Result<Vec<_>, _>>()?.into(),
        toml::Value::Table(table) => {
            let mut entries: Vec<_> = table.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            let pairs = entries.into_iter().map(|(key, value)| Ok((key, json_of(value)?)));
            serde_json::Value::Object(pairs.collect::<Result<_, String>>()?)
        }
    })
}
