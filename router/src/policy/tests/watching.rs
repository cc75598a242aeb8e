//! What watches the regions: that its thread tells, wakes, begins anew and ends, and the bounds of what it asks servers.
//!
//! Servers are sockets of the test. Nothing here is measured in time: a bound that failed would end a test by its own limit.

use super::frame::Hook;
use super::world::{Core, PASS, directory, engine, policy};
use crate::base::{Clock, Timestamp};
use crate::config::{Outgoing as Grant, Url};
use crate::policy::outgoing::{FetchError, Outgoing, Request};
use crate::policy::{CandidateHealth, Carried, Feed, Loaded, RegionState, WatchCounts, Watcher};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A guest that watches.
const WATCH: Core<'static> = Core { hooks: &[Hook::Health], ..PASS };

/// Loads a guest that may ask these places.
pub(super) fn load(core: &Core<'_>, allow: Vec<Url>) -> Arc<Loaded> {
    let mut named = policy("guest.wasm".into(), b"{}");
    named.http = Some(Grant { allow, timeout: Duration::from_secs(20), size: 1_000, rate: 20, ca: None });
    Loaded::load(engine(), &named, &core.component(), &directory(), Carried::default()).map(Arc::new).unwrap()
}

fn feed(health: CandidateHealth, since: u64, generation: u64) -> Feed {
    let mut directory = directory();
    directory.generation = generation;
    let state = RegionState { health, since: Timestamp(since) };
    Feed { regions: directory.regions.iter().map(|_| state).collect(), directory: Arc::new(directory) }
}

/// Waits for a count to be as it should; the test's own limit is the only one.
fn until(policy: &Loaded, holds: impl Fn(&WatchCounts, u64) -> bool) -> WatchCounts {
    loop {
        let counts = policy.stats().watch().counts();
        if holds(&counts, policy.stats().counts().living) {
            return counts;
        }
        std::thread::yield_now();
    }
}

fn start(policy: &Arc<Loaded>) -> Watcher {
    Watcher::start(Arc::clone(policy), feed(CandidateHealth::Healthy, 1, 1), Clock::start()).unwrap()
}

#[test]
fn it_is_told_once_then_of_changes_and_ends_with_its_watcher() {
    // Traps unless the first call is about all six regions, and the second about one thing that changed.
    let watch = "(if (i32.eqz (i32.load8_u (i32.const 5000)))
            (then (if (i32.ne (local.get $changes_len) (i32.const 6)) (then unreachable)))
            (else (if (i32.ne (i32.load8_u offset=5 (local.get $changes)) (i32.const 4)) (then unreachable))))
        (i32.store8 (i32.const 5000) (i32.const 1)) (i32.const 0)";
    let policy = load(&Core { watch, ..WATCH }, Vec::new());
    let watcher = start(&policy);
    until(&policy, |counts, living| counts.calls == 1 && living == 1);
    watcher.tell(feed(CandidateHealth::Healthy, 1, 1));
    watcher.tell(feed(CandidateHealth::Down, 2, 1));
    let counts = until(&policy, |counts, _| counts.calls == 2);
    assert_eq!(counts.failures.iter().map(|(_, count)| count).sum::<u64>(), 0, "{:?}", counts.last_failure);
    assert_eq!(counts.next, None, "it asked for no other call");
    // Other regions are another table: a new instance is told of all of it.
    watcher.tell(feed(CandidateHealth::Down, 2, 2));
    let counts = until(&policy, |counts, _| counts.calls == 3);
    assert_eq!(counts.last_failure, None);
    assert!(!watcher.is_over());
    drop(watcher);
    until(&policy, |_, living| living == 0);
}

#[test]
fn it_is_woken_when_it_asked_to_be() {
    let policy = load(&Core { watch: "i32.const 1", ..WATCH }, Vec::new());
    let watcher = start(&policy);
    let counts = until(&policy, |counts, _| counts.calls == 3);
    assert_eq!((counts.last_failure, counts.backoff), (None, None));
    drop(watcher);
}

