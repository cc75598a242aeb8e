//! Whom purges mean, by name, and what is left of those that are forgotten.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::names::{BYTES_MAX, NAMES_MAX};
use super::*;
use proptest::prelude::*;

fn address(path: &str) -> Address {
    Address::of("https", "shop.example", path, None).unwrap()
}

#[test]
fn a_purge_means_what_was_fetched_before_it_and_nothing_else() {
    let tag = Tag::key(b"sale");
    for (purge, meant, other) in [
        (Purge::All, Some(("/a", vec![])), None),
        (Purge::Url(address("/a")), Some(("/a", vec![])), Some(("/b", vec![]))),
        (Purge::Prefix(address("/a/")), Some(("/a/x", vec![])), Some(("/a", vec![]))),
        (Purge::Origin(address("/z")), Some(("/a", vec![])), None),
        (Purge::Origin(Address::of("http", "shop.example", "/", None).unwrap()), None, Some(("/a", vec![]))),
        (Purge::Tag(tag.clone()), Some(("/a", vec![tag.clone()])), Some(("/a", vec![Tag::key(b"x")]))),
    ] {
        for force in [Force::Hard, Force::Soft] {
            let purges = Purges::default();
            let before = purges.era();
            purges.purge(&purge, force);
            let standing = |since, (path, tags): &(&str, Vec<Tag>)| purges.standing(since, &address(path), tags).0;
            if let Some(meant) = &meant {
                assert_eq!(standing(before, meant), Standing::Purged(force), "{purge:?}");
                assert_eq!(standing(purges.era(), meant), Standing::Untouched, "fetched afterwards: {purge:?}");
            }
            if let Some(other) = &other {
                assert_eq!(standing(before, other), Standing::Untouched, "{purge:?}");
            }
        }
    }
}

#[test]
fn a_log_line_says_what_was_purged() {
    let address = Address::of("https", "shop.example", "/a", Some("b=c")).unwrap();
    for (purge, expected) in [
        (Purge::All, "all"),
        (Purge::Origin(address.clone()), "origin https://shop.example"),
        (Purge::Url(address.clone()), "url https://shop.example/a?b=c"),
        (Purge::Prefix(address.clone()), "prefix https://shop.example/a?b=c"),
        (Purge::Tag(Tag::key(b"sale")), "key sale"),
        (Purge::Tag(Tag::group(&address, "x y")), "group https://shop.example x y"),
    ] {
        assert_eq!(purge.to_string(), expected);
    }
}

/// Clients may write the dot at the end of a host; who purges does not think of it.
#[test]
fn a_host_with_its_dot_is_the_same_host() {
    let of = |host: &str| Address::of("https", host, "/a/x", None).unwrap();
    for (host, other) in [("shop.example", "shop.example."), ("shop.example:81", "shop.example.:81")] {
        for (purged, asked) in [(host, other), (other, host)] {
            let group = |host| Tag::group(&of(host), "g");
            for purge in [
                Purge::Url(of(purged)),
                Purge::Prefix(of(purged)),
                Purge::Origin(of(purged)),
                Purge::Tag(group(purged)),
            ] {
                let purges = Purges::default();
                purges.purge(&purge, Force::Hard);
                let standing = purges.standing(0, &of(asked), &[group(asked)]).0;
                assert_eq!(standing, Standing::Purged(Force::Hard), "{purge:?} {asked}");
            }
        }
    }
    assert_eq!(of("[::1]:81").undotted().as_str(), "https://[::1]:81/a/x");
}

#[test]
fn hard_outweighs_soft() {
    let purges = Purges::default();
    purges.purge(&Purge::All, Force::Hard);
    purges.purge(&Purge::Url(address("/a")), Force::Soft);
    assert_eq!(purges.standing(0, &address("/a"), &[]), (Standing::Purged(Force::Hard), 2));
    assert_eq!(purges.standing(1, &address("/a"), &[]), (Standing::Purged(Force::Soft), 2));
}

