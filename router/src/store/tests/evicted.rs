//! What memory had no room for and the disk has: it is changed there, and not forgotten.

use super::*;
use crate::cache::spans::Spans;
use crate::cache::stored::Extent;

const SIZE: u64 = 64 << 20;

/// Keeps something, and waits until it is on disk.
async fn keep(store: &Store, path: &str, held: Arc<Held>) {
    let writes = || store.disk().unwrap().figures().writes.load(Relaxed);
    let before = writes();
    store.keep(&key(path), held).await;
    while writes() == before {
        tokio::task::yield_now().await;
    }
}

/// Keeps others until memory has no room for this any more.
async fn push_out(store: &Store, path: &str) {
    for number in 0.. {
        if number % 64 == 0 && store.memory().get(&key(path)).is_none() {
            return;
        }
        let body = Segments::one(0, Bytes::from(vec![0; 40_000]));
        let held = Held::new(stored(&[], "en"), body, store.purges.era());
        keep(store, &format!("/other/{number}"), Arc::new(held)).await;
    }
}

async fn looked(store: &Store) -> Vec<Arc<Held>> {
    store.look(&key("/a"), &address("/a"), NOW).await
}

/// A store that has two variants on disk and not in memory, and what was in memory of them.
async fn two_variants(folder: &Path) -> (Store, Vec<Arc<Held>>) {
    let store = on_disk(folder, SIZE);
    for (language, body) in [("en", "hello"), ("de", "hallo")] {
        keep(&store, "/a", held(&store, &[("vary", "accept-language")], language, body)).await;
    }
    let in_memory = looked(&store).await;
    push_out(&store, "/a").await;
    (store, in_memory)
}

#[tokio::test]
async fn a_variant_joins_those_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = two_variants(folder.path()).await;
    store.keep(&key("/a"), held(&store, &[("vary", "accept-language")], "fr", "salut")).await;
    assert_eq!(found(&store, "/a").await, ["hello", "hallo", "salut"]);
    drop(store);
    assert_eq!(found(&on_disk(folder.path(), SIZE), "/a").await, ["hello", "hallo", "salut"]);
}

#[tokio::test]
async fn a_part_joins_those_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path(), SIZE);
    let part = |start: u64| {
        let mut stored = stored(&[("etag", "\"1\"")], "en");
        stored.extent = Extent::Parts { total: 3, held: Spans::one(start..start + 1) };
        let bytes = Bytes::from_static(&b"abc"[start as usize..=start as usize]);
        Arc::new(Held::new(stored, Segments::one(start, bytes), store.purges.era()))
    };
    for start in [0, 1, 2] {
        keep(&store, "/a", part(start)).await;
        push_out(&store, "/a").await;
    }
    assert_eq!(found(&store, "/a").await, ["abc"]);
}

#[tokio::test]
async fn a_freshened_one_takes_its_place_on_disk_and_one_that_is_dropped_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, old) = two_variants(folder.path()).await;
    let mut fresher = old[0].stored.clone();
    fresher.received = NOW.plus(Duration::from_secs(3));
    store.replace(&key("/a"), &old[0], Arc::new(old[0].renewed(fresher, store.purges.era()))).await;
    assert_eq!(found(&store, "/a").await, ["hallo", "hello"]);
    push_out(&store, "/a").await;
    store.drop_held(&key("/a"), &old[0]).await;
    assert_eq!(found(&store, "/a").await, ["hallo", "hello"], "another by now");
    push_out(&store, "/a").await;
    store.drop_held(&key("/a"), &old[1]).await;
    let left = looked(&store).await;
    assert_eq!(found(&store, "/a").await, ["hello"]);
    assert_eq!(left[0].stored.received, NOW.plus(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_response_read_from_disk_again_is_the_very_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, old) = two_variants(folder.path()).await;
    // In memory again, as other values.
    assert_eq!(found(&store, "/a").await, ["hello", "hallo"]);
    store.drop_held(&key("/a"), &old[0]).await;
    assert_eq!(found(&store, "/a").await, ["hallo"]);
    let other = held(&store, &[("vary", "accept-language")], "de", "HALLO");
    store.keep(&key("/a"), other).await;
    store.drop_held(&key("/a"), &old[1]).await;
    assert_eq!(found(&store, "/a").await, ["HALLO"], "it says the same, and is another");
}

#[tokio::test]
async fn what_joins_what_was_purged_does_not_bring_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = two_variants(folder.path()).await;
    let early = held(&store, &[("vary", "accept-language")], "fr", "salut");
    store.purge(&Purge::Url(address("/a")), Force::Hard).await;
    let late = held(&store, &[("vary", "accept-language")], "it", "ciao");
    store.keep(&key("/a"), early).await;
    store.keep(&key("/a"), late).await;
    assert_eq!(found(&store, "/a").await, ["ciao"]);
}

#[tokio::test]
async fn a_soft_purge_leaves_it_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = two_variants(folder.path()).await;
    store.purge(&Purge::Url(address("/a")), Force::Soft).await;
    for _ in 0..2 {
        assert!(looked(&store).await.iter().all(|held| !held.stored.is_fresh(NOW)));
        assert_eq!(found(&store, "/a").await, ["hello", "hallo"]);
        push_out(&store, "/a").await;
    }
}
