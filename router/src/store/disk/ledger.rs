//! Purges on disk.
//!
//! Owns the file in which each purge is a line, and that a purge which was acknowledged is found again after a crash: the
//! line is on the device before the acknowledgment. Written anew when it is long, from what is still remembered. A file
//! that was damaged in its middle says so: then nothing that is stored can be trusted.

use crate::store::purge::Mark;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Longest line: the longest name is an address.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of length and checksum before a line.
const HEAD_BYTES: usize = 8;
/// It is written anew when it is longer than this and twice as long as it was then.
const REWRITE_BYTES: u64 = 16 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
    length: u64,
    /// Its length when it was last written anew.
    begun: u64,
}

/// What was found in the file.
#[derive(Debug)]
pub(crate) struct Past {
    /// The purges, in order.
    pub(crate) marks: Vec<Mark>,
    /// Lines in the middle cannot be read.
    pub(crate) is_damaged: bool,
}

/// A purge as a line.
pub(crate) fn line(mark: &Mark) -> Vec<u8> {
    framed(&postcard::to_stdvec(mark).unwrap_or_default())
}

/// Any text as a line.
pub(crate) fn framed(text: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(text.len() + HEAD_BYTES);
    line.extend((text.len() as u32).to_le_bytes());
    line.extend(crc32fast::hash(text).to_le_bytes());
    line.extend(text);
    line
}

/// What a file says, and the length of what can be read of it.
pub(crate) fn read(bytes: &[u8]) -> (Past, u64) {
    let (mut rest, mut marks) = (bytes, Vec::new());
    while let Some((mark, behind)) = split(rest) {
        marks.push(mark);
        rest = behind;
    }
    let is_damaged = rest.len() > LINE_BYTES_MAX + HEAD_BYTES || lines_follow(rest);
    (Past { marks, is_damaged }, (bytes.len() - rest.len()) as u64)
}

/// The first line and what follows it; none when it is torn.
fn split(bytes: &[u8]) -> Option<(Mark, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let is_sound = text.len() <= LINE_BYTES_MAX && crc32fast::hash(text) == u32::from_le_bytes(*sum);
    Some((is_sound.then(|| postcard::from_bytes(text).ok())??, rest))
}

impl Ledger {
    /// Opens it and reads what it holds; a last line that was torn was never acknowledged.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Past)> {
        let path = folder.join("purges");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (past, length) = read(&bytes);
        file.set_len(length)?;
        sync_folder(folder)?;
        Ok((Self { path, file, length, begun: length }, past))
    }

    /// Writes purges; when `is_durable` they are on the device afterwards.
    pub(super) fn append(&mut self, marks: &[Mark], is_durable: bool) -> io::Result<()> {
        let bytes: Vec<u8> = marks.iter().flat_map(line).collect();
        let written = self.file.write_all_at(&bytes, self.length);
        let done = written.and_then(|()| if is_durable { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = done {
            // Half a line would hide those that follow.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Whether it is time to write it anew.
    pub(super) fn is_long(&self) -> bool {
        self.length > REWRITE_BYTES && self.length > self.begun * 2
    }

    /// Writes it anew, with what is still remembered.
    pub(super) fn rewrite(&mut self, marks: &[Mark]) -> io::Result<()> {
        let path = self.path.with_extension("new");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        let bytes: Vec<u8> = marks.iter().flat_map(line).collect();
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&path, &self.path)?;
        self.path.parent().map_or(Ok(()), sync_folder)?;
        (self.file, self.length, self.begun) = (file, bytes.len() as u64, bytes.len() as u64);
        Ok(())
    }
}

/// Whether a whole line stands somewhere behind one that cannot be read.
fn lines_follow(rest: &[u8]) -> bool {
    (1..rest.len()).any(|at| split(&rest[at..]).is_some())
}

/// Names of files are on the device only when their folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::purge::Name;

    fn mark(name: &str, hard: u64) -> Mark {
        Mark { name: Name::Named(name.as_bytes().into()), hard, soft: 0 }
    }

    fn reopened(folder: &Path) -> (Vec<Mark>, bool) {
        let (_, past) = Ledger::open(folder).unwrap();
        (past.marks, past.is_damaged)
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, past) = Ledger::open(folder.path()).unwrap();
        assert!(past.marks.is_empty() && !past.is_damaged);
        ledger.append(&[mark("a", 1), mark("b", 2)], true).unwrap();
        ledger.append(&[mark("c", 3)], false).unwrap();
        let whole = fs::read(folder.path().join("purges")).unwrap();
        for torn in 1..line(&mark("c", 3)).len() {
            fs::write(folder.path().join("purges"), &whole[..whole.len() - torn]).unwrap();
            assert_eq!(reopened(folder.path()), (vec![mark("a", 1), mark("b", 2)], false), "{torn} bytes are missing");
            assert_eq!(reopened(folder.path()).0.len(), 2);
        }
        let mut hurt = whole.clone();
        hurt[12] ^= 1;
        fs::write(folder.path().join("purges"), hurt).unwrap();
        assert!(reopened(folder.path()).1, "a line in the middle");
    }

    #[test]
    fn written_anew_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, _) = Ledger::open(folder.path()).unwrap();
        ledger.append(&[mark("a", 1), mark("a", 2)], false).unwrap();
        ledger.rewrite(&[mark("a", 2)]).unwrap();
        ledger.append(&[mark("b", 3)], true).unwrap();
        assert_eq!(reopened(folder.path()), (vec![mark("a", 2), mark("b", 3)], false));
    }
}
