//! HTTP/2 clients have what HTTP/1.1 clients have: what is stored, and a second region.

use super::tls::{HOST, request, site};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use portolan_tests::scripts::{answering, named, response};
use portolan_tests::secure::{Authority, Http2, runtime};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA};
use portolan_tests::{Origin, Pop};

/// Asks one after the other, on one connection.
fn ask(service: Service, requests: &[(&str, &[(&str, &str)])]) -> Vec<Response<Bytes>> {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let site = site(&authority.issue(&[HOST]), folder.path(), service);
    let pop = Pop::start_in(folder, &site);
    let address = pop.address();
    let answers = runtime().block_on(async {
        let client = Http2::on(authority.connect(address, HOST, &["h2"]).await.unwrap()).await;
        let mut answers = Vec::new();
        for (method, fields) in requests {
            let ask = request(method, "/film").header("x-forwarded-for", IN_GERMANY);
            let ask = fields.iter().fold(ask, |ask, (name, value)| ask.header(*name, *value));
            answers.push(client.send(ask.body(Full::default()).unwrap()).await.unwrap());
        }
        answers
    });
    pop.wait_quiet();
    answers
}

fn field<'a>(answer: &'a Response<Bytes>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("-", |value| value.to_str().unwrap())
}

#[test]
fn what_is_stored_answers_http_2_too() {
    let origin = portolan_tests::scripts::repeating(response(
        "200 OK",
        "cache-control: max-age=60\r\netag: \"1\"\r\n",
        "0123456789",
    ));
    let service = Service::new("shop").with("cache = {}").region(FRANKFURT, &[origin.url()]);
    let answers = ask(
        service,
        &[
            ("GET", &[]),
            ("GET", &[]),
            ("HEAD", &[]),
            ("GET", &[("range", "bytes=2-4")]),
            ("GET", &[("if-none-match", "\"1\"")]),
        ],
    );
    let said: Vec<_> = answers.iter().map(|answer| (answer.status().as_u16(), &answer.body()[..])).collect();
    assert_eq!(said, [(200, &b"0123456789"[..]), (200, b"0123456789"), (200, b""), (206, b"234"), (304, b"")]);
    assert!(field(&answers[0], "cache-status").ends_with(";stored"));
    for answer in &answers[1..] {
        assert!(field(answer, "cache-status").contains(";hit"), "{answer:?}");
    }
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn another_region_answers_when_one_hangs_up() {
    let (near, far): (Origin, Origin) = (answering(""), named("far"));
    let service = Service::new("shop").with("ejection = false").region(FRANKFURT, &[near.url()]);
    let answers = ask(service.region(VIRGINIA, &[far.url()]), &[("GET", &[]), ("HEAD", &[])]);
    assert_eq!((answers[0].status().as_u16(), &answers[0].body()[..]), (200, &b"far"[..]));
    assert_eq!(answers[1].status().as_u16(), 200);
    assert_eq!(near.seen().len(), 2, "it was asked first");
}

#[test]
fn a_request_has_one_host_and_one_cookie() {
    let origin = echoing();
    let service = Service::new("shop").with("cache = {}").region(FRANKFURT, &[origin.url()]);
    let answers = ask(
        service,
        &[
            ("GET", &[("host", "evil.example")]),
            ("GET", &[("host", HOST), ("host", "evil.example")]),
            ("GET", &[("host", HOST), ("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]),
            ("CONNECT", &[]),
        ],
    );
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses, [400, 400, 200, 501]);
    let seen = origin.only();
    assert_eq!((seen.count("host"), seen.field("host")), (1, Some(HOST)), "RFC 9113 section 8.3.1");
    assert_eq!((seen.count("cookie"), seen.field("cookie")), (1, Some("a=1; b=2; c=3")), "section 8.2.3");
}

fn echoing() -> Origin {
    portolan_tests::scripts::repeating(response("200 OK", "cache-control: max-age=60\r\n", "here"))
}

#[test]
fn a_204_states_no_length() {
    let origin = portolan_tests::scripts::repeating("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n");
    let service = Service::new("shop").region(FRANKFURT, &[origin.url()]);
    let answer = &ask(service, &[("GET", &[])])[0];
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("content-length")), (204, false));
}
