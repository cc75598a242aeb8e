//! Comma-separated lists of fields (RFC 9110 section 5.6.1), by the bytes.
//!
//! Owns where a member ends: not at a comma inside a quoted string; and what a member's name and argument are. A quote that
//! is never closed does not swallow what follows it: `private="a, no-store` still holds `no-store`. Never judges what a
//! member means. Pure, allocates only to take escapes out of a quoted argument.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName};

/// The members of every line of a field, trimmed; empty ones are left out.
pub fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).into_iter().flat_map(|line| split(line.as_bytes()))
}

/// The members of one line, trimmed; empty ones are left out.
pub fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    raw(line).map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// The members of one line, empty ones too.
pub fn raw(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = member_end(line);
        rest = line.get(end + 1..);
        Some(&line[..end])
    })
}

fn member_end(line: &[u8]) -> usize {
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b',' => return at,
            b'"' => at += quoted_length(&line[at..]).unwrap_or(1),
            _ => at += 1,
        }
    }
    line.len()
}

/// Bytes of the quoted string at the start, quotes included; none when it does not end.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What may stand in a token (RFC 9110 section 5.6.2).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A member taken apart: `name`, `name=token` or `name="quoted"`.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    /// The name as sent, in any case.
    pub name: &'a [u8],
    /// What follows the `=`.
    pub argument: Argument<'a>,
}

/// What follows the `=` of a directive.
#[derive(Debug, PartialEq, Eq)]
pub enum Argument<'a> {
    /// There is no `=`.
    None,
    /// A token, or a quoted string without its quotes and escapes.
    Value(Cow<'a, [u8]>),
    /// Something that the grammar does not have, such as blanks around the `=`.
    Malformed,
}

/// Takes a member apart. Its name is what tokens are made of, whatever follows.
pub fn directive(member: &[u8]) -> Directive<'_> {
    let end = member.iter().position(|byte| !is_token(*byte)).unwrap_or(member.len());
    let (name, rest) = member.split_at(end);
    let argument = match rest {
        [] => Argument::None,
        [b'=', value @ ..] => value_of(value).map_or(Argument::Malformed, Argument::Value),
        _ => Argument::Malformed,
    };
    Directive { name, argument }
}

fn value_of(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    if value.first() != Some(&b'"') {
        return (!value.is_empty() && value.iter().all(|byte| is_token(*byte))).then_some(Cow::Borrowed(value));
    }
    if quoted_length(value)? != value.len() {
        return None;
    }
    let inside = &value[1..value.len() - 1];
    if !inside.contains(&b'\\') {
        return Some(Cow::Borrowed(inside));
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<&str> {
        split(line.as_bytes()).map(|member| std::str::from_utf8(member).unwrap()).collect()
    }

    #[test]
    fn rfc9110_5_6_1_members_end_at_commas_outside_of_quotes() {
        for (line, expected) in [
            ("", &[][..]),
            (",, ,", &[]),
            ("a, b ,c", &["a", "b", "c"]),
            (r#"a="x, y", b"#, &[r#"a="x, y""#, "b"]),
            (r#"a="x\", y", b"#, &[r#"a="x\", y""#, "b"]),
            (r#"a="x, no-store"#, &["a=\"x", "no-store"]), // never closed
            (r#"a="x\"#, &[r#"a="x\"#]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn rfc9111_5_2_arguments_are_tokens_or_quoted_strings() {
        let value = |text: &'static str| Argument::Value(Cow::Borrowed(text.as_bytes()));
        for (member, name, argument) in [
            ("no-store", "no-store", Argument::None),
            ("max-age=3600", "max-age", value("3600")),
            (r#"max-age="3600""#, "max-age", value("3600")),
            (r#"private="a, b""#, "private", value("a, b")),
            (r#"x="a\"b""#, "x", value("a\"b")),
            ("max-age='3600'", "max-age", value("'3600'")), // a token may hold apostrophes
            ("max-age =3600", "max-age", Argument::Malformed),
            ("max-age= 3600", "max-age", Argument::Malformed),
            ("max-age=", "max-age", Argument::Malformed),
            ("max-age=1;x", "max-age", Argument::Malformed),
            (r#"max-age="1"x"#, "max-age", Argument::Malformed),
            (r#"x="a"#, "x", Argument::Malformed),
            ("no-store x", "no-store", Argument::Malformed),
        ] {
            assert_eq!(directive(member.as_bytes()), Directive { name: name.as_bytes(), argument }, "{member}");
        }
    }
}
