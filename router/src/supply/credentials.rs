//! Passwords for registries, from the file that `docker login` writes.
//!
//! Owns its forms: `auth`, or `username` and `password`, by host. Runs no credential helper. Never puts a password into a
//! message. Read at each fetch that needs one, so a password can be changed without a reload.

use super::error::Wrong;
use crate::config::Url;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest file that is read, bytes.
const FILE_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// The value of an `Authorization` header for this registry; none when the file has no password for it.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn basic(file: Option<&Path>, registry: &Url) -> Result<Option<String>, Wrong> {
    let Some(path) = file else { return Ok(None) };
    let wrong = |why: String| Wrong::Credentials(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > FILE_MAX {
        return Err(wrong(format!("has {size} bytes; at most {FILE_MAX} are read")));
    }
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    // serde's own message could quote a password.
    let file: File = serde_json::from_slice(&text).map_err(|error| {
        wrong(format!("is not as `docker login` writes it (line {}, column {})", error.line(), error.column()))
    })?;
    let entry = file.auths.iter().find(|(name, _)| is_for(name, registry)).map(|(_, entry)| entry);
    Ok(entry.and_then(pair).map(|pair| format!("Basic {}", STANDARD.encode(pair))))
}

/// `registry.example`, `registry.example:5000`, or a URL of it: docker writes all three.
fn is_for(name: &str, registry: &Url) -> bool {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let host = name.split('/').next().unwrap_or(name);
    host == registry.authority() || host == format!("{}:{}", registry.host, registry.port)
}

fn pair(entry: &Entry) -> Option<Vec<u8>> {
    if let (Some(user), Some(password)) = (&entry.username, &entry.password) {
        return Some(format!("{user}:{password}").into_bytes());
    }
    let pair = STANDARD.decode(entry.auth.as_deref()?.trim()).ok()?;
    pair.contains(&b':').then_some(pair)
}
