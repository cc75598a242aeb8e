//! Parts whose end, or whose beginning, the client does not say: what players and download managers send.

use super::slices::{KEPT, LENGTH, SLICE, SLICES, asked_by, asked_for, file, gated, origin, part, range};
use super::{pop, said};
use portolan_tests::scripts::Gate;
use portolan_tests::{Ask, Client, Origin, Pop, wait_until};
use std::thread;

/// The rest from a place on.
fn from(pop: &Pop, first: usize) -> portolan_tests::Answer {
    asked_by(pop, &format!("bytes={first}-"), first, LENGTH - 1)
}

/// The last so many.
fn last(pop: &Pop, count: usize) -> portolan_tests::Answer {
    asked_by(pop, &format!("bytes=-{count}"), LENGTH - count, LENGTH - 1)
}

fn is_kept(pop: &Pop) {
    wait_until("it is kept", || pop.status_of("/cache/entries") == 1);
}

#[test]
fn what_goes_on_to_the_end_comes_slice_by_slice() {
    let origin = origin(KEPT);
    let pop = pop(&origin, SLICE);
    assert_eq!(said(&from(&pop, 70_000)), "fwd=uri-miss;stored");
    assert_eq!(asked_for(&origin), SLICES[1..]);
    assert!(origin.seen()[1..].iter().all(|seen| seen.field("if-range") == Some("\"1\"")), "of the same state");
    is_kept(&pop);
    assert_eq!(said(&range(&pop, 65_536, 199_999)), "hit", "the slices are there, whoever wanted a part of them");
    assert_eq!(said(&from(&pop, 150_000)), "hit");
    assert_eq!(pop.get("/film").text(), file());
    assert_eq!(asked_for(&origin)[3..], SLICES[..1]);
}

#[test]
fn all_from_the_first_byte_on_is_the_whole() {
    let origin = origin(KEPT);
    let pop = pop(&origin, SLICE);
    from(&pop, 0);
    assert_eq!(asked_for(&origin), SLICES);
    is_kept(&pop);
    let whole = pop.get("/film");
    assert_eq!((whole.status, said(&whole).as_str()), (200, "hit"));
    assert_eq!(whole.text(), file());
}

#[test]
fn the_last_bytes_come_with_the_slices_that_they_fill() {
    for (count, asked, held) in [(10, "bytes=-65536", 65_536), (70_000, "bytes=-131072", 131_072)] {
        let origin = origin(KEPT);
        let pop = pop(&origin, SLICE);
        assert_eq!(said(&last(&pop, count)), "fwd=uri-miss;stored");
        is_kept(&pop);
        assert_eq!(said(&last(&pop, held)), "hit");
        assert_eq!(said(&from(&pop, LENGTH - held)), "hit");
        assert_eq!(asked_for(&origin), [asked]);
        // The length is known by now.
        last(&pop, LENGTH);
        wait_until("it is whole", || said(&pop.get("/film")) == "hit");
    }
    let origin = origin(KEPT);
    let pop = pop(&origin, SLICE);
    range(&pop, 0, 9);
    last(&pop, 10);
    assert_eq!(asked_for(&origin), [SLICES[0], SLICES[3]], "where the length is known, by the slice");
}

#[test]
fn what_is_held_is_sent_before_the_rest_has_come() {
    for (words, first) in [("bytes=10-", 10), ("bytes=10-149999", 10), ("bytes=-199000", 1000)] {
        let gate = Gate::default();
        let at = if words.ends_with("999") { "bytes=65536-196607" } else { SLICES[1] };
        let origin = gated(Some(at), &gate);
        let pop = pop(&origin, SLICE);
        range(&pop, 0, 9);
        let mut client = Client::to(pop.address());
        client.send(&Ask::get("/film").field("range", words).bytes());
        assert_eq!(client.head().unwrap().0, 206, "{words}");
        let begin = client.exactly(60_000, "what is held").unwrap();
        assert!(begin == file().as_bytes()[first..first + 60_000], "{words}");
        assert_eq!(origin.seen().len(), 2, "{words}");
        gate.open();
    }
}

#[test]
fn who_wants_more_than_is_arriving_waits_and_asks_for_the_rest_alone() {
    let gate = Gate::default();
    let origin = gated(Some(SLICES[1]), &gate);
    let pop = pop(&origin, SLICE);
    thread::scope(|scope| {
        let bounded = scope.spawn(|| range(&pop, 65_600, 131_000));
        wait_until("the slice is asked for", || origin.seen().len() == 1);
        let open = scope.spawn(|| from(&pop, 65_700));
        wait_until("it waits", || pop.metrics().sum("portolan_cache_waiting", &[]) == 1.0);
        gate.open();
        bounded.join().unwrap();
        open.join().unwrap();
    });
    assert_eq!(asked_for(&origin), SLICES[1..], "each slice once");
}

#[test]
fn what_cannot_be_sliced_is_asked_for_as_clients_want_it() {
    for (words, first, slices) in [("bytes=70000-", 70_000, SLICES[1]), ("bytes=-10", LENGTH - 10, "bytes=-65536")] {
        let asked = |origin: &Origin, pop: &Pop| {
            asked_by(pop, words, first, LENGTH - 1);
            assert_eq!(asked_for(origin), [slices, words], "{words}");
            asked_by(pop, words, first, LENGTH - 1);
            assert!(!asked_for(origin)[2..].iter().any(|range| range == slices), "{words}: not again");
        };
        for fields in ["cache-control: max-age=60\r\n", "cache-control: no-store\r\netag: \"1\"\r\n"] {
            let origin = origin(fields);
            asked(&origin, &pop(&origin, SLICE));
        }
    }
    let origin = origin(KEPT);
    let pop = pop(&origin, &format!("{SLICE}, object_max = \"100KiB\""));
    from(&pop, 70_000);
    assert_eq!(asked_for(&origin), [SLICES[1], "bytes=70000-"], "more than is kept");
}

#[test]
fn what_is_resumed_comes_slice_by_slice_and_another_state_whole() {
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let is_same = seen.field("if-range").is_none_or(|tag| tag == "\"1\"");
            speaker.say(part(KEPT, seen.field("range").filter(|_| is_same)))?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    let resumed =
        |target: &str, tag: &str| pop.ask(&Ask::get(target).field("range", "bytes=140000-").field("if-range", tag));
    let new = resumed("/film", "\"0\"");
    assert_eq!((new.status, new.text()), (200, file()));
    assert_eq!(asked_for(&origin), [SLICES[2], "bytes=140000-"], "only the origin knows what the client has");
    let same = resumed("/other", "\"1\"");
    assert_eq!(
        (same.status, same.text(), said(&same).as_str()),
        (206, file()[140_000..].to_owned(), "fwd=uri-miss;stored")
    );
    assert_eq!(asked_for(&origin)[2..], SLICES[2..]);
    assert_eq!(said(&resumed("/other", "\"1\"")), "hit");
    let whole = resumed("/other", "\"0\"");
    assert_eq!((whole.status, whole.text()), (200, file()));
    assert_eq!(asked_for(&origin)[4..], SLICES[..2], "what is known is resumed as if it were the client's");
}

#[test]
fn a_change_behind_the_first_slice_ends_the_body_and_is_never_mixed() {
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let is_first = seen.field("range") == Some(SLICES[1]);
            let fields = if is_first { KEPT } else { "cache-control: max-age=60\r\netag: \"2\"\r\n" };
            speaker.say(part(fields, seen.field("range").filter(|_| is_first)))?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    assert!(pop.try_ask(&Ask::get("/film").field("range", "bytes=70000-")).is_err(), "cut off, which the client sees");
}