#[test]
fn what_was_written_of_purges_means_the_same() {
    let purges = Purges::default();
    let tag = Tag::key(b"sale");
    purges.purge(&Purge::All, Force::Soft);
    for force in [Force::Hard, Force::Soft] {
        purges.purge(&Purge::Tag(tag.clone()), force);
        purges.purge(&Purge::Prefix(address("/a/")), force);
    }
    let restored = Purges::default();
    restored.restore(&purges.marks(), 0);
    assert_eq!(restored.marks(), purges.marks());
    for since in 0..=purges.era() {
        for (path, tags) in [("/a/x", vec![]), ("/b", vec![tag.clone()]), ("/b", vec![])] {
            let standing = |purges: &Purges| purges.standing(since, &address(path), &tags);
            assert_eq!(standing(&restored), standing(&purges), "{since} {path} {tags:?}");
        }
    }
    restored.restore(&[], 100);
    assert_eq!(restored.purge(&Purge::All, Force::Hard).hard, 101, "newer than all that is stored");
}

proptest! {
    /// What a fleet may do to purges on their way: any order, some of them twice.
    #[test]
    fn purges_that_come_twice_or_out_of_order_mean_the_same(
        sent in proptest::collection::vec((0usize..5, 1u64..9, any::<bool>()), 1..8),
        more in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
        seed in any::<u64>(),
    ) {
        let names = [
            Purge::All, Purge::Url(address("/a/x")), Purge::Prefix(address("/a/")), Purge::Origin(address("/")),
            Purge::Tag(Tag::key(b"sale")),
        ];
        let mut order: Vec<usize> = (0..sent.len()).chain(more.iter().map(|index| index.index(sent.len()))).collect();
        order.sort_by_key(|place| hash::of(&[&seed.to_le_bytes(), &place.to_le_bytes()]));
        let forced = |hard| if hard { Force::Hard } else { Force::Soft };
        // As orders, each numbered where it comes: what was fetched before them is purged, by the stronger one.
        let (once, often) = (Purges::default(), Purges::default());
        sent.iter().for_each(|(name, _, hard)| drop(once.purge(&names[*name], forced(*hard))));
        order.iter().for_each(|place| drop(often.purge(&names[sent[*place].0], forced(sent[*place].2))));
        // As marks, numbered where they were ordered: the same for whatever was fetched between them.
        let marks: Vec<Mark> = sent.iter().map(|(name, era, hard)| {
            let numbered = Purges::default();
            numbered.restore(&[], *era - 1);
            numbered.purge(&names[*name], forced(*hard))
        }).collect();
        let (first, again) = (Purges::default(), Purges::default());
        first.restore(&marks, 0);
        order.iter().for_each(|place| again.restore(&marks[*place..=*place], 0));
        prop_assert_eq!(first.era(), again.era());
        for (path, tags) in [("/a/x", vec![]), ("/b", vec![Tag::key(b"sale")]), ("/b", vec![])] {
            let standing = |purges: &Purges, since| purges.standing(since, &address(path), &tags).0;
            prop_assert_eq!(standing(&once, 0), standing(&often, 0));
            for since in 0..=first.era() {
                prop_assert_eq!(standing(&first, since), standing(&again, since));
            }
        }
    }
}

#[test]
fn many_purges_cost_what_they_name_and_little_else() {
    let purges = Purges::default();
    purges.purge(&Purge::Tag(Tag::key(b"sale")), Force::Soft);
    let url = |number| Purge::Url(address(&format!("/{number}")));
    for number in 0..2 * NAMES_MAX {
        purges.purge(&url(number), Force::Hard);
    }
    let restored = Purges::default();
    restored.restore(&purges.marks(), 0);
    for purges in [purges, restored] {
        let standing = |path: &str, tags: &[Tag]| purges.standing(0, &address(path), tags).0;
        for number in (0..2 * NAMES_MAX).step_by(997) {
            assert_eq!(standing(&format!("/{number}"), &[]), Standing::Purged(Force::Hard), "{number}");
        }
        let sale = [Tag::key(b"sale")];
        let soft = (0..1000).filter(|number| standing(&format!("/{number}/x"), &sale) == Standing::Purged(Force::Soft));
        assert!(soft.count() > 500, "what operators name is remembered apart");
        let others = (0..1000).filter(|number| standing(&format!("/other/{number}"), &[]) != Standing::Untouched);
        let others = others.count();
        assert!(others < 500, "{others} of 1000 that nobody purged");
    }
}

