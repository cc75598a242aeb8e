//! What lies in a bundle's folder: names, places and stamps, without reading a byte of content.
//! Owns: which names count, the proof that each lies under the root, and the digest by which two looks are compared.
//! Never: opens a file. Called by: `load`, and by the watcher, both on threads that may block.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::BundleError;
use super::path::is_served;
use crate::base::hash;

/// Names looked at in one folder tree, files and folders: some hundreds is what a bundle has.
const NAMES_MAX: usize = 50_000;
/// Folders in folders: beyond this, links lead around in a circle.
const DEPTH_MAX: usize = 32;
/// Where Vite says which files belong together; hidden, so it is looked at apart.
pub(super) const MANIFEST: &str = ".vite/manifest.json";

/// Tells one state of a file's content from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub length: u64,
    pub modified_s: i64,
    pub modified_ns: i64,
    pub inode: u64,
    pub device: u64,
}

impl Stamp {
    pub(super) fn of(state: &Metadata) -> Self {
        Self {
            length: state.len(),
            modified_s: state.mtime(),
            modified_ns: state.mtime_nsec(),
            inode: state.ino(),
            device: state.dev(),
        }
    }
}

/// A regular file under the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Below the root, as URLs name it.
    pub name: Vec<u8>,
    /// Where it really is, links resolved.
    pub path: PathBuf,
    pub stamp: Stamp,
    /// When anything about it changed, its name too: seconds and nanoseconds.
    pub changed: (i64, i64),
}

/// One look at a folder.
#[derive(Debug)]
pub(super) struct Tree {
    /// Links resolved.
    pub root: PathBuf,
    /// By name.
    pub files: Vec<Found>,
    /// The same for two looks that saw the same.
    pub digest: u64,
    /// When something in it last changed, ms since 1970 by the file system's clock.
    pub newest_ms: u64,
}

/// The digest of what lies at `root`, or of why it cannot be served.
pub fn digest(root: &Path) -> u64 {
    match Tree::walk(root) {
        Ok(tree) => tree.digest,
        Err(error) => hash::of(&[b"refused", error.to_string().as_bytes()]),
    }
}

