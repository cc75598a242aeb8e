//! What a policy keeps in a case: before it is asked, and afterwards.
//!
//! Owns the entries that a case names and how they are compared. Called by `play`.

use super::play::{differ, octets};
use super::suite::{Case, Kept};
use crate::base::Timestamp;
use crate::decide::words::text;
use crate::policy::Buckets;
use std::collections::BTreeMap;
use std::time::Duration;

/// Buckets by name, with their entries by key.
pub(super) type Entries = BTreeMap<String, BTreeMap<String, Kept>>;

/// What the policy keeps before the case.
#[derive(Debug)]
pub(super) struct Before(Vec<(String, String, Vec<u8>, Duration)>);

impl Before {
    pub(super) fn of(case: &Case) -> Self {
        let of = |(bucket, entries): (&String, &BTreeMap<String, Kept>)| {
            let one = |(key, kept): (&String, &Kept)| (bucket.clone(), key.clone(), bytes(kept), lasting(kept));
            entries.iter().map(one).collect::<Vec<_>>()
        };
        Self(case.kv.iter().flat_map(of).collect())
    }

    /// Leaves nothing but this.
    pub(super) fn reset(&self, buckets: &Buckets, now: Timestamp) -> Result<(), String> {
        let entries = self.0.iter();
        let entries = entries.map(|(bucket, key, value, ttl)| (bucket.as_str(), key.as_str(), value.as_slice(), *ttl));
        buckets.reset(entries, now)
    }
}

fn bytes(kept: &Kept) -> Vec<u8> {
    match kept {
        Kept::Text(value) => octets(value),
        Kept::Number(number) => number.to_le_bytes().to_vec(),
        Kept::Lasting(lasting) => bytes(&lasting.value),
    }
}

/// For how long; zero is for good.
fn lasting(kept: &Kept) -> Duration {
    match kept {
        Kept::Lasting(lasting) => lasting.ttl.0,
        Kept::Text(_) | Kept::Number(_) => Duration::ZERO,
    }
}

/// Whether the buckets that are named have these entries and no others; the error is for people. How long one lasts is looked at
/// where it is said.
pub(super) fn held(buckets: &Buckets, expected: &Entries, now: Timestamp) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (name, entries) in expected {
        let bucket = buckets.iter().find(|(known, _)| known == name);
        let (_, bucket) = bucket.ok_or_else(|| format!("the policy has no bucket {name:?}"))?;
        let mut found: Vec<_> =
            bucket.entries(now).into_iter().map(|(key, value, ttl)| (text(&key), value, ttl)).collect();
        found.sort();
        let of_found = |(key, value, ttl): &(String, Vec<u8>, Option<Duration>)| {
            let (number, timed) = match entries.get(key) {
                Some(Kept::Lasting(lasting)) => (matches!(*lasting.value, Kept::Number(_)), true),
                Some(Kept::Number(_)) => (true, false),
                Some(Kept::Text(_)) => (false, false),
                None => (std::str::from_utf8(value).is_err(), false),
            };
            entry(key, value, number, timed.then_some(ttl.unwrap_or_default()))
        };
        let of_expected = |(key, kept): (&String, &Kept)| {
            let (value, timed) = match kept {
                Kept::Lasting(lasting) => (&*lasting.value, Some(lasting.ttl.0)),
                kept => (kept, None),
            };
            entry(key, &bytes(value), matches!(value, Kept::Number(_)), timed)
        };
        let got = found.iter().map(of_found).collect::<Vec<_>>().join(", ");
        let wanted = entries.iter().map(of_expected).collect::<Vec<_>>().join(", ");
        if got != wanted {
            wrong.push(differ("keeps", &format!("{name}: {wanted}"), &format!("{name}: {got}")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// An entry in a few words.
fn entry(key: &str, value: &[u8], is_number: bool, ttl: Option<Duration>) -> String {
    let number = value.first_chunk().filter(|_| is_number && value.len() == 8).map(|bytes| i64::from_le_bytes(*bytes));
    let value = number.map_or_else(|| format!("'{}'", text(value)), |number| number.to_string());
    let lasting = ttl.map(|ttl| if ttl.is_zero() { " for good".to_owned() } else { format!(" for {ttl:?}") });
    format!("{key}={value}{}", lasting.unwrap_or_default())
}
