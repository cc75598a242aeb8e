//! What every store does, whatever its tiers: one table, run over each of them.

use super::filling::Filling;
use super::*;
use crate::cache::age::Times;
use crate::cache::settings::Settings;
use crate::cache::storable::admit;
use crate::cache::stored::{Fetched, Stored};
use crate::cache::tags::Tag;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

mod evicted;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(super) fn address(path: &str) -> Address {
    Address::of("https", "shop.example", path, None).unwrap()
}

pub(super) fn key(path: &str) -> Key {
    Key::of(&address(path), &[]).unwrap()
}

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    fields.iter().map(field).collect()
}

/// A response to `GET /a` with these fields, asked for by a client that speaks this language.
pub(super) fn stored(response: &[(&'static str, &str)], language: &str) -> Stored {
    let mut response = fields(response);
    response.insert("cache-control", HeaderValue::from_static("max-age=60"));
    let fetched = Fetched {
        method: &Method::GET,
        address: &address("/a"),
        request: &fields(&[("accept-language", language)]),
        has_body: false,
        status: StatusCode::OK,
        headers: &response,
        is_abridged: false,
        times: Times { requested: NOW, received: NOW },
    };
    admit(&fetched, &Settings::default()).unwrap()
}

pub(super) fn held(store: &Store, response: &[(&'static str, &str)], language: &str, body: &'static str) -> Arc<Held> {
    let body = Segments::one(0, Bytes::from_static(body.as_bytes()));
    Arc::new(Held::new(stored(response, language), body, store.purges.era()))
}

/// All bytes of a body, wherever they are.
pub(super) async fn read(body: &Segments) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.at(bytes.len() as u64, u64::MAX) {
        match piece {
            Piece::Here(piece) => bytes.extend_from_slice(&piece),
            Piece::Below(slice) => bytes.extend_from_slice(&slice.read().await.unwrap().unwrap()),
        }
    }
    bytes
}

/// The bodies that are found, oldest first.
pub(super) async fn found(store: &Store, path: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    for held in store.look(&key(path), &address(path), NOW).await {
        let held = store.ready(&key(path), &held).await.unwrap();
        bodies.push(String::from_utf8(read(&held.body).await).unwrap());
    }
    bodies
}

/// A store above this folder.
pub(super) fn on_disk(folder: &Path, size: u64) -> Store {
    Store::with_disk(1 << 20, &CacheDisk { path: folder.join("cache"), size }).unwrap()
}

/// Every kind of store, by name; each with a folder of its own.
fn stores(folder: &Path) -> Vec<(&'static str, Store)> {
    vec![("memory", Store::new(1 << 20)), ("memory and disk", on_disk(folder, 64 << 20))]
}

macro_rules! every_store {
    ($($(#[$doc:meta])* $name:ident($store:ident) $body:block)*) => {$(
        $(#[$doc])*
        #[tokio::test]
        async fn $name() {
            let folder = tempfile::tempdir().unwrap();
            for (kind, $store) in stores(folder.path()) {
                println!("in {kind}");
                $body
            }
        }
    )*};
}

every_store! {
    what_is_kept_is_found(store) {
        assert!(found(&store, "/a").await.is_empty());
        store.keep(&key("/a"), held(&store, &[], "en", "hello")).await;
        assert_eq!(found(&store, "/a").await, ["hello"]);
        assert!(found(&store, "/b").await.is_empty());
    }

    a_newer_answer_to_the_same_requests_takes_the_place_of_the_older(store) {
        let varies = [("vary", "accept-language")];
        for (language, body) in [("en", "hello"), ("de", "hallo"), ("en", "hi")] {
            store.keep(&key("/a"), held(&store, &varies, language, body)).await;
        }
        assert_eq!(found(&store, "/a").await, ["hallo", "hi"]);
    }

    what_is_replaced_or_dropped_is_the_very_one(store) {
        let old = held(&store, &[], "en", "old");
        store.keep(&key("/a"), Arc::clone(&old)).await;
        store.keep(&key("/a"), held(&store, &[], "en", "other")).await;
        store.replace(&key("/a"), &old, held(&store, &[], "en", "late")).await;
        assert_eq!(found(&store, "/a").await, ["other"], "what it came from is gone");
        store.drop_held(&key("/a"), &old).await;
        assert_eq!(found(&store, "/a").await, ["other"]);
        let now = store.look(&key("/a"), &address("/a"), NOW).await.remove(0);
        store.replace(&key("/a"), &now, held(&store, &[], "en", "fresh")).await;
        assert_eq!(found(&store, "/a").await, ["fresh"]);
        let now = store.look(&key("/a"), &address("/a"), NOW).await.remove(0);
        store.drop_held(&key("/a"), &now).await;
        assert!(found(&store, "/a").await.is_empty());
    }

    a_hard_purge_ends_it_and_what_was_under_way_with_it(store) {
        let tagged = [("surrogate-key", "sale")];
        let early = held(&store, &tagged, "en", "early");
        store.keep(&key("/a"), held(&store, &tagged, "en", "hello")).await;
        store.purge(&Purge::Tag(Tag::key(b"sale")), Force::Hard).await;
        assert!(found(&store, "/a").await.is_empty());
        store.keep(&key("/a"), early).await;
        assert!(found(&store, "/a").await.is_empty(), "asked for before the purge");
        store.keep(&key("/a"), held(&store, &tagged, "en", "new")).await;
        assert_eq!(found(&store, "/a").await, ["new"]);
    }

    an_invalidation_is_a_hard_purge(store) {
        store.keep(&key("/a"), held(&store, &[], "en", "hello")).await;
        store.invalidate(&Purge::Url(address("/a")));
        assert!(found(&store, "/a").await.is_empty());
    }

    what_arrives_is_kept_whole(store) {
        let store = Arc::new(store);
        // As much as memory takes of one object, in pieces that fit nowhere well.
        let body: Vec<u8> = (0..store.memory().object_max() - 20_000).map(|n| (n % 251) as u8).collect();
        let filling = Filling::new(stored(&[], "en"), 0, store.purges.era());
        let mut room = store.room();
        for piece in body.chunks(10_007) {
            filling.append(Bytes::copy_from_slice(piece));
            assert!(room.hold(&filling, piece.len() as u64).await);
        }
        let (kept, bytes) = filling.finish(Ok(())).await;
        assert_eq!(bytes, body.len() as u64);
        store.keep(&key("/a"), Arc::new(Held::new(filling.stored.clone(), kept.unwrap(), filling.era))).await;
        let held = store.look(&key("/a"), &address("/a"), NOW).await.remove(0);
        assert!(read(&store.ready(&key("/a"), &held).await.unwrap().body).await == body);
    }

    what_takes_the_place_of_another_pushes_nothing_out(store) {
        for body in ["one", "two", "three"] {
            store.keep(&key("/a"), held(&store, &[], "en", body)).await;
        }
        assert_eq!((store.memory().evictions(), store.memory().entries()), (0, 1));
        let mut kept = 0;
        while store.memory().entries() > kept {
            kept = store.memory().entries();
            let body = Segments::one(0, Bytes::from(vec![0; 50_000]));
            store.keep(&key(&format!("/{kept}")), Arc::new(Held::new(stored(&[], "en"), body, 0))).await;
        }
        assert!(store.memory().evictions() > 0);
    }

    a_soft_purge_makes_it_stale(store) {
        store.keep(&key("/a"), held(&store, &[], "en", "hello")).await;
        let fresh = |held: &[Arc<Held>]| held.iter().map(|held| held.stored.is_fresh(NOW)).collect::<Vec<_>>();
        assert_eq!(fresh(&store.look(&key("/a"), &address("/a"), NOW).await), [true]);
        store.purge(&Purge::Url(address("/a")), Force::Soft).await;
        assert_eq!(fresh(&store.look(&key("/a"), &address("/a"), NOW).await), [false]);
        assert_eq!(found(&store, "/a").await, ["hello"]);
    }
}

#[tokio::test]
async fn what_a_response_varies_on_is_weighed() {
    let store = Store::new(1 << 20);
    store.keep(&key("/a"), held(&store, &[("vary", "accept-language")], &"x".repeat(3000), "hello")).await;
    assert!(store.memory().bytes() > 3000, "{}", store.memory().bytes());
}

#[tokio::test]
async fn what_comes_from_a_time_ahead_is_not_used_unasked() {
    let store = Store::new(1 << 20);
    store.keep(&key("/a"), held(&store, &[], "en", "hello")).await;
    let look = |ms| {
        let now = Timestamp(NOW.0 - ms);
        let store = &store;
        async move { store.look(&key("/a"), &address("/a"), now).await[0].stored.clone() }
    };
    assert!(look(2_000).await.is_fresh(NOW), "another worker read the clock a moment later");
    assert!(!look(3_600_000).await.is_fresh(NOW), "the clock was set back");
    assert!(look(3_600_000).await.is_invalid);
}

#[test]
fn bodies_for_slow_readers_have_their_share_and_then_keep_to_their_pace() {
    let store = Arc::new(Store::new(4 << 20));
    let filling = |bytes: usize| {
        let filling = Arc::new(Filling::new(stored(&[], "en"), 0, 0));
        let reader = filling.join(0);
        filling.append(Bytes::from(vec![b'x'; bytes]));
        (filling, reader)
    };
    let (slow, _) = filling(2 << 20);
    let mut room = store.room();
    assert!(!room.is_tight());
    slow.let_go();
    room.lag(&slow);
    assert!(room.is_tight() && store.lagging() == 2 << 20);
    // One that is kept waits for its readers then, and goes on without any.
    let (kept, reader) = filling(1 << 20);
    let mut cx = Context::from_waker(Waker::noop());
    let mut is_free = |is_tight| pin!(kept.room(is_tight)).poll(&mut cx);
    assert_eq!((is_free(false), is_free(true)), (Poll::Ready(true), Poll::Pending));
    kept.leave(reader);
    assert_eq!(is_free(true), Poll::Ready(true));
    drop(room);
    assert_eq!(store.lagging(), 0);
}

#[test]
fn what_one_will_read_stays_when_the_rest_is_let_go() {
    let filling = Arc::new(Filling::new(stored(&[], "en"), 0, 0));
    filling.append(Bytes::from_static(b"first"));
    let hold = filling.hold(0).unwrap();
    filling.let_go();
    let reader = filling.join(0);
    drop(hold);
    let mut cx = Context::from_waker(Waker::noop());
    let read = filling.poll_at(reader, 0, 5, &mut cx);
    assert!(matches!(read, Poll::Ready(Ok(Some(Piece::Here(bytes)))) if bytes == "first"));
    assert!(filling.hold(0).is_none(), "nobody can have it from the beginning any more");
}
