//! Words on standard output and standard error.
//!
//! Owns writing that cannot panic: a reader that went away (`portolan status | head`) is no failure. Tables with aligned
//! columns for people. Used by every command.

use std::io::Write;

/// Writes to standard output.
pub(super) fn say(text: &str) {
    // Who is gone cannot be told.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub(super) fn complain(text: &(impl std::fmt::Display + ?Sized)) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Rows with columns aligned, two spaces between them, indented by two.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!(" {cell:<width$} "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A span as people say it: `45s`, `3m12s`, `2h05m`, `4d03h`.
pub(super) fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(table(&rows), "  a    bb\n  ccc  d\n");
    }

    #[test]
    fn spans() {
        for (ms, text) in
            [(7, "7ms"), (45_000, "45s"), (192_000, "3m12s"), (7_500_000, "2h05m"), (356_400_000, "4d03h")]
        {
            assert_eq!(span(ms), text);
        }
    }
}
