//! Rules on one source file: its header, its size, the size of its functions, things left undone.
//!
//! Pure; called by `tidy.rs`. Tests are not counted: files under `tests/` or named `tests.rs`, and the blocks behind
//! `#[cfg(test)]`.

use std::ops::Range;

use super::Offence;

/// Lines of a file.
const FILE_LINES: usize = 400;
/// Lines of a function, from its signature to its brace.
const FUNCTION_LINES: usize = 70;

/// Rules on a Rust file; `code` is the masked text.
pub(crate) fn rust(path: &str, text: &str, code: &str, found: &mut Vec<Offence>) {
    if !text.trim_start_matches('\u{feff}').starts_with("//!") {
        found.push(Offence::new(
            path,
            1,
            "opens without a `//!` header: what it owns, what it never does, who calls it",
        ));
    }
    if is_test(path) {
        return;
    }
    let tests = test_blocks(code);
    let in_tests = |place: usize| tests.iter().any(|block| block.contains(&place));
    let tested: usize = tests.iter().map(|block| lines_in(code, block)).sum();
    size(path, text.lines().count().saturating_sub(tested), found);
    for (name, block) in functions(code) {
        let lines = lines_in(code, &block);
        if lines > FUNCTION_LINES && !in_tests(block.start) {
            let what = format!("function `{name}` has {lines} lines; {FUNCTION_LINES} are accepted");
            found.push(Offence::new(path, line_of(code, block.start), what));
        }
    }
}

/// Rules on a TypeScript or JavaScript file.
pub(crate) fn script(path: &str, text: &str, found: &mut Vec<Offence>) {
    let start = match text.split_once('\n') {
        Some((shebang, rest)) if shebang.starts_with("#!") => rest,
        _ => text,
    };
    if !start.starts_with("//") && !start.starts_with("/*") {
        found.push(Offence::new(path, 1, "opens without a `//` or `/**` header: what it owns, what it never does"));
    }
    if !is_test(path) {
        size(path, text.lines().count(), found);
    }
}

/// Rules on a file in another language, whose header opens with `mark`.
pub(crate) fn headed(path: &str, text: &str, mark: &str, found: &mut Vec<Offence>) {
    if !text.starts_with(mark) {
        found.push(Offence::new(path, 1, format!("opens without a `{mark}` header: what it owns, what it never does")));
    }
    if !is_test(path) {
        size(path, text.lines().count(), found);
    }
}

/// Words with which work is put off.
pub(crate) fn undone(path: &str, text: &str, found: &mut Vec<Offence>) {
    // Put together here, so that this file does not accuse itself.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!")];
    for (line, text) in (1..).zip(text.lines()) {
        for word in words {
            let whole = |at: usize| {
                let end = at + word.len();
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
                edge(text[..at].chars().next_back()) && (word.ends_with('!') || edge(text[end..].chars().next()))
            };
            if text.match_indices(word).any(|(at, _)| whole(at)) {
                found.push(Offence::new(path, line, format!("`{word}`: do it, or write down the decision not to")));
            }
        }
    }
}

fn size(path: &str, lines: usize, found: &mut Vec<Offence>) {
    if lines > FILE_LINES {
        let what = format!("has {lines} lines without its tests; {FILE_LINES} are accepted");
        found.push(Offence::new(path, 1, what));
    }
}

/// Whether the whole file is a test.
pub(crate) fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').rev().skip(1).any(|folder| folder == "tests") || name == "tests.rs" || name.contains(".test.")
}

/// The blocks behind `#[cfg(test)]`, attribute included.
fn test_blocks(code: &str) -> Vec<Range<usize>> {
    let starts = code.match_indices("#[cfg(test)]").map(|(start, _)| start);
    starts.filter_map(|start| body(code, start).map(|body| start..body.end)).collect()
}

/// Every function with a body, by name, from `fn` to its closing brace.
fn functions(code: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let name: String = code[start + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // Without a name it is the type of a function.
        if let (false, Some(body)) = (name.is_empty(), body(code, start)) {
            found.push((name, start..body.end));
        }
    }
    found
}

/// The next block in braces, unless a `;` outside of brackets comes first.
fn body(code: &str, from: usize) -> Option<Range<usize>> {
    let (mut brackets, mut braces, mut start) = (0i32, 0i32, None);
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' if braces == 0 => brackets += 1,
            b')' | b']' if braces == 0 => brackets -= 1,
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => {
                start = start.or(Some(at));
                braces += 1;
            }
            b'}' => {
                braces -= 1;
                if braces <= 0 {
                    return start.map(|start| start..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn lines_in(code: &str, block: &Range<usize>) -> usize {
    code[block.clone()].matches('\n').count() + 1
}

/// The line of a place in a text, from 1.
pub(crate) fn line_of(text: &str, place: usize) -> usize {
    text[..place].matches('\n').count() + 1
}
