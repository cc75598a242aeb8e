//! Reads a policy's configuration: JSON bytes to the author's type, with errors that name the key.
//!
//! Called by `guest.rs` before the policy exists. Also has readers for forms that JSON lacks; an author names them in
//! `#[serde(deserialize_with = "...")]`.

use std::time::Duration;

use serde::de::{DeserializeOwned, Deserializer, Error, Unexpected};
use serde::{Deserialize, Serialize};

/// For a policy that has nothing to configure: any key is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Reads a configuration. No bytes, or `null`, are an empty table. An error names the key: `rules[0].allow: ...`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = bytes.trim_ascii();
    let text = if text.is_empty() || text == b"null" { b"{}" } else { text };
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let key = error.path().to_string();
        let words = words(error.inner());
        if key == "." { format!("config: {words}") } else { format!("config.{key}: {words}") }
    })?;
    json.end().map_err(|error| format!("config: {error}"))?;
    Ok(value)
}

/// Lines and columns mean nothing to an operator who wrote TOML.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.is_data() => text[..end].to_owned(),
        _ => text,
    }
}

/// Reads a duration such as `"250ms"`, `"60s"`, `"5m"`, `"8h"` or `"1d"`.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Config {
///     #[serde(deserialize_with = "portolan_policy::config::duration")]
///     wait: std::time::Duration,
/// }
/// let config: Config = portolan_policy::config::read(br#"{ "wait": "90s" }"#).unwrap();
/// assert_eq!(config.wait.as_secs(), 90);
/// ```
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"a duration such as \"60s\""))
}

/// A duration in the form that [`duration`] reads.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let unit_ms: u64 = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[serde(default)]
        rules: Vec<Rule>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by the errors under test")]
    struct Rule {
        allow: Vec<String>,
        #[serde(default, deserialize_with = "duration")]
        wait: Duration,
    }

    #[test]
    fn errors_name_the_key() {
        for (json, words) in [
            (
                r#"{ "rules": [{ "allow": "eu" }] }"#,
                "config.rules[0].allow: invalid type: string \"eu\", expected a sequence",
            ),
            (r#"{ "rules": [{}] }"#, "config.rules[0]: missing field `allow`"),
            (r#"{ "rulez": [] }"#, "config.rulez: unknown field `rulez`, expected `rules`"),
            (
                r#"{ "rules": [{ "allow": [], "wait": "soon" }] }"#,
                "config.rules[0].wait: invalid value: string \"soon\", expected a duration such as \"60s\"",
            ),
        ] {
            assert_eq!(read::<Config>(json.as_bytes()).unwrap_err(), words);
        }
        assert!(read::<Config>(b"{").unwrap_err().starts_with("config"));
        assert!(read::<Config>(b"{} {}").is_err());
    }

    #[test]
    fn nothing_is_an_empty_table() {
        for empty in ["", " \n", "null", "{}"] {
            assert_eq!(read::<NoConfig>(empty.as_bytes()), Ok(NoConfig {}), "{empty:?}");
            assert!(read::<Config>(empty.as_bytes()).is_ok_and(|config| config.rules.is_empty()));
        }
        assert!(read::<NoConfig>(br#"{ "a": 1 }"#).is_err());
    }

    #[test]
    fn durations() {
        for (text, ms) in [
            ("250ms", Some(250)),
            ("60s", Some(60_000)),
            ("5m", Some(300_000)),
            ("8h", Some(28_800_000)),
            ("1d", Some(86_400_000)),
        ] {
            assert_eq!(parse_duration(text), ms.map(Duration::from_millis), "{text}");
        }
        for text in ["", "60", "s", "-1s", "1.5s", "60 s", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
