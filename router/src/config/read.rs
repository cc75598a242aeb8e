//! From the text of a configuration file to `raw`, with every error in it.
//!
//! Owns syntax, unknown keys and values of the wrong kind. serde stops at its first error, so the entry that caused it
//! is taken out of the parsed tree and the rest is read again, until nothing is wrong. What was taken out is
//! remembered: `resolve` must not call it missing. Called at start, on reload and by `portolan check`.

mod message;

pub(super) use message::nearest;

use super::diagnostic::{Diagnostic, Diagnostics, Source};
use super::raw::RawConfig;
use super::value::Span;
use super::{Config, resolve};
use serde::Deserialize;
use std::path::Path;
use toml::de::{DeArray, DeTable, DeValue};

/// Most errors that are reported at once; a file with more is better read after some are gone.
const ERRORS_MAX: usize = 100;

/// Largest configuration file, bytes.
const FILE_MAX: u64 = 4 << 20;

/// Reads a configuration file. Relative file names in it start at its folder.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn load(path: &Path) -> Result<Config, Diagnostics> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| Diagnostic::new(format!("cannot read {name}: {error}"));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_MAX {
        return Err(Diagnostic::new(format!("{name} has {size} bytes; accepted: up to {FILE_MAX}")).into());
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(text, &name, folder),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let source = Source::of(name, &valid);
            let wrong = source.error(&(valid.len()..valid.len()), "the file is not UTF-8 from here on");
            Err(wrong.help("TOML files are UTF-8").into())
        }
    }
}

/// Reads a configuration text. `file_name` stands in errors; relative file names start at `base_dir`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text. Syntax errors come alone: what a broken line hides
/// would only be guessed at.
pub fn parse(text: &str, file_name: &str, base_dir: &Path) -> Result<Config, Diagnostics> {
    let source = Source::of(file_name, text);
    let (tree, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        return Err(syntax_errors(&source, &syntax));
    }
    let mut errors = Vec::new();
    let mut removed = Removed::default();
    let config = read_tree(&source, tree, &mut removed, &mut errors)
        .and_then(|raw| resolve::resolve(&source, &raw, base_dir, &removed, &mut errors));
    match config {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(ordered(errors)),
    }
}

/// Errors in the order of the file, bounded.
fn ordered(mut errors: Vec<Diagnostic>) -> Diagnostics {
    errors.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
    if errors.len() >= ERRORS_MAX {
        errors.truncate(ERRORS_MAX);
        errors.push(Diagnostic::new(format!("after {ERRORS_MAX} errors no more are looked for")));
    }
    Diagnostics(errors)
}

/// Syntax errors, the first of each line: the parser's later ones there follow from it.
fn syntax_errors(source: &Source<'_>, errors: &[toml::de::Error]) -> Diagnostics {
    let end = source.text.len();
    let errors = errors.iter().map(|error| source.error(&error.span().unwrap_or(end..end), error.message()));
    let mut errors: Vec<_> = errors.collect();
    errors.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
    errors.dedup_by_key(|error| error.place.as_ref().map(|place| place.line));
    ordered(errors)
}

/// Entries that were taken out because they were wrong.
#[derive(Debug, Default)]
pub(super) struct Removed(Vec<(Span, Option<String>)>);

impl Removed {
    /// Whether a key was taken out of the table that stands at `table`.
    pub(super) fn key(&self, table: &Span, key: &str) -> bool {
        self.0.iter().any(|(span, name)| span == table && name.as_deref() == Some(key))
    }

    /// Whether anything was taken out of the array or table that stands at `parent`.
    pub(super) fn any(&self, parent: &Span) -> bool {
        self.0.iter().any(|(span, _)| span == parent)
    }
}

/// An entry that was taken out.
struct Taken {
    /// The place of the table or array that it was in.
    parent: Span,
    /// Its key; none in an array.
    key: Option<String>,
    /// The key that people know it by: its own, or that of the array.
    known_by: Option<String>,
}

