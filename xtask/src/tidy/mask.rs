//! Blanks out what is not code in a Rust source: comments, strings and character literals.
//!
//! The result has the same lines and the same length in bytes, so a place in it is a place in the source. A small
//! scanner and no parser: it need not know more of Rust than where text begins and ends. Called by `tidy.rs`.

/// The source with spaces in place of all that is not code; line ends stay.
pub(crate) fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = text_end(bytes, at);
        for byte in &mut masked[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = if end > at { end } else { after_code(bytes, at) };
    }
    // What was blanked was blanked whole, so what is left is still UTF-8.
    String::from_utf8_lossy(&masked).into_owned()
}

/// Where the comment or literal that begins here ends; `at` itself when none begins here.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length),
        [b'/', b'*', ..] => block_comment_end(bytes, at),
        [b'"', ..] => quoted_end(bytes, at, b'"'),
        [b'r' | b'b' | b'c', ..] if !in_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
        [b'\'', b'\\', ..] => quoted_end(bytes, at, b'\''),
        [b'\'', ..] => character_end(bytes, at),
        _ => at,
    }
}

/// The next place where text may begin.
fn after_code(bytes: &[u8], at: usize) -> usize {
    at + match bytes[at..] {
        // A lifetime or a label: its quote is not the start of a character.
        [b'\'', ..] => 1 + bytes[at + 1..].iter().take_while(|byte| is_word(**byte)).count(),
        _ => 1,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn in_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_word(bytes[at - 1])
}

fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut place) = (0u32, at);
    while place < bytes.len() {
        match bytes[place..] {
            [b'/', b'*', ..] => (depth, place) = (depth + 1, place + 2),
            [b'*', b'/', ..] => (depth, place) = (depth - 1, place + 2),
            _ => place += 1,
        }
        if depth == 0 {
            return place;
        }
    }
    bytes.len()
}

fn quoted_end(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut place = at + 1;
    while place < bytes.len() {
        match bytes[place] {
            b'\\' => place += 2,
            byte if byte == quote => return place + 1,
            _ => place += 1,
        }
    }
    bytes.len()
}

/// The end of `'x'`, or `at` for a lifetime.
fn character_end(bytes: &[u8], at: usize) -> usize {
    let length = match bytes.get(at + 1) {
        Some(0xf0..) => 4,
        Some(0xe0..) => 3,
        Some(0xc0..) => 2,
        _ => 1,
    };
    if bytes.get(at + 1 + length) == Some(&b'\'') { at + length + 2 } else { at }
}

/// The end of `r"..."`, `r#"..."#`, `b"..."`, `b'x'`, `br"..."`, `c"..."`; none when it is an ordinary word.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let prefix = bytes[at..].iter().take_while(|byte| matches!(byte, b'r' | b'b' | b'c')).count();
    let quote = at + prefix;
    if prefix > 2 {
        return None;
    }
    let hashes = bytes[quote..].iter().take_while(|byte| **byte == b'#').count();
    let raw = bytes[quote - 1] == b'r';
    match bytes.get(quote + hashes)? {
        b'"' if raw => {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let start = quote + hashes + 1;
            let length = bytes[start..].windows(close.len()).position(|window| window == close);
            Some(length.map_or(bytes.len(), |length| start + length + close.len()))
        }
        b'"' if hashes == 0 => Some(quoted_end(bytes, quote, b'"')),
        b'\'' if hashes == 0 && bytes[at] == b'b' && prefix == 1 => Some(quoted_end(bytes, quote, b'\'')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        for (source, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("}", '}', '\'', b'{')"#, "f(   ,    ,     ,     )"),
            (r##"f(r#"}" "#, br"\")"##, "f(        ,      )"),
            ("fn f<'a>(x: &'a str) { 'b: loop {} }", "fn f<'a>(x: &'a str) { 'b: loop {} }"),
            ("'é' 'x' \"é\n}\" r#fn bar\"\"", "             \n  "),
        ] {
            let masked = code(source);
            assert_eq!(masked.len(), source.len(), "{source}");
            assert_eq!(masked.lines().count(), source.lines().count(), "{source}");
            assert!(!masked.contains('}') || expected.contains('}'), "{source}: {masked}");
            if source.is_ascii() {
                assert_eq!(masked, expected);
            }
        }
    }
}
