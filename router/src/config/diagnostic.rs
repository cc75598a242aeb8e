//! What is wrong with a configuration, for people and for programs.
//!
//! Owns the list of errors, their form as text (like a compiler's: place, source line, caret, help) and as JSON, and
//! the way from a byte to line and column. Never prints secrets: they are starred out of source lines.

use super::Place;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Errors in a configuration, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// Where; none when it concerns no place in the file.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The line of the file, and how many characters from the column on are meant.
    #[serde(flatten)]
    pub excerpt: Option<Excerpt>,
    /// Another place that matters.
    pub note: Option<Note>,
    /// What is accepted, and other advice.
    pub help: Vec<String>,
}

/// The line of the file that an error is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Excerpt {
    /// The line, without its end, secrets starred out.
    pub text: String,
    /// Characters from the column on that are meant, at least 1.
    pub length: usize,
}

/// Another place that matters to an error.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// Why it matters.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
}

impl Diagnostic {
    /// An error without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, excerpt: None, note: None, help: Vec::new() }
    }

    /// The same error at a place, for errors found after the file was read (a policy that refuses its configuration).
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// The same error with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.0 {
            writeln!(f, "{diagnostic}")?;
        }
        match self.0.len() {
            1 => write!(f, "1 error"),
            count => write!(f, "{count} errors"),
        }
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let line = self.place.as_ref().map_or(String::new(), |place| place.line.to_string());
        let gutter = " ".repeat(line.len());
        if let Some(place) = &self.place {
            writeln!(f, "{gutter}--> {place}")?;
        }
        if let (Some(place), Some(excerpt)) = (&self.place, &self.excerpt) {
            // Tabs stay tabs, so that the caret stands below its text whatever their width.
            let before = excerpt.text.chars().take(place.column.saturating_sub(1));
            let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            writeln!(f, "{gutter} |\n{line} | {}", excerpt.text)?;
            writeln!(f, "{gutter} | {indent}{}", "^".repeat(excerpt.length))?;
        }
        if let Some(note) = &self.note {
            writeln!(f, "{gutter} = note: {} at {}", note.message, note.place)?;
        }
        for help in &self.help {
            writeln!(f, "{gutter} = help: {help}")?;
        }
        Ok(())
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Place", 3)?;
        fields.serialize_field("file", &*self.file)?;
        fields.serialize_field("line", &self.line)?;
        fields.serialize_field("column", &self.column)?;
        fields.end()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The text of a configuration file and its name.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    /// The file as it was named.
    pub(super) file: Arc<str>,
    /// Its text.
    pub(super) text: &'a str,
    /// Where each line begins: places are asked for by the thousand.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    /// A text, by the name of its file.
    pub(super) fn of(file: impl Into<Arc<str>>, text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(end, _)| end + 1);
        Self { file: file.into(), text, lines: std::iter::once(0).chain(ends).collect() }
    }

    /// Line and column of a byte. A byte beyond the end or inside a character counts as the next place before it.
    pub(super) fn place(&self, byte: usize) -> Place {
        let byte = self.text.floor_char_boundary(byte);
        let (line, start) = self.line_of(byte);
        Place { file: self.file.clone(), line, column: self.text[start..byte].chars().count() + 1 }
    }

    /// An error about a piece of the text.
    pub(super) fn error(&self, span: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        let from = self.text.floor_char_boundary(span.start);
        let (_, start) = self.line_of(from);
        let rest = &self.text[start..];
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let until = self.text.floor_char_boundary(span.end).clamp(from, (start + line.len()).max(from));
        let length = self.text[from..until].chars().count().max(1);
        let excerpt = Excerpt { text: star_secrets(line), length };
        Diagnostic { excerpt: Some(excerpt), ..Diagnostic::new(message).at(Some(self.place(span.start))) }
    }

    /// The number of the line that a byte stands in, and where it begins.
    fn line_of(&self, byte: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= byte);
        (number, self.lines.get(number.wrapping_sub(1)).copied().unwrap_or(0))
    }
}

/// Replaces what stands behind `secret =` and `token =` by stars, character for character so that columns stay. Works
/// on text, not on parsed values, because a line that does not parse may hold a secret too.
fn star_secrets(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = ["secret", "token"].iter().filter_map(|key| Some(rest.find(key)? + key.len())).min() {
        let (before, after) = rest.split_at(at);
        shown.push_str(before);
        let value = after.trim_start_matches(['"', '\'']).trim_start().strip_prefix('=').map(str::trim_start);
        let Some(value) = value else {
            rest = after;
            continue;
        };
        shown.push_str(&after[..after.len() - value.len()]);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let open = quote.map_or(0, char::len_utf8);
        let close = quote.and_then(|quote| Some(value[open..].find(quote)? + open));
        // An empty pair of quotes may open a string of many lines: then all of the line is starred.
        let end = close.filter(|end| *end > open).unwrap_or(value.len());
        shown.push_str(&value[..open]);
        shown.extend(value[open..end].chars().map(|_| '*'));
        rest = &value[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_out_secrets() {
        let cases = [
            ("token = \"abc\"", "token = \"***\""),
            ("{ id = \"k\", secret = 'abc', x = 1 }", "{ id = \"k\", secret = '***', x = 1 }"),
            ("{ secret = \"ä\", secret_file = \"f\" }", "{ secret = \"*\", secret_file = \"f\" }"),
            ("\"token\" = 12345", "\"token\" = *****"),
            ("admin.token=\"unclosed", "admin.token=\"********"),
            ("secret = \"\"\"first line", "secret = \"************"),
            ("token_file = \"secret.txt\"", "token_file = \"secret.txt\""),
            ("name = \"no secrets here\"", "name = \"no secrets here\""),
        ];
        for (line, shown) in cases {
            assert_eq!(star_secrets(line), shown);
        }
    }

    #[test]
    fn places_count_lines_and_characters() {
        let source = Source::of("f", "a\r\nbä€c\n");
        let cases =
            [(0, 1, 1), (1, 1, 2), (3, 2, 1), (4, 2, 2), (5, 2, 2), (6, 2, 3), (9, 2, 4), (11, 3, 1), (99, 3, 1)];
        for (byte, line, column) in cases {
            let place = source.place(byte);
            assert_eq!((place.line, place.column), (line, column), "byte {byte}");
        }
        let error = source.error(&(0..99), "all of it");
        assert_eq!(error.excerpt.map(|excerpt| (excerpt.text, excerpt.length)), Some(("a".into(), 1)));
    }

    #[test]
    fn tabs_keep_the_caret_in_place() {
        let source = Source::of("f", "\tkey = 1");
        let shown = source.error(&(1..4), "wrong").to_string();
        assert!(shown.ends_with("1 | \tkey = 1\n  | \t^^^\n"), "{shown:?}");
    }
}
