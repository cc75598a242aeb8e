//! Reads a record.
//!
//! Owns what is said of a file that is none, is of a newer version, or is damaged: with the line. Bounded: no line is read
//! beyond its longest form. Called by replays.

use super::line::{Head, Line, VERSION};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line, bytes: 64 regions with labels and endpoints take far less.
const LINE_MAX: u64 = 4 << 20;

/// Why a record cannot be read, or no further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Something else.
    #[error("{}:1: this is no record of decisions; `[record]` in the configuration makes one", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// From a newer router.
    #[error("{}:1: this record has version {found}; this portolan reads {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A line that means nothing.
    #[error("{}:{line}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// A record, line by line.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: usize,
    head: Head,
}

impl Lines {
    /// Opens a record and reads its first line.
    ///
    /// # Errors
    /// When it is none that this version reads.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let path = path.to_owned();
        let io = |cause| ReadError::Io { path: path.clone(), cause };
        let mut reader = BufReader::new(File::open(&path).map_err(io)?);
        let mut text = Vec::new();
        reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut text).map_err(io)?;
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let Some(version) = document["portolan-record"]["version"].as_u64() else {
            return Err(ReadError::Foreign { path });
        };
        if version > u64::from(VERSION) {
            return Err(ReadError::Newer { path, found: version });
        }
        match serde_json::from_value(document) {
            Ok(Line::PortolanRecord(head)) => Ok(Self { path, reader, line: 1, head }),
            _ => Err(ReadError::Foreign { path }),
        }
    }

    /// What the first line says.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Number of the line that was read last.
    pub fn line(&self) -> usize {
        self.line
    }

    /// An error of the line that was read last.
    pub fn damaged(&self, what: impl Into<String>) -> ReadError {
        ReadError::Damaged { path: self.path.clone(), line: self.line, what: what.into() }
    }

    fn read(&mut self) -> Result<Option<Line>, ReadError> {
        let mut text = Vec::new();
        let read = self.reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut text);
        read.map_err(|cause| ReadError::Io { path: self.path.clone(), cause })?;
        if text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if text.last() != Some(&b'\n') {
            return Err(self.damaged("the line is cut short"));
        }
        match serde_json::from_slice(&text) {
            Ok(Line::PortolanRecord(_)) => Err(self.damaged("another record begins here")),
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(self.damaged(error.to_string())),
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
