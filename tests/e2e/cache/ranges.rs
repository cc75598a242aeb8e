//! Several ranges at once, and ranges of bytes that nobody can name.

use super::slices::{self, KEPT, LENGTH, SLICE, SLICES, asked_for, file, part};
use super::{pop, said};
use portolan_tests::scripts;
use portolan_tests::{Answer, Ask, Origin, Pop};

fn ranged(pop: &Pop, range: &str) -> Answer {
    pop.ask(&Ask::get("/film").field("range", range))
}

/// The answer to several ranges, which has these spans.
fn several(pop: &Pop, range: &str, spans: &[(usize, usize)]) -> Answer {
    let answer = ranged(pop, range);
    assert_eq!(answer.status, 206, "{range}");
    let (file, mut rest) = (file(), answer.text());
    for (first, last) in spans {
        let place = format!("bytes {first}-{last}/{LENGTH}\r\n\r\n");
        let (_, after) = rest.split_once(&place).unwrap_or_else(|| panic!("{range}: no {place}"));
        assert!(after.starts_with(&file[*first..=*last]), "{range}: {first}");
        rest = after.to_owned();
    }
    answer
}

#[test]
fn several_ranges_do_not_bring_in_what_lies_between() {
    let origin = slices::origin(KEPT);
    let pop = pop(&origin, SLICE);
    slices::range(&pop, 0, 9);
    let answer = several(&pop, "bytes=5-9,199990-199999,70000-70009", &[(5, 9), (199_990, 199_999), (70_000, 70_009)]);
    assert_eq!(said(&answer), "fwd=partial;stored");
    assert_eq!(asked_for(&origin), [SLICES[0], SLICES[1], SLICES[3]]);
    let again = several(&pop, "bytes=65536-65540,199999-199999", &[(65_536, 65_540), (199_999, 199_999)]);
    assert_eq!(said(&again), "hit");
}

#[test]
fn several_ranges_of_what_is_not_stored_come_in_slices() {
    let origin = slices::origin(KEPT);
    let pop = pop(&origin, SLICE);
    several(&pop, "bytes=131072-131080,0-9", &[(131_072, 131_080), (0, 9)]);
    assert_eq!(asked_for(&origin), [SLICES[2], SLICES[0]]);
    assert_eq!(said(&several(&pop, "bytes=0-1,4-5", &[(0, 1), (4, 5)])), "hit");
}

#[test]
fn several_ranges_without_slices_lack_only_what_is_missing() {
    let origin = slices::origin(KEPT);
    let pop = pop(&origin, "");
    slices::range(&pop, 100, 199);
    several(&pop, "bytes=150-209,1000-1009", &[(150, 209), (1_000, 1_009)]);
    assert_eq!(asked_for(&origin), ["bytes=100-199", "bytes=200-209", "bytes=1000-1009"]);
}

#[test]
fn several_ranges_that_are_not_kept_are_asked_for_once() {
    let origin = slices::origin(KEPT);
    let pop = pop(&origin, SLICE);
    let several = Ask::get("/film").field("range", "bytes=0-9,100-109");
    pop.ask(&several.field("authorization", "Basic YTpi"));
    assert_eq!(asked_for(&origin), ["bytes=0-9,100-109"]);
}

#[test]
fn a_range_that_is_not_kept_beside_what_is_held_is_asked_for_once() {
    let origin = slices::origin(KEPT);
    let pop = pop(&origin, SLICE);
    slices::range(&pop, 0, 9);
    for (name, value) in [("authorization", "Basic YTpi"), ("cache-control", "no-store")] {
        let asked = Ask::get("/film").field("range", "bytes=150000-150009").field(name, value);
        assert_eq!(pop.ask(&asked).text(), file()[150_000..150_010], "{name}");
    }
    assert_eq!(asked_for(&origin), [SLICES[0], "bytes=150000-150009", "bytes=150000-150009"]);
}

#[test]
fn an_origin_is_asked_for_no_byte_twice() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            speaker.say(part("cache-control: no-store\r\n", seen.field("range")))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let many: Vec<String> = (0..17).map(|place| format!("{0}-{0}", place * 2)).collect();
    for (range, asked) in [
        ("bytes=0-9,100-109", "bytes=0-9,100-109"),
        ("bytes=0-,0-,0-,0-,0-", "bytes=0-"),
        ("bytes=0-9,5-14,-5,-9", "bytes=0-14,-9"),
        (&*format!("bytes={}", many.join(",")), "all"),
        ("bytes=0-9,8-", "bytes=0-"),
        ("bytes=9-0", "all"),
    ] {
        let answer = ranged(&pop, range);
        assert_eq!(asked_for(&origin).last().map(String::as_str), Some(asked), "{range}");
        assert_eq!(answer.status, if asked == "all" || asked.contains(',') { 200 } else { 206 }, "{range}");
    }
}

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// An origin of text that has a date and a weak tag, or a strong one.
fn text(tag: &'static str) -> Origin {
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = format!(
                "content-type: text/plain\r\ncache-control: max-age=60\r\nlast-modified: {DATE}\r\netag: {tag}\r\n"
            );
            speaker.say(part(&fields, seen.field("range")))?;
        }
        Ok(())
    })
}

#[test]
fn who_goes_on_by_a_date_may_have_a_coding_and_gets_the_whole() {
    let ask = |pop: &Pop, coding: &str| {
        let ask = Ask::get("/film").field("range", "bytes=10-19").field("if-range", DATE);
        pop.ask(&ask.field("accept-encoding", coding))
    };
    for (tag, cache) in
        [("\"1\"", "compress = true"), ("W/\"1\"", "compress = true"), ("\"1\"", "compress = true, slice = \"64KiB\"")]
    {
        let origin = text(tag);
        // Nothing is held.
        let empty = pop(&origin, cache);
        assert_eq!(ask(&empty, "gzip").status, 200, "{tag} {cache}");
        // A part is held.
        let parted = pop(&origin, cache);
        ranged(&parted, "bytes=0-99");
        let whole = ask(&parted, "gzip");
        assert_eq!((whole.status, whole.field("content-range")), (200, None), "{tag} {cache}");
        // Who takes no codings has none.
        let plain = pop(&origin, cache);
        ranged(&plain, "bytes=0-99");
        assert_eq!(ask(&plain, "identity").status, 206, "{tag} {cache}");
    }
    let origin = scripts::repeating(part(
        &format!("content-type: video/mp4\r\nlast-modified: {DATE}\r\n{KEPT}"),
        Some("bytes=10-19"),
    ));
    assert_eq!(ask(&pop(&origin, "compress = true"), "gzip").status, 206, "films have no codings");
}
