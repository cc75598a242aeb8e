//! Stored text in the content coding that a client would rather have.

use super::{pop, said};
use flate2::read::GzDecoder;
use portolan_tests::scripts::Gate;
use portolan_tests::{Answer, Ask, Client, Origin, Pop, scripts, wait_until};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

fn page() -> String {
    (0..2000).map(|line| format!("<p>{line}: so that there is something to compress\n")).collect()
}

/// What no coding makes smaller.
fn noise() -> Vec<u8> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some((*state >> 56) as u8)
    };
    std::iter::repeat_n((), 20_000).scan(7, |state, ()| step(state)).collect()
}

fn site() -> Origin {
    Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let own = match seen.target.as_str() {
                "/picture" => "content-type: image/png\r\n",
                "/noise" => {
                    let fields = "content-type: text/plain\r\ncache-control: max-age=60\r\netag: \"1\"\r\n";
                    speaker.say(scripts::response("200 OK", fields, noise()))?;
                    continue;
                }
                "/coded" => "content-type: text/plain\r\ncontent-encoding: br\r\n",
                "/exact" => "content-type: text/plain\r\ncache-control: no-transform\r\n",
                "/chunked" => {
                    speaker.say("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncache-control: max-age=60\r\n")?;
                    let page = page();
                    speaker
                        .say(format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{page}\r\n0\r\n\r\n", page.len()))?;
                    continue;
                }
                _ => "content-type: text/html\r\n",
            };
            let date = "last-modified: Sun, 06 Nov 1994 08:49:37 GMT";
            let fields = format!("{own}{date}\r\ncache-control: max-age=60\r\netag: \"1\"\r\naccept-ranges: bytes\r\n");
            speaker.say(scripts::response("200 OK", &fields, page()))?;
        }
        Ok(())
    })
}

fn gunzipped(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

fn made(pop: &Pop, outcome: &str) -> u64 {
    pop.metrics().count("portolan_cache_compressed_total", &[("service", "shop"), ("outcome", outcome)])
}

fn heads(answer: &Answer) -> [Option<&str>; 4] {
    ["content-encoding", "etag", "vary", "accept-ranges"].map(|name| answer.field(name))
}

#[test]
fn text_is_compressed_once_and_served_to_those_who_take_it() {
    let origin = site();
    let pop = pop(&origin, "compress = true");
    for path in ["/", "/chunked"] {
        let gzip = Ask::get(path).field("accept-encoding", "gzip");
        let first = pop.ask(&gzip);
        assert_eq!((gunzipped(&first.body), first.field("vary")), (page(), Some("accept-encoding")), "{path}");
        wait_until("it is kept", || pop.ask(&gzip).field("content-length").is_some());
        let again = pop.ask(&gzip);
        assert_eq!((said(&again).as_str(), &again.body), ("hit", &first.body), "{path}");
        let plain = pop.get(path);
        assert_eq!(
            (plain.text(), said(&plain).as_str(), plain.field("vary")),
            (page(), "hit", Some("accept-encoding"))
        );
        let best = pop.ask(&Ask::get(path).field("accept-encoding", "gzip, deflate, br, zstd"));
        assert_eq!(best.field("content-encoding"), Some("br"), "{path}");
    }
    wait_until("all are made", || (made(&pop, "gzip"), made(&pop, "br")) == (2, 2));
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn a_coding_has_a_weak_tag_and_no_ranges() {
    let origin = site();
    let pop = pop(&origin, "compress = true");
    let ask = || Ask::get("/").field("accept-encoding", "gzip");
    assert_eq!(heads(&pop.ask(&ask())), [Some("gzip"), Some("W/\"1\""), Some("accept-encoding"), None]);
    assert_eq!(heads(&pop.get("/")), [None, Some("\"1\""), Some("accept-encoding"), Some("bytes")]);
    for tag in ["\"1\"", "W/\"1\""] {
        let same = pop.ask(&ask().field("if-none-match", tag));
        assert_eq!(
            (same.status, heads(&same)[..3].to_vec()),
            (304, vec![None, Some("W/\"1\""), Some("accept-encoding")])
        );
        assert!(same.body.is_empty());
    }
    let part = pop.ask(&ask().field("range", "bytes=0-2"));
    assert_eq!((part.status, part.text().as_str(), heads(&part)[0]), (206, "<p>", None));
    let whole = pop.ask(&ask().field("range", "bytes=0-2").field("if-range", "W/\"1\""));
    assert_eq!((whole.status, whole.text()), (200, page()), "a weak tag does not say which bytes the client has");
    let dated = |ask: Ask| ask.field("range", "bytes=0-2").field("if-range", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!((pop.ask(&dated(ask())).status, pop.ask(&dated(Ask::get("/"))).status), (200, 206), "nor does a date");
    let head = pop.ask(&Ask::new("HEAD", "/").field("accept-encoding", "gzip"));
    assert_eq!((head.status, heads(&head)[0], head.body.len()), (200, Some("gzip"), 0));
}

#[test]
fn what_is_coded_must_stay_as_it_is_or_gains_nothing_is_left_alone() {
    let origin = site();
    let pop = pop(&origin, "compress = true");
    for (path, coding) in [("/picture", None), ("/coded", Some("br")), ("/exact", None)] {
        let answer = pop.ask(&Ask::get(path).field("accept-encoding", "br, gzip"));
        assert_eq!((heads(&answer)[0], answer.body == page().into_bytes()), (coding, true), "{path}");
        assert_eq!(answer.field("etag"), Some("\"1\""), "{path}");
    }
    let noisy = Ask::get("/noise").field("accept-encoding", "gzip");
    pop.ask(&noisy);
    wait_until("it is seen to be no use", || made(&pop, "useless") == 1);
    let answer = pop.ask(&noisy);
    assert_eq!((heads(&answer)[..2].to_vec(), answer.body == noise()), (vec![None, Some("\"1\"")], true));
    let none = pop.ask(&Ask::get("/").field("accept-encoding", "br").field("cache-control", "no-transform"));
    assert_eq!(heads(&none)[0], None);
    let off = super::pop(&origin, "");
    let answer = off.ask(&Ask::get("/").field("accept-encoding", "br"));
    assert_eq!((heads(&answer)[0], answer.field("vary")), (None, None));
}

#[test]
fn what_arrives_slowly_is_encoded_as_it_comes() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            let page = page();
            let (first, rest) = page.split_at(5000);
            let fields =
                format!("content-type: text/html\r\ncache-control: max-age=60\r\ncontent-length: {}", page.len());
            speaker.say(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{first}"))?;
            held.pass();
            speaker.say(rest)?;
        }
        Ok(())
    });
    let pop = pop(&origin, "compress = true");
    let ask = Ask::get("/").field("accept-encoding", "gzip");
    let mut clients: Vec<Client> = (0..3).map(|_| Client::to(pop.address())).collect();
    for client in &mut clients {
        client.send(&ask.bytes());
        client.head().unwrap();
        // The head of gzip, in a chunk of its own length: something came although the origin holds the rest.
        client.exactly(16, "the first bytes").unwrap();
    }
    gate.open();
    let whole = pop.ask(&ask);
    assert_eq!(gunzipped(&whole.body), page());
    assert_eq!(origin.seen().len(), 1);
    wait_until("it was made once", || made(&pop, "gzip") == 1);
}

