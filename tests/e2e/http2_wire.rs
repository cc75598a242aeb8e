//! What frames show: interim answers over HTTP/2, bodies that are not all sent, and answers that are not taken.

use super::tls::{HOST, request, site};
use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::Request;
use portolan_tests::scripts::{echo, response};
use portolan_tests::secure::{Authority, runtime};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::wait::PATIENCE;
use portolan_tests::{Origin, Pop, wait_until};
use std::future::poll_fn;
use tokio::runtime::Runtime;

/// What is sent of a body before some of it was read, in bytes.
const WINDOW: u32 = 2;

/// A PoP, and one connection to it on which frames are seen.
struct Wire {
    _pop: Pop,
    runtime: Runtime,
    sender: SendRequest<Bytes>,
}

impl Wire {
    fn to(origin: &Origin, service: &str) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let service = Service::new("shop").with(service).region(FRANKFURT, &[origin.url()]);
        let site = site(&authority.issue(&[HOST]), folder.path(), service) + "[client]\nwrite_timeout = \"1s\"\n";
        let pop = Pop::start_in(folder, &site);
        let (runtime, address) = (runtime(), pop.address());
        let sender = runtime.block_on(async {
            let stream = authority.connect(address, HOST, &["h2"]).await.unwrap();
            let (sender, connection) = Builder::new().initial_window_size(WINDOW).handshake(stream).await.unwrap();
            tokio::spawn(connection);
            sender.ready().await.unwrap()
        });
        Self { _pop: pop, runtime, sender }
    }

    fn send(&mut self, request: http::request::Builder, is_over: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let request: Request<()> = request.body(()).unwrap();
        self.runtime.block_on(async { self.sender.send_request(request, is_over).unwrap() })
    }

    #[track_caller]
    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, what).await }).expect("in time")
    }

    /// The interim answers, and the text of the one after them.
    fn answers(&self, mut response: ResponseFuture) -> (Vec<String>, String) {
        self.wait(async {
            let mut interim = Vec::new();
            while let Some(before) = poll_fn(|cx| response.poll_informational(cx)).await {
                interim.push(shown(&before.unwrap()));
            }
            let (parts, mut body) = response.await.unwrap().into_parts();
            let mut text = format!("{} ", parts.status.as_u16());
            while let Some(data) = body.data().await {
                let data = data.unwrap();
                text.push_str(&String::from_utf8_lossy(&data));
                body.flow_control().release_capacity(data.len()).unwrap();
            }
            (interim, text)
        })
    }

    fn get(&mut self, mode: &str) -> (Vec<String>, String) {
        let (response, _) = self.send(request("GET", "/").header("sec-fetch-mode", mode), true);
        self.answers(response)
    }
}

fn shown(interim: &http::Response<()>) -> String {
    let fields = interim.headers().iter().map(|(name, value)| format!(" {name}: {}", value.to_str().unwrap()));
    format!("{}{}", interim.status().as_u16(), fields.collect::<String>())
}

#[test]
fn hints_of_an_origin_pass_without_the_fields_of_the_hop() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            let hop = "connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\ncontent-length: 0\r\n";
            speaker.say(format!(
                "HTTP/1.1 102 Processing\r\n{hop}\r\nHTTP/1.1 103 Early Hints\r\n{hop}link: </a.css>\r\n\r\n"
            ))?;
            speaker.say(response("200 OK", "", "page"))?;
        }
        Ok(())
    });
    let mut wire = Wire::to(&origin, "");
    let expected = (vec!["102".to_owned(), "103 link: </a.css>".to_owned()], "200 page".to_owned());
    assert_eq!(wire.get("cors"), expected);
}

#[test]
fn a_navigation_that_waits_is_told_what_the_stored_page_links_to() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            let fields =
                "cache-control: no-cache\r\netag: \"1\"\r\ncontent-type: text/html\r\nlink: </a.css>; rel=preload\r\n";
            speaker.say(response("200 OK", fields, "page"))?;
        }
        Ok(())
    });
    let mut wire = Wire::to(&origin, "cache = { early_hints = true }");
    let page = "200 page".to_owned();
    assert_eq!(wire.get("navigate"), (Vec::new(), page.clone()), "nothing is known of it");
    assert_eq!(wire.get("navigate"), (vec!["103 link: </a.css>; rel=preload".to_owned()], page.clone()));
    assert_eq!(wire.get("cors"), (Vec::new(), page), "no page is loaded");
}

#[test]
fn who_asks_first_is_told_that_its_body_is_wanted() {
    let origin = echo();
    let mut wire = Wire::to(&origin, "");
    let asked = request("POST", "/").header("expect", "100-continue").header("content-length", "4");
    let (mut response, mut body) = wire.send(asked, false);
    let told = wire.wait(poll_fn(|cx| response.poll_informational(cx))).unwrap().unwrap();
    assert_eq!(shown(&told), "100");
    body.send_data(Bytes::from_static(b"here"), true).unwrap();
    assert_eq!(wire.answers(response).1, "200 here");
}

#[test]
fn a_body_that_is_given_up_never_reaches_an_origin_as_whole() {
    let origin = echo();
    let mut wire = Wire::to(&origin, "");
    for (asked, reason) in [(1, Reason::CANCEL), (2, Reason::NO_ERROR)] {
        let (response, mut body) = wire.send(request("POST", "/"), false);
        body.send_data(Bytes::from_static(b"half"), false).unwrap();
        wait_until("the origin is asked", || origin.seen().len() == asked);
        body.send_reset(reason);
        drop(response);
        wait_until("the origin is told that there is no more", || origin.open() == 0);
    }
    assert!(origin.seen().iter().all(|seen| seen.body.is_empty()), "{:?}", origin.seen());
}

#[test]
fn an_answer_that_is_not_taken_is_reset_and_others_go_on() {
    let origin = echo();
    let mut wire = Wire::to(&origin, "");
    let post = |wire: &mut Wire| {
        let (response, mut body) = wire.send(request("POST", "/"), false);
        body.send_data(Bytes::from_static(b"here"), true).unwrap();
        (response, body)
    };
    let (response, mut body) = post(&mut wire);
    let answer = wire.wait(response).unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let reason = wire.wait(poll_fn(|cx| body.poll_reset(cx))).unwrap();
    assert_eq!(reason, Reason::CANCEL);
    let (response, _) = post(&mut wire);
    assert_eq!(wire.answers(response).1, "200 here");
}
