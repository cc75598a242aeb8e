//! Interim answers (1xx): those of origins on their way through the cache, and hints of its own.

use super::{origin, pop, said};
use portolan_tests::{Answer, Ask, Origin, scripts};

const PAGE: &str = "cache-control: no-cache\r\netag: \"1\"\r\ncontent-type: text/html\r\n\
                    link: </a.css>; rel=preload; as=style, </next>; rel=next\r\n";

fn links(answer: &Answer) -> Vec<String> {
    let of = |(status, fields): &(u16, Vec<(String, String)>)| {
        let fields = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>();
        format!("{status} {}", fields.join(", "))
    };
    answer.interim.iter().map(of).collect()
}

#[test]
fn a_navigation_that_waits_is_told_what_the_stored_page_links_to() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let is_known = seen.field("if-none-match").is_some();
            let status = if is_known { "304 Not Modified" } else { "200 OK" };
            let answer = scripts::response(status, PAGE, if is_known { "" } else { "page" });
            // One who answers without a body does not say how long it is.
            let text = String::from_utf8_lossy(&answer).into_owned();
            speaker.say(if is_known { text.replace("content-length: 0\r\n", "") } else { text })?;
        }
        Ok(())
    });
    let pop = pop(&origin, "early_hints = true");
    let navigation = Ask::get("/").field("sec-fetch-mode", "navigate");
    assert_eq!(links(&pop.ask(&navigation)), [""; 0], "nothing is known of it");
    let told = pop.ask(&navigation);
    assert_eq!(
        (told.status, told.text().as_str(), said(&told).as_str()),
        (200, "page", "fwd=stale;fwd-status=304;stored")
    );
    assert_eq!(links(&told), ["103 link: </a.css>; rel=preload; as=style"]);
    assert_eq!(links(&pop.ask(&Ask::get("/").field("sec-fetch-mode", "cors"))), [""; 0], "no page is loaded");
    assert_eq!(links(&pop.get("/")), [""; 0], "who knows if it can read them");
}

#[test]
fn nothing_is_told_unless_the_operator_says_so_nor_with_what_is_there() {
    let silent = origin(PAGE, "page");
    let pop_without = pop(&silent, "");
    let fresh = origin(&*Box::leak(PAGE.replace("no-cache", "max-age=60").into_boxed_str()), "page");
    let pop_fresh = pop(&fresh, "early_hints = true");
    for pop in [&pop_without, &pop_fresh] {
        for _ in 0..2 {
            let answer = pop.ask(&Ask::get("/").field("sec-fetch-mode", "navigate"));
            assert_eq!((answer.status, links(&answer)), (200, Vec::new()));
        }
    }
}

#[test]
fn hints_of_an_origin_pass_to_who_asked_without_the_fields_of_the_hop() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            let hop = "connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n";
            speaker.say(format!("HTTP/1.1 103 Early Hints\r\n{hop}link: </a.css>; rel=preload\r\n\r\n"))?;
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "page"))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let first = pop.get("/");
    assert_eq!((first.text().as_str(), said(&first).as_str()), ("page", "fwd=uri-miss;stored"));
    assert_eq!(links(&first), ["103 link: </a.css>; rel=preload"]);
    assert_eq!(links(&pop.get("/")), [""; 0], "what is stored comes with its head");
}
