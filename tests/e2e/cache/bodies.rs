//! Bodies that break off, are too large, or come in parts.

use super::{pop, said};
use portolan_tests::{Ask, Origin, scripts};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn broken_bodies_are_never_stored_whole() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 10\r\n\r\n", "five!"),
        ("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n", "5\r\nfive!\r\n"),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let origin = Origin::start(move |speaker| {
            speaker.request()?;
            if count.fetch_add(1, SeqCst) == 0 {
                speaker.say(head)?;
                speaker.say(body)?;
                return Ok(());
            }
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "whole body"))
        });
        let pop = pop(&origin, "");
        assert!(pop.try_ask(&Ask::get("/")).is_err(), "the client can tell");
        assert_eq!(pop.get("/").text(), "whole body");
        assert_eq!(pop.get("/").text(), "whole body");
        assert_eq!(asked.load(SeqCst), 2);
    }
}

#[test]
fn what_is_too_large_passes_through_whole_and_is_not_stored() {
    const LENGTH: usize = 8 << 20;
    for chunked in [false, true] {
        let origin = Origin::start(move |speaker| {
            while speaker.request()?.is_some() {
                let head =
                    if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {LENGTH}") };
                speaker.say(format!("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n{head}\r\n\r\n"))?;
                let piece = vec![b'x'; 1 << 20];
                for _ in 0..LENGTH / piece.len() {
                    if chunked {
                        speaker.say(format!("{:x}\r\n", piece.len()))?;
                    }
                    speaker.say(&piece)?;
                    if chunked {
                        speaker.say("\r\n")?;
                    }
                }
                if chunked {
                    speaker.say("0\r\n\r\n")?;
                }
            }
            Ok(())
        });
        let pop = pop(&origin, "object_max = \"1MiB\"");
        for round in 0..2 {
            let answer = pop.get("/");
            assert_eq!(answer.body.len(), LENGTH);
            // Of the first that does not say how long it is nobody knows.
            assert!(chunked && round == 0 || !said(&answer).contains("stored"), "{chunked}: {}", said(&answer));
        }
        assert_eq!((origin.seen().len(), pop.status_of("/cache/entries")), (2, 0.into()));
    }
}

#[test]
fn parts_are_kept_and_completed() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let all = "0123456789";
            let common = "cache-control: max-age=60\r\netag: \"1\"\r\n";
            match seen.field("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
                Some((from, to)) => {
                    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                    let fields = format!("{common}content-range: bytes {from}-{to}/10\r\n");
                    speaker.say(scripts::response("206 Partial Content", &fields, &all[from..=to]))?;
                }
                None => speaker.say(scripts::response("200 OK", common, all))?,
            }
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let range = |range: &str| pop.ask(&Ask::get("/").field("range", range));
    assert_eq!((range("bytes=2-5").text().as_str(), said(&range("bytes=2-5")).as_str()), ("2345", "hit"));
    assert_eq!((range("bytes=3-4").text().as_str(), origin.seen().len()), ("34", 1));
    let more = range("bytes=4-7");
    assert_eq!((more.status, more.text().as_str()), (206, "4567"));
    assert_eq!(origin.seen()[1].field("range"), Some("bytes=6-7"), "only what is missing is asked for");
    assert_eq!(said(&range("bytes=2-7")), "hit");
}

#[test]
fn a_part_that_does_not_end_is_cut_off() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let common = "cache-control: max-age=60\r\netag: \"1\"\r\n";
            if seen.field("range") == Some("bytes=0-1") {
                let fields = format!("{common}content-range: bytes 0-1/10\r\n");
                speaker.say(scripts::response("206 Partial Content", &fields, "01"))?;
                continue;
            }
            let fields = format!("{common}content-range: bytes 2-3/10\r\ntransfer-encoding: chunked\r\n");
            speaker.say(format!("HTTP/1.1 206 Partial Content\r\n{fields}\r\n"))?;
            for _ in 0..64 {
                speaker.say(format!("100000\r\n{}\r\n", "x".repeat(1 << 20)))?;
            }
            speaker.until_closed()?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let range = |range: &str| pop.ask(&Ask::get("/").field("range", range));
    assert_eq!(range("bytes=0-1").text(), "01");
    assert_eq!(range("bytes=0-3").status, 502);
    assert_eq!(pop.status_of("/cache/entries"), 0, "what it was to complete is not trusted either");
}

#[test]
fn a_part_that_was_not_asked_for_is_not_joined() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let (range, body) = match seen.field("range") {
                Some("bytes=0-1") => ("0-1", "01"),
                // The missing part, asked for alone: an origin that is one off.
                Some("bytes=2-3") => ("3-4", "34"),
                _ => ("0-3", "0123"),
            };
            let fields = format!("cache-control: max-age=60\r\netag: \"1\"\r\ncontent-range: bytes {range}/10\r\n");
            speaker.say(scripts::response("206 Partial Content", &fields, body))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let range = |range: &str| pop.ask(&Ask::get("/").field("range", range));
    assert_eq!(range("bytes=0-1").text(), "01");
    assert_eq!(range("bytes=0-3").text(), "0123");
}
