//! Notices that files changed: configuration, components, geo database, certificates, static roots.
//!
//! Owns the fingerprints and the polling. Polling once a second works on every file system, also on the mounts and
//! symlink swaps that containers use, where notifications do not. A change is acted on once it has held still for one
//! poll, so that a file or a tree is not read while it is written. Looks are rarer where they take long. Reads no content;
//! the conductor is told the subject only.

use super::world::Event;
use crate::base::clock;
use crate::files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};

/// Time between two looks.
pub const POLL_EVERY: Duration = Duration::from_millis(500);
/// Looking takes at most one part in this many of a core, however many files there are.
const PAUSES: u32 = 20;
/// What the scheduler says of the calling thread: first the time on a processor, ns.
const SCHEDSTAT: &str = "/proc/thread-self/schedstat";

/// What a file is for; tells what has to be loaded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The configuration file, or a file that a refused configuration named.
    Config,
    /// A policy's component.
    Policies,
    /// The geo database.
    Geo,
    /// Certificates, keys and authorities.
    Certificates,
    /// Static roots.
    Roots,
}

impl Subject {
    /// The words for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "configuration",
            Self::Policies => "policies",
            Self::Geo => "geo database",
            Self::Certificates => "certificates",
            Self::Roots => "static roots",
        }
    }
}

/// What can be seen of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fingerprint {
    /// Not there, or not to be looked at.
    Missing,
    /// A file: where it really is, its length, its time and its number in the file system.
    File {
        /// Length, bytes.
        length: u64,
        /// Last change.
        modified: Option<SystemTime>,
        /// Inode, where there is such a thing.
        inode: u64,
    },
    /// A directory, which is a static root: a digest of all names in it, where they lead, and what can be seen of them.
    Directory(u64),
}

/// A file to look at, with what it was when it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedFile {
    /// What it is for.
    pub subject: Subject,
    /// Its name as configured.
    pub path: PathBuf,
    /// Taken before the content was read, so that a change in between is seen.
    pub seen: Fingerprint,
}

impl WatchedFile {
    /// A file as it is now.
    pub fn now(subject: Subject, path: &Path) -> Self {
        Self { subject, path: path.to_path_buf(), seen: Fingerprint::of(path) }
    }
}

impl Fingerprint {
    /// The fingerprint of what stands at this path now; symlinks are followed.
    pub fn of(path: &Path) -> Self {
        let Ok(metadata) = std::fs::metadata(path) else { return Self::Missing };
        if metadata.is_dir() {
            return Self::Directory(files::digest(path));
        }
        Self::File { length: metadata.len(), modified: metadata.modified().ok(), inode: inode(&metadata) }
    }
}

