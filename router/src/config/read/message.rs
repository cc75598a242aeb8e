//! serde's messages in the words of this configuration.
//!
//! Owns what a reader sees for an unknown key, an unknown word and a value of the wrong kind, and the search for the
//! nearest known word. serde passes nothing but text, so its text is taken apart here; what is not recognised is
//! shown as it is.

use crate::config::diagnostic::{Diagnostic, Source};
use crate::config::value::{ACCEPTED, Span};

/// Keys that the design names and this version does not have.
const NOT_YET: [&str; 3] = ["http3", "proxy_protocol", "grpc"];

/// Why a bundle lacks what a cache has.
const NO_HINTS: &str = "a file is sent at once: `preload = true` puts the same links into the page's own answer, and a hint before it \
                        would come no sooner";

/// The error that a reader sees, and for an unknown key the one that was most likely meant. `key` is the key whose
/// entry it is about.
pub(super) fn diagnostic(
    source: &Source<'_>,
    error: &toml::de::Error,
    span: &Span,
    key: Option<&str>,
) -> (Diagnostic, Option<String>) {
    let text = error.message().trim_end();
    let Some((word, known)) = unknown(text, "unknown field ") else {
        return (wrong_value(source, text, span, key), None);
    };
    if NOT_YET.contains(&word) {
        return (source.error(span, format!("`{word}` is not supported by this version of Portolan")), None);
    }
    let mut wrong = source.error(span, format!("unknown key `{word}`"));
    if word == "early_hints" && known.contains(&"preload") {
        wrong = wrong.help(NO_HINTS);
    }
    let meant = nearest(word, known.iter().copied()).map(str::to_owned);
    (with_known(wrong, word, &known, '`'), meant)
}

fn wrong_value(source: &Source<'_>, text: &str, span: &Span, key: Option<&str>) -> Diagnostic {
    let subject = key.map_or(String::new(), |key| format!("`{key}`: "));
    if let Some((word, known)) = unknown(text, "unknown variant ") {
        let wrong = source.error(span, format!("{subject}\"{word}\" is not accepted"));
        return with_known(wrong, word, &known, '"');
    }
    if let Some((wrong, accepted)) = text.split_once(ACCEPTED) {
        return source.error(span, format!("{subject}{wrong}")).help(format!("accepted: {accepted}"));
    }
    let kind = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    if let Some((found, expected)) = kind.and_then(|rest| rest.split_once(", expected ")) {
        let found = if matches!(key, Some("secret" | "token")) { "something else" } else { without_text(found) };
        let wrong = format!("{subject}found {found}");
        return source.error(span, wrong).help(format!("accepted: {}", in_toml_words(expected)));
    }
    let text = if text == NO_WORD { "found something that is not a string" } else { text };
    source.error(span, format!("{subject}{text}"))
}

/// What toml says of a value that is no word where one of several is wanted.
const NO_WORD: &str = "wanted string or table";

/// Whether a value stands where one of several words is wanted.
pub(super) fn is_no_word(error: &toml::de::Error) -> bool {
    error.message().trim_end() == NO_WORD
}

/// The words that are accepted, from an error about a word that is not.
pub(super) fn accepted_words(error: &toml::de::Error) -> Option<String> {
    let (_, known) = unknown(error.message().trim_end(), "unknown variant ")?;
    let known: Vec<_> = known.iter().map(|word| format!("\"{word}\"")).collect();
    Some(format!("accepted here: {}", known.join(", ")))
}

/// Takes "unknown field `x`, expected one of `a`, `b`" apart.
fn unknown<'a>(text: &'a str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let rest = text.strip_prefix(prefix)?.strip_prefix('`')?;
    let (word, known) = rest.split_once("`, ").unwrap_or((rest.trim_end_matches('`'), ""));
    Some((word, known.split('`').skip(1).step_by(2).collect()))
}

fn with_known(mut error: Diagnostic, word: &str, known: &[&str], quote: char) -> Diagnostic {
    if let Some(nearest) = nearest(word, known.iter().copied()) {
        error = error.help(format!("did you mean {quote}{nearest}{quote}?"));
    }
    let known: Vec<_> = known.iter().map(|word| format!("{quote}{word}{quote}")).collect();
    error.help(if known.is_empty() {
        "accepted here: nothing".into()
    } else {
        format!("accepted here: {}", known.join(", "))
    })
}

/// Strings are left out of messages: the source line shows them, and a secret must not appear.
fn without_text(found: &str) -> &str {
    if found.starts_with("string ") { "a string" } else { found }
}

/// serde's names of kinds, in TOML's words.
fn in_toml_words(expected: &str) -> &str {
    match expected {
        "a sequence" => "an array",
        "a map" => "a table",
        "string or table" => "a string",
        other => other,
    }
}

/// The known word that a mistyped one most likely meant: at most a third of its letters differ.
pub(in crate::config) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = word.chars().count().max(3) / 3 + 1;
    let near = known.map(|other| (distance(word, other), other)).filter(|(distance, _)| *distance <= far);
    near.min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// Letters to insert, delete or replace to get from one word to the other (Levenshtein 1966), up to 64 letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
