//! Buckets by themselves: what is kept, for how long, and what there is no room for.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::bucket::{Granted, KvError};
use super::{Answer, BucketCounts, Buckets, Given, Journal, KvCall, Operation};
use crate::base::Timestamp;
use crate::config::{Bucket as Grant, BucketQuota};
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_000_000);

fn grant(name: &str, entries: u64, bytes: u64) -> Grant {
    Grant { name: name.into(), quota: BucketQuota { entries, bytes, value: 100 } }
}

fn open(grants: &[Grant], before: &Buckets) -> Buckets {
    let names: Vec<_> = grants.iter().map(|grant| grant.name.to_string()).collect();
    Buckets::open(&names, grants, before).unwrap()
}

fn one(entries: u64, bytes: u64) -> (Buckets, Granted) {
    let buckets = open(&[grant("a", entries, bytes)], &Buckets::default());
    let granted = buckets.at(0).unwrap().clone();
    (buckets, granted)
}

fn later(ms: u64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

fn counts(granted: &Granted) -> BucketCounts {
    granted.bucket.counts()
}

#[test]
fn what_is_set_is_there_until_it_ends() {
    let (_, kv) = one(10, 10_000);
    assert_eq!(kv.get(b"k", NOW), None);
    kv.set(b"k", b"v", 0, NOW).unwrap();
    kv.set(b"short", b"v", 50, NOW).unwrap();
    assert_eq!(kv.get(b"k", later(1 << 40)).as_deref(), Some(&b"v"[..]));
    assert_eq!(kv.get(b"short", later(49)).as_deref(), Some(&b"v"[..]));
    assert_eq!(kv.get(b"short", later(50)), None, "its time is over");
    assert!(kv.delete(b"k", NOW) && !kv.delete(b"k", NOW) && !kv.delete(b"short", later(50)));
    assert_eq!(counts(&kv), BucketCounts::default());
}

#[test]
fn a_lifetime_begins_anew_with_a_value_and_goes_on_with_a_sum() {
    let (_, kv) = one(10, 10_000);
    kv.set(b"k", b"v", 50, NOW).unwrap();
    kv.set(b"k", b"w", 100, NOW).unwrap();
    assert_eq!(kv.get(b"k", later(99)).as_deref(), Some(&b"w"[..]));
    kv.bucket.sweep(later(99));
    assert_eq!(counts(&kv).entries, 1, "the end that was set first counts no longer");
    assert_eq!([kv.add(b"n", 2, 50, NOW), kv.add(b"n", -5, 50, later(40))], [Ok(2), Ok(-3)]);
    assert_eq!(kv.add(b"n", 1, 50, later(50)), Ok(1), "a window that ended begins anew");
    assert_eq!(kv.add(b"n", i64::MAX, 0, later(50)), Ok(i64::MAX), "a sum stays within its bounds");
    assert_eq!(kv.add(b"k", 1, 0, NOW), Err(KvError::NotANumber));
}

#[test]
fn a_value_is_replaced_only_when_it_is_the_one_that_was_seen() {
    let (_, kv) = one(10, 10_000);
    assert_eq!(kv.replace(b"k", Some(b"a"), b"b", 0, NOW), Ok(false));
    assert_eq!(kv.replace(b"k", None, b"a", 10, NOW), Ok(true));
    assert_eq!(kv.replace(b"k", None, b"b", 0, NOW), Ok(false));
    assert_eq!(kv.replace(b"k", Some(b"a"), b"b", 0, NOW), Ok(true));
    assert_eq!(kv.get(b"k", later(10)).as_deref(), Some(&b"b"[..]));
}

#[test]
fn quotas_hold_and_what_is_refused_changes_nothing() {
    let (_, kv) = one(2, 300);
    kv.set(b"a", &[1; 10], 0, NOW).unwrap();
    kv.set(b"b", &[1; 10], 0, NOW).unwrap();
    let full = counts(&kv);
    assert_eq!((full.entries, full.bytes), (2, 2 * (96 + 1 + 10)));
    assert_eq!(kv.set(b"c", b"", 0, NOW), Err(KvError::OverQuota), "a third entry");
    assert_eq!(kv.set(b"a", &[1; 97], 0, NOW), Err(KvError::OverQuota), "more bytes than there are");
    assert_eq!(kv.set(b"a", &[1; 101], 0, NOW), Err(KvError::TooLarge));
    assert_eq!(kv.set(&[b'k'; 257], b"", 0, NOW), Err(KvError::TooLarge));
    assert_eq!(counts(&kv), BucketCounts { refused: 3, ..full });
    kv.set(b"a", &[1; 96], 0, NOW).unwrap();
    kv.set(b"a", b"", 0, NOW).unwrap();
    assert!(kv.delete(b"b", NOW));
    assert_eq!(kv.set(b"c", b"", 0, NOW), Ok(()), "room again");
}

#[test]
fn what_ended_makes_room_and_is_counted() {
    let (buckets, kv) = one(100, 100_000);
    for number in 0..100u32 {
        kv.set(&number.to_le_bytes(), b"v", 10, NOW).unwrap();
    }
    assert_eq!(kv.set(b"more", b"v", 0, NOW), Err(KvError::OverQuota));
    buckets.sweep(later(10));
    assert_eq!(counts(&kv), BucketCounts { expired: 100, refused: 1, ..BucketCounts::default() });
    kv.set(b"more", b"v", 0, later(10)).unwrap();
}

#[test]
fn many_threads_lose_no_sum_and_no_account() {
    let (_, kv) = one(2_000, 1_000_000);
    std::thread::scope(|scope| {
        for worker in 0..4u32 {
            let kv = &kv;
            scope.spawn(move || {
                for turn in 0..500u32 {
                    kv.add(b"sum", 1, 0, NOW).unwrap();
                    kv.set(&(turn % 50).to_le_bytes(), &vec![0; (turn % 90) as usize], turn % 3, NOW).unwrap();
                    if turn % 7 == worker {
                        kv.delete(&(turn % 50).to_le_bytes(), NOW);
                    }
                }
            });
        }
    });
    assert_eq!(kv.add(b"sum", 0, 0, NOW), Ok(2_000));
    kv.bucket.clear();
    assert_eq!((counts(&kv).entries, counts(&kv).bytes), (0, 0));
}

#[test]
fn a_bucket_outlives_a_load_for_as_long_as_it_is_granted() {
    let both = open(&[grant("a", 10, 10_000), grant("b", 10, 10_000)], &Buckets::default());
    both.at(0).unwrap().set(b"k", b"a", 0, NOW).unwrap();
    both.at(1).unwrap().set(b"k", b"b", 0, NOW).unwrap();
    let turned = open(&[grant("b", 1, 10_000), grant("a", 10, 10_000)], &both);
    assert_eq!(turned.at(0).unwrap().get(b"k", NOW).as_deref(), Some(&b"b"[..]));
    assert_eq!(turned.at(0).unwrap().set(b"l", b"", 0, NOW), Err(KvError::OverQuota), "the new quota");
    let without = open(&[grant("a", 10, 10_000)], &turned);
    let again = open(&[grant("a", 10, 10_000), grant("b", 10, 10_000)], &without);
    assert_eq!(again.at(0).unwrap().get(b"k", NOW).as_deref(), Some(&b"a"[..]));
    assert_eq!(again.at(1).unwrap().get(b"k", NOW), None, "it was not granted in between");
    assert_eq!(again.at(2).unwrap_err(), KvError::NoBucket);
    let refused = Buckets::open(&["a".to_owned(), "c".to_owned()], &[grant("a", 1, 1)], &again).unwrap_err();
    assert_eq!(refused, "c");
}

#[test]
fn a_reset_leaves_only_what_it_was_given() {
    let (buckets, kv) = one(2, 10_000);
    kv.set(b"old", b"", 0, NOW).unwrap();
    buckets
        .reset(
            [("a", "new", &b"1"[..], Duration::ZERO), ("a", "soon", &b"2"[..], Duration::from_secs(2))].into_iter(),
            NOW,
        )
        .unwrap();
    assert_eq!((kv.get(b"old", NOW), kv.get(b"new", NOW).as_deref()), (None, Some(&b"1"[..])));
    let (_, bucket) = buckets.iter().next().unwrap();
    let mut entries = bucket.entries(NOW.plus(Duration::from_secs(1)));
    entries.sort();
    let second = Some(Duration::from_secs(1));
    assert_eq!(entries, [(b"new".to_vec(), b"1".to_vec(), None), (b"soon".to_vec(), b"2".to_vec(), second)]);
    assert_eq!(bucket.entries(NOW.plus(Duration::from_secs(2))).len(), 1, "what is over is not kept");
    assert_eq!(
        buckets.reset([("b", "k", &b""[..], Duration::ZERO)].into_iter(), NOW).unwrap_err(),
        "the policy has no bucket \"b\""
    );
}

/// Calls of a policy as somebody noted them.
fn noted(calls: &[(&str, Operation, Result<Answer, KvError>)]) -> Arc<[KvCall]> {
    let call = |(key, operation, answer): &(&str, Operation, Result<Answer, KvError>)| KvCall {
        bucket: "a".into(),
        key: key.as_bytes().to_vec(),
        operation: operation.clone(),
        answer: answer.clone(),
    };
    calls.iter().map(call).collect()
}

fn of(value: &[u8]) -> Result<Answer, KvError> {
    Ok(Answer::Value(Some(value.into())))
}

#[test]
fn the_same_questions_have_the_same_answers_and_others_what_follows_from_them() {
    let (_, kv) = one(10, 10_000);
    let set = |value: &str| Operation::Set { value: value.as_bytes().to_vec(), ttl_ms: 0 };
    let add = |delta| Operation::Add { delta, ttl_ms: 5 };
    let given = noted(&[
        ("k", Operation::Get, of(b"1")),
        ("k", set("2"), Err(KvError::OverQuota)),
        ("k", Operation::Get, of(b"elsewhere")),
        ("n", add(2), Ok(Answer::Sum(7))),
        ("gone", Operation::Delete, Ok(Answer::Whether(false))),
    ]);
    let begin = || Journal::Given(Given::new(&given));
    let ask = |journal: &mut Journal, key: &str, operation| journal.ask(&kv, key.into(), operation, NOW);
    let mut same = begin();
    for call in given.iter() {
        let key = String::from_utf8(call.key.clone()).unwrap();
        assert_eq!(ask(&mut same, &key, call.operation.clone()), call.answer, "{call:?}");
    }
    let mut other = begin();
    let five: &[u8] = &5i64.to_le_bytes();
    for (key, operation, answer) in [
        ("n", Operation::Get, of(five)),
        ("n", add(1), Ok(Answer::Sum(6))),
        ("gone", Operation::Get, Ok(Answer::Value(None))),
        ("k", set("3"), Ok(Answer::Done)),
        ("k", Operation::Delete, Ok(Answer::Whether(true))),
        ("k", Operation::Replace { expected: None, value: b"4".to_vec(), ttl_ms: 0 }, Ok(Answer::Whether(true))),
        ("k", add(1), Err(KvError::NotANumber)),
        ("new", set("5"), Ok(Answer::Done)),
        ("new", Operation::Get, of(b"5")),
    ] {
        assert_eq!(ask(&mut other, key, operation.clone()), answer, "{key} {operation:?}");
    }
    let unknown = |journal: Journal| match journal {
        Journal::Given(given) => given.unknown.len(),
        _ => 9,
    };
    assert_eq!((unknown(same), unknown(other)), (0, 0), "what is set is not read before");
    let mut strange = begin();
    assert_eq!(ask(&mut strange, "strange", add(3)), Ok(Answer::Sum(3)));
    assert_eq!(ask(&mut strange, "stranger", Operation::Get), Ok(Answer::Value(None)));
    assert_eq!(unknown(strange), 1, "one bucket");
    assert_eq!(counts(&kv), BucketCounts::default(), "nothing was kept");
}

#[test]
fn a_note_has_an_end() {
    let (_, kv) = one(2_000, 1_000_000);
    let mut journal = Journal::Noting(Default::default());
    for _ in 0..300 {
        journal.ask(&kv, b"n".to_vec(), Operation::Add { delta: 1, ttl_ms: 0 }, NOW).unwrap();
    }
    let Journal::Noting(noted) = journal else { panic!("{journal:?}") };
    assert_eq!((noted.calls.len(), noted.cut), (256, true));
    let mut journal = Journal::Noting(Default::default());
    for key in 0..1_000u32 {
        let set = Operation::Set { value: vec![0; 100], ttl_ms: 0 };
        journal.ask(&kv, key.to_le_bytes().to_vec(), set, NOW).unwrap();
    }
    let Journal::Noting(noted) = journal else { panic!("{journal:?}") };
    assert!(noted.cut && noted.calls.len() <= 256);
}
