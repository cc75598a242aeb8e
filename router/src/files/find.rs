//! From a wanted name to an open file, or to the knowledge that there is none.
//! Owns: folders and their index, the fallback, variants, and the proof that an open file lies under the root.
//! Never: reads content or writes answers. Called by: `files::answer`, on a thread that may block.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::encoding::Encoding;
use super::path::Wanted;

/// The page of a folder.
const INDEX: &str = "index.html";

/// A regular file under the root, open.
#[derive(Debug)]
pub(super) struct Opened {
    pub file: File,
    pub state: Metadata,
    /// Where it really is, links resolved.
    pub real: PathBuf,
}

/// What a wanted name is.
#[derive(Debug)]
pub(super) enum Found {
    /// A file, under the name that tells its media type.
    File {
        name: PathBuf,
        opened: Opened,
    },
    /// A folder with a page, asked for without the slash.
    Folder,
    /// The page of the application, in place of a name that does not exist.
    Fallback {
        name: PathBuf,
        opened: Opened,
    },
    Nothing,
}

/// Looks for what is wanted; `fallback` is the page to give instead, when this request may have it.
pub(super) fn find(root: &Path, wanted: &Wanted, fallback: Option<&Path>) -> io::Result<Found> {
    let path = root.join(&wanted.path);
    if present(fs::metadata(&path))?.is_some_and(|state| state.is_dir()) {
        let name = path.join(INDEX);
        if let Some(opened) = open(root, &name)? {
            return Ok(if wanted.folder { Found::File { name, opened } } else { Found::Folder });
        }
    } else if !wanted.folder
        && let Some(opened) = open(root, &path)?
    {
        return Ok(Found::File { name: path, opened });
    }
    let Some(fallback) = fallback else { return Ok(Found::Nothing) };
    let name = root.join(fallback);
    Ok(match open(root, &name)? {
        Some(opened) => Found::Fallback { name, opened },
        None => Found::Nothing,
    })
}

/// The best variant of a file among those accepted, and whether the file has any variant at all (then caches must know
/// that the answer depends on `Accept-Encoding`).
pub(super) fn variant(
    root: &Path,
    name: &Path,
    accepted: &[Encoding],
) -> io::Result<(Option<(Encoding, Opened)>, bool)> {
    let beside = |encoding: Encoding| {
        let mut name = name.as_os_str().to_owned();
        name.push(encoding.suffix());
        PathBuf::from(name)
    };
    for encoding in accepted {
        if let Some(opened) = open(root, &beside(*encoding))? {
            return Ok((Some((*encoding, opened)), true));
        }
    }
    for encoding in Encoding::ALL {
        if open(root, &beside(encoding))?.is_some() {
            return Ok((None, true));
        }
    }
    Ok((None, false))
}

/// Opens a regular file, provided that it really lies under the root.
///
/// Links are followed, since deployments are made of them, but where they lead is proved on the open file: its device and
/// inode are those of the resolved path. A link that is exchanged meanwhile makes the two differ, and is refused.
fn open(root: &Path, path: &Path) -> io::Result<Option<Opened>> {
    // Before opening: to open a FIFO would wait for its writer.
    if !present(fs::metadata(path))?.is_some_and(|state| state.is_file()) {
        return Ok(None);
    }
    let Some(file) = present(File::open(path))? else { return Ok(None) };
    let state = file.metadata()?;
    let Some(real) = present(fs::canonicalize(path))? else { return Ok(None) };
    let Some(resolved) = present(fs::symlink_metadata(&real))? else { return Ok(None) };
    let same = (state.dev(), state.ino()) == (resolved.dev(), resolved.ino());
    if !(state.is_file() && same && real.starts_with(root)) {
        tracing::debug!(path = %path.display(), real = %real.display(), "refused: not a file under the root");
        return Ok(None);
    }
    Ok(Some(Opened { file, state, real }))
}

/// Nothing for a name that does not exist or cannot; other failures are worth a log line.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => Ok(None),
            _ => Err(error),
        },
    }
}
