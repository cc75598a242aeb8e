//! Sessions of a region, as files that the region's endpoints share.
//!
//! One file for each session, replaced by rename so that no reader sees half of one; changes happen under the
//! region's file lock, so that two endpoints never lose each other's. A session of another region is copied here
//! only when the router says that it moved. Never decides what a session holds: that is `session`'s.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::session::{Move, Moved, Session};

/// Sessions nobody used for so long are forgotten.
const IDLE_MAX: Duration = Duration::from_secs(3600);
/// New sessions between two sweeps for forgotten ones.
const SWEEP_EVERY: u32 = 500;
/// Length of a session's id in hexadecimal digits: 128 bits.
const ID_DIGITS: usize = 32;

/// How the session of a request was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was known in this region.
    Here,
    /// It came along from another region with this request.
    CameAlong,
    /// Nobody knew it: it is new.
    New,
}

impl Found {
    /// The word used in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::CameAlong => "came-along",
            Self::New => "new",
        }
    }
}

/// The store of one region.
#[derive(Debug)]
pub(crate) struct Store {
    data: PathBuf,
    region: String,
    lock: File,
    created: AtomicU32,
}

impl Store {
    /// Opens the region's store, and makes it when it is not there.
    pub(crate) fn open(data: &Path, region: &str) -> io::Result<Self> {
        let folder = data.join(region);
        fs::create_dir_all(&folder)?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        Ok(Self { data: data.to_owned(), region: region.to_owned(), lock, created: AtomicU32::new(0) })
    }

    /// Finds the session (here, or where `moved` says), applies `change`, and keeps the result.
    pub(crate) fn with_session(
        &self,
        id: Option<&str>,
        moved: Option<&Moved>,
        change: impl FnOnce(&mut Session),
    ) -> io::Result<(Session, Found)> {
        self.lock.lock()?;
        let outcome = self.find(id, moved).and_then(|(mut session, found)| {
            change(&mut session);
            self.keep(&session)?;
            Ok((session, found))
        });
        self.lock.unlock()?;
        outcome
    }

    /// Forgets a session in this region.
    pub(crate) fn end(&self, id: &str) -> io::Result<()> {
        match self.path(&self.region, id).map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn find(&self, id: Option<&str>, moved: Option<&Moved>) -> io::Result<(Session, Found)> {
        let Some(id) = id else { return self.create() };
        let here = self.load(&self.region, id)?;
        let there = match moved {
            Some(moved) if moved.from != self.region => self.load(&moved.from, id)?.map(|session| (session, moved)),
            _ => None,
        };
        match (here, there) {
            // The copy that was changed last counts: a second request of the same move must not undo the first.
            (Some(here), Some((there, _))) if here.revision >= there.revision => Ok((here, Found::Here)),
            (_, Some((mut session, moved))) => {
                let step = Move {
                    from: moved.from.clone(),
                    to: self.region.clone(),
                    reason: moved.reason.clone(),
                    at: now_ms(),
                };
                session.note_move(step);
                Ok((session, Found::CameAlong))
            }
            (Some(here), None) => Ok((here, Found::Here)),
            (None, None) => self.create(),
        }
    }

    fn create(&self) -> io::Result<(Session, Found)> {
        if self.created.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.sweep()?;
        }
        Ok((Session::new(new_id()?, &self.region), Found::New))
    }

    fn load(&self, region: &str, id: &str) -> io::Result<Option<Session>> {
        let Some(path) = self.path(region, id) else { return Ok(None) };
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes beside and renames: the file is always whole, also when this process is killed in between.
    fn keep(&self, session: &Session) -> io::Result<()> {
        let Some(path) = self.path(&self.region, &session.id) else { return Ok(()) };
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(session)?)?;
        fs::rename(&beside, &path)
    }

    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.data.join(&self.region))?.flatten() {
            let is_session = entry.path().extension().is_some_and(|extension| extension == "json");
            let idle = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
            if is_session && idle.is_some_and(|idle| idle > IDLE_MAX) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// None when the id is none of ours: a cookie is the client's word, and never a path.
    fn path(&self, region: &str, id: &str) -> Option<PathBuf> {
        let ours =
            id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        ours.then(|| self.data.join(region).join(format!("{id}.json")))
    }
}

/// Milliseconds since 1970-01-01 UTC.
#[allow(clippy::disallowed_methods, reason = "an application of its own, which has no base::clock")]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// 128 bits from the system's random source.
fn new_id() -> io::Result<String> {
    let mut bytes = [0_u8; ID_DIGITS / 2];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("demo-origin-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn moved(from: &str) -> Moved {
        Moved { from: from.to_owned(), reason: "down".to_owned() }
    }

    #[test]
    fn a_session_comes_along_only_when_the_router_says_so() {
        let data = scratch("move");
        let (here, there) = (Store::open(&data, "here").unwrap(), Store::open(&data, "there").unwrap());
        let (session, found) = here.with_session(None, None, |session| session.add("compass")).unwrap();
        assert_eq!(found, Found::New);
        let id = Some(session.id.as_str());

        let (lost, found) = there.with_session(id, None, Session::visit).unwrap();
        assert_eq!((found, lost.cart.len()), (Found::New, 0));
        assert_ne!(lost.id, session.id, "an id that nobody knows is not adopted");

        let (kept, found) = there.with_session(id, Some(&moved("here")), Session::visit).unwrap();
        assert_eq!((found, kept.cart), (Found::CameAlong, vec!["compass".to_owned()]));
        assert_eq!((kept.created_in.as_str(), kept.moved[0].to.as_str()), ("here", "there"));

        let (again, found) = there.with_session(id, Some(&moved("here")), Session::visit).unwrap();
        assert_eq!((found, again.visits, again.moved.len()), (Found::Here, 2, 1));

        let (back, found) = here.with_session(id, Some(&moved("there")), Session::visit).unwrap();
        assert_eq!((found, back.visits, back.moved.len()), (Found::CameAlong, 3, 2));
        fs::remove_dir_all(data).unwrap();
    }

    #[test]
    fn a_cookie_is_never_a_path() {
        let data = scratch("path");
        let store = Store::open(&data, "here").unwrap();
        for id in ["../../etc/passwd", "", "ABCDEF", "0123456789abcdef0123456789abcde/"] {
            assert!(store.path("here", id).is_none(), "{id:?}");
            assert_eq!(store.with_session(Some(id), None, |_| ()).unwrap().1, Found::New);
        }
        fs::remove_dir_all(data).unwrap();
    }

    #[test]
    fn two_endpoints_of_a_region_lose_no_visit() {
        let data = scratch("shared");
        let stores = [Store::open(&data, "here").unwrap(), Store::open(&data, "here").unwrap()];
        let (session, _) = stores[0].with_session(None, None, |_| ()).unwrap();
        std::thread::scope(|scope| {
            for store in &stores {
                scope.spawn(|| {
                    for _ in 0..100 {
                        store.with_session(Some(&session.id), None, Session::visit).unwrap();
                    }
                });
            }
        });
        let (session, _) = stores[0].with_session(Some(&session.id), None, |_| ()).unwrap();
        assert_eq!(session.visits, 200);
        fs::remove_dir_all(data).unwrap();
    }
}
