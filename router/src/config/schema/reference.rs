//! The reference page of the configuration, from its JSON Schema.
//!
//! Owns the layout only.

/// The page, as Markdown.
pub fn reference() -> String {
    String::new()
}
