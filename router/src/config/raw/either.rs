//! Keys that may be written in two ways: a short one and a table.
//!
//! Owns their readers and schemas. Written by hand because serde's untagged enums lose positions and say only that
//! nothing matched.

use super::service::{RawEjection, RawEjectionSwitch, RawFence};
use super::{RawPlace, RawPlaceTable};
use crate::config::value::{ACCEPTED, Country, Named, Text, Written};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;

impl<'de> Deserialize<'de> for RawPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RawPlace;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a country code, or a table with country and location")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawPlace, E> {
                let country = Country::read(text);
                country.map(RawPlace::Country).map_err(|e| E::custom(format!("{e}{ACCEPTED}{}", Country::accepted())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPlace, A::Error> {
                RawPlaceTable::deserialize(MapAccessDeserializer::new(map)).map(RawPlace::Table)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for RawFence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RawFence;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of region names, or a table of labels")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<RawFence, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(names)).map(RawFence::Regions)
            }
            fn visit_map<A: MapAccess<'de>>(self, labels: A) -> Result<RawFence, A::Error> {
                Named::deserialize(MapAccessDeserializer::new(labels)).map(RawFence::Labels)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for RawEjectionSwitch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RawEjectionSwitch;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or false")
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<RawEjectionSwitch, E> {
                if on { Err(E::invalid_value(Unexpected::Bool(on), &self)) } else { Ok(RawEjectionSwitch::Off) }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawEjectionSwitch, A::Error> {
                RawEjection::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(RawEjectionSwitch::On)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for RawPlace {
    fn schema_name() -> Cow<'static, str> {
        "RawPlace".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let short = generator.subschema_for::<Written<Country>>();
        json_schema!({ "anyOf": [short, generator.subschema_for::<RawPlaceTable>()] })
    }
}

impl JsonSchema for RawFence {
    fn schema_name() -> Cow<'static, str> {
        "RawFence".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = || json_schema!({ "type": "string" });
        json_schema!({ "anyOf": [
            { "type": "array", "items": text(), "minItems": 1 },
            { "type": "object", "title": "label", "additionalProperties": text() }
        ] })
    }
}

impl JsonSchema for RawEjectionSwitch {
    fn schema_name() -> Cow<'static, str> {
        "RawEjectionSwitch".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": false }, generator.subschema_for::<RawEjection>()] })
    }
}
