//! The index of a bundle: from every path that can be asked for to what is answered.
//! Owns: reading and hashing each file once, what stays in memory and what is read from the disk. Never: changes after it
//! was made; looks at the disk for a request.
//! Called by: `load` makes one, `answer` asks it. Making blocks: it reads all that is new.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::HeaderValue;

use super::entry::{Content, Disk, Entry, Form};
use super::kind::{cache_control, is_compressible, is_kept, media_type};
use super::tree::{self, Found, Stamp, Tree};
use super::{BundleError, preload};
use crate::base::Timestamp;
use crate::cache::coding::Encoding;
use crate::cache::date;
use crate::config;

/// The page of a folder.
const INDEX: &[u8] = b"index.html";
/// Larger files are read from the disk: one of them is not worth many small ones. Our choice.
const IN_MEMORY_MAX: u64 = 1 << 20;
/// Files of one bundle that are kept open; with those of the previous build twice as many.
pub(super) const HELD_MAX: usize = 256;

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A file, by its place.
    File(usize),
    /// A folder with a page, asked for without the slash.
    Folder,
}

/// All that a bundle can answer with. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub tree: Arc<Tree>,
    pub targets: Arc<HashMap<Box<[u8]>, Target>>,
    /// In the order of the tree.
    pub entries: Arc<[Arc<Entry>]>,
    /// The page for navigations that match nothing.
    pub fallback: Option<usize>,
    /// The page that says so.
    pub not_found: Option<usize>,
    pub made_at: Timestamp,
    /// Variants were made, as far as they are worth it.
    pub has_variants: bool,
}

impl Index {
    /// Reads the bundle. What did not change since the index `before` is taken over from it.
    ///
    /// # Errors
    /// When a file cannot be read or changes meanwhile, or a page that is configured is missing.
    pub(super) fn build(
        settings: &config::Bundle,
        tree: Tree,
        before: Option<&Self>,
        now: Timestamp,
    ) -> Result<Self, BundleError> {
        let forms = forms(settings, &tree, before)?;
        let targets = targets(&tree);
        let page = |key: &'static str, name: Option<&String>| {
            let Some(name) = name else { return Ok(None) };
            let missing = BundleError::Page { key, path: settings.root.join(name) };
            tree.position(name.as_bytes()).map(Some).ok_or(missing)
        };
        let fallback = page("fallback", settings.fallback.as_ref())?;
        let not_found = page("not_found", settings.not_found.as_ref())?;
        let mut room = settings.memory.saturating_sub(forms.iter().map(Form::in_memory).sum());
        let entry = |(at, plain): (usize, &Form)| {
            let found = &tree.files[at];
            let coded = Encoding::ALL.map(|encoding| {
                let at = beside(&tree, found, encoding).filter(|at| !is_outdated(&tree.files[*at], found));
                at.map(|at| forms[at].clone())
            });
            let mut entry = entry(found, plain.clone(), coded, settings.immutable.as_deref());
            if let Some(earlier) = before.and_then(|before| before.file(&found.name)) {
                take_made(&mut entry, earlier, &mut room);
            }
            if settings.preload && (found.name == INDEX || Some(at) == fallback) {
                entry.link = preload::link(&tree, at, &entry.plain);
            }
            Arc::new(entry)
        };
        let entries = forms.iter().enumerate().map(entry).collect();
        let (tree, targets) = (Arc::new(tree), Arc::new(targets));
        Ok(Self { tree, targets, entries, fallback, not_found, made_at: now, has_variants: false })
    }

    /// What a path stands for.
    pub(super) fn target(&self, name: &[u8]) -> Option<Target> {
        self.targets.get(name).copied()
    }

    /// The file of a name.
    pub(super) fn file(&self, name: &[u8]) -> Option<&Arc<Entry>> {
        self.tree.position(name).and_then(|at| self.entries.get(at))
    }

    /// Files that stand beside others in a coding, and are left out because they are older.
    pub(super) fn outdated(&self) -> Vec<&Found> {
        let files = self.tree.files.iter();
        let beside = files.flat_map(|plain| Encoding::ALL.map(|encoding| (plain, beside(&self.tree, plain, encoding))));
        let coded = beside.filter_map(|(plain, at)| Some((&self.tree.files[at?], plain)));
        coded.filter(|(coded, plain)| is_outdated(coded, plain)).map(|(coded, _)| coded).collect()
    }

    /// Bytes in memory: of files, and of variants that were made of them.
    pub(super) fn in_memory(&self) -> (u64, u64) {
        let made = |form: &&Form| form.is_made;
        let files = self.entries.iter().map(|entry| entry.plain.in_memory()).sum();
        (files, self.entries.iter().flat_map(|entry| entry.forms().filter(made)).map(Form::in_memory).sum())
    }
}

/// The place of the file that is another one in a coding, by its name.
fn beside(tree: &Tree, plain: &Found, encoding: Encoding) -> Option<usize> {
    tree.position(&[plain.name.as_slice(), encoding.suffix().as_bytes()].concat())
}

/// Whether a file was written before the one that it should be a coding of: then it was made of other bytes. In whole seconds,
/// as what keeps times may cut them.
fn is_outdated(coded: &Found, plain: &Found) -> bool {
    coded.stamp.modified_s < plain.stamp.modified_s
}

