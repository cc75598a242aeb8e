//! What the cache finds on its disk: records of entries, and purges.

use crate::cache::key::Key;
use crate::store::disk::ledger;
use crate::store::disk::record::{self, Found};
use crate::store::purge::Purges;

/// A record: whatever can be read of it can be written and is read the same.
pub(super) fn record(input: &[u8]) {
    let key = Key::of(&super::here(), &[]).expect("it is short");
    let read = |bytes: &[u8]| match record::decode(bytes, &key, |_| None) {
        Found::Entry(entry) => Some(entry),
        Found::Other | Found::Broken => None,
    };
    let Some(entry) = read(input) else { return };
    let variants: Vec<_> = entry.variants().iter().map(|held| (held.clone(), Vec::new())).collect();
    let again = read(&record::encode(&key, &variants)).expect("it was just written");
    let facts = |entry: &crate::store::entry::Entry| {
        let held = entry.variants().iter().map(|held| format!("{:?} {}", held.stored, held.era()));
        held.collect::<Vec<_>>()
    };
    assert_eq!(facts(&again), facts(&entry));
}

/// Purges, as a file and as the text of one line: what is read means the same when it is written anew.
pub(super) fn purges(input: &[u8]) {
    for bytes in [input.to_vec(), ledger::framed(input)] {
        let (past, length) = ledger::read(&bytes);
        assert!(length <= bytes.len() as u64);
        let remembered = Purges::default();
        remembered.restore(&past.marks, 0);
        let marks = remembered.marks();
        let (written, _) = ledger::read(&marks.iter().flat_map(ledger::line).collect::<Vec<_>>());
        assert_eq!(written.marks, marks);
        assert!(!written.is_damaged);
    }
}
