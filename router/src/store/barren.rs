//! Folders of which nothing is stored.
//!
//! Owns what answers tell of others beside them: that a first request for `/api/7` need not be waited for, since nothing
//! below `/api/` was stored lately. Never says anything of the top folder, where all sorts of things lie, nor of one of which
//! something was stored within the hour: waiting for one request is the rule, and this the exception.

use super::notes::Notes;
use crate::base::Timestamp;
use crate::cache::address::Address;
use crate::cache::key::Key;
use std::time::Duration;

/// How long one answer that is stored tells that others may be.
const STORED_TIME: Duration = Duration::from_secs(3600);

/// What is known of folders.
#[derive(Debug)]
pub struct Barren {
    refused: Notes,
    stored: Notes,
}

impl Barren {
    /// Remembers for so long that something was not stored.
    pub(super) fn new(holds: Duration) -> Self {
        Self { refused: Notes::new(holds), stored: Notes::new(STORED_TIME) }
    }

    /// Something in a folder succeeded and is not stored.
    pub fn note(&self, folder: &Key, now: Timestamp) {
        if !self.stored.holds(folder, now) {
            self.refused.note(folder, now);
        }
    }

    /// Something in it is stored.
    pub fn bears(&self, folder: &Key, now: Timestamp) {
        self.refused.forget(folder);
        self.stored.note(folder, now);
    }

    /// Whether nothing of it is stored, as far as is known.
    pub fn holds(&self, folder: &Key, now: Timestamp) -> bool {
        self.refused.holds(folder, now)
    }
}

/// The folder of an address; that of one with a query is its path. None at the top.
pub fn folder_of(address: &Address) -> Option<Key> {
    let path = address.path();
    let folder = if address.query().is_some() { path } else { path.rsplit_once('/')?.0 };
    let (origin, folder) = (address.origin(), folder.trim_end_matches('/'));
    (!folder.is_empty()).then(|| Key::named(&[origin.as_bytes(), folder.as_bytes(), b"/"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str, query: Option<&str>) -> Option<Key> {
        folder_of(&Address::of("http", "a", path, query).unwrap())
    }

    #[test]
    fn what_lies_side_by_side_has_one_folder_and_the_top_has_none() {
        assert_eq!(folder("/api/1", None), folder("/api/2", None));
        assert_eq!(folder("/api", Some("q=1")), folder("/api", Some("q=2")));
        assert_ne!(folder("/api/1", None), folder("/api/1/2", None));
        assert_ne!(folder("/api/1", None), folder_of(&Address::of("http", "b", "/api/1", None).unwrap()));
        for (path, query) in [("/", None), ("/cart", None), ("/", Some("q=1"))] {
            assert_eq!(folder(path, query), None, "{path}");
        }
    }

    #[test]
    fn one_that_bears_is_not_barren_for_an_hour() {
        let (barren, folder) = (Barren::new(Duration::from_secs(2)), folder("/api/1", None).unwrap());
        barren.note(&folder, Timestamp(0));
        assert!(barren.holds(&folder, Timestamp(1999)) && !barren.holds(&folder, Timestamp(2000)));
        barren.note(&folder, Timestamp(3000));
        barren.bears(&folder, Timestamp(3001));
        assert!(!barren.holds(&folder, Timestamp(3001)));
        barren.note(&folder, Timestamp(4000));
        assert!(!barren.holds(&folder, Timestamp(4000)));
        let later = Timestamp(3001).plus(STORED_TIME);
        barren.note(&folder, later);
        assert!(barren.holds(&folder, later));
    }
}
