//! What a restart finds, what a crash leaves, and what a bad disk costs: a folder, a store on it, and another after it.

use super::figures::Fault;
use super::folder::{self, FORMAT, OpenError};
use super::record::{self, Found};
use super::*;
use crate::cache::spans::Spans;
use crate::cache::stored::Extent;
use crate::cache::tags::Tag;
use crate::store::Store;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::purge::{Force, Purge};
use crate::store::segments::Segments;
use crate::store::tests::{NOW, address, found, held, key, on_disk, read, stored};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

const SIZE: u64 = 64 << 20;
const SALE: [(&str, &str); 1] = [("surrogate-key", "sale")];

/// What a crash at this moment would leave, as a folder of its own.
fn crashed(folder: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    fs::create_dir(left.path().join("cache")).unwrap();
    for entry in fs::read_dir(folder.join("cache")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, left.path().join("cache").join(path.file_name().unwrap())).unwrap();
    }
    left
}

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == kind)).collect()
}

/// Stores a body of so many bytes as it would come from an origin.
async fn fill(store: &Arc<Store>, path: &str, bytes: usize) -> Vec<u8> {
    let body: Vec<u8> = (0..bytes).map(|n| (n / 1000 + path.len()) as u8).collect();
    let filling = Filling::new(stored(&[], "en"), 0, store.purges.era());
    let mut room = store.room();
    for piece in body.chunks(16_000) {
        filling.append(Bytes::copy_from_slice(piece));
        assert!(room.hold(&filling, piece.len() as u64).await);
    }
    let kept = filling.finish(Ok(())).await.0.unwrap();
    store.keep(&key(path), Arc::new(Held::new(filling.stored.clone(), kept, filling.era))).await;
    body
}

async fn body(store: &Store, path: &str) -> Option<Vec<u8>> {
    let held = store.look(&key(path), &address(path), NOW).await.pop()?;
    Some(read(&store.ready(&key(path), &held).await?.body).await)
}

#[tokio::test]
async fn a_restart_finds_all_that_was_stored_of_a_response() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    let fields = [
        ("vary", "accept-language"),
        ("surrogate-key", "sale new"),
        ("etag", "\"1\""),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("cdn-cache-control", "max-age=9, private=\"x\", no-transform"),
        ("x-latin", "caf\u{e9}"),
    ];
    for (language, body) in [("en", "hello"), ("de", "hallo")] {
        store.keep(&key("/a"), held(&store, &fields, language, body)).await;
    }
    let all = |held: Vec<Arc<Held>>| held.iter().map(|held| format!("{:?} {}", held.stored, held.era())).collect();
    let before: Vec<String> = all(store.look(&key("/a"), &address("/a"), NOW).await);
    drop(store);
    let store = on_disk(folder.path(), SIZE);
    assert_eq!(store.disk().unwrap().entries(), 1);
    let after: Vec<String> = all(store.look(&key("/a"), &address("/a"), NOW).await);
    assert_eq!(after, before);
    assert_eq!(found(&store, "/a").await, ["hello", "hallo"]);
    assert_eq!(store.memory().entries(), 1, "it is in memory again");
    assert!(found(&store, "/b").await.is_empty());
}

#[tokio::test]
async fn only_the_newest_is_found_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    for body in ["one", "two", "three"] {
        store.keep(&key("/a"), held(&store, &[], "en", body)).await;
        store.keep(&key("/gone"), held(&store, &[], "en", body)).await;
    }
    let gone = store.look(&key("/gone"), &address("/gone"), NOW).await.remove(0);
    store.drop_held(&key("/gone"), &gone).await;
    drop(store);
    let store = on_disk(folder.path(), SIZE);
    assert_eq!(found(&store, "/a").await, ["three"]);
    assert!(found(&store, "/gone").await.is_empty());
}