#[test]
fn what_traps_or_loops_begins_anew_after_a_pause() {
    for (watch, word) in [("unreachable", "trap"), ("call $spin i32.const 0", "timeout")] {
        let policy = load(&Core { watch, ..WATCH }, Vec::new());
        let watcher = start(&policy);
        let counts = until(&policy, |counts, _| counts.backoff == Some(Duration::from_secs(2)));
        let failed = counts.failures.iter().find(|(failure, _)| *failure == word).unwrap().1;
        assert!(failed >= 2 && counts.calls == failed, "{counts:?}");
        assert!(counts.next > counts.last, "{counts:?}");
        assert_eq!(policy.quarantine().state(), crate::policy::QuarantineState::InUse, "requests know nothing of it");
        drop(watcher);
        until(&policy, |_, living| living == 0);
    }
}

/// A way to servers for a policy that may ask this place, with what keeps it open.
fn outgoing(allow: &str) -> (Outgoing, watch::Sender<Feed>) {
    let policy = load(&WATCH, vec![Url::asked(allow).unwrap()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (open, feed) = watch::channel(feed(CandidateHealth::Healthy, 1, 1));
    let mut outgoing = Outgoing::new(Arc::new(runtime), policy, feed);
    outgoing.begin();
    (outgoing, open)
}

fn get(url: &str) -> Request {
    Request { method: "GET".to_owned(), url: url.to_owned(), ..Request::default() }
}

/// A server that says this on each connection, in pieces, and then closes; without anything to say it is silent.
fn server(says: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/status", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            // A client that has heard enough leaves, which is no concern of the server.
            says.iter().for_each(|piece| drop(stream.write_all(piece)));
            if says.is_empty() {
                silent.push(stream);
            }
        }
    });
    url
}

