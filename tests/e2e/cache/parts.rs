//! Parts that are held of what is in another state by now, and origins that treat ranges in ways of their own.

use super::slices::SLICE;
use super::{pop, said};
use portolan_tests::scripts::Gate;
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Answer, Ask, Origin, Pop, Seen, scripts, wait_until};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// An origin that says what its script says to the request of a number, from 0.
fn scripted(say: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static) -> Origin {
    let asked = AtomicUsize::new(0);
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            speaker.say(say(asked.fetch_add(1, SeqCst), &seen))?;
        }
        Ok(())
    })
}

/// Bytes that tell their places.
fn text(length: usize) -> String {
    (0..length).map(|place| char::from(b'a' + (place % 23) as u8)).collect()
}

fn kept(tag: &str) -> String {
    format!("cache-control: max-age=60\r\netag: {tag}\r\n")
}

fn whole(fields: &str, length: usize) -> Vec<u8> {
    scripts::response("200 OK", fields, text(length))
}

fn part(fields: &str, first: usize, last: usize, length: usize) -> Vec<u8> {
    let fields = format!("{fields}content-range: bytes {first}-{last}/{length}\r\n");
    scripts::response("206 Partial Content", &fields, &text(length)[first..=last])
}

fn ranged(pop: &Pop, range: &str) -> Answer {
    pop.ask(&Ask::get("/film").field("range", range))
}

#[test]
fn a_refused_rest_is_asked_for_as_the_client_asks() {
    for (status, length) in [("416 Range Not Satisfiable", 1000), ("400 Bad Request", 1000), ("416 No", 200_000)] {
        // It has 50 bytes by now, and looks at ranges whatever If-Range says.
        let origin = scripted(move |number, seen| match (number, seen.field("range")) {
            (0, _) => part(&kept("\"a\""), 0, 99, length),
            (_, Some(_)) => scripts::response(status, "content-range: bytes */50\r\n", ""),
            (_, None) => whole(&kept("\"b\""), 50),
        });
        let all = pop(&origin, "");
        ranged(&all, "bytes=0-99");
        let answer = all.get("/film");
        assert_eq!((answer.status, answer.text()), (200, text(50)), "{status}");
        assert_eq!(said(&all.get("/film")), "hit", "{status}");
    }
    // The client's own range is there, the one that was asked for is not.
    let origin = scripted(|number, seen| match (number, seen.field("range")) {
        (0, _) => part(&kept("\"a\""), 0, 99, 1000),
        (_, Some("bytes=-3")) if number > 1 => part(&kept("\"b\""), 47, 49, 50),
        _ => scripts::response("416 Range Not Satisfiable", "content-range: bytes */50\r\n", ""),
    });
    let pop = pop(&origin, "");
    ranged(&pop, "bytes=0-99");
    let last = ranged(&pop, "bytes=-3");
    assert_eq!((last.status, last.field("content-range")), (206, Some("bytes 47-49/50")));
}

#[test]
fn rfc9111_5_2_2_7_who_has_a_part_completed_gets_what_is_for_that_one() {
    for length in [1000, 200_000] {
        let fields = "cache-control: max-age=60, private=\"x-mine\"\r\netag: \"a\"\r\nx-mine: ";
        let origin = scripted(move |number, seen| {
            let (first, last) = if number == 0 { (0, 99) } else { (100, length - 1) };
            assert!(seen.field("range").is_some());
            part(&format!("{fields}{number}\r\n"), first, last, length)
        });
        let pop = pop(&origin, "");
        assert_eq!(ranged(&pop, "bytes=0-99").field("x-mine"), Some("0"));
        let whole = pop.get("/film");
        assert_eq!((whole.status, whole.text()), (200, text(length)));
        assert_eq!((whole.field("x-mine"), whole.field("age")), (Some("1"), None), "{length}: the origin was asked");
        wait_until("it is stored", || said(&pop.get("/film")) == "hit");
        let hit = pop.get("/film");
        assert_eq!((hit.field("x-mine"), hit.field("age").is_some()), (None, true), "{length}");
    }
}