#[tokio::test]
async fn a_purge_that_was_acknowledged_stays_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    store.keep(&key("/a"), held(&store, &SALE, "en", "old")).await;
    store.keep(&key("/b"), held(&store, &[], "en", "other")).await;
    while store.disk().unwrap().figures().writes.load(std::sync::atomic::Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    let late = held(&store, &SALE, "en", "late");
    let unpurged = crashed(folder.path());
    assert!(store.purge(&Purge::Tag(Tag::key(b"sale")), Force::Hard).await);
    let purged = crashed(folder.path());
    assert_eq!(found(&on_disk(unpurged.path(), SIZE), "/a").await, ["old"]);
    let after = on_disk(purged.path(), SIZE);
    assert!(found(&after, "/a").await.is_empty());
    assert_eq!(found(&after, "/b").await, ["other"]);
    // What was asked for before the purge stays purged, what comes after it is good; also one restart later.
    store.keep(&key("/late"), late).await;
    store.keep(&key("/a"), held(&store, &SALE, "en", "new")).await;
    drop(store);
    let store = on_disk(folder.path(), SIZE);
    assert!(found(&store, "/late").await.is_empty());
    assert_eq!(found(&store, "/a").await, ["new"]);
    assert!(store.purge(&Purge::All, Force::Soft).await);
    drop(store);
    let held = on_disk(folder.path(), SIZE).look(&key("/a"), &address("/a"), NOW).await;
    assert_eq!(held.iter().map(|held| held.stored.is_fresh(NOW)).collect::<Vec<_>>(), [false]);
}

#[tokio::test]
async fn what_is_larger_than_memory_goes_through_it_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(folder.path(), SIZE));
    let sent = fill(&store, "/large", 9_000_001).await;
    assert!(store.memory().bytes() < 1 << 20, "memory is not for it");
    assert!(body(&store, "/large").await.unwrap() == sent);
    drop(store);
    let store = on_disk(folder.path(), SIZE);
    assert!(body(&store, "/large").await.unwrap() == sent);
    let held = store.look(&key("/large"), &address("/large"), NOW).await.remove(0);
    assert!(!held.body.is_here() && held.body.bytes() == 9_000_001);
}

#[tokio::test]
async fn the_oldest_makes_room_and_who_reads_it_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(folder.path(), 16 << 20));
    let figures = || store.disk().unwrap().figures();
    let sent = fill(&store, "/first", 3_000_000).await;
    assert!(body(&store, "/first").await.is_some());
    let held = store.look(&key("/first"), &address("/first"), NOW).await.remove(0);
    let pins = held.body.pins().unwrap();
    for number in 0..8 {
        fill(&store, &format!("/{number}"), 3_000_000).await;
    }
    let bytes = || figures().bytes.load(std::sync::atomic::Ordering::Relaxed);
    assert!(bytes() <= 20 << 20, "{}", bytes());
    assert!(read(&held.body).await == sent, "for as long as it is read");
    drop(pins);
    // Its file is closed when the next block begins.
    fill(&store, "/8", 3_000_000).await;
    assert!(bytes() <= 16 << 20, "{}", bytes());
    assert_eq!(body(&store, "/first").await, None);
    assert!(store.look(&key("/first"), &address("/first"), NOW).await.is_empty(), "and is not found again");
    assert!(body(&store, "/8").await.is_some());
    assert!(figures().evictions.load(std::sync::atomic::Ordering::Relaxed) > 0);
}

/// Brings a part of what is larger, and waits until it is on disk.
async fn bring(store: &Store, path: &str, span: std::ops::Range<u64>, total: u64) {
    let figures = store.disk().unwrap().figures();
    let before = figures.writes.load(std::sync::atomic::Ordering::Relaxed);
    let mut stored = stored(&[("etag", "\"1\"")], "en");
    let bytes = Bytes::from(vec![7; (span.end - span.start) as usize]);
    let body = Segments::one(span.start, bytes);
    stored.extent = Extent::Parts { total, held: Spans::one(span) };
    store.keep(&key(path), Arc::new(Held::new(stored, body, store.purges.era()))).await;
    while figures.writes.load(std::sync::atomic::Ordering::Relaxed) == before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_joins_is_written_and_not_what_is_there() {
    const SLICE: u64 = 16 << 10;
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    for slice in 0..8 {
        bring(&store, "/film", slice * SLICE..(slice + 1) * SLICE, 8 * SLICE).await;
    }
    let bytes = store.disk().unwrap().figures().bytes.load(std::sync::atomic::Ordering::Relaxed);
    assert!(bytes < 8 * SLICE + 8 * 1024, "{bytes} bytes for {} and eight records", 8 * SLICE);
    drop(store);
    let store = on_disk(folder.path(), SIZE);
    assert!(body(&store, "/film").await.unwrap() == vec![7; 8 * SLICE as usize]);
    // What came back from disk has its place there, too.
    let held = store.look(&key("/film"), &address("/film"), NOW).await.remove(0);
    assert!(held.body.is_here() && held.stored.length() == Some(8 * SLICE));
    store.replace(&key("/film"), &held, Arc::new(held.renewed(held.stored.clone(), held.era()))).await;
    store.close();
    let grown = store.disk().unwrap().figures().bytes.load(std::sync::atomic::Ordering::Relaxed) - bytes;
    assert!(grown < 2048, "{grown} bytes for a record");
}

#[tokio::test]
async fn what_is_cut_by_newer_bytes_is_read_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    for span in [0..30_000, 50_000..60_000, 20_000..50_010, 5..10] {
        bring(&store, "/film", span, 60_000).await;
    }
    let bytes = store.disk().unwrap().figures().bytes.load(std::sync::atomic::Ordering::Relaxed);
    assert!(bytes < 30_000 + 10_000 + 30_010 + 5 + 8 * 1024, "{bytes} bytes");
    drop(store);
    assert!(body(&on_disk(folder.path(), SIZE), "/film").await.unwrap() == vec![7; 60_000]);
}

