//! Strings of the configuration that name things or carry a unit.
//!
//! Owns what a name, a file, a cookie, a secret, a duration and a size may look like. Opens no file.

use super::Text;
use super::number::{shown_bytes, shown_time};
use crate::base::units;
use std::path::PathBuf;
use std::time::Duration;

/// The name of a PoP, policy, service or region. It ends up in headers, tokens, metrics and logs.
#[derive(Debug, Clone)]
pub(in crate::config) struct Name(pub(in crate::config) String);

impl Text for Name {
    const TYPE: &'static str = "name";
    fn accepted() -> String {
        "1 to 64 letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let valid =
            text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(inside);
        if valid { Ok(Self(text.into())) } else { Err(format!("{text:?} is not a name")) }
    }
}

/// A file or folder; relative ones start at the folder of the configuration file.
#[derive(Debug, Clone)]
pub(in crate::config) struct FileName(pub(in crate::config) PathBuf);

impl Text for FileName {
    const TYPE: &'static str = "path";
    fn accepted() -> String {
        "the path of a file or folder; a relative one starts at the folder of this file".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let valid = !text.is_empty() && !text.contains('\0');
        if valid { Ok(Self(text.into())) } else { Err(format!("{text:?} is not a path")) }
    }
}

/// Text without further rules.
#[derive(Debug, Clone)]
pub(in crate::config) struct FreeText(pub(in crate::config) String);

impl Text for FreeText {
    const TYPE: &'static str = "string";
    fn accepted() -> String {
        "a string".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }
}

/// A secret: never part of a message.
#[derive(Clone)]
pub(in crate::config) struct Secret(pub(in crate::config) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Text for Secret {
    const TYPE: &'static str = "secret";
    fn accepted() -> String {
        "a string".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }
}

/// A token as in HTTP (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(inside)
}

/// A cookie name: a token (RFC 6265, section 4.1.1).
#[derive(Debug, Clone)]
pub(in crate::config) struct CookieName(pub(in crate::config) String);

impl Text for CookieName {
    const TYPE: &'static str = "cookie name";
    fn accepted() -> String {
        "up to 128 letters, digits and !#$%&'*+-.^_`|~ (RFC 6265)".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let valid = is_token(text) && text.len() <= 128;
        if valid { Ok(Self(text.into())) } else { Err(format!("{text:?} is not a cookie name")) }
    }
}

/// A key identity in affinity tokens.
#[derive(Debug, Clone)]
pub(in crate::config) struct Token(pub(in crate::config) String);

impl Text for Token {
    const TYPE: &'static str = "key id";
    fn accepted() -> String {
        "1 to 16 letters, digits, \"_\" and \"-\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let valid = (1..=16).contains(&text.len()) && text.chars().all(inside);
        if valid { Ok(Self(text.into())) } else { Err(format!("{text:?} is not a key id")) }
    }
}

/// What a probe asks for: a path with or without a query.
#[derive(Debug, Clone)]
pub(in crate::config) struct ProbePath(pub(in crate::config) String);

impl Text for ProbePath {
    const TYPE: &'static str = "path and query";
    fn accepted() -> String {
        "a path that begins with \"/\", with or without a query, such as \"/healthz\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let valid = text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok() && !text.contains('#');
        if valid { Ok(Self(text.into())) } else { Err(format!("{text:?} cannot be asked for")) }
    }
}

/// A duration of at least `MIN_US` and at most `MAX_US` microseconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Time<const MIN_US: u64, const MAX_US: u64>(pub(in crate::config) Duration);

impl<const MIN_US: u64, const MAX_US: u64> Text for Time<MIN_US, MAX_US> {
    const TYPE: &'static str = "duration";
    fn title() -> String {
        let [min, max] = [MIN_US, MAX_US].map(|us| shown_time(Duration::from_micros(us)));
        format!("duration, {min} to {max}")
    }
    fn accepted() -> String {
        let [min, max] = [MIN_US, MAX_US].map(|us| shown_time(Duration::from_micros(us)));
        format!("a duration from {min} to {max}, a number with a unit: us, ms, s, m, h or d, such as \"1.5s\"")
    }
    fn read(text: &str) -> Result<Self, String> {
        let time = units::duration(text).map_err(|_| format!("{text:?} is not a duration"))?;
        let range = Duration::from_micros(MIN_US)..=Duration::from_micros(MAX_US);
        if range.contains(&time) { Ok(Self(time)) } else { Err(format!("{text:?} is out of range")) }
    }
}

/// A size of at least `MIN` and at most `MAX` bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Size<const MIN: u64, const MAX: u64>(pub(in crate::config) u64);

impl<const MIN: u64, const MAX: u64> Text for Size<MIN, MAX> {
    const TYPE: &'static str = "size";
    fn title() -> String {
        let [min, max] = [MIN, MAX].map(shown_bytes);
        format!("size, {min} to {max}")
    }
    fn accepted() -> String {
        let [min, max] = [MIN, MAX].map(shown_bytes);
        format!("a size from {min} to {max}, a number with a unit: B, KB, KiB, MB, MiB, GB or GiB, such as \"16MiB\"")
    }
    fn read(text: &str) -> Result<Self, String> {
        let bytes = units::bytes(text).map_err(|_| format!("{text:?} is not a size"))?;
        if (MIN..=MAX).contains(&bytes) { Ok(Self(bytes)) } else { Err(format!("{text:?} is out of range")) }
    }
}

/// Half of the Earth's circumference, rounded up, km: no two places are farther apart.
const DISTANCE_MAX_KM: f64 = 20_040.0;

/// A distance in km.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Distance(pub(in crate::config) f64);

impl Text for Distance {
    const TYPE: &'static str = "distance";
    fn accepted() -> String {
        format!("kilometres from \"0km\" to \"{DISTANCE_MAX_KM}km\"")
    }
    fn read(text: &str) -> Result<Self, String> {
        let number = text.trim().strip_suffix("km").map(str::trim_end);
        let km = number.filter(|n| n.chars().all(|c| c.is_ascii_digit() || c == '.')).and_then(|n| n.parse().ok());
        km.filter(|km| (0.0..=DISTANCE_MAX_KM).contains(km))
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a distance"))
    }
}
