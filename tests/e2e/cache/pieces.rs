//! Bodies that are fetched in pieces: whole things by slices, and the rest of what broke off.

use super::slices::{KEPT, LENGTH, SLICE, SLICES, asked_for, file, gated, origin, part, range};
use super::{pop, said};
use portolan_tests::scripts::Gate;
use portolan_tests::site::{FRANKFURT, Service, VIRGINIA};
use portolan_tests::{Answer, Ask, Client, Origin, Pop, wait_until};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

fn whole(answer: &Answer) {
    assert_eq!((answer.status, answer.field("content-range")), (200, None));
    assert_eq!(answer.field("content-length"), Some(&*LENGTH.to_string()));
    assert!(answer.text() == file(), "the very bytes");
}

/// Breaks off behind so many bytes of what is not a range, and says nothing else of worth.
fn dying(fields: &'static str, after: usize) -> Origin {
    Origin::start(move |speaker| {
        if speaker.request()?.is_some() {
            let all = part(fields, None);
            speaker.say(&all[..all.len() - LENGTH + after])?;
        }
        Ok(())
    })
}

#[test]
fn the_whole_comes_in_slices_and_is_kept_whole() {
    let origin = origin(KEPT);
    let pop = pop(&origin, SLICE);
    let first = pop.get("/film");
    whole(&first);
    assert_eq!(said(&first), "fwd=uri-miss;fwd-status=206;stored");
    assert_eq!(asked_for(&origin), SLICES);
    assert!(origin.seen()[1..].iter().all(|seen| seen.field("if-range") == Some("\"1\"")), "of the same state");
    wait_until("it is kept", || pop.status_of("/cache/entries") == 1);
    let again = pop.get("/film");
    whole(&again);
    assert_eq!(said(&again), "hit");
}

#[test]
fn what_a_client_brought_is_not_fetched_again() {
    let origin = origin(KEPT);
    let pop = pop(&origin, SLICE);
    range(&pop, 70_000, 70_009);
    whole(&pop.get("/film"));
    assert_eq!(asked_for(&origin), [SLICES[1], SLICES[0], SLICES[2], SLICES[3]]);
}

#[test]
fn a_client_elsewhere_does_not_wait_for_the_whole() {
    let gate = Gate::default();
    let origin = gated(Some(SLICES[1]), &gate);
    let pop = pop(&origin, SLICE);
    thread::scope(|scope| {
        let all = scope.spawn(|| pop.get("/film"));
        wait_until("the second slice is asked for", || origin.seen().len() == 2);
        range(&pop, 199_000, 199_009);
        gate.open();
        whole(&all.join().unwrap());
    });
    let asked = asked_for(&origin);
    let own = "bytes=196608-262143"; // nothing told it where the end is
    assert_eq!(asked, [SLICES[0], SLICES[1], own, SLICES[2]], "its slice is a part of the whole");
}

#[test]
fn a_change_in_the_middle_ends_the_body_and_is_never_mixed() {
    let changed = AtomicBool::new(false);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let is_new = changed.swap(true, SeqCst);
            let range = seen.field("range").filter(|_| !is_new || seen.field("if-range") == Some("\"2\""));
            let fields = if is_new { "cache-control: max-age=60\r\netag: \"2\"\r\n" } else { KEPT };
            speaker.say(part(fields, range))?;
        }
        Ok(())
    });
    let pop = pop(&origin, SLICE);
    assert!(pop.try_ask(&Ask::get("/film")).is_err(), "cut off, which the client sees");
    let next = pop.get("/film");
    whole(&next);
    assert_eq!(next.field("etag"), Some("\"2\""));
    assert_eq!(said(&pop.get("/film")), "hit");
}

#[test]
fn what_is_not_sliced_is_asked_for_whole() {
    for fields in ["cache-control: max-age=60\r\n", "cache-control: no-store\r\netag: \"1\"\r\n"] {
        let origin = origin(fields);
        let pop = pop(&origin, SLICE);
        whole(&pop.get("/film"));
        assert_eq!(asked_for(&origin), [SLICES[0], "all"], "{fields}");
        pop.get("/film");
        assert_eq!(asked_for(&origin)[2..].iter().filter(|range| *range != "all").count(), 0, "{fields}");
    }
    let origin = origin(KEPT);
    let pop = pop(&origin, &format!("{SLICE}, object_max = \"100KiB\""));
    whole(&pop.get("/film"));
    assert_eq!(asked_for(&origin), [SLICES[0], "all"], "more than is kept");
}

fn pop_of(near: &Origin, far: &Origin) -> Pop {
    let service = Service::new("shop").with("cache = {}\nejection = false").region(FRANKFURT, &[near.url()]);
    Pop::start(&service.region(VIRGINIA, &[far.url()]).site())
}

#[test]
fn another_region_gives_the_rest_of_what_broke_off() {
    let (near, far) = (dying(KEPT, 120_000), origin(KEPT));
    let pop = pop_of(&near, &far);
    let answer = pop.get("/film");
    whole(&answer);
    let asked = far.only();
    assert_eq!((asked.field("range"), asked.field("if-range")), (Some("bytes=120000-199999"), Some("\"1\"")));
    wait_until("it is kept", || pop.status_of("/cache/entries") == 1);
    assert_eq!(said(&pop.get("/film")), "hit");
    assert_eq!(pop.metrics().count("portolan_cache_resumed_total", &[]), 1);
}

#[test]
fn the_rest_of_another_state_is_none() {
    let far = "cache-control: max-age=60\r\netag: \"2\"\r\n";
    let weak = "cache-control: max-age=60\r\netag: W/\"1\"\r\n";
    for (fields, other) in [(KEPT, far), (KEPT, weak), (weak, weak)] {
        let (near, far) = (dying(fields, 120_000), origin(other));
        let pop = pop_of(&near, &far);
        assert!(pop.try_ask(&Ask::get("/film")).is_err(), "{fields}{other}");
    }
}

#[test]
fn what_broke_off_for_good_goes_on_with_the_next_client() {
    let is_well = std::sync::Arc::new(AtomicBool::new(false));
    let origin = {
        let is_well = std::sync::Arc::clone(&is_well);
        Origin::start(move |speaker| {
            while let Some(seen) = speaker.request()? {
                let all = part(KEPT, seen.field("range"));
                if !is_well.load(SeqCst) {
                    speaker.say(if seen.field("range").is_some() { &[][..] } else { &all[..all.len() - 150_000] })?;
                    return Ok(());
                }
                speaker.say(all)?;
            }
            Ok(())
        })
    };
    let pop = pop(&origin, "");
    assert!(pop.try_ask(&Ask::get("/film")).is_err());
    wait_until("what came is kept", || pop.status_of("/cache/entries") == 1);
    is_well.store(true, SeqCst);
    let before = origin.seen().len();
    let next = pop.get("/film");
    whole(&next);
    assert_eq!(said(&next), "fwd=partial;fwd-status=206;stored");
    assert_eq!(asked_for(&origin)[before..], ["bytes=50000-199999"]);
}

#[test]
fn what_nobody_reads_any_more_stops_with_its_slice_and_goes_on_later() {
    let gate = Gate::default();
    let origin = gated(None, &gate);
    let pop = pop(&origin, SLICE);
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/film").bytes());
    assert_eq!(client.head().unwrap().0, 200);
    drop(client);
    pop.wait_quiet();
    gate.open();
    wait_until("what came is kept", || pop.status_of("/cache/entries") == 1);
    whole(&pop.get("/film"));
    assert_eq!(asked_for(&origin), SLICES);
}