#[tokio::test]
async fn a_part_that_made_room_leaves_the_others() {
    const SLICE: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(folder.path(), 16 << 20));
    bring(&store, "/film", 0..SLICE, 3 * SLICE).await;
    let held = store.look(&key("/film"), &address("/film"), NOW).await.remove(0);
    assert_eq!(held.body.bytes(), SLICE);
    for number in 0..3 {
        fill(&store, &format!("/{number}"), 3_000_000).await;
    }
    bring(&store, "/film", SLICE..2 * SLICE, 3 * SLICE).await;
    for number in 3..6 {
        fill(&store, &format!("/{number}"), 3_000_000).await;
    }
    drop(store);
    let store = on_disk(folder.path(), 16 << 20);
    let left = store.look(&key("/film"), &address("/film"), NOW).await.remove(0);
    assert_eq!(left.stored.extent, Extent::Parts { total: 3 * SLICE, held: Spans::one(SLICE..2 * SLICE) });
    assert!(store.ready(&key("/film"), &left).await.is_some());
}

#[tokio::test]
async fn what_is_damaged_is_a_miss_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(folder.path(), SIZE));
    fill(&store, "/large", 3_000_000).await;
    store.keep(&key("/a"), held(&store, &[], "en", "hello")).await;
    store.keep(&key("/b"), held(&store, &[], "en", "hello, too")).await;
    drop(store);
    for block in files(folder.path(), "block") {
        let mut bytes = fs::read(&block).unwrap();
        if let Some(at) = bytes.windows(8).position(|window| window == b"hello, t") {
            bytes[at + 1] ^= 1;
        }
        fs::write(&block, bytes).unwrap();
    }
    let store = on_disk(folder.path(), SIZE);
    let errors = || store.disk().unwrap().figures().errors(Fault::Corrupt);
    assert_eq!(body(&store, "/b").await, None);
    assert_eq!((errors(), store.disk().unwrap().entries()), (1, 2), "it is not found again");
    assert!(body(&store, "/b").await.is_none());
    assert_eq!(errors(), 1);
    // The beginning of the large one is good; what is not is met by its reader, and by nobody else.
    let held = store.look(&key("/large"), &address("/large"), NOW).await.remove(0);
    let held = store.ready(&key("/large"), &held).await.unwrap();
    held.lose();
    assert!(store.ready(&key("/large"), &held).await.is_none());
    assert!(store.look(&key("/large"), &address("/large"), NOW).await.is_empty());
}

#[tokio::test]
async fn a_folder_that_goes_away_costs_only_what_was_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(on_disk(folder.path(), SIZE));
    fill(&store, "/large", 3_000_000).await;
    fs::remove_dir_all(folder.path().join("cache")).unwrap();
    assert!(body(&store, "/large").await.is_some(), "its files are open");
    // More than a block, so that a new one is wanted.
    let filling = Filling::new(stored(&[], "en"), 0, 0);
    let mut room = store.room();
    let mut held = true;
    for _ in 0..40 {
        filling.append(Bytes::from(vec![7; 100_000]));
        held = held && room.hold(&filling, 100_000).await;
    }
    assert!(!held, "it is not stored");
    assert!(store.disk().unwrap().figures().errors(Fault::Io) > 0);
    store.keep(&key("/a"), super::super::tests::held(&store, &[], "en", "hello")).await;
    assert_eq!(found(&store, "/a").await, ["hello"], "memory is well");
}

#[tokio::test]
async fn purges_that_cannot_be_read_end_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    store.keep(&key("/a"), held(&store, &[], "en", "hello")).await;
    for name in [&b"one"[..], b"two", b"three"] {
        assert!(store.purge(&Purge::Tag(Tag::key(name)), Force::Hard).await);
    }
    drop(store);
    let path = folder.path().join("cache/purges");
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = on_disk(folder.path(), SIZE);
    assert!(found(&store, "/a").await.is_empty());
    assert_eq!(store.disk().unwrap().entries(), 0);
    store.keep(&key("/a"), held(&store, &[], "en", "new")).await;
    drop(store);
    assert_eq!(found(&on_disk(folder.path(), SIZE), "/a").await, ["new"]);
}

