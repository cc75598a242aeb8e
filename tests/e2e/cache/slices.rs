//! Parts of something large, brought in by whole slices.

use super::{pop, said};
use portolan_tests::scripts::{self, Barrier, Gate};
use portolan_tests::{Answer, Ask, Origin, Pop, wait_until};
use std::thread;

pub(super) const LENGTH: usize = 200_000;
pub(super) const SLICE: &str = "slice = \"64KiB\"";
pub(super) const KEPT: &str = "cache-control: max-age=60\r\netag: \"1\"\r\n";
pub(super) const SLICES: [&str; 4] =
    ["bytes=0-65535", "bytes=65536-131071", "bytes=131072-196607", "bytes=196608-199999"];

/// Bytes that tell their places.
pub(super) fn file() -> String {
    (0..LENGTH / 10).map(|tens| format!("{:>9}\n", tens * 10)).collect()
}

fn first_and_last(range: &str) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (first, last) {
        ("", count) => Some((LENGTH.saturating_sub(count.parse().ok()?), LENGTH - 1)),
        (first, "") => Some((first.parse().ok()?, LENGTH - 1)),
        (first, last) => Some((first.parse().ok()?, last.parse().ok()?)),
    }
}

/// What an origin says that knows ranges, with these fields.
pub(super) fn part(fields: &str, range: Option<&str>) -> Vec<u8> {
    let file = file();
    match range.and_then(first_and_last) {
        Some((first, last)) => {
            let last = last.min(LENGTH - 1);
            let fields = format!("{fields}content-range: bytes {first}-{last}/{LENGTH}\r\n");
            scripts::response("206 Partial Content", &fields, &file[first..=last])
        }
        None => scripts::response("200 OK", fields, &file),
    }
}

pub(super) fn origin(fields: &'static str) -> Origin {
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            speaker.say(part(fields, seen.field("range")))?;
        }
        Ok(())
    })
}

/// An origin that sends the last bytes of a range, or of every answer, when the gate is open.
pub(super) fn gated(at: Option<&'static str>, gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let all = part(KEPT, seen.field("range"));
            let (begin, end) = all.split_at(all.len().saturating_sub(50_000));
            speaker.say(begin)?;
            if at.is_none() || seen.field("range") == at {
                gate.pass();
            }
            speaker.say(end)?;
        }
        Ok(())
    })
}

pub(super) fn range(pop: &Pop, first: usize, last: usize) -> Answer {
    asked_by(pop, &format!("bytes={first}-{last}"), first, last)
}

/// The answer to a range that is this one, by whatever words.
pub(super) fn asked_by(pop: &Pop, words: &str, first: usize, last: usize) -> Answer {
    let answer = pop.ask(&Ask::get("/film").field("range", words));
    assert_eq!(answer.status, 206);
    assert_eq!(answer.field("content-range"), Some(&*format!("bytes {first}-{last}/{LENGTH}")));
    assert_eq!(answer.text(), &file()[first..=last]);
    answer
}

pub(super) fn asked_for(origin: &Origin) -> Vec<String> {
    origin.seen().iter().map(|seen| seen.field("range").unwrap_or("all").to_owned()).collect()
}

#[test]
fn a_film_comes_in_slices_and_ends_up_whole() {
    let origin = origin(KEPT);
    let pop = pop(&origin, SLICE);
    range(&pop, 70_000, 70_009);
    assert_eq!(said(&range(&pop, 65_536, 131_071)), "hit", "the slice is there, whoever wanted a part of it");
    range(&pop, 131_070, 131_080);
    range(&pop, 199_990, 199_999);
    range(&pop, 0, 0);
    let slices = ["bytes=65536-131071", "bytes=131072-196607", "bytes=196608-199999", "bytes=0-65535"];
    assert_eq!(asked_for(&origin), slices);
    let whole = pop.get("/film");
    assert_eq!((whole.status, said(&whole).as_str()), (200, "hit"));
    assert_eq!(whole.text(), file());
}

#[test]
fn a_part_of_a_slice_begins_before_the_slice_is_there() {
    let gate = Gate::default();
    let origin = gated(Some("bytes=131072-199999"), &gate);
    let pop = pop(&origin, "slice = \"128KiB\"");
    // The first, too, begins before it is there; how long the film is is known when it is kept.
    wait_until("the first slice is kept", || said(&range(&pop, 0, 9)) == "hit");
    range(&pop, 140_000, 140_009);
    gate.open();
    wait_until("the slice is kept", || said(&range(&pop, 199_990, 199_999)) == "hit");
    assert_eq!(asked_for(&origin), ["bytes=0-131071", "bytes=131072-199999"]);
}

#[test]
fn who_wants_another_slice_does_not_wait_and_both_are_kept() {
    let both = Barrier::of(2);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            both.pass();
            speaker.say(part(KEPT, seen.field("range")))?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    // Each slice is asked for once, and the origin answers neither before it has seen both.
    let parts = [(10, 19), (65_540, 65_549), (20, 29), (65_550, 65_559)];
    thread::scope(|scope| {
        for (first, last) in parts {
            let pop = &pop;
            scope.spawn(move || range(pop, first, last));
        }
    });
    assert_eq!(origin.seen().len(), 2);
    assert_eq!((said(&range(&pop, 0, 131_071)).as_str(), pop.status_of("/cache/entries")), ("hit", 1.into()));
}

#[test]
fn slices_that_cannot_be_joined_are_not_asked_for_again() {
    for fields in [
        "cache-control: max-age=60\r\n",
        "cache-control: max-age=60\r\netag: W/\"1\"\r\n",
        "cache-control: no-store\r\netag: \"1\"\r\n",
    ] {
        let origin = origin(fields);
        let pop = pop(&origin, SLICE);
        range(&pop, 10, 19);
        range(&pop, 20, 29);
        assert_eq!(asked_for(&origin), ["bytes=0-65535", "bytes=10-19", "bytes=20-29"], "{fields}");
    }
}

#[test]
fn an_origin_without_ranges_is_asked_once() {
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            speaker.say(part(KEPT, None))?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    range(&pop, 10, 19);
    wait_until("it is kept", || pop.status_of("/cache/entries") == 1);
    assert_eq!(said(&range(&pop, 150_000, 150_009)), "hit");
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn another_part_than_was_asked_for_is_no_answer() {
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let asked = seen.field("range").filter(|range| *range != "bytes=0-65535");
            let range = asked.or(Some("bytes=100000-100009"));
            speaker.say(part(KEPT, range))?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    range(&pop, 10, 19);
    assert_eq!(asked_for(&origin), ["bytes=0-65535", "bytes=10-19"]);
}

#[test]
fn a_slice_that_breaks_off_is_kept_as_far_as_it_came() {
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let all = part(KEPT, seen.field("range"));
            if seen.field("range") == Some("bytes=0-65535") {
                speaker.say(&all[..all.len() - 60_000])?;
                return Ok(());
            }
            speaker.say(all)?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    // What the client wants of it has come.
    range(&pop, 10, 19);
    wait_until("what came is kept", || pop.status_of("/cache/entries") == 1);
    range(&pop, 0, 65_535);
    let asked = asked_for(&origin);
    assert!(asked.len() == 2 && asked[1].ends_with("-65535") && asked[1] != asked[0], "the rest alone: {asked:?}");
}