#[test]
fn what_is_not_there_is_not_asked_for_twice() {
    let origin = scripted(|number, _| match number {
        0 => part(&kept("\"a\""), 0, 99, 1000),
        _ => scripts::response("404 Not Found", "", "gone"),
    });
    let pop = pop(&origin, "");
    ranged(&pop, "bytes=0-99");
    assert_eq!(pop.get("/film").status, 404);
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn a_refusal_of_a_range_is_no_answer_for_others() {
    let origin = || {
        scripted(|_, seen| match seen.field("range") {
            Some(_) => scripts::response("400 Bad Request", "cache-control: max-age=60\r\n", "no ranges"),
            None => whole(&kept("\"a\""), 1000),
        })
    };
    let slices = origin();
    let sliced = pop(&slices, SLICE);
    for words in ["fwd=uri-miss;stored", "hit"] {
        let answer = sliced.get("/film");
        assert_eq!((answer.status, said(&answer).as_str(), answer.text()), (200, words, text(1000)));
    }
    let plain = origin();
    let pop = pop(&plain, "");
    assert_eq!(ranged(&pop, "bytes=0-9").status, 400, "whoever asks for a range is told");
    assert_eq!(pop.get("/film").status, 200);
}

/// An origin that is at "a" when it is asked for the first time, and at "b" from then on.
fn moved_on(fields: &'static str, knows_if_range: bool) -> Origin {
    scripted(move |number, seen| {
        let condition = seen.field("if-range").filter(|_| knows_if_range);
        let follows = seen.field("range").is_some() && condition.is_none_or(|tag| tag == "\"b\"");
        match (number, follows) {
            (0, _) => part("cache-control: no-cache\r\netag: \"a\"\r\n", 100, 199, 1000),
            (_, true) => part(&format!("{fields}etag: \"b\"\r\n"), 100, 109, 1000),
            (_, false) => whole(&format!("{fields}etag: \"b\"\r\n"), 1000),
        }
    })
}

#[test]
fn if_range_goes_with_the_question_whether_a_part_is_still_good() {
    for knows_if_range in [true, false] {
        for fields in ["cache-control: max-age=60\r\n", "cache-control: no-cache\r\n", "cache-control: no-store\r\n"] {
            let origin = moved_on(fields, knows_if_range);
            let pop = pop(&origin, "");
            ranged(&pop, "bytes=100-199");
            let resumed = Ask::get("/film").field("range", "bytes=100-109").field("if-range", "\"a\"");
            let answer = pop.ask(&resumed);
            assert_eq!((answer.status, answer.field("etag")), (200, Some("\"b\"")), "{fields}");
            assert_eq!(answer.text(), text(1000), "{fields}");
            assert_eq!(origin.seen()[1].field("if-range"), Some("\"a\""), "{fields}");
            assert_eq!(origin.seen().len(), if knows_if_range { 2 } else { 3 }, "{fields}");
        }
    }
    let origin = moved_on("cache-control: max-age=60\r\n", true);
    let pop = pop(&origin, "");
    ranged(&pop, "bytes=100-199");
    let answer = ranged(&pop, "bytes=100-109");
    assert_eq!((answer.status, answer.field("etag")), (206, Some("\"b\"")), "of whatever state there is");
}

#[test]
fn less_than_was_asked_for_is_sent_as_what_it_is() {
    let origin = scripted(|number, _| match number {
        0 => part("cache-control: no-cache\r\netag: \"a\"\r\n", 100, 199, 1000),
        _ => part(&kept("\"b\""), 100, 104, 1000),
    });
    let pop = pop(&origin, "");
    ranged(&pop, "bytes=100-199");
    let answer = ranged(&pop, "bytes=100-109");
    assert_eq!((answer.status, answer.field("content-range")), (206, Some("bytes 100-104/1000")));
    assert_eq!(answer.text(), &text(1000)[100..105]);
}

#[test]
fn a_part_that_is_not_what_it_says_is_not_kept() {
    let more = "content-range: bytes 0-9/1000\r\ncache-control: max-age=60\r\netag: \"a\"\r\n";
    let origin = scripted(move |_, seen| match seen.target.as_str() {
        "/film" => scripts::response("206 Partial Content", more, "abcdefghijkl"),
        _ => {
            format!("HTTP/1.1 206 No\r\n{more}transfer-encoding: chunked\r\n\r\nc\r\nabcdefghijkl\r\n0\r\n\r\n").into()
        }
    });
    let pop = pop(&origin, "");
    for _ in 0..2 {
        let answer = ranged(&pop, "bytes=0-9");
        assert_eq!((answer.status, answer.text().as_str()), (206, "abcdefghijkl"), "as the origin has it");
        assert_eq!(said(&answer), "fwd=uri-miss;detail=part");
        assert!(pop.try_ask(&Ask::get("/other").field("range", "bytes=0-9")).is_err(), "cut off");
    }
    assert_eq!((origin.seen().len(), pop.status_of("/cache/entries")), (4, 0.into()));
}

#[test]
fn a_rest_that_breaks_off_is_asked_for_once_more() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            match (asked.fetch_add(1, SeqCst), seen.field("range")) {
                (0, _) => speaker.say(part(&kept("\"a\""), 0, 99, 1000))?,
                (_, Some(_)) => {
                    let rest = part(&kept("\"a\""), 100, 999, 1000);
                    return speaker.say(&rest[..rest.len() - 500]);
                }
                (_, None) => speaker.say(whole(&kept("\"a\""), 1000))?,
            }
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    ranged(&pop, "bytes=0-99");
    let answer = pop.get("/film");
    assert_eq!((answer.status, answer.text()), (200, text(1000)));
    assert_eq!(said(&pop.get("/film")), "hit");
}