#[tokio::test]
async fn a_purge_that_is_missing_at_the_end_ends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    let opened = store.purges.era();
    store.keep(&key("/a"), held(&store, &[], "en", "old")).await;
    assert!(store.purge(&Purge::Url(address("/a")), Force::Hard).await);
    store.keep(&key("/b"), held(&store, &[], "en", "asked for after the purge")).await;
    drop(store);
    let path = folder.path().join("cache/purges");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = on_disk(folder.path(), SIZE);
    assert!(found(&store, "/a").await.is_empty(), "an acknowledged purge is not undone");
    assert!(store.disk().unwrap().figures().errors(Fault::Corrupt) > 0);
    assert!(store.purges.era() > opened);
    store.keep(&key("/a"), held(&store, &[], "en", "new")).await;
    drop(store);
    let store = on_disk(folder.path(), SIZE);
    assert_eq!(found(&store, "/a").await, ["new"], "only once");
    assert_eq!(store.disk().unwrap().figures().errors(Fault::Corrupt), 0);
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = CacheDisk { path: folder.path().join("cache"), size: SIZE };
    let open = || Store::with_disk(1 << 20, &settings).map(drop).map_err(|error| (error.to_string(), error));
    let store = on_disk(folder.path(), SIZE);
    let (words, error) = open().unwrap_err();
    assert!(matches!(error, OpenError::Taken { .. }));
    assert!(
        words.contains(&format!("(pid {})", std::process::id())) && words.contains("process.cache_disk.path"),
        "{words}"
    );
    drop(store);
    assert!(open().is_ok());
    let format = settings.path.join("format");
    fs::write(&format, format!("portolan cache, format {}\n", FORMAT + 1)).unwrap();
    let (words, error) = open().unwrap_err();
    assert!(matches!(error, OpenError::Version { .. }));
    assert!(words.contains(&settings.path.display().to_string()) && words.contains("remove the folder"), "{words}");
    // What a first start leaves that found no room.
    for torn in ["", "portolan ca"] {
        fs::remove_dir_all(&settings.path).unwrap();
        fs::create_dir(&settings.path).unwrap();
        fs::write(&format, torn).unwrap();
        assert!(folder::examine(&settings.path).is_ok() && open().is_ok(), "{torn:?}");
        assert_eq!(fs::read_to_string(&format).unwrap(), format!("portolan cache, format {FORMAT}\n"));
    }
    fs::remove_file(&format).unwrap();
    let kept = settings.path.join("photo.jpg");
    fs::write(&kept, "x").unwrap();
    assert!(matches!(open().unwrap_err().1, OpenError::Foreign { .. }));
    assert!(kept.exists() && !format.exists());
    fs::write(folder.path().join("file"), "").unwrap();
    let settings = CacheDisk { path: folder.path().join("file"), size: SIZE };
    assert!(matches!(Store::with_disk(1 << 20, &settings), Err(OpenError::System { .. })));
}

#[test]
fn the_form_of_a_record_is_that_of_its_format() {
    let fields = [("vary", "accept-language"), ("surrogate-key", "a"), ("etag", "\"1\"")];
    let held = Arc::new(Held::new(stored(&fields, "en"), Default::default(), 7));
    let bytes = record::encode(&key("/a"), &[(held, Vec::new())]);
    // A change here is another format: count `FORMAT` up, so that nobody reads what he does not understand.
    assert_eq!((FORMAT, bytes.len(), crc32fast::hash(&bytes)), (1, 209, 2_979_482_273));
}

proptest! {
    #[test]
    fn a_damaged_record_is_refused_or_read_never_more(at in 0usize..400, to in any::<u8>(), cut in 0usize..400) {
        let held = Arc::new(Held::new(stored(&SALE, "en"), Default::default(), 7));
        let mut bytes = record::encode(&key("/a"), &[(held, Vec::new())]);
        let place = at % bytes.len();
        bytes[place] = to;
        bytes.truncate(bytes.len() - cut % bytes.len());
        match record::decode(&bytes, &key("/a"), |_| None) {
            Found::Entry(entry) => prop_assert!(entry.variants().len() <= 1),
            Found::Other | Found::Broken => {}
        }
    }
}

