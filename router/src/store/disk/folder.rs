//! The folder of the store on disk.
//!
//! Owns whose it is: one process at a time, one version, and nothing but a cache. What is in a folder that is not ours is
//! never touched. The lock is the system's, so that it ends with the process however that ends.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The version of everything in the folder; counted up when any of its forms changes.
pub const FORMAT: u32 = 1;
const FORMAT_WORDS: &str = "portolan cache, format ";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refuses.
    #[error("the cache folder {} cannot be used: {cause}\n  help: `process.cache_disk.path` needs a folder that can be written to", path.display())]
    System {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another process uses it.
    #[error("the cache folder {} is in use by another process{owner}\n  help: end that process, or give `process.cache_disk.path` another folder", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
        /// Who, in words that fit behind "process".
        owner: String,
    },
    /// Another version made it.
    #[error("the cache folder {} has format {found}, and this version writes {FORMAT}\n  help: remove the folder to begin with an empty cache, or give `process.cache_disk.path` another", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// Something else is in it.
    #[error("the folder {} is no cache and not empty\n  help: give `process.cache_disk.path` an empty folder, or one that does not exist", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
}

/// Makes the folder ours for as long as the file that comes back is open.
pub(super) fn take(path: &Path) -> Result<File, OpenError> {
    let system = |cause| OpenError::System { path: path.to_owned(), cause };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(system)?;
    let format = path.join("format");
    let is_new = check_format(path, &format)?;
    let lock = lock(path)?;
    if is_new {
        // Before anything else is there: without it nobody knows whose that is.
        let written = File::create(&format).and_then(|mut file| {
            file.write_all(format_line().as_bytes())?;
            file.sync_all()
        });
        written.map_err(system)?;
    }
    Ok(lock)
}

fn format_line() -> String {
    format!("{FORMAT_WORDS}{FORMAT}\n")
}

/// Looks whether a folder could be made ours, without making or taking anything: who uses it now may be the very process that will
/// have ended by then.
///
/// # Errors
/// What `take` would say, but for another process that uses it.
pub fn examine(path: &Path) -> Result<(), OpenError> {
    let system = |cause| OpenError::System { path: path.to_owned(), cause };
    let there = path.ancestors().map(|one| if one.as_os_str().is_empty() { Path::new(".") } else { one });
    let Some(there) = there.into_iter().find(|one| fs::symlink_metadata(one).is_ok()) else { return Ok(()) };
    if !fs::metadata(there).map_err(system)?.is_dir() {
        return Err(system(io::ErrorKind::NotADirectory.into()));
    }
    if there == path {
        check_format(path, &path.join("format"))?;
    }
    // Whether it can be written to is the system's to say, which looks at more than the mode.
    let trace = there.join(format!(".portolan-check-{}", std::process::id()));
    File::create(&trace).and_then(|_| fs::remove_file(&trace)).map_err(system)
}

/// Whether a folder that is there is still to be made ours.
fn check_format(path: &Path, format: &Path) -> Result<bool, OpenError> {
    let system = |cause| OpenError::System { path: path.to_owned(), cause };
    let text = match fs::read_to_string(format) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(system(error)),
    };
    // A first start that had no room or no time left wrote nothing of it, or not all.
    if text.len() < format_line().len() && format_line().starts_with(&text) {
        let is_ours = is_empty(path).map_err(system)?;
        return if is_ours { Ok(true) } else { Err(OpenError::Foreign { path: path.to_owned() }) };
    }
    match text.strip_prefix(FORMAT_WORDS).map(str::trim) {
        Some(found) if found == FORMAT.to_string() => Ok(false),
        found => Err(OpenError::Version { path: path.to_owned(), found: found.unwrap_or("unknown").to_owned() }),
    }
}

/// Whether nothing is in it but our lock and the file that says its format.
fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if name != "lock" && name != "format" {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let system = |cause| OpenError::System { path: path.to_owned(), cause };
    let name = path.join("lock");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(name).map_err(system)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(cause)) => return Err(system(cause)),
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Only to name it.
            let _ = file.read_to_string(&mut owner);
            let owner = owner.trim().parse::<u32>().map_or_else(|_| String::new(), |id| format!(" (pid {id})"));
            return Err(OpenError::Taken { path: path.to_owned(), owner });
        }
    }
    // Only for whom it turns away: a full disk has no room for it.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}