impl Tree {
    /// Looks at every name under `root`. Hidden ones do not count, but `.well-known` at the top.
    ///
    /// # Errors
    /// When a folder cannot be read, a link leads out of the root or nowhere, or there are too many names.
    pub(super) fn walk(root: &Path) -> Result<Self, BundleError> {
        let refused = |cause| BundleError::Root { path: root.to_owned(), cause };
        let real = fs::canonicalize(root).map_err(refused)?;
        let mut walk = Walk { root: &real, files: Vec::new(), folders: Vec::new(), names: 0, newest_ms: 0 };
        walk.folders.push(Folder { path: real.clone(), prefix: Vec::new(), depth: 0 });
        while let Some(folder) = walk.folders.pop() {
            match walk.folder(&folder) {
                // Taken away between two looks; the next one sees it. The root must be there.
                Err(BundleError::Root { cause, .. }) if folder.depth > 0 && cause.kind() == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        let Walk { mut files, newest_ms, .. } = walk;
        files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let manifest = fs::metadata(real.join(MANIFEST)).ok();
        let digest = digest_of(&real, &files, manifest.as_ref());
        Ok(Self { root: real, files, digest, newest_ms })
    }

    /// The place of a file in `files`.
    pub(super) fn position(&self, name: &[u8]) -> Option<usize> {
        self.files.binary_search_by(|file| file.name.as_slice().cmp(name)).ok()
    }
}

struct Folder {
    path: PathBuf,
    /// Its name with a slash, or nothing for the root.
    prefix: Vec<u8>,
    depth: usize,
}

struct Walk<'a> {
    root: &'a Path,
    files: Vec<Found>,
    folders: Vec<Folder>,
    names: usize,
    newest_ms: u64,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Folder) -> Result<(), BundleError> {
        let refused = |cause| BundleError::Root { path: folder.path.clone(), cause };
        let (limit, deep) = (self.names > NAMES_MAX, folder.depth > DEPTH_MAX);
        if limit || deep {
            return Err(BundleError::TooLarge { path: self.root.to_owned(), names: NAMES_MAX, depth: DEPTH_MAX });
        }
        self.seen(&fs::metadata(&folder.path).map_err(refused)?);
        for entry in fs::read_dir(&folder.path).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let name = entry.file_name();
            if !is_served(name.as_bytes(), folder.depth == 0) {
                continue;
            }
            self.names += 1;
            let path = folder.path.join(&name);
            let (path, state) = match entry.file_type().map_err(refused)?.is_symlink() {
                true => self.link(&folder.path, path)?,
                false => match fs::symlink_metadata(&path) {
                    Ok(state) => (path, state),
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(cause) => return Err(BundleError::Unreadable { path, cause }),
                },
            };
            let name = [folder.prefix.as_slice(), name.as_bytes()].concat();
            if state.is_dir() {
                let prefix = [name.as_slice(), b"/"].concat();
                self.folders.push(Folder { path, prefix, depth: folder.depth + 1 });
            } else if state.is_file() {
                self.seen(&state);
                let changed = (state.ctime(), state.ctime_nsec());
                self.files.push(Found { name, path, stamp: Stamp::of(&state), changed });
            }
        }
        Ok(())
    }

    /// Where a link leads: to something under the root, and not to a folder that it lies in.
    fn link(&self, folder: &Path, link: PathBuf) -> Result<(PathBuf, Metadata), BundleError> {
        let resolved = fs::canonicalize(&link).and_then(|real| fs::symlink_metadata(&real).map(|state| (real, state)));
        let (real, state) = match resolved {
            Ok(resolved) => resolved,
            Err(cause) => return Err(BundleError::Link { link, to: cause.to_string() }),
        };
        if !real.starts_with(self.root) {
            return Err(BundleError::Link { link, to: format!("it leads to {}, outside of the root", real.display()) });
        }
        if folder.starts_with(&real) {
            return Err(BundleError::Link { link, to: "it leads to a folder that it lies in".to_owned() });
        }
        Ok((real, state))
    }

    fn seen(&mut self, state: &Metadata) {
        let at_ms = state.ctime().saturating_mul(1000).saturating_add(state.ctime_nsec() / 1_000_000);
        self.newest_ms = self.newest_ms.max(u64::try_from(at_ms).unwrap_or(0));
    }
}

fn digest_of(root: &Path, files: &[Found], manifest: Option<&Metadata>) -> u64 {
    let mut digest = hash::of(&[root.as_os_str().as_bytes()]);
    let mut add = |name: &[u8], stamp: Stamp, changed: (i64, i64)| {
        let Stamp { length, modified_s, modified_ns, inode, device } = stamp;
        let numbers = [length, inode, device].map(u64::to_le_bytes);
        let times = [modified_s, modified_ns, changed.0, changed.1].map(i64::to_le_bytes);
        digest = hash::of(&[&digest.to_le_bytes(), name, numbers.as_flattened(), times.as_flattened()]);
    };
    files.iter().for_each(|file| add(&file.name, file.stamp, file.changed));
    if let Some(state) = manifest {
        add(MANIFEST.as_bytes(), Stamp::of(state), (state.ctime(), state.ctime_nsec()));
    }
    digest
}

/// Opens a file that was found, provided that it is still the same.
///
/// # Errors
/// `StaleNetworkFileHandle` when another stands in its place; otherwise as the system says.
pub(super) fn open(path: &Path, stamp: Stamp) -> io::Result<fs::File> {
    // Before opening: to open a FIFO that was put in its place would wait for its writer.
    if Stamp::of(&fs::metadata(path)?) != stamp {
        return Err(ErrorKind::StaleNetworkFileHandle.into());
    }
    let file = fs::File::open(path)?;
    check(&file, stamp)?;
    Ok(file)
}

/// Whether an open file still has the content that it was found with.
///
/// # Errors
/// `StaleNetworkFileHandle` when it has not.
pub(super) fn check(file: &fs::File, stamp: Stamp) -> io::Result<()> {
    let same = Stamp::of(&file.metadata()?) == stamp;
    if same { Ok(()) } else { Err(ErrorKind::StaleNetworkFileHandle.into()) }
}