/// What a test does to a store.
#[derive(Debug, Clone)]
enum Act {
    Keep(usize),
    Drop(usize),
    Purge(usize),
    Invalidate(usize),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0usize..5).prop_map(Act::Keep),
        2 => (0usize..5).prop_map(Act::Drop),
        1 => (0usize..5).prop_map(Act::Purge),
        1 => (0usize..5).prop_map(Act::Invalidate),
        2 => Just(Act::Restart),
    ]
}

const BODIES: [&str; 4] = ["one", "two", "three", "four"];

/// Does it all to a store and to a plain map; after each restart both must have the same.
async fn same_as_a_map(acts: Vec<Act>) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<String> = (0..5).map(|number| format!("/{number}")).collect();
    let mut store = on_disk(folder.path(), SIZE);
    let mut map: [Option<&str>; 5] = [None; 5];
    for (step, act) in acts.into_iter().chain([Act::Restart]).enumerate() {
        match act {
            Act::Keep(which) => {
                let body = BODIES[step % BODIES.len()];
                store.keep(&key(&paths[which]), held(&store, &[], "en", body)).await;
                map[which] = Some(body);
            }
            Act::Drop(which) => {
                for held in store.look(&key(&paths[which]), &address(&paths[which]), NOW).await {
                    store.drop_held(&key(&paths[which]), &held).await;
                }
                map[which] = None;
            }
            Act::Purge(which) => {
                assert!(store.purge(&Purge::Url(address(&paths[which])), Force::Hard).await);
                map[which] = None;
            }
            Act::Invalidate(which) => {
                store.invalidate(&Purge::Prefix(address(&paths[which])));
                map[which] = None;
            }
            Act::Restart => {
                drop(store);
                store = on_disk(folder.path(), SIZE);
                for (path, body) in paths.iter().zip(map) {
                    assert_eq!(found(&store, path).await, Vec::from_iter(body), "step {step}, {path}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn restarts_find_what_a_map_would_have(acts in proptest::collection::vec(act(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(same_as_a_map(acts));
    }
}

/// Keeps newer and newer answers under keys of its own, in memory that holds a few of them only; finds none that is older.
async fn never_older(store: Arc<Store>, own: usize) {
    let paths: Vec<String> = (0..8).map(|number| format!("/{own}/{number}")).collect();
    let mut newest: Vec<Option<String>> = vec![None; paths.len()];
    for step in 0..3000usize {
        // Spread over the keys and the acts, the same in each run.
        let dice = crate::base::hash::of(&[&own.to_le_bytes(), &step.to_le_bytes()]) as usize;
        let (which, path) = (dice % paths.len(), &paths[dice % paths.len()]);
        match dice / 8 % 8 {
            0..4 => {
                let body = format!("{step} {}", "x".repeat(500 + dice / 64 % 16_000));
                let segments = Segments::one(0, Bytes::from(body.clone()));
                let held = Held::new(stored(&[], "en"), segments, store.purges.era());
                store.keep(&key(path), Arc::new(held)).await;
                newest[which] = Some(body);
            }
            4 => {
                for held in store.look(&key(path), &address(path), NOW).await {
                    store.drop_held(&key(path), &held).await;
                }
                store.invalidate(&Purge::Url(address(path)));
                newest[which] = None;
            }
            5 => {
                assert!(store.purge(&Purge::Url(address(path)), Force::Hard).await);
                newest[which] = None;
            }
            _ => tokio::task::yield_now().await,
        }
        for (path, newest) in paths.iter().zip(&newest) {
            let Some(held) = store.look(&key(path), &address(path), NOW).await.pop() else { continue };
            let Some(held) = store.ready(&key(path), &held).await else { continue };
            let body = String::from_utf8(read(&held.body).await).unwrap();
            assert_eq!(Some(&body), newest.as_ref(), "step {step}, {path}");
        }
    }
}

#[test]
fn what_is_older_never_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let settings = CacheDisk { path: folder.path().join("cache"), size: 4 << 20 };
    let store = Arc::new(Store::with_disk(64 << 10, &settings).unwrap());
    std::thread::scope(|threads| {
        for own in 0..4 {
            let store = Arc::clone(&store);
            threads.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(never_older(store, own));
            });
        }
    });
    let figures = store.disk().unwrap().figures();
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    let (reads, writes) = (count(&figures.reads), count(&figures.writes));
    // How many depends on how far the writing thread is behind: what is replaced meanwhile is not written.
    assert!(reads > 0 && writes > 0, "{reads} reads, {writes} writes");
    assert!(Fault::ALL.iter().all(|fault| figures.errors(*fault) == 0));
}