#[test]
fn what_breaks_off_has_no_end_in_any_coding() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        speaker.request()?;
        let page = page();
        let fields = "content-type: text/html\r\ncache-control: max-age=60\r\n";
        let whole = scripts::response("200 OK", fields, &page);
        let is_first = asked.fetch_add(1, SeqCst) == 0;
        speaker.say(if is_first { &whole[..whole.len() - 100] } else { &whole })
    });
    let pop = pop(&origin, "compress = true");
    let ask = Ask::get("/").field("accept-encoding", "gzip");
    assert!(pop.try_ask(&ask).is_err(), "the client can tell");
    assert_eq!(gunzipped(&pop.ask(&ask).body), page());
    wait_until("both are counted", || (made(&pop, "broken"), made(&pop, "gzip")) == (1, 1));
}

/// An origin whose page is stale at once, and in another state from the request of a number on. It knows HEAD.
fn moving(from: usize) -> Origin {
    let asked = AtomicUsize::new(0);
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let tag = if asked.fetch_add(1, SeqCst) < from { 1 } else { 2 };
            let fields = format!(
                "content-type: text/html\r\ncache-control: max-age=0\r\netag: \"{tag}\"\r\naccept-ranges: bytes\r\n"
            );
            let all = scripts::response("200 OK", &fields, page());
            let end = if seen.method == "HEAD" { all.len() - page().len() } else { all.len() };
            speaker.say(&all[..end])?;
        }
        Ok(())
    })
}

#[test]
fn head_of_a_stale_page_says_what_get_would() {
    let gzip = |method: &str| Ask::new(method, "/").field("accept-encoding", "gzip");
    for (from, tag) in [(9, "W/\"1\""), (1, "W/\"2\"")] {
        let origin = moving(from);
        let pop = pop(&origin, "compress = true");
        assert_eq!(gunzipped(&pop.ask(&gzip("GET")).body), page());
        wait_until("it is kept", || pop.status_of("/cache/entries") == 1);
        let head = pop.ask(&gzip("HEAD"));
        assert_eq!(origin.seen()[1].method, "HEAD", "in one exchange");
        assert_eq!(heads(&head), [Some("gzip"), Some(tag), Some("accept-encoding"), None]);
        let plain = pop.ask(&Ask::new("HEAD", "/"));
        assert_eq!(heads(&plain), [None, Some(&tag[2..]), Some("accept-encoding"), Some("bytes")]);
        let had = pop.ask(&gzip("HEAD").field("if-none-match", tag));
        assert_eq!((had.status, heads(&had)), (304, [None, Some(tag), Some("accept-encoding"), None]));
    }
}

#[test]
fn a_part_of_what_may_be_coded_varies_as_the_whole_does() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            let fields = "content-type: text/html\r\ncache-control: max-age=60\r\netag: \"1\"\r\n";
            let length = page().len();
            let fields = format!("{fields}content-range: bytes 0-99/{length}\r\n");
            speaker.say(scripts::response("206 Partial Content", &fields, &page()[..100]))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "compress = true");
    for (range, words) in [("bytes=0-99", "fwd=uri-miss;stored"), ("bytes=10-19", "hit")] {
        let part = pop.ask(&Ask::get("/").field("accept-encoding", "gzip").field("range", range));
        assert_eq!((part.status, said(&part).as_str()), (206, words));
        assert_eq!(heads(&part), [None, Some("\"1\""), Some("accept-encoding"), None]);
    }
    let head = pop.ask(&Ask::new("HEAD", "/").field("accept-encoding", "gzip"));
    assert_eq!(said(&head), "hit");
    assert_eq!(heads(&head), [Some("gzip"), Some("W/\"1\""), Some("accept-encoding"), None], "as GET of the whole");
}