#[test]
fn a_name_that_is_purged_again_is_the_newest() {
    let purges = Purges::default();
    let tag = |number: usize| Purge::Tag(Tag::key(number.to_string().as_bytes()));
    purges.purge(&tag(0), Force::Hard);
    for number in 1..=NAMES_MAX {
        purges.purge(&tag(number), Force::Hard);
        purges.purge(&tag(0), Force::Hard);
    }
    let before = purges.era();
    purges.purge(&tag(NAMES_MAX + 1), Force::Hard);
    assert_eq!(purges.standing(before, &address("/x"), &[Tag::key(b"0")]).0, Standing::Untouched);
    let named = Purges::default();
    named.purge(&Purge::Url(address("/a")), Force::Soft);
    for _ in 0..3 * NAMES_MAX {
        named.purge(&Purge::Url(address("/b")), Force::Hard);
    }
    assert_eq!(named.standing(0, &address("/a"), &[]).0, Standing::Purged(Force::Soft), "it is still known by name");
}

/// A deployment may purge as many folders as it has; what none of them means stays.
#[test]
fn thousands_of_prefixes_cost_what_they_name() {
    let purges = Purges::default();
    let prefix = |number: usize| Purge::Prefix(address(&format!("/{number}/")));
    (0..5000).for_each(|number| drop(purges.purge(&prefix(number), Force::Soft)));
    let standing = |path: &str| purges.standing(0, &address(path), &[]).0;
    assert_eq!(standing("/other/x"), Standing::Untouched);
    assert_eq!([standing("/0/x"), standing("/4999/x")], [Standing::Purged(Force::Soft); 2]);
    assert_eq!(purges.remembered().prefixes, 5000);
}

#[test]
fn what_was_forgotten_counts_as_purged_and_no_harder() {
    for force in [Force::Hard, Force::Soft] {
        for purge in [|text: &str| Purge::Prefix(address(text)), |text: &str| Purge::Tag(Tag::key(text.as_bytes()))] {
            let purges = Purges::default();
            (0..=NAMES_MAX).for_each(|number| drop(purges.purge(&purge(&format!("/{number}/")), force)));
            let restored = Purges::default();
            restored.restore(&purges.marks(), 0);
            for purges in [purges, restored] {
                assert_eq!(purges.standing(0, &address("/other"), &[]).0, Standing::Purged(force));
                assert_eq!(purges.standing(1, &address("/other"), &[]).0, Standing::Untouched);
            }
        }
    }
}

/// Anybody may have the longest URLs purged, the same ones again and again as well.
#[test]
fn long_names_are_bounded_by_their_bytes() {
    let purges = Purges::default();
    let long = |number: usize| Purge::Url(address(&format!("/{}/{number}", "x".repeat(4_000))));
    let room = BYTES_MAX / 4_000;
    for number in 0..2 * room {
        purges.purge(&long(number), Force::Hard);
        purges.purge(&long(0), Force::Hard);
    }
    let Remembered { urls, shares, .. } = purges.remembered();
    assert!((room / 2..=room).contains(&urls), "{urls} URLs are remembered");
    assert!((room / 2..=2 * room).contains(&shares), "{shares} shares are purged");
    for number in (0..2 * room).step_by(97) {
        let path = format!("/{}/{number}", "x".repeat(4_000));
        assert_eq!(purges.standing(0, &address(&path), &[]).0, Standing::Purged(Force::Hard), "{number}");
    }
}

proptest! {
    /// As if each prefix were compared.
    #[test]
    fn prefixes_of_a_text_are_all_found(
        prefixes in proptest::collection::vec("[ab]{0,6}", 0..40),
        text in "[ab]{0,8}",
    ) {
        let mut known = Prefixes::default();
        for (era, prefix) in prefixes.iter().enumerate() {
            known.add(prefix.as_bytes(), Marks { hard: era as u64 + 1, soft: 0 }, |_| ());
        }
        let mut found: Vec<u64> = known.of(text.as_bytes()).map(|marks| marks.hard).collect();
        let last = |prefix: &String| prefixes.iter().rposition(|other| other == prefix).map(|era| era as u64 + 1);
        let mut expected: Vec<u64> = prefixes.iter().filter(|prefix| text.starts_with(*prefix)).filter_map(last).collect();
        found.sort_unstable();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(found, expected);
    }
}
