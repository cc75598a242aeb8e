//! Numbers of the configuration: whole numbers in a range, shares, degrees; and how units are printed.
//!
//! Owns ranges and their messages. Never clamps: a number out of range is an error. Used by `raw`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Whole<const MIN: u32, const MAX: u32>(pub(in crate::config) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Clone, Copy)]
        struct Reader<const MIN: u32, const MAX: u32>;
        impl<const MIN: u32, const MAX: u32> Visitor<'_> for Reader<MIN, MAX> {
            type Value = Whole<MIN, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match MAX {
                    u32::MAX => write!(f, "a whole number, at least {MIN}"),
                    _ => write!(f, "a whole number from {MIN} to {MAX}"),
                }
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                let wrong = || E::invalid_value(Unexpected::Signed(number), &self);
                let whole = u32::try_from(number).map_err(|_| wrong())?;
                if (MIN..=MAX).contains(&whole) { Ok(Whole(whole)) } else { Err(wrong()) }
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                let signed = i64::try_from(number);
                self.visit_i64(signed.map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))?)
            }
        }
        deserializer.deserialize_i64(Reader::<MIN, MAX>)
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("whole number {MIN} to {MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A part of a whole, 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Share(pub(in crate::config) f64);

/// An angle from `-MAX` to `MAX` degrees.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Degrees<const MAX: u8>(pub(in crate::config) f64);

/// Reads a number, with or without a point, between two bounds.
struct Bounded {
    min: f64,
    max: f64,
}

impl Visitor<'_> for Bounded {
    type Value = f64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from {} to {}", self.min, self.max)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        let valid = (self.min..=self.max).contains(&number);
        if valid { Ok(number) } else { Err(E::invalid_value(Unexpected::Float(number), &self)) }
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        let valid = (self.min..=self.max).contains(&(number as f64));
        if valid { Ok(number as f64) } else { Err(E::invalid_value(Unexpected::Signed(number), &self)) }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(Bounded { min: 0.0, max: 1.0 }).map(Self)
    }
}

impl<'de, const MAX: u8> Deserialize<'de> for Degrees<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let max = f64::from(MAX);
        deserializer.deserialize_f64(Bounded { min: -max, max }).map(Self)
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "share".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

impl<const MAX: u8> JsonSchema for Degrees<MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("degrees {MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": -i16::from(MAX), "maximum": MAX })
    }
}

/// A duration as it would be written, in the largest unit that keeps it whole.
pub(in crate::config) fn shown_time(time: Duration) -> String {
    let us = time.as_micros();
    let units = [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")];
    let whole = units.into_iter().find(|(size, _)| us > 0 && us.is_multiple_of(*size));
    whole.map_or_else(
        || if us == 0 { "0s".into() } else { format!("{us}us") },
        |(size, unit)| format!("{}{unit}", us / size),
    )
}

/// A size as it would be written, in the largest unit that keeps it whole.
pub(in crate::config) fn shown_bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = units.into_iter().find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size));
    whole.map_or_else(|| format!("{bytes}B"), |(size, unit)| format!("{}{unit}", bytes / size))
}