/// Variants that were made of the same bytes are as good as new ones, as far as there is room.
fn take_made(entry: &mut Entry, earlier: &Entry, room: &mut u64) {
    if earlier.plain.tag == entry.plain.tag && entry.is_compressible {
        for (form, made) in entry.coded.iter_mut().zip(&earlier.coded) {
            if form.is_none() {
                *form = made.clone().filter(|made| made.is_made && made.length <= *room);
                *room -= form.as_ref().map_or(0, |form| form.length);
            }
        }
    }
}

/// The paths of all files, and of folders that have a page.
fn targets(tree: &Tree) -> HashMap<Box<[u8]>, Target> {
    let mut targets = HashMap::with_capacity(tree.files.len());
    for (at, file) in tree.files.iter().enumerate() {
        targets.insert(file.name.as_slice().into(), Target::File(at));
        let folder = file.name.strip_suffix(INDEX).filter(|folder| folder.is_empty() || folder.ends_with(b"/"));
        let Some(folder) = folder else { continue };
        targets.insert(folder.into(), Target::File(at));
        if let Some(name) = folder.strip_suffix(b"/") {
            targets.insert(name.into(), Target::Folder);
        }
    }
    targets
}

/// The bytes of every file: small ones in memory, the smallest first, as far as the settings allow.
fn forms(settings: &config::Bundle, tree: &Tree, before: Option<&Index>) -> Result<Vec<Form>, BundleError> {
    let mut by_length: Vec<usize> = (0..tree.files.len()).collect();
    by_length.sort_unstable_by_key(|at| tree.files[*at].stamp.length);
    let (mut room, mut held) = (settings.memory, 0);
    let mut forms = vec![None; tree.files.len()];
    for at in by_length {
        let found = &tree.files[at];
        let length = found.stamp.length;
        let in_memory = length <= IN_MEMORY_MAX && length <= room;
        let holds = !in_memory && held < HELD_MAX;
        let earlier = before.and_then(|before| unchanged(before, found));
        let fits = |form: &&Form| (form.in_memory() == length) == in_memory && form.holds_file() == holds;
        let form = match earlier.filter(fits) {
            Some(form) => form.clone(),
            None => read(found, in_memory, holds).map_err(|cause| failed(tree, found, cause))?,
        };
        room -= form.in_memory();
        held += usize::from(form.holds_file());
        forms[at] = Some(form);
    }
    Ok(forms.into_iter().flatten().collect())
}

fn unchanged<'a>(before: &'a Index, found: &Found) -> Option<&'a Form> {
    let at = before.tree.position(&found.name)?;
    before.entries.get(at).map(|entry| &entry.plain).filter(|_| before.tree.files[at] == *found)
}

fn failed(tree: &Tree, found: &Found, cause: io::Error) -> BundleError {
    match cause.kind() {
        // Seen a moment ago: the build is still going on.
        io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle | io::ErrorKind::UnexpectedEof => {
            BundleError::Unsettled { path: tree.root.clone() }
        }
        _ => BundleError::Unreadable { path: found.path.clone(), cause },
    }
}

fn read(found: &Found, in_memory: bool, holds: bool) -> io::Result<Form> {
    let file = tree::open(&found.path, found.stamp)?;
    let length = found.stamp.length;
    let mut hash = Context::new(&SHA256);
    let content = if in_memory {
        let bytes = whole(&file, found.stamp)?;
        hash.update(&bytes);
        Content::Memory(bytes)
    } else {
        let mut buffer = vec![0; 128 * 1024];
        let mut at = 0;
        while at < length {
            let read = file.read_at(&mut buffer, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hash.update(&buffer[..read]);
            at += read as u64;
        }
        tree::check(&file, found.stamp)?;
        let held = holds.then(|| Arc::new(file));
        Content::Disk(Arc::new(Disk { path: found.path.clone(), stamp: found.stamp, held }))
    };
    Ok(Form { tag: tag(hash.finish().as_ref()), length, content, is_made: false })
}

/// All bytes of an open file.
///
/// # Errors
/// When it is not what it was, or cannot be read.
pub(super) fn whole(file: &File, stamp: Stamp) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(stamp.length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    tree::check(file, stamp)?;
    Ok(bytes.into())
}

/// A strong entity tag: the first 128 bits of SHA-256, which no two files of a bundle share. Not time and inode: every PoP
/// that serves the same bundle gives the same tag, also after a deployment that rewrote a file unchanged.
pub(super) fn tag(hash: &[u8]) -> HeaderValue {
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in hash.iter().take(16) {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text.push('"');
    HeaderValue::try_from(text).expect("hex digits and quotes are visible ASCII")
}

fn entry(
    found: &Found,
    plain: Form,
    coded: [Option<Form>; Encoding::ALL.len()],
    immutable: Option<&[String]>,
) -> Entry {
    let name = Path::new(OsStr::from_bytes(&found.name));
    let content_type = media_type(name);
    let modified_s = u64::try_from(found.stamp.modified_s).ok();
    let modified = modified_s.and_then(|s| Some((s, date::write(Timestamp(s.saturating_mul(1000)))?)));
    Entry {
        cache_control: HeaderValue::from_static(cache_control(name, immutable)),
        is_kept: is_kept(name, immutable),
        modified,
        link: None,
        is_compressible: is_compressible(&content_type, plain.length),
        content_type: HeaderValue::try_from(content_type)
            .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream")),
        plain,
        coded,
    }
}