#[cfg(unix)]
fn inode(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

#[derive(Debug)]
struct Entry {
    acted_on: Fingerprint,
    /// A change that has to hold still for one more look.
    pending: Option<Fingerprint>,
}

/// The files that are looked at.
#[derive(Debug, Default)]
pub struct Watched {
    entries: BTreeMap<(Subject, PathBuf), Entry>,
}

impl Watched {
    /// Replaces the list of files. What was loaded since carries its own fingerprint.
    pub fn replace(&mut self, files: Vec<WatchedFile>) {
        let entry = |file: WatchedFile| ((file.subject, file.path), Entry { acted_on: file.seen, pending: None });
        self.entries = files.into_iter().map(entry).collect();
    }

    /// Looks once at every file; the subjects of those that changed and have held still since the last look.
    pub fn look(&mut self, fingerprint: impl Fn(&Path) -> Fingerprint) -> Vec<Subject> {
        let mut changed = Vec::new();
        for ((subject, path), entry) in &mut self.entries {
            let now = fingerprint(path);
            if now == entry.acted_on {
                entry.pending = None;
            } else if entry.pending.as_ref() == Some(&now) {
                entry.acted_on = now;
                entry.pending = None;
                changed.push(*subject);
            } else {
                entry.pending = Some(now);
            }
        }
        changed.dedup();
        changed
    }
}

/// Looks at the files until the conductor is gone. New lists come through `lists`; what changed goes to `events`.
pub async fn run(mut lists: watch::Receiver<Vec<WatchedFile>>, events: mpsc::Sender<Event>) {
    let mut watched = Watched::default();
    let mut beat = tokio::time::interval(POLL_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = lists.changed() => match changed {
                Ok(()) => watched.replace(lists.borrow_and_update().clone()),
                Err(_) => return,
            },
            _ = beat.tick() => {
                // A file system that hangs must not hang the control plane.
                let looked = tokio::task::spawn_blocking(move || {
                    let (started, before) = (clock::monotonic(), processor_time());
                    let changed = watched.look(Fingerprint::of);
                    let used = processor_time().zip(before).map(|(now, before)| now.saturating_sub(before));
                    (watched, changed, pause(started.elapsed(), used))
                });
                let Ok((back, changed, pause)) = looked.await else { return };
                watched = back;
                beat.reset_after(pause);
                for subject in changed {
                    if events.send(Event::Changed(subject)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// How long not to look after a look that took so long, of which so much on a processor, where that is known. A disk that is slow while
/// a build is written must not put off that it is seen; one that is slow always is left alone for half of the time.
fn pause(took: Duration, used: Option<Duration>) -> Duration {
    POLL_EVERY.max(took).max(used.unwrap_or(took).saturating_mul(PAUSES))
}

/// Time that the calling thread has been on a processor; none where the system does not say.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string(SCHEDSTAT).ok()?;
    stat.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn looks_are_rarer_by_what_they_use_and_not_by_what_they_wait() {
        let ms = Duration::from_millis;
        for (took, used, expected) in [
            (ms(5), Some(ms(5)), POLL_EVERY),
            (ms(400), Some(ms(5)), POLL_EVERY), // a disk that is being written to
            (ms(400), Some(ms(400)), ms(8_000)),
            (ms(9_000), Some(ms(50)), ms(9_000)), // a file system far away
            (ms(400), None, ms(8_000)),
        ] {
            assert_eq!(pause(took, used), expected, "{took:?} {used:?}");
        }
        let before = processor_time();
        assert!(before <= processor_time());
    }

    #[test]
    fn a_change_counts_once_it_holds_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let mut watched = Watched::default();
        watched.replace(vec![WatchedFile::now(Subject::Config, &path)]);
        assert_eq!(watched.look(Fingerprint::of), []);
        std::fs::write(&path, "a").unwrap();
        assert_eq!(watched.look(Fingerprint::of), [], "seen for the first time");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(watched.look(Fingerprint::of), [], "changed again");
        assert_eq!(watched.look(Fingerprint::of), [Subject::Config]);
        assert_eq!(watched.look(Fingerprint::of), [], "told once");
        std::fs::remove_file(&path).unwrap();
        watched.look(Fingerprint::of);
        assert_eq!(watched.look(Fingerprint::of), [Subject::Config], "removal is a change");
    }

    #[test]
    fn a_root_changes_when_it_is_swapped_and_when_its_files_do() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two, link) = (folder.path().join("1"), folder.path().join("2"), folder.path().join("current"));
        std::fs::create_dir(&one).unwrap();
        std::fs::create_dir(&two).unwrap();
        std::os::unix::fs::symlink(&one, &link).unwrap();
        let mut watched = Watched::default();
        watched.replace(vec![WatchedFile::now(Subject::Roots, &link)]);
        let mut looks = || [watched.look(Fingerprint::of), watched.look(Fingerprint::of)];
        let (changed, same) = ([vec![], vec![Subject::Roots]], [vec![], vec![]]);
        assert_eq!(looks(), same);
        std::fs::write(one.join("index.html"), "x").unwrap();
        assert_eq!(looks(), changed, "a new file");
        std::fs::write(one.join("index.html"), "xy").unwrap();
        assert_eq!(looks(), changed, "a changed file");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&two, &link).unwrap();
        assert_eq!(looks(), changed, "another folder");
        std::os::unix::fs::symlink("/etc", two.join("etc")).unwrap();
        assert_eq!(looks(), changed, "what will be refused");
        assert_eq!(looks(), same);
    }

    #[test]
    fn a_change_between_reading_and_watching_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "a").unwrap();
        let before = WatchedFile::now(Subject::Config, &path);
        std::fs::write(&path, "written after it was read").unwrap();
        let mut watched = Watched::default();
        watched.replace(vec![before]);
        watched.look(Fingerprint::of);
        assert_eq!(watched.look(Fingerprint::of), [Subject::Config]);
    }
}