#[test]
fn what_servers_do_is_bounded_and_named() {
    let huge_head = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "a".repeat(64 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(500));
    let endless = std::iter::once(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()).chain((0..64).map(|_| vec![b'a'; 64 * 1024]));
    let exact =
        |length: usize| [format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into(), vec![b'a'; 1_000]];
    for (says, expected) in [
        (exact(1_000).to_vec(), Ok((200, 1_000))),
        (vec![b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n".to_vec()], Ok((302, 0))),
        (vec![b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".to_vec()], Ok((204, 0))),
        (exact(1_001).to_vec(), Err(FetchError::TooLarge)),
        (endless.collect(), Err(FetchError::TooLarge)),
        (vec![huge_head.into_bytes()], Err(FetchError::TooLarge)),
        (vec![many.into_bytes()], Err(FetchError::TooLarge)),
        (exact(1_000)[..1].to_vec(), Err(FetchError::Broken)),
        (vec![b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()], Err(FetchError::Broken)),
        (vec![b"\0\xff\xfe".to_vec()], Err(FetchError::Broken)),
        (
            vec![b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_vec()],
            Err(FetchError::Broken),
        ),
    ] {
        let shown = String::from_utf8_lossy(&says[0]).chars().take(40).collect::<String>();
        let url = server(says);
        let (mut outgoing, _open) = outgoing(&url);
        let (fetched, waited) = outgoing.fetch(vec![get(&url)]);
        let fetched = fetched.into_iter().next().unwrap().map(|response| (response.status, response.body.len()));
        assert_eq!((fetched, waited), (expected, true), "{shown}");
    }
}

#[test]
fn a_silent_server_costs_its_time_and_the_others_nothing() {
    let (silent, quick) = (server(Vec::new()), server(vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]));
    let policy = load(&WATCH, [&silent, &quick].map(|url| Url::asked(url).unwrap()).into());
    let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    let (open, feed) = watch::channel(feed(CandidateHealth::Healthy, 1, 1));
    let mut outgoing = Outgoing::new(runtime, Arc::clone(&policy), feed);
    outgoing.begin();
    let slow = Request { timeout_ms: 50, ..get(&silent) };
    let (fetched, _) = outgoing.fetch(vec![slow, get(&quick)]);
    assert_eq!(fetched[0], Err(FetchError::Timeout));
    assert_eq!(fetched[1].as_ref().map(|response| response.status), Ok(204));
    // The end of the instance does not wait for anybody.
    drop(open);
    let (fetched, _) = outgoing.fetch(vec![get(&silent)]);
    assert_eq!(fetched[0], Err(FetchError::Unavailable));
    let counts = policy.stats().watch().counts();
    let counted = |word| counts.fetches.iter().find(|(known, _)| *known == word).unwrap().1;
    assert_eq!(["answered", "timeout", "unavailable"].map(counted), [1, 1, 1], "{counts:?}");
}

#[test]
fn what_is_not_granted_or_makes_no_sense_is_not_asked() {
    let url = server(vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]);
    let (mut outgoing, _open) = outgoing(&url);
    let other = url.replace("/status", "/admin");
    let by_name = url.replace("127.0.0.1", "localhost");
    let with = |name: &str, value: &[u8]| Request { headers: vec![(name.to_owned(), value.to_vec())], ..get(&url) };
    for (request, expected) in [
        (get(&other), FetchError::NotGranted),
        (get(&by_name), FetchError::NotGranted),
        (get(&url.replace("http", "https")), FetchError::NotGranted),
        (get("http://169.254.169.254/latest/meta-data"), FetchError::NotGranted),
        (get("gopher://127.0.0.1/"), FetchError::Invalid),
        (get(&url.replace("http://", "http://user:word@")), FetchError::Invalid),
        (Request { method: "CONNECT".to_owned(), ..get(&url) }, FetchError::Invalid),
        (Request { method: "GET / HTTP/1.1\r\nx:".to_owned(), ..get(&url) }, FetchError::Invalid),
        (Request { body: vec![0; 64 * 1024 + 1], ..get(&url) }, FetchError::Invalid),
        (Request { headers: vec![("a".to_owned(), Vec::new()); 33], ..get(&url) }, FetchError::Invalid),
        (with("host", b"elsewhere"), FetchError::Invalid),
        (with("transfer-encoding", b"chunked"), FetchError::Invalid),
        (with("x-a", b"b\r\nx-c: d"), FetchError::Invalid),
    ] {
        let asked = request.url.clone();
        let (fetched, waited) = outgoing.fetch(vec![request]);
        assert_eq!((fetched[0].clone(), waited), (Err(expected), false), "{asked}");
    }
    assert_eq!(outgoing.fetch(vec![get(&format!("{url}/of?region=a"))]).0[0].as_ref().map(|it| it.status), Ok(204));
}

#[test]
fn a_name_that_leads_to_this_machine_opens_only_when_it_is_localhost() {
    let url = server(vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]);
    let localhost = url.replace("127.0.0.1", "localhost");
    let (mut asked_by_name, _open) = outgoing(&localhost);
    assert_eq!(asked_by_name.fetch(vec![get(&localhost)]).0[0].as_ref().map(|it| it.status), Ok(204));
    // What the resolver itself reads as an address is a name for the configuration.
    let disguised = url.replace("127.0.0.1", "0x7f.1");
    let (mut disguised_way, _open) = outgoing(&disguised);
    assert_eq!(disguised_way.fetch(vec![get(&disguised)]).0[0], Err(FetchError::NotGranted));
}

#[test]
fn a_flood_is_cut_short() {
    let url = server(vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]);
    let (mut outgoing, _open) = outgoing(&url);
    let (fetched, _) = outgoing.fetch((0..100).map(|_| get(&url)).collect());
    let answered = fetched.iter().filter(|fetched| fetched.is_ok()).count();
    let refused = fetched.iter().filter(|fetched| **fetched == Err(FetchError::TooMany)).count();
    assert_eq!((answered, refused), (20, 80), "a second's worth, and no more");
}