#[test]
fn digests_of_other_bytes_are_not_sent() {
    let digests = "content-digest: sha-256=:AA==:\r\nrepr-digest: sha-256=:BB==:\r\ncontent-md5: AA==\r\n";
    let fields = move || kept("\"a\"") + digests;
    let origin = scripted(move |_, seen| match seen.field("range") {
        Some("bytes=0-65535") => part(&fields(), 0, 65_535, 100_000),
        Some("bytes=65536-99999") => part(&fields(), 65_536, 99_999, 100_000),
        _ => whole(&fields(), 100_000),
    });
    let said =
        |answer: &Answer| ["content-digest", "content-md5", "repr-digest"].map(|name| answer.field(name).is_some());
    let sliced = pop(&origin, SLICE);
    let all = sliced.get("/film");
    assert_eq!((all.text(), said(&all)), (text(100_000), [false, false, true]), "one digest is of one slice");
    let pop = pop(&origin, "");
    assert_eq!(said(&ranged(&pop, "bytes=0-65535")), [true; 3], "as it came");
    assert_eq!(said(&ranged(&pop, "bytes=10-19")), [false, false, true]);
    let joined = pop.get("/film");
    assert_eq!((joined.text(), said(&joined)), (text(100_000), [false, false, true]));
}

#[test]
fn ranges_in_falling_order_of_what_is_arriving_are_answered_whole() {
    const FILLS: usize = 16;
    let gate = Gate::default();
    let origin = {
        let gate = gate.clone();
        Origin::start(move |speaker| {
            while speaker.request()?.is_some() {
                let all = whole(&kept("\"a\""), 900_000);
                let (begin, end) = all.split_at(all.len() - 200_000);
                speaker.say(begin)?;
                gate.pass();
                speaker.say(end)?;
            }
            Ok(())
        })
    };
    // There is no room for all of them at once.
    let service = Service::new("shop").with("cache = {}");
    let site = service.region(FRANKFURT, &[origin.url()]).site();
    let pop = Pop::start(&site.replacen("[process]\n", "[process]\ncache_memory = \"8MiB\"\n", 1));
    thread::scope(|scope| {
        let ask = |number: usize| {
            let pop = &pop;
            let ask = Ask::get(&format!("/{number}")).field("range", "bytes=800000-800009,10-19");
            scope.spawn(move || pop.try_ask(&ask))
        };
        let answers: Vec<_> = (0..FILLS).map(ask).collect();
        wait_until("all are asked for", || origin.seen().len() == FILLS);
        gate.open();
        for answer in answers {
            let answer = answer.join().unwrap().unwrap();
            assert!(answer.status == 200 && answer.text() == text(900_000), "{}", answer.status);
        }
    });
}