/// Reads the tree; none when an error has no place to take it out from.
fn read_tree(
    source: &Source<'_>,
    mut tree: toml::Spanned<DeTable<'_>>,
    removed: &mut Removed,
    errors: &mut Vec<Diagnostic>,
) -> Option<super::value::At<RawConfig>> {
    let root = tree.span();
    loop {
        let error = match RawConfig::deserialize(toml::Deserializer::from(tree.clone())) {
            Ok(value) => return Some(super::value::At { value, span: root }),
            Err(error) => error,
        };
        let span = error.span().unwrap_or(0..0);
        let words = if message::is_no_word(&error) { words(tree.clone(), &span) } else { None };
        let taken = take_out(tree.get_mut(), &root, &span);
        let key = taken.as_ref().and_then(|taken| taken.known_by.as_deref());
        let (mut diagnostic, meant) = message::diagnostic(source, &error, &span, key);
        diagnostic.help.extend(words);
        errors.push(diagnostic);
        let Taken { parent, key, .. } = taken?;
        // One mistake, one error: a key that was mistyped is not also missing.
        removed.0.extend(meant.map(|meant| (parent.clone(), Some(meant))));
        removed.0.push((parent, key));
        if errors.len() >= ERRORS_MAX {
            return None;
        }
    }
}

/// What is accepted in the place of a value that is no word. serde names the words only to who gives a wrong one.
fn words(mut tree: toml::Spanned<DeTable<'_>>, span: &Span) -> Option<String> {
    *value_at(tree.get_mut(), span)? = DeValue::String("".into());
    let error = RawConfig::deserialize(toml::Deserializer::from(tree)).err()?;
    message::accepted_words(&error)
}

/// The value that stands at `span`.
fn value_at<'t, 'i>(table: &'t mut DeTable<'i>, span: &Span) -> Option<&'t mut DeValue<'i>> {
    table.iter_mut().find_map(|(_, value)| at(value, span))
}

fn at<'t, 'i>(value: &'t mut toml::Spanned<DeValue<'i>>, span: &Span) -> Option<&'t mut DeValue<'i>> {
    if value.span() == *span {
        return Some(value.get_mut());
    }
    match value.get_mut() {
        DeValue::Table(table) => value_at(table, span),
        DeValue::Array(values) => values.iter_mut().find_map(|value| at(value, span)),
        _ => None,
    }
}

/// Takes the entry out whose key or value stands at `span`; the innermost one when several do.
fn take_out(table: &mut DeTable<'_>, parent: &Span, span: &Span) -> Option<Taken> {
    let by_key = table.keys().find(|key| key.span() == *span).map(|key| key.get_ref().to_string());
    if let Some(key) = by_key {
        table.remove(key.as_str());
        return Some(Taken { parent: parent.clone(), known_by: Some(key.clone()), key: Some(key) });
    }
    for (key, value) in table.iter_mut() {
        if let Some(taken) = take_out_of_value(value, span) {
            let known_by = taken.known_by.or_else(|| Some(key.get_ref().to_string()));
            return Some(Taken { known_by, ..taken });
        }
    }
    let by_value = table.iter().find(|(_, value)| value.span() == *span);
    let key = by_value.map(|(key, _)| key.get_ref().to_string())?;
    table.remove(key.as_str());
    Some(Taken { parent: parent.clone(), known_by: Some(key.clone()), key: Some(key) })
}

fn take_out_of_value(value: &mut toml::Spanned<DeValue<'_>>, span: &Span) -> Option<Taken> {
    let parent = value.span();
    match value.get_mut() {
        DeValue::Table(table) => take_out(table, &parent, span),
        DeValue::Array(values) => {
            if let Some(taken) = values.iter_mut().find_map(|value| take_out_of_value(value, span)) {
                return Some(taken);
            }
            values.iter().find(|value| value.span() == *span)?;
            let all = std::mem::replace(values, DeArray::new());
            *values = all.into_iter().filter(|value| value.span() != *span).collect();
            Some(Taken { parent, key: None, known_by: None })
        }
        _ => None,
    }
}
