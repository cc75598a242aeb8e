//! Slices with a disk below memory: what a restart, a purge, damage and a full memory leave of them. Crashes are SIGKILL.

use super::slices::{KEPT, LENGTH, SLICE, SLICES, asked_for, file, gated, origin, part, range};
use super::{Service, said};
use portolan_tests::client::find;
use portolan_tests::scripts::Gate;
use portolan_tests::site::FRANKFURT;
use portolan_tests::{Ask, Client, Origin, Pop, wait_until};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A PoP that asks by slices and keeps them in little memory, and on disk.
fn pop(origin: &Origin) -> Pop {
    let service = Service::new("shop").with(&format!("cache = {{ {SLICE} }}")).region(FRANKFURT, &[origin.url()]);
    let process = "[process]\ncache_memory = \"16MiB\"\ncache_disk = { path = \"cache\", size = \"512MiB\" }\n";
    Pop::start(&service.site().replace("[process]\n", process))
}

fn wait_written(pop: &Pop, count: u64) {
    wait_until("it is on disk", || pop.metrics().count("portolan_cache_disk_writes_total", &[]) >= count);
}

/// What is not stored is not asked for.
fn is_held(pop: &Pop, first: usize, last: usize) -> bool {
    let ask =
        Ask::get("/film").field("range", &format!("bytes={first}-{last}")).field("cache-control", "only-if-cached");
    let answer = pop.ask(&ask);
    assert!(answer.status == 504 || answer.status == 206 && answer.text() == file()[first..=last], "the very bytes");
    answer.status == 206
}

#[test]
fn slices_outlive_crashes_and_are_joined_behind_them() {
    let origin = origin(KEPT);
    let mut pop = pop(&origin);
    range(&pop, 70_000, 70_009);
    wait_written(&pop, 1);
    pop.restart();
    assert_eq!(said(&range(&pop, 65_536, 131_071)), "hit");
    assert!(!is_held(&pop, 65_535, 65_536));
    range(&pop, 199_990, 199_999);
    wait_written(&pop, 1);
    pop.restart();
    assert_eq!(
        (said(&range(&pop, 70_000, 70_009)).as_str(), said(&range(&pop, 196_608, 199_999)).as_str()),
        ("hit", "hit")
    );
    let whole = pop.get("/film");
    assert_eq!((whole.status, whole.text()), (200, file()));
    assert_eq!(asked_for(&origin), [SLICES[1], SLICES[3], SLICES[0], SLICES[2]], "each slice once");
    wait_until("the whole is kept", || is_held(&pop, 0, LENGTH - 1));
    wait_written(&pop, 1);
    let taken = pop.metrics().count("portolan_cache_disk_bytes", &[]);
    assert!(taken < 210_000, "what was on disk before is not written again: {taken}");
    pop.restart();
    assert_eq!((said(&pop.get("/film")).as_str(), origin.seen().len()), ("hit", 4));
}

#[test]
fn slices_that_memory_has_no_room_for_are_read_from_disk() {
    let origin = origin(KEPT);
    let pop = pop(&origin);
    range(&pop, 10, 19);
    // What waits to be written is written once, however often it has changed.
    wait_written(&pop, 1);
    range(&pop, 131_072, 131_081);
    wait_written(&pop, 2);
    // Twice as much as memory has, and of worth: asked for twice.
    for n in 0..200 {
        let target = format!("/other/{n}");
        assert_eq!((pop.get(&target).status, pop.get(&target).status), (200, 200));
    }
    assert!(pop.metrics().sum("portolan_cache_evicted", &[]) > 0.0);
    let before = origin.seen().len();
    assert_eq!(said(&range(&pop, 0, 65_535)), "hit");
    range(&pop, 60_000, 70_000);
    assert_eq!(asked_for(&origin)[before..], SLICES[1..2], "the slice that is missing alone");
    assert_eq!(said(&range(&pop, 0, 196_607)), "hit");
}

#[test]
fn slices_of_another_state_are_never_joined_to_those_on_disk() {
    let is_new = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&is_new);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let (fields, tag) = match state.load(SeqCst) {
                true => ("cache-control: max-age=60\r\netag: \"2\"\r\n", "\"2\""),
                false => (KEPT, "\"1\""),
            };
            let is_same = seen.field("if-range").is_none_or(|asked| asked == tag);
            speaker.say(part(fields, seen.field("range").filter(|_| is_same)))?;
        }
        Ok(())
    });
    let mut pop = pop(&origin);
    range(&pop, 10, 19);
    wait_written(&pop, 1);
    pop.restart();
    is_new.store(true, SeqCst);
    let answer = pop.ask(&Ask::get("/film").field("range", "bytes=65000-66000"));
    assert_eq!((answer.status, answer.field("etag")), (206, Some("\"2\"")));
    wait_written(&pop, 1);
    pop.restart();
    assert!(is_held(&pop, 65_000, 66_000));
    let before = origin.seen().len();
    assert_eq!(pop.get("/film").field("etag"), Some("\"2\""));
    let asked = origin.seen();
    assert!(asked[before..].iter().all(|seen| seen.field("if-range") == Some("\"2\"")), "the old state is forgotten");
}

#[test]
fn what_was_purged_in_part_is_gone_behind_a_crash() {
    let gate = Gate::default();
    let origin = gated(Some(SLICES[2]), &gate);
    let mut pop = pop(&origin);
    range(&pop, 10, 19);
    wait_written(&pop, 1);
    // One more is on its way when the purge comes.
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/film").field("range", "bytes=131072-131081").bytes());
    wait_until("it is asked for", || origin.seen().len() == 2);
    assert_eq!(pop.admin("POST", "/purge?url=http://shop.example/film").status, 200);
    gate.open();
    assert_eq!(client.head().unwrap().0, 206);
    client.exactly(10, "what it asked for").unwrap();
    assert!(!is_held(&pop, 10, 19) && !is_held(&pop, 131_072, 131_081));
    pop.restart();
    assert!(!is_held(&pop, 10, 19) && !is_held(&pop, 131_072, 131_081));
    range(&pop, 10, 19);
    wait_written(&pop, 1);
    pop.restart();
    assert!(is_held(&pop, 10, 19), "what came behind the purge stays");
}

#[test]
fn damage_to_one_slice_costs_no_client_a_wrong_byte() {
    let origin = origin(KEPT);
    let mut pop = pop(&origin);
    range(&pop, 10, 19);
    // What waits to be written is written once, however often it has changed.
    wait_written(&pop, 1);
    range(&pop, 131_072, 131_081);
    wait_written(&pop, 2);
    pop.restart();
    for entry in std::fs::read_dir(pop.folder().join("cache")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let Some(at) = find(&bytes, &file().as_bytes()[140_000..140_100]) else { continue };
        std::fs::File::options().write(true).open(&path).unwrap().write_all_at(b"damage", at as u64).unwrap();
    }
    // What is asked of a damaged one is fetched again, whatever is left of the other.
    for (first, last) in [(131_072, 196_607), (0, 65_535), (0, LENGTH - 1)] {
        range(&pop, first, last);
    }
    assert_eq!(said(&range(&pop, 0, LENGTH - 1)), "hit");
    assert!(asked_for(&origin)[2..].contains(&SLICES[2].to_owned()));
}
